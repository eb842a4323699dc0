"""What is looked at before a document opens: sizes, forms, the server's version, the browser."""

import io
import struct
import zipfile
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver.editor import compound as compounds
from davserver.editor.contents import NotOpenable, check_size, check_unpacked, is_form
from davserver.editor.desktop import program_for
from davserver.editor.formats import FORMATS, Kind, document_type
from davserver.editor.offers import Manner
from davserver.model import Action, Click, Role
from tests.clock import wait_until
from tests.editor.desk import Desk
from tests.editor.opening import configuration, page

MIB = 1 << 20
FORM = (
    b"%PDF-1.7\n%\xcd\xca\xd2\xa9\r1 0 obj\n<<\n/Type /ONLYOFFICEFORM\n/Length 5\n>>\n"
    b"stream\r\nhello\r\nendstream\nendobj\n"
)
PLAIN_PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF"


def package(**parts: int) -> io.BytesIO:
    """A zip file whose parts unpack to so many MiB of zeros."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, size in parts.items():
            with made.open(name.replace("_", "."), "w", force_zip64=True) as part:
                for _ in range(size):
                    part.write(bytes(MIB))
    return content


def looks(desk: Desk) -> None:
    """What the housekeeping does each minute."""
    desk.office.app.housekeeping.run_once()


class TestSize:
    def test_a_file_up_to_the_limit_opens(self) -> None:
        check_size(100 * MIB, 100 * MIB)

    def test_a_larger_one_does_not_and_is_told_both_numbers(self) -> None:
        with pytest.raises(NotOpenable, match=r"101 MiB .* up to 100 MiB"):
            check_size(100 * MIB + 1, 100 * MIB)

    @pytest.mark.parametrize(
        ("extension", "opens", "not_any_more"),
        [("docx", 50, 51), ("pptx", 50, 51), ("vsdx", 50, 51), ("xlsx", 60, 301)],
    )
    def test_what_unpacks_to_too_much_is_told(
        self, extension: str, opens: int, not_any_more: int
    ) -> None:
        known = FORMATS[extension]
        check_unpacked(package(a_xml=opens), known)
        with pytest.raises(NotOpenable, match=f"{not_any_more} MiB"):
            check_unpacked(package(a_xml=not_any_more - 10, b_xml=10), known)

    def test_pictures_do_not_count(self) -> None:
        check_unpacked(package(a_xml=1, b_png=60), FORMATS["docx"])

    @given(st.binary(max_size=200))
    def test_what_is_no_zip_file_is_left_to_the_server(self, content: bytes) -> None:
        check_unpacked(io.BytesIO(content), FORMATS["docx"])

    def test_a_comment_at_its_end_hides_nothing(self) -> None:
        content = package(a_xml=51)
        with zipfile.ZipFile(content, "a") as made:
            made.comment = b"x" * 1000
        with pytest.raises(NotOpenable):
            check_unpacked(content, FORMATS["docx"])

    def test_a_huge_directory_is_not_read(self) -> None:
        size = 8 * MIB
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, size, 0, 0)

        class Watched(io.BytesIO):
            most = 0

            def read(self, count: int | None = -1, /) -> bytes:
                told = super().read(count)
                self.most = max(self.most, len(told))
                return told

        content = Watched(b"PK\1\2" + bytes(size - 4) + end)
        check_unpacked(content, FORMATS["docx"])
        assert content.most <= MIB


def compound(*names: str, sector: int = 512) -> bytes:
    """A compound file with streams of these names, all empty ([MS-CFB])."""
    entries = b"".join(
        struct.pack("<64sHBB", name.encode("utf-16-le"), 2 * len(name) + 2, 2, 1) + bytes(60)
        for name in ("Root Entry", *names)
    )
    count = -(-len(entries) // sector)
    # The directory's sectors stand in reverse, so that only who follows the chain finds them.
    order = list(range(count, 0, -1))
    blocks = [entries[at * sector : (at + 1) * sector].ljust(sector, b"\0") for at in range(count)]
    fat = {0: 0xFFFFFFFD, order[-1]: 0xFFFFFFFE, **dict(pairwise(order))}
    shift = sector.bit_length() - 1
    difat = [0, *[0xFFFFFFFF] * 108]
    head = struct.pack("<8s22xH16xI24x109I", compounds.MAGIC, shift, order[0], *difat)
    chain = b"".join(struct.pack("<I", fat.get(at, 0xFFFFFFFF)) for at in range(sector // 4))
    placed = b"".join(block for _, block in sorted(zip(order, blocks, strict=True)))
    return head.ljust(sector, b"\0") + chain + placed


class TestPrivateRooms:
    PASSWORD = ("EncryptionInfo", "EncryptedPackage", "DataSpaces")
    PRIVATE = (*PASSWORD, "one", "two", "three", "four", "five", "DocumentID")

    @pytest.mark.parametrize("sector", [512, 4096])
    def test_the_names_in_a_compound_file_are_found(self, sector: int) -> None:
        found = compounds.names_in(io.BytesIO(compound(*self.PRIVATE, sector=sector)))
        assert found == {"Root Entry", *self.PRIVATE}

    @given(st.binary(max_size=2000))
    def test_what_is_damaged_has_some_of_them_or_none(self, noise: bytes) -> None:
        whole = compound(*self.PRIVATE)
        compounds.names_in(io.BytesIO(noise))
        compounds.names_in(io.BytesIO(whole[:600] + noise))
        compounds.names_in(io.BytesIO(compounds.MAGIC + noise))

    def test_a_chain_that_bites_its_tail_has_an_end(self) -> None:
        whole = bytearray(compound("a"))
        whole[512 + 4 : 512 + 8] = struct.pack("<I", 1)
        assert compounds.names_in(io.BytesIO(whole)) == {"Root Entry", "a"}

    def test_a_document_of_a_private_room_is_refused_in_words(self, desk: Desk) -> None:
        (desk.root / "a.docx").write_bytes(compound(*self.PRIVATE))
        answer = page(desk.ann, "a.docx")
        assert (answer.status_code, "private room" in answer.text) == (415, True)
        assert desk.locks("a.docx") == []

    def test_one_with_a_password_is_not(self, desk: Desk) -> None:
        (desk.root / "a.docx").write_bytes(compound(*self.PASSWORD))
        assert configuration(desk.office, desk.ann, "a.docx")["editorConfig"]["mode"] == "edit"


class TestForms:
    def test_a_form_of_onlyoffice_is_known_by_its_first_object(self) -> None:
        assert is_form(FORM)

    @pytest.mark.parametrize(
        "head",
        [
            PLAIN_PDF,
            b"",
            FORM.replace(b"ONLYOFFICEFORM", b"SOMEOTHERFORM"),
            FORM.replace(b"1 0 obj", b"2 0 obj"),
            FORM.replace(b"\xcd\xca\xd2\xa9", b"\xe2\xe3\xcf\xd3"),
            b"%PDF-1.7\n%\xcd\xca\xd2\xa9\r1 0 obj\n<<\n>>\nstream\r\nONLYOFFICEFORM",
            PLAIN_PDF + b" " * 300 + FORM,
        ],
    )
    def test_everything_else_is_none(self, head: bytes) -> None:
        assert not is_form(head)

    @pytest.mark.parametrize(("content", "form"), [(FORM, True), (PLAIN_PDF, False)])
    def test_the_editor_is_told(self, desk: Desk, content: bytes, form: bool) -> None:
        (desk.root / "a.pdf").write_bytes(content)
        assert configuration(desk.office, desk.ann, "a.pdf")["document"]["isForm"] is form

    @pytest.mark.parametrize(("content", "form"), [(FORM, True), (PLAIN_PDF, False)])
    def test_a_form_can_be_sent_off(self, desk: Desk, content: bytes, form: bool) -> None:
        # Without this the editor of 9.3 has no button for it.
        (desk.root / "a.pdf").write_bytes(content)
        told = configuration(desk.office, desk.ann, "a.pdf")["editorConfig"]["customization"]
        assert told.get("submitForm", False) is form

    def test_an_earlier_version_is_shown_and_left_to_the_server(self, desk: Desk) -> None:
        for content in (FORM, PLAIN_PDF):
            desk.ann.put("/a.pdf", content)
        config = configuration(desk.office, desk.ann, "a.pdf", how="view", version="1")
        assert "isForm" not in config["document"]

    def test_nothing_is_said_of_other_formats(self, desk: Desk) -> None:
        assert "isForm" not in configuration(desk.office, desk.ann, "a.docx")["document"]


class TestVersions:
    @pytest.mark.parametrize(
        ("version", "kind"),
        [((7, 5, 1), Kind.WORD), ((8, 0), Kind.PDF), ((9, 3, 0, 140), Kind.PDF), ((), Kind.PDF)],
    )
    def test_pdf_has_its_own_editor_since_8(self, version: tuple[int, ...], kind: Kind) -> None:
        assert document_type(Kind.PDF, version) is kind
        assert document_type(Kind.CELL, version) is Kind.CELL

    def test_an_old_server_opens_pdf_as_a_text(self, desk: Desk) -> None:
        desk.double.version = "7.5.1"
        looks(desk)
        (desk.root / "a.pdf").write_bytes(PLAIN_PDF)
        assert configuration(desk.office, desk.ann, "a.pdf")["documentType"] == "word"

    def test_a_diagram_needs_9_and_the_page_says_so(self, desk: Desk) -> None:
        desk.double.version = "8.3.2"
        looks(desk)
        (desk.root / "a.vsdx").write_bytes(b"")
        answer = page(desk.ann, "a.vsdx", how="view")
        assert answer.status_code == 415
        assert "version 9 on; the one here has 8.3" in answer.text

    def test_a_new_one_opens_diagrams(self, desk: Desk) -> None:
        (desk.root / "a.vsdx").write_bytes(b"")
        config = configuration(desk.office, desk.ann, "a.vsdx", how="view")
        assert config["documentType"] == "diagram"

    def test_no_opening_waits_for_it(self, desk: Desk) -> None:
        """The housekeeping asks; whoever opens something takes what is known."""
        asked = []
        real = desk.double.command
        desk.double.command = lambda body: asked.append(body["c"]) or real(body)  # type: ignore[func-returns-value,method-assign]
        (desk.root / "a.pdf").write_bytes(PLAIN_PDF)
        looks(desk)
        for _ in range(3):
            configuration(desk.office, desk.ann, "a.pdf")
        assert asked.count("version") == 1

    def test_what_it_was_counts_while_the_server_is_silent(self, desk: Desk) -> None:
        desk.double.version = "7.5.1"
        looks(desk)
        desk.double.stop()
        (desk.root / "a.pdf").write_bytes(PLAIN_PDF)
        assert configuration(desk.office, desk.ann, "a.pdf")["documentType"] == "word"

    def test_a_server_that_does_not_tell_opens_all_the_same(self, desk: Desk) -> None:
        desk.double.command = lambda _: {"error": 6}  # type: ignore[method-assign]
        looks(desk)
        (desk.root / "a.pdf").write_bytes(PLAIN_PDF)
        assert configuration(desk.office, desk.ann, "a.pdf")["documentType"] == "pdf"


class TestOpening:
    def test_a_document_that_unpacks_to_too_much_leads_to_words_and_no_session(
        self, desk: Desk
    ) -> None:
        (desk.root / "a.docx").write_bytes(package(word_document_xml=51).getvalue())
        answer = page(desk.ann, "a.docx")
        assert answer.status_code == 415
        assert "51 MiB" in answer.text
        assert ">Download</a>" in answer.text
        assert desk.locks("a.docx") == []
        query = {"path": "/a.docx"}
        told = desk.ann.request("GET", "/-/api/editor-config", params=query)
        assert (told.status_code, "51 MiB" in told.text) == (415, True)

    def test_a_file_beyond_the_servers_limit_too(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(max_document_mib=1)
        (desk.root / "a.docx").write_bytes(bytes(MIB + 1))
        assert "up to 1 MiB" in page(desk.ann, "a.docx").text

    def test_a_document_with_a_password_opens_for_the_editor_to_ask(self, desk: Desk) -> None:
        (desk.root / "a.docx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5000))
        assert configuration(desk.office, desk.ann, "a.docx")["editorConfig"]["mode"] == "edit"

    def test_an_empty_file_put_by_a_drive_is_edited_and_saved(self, desk: Desk) -> None:
        """The Document Server opens it as its own empty document of that format."""
        assert desk.ann.put("/new.docx", b"").status_code == 201
        editor = desk.edit("new.docx")
        editor.type("first words")
        editor.close()
        wait_until(lambda: (desk.root / "new.docx").stat().st_size > 0, "it was not saved")
        assert desk.words("new.docx") == ["first words"]


class TestOffers:
    RIGHTS = Role.EDITOR.rights

    def click(self, wanted: str, name: str, *actions: Action, role: Role = Role.EDITOR) -> Click:
        offers = Manner({name.rpartition(".")[2]: Click(wanted)})
        return offers.of(f"/{name}", actions, role.rights).click

    @pytest.mark.parametrize("wanted", ["open", "view", "download", "desktop"])
    def test_a_click_does_what_is_set(self, wanted: str) -> None:
        assert self.click(wanted, "a.docx", Action.EDIT) == wanted

    def test_what_is_not_set_opens(self) -> None:
        assert Manner({}).of("/a.docx", (Action.EDIT,), self.RIGHTS).click is Click.OPEN

    @pytest.mark.parametrize(
        ("wanted", "name", "actions", "role"),
        [
            ("view", "a.zip", (), Role.EDITOR),
            ("desktop", "a.zip", (), Role.EDITOR),
            ("desktop", "a.docx", (Action.VIEW,), Role.VIEWER),
        ],
    )
    def test_what_cannot_be_opens_instead(
        self, wanted: str, name: str, actions: tuple[Action, ...], role: Role
    ) -> None:
        assert self.click(wanted, name, *actions, role=role) is Click.OPEN

    def test_loss_is_told_where_something_is_edited(self) -> None:
        lossy = Manner({}).of("/a.odt", (Action.EDIT,), self.RIGHTS)
        assert lossy.is_lossy
        assert not Manner({}).of("/a.odt", (Action.VIEW,), self.RIGHTS).is_lossy
        assert not Manner({}).of("/a.docx", (Action.EDIT,), self.RIGHTS).is_lossy

    def test_each_program_has_its_documents(self) -> None:
        assert program_for("/a.docx") == "ms-word:ofe|u|"
        assert program_for("/a.xlsx") == "ms-excel:ofe|u|"
        assert program_for("/a.odt") == "vnd.libreoffice.command:ofe|u|"
        assert program_for("/a.txt") == ""
