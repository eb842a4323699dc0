"""Connections: slow and silent clients, bodies that nobody wants, answers, files, stops."""

import contextlib
import json
import math
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from davserver.server import body, connection, wire
from tests import raw
from tests.clock import wait_until
from tests.server.echo import Echo, answers, serving

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def app(tmp_path: Path) -> Echo:
    (tmp_path / "file.bin").write_bytes(os.urandom(3_000_000))
    return Echo(tmp_path / "file.bin")


@pytest.fixture
def url(app: Echo) -> Iterator[str]:
    with serving(app) as (address, _):
        yield address


def read_to_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


class TestSlowClients:
    def test_a_silent_connection_costs_no_thread(self, url: str) -> None:
        with contextlib.ExitStack() as silent:
            for _ in range(50):
                silent.enter_context(raw.connected(url))
            assert raw.status(raw.send(url, GET, then_stop=True)) == 200

    def test_half_a_head_costs_no_thread(self, url: str) -> None:
        with contextlib.ExitStack() as slow:
            for _ in range(50):
                slow.enter_context(raw.connected(url)).sendall(b"GET / HTTP/1.1\r\nHo")
            assert raw.status(raw.send(url, GET, then_stop=True)) == 200

    def test_a_head_in_pieces_is_one_head(self, url: str) -> None:
        with raw.connected(url) as slow:
            for byte in GET:
                slow.sendall(bytes([byte]))
            assert raw.status(slow.recv(65536)) == 200

    def test_a_head_that_takes_too_long_is_given_up(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
        with raw.connected(url) as slow:
            slow.sendall(GET[:-2])
            assert raw.status(read_to_end(slow)) == 408

    def test_dripping_does_not_prolong_it(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "HEAD_SECONDS", 0.5)
        answered = b""
        with raw.connected(url) as slow, contextlib.suppress(OSError):
            slow.settimeout(0.1)
            for _ in range(100):
                slow.sendall(b"G")
                with contextlib.suppress(TimeoutError):
                    answered = slow.recv(4096)
                    break
        assert raw.status(answered) in (0, 408, 431)

    def test_waiting_for_bodies_costs_nobody_else_a_thread(self, url: str, app: Echo) -> None:
        """Four threads work here; forty clients have begun to send a body and go on slowly."""
        with contextlib.ExitStack() as slow:
            for _ in range(40):
                one = slow.enter_context(raw.connected(url))
                one.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
            wait_until(lambda: len(app.asked) == 40, "not every body is being read")
            assert raw.status(raw.send(url, GET, then_stop=True)) == 200

    def test_threads_that_waited_go_when_nobody_is_slow_any_more(self, app: Echo) -> None:
        with serving(app) as (url, server), contextlib.ExitStack() as slow:
            ones = [slow.enter_context(raw.connected(url)) for _ in range(40)]
            for one in ones:
                one.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
            wait_until(lambda: len(app.asked) == 40, "not every body is being read")
            assert len(server.requests._threads) > 20
            for one in ones:
                one.sendall(b"full")
                assert raw.status(one.recv(65536)) == 200
            wait_until(lambda: len(server.requests._threads) <= 5, "the threads stay")

    def test_a_body_below_the_slowest_rate_is_given_up(
        self, url: str, app: Echo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(body, "SLOW_START_SECONDS", 0.3)
        with raw.connected(url) as slow, contextlib.suppress(OSError):
            slow.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                slow.sendall(b"x")
                time.sleep(0.02)
        wait_until(lambda: app.faults, "the drip was borne for ever")
        assert isinstance(app.faults[0], TimeoutError)

    def test_a_body_that_stops_is_given_up(
        self, url: str, app: Echo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(body, "SILENT_SECONDS", 0.2)
        with raw.connected(url) as slow:
            slow.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
            assert raw.status(read_to_end(slow)) == 400
        assert isinstance(app.faults[0], TimeoutError)

    def test_a_client_that_does_not_read_is_given_up(
        self, app: Echo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wire, "SILENT_SECONDS", 0.3)
        assert app.file
        app.file.write_bytes(bytes(50_000_000))
        with serving(app) as (url, server), raw.connected(url) as deaf:
            deaf.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: server.requests._waiting == 1, "nothing waits for the client")
            wait_until(lambda: server.requests._waiting == 0, "it is waited for, for ever")

    def test_an_idle_connection_ends(self, app: Echo) -> None:
        with serving(app) as (url, server), raw.connected(url) as idle:
            idle.sendall(GET)
            assert raw.status(idle.recv(65536)) == 200
            server.timeout = 0.2
            assert idle.recv(1) == b""

    def test_an_answer_that_takes_long_keeps_nobody_waiting(self, url: str, app: Echo) -> None:
        """The thread that leads loses the lead to another one."""
        with contextlib.ExitStack() as waiting:
            for _ in range(3):
                one = waiting.enter_context(raw.connected(url))
                one.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: len(app.asked) == 3, "one answer keeps the others waiting")
            assert raw.status(raw.send(url, GET, then_stop=True)) == 200
            app.go_on.set()

    def test_busy_threads_share(self, url: str) -> None:
        """More that compute than there are threads: all are answered."""
        got: list[int] = []

        def ask() -> None:
            got.append(
                raw.status(raw.send(url, b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n", then_stop=True))
            )

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [200] * 8


class TestArrival:
    """``davserver.arrived``: a time at which the request's first byte was here for certain."""

    def arrived(self, app: Echo) -> list[float]:
        return [environ["davserver.arrived"] for environ in app.asked]

    def test_it_is_when_the_selector_saw_it(self, url: str, app: Echo) -> None:
        with raw.connected(url) as client:
            for _ in range(2):
                before = time.monotonic()
                client.sendall(GET)
                assert raw.status(client.recv(65536)) == 200
                assert before < self.arrived(app)[-1] < time.monotonic()

    def test_of_several_in_one_breath_only_the_first_is_known(self, url: str, app: Echo) -> None:
        assert len(answers(raw.send(url, GET * 3, then_stop=True))) == 3
        first, *others = self.arrived(app)
        assert first < time.monotonic()
        assert others == [math.inf, math.inf]

    def test_what_was_seen_may_have_been_something_else(self, url: str, app: Echo) -> None:
        raw.send(url, b"\r\n" + GET, then_stop=True)
        assert self.arrived(app) == [math.inf]


class TestUnwantedBodies:
    def test_100_continue_waits_until_somebody_reads(self, url: str) -> None:
        """RFC 9110, 10.1.1."""
        with raw.connected(url) as client:
            client.sendall(
                b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
            )
            assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(b"abc")
            [(status, text)] = answers(client.recv(65536))
            assert (status, json.loads(text)["body"]) == (200, "abc")

    @pytest.mark.parametrize("framing", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
    def test_a_refusal_comes_without_it_and_ends_the_connection(
        self, url: str, framing: bytes
    ) -> None:
        head = b"PUT /unread HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + framing
        with raw.connected(url) as client:
            client.sendall(head + b"\r\n\r\n")
            got = read_to_end(client)
        assert raw.status(got) == 401
        assert b"Connection: close" in got

    def test_a_short_one_is_read_away_and_the_connection_stays(self, url: str) -> None:
        request = (
            b"PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000
        )
        got = answers(raw.send(url, request + GET, then_stop=True))
        assert [status for status, _ in got] == [401, 200]

    def test_a_long_one_ends_the_connection_but_the_answer_arrives(self, url: str) -> None:
        head = b"PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
        with raw.connected(url) as client:
            client.sendall(head)
            with contextlib.suppress(OSError):
                client.sendall(b"x" * 10_000_000)
            assert raw.status(client.recv(65536)) == 401


class TestAnswers:
    def test_a_file_is_sent_whole(self, url: str, app: Echo) -> None:
        assert app.file
        [(status, content)] = answers(
            raw.send(url, b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n", then_stop=True)
        )
        assert status == 200
        assert content == app.file.read_bytes()

    def test_a_file_that_became_shorter_is_a_broken_answer(self, url: str, app: Echo) -> None:
        """The client has to see that something is missing."""
        assert app.file
        app.file.write_bytes(bytes(50_000_000))
        with raw.connected(url) as client:
            client.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            got = len(client.recv(1000))
            os.truncate(app.file, 1000)
            got += len(read_to_end(client))
        assert got < 50_000_000

    def test_a_stream_is_sent_in_chunks(self, url: str) -> None:
        got = raw.send(url, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", then_stop=True)
        assert got.endswith(b"\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n")
        assert b"Transfer-Encoding: chunked" in got

    def test_http_1_0_gets_the_stream_as_it_is(self, url: str) -> None:
        got = raw.send(url, b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert got.endswith(b"\r\n\r\none two")
        assert b"Connection: close" in got

    def test_head_has_no_body(self, url: str) -> None:
        got = raw.send(url, b"HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n" + GET, then_stop=True)
        assert got.count(b"HTTP/1.1 200") == 2

    @pytest.mark.parametrize("path", ["/long", "/split", "/fail"])
    def test_an_application_that_breaks_its_word_is_500(self, url: str, path: str) -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        got = answers(raw.send(url, request))
        assert [status for status, _ in got] == [500]
        assert b"Set-Cookie" not in got[0][1]

    def test_too_few_bytes_end_the_connection(self, url: str) -> None:
        got = raw.send(url, b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        assert got.endswith(b"\r\n\r\n12345")


class TestStop:
    def test_what_runs_is_finished(self, app: Echo) -> None:
        with serving(app) as (url, server), raw.connected(url) as client:
            client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: app.asked, "the request did not arrive")
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            wait_until(lambda: not server.ready, "it does not stop")
            app.go_on.set()
            got = client.recv(65536)
            stopping.join()
        assert raw.status(got) == 200
        assert got.endswith(b"done")

    def test_nobody_new_is_let_in(self, app: Echo) -> None:
        with serving(app) as (url, server):
            server.stop()
            server._listener.close()
            with pytest.raises(OSError, match="refused"):
                raw.send(url, GET)

    def test_an_upload_that_takes_too_long_is_reset(self, app: Echo) -> None:
        with serving(app, stop_seconds=0) as (url, server), raw.connected(url) as slow:
            slow.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
            wait_until(lambda: server.requests._waiting == 1, "the body is not being read")
            server.stop()
            with pytest.raises(ConnectionResetError):
                slow.recv(65536)
        assert isinstance(app.faults[0], OSError)

    def test_a_download_that_takes_too_long_is_reset(self, app: Echo) -> None:
        assert app.file
        app.file.write_bytes(bytes(50_000_000))
        with serving(app, stop_seconds=0) as (url, server), raw.connected(url) as slow:
            slow.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: server.requests._waiting == 1, "nothing waits for the client")
            server.stop()
            with pytest.raises(ConnectionResetError):
                read_to_end(slow)


class TestProxyProtocol:
    SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

    def header(self, kind: int, addresses: bytes) -> bytes:
        return self.SIGNATURE + bytes([0x21, kind]) + struct.pack("!H", len(addresses)) + addresses

    @pytest.fixture
    def url(self, app: Echo) -> Iterator[str]:
        with serving(app, expects_proxy=True) as (address, _):
            yield address

    @pytest.mark.parametrize(
        ("kind", "packed", "address"),
        [
            (0x11, socket.inet_pton(socket.AF_INET, "192.0.2.7"), "192.0.2.7"),
            (0x21, socket.inet_pton(socket.AF_INET6, "2001:db8::7"), "2001:db8::7"),
        ],
    )
    def test_the_proxy_says_who_it_is(
        self, url: str, app: Echo, kind: int, packed: bytes, address: str
    ) -> None:
        header = self.header(kind, packed * 2 + struct.pack("!HH", 5000, 443))
        got = answers(raw.send(url, header + GET * 2, then_stop=True))
        assert [status for status, _ in got] == [200, 200]
        assert [asked["REMOTE_ADDR"] for asked in app.asked] == [address] * 2
        # What the selector saw was the proxy's word.
        assert {asked["davserver.arrived"] for asked in app.asked} == {math.inf}

    def test_a_check_by_the_proxy_itself_is_answered(self, url: str, app: Echo) -> None:
        local = self.SIGNATURE + b"\x20\x00\0\0"
        assert raw.status(raw.send(url, local + GET, then_stop=True)) == 200
        assert app.asked[0]["REMOTE_ADDR"] == "127.0.0.1"

    @pytest.mark.parametrize(
        "data", [GET, b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + GET, SIGNATURE + b"\x21\x11\xff\xff"]
    )
    def test_who_does_not_speak_it_is_refused(self, url: str, app: Echo, data: bytes) -> None:
        assert raw.status(raw.send(url, data, then_stop=True)) == 400
        assert app.asked == []
