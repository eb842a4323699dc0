"""/-/notices: what the person is told."""

from dataclasses import dataclass
from datetime import datetime

from davserver.errors import BadRequest, Forbidden, NotFound
from davserver.model import Right
from davserver.pages import EDIT, Pages
from davserver.providers.access import Access
from davserver.providers.notices import Kind, Notice, Notices
from davserver.tidings import DOCTOR, name_of, place_of, tidings
from davserver.web import Request, Response, redirect, whole_number
from davserver.words import say

ADDRESS = "/-/notices"
MAX_ROWS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page; ``leads_to`` names what its button opens, if it has one."""

    number: int
    title: str
    text: str
    quotes: bool
    leads_to: str
    made: datetime
    is_read: bool


class NoticesPage:
    """GET: the list. POST: ``open`` one by its number, or ``read`` all."""

    def __init__(self, pages: Pages, notices: Notices, access: Access) -> None:
        self._pages = pages
        self._notices = notices
        self._access = access

    def __call__(self, request: Request) -> Response:
        name = request.principal.name
        if not name:
            raise Forbidden(say("Only who has a name here gets notices."))
        if request.method == "POST":
            return redirect(self._act(request, name))
        rows = [self._row(request, one) for one in self._notices.of(name)[:MAX_ROWS]]
        return self._pages.render(
            request, "notices.html", rows=rows, unread=sum(not row.is_read for row in rows)
        )

    def _act(self, request: Request, name: str) -> str:
        """Do what the form says; where it leads."""
        if "read" in request.form:
            self._notices.read(name)
            return request.url(ADDRESS)
        number = whole_number(request.form.get("open", ""))
        if number is None:
            raise BadRequest(say("The form does not say what to do."))
        one = next((one for one in self._notices.of(name) if one.number == number), None)
        if one is None or not self._row(request, one).leads_to:
            raise NotFound(say("this document"))
        self._notices.read(name, one.number)
        if place_of(one) == DOCTOR:
            return request.url(DOCTOR)
        return request.addresses.page(EDIT, one.path) + one.query

    def _is_readable(self, request: Request, one: Notice) -> bool:
        rights = self._access.rights(request.principal, one.path) if one.path else ()
        return Right.READ in rights

    def _row(self, request: Request, one: Notice) -> Row:
        document = name_of(one) if self._is_readable(request, one) else ""
        words = tidings(one, document)
        leads_to = "the doctor" if place_of(one) == DOCTOR else document
        is_quote = one.kind is Kind.MENTION
        return Row(one.number, words.title, words.text, is_quote, leads_to, one.made, one.is_read)
