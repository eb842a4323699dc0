"""A double of the ONLYOFFICE Document Server: a real HTTP server that speaks the recorded protocol.

It fetches documents with a signed header, really changes the file, posts callbacks with header and
body token, tries again as the real one does, and serves an api.js that drives the DocEditor
contract in a browser: its frame has a button for each event that our page answers. What it leaves
out: rendering. tests/editor/test_recordings.py compares its requests with those of a real server.
"""

import hashlib
import html
import io
import json
import random
import secrets
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qs, urlsplit

import docx
import jwt
import openpyxl
import pptx
import requests

from tests.documentserver.conversion import Conversions, made_as, words_in

SECRET = "ds-secret-0123456789abcdef0123456789abcdef"
VERSION = "9.3.0.140"
# The real delays are 1, 2 and 4 seconds, and 5 to 10 before the final save.
RETRY_SECONDS = (0.05, 0.1, 0.2)
SAVE_SECONDS = 0.2
FORCED_SECONDS = 0.1
# "checkAndFixAuthorizationLength" in its code.
MAX_HEADER = 7168

_ODF = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}
_HERE = Path(__file__).parent
API_JS = (_HERE / "api.js").read_text()
FRAME = Template((_HERE / "frame.html").read_text())


class Editing:
    """One key: who is in, what was typed, the bytes as the Document Server has them."""

    def __init__(self, config: dict[str, Any], content: bytes) -> None:
        self.key: str = config["document"]["key"]
        self.filetype: str = config["document"]["fileType"]
        self.callback_urls: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.content = content
        self.typed = ""
        self.last_author = ""
        self.changed = False
        self.saved_by_force = False
        self.last_change = ""
        self.changes: list[dict[str, Any]] = []
        self.forms_data: list[dict[str, Any]] = []


class Answered:
    """What the integrator said to a callback."""

    def __init__(self, report: dict[str, Any], status: int, body: Any) -> None:
        self.report = report
        self.status = status
        self.body = body

    @property
    def is_accepted(self) -> bool:
        return self.status == 200 and isinstance(self.body, dict) and self.body.get("error") == 0


class Refused(Exception):
    """The editor would show an error instead of the document."""


