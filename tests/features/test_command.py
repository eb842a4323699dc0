"""The ``davserver`` command as somebody types it."""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from davserver.cli import main
from davserver.model import Grant, Role, Writer
from davserver.providers.share import Share
from tests.clock import wait_until
from tests.dav_client import DavClient
from tests.documentserver import SECRET, DocumentServerDouble
from tests.providers.test_files import put
from tests.providers.test_locks import take
from tests.running import ProcessServer, ThreadServer


def run(*words: Any, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=stdin)


class TestUsers:
    def test_people_are_added_listed_changed_and_removed(self, root: Path) -> None:
        added = run("user", "add", "ann", "--root", root, "--password-stdin", stdin="long enough\n")
        assert added.exit_code == 0, added.output
        assert "ann\tuser" in run("user", "list", "--root", root).output
        changed = run(
            "user", "passwd", "ann", "--root", root, "--password-stdin", stdin="even longer\n"
        )
        assert changed.exit_code == 0
        assert run("user", "remove", "ann", "--root", root).exit_code == 0
        assert "ann" not in run("user", "list", "--root", root).output

    def test_a_password_is_asked_for_twice(self, root: Path) -> None:
        added = run("user", "add", "ann", "--root", root, stdin="long enough\nlong enough\n")
        assert added.exit_code == 0
        assert "long enough" not in added.output

    @pytest.mark.parametrize(
        ("words", "stdin", "message"),
        [
            (("add", "a:b"), "long enough\n", "A name has"),
            (("add", "ann"), "short\n", "at least 8 characters"),
            (("passwd", "nobody"), "long enough\n", "There is no user nobody"),
            (("remove", "nobody"), "", "There is no user nobody"),
            (("list", "nobody"), "", "There is no user nobody"),
        ],
    )
    def test_what_cannot_be_done_is_said(
        self, root: Path, words: tuple[str, ...], stdin: str, message: str
    ) -> None:
        more = ["--password-stdin"] if words[0] in ("add", "passwd") else []
        answer = run("user", *words, "--root", root, *more, stdin=stdin)
        assert answer.exit_code == 1
        assert message in answer.output

    def test_nobody_is_added_twice(self, root: Path) -> None:
        for code in (0, 1):
            words = ("user", "add", "ann", "--root", root, "--password-stdin")
            assert run(*words, stdin="long enough\n").exit_code == code


GROUPS = ("guests", "staff")


