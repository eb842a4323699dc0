"""The log: one line for each event, as text or JSON, on standard error."""

import logging
import sys
from typing import Any, Literal

import structlog


def _on_one_line(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Escape what a name may hold: no value can look like another line."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = value.encode("unicode_escape").decode("ascii")
    return event


def configure(form: Literal["text", "json"], level: str) -> None:
    """Set up structlog for this process."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default shows the values of variables, passwords and tokens among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    processors: list[Any] = [
        _on_one_line,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        renderer,
    ]
    if form == "json":
        processors.insert(3, structlog.processors.format_exc_info)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
