"""Whether we reach a Document Server: name, port, certificate, health, clock."""

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from davserver.doctor.finding import Finding, advice, fault, good
from davserver.editor.server.client import DocumentServer, Looked
from davserver.errors import DavserverError
from davserver.words import say, say_many

SECONDS = 5
SOON_DAYS = 14
"""A certificate that ends within these days is told."""

_CERTIFICATE_CURES = (
    (
        ("hostname mismatch", "ip address mismatch"),
        say(
            "Use the name that the certificate has: in document_server, or in "
            "document_server_internal if this server reaches it by another one."
        ),
    ),
    (("expired",), say("Renew the certificate of the Document Server.")),
    (
        ("self-signed", "self signed", "issuer", "unable to verify"),
        say(
            "If it is signed by an authority of your own, name its certificate with "
            "document_server_ca."
        ),
    ),
)


def reach(server: DocumentServer, leeway: int) -> Iterator[Finding]:
    """Hop by hop; it ends with the first that fails, for those behind it cannot be seen."""
    url = urlsplit(server.internal)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    for finding in (_name(host, port, server), *_connection(host, port, server)):
        yield finding
        if not finding.is_good:
            return
    try:
        looked = server.look("/healthcheck")
    except DavserverError as broken:
        yield _unreached(server, str(broken))
        return
    yield _health(server, looked)
    clock = _clock(server, looked, leeway)
    if clock:
        yield clock


def _name(host: str, port: int, server: DocumentServer) -> Finding:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as broken:
        cure = say(
            "Give {host} an address in the DNS that this machine asks (or in its /etc/hosts), or "
            "name another one with document_server_internal.",
            host=host,
        )
        return fault(
            say("name"),
            say("{host} has no address here: {strerror}", host=host, strerror=broken.strerror),
            cure,
            server.public,
        )
    addresses = sorted({str(one[4][0]) for one in found})
    return good(
        say("name"),
        say("{host} is {addresses}", host=host, addresses=", ".join(addresses[:4])),
        server.public,
    )


def _connection(host: str, port: int, server: DocumentServer) -> Iterator[Finding]:
    try:
        connection = socket.create_connection((host, port), SECONDS)
    except OSError as broken:
        why = broken.strerror or say("no answer in time")
        yield _unreached(
            server,
            say("port {port} of {host} cannot be reached: {why}", port=port, host=host, why=why),
        )
        return
    with connection:
        yield good(
            say("port"),
            say("{port} of {host} takes connections", port=port, host=host),
            server.public,
        )
        if server.internal.startswith("https:"):
            yield _certificate(connection, host, server)


def _certificate(connection: socket.socket, host: str, server: DocumentServer) -> Finding:
    if server.verify is False:
        return advice(
            say("certificate"),
            say("is not checked: whoever is on the way can read and change every document"),
            say(
                "Name the certificate of the authority that signed it with document_server_ca, "
                "and leave document_server_verify = false out."
            ),
            server.public,
        )
    authority = server.verify if isinstance(server.verify, Path) else None
    context = ssl.create_default_context(cafile=authority)
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured:
            ends = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
    except ssl.SSLCertVerificationError as broken:
        words = broken.verify_message
        cures = (cure for signs, cure in _CERTIFICATE_CURES if _has_one(words, signs))
        cure = next(cures, say("See who made the certificate, and for which name."))
        return fault(say("certificate"), words, cure, server.public)
    except (OSError, KeyError) as broken:
        cure = say("Does this port speak TLS at all? If not, write http:// in the address.")
        return fault(
            say("certificate"),
            say("TLS does not begin: {reason}", reason=str(broken)),
            cure,
            server.public,
        )
    days = int((ends - time.time()) / 86400)
    if days < SOON_DAYS:
        words = say("is the server's, and ends in {days} days", days=days)
        return advice(say("certificate"), words, say("Renew it before that."), server.public)
    return good(
        say("certificate"),
        say("is the server's, and good for {days} days", days=days),
        server.public,
    )


def _has_one(words: str, signs: tuple[str, ...]) -> bool:
    return any(sign in words.lower() for sign in signs)


def _unreached(server: DocumentServer, words: str) -> Finding:
    cure = say(
        "From this machine, try: curl {internal}/healthcheck (it must print: true). If it is "
        "reached by another address from here, set document_server_internal.",
        internal=server.internal,
    )
    return fault(say("Document Server health"), words, cure, server.public)


def _health(server: DocumentServer, looked: Looked) -> Finding:
    asked = f"{server.internal}/healthcheck"
    subject = say("Document Server health")
    if looked.status in (301, 302, 303, 307, 308):
        where = looked.headers.get("location", "elsewhere")
        cure = say("Set document_server to the address that it leads to; a POST does not follow.")
        return fault(
            subject, say("{asked} leads to {where}", asked=asked, where=where), cure, server.public
        )
    if looked.status == 200 and looked.content.strip().lower() == b"true":
        return good(subject, say("{asked} answers true", asked=asked), server.public)
    words = say("{asked} does not answer true (status {status})", asked=asked, status=looked.status)
    return fault(
        subject,
        words,
        say("See its own log files, and whether a proxy answers for it."),
        server.public,
    )


def _clock(server: DocumentServer, looked: Looked, leeway: int) -> Finding | None:
    """By how much its clock differs, as far as the header Date tells: seconds."""
    try:
        told = parsedate_to_datetime(looked.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    skew = round((told.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    if abs(skew) <= max(5, leeway // 6):
        return good(say("clock"), say("agrees with ours"), server.public)
    ahead = say_many("is {count} second ahead of ours", "is {count} seconds ahead of ours", skew)
    behind = say_many("is {count} second behind ours", "is {count} seconds behind ours", -skew)
    words = ahead if skew > 0 else behind
    cure = say("Let both machines keep time by NTP: signatures are good for minutes only.")
    found = fault if abs(skew) > leeway else advice
    return found(say("clock"), words, cure, server.public)
