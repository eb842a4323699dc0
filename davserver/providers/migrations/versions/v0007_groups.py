"""Groups, and users who come from outside."""

import sqlalchemy as sa
from alembic import op

revision = "groups"
down_revision = "grants"


def upgrade() -> None:
    op.add_column("users", sa.Column("source", sa.String(16), nullable=False, server_default=""))
    op.add_column("users", sa.Column("subject", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "groups",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "memberships",
        sa.Column(
            "group_name",
            sa.String(64),
            sa.ForeignKey("groups.name", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            "user_name",
            sa.String(64),
            sa.ForeignKey("users.name", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        sa.Column("source", sa.String(16), nullable=False),
    )
