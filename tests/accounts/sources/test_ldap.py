"""Users in a directory: a real slapd."""

import gc
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from davserver.accounts.sources import ldap
from davserver.accounts.sources.ldap import Directory, Ldap
from davserver.errors import SettingsWrong, Unavailable
from davserver.model import Outside
from davserver.providers.groups import Groups
from davserver.providers.users import Users
from davserver.setting_sources import read_settings
from tests.accounts.sources.slapd import BASE, PASSWORD, SEARCHER, SECRET, Slapd
from tests.dav_client import DavClient
from tests.running import ThreadServer

WHERE = Directory(
    user_base=f"ou=people,{BASE}",
    user_filter="(|(uid={name})(mail={name}))",
    name_attribute="uid",
    group_base=f"ou=groups,{BASE}",
    group_filter="(member={dn})",
    group_attribute="cn",
    admin_group="admins",
)
ANN = Outside("ann", frozenset({"staff", "admins"}), True)
BOB = Outside("bob", frozenset({"staff"}), False)


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    running = Slapd(tmp_path_factory.mktemp("slapd"))
    yield running
    running.stop()


def source(slapd: Slapd, url: str = "", **more: Any) -> Ldap:
    options = {"bind_dn": SEARCHER, "bind_password": SECRET, "ca": slapd.ca, **more}
    return Ldap(url or slapd.url, options.pop("directory", WHERE), **options)


@pytest.mark.clients
@pytest.mark.program("slapd")
class TestADirectory:
    @pytest.mark.parametrize("secure", [False, True])
    def test_proves_people_and_tells_their_groups(self, slapd: Slapd, secure: bool) -> None:
        asked = source(slapd, slapd.secure_url if secure else slapd.url)
        assert asked.verify("ann", PASSWORD) == ANN
        assert asked.verify("bob", PASSWORD) == BOB
        assert asked.verify("ann", "wrong") is None
        assert asked.verify("nobody", PASSWORD) is None

    def test_tells_who_is_still_there(self, slapd: Slapd) -> None:
        assert source(slapd).look_up("ann") == ANN
        assert source(slapd).look_up("nobody") is None
        by_mail = replace(WHERE, user_filter="(mail={name})")
        with pytest.raises(Unavailable):
            source(slapd, directory=by_mail).look_up("ann")
        assert source(slapd, directory=by_mail).look_up("nobody") is None
        with pytest.raises(Unavailable):
            source(slapd, ca=None).look_up("ann")

    def test_calls_people_by_one_name_however_it_is_typed(self, slapd: Slapd) -> None:
        for typed in ("ann@example.org", "ANN", "Ann@Example.org"):
            assert source(slapd).verify(typed, PASSWORD) == ANN

    @pytest.mark.parametrize(
        "typed",
        [
            "*",
            "a*",
            "ann)(uid=*",
            "ann))(|(uid=*",
            "\\61nn",
            "*)(objectClass=*",
            "ann\x00",
            "(",
            "ann,",
        ],
    )
    def test_takes_what_is_typed_as_a_name_and_never_as_a_filter(
        self, slapd: Slapd, typed: str
    ) -> None:
        assert source(slapd).verify(typed, PASSWORD) is None

    def test_never_takes_an_empty_password(self, slapd: Slapd) -> None:
        """RFC 4513, 5.1.2: the bind would succeed."""
        assert source(slapd).verify("ann", "") is None

    def test_takes_nobody_where_two_have_the_name(self, slapd: Slapd) -> None:
        assert source(slapd).verify("twin1", PASSWORD) is not None
        assert source(slapd).verify("twins@example.org", PASSWORD) is None

    def test_takes_nobody_whose_entry_has_no_name(self, slapd: Slapd) -> None:
        without = replace(WHERE, name_attribute="employeeNumber")
        assert source(slapd, directory=without).verify("ann", PASSWORD) is None

    def test_whose_certificate_is_not_known_is_not_asked(self, slapd: Slapd) -> None:
        for url in (slapd.url, slapd.secure_url):
            with pytest.raises(Unavailable):
                source(slapd, url, ca=None).verify("ann", PASSWORD)

    # ldap3 leaves the closing of a connection that it refuses to the garbage collector.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    def test_whose_certificate_is_for_another_host_is_not_asked(self, tmp_path: Path) -> None:
        other = Slapd(tmp_path, "directory.example.org")
        try:
            for url in (other.url, other.secure_url):
                with pytest.raises(Unavailable):
                    source(other, url).verify("ann", PASSWORD)
        finally:
            other.stop()
            gc.collect()

    def test_that_refuses_the_searcher_is_a_passing_fault(self, slapd: Slapd) -> None:
        with pytest.raises(Unavailable):
            source(slapd, bind_password="wrong").verify("ann", PASSWORD)

    def test_signs_in_over_the_socket(
        self, slapd: Slapd, serve: Callable[..., ThreadServer], tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret"
        secret.write_text(SECRET + "\n")
        server = serve(
            user_sources="catalog, ldap",
            ldap_url=slapd.url,
            ldap_ca=slapd.ca,
            ldap_bind_dn=SEARCHER,
            ldap_bind_password_file=secret,
            ldap_user_base=WHERE.user_base,
            ldap_user_filter=WHERE.user_filter,
            ldap_group_base=WHERE.group_base,
            ldap_admin_group="admins",
        )
        Groups(server.app.share.catalog).add("staff")
        for typed in ("ann", "ann@example.org", "ann"):
            assert DavClient(server.url, typed, PASSWORD).propfind("/").status_code == 207
        assert DavClient(server.url, "ann", "wrong").propfind("/").status_code == 401
        found = [user for user in Users(server.app.share.catalog).all() if user.source]
        assert [(one.name, one.groups, one.is_administrator) for one in found] == [
            ("ann", {"staff"}, True)
        ]
        assert DavClient(server.url, "ann", PASSWORD).get("/-/metrics").status_code == 200

    def test_is_asked_once_in_five_minutes(
        self, slapd: Slapd, serve: Callable[..., ThreadServer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []
        verify = Ldap.verify
        monkeypatch.setattr(Ldap, "verify", lambda *a: asked.append(1) or verify(*a))
        server = serve(
            user_sources="catalog ldap",
            ldap_url=slapd.secure_url,
            ldap_ca=slapd.ca,
            ldap_bind_dn=SEARCHER,
            ldap_bind_password=SECRET,
            ldap_user_base=WHERE.user_base,
        )
        for _ in range(5):
            assert DavClient(server.url, "ann", PASSWORD).propfind("/").status_code == 207
        assert len(asked) == 1


def test_a_directory_that_is_not_there_is_a_passing_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable):
        Ldap(f"ldap://127.0.0.1:{port}", WHERE).verify("ann", PASSWORD)


def test_a_directory_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldap, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # The system accepts the connection; nobody reads it.
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable):
            Ldap(f"ldap://127.0.0.1:{port}", WHERE, start_tls=False).verify("ann", PASSWORD)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "ldap_url"),
        ({"ldap_url": "http://a"}, "ldap"),
        ({"ldap_url": "ldap://a"}, "ldap_user_base"),
        (
            {"ldap_url": "ldap://a", "ldap_user_base": "dc=a", "ldap_start_tls": False},
            "ldap_start_tls",
        ),
        ({"ldap_user_filter": "(uid=ann)"}, "ldap"),
    ],
)
def test_settings_that_cannot_be_meant_are_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsWrong, match=message):
        read_settings(user_sources="catalog ldap", **options)
