"""Kill a process between any two steps: every change of the disk, every commit of the catalog.

The work runs in a child that kills itself, as ``kill -9`` would, before or after its Nth step. What
is patched is the system's own functions, in the child alone; so steps that are added later are met
as well.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import event

from davserver.providers.share import Share, open_share

_CHANGES = ("link", "unlink", "rename", "mkdir", "rmdir", "fsync", "write", "utime", "chmod")
MAX_STEPS = 200


class _Countdown:
    def __init__(self, kill_at: int) -> None:
        self.left = kill_at
        self.armed = False

    def step(self) -> None:
        if self.armed:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1


def _patch_system(countdown: _Countdown) -> None:
    for name in _CHANGES:
        original = getattr(os, name)

        def stepped(*args: Any, _original: Any = original, **kwargs: Any) -> Any:
            countdown.step()
            result = _original(*args, **kwargs)
            countdown.step()
            return result

        setattr(os, name, stepped)


def _patch_catalog(share: Share, countdown: _Countdown) -> None:
    event.listen(share.catalog._engine, "commit", lambda _: countdown.step())
    writing = share.catalog.writing

    @contextlib.contextmanager
    def stepped() -> Iterator[Any]:
        with writing() as connection:
            yield connection
        countdown.step()

    share.catalog.writing = stepped  # type: ignore[method-assign]


def dies_at(root: Path, kill_at: int, work: Callable[[Share], object]) -> bool:
    """Run ``work`` in a child; whether it was killed at that step, or got done."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            countdown = _Countdown(kill_at)
            share = open_share(root, root / ".davserver", connections=2)
            _patch_system(countdown)
            _patch_catalog(share, countdown)
            countdown.armed = True
            work(share)
            countdown.armed = False
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"the work failed at step {kill_at} instead of dying"
    return False


def after_every_crash(
    prepare: Callable[[], Path],
    work: Callable[[Share], object],
    check: Callable[[Share, Path], None],
) -> int:
    """Prepare, crash at step N, restart, check; for every N until the work gets done."""
    for kill_at in range(MAX_STEPS):
        root = prepare()
        died = dies_at(root, kill_at, work)
        share = open_share(root, root / ".davserver", connections=2)
        try:
            share.prepare()
            check(share, root)
        except BaseException as fault:
            fault.add_note(f"after a crash at step {kill_at}")
            raise
        finally:
            share.close()
        if not died:
            return kill_at
    raise AssertionError("the work never gets done")
