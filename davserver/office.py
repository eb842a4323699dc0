"""The composition of the editing: what opens documents, and what it does from time to time.

Besides ``app`` and ``entrance`` the only file that names concrete classes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from davserver.editor.conversion.converting import Converter
from davserver.editor.conversion.other_formats import OtherFormat
from davserver.editor.conversion.saving_back import SavingBack
from davserver.editor.conversion.turns import Turns
from davserver.editor.creating.beginnings import Beginnings
from davserver.editor.creating.blank import BlankDocuments
from davserver.editor.creating.forms import BlankForms
from davserver.editor.creating.habits import Habits, families_of
from davserver.editor.creating.new_documents import NewDocument
from davserver.editor.creating.templates import Templates
from davserver.editor.inside.deliveries import Deliveries, Way
from davserver.editor.inside.inside import inside_routes
from davserver.editor.inside.mail import Mail
from davserver.editor.inside.personal import Personal
from davserver.editor.inside.readers import Member, Readers
from davserver.editor.inside.webhook import Webhook
from davserver.editor.keys import document_key
from davserver.editor.middleware import (
    ALIVE,
    APART,
    CALLBACK,
    CONFIG,
    CONVERT,
    CONVERT_PAGE,
    DOWNLOAD,
    DOWNLOAD_AS,
    EDIT,
    EDITING,
    END_SESSION,
    HISTORY,
    NEW,
    PREFERENCES,
    PROBE,
    SESSIONS,
    TAKE_OVER,
    TEXT,
    VERSIONS,
    VIEW,
)
from davserver.editor.occasions import Occasions
from davserver.editor.offers import Offers
from davserver.editor.opening import Office, Opening
from davserver.editor.pages import PRELOAD_PAGE, OpenFile
from davserver.editor.preferences_page import PreferencesPage
from davserver.editor.saving.apart import KnownApart
from davserver.editor.saving.callbacks import Callback
from davserver.editor.saving.forced_saves import ForcedSaves
from davserver.editor.saving.news import SaveNews
from davserver.editor.saving.rescue import Rescue, Rescued, Rescues
from davserver.editor.saving.standing import Standing
from davserver.editor.saving.storing import Storing
from davserver.editor.saving.submissions import FormResults
from davserver.editor.server.client import MAX_BYTES, DocumentServer
from davserver.editor.server.downloads import Download
from davserver.editor.server.probe import PROBE_PURPOSE, Probe
from davserver.editor.server.servers import Servers
from davserver.editor.server.tokens import ServerTokens
from davserver.editor.sessions.ending import Ending
from davserver.editor.sessions.joining import Joining
from davserver.editor.sessions.live import LiveEditing
from davserver.editor.sessions.presence import Presence
from davserver.editor.versions.highlighting import Highlighting
from davserver.editor.versions.history import History
from davserver.editor.versions.preview import Preview
from davserver.editor.versions.restoring import Restoring
from davserver.editor.versions.versions import VersionsPage
from davserver.errors import NoDocumentServer
from davserver.pages import Pages
from davserver.providers.exclusion import Exclusion
from davserver.providers.marks import Marks
from davserver.providers.notices import Notices
from davserver.providers.outages import Outages
from davserver.providers.pictures import Pictures
from davserver.providers.preferences import PreferenceRows
from davserver.providers.probes import Probes
from davserver.providers.saves import Apart, Saves
from davserver.providers.server_health import ServerHealth
from davserver.providers.sessions import EditSessions
from davserver.providers.share import DAY, Share
from davserver.providers.timeline import Timeline
from davserver.resources import resource_dir
from davserver.settings import Settings
from davserver.tokens import Tokens
from davserver.translations import Languages
from davserver.web import Handler, Request, Response
from davserver.wishes import CO_EDITING

_CALLBACKS_KEPT = 60 * DAY


@dataclass(frozen=True, slots=True)
class Editing:
    """What the editing adds to the application: addresses, and tasks of the housekeeping.

    ``rescue`` fetches what the Document Server keeps; None if there is no server. ``apart`` tells
    which saves lie in a folder beside their files, and why.
    """

    opening: Opening
    servers: Servers | None
    offers: Offers
    beginnings: Beginnings
    sessions: EditSessions
    routes: dict[str, tuple[str, Handler]]
    tasks: dict[str, Callable[[], object]]
    rescue: Callable[[], list[Rescued]] | None
    in_other_format: Handler
    forced_saves: ForcedSaves | None
    ending: Ending | None
    apart: Callable[[str], list[tuple[Apart, str]]]


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions for commands; without a Document Server nobody can be asked to save."""

    all: EditSessions
    forced_saves: ForcedSaves | None
    ending: Ending | None


