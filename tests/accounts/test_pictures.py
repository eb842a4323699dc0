"""Pictures of people: who gives them, who sees them, what of them can be asked for."""

from collections.abc import Callable
from io import BytesIO

import pytest
import requests
from PIL import Image

from davserver.accounts import passwords
from davserver.accounts.portraits import MAX_BYTES
from davserver.model import Role
from davserver.providers.pictures import Pictures
from davserver.providers.users import User, Users
from tests.accounts.browsing import Browser, hidden
from tests.accounts.link_making import guest, make_link
from tests.running import ThreadServer


def photo(colour: str = "red") -> bytes:
    kept = BytesIO()
    Image.new("RGB", (300, 200), colour).save(kept, "PNG")
    return kept.getvalue()


def send(browser: Browser, content: bytes, **headers: str) -> requests.Response:
    """As the account page's script does."""
    token = hidden(browser.get("/-/account"), "csrf")
    headers = {"X-CSRF-Token": token, "Content-Type": "image/png", "Accept": "*/*", **headers}
    return browser.session.post(
        f"{browser.url}/-/pictures/", data=content, headers=headers, timeout=20
    )


def address(browser: Browser) -> str:
    """Where the account page has the person's picture; empty for initials."""
    page = browser.get("/-/account").text
    large = page[page.index('class="face large"') :].partition('src="')[2].partition('"')[0]
    return "" if large.startswith("data:") else large


@pytest.fixture
def server(serve: Callable[..., ThreadServer]) -> ThreadServer:
    found = serve()
    user = User("bob", passwords.hashed("password of bob"), is_administrator=False)
    Users(found.app.share.catalog).add(user)
    return found


@pytest.fixture
def ann(server: ThreadServer) -> Browser:
    browser = Browser(server)
    browser.sign_in()
    return browser


@pytest.fixture
def bob(server: ThreadServer) -> Browser:
    browser = Browser(server)
    browser.sign_in("bob", "password of bob")
    return browser


def test_a_picture_is_given_shown_changed_and_taken_away(ann: Browser, bob: Browser) -> None:
    assert address(ann) == ""
    assert send(ann, photo()).status_code == 204
    first = address(ann)
    assert ann.get("/").text.count(first) == 1
    shown = bob.get(first)
    assert shown.status_code == 200
    with Image.open(BytesIO(shown.content)) as image:
        assert image.size == (128, 128)
    assert send(ann, photo("blue")).status_code == 204
    second = address(ann)
    assert second != first
    assert ann.get(first).status_code == 404
    answer = ann.session.post(
        f"{ann.url}/-/pictures/",
        data={"csrf": hidden(ann.get("/-/account"), "csrf")},
        allow_redirects=False,
        timeout=20,
    )
    assert answer.headers["Location"].endswith("/-/account?done=picture-removed")
    assert address(ann) == ""
    assert ann.get(second).status_code == 404


def test_it_says_what_it_is_and_is_nothing_else(ann: Browser) -> None:
    send(ann, photo())
    headers = ann.get(address(ann)).headers
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_administrators_see_them_in_the_list_of_users(ann: Browser, bob: Browser) -> None:
    send(bob, photo())
    assert address(bob) in ann.get("/-/admin").text


def test_who_has_none_cannot_be_told_from_who_is_not_there(ann: Browser) -> None:
    for name in ("bob", "nobody", "", "0" * 64, "..%2f..%2fetc%2fpasswd", "%00"):
        assert ann.get(f"/-/pictures/{name}").status_code in (400, 404)


def test_strangers_and_guests_see_and_give_none(server: ThreadServer, ann: Browser) -> None:
    send(ann, photo())
    where = address(ann)
    stranger = requests.get(f"{server.url}{where}", timeout=20)
    assert stranger.status_code == 401
    server.client().mkcol("/d")
    by_link = guest(server, make_link(server, "/d", Role.EDITOR))
    assert by_link.request("GET", where).status_code in (403, 404)
    assert by_link.request("POST", "/-/pictures/", data=photo()).status_code in (403, 404)


def test_where_anybody_may_read_files_pictures_are_for_who_signed_in(
    serve: Callable[..., ThreadServer],
) -> None:
    server = serve(anonymous="read")
    browser = Browser(server)
    browser.sign_in()
    send(browser, photo())
    answer = requests.get(f"{server.url}{address(browser)}", timeout=20)
    assert answer.status_code == 403


def test_an_app_password_or_a_foreign_page_changes_none(server: ThreadServer, ann: Browser) -> None:
    answer = server.client().request("POST", "/-/pictures/", data=photo())
    assert answer.status_code == 403
    assert send(ann, photo(), **{"X-CSRF-Token": "forged"}).status_code == 403
    assert send(ann, photo(), Origin="https://evil.example").status_code == 403
    assert address(ann) == ""


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"<svg/>", 400), (b"", 400), (photo()[:60], 400), (b"x" * (MAX_BYTES + 1), 413)],
)
def test_what_is_refused_changes_nothing(ann: Browser, content: bytes, status: int) -> None:
    send(ann, photo())
    before = address(ann)
    answer = send(ann, content)
    assert answer.status_code == status
    assert not answer.text.startswith("<")
    assert address(ann) == before


def test_it_goes_with_the_user_and_no_large_one_is_kept(server: ThreadServer) -> None:
    pictures = Pictures(server.app.share.catalog)
    pictures.keep("bob", b"small")
    with pytest.raises(ValueError, match="at most"):
        pictures.keep("bob", b"x" * 70_000)
    assert pictures.of(["bob", "admin"]) == {"bob": b"small"}
    Users(server.app.share.catalog).remove("bob")
    assert pictures.of(["bob"]) == {}
    assert pictures.hash_of("bob") == ""