class DocumentServerDouble:
    """The server. ``open`` and its kin are what a browser's editor does to it."""

    def __init__(self, secret: str = SECRET, header: str = "Authorization") -> None:
        self.secret = secret
        self.header = header
        self.editing: dict[str, Editing] = {}
        self.dead_keys: set[str] = set()
        self.forgotten: dict[str, bytes] = {}
        self.callbacks: list[Answered] = []
        self.downloads: list[requests.Response] = []
        self.cache: dict[str, bytes] = {}
        self.sessions: dict[str, tuple[str, str]] = {}
        self.dropped: list[str] = []
        self.known: set[str] = set()
        self.commands: list[dict[str, Any]] = []
        self._later: list[threading.Timer] = []
        self.preloads = 0
        self.version = VERSION
        self.titles: dict[str, str] = {}
        self.retries = True
        self.plain: dict[str, Any] = {}
        self.health = b"true"
        self.conversions = Conversions(secret, self.headers)
        self.version = VERSION
        # Faults that the doctor has to find.
        self.asks_for_tokens = True
        self.eats_header = False
        self.skew = 0
        self.lets_upgrade = True
        self.open_pages: set[str] = set()
        self.page_headers: dict[str, str] = {}
        self.blocked: set[str] = set()
        self.asked: list[str] = []
        # What 9.3 and newer say of themselves (server, DocService/sources/routes/meta.js).
        self.meta: dict[str, Any] | None = {
            "authorization": {"header": header, "prefix": "Bearer "},
            "urls": {
                "api": "/web-apps/apps/api/documents/api.js",
                "command": "/command",
                "converter": "/converter",
                "docbuilder": "/docbuilder",
            },
            "limits": {"maxFileSize": 104857600},
            "langs": ["de", "en", "pt-PT"],
        }
        self._lock = threading.RLock()
        double = self

        class Handler(_Handler):
            server_double = double

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        for timer in self._later:
            timer.join()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # --- what an editor in a browser does ---------------------------------------------------------

    def open(self, config: dict[str, Any]) -> Editing | None:
        """Open a document with a page's configuration; None for a viewer. Raises Refused."""
        claims = self._verified(config)
        key = claims["document"]["key"]
        if key in self.dead_keys:
            raise Refused("the file version has been changed")
        edits = claims["editorConfig"]["mode"] == "edit"
        user = claims["editorConfig"].get("user") or {}
        name = user.get("id") or f"uid-{secrets.token_hex(6)}"
        with self._lock:
            editing = self.editing.get(key)
            if editing is None:
                self.known.add(key)
                # As recorded: the first callback comes before the document is fetched.
                # What was forgotten takes the place of the document (commandOpen).
                editing = Editing(claims, self.forgotten.get(key, b""))
                self.editing[key] = editing
            if edits:
                editing.users[name] = user.get("name", "")
                editing.callback_urls[name] = claims["editorConfig"]["callbackUrl"]
                self._report(editing, 1, name, actions=[{"type": 1, "userid": name}])
            if not editing.content:
                editing.content = self._download(claims["document"]["url"])
        return editing if edits else None

    def type(self, key: str, text: str, user: str | None = None) -> None:
        """Write into the document."""
        editing = self.editing[key]
        editing.typed = text
        editing.last_author = user or next(iter(editing.users))
        editing.changed = True
        editing.saved_by_force = False
        editing.last_change = _now()
        if not editing.changes or editing.changes[-1]["user"]["id"] != editing.last_author:
            name = editing.users.get(editing.last_author) or editing.last_author
            editing.changes.append({"user": {"id": editing.last_author, "name": name}})
        editing.changes[-1]["created"] = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"

    def look(self, data: dict[str, Any]) -> tuple[bytes, list[str]]:
        """Show a version in the history, from what setHistoryData was given.

        The bytes that are shown, and the texts that are highlighted in them. Raises Refused.
        """
        told = {name: value for name, value in data.items() if name != "token"}
        try:
            claims = jwt.decode(data["token"], self.secret, ["HS256"])
        except (KeyError, jwt.InvalidTokenError) as fault:
            raise Refused("the security token is not correctly formed") from fault
        signed = {name: value for name, value in claims.items() if name not in ("iat", "exp")}
        if signed != told or "version" not in signed:
            raise Refused("the token is over something else")
        if not told.get("changesUrl"):
            return self._download(told["url"]), []
        base = self._download(told["previous"]["url"])
        with zipfile.ZipFile(io.BytesIO(self._download(told["changesUrl"]))) as archive:
            made = [json.loads(archive.read(name)) for name in sorted(archive.namelist())]
        # The real one would mark wrong places; a test would not see that.
        if any(change["base"] != hashlib.sha256(base).hexdigest() for change in made):
            raise Refused("the changes were made to other bytes")
        typed = [change["typed"] for change in made]
        return changed(base, told["fileType"], typed[-1]), typed

    def save(self, key: str, *, kind: int = 1, by: str = "", **more: Any) -> Answered | None:
        """The Save button (1), a command (0) or a submitted form (3); None: nothing to save.

        ``by`` whoever changed last, if nobody else presses it.
        """
        editing = self.editing[key]
        if not editing.changed or editing.saved_by_force:
            return None
        actions = [{"type": 2, "userid": by or editing.last_author}] if kind else None
        answered = self._report_saved(editing, 6, forcesavetype=kind, actions=actions, **more)
        editing.saved_by_force = answered.is_accepted
        return answered

    def leave(self, key: str, user: str | None = None, **more: Any) -> Answered | None:
        """Close the editor; the last one who leaves causes the final save. Returns its answer."""
        with self._lock:
            editing = self.editing[key]
            name = user or next(iter(editing.users))
            callback = editing.callback_urls[name]
            del editing.users[name]
            if editing.users:
                self._report(editing, 1, name, actions=[{"type": 0, "userid": name}])
                return None
            editing.callback_urls = {name: callback}
            del self.editing[key]
            gone = {"type": 0, "userid": name}
            if not editing.changed and key not in self.forgotten:
                return self._report(editing, 4, name, actions=[gone])
            editing.users = {name: ""}
            editing.last_author = editing.last_author or name
            return self._finish(editing, gone, more)

    def part(self, key: str, user: str) -> None:
        """Somebody goes, by themselves or dropped, if they are still there."""
        with self._lock:
            if key in self.editing and user in self.editing[key].users:
                self.leave(key, user)

    def _finish(self, editing: Editing, gone: dict[str, Any], more: dict[str, Any]) -> Answered:
        answered = self._report_saved(
            editing, 2, actions=[gone], notmodified=editing.saved_by_force, **more
        )
        if answered.is_accepted:
            self.dead_keys.add(editing.key)
            self.forgotten.pop(editing.key, None)
        else:
            self.forget(editing.key, self.changed_content(editing), editing.filetype)
        return answered

    def forget(self, key: str, content: bytes, filetype: str = "docx") -> None:
        """Keep what nobody took, under a name in a folder of its own."""
        self.forgotten[key] = content
        self.cache[f"/cache/files/forgotten/{key}/output.{filetype}"] = content

    # --- requests to the integrator ---------------------------------------------------------------

    def _download(self, url: str) -> bytes:
        headers = self.headers({"payload": {"url": url}})
        answer = requests.get(url, headers=headers, timeout=10)
        self.downloads.append(answer)
        if answer.status_code not in (200, 206):
            raise Refused(f"download failed with {answer.status_code}: {answer.text}")
        return answer.content

    def _report_saved(self, editing: Editing, status: int, **fields: Any) -> Answered:
        """Statuses 2 and 6: the file, changed for real, with its history."""
        filetype = fields.pop("filetype", editing.filetype)
        content = self.changed_content(editing)
        if filetype != editing.filetype:
            # It could not save in the document's own format, or was told not to.
            content = made_as(filetype, words_in(content, editing.filetype))
        folder = f"/cache/files/data/{editing.key}_{random.randrange(10000)}"
        path = f"{folder}/output.{filetype}/output.{filetype}"
        self.cache[path] = content
        self.cache[f"{folder}/changes.zip/changes.zip"] = _changes_zip(editing)
        author = editing.last_author
        digest = hashlib.sha256(content).hexdigest()
        if fields.get("forcesavetype") == 3 and editing.forms_data:
            forms = f"{folder}/formsdata.json"
            self.cache[forms] = json.dumps({"formsdata": editing.forms_data}).encode()
            fields["formsdataurl"] = self._signed(forms, "formsdata.json", editing.key)
        report = {
            "url": self._signed(path, f"output.{filetype}", editing.key),
            "changesurl": self._signed(
                f"{folder}/changes.zip/changes.zip", "changes.zip", editing.key
            ),
            "history": {
                "serverVersion": "9.3.0",
                "changes": [{"documentSha256": digest, **one} for one in editing.changes],
            },
            "users": [author],
            **{name: fields.pop(name) for name in ("actions", "userdata") if fields.get(name)},
            "lastsave": editing.last_change,
            **{name: value for name, value in fields.items() if value is not None},
            "filetype": filetype,
        }
        return self._post_with_retries(editing, author, {"status": status, **report})

    def _report(self, editing: Editing, status: int, user: str, **fields: Any) -> Answered:
        report: dict[str, Any] = {"status": status}
        if status != 4:
            report["users"] = list(editing.users)
        return self._post(editing, user, {**report, **fields})

    def _post_with_retries(self, editing: Editing, user: str, report: dict[str, Any]) -> Answered:
        """As the real one: only after 429, 5xx or no answer, and only the final save."""
        answered = self._post(editing, user, report)
        for pause in RETRY_SECONDS if report["status"] in (2, 3) and self.retries else ():
            if answered.status and answered.status != 429 and answered.status < 500:
                break
            time.sleep(pause)
            path = urlsplit(report["url"]).path
            report = {**report, "url": self._signed(path, path.rpartition("/")[2], editing.key)}
            answered = self._post(editing, user, report)
        return answered

    def _post(self, editing: Editing, user: str, report: dict[str, Any]) -> Answered:
        url = editing.callback_urls.get(user) or next(iter(editing.callback_urls.values()))
        return self.post(url, {"key": editing.key, **report})

    def post(
        self, url: str, report: dict[str, Any], unsigned: dict[str, Any] | None = None
    ) -> Answered:
        """Post one callback, signed twice: in the header and in the body.

        Where the header would be too long, the history is in the token of the body alone.
        ``unsigned`` is put into the body beside that token, as a forger would.
        """
        now = int(time.time())
        token = self._token({**report, "iat": now, "exp": now + 300})
        signed = report
        if len(self.headers({"payload": report})[self.header]) >= MAX_HEADER:
            report = {**report, "history": {}}
            report.pop("changesurl", None)
        body = {**report, **(unsigned or {}), "token": token}
        self.plain = body
        filetype = body.pop("filetype", None)
        if filetype is not None:
            body["filetype"] = filetype  # stands after the token on the wire
        headers = {
            "Accept": "application/json, text/plain, */*",
            "Content-Type": "application/json",
            "User-Agent": "Node.js/6.13",
            **self.headers({"payload": report}),
        }
        try:
            answer = requests.post(url, json.dumps(body), headers=headers, timeout=20)
        except requests.RequestException:
            answered = Answered(signed, 0, None)
        else:
            answered = Answered(signed, answer.status_code, _json(answer))
        self.callbacks.append(answered)
        return answered

    def headers(self, claims: dict[str, Any]) -> dict[str, str]:
        now = int(time.time()) + self.skew
        token = self._token({**claims, "iat": now, "exp": now + 300})
        return {} if self.eats_header else {self.header: f"Bearer {token}"}

    def _token(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.secret, "HS256")

    def _signed(self, path: str, name: str, key: str) -> str:
        expires = int(time.time()) + 900
        signature = secrets.token_urlsafe(16)
        query = f"md5={signature}&expires={expires}&shardkey={key}&filename={name}"
        return f"{self.url}{path}?{query}"

    def _verified(self, config: dict[str, Any]) -> dict[str, Any]:
        """The claims of a configuration's token, checked as the real server checks them."""
        try:
            claims: dict[str, Any] = jwt.decode(config["token"], self.secret, ["HS256"])
        except (KeyError, jwt.InvalidTokenError) as fault:
            raise Refused("the security token is not correctly formed") from fault
        document, editor = claims["document"], claims["editorConfig"]
        if config.get("document", {}).get(
            "permissions", document.get("permissions")
        ) != document.get("permissions"):
            raise Refused("permissions differ from the signed ones")
        for name in ("key", "url", "permissions"):
            if name not in document:
                raise Refused(f"the token lacks document.{name}")
        if "callbackUrl" not in editor or {"url", "payload", "key"} & claims.keys():
            raise Refused("the token has an invalid format")
        return claims

    def changed_content(self, editing: Editing) -> bytes:
        if not editing.changed:
            return editing.content
        return changed(editing.content, editing.filetype, editing.typed)

    def command(self, body: dict[str, Any]) -> dict[str, Any]:
        """The command service, as far as it was recorded."""
        try:
            claims = jwt.decode(body.get("token", ""), self.secret, ["HS256"])
        except jwt.InvalidTokenError:
            if self.asks_for_tokens or body.get("token"):
                return {"error": 6}
            claims = body
        name, key = claims.get("c"), claims.get("key", "")
        self.commands.append(claims)
        if name == "version":
            return {"error": 0, "version": self.version}
        if name == "license":
            return {
                "error": 0,
                "license": {"connections": 20, "connections_view": 20, "users_count": 0},
                "server": {"resultType": 3, "packageType": 0, "buildVersion": self.version},
                "quota": {"users": [], "users_view": []},
            }
        if name == "getForgottenList":
            return {"error": 0, "keys": list(self.forgotten)}
        if name in {"getForgotten", "deleteForgotten"}:
            return self._forgotten(name, key)
        if name == "info":
            return self._info(key, claims.get("userdata"))
        if name == "forcesave":
            return self._forcesave(key, claims.get("userdata"))
        if name == "meta":
            return self._rename(key, claims.get("meta") or {})
        if name == "drop":
            return self._drop(key, claims.get("users"))
        return {"error": 5 if key else 1}

    def _forgotten(self, name: str, key: str) -> dict[str, Any]:
        if key not in self.forgotten:
            return {"error": 1}
        folder = f"/cache/files/forgotten/{key}/"
        [path] = [path for path in self.cache if path.startswith(folder)]
        if name == "getForgotten":
            url = self._signed(path, path.rpartition("/")[2], key)
            return {"error": 0, "key": key, "url": url}
        del self.forgotten[key], self.cache[path]
        return {"error": 0, "key": key}

    def _rename(self, key: str, meta: dict[str, Any]) -> dict[str, Any]:
        """All editors of the document show the title (Docs API, "meta")."""
        if key not in self.editing:
            return {"error": 1}
        self.titles[key] = meta["title"]
        return {"error": 0, "key": key}

    def _info(self, key: str, userdata: str | None) -> dict[str, Any]:
        """Who edits; a callback tells it too. A session that ended is known, with nobody in it.

        One whose save nobody took is not known any more (tried with version 9.3).
        """
        editing = self.editing.get(key)
        if editing is None:
            known = key in self.known and key not in self.forgotten
            return {"error": 0, "key": key, "users": []} if known else {"error": 1}
        if editing.users:
            user = next(iter(editing.users))
            more = {"userdata": userdata} if userdata else {}
            self._soon(0.01, self._report, editing, 1, user, **more)
        return {"error": 0, "key": key, "users": list(editing.users)}

    def _forcesave(self, key: str, userdata: str | None) -> dict[str, Any]:
        """The answer comes at once, the save by a callback."""
        editing = self.editing.get(key)
        if editing is None:
            return {"error": 1}
        if not editing.changed or editing.saved_by_force:
            return {"error": 4, "key": key}
        self._soon(FORCED_SECONDS, self.save, key, kind=0, userdata=userdata)
        return {"error": 0, "key": key}

    def _drop(self, key: str, users: list[str] | None) -> dict[str, Any]:
        """Those, or all, become lookers-on: what they typed stays in the document (Docs API,
        "drop"). Recorded: it answers 0 for an unknown key too. The last one who goes causes the
        final save, as by leaving.
        """
        editing = self.editing.get(key)
        if editing is not None:
            going = [name for name in (users or list(editing.users)) if name in editing.users]
            self.dropped += going
            if len(going) == len(editing.users):
                for name in going[1:]:
                    del editing.users[name]
                self._soon(SAVE_SECONDS, self.part, key, going[0])
            else:
                for name in going:
                    del editing.users[name]
        return {"error": 0, "key": key}

    def _soon(self, seconds: float, act: Callable[..., object], *args: Any, **more: Any) -> None:
        timer = threading.Timer(seconds, act, args, more)
        self._later.append(timer)
        timer.start()


