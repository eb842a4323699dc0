"""Hard cases of WebDAV: what is put to a server, and by what one rule its behaviour is right.

``benchmarks.conformance`` puts them to every server that the machine has; the tests put them to
davserver. Nothing here knows which server it talks to.
"""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from benchmarks.probe import PATIENCE, Answer, Probe, comes_about

_LOCK = (
    b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
)
_NAMES = b'<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>'
_LONG_AGO = 1_500_000_000


@dataclass(frozen=True)
class Seen:
    """How a server behaved, in a few words, and whether that is right."""

    words: str
    is_right: bool


@dataclass(frozen=True)
class Case:
    """One row: what happens, and what is right of it."""

    name: str
    wanted: str
    put_to: Callable[[Probe], Seen]


def _short_body_over_a_file(probe: Probe) -> Seen:
    old = b"old" * 100
    probe.make_file("a.txt", old)
    answer = probe.send_part("a.txt", 100_000, b"0123456789")
    kept = comes_about(lambda: probe.content("a.txt") == old)
    return Seen(f"{answer}, {_now(probe, 'a.txt', kept)}", kept and not answer.is_success)


def _short_body_of_a_new_file(probe: Probe) -> Seen:
    answer = probe.send_part("new.txt", 100_000, b"0123456789")
    nothing = comes_about(lambda: not os.listdir(probe.folder))
    left = "nothing there" if nothing else f"{_size(probe, 'new.txt')} left"
    return Seen(f"{answer}, {left}", nothing and not answer.is_success)


def _reading_while_a_put_runs(probe: Probe) -> Seen:
    old = b"o" * 5000
    probe.make_file("a.txt", old)
    with probe.connected() as writing:
        writing.sendall(probe.head("PUT", "a.txt", 10_000) + b"n" * 5000)
        # Nothing outside tells how far the server is; what it does with half a body, it does soon.
        time.sleep(PATIENCE / 2)
        answer = probe.send("GET", "a.txt")
        writing.sendall(b"n" * 5000)
        writing.recv(4096)
    whole = answer.status == 200 and answer.body == old
    return Seen("the old file" if whole else f"{answer}, {len(answer.body)} B", whole)


def _move_to_a_name_with_a_question_mark(probe: Probe) -> Seen:
    probe.make_file("a", b"stays")
    probe.make_file("source", b"moves")
    answer = probe.send("MOVE", "source", Destination=probe.url("a%3Fb"))
    kept, moved = probe.content("a") == b"stays", probe.content("a?b") == b"moves"
    words = "moved" if moved else "not moved"
    return Seen(f"{answer}, {words if kept else 'a is overwritten'}", kept and moved)


def _delete_of_a_folder_with_a_locked_file(probe: Probe) -> Seen:
    probe.make_folder("top")
    probe.make_folder("top/deep")
    files = ["top/free.txt", "top/deep/locked.txt", "top/deep/other.txt"]
    for name in files:
        probe.make_file(name, b"x")
    locked = probe.send("LOCK", "top/deep/locked.txt", _LOCK)
    if not locked.is_success:
        return Seen(f"LOCK {locked}", False)
    answer = probe.send("DELETE", "top/")
    gone = [name for name in files if probe.content(name) is None]
    if "top/deep/locked.txt" in gone:
        words = "the locked file is deleted"
    else:
        words = f"{len(gone)} others are deleted" if gone else "all kept"
    told = answer.status in (423, 424) or (answer.status == 207 and b" 423 " in answer.body)
    return Seen(f"{answer}, {words}", not gone and told)


def _move_of_a_locked_file(probe: Probe) -> Seen:
    probe.make_file("old.txt", b"x")
    locked = probe.send("LOCK", "old.txt", _LOCK, Depth="0")
    if not locked.is_success:
        return Seen(f"LOCK {locked}", False)
    token = locked.headers.get("Lock-Token", "")
    condition = f"<{probe.url('old.txt')}> ({token})"
    moved = probe.send("MOVE", "old.txt", Destination=probe.url("new.txt"), If=condition)
    if not moved.is_success:
        return Seen(f"MOVE {moved}", False)
    put = probe.send("PUT", "old.txt", b"another")
    return Seen(f"MOVE {moved}, PUT {put}", put.is_success)


def _if_match_on_nothing(probe: Probe) -> Seen:
    answer = probe.send("PUT", "new.txt", b"new", If_Match="*")
    made = probe.content("new.txt") is not None
    words = "made" if made else "not made"
    return Seen(f"{answer}, {words}", answer.status == 412 and not made)


def _if_none_match_on_a_file(probe: Probe) -> Seen:
    probe.make_file("a.txt", b"old")
    answer = probe.send("PUT", "a.txt", b"new", If_None_Match="*")
    kept = probe.content("a.txt") == b"old"
    return Seen(f"{answer}, {'kept' if kept else 'overwritten'}", answer.status == 412 and kept)


def _etags_within_a_second(probe: Probe) -> Seen:
    while True:
        second = int(time.time())
        tags = []
        for content in (b"AAAA", b"BBBB"):
            probe.send("PUT", "a.txt", content)
            tags.append(probe.send("GET", "a.txt").headers.get("ETag", ""))
        if int(time.time()) == second:
            break
    if not all(tags):
        return Seen("no tag", False)
    weak = any(tag.startswith("W/") for tag in tags)
    words = "differ" if tags[0] != tags[1] else "the same"
    return Seen(f"{words}, {'weak' if weak else 'strong'}", tags[0] != tags[1] and not weak)


