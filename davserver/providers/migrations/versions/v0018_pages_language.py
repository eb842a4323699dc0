"""The language that people want our pages to be in."""

import sqlalchemy as sa
from alembic import op

revision = "pages language"
down_revision = "told"


def upgrade() -> None:
    op.add_column(
        "preferences",
        sa.Column("pages_language", sa.String(16), nullable=False, server_default=""),
    )
