"""Locks are counted by their holder without looking at all of them."""

from alembic import op

revision = "quotas"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("held_locks", "locks", ["principal", "expires"])
