"""/-/assets/<version>/<name>: scripts and styles, cached for ever: their address changes too.

``words.<language>.js`` is what scripts say in another language than English (``Languages``).
"""

from pathlib import Path

from davserver.errors import NotFound
from davserver.pages import ASSETS, WORDS
from davserver.translations import Languages
from davserver.web import Request, Response

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The editor shows these, and it is another site's page.
_FOR_EDITOR = "template-"
_FOREVER = "public, max-age=31536000, immutable"
_AN_HOUR = "public, max-age=3600"
_FOR_OTHERS = "embed.js"
"""The script for pages of other sites, which know no version."""


class Assets:
    """The files of the assets folder, read once."""

    def __init__(self, folder: Path, languages: Languages) -> None:
        self._languages = languages
        self._files = {
            file.name: (file.read_bytes(), _TYPES[file.suffix])
            for file in folder.iterdir()
            if file.is_file()
        }

    def __call__(self, request: Request) -> Response:
        name = request.below(ASSETS).rpartition("/")[2]
        content, media_type = self._files.get(name) or self._words(request, name)
        is_for_others = name == _FOR_OTHERS
        headers = [
            ("Content-Type", media_type),
            ("Cache-Control", _AN_HOUR if is_for_others else _FOREVER),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", _may_be_shown(name)),
        ]
        return Response(200, content, headers)

    def _words(self, request: Request, name: str) -> tuple[bytes, str]:
        tag = name.removeprefix(f"{WORDS}.").removesuffix(".js")
        if name != f"{WORDS}.{tag}.js" or tag not in self._languages.tags:
            raise NotFound(request.target)
        return self._languages.get(tag).scripts.encode(), _TYPES[".js"]


def _may_be_shown(name: str) -> str:
    is_for_others = name == _FOR_OTHERS or name.startswith(_FOR_EDITOR)
    return "cross-origin" if is_for_others else "same-origin"
