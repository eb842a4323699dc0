"""The composition: the only file that names concrete classes and knows every room."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from wsgidav.wsgidav_app import WsgiDAVApp

from davserver.accounts import passwords
from davserver.accounts.account_page import ADDRESS as ACCOUNT
from davserver.accounts.admin_page import ADDRESS as ADMIN
from davserver.accounts.administrator import ensure_administrator
from davserver.accounts.credentials import Credentials, principal_of
from davserver.accounts.csrf import Csrf
from davserver.accounts.editor_links import EDITOR_LINK, EDITORS, EditorDoor, EditorLinks
from davserver.accounts.homes import Homes
from davserver.accounts.links import LINKS, LinkDoor, Sharers
from davserver.accounts.middleware import Accounts, anonymous_principal
from davserver.accounts.oidc_sign_in import ROUTES as OIDC
from davserver.accounts.oidc_sign_in import OidcSignIn
from davserver.accounts.people import People
from davserver.accounts.pictures import PicturesOfPeople
from davserver.accounts.roll_call import RollCall
from davserver.accounts.sign_in import SIGNED_IN
from davserver.accounts.sources import Source
from davserver.accounts.throttle import Throttle
from davserver.audit import FOLDER as AUDIT
from davserver.audit import Audit
from davserver.browser.assets import Assets
from davserver.browser.audit import ADDRESS as AUDIT_PAGE
from davserver.browser.audit import AuditPage
from davserver.browser.embedding import Embedding
from davserver.browser.links import DROP, LinkPages
from davserver.browser.listing import Listing, Opens
from davserver.browser.notices import ADDRESS as NOTICES
from davserver.browser.notices import NoticesPage
from davserver.browser.security_txt import ADDRESS as SECURITY_TXT
from davserver.browser.security_txt import SecurityTxt
from davserver.browser.sharing import SHARES, Sharing
from davserver.browser.trash import ADDRESS as TRASH
from davserver.browser.trash import TrashPage
from davserver.content import HandOver
from davserver.dav.fresh import FreshReads
from davserver.dav.nextcloud import Nextcloud
from davserver.dav.principals import PRINCIPALS, describe
from davserver.dav.request_server import DavRequestServer
from davserver.dav.tus import METHODS, UPLOAD, Tus
from davserver.doctor.pages import (
    DOCTOR,
    EDITOR,
    SESSION,
    DoctorPage,
    EditorPage,
    SessionPage,
    gauges,
)
from davserver.doctor.settings_page import ADDRESS as SETTINGS
from davserver.doctor.settings_page import SettingsPage
from davserver.document_servers import MIN_SECRET_BYTES
from davserver.editor.inside.readers import Member
from davserver.editor.middleware import (
    ALIVE,
    BY_TOKEN,
    CONFIG,
    CONVERT,
    CONVERT_PAGE,
    DOWNLOAD_AS,
    EDIT,
    EDITING,
    HISTORY,
    INSERT,
    NEW,
    OF_EDITOR,
    REFERENCE,
    TEXT,
    VERSIONS,
    VIEW,
    EditorMiddleware,
    OtherFormats,
)
from davserver.editor.saving.rescue import Rescued
from davserver.editor.saving.standing import Standing
from davserver.entrance import Doors, open_doors, openid_provider, sources_of, vouched_by_proxy
from davserver.errors import DavserverError, Forbidden, SettingsWrong, Unavailable
from davserver.housekeeping import Housekeeping
from davserver.metrics import MEDIA_TYPE, Metrics, Observed, begin_anew
from davserver.model import Principal, called
from davserver.office import Editing, open_office, preload_page
from davserver.pages import ASSETS, OEMBED, PICTURES, SHARE, Pages
from davserver.providers.app_passwords import DigestNonces
from davserver.providers.exclusion import Exclusion
from davserver.providers.failures import Failures
from davserver.providers.marks import Marks
from davserver.providers.notices import Notices
from davserver.providers.pictures import Pictures
from davserver.providers.preferences import PreferenceRows
from davserver.providers.provider import ShareProvider
from davserver.providers.remembered import Remembered
from davserver.providers.saves import Saves
from davserver.providers.sessions import EditSessions
from davserver.providers.share import DAY, Share, open_share
from davserver.providers.timeline import Timeline
from davserver.providers.users import Users
from davserver.proxies import TrustedProxies
from davserver.resources import resource_dir
from davserver.settings import Settings
from davserver.tokens import Box, LinkTokens, server_secret
from davserver.translations import Languages
from davserver.web import (
    NOSNIFF,
    App,
    Environ,
    Handler,
    Request,
    Response,
    Routes,
    errors_as_responses,
    only_by_tls,
    text,
)
from davserver.witness import Witness
from davserver.words import say

HEALTH = "/-/health"
READY = "/-/ready"
METRICS = "/-/metrics"
_FAILURES_KEPT = DAY
METRICS_FOLDER = "metrics"

_log = structlog.get_logger("davserver")


class Application(WsgiDAVApp):
    """The whole server as a WSGI application, on WsgiDAV's shell.

    The shell keeps configuration, providers and the stack of middleware; a request runs through it
    without the shell's own per-request work, which ours replaces.
    """

    def __init__(
        self,
        provider: ShareProvider,
        app: App,
        share: Share,
        housekeeping: Housekeeping,
        rescue: Callable[[], list[Rescued]] | None,
    ) -> None:
        super().__init__(
            {
                "provider_mapping": {"/": provider},
                "middleware_stack": [app],
                "lock_storage": None,
                "property_manager": None,
                "http_authenticator": {"accept_basic": False, "accept_digest": False},
                "logging": {"enable": False},
                "verbose": 1,
            }
        )
        self.share = share
        self.housekeeping = housekeeping
        self.rescue = rescue
        self._common = {
            "wsgidav.app": self,
            "wsgidav.config": self.config,
            "wsgidav.provider": provider,
            "wsgidav.verbose": 1,
        }

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.update(self._common)
        answer: Iterable[bytes] = self.application(environ, start_response)
        return answer

    def start(self) -> None:
        """Begin what runs beside requests; called in the process that serves."""
        self.housekeeping.start()

    def close(self) -> None:
        """Let go of everything."""
        self.housekeeping.stop()
        self.share.close()


def prepare(settings: Settings) -> str | None:
    """Once before serving: tables, repair, administrator. The one-time password if one was made."""
    # Now, where it can be said to whom starts the server.
    languages_of(settings)
    sources_of(settings)
    openid_provider(settings)
    warn_of(settings)
    share = _share(settings)
    begin_anew(settings.state / METRICS_FOLDER)
    try:
        share.prepare()
        server_secret(settings.state)
        return ensure_administrator(
            Users(share.catalog), settings.admin_name, settings.administrator_password()
        )
    finally:
        share.close()


def warn_of(settings: Settings) -> None:
    """Tell the log what works and should not be. Raises SettingsWrong for a secret known to all."""
    for one in settings.office_servers():
        if len(one.secret.encode()) < MIN_SECRET_BYTES:
            _log.warning("the secret of a Document Server can be guessed", server=one.address)
        if not one.verify:
            _log.warning("the certificate of a Document Server is not checked", server=one.address)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What more than one part of the composition is made of."""

    settings: Settings
    share: Share
    metrics: Metrics
    audit: Audit | None
    secret: bytes
    users: Users
    pictures: Pictures
    pages: Pages
    throttle: Throttle
    sources: Sequence[Source]
    credentials: Credentials
    doors: Doors
    sharers: Sharers
    editing: Editing


