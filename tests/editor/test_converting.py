"""Conversions with the Document Server's double: copies, downloads, what is said of failures."""

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
import requests
from lxml import html

from davserver.editor.contents import is_form
from davserver.editor.conversion import converting
from davserver.editor.conversion.conversions import proposed
from davserver.editor.conversion.refusals import TooManyConversions, refusal
from davserver.editor.conversion.turns import Turns
from davserver.editor.formats import FORMATS
from davserver.editor.server import client
from davserver.errors import Unavailable
from davserver.model import Grant, Right, Role
from davserver.providers.exclusion import Exclusion
from tests.accounts.link_making import guest, make_link
from tests.clock import wait_until
from tests.dav_client import DavClient
from tests.documentserver.conversion import KNOWN, locked, made_as
from tests.editor.desk import Desk
from tests.editor.opening import configuration
from tests.running import free_port

PAGE = {"Accept": "text/html"}
CONVERTED = sorted(name for name, known in FORMATS.items() if known.converts)
CODES = [-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -20]


def token(client: DavClient, page: str = "/") -> str:
    answer = client.request("GET", page, headers=PAGE)
    found = html.fromstring(answer.text).xpath("//@data-csrf")
    return str(found[0])


def convert(
    person: DavClient, path: str, to: str = "ooxml", *, page: bool = False, **fields: str
) -> requests.Response:
    headers = {"X-CSRF-Token": token(person), **(PAGE if page else {})}
    form = {"path": path, "to": to, **fields}
    return person.request("POST", "/-/convert", data=form, headers=headers)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    (desk.root / "a.doc").write_bytes(b"words of the old file")
    return desk


@pytest.mark.parametrize("name", CONVERTED)
def test_every_format_that_is_made_for_it_becomes_a_copy_to_edit(desk: Desk, name: str) -> None:
    old = made_as(name, "words of the old file") if name in KNOWN else b"words of the old file"
    (desk.root / f"old.{name}").write_bytes(old)
    answer = convert(desk.ann, f"/old.{name}", "docx" if name == "xml" else "ooxml")
    assert answer.status_code == 303, answer.text
    [copy] = [one for one in desk.names() if one.startswith("old.") and one != f"old.{name}"]
    assert answer.headers["Location"] == f"/-/edit/{copy}"
    assert (desk.root / copy).read_bytes().startswith(b"PK\x03\x04")
    assert (desk.root / f"old.{name}").read_bytes() == old
    if copy.endswith(".docx"):
        assert "words" in desk.words(copy)[0]
    opened = desk.ann.request("GET", f"/-/edit/{copy}", headers=PAGE)
    assert opened.status_code == 200
    assert "editor-config" in opened.text


def test_the_copy_has_the_words_of_the_original_and_its_maker(desk: Desk) -> None:
    assert convert(desk.ann, "/a.doc").status_code == 303
    assert desk.words("a.docx") == ["words of the old file"]
    assert desk.versions("a.docx")[0].author == "admin"


def test_a_name_that_is_taken_gets_a_number(desk: Desk) -> None:
    (desk.root / "a.docx").write_bytes(b"another file")
    assert convert(desk.ann, "/a.doc").headers["Location"] == "/-/edit/a%20(2).docx"
    assert convert(desk.ann, "/a.doc").headers["Location"] == "/-/edit/a%20(3).docx"
    assert (desk.root / "a.docx").read_bytes() == b"another file"


def test_a_name_as_long_as_can_be_is_cut(desk: Desk) -> None:
    name = "ä" * 125 + ".doc"
    (desk.root / name).write_bytes(b"words")
    for _ in range(2):
        assert convert(desk.ann, f"/{name}").status_code == 303
    assert len([one for one in desk.names() if one.endswith(".docx")]) == 2


def test_a_copy_of_another_format_leads_to_its_editor_or_its_folder(desk: Desk) -> None:
    assert convert(desk.ann, "/a.doc", "pdf").headers["Location"] == "/-/edit/a.pdf"
    assert convert(desk.ann, "/a.doc", "png").headers["Location"] == "/"
    assert "a.zip" in desk.names()


