"""Our own address, as the Document Server and proxies see it."""

from collections.abc import Iterator
from pathlib import Path

from davserver.doctor.finding import Finding, advice, fault, good
from davserver.editor.server.client import look_at
from davserver.errors import DavserverError
from davserver.words import say

HEALTH = "/-/health"


def ourselves(us: str, certificate: Path | None) -> Iterator[Finding]:
    """Whether ``us``, which the Document Server is told, answers without leading elsewhere."""
    subject = say("our address from here")
    try:
        looked = look_at(us + HEALTH, certificate or True)
    except DavserverError as broken:
        yield advice(
            subject,
            say("{us} cannot be reached: {reason}", us=us, reason=str(broken)),
            say("That matters only if the Document Server does not reach it either: see below."),
        )
        return
    if looked.status in (301, 302, 303, 307, 308):
        where = looked.headers.get("location", "elsewhere")
        yield fault(
            subject,
            say(
                "{us} leads to {health}: a report of the Document Server is lost on such a way",
                us=us,
                health=where.removesuffix(HEALTH),
            ),
            say("Set internal_url (or public_url) to the address that it leads to."),
        )
    elif looked.status != 200 or looked.content.strip() != b"ok":
        yield fault(
            subject,
            say(
                "what answers at {us} is not davserver (status {status})",
                us=us,
                status=looked.status,
            ),
            say("Set internal_url to the address by which the Document Server reaches davserver."),
        )
    else:
        yield good(subject, say("{us} answers", us=us))
