"""Links: ``/-/s/<token>/...`` lets in who has the address, as a guest of whoever made the link.

The rest of such an address is a path below what is shared. Every room answers there as it does
elsewhere, for a principal who is nobody by name, within the link's bounds and its maker's rights as
they are now. Guests have cookies of their own, which browsers send to that address alone.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from davserver import paths
from davserver.accounts import cookies, csrf, passwords
from davserver.accounts.basic import parsed
from davserver.accounts.sign_in import safe_path
from davserver.accounts.throttle import Attempt, Throttle, network_of
from davserver.accounts.verified import Verified
from davserver.audit import Event
from davserver.errors import Gone, LinkEnded, NotFound, SignInNeeded, TooManyAttempts
from davserver.model import (
    MAX_GUEST_NAME,
    GuestNames,
    Link,
    Principal,
    Right,
    link_of,
)
from davserver.pages import LINKS as LINKS
from davserver.pages import Pages
from davserver.providers.share import Share
from davserver.tokens import LinkTokens, TokenNotValid, Tokens
from davserver.web import (
    App,
    Environ,
    Headers,
    Request,
    Response,
    StartResponse,
    redirect,
    text,
)
from davserver.words import say

UNLOCK = "/-/unlock"
NAME = "/-/name"
GUEST_COOKIE = "davserver-guest"
UNLOCK_COOKIE = "davserver-link"

_GUEST_SECONDS = 30 * 24 * 3600
_UNLOCK_SECONDS = 12 * 3600

PrincipalCalled = Callable[[str], Principal | None]
"""Finds a user as somebody who asks, as of now; None for one who is gone."""


class Sharers:
    """For whom links act: their makers, while they still may share what they shared."""

    def __init__(self, share: Share, principal_called: PrincipalCalled) -> None:
        self._share = share
        self._principal_called = principal_called

    def sharer(self, link: Link) -> Principal | None:
        """Whoever made the link; None if they are gone, or may not share this any more."""
        maker = self._principal_called(link.made_by)
        if maker is None or Right.SHARE not in self._share.access.rights(maker, link.path):
            return None
        return maker

    def guest(self, link: Link, guest: str, label: str) -> Principal | None:
        """A guest by the link; None if it has ended."""
        sharer = self.sharer(link)
        if sharer is None or link.has_ended:
            return None
        return Principal(
            "",
            scope=link.path,
            ceiling=link.rights,
            link=link.id,
            label=label,
            sharer=sharer,
            guest=guest,
        )

    def called(self, actor: str) -> Principal | None:
        """The user or the guest whom locks and sessions know as ``actor``, with today's rights."""
        identity = link_of(actor)
        if not identity:
            return self._principal_called(actor)
        link = self._share.links.find(identity)
        return self.guest(link, "", "") if link else None


class LinkPasswords:
    """The passwords of links: hashed, slowed down after failures, and then remembered a while."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._verified: Verified[bool] = Verified()

    def check(self, link: Link, password: str, address: str) -> bool:
        """Whether this is the link's password. Raises TooManyAttempts."""
        # By the network too, as for passwords of users (``Credentials.check``).
        given = (link.id, link.password_hash, password, network_of(address))
        digest = self._verified.digest(*given)
        attempt = Attempt(f"link {link.id}", address)
        if self._verified.get(digest) and not self._throttle.is_besieged(attempt):
            return True
        with self._verified.one_at_a_time(attempt.number):
            self._throttle.check(attempt)
            if not passwords.matches(link.password_hash, password):
                self._throttle.failed(attempt)
                return False
            self._throttle.succeeded(attempt)
        self._verified.keep(digest, True)
        return True