def test_what_the_document_server_is_asked(desk: Desk) -> None:
    convert(desk.ann, "/a.doc", "odt")
    first, *rest = desk.double.conversions.asked
    assert first["async"] is True
    assert (first["filetype"], first["outputtype"]) == ("doc", "odt")
    assert first["url"].startswith(f"{desk.office.url}/-/download/")
    assert rest, "it was asked again until the end"
    volatile = {"iat", "exp"}
    for again in rest:
        assert {k: v for k, v in again.items() if k not in volatile} == {
            k: v for k, v in first.items() if k not in volatile
        }
    assert set(desk.double.conversions.accepts) == {"application/json"}


def test_a_conversion_of_the_same_bytes_is_not_done_twice(desk: Desk) -> None:
    convert(desk.ann, "/a.doc")
    convert(desk.ann, "/a.doc")
    assert len(desk.double.conversions.downloads) == 1
    desk.ann.put("/a.doc", b"other words")
    convert(desk.ann, "/a.doc")
    assert desk.words("a (3).docx") == ["other words"]


@pytest.mark.parametrize("address", ["/a.doc", "/-/download-as/a.doc"])
def test_a_file_is_downloaded_in_another_format(desk: Desk, address: str) -> None:
    answer = desk.ann.request("GET", address, params={"as": "pdf"})
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "ETag" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert desk.names() == ["a.doc"]
    head = desk.ann.request("HEAD", address, params={"as": "odt"})
    assert head.status_code == 200
    assert head.headers["Content-Type"] == "application/vnd.oasis.opendocument.text"
    assert len(desk.double.conversions.downloads) == 1, "for a HEAD nothing is converted"


@pytest.mark.parametrize("target", ["png", "jpg", "bmp", "gif"])
def test_images_are_a_zip_of_all_pages(desk: Desk, target: str) -> None:
    answer = desk.ann.request("GET", "/a.doc", params={"as": target})
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as pages:
        assert pages.namelist() == [f"image1.{target}", f"image2.{target}"]
    [asked, *_] = desk.double.conversions.asked
    assert asked["thumbnail"]["first"] is False


def test_the_same_at_the_addresses_of_nextcloud(desk: Desk) -> None:
    answer = desk.ann.request("GET", "/remote.php/dav/files/admin/a.doc", params={"as": "pdf"})
    assert answer.content.startswith(b"%PDF")


def test_below_a_path_and_by_another_address_of_ours(desk_with: Callable[..., Desk]) -> None:
    port = free_port()
    desk = desk_with(public_url=f"http://127.0.0.1:{port}/sub")
    (desk.root / "a.doc").write_bytes(b"words")
    desk.ann.request("GET", "/a.doc", params={"as": "pdf"})
    asked = desk.double.conversions.asked[0]
    assert asked["url"].startswith(f"http://127.0.0.1:{port}/sub/-/download/")
    desk = desk_with(internal_url=f"http://127.0.0.1:{port}")
    (desk.root / "a.doc").write_bytes(b"words")
    desk.ann.request("GET", "/a.doc", params={"as": "odt"})
    asked = desk.double.conversions.asked[-1]
    assert asked["url"].startswith(f"http://127.0.0.1:{port}/-/download/")


def test_nothing_else_changes_at_the_address_of_a_file(desk: Desk) -> None:
    assert desk.ann.request("GET", "/a.doc", params={"x": "as="}).content.startswith(b"words")
    assert desk.ann.request("GET", "/a.doc", params={"as": ""}).content.startswith(b"words")
    assert desk.ann.request("GET", "/", params={"as": "pdf"}, headers=PAGE).status_code == 200
    assert desk.ann.request("GET", "/none.doc", params={"as": "pdf"}).status_code == 404
    assert desk.ann.request("PUT", "/b.doc", params={"as": "pdf"}, data=b"x").status_code == 201


