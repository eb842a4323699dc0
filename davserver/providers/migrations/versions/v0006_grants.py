"""Roles on files and folders."""

import sqlalchemy as sa
from alembic import op

revision = "grants"
down_revision = "departures"

_COUNT = "UPDATE instance SET value = value + 1 WHERE name = 'grants'"
_HAS_GRANTS = "EXISTS (SELECT 1 FROM grants WHERE resource_id = NEW.id)"


def upgrade() -> None:
    op.create_table(
        "grants",
        sa.Column(
            "resource_id",
            sa.String(32),
            sa.ForeignKey("resources.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("subject", sa.String(80), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("without", sa.String(32), nullable=False),
        sa.Column("given_by", sa.String(64), nullable=False),
        sa.Column("given", sa.Float, nullable=False),
    )
    op.add_column("trash", sa.Column("guard", sa.String(32), nullable=False, server_default=""))
    op.execute("INSERT INTO instance (name, value) VALUES ('grants', '1')")
    for event in ("INSERT", "UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER grants_{event.lower()} AFTER {event} ON grants BEGIN {_COUNT}; END"
        )
    op.execute(
        "CREATE TRIGGER grants_move AFTER UPDATE OF path ON resources "
        f"WHEN {_HAS_GRANTS} BEGIN {_COUNT}; END"
    )
