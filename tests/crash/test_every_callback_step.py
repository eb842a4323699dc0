"""kill -9 between every two steps of storing an editor's save, which is then sent again."""

import io
import json
import os
import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from davserver import app as app_module
from davserver.app import create_app, prepare
from davserver.editor.opening import OPENING_SECONDS
from davserver.editor.saving.submissions import FOLDER
from davserver.providers.notices import Kind, Notices
from davserver.providers.share import Share, open_share
from davserver.setting_sources import read_settings
from davserver.settings import Settings
from tests.clock import later
from tests.crash.stepping import MAX_STEPS, dies_at
from tests.crash.test_every_step import check_history, check_tidy
from tests.documentserver import SECRET, DocumentServerDouble, changed
from tests.editor.opening import words
from tests.providers.test_files import put

pytestmark = pytest.mark.crash


class Saved:
    """A session whose last save is about to be reported."""

    def __init__(self, root: Path, double: DocumentServerDouble) -> None:
        root.mkdir()
        self.root = root
        self.settings: Settings = read_settings(
            root=root, admin_password="x" * 8, document_server=double.url, jwt_secret=SECRET
        )
        prepare(self.settings)
        self.double = double
        app = create_app(self.settings)
        content = changed(b"", "docx", "first words")
        put(app.share, "/a.docx", content)
        self.config = self._open(app)
        app.share.close()
        key = self.config["document"]["key"]
        path = f"/cache/files/data/{key}_1/output.docx/output.docx"
        double.cache[path] = changed(content, "docx", "precious words")
        self.report = {
            "key": key,
            "status": 2,
            "url": f"{double.url}{path}?md5=x",
            "users": ["admin"],
            "lastsave": "2026-11-23T08:43:29.000Z",
            "filetype": "docx",
        }

    def _open(self, app: Any) -> dict[str, Any]:
        secret = b64encode(b"admin:" + b"x" * 8).decode()
        _, body = call(
            app,
            "GET",
            "/-/edit/a.docx",
            HTTP_ACCEPT="text/html",
            HTTP_AUTHORIZATION=f"Basic {secret}",
        )
        island = html.fromstring(body).get_element_by_id("editor-config")
        config: dict[str, Any] = json.loads(island.text_content())
        return config

    def deliver(self) -> tuple[int, bytes]:
        """Post the report to an application of its own."""
        app = create_app(self.settings)
        try:
            return self.deliver_to(app)
        finally:
            app.share.close()

    def deliver_to(self, app: Any) -> tuple[int, bytes]:
        token = self.double._token({**self.report, "exp": int(time.time()) + 300})
        body = json.dumps({**self.report, "token": token}).encode()
        target = "/" + self.config["editorConfig"]["callbackUrl"].split("/", 3)[3]
        return call(app, "POST", target, body)


def call(app: Any, method: str, target: str, body: bytes = b"", **fields: str) -> tuple[int, bytes]:
    answer: list[int] = []

    def start(status: str, _: Any, __: Any = None) -> None:
        answer.append(int(status[:3]))

    environ = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "PATH_INFO": target,
        "QUERY_STRING": "",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        **fields,
    }
    content = b"".join(app(environ, start))
    return answer[0], content


def test_storing_a_save(tmp_path: Path, document_server: DocumentServerDouble) -> None:
    """Pitfall 3.15: a crash leaves the old document or the new one, never a part."""
    for kill_at in range(MAX_STEPS):
        saved = Saved(tmp_path / str(kill_at), document_server)
        died = dies_at(saved.root, kill_at, delivering(saved))
        prepare(saved.settings)
        status, body = saved.deliver()
        assert (status, body) == (200, b'{"error": 0}'), f"after a crash at step {kill_at}"
        check(saved, kill_at)
        if not died:
            assert kill_at > 20
            return
    raise AssertionError("the save never gets done")


def delivering(saved: Saved) -> Callable[[Share], object]:
    def work(share: Share) -> None:
        # The application is to use the share whose steps are counted.
        app_module._share = lambda *_: share  # type: ignore[assignment]
        status, _ = saved.deliver_to(create_app(saved.settings))
        assert status == 200

    return work


def check(saved: Saved, kill_at: int) -> None:
    app = create_app(saved.settings)
    try:
        check_tidy(app.share, saved.root)
        assert words(saved.root / "a.docx") == ["first words", "precious words"]
        assert len(app.share.files.versions("/a.docx")) == 2, f"step {kill_at}"
        check_history(app.share, "/a.docx")
        assert sorted(os.listdir(saved.root)) == [".davserver", "a.docx"], f"step {kill_at}"
        assert app.share.locks.on("/a.docx") == []
    finally:
        app.share.close()