def open_sessions(settings: Settings, share: Share) -> Sessions:
    """What is being edited, for a process beside the server."""
    sessions = _sessions(settings, share)
    configured = document_servers(settings)
    if not configured:
        return Sessions(sessions, None, None)
    servers = _in_order(configured, share)
    forced_saves = ForcedSaves(sessions, Saves(share.catalog), servers)
    return Sessions(sessions, forced_saves, Ending(sessions, servers, forced_saves))


def open_office(
    settings: Settings,
    share: Share,
    pages: Pages,
    secret: bytes,
    standing: Standing,
    reported: Callable[[object, str], None],
    noted: Callable[..., None],
    everybody: Callable[[], Iterable[Member]],
    pictures: Pictures,
) -> Editing:
    """Everything about editing; without a Document Server its addresses say so.

    ``reported`` counts a report of the Document Server, ``noted`` writes into the audit log;
    ``everybody`` tells all users.
    """
    instance_id = share.catalog.instance_id()
    sessions, saves = _sessions(settings, share), Saves(share.catalog)
    preferences = PreferenceRows(share.catalog)
    office = _office(settings, share, secret, sessions, saves, preferences)
    personal = Personal(share.files, share.access, Marks(share.catalog), pictures)
    converter = _converter(settings, office, instance_id)
    blank = BlankDocuments(resource_dir("templates"))
    forms = BlankForms(office, converter) if office and converter else None
    making = _making(settings, share, pages, blank, forms, preferences)
    opening = Opening(
        share.files,
        share.access,
        share.links,
        settings.edit_formats,
        settings.editor_groups,
        settings.restrictions,
        instance_id,
        Occasions(share.files, making.beginnings),
        office,
        personal,
    )
    files = OpenFile(
        pages,
        share.files,
        share.locks,
        share.access,
        opening,
        settings.embedders,
        tells_changes=settings.conflict != "fork",
    )
    other = OtherFormat(
        pages, share.files, share.access, opening, converter, partial(_most_bytes, office)
    )
    forced_saves = ForcedSaves(sessions, saves, office.servers) if office else None
    ending = Ending(sessions, office.servers, forced_saves) if office and forced_saves else None
    restoring = Restoring(share.files, sessions, office.servers if office else None, ending)
    preview = Preview(pages, share.files, share.access, opening, instance_id, files.view)
    versions = VersionsPage(pages, share.files, share.highlights, share.access, restoring)
    readers = Readers(share.access, pictures, everybody)
    ways = _ways(settings, pages.languages)
    deliveries = Deliveries(Notices(share.catalog), settings.public_url, ways)
    news = SaveNews(saves, sessions, share.files, share.access, everybody, ways)
    known_apart = KnownApart(saves, share.access)
    routes: dict[str, tuple[str, Handler]] = {
        EDIT: ("GET HEAD", files.edit),
        VIEW: ("GET HEAD", preview),
        TEXT: ("GET HEAD", files.text),
        CONFIG: ("GET HEAD", files.config),
        ALIVE: ("POST", files.alive),
        APART: ("POST", known_apart),
        NEW: ("GET HEAD POST", making.new),
        PREFERENCES: ("GET HEAD POST", _preferences_page(settings, pages, preferences, office)),
        CONVERT: ("POST", other.convert),
        CONVERT_PAGE: ("GET HEAD", other.page),
        DOWNLOAD_AS: ("GET HEAD", other.download_as),
        VERSIONS: ("GET HEAD POST", versions),
        HISTORY: ("GET HEAD POST", _nobody_there),
        DOWNLOAD: ("GET HEAD", _nobody_there),
        CALLBACK: ("POST", _nobody_there),
        **inside_routes(share, opening, personal, instance_id, readers, ways),
        # There without a Document Server, too: one is tried before it is configured.
        PROBE: ("GET HEAD", Probe(Tokens(secret, PROBE_PURPOSE), Probes(share.catalog), blank)),
    }
    tasks: dict[str, Callable[[], object]] = {
        "sessions": lambda: sessions.purge_older_than(_CALLBACKS_KEPT),
        "news of saves": news.tell,
        "notices": deliveries.run,
    }
    rescues = None
    if office is not None and converter is not None:
        back = SavingBack(office.servers, converter, share.files)
        storing = Storing(share.files, saves, standing, back)
        callback = _callback(share, office, storing, standing, saves, reported)
        rescues = Rescues(
            [Rescue(storing, sessions, server, reported, noted) for server in office.servers]
        )
        tasks["rescue"] = rescues.when_due
        download = Download(
            share.files,
            share.highlights,
            office.download_links,
            office.servers,
            blank,
            office.timeline,
            sessions,
        )
        history = History(
            share.files, share.highlights, share.access, restoring, office, instance_id
        )
        routes |= {
            DOWNLOAD: ("GET HEAD", download),
            CALLBACK: ("POST", callback),
            HISTORY: ("GET HEAD POST", history),
        }
        tasks["rights of editors"] = partial(standing.drop, sessions, office.servers)
        tasks["Document Servers"] = office.servers.check
        tasks["news of Document Servers"] = Outages(share.catalog, ways).tell
        tasks["who edits"] = office.joining.presence.reconcile
        if forced_saves and settings.save_minutes:
            tasks["saves"] = partial(forced_saves.save_overdue, settings.save_minutes)
    live = LiveEditing(share.files, share.locks, share.access, sessions, opening, ending)
    routes |= {
        SESSIONS: ("GET HEAD", live.sessions),
        EDITING: ("GET HEAD", live.editing),
        TAKE_OVER: ("POST", live.take_over),
        END_SESSION: ("POST", live.end),
    }
    return Editing(
        opening,
        office.servers if office else None,
        Offers(settings.click_actions, preferences, in_tab=settings.open_in == "tab"),
        making.beginnings,
        sessions,
        routes,
        tasks,
        rescues.run if rescues else None,
        other.of_file,
        forced_saves,
        ending,
        known_apart.in_folder,
    )


