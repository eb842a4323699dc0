"""Sharing: ``/-/share/<path>``, who may do what there and by which links; ``/-/shares``, by whom.

The pages work without scripts, and in a dialog over the listing or the editor (``?in=dialog``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

import segno
from markupsafe import Markup

from davserver import paths
from davserver.audit import Event
from davserver.browser.embedding import Embedding, frame
from davserver.browser.listing import readable
from davserver.errors import BadRequest, Forbidden, NotFound, SignInNeeded
from davserver.model import (
    EVERYONE,
    LINK_ROLES,
    TAKING_AWAY,
    Grant,
    GuestNames,
    Link,
    Principal,
    Right,
    Rights,
    Role,
    is_subject,
    of_group,
    of_user,
)
from davserver.pages import LINKS, SHARE, Pages
from davserver.providers.groups import Groups
from davserver.providers.share import Share
from davserver.providers.users import Users
from davserver.restrictions import MAX_WATERMARK
from davserver.tokens import LinkTokens
from davserver.web import Request, Response, redirect, whole_number
from davserver.words import say

SHARES = "/-/shares"

MAX_LABEL = 100
MAX_SUGGESTED = 500
_MIN_PASSWORD = 6
_MAX_PASSWORD = 200

_ROLE_WORDS = {
    Role.NONE: say("No access"),
    Role.VIEWER: say("View"),
    Role.FORM_FILLER: say("Fill in forms"),
    Role.COMMENTER: say("Comment"),
    Role.REVIEWER: say("Suggest changes"),
    Role.EDITOR: say("Edit"),
    Role.UPLOADER: say("Upload only"),
    Role.MANAGER: say("Edit and share"),
}


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link as its page shows it; ``address`` is empty for whom it is not told.

    ``frame`` is HTML for other pages, empty where they cannot show what it leads to.
    """

    link: Link
    address: str
    qr: Markup | str
    href: str
    name: str
    frame: str = ""


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as its page shows it; ``target`` is the path in a form."""

    grant: Grant
    who: str
    href: str
    name: str
    target: str


class Sharing:
    """Both pages. ``hashed`` makes the hash of a link's password."""

    def __init__(
        self,
        pages: Pages,
        share: Share,
        users: Users,
        addresses: LinkTokens,
        hashed: Callable[[str], str],
        embedding: Embedding,
    ) -> None:
        self._pages = pages
        self._files = share.files
        self._access = share.access
        self._links = share.links
        self._users = users
        self._groups = Groups(share.catalog)
        self._addresses = addresses
        self._hashed = hashed
        self._embedding = embedding

    def of_path(self, request: Request) -> Response:
        """GET: who has what on a path. POST: give, take, make a link, change or revoke one."""
        who = _somebody(request)
        path = self._files.as_stored(request.resource(request.below(SHARE)))
        self._access.check(who, path, Right.SHARE)
        entry = self._files.entry(path)
        if request.method == "POST":
            told = self._act(request, path)
            kept = {"in": "dialog"} if "dialog" in request.query.get("in", "") else {}
            address = request.addresses.page(SHARE, path)
            return redirect(f"{address}?{urlencode({**kept, **told})}")
        decided = self._access.why(who, paths.lineage(path))
        above = [
            _grant_row(request, grant)
            for folder in paths.ancestors(path)
            for grant in self._access.on(folder)
        ]
        return self._pages.render(
            request,
            "share.html",
            entry=entry,
            name=readable(entry.name) or say("Files"),
            is_dialog=request.query.get("in") == "dialog",
            address=request.addresses.page(SHARE, path),
            grants=[_grant_row(request, grant) for grant in self._access.on(path)],
            inherited=above,
            mine=decided.rights,
            links=[self._row(request, link) for link in self._links.on(path)],
            new=request.query.get("new", ""),
            done=request.query.get("done", ""),
            roles=[role for role in Role if self._may_give(who, path, role)],
            link_roles=[role for role in LINK_ROLES if entry.is_folder or role != Role.UPLOADER],
            words=_ROLE_WORDS,
            names=self._names(),
            guest_names=GuestNames,
            shown_in=self._embedding.embedders,
            folder=request.addresses.of(paths.parent(path), folder=True),
            today=datetime.now(UTC).date().isoformat(),
        )

    def of_person(self, request: Request) -> Response:
        """GET: all links and grants of who asks. POST: revoke one of them."""
        who = _somebody(request)
        if request.method == "POST":
            form = request.form
            if "revoke" in form:
                self._revoke(request, form["revoke"])
            elif "subject" in form:
                path = request.resource(form.get("path", ""))
                self._take(request, path, form["subject"])
            else:
                raise BadRequest(say("The form does not say what to do."))
            return redirect(request.url(SHARES) + "?done=revoked")
        return self._pages.render(
            request,
            "shares.html",
            links=[self._row(request, link) for link in self._links.by(who.name)],
            grants=[_grant_row(request, one) for one in self._access.given_by(who.name)],
            done=request.query.get("done", ""),
            words=_ROLE_WORDS,
        )

    def _act(self, request: Request, path: str) -> dict[str, str]:
        """Do what the form says; the query of the page that tells of it."""
        who, form = request.principal, request.form
        act = form.get("act", "")
        if act == "give":
            self._give(request, path, form)
        elif act == "take":
            self._take(request, path, form.get("subject", ""))
        elif act == "link":
            link = self._made(form, Link("", path, False, who.name, _now(), Role.VIEWER))
            made = self._links.make(link)
            _note_link(request, made)
            return {"new": made.id, "done": "link"}
        elif act == "change":
            link = self._made(form, self._named(who, form.get("link", "")))
            if link.path != path or not self._links.change(link):
                raise NotFound(path)
            _note_link(request, link)
        elif act == "revoke":
            self._revoke(request, form.get("link", ""))
        else:
            raise BadRequest(say("The form does not say what to do."))
        return {"done": act}

    def _give(self, request: Request, path: str, form: Mapping[str, str]) -> None:
        who = request.principal
        grant = Grant(path, _subject(form), _role(form), _without(form))
        if not grant.rights <= self._access.rights(who, path):
            raise Forbidden(say("You cannot give others more than you have yourself."))
        self._check_not_out(who, path, grant.subject, grant)
        self._access.give(grant, by=who.name)
        request.note(Event.SHARED, path=path, subject=grant.subject, role=grant.role.value)

    def _take(self, request: Request, path: str, subject: str) -> None:
        who = request.principal
        self._access.check(who, path, Right.SHARE)
        self._check_not_out(who, path, subject, None)
        if self._access.take(path, subject):
            request.note(Event.SHARING_ENDED, path=path, subject=subject)

    def _check_not_out(self, who: Principal, path: str, subject: str, grant: Grant | None) -> None:
        """Raise Forbidden rather than let somebody lock themselves out."""
        if Right.SHARE not in self._access.rights_after(who, path, subject, grant):
            raise Forbidden(
                say(
                    "With this you would lock yourself out: you could not undo it. Give yourself "
                    "“Edit and share” first, or ask somebody else to do it."
                )
            )

    def _made(self, form: Mapping[str, str], link: Link) -> Link:
        """``link`` with what the form says. Raises BadRequest."""
        role = _role(form)
        if role not in LINK_ROLES:
            raise BadRequest(say("A link cannot have this role."))
        try:
            names = GuestNames(form.get("guest_names", GuestNames.ASK))
        except ValueError:
            raise BadRequest(
                say("Guests are asked for their names in one of three ways.")
            ) from None
        downloads = form.get("max_downloads", "").strip()
        most = whole_number(downloads, digits=7)
        if downloads and most is None:
            raise BadRequest(say("The limit of downloads must be a number."))
        return replace(
            link,
            role=role,
            without=_without(form),
            password_hash=self._password(form, link),
            expires=_end_of(form.get("expires", "").strip()),
            max_downloads=most,
            label=form.get("label", "").strip()[:MAX_LABEL],
            guest_names=names,
            watermark=form.get("watermark", "").strip()[:MAX_WATERMARK],
        )

    def _password(self, form: Mapping[str, str], link: Link) -> str:
        if form.get("no_password"):
            return ""
        password = form.get("password", "")
        if not password:
            return link.password_hash
        if not _MIN_PASSWORD <= len(password) <= _MAX_PASSWORD:
            raise BadRequest(
                say(
                    "A password has {min_password} to {max_password} characters.",
                    min_password=_MIN_PASSWORD,
                    max_password=_MAX_PASSWORD,
                )
            )
        return self._hashed(password)

    def _named(self, who: Principal, identity: str) -> Link:
        """The link that a form names. Raises NotFound for what is not theirs to change."""
        link = self._links.find(identity)
        if link is None or not _is_own(who, link):
            raise NotFound(say("this link"))
        return link

    def _revoke(self, request: Request, identity: str) -> None:
        """Revoke a link: one's own, or one on what one may share."""
        link = self._links.find(identity)
        if link is None:
            return
        if not _is_own(request.principal, link):
            self._access.check(request.principal, link.path, Right.SHARE)
        if self._links.revoke(identity):
            request.note(Event.SHARING_ENDED, path=link.path, subject=f"link:{link.id}")

    def _may_give(self, who: Principal, path: str, role: Role) -> bool:
        return role.rights - TAKING_AWAY <= self._access.rights(who, path)

    def _row(self, request: Request, link: Link) -> LinkRow:
        address = ""
        qr: Markup | str = ""
        shown = ""
        if _is_own(request.principal, link):
            address = link_address(request.origin + request.site, self._addresses, link)
            # segno escapes what it puts into the picture; an address has nothing to escape.
            qr = Markup(segno.make(address, error="m").svg_inline(border=2, omitsize=True))  # noqa: S704
            if self._embedding.shows(link):
                shown = frame(address, readable(paths.name(link.path)))
        return LinkRow(
            link,
            address,
            qr,
            request.addresses.page(SHARE, link.path),
            readable(link.path),
            shown,
        )

    def _names(self) -> list[str]:
        """Who can be named: users and groups, as the form takes them."""
        people = [user.name for user in self._users.all()[:MAX_SUGGESTED]]
        groups = [of_group(group.name) for group in self._groups.all()[:MAX_SUGGESTED]]
        return [*people, *groups, EVERYONE]