class LinkDoor:
    """WSGI middleware: what comes by a link goes to ``rooms``, everything else to ``next_app``.

    ``open_routes`` are the addresses of ours that guests may use; among them are those of the
    ``editors``, and ``versions``. ``member`` tells who is signed in to a browser: they need not say
    their name.
    """

    def __init__(
        self,
        next_app: App,
        rooms: App,
        pages: Pages,
        share: Share,
        sharers: Sharers,
        throttle: Throttle,
        secret: bytes,
        forms: csrf.Csrf,
        member: Callable[[Request], Principal | None],
        open_routes: tuple[str, ...],
        editors: tuple[str, ...],
        versions: str,
    ) -> None:
        self._next = next_app
        self._rooms = rooms
        self._pages = pages
        self._share = share
        self._sharers = sharers
        self._passwords = LinkPasswords(throttle)
        self._addresses = LinkTokens(secret)
        self._unlocked = Tokens(secret, "link password")
        self._guests = Tokens(secret, "link guest")
        self._csrf = forms
        self._member = member
        self._open = (*open_routes, UNLOCK, NAME)
        self._editors = editors
        self._versions = versions

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        if not request.target.startswith(LINKS):
            return self._next(environ, start_response)
        token, slash, rest = request.target[len(LINKS) :].partition("/")
        link = self._alive(token)
        member = self._member(request)
        request.base += LINKS + token
        request.target = "/" + rest
        if not slash and request.wants_page:
            return redirect(request.url("/"), 308).send(start_response)
        request.link = link
        request.root = link.path if link.is_folder else paths.parent(link.path)
        self._check_route(request)
        guest, made = self._guest(request)
        who = self._principal(request, link, guest, member)
        request.principal = who
        start = self._with_cookies(request, start_response, guest if made else None)
        self._csrf.guard(request)
        if request.method != "OPTIONS":
            asked = self._ask(request, link, guest)
            if asked is not None:
                return asked.send(start, head=request.method == "HEAD")
            self._count(request, link)
        return self._rooms(environ, start)

    def _alive(self, token: str) -> Link:
        """The link of an address. Raises LinkEnded."""
        identity = self._addresses.identity(token)
        link = self._share.links.find(identity) if identity else None
        if link is None or link.has_ended or self._share.files.find(link.path) is None:
            raise LinkEnded
        return link

    def _check_route(self, request: Request) -> None:
        target = request.target
        if target.startswith("/-/") and not target.startswith(self._open):
            raise NotFound(paths.decoded(target))
        # What holds a file that is shared alone is nothing to its guests.
        is_page = request.method in {"GET", "HEAD", "OPTIONS"}
        if request.link and not request.link.is_folder and target == "/" and not is_page:
            raise NotFound(paths.ROOT)

    def _guest(self, request: Request) -> tuple[dict[str, Any], bool]:
        """What the guest's cookie tells, and whether there was none that counts."""
        try:
            claims = self._guests.read(cookies.read(request, GUEST_COOKIE))
        except TokenNotValid:
            return {"id": secrets.token_hex(4), "name": ""}, True
        return claims, False

    def _principal(
        self, request: Request, link: Link, guest: dict[str, Any], member: Principal | None
    ) -> Principal:
        """Who asks: a guest, though somebody who is signed in may be one. Raises LinkEnded."""
        identity = str(guest["id"]) if request.has_header("Cookie") else ""
        label = _label(str(guest["name"])) or _name_in_password(request)
        if not label and member is not None:
            label = _label(member.name)
        principal = self._sharers.guest(link, identity, label)
        if principal is None:
            raise LinkEnded
        return principal

    def _ask(self, request: Request, link: Link, guest: dict[str, Any]) -> Response | None:
        """What has to be asked first: the link's password, a name. None if nothing has."""
        if request.target == UNLOCK:
            return self._unlock(request, link)
        if link.password_hash and not self._is_unlocked(request, link):
            return self._demand(request, UNLOCK, say("This link has a password."))
        if request.target == NAME:
            return self._name(request, guest)
        if link.guest_names is GuestNames.REQUIRED and not request.principal.label:
            return self._demand(
                request, NAME, say("Say who you are: give your name as the user name.")
            )
        return None

    def _demand(self, request: Request, page: str, words: str) -> Response:
        """Ask by a page where a person looks, else by a challenge (RFC 7617, 2.1)."""
        if request.wants_page:
            query = request.environ.get("QUERY_STRING", "")
            wanted = request.target + (f"?{query}" if query else "")
            return redirect(f"{request.url(page)}?next={paths.href(wanted)}")
        response = text(401, words)
        response.headers.append(
            ("WWW-Authenticate", 'Basic realm="davserver link", charset="UTF-8"')
        )
        return response

    def _is_unlocked(self, request: Request, link: Link) -> bool:
        try:
            claims = self._unlocked.read(cookies.read(request, UNLOCK_COOKIE))
        except TokenNotValid:
            claims = {}
        if (claims.get("link"), claims.get("pw")) == (link.id, _fingerprint(link)):
            return True
        authorization = request.header("Authorization")
        if not authorization:
            return False
        try:
            password = parsed(authorization)[1]
        except SignInNeeded:
            return False
        return self._is_password(request, link, password)

    def _is_password(self, request: Request, link: Link, password: str) -> bool:
        """``LinkPasswords.check``; what is refused is told to the audit log."""
        is_right = False
        try:
            is_right = self._passwords.check(link, password, request.client_address)
        finally:
            if not is_right:
                request.note(Event.SIGN_IN_REFUSED, subject=f"link:{link.id}")
        return is_right

    def _unlock(self, request: Request, link: Link) -> Response:
        """The page that asks for the password; POST: check it, and go where one wanted to go."""
        wanted = safe_path(request.query.get("next") or request.form.get("next") or "/")
        if not link.password_hash:
            return redirect(request.url(wanted))
        status, problem, more = 200, "", []
        if request.method == "POST":
            try:
                if self._is_password(request, link, request.form.get("password", "")):
                    return self._admit(request, link, wanted)
                status, problem = 401, say("This is not the password.")
            except TooManyAttempts as fault:
                status, problem, more = fault.status, str(fault), fault.headers()
        page = self._pages.render(
            request, "link_password.html", status, wanted=wanted, problem=problem
        )
        page.headers.extend(more)
        return page

    def _admit(self, request: Request, link: Link, wanted: str) -> Response:
        claims = {"link": link.id, "pw": _fingerprint(link)}
        token = self._unlocked.issue(claims, _UNLOCK_SECONDS)
        response = redirect(request.url(wanted))
        one = cookies.made(request, UNLOCK_COOKIE, token, _UNLOCK_SECONDS)
        response.headers.append(("Set-Cookie", one))
        return response

    def _name(self, request: Request, guest: dict[str, Any]) -> Response:
        """The page that asks for a name; POST: keep it in the guest's cookie."""
        wanted = safe_path(request.query.get("next") or request.form.get("next") or "/")
        if request.method != "POST":
            return self._pages.render(
                request, "link_name.html", wanted=wanted, name=guest["name"], most=MAX_GUEST_NAME
            )
        response = redirect(request.url(wanted))
        named = {"id": guest["id"], "name": _label(request.form.get("name", ""))}
        response.headers.append(("Set-Cookie", self._guest_cookie(request, named)))
        return response

    def _guest_cookie(self, request: Request, guest: dict[str, Any]) -> str:
        claims = {"id": guest["id"], "name": guest["name"]}
        token = self._guests.issue(claims, _GUEST_SECONDS)
        return cookies.made(request, GUEST_COOKIE, token, _GUEST_SECONDS)

    def _count(self, request: Request, link: Link) -> None:
        """Count what is downloaded where that has a limit. Raises Gone once it is reached.

        A part of a file would be as good as the whole: where downloads are counted, there are no
        parts, nor answers that tell that nothing has changed. What the editor lets people save it
        does not tell us of, so there it saves nothing; nor is anything converted there.
        """
        if link.max_downloads is None:
            return
        if request.target.startswith(self._editors):
            who = request.principal
            request.principal = replace(who, ceiling=who.ceiling - {Right.DOWNLOAD})
        if request.method != "GET" or not self._downloads(request):
            return
        for name in ("RANGE", "IF_NONE_MATCH", "IF_MODIFIED_SINCE"):
            request.environ.pop(f"HTTP_{name}", None)
        if not self._share.links.count_download(link.id):
            raise Gone(say("This link has been used for as many downloads as it permits."))

    def _downloads(self, request: Request) -> bool:
        """Whether a file's bytes are asked for, by somebody who may have them."""
        target, needed = request.target, {Right.READ, Right.DOWNLOAD}
        if target.startswith(self._versions) and "download" in request.query:
            target, needed = request.below(self._versions), {*needed, Right.EDIT}
        elif target.startswith("/-/"):
            return False
        found = self._share.files.find(self._share.files.as_stored(request.resource(target)))
        if found is None or found.is_folder:
            return False
        return needed <= self._share.access.rights(request.principal, found.path)

    def _with_cookies(
        self, request: Request, start_response: StartResponse, guest: dict[str, Any] | None
    ) -> StartResponse:
        """Give pages their tokens, and the browser the cookies that it lacks."""
        if not request.wants_page:
            return start_response
        lacking = [self._guest_cookie(request, guest)] if guest else []
        nonce = self._csrf.prepare(request)
        if nonce:
            lacking.append(cookies.made(request, csrf.COOKIE, nonce, _GUEST_SECONDS))

        def start(status: str, headers: Headers, *exc_info: object) -> object:
            set_already = {
                value.partition("=")[0] for name, value in headers if name == "Set-Cookie"
            }
            more = [one for one in lacking if one.partition("=")[0] not in set_already]
            return start_response(
                status, [*headers, *(("Set-Cookie", one) for one in more)], *exc_info
            )

        return start


def _label(text: str) -> str:
    """A name as a guest gave it, in a form that can be shown."""
    shown = "".join(char for char in text if char.isprintable())
    return " ".join(shown.split())[:MAX_GUEST_NAME].strip()


def _name_in_password(request: Request) -> str:
    """What a program says in the place of a user name."""
    authorization = request.header("Authorization")
    try:
        return _label(parsed(authorization)[0]) if authorization else ""
    except SignInNeeded:
        return ""


def _fingerprint(link: Link) -> str:
    return hashlib.sha256(link.password_hash.encode()).hexdigest()[:16]
