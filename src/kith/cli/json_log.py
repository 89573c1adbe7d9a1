"""The log that a server and a worker write."""

import logging
import sys
import traceback
from typing import Any

import msgspec
import structlog

log = structlog.get_logger("kith")


def log_as_json() -> None:
    """One JSON object a line on standard error: ours, and what libraries say (row T9.3)."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.add_log_level,
            _describe_exception,
            structlog.processors.JSONRenderer(serializer=_as_json),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_LibraryLog()], level=logging.WARNING, force=True)


class _LibraryLog(logging.Handler):
    """Only that a library complained, and where: its text may hold what clients sent."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        log.warning(
            "library.message", logger=record.name, library_level=record.levelname, kind=kind
        )


def _describe_exception(_logger: object, _method: str, event: Any) -> Any:
    """The kind of a bug and where it struck; its text may hold what clients sent (rule R10)."""
    if event.pop("exc_info", None):
        kind, _, trace = sys.exc_info()
        event["kind"] = kind.__name__ if kind else None
        event["at"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
    return event


def _as_json(event: object, **_options: object) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
