"""What people want new documents to be like."""

import sqlalchemy as sa
from alembic import op

revision = "preferences"
down_revision = "highlights"


def upgrade() -> None:
    op.create_table(
        "preferences",
        sa.Column(
            "user_name",
            sa.String(64),
            sa.ForeignKey("users.name", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("paper", sa.String(8), nullable=False),
        sa.Column("family", sa.String(8), nullable=False),
    )