def _callback(
    share: Share,
    office: Office,
    storing: Storing,
    standing: Standing,
    saves: Saves,
    reported: Callable[[object, str], None],
) -> Callback:
    """What takes the reports of the Document Servers."""
    return Callback(
        storing,
        Highlighting(share.highlights, saves, share.files, office.servers),
        FormResults(share.files, share.trees, saves, standing),
        office.sessions,
        office.servers,
        office.callback_links,
        reported,
        office.timeline,
    )


def _sessions(settings: Settings, share: Share) -> EditSessions:
    return EditSessions(
        share.store,
        share.catalog,
        Exclusion(settings.state / "exclusion" / "sessions"),
        partial(document_key, share.catalog.instance_id()),
        locking=settings.conflict == "lock",
    )


@dataclass(frozen=True, slots=True)
class _Making:
    """What makes new documents."""

    new: NewDocument
    beginnings: Beginnings


def _making(
    settings: Settings,
    share: Share,
    pages: Pages,
    blank: BlankDocuments,
    forms: BlankForms | None,
    preferences: PreferenceRows,
) -> _Making:
    habits = Habits(
        preferences,
        settings.new_locale,
        settings.new_paper,
        settings.new_format,
        families_of(settings.edit_formats),
    )
    templates = Templates(
        share.files, share.access, settings.templates_folder, settings.home_folders
    )
    new = NewDocument(
        pages,
        share.files,
        share.access,
        blank,
        templates,
        habits,
        settings.max_document_bytes or MAX_BYTES,
        forms,
    )
    beginnings = Beginnings(pages, share.access, habits, templates, forms=forms is not None)
    return _Making(new, beginnings)


