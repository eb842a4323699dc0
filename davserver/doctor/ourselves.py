"""Our own address, as the Document Server and proxies see it."""

from collections.abc import Iterator
from pathlib import Path

from davserver.doctor.finding import Finding, advice, fault, good
from davserver.editor.server.client import look_at
from davserver.errors import DavserverError

HEALTH = "/-/health"


def ourselves(us: str, certificate: Path | None) -> Iterator[Finding]:
    """Whether ``us``, which the Document Server is told, answers without leading elsewhere."""
    subject = "our address from here"
    try:
        looked = look_at(us + HEALTH, certificate or True)
    except DavserverError as broken:
        yield advice(
            subject,
            f"{us} cannot be reached: {broken}",
            "That matters only if the Document Server does not reach it either: see below.",
        )
        return
    if looked.status in (301, 302, 303, 307, 308):
        where = looked.headers.get("location", "elsewhere")
        yield fault(
            subject,
            f"{us} leads to {where.removesuffix(HEALTH)}: a report of the Document Server is lost "
            "on such a way",
            "Set internal_url (or public_url) to the address that it leads to.",
        )
    elif looked.status != 200 or looked.content.strip() != b"ok":
        yield fault(
            subject,
            f"what answers at {us} is not davserver (status {looked.status})",
            "Set internal_url to the address by which the Document Server reaches davserver.",
        )
    else:
        yield good(subject, f"{us} answers")
