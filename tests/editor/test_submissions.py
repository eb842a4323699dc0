"""Submitted forms: a filled copy, its data and a row for each, in a folder beside the form."""

import csv
import io
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from davserver.editor.saving import submissions, tables
from davserver.editor.saving.submissions import parsed
from davserver.editor.saving.tables import Row, cells, safe, with_row
from davserver.editor.server.client import DocumentServer
from davserver.errors import Unavailable
from davserver.model import Grant, Role
from davserver.providers.notices import Notices
from tests.clock import later
from tests.dav_client import token_of
from tests.editor.desk import Desk, Editor
from tests.editor.test_contents import FORM as MADE

FIELDS = [
    {"key": "Name", "type": "text", "value": "Ada"},
    {"key": "Member", "type": "checkBox", "value": True},
]
FORM = b"%PDF-1.7\n% a form\n"


def field(key: str, value: object) -> dict[str, Any]:
    return {"key": key, "type": "text", "value": value}


@pytest.fixture
def desk(desk_with: Callable[..., Desk]) -> Desk:
    return desk_with(edit_formats=["docx", "pdf"])


@pytest.fixture
def form(desk: Desk) -> Editor:
    (desk.root / "form.pdf").write_bytes(FORM)
    return desk.edit("form.pdf")


def submit(desk: Desk, form: Editor, fields: list[dict[str, Any]] = FIELDS, who: str = "") -> Any:
    desk.double.type(form.key, f"filled in by {who or form.user}", form.user)
    desk.double.editing[form.key].forms_data = fields
    return form.save(kind=3)


def results(desk: Desk) -> list[str]:
    return sorted(file.name for file in (desk.root / submissions.FOLDER).iterdir())


def table(desk: Desk, name: str = "form.csv") -> list[list[str]]:
    content = (desk.root / submissions.FOLDER / name).read_bytes()
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_submitted_form_is_kept_with_its_data_and_the_form_stays_blank(
    desk: Desk, form: Editor
) -> None:
    assert submit(desk, form).is_accepted
    assert (desk.root / "form.pdf").read_bytes() == FORM
    assert len(desk.versions("form.pdf")) == 1
    rows, copy, data = sorted(results(desk), key=lambda name: name[-4:])
    assert copy.startswith("form (filled, admin, 20")
    assert b"filled in by admin" in (desk.root / submissions.FOLDER / copy).read_bytes()
    told = json.loads((desk.root / submissions.FOLDER / data).read_text())
    assert (told["fields"], told["by"], told["file"]) == (FIELDS, "admin", copy)
    header, row = table(desk, rows)
    assert header == ["Time", "By", "File", "Name", "Member"]
    assert row[1:] == ["admin", copy, "Ada", "true"]


def test_closing_after_it_leaves_the_form_blank_too(desk: Desk, form: Editor) -> None:
    submit(desk, form)
    assert form.close().is_accepted
    assert (desk.root / "form.pdf").read_bytes() == FORM


def test_everybody_gets_a_row_and_keys_that_come_later_a_column(desk: Desk, form: Editor) -> None:
    submit(desk, form)
    submit(desk, form, [field("Age", 36), field("Name", "Bob")], "bob")
    header, first, second = table(desk)
    assert header == ["Time", "By", "File", "Name", "Member", "Age"]
    assert first[3:] == ["Ada", "true", ""]
    assert second[3:] == ["Bob", "", "36"]
    assert len(results(desk)) == 5


def test_a_submission_that_comes_again_is_kept_once(desk: Desk, form: Editor) -> None:
    """Pitfall 3.13: a report that is replayed stores nothing."""
    submit(desk, form)
    report = desk.double.callbacks[-1].report
    before = results(desk)
    with later(120):
        assert desk.double.post(form.callback, report).is_accepted
    assert results(desk) == before
    assert len(table(desk)) == 2


def test_submissions_at_once_have_a_row_each(desk: Desk) -> None:
    """From two sessions, which do not wait for each other."""
    (desk.root / "form.pdf").write_bytes(FORM)
    editors = [desk.edit("form.pdf")]
    desk.share.locks.break_up("/form.pdf")
    (desk.root / "form.pdf").write_bytes(FORM + b"% changed")
    editors.append(desk.edit("form.pdf"))
    assert editors[0].key != editors[1].key
    people = [f"person {number}" for number in range(12)]
    threads = [
        threading.Thread(target=post, args=(desk, editors[number % 2], number))
        for number in range(len(people))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.body for one in desk.double.callbacks if not one.is_accepted] == []
    assert sorted(row[3] for row in table(desk)[1:]) == sorted(people)
    assert len(results(desk)) == 2 * len(people) + 1
    assert len({row[2] for row in table(desk)}) == len(people) + 1


