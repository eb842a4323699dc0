"""Users in a file of Apache's htpasswd."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from davserver.accounts.sources.htpasswd import MAX_BYTES, Htpasswd
from davserver.app import prepare
from davserver.errors import SettingsWrong, Unavailable
from davserver.model import Outside
from davserver.providers.users import Users
from davserver.setting_sources import read_settings
from tests.clock import later
from tests.dav_client import DavClient
from tests.running import ThreadServer

PASSWORD = "ann's password"
# Made by htpasswd 2.4.62 of Apache.
HASHES = {
    "-B": "$2y$05$lVUlCuKnDCGTGfbGpgRKgukB.4onBjzQ5XljQwUwrvApkohlV7VE6",
    "-m": "$apr1$HV.vzKSu$.PTOsgddghQxeI94Gd5I5.",
    "-s": "{SHA}qN8OPaZP6Y4m357T8R59lCO501M=",
    "-d": ".K0Lnq8sPzWm6",
    "-2": "$5$rounds=1000$iLGrL9aKgDlfpVcv$Di44.Unv0/brbsdufP7q1jcdJ8YGAWJo0yhZmTz8Jc.",
    "-5": "$6$rounds=1000$6kQpSgL80QW2zal8$"
    "/.Hxh6PRoQzgRLc3GBXmLJNx2..bc1mzmqps4QhXqPKfcsF2IjhgsEep90/4rNWYPXfVjeZunNwuU4Y1TwpRT.",
}
LINE = f"ann:{HASHES['-m']}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "htpasswd"


@pytest.mark.parametrize("kind", HASHES)
def test_every_hash_that_htpasswd_makes_is_checked(file: Path, kind: str) -> None:
    file.write_text(f"# people\n\nann:{HASHES[kind]}\n")
    source = Htpasswd(file)
    assert source.verify("ann", PASSWORD) == Outside("ann")
    assert source.verify("ann", "another") is None
    assert source.verify("bob", PASSWORD) is None


@pytest.mark.parametrize("stored", [PASSWORD, "", "{PLAIN}" + PASSWORD, "$2y$05$broken", "$9$x$y"])
def test_plain_text_and_what_is_no_hash_lets_nobody_in(file: Path, stored: str) -> None:
    file.write_text(f"ann:{stored}\n")
    for password in (PASSWORD, stored or "x"):
        assert Htpasswd(file).verify("ann", password) is None


def test_a_password_that_its_hash_cannot_take_is_wrong(file: Path) -> None:
    file.write_text(f"ann:{HASHES['-B']}\n")
    assert Htpasswd(file).verify("ann", "x" * 73) is None


def test_the_file_is_read_when_it_changes_and_only_then(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(LINE)
    source = Htpasswd(file)
    assert source.verify("ann", PASSWORD)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", None)
        assert source.verify("ann", PASSWORD)
    file.write_text(LINE.replace("ann", "anna"))
    assert source.verify("anna", PASSWORD)
    assert source.verify("ann", PASSWORD) is None


def test_a_file_that_cannot_be_read_is_a_passing_fault(file: Path) -> None:
    source = Htpasswd(file)
    with pytest.raises(Unavailable):
        source.verify("ann", PASSWORD)
    file.write_bytes(b"\xff\n")
    with pytest.raises(Unavailable):
        source.verify("ann", PASSWORD)
    os.truncate(file, MAX_BYTES + 1)
    with pytest.raises(Unavailable):
        source.verify("ann", PASSWORD)


class TestOverTheSocket:
    @pytest.fixture
    def server(self, serve: Callable[..., ThreadServer], file: Path) -> ThreadServer:
        file.write_text(LINE)
        return serve(user_sources="catalog htpasswd", htpasswd_file=file, home_folders="/Users")

    def test_somebody_of_the_file_signs_in_and_has_a_home(
        self, server: ThreadServer, root: Path
    ) -> None:
        ann = server.client("ann", PASSWORD)
        assert ann.propfind("/Users/ann").status_code == 207
        assert ann.put("/Users/ann/a.txt", b"x").status_code == 201
        assert (root / "Users" / "ann" / "a.txt").read_bytes() == b"x"
        found = Users(server.app.share.catalog).find("ann")
        assert found is not None
        assert (found.source, found.password_hash) == ("htpasswd", "")

    def test_everybody_else_does_not(self, server: ThreadServer) -> None:
        for name, password in (("ann", "wrong"), ("bob", PASSWORD), ("ann", "")):
            assert DavClient(server.url, name, password).propfind("/").status_code == 401

    def test_who_left_the_file_is_out_within_five_minutes(
        self, server: ThreadServer, file: Path
    ) -> None:
        ann = server.client("ann", PASSWORD)
        assert ann.propfind("/").status_code == 207
        file.write_text("")
        with later(301):
            assert ann.propfind("/").status_code == 401

    def test_a_source_that_cannot_be_asked_is_not_a_wrong_password(
        self, server: ThreadServer, file: Path
    ) -> None:
        file.unlink()
        assert server.client("ann", PASSWORD).propfind("/").status_code == 503
        assert server.client().propfind("/").status_code == 207, "our own users need no file"

    def test_our_own_users_come_first(self, server: ThreadServer, file: Path) -> None:
        file.write_text(LINE.replace("ann", "admin"))
        assert DavClient(server.url, "admin", PASSWORD).propfind("/").status_code == 401
        assert server.client().propfind("/").status_code == 207


def test_a_library_that_is_missing_is_named_with_the_cure(
    root: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("passlib", "passlib.context"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "davserver.accounts.sources.htpasswd")
    settings = read_settings(root=root, user_sources=["catalog", "htpasswd"], htpasswd_file=file)
    with pytest.raises(SettingsWrong) as wrong:
        prepare(settings)
    assert "pip install 'davserver[htpasswd]'" in str(wrong.value)
