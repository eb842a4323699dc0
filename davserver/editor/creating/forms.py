"""An empty PDF form, which the Document Server makes of a blank document.

The same conversion makes one of a document that is there (``conversions.FORM``).
"""

from davserver.editor.conversion.conversions import FORM, SOURCE_SECONDS, Source, Wanted
from davserver.editor.conversion.converting import Converter
from davserver.editor.creating.habits import Habit
from davserver.editor.middleware import BLANK
from davserver.editor.opening import Office
from davserver.providers.stores import Spool
from davserver.web import Request


class BlankForms:
    """Makes forms by ``converter``."""

    def __init__(self, office: Office, converter: Converter) -> None:
        self._office = office
        self._converter = converter

    def write(self, request: Request, habit: Habit, spool: Spool) -> None:
        """Write a form into ``spool``. Raises what ``Converter.convert`` raises."""
        of_blank = [habit.language, habit.paper]
        url = self._office.download(request, {BLANK: of_blank}, SOURCE_SECONDS)
        source = Source("docx", url, "\0".join((BLANK, *of_blank)))
        self._converter.convert(source, Wanted(FORM), spool, request.principal.actor)
