"""What a person can do with a file. Pure: decided from the name, the rights and the settings."""

from collections.abc import Collection

from davserver.editor.formats import format_of, is_text
from davserver.model import Action


def file_actions(
    path: str, *, may_write: bool, edit_formats: Collection[str], has_server: bool
) -> tuple[Action, ...]:
    """The actions for a file, the best one first.

    Without a Document Server the office formats keep theirs: the page behind it says what to set
    up.
    """
    office = _office_action(path, may_write=may_write, edit_formats=edit_formats)
    text = (Action.EDIT_TEXT,) if is_text(path) else ()
    if office is None:
        return text
    if text and not (has_server and office is Action.EDIT):
        return (*text, office) if has_server else text
    return (office, *text)


def may_edit(path: str, *, may_write: bool, edit_formats: Collection[str]) -> bool:
    """Whether the Document Server may save this file."""
    return _office_action(path, may_write=may_write, edit_formats=edit_formats) is Action.EDIT


def _office_action(path: str, *, may_write: bool, edit_formats: Collection[str]) -> Action | None:
    known = format_of(path)
    if known is None:
        return None
    if may_write and known.can_be_edited and known.extension in edit_formats:
        return Action.EDIT
    return Action.VIEW
