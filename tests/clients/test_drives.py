"""Real programs that people mount and copy with."""

import os
import subprocess
import textwrap
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from webdav4.client import Client as Webdav4
from webdav4.client import ResourceAlreadyExists

from tests.running import ADMIN, PASSWORD, ProcessServer

pytestmark = pytest.mark.clients


def run(*command: str, stdin: str = "", **options: object) -> str:
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return str(done.stdout)


@cache
def obscured(password: str) -> str:
    """As rclone wants it: salted, and always the same, for bisync tells remotes apart by it."""
    return run("rclone", "obscure", password).strip()


def versions(process: ProcessServer, name: str) -> list[bytes]:
    """The kept versions of all files, in the order in which they were kept."""
    kept = [
        file for file in (process.root / ".davserver" / "versions").rglob("*") if file.is_file()
    ]
    return [file.read_bytes() for file in sorted(kept, key=lambda file: file.stat().st_mtime_ns)]


@pytest.mark.program("curl")
class TestCurl:
    def curl(self, process: ProcessServer, *words: str) -> str:
        return run("curl", "-sS", "-u", f"{ADMIN}:{PASSWORD}", *words)

    def test_upload_download_and_resume(self, process: ProcessServer, tmp_path: Path) -> None:
        content = os.urandom(300_000)
        (tmp_path / "up").write_bytes(content)
        url = f"{process.url}/big%20file.bin"
        assert self.curl(process, "-T", str(tmp_path / "up"), "-w", "%{http_code}", url) == "201"
        (tmp_path / "down").write_bytes(content[:100_000])
        self.curl(process, "-C", "-", "-o", str(tmp_path / "down"), url)
        assert (tmp_path / "down").read_bytes() == content


@pytest.mark.program("cadaver")
class TestCadaver:
    def test_a_session_with_locks(self, process: ProcessServer, tmp_path: Path) -> None:
        (tmp_path / "local.txt").write_text("by cadaver")
        (tmp_path / ".netrc").write_text(
            f"machine 127.0.0.1 login {ADMIN} password {PASSWORD.replace(' ', '_')}"
        )
        script = textwrap.dedent(f"""\
            mkcol docs
            cd docs
            put {tmp_path}/local.txt a.txt
            lock a.txt
            discover a.txt
            put {tmp_path}/local.txt a.txt
            unlock a.txt
            copy a.txt b.txt
            move b.txt c.txt
            propset c.txt color red
            propget c.txt color
            ls
            delete a.txt
            quit
            """)
        server = ProcessServer(
            process.root, environment={"DAVSERVER_ADMIN_PASSWORD": PASSWORD.replace(" ", "_")}
        )
        try:
            out = run(
                "cadaver", f"{server.url}/", stdin=script, env={**os.environ, "HOME": str(tmp_path)}
            )
        finally:
            server.stop()
        assert "failed" not in out.lower(), out
        assert "red" in out
        assert sorted(os.listdir(process.root / "docs")) == ["c.txt"]
        assert (process.root / "docs" / "c.txt").read_text() == "by cadaver"


@pytest.mark.program("rclone")
class TestRclone:
    def rclone(self, process: ProcessServer, *words: str) -> str:
        environment = {
            **os.environ,
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_DAV_TYPE": "webdav",
            "RCLONE_CONFIG_DAV_URL": process.url,
            "RCLONE_CONFIG_DAV_VENDOR": "owncloud",
            "RCLONE_CONFIG_DAV_USER": ADMIN,
            "RCLONE_CONFIG_DAV_PASS": obscured(PASSWORD),
        }
        return run("rclone", *words, env=environment)

    def test_copy_check_and_sync(self, process: ProcessServer, tmp_path: Path) -> None:
        source = tmp_path / "source"
        for folder in ("docs", "ünï 文件"):
            (source / folder).mkdir(parents=True)
            for number in range(5):
                (source / folder / f"file {number}.bin").write_bytes(os.urandom(1000 * number))
        self.rclone(process, "copy", str(source), "dav:here")
        self.rclone(process, "check", "--download", str(source), "dav:here")
        changed = source / "docs" / "file 3.bin"
        changed.write_bytes(b"changed")
        (source / "docs" / "file 4.bin").unlink()
        self.rclone(process, "sync", str(source), "dav:here")
        self.rclone(process, "check", "--download", str(source), "dav:here")
        here = process.root / "here" / "docs" / "file 3.bin"
        assert here.stat().st_mtime == pytest.approx(changed.stat().st_mtime, abs=1), (
            "the time is lost"
        )
        assert any(len(kept) == 3000 for kept in versions(process, "file 3.bin")), (
            "no version was kept"
        )

    def test_moving_on_the_server(self, process: ProcessServer) -> None:
        (process.root / "a").mkdir()
        (process.root / "a" / "f.txt").write_text("x")
        self.rclone(process, "move", "dav:a", "dav:b")
        assert (process.root / "b" / "f.txt").read_text() == "x"

    def test_bisync_carries_changes_both_ways(self, process: ProcessServer, tmp_path: Path) -> None:
        here = tmp_path / "here"
        here.mkdir()
        (process.root / "there").mkdir()
        for number in range(5):
            (here / f"here {number}.txt").write_text(f"{number}")
            (process.root / "there" / f"ünï {number}.txt").write_text(f"{number}")

        def bisync(*words: str) -> None:
            state = ("--workdir", str(tmp_path / "state"))
            self.rclone(process, "bisync", str(here), "dav:there", *state, *words)

        def both() -> tuple[dict[str, str], dict[str, str]]:
            sides = (here, process.root / "there")
            one, other = (
                {file.name: file.read_text() for file in side.iterdir()} for side in sides
            )
            return one, other

        bisync("--resync")
        assert both()[0] == both()[1]
        assert len(both()[0]) == 10
        one, other = here / "here 1.txt", process.root / "there" / "ünï 3.txt"
        for file, text in ((one, "changed here"), (other, "changed there")):
            # bisync compares times of change, and WebDAV tells them in whole seconds.
            changed = file.stat().st_mtime + 2
            file.write_text(text)
            os.utime(file, (changed, changed))
        (here / "here 2.txt").unlink()
        (process.root / "there" / "ünï 4.txt").unlink()
        bisync()
        local, remote = both()
        assert local == remote
        assert len(local) == 8
        assert local["here 1.txt"] == "changed here"
        assert remote["ünï 3.txt"] == "changed there"


