"""Links for people without an account."""

import sqlalchemy as sa
from alembic import op

revision = "links"
down_revision = "sign_ins"


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column(
            "resource_id",
            sa.String(32),
            sa.ForeignKey("resources.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made", sa.Float, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("without", sa.String(32), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("expires", sa.Float),
        sa.Column("max_downloads", sa.Integer),
        sa.Column("downloads", sa.Integer, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("guest_names", sa.String(16), nullable=False),
        sa.Column("watermark", sa.Text, nullable=False),
        sa.Column("is_folder", sa.Boolean, nullable=False),
    )
    op.create_index("ix_links_resource_id", "links", ["resource_id"])
    op.create_index("ix_links_made_by", "links", ["made_by"])
