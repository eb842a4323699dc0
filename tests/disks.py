"""A second file system below the served folder: what the kernel refuses between two of them."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def two_disks(folder: str) -> Iterator[None]:
    """Let rename and link refuse, as between file systems, to lead in or out of ``folder``.

    ``folder`` is a path of the served folder, like ``/disk/``.
    """
    originals: dict[str, Callable[..., Any]] = {}

    def refusing(name: str) -> Callable[..., Any]:
        def call(source: Any, target: Any, **options: Any) -> Any:
            sides = [
                folder in _where(path, options.get(side))
                for path, side in ((source, "src_dir_fd"), (target, "dst_dir_fd"))
            ]
            if sides[0] != sides[1]:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            return originals[name](source, target, **options)

        return call

    for name in ("rename", "link"):
        originals[name] = getattr(os, name)
        setattr(os, name, refusing(name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def _where(path: Any, folder: int | None) -> str:
    base = "" if folder is None else os.readlink(f"/proc/self/fd/{folder}")
    return str(Path(base) / os.fspath(path))