def test_what_cannot_become_that_is_refused_in_words(desk: Desk) -> None:
    (desk.root / "a.zip").write_bytes(b"PK")
    (desk.root / "d").mkdir()
    answer = desk.ann.request("GET", "/a.doc", params={"as": "xlsx"})
    assert answer.status_code == 400
    assert "docx, docm, dotx" in answer.text
    assert convert(desk.ann, "/a.doc", "doc").status_code == 400
    assert convert(desk.ann, "/a.doc", "../../x").status_code == 400
    assert convert(desk.ann, "a.doc").status_code == 400
    assert convert(desk.ann, "/a.zip").status_code == 415
    assert convert(desk.ann, "/d").status_code == 404
    assert convert(desk.ann, "/nowhere.doc").status_code == 404
    assert convert(desk.ann, "/.versions/a.doc/1.doc").status_code == 404
    assert desk.double.conversions.asked == []


def test_without_a_document_server_nothing_converts(serve: Callable[..., Any]) -> None:
    server = serve()
    client = server.client()
    client.put("/a.doc", b"x")
    assert client.request("GET", "/a.doc", params={"as": "pdf"}).status_code == 410
    listing = client.request("GET", "/", headers=PAGE).text
    assert "as=pdf" not in listing
    assert "/-/convert" not in listing


# --- Rights ---------------------------------------------------------------------------------------


def test_who_may_not_download_gets_no_other_format_either(desk: Desk) -> None:
    bob = desk.person("bob")
    grant = Grant("/a.doc", "user:bob", Role.VIEWER, frozenset({Right.DOWNLOAD}))
    desk.share.access.give(grant, "admin")
    for address in ("/a.doc", "/-/download-as/a.doc"):
        assert bob.request("GET", address, params={"as": "pdf"}).status_code == 403
    assert convert(bob, "/a.doc").status_code == 403
    assert bob.request("GET", "/-/convert/a.doc").status_code == 403
    assert "/-/convert" not in bob.request("GET", "/", headers=PAGE).text
    assert desk.double.conversions.asked == []


def test_who_may_not_add_to_the_folder_may_download_only(desk: Desk) -> None:
    bob = desk.person("bob")
    desk.share.access.give(Grant("/", "user:bob", Role.VIEWER), "admin")
    assert convert(bob, "/a.doc").status_code == 403
    answer = bob.request("GET", "/-/convert/a.doc", headers=PAGE).text
    assert "You cannot add anything to this folder" in answer
    assert 'value="copy"' not in answer
    made = convert(bob, "/a.doc", "docx", keep="download")
    assert made.status_code == 200
    assert docx.Document(io.BytesIO(made.content)).paragraphs[0].text == "words of the old file"
    assert desk.names() == ["a.doc"]


def test_whom_a_file_is_hidden_from_learns_nothing(desk: Desk) -> None:
    bob = desk.person("bob")
    desk.share.access.give(Grant("/a.doc", "user:bob", Role.NONE), "admin")
    assert bob.request("GET", "/a.doc", params={"as": "pdf"}).status_code == 404
    assert convert(bob, "/a.doc").status_code == 404