def _preferences_page(
    settings: Settings, pages: Pages, preferences: PreferenceRows, office: Office | None
) -> PreferencesPage:
    """Where people say how they work: of the editor, what they may choose here."""
    own = settings.own_customization if office else ()
    if not settings.co_editing_change:
        own = tuple(key for key in own if key != CO_EDITING)
    return PreferencesPage(
        pages, preferences, families_of(settings.edit_formats), own, has_office=office is not None
    )


def _ways(settings: Settings, languages: Languages) -> dict[str, Way]:
    """How notices are sent out."""
    ways: dict[str, Way] = {}
    if settings.smtp_host:
        ways["mail"] = Mail(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_user,
            settings.mail_password(),
            settings.smtp_from,
            settings.smtp_ca,
            languages.of,
        )
    if settings.webhook:
        ways["hook"] = Webhook(settings.webhook, settings.hook_secret())
    return ways


def preload_page(settings: Settings) -> str:
    """The page that loads the editor's scripts ahead, where that is wanted (Docs API, 9.0)."""
    servers = settings.office_servers() if settings.preload_editor else ()
    return servers[0].address + PRELOAD_PAGE if servers else ""


def document_servers(settings: Settings) -> list[DocumentServer]:
    """Those that are configured, the preferred one first. Raises SettingsWrong for a bad secret."""
    return [
        DocumentServer(
            one.address,
            one.internal,
            ServerTokens(
                one.secret,
                one.header,
                one.prefix,
                settings.jwt_seconds,
                settings.jwt_leeway_seconds,
            ),
            settings.max_document_bytes,
            one.verify,
        )
        for one in settings.office_servers()
    ]


def _office(
    settings: Settings,
    share: Share,
    secret: bytes,
    sessions: EditSessions,
    saves: Saves,
    preferences: PreferenceRows,
) -> Office | None:
    """The Document Servers, if one is configured."""
    servers = document_servers(settings)
    if not servers:
        return None
    in_order = _in_order(servers, share)
    return Office(
        in_order,
        sessions,
        Joining(sessions, saves, Presence(sessions, in_order)),
        Tokens(secret, "download"),
        Tokens(secret, "callback"),
        settings.internal_url,
        settings.editor_customization,
        preferences,
        Timeline(share.catalog),
    )


def _in_order(servers: list[DocumentServer], share: Share) -> Servers:
    for server in servers:
        server.when_commanded = Timeline(share.catalog).commanded
    return Servers(servers, ServerHealth(share.catalog))


def _converter(settings: Settings, office: Office | None, instance_id: str) -> Converter | None:
    """What converts, if there is a Document Server that does."""
    if office is None:
        return None
    turns = Turns(
        Exclusion(settings.state / "exclusion" / "conversions"),
        settings.conversions_at_once,
        settings.threads // 2,
        settings.conversions_per_minute,
    )
    return Converter(office.servers, turns, instance_id)


def _most_bytes(office: Office | None) -> int:
    """The largest file that is converted now."""
    return office.servers.for_new().max_bytes if office else 0


def _nobody_there(_: Request) -> Response:
    raise NoDocumentServer
