"""Whether both sides take each other's signatures, and reach each other: a real conversion.

The Document Server converts a small file of ours. It has to take our signature, reach our address,
send its own signature along, and have its result fetched: every step of opening and saving.
"""

import secrets
from collections.abc import Iterator

from davserver.doctor.finding import Finding, advice, fault, good
from davserver.document_servers import MIN_SECRET_BYTES
from davserver.editor.middleware import PROBE
from davserver.editor.server.client import DocumentServer
from davserver.editor.server.probe import PROBE_SECONDS, Arrival
from davserver.errors import DavserverError
from davserver.providers.probes import Probes
from davserver.tokens import Tokens
from davserver.words import say

MIN_VERSION = (8, 2)
"""The first with /command and with the people in the answer to "info"."""
CONVERSION_SECONDS = 45
TOKEN_REFUSED = 6
# "error" of an answer to a conversion (Docs API, "Conversion API").
_DOWNLOAD_FAILED, _TOKEN_INVALID = -4, -8

_COMPARE = say(
    "Compare jwt_secret_file with services.CoAuthoring.secret of the server (JWT_SECRET in "
    "Docker), and jwt_header with its token.inbox.header (JWT_HEADER)."
)


def secret(configured: str, server: str) -> Finding:
    """Whether the secret can be guessed."""
    if len(configured.encode()) >= MIN_SECRET_BYTES:
        return good(say("secret"), say("is long enough"), server)
    return advice(
        say("secret"),
        say(
            "has fewer than {min_secret_bytes} bytes, which can be guessed",
            min_secret_bytes=MIN_SECRET_BYTES,
        ),
        say("Make a longer one for both sides: davserver secret FILE (or openssl rand -hex 32)"),
        server,
    )


def command(server: DocumentServer) -> Iterator[Finding]:
    """The version, asked with a token: proves that it takes our signature; then without one."""
    subject = say("Document Server command")
    try:
        answer = server.command("version")
    except DavserverError as broken:
        cure = say(
            "Check that /command is not blocked by a proxy, and that the server is 8.2 or newer."
        )
        yield fault(subject, str(broken), cure, server.public)
        return
    error = answer.get("error")
    if error == TOKEN_REFUSED:
        words = say("the token is refused: the secrets differ, or the header does")
        yield fault(subject, words, _COMPARE, server.public)
        return
    if error != 0:
        yield fault(
            subject, say("error {error}", error=error), say("See its own log files."), server.public
        )
        return
    version = str(answer.get("version", "unknown"))
    yield good(subject, say("signed; version {version}", version=version), server.public)
    yield _version(version, server)
    yield _unsigned(server)


def _version(version: str, server: DocumentServer) -> Finding:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if len(numbers) == 2 and numbers < MIN_VERSION:
        wanted = ".".join(map(str, MIN_VERSION))
        words = say("{version} is older than {wanted}", version=version, wanted=wanted)
        return fault(
            say("version"), words, say("Install a newer one: docs/install.md"), server.public
        )
    return good(
        say("version"),
        say("{version} is one that davserver works with", version=version),
        server.public,
    )


def _unsigned(server: DocumentServer) -> Finding:
    """Whether it also takes commands that nobody signed."""
    subject = say("signatures asked for")
    try:
        answer = server.unsigned("/command", {"c": "version"})
    except DavserverError as broken:
        return advice(
            subject, str(broken), say("Nothing, if the commands above work."), server.public
        )
    if answer.get("error") == TOKEN_REFUSED:
        return good(subject, say("a command without a token is refused"), server.public)
    return fault(
        subject,
        say("a command without a token is taken: whoever reaches the server can use it"),
        say(
            "Switch its tokens on: services.CoAuthoring.token.enable in local.json, "
            "JWT_ENABLED=true in Docker."
        ),
        server.public,
    )