def create_app(settings: Settings, renew: Callable[[], None] | None = None) -> Application:
    """The application for ``settings``; ``prepare`` has been called before.

    ``renew`` wishes that the settings be read anew; None where only a restart does that.
    """
    parts = _parts(settings)
    provider = ShareProvider(share=parts.share)
    rooms, open_to_all = _rooms(parts, provider, renew)
    app = _watched(parts, _let_in(parts, rooms, open_to_all))
    housekeeping = Housekeeping(Exclusion(settings.state / "exclusion"), _tasks(parts))
    return Application(provider, app, parts.share, housekeeping, parts.editing.rescue)


def _parts(settings: Settings) -> _Parts:
    metrics = Metrics(settings.state / METRICS_FOLDER)
    share = _share(settings, metrics.saved)
    audit = audit_of(settings)
    secret = server_secret(settings.state)
    users = Users(share.catalog)
    pictures = Pictures(share.catalog)
    preferences = PreferenceRows(share.catalog)
    languages = languages_of(settings, lambda name: preferences.of(name).pages_language)
    pages = Pages(resource_dir("templates"), resource_dir("assets"), languages, pictures.hash_of)
    homes = Homes(share.trees, settings.home_folders)
    throttle = Throttle(Failures(share.catalog))
    sources = sources_of(settings)
    credentials = Credentials(users, throttle, sources, homes.prepare)
    doors = open_doors(settings, share, users, credentials, throttle, pages, secret)
    sharers = Sharers(share, partial(_principal_called, credentials))
    stranger = anonymous_principal(settings.anonymous)
    standing = Standing(share.access, sharers.called, stranger, settings.edit_formats)
    noted = audit.note if audit is not None else _unnoted
    members: Remembered[list[Member]] = Remembered(share.catalog)

    def everybody() -> list[Member]:
        return members.get("", lambda _: _members(users))

    editing = open_office(
        settings, share, pages, secret, standing, metrics.reported, noted, everybody, pictures
    )
    return _Parts(
        settings,
        share,
        metrics,
        audit,
        secret,
        users,
        pictures,
        pages,
        throttle,
        sources,
        credentials,
        doors,
        sharers,
        editing,
    )


