"""The port beside an encrypted one: it answers with the https address of whatever is asked."""

from collections.abc import Callable, Iterable
from typing import Any

_BODY = b"This server speaks HTTPS.\n"


class HttpsRedirect:
    """WSGI application. ``port`` is that of the encrypted listener, as clients see it."""

    def __init__(self, port: int) -> None:
        self._port = "" if port == 443 else f":{port}"

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        # 308 keeps the method: a PUT must not become a GET (RFC 9110, 15.4.9).
        start_response(
            "308 Permanent Redirect",
            [
                ("Location", f"https://{name}{self._port}{environ['REQUEST_URI']}"),
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(_BODY))),
            ],
        )
        return [_BODY]
