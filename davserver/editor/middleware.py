"""The editor's routes, before the folder's own addresses."""

from davserver.web import Routes

EDIT = "/-/edit/"
VIEW = "/-/view/"
TEXT = "/-/text/"
NEW = "/-/new"
VERSIONS = "/-/versions/"
ALIVE = "/-/alive/"
DOWNLOAD = "/-/download/"
CALLBACK = "/-/callback/"
CONFIG = "/-/api/editor-config"

BY_TOKEN = (DOWNLOAD, CALLBACK)
"""The Document Server's routes: it cannot sign in, it brings tokens."""


class EditorMiddleware(Routes):
    """WSGI middleware that adds editor pages, downloads and callbacks to the app behind it."""
