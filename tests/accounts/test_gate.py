"""Who gets in, over a socket: passwords, cookies, forms."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.accounts.browsing import session_cookie
from tests.clock import later
from tests.dav_client import DavClient
from tests.running import ADMIN, PASSWORD, ThreadServer

PAGE = {"Accept": "text/html"}


@pytest.fixture
def browser(server: ThreadServer) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers.update(PAGE)
    return session


def csrf_in(page: requests.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def sign_in(browser: requests.Session, url: str, **fields: str) -> requests.Response:
    form = browser.get(f"{url}/-/login")
    data = {"name": ADMIN, "password": PASSWORD, "csrf": csrf_in(form), **fields}
    return browser.post(f"{url}/-/login", data=data, allow_redirects=False)


def test_a_program_is_asked_for_a_password(server: ThreadServer) -> None:
    answer = DavClient(server.url).propfind("/")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="davserver", charset="UTF-8"'


def test_a_person_is_sent_to_the_sign_in_page_and_back(
    server: ThreadServer, browser: requests.Session
) -> None:
    sent = browser.get(f"{server.url}/docs/a%20b/", allow_redirects=False)
    assert sent.status_code == 303
    assert sent.headers["Location"] == "/-/login?next=/docs/a%20b/"
    done = sign_in(browser, server.url, next="/docs/a%20b/")
    assert (done.status_code, done.headers["Location"]) == (303, "/docs/a%20b/")
    assert browser.get(f"{server.url}/").status_code == 200


def test_the_cookie_is_for_us_alone(server: ThreadServer, browser: requests.Session) -> None:
    cookie = session_cookie(sign_in(browser, server.url))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_under_tls_the_cookie_never_leaves_it(serve: Callable[..., ThreadServer]) -> None:
    server = serve(public_url="https://files.example.org")
    session = requests.Session()
    form = session.get(f"{server.url}/-/login", headers=PAGE)
    cookie = form.headers["Set-Cookie"]
    assert cookie.startswith("__Host-davserver-csrf=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie


def test_below_a_path_the_cookie_has_the_prefix_that_it_can_have(
    serve: Callable[..., ThreadServer],
) -> None:
    server = serve(public_url="https://example.org/files")
    cookie = requests.get(f"{server.url}/files/-/login", headers=PAGE).headers["Set-Cookie"]
    assert cookie.startswith("__Secure-davserver-csrf=")
    assert "Path=/files;" in cookie


def test_a_wrong_password_is_told_in_words(server: ThreadServer, browser: requests.Session) -> None:
    refused = sign_in(browser, server.url, password="wrong")
    assert refused.status_code == 401
    assert "The name or the password is wrong." in refused.text
    assert 'value="admin"' in refused.text
    assert "WWW-Authenticate" not in refused.headers, "the browser would open its own dialog"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil", "javascript:1"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(
    server: ThreadServer, browser: requests.Session, wanted: str
) -> None:
    assert sign_in(browser, server.url, next=wanted).headers["Location"] == "/"


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic YWJj", "Bearer x", "Digest username=x", "Basic \xff", "nonsense"],
)
def test_a_malformed_authorization_is_401(server: ThreadServer, header: str) -> None:
    answer = requests.get(
        server.url, headers={"Authorization": header.encode("latin-1")}, timeout=5
    )
    assert answer.status_code == 401


def test_a_password_may_have_any_letters(
    server: ThreadServer, add_user: Callable[[str, str], None]
) -> None:
    add_user("zoë", "pässwörd:文件")
    client = DavClient(server.url)
    client.session.auth = ("zoë".encode(), "pässwörd:文件".encode())
    assert client.propfind("/").status_code == 207


def test_signing_out_forgets_the_cookie(server: ThreadServer, browser: requests.Session) -> None:
    sign_in(browser, server.url)
    token = csrf_in(browser.get(f"{server.url}/"))
    out = browser.post(f"{server.url}/-/logout", data={"csrf": token}, allow_redirects=False)
    assert out.status_code == 303
    assert browser.get(f"{server.url}/", allow_redirects=False).status_code == 303
    assert browser.get(f"{server.url}/-/logout", allow_redirects=False).status_code == 303


def test_a_changed_password_signs_out_everywhere(
    server: ThreadServer, browser: requests.Session
) -> None:
    from davserver.accounts import passwords
    from davserver.providers.users import Users

    sign_in(browser, server.url)
    Users(server.app.share.catalog).set_password_hash(ADMIN, passwords.hashed("a new password"))
    with later(3):
        assert browser.get(f"{server.url}/", allow_redirects=False).status_code == 303


def test_a_cookie_ends(server: ThreadServer, browser: requests.Session) -> None:
    sign_in(browser, server.url)
    token = browser.cookies["davserver-session"]
    with later(12 * 3600 + 60):
        answer = requests.get(
            server.url,
            headers={**PAGE, "Cookie": f"davserver-session={token}"},
            allow_redirects=False,
            timeout=5,
        )
    assert answer.status_code == 303


def test_a_forged_cookie_is_nobody(server: ThreadServer) -> None:
    headers = {**PAGE, "Cookie": "davserver-session=a.b.c"}
    answer = requests.get(server.url, headers=headers, allow_redirects=False, timeout=5)
    assert answer.status_code == 303


class TestForms:
    """A POST counts only if we rendered its form for this browser and user."""

    @pytest.fixture
    def signed_in(self, server: ThreadServer, browser: requests.Session) -> requests.Session:
        sign_in(browser, server.url)
        return browser

    def new(self, session: Any, server: ThreadServer, **more: Any) -> int:
        data = {"kind": "docx", "folder": "/", **more.pop("data", {})}
        answer = session.post(f"{server.url}/-/new", data=data, allow_redirects=False, **more)
        return int(answer.status_code)

    def test_our_own_form_counts(self, signed_in: Any, server: ThreadServer) -> None:
        token = csrf_in(signed_in.get(f"{server.url}/"))
        assert self.new(signed_in, server, data={"csrf": token}) == 303
        assert self.new(signed_in, server, headers={"X-CSRF-Token": token}) == 303

    def test_a_form_without_or_with_a_wrong_token_does_not(
        self, signed_in: Any, server: ThreadServer
    ) -> None:
        signed_in.get(f"{server.url}/")
        assert self.new(signed_in, server) == 403
        assert self.new(signed_in, server, data={"csrf": "0" * 64}) == 403

    def test_a_password_is_no_excuse(self, client: DavClient, server: ThreadServer) -> None:
        """A browser sends a stored Basic password along with a foreign page's form, too."""
        assert self.new(client.session, server) == 403

    def test_a_form_from_another_site_does_not_even_with_a_token(
        self, signed_in: Any, server: ThreadServer
    ) -> None:
        token = csrf_in(signed_in.get(f"{server.url}/"))
        headers = {"Sec-Fetch-Site": "cross-site"}
        assert self.new(signed_in, server, data={"csrf": token}, headers=headers) == 403

    def test_another_users_form_does_not(
        self, signed_in: Any, server: ThreadServer, add_user: Callable[[str, str], None]
    ) -> None:
        add_user("bob", "bob's password")
        token = csrf_in(signed_in.get(f"{server.url}/"))
        sign_in(signed_in, server.url, name="bob", password="bob's password")
        assert self.new(signed_in, server, data={"csrf": token}) == 403

    def test_the_sign_in_form_needs_one_too(self, server: ThreadServer) -> None:
        data = {"name": ADMIN, "password": PASSWORD}
        answer = requests.post(f"{server.url}/-/login", data=data, headers=PAGE, timeout=5)
        assert answer.status_code == 403


