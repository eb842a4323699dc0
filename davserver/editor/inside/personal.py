"""What the editor tells one person about a document: marked, whose, since when; what else there is.

Source: Docs API, "Config", "info", "recent", "actionLink".
"""

from datetime import datetime
from json import dumps, loads
from typing import Any

from davserver import paths
from davserver.editor.config import title
from davserver.editor.middleware import EDIT
from davserver.errors import BadRequest, Conflict, Forbidden
from davserver.initials import data_url
from davserver.model import Entry, Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.marks import Marks
from davserver.providers.pictures import PICTURE_TYPE, Pictures
from davserver.web import Request, Response, json
from davserver.words import say

MAX_RECENT = 10
MAX_ANCHOR = 2000


class Personal:
    """Adds to configurations, and keeps the marks of those who have a name here."""

    def __init__(
        self, files: VersionedFiles, access: Access, marks: Marks, pictures: Pictures
    ) -> None:
        self._files = files
        self._access = access
        self._marks = marks
        self._pictures = pictures

    def add_to(
        self, config: dict[str, Any], request: Request, entry: Entry, resource_id: str
    ) -> None:
        """Add to ``config`` before it is signed. Guests have no marks, so they see no star."""
        info, editor = config["document"]["info"], config["editorConfig"]
        # Nor has who comes by an editor link, for whom nothing but this document is there.
        name = "" if request.principal.scope == entry.path else request.principal.name
        created, owner = self._files.beginning_of(resource_id)
        info["uploaded"] = uploaded(created or entry.modified)
        if owner and name:
            info["owner"] = owner
        image = self._pictures.of([request.principal.name]).get(request.principal.name)
        if image:
            editor["user"]["image"] = data_url(PICTURE_TYPE, image)
        if name:
            info["favorite"] = self._marks.is_favourite(name, resource_id)
            recent = self._recent(request, entry.path)
            if recent:
                editor["recent"] = recent
        place = anchor(request.query.get("anchor", ""))
        if place is not None:
            editor["actionLink"] = place

    def opened(self, request: Request, resource_id: str) -> None:
        """The person looks at this document now."""
        if request.principal.name:
            self._marks.opened(request.principal.name, resource_id)

    def favorite(self, request: Request) -> Response:
        """POST /-/api/favorite with ``path`` and ``favorite``, yes or no: set or take the mark."""
        wanted, name = request.form.get("favorite", ""), request.principal.name
        if wanted not in {"yes", "no"}:
            raise BadRequest("favorite is yes or no.")
        if not name:
            raise Forbidden(say("Only who has a name here can mark files."))
        path = self._files.as_stored(request.resource(request.form.get("path", "")))
        self._access.check(request.principal, path, Right.READ)
        if self._files.entry(path).is_folder:
            raise Conflict(say("This is a folder."))
        resource_id = self._files.identify(path)
        self._marks.set_favourite(name, resource_id, is_favourite=wanted == "yes")
        return json(dumps({"favorite": wanted == "yes"}))

    def _recent(self, request: Request, present: str) -> list[dict[str, str]]:
        """Those that they may still read, but not the one that is open."""
        found: list[dict[str, str]] = []
        for path in self._marks.recent(request.principal.name):
            if path == present or len(found) == MAX_RECENT:
                continue
            if Right.READ not in self._access.rights(request.principal, path):
                continue
            if self._files.find(path) is None:
                continue
            folder = paths.decoded(request.addresses.target(paths.parent(path)))
            url = request.origin + request.addresses.page(EDIT, path)
            found.append({"folder": title(folder), "title": title(paths.name(path)), "url": url})
        return found


def uploaded(moment: datetime) -> str:
    """A time as the editor shows it, letter by letter (Config, document, "info", "uploaded")."""
    twelve = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment:%Y-%m-%d} {twelve}:{moment:%M} {half} UTC"


def anchor(text: str) -> dict[str, Any] | None:
    """The place in a document that an address names after ``?anchor=``; None for what is none.

    It is what the editor gave for the link ("onMakeActionLink"): ``{"action": {"type", "data"}}``.
    """
    if not 0 < len(text) <= MAX_ANCHOR:
        return None
    try:
        place = loads(text)
    except (ValueError, RecursionError):
        return None
    action = place.get("action") if isinstance(place, dict) else None
    if not isinstance(action, dict) or not all(
        isinstance(action.get(name), str) for name in ("type", "data")
    ):
        return None
    return {"action": {name: action[name] for name in ("type", "data")}}
