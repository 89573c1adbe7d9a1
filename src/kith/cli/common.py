"""What the commands share: settings, running an action, printing, and leaving with a clear word."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import structlog

from kith import settings, wiring
from kith.actions.run import Action, Runner
from kith.cli.output import escaped
from kith.domain import json
from kith.errors import AppError, CannotStart, Invalid, Refused, TookTooLong, Unavailable
from kith.store.database import sqlite_path

T = TypeVar("T")

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_STORAGE = 74
"""EX_IOERR: the disk failed, and only a restart can tell what is on it; or standard output did."""
EXIT_CONFIG = 78
"""EX_CONFIG: Kith must not run like this."""

GOES_ON = "The same command goes on where it was."
ROW_ID_MAX = 2**63 - 1

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")


def settings_of() -> settings.Settings:
    return settings.read(os.environ)


def run(
    work: Callable[[Runner], Awaitable[T]],
    *,
    writer_cache_mb: int = 32,
    is_bulk: bool = False,
    is_worker: bool = False,
    may_make: bool = False,
) -> T:
    """Open the database of the settings, do the work, close it.

    Refused where it is a file that is missing, unless the command `may_make` it.
    """
    given = settings_of()
    if not may_make:
        _check_there(given.database_url)

    async def main() -> T:
        async with wiring.opened(
            given,
            writer_cache_mb=writer_cache_mb,
            is_bulk=is_bulk,
            is_worker=is_worker,
            on_broken=_leave_at_once,
        ) as runner:
            return await work(runner)

    return asyncio.run(main())


@contextmanager
def stoppable(told: str = GOES_ON) -> Iterator[None]:
    """Ctrl-C ends it in words: `told` is what becomes of the work."""
    try:
        yield
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            click.echo(err=True)  # behind the terminal's ^C
        raise Refused(f"Stopped. {told}") from None


def _check_there(database_url: str) -> None:
    """In the wrong folder a command would make an empty database, and find nothing in it."""
    path = sqlite_path(database_url)
    if path and not Path(path).exists():
        raise Refused(
            f"There is no database {Path(path).absolute()}. Say in KITH_DATABASE_URL where yours"
            " is, or make one with `kith init`."
        )


def _leave_at_once() -> None:
    """The disk failed: closing the database would sync the file again (row S8)."""
    os._exit(EXIT_STORAGE)


def write(action: Action[Any, T], given: object, *, may_make: bool = False) -> T:
    """Run one action of the operator in a transaction."""
    return run(lambda runner: runner.write(action, given), may_make=may_make)


def read(action: Action[Any, T], given: object) -> T:
    return run(lambda runner: runner.read(action, given))


def log_as_text() -> None:
    """One line for a person per thing the storage complains about, on standard error."""
    structlog.configure(processors=[_line], logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    reason = event.get("reason")
    return printable(f"kith: {event['event']}: {reason}" if reason else f"kith: {event['event']}")


def print_json(value: object) -> None:
    """One document on one line."""
    click.echo(document(value))


def document(value: object, *, is_indented: bool = False) -> str:
    """As JSON. A terminal obeys some characters that JSON need not escape: they are."""
    text = json.encode(value)
    if is_indented:
        text = msgspec.json.format(text)
    return "".join(c if c.isprintable() or c == "\n" else escaped(c) for c in text.decode())


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns for a person; None is a dash."""
    cells = [
        ["-" if cell is None else printable(str(cell)) for cell in line]
        for line in (headings, *rows)
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def print_fields(fields: Mapping[str, object]) -> None:
    """One thing for a person, a line for each field; None and empty are a dash."""
    first, *others = [(name.replace("_", " "), _told(value)) for name, value in fields.items()]
    print_table(first, others)


def address(given: settings.Settings) -> str:
    """Where a server with these settings is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(given.host, given.host)  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{given.port or 8000}"


def sentence(error: AppError | CannotStart) -> str:
    """What went wrong, for a person."""
    if isinstance(error, Invalid):
        return printable(error.reasons)
    if isinstance(error, Unavailable) and not isinstance(error, TookTooLong):
        return error.told or "The database cannot be used just now. Try again."
    return printable(str(error))


def printable(text: str) -> str:
    """Without control characters: a stored name must not command a terminal (row T9.3)."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _told(value: object) -> str:
    if isinstance(value, dict):
        return json.encode(value).decode() if value else "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
