"""A folder with a few documents, for somebody who tries the server out."""

from pathlib import Path

from davserver.editor.creating.blank import BlankDocuments

_LANGUAGE = "en-US"
_DOCUMENTS = {
    "Welcome.docx": (
        "Welcome",
        "This folder is served by davserver. Mount it as a network drive, or stay in the browser.",
        "Click Open in ONLYOFFICE to write here with others. When everybody has closed the "
        "document, it is saved into the folder, and what was there before is kept as a version.",
    ),
    "Budget.xlsx": (
        "Item\tPlanned\tSpent",
        "Paper\t40\t35.5",
        "Coffee\t120\t131",
        "Travel\t300\t280",
        "Total\t=SUM(B2:B4)\t=SUM(C2:C4)",
    ),
    "Kickoff.pptx": ("Kickoff", "What we want, and until when"),
}
_NOTES = """# Notes

- Text files open in a small editor in the browser, with or without a Document Server.
- Every save keeps the one before: see Versions in the menu at the end of a row.
"""


def make_samples(root: Path, blank: BlankDocuments) -> None:
    """Make ``root``, which must not exist, and fill it. Raises OSError."""
    root.mkdir(parents=True)
    for name, lines in _DOCUMENTS.items():
        content = blank.make(name.rpartition(".")[2], _LANGUAGE, lines=lines)
        (root / name).write_bytes(content)
    (root / "Notes.md").write_text(_NOTES, "utf-8")
    (root / "Projects").mkdir()
