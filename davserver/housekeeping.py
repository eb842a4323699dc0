"""What has to be done from time to time, by one process at a time: a thread in each tries."""

import threading
import time
from collections.abc import Callable

import structlog

from davserver.errors import DavserverError
from davserver.providers.exclusion import Exclusion

EVERY_SECONDS = 60

_log = structlog.get_logger("davserver.housekeeping")


class Housekeeping:
    """Runs every task each minute, if no other process is at it."""

    def __init__(self, exclusion: Exclusion, tasks: dict[str, Callable[[], object]]) -> None:
        self._exclusion = exclusion
        self._tasks = tasks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin; the first round comes at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the task that runs."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._exclusion.if_free("housekeeping") as held:
                if held:
                    self.run_once()
                    # Held on to: with several processes this one stays the housekeeper until it
                    # ends.
                    while not self._stopped.wait(EVERY_SECONDS):
                        self.run_once()
            self._stopped.wait(EVERY_SECONDS)

    def run_once(self) -> None:
        """Every task once; a failure is logged and leaves the others alone."""
        for name, task in self._tasks.items():
            started = time.monotonic()
            try:
                task()
            except DavserverError as fault:
                _log.warning("task failed", task=name, fault=str(fault))
            except Exception:
                _log.exception("task failed", task=name)
            took = time.monotonic() - started
            if took > EVERY_SECONDS:
                _log.warning("task takes long", task=name, seconds=round(took))
