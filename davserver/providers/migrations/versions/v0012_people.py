"""What people keep of files, what they are told, and where they get mail."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "people"
down_revision = "document_servers"


def _user(**options: Any) -> sa.Column[str]:
    owner = sa.ForeignKey("users.name", ondelete="CASCADE")
    return sa.Column("user", sa.String(64), owner, nullable=False, **options)


def _resource(**options: Any) -> sa.Column[str]:
    owner = sa.ForeignKey("resources.id", ondelete="CASCADE")
    return sa.Column("resource_id", sa.String(32), owner, nullable=False, **options)


def upgrade() -> None:
    op.add_column("users", sa.Column("email", sa.Text, nullable=False, server_default=""))
    for name, moment in (("favourites", "made"), ("openings", "opened")):
        op.create_table(
            name,
            _user(primary_key=True),
            _resource(primary_key=True),
            sa.Column(moment, sa.Float, nullable=False),
        )
        op.create_index(f"ix_{name}_resource_id", name, ["resource_id"])
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _user(),
        _resource(),
        sa.Column("sender", sa.String(64), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("anchor", sa.Text, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
        sa.Column("is_read", sa.Boolean, nullable=False),
        sa.Column("mail", sa.String(8), nullable=False),
        sa.Column("hook", sa.String(8), nullable=False),
    )
    for column in ("user", "resource_id", "sender", "mail", "hook"):
        op.create_index(f"ix_notices_{column}", "notices", [column])
