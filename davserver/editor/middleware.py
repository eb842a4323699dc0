"""The editor's routes, before the folder's own addresses."""

from davserver.web import App, Handler, Routes

EDIT = "/-/edit/"
VIEW = "/-/view/"
TEXT = "/-/text/"
NEW = "/-/new"
VERSIONS = "/-/versions/"
ALIVE = "/-/alive/"
DOWNLOAD = "/-/download/"
CALLBACK = "/-/callback/"

BY_TOKEN = (DOWNLOAD, CALLBACK)
"""The Document Server's routes: it cannot sign in, it brings tokens."""


class EditorMiddleware(Routes):
    """WSGI middleware that adds editor pages, downloads and callbacks to the app behind it."""

    def __init__(
        self,
        next_app: App,
        *,
        edit: Handler,
        view: Handler,
        text: Handler,
        new: Handler,
        versions: Handler,
        alive: Handler,
        download: Handler,
        callback: Handler,
    ) -> None:
        super().__init__(
            next_app,
            {
                EDIT: ("GET HEAD", edit),
                VIEW: ("GET HEAD", view),
                TEXT: ("GET HEAD", text),
                NEW: ("POST", new),
                VERSIONS: ("GET HEAD POST", versions),
                ALIVE: ("POST", alive),
                DOWNLOAD: ("GET HEAD", download),
                CALLBACK: ("POST", callback),
            },
        )
