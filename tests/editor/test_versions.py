"""The page of versions: look at one, name it, restore it, download it."""

import json
from typing import Any

import pytest
import requests
from lxml import html

from davserver.model import Role
from tests.accounts.link_making import address_of, make_link
from tests.accounts.test_gate import csrf_in
from tests.dav_client import DavClient
from tests.editor.desk import Desk
from tests.editor.opening import words_in

PAGE = {"Accept": "text/html"}


def look(desk: Desk, number: int, name: str = "a.docx") -> requests.Response:
    query = {"version": number}
    return desk.ann.request("GET", f"/-/view/{name}", params=query, headers=PAGE)


def page(desk: Desk, name: str = "a.docx") -> str:
    told = desk.ann.request("GET", f"/-/versions/{name}", headers=PAGE)
    assert told.status_code == 200
    return str(told.text)


def post(desk: Desk, **form: Any) -> requests.Response:
    token = csrf_in(desk.ann.request("GET", "/", headers=PAGE))
    return desk.ann.request("POST", "/-/versions/a.docx", data={"csrf": token, **form})


def two_versions(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("new words")
    editor.close()


class TestLooking:
    """GET /-/view/<path>?version=N."""

    @pytest.mark.parametrize(
        ("number", "words"), [(1, ["first words"]), (2, ["first words", "new words"])]
    )
    def test_at_a_version_in_the_editor(self, desk: Desk, number: int, words: list[str]) -> None:
        two_versions(desk)
        told = look(desk, number)
        island = html.fromstring(told.text).get_element_by_id("editor-config")
        config = json.loads(island.text_content())
        assert config["document"]["title"] == f"a (version {number}).docx"
        assert config["editorConfig"]["mode"] == "view"
        assert not any(config["document"]["permissions"][what] for what in ("edit", "comment"))
        assert desk.double.open(config) is None
        assert words_in(desk.double.downloads[-1].content) == words

    def test_never_joins_a_session(self, desk: Desk) -> None:
        two_versions(desk)
        editor = desk.edit()
        island = html.fromstring(look(desk, 2).text).get_element_by_id("editor-config")
        assert json.loads(island.text_content())["document"]["key"] != editor.key

    def test_at_text_in_our_own_editor(self, desk: Desk) -> None:
        desk.ann.put("/a.txt", b"one")
        desk.ann.put("/a.txt", b"two")
        told = look(desk, 1, "a.txt")
        area = html.fromstring(told.text).get_element_by_id("editor-config", None)
        if area is None:
            assert "/-/versions/a.txt?download=1" in told.text
        assert told.status_code == 200

    def test_at_what_no_editor_opens_is_a_download(self, desk: Desk) -> None:
        desk.ann.put("/a.bin", b"one")
        desk.ann.put("/a.bin", b"two")
        told = look(desk, 1, "a.bin")
        assert (told.status_code, told.headers["Location"]) == (303, "/-/versions/a.bin?download=1")

    def test_at_one_that_is_not_there(self, desk: Desk) -> None:
        two_versions(desk)
        assert look(desk, 9).status_code == 404

    def test_by_a_link_is_for_editors(self, desk: Desk) -> None:
        two_versions(desk)
        for role, status in ((Role.VIEWER, 403), (Role.EDITOR, 200)):
            address = address_of(desk.office, make_link(desk.office, "/a.docx", role))
            told = DavClient(address.rstrip("/")).request(
                "GET", "/-/view/a.docx", params={"version": 1}, headers=PAGE
            )
            assert told.status_code == status


class TestNaming:
    """POST describe=N, name, note."""

    def test_is_shown(self, desk: Desk) -> None:
        two_versions(desk)
        told = post(desk, describe=1, name=" As sent ", note="by <mail>\r\non Monday")
        assert told.headers["Location"] == "/-/versions/a.docx#version-1"
        shown = page(desk)
        assert "As sent" in shown
        assert "by &lt;mail&gt; on Monday" in shown
        [first, _] = desk.versions()
        assert (first.name, first.note) == ("As sent", "by <mail> on Monday")

    def test_the_present_state_which_keeps_it_as_a_version(self, desk: Desk) -> None:
        two_versions(desk)
        post(desk, describe=2, name="Final")
        two_versions(desk)
        assert [one.name for one in desk.versions()] == ["", "Final", ""]

    def test_what_another_program_wrote(self, desk: Desk) -> None:
        desk.edit().close()
        post(desk, describe=1, name="From the scanner")
        two_versions(desk)
        assert [one.name for one in desk.versions()] == ["From the scanner", ""]

    def test_one_that_is_not_there(self, desk: Desk) -> None:
        two_versions(desk)
        assert post(desk, describe=7, name="x").status_code == 404

    def test_is_in_the_editors_panel(self, desk: Desk) -> None:
        two_versions(desk)
        post(desk, describe=1, name="As sent")
        told = desk.ann.request("GET", "/-/api/history", params={"path": "/a.docx"}).json()
        assert [one["name"] for one in told["history"]] == ["As sent", ""]


def test_everybody_who_took_part_is_named(desk: Desk) -> None:
    bob = desk.person("bob")
    first, second = desk.edit(), desk.edit(person=bob)
    first.type("by ann")
    second.type("by bob")
    first.close()
    second.close()
    assert "bob with admin" in " ".join(page(desk).split())
