"""Requests to the Document Server: fetch a document, send a command, convert, ask how it is.

With ``accounts.sources.oidc`` the only module that speaks HTTP to elsewhere, and only to the
configured servers: the public address of each, which callbacks name, and its internal one, if we
reach it by another. The doctor asks our own address, too.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import requests
import urllib3

from davserver.editor.server.tokens import ServerTokens
from davserver.errors import BadGateway, BodyTooLarge, Forbidden, Unavailable
from davserver.providers.stores import Spool
from davserver.web import BLOCK
from davserver.words import say

CONNECT_SECONDS = 10
SILENT_SECONDS = 60
FETCH_SECONDS = 300
COMMAND_SECONDS = 15
OK, UNKNOWN_KEY, NOTHING_NEW = 0, 1, 4
"""What "error" says in answers to commands: done, no such document, nothing to save."""
HEALTH_SECONDS = 5
MAX_BYTES = 100 << 20
"""What a Document Server takes that does not say (server/config, "maxDownloadBytes")."""
_MAX_ANSWER = 1 << 20
_LOOKED_AT = 1 << 16
_MAX_LANGUAGES = 200
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Looked:
    """An answer: its status, its headers by their names in small letters, how its body begins."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def look_at(
    url: str, verify: Path | bool = True, headers: Mapping[str, str] | None = None
) -> Looked:
    """What answers a GET of ``url``: the Document Server's, or our own. Raises Unavailable."""
    try:
        with (
            _session(verify) as session,
            session.get(
                url,
                stream=True,
                timeout=HEALTH_SECONDS,
                allow_redirects=False,
                headers={"Accept-Encoding": "identity", **(headers or {})},
            ) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers.items()}
            switches = answer.status_code == 101
            content = b"" if switches else next(answer.iter_content(_LOOKED_AT), b"")
            return Looked(answer.status_code, told, content)
    except requests.RequestException as fault:
        raise Unavailable(say("no answer: {reason}", reason=_reason(fault))) from fault


