"""Sockets to listen on: made here, or handed over by systemd; and what systemd wants to hear.

Source: sd_listen_fds(3), sd_notify(3).
"""

import os
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

BACKLOG = 512

_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket bound to ``host`` and ``port`` (0: any free one). Raises OSError."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Accepted connections inherit it: a small answer does not wait for the client's
    # acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def unix_socket(path: Path, mode: int) -> socket.socket:
    """A socket at ``path`` that whom ``mode`` permits may connect to. Raises OSError.

    A socket that a dead server left there is removed; anything else is not.
    """
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
            path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Made with no rights for others: between bind and chmod nobody else gets in.
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    path.chmod(mode)
    listener.listen(BACKLOG)
    return listener


def inherited_socket() -> socket.socket | None:
    """The socket that systemd opened for this process; None if it opened none."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return None
    count = os.environ.pop("LISTEN_FDS", "0")
    os.environ.pop("LISTEN_FDNAMES", None)
    if not count.isdigit() or int(count) < 1:
        return None
    os.set_inheritable(_FIRST_DESCRIPTOR, False)
    return socket.socket(fileno=_FIRST_DESCRIPTOR)


def notify(*states: str) -> None:
    """Tell systemd, if it started us, what goes on: READY=1, RELOADING=1, STOPPING=1."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    lines = [*states, f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.sendto("\n".join(lines).encode(), address)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
