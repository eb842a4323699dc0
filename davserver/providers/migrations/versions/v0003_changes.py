"""The changes made through us, in order."""

import sqlalchemy as sa
from alembic import op

revision = "changes"
down_revision = "quotas"


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("is_folder", sa.Boolean, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
    )