def test_rescuing_a_save(tmp_path: Path, document_server: DocumentServerDouble) -> None:
    for kill_at in range(MAX_STEPS):
        saved = Saved(tmp_path / str(kill_at), document_server)
        key = saved.report["key"]
        path = f"/cache/files/data/{key}_1/output.docx/output.docx"
        document_server.forget(key, document_server.cache[path])
        with later(OPENING_SECONDS + 60):
            died = dies_at(saved.root, kill_at, partial(rescue, saved))
            prepare(saved.settings)
            again = open_share(saved.root, saved.root / ".davserver", connections=2)
            try:
                rescue(saved, again)
            finally:
                again.close()
            check(saved, kill_at)
        assert document_server.forgotten == {}, f"step {kill_at}"
        if not died:
            assert kill_at > 20
            return
    raise AssertionError("the rescue never gets done")


def rescue(saved: Saved, share: Share) -> None:
    with pytest.MonkeyPatch.context() as patched:
        # The application is to use the share whose steps are counted.
        patched.setattr(app_module, "_share", lambda *_: share)
        app = create_app(saved.settings)
    assert app.rescue is not None
    app.rescue()


def test_people_are_told_of_a_save_once(
    tmp_path: Path, document_server: DocumentServerDouble
) -> None:
    """Though we die while telling them, or before."""
    for kill_at in range(MAX_STEPS):
        saved = Saved(tmp_path / str(kill_at), document_server)
        (saved.root / "a.docx").write_bytes(b"from another program")
        assert saved.deliver() == (200, b'{"error": 0}')
        died = dies_at(saved.root, kill_at, partial(telling, saved))
        again = open_share(saved.root, saved.root / ".davserver", connections=2)
        try:
            telling(saved, again)
            [told] = Notices(again.catalog).of("admin")
            assert told.kind is Kind.BESIDE, f"step {kill_at}"
        finally:
            again.close()
        if not died:
            assert kill_at > 2
            return
    raise AssertionError("nobody ever gets told")


def telling(saved: Saved, share: Share) -> None:
    """What the housekeeping does for that."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(app_module, "_share", lambda *_: share)
        app = create_app(saved.settings)
    app.housekeeping._tasks["news of saves"]()


def test_submitting_a_form_without_the_right_to(
    tmp_path: Path, document_server: DocumentServerDouble
) -> None:
    for kill_at in range(MAX_STEPS):
        saved = Saved(tmp_path / str(kill_at), document_server)
        saved.report |= {"status": 6, "forcesavetype": 3, "users": ["gone"]}
        died = dies_at(saved.root, kill_at, delivering(saved))
        prepare(saved.settings)
        assert saved.deliver() == (200, b'{"error": 0}'), f"after a crash at step {kill_at}"
        assert words(saved.root / "a.docx") == ["first words"]
        files = sorted((saved.root / FOLDER).iterdir())
        assert sorted(file.suffix for file in files) == [".docx", ".json"], f"step {kill_at}"
        assert all("(not permitted, gone" in file.name for file in files)
        if not died:
            assert kill_at > 30
            return
    raise AssertionError("the form never gets stored")


def test_submitting_a_form(tmp_path: Path, document_server: DocumentServerDouble) -> None:
    for kill_at in range(MAX_STEPS):
        saved = Saved(tmp_path / str(kill_at), document_server)
        data = f"/cache/files/data/{saved.report['key']}_1/formsdata.json"
        document_server.cache[data] = b'[{"key": "Name", "type": "text", "value": "Ada"}]'
        url = f"{document_server.url}{data}?md5=x"
        saved.report |= {"status": 6, "forcesavetype": 3, "formsdataurl": url}
        died = dies_at(saved.root, kill_at, delivering(saved))
        prepare(saved.settings)
        assert saved.deliver() == (200, b'{"error": 0}'), f"after a crash at step {kill_at}"
        assert words(saved.root / "a.docx") == ["first words"]
        folder = saved.root / FOLDER
        assert sorted(file.suffix for file in folder.iterdir()) == [".csv", ".docx", ".json"]
        rows = (folder / "a.csv").read_text("utf-8-sig").splitlines()
        assert len(rows) == 2, f"step {kill_at}"
        assert rows[1].endswith(",Ada")
        if not died:
            assert kill_at > 60
            return
    raise AssertionError("the form never gets stored")
