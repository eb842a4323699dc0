"""What notices say: one line, and what it means for who reads it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from davserver import paths
from davserver.errors import printable
from davserver.pages import EDIT
from davserver.providers.notices import Kind, Notice
from davserver.providers.saves import Reason
from davserver.words import Words, say

DOCTOR = "/-/admin/doctor"
LIST = "/-/notices"

BECAUSE = {
    Reason.CHANGED: say("somebody else changed the file meanwhile."),
    Reason.LOCKED: say("somebody else has locked the file."),
    Reason.VANISHED: say("the file is no longer there."),
    Reason.BROKEN: say("ONLYOFFICE could not put the document together; look at what is missing."),
    Reason.UNSOUND: say("what ONLYOFFICE delivered is no whole document; it is asked for again."),
    Reason.CONVERTED: say("it came back in another format."),
    Reason.NOT_PERMITTED: say("whoever wrote it may no longer change the file."),
    Reason.ENDED: say("somebody ended the session before it came."),
    Reason.UNSENT: say("whoever filled the form in left it without sending it off."),
}
"""Why a save lies beside its file."""
_WHAT_TO_DO = {
    Reason.CHANGED: say("Look at both, and bring together what belongs into the file."),
    Reason.LOCKED: say("Bring it into the file as soon as that is free."),
    Reason.VANISHED: say(
        "If it is still wanted, give it the name and the place that it should have."
    ),
    Reason.BROKEN: say("Earlier states are among the versions of the file."),
    Reason.UNSOUND: say("Keep the copy until the whole document has come."),
    Reason.CONVERTED: say("Open it, and save it as what it should be."),
    Reason.NOT_PERMITTED: say("Whoever looks after the file decides what becomes of it."),
    Reason.ENDED: say("Look at both, and bring together what belongs into the file."),
    Reason.UNSENT: say("The form itself is as it was; ask them whether it is to count."),
}
_CAME_LATE = say(
    "It did not arrive when the document was closed, and was fetched from ONLYOFFICE now."
)


@dataclass(frozen=True, slots=True)
class Tidings:
    """``title`` is one line. ``text`` may be empty; what a person wrote in it has line breaks."""

    title: str
    text: str


def tidings(notice: Notice, document: str) -> Tidings:
    """The words; ``document`` is empty for who is not to be told what the document is called."""
    where = document or say("a document that you cannot open any more")
    if notice.kind is Kind.BESIDE:
        return _beside(notice, document)
    if notice.kind is Kind.LATE:
        title = say("What {who} wrote in {file} is saved now", who=notice.sender, file=where)
        if not notice.sender:
            title = say("What somebody wrote in {file} is saved now", file=where)
        if "yours" in notice.details:
            title = say("What you wrote in {file} is saved now", file=where)
        return Tidings(title, _CAME_LATE)
    if notice.kind is Kind.OVER_QUOTA:
        return _over_quota(notice, document)
    if notice.kind is Kind.SERVER_DOWN:
        return _down(notice)
    if notice.kind is Kind.SERVER_UP:
        told = say(
            "{address} has answered again since {time}.",
            address=notice.details["server"],
            time=_moment(notice),
        )
        return Tidings(say("The Document Server answers again"), told)
    title = say("{who} mentioned you in {file}", who=notice.sender, file=where)
    return Tidings(title, notice.message if document else "")


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


def _beside(notice: Notice, document: str) -> Tidings:
    details = notice.details
    reason = Reason(details["reason"])
    meant = _line(details["meant"]) if document else ""
    where = meant or say("a document that you cannot open any more")
    title = say("What {who} wrote in {file} lies beside the file", who=notice.sender, file=where)
    if not notice.sender:
        title = say("What somebody wrote in {file} lies beside the file", file=where)
    if "yours" in details:
        title = say("What you wrote in {file} lies beside the file", file=where)
    if document:
        kept = say("It is {file}: {reason}", file=document, reason=BECAUSE[reason])
    else:
        kept = say("It is kept all the same: {reason}", reason=BECAUSE[reason])
    late = [_CAME_LATE] if "late" in details else []
    return Tidings(title, _sentences(kept, *late, *([_WHAT_TO_DO[reason]] if document else [])))


def _sentences(first: Words, *more: Words) -> Words:
    """One after the other, in whatever language."""
    if not more:
        return first
    return Words("{first} {more}", {"first": first, "more": _sentences(*more)})


def _over_quota(notice: Notice, document: str) -> Tidings:
    subject = notice.details["quota"]
    quota = say("the quota of {whose}", whose=subject)
    if subject == notice.user:
        quota = say("your quota")
    if subject.startswith(paths.ROOT):
        quota = say("the quota of a folder that it is in")
    text = say(
        "It takes more room than {quota} leaves. All that was typed is stored, and further edits "
        "are, too; nothing else can be added there. Remove what is no longer needed, or ask an "
        "administrator for more room.",
        quota=quota,
    )
    return Tidings(say("{file} was saved over a quota", file=document or say("A document")), text)


def _down(notice: Notice) -> Tidings:
    text = say(
        "{address} has not answered since {time}: {reason}. Nothing was switched off: documents "
        "may be tried all the same, what was typed is kept by the Document Server, and it is asked "
        "again every minute. The doctor among the pages for administrators looks for the cause.",
        address=notice.details["server"],
        time=_moment(notice),
        reason=notice.details["cause"],
    )
    return Tidings(say("The Document Server does not answer"), text)


def _moment(notice: Notice) -> str:
    return f"{datetime.fromisoformat(notice.details['since']):%Y-%m-%d %H:%M} UTC"


def _line(name: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in printable(name))
