"""Editing sessions that are one person's alone: who fills a form in."""

import sqlalchemy as sa
from alembic import op

revision = "fillers"
down_revision = "pictures"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("filler", sa.Text, nullable=False, server_default=""))
