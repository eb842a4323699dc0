"""What becomes of a save: how often it came, whose it is, and why it is not over its file."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "saves"
down_revision = "links"


def upgrade() -> None:
    def column(name: str, kind: sa.types.TypeEngine[Any], default: str = "") -> None:
        op.add_column("callbacks", sa.Column(name, kind, nullable=False, server_default=default))

    column("deliveries", sa.Integer(), "1")
    column("sha256", sa.String(64))
    column("user", sa.Text())
    column("author", sa.Text())
    column("last_change", sa.String(40))
    column("reason", sa.String(32))
    column("meant", sa.Text())
    column("is_known", sa.Boolean(), "0")
    op.create_index("saves_apart", "callbacks", ["detail"], sqlite_where=sa.text("reason > ''"))
