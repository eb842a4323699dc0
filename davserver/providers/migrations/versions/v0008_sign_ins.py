"""Browsers that are signed in, app passwords, second factors."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "sign_ins"
down_revision = "groups"


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.String(64), primary_key=True),
        _of_user(index=True),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("last_used", sa.Float, nullable=False),
        sa.Column("expires", sa.Float, nullable=False, index=True),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("remembered", sa.Boolean, nullable=False),
    )
    op.create_table(
        "app_passwords",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        _of_user(),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column(
            "resource_id",
            sa.String(32),
            sa.ForeignKey("resources.id", ondelete="CASCADE"),
            index=True,
        ),
        sa.Column("read_only", sa.Boolean, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("last_used", sa.Float),
        sa.Column("ha1_sha256", sa.String(64), nullable=False),
        sa.Column("ha1_md5", sa.String(32), nullable=False),
        sa.UniqueConstraint("user", "name", name="one_app_password_a_name"),
    )
    op.create_table(
        "digest_nonces",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("highest", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "code_generators",
        _of_user(primary_key=True),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Text, primary_key=True),
        _of_user(index=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("last_used", sa.Float),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("digest", sa.String(64), primary_key=True),
        _of_user(index=True),
    )
    op.create_table(
        "spent_challenges",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("expires", sa.Float, nullable=False, index=True),
    )


def _of_user(**options: Any) -> sa.Column[str]:
    owner = sa.ForeignKey("users.name", ondelete="CASCADE")
    return sa.Column("user", sa.String(64), owner, nullable=False, **options)
