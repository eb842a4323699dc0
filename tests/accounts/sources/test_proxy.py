"""A proxy that signs people in, over the socket: believed if it is listed, and nobody else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from davserver.errors import SettingsWrong
from davserver.providers.groups import Groups
from davserver.providers.users import User, Users
from davserver.setting_sources import read_settings
from tests import raw
from tests.dav_client import DavClient
from tests.running import ThreadServer

HEADERS = {"proxy_user_header": "Remote-User", "proxy_groups_header": "Remote-Groups"}


@pytest.fixture
def behind(serve: Callable[..., ThreadServer]) -> ThreadServer:
    """A server that the tests reach as its listed proxy."""
    return serve(trusted_proxies="127.0.0.1", proxy_admin_group="admins", **HEADERS)


@pytest.fixture
def in_the_open(serve: Callable[..., ThreadServer]) -> ThreadServer:
    """A server whose proxy is elsewhere."""
    return serve(trusted_proxies="192.0.2.1", **HEADERS)


def user(server: ThreadServer, name: str) -> User | None:
    return Users(server.app.share.catalog).find(name)


def ask(server: ThreadServer, *fields: str, method: str = "PROPFIND") -> int:
    lines = [f"{method} / HTTP/1.1", "Host: test", "Depth: 0", "Connection: close", *fields]
    return raw.status(raw.send(server.url, ("\r\n".join(lines) + "\r\n\r\n").encode()))


def test_whom_a_listed_proxy_names_is_signed_in(behind: ThreadServer, root: Path) -> None:
    client = DavClient(behind.url)
    assert client.put("/a.txt", b"x", remote_user="zoë".encode()).status_code == 201  # type: ignore[arg-type]
    assert behind.app.share.files.versions("/a.txt")[0].author == "zoë"
    assert user(behind, "zoë") == User("zoë", "", False, source="proxy")


def test_its_groups_count_where_the_catalog_has_them(behind: ThreadServer) -> None:
    Groups(behind.app.share.catalog).add("staff")
    assert ask(behind, "Remote-User: ann", "Remote-Groups: staff, others,admins") == 207
    assert user(behind, "ann") == User("ann", "", True, frozenset({"staff"}), "proxy")
    assert ask(behind, "Remote-User: ann", "Remote-Groups: others") == 207
    assert user(behind, "ann") == User("ann", "", False, frozenset(), "proxy")


def test_the_same_fields_from_anybody_else_are_as_if_not_there(in_the_open: ThreadServer) -> None:
    for name in ("ann", "admin"):
        assert ask(in_the_open, f"Remote-User: {name}", "Remote-Groups: admins") == 401
    assert user(in_the_open, "ann") is None


def test_nobody_gets_believed_by_naming_the_proxy(in_the_open: ThreadServer) -> None:
    for told in ("X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"):
        assert ask(in_the_open, told, "Remote-User: ann") == 401


@pytest.mark.parametrize("spelling", ["Remote_User", "remote_user", "HTTP_REMOTE_USER"])
def test_a_spelling_that_wsgi_cannot_tell_apart_is_nothing(
    behind: ThreadServer, spelling: str
) -> None:
    """The proxy removes the client's Remote-User, and may let its Remote_User through."""
    assert ask(behind, f"{spelling}: ann") == 401
    assert ask(behind, f"{spelling}: eve", "Remote-User: ann") == 207
    assert user(behind, "ann") is not None
    assert user(behind, "eve") is None


def test_a_proxy_that_adds_its_field_to_the_clients_is_noticed(behind: ThreadServer) -> None:
    assert ask(behind, "Remote-User: eve", "Remote-User: ann") == 400
    assert user(behind, "eve") is None


@pytest.mark.parametrize("name", ["a/b", "..", "x" * 65, "a:b"])
def test_what_can_be_no_name_is_refused(behind: ThreadServer, name: str) -> None:
    assert ask(behind, f"Remote-User: {name}") == 403


def test_a_name_of_our_own_cannot_come_from_a_proxy(behind: ThreadServer) -> None:
    assert ask(behind, "Remote-User: admin") == 403


def test_without_the_field_people_sign_in_as_ever(behind: ThreadServer) -> None:
    assert ask(behind) == 401
    assert ask(behind, "Remote-User: ") == 401
    assert behind.client().propfind("/").status_code == 207


def test_what_a_proxy_vouched_for_is_no_password_for_others(behind: ThreadServer) -> None:
    """Passwords and what proxies say are remembered side by side."""
    assert ask(behind, "Remote-User: ann", "Remote-Groups: admins") == 207
    for password in ("ann", "('', True, 'admins')", "('', None)"):
        for name in ("ann", "proxy"):
            assert DavClient(behind.url, name, password).propfind("/").status_code in (401, 429)


def test_a_page_of_another_site_cannot_post_with_it(behind: ThreadServer) -> None:
    data = {"kind": "docx", "folder": "/"}
    answer = requests.post(
        f"{behind.url}/-/new", data=data, headers={"Remote-User": "ann"}, timeout=5
    )
    assert answer.status_code == 403


def test_a_field_that_nobody_may_send_is_a_mistake() -> None:
    with pytest.raises(SettingsWrong, match="trusted_proxies"):
        read_settings(proxy_user_header="Remote-User")
