"""How a listing offers a file: what a click does, and what is to be said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from davserver import paths
from davserver.editor.conversion.conversions import FORM, targets
from davserver.editor.creating.instances import DOCUMENTS
from davserver.editor.desktop import microsoft_scheme, program_for
from davserver.editor.formats import format_of
from davserver.media import symbol_of
from davserver.model import Action, Click, Offer, Principal, Right, Rights
from davserver.providers.preferences import PreferenceRows

KINDS = ("word", "cell", "slide", "pdf", "text")
"""The kinds of files for which people say what a click does, as ``media.symbol_of`` has them."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are opened for one person: ``clicks`` by extension, by kind where they have a wish
    of their ``own``; documents ``in_tab``, each one of its own, or not. Pure.
    """

    clicks: Mapping[str, Click]
    own: Mapping[str, Click] = field(default_factory=dict)
    in_tab: bool = False

    def of(self, path: str, actions: tuple[Action, ...], rights: Rights) -> Offer:
        """For somebody who has these rights and actions, the best action first.

        Where a wish cannot be, the file opens.
        """
        known = format_of(path)
        may_download = Right.DOWNLOAD in rights
        program = program_for(path) if may_download and Right.EDIT in rights else ""
        possible = {
            Click.VIEW: not {Action.EDIT, Action.VIEW}.isdisjoint(actions),
            Click.DOWNLOAD: may_download,
            Click.DESKTOP: bool(program),
        }
        set_here = self.clicks.get(paths.extension(path), Click.OPEN)
        wanted = self.own.get(symbol_of(path), set_here)
        return Offer(
            wanted if possible.get(wanted) else Click.OPEN,
            program,
            microsoft=microsoft_scheme(path) if may_download else "",
            is_lossy=Action.EDIT in actions and known is not None and known.edits_with_loss,
            is_template=may_download and paths.extension(path) in DOCUMENTS,
            becomes_form=Action.CONVERT in actions and FORM in targets(path),
        )


class Offers:
    """``clicks`` by extension and ``in_tab`` are the settings; a person's own wish comes before."""

    def __init__(
        self, clicks: Mapping[str, Click], preferences: PreferenceRows, *, in_tab: bool
    ) -> None:
        self._clicks = clicks
        self._preferences = preferences
        self._in_tab = in_tab

    def to(self, who: Principal) -> Manner:
        """For who asks; guests have what is set."""
        own = self._preferences.of_principal(who)
        return Manner(
            self._clicks,
            {kind: Click(click) for kind, click in own.clicks.items()},
            own.open_in == "tab" if own.open_in else self._in_tab,
        )
