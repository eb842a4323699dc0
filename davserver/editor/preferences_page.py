"""/-/preferences: how one wants to work: clicks, the editor's look, new documents."""

from collections.abc import Collection

from davserver import wishes
from davserver.editor.middleware import PREFERENCES
from davserver.editor.offers import KINDS
from davserver.errors import BadRequest, Forbidden
from davserver.language import LANGUAGES, named, normalized
from davserver.model import Click
from davserver.pages import Pages
from davserver.providers.preferences import PreferenceRows, Preferences
from davserver.web import Request, Response, redirect
from davserver.words import say

_PAPERS = ("", "a4", "letter")
_PLACES = ("", "same", "tab")
_CLICK = "click."
"""Begins the names of the fields that say what a click does."""
_MAX_LANGUAGE = 16


class PreferencesPage:
    """GET: the page. POST: keep ``language``, ``paper`` and ``family`` of new documents,
    ``open_in``, ``click.<kind>``, ``look.<key>`` and ``pages_language``; what is empty or not there
    is no wish.

    ``families`` are those whose documents open for editing here, ``own`` the keys of ``wishes``
    that people may choose.
    """

    def __init__(
        self,
        pages: Pages,
        rows: PreferenceRows,
        families: Collection[str],
        own: Collection[str],
        *,
        has_office: bool,
    ) -> None:
        self._pages = pages
        self._rows = rows
        self._families = tuple(families)
        self._own = tuple(own)
        self._clicks = [one for one in Click if has_office or one is not Click.VIEW]

    def __call__(self, request: Request) -> Response:
        name = request.principal.name
        if not name or request.link:
            raise Forbidden(say("Sign in to say how you want to work."))
        if request.method == "POST":
            self._rows.keep(name, self._wanted(request))
            return redirect(f"{request.url(PREFERENCES)}?done=yes")
        own = self._rows.of(name)
        return self._pages.render(
            request,
            "preferences.html",
            own=own,
            look={key: wishes.said(value) for key, value in own.look.items()},
            may_choose=self._own,
            clicks=[one.value for one in self._clicks],
            languages=sorted(((one, named(one)) for one in LANGUAGES), key=lambda one: one[1]),
            families=self._families,
            page_languages=[(one, named(one)) for one in request.page_languages],
            done="done" in request.query,
        )

    def _wanted(self, request: Request) -> Preferences:
        form = request.form
        language = form.get("language", "")
        known = (normalized(language) or "") if language else ""
        if bool(language) != bool(known) or len(known) > _MAX_LANGUAGE:
            raise BadRequest(say("A language is written like de-DE."))
        try:
            look = wishes.read(form, self._own)
        except ValueError as wrong:
            raise BadRequest(str(wrong)) from None
        wanted = Preferences(
            known,
            form.get("paper", ""),
            form.get("family", ""),
            form.get("open_in", ""),
            self._wanted_clicks(form),
            look,
            form.get("pages_language", ""),
        )
        if wanted.pages_language not in ("", *request.page_languages):
            raise BadRequest(say("Our pages are not in this language."))
        if wanted.paper not in _PAPERS or wanted.family not in ("", *self._families):
            raise BadRequest(
                "The paper is a4 or letter, the family ooxml or odf; empty is no wish."
            )
        if wanted.open_in not in _PLACES:
            raise BadRequest("open_in is same or tab; empty is no wish.")
        return wanted

    def _wanted_clicks(self, form: dict[str, str]) -> dict[str, str]:
        told = {kind: form[_CLICK + kind] for kind in KINDS if form.get(_CLICK + kind)}
        if not set(told.values()) <= set(self._clicks):
            raise BadRequest(
                say(
                    "A click does one of {clicks}; empty is no wish.",
                    clicks=", ".join(self._clicks),
                )
            )
        return told