def _two_ranges(probe: Probe) -> Seen:
    probe.make_file("a.bin", b"first" + b"-" * 20_000 + b"second")
    answer = probe.send("GET", "a.bin", Range="bytes=0-4,20005-20010")
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    parts = kind == "multipart/byteranges"
    both = b"first" in answer.body and b"second" in answer.body and len(answer.body) < 2000
    words = "multipart" if parts else f"{len(answer.body)} B"
    return Seen(f"{answer}, {words}", answer.status == 206 and parts and both)


def _propname(probe: Probe) -> Seen:
    probe.make_file("a.txt", b"x")
    answer = probe.send("PROPFIND", "a.txt", _NAMES, Depth="0")
    root = _xml(answer)
    found = [one for prop in root.iter("{DAV:}prop") for one in prop] if root is not None else []
    names = {one.tag for one in found if str(one.tag).startswith("{DAV:}")}
    empty = not any(one.text or len(one) for one in found)
    right = (
        answer.status == 207 and {"{DAV:}resourcetype", "{DAV:}getlastmodified"} <= names and empty
    )
    words = f"{len(names)} names of DAV:{'' if empty else ', with values'}"
    return Seen(f"{answer}, {words}", right)


def _name_that_is_not_utf8(probe: Probe) -> Seen:
    return _listing_beside(probe, b"caf\xe9.txt")


def _name_with_a_control_character(probe: Probe) -> Seen:
    return _listing_beside(probe, b"bell\x07.txt")


def _listing_beside(probe: Probe, name: bytes) -> Seen:
    probe.make_file("fine.txt", b"x")
    probe.make_file(name, b"x")
    answer = probe.send("PROPFIND", "", Depth="1")
    root = _xml(answer)
    if root is None:
        return Seen(f"{answer}{', not XML' if answer.is_success else ''}", False)
    listed = [href.text or "" for href in root.iter("{DAV:}href")]
    right = answer.status == 207 and any(href.endswith("/fine.txt") for href in listed)
    return Seen(f"{answer}, {len(listed) - 1} files told", right)


def _put_of_a_part(probe: Probe) -> Seen:
    probe.make_file("a.bin", b"0123456789")
    answer = probe.send("PUT", "a.bin", b"XY", Content_Range="bytes 2-3/10")
    now = probe.content("a.bin")
    written, kept = now == b"01XY456789", now == b"0123456789"
    words = "written in its place" if written else _now(probe, "a.bin", kept)
    return Seen(f"{answer}, {words}", written if answer.is_success else kept)


def _time_of_change(probe: Probe) -> Seen:
    answer = probe.send("PUT", "a.txt", b"x", X_OC_Mtime=str(_LONG_AGO))
    if probe.content("a.txt") is None:
        return Seen(f"{answer}, not stored", False)
    kept = int((probe.folder / "a.txt").stat().st_mtime) == _LONG_AGO
    return Seen("kept" if kept else "not kept", kept)


CASES = (
    Case("A body ends too early, over an existing file", "refused, kept", _short_body_over_a_file),
    Case("A body ends too early, new file", "refused, nothing there", _short_body_of_a_new_file),
    Case("GET while a PUT runs", "the old file", _reading_while_a_put_runs),
    Case("MOVE to `a%3Fb` where `a` is", "moved, a kept", _move_to_a_name_with_a_question_mark),
    Case(
        "DELETE of a folder with a locked file in it",
        "423 or 424, all kept",
        _delete_of_a_folder_with_a_locked_file,
    ),
    Case(
        "MOVE of a locked file with its token, then PUT to the old name",
        "both succeed",
        _move_of_a_locked_file,
    ),
    Case("PUT with `If-Match: *`, new file", "412, not made", _if_match_on_nothing),
    Case("PUT with `If-None-Match: *`, existing file", "412, kept", _if_none_match_on_a_file),
    Case("ETags of two states of one size in one second", "differ, strong", _etags_within_a_second),
    Case("GET of two ranges", "206, multipart", _two_ranges),
    Case("PROPFIND with propname", "names without values", _propname),
    Case("A folder with a name that is not UTF-8", "listed", _name_that_is_not_utf8),
    Case("A folder with a control character in a name", "listed", _name_with_a_control_character),
    Case(
        "PUT with `Content-Range: bytes 2-3/10`",
        "written in its place, or refused",
        _put_of_a_part,
    ),
    Case("PUT with `X-OC-Mtime`", "kept", _time_of_change),
)


def slug(case: Case) -> str:
    """A name for the case's folder."""
    return re.sub(r"[^a-z0-9]+", "-", case.name.lower()).strip("-")


def _now(probe: Probe, name: str, kept: bool) -> str:
    return "kept" if kept else f"{_size(probe, name)} now"


def _size(probe: Probe, name: str) -> str:
    content = probe.content(name)
    return "gone" if content is None else f"{len(content)} B"


def _xml(answer: Answer) -> etree._Element | None:
    try:
        return etree.fromstring(answer.body)
    except etree.XMLSyntaxError:
        return None
