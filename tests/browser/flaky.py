"""A connection that breaks: a relay to a server that cuts what runs through it, once."""

import contextlib
import socket
import threading


class FlakyRelay:
    """Relays a port of ours to ``port``, and cuts once, after ``cut_after`` bytes to there."""

    def __init__(self, port: int, cut_after: int) -> None:
        self._to = port
        self._left = cut_after
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def _run(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._run(self._relay, near, far, True)
                self._run(self._relay, far, near, False)

    def _relay(self, source: socket.socket, target: socket.socket, outgoing: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
                if outgoing and self._counts(len(block)):
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _counts(self, size: int) -> bool:
        """Whether this block is the one after which the connection is cut."""
        before, self._left = self._left, self._left - size
        cut = before > 0 >= self._left
        self.cuts += cut
        return cut

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