class TestAnonymous:
    def test_reading_is_free_and_writing_asks(self, serve: Callable[..., ThreadServer]) -> None:
        server = serve(anonymous="read")
        server.client().put("/a.txt", b"x")
        stranger = DavClient(server.url)
        assert stranger.get("/a.txt").content == b"x"
        assert stranger.propfind("/").status_code == 207
        for method in ("PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH", "LOCK", "UNLOCK"):
            assert stranger.request(method, "/a.txt").status_code == 401, method
        assert stranger.request("POST", "/-/new").status_code in (401, 403)

    def test_writing_is_free_where_it_was_set(self, serve: Callable[..., ThreadServer]) -> None:
        server = serve(anonymous="write")
        stranger = DavClient(server.url)
        assert stranger.put("/a.txt", b"x").status_code == 201
        assert server.app.share.files.versions("/a.txt")[0].author == ""

    def test_a_wrong_password_is_refused_even_where_none_is_needed(
        self, serve: Callable[..., ThreadServer]
    ) -> None:
        server = serve(anonymous="write")
        assert DavClient(server.url, "admin", "wrong").get("/").status_code == 401


def test_options_is_answered_before_anybody_signs_in(server: ThreadServer) -> None:
    """Explorer and Office ask before they know a password, and give up at a 401."""
    answer = DavClient(server.url).request("OPTIONS", "/")
    assert answer.status_code == 200
    classes = "1, 2, 3, extended-mkcol, sabredav-partialupdate"
    assert answer.headers["DAV"] == classes
    assert answer.headers["MS-Author-Via"] == "DAV"
    assert "PROPFIND" in answer.headers["Allow"]
    elsewhere = DavClient(server.url).request("OPTIONS", "/secret/file")
    assert dict(elsewhere.headers) | {"Date": ""} == dict(answer.headers) | {"Date": ""}


def test_a_method_that_is_not_known_names_those_that_are(client: DavClient) -> None:
    answer = client.request("BIND", "/")
    assert answer.status_code == 405
    assert "PROPFIND" in answer.headers["Allow"]


def test_a_script_of_ours_gets_a_challenge_without_a_dialog(server: ThreadServer) -> None:
    stranger = DavClient(server.url)
    answer = stranger.request("PUT", "/a.txt", headers={"Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Session ")