def conversion(
    server: DocumentServer, us: str, links: Tokens, probes: Probes, leeway: int
) -> Iterator[Finding]:
    """Let it convert a file of ours; ``us`` is our address as it reaches us."""
    probe = secrets.token_hex(8)
    token = links.issue({"id": probe, "header": server.tokens.header}, PROBE_SECONDS)
    body = {
        "async": False,
        "filetype": "docx",
        "key": f"davserver-doctor-{probe}",
        "outputtype": "txt",
        "title": "empty.docx",
        "url": us + PROBE + token,
    }
    try:
        answer = server.post("/converter", body, CONVERSION_SECONDS)
    except DavserverError as broken:
        cure = say("Check that /converter is not blocked by a proxy.")
        yield fault(say("conversion"), str(broken), cure, server.public)
        return
    if answer.get("error") == _TOKEN_INVALID:
        yield fault(
            say("conversion"), say("the token of a conversion is refused"), _COMPARE, server.public
        )
        return
    arrival = probes.find(probe)
    if arrival is None:
        yield _never_arrived(server, us, answer)
        return
    yield good(say("our address"), say("the Document Server reaches {us}", us=us), server.public)
    yield _header(server, Arrival.of(arrival, server.tokens), leeway)
    if answer.get("error"):
        words = say("it fetched our file, and answered with error {error}", error=answer["error"])
        yield fault(say("conversion"), words, say("See the log of its converter."), server.public)
        return
    yield _result(server, str(answer.get("fileUrl") or ""))


def _never_arrived(server: DocumentServer, us: str, answer: dict[str, object]) -> Finding:
    what = answer.get("error")
    words = say("the Document Server does not reach {us}", us=us)
    if what != _DOWNLOAD_FAILED:
        told = say("without an error") if what is None else str(what)
        words = say(
            "the Document Server does not reach {us} (it answered {told})", us=us, told=told
        )
    return fault(
        say("our address"),
        words,
        say(
            "Is davserver running? From the Document Server's machine, try: curl {us}/-/health "
            "(it must print: ok). If it has to use another address, set internal_url. In Docker, "
            "127.0.0.1 and localhost are the container itself. If its log says that a private "
            "address is not allowed, its tokens are off or differ: a signed address may be "
            "private. With https, it has to trust our certificate.",
            us=us,
        ),
        server.public,
    )


def _header(server: DocumentServer, arrival: Arrival, leeway: int) -> Finding:
    subject = say("the Document Server's token")
    if arrival.token == "missing":  # noqa: S105
        return fault(
            subject,
            say("its request arrived without the header {header}", header=server.tokens.header),
            say(
                "If a proxy in front of davserver removes it, let it pass, or choose another one "
                "on both sides: jwt_header here, JWT_HEADER there. If it is not sent, switch "
                "token.enable.request.outbox on there."
            ),
            server.public,
        )
    if arrival.token != "valid":  # noqa: S105
        return fault(
            subject,
            say("is not taken: {words}", words=arrival.words),
            say("Let services.CoAuthoring.secret.outbox be the same secret, and the clocks agree."),
            server.public,
        )
    skew = arrival.skew
    if abs(skew) > leeway // 2:
        words = say("is valid, but its clock differs from ours by {skew} seconds", skew=abs(skew))
        return advice(subject, words, say("Let both machines keep time by NTP."), server.public)
    return good(subject, say("arrives and is valid"), server.public)


def _result(server: DocumentServer, address: str) -> Finding:
    subject = say("result")
    try:
        looked = server.look(server.reachable(address))
    except DavserverError as broken:
        return fault(
            subject,
            say("what it made cannot be fetched: {reason}", reason=str(broken)),
            say(
                "Its results have to be below document_server or document_server_internal: let "
                "the proxy in front of it send Host, X-Forwarded-Host and X-Forwarded-Proto."
            ),
            server.public,
        )
    if looked.status != 200 or not looked.content:
        words = say("what it made cannot be fetched: status {status}", status=looked.status)
        cure = say("Check that /cache/files is not blocked by a proxy.")
        return fault(subject, words, cure, server.public)
    return good(subject, say("was converted and fetched"), server.public)