def test_who_has_no_office_converts_nothing(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(editor_groups=["staff"])
    (desk.root / "a.doc").write_bytes(b"words")
    bob = desk.person("bob")
    assert bob.request("GET", "/a.doc", params={"as": "pdf"}).status_code == 415
    assert convert(bob, "/a.doc").status_code == 415
    assert "/-/convert" not in bob.request("GET", "/", headers=PAGE).text
    assert convert(desk.ann, "/a.doc").status_code == 303, "administrators always have it"


def test_conversions_are_told_to_the_audit_log(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(audit_reads=True)
    (desk.root / "a.doc").write_bytes(b"words")
    assert convert(desk.ann, "/a.doc", password="sesame").status_code == 303
    assert desk.ann.request("GET", "/a.doc", params={"as": "pdf"}).status_code == 200
    written = (desk.office.settings.state / "audit" / "audit.jsonl").read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    told = [(line["event"], line.get("path")) for line in lines if line.get("user") == "admin"]
    assert ("created", "/a.docx") in told
    assert ("read", "/a.doc") in told
    assert "sesame" not in written


def test_a_conversion_by_a_forged_form_is_refused(desk: Desk) -> None:
    form = {"path": "/a.doc", "to": "docx"}
    assert desk.ann.request("POST", "/-/convert", data=form).status_code == 403
    assert desk.names() == ["a.doc"]


def test_a_locked_name_is_told_before_the_work(desk: Desk) -> None:
    assert desk.ann.lock("/a.docx").status_code == 201
    assert convert(desk.ann, "/a.doc").headers["Location"] == "/-/edit/a%20(2).docx"


def test_guests_convert_what_their_link_permits(desk: Desk) -> None:
    (desk.root / "d").mkdir()
    (desk.root / "d" / "b.doc").write_bytes(b"words")
    mia = guest(desk.office, make_link(desk.office, "/d", Role.EDITOR))
    mia.request("GET", "/", headers=PAGE)
    answer = convert(mia, "/b.doc")
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].endswith("/-/edit/b.docx")
    assert (desk.root / "d" / "b.docx").exists()
    alone = guest(desk.office, make_link(desk.office, "/d/b.doc"))
    page = alone.request("GET", "/", params={"show": "page"}, headers=PAGE)
    [link] = html.fromstring(page.text).xpath("//a[contains(., 'as PDF')]/@href")
    assert alone.session.get(desk.office.url + link, timeout=30).content.startswith(b"%PDF")
    looking = guest(desk.office, make_link(desk.office, "/d", Role.VIEWER))
    looking.request("GET", "/", headers=PAGE)
    assert convert(looking, "/b.doc").status_code == 403
    assert looking.request("GET", "/b.doc", params={"as": "pdf"}).content.startswith(b"%PDF")


def test_a_link_with_counted_downloads_counts_other_formats(desk: Desk) -> None:
    (desk.root / "d").mkdir()
    (desk.root / "d" / "b.doc").write_bytes(b"words")
    mia = guest(desk.office, make_link(desk.office, "/d", Role.EDITOR, max_downloads=1))
    mia.request("GET", "/", headers=PAGE)
    assert convert(mia, "/b.doc", "docx", keep="download").status_code == 403
    assert convert(mia, "/b.doc").status_code == 403
    assert mia.request("GET", "/-/download-as/b.doc", params={"as": "pdf"}).status_code == 403
    listing = mia.request("GET", "/", headers=PAGE).text
    assert "/-/convert" not in listing
    assert "b.doc?as=pdf" in listing
    assert mia.request("GET", "/b.doc", params={"as": "pdf"}).status_code == 200
    assert mia.request("GET", "/b.doc", params={"as": "odt"}).status_code == 410


# --- Failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_every_refusal_is_told_in_words(desk: Desk, code: int) -> None:
    desk.double.conversions.refuse_with = code
    answer = convert(desk.ann, "/a.doc", page=True)
    fact = refusal(code)
    assert answer.status_code == fact.status
    assert answer.status_code >= 400
    [problem] = html.fromstring(answer.text).xpath("//p[@class='problem']")
    assert " ".join(problem.text_content().split()) == str(fact)
    assert desk.names() == ["a.doc"]
    plain = convert(desk.ann, "/a.doc")
    assert (plain.status_code, plain.text.strip()) == (fact.status, str(fact))


def test_refusals_say_what_to_do() -> None:
    words = {code: str(refusal(code)) for code in CODES}
    assert len(set(words.values())) == len(CODES)
    assert "password" in words[-5]
    assert "document or a spreadsheet" in words[-9]
    assert "100 MB" in words[-10]
    assert "internal_url" in words[-4]
    assert "jwt_secret_file" in words[-8]
    assert "error -99" in str(refusal(-99))
    assert str(refusal(-5, had_password=True)) != words[-5]


@pytest.mark.parametrize(
    ("name", "target"),
    [("a.docx", "pdf"), ("a.xlsx", "pdf"), ("a.doc", "docx"), ("a.odt", "docx"), ("a.pdf", "docx")],
)
def test_what_most_people_want_is_proposed(name: str, target: str) -> None:
    assert proposed(f"/{name}") == target


def test_a_password_is_asked_for_and_opens_the_file(desk: Desk) -> None:
    (desk.root / "s.doc").write_bytes(locked(b"secret words", "sesame"))
    asked = convert(desk.ann, "/s.doc", "odt", page=True)
    assert asked.status_code == 422
    page = html.fromstring(asked.text)
    assert page.xpath("//input[@name='password'][@type='password']")
    assert page.xpath("//option[@selected]/@value") == ["odt"], "what was chosen stays chosen"
    wrong = convert(desk.ann, "/s.doc", "odt", page=True, password="open")
    assert "This is not the password" in wrong.text
    assert "open" not in wrong.text.partition("problem")[2].partition("</form>")[0].split('"')
    right = convert(desk.ann, "/s.doc", password="sesame")
    assert right.status_code == 303
    assert desk.words("s.docx") == ["secret words"]
    by_address = desk.ann.request("GET", "/s.doc", params={"as": "pdf"}, headers=PAGE)
    assert by_address.status_code == 422
    assert html.fromstring(by_address.text).xpath("//input[@name='password']")


def test_nobody_has_a_result_without_the_password(desk: Desk) -> None:
    (desk.root / "s.doc").write_bytes(locked(b"secret words", "sesame"))
    assert convert(desk.ann, "/s.doc", password="sesame").status_code == 303
    assert convert(desk.person("bob"), "/s.doc").status_code == 422


def test_xml_asks_whether_it_is_a_document_or_a_spreadsheet(desk: Desk) -> None:
    (desk.root / "a.xml").write_bytes(b"<a/>")
    asked = convert(desk.ann, "/a.xml", page=True)
    assert asked.status_code == 422
    options = html.fromstring(asked.text).xpath("//option/@value")
    assert {"docx", "xlsx"} <= set(options)
    assert convert(desk.ann, "/a.xml", "xlsx").headers["Location"] == "/-/edit/a.xlsx"


def test_a_fault_that_has_passed_is_not_remembered(desk: Desk) -> None:
    desk.double.conversions.refuse_with = -4
    assert convert(desk.ann, "/a.doc").status_code == 502
    desk.double.conversions.refuse_with = 0
    assert convert(desk.ann, "/a.doc").status_code == 303


def test_a_file_that_is_too_large_is_told_before_the_work(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(max_document_mib=1)
    (desk.root / "a.doc").write_bytes(bytes(1_200_000))
    answer = convert(desk.ann, "/a.doc")
    assert answer.status_code == 413
    assert answer.text.startswith("This file has 1.2 MB; at most 1.0 MB")
    assert desk.double.conversions.asked == []


def test_a_result_from_elsewhere_is_not_fetched(desk: Desk) -> None:
    for place in ("http://169.254.169.254", desk.office.url, "file://", "http://x@127.0.0.1"):
        desk.double.conversions.elsewhere = place
        answer = convert(desk.ann, "/a.doc")
        assert answer.status_code == 502
        assert "not its own" in answer.text
    assert desk.names() == ["a.doc"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "-5"}, "has a password"),
        ({"error": [1]}, "does not say why"),
        ({"error": {"a": 1}}, "does not say why"),
        ({"error": 0, "endConvert": True}, "something else"),
        ({"endConvert": True, "fileType": "docx"}, "not its own"),
        ({"endConvert": True, "fileType": 7, "fileUrl": []}, "something else"),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_mistake_of_ours(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr(client.DocumentServer, "convert", lambda *_: answer)
    told = convert(desk.ann, "/a.doc")
    assert told.status_code in {422, 502}
    assert words in told.text


def test_a_result_of_another_type_is_not_taken(desk: Desk) -> None:
    desk.double.conversions.answers_with_type = "exe"
    answer = convert(desk.ann, "/a.doc")
    assert answer.status_code == 502
    assert "something else" in answer.text
    assert desk.names() == ["a.doc"]


@pytest.mark.parametrize("target", ["docx", "odt", "png"])
def test_half_a_result_is_not_taken(desk: Desk, target: str) -> None:
    desk.double.conversions.cuts_results = True
    answer = convert(desk.ann, "/a.doc", target)
    assert answer.status_code == 502
    assert "not whole" in answer.text
    assert desk.names() == ["a.doc"]


def test_a_document_server_that_is_down_is_told(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(document_server=f"http://127.0.0.1:{free_port()}")
    (desk.root / "a.doc").write_bytes(b"words")
    answer = convert(desk.ann, "/a.doc")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


def test_a_damaged_file_is_told(desk: Desk) -> None:
    (desk.root / "a.odt").write_bytes(b"PK no zip")
    answer = convert(desk.ann, "/a.odt")
    assert answer.status_code == 422
    assert "damaged" in answer.text


def test_a_conversion_that_takes_too_long_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converting.Converter.convert, "__defaults__", (0.3, None))
    desk.double.conversions.pause = 1.0
    answer = convert(desk.ann, "/a.doc")
    assert answer.status_code == 504
    time.sleep(1.0)
    assert convert(desk.ann, "/a.doc").status_code == 303
    assert len(desk.double.conversions.downloads) == 1


# --- How many -------------------------------------------------------------------------------------


def test_only_so_many_run_at_once(desk_with: Callable[..., Desk]) -> None:
    """Pitfall 3.29: conversions cannot be used to keep a server busy."""
    desk = desk_with(conversions_at_once=2, threads=20)
    for number in range(6):
        (desk.root / f"{number}.doc").write_bytes(b"words")
    desk.double.conversions.pause = 0.4
    secret = token(desk.ann)
    statuses: list[int] = []

    def one(number: int) -> None:
        form = {"path": f"/{number}.doc", "to": "docx"}
        client = desk.office.client()
        client.session.cookies = desk.ann.session.cookies
        headers = {"X-CSRF-Token": secret}
        statuses.append(
            client.request("POST", "/-/convert", data=form, headers=headers).status_code
        )

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [303] * 6
    assert desk.double.conversions.most_at_once == 2


def test_a_single_thread_is_too_few(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(threads=1)
    (desk.root / "a.doc").write_bytes(b"words")
    answer = convert(desk.ann, "/a.doc")
    assert answer.status_code == 503
    assert "threads" in answer.text


def test_conversions_leave_threads_for_everybody_else(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(threads=2)
    (desk.root / "a.doc").write_bytes(b"words")
    desk.double.conversions.pause = 3.0
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(convert(desk.ann, "/a.doc").status_code))
    thread.start()
    wait_until(lambda: desk.double.conversions.asked, "the conversion does not begin")
    other = desk.office.client()
    busy = other.request("GET", "/a.doc", params={"as": "pdf"})
    assert busy.status_code == 503
    assert busy.headers["Retry-After"]
    assert other.get("/a.doc").status_code == 200
    thread.join()
    assert done == [303]


def test_one_person_has_so_many_within_a_minute(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(conversions_per_minute=2)
    (desk.root / "a.doc").write_bytes(b"words")
    bob = desk.person("bob")
    assert [convert(desk.ann, "/a.doc").status_code for _ in range(3)] == [303, 303, 429]
    assert int(convert(desk.ann, "/a.doc").headers["Retry-After"]) <= 60
    assert convert(bob, "/a.doc").status_code == 303


def test_the_guests_of_a_link_are_counted_together(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(conversions_per_minute=1)
    (desk.root / "a.doc").write_bytes(b"words")
    link = make_link(desk.office, "/", Role.VIEWER)
    told = [guest(desk.office, link).request("GET", "/a.doc", params={"as": "pdf"}) for _ in "12"]
    assert [one.status_code for one in told] == [200, 429]


def test_turns_are_shared_by_processes_and_given_back(tmp_path: Path) -> None:
    here, there = (Turns(Exclusion(tmp_path / "turns"), 1, 5, 2) for _ in range(2))
    soon = time.monotonic() + 0.3
    with here.of("ann", soon), pytest.raises(Unavailable), there.of("bob", soon):
        raise AssertionError("both had the only turn")
    with there.any(soon):
        pass
    with here.of("ann", soon):
        pass
    with pytest.raises(TooManyConversions), here.of("ann", soon):
        raise AssertionError("the third within a minute")


# --- Pages ----------------------------------------------------------------------------------------


def test_the_listing_offers_other_formats(desk: Desk) -> None:
    (desk.root / "b.pdf").write_bytes(b"%PDF")
    (desk.root / "c.zip").write_bytes(b"PK")
    listing = desk.ann.request("GET", "/", headers=PAGE).text
    links = set(html.fromstring(listing).xpath("//tr//a/@href"))
    assert {"/a.doc?as=pdf", "/-/convert/a.doc", "/-/convert/b.pdf"} <= links
    assert "/b.pdf?as=pdf" not in links
    assert "/-/convert/c.zip" not in links


def test_a_pdf_form_is_made_of_a_document(desk: Desk) -> None:
    listing = desk.ann.request("GET", "/", headers=PAGE).text
    assert "Make a PDF form of it" in listing
    assert '/-/convert/a.doc?to=form"' in listing
    asked = desk.ann.request("GET", "/-/convert/a.doc", params={"to": "form"}, headers=PAGE)
    page = html.fromstring(asked.text)
    assert page.xpath("//option[@selected]/@value") == ["form"]
    answer = convert(desk.ann, "/a.doc", "form")
    assert answer.headers["Location"] == "/-/edit/a.pdf"
    assert is_form((desk.root / "a.pdf").read_bytes())
    assert configuration(desk.office, desk.ann, "a.pdf")["document"]["isForm"] is True
    assert convert(desk.ann, "/a.doc", "form").headers["Location"] == "/-/edit/a%20(2).pdf"
    told = desk.ann.request("GET", "/a.doc", params={"as": "form"})
    assert is_form(told.content)
    assert told.headers["Content-Disposition"].endswith("a.pdf")


def test_what_is_a_form_or_cannot_be_one_is_offered_none(desk: Desk) -> None:
    (desk.root / "a.doc").unlink()
    for name in ("form.pdf", "table.xlsx"):
        (desk.root / name).write_bytes(b"words")
    assert "PDF form of it" not in desk.ann.request("GET", "/", headers=PAGE).text
    assert convert(desk.ann, "/table.xlsx", "form").status_code == 400


def test_who_may_not_add_to_the_folder_is_offered_no_form(desk: Desk) -> None:
    bob = desk.person("bob")
    desk.share.access.give(Grant("/", "user:bob", Role.VIEWER), "admin")
    assert "PDF form of it" not in bob.request("GET", "/", headers=PAGE).text


def test_the_page_works_without_scripts(desk: Desk) -> None:
    page = html.fromstring(desk.ann.request("GET", "/-/convert/a.doc", headers=PAGE).text)
    [form] = page.xpath("//form[@id='convert']")
    fields = dict(form.form_values())
    assert fields["to"] == "docx"
    answer = desk.ann.request("POST", form.action, data={**fields, "keep": "copy"}, headers=PAGE)
    assert answer.status_code == 303
    assert "a.docx" in desk.names()


def _notice(client: DavClient, name: str, how: str = "edit") -> list[Any]:
    answer = client.request("GET", f"/-/{how}/{name}", headers=PAGE)
    assert answer.status_code == 200
    found: list[Any] = html.fromstring(answer.text).xpath("//form[@id='copy-to-edit']")
    return found


def test_an_old_format_opens_for_reading_and_offers_a_copy_to_edit(desk: Desk) -> None:
    [form] = _notice(desk.ann, "a.doc")
    answer = desk.ann.request("POST", form.action, data=dict(form.form_values()), headers=PAGE)
    assert answer.headers["Location"] == "/-/edit/a.docx"
    assert _notice(desk.ann, "a.docx") == []
    assert _notice(desk.ann, "a.docx", "view") == []


def test_the_copy_of_a_flat_open_document_stays_one(desk: Desk) -> None:
    (desk.root / "a.fodt").write_bytes(b"<office/>")
    [form] = _notice(desk.ann, "a.fodt")
    assert convert(desk.ann, "/a.fodt", form.fields["to"]).headers["Location"] == "/-/edit/a.odt"


def test_who_may_not_add_a_copy_is_offered_none(desk: Desk) -> None:
    bob = desk.person("bob")
    desk.share.access.give(Grant("/", "user:bob", Role.VIEWER), "admin")
    assert _notice(bob, "a.doc") == []
    (desk.root / "a.pdf").write_bytes(b"%PDF")
    assert _notice(desk.ann, "a.pdf") == [], "nothing is gained"


def test_a_format_that_is_edited_here_is_not_to_be_copied(
    desk_with: Callable[..., Desk],
) -> None:
    desk = desk_with(edit_formats=["docx", "odt"])
    (desk.root / "a.odt").write_bytes(made_as("odt", "words"))
    assert _notice(desk.ann, "a.odt") == []
    assert _notice(desk.ann, "a.odt", "view") == []
