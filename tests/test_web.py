"""The porch: requests, responses, failures."""

import io
import json
from collections.abc import Iterable
from typing import Any
from wsgiref.validate import validator

import pytest

from davserver.errors import BodyTooLarge, BodyTooShort, FileLocked, MembersRefused, NotFound
from davserver.web import (
    App,
    BadRequest,
    Environ,
    Request,
    Response,
    StartResponse,
    errors_as_responses,
    text,
)


def environ(method: str = "GET", target: str = "/", body: bytes = b"", **more: Any) -> Environ:
    fields = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "PATH_INFO": "/",
        "SCRIPT_NAME": "",
        "QUERY_STRING": target.partition("?")[2],
        "SERVER_NAME": "test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_HOST": "files.example.org:8080",
    }
    if body:
        fields["CONTENT_LENGTH"] = str(len(body))
    return {**fields, **more}


def answer(app: App, request: Environ) -> tuple[str, dict[str, str], bytes]:
    got: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        got.append((status, dict(headers)))
        return lambda _: None

    body = validator(app)(request, start)
    try:
        content = b"".join(body)
    finally:
        body.close()  # type: ignore[attr-defined]
    return got[0][0], got[0][1], content


def page(request: Request, status: int, message: str) -> Response:
    return Response(status, f"<p>{message}".encode(), [("Content-Type", "text/html")])


def failing(fault: Exception) -> App:
    def app(_: Environ, __: StartResponse) -> Iterable[bytes]:
        raise fault

    return errors_as_responses(app, "", page)


def test_a_fact_becomes_its_status_in_words() -> None:
    status, headers, body = answer(failing(NotFound("/a")), environ())
    assert status == "404 Not Found"
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body == b"There is nothing at /a.\n"


def test_a_person_gets_a_page() -> None:
    status, headers, _ = answer(failing(NotFound("/a")), environ(HTTP_ACCEPT="text/html,*/*"))
    assert (status, headers["Content-Type"]) == ("404 Not Found", "text/html")


@pytest.mark.parametrize("accepts", ["application/json", "application/json, */*"])
def test_a_program_that_takes_json_gets_that(accepts: str) -> None:
    status, headers, body = answer(failing(NotFound("/a")), environ(HTTP_ACCEPT=accepts))
    assert (status, headers["Content-Type"]) == ("404 Not Found", "application/json")
    assert headers["X-Content-Type-Options"] == "nosniff"
    told = json.loads(body)
    assert (told["error"], told["status"]) == ("There is nothing at /a.", 404)
    assert len(told["request"]) == 12


def test_a_mistake_of_ours_is_json_for_who_takes_that() -> None:
    status, _, body = answer(
        failing(KeyError("secret detail")), environ(HTTP_ACCEPT="application/json")
    )
    assert status == "500 Internal Server Error"
    assert json.loads(body)["request"] in json.loads(body)["error"]
    assert b"secret" not in body


def test_a_dav_client_gets_the_condition() -> None:
    """RFC 4918, 16."""
    status, headers, body = answer(failing(FileLocked("/a b", "ann")), environ("PUT"))
    assert status == "423 Locked"
    assert headers["Content-Type"].startswith("application/xml")
    assert b"<D:lock-token-submitted><D:href>/a%20b</D:href></D:lock-token-submitted>" in body


def test_a_script_of_ours_gets_words_instead() -> None:
    request = environ("PUT", HTTP_SEC_FETCH_MODE="cors")
    assert answer(failing(FileLocked("/a", "ann")), request)[2] == b"/a is locked by ann.\n"
    members = MembersRefused({"/d/a": FileLocked("/d/a", "ann"), "/d/b": FileLocked("/d/b", "bob")})
    status, _, body = answer(failing(members), request)
    assert status == "423 Locked"
    assert body == b"Nothing was changed. /d/a is locked by ann. And 1 more.\n"


def test_refused_members_are_a_multistatus() -> None:
    status, _, body = answer(
        failing(MembersRefused({"/d/a": FileLocked("/d/a", "ann")})), environ("DELETE")
    )
    assert status == "207 Multi-Status"
    assert b"<D:href>/d/a</D:href><D:status>HTTP/1.1 423 Locked</D:status>" in body


