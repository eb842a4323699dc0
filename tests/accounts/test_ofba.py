"""Office on the desktop signs in by our page, in a window of its own (MS-OFBA)."""

from collections.abc import Callable

import pytest
import requests

from tests.accounts.browsing import Browser, session_cookie
from tests.running import ThreadServer

OFFICE = {
    "User-Agent": "Microsoft Office Word 2014 (16.0.18025) Windows NT 10.0",
    "X-FORMS_BASED_AUTH_ACCEPTED": "t",
}


@pytest.fixture
def server(serve: Callable[..., ThreadServer]) -> ThreadServer:
    return serve(ofba=True)


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "GET", "PROPFIND", "LOCK"])
def test_office_is_told_where_the_page_is(server: ThreadServer, method: str) -> None:
    answer = requests.request(method, f"{server.url}/a.docx", headers=OFFICE, timeout=20)
    assert answer.status_code == 403
    told = answer.headers
    page = f"{server.url}/-/login?next=/-/signed-in"
    assert told["X-FORMS_BASED_AUTH_REQUIRED"] == page
    assert told["X-FORMS_BASED_AUTH_RETURN_URL"] == f"{server.url}/-/signed-in"
    assert told["X-FORMS_BASED_AUTH_DIALOG_SIZE"] == "640x720"
    assert "WWW-Authenticate" not in told


def test_the_dialog_ends_there_with_a_cookie_that_stays(server: ThreadServer) -> None:
    server.client().put("/a.docx", b"x")
    dialog = Browser(server)
    done = dialog.sign_in(next="/-/signed-in")
    assert done.headers["Location"] == "/-/signed-in"
    assert f"Max-Age={12 * 3600}" in session_cookie(done)
    assert dialog.get("/-/signed-in").status_code == 200
    cookies = {"davserver-session": dialog.cookie}
    for method, status in (("OPTIONS", 200), ("HEAD", 200), ("PROPFIND", 207)):
        answer = requests.request(
            method, f"{server.url}/a.docx", headers=OFFICE, cookies=cookies, timeout=20
        )
        assert answer.status_code == status


def test_the_end_is_not_reached_without_signing_in(server: ThreadServer) -> None:
    assert Browser(server).get("/-/signed-in").status_code == 303


@pytest.mark.parametrize("accepted", [{}, {"X-FORMS_BASED_AUTH_ACCEPTED": "f"}])
def test_who_shows_no_page_is_asked_for_a_password(
    server: ThreadServer, accepted: dict[str, str]
) -> None:
    headers = {"User-Agent": OFFICE["User-Agent"], **accepted}
    assert requests.options(server.url, headers=headers, timeout=20).status_code == 200
    assert requests.get(server.url, headers=headers, timeout=20).status_code == 401


def test_it_is_an_option(serve: Callable[..., ThreadServer]) -> None:
    server = serve()
    assert requests.options(server.url, headers=OFFICE, timeout=20).status_code == 200
    assert requests.get(server.url, headers=OFFICE, timeout=20).status_code == 401