def post(desk: Desk, editor: Editor, number: int) -> None:
    folder = f"/cache/files/data/{editor.key}_{number}"
    copy, data = f"{folder}/output.pdf/output.pdf", f"{folder}/formsdata.json"
    desk.double.cache[copy] = FORM + b"%% number %d" % number
    desk.double.cache[data] = json.dumps([field("Name", f"person {number}")]).encode()
    report = {
        "key": editor.key,
        "status": 6,
        "forcesavetype": 3,
        "users": [editor.user],
        "filetype": "pdf",
        "lastsave": "2026-11-23T08:43:29.000Z",
        "url": f"{desk.double.url}{copy}?md5=x",
        "formsdataurl": f"{desk.double.url}{data}?md5=x",
    }
    desk.double.post(editor.callback, report)


def test_a_table_that_somebody_has_locked_is_left_alone(desk: Desk, form: Editor) -> None:
    submit(desk, form)
    before = table(desk)
    token = token_of(desk.ann.lock("/Form results/form.csv"))
    submit(desk, form, [field("Name", "Bob")], "bob")
    assert table(desk) == before
    assert table(desk, "form 2.csv")[1][3] == "Bob"
    desk.ann.unlock("/Form results/form.csv", token)
    submit(desk, form, [field("Name", "Cy")], "cy")
    assert table(desk)[-1][3] == "Cy"


def test_another_file_of_that_name_is_not_written_into(desk: Desk, form: Editor) -> None:
    (desk.root / submissions.FOLDER).mkdir()
    (desk.root / submissions.FOLDER / "form.csv").write_bytes(b"my;own;table\n")
    submit(desk, form)
    assert (desk.root / submissions.FOLDER / "form.csv").read_bytes() == b"my;own;table\n"
    assert table(desk, "form 2.csv")[1][3] == "Ada"


def test_where_a_file_is_called_like_the_folder_the_next_one_above_is_taken(desk: Desk) -> None:
    desk.ann.mkcol("/d")
    (desk.root / "d" / "form.pdf").write_bytes(FORM)
    (desk.root / "d" / submissions.FOLDER).write_bytes(b"a file")
    submit(desk, desk.edit("d/form.pdf"))
    assert table(desk)[1][3] == "Ada"


