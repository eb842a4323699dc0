"""The editor's routes, before the folder's own addresses."""

from collections.abc import Iterable

from davserver.pages import EDIT as EDIT
from davserver.web import App, Environ, Handler, Request, Routes, StartResponse

VIEW = "/-/view/"
TEXT = "/-/text/"
NEW = "/-/new"
PREFERENCES = "/-/preferences"
VERSIONS = "/-/versions/"
ALIVE = "/-/alive/"
DOWNLOAD = "/-/download/"
CALLBACK = "/-/callback/"
APART = "/-/apart"
CONFIG = "/-/api/editor-config"
HISTORY = "/-/api/history"
CONVERT = "/-/convert"
CONVERT_PAGE = "/-/convert/"
DOWNLOAD_AS = "/-/download-as/"
SESSIONS = "/-/api/sessions"
EDITING = "/-/api/editing"
TAKE_OVER = "/-/api/take-over"
END_SESSION = "/-/api/end-session"

FILES = "/-/api/files"
SAVE_AS = "/-/api/save-as"
RENAME = "/-/api/rename"
WHERE = "/-/api/where"
INSERT = "/-/api/insert"
REFERENCE = "/-/api/reference"
FAVORITE = "/-/api/favorite"
PEOPLE = "/-/api/people"
MENTION = "/-/api/mention"

OF_EDITOR = (FILES, SAVE_AS, RENAME, WHERE, INSERT, REFERENCE, PEOPLE)
"""What the editor's page asks for while a document is open; by a link too."""

BY_TOKEN = (DOWNLOAD, CALLBACK)
"""The Document Server's routes: it cannot sign in, it brings tokens."""


class EditorMiddleware(Routes):
    """WSGI middleware that adds editor pages, downloads and callbacks to the app behind it."""


class OtherFormats:
    """WSGI middleware: ``GET /a.docx?as=pdf`` goes to ``handler``, everything else on."""

    def __init__(self, next_app: App, handler: Handler) -> None:
        self._next = next_app
        self._handler = handler

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if "as=" not in environ.get("QUERY_STRING", ""):
            return self._next(environ, start_response)
        request = Request.of(environ)
        is_file = not request.target.startswith("/-/") and not request.has_trailing_slash
        if request.method not in {"GET", "HEAD"} or not is_file or not request.query.get("as"):
            return self._next(environ, start_response)
        return self._handler(request).send(start_response, head=request.method == "HEAD")
