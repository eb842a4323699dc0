"""Uploads that arrive in several requests."""

import sqlalchemy as sa
from alembic import op

revision = "uploads"
down_revision = "changes"


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("in_parts", sa.Boolean, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("expires", sa.Float, nullable=False, index=True),
        sa.Column("etag", sa.String(80), nullable=False),
        sa.UniqueConstraint("owner", "name", name="one_upload_a_name"),
    )
