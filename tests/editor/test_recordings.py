"""What a real Document Server 9.3 sent: our checks take it, and the double sends the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from davserver.editor.saving import reports
from davserver.editor.saving.standing import people
from davserver.editor.server.tokens import NotFromServer, ServerTokens
from tests.clock import at
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.opening import configuration
from tests.running import ThreadServer

FILE = Path(__file__).parents[1] / "recordings" / "documentserver-9.3.jsonl"
RECORDED = [json.loads(line) for line in FILE.read_text().splitlines()]
CALLBACKS = [one for one in RECORDED if one["kind"] == "callback"]
DOWNLOADS = [one for one in RECORDED if one["kind"] == "download" and "nope" not in one["url"]]


def name(one: dict[str, Any]) -> str:
    return f"{one['t'][11:19]}-{(one.get('bodyJwt') or {}).get('status', 'get')}"


@pytest.mark.parametrize("one", CALLBACKS, ids=name)
def test_a_recorded_callback_is_believed_at_its_time(one: dict[str, Any]) -> None:
    tokens = ServerTokens(SECRET)
    header, body = one["headers"]["authorization"], json.loads(one["body"])
    with at(one["t"]):
        report = tokens.callback(body, header)
        assert {**report, "iat": 0, "exp": 0} == {**one["bodyJwt"], "iat": 0, "exp": 0}
        del body["token"]
        assert tokens.callback(body, header) == one["headerJwt"]["payload"]


@pytest.mark.parametrize("one", CALLBACKS[:3], ids=name)
def test_a_recorded_callback_is_not_believed_later_or_with_another_secret(
    one: dict[str, Any],
) -> None:
    body, header = json.loads(one["body"]), one["headers"]["authorization"]
    with pytest.raises(NotFromServer, match="expired"):
        ServerTokens(SECRET).callback(body, header)
    with at(one["t"]), pytest.raises(NotFromServer, match="same secret"):
        ServerTokens("x" * 32).callback(body, header)


def test_a_token_that_never_expires_is_refused() -> None:
    """Whoever has one could repeat it for ever; the server gives each five minutes."""
    claims = {"key": "abc", "status": 2}
    tokens = ServerTokens(SECRET)
    for forever in ({**claims, "iat": 1}, {"payload": claims}):
        body = {"token": jwt.encode(forever, SECRET, "HS256")}
        with pytest.raises(NotFromServer):
            tokens.callback(body, "")
        with pytest.raises(NotFromServer):
            tokens.check_download(f"Bearer {body['token']}", "/")


@pytest.mark.parametrize("one", DOWNLOADS, ids=name)
def test_a_recorded_download_is_signed_for_its_address(one: dict[str, Any]) -> None:
    tokens = ServerTokens(SECRET)
    with at(one["t"]):
        tokens.check_download(one["headers"]["authorization"], one["url"])
        with pytest.raises(NotFromServer, match="another address"):
            tokens.check_download(one["headers"]["authorization"], "/other")


def test_people_and_authors_are_read_from_recorded_reports() -> None:
    by_time = {name(one): one["bodyJwt"] for one in CALLBACKS}
    assert people(by_time["08:50:24-1"]) == ["u1", "u2"]
    assert people(by_time["08:49:59-4"]) == []
    assert reports.author(by_time["08:50:42-2"]) == "Bob"
    assert reports.author({"users": ["u9"]}) == "u9"
    assert reports.author({}) == ""


def test_recorded_saves_of_one_session_are_told_apart() -> None:
    """Two forced saves and a final one, each to be stored once."""
    key = "66cf785872e843f9593c"
    saves = [one["bodyJwt"] for one in CALLBACKS if one["bodyJwt"].get("url")]
    digests = [reports.digest(save) for save in saves if save["key"] == key]
    assert len(digests) == 3
    assert len(set(digests)) == 3
    again = {**saves[0], "url": saves[0]["url"].replace("md5=", "md5=new")}
    assert reports.digest(again) == reports.digest(saves[0]), "a retry has a new signature"


class TestTheDouble:
    """Its requests look like the recorded ones: the same fields, headers and wrapping."""

    @pytest.fixture
    def heard(
        self,
        serve: Callable[..., ThreadServer],
        document_server: DocumentServerDouble,
        monkeypatch: pytest.MonkeyPatch,
    ) -> list[dict[str, Any]]:
        """Everything that our server heard from the double in one editing session."""
        from davserver import web

        office = serve(document_server=document_server.url, jwt_secret=SECRET)
        requests: list[dict[str, Any]] = []
        body_of = web.Request.body

        def listening(request: web.Request, limit: int) -> bytes:
            body = body_of(request, limit)
            fields = {
                k: v for k, v in request.environ.items() if k.startswith(("HTTP_", "CONTENT_"))
            }
            requests.append({"headers": fields, "body": body})
            return body

        monkeypatch.setattr(web.Request, "body", listening)
        config = configuration(office, office.client(), "a.docx")
        document_server.open(config)
        key = config["document"]["key"]
        document_server.type(key, "words")
        document_server.save(key)
        document_server.type(key, "more words")
        document_server.leave(key)
        return [one for one in requests if b"token" in one["body"]]

    def test_the_same_reports_with_the_same_fields(self, heard: list[dict[str, Any]]) -> None:
        import jwt

        recorded = {
            one["bodyJwt"]["status"]: one for one in CALLBACKS if "actions" in one["bodyJwt"]
        }
        statuses = []
        for one in heard:
            body = json.loads(one["body"])
            status = body["status"]
            statuses.append(status)
            real = recorded[status]
            assert list(body) == list(json.loads(real["body"])), "the order or names on the wire"
            claims = jwt.decode(body["token"], SECRET, ["HS256"])
            assert claims.keys() == real["bodyJwt"].keys()
            header = jwt.decode(one["headers"]["HTTP_AUTHORIZATION"][7:], SECRET, ["HS256"])
            assert header.keys() == real["headerJwt"].keys()
            assert header["payload"].keys() == real["headerJwt"]["payload"].keys()
            assert one["headers"]["HTTP_USER_AGENT"] == real["headers"]["user-agent"]
            assert one["headers"]["CONTENT_TYPE"] == real["headers"]["content-type"]
            if "url" in body:
                ours, theirs = urlsplit(body["url"]), urlsplit(real["bodyJwt"]["url"])
                assert ours.path.count("/") == theirs.path.count("/")
                names = [part.split("=")[0] for part in ours.query.split("&")]
                assert names == [part.split("=")[0] for part in theirs.query.split("&")]
        assert statuses == [1, 6, 2]