def test_a_full_table_is_followed_by_another(
    desk: Desk, form: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(desk, form)
    monkeypatch.setattr(submissions, "_MAX_TABLE_BYTES", 10)
    submit(desk, form, who="another")
    assert len(table(desk)) == len(table(desk, "form 2.csv")) == 2


def test_data_that_cannot_be_fetched_are_sent_again_by_the_person(
    desk: Desk, form: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The editor says that it failed, and nothing lies there half."""
    fetch = DocumentServer.fetch

    def no_data(self: Any, url: str, spool: Any) -> None:
        if "formsdata" in url:
            raise Unavailable("broken")
        fetch(self, url, spool)

    with monkeypatch.context() as patched:
        patched.setattr(DocumentServer, "fetch", no_data)
        assert submit(desk, form).status == 503
        assert not (desk.root / submissions.FOLDER).exists()
    assert submit(desk, form).is_accepted
    assert len(table(desk)) == 2


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b"null", b"[" + b"0," * 6000 + b"0]"])
def test_data_that_are_none_do_not_keep_the_copy_away(
    desk: Desk, form: Editor, content: bytes
) -> None:
    desk.double.type(form.key, "filled", form.user)
    report = desk.report(form, 6, forcesavetype=3, filetype="pdf")
    data = "/cache/files/data/formsdata.json"
    desk.double.cache[data] = content
    report["formsdataurl"] = f"{desk.double.url}{data}?md5=x"
    assert desk.double.post(form.callback, report).is_accepted
    assert [name for name in results(desk) if name.endswith(".pdf")]
    assert table(desk)[1][3:] == []


def test_the_data_are_fetched_from_the_document_server_alone(desk: Desk, form: Editor) -> None:
    """Pitfall 3.1: an address in a report must not make us call others."""
    desk.double.type(form.key, "filled", form.user)
    report = desk.report(form, 6, forcesavetype=3, filetype="pdf")
    report["formsdataurl"] = "http://127.0.0.1:1/formsdata.json"
    assert desk.double.post(form.callback, report).status == 403
    assert not (desk.root / submissions.FOLDER).exists()


def test_a_form_that_was_deleted_meanwhile(desk: Desk, form: Editor) -> None:
    desk.share.trees.delete("/form.pdf", desk.holder("form.pdf"))
    assert submit(desk, form).is_accepted
    assert table(desk)[1][3] == "Ada"


def test_a_docx_is_submitted_too(desk: Desk) -> None:
    """Until version 8, forms were documents of Word."""
    editor = desk.edit()
    editor.type("filled in")
    assert editor.save(kind=3).is_accepted
    assert desk.words("a.docx") == ["first words"]
    [filled] = [name for name in results(desk) if name.endswith(".docx")]
    assert desk.words(f"{submissions.FOLDER}/{filled}")[-1] == "filled in"


class TestTables:
    """Rows and cells."""

    def row(self, **values: str) -> Row:
        return Row("2026-11-23 14:05:00", "Ann", "a.pdf", values)

    @pytest.mark.parametrize(
        "text",
        ["=1+1", "+49 30 1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "\0=1"],
    )
    def test_what_begins_like_a_formula_is_text(self, text: str) -> None:
        """A spreadsheet program would run it."""
        assert safe(text).startswith("'")

    @pytest.mark.parametrize("text", ["", "words", "3", "-5", "+7", "-1.5", "2026-11-23", "a=b"])
    def test_what_does_not_stays_as_it_is(self, text: str) -> None:
        assert safe(text) == text

    def test_names_keys_and_values_are_made_safe(self) -> None:
        row = Row("2026-11-23 14:05:00", "=cmd", "=a.pdf", {"=key": "=value"})
        made = with_row(b"", row)
        assert made is not None
        assert b",=" not in made
        assert b"\n=" not in made
        again = with_row(made, Row("2026-11-23 14:06:00", "Ann", "b.pdf", {"=key": "x"}))
        assert again is not None
        assert again.count(b"'=key") == 1

    def test_quotes_commas_and_line_breaks_come_back(self) -> None:
        value = 'a, "b"\nc; d'
        made = with_row(b"", self.row(Words=value))
        assert made is not None
        rows = list(csv.reader(io.StringIO(made.decode("utf-8-sig"), newline="")))
        assert rows[1][3] == value

    def test_the_same_row_twice_is_one(self) -> None:
        made = with_row(b"", self.row(Name="Ada"))
        assert made is not None
        assert with_row(made, self.row(Name="Ada")) == made

    @pytest.mark.parametrize(
        "content", [b"a,b\n", b"\xff\xfe", b'"Time', b"Time,By\n", b"\n", b"Time;By;File\n"]
    )
    def test_what_is_no_table_of_ours_is_refused(self, content: bytes) -> None:
        assert with_row(content, self.row()) is None

    def test_a_row_that_somebody_added_by_hand_is_kept(self) -> None:
        made = with_row(b"Time,By,File,Name\r\nby hand\r\n", self.row(Name="Ada"))
        assert made is not None
        assert b"by hand,,," in made

    def test_columns_have_an_end(self) -> None:
        many = [field(f"key {number}", "x") for number in range(2 * tables._MAX_COLUMNS)]
        values = cells(many)
        assert with_row(b"", self.row(**values)) is not None
        assert with_row(b"", self.row(**values, another="x")) is None

    def test_choices_of_one_key_are_joined(self) -> None:
        found = cells([field("A", "one"), field("A", ""), field("A", "two"), field("B", None)])
        assert found == {"A": "one; two", "B": ""}

    def test_only_fields_are_fields(self) -> None:
        assert parsed(b'[1, {"key": "A", "value": "x"}, {"value": "y"}, null]') == [
            {"key": "A", "value": "x"}
        ]

    def test_the_list_may_have_a_name(self) -> None:
        # Recorded from a Document Server 9.3.
        recorded = (
            b'{"formsdata":[{"key":"Text1","tag":"","value":"Hello","type":"text",'
            b'"role":"Anyone","roleColor":"FFEFBF"}]}'
        )
        assert cells(parsed(recorded)) == {"Text1": "Hello"}

    @pytest.mark.parametrize("told", [b"{}", b'{"formsdata": {}}', b"7", b"null"])
    def test_what_is_no_list_is_refused(self, told: bytes) -> None:
        with pytest.raises(ValueError, match="not a list of fields"):
            parsed(told)


class TestLateRights:
    """Who lost the right to fill the form in, while they had it open."""

    @pytest.fixture
    def bobs(self, desk: Desk) -> Editor:
        (desk.root / "form.pdf").write_bytes(FORM)
        return desk.edit("form.pdf", desk.person("bob"))

    def test_what_they_send_is_kept_apart_and_gets_no_row(self, desk: Desk, bobs: Editor) -> None:
        """Pitfall 3.22: the rights of now count, and nothing is lost."""
        lose(desk, "bob")
        assert submit(desk, bobs).is_accepted
        data, copy = sorted(results(desk), key=lambda name: name[-4:] == ".pdf")
        assert copy.startswith("form (not permitted, bob, 20")
        assert b"filled in by bob" in (desk.root / submissions.FOLDER / copy).read_bytes()
        told = json.loads((desk.root / submissions.FOLDER / data).read_text())
        assert (told["permitted"], told["fields"]) == (False, FIELDS)
        assert (desk.root / "form.pdf").read_bytes() == FORM

    def test_the_owner_is_told_and_so_are_they(self, desk: Desk, bobs: Editor) -> None:
        lose(desk, "bob")
        submit(desk, bobs)
        desk.office.app.housekeeping.run_once()
        [owner] = Notices(desk.share.catalog).of("admin")
        [bob] = Notices(desk.share.catalog).of("bob")
        assert owner.details["reason"] == bob.details["reason"] == "not permitted"
        assert owner.path.startswith(f"/{submissions.FOLDER}/form (not permitted, bob")

    def test_who_still_may_is_not_concerned(self, desk: Desk, bobs: Editor) -> None:
        lose(desk, "carl")
        assert submit(desk, bobs).is_accepted
        assert len(table(desk)) == 2

    def test_who_may_fill_in_and_nothing_else_still_may(self, desk: Desk) -> None:
        (desk.root / "form.pdf").write_bytes(FORM)
        bob = desk.person("bob")
        desk.share.access.give(Grant("/form.pdf", "user:bob", Role.FORM_FILLER), by="admin")
        assert submit(desk, desk.edit("form.pdf", bob)).is_accepted
        assert len(table(desk)) == 2

    def test_it_is_the_right_of_who_sends_it_off(self, desk: Desk, bobs: Editor) -> None:
        """Not of whoever typed last."""
        ann = desk.edit("form.pdf")
        desk.double.type(ann.key, "typed by ann", ann.user)
        desk.double.editing[ann.key].forms_data = FIELDS
        lose(desk, "bob")
        assert bobs.save(kind=3, by="bob").is_accepted
        assert all("not permitted, bob" in name for name in results(desk))

    def test_it_is_kept_once_though_the_right_comes_back(self, desk: Desk, bobs: Editor) -> None:
        lose(desk, "bob")
        submit(desk, bobs)
        before = results(desk)
        desk.share.access.give(Grant("/form.pdf", "user:bob", Role.EDITOR), by="admin")
        report = desk.double.callbacks[-1].report
        assert desk.double.post(bobs.callback, report).is_accepted
        assert results(desk) == before


class TestFillers:
    """Who may fill a form in and nothing else: what they type never becomes the form."""

    @pytest.fixture
    def bobs(self, desk: Desk) -> Editor:
        (desk.root / "form.pdf").write_bytes(MADE)
        bob = desk.person("bob")
        desk.share.access.give(Grant("/form.pdf", "user:bob", Role.FORM_FILLER), by="admin")
        return desk.edit("form.pdf", bob)

    def beside(self, desk: Desk) -> list[str]:
        return sorted(file.name for file in desk.root.glob("*.pdf") if file.name != "form.pdf")

    def test_who_sent_it_off_leaves_the_form_blank(self, desk: Desk, bobs: Editor) -> None:
        """Seen at a Document Server 9.3: the last save comes all the same, with other bytes."""
        assert submit(desk, bobs).is_accepted
        assert bobs.close().is_accepted
        assert (desk.root / "form.pdf").read_bytes() == MADE
        assert self.beside(desk) == []
        assert len(table(desk)) == 2

    def test_each_fills_it_in_alone(self, desk: Desk, bobs: Editor) -> None:
        """Seen at a Document Server 9.3: in one session each reads what the others type."""
        carl = desk.person("carl")
        desk.share.access.give(Grant("/form.pdf", "user:carl", Role.FORM_FILLER), by="admin")
        carls, anns = desk.edit("form.pdf", carl), desk.edit("form.pdf")
        assert len({bobs.key, carls.key, anns.key}) == 3
        assert [lock.document_key for lock in desk.locks("form.pdf")] == [anns.key]
        for one in (bobs, carls):
            assert submit(desk, one).is_accepted
            assert one.close().is_accepted
        anns.type("a field more")
        assert anns.close().is_accepted
        assert b"a field more" in (desk.root / "form.pdf").read_bytes()
        assert [row[1] for row in table(desk)[1:]] == ["bob", "carl"]
        assert self.beside(desk) == []

    def test_who_comes_back_goes_on_or_begins_anew(self, desk: Desk, bobs: Editor) -> None:
        bob = desk.office.client("bob", "password of bob")
        assert desk.edit("form.pdf", bob).key == bobs.key
        submit(desk, bobs)
        bobs.close()
        assert desk.edit("form.pdf", bob).key != bobs.key

    def test_what_they_fill_in_is_not_stored_before_they_go(self, desk: Desk, bobs: Editor) -> None:
        desk.double.type(bobs.key, "half of it", bobs.user)
        with later(3600):
            desk.office.app.housekeeping.run_once()
        assert self.beside(desk) == []

    def test_a_lock_on_the_form_keeps_nobody_from_filling_it_in(self, desk: Desk) -> None:
        (desk.root / "form.pdf").write_bytes(MADE)
        bob = desk.person("bob")
        desk.share.access.give(Grant("/form.pdf", "user:bob", Role.FORM_FILLER), by="admin")
        assert desk.ann.lock("/form.pdf").status_code == 200
        bobs = desk.edit("form.pdf", bob)
        assert submit(desk, bobs).is_accepted
        assert len(table(desk)) == 2

    def test_who_goes_without_sending_it_off_loses_nothing(self, desk: Desk, bobs: Editor) -> None:
        desk.double.type(bobs.key, "half of it", bobs.user)
        assert bobs.close().is_accepted
        assert (desk.root / "form.pdf").read_bytes() == MADE
        [copy] = self.beside(desk)
        assert copy.startswith("form (filled, not sent off, bob, 20")
        assert b"half of it" in (desk.root / copy).read_bytes()

    def test_the_last_save_is_the_next_version_of_what_was_sent_off(
        self, desk: Desk, bobs: Editor
    ) -> None:
        submit(desk, bobs)
        desk.double.type(bobs.key, "in the same second", bobs.user)
        desk.double.editing[bobs.key].last_change = desk.double.callbacks[-1].report["lastsave"]
        bobs.close()
        [copy] = [name for name in results(desk) if name.endswith(".pdf")]
        assert b"in the same second" in (desk.root / submissions.FOLDER / copy).read_bytes()
        path = f"{submissions.FOLDER}/{copy}"
        assert b"filled in by bob" in desk.content(1, path)

    def test_what_is_typed_after_sending_it_off_is_kept(self, desk: Desk, bobs: Editor) -> None:
        submit(desk, bobs)
        desk.double.type(bobs.key, "one thing more", bobs.user)
        desk.double.editing[bobs.key].last_change = "2099-01-01T00:00:00.000Z"
        bobs.close()
        [copy] = self.beside(desk)
        assert b"one thing more" in (desk.root / copy).read_bytes()

    def test_saves_in_between_are_versions_of_one_copy(self, desk: Desk, bobs: Editor) -> None:
        for words in ("one", "two"):
            desk.double.type(bobs.key, words, bobs.user)
            assert bobs.save().is_accepted
        [copy] = self.beside(desk)
        assert b"two" in (desk.root / copy).read_bytes()

    def test_who_may_edit_it_changes_the_form(self, desk: Desk, bobs: Editor) -> None:
        ann = desk.edit("form.pdf")
        desk.double.type(ann.key, "a field more", ann.user)
        assert ann.save().is_accepted
        assert b"a field more" in (desk.root / "form.pdf").read_bytes()

    def test_a_pdf_that_is_no_form_is_theirs_to_fill_in(self, desk: Desk) -> None:
        (desk.root / "plain.pdf").write_bytes(FORM)
        bob = desk.person("bob")
        desk.share.access.give(Grant("/plain.pdf", "user:bob", Role.FORM_FILLER), by="admin")
        bobs = desk.edit("plain.pdf", bob)
        desk.double.type(bobs.key, "filled in", bobs.user)
        assert bobs.close().is_accepted
        assert b"filled in" in (desk.root / "plain.pdf").read_bytes()


def lose(desk: Desk, name: str) -> None:
    desk.share.access.give(Grant("/form.pdf", f"user:{name}", Role.VIEWER), by="admin")
