"""Quotas, who owns a file, and locks that are counted by their holder."""

import sqlalchemy as sa
from alembic import op

revision = "quotas"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("held_locks", "locks", ["principal", "expires"])
    op.add_column("resources", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_resources_owner", "resources", ["owner"])
    op.add_column("journal", sa.Column("charges", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "quotas",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "resource_id",
            sa.String(32),
            sa.ForeignKey("resources.id", ondelete="CASCADE"),
            unique=True,
        ),
        sa.Column("principal", sa.Text, unique=True),
        sa.Column("limit_bytes", sa.BigInteger),
        sa.Column("used_bytes", sa.BigInteger, nullable=False),
    )
