"""/-/preferences: what one wants new documents to be like."""

from collections.abc import Collection

from davserver.editor.language import LANGUAGES, named, normalized
from davserver.editor.middleware import PREFERENCES
from davserver.errors import BadRequest, Forbidden
from davserver.pages import Pages
from davserver.providers.preferences import PreferenceRows, Preferences
from davserver.web import Request, Response, redirect

_PAPERS = ("", "a4", "letter")


class PreferencesPage:
    """GET: the page. POST: keep ``language``, ``paper`` and ``family``; empty is no wish.

    ``families`` are those whose documents open for editing here.
    """

    def __init__(self, pages: Pages, rows: PreferenceRows, families: Collection[str]) -> None:
        self._pages = pages
        self._rows = rows
        self._families = tuple(families)

    def __call__(self, request: Request) -> Response:
        name = request.principal.name
        if not name or request.link:
            raise Forbidden("Sign in to say what you want new documents to be like.")
        if request.method == "POST":
            self._rows.keep(name, self._wanted(request.form))
            return redirect(f"{request.url(PREFERENCES)}?done=yes")
        return self._pages.render(
            request,
            "preferences.html",
            own=self._rows.of(name),
            languages=sorted(((one, named(one)) for one in LANGUAGES), key=lambda one: one[1]),
            families=self._families,
            done="done" in request.query,
        )

    def _wanted(self, form: dict[str, str]) -> Preferences:
        language = form.get("language", "")
        known = (normalized(language) or "") if language else ""
        wanted = Preferences(known, form.get("paper", ""), form.get("family", ""))
        if bool(language) != bool(known) or len(known) > 16:
            raise BadRequest("A language is written like de-DE.")
        if wanted.paper not in _PAPERS or wanted.family not in ("", *self._families):
            raise BadRequest(
                "The paper is a4 or letter, the family ooxml or odf; empty is no wish."
            )
        return wanted
