"""Pictures of people."""

import sqlalchemy as sa
from alembic import op

revision = "pictures"
down_revision = "pages language"


def upgrade() -> None:
    op.create_table(
        "pictures",
        sa.Column(
            "user_name",
            sa.String(64),
            sa.ForeignKey("users.name", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_pictures_sha256", "pictures", ["sha256"])