class _Handler(BaseHTTPRequestHandler):
    server_double: DocumentServerDouble
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self.server_double.skew)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        double = self.server_double
        if url.path in double.blocked:
            self._answer(403, b"", "text/plain")
            return
        if url.path.startswith("/doc/") and "transport=websocket" in url.query:
            self._upgrade()
            return
        if url.path in double.open_pages or url.path.endswith("/documenteditor/main/index.html"):
            self._answer(200, b"<title>page</title>", "text/html", double.page_headers)
            return
        if url.path == "/web-apps/apps/api/documents/api.js":
            self._answer(200, API_JS.encode(), "application/javascript")
        elif url.path == "/healthcheck":
            self._answer(200, self.server_double.health, "text/plain")
        elif url.path == "/meta/config" and self.server_double.meta is not None:
            content = json.dumps(self.server_double.meta).encode()
            self._answer(200, content, "application/json")
        elif url.path == "/web-apps/apps/api/documents/preload.html":
            self.server_double.preloads += 1
            self._answer(200, b"<!doctype html><title>preload</title>", "text/html")
        elif url.path == "/frame":
            self._frame(parse_qs(url.query)["token"][0])
        elif url.path == "/history":
            self._history(json.loads(parse_qs(url.query)["data"][0]))
        elif url.path in self.server_double.cache:
            if "md5=" not in url.query:
                self._answer(403, b"", "text/plain")
            else:
                content = self.server_double.cache[url.path]
                self._answer(200, content, "application/octet-stream")
        elif url.path in self.server_double.conversions.results and "md5=" in url.query:
            content = self.server_double.conversions.results[url.path]
            self._answer(200, content, "application/octet-stream")
        else:
            self._answer(404, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        self.server_double.asked.append(self.path)
        if path in self.server_double.blocked:
            self._answer(403, b"", "text/plain")
            return
        if path == "/docbuilder" and path in self.server_double.open_pages:
            self._answer(200, b'{"error": -8}', "application/json")
        elif path == "/command":
            answer = self.server_double.command(json.loads(body))
            self._answer(200, json.dumps(answer).encode(), "application/json")
        elif path == "/converter":
            double = self.server_double
            accept = self.headers.get("Accept", "")
            self._answer(200, *double.conversions.request(body, accept, double._signed))
        elif path.startswith("/session/"):
            _, _, session, what = path.split("/")
            self._session(session, what, body.decode())
        else:
            self._answer(404, b"", "text/plain")

    def _session(self, session: str, what: str, text: str) -> None:
        double = self.server_double
        key, user = double.sessions[session]
        if what == "type":
            double.type(key, text, user)
        elif what == "save":
            double.save(key)
        elif what == "close":
            double._soon(SAVE_SECONDS, double.part, key, user)
        self._answer(204, b"", "text/plain")

    def _frame(self, token: str) -> None:
        double = self.server_double
        try:
            claims = double._verified({"token": token})
            editing = double.open({"token": token})
        except Refused as fault:
            self._answer(200, str(fault).encode(), "text/plain")
            return
        session = secrets.token_hex(8)
        user = claims["editorConfig"].get("user") or {}
        if editing is not None:
            name = user.get("id") or next(reversed(editing.users))
            double.sessions[session] = (editing.key, name)
        fields = {
            "title": claims["document"]["title"],
            "mode": "Editing" if editing else "Viewing",
            "readonly": "" if editing else "readonly",
            "session": session,
        }
        page = FRAME.substitute({name: html.escape(value) for name, value in fields.items()})
        self._answer(200, page.encode(), "text/html; charset=utf-8")

    def _history(self, data: dict[str, Any]) -> None:
        try:
            content, marked = self.server_double.look(data)
        except Refused as fault:
            words = str(fault)
        else:
            words = f"version {data['version']}: {len(content)} bytes, {', '.join(marked) or '-'}"
        page = f'<!doctype html><meta charset="utf-8"><p id="shown">{html.escape(words)}</p>'
        self._answer(200, page.encode(), "text/html; charset=utf-8")

    def _upgrade(self) -> None:
        """As engine.io does: a switch of protocols, or none where a proxy took Upgrade away."""
        if self.headers.get("Upgrade") == "websocket" and self.server_double.lets_upgrade:
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.close_connection = True
        else:
            self._answer(404, b"", "text/plain")

    def _answer(
        self, status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _changes_zip(editing: Editing) -> bytes:
    """What the editor shows changes by; the form of the members is the double's own."""
    base = hashlib.sha256(editing.content).hexdigest()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        made = json.dumps({"base": base, "typed": editing.typed})
        archive.writestr("changes0.json", made)
    return out.getvalue()


def changed(content: bytes, filetype: str, text: str) -> bytes:
    """``content`` with ``text`` in it, as an editor of that format would save it."""
    if filetype in {"txt", "csv"}:
        return content + text.encode()
    if filetype == "pdf":
        return (content or b"%PDF-1.7\n") + b"% " + text.encode() + b"\n%%EOF\n"
    out = io.BytesIO()
    if filetype in _ODF:
        _change_odf(out, content, filetype, text)
    elif filetype == "xlsx":
        book = openpyxl.load_workbook(io.BytesIO(content))
        book.active.append([text])
        book.save(out)
    elif filetype == "pptx":
        show = pptx.Presentation(io.BytesIO(content))
        slide = show.slides.add_slide(show.slide_layouts[0])
        slide.shapes.title.text = text
        show.save(out)
    else:
        document = docx.Document(io.BytesIO(content)) if content else docx.Document()
        document.add_paragraph(text)
        document.save(out)
    return out.getvalue()


def _change_odf(out: io.BytesIO, content: bytes, filetype: str, text: str) -> None:
    """An ODF package: its type comes first, not packed (ODF 1.3 part 2, 3.3)."""
    members: dict[str, bytes] = {}
    if content:
        with zipfile.ZipFile(io.BytesIO(content)) as before:
            members = {name: before.read(name) for name in before.namelist()}
    kind = f"application/vnd.oasis.opendocument.{_ODF[filetype]}".encode()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", members.pop("mimetype", kind), zipfile.ZIP_STORED)
        words = members.pop("content.xml", b"<office:document-content/>")
        package.writestr("content.xml", words + f"<!-- {text} -->".encode())
        for name, member in members.items():
            package.writestr(name, member)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text
