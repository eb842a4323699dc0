"""Several Document Servers: how each is, which one a session is on, and what test downloads saw."""

import sqlalchemy as sa
from alembic import op

revision = "document_servers"
down_revision = "saves"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("server", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "document_servers",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("checked", sa.Float, nullable=False),
        sa.Column("is_up", sa.Boolean, nullable=False),
        sa.Column("last_ok", sa.Float),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_table(
        "probes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("received", sa.Float, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
    )