class TestGroups:
    def add(self, root: Path, *words: str) -> Result:
        return run("user", "add", *words, "--root", root, "--password-stdin", stdin="long enough\n")

    def test_people_join_and_leave_groups(self, root: Path) -> None:
        assert run("group", "add", "staff", "--root", root).exit_code == 0
        assert self.add(root, "ann", "--group", "staff").exit_code == 0
        assert self.add(root, "bob").exit_code == 0
        joined = run("group", "join", "staff", "ann", "bob", "--root", root).output
        assert joined == "ann is in staff already.\nbob is in staff now.\n"
        assert run("group", "list", "--root", root).output == "staff\tann, bob\n"
        assert "ann\tuser\tstaff\tcatalog" in run("user", "list", "--root", root).output
        left = run("group", "leave", "staff", "ann", "--root", root)
        assert left.output == "ann is not in staff any more.\n"
        assert run("group", "list", "staff", "--root", root).output == "staff\tbob\n"

    def test_a_removed_user_is_in_no_group_and_does_not_come_back_into_one(
        self, root: Path
    ) -> None:
        run("group", "add", "staff", "--root", root)
        self.add(root, "ann", "--group", "staff")
        run("user", "remove", "ann", "--root", root)
        assert run("group", "list", "--root", root).output == "staff\t\n"
        self.add(root, "ann")
        assert "ann\tuser\t\tcatalog" in run("user", "list", "--root", root).output

    def test_the_members_of_a_removed_group_stay(self, root: Path) -> None:
        run("group", "add", "staff", "--root", root)
        self.add(root, "ann", "--group", "staff")
        assert run("group", "remove", "staff", "--root", root).exit_code == 0
        assert "ann\tuser\t\tcatalog" in run("user", "list", "--root", root).output

    def test_a_group_gets_a_folder_in_which_it_is_editor(self, root: Path, share: Share) -> None:
        for name in GROUPS:
            done = run("group", "add", name, "--folder", f"/Groups/{name}", "--root", root)
            assert done.exit_code == 0, done.output
        assert sorted(path.name for path in (root / "Groups").iterdir()) == ["guests", "staff"]
        given = [Grant(f"/Groups/{name}", f"group:{name}", Role.EDITOR) for name in GROUPS]
        assert share.access.all() == given

    def test_who_is_removed_leaves_no_rights_to_the_next_of_that_name(
        self, root: Path, share: Share
    ) -> None:
        run("group", "add", "staff", "--folder", "/staff", "--root", root)
        self.add(root, "ann")
        share.access.give(Grant("/staff", "user:ann", Role.MANAGER), by="admin")
        run("group", "remove", "staff", "--root", root)
        run("user", "remove", "ann", "--root", root)
        assert share.access.all() == []

    def test_a_file_in_the_way_of_a_groups_folder_is_said(self, root: Path) -> None:
        (root / "Groups").write_text("x")
        done = run("group", "add", "staff", "--folder", "/Groups/staff", "--root", root)
        assert (done.exit_code, "/Groups is a file" in done.output) == (1, True)
        assert run("group", "list", "--root", root).output == ""

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("add", "a/b"), "A name has"),
            (("add", ".."), "A name has"),
            (("remove", "none"), "There is no group none"),
            (("list", "none"), "There is no group none"),
            (("join", "none", "ann"), "There is no group none"),
            (("leave", "none", "ann"), "ann is not in none"),
        ],
    )
    def test_what_cannot_be_done_is_said(
        self, root: Path, words: tuple[str, ...], message: str
    ) -> None:
        answer = run("group", *words, "--root", root)
        assert (answer.exit_code, message in answer.output) == (1, True), answer.output

    def test_who_is_not_there_joins_nothing(self, root: Path) -> None:
        run("group", "add", "staff", "--root", root)
        assert run("group", "add", "staff", "--root", root).exit_code == 1
        assert "There is no user ann" in run("group", "join", "staff", "ann", "--root", root).output
        refused = self.add(root, "ann", "--group", "none")
        assert (refused.exit_code, "There is no group none" in refused.output) == (1, True)
        assert "ann" not in run("user", "list", "--root", root).output


class TestVersions:
    def test_versions_are_listed_and_restored(self, root: Path, share: Share) -> None:
        put(share, "/a b.txt", b"one")
        put(share, "/a b.txt", b"two")
        listed = run("versions", "list", "/a b.txt", "--root", root)
        assert re.search(r"2 \(current\).*ann", listed.output)
        assert run("versions", "restore", "a b.txt", 1, "--root", root).exit_code == 0
        assert (root / "a b.txt").read_bytes() == b"one"
        assert "restore" in run("versions", "list", "/a b.txt", "--root", root).output

    def test_versions_are_pruned_by_options_or_settings(
        self, root: Path, share: Share, tmp_path: Path
    ) -> None:
        for number in range(6):
            put(share, "/a.txt", b"%d" % number)
        told = run("versions", "prune", "--keep", 4, "--dry-run", "--root", root)
        assert "/a.txt\tversion 1\t1 byte\n1 would be removed: 1 byte." in told.output
        assert len(share.files.versions("/a.txt")) == 6
        assert "1 were removed" in run("versions", "prune", "--keep", 4, "--root", root).output
        config = tmp_path / "davserver.toml"
        config.write_text("keep_versions = 2\n")
        told = run("versions", "prune", "/a.txt", "--root", root, "--config", config)
        assert "2 were removed" in told.output
        assert [one.number for one in share.files.versions("/a.txt")] == [4, 5, 6]

    def test_pruning_without_a_rule_is_refused(self, root: Path) -> None:
        answer = run("versions", "prune", "--root", root)
        assert (answer.exit_code, "Nothing says what to keep" in answer.output) == (2, True)

    def test_what_is_not_there_is_said(self, root: Path) -> None:
        answer = run("versions", "list", "/none.txt", "--root", root)
        assert (answer.exit_code, "There is nothing at /none.txt" in answer.output) == (1, True)