class DocumentServer:
    """One configured server; ``internal`` is its address for us, where it has another one.

    ``verify`` is the file of the authority that its certificate is checked by, True for those that
    this machine knows, False for no check. ``when_unreachable`` is called after a request that did
    not come through, ``when_commanded`` after a command about a document, with its key and what
    came of it in words.
    """

    def __init__(
        self,
        public: str,
        internal: str,
        tokens: ServerTokens,
        max_bytes: int,
        verify: Path | bool = True,
    ) -> None:
        self.public = public
        self.internal = internal or public
        self.tokens = tokens
        self.when_unreachable: Callable[[], None] = _do_nothing
        self.when_commanded: Callable[[str, str], None] = lambda _key, _words: None
        self._given_bytes = max_bytes
        self.version: tuple[int, ...] = ()
        """Like (9, 3, 0, 140); empty as long as nobody has learnt it."""
        self.told_bytes = 0
        self.languages: tuple[str, ...] = ()
        self.verify = verify

    @property
    def max_bytes(self) -> int:
        """The largest document that is opened there."""
        return self._given_bytes or self.told_bytes or MAX_BYTES

    def fetch(
        self, url: str, spool: Spool, seconds: float = FETCH_SECONDS, max_bytes: int = 0
    ) -> None:
        """Write what is at ``url`` into ``spool`` within ``seconds``: a document, unless there are
        ``max_bytes`` for it.

        Raises Forbidden for an address that is not the server's, BodyTooLarge, and Unavailable when
        the server does not deliver the whole: then it is worth trying again.
        """
        # What could be opened may have grown since: losing it would be the worse fault.
        most = max_bytes or 2 * self.max_bytes
        deadline = time.monotonic() + seconds
        with self._get(self.reachable(url), min(SILENT_SECONDS, seconds)) as answer:
            if answer.status_code != 200:
                raise Unavailable(
                    say(
                        "The Document Server answered {status} to a download.",
                        status=answer.status_code,
                    )
                )
            announced = answer.headers.get("Content-Length", "")
            for block in answer.iter_content(BLOCK):
                spool.write(block)
                if spool.size > most:
                    raise BodyTooLarge(most)
                if time.monotonic() > deadline:
                    raise Unavailable(
                        say("A download took more than {seconds} seconds.", seconds=seconds)
                    )
            if announced.isdigit() and int(announced) != spool.size:
                raise Unavailable(say("A download from the Document Server broke off."))

    def command(
        self, name: str, *, within: float = COMMAND_SECONDS, **fields: Any
    ) -> dict[str, Any]:
        """Send a command (Docs API, "Command service"); its answer. Raises Unavailable.

        ``within`` so many seconds of silence.
        """
        outcome = "no answer"
        try:
            answer = self.post("/command", {"c": name, **fields}, within)
            outcome = f"error {answer.get('error')}" if answer.get("error") else "done"
            return answer
        finally:
            if "key" in fields:
                self.when_commanded(fields["key"], f"{name}: {outcome}")

    def convert(self, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for a conversion, or how it goes on (Docs API, "Conversion API"); its answer.

        ``body`` has everything but the token. Raises Unavailable, BadGateway.
        """
        return self.post("/converter", body)

    def post(
        self, path: str, body: dict[str, Any], within: float = COMMAND_SECONDS
    ) -> dict[str, Any]:
        """Send ``body``, signed in itself and in the header, to ``path``; the answer.

        A ``key`` in the body is told in the address too, by which a cluster finds the right member
        (Docs API, "Shard key"). ``within`` are seconds of silence. Raises Unavailable, and
        BadGateway for an answer that is none.
        """
        key = body.get("key")
        query = f"?{urlencode({'shardkey': key})}" if key else ""
        signed = {**body, "token": self.tokens.sign(body)}
        try:
            return self._post(path + query, signed, self.tokens.bearer(body), within)
        except Unavailable:
            self.when_unreachable()
            raise

    def forgotten(self) -> list[str]:
        """The keys of documents whose last save nobody took. Raises Unavailable, BadGateway."""
        keys = _checked(self.command("getForgottenList")).get("keys") or []
        return [str(key) for key in keys]

    def address_of_forgotten(self, key: str) -> str | None:
        """Where to fetch such a document; None if the server no longer has it."""
        answer = self.command("getForgotten", key=key)
        return None if answer.get("error") == UNKNOWN_KEY else str(_checked(answer).get("url"))

    def delete_forgotten(self, key: str) -> None:
        """Let the server drop a document that is ours now; it may be gone already."""
        answer = self.command("deleteForgotten", key=key)
        if answer.get("error") != UNKNOWN_KEY:
            _checked(answer)

    def is_edited(self, key: str) -> bool:
        """Whether somebody is in a document, as far as the server tells.

        It reports to us before it answers: hold no turn of that document meanwhile.
        Raises Unavailable, BadGateway.
        """
        answer = self.command("info", key=key)
        if answer.get("error") == UNKNOWN_KEY:
            return False
        return bool(_checked(answer).get("users", True))

    def is_healthy(self) -> bool:
        """What ``/healthcheck`` says. Raises Unavailable if it cannot be asked."""
        with self._answer(f"{self.internal}/healthcheck", HEALTH_SECONDS) as answer:
            return answer.status_code == 200 and _content(answer).strip().lower() == b"true"

    def told(self) -> dict[str, Any]:
        """What it says of itself in ``GET /meta/config``, from 9.3 on; nothing before."""
        with self._answer(f"{self.internal}/meta/config", HEALTH_SECONDS) as answer:
            if answer.status_code != 200:
                return {}
            return _object(answer)

    def look(self, address: str, headers: Mapping[str, str] | None = None) -> Looked:
        """What answers a GET of an address of the server, or of a path of it. Raises Unavailable.

        For the doctor: every status is an answer, and no redirect is followed.
        """
        url = address if "://" in address else self.internal + address
        return look_at(url, self.verify, headers)

    def unsigned(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to ``body`` without any signature, at a path or an address of the server.

        Raises Unavailable, BadGateway.
        """
        return self._post(path, body, {}, HEALTH_SECONDS)

    def learn(self, told: Mapping[str, Any], version: str = "") -> None:
        """Take over what it says of itself where the settings say nothing, and its version."""
        if version:
            self.version = tuple(int(part) for part in version.split(".") if part.isdigit())
        authorization, limits = told.get("authorization"), told.get("limits")
        if isinstance(authorization, dict):
            header, prefix = authorization.get("header"), authorization.get("prefix")
            if isinstance(header, str) and isinstance(prefix, str) and _HEADER.fullmatch(header):
                self.tokens.learn(header, prefix.strip())
        if isinstance(limits, dict) and isinstance(limits.get("maxFileSize"), int):
            self.told_bytes = max(0, limits["maxFileSize"])
        languages = told.get("langs")
        if isinstance(languages, list):
            self.languages = tuple(map(str, languages[:_MAX_LANGUAGES]))

    def reachable(self, url: str) -> str:
        """``url`` as we reach it: the public address of callbacks becomes the internal one.

        Raises Forbidden for an address that belongs to neither: a callback must not make us call
        others.
        """
        for base in (self.public, self.internal):
            rest = _below(url, base)
            if rest is not None:
                return self.internal + rest
        raise Forbidden(say("The address of a document is not the configured Document Server's."))

    @contextmanager
    def _get(self, url: str, silent_seconds: float) -> Iterator[requests.Response]:
        try:
            with self._answer(url, silent_seconds) as answer:
                yield answer
        except Unavailable:
            self.when_unreachable()
            raise

    def _post(
        self, path: str, body: dict[str, Any], headers: Mapping[str, str], within: float
    ) -> dict[str, Any]:
        # Without "Accept", /converter answers XML (Docs API, "Conversion API").
        accepts = {"Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            with (
                _session(self.verify) as session,
                session.post(
                    path if "://" in path else self.internal + path,
                    json=body,
                    stream=True,
                    timeout=within,
                    allow_redirects=False,
                    headers={**accepts, **headers},
                ) as answer,
            ):
                return _json(answer)
        except requests.RequestException as fault:
            raise Unavailable(
                say("The Document Server cannot be reached: {reason}", reason=_reason(fault))
            ) from fault

    @contextmanager
    def _answer(self, url: str, silent_seconds: float) -> Iterator[requests.Response]:
        try:
            with (
                _session(self.verify) as session,
                session.get(
                    url,
                    stream=True,
                    timeout=(CONNECT_SECONDS, silent_seconds),
                    allow_redirects=False,
                    headers={"Accept-Encoding": "identity"},
                ) as answer,
            ):
                yield answer
        except requests.RequestException as fault:
            raise Unavailable(
                say("The Document Server cannot be reached: {reason}", reason=_reason(fault))
            ) from fault


def _session(verify: Path | bool) -> requests.Session:
    session = requests.Session()
    # No proxy and no password from the environment: the address is the administrator's.
    session.trust_env = False
    session.verify = str(verify) if isinstance(verify, Path) else verify
    if verify is False:
        # The doctor and the start of the server say it; the library would at every request.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return session


def _below(url: str, base: str) -> str | None:
    """What follows ``base`` in ``url``; None if the URL is elsewhere."""
    try:
        asked, own = urlsplit(url), urlsplit(base)
        if _origin(asked) != _origin(own) or asked.username is not None:
            return None
    except ValueError:
        return None
    if not asked.path.startswith(own.path + "/") or "/../" in asked.path:
        return None
    query = f"?{asked.query}" if asked.query else ""
    return asked.path[len(own.path) :] + query


def _origin(url: SplitResult) -> tuple[str, str, int]:
    default = 443 if url.scheme == "https" else 80
    return url.scheme, (url.hostname or "").lower(), url.port or default


def _content(answer: requests.Response) -> bytes:
    """A short answer as a whole. Raises BadGateway for one that goes on and on."""
    content = b""
    for block in answer.iter_content(_MAX_ANSWER):
        content += block
        if len(content) > _MAX_ANSWER:
            raise BadGateway("The Document Server's answer is too long.")
    return content


def _json(answer: requests.Response) -> dict[str, Any]:
    if answer.status_code != 200:
        raise BadGateway(
            say(
                "The Document Server answered {status} to a request.",
                status=answer.status_code,
            )
        )
    return _object(answer)


def _object(answer: requests.Response) -> dict[str, Any]:
    try:
        content = json.loads(_content(answer))
    except ValueError:
        raise BadGateway("The Document Server's answer to a request is not JSON.") from None
    if not isinstance(content, dict):
        raise BadGateway("The Document Server's answer to a request is not an object.")
    return content


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    error = answer.get("error")
    if error:
        raise BadGateway(say("The Document Server refuses a command (error {error}).", error=error))
    return answer


def _do_nothing() -> None:
    """Nobody wants to know."""


def _reason(fault: Exception) -> str:
    """The innermost reason, without addresses and queries: they hold tokens."""
    cause: BaseException = fault
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return type(cause).__name__ if not str(cause) or "http" in str(cause) else str(cause)
