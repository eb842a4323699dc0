"""An empty PDF form, which the Document Server makes of a blank document.

Source: Docs API, "Conversion API", "pdf": {"form": true}.
"""

from davserver.editor.conversion.conversions import Source, Wanted
from davserver.editor.conversion.converting import Converter
from davserver.editor.creating.habits import Habit
from davserver.editor.middleware import BLANK, DOWNLOAD
from davserver.editor.opening import Office
from davserver.model import link_of
from davserver.providers.stores import Spool
from davserver.web import Request

SOURCE_SECONDS = 30 * 60
"""Life of the address that the Document Server fetches the blank document from."""


class BlankForms:
    """Makes forms by ``converter``."""

    def __init__(self, office: Office, converter: Converter) -> None:
        self._office = office
        self._converter = converter

    def write(self, request: Request, habit: Habit, spool: Spool) -> None:
        """Write a form into ``spool``. Raises what ``Converter.convert`` raises."""
        of_blank = [habit.language, habit.paper]
        us = self._office.internal_url or request.origin + request.site
        token = self._office.download_links.issue({BLANK: of_blank}, SOURCE_SECONDS)
        identity = "\0".join((BLANK, *of_blank))
        source = Source("docx", us + DOWNLOAD + token, identity)
        actor = request.principal.actor
        link = link_of(actor)
        who = f"link:{link}" if link else actor
        self._converter.convert(source, Wanted("pdf", hints={"pdf": {"form": True}}), spool, who)