class TestTrash:
    def test_what_was_deleted_is_listed_and_restored(self, root: Path, share: Share) -> None:
        put(share, "/a b.txt", b"one")
        share.trees.delete("/a b.txt", Writer("ann"))
        listed = run("trash", "list", "--root", root)
        found = re.search(r"([0-9a-f]{12}) +/a b\.txt .* ann +3 bytes", listed.output)
        assert found, listed.output
        restored = run("trash", "restore", found[1], "--root", root)
        assert restored.output == "Restored as /a b.txt.\n"
        assert (root / "a b.txt").read_bytes() == b"one"

    def test_a_name_that_is_taken_is_said(self, root: Path, share: Share) -> None:
        put(share, "/a.txt", b"one")
        share.trees.delete("/a.txt", Writer("ann"))
        put(share, "/a.txt", b"two")
        [trashed] = share.trash.all()
        restored = run("trash", "restore", trashed.id, "--root", root)
        assert "Restored as /a (restored).txt." in restored.output
        assert "taken" in restored.output

    def test_it_is_purged_by_id_by_age_and_as_a_whole(self, root: Path, share: Share) -> None:
        for name in ("/a", "/b", "/c"):
            put(share, name, b"x")
            share.trees.delete(name, Writer("ann"))
        [_, second, _] = share.trash.all()
        assert run("trash", "purge", second.id, "--root", root).output == "1 deleted for good.\n"
        assert run("trash", "purge", "--older-than", 1, "--root", root).output[0] == "0"
        assert run("trash", "purge", "--all", "--root", root).output[0] == "2"
        assert list(share.trash.all()) == []

    def test_what_cannot_be_done_is_said(self, root: Path) -> None:
        assert "Nothing in the trash" in run("trash", "restore", "abc", "--root", root).output
        assert run("trash", "restore", "abc", "--root", root).exit_code == 1
        assert run("trash", "purge", "--root", root).exit_code == 2
        assert run("trash", "purge", "abc", "--all", "--root", root).exit_code == 2


class TestLocks:
    def test_locks_are_listed_and_broken(self, root: Path, share: Share) -> None:
        put(share, "/a b.txt", b"x")
        lock = take(share, "/a b.txt")
        listed = run("lock", "list", "--root", root).output
        assert re.search(rf"/a b.txt\tann\texclusive\talone\t.*{lock.token}", listed)
        assert lock.token not in run("lock", "list", "/other", "--root", root).output
        broken = run("lock", "break", "a b.txt", "--root", root)
        assert (broken.exit_code, broken.output) == (
            0,
            "/a b.txt is no longer locked by ann.\n",
        )
        assert share.locks.on("/a b.txt") == []
        token = take(share, "/a b.txt").token
        assert run("lock", "break", token, "--root", root).exit_code == 0
        again = run("lock", "break", token, "--root", root)
        assert (again.exit_code, "No lock" in again.output) == (1, True)


class TestQuotas:
    def test_quotas_are_set_shown_checked_and_cleared(self, root: Path, share: Share) -> None:
        put(share, "/a.txt", b"x" * 1500)
        run("user", "add", "ann", "--root", root, "--password-stdin", stdin="long enough\n")
        assert run("quota", "set", "/", "20M", "--root", root).output == (
            "/\t1.5 KB in use\tof 20 MB\n"
        )
        assert run("quota", "set", "ann", "1.5 GiB", "--root", root).exit_code == 0
        shown = run("quota", "show", "--root", root).output.splitlines()
        assert shown == ["/\t1.5 KB in use\tof 20 MB", "ann\t1.5 KB in use\tof 1.6 GB"]
        assert run("quota", "show", "ann", "--root", root).output.startswith("ann\t")
        (root / "b.txt").write_bytes(b"x" * 500)
        checked = run("quota", "check", "--root", root).output
        assert "/: 1500 bytes were booked, 2000 are in use." in checked
        assert "was booked right" in run("quota", "check", "--root", root).output
        assert run("quota", "clear", "ann", "--root", root).exit_code == 0

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (("set", "ann", "much"), 2, "no size"),
            (("set", "ann", "1G"), 1, "There is no user ann"),
            (("set", "/none", "1G"), 1, "There is nothing at /none"),
            (("show", "ann"), 1, "ann has no quota"),
            (("clear", "/"), 1, "/ has no quota"),
        ],
    )
    def test_what_cannot_be_done_is_said(
        self, root: Path, words: tuple[str, ...], code: int, message: str
    ) -> None:
        answer = run("quota", *words, "--root", root)
        assert (answer.exit_code, message in answer.output) == (code, True), answer.output


