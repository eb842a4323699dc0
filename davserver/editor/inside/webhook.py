"""Notices to a program of the operator's: signed JSON by POST, to the one address that is set."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from davserver.errors import Unavailable, Unprocessable
from davserver.providers.notices import Notice
from davserver.tidings import name_of, tidings
from davserver.words import say

CONNECT_SECONDS = 5
SILENT_SECONDS = 10
# RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4: what may be sent again though it is a 4xx.
_PASSING = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Webhook:
    """``secret`` is shared with the program, which checks by it that we sent it, and when.

    ``X-Davserver-Signature`` is "sha256=" and the HMAC of the timestamp, a dot and the body, in
    hexadecimal; ``X-Davserver-Timestamp`` is in seconds since 1970.
    """

    address: str
    secret: str

    @contextmanager
    def open(self) -> Iterator["_Session"]:
        """A session with the program."""
        with requests.Session() as session:
            # No proxy and no password from the environment: the address is the administrator's.
            session.trust_env = False
            yield _Session(session, self)

    def signed(self, body: bytes, moment: int) -> dict[str, str]:
        """The fields that prove where ``body`` comes from."""
        proof = hmac.new(self.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "X-Davserver-Timestamp": str(moment),
            "X-Davserver-Signature": f"sha256={proof.hexdigest()}",
        }


class _Session:
    def __init__(self, session: requests.Session, hook: Webhook) -> None:
        self._session = session
        self._hook = hook

    def send(self, notice: Notice, url: str) -> None:
        """Send one. Raises Unavailable, Unprocessable if it is refused for good."""
        body = json.dumps(told(notice, url)).encode()
        try:
            with self._session.post(
                self._hook.address,
                data=body,
                headers=self._hook.signed(body, int(time.time())),
                timeout=(CONNECT_SECONDS, SILENT_SECONDS),
                allow_redirects=False,
                # Its answer's body is nothing to us, however long it is.
                stream=True,
            ) as answer:
                status = answer.status_code
        except requests.RequestException as fault:
            raise Unavailable(
                say("The webhook cannot be reached: {reason}", reason=type(fault).__name__)
            ) from fault
        if 400 <= status < 500 and status not in _PASSING:
            raise Unprocessable(say("The webhook answered {status}.", status=status))
        if not 200 <= status < 300:
            raise Unavailable(say("The webhook answered {status}.", status=status))


def told(notice: Notice, url: str) -> dict[str, str | int]:
    """What the program learns; ``id`` tells a second delivery from another notice."""
    words = tidings(notice, name_of(notice))
    return {
        "event": notice.kind.value,
        "title": words.title,
        "id": notice.number,
        "user": notice.user,
        "email": notice.email,
        "sender": notice.sender,
        "path": notice.path.encode("utf-8", "replace").decode(),
        "message": words.text,
        "url": url,
        "made": f"{notice.made:%Y-%m-%dT%H:%M:%SZ}",
    }
