"""What the editor's page asks for while a document is open: the handlers, put together."""

from collections.abc import Collection

from davserver.editor.inside.folders import FolderContents
from davserver.editor.inside.loans import Insert, Loans
from davserver.editor.inside.mentions import Mentions
from davserver.editor.inside.personal import Personal
from davserver.editor.inside.readers import Readers
from davserver.editor.inside.references import References
from davserver.editor.inside.referred import Referred
from davserver.editor.inside.renaming import Renaming
from davserver.editor.inside.save_as import SaveAs
from davserver.editor.inside.whereabouts import Whereabouts
from davserver.editor.middleware import (
    FAVORITE,
    FILES,
    INSERT,
    MENTION,
    PEOPLE,
    REFERENCE,
    RENAME,
    SAVE_AS,
    WHERE,
)
from davserver.editor.opening import Opening
from davserver.providers.notices import Notices
from davserver.providers.share import Share
from davserver.web import Handler


def inside_routes(
    share: Share,
    opening: Opening,
    personal: Personal,
    instance_id: str,
    readers: Readers,
    ways: Collection[str],
) -> dict[str, tuple[str, Handler]]:
    """Their addresses, with methods. ``ways`` are those by which notices are sent out."""
    files, access = share.files, share.access
    referred = Referred(files, access, instance_id)
    whereabouts = Whereabouts(referred, opening)
    renaming = Renaming(files, share.trees, share.locks, access, opening, whereabouts)
    loans = Loans(files, access, opening)
    return {
        FILES: ("GET HEAD", FolderContents(files, access)),
        SAVE_AS: ("POST", SaveAs(files, access, opening)),
        RENAME: ("POST", renaming),
        WHERE: ("GET HEAD", whereabouts),
        INSERT: ("GET HEAD", Insert(files, loans)),
        REFERENCE: ("GET HEAD", References(referred, loans, instance_id)),
        FAVORITE: ("POST", personal.favorite),
        PEOPLE: ("GET HEAD", readers),
        MENTION: ("POST", Mentions(files, access, readers, Notices(share.catalog), ways)),
    }