def _note_link(request: Request, link: Link) -> None:
    request.note(Event.SHARED, path=link.path, subject=f"link:{link.id}", role=link.role.value)


def link_address(site: str, addresses: LinkTokens, link: Link) -> str:
    """The address of a link on the site, an absolute URL."""
    return f"{site}{LINKS}{addresses.of(link.id)}/"


def _somebody(request: Request) -> Principal:
    """Who asks, if they signed in: what is shared is shared by somebody."""
    who = request.principal
    if who.is_anonymous:
        raise SignInNeeded(say("Sign in to share."))
    return who


def _is_own(who: Principal, link: Link) -> bool:
    return link.made_by == who.name or who.is_administrator


def _grant_row(request: Request, grant: Grant) -> GrantRow:
    kind, _, name = grant.subject.partition(":")
    who = {"user": name, "group": say("Group {name}", name=name)}.get(kind, say("Everybody"))
    addresses, path = request.addresses, grant.path
    return GrantRow(grant, who, addresses.page(SHARE, path), readable(path), addresses.target(path))


def _subject(form: Mapping[str, str]) -> str:
    """The subject that is meant by what was typed: a user's name, or a subject. BadRequest."""
    text = form.get("who", "").strip()
    if text == EVERYONE or text.startswith(("user:", "group:")):
        subject = text
    else:
        subject = of_group(text) if form.get("kind") == "group" else of_user(text)
    if not is_subject(subject):
        raise BadRequest(say("Name a user, a group like group:staff, or everyone."))
    return subject


def _role(form: Mapping[str, str]) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise BadRequest(say("There is no such role.")) from None


def _without(form: Mapping[str, str]) -> Rights:
    return frozenset(right for right in TAKING_AWAY if form.get(f"no_{right.value}"))


def _end_of(day: str) -> datetime | None:
    """The end of a day, UTC; None for no day. Raises BadRequest."""
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadRequest(say("The last day must be a date like 2027-01-31.")) from None


def _now() -> datetime:
    return datetime.now(UTC)
