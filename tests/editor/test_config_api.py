"""GET /-/api/editor-config: the signed configuration as JSON, for our page and for others."""

import jwt
import pytest
import requests

from tests.documentserver import SECRET
from tests.editor.desk import Desk

API = "/-/api/editor-config"


def ask(desk: Desk, **query: str) -> requests.Response:
    return desk.ann.request("GET", API, params=query)


def test_it_is_what_the_page_holds_and_is_signed(desk: Desk) -> None:
    editor = desk.edit("a.docx")
    answer = ask(desk, path="/a.docx")
    config = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert config["document"]["key"] == editor.key
    assert config["editorConfig"]["mode"] == "edit"
    signed = jwt.decode(config["token"], SECRET, ["HS256"])
    assert signed["document"] == config["document"]


def test_who_only_looks_on_joins_no_session(desk: Desk) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    config = ask(desk, path="/a.docx", mode="view").json()
    assert config["editorConfig"]["mode"] == "view"
    assert desk.locks("a.docx") == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"path": "a.docx"}, 400),
        ({"path": "/a.docx", "mode": "all"}, 400),
        ({"path": "/../a.docx"}, 400),
        ({"path": "/.davserver/catalog"}, 404),
        ({"path": "/none.docx"}, 404),
        ({"path": "/a.bin"}, 415),
    ],
)
def test_what_it_cannot_answer_it_says(desk: Desk, query: dict[str, str], status: int) -> None:
    (desk.root / "a.bin").write_bytes(b"x")
    (desk.root / "a.docx").write_bytes(b"")
    assert ask(desk, **query).status_code == status


def test_a_stranger_is_told_nothing(desk: Desk) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    stranger = desk.office.client("nobody", "x")
    assert stranger.request("GET", API, params={"path": "/a.docx"}).status_code == 401
