"""Forms-based authentication of Office (MS-OFBA): it opens our sign-in page in a dialog of its own.

Office on the desktop refuses Basic. It says that it can show a page, is told which one, and takes
the cookies from there once the dialog has come to the address where it ends.
"""

from urllib.parse import quote

from davserver.accounts.sign_in import SIGN_IN, SIGNED_IN
from davserver.web import Request, Response, text

_ACCEPTED = "X-FORMS_BASED_AUTH_ACCEPTED"
_DIALOG = "640x720"


def announces(request: Request) -> bool:
    """Whether the program can show our page (MS-OFBA, 2.2.1)."""
    return request.header(_ACCEPTED).strip().lower() == "t"


def refusal(request: Request) -> Response:
    """403 with the addresses of the page and of its end (MS-OFBA, 2.2.2 to 2.2.4)."""
    end = request.origin + request.url(SIGNED_IN)
    page = f"{request.origin}{request.url(SIGN_IN)}?next={quote(SIGNED_IN)}"
    response = text(403, "Sign in on the page that X-FORMS_BASED_AUTH_REQUIRED names.")
    response.headers.extend(
        [
            ("X-FORMS_BASED_AUTH_REQUIRED", page),
            ("X-FORMS_BASED_AUTH_RETURN_URL", end),
            ("X-FORMS_BASED_AUTH_DIALOG_SIZE", _DIALOG),
        ]
    )
    return response
