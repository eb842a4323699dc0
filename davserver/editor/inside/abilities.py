"""What somebody can do inside the editor besides writing: which of its buttons are there."""

from davserver import paths
from davserver.editor.formats import Kind, format_of
from davserver.model import Right, Rights
from davserver.providers.access import Access
from davserver.web import Request


def abilities(
    request: Request, access: Access, path: str, rights: Rights, *, saves: bool
) -> list[str]:
    """The names of the features of the page (assets/editor_files.js) for who opens ``path``.

    ``rights`` are theirs on it, and ``saves`` says that they write. The routes behind the features
    ask for the rights again.
    """
    known, who = format_of(path), request.principal
    if request.link is None and who.scope == path:
        # By an editor link there is this one document, and neither others nor other people.
        return []
    is_single = request.link is not None and not request.link.is_folder
    here = access.rights(who, request.root)
    folder = access.rights(who, paths.parent(path))
    writes = saves and Right.EDIT in rights
    kind = known.kind if known else None
    found = {
        # Where they cannot add anything in what they see first, they may further down.
        "save-as": Right.DOWNLOAD in rights
        and not is_single
        and (Right.CREATE in folder | here or bool(who.name)),
        "rename": saves
        and not is_single
        and rights >= {Right.DOWNLOAD, Right.DELETE}
        and Right.CREATE in folder,
        "image": writes and not is_single and kind in {Kind.WORD, Kind.CELL, Kind.SLIDE},
        "document": writes and not is_single and kind is Kind.WORD,
        "spreadsheet": writes and not is_single and kind is Kind.WORD,
        "reference": writes and not is_single and kind is Kind.CELL,
        "link": True,
        "favorite": bool(who.name),
        "people": bool(who.name),
        "mention": bool(who.name) and saves,
    }
    return [name for name, is_there in found.items() if is_there]
