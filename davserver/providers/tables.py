"""The catalog's tables. migrations/ builds the same ones; a test compares them.

Paths are stored as ``paths.key``: ASCII, ordered like the tree, whatever bytes a name holds. Times
are seconds since 1970, UTC. Everything that belongs to a file hangs on ``resources.id``, never on
its path.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)

metadata = MetaData()


def _of_resource(**options: Any) -> Column[str]:
    owner = ForeignKey("resources.id", ondelete="CASCADE")
    return Column("resource_id", String(32), owner, **{"nullable": False, **options})


instance = Table(
    "instance",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# A row is born when a file or folder first needs an identity: written through us, locked, given a
# property, opened in an editor. What lies in the trash keeps its row under a path in the hidden
# folder.
resources = Table(
    "resources",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("parent", Text, nullable=False, index=True),
    Column("created", Float, nullable=False),
    # The user who created the file through us; empty if nobody is known to have.
    Column("owner", Text, nullable=False, server_default="", index=True),
)

# One row for a folder or for a user. A user without a limit of their own has none here.
quotas = Table(
    "quotas",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("resource_id", String(32), ForeignKey("resources.id", ondelete="CASCADE"), unique=True),
    Column("principal", Text, unique=True),
    Column("limit_bytes", BigInteger),
    Column("used_bytes", BigInteger, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    _of_resource(primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("etag", String(80), nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("created", Float, nullable=False),
    Column("author", Text, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("document_key", String(128), nullable=False),
    Column("kept", Boolean, nullable=False),
    # What people call this state, and why; one that has a name is not pruned.
    Column("name", String(80), nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
)

# What an editing session changed to make version ``number``, whose bytes have the hash ``sha256``,
# of version ``base``, which it began with. ``changes`` is JSON as the Document Server says it. With
# ``is_kept``, what its editor shows the changes by lies in the store: ``history.changes_of``.
highlights = Table(
    "highlights",
    metadata,
    _of_resource(primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("base", Integer, nullable=False),
    Column("server_version", String(40), nullable=False),
    Column("changes", Text, nullable=False),
    Column("is_kept", Boolean, nullable=False),
)

properties = Table(
    "properties",
    metadata,
    _of_resource(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("xml", Text, nullable=False),
)

locks = Table(
    "locks",
    metadata,
    Column("token", String(64), primary_key=True),
    _of_resource(index=True),
    Column("principal", Text, nullable=False),
    Column("owner_xml", Text, nullable=False),
    Column("scope", String(16), nullable=False),
    Column("deep", Boolean, nullable=False),
    Column("expires", Float, nullable=False, index=True),
    Column("document_key", String(128), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("key", String(128), primary_key=True),
    _of_resource(index=True),
    Column("etag", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("lock_token", String(64), nullable=False),
    Column("opened", Float, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("editors", Text, nullable=False),
    Column("server", Text, nullable=False, server_default=""),
    Column("filler", Text, nullable=False, server_default=""),
    Column("is_fetched", Boolean, nullable=False, server_default=true()),
)

document_servers = Table(
    "document_servers",
    metadata,
    Column("address", Text, primary_key=True),
    Column("checked", Float, nullable=False),
    Column("is_up", Boolean, nullable=False),
    Column("last_ok", Float),
    Column("words", Text, nullable=False),
    Column("version", String(64), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("told", Text, nullable=False),
    # When ``is_up`` became what it is, and whether administrators were told that it is down.
    Column("since", Float, nullable=False, server_default="0"),
    Column("is_told", Boolean, nullable=False, server_default="0"),
)

# What a test download of the doctor looked like when it arrived.
probes = Table(
    "probes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("received", Float, nullable=False),
    Column("seen", Text, nullable=False),
)

# A save that came, and where it is: ``detail`` is its path once ``outcome`` says so. With a
# ``reason`` that is beside the file that was ``meant``, until somebody says that they know.
callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False),
    Column("status", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("received", Float, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    Column("sha256", String(64), nullable=False, server_default=""),
    Column("user", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False, server_default=""),
    Column("last_change", String(40), nullable=False, server_default=""),
    Column("reason", String(32), nullable=False, server_default=""),
    Column("meant", Text, nullable=False, server_default=""),
    Column("is_known", Boolean, nullable=False, server_default="0"),
    # Who typed it, as JSON; the hash of what came where that was converted before it was stored;
    # the quota that it was stored over; whether people are still to be told of it.
    Column("writers", Text, nullable=False, server_default="[]"),
    Column("came_as", String(64), nullable=False, server_default=""),
    Column("over_quota", Text, nullable=False, server_default=""),
    Column("to_tell", Boolean, nullable=False, server_default="0", index=True),
    UniqueConstraint("key", "status", "digest", name="one_row_a_callback"),
)

# What happened in an editing session, for people who look for a fault: see providers/timeline.
timeline = Table(
    "timeline",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False, index=True),
    Column("noted", Float, nullable=False),
    Column("what", String(16), nullable=False),
    Column("who", Text, nullable=False),
    Column("words", Text, nullable=False),
)

# ``source`` is who answers for the name: "" for the catalog itself, which has the password's hash
# then; else like "ldap". ``subject`` is what the source calls the person where a name may change.
users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("is_administrator", Boolean, nullable=False),
    Column("created", Float, nullable=False),
    Column("source", String(16), nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    # Where they get mail; empty if nobody said.
    Column("email", Text, nullable=False, server_default=""),
)

groups = Table(
    "groups",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("created", Float, nullable=False),
)

# ``source`` is who said so: "" for an administrator here.
memberships = Table(
    "memberships",
    metadata,
    Column(
        "group_name", String(64), ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True
    ),
    Column(
        "user_name",
        String(64),
        ForeignKey("users.name", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("source", String(16), nullable=False),
)

# Who has which role on a file or folder, and on what is below. Triggers count every change that
# concerns them, a move included, in ``instance`` under "grants": see ``access``.
grants = Table(
    "grants",
    metadata,
    _of_resource(primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("without", String(32), nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("given", Float, nullable=False),
)

# Who has the address of a link needs no account. The address is made of ``id`` and a secret that is
# not here: nobody comes in by reading the catalog.
links = Table(
    "links",
    metadata,
    Column("id", String(16), primary_key=True),
    _of_resource(index=True),
    Column("made_by", String(64), nullable=False, index=True),
    Column("made", Float, nullable=False),
    Column("role", String(16), nullable=False),
    Column("without", String(32), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("expires", Float),
    Column("max_downloads", Integer),
    Column("downloads", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("guest_names", String(16), nullable=False),
    Column("watermark", Text, nullable=False),
    Column("is_folder", Boolean, nullable=False),
)


def _of_user(**options: Any) -> Column[str]:
    owner = ForeignKey("users.name", ondelete="CASCADE")
    return Column("user", String(64), owner, nullable=False, **options)


# The files that somebody marked, and those that they opened in the editor last.
favourites = Table(
    "favourites",
    metadata,
    _of_user(primary_key=True),
    _of_resource(primary_key=True, index=True),
    Column("made", Float, nullable=False),
)
openings = Table(
    "openings",
    metadata,
    _of_user(primary_key=True),
    _of_resource(primary_key=True, index=True),
    Column("opened", Float, nullable=False),
)

# What users are told, by ``kind``; ``details`` is JSON. ``mail`` and ``hook`` say what became of
# sending it: empty where it is not sent that way.
notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False, server_default="mention"),
    _of_user(index=True),
    _of_resource(index=True, nullable=True),
    Column("sender", String(64), nullable=False, index=True),
    Column("message", Text, nullable=False),
    Column("anchor", Text, nullable=False),
    Column("details", Text, nullable=False, server_default="{}"),
    Column("made", Float, nullable=False),
    Column("is_read", Boolean, nullable=False),
    Column("mail", String(8), nullable=False, index=True),
    Column("hook", String(8), nullable=False, index=True),
)

# Browsers that are signed in. ``id`` is the hash of what the cookie holds.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", String(64), primary_key=True),
    _of_user(index=True),
    Column("created", Float, nullable=False),
    Column("last_used", Float, nullable=False),
    Column("expires", Float, nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("remembered", Boolean, nullable=False),
)

# Without a resource, the password is good for everything; it goes with the folder it is good for.
app_passwords = Table(
    "app_passwords",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _of_user(),
    Column("name", String(64), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("resource_id", String(32), ForeignKey("resources.id", ondelete="CASCADE"), index=True),
    Column("read_only", Boolean, nullable=False),
    Column("created", Float, nullable=False),
    Column("last_used", Float),
    # What Digest checks against; empty for one that was made while that was off.
    Column("ha1_sha256", String(64), nullable=False),
    Column("ha1_md5", String(32), nullable=False),
    UniqueConstraint("user", "name", name="one_app_password_a_name"),
)

# Nonces of Digest in use: the highest count, and which of those just below came, as bits.
digest_nonces = Table(
    "digest_nonces",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("highest", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("expires", Float, nullable=False, index=True),
)

code_generators = Table(
    "code_generators",
    metadata,
    _of_user(primary_key=True),
    Column("secret", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("last_step", BigInteger, nullable=False),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Text, primary_key=True),
    _of_user(index=True),
    Column("name", String(64), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("created", Float, nullable=False),
    Column("last_used", Float),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("digest", String(64), primary_key=True),
    _of_user(index=True),
)

# Challenges that a passkey answered, until they would expire anyway.
spent_challenges = Table(
    "spent_challenges",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("expires", Float, nullable=False, index=True),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", Float, nullable=False),
)

# What is about to happen to files, written before the first step and removed with the last one. A
# row that nobody works on is a crash: ``journal.repair`` finishes it or takes it back.
journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("operation", String(16), nullable=False),
    Column("intent", Text, nullable=False),
    # What was booked on quotas for it, to be given back if it is taken back.
    Column("charges", Text, nullable=False, server_default="{}"),
    Column("started", Float, nullable=False),
)

# ``guard`` is the resource whose grants counted for it when it was deleted; empty for none.
trash = Table(
    "trash",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("path", Text, nullable=False),
    Column("guard", String(32), nullable=False, server_default=""),
    Column("deleted", Float, nullable=False, index=True),
    Column("deleted_by", Text, nullable=False),
)

# What was changed through us, in order; sync-collection (RFC 6578) reads it. ``source`` is where
# something that moved was before.
changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("is_folder", Boolean, nullable=False),
    Column("made", Float, nullable=False),
)

# A file that arrives in several requests: by tus in one piece that grows (``length`` is announced,
# ``offset`` of it are durable), else in parts that lie in a folder until they are put together.
# ``etag`` is that of the file that it became. An upload that ended stays until it expires.
uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("in_parts", Boolean, nullable=False),
    Column("path", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("expires", Float, nullable=False, index=True),
    Column("etag", String(80), nullable=False),
    UniqueConstraint("owner", "name", name="one_upload_a_name"),
)

# A file that was moved aside a moment ago, by its old path: the beginning of a save, maybe (see
# ``departures``). ``behind`` is where its bytes were left once the identity came back.
departures = Table(
    "departures",
    metadata,
    Column("path", Text, primary_key=True),
    _of_resource(index=True),
    Column("left_at", Float, nullable=False, index=True),
    Column("left_by", Text, nullable=False),
    Column("locks", Text, nullable=False),
    Column("behind", Text, nullable=False, index=True),
)

# How somebody wants to work; empty for no wish. ``clicks`` and ``look`` are JSON.
preferences = Table(
    "preferences",
    metadata,
    Column("user_name", String(64), ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Column("language", String(16), nullable=False),
    Column("paper", String(8), nullable=False),
    Column("family", String(8), nullable=False),
    Column("open_in", String(8), nullable=False, server_default=""),
    Column("clicks", Text, nullable=False, server_default="{}"),
    Column("look", Text, nullable=False, server_default="{}"),
    Column("pages_language", String(16), nullable=False, server_default=""),
)

# Small pictures of people; ``sha256`` is that of ``content``.
pictures = Table(
    "pictures",
    metadata,
    Column("user_name", String(64), ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
)

Index("saves_apart", callbacks.c.detail, sqlite_where=callbacks.c.reason > "")
Index("live_locks", locks.c.resource_id, locks.c.expires)
Index("held_locks", locks.c.principal, locks.c.expires)
