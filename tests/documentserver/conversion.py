"""The double's conversions: POST /converter, as read in the server's code (converterservice.js).

A task is known by key and output type alone; its errors stay, its results stay. What comes of a
conversion is a real file of the target format, with the words of the source where it has any.
"""

import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import docx
import jwt
import openpyxl
import pptx
import requests

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = COMPOUND + b"EncryptedPackage:"
PATIENCE = 30

_KEY = re.compile(r"[0-9a-zA-Z._=-]*")
_EXTENSION = re.compile(r"[a-zA-Z0-9]*")
_ODF = {
    "odt": "text",
    "ott": "text-template",
    "ods": "spreadsheet",
    "ots": "spreadsheet-template",
    "odp": "presentation",
    "otp": "presentation-template",
}
_DOCUMENTS = {"docx", "docm", "dotx", "dotm"}
_SHEETS = {"xlsx", "xlsm", "xltx", "xltm"}
_SLIDES = {"pptx", "pptm", "ppsx", "ppsm", "potx", "potm"}
_IMAGES = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "bmp": b"BM",
}
_TEXTS = {"txt", "html", "rtf", "md", "csv", "tsv", "fb2", "epub", "pdf", "pdfa"}
KNOWN = {*_ODF, *_DOCUMENTS, *_SHEETS, *_SLIDES, *_IMAGES, *_TEXTS, "ooxml", "odf"}
_CELLS = {"xls", "xlsx", "xlsm", "xlsb", "xlt", "ods", "ots", "csv", "sxc", "et", "ett", "numbers"}
_SHOWS = {"ppt", "pptx", "pps", "pot", "odp", "otp", "fodp", "sxi", "key", "odg", "dps", "dpt"}


def locked(content: bytes, password: str) -> bytes:
    """``content`` as a document that has a password: wrapped into the older format."""
    return _LOCKED + password.encode() + b"\0" + content


class _Task:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.error = 0
        self.extension = ""
        self.path = ""


