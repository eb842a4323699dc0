"""What happened in each editing session."""

import sqlalchemy as sa
from alembic import op

revision = "timeline"
down_revision = "wishes"


def upgrade() -> None:
    op.create_table(
        "timeline",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(128), nullable=False, index=True),
        sa.Column("noted", sa.Float, nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
