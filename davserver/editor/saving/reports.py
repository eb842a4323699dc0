"""What a report of the Document Server says: about which save, and whose. Pure.

Source: Docs API, "Callback handler".
"""

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from davserver.model import called

# "status" of a callback.
EDITING = 1
MUST_SAVE = 2
CORRUPTED = 3
CLOSED = 4
MUST_SAVE_FORCED = 6
CORRUPTED_FORCED = 7
TO_SAVE = frozenset({MUST_SAVE, CORRUPTED, MUST_SAVE_FORCED, CORRUPTED_FORCED})
FINAL = frozenset({MUST_SAVE, CORRUPTED})
BROKEN = frozenset({CORRUPTED, CORRUPTED_FORCED})
MEANINGS = {
    EDITING: "who is there",
    MUST_SAVE: "the last save",
    CORRUPTED: "the last save, broken",
    CLOSED: "closed without a change",
    MUST_SAVE_FORCED: "a save in between",
    CORRUPTED_FORCED: "a save in between, broken",
}
# "forcesavetype": a form was submitted, and what comes is the filled copy.
FORM_SUBMITTED = 3
# "forcesavetype": the button, and a form. Saves by a command or by the server's timer are nobody's.
BY_SOMEBODY = frozenset({1, FORM_SUBMITTED})
# "type" in "actions"
FORCED_A_SAVE = 2

MAX_WRITERS = 50


def digest(report: dict[str, Any]) -> str:
    """Tells deliveries of one save from those of another.

    A retry has a new signature in the URL's query but the same path, which is random for each save,
    though from 10,000 only: the time of the last change tells the rest.
    """
    path = urlsplit(str(report.get("url") or "")).path
    which = (path, report.get("lastsave"), report.get("userdata"))
    return hashlib.sha256(json.dumps(which).encode()).hexdigest()


def author(report: dict[str, Any]) -> str:
    """Who saved: whoever pressed Save, else the user whose change was the last.

    By the name in the history for a guest. A save on our demand, and the last one, are nobody's
    wish: only "actions" tell of one (Docs API, "Callback handler", "actions", type 2).
    """
    who = who_pressed(report) or next(map(str, report.get("users") or ()), "")
    for user in reversed(_changers(report)):
        if not who or user.get("id") == who:
            return str(user.get("name") or called(str(user.get("id") or "")))
    return called(who)


def who_pressed(report: dict[str, Any]) -> str:
    """The id of whoever pressed Save, or sent a form off; empty where nobody is told to have."""
    if report.get("forcesavetype") not in BY_SOMEBODY:
        return ""
    for action in report.get("actions") or ():
        if isinstance(action, dict) and action.get("type") == FORCED_A_SAVE:
            return str(action.get("userid") or "")
    return ""


def _changers(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Who changed something, in this order, each as often as they did."""
    history = report.get("history")
    changes = (history.get("changes") or ()) if isinstance(history, dict) else ()
    users = [change.get("user") for change in changes if isinstance(change, dict)]
    return [user for user in users if isinstance(user, dict)]


def writers(report: dict[str, Any]) -> list[str]:
    """The ids of those who had a part in what is saved, the last ones first."""
    changers = [str(user.get("id") or "") for user in reversed(_changers(report))]
    users = map(str, report.get("users") or ())
    found = dict.fromkeys((who_pressed(report), *users, *changers))
    return [one for one in found if one][:MAX_WRITERS]
