"""Users of the system: the real libpam and its modules, with a configuration of the test's own."""

import ctypes
import os
import pwd
from collections.abc import Callable
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import pam
import pytest

from davserver.accounts.sources.pam import Pam
from davserver.errors import SettingsWrong, Unavailable
from davserver.model import Outside
from davserver.providers.groups import Groups
from tests.dav_client import DavClient
from tests.running import ThreadServer

_LIBPAM = ctypes.CDLL(find_library("pam") or "libpam.so.0")
PASSWORD = "ann's pässwörd"

pytestmark = pytest.mark.skipif(
    not hasattr(_LIBPAM, "pam_start_confdir"), reason="libpam is older than 1.4"
)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes the stack "davserver", and has libpam read it from the test's folder."""
    start = _LIBPAM.pam_start_confdir
    start.restype = ctypes.c_int
    folder = tmp_path / "pam.d"
    folder.mkdir()

    def start_here(service: bytes, user: bytes, conversation: Any, handle: Any) -> int:
        return int(start(service, user, conversation, os.fsencode(folder), handle))

    pam.PamAuthenticator._ensure_libs()
    monkeypatch.setattr(pam.PamAuthenticator, "pam_start", staticmethod(start_here))

    def write(*lines: str) -> None:
        (folder / "davserver").write_text("\n".join(lines) + "\n")

    return write


@pytest.fixture
def asks_for_the_password(stack: Callable[..., None], tmp_path: Path) -> None:
    """A stack whose module hands name and password to a program, which says yes or no."""
    program = tmp_path / "checks"
    program.write_text(
        f'#!/bin/sh\n[ "$(tr -d \'\\000\')" = "{PASSWORD}" ] && [ "$PAM_SERVICE" = davserver ]\n'
    )
    program.chmod(0o755)
    stack(
        f"auth required pam_exec.so expose_authtok quiet {program}",
        "account required pam_permit.so",
    )


@pytest.mark.usefixtures("asks_for_the_password")
class TestAPassword:
    def test_that_the_module_takes_is_the_person(self) -> None:
        assert Pam("davserver").verify("ann", PASSWORD) == Outside("ann")

    def test_that_it_refuses_is_nobody(self) -> None:
        assert Pam("davserver").verify("ann", "wrong") is None

    def test_signs_in_over_the_socket(self, serve: Callable[..., ThreadServer]) -> None:
        server = serve(user_sources=["catalog", "pam"])
        client = DavClient(server.url, "ann")
        client.session.auth = (b"ann", PASSWORD.encode())
        assert client.propfind("/").status_code == 207
        assert DavClient(server.url, "ann", "wrong").propfind("/").status_code == 401

    def test_of_somebody_the_system_knows_brings_their_groups(
        self, serve: Callable[..., ThreadServer]
    ) -> None:
        import grp

        me = pwd.getpwuid(os.getuid())
        group = grp.getgrgid(me.pw_gid).gr_name
        told = Pam("davserver").verify(me.pw_name, PASSWORD)
        assert told is not None
        assert group in told.groups
        server = serve(user_sources=["catalog", "pam"])
        Groups(server.app.share.catalog).add(group)
        client = DavClient(server.url)
        client.session.auth = (me.pw_name.encode(), PASSWORD.encode())
        assert client.propfind("/").status_code == 207
        assert Groups(server.app.share.catalog).find(group).members == (me.pw_name,)  # type: ignore[union-attr]


def test_an_account_that_may_not_be_used_is_nobody(stack: Callable[..., None]) -> None:
    stack("auth required pam_permit.so", "account required pam_deny.so")
    assert Pam("davserver").verify("ann", PASSWORD) is None


def test_a_stack_that_does_not_work_is_a_passing_fault(stack: Callable[..., None]) -> None:
    stack("auth required pam_is_not_there.so", "account required pam_permit.so")
    with pytest.raises(Unavailable):
        Pam("davserver").verify("ann", PASSWORD)


def test_a_system_without_pam_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davserver.accounts.sources.pam.find_library", lambda _: None)
    with pytest.raises(SettingsWrong):
        Pam("davserver")
