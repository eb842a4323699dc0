"""What the editor's page asks for while a document is open: the handlers, put together."""

from davserver.editor.folders import FolderContents
from davserver.editor.loans import Insert, Loans
from davserver.editor.middleware import FILES, INSERT, RENAME, SAVE_AS, WHERE
from davserver.editor.opening import Opening
from davserver.editor.renaming import Renaming
from davserver.editor.save_as import SaveAs
from davserver.editor.whereabouts import Whereabouts
from davserver.providers.share import Share
from davserver.web import Handler


def inside_routes(share: Share, opening: Opening) -> dict[str, tuple[str, Handler]]:
    """Their addresses, with methods."""
    files, access = share.files, share.access
    whereabouts = Whereabouts(files, access, opening)
    renaming = Renaming(files, share.trees, share.locks, access, opening, whereabouts)
    return {
        FILES: ("GET HEAD", FolderContents(files, access)),
        SAVE_AS: ("POST", SaveAs(files, access, opening)),
        RENAME: ("POST", renaming),
        WHERE: ("GET HEAD", whereabouts),
        INSERT: ("GET HEAD", Insert(files, Loans(files, access, opening))),
    }
