"""How a listing offers a file: what a click does, and what is to be said of it. Pure."""

from collections.abc import Mapping

from davserver import paths
from davserver.editor.creating.instances import DOCUMENTS
from davserver.editor.desktop import microsoft_scheme, program_for
from davserver.editor.formats import format_of
from davserver.model import Action, Click, Offer, Right, Rights


class Offers:
    """``clicks`` are the settings' wishes by extension; where one cannot be, the file opens."""

    def __init__(self, clicks: Mapping[str, Click]) -> None:
        self._clicks = clicks

    def of(self, path: str, actions: tuple[Action, ...], rights: Rights) -> Offer:
        """For somebody who has these rights and actions, the best action first."""
        known = format_of(path)
        may_download = Right.DOWNLOAD in rights
        program = program_for(path) if may_download and Right.EDIT in rights else ""
        possible = {
            Click.VIEW: not {Action.EDIT, Action.VIEW}.isdisjoint(actions),
            Click.DOWNLOAD: may_download,
            Click.DESKTOP: bool(program),
        }
        wanted = self._clicks.get(paths.extension(path), Click.OPEN)
        return Offer(
            wanted if possible.get(wanted) else Click.OPEN,
            program,
            microsoft=microsoft_scheme(path) if may_download else "",
            is_lossy=Action.EDIT in actions and known is not None and known.edits_with_loss,
            is_template=may_download and paths.extension(path) in DOCUMENTS,
        )