def _rooms(
    parts: _Parts, provider: ShareProvider, renew: Callable[[], None] | None
) -> tuple[App, tuple[str, ...]]:
    """What answers requests, and the addresses that it answers to everybody."""
    settings, share, pages, editing = parts.settings, parts.share, parts.pages, parts.editing
    saves = editing.forced_saves
    fresh = FreshReads(settings.fresh_reads, saves.fresh) if saves else None
    app: App = DavRequestServer(
        provider, settings.max_upload_bytes, settings.propfind_infinity, _hand_over(settings), fresh
    )
    app = _listing(parts, app)
    other = editing.in_other_format
    if fresh:
        other = fresh.before(other, share.files.as_stored, share.access)
    app = OtherFormats(app, other)
    actions = editing.opening.actions
    app = LinkPages(app, pages, share, actions, settings.max_upload_bytes, settings.embedders)
    app = EditorMiddleware(app, editing.routes)
    app = Routes(app, _pages_of_people(parts) | _pages_of_operators(parts, renew))
    open_to_all: tuple[str, ...] = (*BY_TOKEN, ASSETS, HEALTH, READY, OEMBED)
    if settings.security_contact:
        told = SecurityTxt(settings.security_contact)
        app = Routes(app, {SECURITY_TXT: ("GET HEAD", told)})
        open_to_all += (SECURITY_TXT,)
    elsewhere = openid_provider(settings)
    if elsewhere:
        sign_in = OidcSignIn(elsewhere, parts.credentials, parts.doors.sign_in, parts.secret)
        app = Routes(app, sign_in.routes)
        open_to_all += (OIDC,)
    app = Nextcloud(app, share, settings.max_upload_bytes, settings.upload_hours)
    return app, open_to_all


def _listing(parts: _Parts, app: App) -> Listing:
    share, editing = parts.share, parts.editing

    def editors(folder: str) -> dict[str, tuple[str, ...]]:
        return {
            path: tuple(map(called, session.editors))
            for path, session in editing.sessions.of_members(folder).items()
        }

    opens = Opens(
        editing.offers.to,
        editing.beginnings.kinds,
        editing.beginnings.templates,
        preload_page(parts.settings),
    )
    return Listing(
        app,
        parts.pages,
        share.places,
        share.access,
        editing.opening.actions,
        editors,
        opens,
        Marks(share.catalog).favourites_in,
        Notices(share.catalog).unread,
        editing.servers.trouble if editing.servers else _no_trouble,
        editing.apart,
    )


