"""The page of settings: what it keeps, what it refuses, and what it never shows."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from lxml import html

from davserver.customization import check_customization
from davserver.doctor.choices import FIELDS, LOOKS
from davserver.kept_settings import KEYS
from davserver.setting_sources import read_settings
from davserver.settings import Settings
from tests.clock import later
from tests.dav_client import DavClient
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.desk import Desk
from tests.editor.settings_form import ADDRESS, SettingsForm
from tests.editor.test_doctor import secured
from tests.running import ThreadServer, free_port

Serve = Callable[..., ThreadServer]


def kept(root: Path) -> dict[str, Any]:
    file = root / ".davserver" / "settings.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def audited(root: Path) -> str:
    return (root / ".davserver" / "audit" / "audit.jsonl").read_text()


@pytest.fixture
def form(server: ThreadServer) -> SettingsForm:
    return SettingsForm(server)


def connected(form: SettingsForm, double: DocumentServerDouble, **more: str | None) -> int:
    answer = form.press("save", document_server=double.url, jwt_secret=double.secret, **more)
    return answer.status_code


class TestChoices:
    def test_the_form_has_what_may_be_kept_and_nothing_else(self) -> None:
        assert {field.key for field in FIELDS.values()} == KEYS
        assert Settings.model_fields.keys() >= KEYS

    def test_each_key_of_the_editor_takes_what_its_field_offers(self) -> None:
        for field in LOOKS.fields:
            values: list[Any] = [value for value, _ in field.choices] or [field.low, field.high]
            for value in values:
                table: Any = {"yes": True, "no": False}.get(value, value)
                for part in reversed(field.name.split(".")[1:]):
                    table = {part: table}
                check_customization(table)

    def test_nothing_that_is_as_without_a_choice_is_kept(
        self, form: SettingsForm, root: Path
    ) -> None:
        assert form.press("save").status_code == 303
        assert kept(root) == {}


class TestKeeping:
    def test_a_change_counts_after_a_restart_for_all_that_read_settings(
        self, form: SettingsForm, serve: Serve, root: Path
    ) -> None:
        form.press("save", open_in="tab", save_minutes="7", macros_for_guests="yes")
        form.go_on()
        assert "Saved. Restart davserver" in form.text
        again = read_settings(root=root)
        assert (again.open_in, again.save_minutes, again.macros_for_guests) == ("tab", 7, True)
        assert SettingsForm(serve()).values["save_minutes"] == "7"

    def test_what_is_taken_back_is_kept_no_longer(self, form: SettingsForm, root: Path) -> None:
        form.press("save", open_in="tab", co_editing="strict")
        form.go_on()
        form.press("save", open_in="same")
        assert kept(root) == {"co_editing": "strict"}

    def test_only_its_owner_reads_the_file(self, form: SettingsForm, root: Path) -> None:
        form.press("save", open_in="tab")
        mode = (root / ".davserver" / "settings.json").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600

    def test_formats_that_lose_something_are_ticked(self, form: SettingsForm, root: Path) -> None:
        assert "edit_formats.csv" in form.values
        form.press("save", **{"edit_formats.odt": "yes", "edit_formats.csv": None})
        formats = read_settings(root=root).edit_formats
        assert "odt" in formats
        assert "csv" not in formats
        assert "docx" in formats

    def test_the_editor_looks_as_chosen(self, form: SettingsForm, root: Path) -> None:
        looks = {
            "customization.compactHeader": "yes",
            "customization.help": "no",
            "customization.zoom": "-2",
            "customization.review.reviewDisplay": "markup",
        }
        form.press("save", **looks)
        form.go_on()
        assert {**form.values, **looks} == form.values
        assert read_settings(root=root).customization == {
            "compactHeader": True,
            "help": False,
            "zoom": -2,
            "review": {"reviewDisplay": "markup"},
        }
        form.press("save", **dict.fromkeys(looks, ""))
        assert kept(root) == {}

    def test_who_changed_what_is_written_down(self, form: SettingsForm, root: Path) -> None:
        form.press("save", open_in="tab", save_minutes="7")
        line = next(one for one in audited(root).splitlines() if "editor settings" in one)
        told = json.loads(line)
        assert told["user"] == "admin"
        assert told["command"] == "editor settings: open_in save_minutes"
        assert told["outcome"] == "done"


class TestWrongValues:
    def test_the_words_stand_at_the_field_and_what_was_typed_is_there(
        self, form: SettingsForm, root: Path
    ) -> None:
        changes = {"document_server": "office.example.org", "open_in": "tab"}
        answer = form.press("save", jwt_secret="x" * 32, **changes)
        assert answer.status_code == 422
        assert "give a full address such as https://docs.example.org" in form.text
        assert form.values["document_server"] == "office.example.org"
        assert form.values["open_in"] == "tab"
        assert kept(root) == {}

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("jwt_seconds", "5", "greater than or equal to 60"),
            ("jwt_header", "Not a header", "String should match pattern"),
            ("save_minutes", "soon", "valid integer"),
            ("document_server_ca", "ca.pem", "Give the whole path"),
            ("document_server_ca", "/nowhere/ca.pem", "cannot be read"),
            ("new_format", "odf", "add odt, ods and odp to edit_formats"),
            ("editor_language", "<b>", "String should match pattern"),
            ("customization.zoom", "1000", "a whole number from -2 to 500"),
            ("internal_url", "http://user@host", "without user, query and fragment"),
        ],
    )
    def test_each_is_refused_in_the_words_of_the_settings(
        self, form: SettingsForm, root: Path, field: str, value: str, words: str
    ) -> None:
        assert form.press("save", **{field: value}).status_code == 422
        assert words in form.text
        assert kept(root) == {}

    def test_a_secret_that_everybody_knows(self, form: SettingsForm) -> None:
        form.press("save", document_server="http://127.0.0.1:1", jwt_secret="secret")
        assert "this secret is in manuals" in form.text

    def test_an_address_without_a_secret(self, form: SettingsForm) -> None:
        form.press("save", document_server="http://127.0.0.1:1")
        assert "Both servers need the same one" in form.text

    def test_without_a_check_and_with_an_authority(
        self, form: SettingsForm, tmp_path: Path
    ) -> None:
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        ca = str(tmp_path / "ca.pem")
        form.press("save", document_server_ca=ca, document_server_verify=None)
        assert "leave document_server_verify = false out" in form.text


class TestTheConnection:
    def test_a_sound_one_is_kept_and_documents_open(
        self,
        form: SettingsForm,
        serve: Serve,
        root: Path,
        document_server: DocumentServerDouble,
    ) -> None:
        assert connected(form, document_server) == 303, form.text
        desk = Desk(serve(), document_server)
        editor = desk.edit()
        editor.type("words")
        assert editor.close().is_accepted
        assert desk.words("a.docx")[-1] == "words"
        assert document_server.secret not in audited(root)
        assert document_server.secret not in SettingsForm(desk.office).page.text

    def test_a_fault_is_shown_with_its_cure_and_nothing_is_kept(
        self, form: SettingsForm, root: Path, document_server: DocumentServerDouble
    ) -> None:
        document_server.eats_header = True
        assert connected(form, document_server, open_in="tab") == 409
        assert "its request arrived without the header Authorization" in form.text
        assert "jwt_header here, JWT_HEADER there" in form.text
        assert form.values["document_server"] == document_server.url
        assert kept(root) == {}

    def test_all_the_same_keeps_it_with_the_secret_that_was_typed_before(
        self, form: SettingsForm, root: Path
    ) -> None:
        nobody = f"http://127.0.0.1:{free_port()}"
        answer = form.press("save", document_server=nobody, jwt_secret=SECRET)
        assert answer.status_code == 409
        assert "cannot be reached" in form.text
        assert SECRET not in form.page.text
        assert not form.values.get("jwt_secret")
        assert form.press("anyway").status_code == 303
        assert "document_server jwt_secret (untested)" in audited(root)
        settings = read_settings(root=root)
        assert settings.document_server == nobody
        assert settings.document_server_secret() == SECRET

    def test_another_secret_than_that_of_the_server(
        self, form: SettingsForm, root: Path, document_server: DocumentServerDouble
    ) -> None:
        form.press("save", document_server=document_server.url, jwt_secret="y" * 40)
        assert "the secrets differ" in form.text
        assert kept(root) == {}

    def test_everyday_choices_ask_nobody(
        self, form: SettingsForm, serve: Serve, document_server: DocumentServerDouble
    ) -> None:
        assert connected(form, document_server) == 303
        document_server.health = b"false"
        form.go_on()
        assert form.press("save", open_in="tab").status_code == 303

    def test_the_address_is_taken_away(
        self, form: SettingsForm, root: Path, document_server: DocumentServerDouble
    ) -> None:
        assert connected(form, document_server) == 303
        form.go_on()
        assert form.press("save", document_server="").status_code == 303
        assert read_settings(root=root).office_servers() == ()

    def test_an_empty_secret_leaves_it_as_it_is(
        self, form: SettingsForm, root: Path, document_server: DocumentServerDouble
    ) -> None:
        assert connected(form, document_server) == 303
        form.go_on()
        assert form.press("save", jwt_seconds="700").status_code == 303
        assert read_settings(root=root).document_server_secret() == document_server.secret

    def test_documents_that_are_being_edited_are_not_left_behind(
        self, form: SettingsForm, serve: Serve, document_server: DocumentServerDouble
    ) -> None:
        assert connected(form, document_server) == 303
        desk = Desk(serve(), document_server)
        desk.edit()
        form = SettingsForm(desk.office)
        assert form.press("save", document_server="").status_code == 409
        assert "some are on a server whose address or secret changes: /a.docx" in form.text

    def test_a_certificate_that_nobody_signed(self, form: SettingsForm) -> None:
        with secured(trustme.CA().issue_cert("localhost")) as port:
            address = f"https://localhost:{port}"
            form.press("save", document_server=address, jwt_secret=SECRET)
            assert "Name its certificate" in form.text or "name its certificate" in form.text
            form.press("save", document_server_verify=None)
            assert "whoever is on the way can read and change every document" in form.text


class TestTheSecret:
    def test_one_is_made_shown_once_and_kept_with_the_next_press(
        self, form: SettingsForm, root: Path, document_server: DocumentServerDouble
    ) -> None:
        form.press("make", document_server=document_server.url)
        [made] = html.fromstring(form.page.text).xpath("//code[@class='secret']/text()")
        assert len(bytes.fromhex(made)) == 32
        assert form.values["document_server"] == document_server.url
        assert kept(root) == {}
        with_it = DocumentServerDouble(made)
        answer = form.press("save", document_server=with_it.url)
        with_it.stop()
        assert answer.status_code == 303, form.text
        assert read_settings(root=root).document_server_secret() == made
        form.go_on()
        assert made not in form.page.text
        assert made not in audited(root)

    def test_what_a_page_sealed_is_good_for_an_hour(
        self,
        form: SettingsForm,
        server: ThreadServer,
        root: Path,
        document_server: DocumentServerDouble,
    ) -> None:
        form.press("make", document_server=document_server.url)
        sealed = form.values["sealed"]
        with later(3601):
            form = SettingsForm(server)
            answer = form.press("save", document_server=document_server.url, sealed=sealed)
        assert answer.status_code == 403
        assert kept(root) == {}


class TestWhatIsSetElsewhere:
    @pytest.fixture
    def form(self, serve: Serve, document_server: DocumentServerDouble) -> SettingsForm:
        looks = {"help": True}
        return SettingsForm(
            serve(
                document_server=document_server.url,
                jwt_secret=SECRET,
                customization=looks,
                open_in="tab",
            )
        )

    def test_it_is_shown_with_where_and_cannot_be_changed(self, form: SettingsForm) -> None:
        assert form.values.keys().isdisjoint(
            {"document_server", "jwt_secret", "customization.help", "open_in"}
        )
        assert "Set in option --document-server" in form.text
        assert "customization.compactHeader" in form.values

    @pytest.mark.parametrize(
        "field",
        ["document_server", "jwt_secret", "customization.help", "open_in"],
    )
    def test_it_is_refused_even_if_posted(self, form: SettingsForm, root: Path, field: str) -> None:
        answer = form.press("anyway", **{field: "no", "save_minutes": "7"})
        assert answer.status_code == 409
        assert "this is set elsewhere" in form.text
        assert kept(root) == {}

    def test_the_rest_is_the_page_s(self, form: SettingsForm, root: Path) -> None:
        compact = {"customization.compactHeader": "yes"}
        assert form.press("save", **compact).status_code == 303, form.text
        assert kept(root) == {"customization": {"compactHeader": True}}
        settings = read_settings(root=root, customization={"help": True})
        assert settings.customization == {"help": True, "compactHeader": True}


class TestWhoMay:
    def test_it_is_for_administrators_in_a_browser(self, desk: Desk) -> None:
        page = {"Accept": "text/html"}
        bob = desk.person("bob")
        assert bob.request("GET", ADDRESS, headers=page).status_code == 403
        assert desk.ann.request("GET", ADDRESS, headers=page).status_code == 403
        assert DavClient(desk.office.url).request("GET", ADDRESS).status_code == 401

    def test_a_page_of_another_site_cannot(self, form: SettingsForm, root: Path) -> None:
        session = form.browser.session
        data = {**form.values, "do": "save", "open_in": "tab"}
        url = form.browser.url + ADDRESS
        forged = session.post(url, data=data, headers={"Origin": "https://evil.example"})
        assert forged.status_code == 403
        assert session.post(url, data={**data, "csrf": "x"}).status_code == 403
        assert kept(root) == {}

    def test_whoever_signed_in_a_while_ago_signs_in_again(
        self, form: SettingsForm, root: Path
    ) -> None:
        with later(16 * 60):
            assert form.press("save", open_in="tab").status_code == 403
            assert "Sign in again" in form.text
        assert kept(root) == {}

    def test_two_who_change_at_once_do_not_undo_each_other(
        self, form: SettingsForm, server: ThreadServer, root: Path
    ) -> None:
        other = SettingsForm(server)
        assert other.press("save", open_in="tab").status_code == 303
        assert form.press("save", co_editing="strict").status_code == 409
        assert "Somebody else changed settings meanwhile" in form.text
        assert kept(root) == {"open_in": "tab"}

    def test_an_unknown_button(self, form: SettingsForm) -> None:
        assert form.press("nonsense").status_code == 400


def test_what_changed_beside_the_page_is_told(
    form: SettingsForm, server: ThreadServer, root: Path
) -> None:
    assert "not in effect yet" not in form.text
    (root / ".davserver" / "settings.json").write_text('{"open_in": "tab"}')
    assert "not in effect yet" in SettingsForm(server).text


def test_a_broken_file_is_named(form: SettingsForm, server: ThreadServer, root: Path) -> None:
    (root / ".davserver" / "settings.json").write_text('{"prt": 1}')
    assert "settings.json: the page keeps no key 'prt'" in SettingsForm(server).text
