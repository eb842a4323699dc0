"""The editor's configuration. Pure: values in, the dictionary for DocEditor out.

Source: ONLYOFFICE Docs API, "Config".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from davserver.editor.actions import usable
from davserver.editor.formats import Format, document_type
from davserver.editor.surfaces import Surface
from davserver.language import for_editor, region_of
from davserver.model import (
    NO_RIGHTS,
    DocumentKey,
    Entry,
    Grant,
    GuestNames,
    Link,
    Principal,
    Right,
    Rights,
    Role,
)

_GIVEN = {
    Role.NONE: "Deny Access",
    Role.UPLOADER: "Custom",
    Role.VIEWER: "Read Only",
    Role.FORM_FILLER: "Form Filling",
    Role.COMMENTER: "Comment",
    Role.REVIEWER: "Review",
    Role.EDITOR: "Full Access",
    Role.MANAGER: "Full Access",
}

MAX_TITLE = 128
"""Config, document, "title": at most 128 characters."""


@dataclass(frozen=True, slots=True)
class Links:
    """Absolute addresses: two as the Document Server reaches us, and one for the browser."""

    download: str
    callback: str
    folder: str


@dataclass(frozen=True, slots=True)
class Reader:
    """The person in front of the editor, their language as BCP 47, and the link they came by.

    ``folder`` is where the document is, as they know it; ``sharing`` what they are told of others.
    ``watermark`` is shown over it; ``restricted`` has the permissions that their groups restrict.
    """

    principal: Principal
    language: str
    folder: str
    link: Link | None = None
    sharing: tuple[dict[str, Any], ...] = ()
    watermark: str = ""
    restricted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What else a configuration depends on: the form of the editor, the server's version (empty if
    it is not known), and whether a PDF is a form (None for what is no PDF).

    ``embedded`` has the addresses that an embedded viewer offers, by their names there.
    ``create_url`` and ``templates`` are what the editor's File menu offers to begin with.
    """

    surface: Surface = Surface.DESKTOP
    version: tuple[int, ...] = ()
    is_form: bool | None = None
    embedded: Mapping[str, str] = field(default_factory=dict)
    create_url: str = ""
    templates: tuple[Mapping[str, Any], ...] = ()


def editor_config(
    entry: Entry,
    known: Format,
    key: DocumentKey,
    links: Links,
    reader: Reader,
    *,
    rights: Rights,
    saves: bool,
    resource_id: str,
    instance_id: str,
    offers_editing: bool = False,
    occasion: Occasion = Occasion(),
) -> dict[str, Any]:
    """The configuration that is signed, and handed to DocEditor with its token.

    ``saves`` says that the person takes part in a session that is saved. A viewer gets the callback
    address too, so that somebody who joins later in edit mode finds a session with one. With
    ``offers_editing`` a viewer's editor has a button that leads to edit mode ("edit" in mode
    "view": Events, "onRequestEditRights").
    """
    region = region_of(reader.language)
    config: dict[str, Any] = {
        "type": occasion.surface.value,
        "documentType": document_type(known.kind, occasion.version).value,
        "width": "100%",
        "height": "100%",
        "document": {
            "title": title(entry.name),
            "fileType": known.extension,
            "key": key.value,
            "url": links.download,
            "info": {"folder": reader.folder},
            "referenceData": {"fileKey": resource_id, "instanceId": instance_id},
            "permissions": {**permissions(known, rights, saves=saves), **reader.restricted},
        },
        "editorConfig": {
            "mode": "edit" if saves else "view",
            "callbackUrl": links.callback,
            "lang": for_editor(reader.language),
            "user": user(reader.principal),
            "customization": {
                # Otherwise "Save" saves into the Document Server's cache alone until everybody has
                # left.
                "forcesave": True,
                "close": {"visible": True},
                "goback": {"url": links.folder, "blank": False},
                "uiTheme": "theme-system",
            },
        },
    }
    if offers_editing:
        config["document"]["permissions"]["edit"] = True
    if occasion.create_url:
        config["editorConfig"]["createUrl"] = occasion.create_url
    if occasion.templates:
        config["editorConfig"]["templates"] = [dict(one) for one in occasion.templates]
    if occasion.is_form is not None:
        config["document"]["isForm"] = occasion.is_form
    if occasion.is_form:
        # Without it who fills a form in has no button to send it off (Config, "submitForm").
        config["editorConfig"]["customization"]["submitForm"] = True
    if occasion.surface is Surface.EMBEDDED:
        config["editorConfig"]["embedded"] = {**occasion.embedded, "toolbarDocked": "top"}
    if reader.sharing:
        config["document"]["info"]["sharingSettings"] = list(reader.sharing)
    if reader.link is not None:
        asks = reader.link.guest_names is GuestNames.ASK
        config["editorConfig"]["customization"]["anonymous"] = {"request": asks, "label": "guest"}
    if reader.watermark:
        config["document"]["options"] = {"watermark_on_draw": watermark(reader.watermark)}
    if region:
        config["editorConfig"]["region"] = region
    return config


def permissions(known: Format, rights: Rights, *, saves: bool) -> dict[str, bool]:
    """What the person may do (Config, document, "permissions")."""
    working = usable(known, rights) if saves else NO_RIGHTS
    return {
        "edit": Right.EDIT in working,
        "review": Right.REVIEW in working,
        "comment": Right.COMMENT in working,
        "fillForms": Right.FILL in working,
        "modifyFilter": saves and Right.FILTER in rights,
        "download": Right.DOWNLOAD in rights,
        "print": Right.PRINT in rights,
        "copy": Right.COPY in rights,
        "chat": saves and Right.CHAT in rights,
        "protect": saves and Right.PROTECT in rights,
    }


def user(principal: Principal) -> dict[str, str]:
    """Who it is; nothing for somebody who did not sign in, whom the editor then asks for a name."""
    if principal.link:
        told = {"id": principal.actor}
        return {**told, "name": principal.shown} if principal.label else told
    if principal.is_anonymous:
        return {}
    told = {"id": principal.name, "name": principal.name}
    if principal.groups:
        told["group"] = ",".join(sorted(principal.groups))
    return told


def sharing_settings(grants: Iterable[Grant], links: Iterable[Link]) -> tuple[dict[str, Any], ...]:
    """Who has what, as the editor shows it (Config, document, "info", "sharingSettings")."""
    people = [
        {"user": grant.subject.partition(":")[2] or "Everybody", "permissions": _GIVEN[grant.role]}
        for grant in grants
    ]
    doors = [
        {"user": link.label or "Link", "permissions": _GIVEN[link.role], "isLink": True}
        for link in links
        if not link.has_ended
    ]
    return (*people, *doors)


def watermark(words: str) -> dict[str, Any]:
    """``words`` across every page, a paragraph for each line (Config, document, "options")."""
    runs = [{"text": line, "fill": [124, 124, 124], "font-size": 60} for line in words.splitlines()]
    return {
        "align": 1,
        "width": 200,
        "height": 120,
        "rotate": -45,
        "transparent": 0.4,
        "paragraphs": [{"align": 2, "runs": [run]} for run in runs],
    }


def title(name: str) -> str:
    """The file's name, cut in its middle where it is longer than titles may be."""
    printable = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if len(printable) <= MAX_TITLE:
        return printable
    stem, dot, extension = printable.rpartition(".")
    return f"{stem[: MAX_TITLE - len(extension) - 2]}…{dot}{extension}"