def test_a_mistake_of_ours_is_500_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, body = answer(failing(RuntimeError("secret detail")), environ())
    assert status == "500 Internal Server Error"
    assert b"secret" not in body
    assert b"log" in body


def test_head_has_no_body() -> None:
    app = errors_as_responses(
        lambda env, start: text(200, "hello").send(start, head=True), "", page
    )
    status, headers, body = answer(app, environ("HEAD"))
    assert (status, headers["Content-Length"], body) == ("200 OK", "6", b"")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"REQUEST_URI": "/a%2520b?x=1"}, "/a%20b"),
        ({"REQUEST_URI": "", "RAW_URI": "/a%20b"}, "/a b"),
        ({"REQUEST_URI": "", "PATH_INFO": "/\xc3\xbc"}, "/ü"),
        ({"REQUEST_URI": "", "SCRIPT_NAME": "/s", "PATH_INFO": "/a"}, "/s/a"),
        ({"REQUEST_URI": "/\xc3\xbc"}, "/ü"),
        ({"REQUEST_URI": "*", "PATH_INFO": "*"}, "/"),
    ],
)
def test_the_path_is_read_as_the_client_sent_it(fields: dict[str, str], path: str) -> None:
    request = Request(environ(**fields))
    if fields["REQUEST_URI"] == "*":
        with pytest.raises(BadRequest):
            _ = request.path
    else:
        assert request.path == path


def test_a_public_address_gives_origin_and_base_path() -> None:
    request = Request(environ(target="/files/docs/a"), "https://example.org/files")
    assert (request.path, request.base, request.origin) == (
        "/docs/a",
        "/files",
        "https://example.org",
    )
    assert request.is_secure
    assert request.url("/docs/") == "/files/docs/"
    assert Request(environ(target="/files"), "https://example.org/files").path == "/"
    assert Request(environ(target="/filesystem"), "https://example.org/files").path == "/filesystem"
    assert Request(environ(target="/docs/a"), "https://example.org/files").path == "/docs/a"


def test_a_body_is_whole_or_an_exception() -> None:
    request = Request(environ("PUT", body=b"hello"))
    assert b"".join(request.blocks()) == b"hello"
    short = Request(environ("PUT", body=b"hello", CONTENT_LENGTH="9"))
    with pytest.raises(BodyTooShort):
        list(short.blocks())
    with pytest.raises(BodyTooLarge):
        Request(environ("PUT", body=b"hello")).body(4)
    chunked = environ(
        "PUT", **{"wsgi.input": io.BytesIO(b"hello"), "HTTP_TRANSFER_ENCODING": "chunked"}
    )
    assert Request(chunked).body(5) == b"hello"
    with pytest.raises(BodyTooLarge):
        Request({**chunked, "wsgi.input": io.BytesIO(b"hello")}).body(4)
    with pytest.raises(BadRequest):
        Request(environ("PUT", CONTENT_LENGTH="+5")).body(9)
    assert Request(environ("PUT")).body(9) == b""


def test_a_connection_that_breaks_is_a_short_body() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("reset")

    with pytest.raises(BodyTooShort):
        Request(environ("PUT", CONTENT_LENGTH="5", **{"wsgi.input": Broken()})).body(9)


def test_a_form_is_read_with_limits() -> None:
    form = "application/x-www-form-urlencoded"
    assert Request(environ("POST", body=b"a=1&b=%C3%BC&c=", CONTENT_TYPE=form)).form == {
        "a": "1",
        "b": "ü",
        "c": "",
    }
    assert Request(environ("POST", body=b"a=1", CONTENT_TYPE="text/plain")).form == {}
    with pytest.raises(BadRequest):
        _ = Request(environ("POST", body=b"a=1&" * 200, CONTENT_TYPE=form)).form
    with pytest.raises(BodyTooLarge):
        _ = Request(environ("POST", body=b"a" * 70000, CONTENT_TYPE=form)).form


def test_cookies_that_make_no_sense_are_no_cookies() -> None:
    assert Request(environ(HTTP_COOKIE="a=1; b=2")).cookies == {"a": "1", "b": "2"}
    assert Request(environ(HTTP_COOKIE='a[]"=;;;\x01')).cookies == {}
