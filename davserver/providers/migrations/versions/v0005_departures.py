"""Files that were moved aside a moment ago."""

import sqlalchemy as sa
from alembic import op

revision = "departures"
down_revision = "uploads"


def upgrade() -> None:
    op.create_table(
        "departures",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column(
            "resource_id",
            sa.String(32),
            sa.ForeignKey("resources.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("left_at", sa.Float, nullable=False, index=True),
        sa.Column("left_by", sa.Text, nullable=False),
        sa.Column("locks", sa.Text, nullable=False),
        sa.Column("behind", sa.Text, nullable=False, index=True),
    )