class TestWebdav4:
    """A Python client, on httpx."""

    def test_a_session(self, process: ProcessServer, tmp_path: Path) -> None:
        content = os.urandom(300_000)
        (tmp_path / "up.bin").write_bytes(content)
        client = Webdav4(process.url, auth=(ADMIN, PASSWORD), trust_env=False)
        with closing(client.http):
            client.mkdir("ünï")
            client.upload_file(tmp_path / "up.bin", "ünï/a b.bin")
            assert client.content_length("ünï/a b.bin") == len(content)
            assert client.etag("ünï/a b.bin")
            with pytest.raises(ResourceAlreadyExists):
                client.upload_file(tmp_path / "up.bin", "ünï/a b.bin")
            client.upload_file(tmp_path / "up.bin", "ünï/a b.bin", overwrite=True)
            with client.open("ünï/a b.bin", mode="rb") as remote:
                remote.seek(100_000)
                assert remote.read(1000) == content[100_000:101_000]
            client.copy("ünï/a b.bin", "copy.bin")
            client.move("copy.bin", "ünï/moved.bin")
            names = client.ls("ünï", detail=False)
            assert sorted(names) == ["ünï/a b.bin", "ünï/moved.bin"]
            client.download_file("ünï/moved.bin", tmp_path / "down.bin")
            assert (tmp_path / "down.bin").read_bytes() == content
            client.remove("ünï")
            assert not client.exists("ünï")
        assert versions(process, "a b.bin") == [content]


@pytest.mark.program("mount.davfs")
@pytest.mark.skipif(
    os.getuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK),
    reason="mounting needs root and /dev/fuse",
)
class TestDavfs:
    def test_a_mounted_drive(self, process: ProcessServer, tmp_path: Path) -> None:
        """Mount, work, unmount, in a mount namespace of its own."""
        (process.root / "notes.txt").write_text("one\n")
        (tmp_path / "mnt").mkdir()
        (tmp_path / "cache").mkdir(mode=0o777)
        (tmp_path / "cache").chmod(0o777)
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(folder.stat().st_mode | 0o055)
        (tmp_path / "secrets").write_text(f'{process.url}/ {ADMIN} "{PASSWORD}"\n')
        (tmp_path / "secrets").chmod(0o600)
        (tmp_path / "conf").write_text(
            f"use_locks 1\nask_auth 0\ncache_dir {tmp_path}/cache\nsecrets {tmp_path}/secrets\n"
        )
        script = textwrap.dedent(f"""\
            set -e
            mount -t davfs -o conf={tmp_path}/conf {process.url}/ {tmp_path}/mnt
            trap 'umount {tmp_path}/mnt' EXIT
            cd {tmp_path}/mnt
            cat notes.txt
            echo two >> notes.txt
            echo new > "new file.txt"
            mkdir docs
            cp notes.txt docs/copy.txt
            mv "new file.txt" docs/moved.txt
            rm docs/copy.txt
            cd /
            """)
        out = run("unshare", "-m", "bash", "-c", script)
        assert out.startswith("one\n")
        assert (process.root / "notes.txt").read_text() == "one\ntwo\n"
        assert sorted(os.listdir(process.root / "docs")) == ["moved.txt"]
        assert (process.root / "docs" / "moved.txt").read_text() == "new\n"
        assert b"one\n" in versions(process, "notes.txt")