class TestSecret:
    def test_a_secret_is_made_for_the_owner_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "jwt-secret"
        answer = run("secret", file)
        assert answer.exit_code == 0, answer.output
        assert len(bytes.fromhex(file.read_text())) == 32
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text().strip() not in answer.output
        assert "jwt_secret_file" in answer.output

    def test_a_file_that_is_there_stays(self, tmp_path: Path) -> None:
        file = tmp_path / "jwt-secret"
        file.write_text("in use")
        answer = run("secret", file)
        assert answer.exit_code == 1
        assert file.read_text() == "in use"


class TestDoctor:
    def test_a_file_that_a_view_hides_is_told(self, root: Path) -> None:
        (root / ".trash").mkdir()
        answer = run("doctor", root)
        assert answer.exit_code == 3
        assert ".trash in the folder is not reached" in answer.output

    def test_a_folder_alone_is_fine(self, root: Path) -> None:
        answer = run("doctor", root)
        assert answer.exit_code == 0, answer.output
        assert "folder: can be read and written" in answer.output
        assert "catalog: in order" in answer.output
        assert "none is configured" in answer.output

    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        file = tmp_path / "secret"
        file.write_text(SECRET)
        return file

    def test_a_document_server_in_order(
        self,
        office: ThreadServer,
        secret: Path,
        document_server: DocumentServerDouble,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("DAVSERVER_INTERNAL_URL", office.url)
        words = ("--document-server", document_server.url, "--jwt-secret-file", secret)
        answer = run("doctor", office.root, *words)
        assert answer.exit_code == 0, answer.output
        assert "signed; version 9.3.0.140" in answer.output
        assert "was converted and fetched" in answer.output
        told = json.loads(run("doctor", office.root, *words, "--json").output)
        assert told["verdict"] == "good"
        assert {"subject", "verdict", "words", "cure", "server"} == set(told["findings"][0])

    def test_a_server_that_does_not_run_is_not_reached(
        self, root: Path, secret: Path, document_server: DocumentServerDouble
    ) -> None:
        words = ("--document-server", document_server.url, "--jwt-secret-file", secret)
        told = run("doctor", root, *words, "--json")
        assert told.exit_code == 3
        [broken] = [one for one in json.loads(told.output)["findings"] if one["verdict"] == "fault"]
        assert broken["subject"] == "our address"
        assert broken["cure"].startswith("Is davserver running?")

    def test_people_from_outside_are_asked_for(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DAVSERVER_USER_SOURCES", "catalog htpasswd pam ldap")
        monkeypatch.setenv("DAVSERVER_HTPASSWD_FILE", str(tmp_path / "users"))
        monkeypatch.setenv("DAVSERVER_PAM_SERVICE", "davserver-is-not-there")
        monkeypatch.setenv("DAVSERVER_LDAP_URL", "ldaps://127.0.0.1:1")
        monkeypatch.setenv("DAVSERVER_LDAP_USER_BASE", "dc=example")
        answer = run("doctor", root)
        assert answer.exit_code == 3
        for name in ("htpasswd", "ldap", "pam"):
            assert f"BAD  users from {name}" in answer.output
        (tmp_path / "users").write_text("")
        assert "ok   users from htpasswd: can be asked" in run("doctor", root).output

    def test_a_provider_that_cannot_be_asked(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DAVSERVER_OIDC_ISSUER", "http://127.0.0.1:1")
        monkeypatch.setenv("DAVSERVER_OIDC_CLIENT_ID", "davserver")
        answer = run("doctor", root)
        assert answer.exit_code == 3
        assert "oidc_issuer and oidc_ca" in answer.output

    def test_secrets_that_differ(
        self, root: Path, secret: Path, document_server: DocumentServerDouble
    ) -> None:
        document_server.secret = "x" * 40
        words = ("--document-server", document_server.url, "--jwt-secret-file", secret)
        answer = run("doctor", root, *words)
        assert answer.exit_code == 3
        assert "the token is refused" in answer.output
        assert "jwt_secret_file" in answer.output

    @pytest.mark.parametrize("said", [b"false", b"true" * 1_000_000])
    def test_a_server_that_is_not_well(
        self, root: Path, secret: Path, document_server: DocumentServerDouble, said: bytes
    ) -> None:
        document_server.health = said
        words = ("--document-server", document_server.url, "--jwt-secret-file", secret)
        answer = run("doctor", root, *words)
        assert answer.exit_code == 3
        assert "does not answer true" in answer.output or "too long" in answer.output

    def test_a_server_that_is_not_there(self, root: Path, secret: Path) -> None:
        words = ("--document-server", "http://127.0.0.1:1", "--jwt-secret-file", secret)
        answer = run("doctor", root, *words)
        assert answer.exit_code == 3
        assert "cannot be reached" in answer.output
        assert "curl http://127.0.0.1:1/healthcheck" in answer.output

    def test_a_short_secret(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "short").write_text("not long")
        words = ("--document-server", "http://127.0.0.1:1", "--jwt-secret-file", tmp_path / "short")
        answer = run("doctor", root, *words)
        assert "openssl rand -hex 32" in answer.output

    def test_a_folder_that_cannot_be_written(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("davserver.doctor.site._may_use", lambda _: False)
        answer = run("doctor", root)
        assert answer.exit_code == 3
        assert f"chown or chmod {root}" in answer.output


class TestSettings:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("serve", "/none/there"), "there is no folder /none/there"),
            (("serve", "--port", "99999"), "option --port"),
            (("serve", "--document-server", "http://x"), "jwt_secret_file"),
            (("serve", "--anonymous", "write", "--host", "0.0.0.0"), "--i-know"),
            (("serve", "--config", "/none.toml"), "there is no such file"),
        ],
    )
    def test_a_wrong_setting_is_exit_code_2_with_the_cure(
        self, words: tuple[str, ...], message: str
    ) -> None:
        answer = run(*words)
        assert answer.exit_code == 2
        assert message in answer.output
        assert "Traceback" not in answer.output

    def test_a_port_in_use_is_said(self, root: Path) -> None:
        server = ProcessServer(root)
        try:
            answer = run("serve", root, "--port", server.port)
        finally:
            server.stop()
        assert answer.exit_code == 1
        assert "Cannot listen" in answer.output


class TestServing:
    def test_the_first_start_prints_address_name_and_password(self, root: Path) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "DAVSERVER_ADMIN_PASSWORD"}
        with tempfile.TemporaryFile("w+") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "davserver", "serve", root, "--port", "0"],
                stdout=out,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            try:
                text = wait_for(out, "ONLYOFFICE:")
                address = re.search(r"Address:\s+(http://\S+)/", text)
                password = re.search(r"Password:\s+(\S+)", text)
                assert address, text
                assert password, text
                assert "Administrator:  admin" in text
                client = DavClient(address[1], "admin", password[1])
                assert client.propfind("/").status_code == 207
            finally:
                process.terminate()
                assert process.wait(timeout=20) == 0
        again = ProcessServer(root, environment={})
        try:
            assert "Password:" not in again.log()
            assert again.client("admin", password[1]).propfind("/").status_code in (207, 401)
        finally:
            again.stop()

    def test_options_reach_the_server(self, root: Path) -> None:
        server = ProcessServer(root, "--anonymous", "read")
        try:
            assert DavClient(server.url).propfind("/").status_code == 207
        finally:
            assert server.stop() == 0

    def test_samples_make_a_folder_once(self, tmp_path: Path) -> None:
        folder = tmp_path / "share"
        assert run("samples", folder).exit_code == 0
        assert sorted(file.name for file in folder.iterdir()) == [
            "Budget.xlsx",
            "Kickoff.pptx",
            "Notes.md",
            "Projects",
            "Welcome.docx",
        ]
        assert run("samples", folder).exit_code == 1


def wait_for(out: io.TextIOBase, word: str) -> str:
    wait_until(lambda: out.seek(0) or word in out.read(), f"the server never said {word!r}")
    out.seek(0)
    return out.read()
