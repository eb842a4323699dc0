"""Why the Document Server did not convert a file, in words that say what to do.

Source: Docs API, "Conversion API", error codes; which cause leads to which was read in its code.
"""

from dataclasses import dataclass

from davserver.errors import DavserverError
from davserver.words import say


class NotConverted(DavserverError):
    """The Document Server did not convert a file; ``code`` is what it says (Docs API, "error").

    ``asks`` is what the person can add and try again: "password", "target", or nothing.
    """

    status = 502

    def __init__(self, code: int, message: str, status: int = 502, asks: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.asks = asks


class TooManyConversions(DavserverError):
    """Somebody asks for more conversions than one may in a minute (RFC 6585, 4)."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(
            say(
                "You asked for many conversions within a minute. Try again in {seconds} seconds.",
                seconds=seconds,
            )
        )
        self.seconds = seconds

    def headers(self) -> list[tuple[str, str]]:
        return [("Retry-After", str(self.seconds))]


UNKNOWN = -1
PASSWORD_NEEDED = -5
UNFINISHED = -2
TOO_LARGE = -10


@dataclass(frozen=True, slots=True)
class _Refusal:
    words: str
    status: int = 502
    asks: str = ""


_LOG = say("Whoever runs it finds more in the Document Server's log.")

_REFUSALS = {
    UNKNOWN: _Refusal(
        say(
            "The Document Server could not convert the file, and does not say why. Try again. "
            "{log}",
            log=_LOG,
        )
    ),
    UNFINISHED: _Refusal(
        say("The conversion takes too long. It may go on meanwhile: try again in a minute."), 504
    ),
    -3: _Refusal(
        say(
            "The Document Server cannot convert this file: it is damaged, or not what its name "
            "says. Open it in the program that made it, and save it again."
        ),
        422,
    ),
    -4: _Refusal(
        say(
            "The Document Server could not fetch the file from this server. Whoever runs it finds "
            "the reason with `davserver doctor`; often internal_url has to be set."
        )
    ),
    PASSWORD_NEEDED: _Refusal(
        say("This file has a password. Type it to convert the file."), 422, "password"
    ),
    -6: _Refusal(
        say(
            "The Document Server cannot keep its list of work just now. Try again. {log}", log=_LOG
        ),
        503,
    ),
    -7: _Refusal(
        say("The Document Server does not convert this format into that one."), 422, "target"
    ),
    -8: _Refusal(
        say(
            "The Document Server does not accept this server's signature. Whoever runs it compares "
            "the secrets (jwt_secret_file here, JWT_SECRET there) and the clocks of both."
        )
    ),
    -9: _Refusal(
        say("The file does not tell whether it is a document or a spreadsheet. Choose one."),
        422,
        "target",
    ),
    TOO_LARGE: _Refusal(
        say(
            "The file is too large for the Document Server, packed or unpacked: it takes 100 MB, "
            "of which a document or presentation unpacks to 50 MB at most, a spreadsheet to 300 "
            "MB. Divide it; or whoever runs the Document Server raises maxDownloadBytes and "
            "inputLimits."
        ),
        413,
    ),
    -20: _Refusal(
        say(
            "The Document Server could not check the signature of this encrypted file. Save it "
            "without encryption, and convert that."
        ),
        422,
    ),
}
_WRONG_PASSWORD = say("This is not the password of the file.")


def refusal(code: int, *, had_password: bool = False) -> NotConverted:
    """The fact behind ``code``."""
    known = _REFUSALS.get(code)
    if known is None:
        return NotConverted(
            code,
            say(
                "The Document Server did not convert the file (error {code}). {log}",
                code=code,
                log=_LOG,
            ),
        )
    words = _WRONG_PASSWORD if code == PASSWORD_NEEDED and had_password else known.words
    return NotConverted(code, words, known.status, known.asks)
