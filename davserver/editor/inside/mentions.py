"""POST /-/api/mention: somebody was named in a comment, and is told so."""

from collections.abc import Collection
from json import dumps

from davserver.audit import Event
from davserver.editor.inside.personal import anchor
from davserver.editor.inside.readers import Readers
from davserver.errors import BadRequest, Forbidden, TooManyNotices
from davserver.model import Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.notices import Kind, News, Notices
from davserver.web import Request, Response, json
from davserver.words import say

MAX_RECEIVERS = 50
MAX_MESSAGE = 2000
MAX_AN_HOUR = 300
"""Notices that one person can cause: nobody is flooded."""


class Mentions:
    """``ways`` are those by which notices are sent besides being shown."""

    def __init__(
        self,
        files: VersionedFiles,
        access: Access,
        readers: Readers,
        notices: Notices,
        ways: Collection[str],
    ) -> None:
        self._files = files
        self._access = access
        self._readers = readers
        self._notices = notices
        self._ways = tuple(ways)

    def __call__(self, request: Request) -> Response:
        """``told`` has the names of those who got a notice, ``others`` the addresses of the rest.

        A mention gives nobody a right: who cannot read the document hears nothing of it. ``path``
        is the document, ``emails`` has a line for each, ``anchor`` is the place as JSON (Docs API,
        "onRequestSendNotify"). Raises TooManyNotices.
        """
        form, sender = request.form, request.principal.name
        if not sender:
            raise Forbidden(say("Only who has a name here can mention others."))
        path = self._files.as_stored(request.resource(form.get("path", "")))
        self._access.check(request.principal, path, Right.READ)
        message, place = form.get("message", "").strip(), form.get("anchor", "")
        addresses = dict.fromkeys(filter(None, form.get("emails", "").split("\n")))
        if not 0 < len(addresses) <= MAX_RECEIVERS:
            raise BadRequest(
                say("Mention one person, or up to {max_receivers}.", max_receivers=MAX_RECEIVERS)
            )
        members = {one.address.casefold(): one.name for one in self._readers.of(path)}
        found = {one: members.get(one.casefold(), "") for one in addresses}
        for address, name in found.items():
            # The editor writes addresses, also those that were made up for want of one.
            message = message.replace(f"+{address}", f"+{name or address}")
        told = [name for name in found.values() if name and name != sender]
        if self._notices.sent_since(sender, 3600) + len(told) > MAX_AN_HOUR:
            raise TooManyNotices
        self._notices.add(
            News(
                Kind.MENTION,
                tuple(told),
                sender,
                self._files.identify(path),
                message[:MAX_MESSAGE],
                place if anchor(place) else "",
                ways=self._ways,
            )
        )
        if told:
            request.note(Event.MENTIONED, path=path, users=told)
        others = [address for address, name in found.items() if not name]
        return json(dumps({"told": told, "others": others}))