def _pages_of_people(parts: _Parts) -> dict[str, tuple[str, Handler]]:
    """What people do besides reading and writing files."""
    settings, share, pages, doors = parts.settings, parts.share, parts.pages, parts.doors
    addresses = LinkTokens(parts.secret)
    embedding = Embedding(
        share,
        addresses,
        partial(parts.sharers.guest, guest="", label=""),
        parts.editing.opening.actions,
        settings.embedders,
    )
    sharing = Sharing(pages, share, parts.users, addresses, passwords.hashed, embedding)
    trash = TrashPage(pages, share.files, share.trash, share.access, settings.trash_days)
    notices = NoticesPage(pages, Notices(share.catalog), share.access)
    return {
        ASSETS: ("GET HEAD", Assets(resource_dir("assets"), pages.languages)),
        TRASH: ("GET HEAD POST", trash),
        UPLOAD: (METHODS, Tus(share, settings.max_upload_bytes, settings.upload_hours)),
        SHARE: ("GET HEAD POST", sharing.of_path),
        NOTICES: ("GET HEAD POST", notices),
        SHARES: ("GET HEAD POST", sharing.of_person),
        OEMBED: ("GET HEAD", embedding.oembed),
        PRINCIPALS: ("PROPFIND", describe),
        ACCOUNT: ("GET HEAD POST", doors.account),
        PICTURES: ("GET HEAD POST", PicturesOfPeople(parts.pictures, doors.sign_in)),
        EDITOR_LINK: ("POST", EditorLinks(share, parts.secret).make),
        SIGNED_IN: ("GET HEAD", lambda request: pages.render(request, "signed_in.html")),
    }


def _pages_of_operators(
    parts: _Parts, renew: Callable[[], None] | None
) -> dict[str, tuple[str, Handler]]:
    """What administrators look after, and what programs ask that watch the server."""
    settings, share, pages, editing = parts.settings, parts.share, parts.pages, parts.editing
    looking = Exclusion(settings.state / "exclusion")
    settings_page = SettingsPage(
        pages,
        settings,
        share,
        editing.sessions,
        parts.doors.sign_in,
        looking,
        Box(parts.secret, "editor settings"),
        renew,
    )
    session_page = SessionPage(
        pages, editing.sessions, Saves(share.catalog), Timeline(share.catalog), editing.ending
    )
    of_office = partial(gauges, editing.servers)
    metrics = partial(_tell_metrics, parts.metrics, share, editing.sessions, of_office)
    return {
        ADMIN: ("GET HEAD POST", parts.doors.admin),
        AUDIT_PAGE: ("GET HEAD", AuditPage(pages, parts.audit)),
        HEALTH: ("GET HEAD", lambda _: text(200, "ok")),
        READY: ("GET HEAD", partial(_tell_ready, share)),
        METRICS: ("GET HEAD", metrics),
        EDITOR: ("GET HEAD", EditorPage(pages, editing.servers, editing.sessions)),
        SETTINGS: ("GET HEAD POST", settings_page),
        DOCTOR: ("GET HEAD POST", DoctorPage(pages, settings, share, looking)),
        SESSION: ("GET HEAD POST", session_page),
    }


def _let_in(parts: _Parts, rooms: App, open_to_all: tuple[str, ...]) -> App:
    """Before the rooms: who is asking, by an account, by a link, or by a link to the editor."""
    settings, share, pages, doors = parts.settings, parts.share, parts.pages, parts.doors
    forms = Csrf(parts.secret)
    app: App = Accounts(
        rooms,
        doors.basic,
        doors.sign_in,
        forms,
        settings.anonymous,
        open_to_all=open_to_all,
        vouched=vouched_by_proxy(settings, parts.credentials),
        digest=doors.digest,
        office_signs_in_by_page=settings.ofba,
    )
    app = LinkDoor(
        app,
        rooms,
        pages,
        share,
        parts.sharers,
        parts.throttle,
        parts.secret,
        forms,
        doors.sign_in.principal,
        open_routes=(
            *(EDIT, VIEW, TEXT, CONFIG, EDITING, HISTORY, NEW, VERSIONS, ALIVE, UPLOAD, DROP),
            *(CONVERT, CONVERT_PAGE, DOWNLOAD_AS, *OF_EDITOR),
        ),
        # What is inserted can be copied out of the document: where downloads are counted, nothing.
        editors=(EDIT, VIEW, CONVERT, CONVERT_PAGE, DOWNLOAD_AS, INSERT, REFERENCE),
        versions=VERSIONS,
    )
    return EditorDoor(
        app,
        rooms,
        pages,
        share,
        partial(_principal_called, parts.credentials),
        parts.secret,
        open_routes=(EDIT, CONFIG, EDITING, ALIVE),
        editor=EDIT,
        embedders=settings.embedders,
    )


