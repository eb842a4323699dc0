"""Whether the Document Server of a session has taken its document."""

import sqlalchemy as sa
from alembic import op

revision = "fetched"
down_revision = "fillers"


def upgrade() -> None:
    # Those that are open may have been fetched: they stay where they are.
    op.add_column(
        "sessions",
        sa.Column("is_fetched", sa.Boolean, nullable=False, server_default=sa.true()),
    )