class Conversions:
    """``asked`` are the claims of all requests; ``refuse_with`` is an error for all new tasks.

    ``pauses`` is how long a conversion takes; ``elsewhere`` replaces the origin of results.
    """

    def __init__(self, secret: str, headers: Callable[..., dict[str, str]]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.accepts: list[str] = []
        self.downloads: list[int] = []
        self.results: dict[str, bytes] = {}
        self.refuse_with = 0
        self.pause = 0.0
        self.max_bytes = 100 << 20
        self.elsewhere = ""
        self.answers_with_type = ""
        self.cuts_results = False
        self.at_once = 0
        self.most_at_once = 0
        self._secret = secret
        self._headers = headers
        self._tasks: dict[str, _Task] = {}
        self._lock = threading.Lock()

    def request(self, body: bytes, accept: str, signed: Callable[..., str]) -> tuple[bytes, str]:
        """The answer to a request, and its media type; ``signed`` makes addresses of results."""
        answer = self._answer(body, signed)
        self.accepts.append(accept)
        # fillResponse: JSON for /converter, unless XML is preferred.
        if "xml" in accept and "json" not in accept:
            inner = "".join(
                f"<{name[0].upper()}{name[1:]}>{escape(str(value))}</{name[0].upper()}{name[1:]}>"
                for name, value in answer.items()
            )
            return f"<?xml version='1.0'?><FileResult>{inner}</FileResult>".encode(), "text/xml"
        return json.dumps(answer).encode(), "application/json"

    def _answer(self, body: bytes, signed: Callable[..., str]) -> dict[str, Any]:
        try:
            claims = jwt.decode(json.loads(body).get("token", ""), self._secret, ["HS256"])
        except (jwt.InvalidTokenError, ValueError):
            return {"error": -8}
        self.asked.append(claims)
        if not self._is_in_order(claims):
            return {"error": -7}
        name = f"conv_{claims['key']}_{claims['outputtype']}"
        with self._lock:
            task = self._tasks.get(name)
            if task is None:
                task = self._tasks[name] = _Task()
                threading.Thread(target=self._run, args=(name, task, claims)).start()
                if claims.get("async"):
                    return {"endConvert": False, "percent": 0}
        if not claims.get("async"):
            task.done.wait(PATIENCE)
        if not task.done.is_set():
            return {"endConvert": False, "percent": 0}
        if task.error:
            return self._told_error(name, task)
        url = signed(task.path, f"output.{task.extension}", claims["key"])
        if self.elsewhere:
            url = re.sub(r"https?://[^/]+", self.elsewhere, url)
        extension = self.answers_with_type or task.extension
        return {"endConvert": True, "fileType": extension, "fileUrl": url, "percent": 100}

    def _told_error(self, name: str, task: _Task) -> dict[str, Any]:
        # cleanupCache: who types the password may use the same key; other errors stay.
        if task.error == -5:
            del self._tasks[name]
        return {"error": task.error}

    @staticmethod
    def _is_in_order(claims: dict[str, Any]) -> bool:
        return (
            bool(claims.get("key"))
            and _KEY.fullmatch(claims["key"]) is not None
            and _EXTENSION.fullmatch(claims.get("filetype", "")) is not None
            and claims.get("outputtype") in KNOWN
            and len(claims.get("password", "")) <= 255
        )

    def _run(self, name: str, task: _Task, claims: dict[str, Any]) -> None:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            time.sleep(self.pause)
            task.error = self.refuse_with or self._convert(name, task, claims)
        finally:
            with self._lock:
                self.at_once -= 1
            task.done.set()

    def _convert(self, name: str, task: _Task, claims: dict[str, Any]) -> int:
        url = claims["url"]
        try:
            told = requests.get(url, headers=self._headers({"payload": {"url": url}}), timeout=20)
        except requests.RequestException:
            return -4
        self.downloads.append(told.status_code)
        if told.status_code not in (200, 206):
            return -4
        content = told.content
        if len(content) > self.max_bytes:
            return -10
        if content.startswith(_LOCKED):
            password, _, content = content[len(_LOCKED) :].partition(b"\0")
            if claims.get("password", "").encode() != password:
                return -5
        source, target = claims["filetype"], claims["outputtype"]
        if target in {"ooxml", "odf"}:
            if source == "xml":
                return -9
            target = _of_family(source, target)
        zips = target in _IMAGES and claims.get("thumbnail", {}).get("first") is False
        try:
            made = made_as(target, words_in(content, source), pages=zips)
            if target == "pdf" and claims.get("pdf", {}).get("form") is True:
                made = made.replace(b"\n", FORM_HEAD, 1)
        except (zipfile.BadZipFile, KeyError, ValueError):
            return -3
        task.extension = "zip" if zips else {"pdfa": "pdf"}.get(target, target)
        task.path = f"/cache/files/data/{name}/output.{task.extension}/output.{task.extension}"
        self.results[task.path] = made[: len(made) // 2] if self.cuts_results else made
        return 0


# How a form begins (Docs API, "Config", document, "isForm").
FORM_HEAD = (
    b"\n%\xcd\xca\xd2\xa9\r1 0 obj\n<<\n/Type /ONLYOFFICEFORM\n/Length 0\n>>\n"
    b"stream\r\n\r\nendstream\nendobj\n"
)


def _of_family(source: str, family: str) -> str:
    kind = 1 if source in _CELLS else 2 if source in _SHOWS else 0
    return (("docx", "xlsx", "pptx") if family == "ooxml" else ("odt", "ods", "odp"))[kind]


def words_in(content: bytes, filetype: str) -> str:
    """The words of a document, as far as the double understands its format."""
    if filetype in _DOCUMENTS:
        return "\n".join(one.text for one in docx.Document(io.BytesIO(content)).paragraphs)
    if filetype in _ODF:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            content_xml = package.read("content.xml").decode()
            return re.sub(r"<!--(.*?)-->|<[^>]*>", r" \1", content_xml)
    return content.decode() if content.isascii() else "words"


def made_as(target: str, words: str, *, pages: bool = False) -> bytes:
    """A real file of the target format that says ``words``."""
    out = io.BytesIO()
    if target in _DOCUMENTS:
        document = docx.Document()
        for line in words.splitlines():
            document.add_paragraph(line)
        document.save(out)
    elif target in _SHEETS:
        book = openpyxl.Workbook()
        book.active["A1"] = words[:1000]
        book.save(out)
    elif target in _SLIDES:
        show = pptx.Presentation()
        show.slides.add_slide(show.slide_layouts[0]).shapes.title.text = words[:1000]
        show.save(out)
    elif target in _ODF:
        kind = f"application/vnd.oasis.opendocument.{_ODF[target]}"
        text = f"<office:document-content>{escape(words)}</office:document-content>"
        _zip(out, {"mimetype": kind, "content.xml": text, "META-INF/manifest.xml": "<m/>"})
    elif target in _IMAGES:
        image = _IMAGES[target] + bytes(16)
        if not pages:
            return image
        with zipfile.ZipFile(out, "w") as archive:
            for number in (1, 2):
                archive.writestr(f"image{number}.{target}", image)
    elif target == "epub":
        _zip(out, {"mimetype": "application/epub+zip", "index.html": f"<p>{escape(words)}</p>"})
    else:
        frames = {
            "pdf": f"%PDF-1.7\n% {words}\n%%EOF\n",
            "pdfa": f"%PDF-1.4\n% {words}\n%%EOF\n",
            "rtf": "{\\rtf1 " + words + "}",
            "html": f"<!DOCTYPE html><html><body>{escape(words)}</body></html>",
            "fb2": f'<?xml version="1.0"?><FictionBook>{escape(words)}</FictionBook>',
        }
        return frames.get(target, words).encode()
    return out.getvalue()


def _zip(out: io.BytesIO, members: dict[str, str]) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as package:
        for name, text in members.items():
            package.writestr(name, text)
