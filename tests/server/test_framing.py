"""Where a request begins and ends: RFC 9112, case by case, over a raw socket.

Whoever reads a length differently than a proxy before it can be made to answer a request that
nobody sent. Each of these is refused, or read in the one way that there is.
"""

import json
from collections.abc import Iterator

import pytest

from tests import raw
from tests.server.echo import Echo, answers, serving

HOST = b"Host: x\r\n"


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[str, Echo]]:
    app = Echo()
    with serving(app) as (url, _):
        yield url, app


def sent(echo: tuple[str, Echo], request: bytes) -> list[tuple[int, bytes]]:
    """The answers to raw bytes, after which the client says no more."""
    url, app = echo
    app.asked.clear()
    return answers(raw.send(url, request, then_stop=True))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(b"Content-Length: 3\r\nContent-Length: 3\r\n", id="6.3 twice"),
        pytest.param(b"Content-Length: 3\r\nContent-Length: 4\r\n", id="6.3 twice, different"),
        pytest.param(b"Content-Length: 3, 3\r\n", id="6.3 a list"),
        pytest.param(b"Content-Length: +3\r\n", id="6.2 signed"),
        pytest.param(b"Content-Length: -3\r\n", id="6.2 negative"),
        pytest.param(b"Content-Length: 0x3\r\n", id="6.2 hexadecimal"),
        pytest.param(b"Content-Length: 1_0\r\n", id="6.2 underscore"),
        pytest.param(b"Content-Length: 3 3\r\n", id="6.2 two numbers"),
        pytest.param(b"Content-Length:\r\n", id="6.2 empty"),
        pytest.param(b"Content-Length: 99999999999999999999\r\n", id="6.2 beyond 64 bits"),
        pytest.param(
            b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", id="6.1 with a coding"
        ),
        pytest.param(
            b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", id="6.1 after a coding"
        ),
        pytest.param(b"Transfer-Encoding: identity\r\n", id="6.1 identity"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", id="6.1 nearly chunked"),
        pytest.param(b"Transfer-Encoding: \x0bchunked\r\n", id="6.1 a control character"),
        pytest.param(b"Transfer-Encoding: chunked, gzip\r\n", id="6.1 chunked not last"),
        pytest.param(b"Transfer-Encoding: chunked, chunked\r\n", id="6.1 chunked twice"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", id="6.1 two fields"
        ),
        pytest.param(b"Transfer-Encoding : chunked\r\n", id="5.1 space before the colon"),
        pytest.param(b"X: a\r\n folded\r\n", id="5.2 folded"),
        pytest.param(b" X: a\r\n", id="2.2 space before the first field"),
        pytest.param(b"X: a\0b\r\n", id="5.5 NUL"),
        pytest.param(b"X: a\rY: b\r\n", id="2.2 a bare CR"),
        pytest.param(b"X: a\nY: b\r\n", id="2.2 a bare LF"),
        pytest.param(b": a\r\n", id="5 no name"),
        pytest.param(b"X\r\n", id="5 no colon"),
        pytest.param(b"X(): a\r\n", id="5 not a token"),
        pytest.param(b"Host: y\r\n", id="3.2 two hosts"),
        pytest.param(b"Content-Type: a/b\r\nContent-Type: c/d\r\n", id="9110 5.3 two types"),
        pytest.param(b"Authorization: a\r\nAuthorization: b\r\n", id="9110 5.3 two passwords"),
        pytest.param(b"Destination: /a\r\nDestination: /b\r\n", id="9110 5.3 two destinations"),
    ],
)
def test_a_field_that_can_be_read_in_two_ways_is_refused(
    echo: tuple[str, Echo], fields: bytes
) -> None:
    got = sent(echo, b"PUT / HTTP/1.1\r\n" + HOST + fields + b"\r\nabcGET /x HTTP/1.1\r\n\r\n")
    assert [status for status, _ in got] == [400]
    assert echo[1].asked == [], "the application was asked"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        pytest.param(b"GET  / HTTP/1.1", 400, id="3 two spaces"),
        pytest.param(b"GET\t/ HTTP/1.1", 400, id="3 a tab"),
        pytest.param(b"GET / HTTP/1.1 ", 400, id="3 a space at the end"),
        pytest.param(b"GET / a HTTP/1.1", 400, id="3 a space in the target"),
        pytest.param(b"GET /", 400, id="HTTP/0.9"),
        pytest.param(b"GET / RTSP/1.0", 400, id="another protocol"),
        pytest.param(b"GET / HTTP/2.0", 505, id="9110 15.6.6 HTTP/2"),
        pytest.param(b"GET / HTTP/1.2", 505, id="9110 15.6.6 HTTP/1.2"),
        pytest.param(b"PRI * HTTP/2.0", 505, id="the preface of HTTP/2"),
        pytest.param(b"BREW / HTTP/1.1", 501, id="9110 15.6.2 an unknown method"),
        pytest.param(b"get / HTTP/1.1", 501, id="9110 9.1 lower case"),
        pytest.param(b"GET x HTTP/1.1", 400, id="3.2 no slash"),
        pytest.param(b"GET * HTTP/1.1", 400, id="3.2.4 an asterisk for GET"),
        pytest.param(b"CONNECT a:1 HTTP/1.1", 400, id="3.2.3 CONNECT"),
        pytest.param(b"GET /a#b HTTP/1.1", 400, id="3.2 a fragment"),
        pytest.param(b"GET /\xc3\xa4 HTTP/1.1", 400, id="3.2 not ASCII"),
        pytest.param(b"GET /" + b"a" * 20_000 + b" HTTP/1.1", 414, id="9110 15.5.15 too long"),
    ],
)
def test_a_request_line_that_is_not_one_is_refused(
    echo: tuple[str, Echo], line: bytes, status: int
) -> None:
    got = sent(echo, line + b"\r\n" + HOST + b"\r\n")
    assert [status for status, _ in got] == [status]
    assert echo[1].asked == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param(b"", 400, id="3.2 no host"),
        pytest.param(HOST + b"Transfer-Encoding: gzip, chunked\r\n", 501, id="6.1 gzip"),
        pytest.param(HOST + b"Expect: 200-maybe\r\n", 417, id="9110 10.1.1 an expectation"),
        pytest.param(HOST + b"X: y\r\n" * 128, 431, id="6585 5 129 fields"),
        pytest.param(HOST + b"X: " + b"y" * 70_000 + b"\r\n", 431, id="6585 5 too large"),
    ],
)
def test_what_a_head_may_not_hold(echo: tuple[str, Echo], fields: bytes, status: int) -> None:
    got = sent(echo, b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
    assert [status for status, _ in got] == [status]


def test_http_1_0_has_no_chunks(echo: tuple[str, Echo]) -> None:
    """RFC 9112, 6.1: the framing is faulty."""
    request = b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert [status for status, _ in sent(echo, request)] == [400]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(b"0x3\r\nabc\r\n0\r\n\r\n", id="0x"),
        pytest.param(b"+3\r\nabc\r\n0\r\n\r\n", id="signed"),
        pytest.param(b"-3\r\nabc\r\n0\r\n\r\n", id="negative"),
        pytest.param(b"0_3\r\nabc\r\n0\r\n\r\n", id="underscore"),
        pytest.param(b"3 \r\nabc\r\n0\r\n\r\n", id="a space"),
        pytest.param(b"3\nabc\n0\n\n", id="bare LF"),
        pytest.param(b"3\r\nabcd\r\n0\r\n\r\n", id="longer than said"),
        pytest.param(b"3\r\nabc0\r\n\r\n", id="no line end"),
        pytest.param(b"\r\n0\r\n\r\n", id="no size"),
        pytest.param(b"f" * 17 + b"\r\n", id="beyond 64 bits"),
        pytest.param(b"3;\x01\r\nabc\r\n0\r\n\r\n", id="a bad extension"),
        pytest.param(b"3\r\nabc\r\n0\r\nGET /x HTTP/1.1\r\n\r\n", id="a request as trailer"),
        pytest.param(b"3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n", id="a length as trailer"),
        pytest.param(b"3\r\nabc\r\n", id="no last chunk"),
        pytest.param(b"3\r\nab", id="cut off"),
    ],
)
def test_7_1_chunks_that_are_not_well_formed_are_an_error_in_the_body(
    echo: tuple[str, Echo], chunks: bytes
) -> None:
    head = b"PUT / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    got = sent(echo, head + chunks)
    assert got == [(400, b"broken")]
    assert len(echo[1].asked) == 1, "bytes of the body were taken for a request"