def _watched(parts: _Parts, app: App) -> App:
    """Around everything: failures become answers, and what happens is noted and counted."""
    settings, pages = parts.settings, parts.pages
    secret_routes = (*BY_TOKEN, LINKS, EDITORS)
    app = errors_as_responses(app, settings.public_url, pages.error, pages.languages)
    if settings.hsts_days:
        app = only_by_tls(app, settings.hsts_days * DAY)
    app = Witness(app, parts.audit, secret_routes, reads=settings.audit_reads)
    app = Observed(
        app, parts.metrics, _who_asks, logs=settings.access_log, secret_routes=secret_routes
    )
    if settings.trusted_proxies or settings.unix_socket:
        app = TrustedProxies(
            app,
            settings.trusted_proxies,
            settings.proxy_user_header,
            settings.proxy_groups_header,
        )
    return app


def languages_of(settings: Settings, own: Callable[[str], str] = lambda _: "") -> Languages:
    """The languages of our pages. Raises SettingsWrong for a default that is none of them."""
    languages = Languages(resource_dir("locale"), settings.language, own)
    if settings.language not in languages.tags:
        there_are = ", ".join(languages.tags)
        raise SettingsWrong(f"language: {settings.language!r} is none of {there_are}.")
    return languages


def _members(users: Users) -> list[Member]:
    return [Member(principal_of(user), user.email) for user in users.all()]


def audit_of(settings: Settings) -> Audit | None:
    """The audit log, where one is kept."""
    if not settings.audit:
        return None
    return Audit(settings.state / AUDIT, settings.audit_days, settings.audit_max_bytes)


def _share(settings: Settings, saved: Callable[[str], None] = lambda _: None) -> Share:
    connections = settings.threads + 2
    return open_share(
        settings.root,
        settings.state,
        settings.sync,
        connections=connections,
        user_quota=settings.user_quota_bytes,
        rules=settings.rules,
        saved=saved,
    )


def _hand_over(settings: Settings) -> HandOver | None:
    if settings.send_files == "x-accel-redirect":
        return HandOver("X-Accel-Redirect", settings.accel_location)
    if settings.send_files == "x-sendfile":
        return HandOver("X-Sendfile", str(settings.root))
    return None


def _unnoted(_: str, **__: object) -> None:
    """No audit log is kept."""


def _who_asks(environ: Environ) -> tuple[str, str]:
    request = Request.of(environ)
    return request.id, request.principal.actor


def _tell_ready(share: Share, _: Request) -> Response:
    """Whether requests can be answered: the folder and the catalog are there."""
    try:
        share.files.entry("/")
        share.catalog.instance_id()
    except DavserverError as fault:
        raise Unavailable(say("Not ready: {reason}", reason=str(fault))) from fault
    return text(200, "ready")


def _tell_metrics(
    metrics: Metrics,
    share: Share,
    sessions: EditSessions,
    office_gauges: Callable[[], dict[str, tuple[str, float]]],
    request: Request,
) -> Response:
    if not request.principal.is_administrator:
        raise Forbidden("Only an administrator may read the metrics.")
    present = {
        "open_uploads": ("Files on their way in", share.store.spools()),
        "edit_sessions": ("Documents being edited", sessions.count()),
        "locks": ("Live locks, those of editing sessions included", share.locks.count()),
        **office_gauges(),
    }
    return Response(200, metrics.exposition(present), [("Content-Type", MEDIA_TYPE), NOSNIFF])


def _no_trouble() -> None:
    """Without a Document Server, none is out of order."""


def _principal_called(credentials: Credentials, name: str) -> Principal | None:
    user = credentials.user(name)
    return principal_of(user) if user else None


def _tasks(parts: _Parts) -> dict[str, Callable[[], object]]:
    """What housekeeping does."""
    settings, share, rows = parts.settings, parts.share, parts.doors.rows
    tasks: dict[str, Callable[[], object]] = {
        "share": lambda: share.tidy(settings.trash_days),
        "versions": lambda: share.retention.when_due(settings.kept_versions),
        "sign-in failures": lambda: Failures(share.catalog).forget_older_than(_FAILURES_KEPT),
        "sign-ins": rows.sign_ins.purge,
        "digest nonces": DigestNonces(share.catalog).purge,
        "passkey challenges": rows.second_factors.purge,
        **parts.editing.tasks,
    }
    if parts.sources:
        tasks["users from outside"] = RollCall(parts.users, People(share), parts.sources)
    if parts.audit is not None:
        tasks["audit"] = parts.audit.tidy
    return tasks
