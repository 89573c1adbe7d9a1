"""An import at the terminal: how far it is, what became of the rows, and the file of those left."""

import contextlib
import gc
import hashlib
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from kith.actions import imports, workspaces
from kith.actions.imports import ShowImport, Told
from kith.actions.run import Runner
from kith.actions.workspaces import Acting
from kith.api import imports as shapes
from kith.cli import import_rejects
from kith.cli.common import document, printable, settings_of
from kith.cli.import_rejects import Rejects
from kith.domain import csv_heads, csv_reading, phone
from kith.domain.csv_heads import Options
from kith.domain.tokens import Caller
from kith.errors import Refused, naming
from kith.jobs import importing
from kith.jobs.importing import Pace, Progress, Wanted
from kith.store import lock
from kith.store.database import Engine, sqlite_path

PAGE = 500
OBJECTS_MAX = 200_000
"""As many more may be there before garbage is looked for: a batch of rows holds fewer."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    path: Path
    rejects: Path
    is_dry_run: bool
    is_json: bool
    acting: Acting
    options: Options


def options(
    mapping: tuple[str, ...], region: str | None, encoding: str | None, delimiter: str | None
) -> Options:
    """Raises Invalid, Refused."""
    with naming("region"):
        where = phone.parse_region(region) if region else None
    with naming("encoding"):
        written = csv_reading.parse_encoding(encoding) if encoding else None
    with naming("delimiter"):
        sign = csv_reading.parse_delimiter(delimiter) if delimiter else None
    return Options(
        mapping=dict(csv_heads.parse_mapping(mapping)),
        region=where,
        encoding=written,
        delimiter=sign,
    )


async def run(runner: Runner, given: Given) -> None:
    """Import the file and say what became of it."""
    gc.freeze()  # what is there stays, and of rows nothing is left that refers to itself
    gc.set_threshold(OBJECTS_MAX)
    caller = await runner.read(workspaces.caller, given.acting)
    file = _File(given.path)
    if given.rejects.exists() and given.rejects.samefile(given.path):
        raise Refused("The rejects would be written over the file itself; name another --rejects.")
    import_rejects.check(given.rejects)
    wanted = Wanted(
        name=given.path.name,
        options=given.options,
        digest=file.digest(),
        is_dry_run=given.is_dry_run,
    )
    last: Progress | None = None
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(_bar(file))
        rejects: Rejects | None = None
        path = sqlite_path(settings_of().database_url)
        pace = partial(_pace, runner.database.engine, path, given.is_dry_run)
        steps = importing.run(runner, caller, file.pieces(), wanted, pace)
        async for last in steps:
            if rejects is None:
                rejects = stack.enter_context(Rejects(given.rejects, given.path, last.head))
                _announce(given, last)
            if last.taken is not None and given.is_dry_run:
                rejects.add(sorted(last.taken.refusals, key=lambda one: one.offset))
                _print_rows(last.taken.rows, given)
            bar.update(file.read - bar.pos, f"{last.counts.rows:,} rows")
        assert last is not None
        assert rejects is not None
        if not given.is_dry_run:
            await _write_rejects(runner, caller, last, rejects)
    _print_end(given, last, rejects)
    if rejects.problem is not None:
        where = "" if given.is_dry_run else f" They are shown by: kith import show {last.one.id}"
        raise Refused(
            f"Not all rejects could be written to {rejects.path}: {rejects.problem}.{where}"
        )


def _pace(engine: Engine, path: str | None, is_dry_run: bool) -> Pace:
    """A server on the same file may have something to write. A dry run keeps nobody waiting, but
    the time to read for a batch is limited."""
    if is_dry_run or (path is not None and lock.is_taken(path)):
        return importing.BESIDE_A_SERVER[engine]
    return importing.ALONE[engine]


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size
        self.read = 0

    def digest(self) -> str:
        try:
            with self._path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Refused(f"{self._path} cannot be read: {error.strerror}.") from None

    async def pieces(self) -> AsyncIterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(importing.PIECE_BYTES):
                self.read += len(piece)
                yield piece


def _bar(file: _File) -> Any:
    """With the rows, their rate, and the time that is left."""
    started = time.monotonic()

    def told(rows: str | None) -> str:
        if not rows:
            return ""
        count = int(rows.split()[0].replace(",", ""))
        return f"{rows}, {count / max(0.001, time.monotonic() - started):,.0f}/s"

    return click.progressbar(
        length=file.size,
        label="Importing",
        show_eta=True,
        show_percent=True,
        item_show_func=told,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    )


def _announce(given: Given, progress: Progress) -> None:
    """How the file is read, and where an earlier run is gone on with."""
    if given.is_json:
        return
    head = progress.head
    roles = ", ".join(f"{c.name} ({c.role})" for c in head.columns.all)
    sign = {"\t": "tab"}.get(head.delimiter, head.delimiter)
    click.echo(
        printable(f"Reading {given.path.name} as {head.encoding}, delimiter {sign}: {roles}")
    )
    if progress.one.offset > head.offset:
        click.echo(f"Going on behind line {progress.one.line - 1:,}, where an earlier run stopped.")


def _print_rows(rows: list[Told], given: Given) -> None:
    for one in rows:
        click.echo(document(shapes.told(one)) if given.is_json else printable(_row(one)))


def _row(one: Told) -> str:
    shown = [f"line {one.line}: {one.outcome}"]
    for field, value in one.after.items():
        shown.append(
            f"{field} {_value(one.before.get(field))} -> {_value(value)}"
            if one.outcome == "update"
            else f"{field} {_value(value)}"
        )
    if one.text:
        shown.append(one.text)
    return "  ".join(shown)


def _value(value: object) -> str:
    return "-" if value in (None, [], {}) else document(value)


async def _write_rejects(runner: Runner, caller: Caller, last: Progress, rejects: Rejects) -> None:
    """From what is in the database: also of runs that were stopped."""
    after_line = 0
    while True:
        given = ShowImport(import_id=last.one.id, after_line=after_line, limit=PAGE)
        shown = await runner.read(imports.show, given, caller)
        rejects.add(shown.refusals)
        if shown.next_line is None:
            return
        after_line = shown.next_line


def _print_end(given: Given, last: Progress, rejects: Rejects) -> None:
    path = str(rejects.path) if rejects.count else None
    if given.is_json:
        told = msgspec.structs.asdict(shapes.imported(last.one))
        told |= {"counts": shapes.counts(last.counts), "dry_run": given.is_dry_run}
        told |= {**shapes.understood(last.head), "without_country_code": last.without_code}
        click.echo(document({**told, "rejects": path}))
        return
    counts = last.counts
    would = "would be " if given.is_dry_run else ""
    click.echo(
        f"{counts.rows:,} rows: {counts.create:,} {would}created, {counts.update:,} {would}updated,"
        f" {counts.unchanged:,} unchanged, {counts.skip:,} skipped, {counts.conflict:,} conflicts."
    )
    if counts.consent or counts.consent_left_out:
        click.echo(
            f"Consent: {counts.consent:,} {would}recorded, {counts.consent_left_out:,} left out."
        )
    if last.without_code:
        click.echo(
            f"Numbers that may lack their country code: {last.without_code:,}. Was --region meant?"
        )
    if path is not None:
        click.echo(f"What was not taken, and why: {path}")
    if not given.is_dry_run:
        click.echo(f"To take it back: kith import undo {last.one.id}")
