"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _owner(**options: Any) -> sa.Column[str]:
    return sa.Column(
        "resource_id",
        sa.String(32),
        sa.ForeignKey("resources.id", ondelete="CASCADE"),
        nullable=False,
        **options,
    )


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _word(name: str, length: int, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, **options)


def _number(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, **options)


def _large(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _time(name: str, **options: Any) -> sa.Column[float]:
    return sa.Column(name, sa.Float, nullable=False, **options)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def upgrade() -> None:
    op.create_table("instance", _word("name", 64, primary_key=True), _text("value"))
    op.create_table(
        "resources",
        _word("id", 32, primary_key=True),
        _text("path", unique=True),
        _text("parent", index=True),
        _time("created"),
    )
    op.create_table(
        "versions",
        _owner(primary_key=True),
        _number("number", primary_key=True),
        _large("size"),
        _word("sha256", 64),
        _word("etag", 80),
        _large("modified_ns"),
        _time("created"),
        _text("author"),
        _word("origin", 16),
        _word("document_key", 128),
        _flag("kept"),
    )
    op.create_table(
        "properties", _owner(primary_key=True), _text("name", primary_key=True), _text("xml")
    )
    op.create_table(
        "locks",
        _word("token", 64, primary_key=True),
        _owner(index=True),
        _text("principal"),
        _text("owner_xml"),
        _word("scope", 16),
        _flag("deep"),
        _time("expires", index=True),
        _word("document_key", 128),
    )
    op.create_index("live_locks", "locks", ["resource_id", "expires"])
    op.create_table(
        "sessions",
        _word("key", 128, primary_key=True),
        _owner(index=True),
        _word("etag", 80),
        _word("state", 16),
        _word("lock_token", 64),
        _time("opened"),
        _time("lease_until"),
        _text("editors"),
    )
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _word("key", 128),
        _number("status"),
        _word("digest", 64),
        _time("received"),
        _word("outcome", 16),
        _text("detail"),
        sa.UniqueConstraint("key", "status", "digest", name="one_row_a_callback"),
    )
    op.create_table(
        "users",
        _word("name", 64, primary_key=True),
        _text("password_hash"),
        _flag("is_administrator"),
        _time("created"),
    )
    op.create_table(
        "sign_in_failures", _word("key", 160, primary_key=True), _number("failures"), _time("last")
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _word("operation", 16),
        _text("intent"),
        _time("started"),
    )
    op.create_table(
        "trash",
        _word("id", 32, primary_key=True),
        _text("path"),
        _time("deleted", index=True),
        _text("deleted_by"),
    )
