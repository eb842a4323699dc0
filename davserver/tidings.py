"""What notices say: one line, and what it means for who reads it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from davserver import paths
from davserver.errors import printable
from davserver.pages import EDIT
from davserver.providers.notices import Kind, Notice
from davserver.providers.saves import Reason

DOCTOR = "/-/admin/doctor"
LIST = "/-/notices"

BECAUSE = {
    Reason.CHANGED: "somebody else changed the file meanwhile.",
    Reason.LOCKED: "somebody else has locked the file.",
    Reason.VANISHED: "the file is no longer there.",
    Reason.BROKEN: "ONLYOFFICE could not put the document together; look at what is missing.",
    Reason.UNSOUND: "what ONLYOFFICE delivered is no whole document; it is asked for again.",
    Reason.CONVERTED: "it came back in another format.",
    Reason.NOT_PERMITTED: "whoever wrote it may no longer change the file.",
    Reason.ENDED: "somebody ended the session before it came.",
}
"""Why a save lies beside its file."""
_WHAT_TO_DO = {
    Reason.CHANGED: "Look at both, and bring together what belongs into the file.",
    Reason.LOCKED: "Bring it into the file as soon as that is free.",
    Reason.VANISHED: "If it is still wanted, give it the name and the place that it should have.",
    Reason.BROKEN: "Earlier states are among the versions of the file.",
    Reason.UNSOUND: "Keep the copy until the whole document has come.",
    Reason.CONVERTED: "Open it, and save it as what it should be.",
    Reason.NOT_PERMITTED: "Whoever looks after the file decides what becomes of it.",
    Reason.ENDED: "Look at both, and bring together what belongs into the file.",
}
_CAME_LATE = "It did not arrive when the document was closed, and was fetched from ONLYOFFICE now."


@dataclass(frozen=True, slots=True)
class Tidings:
    """``title`` is one line. ``text`` may be empty; what a person wrote in it has line breaks."""

    title: str
    text: str


def tidings(notice: Notice, document: str) -> Tidings:
    """The words; ``document`` is empty for who is not to be told what the document is called."""
    if notice.kind is Kind.BESIDE:
        return _beside(notice, document)
    if notice.kind is Kind.LATE:
        return Tidings(f"{_what(notice, document)} is saved now", _CAME_LATE)
    if notice.kind is Kind.OVER_QUOTA:
        return _over_quota(notice, document)
    if notice.kind is Kind.SERVER_DOWN:
        return _down(notice)
    if notice.kind is Kind.SERVER_UP:
        told = f"{notice.details['server']} has answered again since {_moment(notice)}."
        return Tidings("The Document Server answers again", told)
    where = document or "a document that you cannot open any more"
    return Tidings(f"{notice.sender} mentioned you in {where}", notice.message if document else "")


def name_of(notice: Notice) -> str:
    """What the document of a notice is called, in one line; empty if there is none."""
    return _line(paths.name(notice.path))


def place_of(notice: Notice) -> str:
    """The address on this site that a notice leads to."""
    if notice.kind in {Kind.SERVER_DOWN, Kind.SERVER_UP}:
        return DOCTOR
    if not notice.path:
        return LIST
    return f"{EDIT[:-1]}{paths.href(notice.path)}{notice.query}"


def _what(notice: Notice, document: str) -> str:
    whom = "you" if "yours" in notice.details else notice.sender or "somebody"
    return f"What {whom} wrote in {document or 'a document that you cannot open any more'}"


def _beside(notice: Notice, document: str) -> Tidings:
    details = notice.details
    reason = Reason(details["reason"])
    meant = _line(details["meant"]) if document else ""
    late = [_CAME_LATE] if "late" in details else []
    if not document:
        words = [f"It is kept all the same: {BECAUSE[reason]}", *late]
    else:
        words = [f"It is {document}: {BECAUSE[reason]}", *late, _WHAT_TO_DO[reason]]
    return Tidings(f"{_what(notice, meant)} lies beside the file", " ".join(words))


def _over_quota(notice: Notice, document: str) -> Tidings:
    subject = notice.details["quota"]
    quota = "your quota" if subject == notice.user else f"the quota of {subject}"
    if subject.startswith(paths.ROOT):
        quota = "the quota of a folder that it is in"
    text = (
        f"It takes more room than {quota} leaves. All that was typed is stored, and further edits "
        "are, too; nothing else can be added there. Remove what is no longer needed, or ask an "
        "administrator for more room."
    )
    return Tidings(f"{document or 'A document'} was saved over a quota", text)


def _down(notice: Notice) -> Tidings:
    text = (
        f"{notice.details['server']} has not answered since {_moment(notice)}: "
        f"{notice.details['cause']}. Nothing was switched off: documents may be tried all the "
        "same, what was typed is kept by the Document Server, and it is asked again every minute. "
        "The doctor among the pages for administrators looks for the cause."
    )
    return Tidings("The Document Server does not answer", text)


def _moment(notice: Notice) -> str:
    return f"{datetime.fromisoformat(notice.details['since']):%Y-%m-%d %H:%M} UTC"


def _line(name: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in printable(name))