def body_of(answer: tuple[int, bytes]) -> str:
    assert answer[0] == 200
    text: str = json.loads(answer[1])["body"]
    return text


def test_7_1_chunks_are_put_together_and_trailers_dropped(echo: tuple[str, Echo]) -> None:
    request = b"PUT / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    request += b"3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n"
    [answer] = sent(echo, request)
    assert body_of(answer) == "abc0123456789"
    assert "HTTP_X_TRAILER" not in json.loads(answer[1])["environ"]


def test_9_3_2_requests_without_waiting_are_answered_in_their_order(
    echo: tuple[str, Echo],
) -> None:
    one = b"PUT /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
    two = b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n"
    three = b"PUT /3 HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nde"
    got = sent(echo, one + two + three)
    assert [body_of(answer) for answer in got] == ["abc", "", "de"]


def test_7_1_what_follows_a_chunked_body_in_one_breath_is_never_answered_twice(
    echo: tuple[str, Echo],
) -> None:
    """llhttp does not say where it begins: the connection ends, and the client asks again."""
    one = b"PUT /1 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    got = sent(echo, one + b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n")
    assert [body_of(answer) for answer in got] == ["abc"]


def test_9_3_a_chunked_body_leaves_the_connection_usable(echo: tuple[str, Echo]) -> None:
    with raw.connected(echo[0]) as connection:
        for _ in range(3):
            connection.sendall(
                b"PUT / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
            )
            connection.sendall(b"0\r\n\r\n")
            assert body_of(answers(connection.recv(65536))[0]) == "abc"


