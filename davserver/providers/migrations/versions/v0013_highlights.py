"""What editing sessions changed, and names of versions."""

import sqlalchemy as sa
from alembic import op

revision = "highlights"
down_revision = "people"


def upgrade() -> None:
    op.add_column("versions", sa.Column("name", sa.String(80), nullable=False, server_default=""))
    op.add_column("versions", sa.Column("note", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "highlights",
        sa.Column(
            "resource_id",
            sa.String(32),
            sa.ForeignKey("resources.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("base", sa.Integer, nullable=False),
        sa.Column("server_version", sa.String(40), nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("is_kept", sa.Boolean, nullable=False),
    )
