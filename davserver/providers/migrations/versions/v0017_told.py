"""What people are told besides mentions: where saves lie, and that a Document Server is down."""

import sqlalchemy as sa
from alembic import op

revision = "told"
down_revision = "timeline"


def upgrade() -> None:
    with op.batch_alter_table("notices") as notices:
        notices.alter_column("resource_id", existing_type=sa.String(32), nullable=True)
        notices.add_column(
            sa.Column("kind", sa.String(16), nullable=False, server_default="mention")
        )
        notices.add_column(sa.Column("details", sa.Text, nullable=False, server_default="{}"))
    for column in (
        sa.Column("writers", sa.Text, nullable=False, server_default="[]"),
        sa.Column("came_as", sa.String(64), nullable=False, server_default=""),
        sa.Column("over_quota", sa.Text, nullable=False, server_default=""),
        sa.Column("to_tell", sa.Boolean, nullable=False, server_default="0"),
    ):
        op.add_column("callbacks", column)
    op.create_index("ix_callbacks_to_tell", "callbacks", ["to_tell"])
    for column in (
        sa.Column("since", sa.Float, nullable=False, server_default="0"),
        sa.Column("is_told", sa.Boolean, nullable=False, server_default="0"),
    ):
        op.add_column("document_servers", column)
