"""/.well-known/security.txt: whom to tell about a hole (RFC 9116)."""

from datetime import UTC, datetime, timedelta

from davserver.web import NOSNIFF, Request, Response

ADDRESS = "/.well-known/security.txt"

# RFC 9116, 2.5.5 wants less than a year. Whoever reads it later gets a later one.
_GOOD_FOR = timedelta(days=90)


class SecurityTxt:
    """Tells the ``contact``: an address that begins with mailto:, https: or tel:."""

    def __init__(self, contact: str) -> None:
        self._contact = contact

    def __call__(self, request: Request) -> Response:
        expires = datetime.now(UTC).replace(microsecond=0) + _GOOD_FOR
        lines = (
            f"Contact: {self._contact}",
            f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
            f"Canonical: {request.origin}{request.url(ADDRESS)}",
        )
        body = "".join(f"{line}\n" for line in lines).encode()
        return Response(200, body, [("Content-Type", "text/plain; charset=utf-8"), NOSNIFF])
