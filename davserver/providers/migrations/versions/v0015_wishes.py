"""What people want a click to do, and the editor to be like."""

import sqlalchemy as sa
from alembic import op

revision = "wishes"
down_revision = "preferences"


def upgrade() -> None:
    for name, kind, none in (
        ("open_in", sa.String(8), ""),
        ("clicks", sa.Text, "{}"),
        ("look", sa.Text, "{}"),
    ):
        op.add_column("preferences", sa.Column(name, kind, nullable=False, server_default=none))
