"""What a person can do with a file. Pure: decided from the name, the rights and the settings."""

from collections.abc import Collection

from davserver.editor.formats import Format, format_of, is_text
from davserver.model import Action, Right, Rights


def file_actions(
    path: str, rights: Rights, *, edit_formats: Collection[str], has_server: bool
) -> tuple[Action, ...]:
    """The actions for a file, the best one first.

    Without a Document Server the office formats keep theirs: the page behind it says what to set
    up.
    """
    if Right.READ not in rights:
        return ()
    office = _office_action(path, rights, edit_formats)
    # Our own editor reads the file as everybody downloads it.
    text = (Action.EDIT_TEXT,) if is_text(path) and Right.DOWNLOAD in rights else ()
    if office is None:
        return text
    if text and not (has_server and office is Action.EDIT):
        return (*text, office) if has_server else text
    return (office, *text)


def may_save(path: str, rights: Rights, *, edit_formats: Collection[str]) -> bool:
    """Whether the Document Server may save this file for somebody with these rights."""
    return _office_action(path, rights, edit_formats) is Action.EDIT


def only_fills(rights: Rights) -> bool:
    """Whether somebody with these rights may fill a form in, and not change it."""
    return Right.FILL in rights and Right.EDIT not in rights


def usable(known: Format, rights: Rights) -> Rights:
    """The rights that change something in a document of this format."""
    abilities = {
        Right.EDIT: known.can_be_edited,
        Right.REVIEW: known.reviews,
        Right.COMMENT: known.comments,
        Right.FILL: known.fills,
    }
    return frozenset(right for right, able in abilities.items() if able and right in rights)


def _office_action(path: str, rights: Rights, edit_formats: Collection[str]) -> Action | None:
    known = format_of(path)
    if known is None:
        return None
    if known.can_be_edited and known.extension in edit_formats and usable(known, rights):
        return Action.EDIT
    return Action.VIEW