def test_2_2_empty_lines_before_a_request_are_skipped(echo: tuple[str, Echo]) -> None:
    got = sent(echo, b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert [status for status, _ in got] == [200]


def test_3_2_2_an_absolute_target_names_the_host(echo: tuple[str, Echo]) -> None:
    [answer] = sent(echo, b"GET http://other:81/a%20b?c=d HTTP/1.1\r\n" + HOST + b"\r\n")
    told = json.loads(answer[1])["environ"]
    assert told["HTTP_HOST"] == "other:81"
    assert (told["REQUEST_URI"], told["PATH_INFO"]) == ("/a%20b?c=d", "/a b")
    assert told["QUERY_STRING"] == "c=d"


def test_a_name_with_an_underscore_does_not_pass_for_one_with_a_dash(
    echo: tuple[str, Echo],
) -> None:
    request = b"GET / HTTP/1.1\r\n" + HOST + b"X_Forwarded_For: 1.2.3.4\r\nX-Real: a\r\n\r\n"
    told = json.loads(sent(echo, request)[0][1])["environ"]
    assert "HTTP_X_FORWARDED_FOR" not in told
    assert told["HTTP_X_REAL"] == "a"


def test_9110_5_3_fields_that_may_be_repeated_are_one_list(echo: tuple[str, Echo]) -> None:
    request = b"GET / HTTP/1.1\r\n" + HOST + b"If: (<a>)\r\nIf: (<b>)\r\n"
    request += b"Cookie: a=1\r\nCookie: b=2\r\n\r\n"
    told = json.loads(sent(echo, request)[0][1])["environ"]
    assert told["HTTP_IF"] == "(<a>), (<b>)"
    assert told["HTTP_COOKIE"] == "a=1; b=2"


@pytest.mark.parametrize(
    ("version", "option", "stays"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: Close\r\n", False),
        (b"1.1", b"Connection: x, close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_9_3_who_says_so_keeps_the_connection(
    echo: tuple[str, Echo], version: bytes, option: bytes, stays: bool
) -> None:
    one = b"GET / HTTP/" + version + b"\r\n" + HOST + option + b"\r\n"
    assert len(sent(echo, one * 2)) == (2 if stays else 1)


def test_7_8_an_offer_to_upgrade_is_declined_by_an_answer(echo: tuple[str, Echo]) -> None:
    """RFC 9110, 7.8: curl offers HTTP/2 with every first request."""
    request = b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert [status for status, _ in sent(echo, request)] == [200]
