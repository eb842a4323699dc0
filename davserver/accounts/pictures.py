"""/-/pictures/: pictures of people. Each gives their own; who is signed in sees those of others."""

from davserver.accounts.account_page import ADDRESS as ACCOUNT
from davserver.accounts.portraits import MAX_BYTES, portrait
from davserver.accounts.sign_in import SignIn
from davserver.audit import Event
from davserver.errors import Forbidden, NotFound
from davserver.pages import PICTURES
from davserver.providers.pictures import PICTURE_TYPE, Pictures
from davserver.web import NOSNIFF, Request, Response, redirect
from davserver.words import say

# The address is the hash of what it shows: it never shows anything else.
_FOREVER = "private, max-age=31536000, immutable"


class PicturesOfPeople:
    """GET /-/pictures/<hash>: one picture. POST: a form takes one's own away, any other body is it.

    An address tells nothing about who has a picture: only who was told it can ask for it.
    """

    def __init__(self, pictures: Pictures, sign_in: SignIn) -> None:
        self._pictures = pictures
        self._sign_in = sign_in

    def __call__(self, request: Request) -> Response:
        if not request.principal.name or request.link:
            raise Forbidden(say("Sign in to see pictures of people."))
        if request.method == "POST":
            return self._change(request)
        content = self._pictures.content(request.below(PICTURES)[1:])
        if content is None:
            raise NotFound(request.target)
        headers = [
            ("Content-Type", PICTURE_TYPE),
            ("Cache-Control", _FOREVER),
            NOSNIFF,
            ("Content-Security-Policy", "default-src 'none'; sandbox"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        return Response(200, content, headers)

    def _change(self, request: Request) -> Response:
        here = self._sign_in.current(request)
        if here is None:
            raise Forbidden(say("Sign in with a browser to change your account."))
        gives = request.media_type != "application/x-www-form-urlencoded"
        outcome = "failed"
        try:
            if gives:
                self._pictures.keep(here.user, portrait(request.body(MAX_BYTES)))
            else:
                self._pictures.remove(here.user)
            outcome = "done"
        finally:
            command = f"account: {'picture' if gives else 'picture-remove'}"
            request.note(Event.ADMINISTERED, command=command, outcome=outcome)
        if gives:
            return Response(204)
        return redirect(f"{request.url(ACCOUNT)}?done=picture-removed")
