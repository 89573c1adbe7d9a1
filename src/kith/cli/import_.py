"""`kith import`: contacts from a file, without losing or doubling a row."""

import asyncio
from pathlib import Path
from typing import Any

import click

from kith.actions import import_undo, imports, workspaces
from kith.actions.imports import ListImports, Named, ShowImport
from kith.actions.run import Runner
from kith.actions.workspaces import Acting
from kith.api import imports as shapes
from kith.cli import import_running as running
from kith.cli.acting import for_user, in_workspace, read
from kith.cli.common import GOES_ON, as_json, print_fields, print_json, print_table, run, stoppable
from kith.domain import csv_columns, ids
from kith.domain.imports import Import
from kith.domain.times import wire, wire_or_none
from kith.errors import naming

PAGE = 500
WRITER_CACHE_MB = 16
"""More is no quicker: each tree is written in its own order, batch by batch."""


class _FileOrCommand(click.Group):
    """`kith import contacts.csv` needs no further word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["file", *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=_FileOrCommand, subcommand_metavar="FILE [OPTIONS] | COMMAND")
def import_() -> None:
    """Bring contacts in from a CSV file.

    `kith import file --help` has the options.

    \b
    Examples:
      kith import contacts.csv --dry-run
      kith import contacts.csv --region FR --map "Mobile no=phone"
      kith import undo 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """


@import_.command()
@click.argument(
    "path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Say for every row what would be, and write nothing.")
@click.option(
    "--map", "mapping", multiple=True, metavar="COLUMN=FIELD",
    help="What a column is, such as 'Mobile no=phone'; may be given several times. Fields: "
    f"{', '.join(csv_columns.MAPPABLE)}, extra.",
)  # fmt: skip
@click.option("--region", help="Where numbers without country code are dialled, such as FR.")
@click.option("--encoding", help="utf-8, utf-16 or windows-1252.  [default: what it looks like]")
@click.option("--delimiter", help="comma, semicolon, tab or pipe.  [default: what it looks like]")
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path),
    help="Where rows that are not taken go, if there are any.  [default: FILE.rejects.csv]",
)  # fmt: skip
@in_workspace
@for_user
@as_json
def file(
    path: Path,
    dry_run: bool,
    rejects: Path | None,
    workspace: str | None,
    user: str | None,
    as_json: bool,
    **how: Any,
) -> None:
    """Add the people of a CSV file, or add to those who are there, by phone.

    Fields in the file win, blank ones change nothing, tags and further columns are joined.
    A run that was stopped, or killed, goes on when it is repeated; every row counts once.
    """
    given = running.Given(
        path=path,
        rejects=rejects or path.with_name(f"{path.stem}.rejects.csv"),
        is_dry_run=dry_run,
        is_json=as_json,
        acting=Acting(workspace=workspace, user=user),
        options=running.options(**how),
    )
    with stoppable("Nothing was imported." if dry_run else GOES_ON):
        run(
            lambda runner: running.run(runner, given),
            writer_cache_mb=WRITER_CACHE_MB,
            is_bulk=True,
        )


@import_.command("list")
@in_workspace
@as_json
def list_(workspace: str | None, as_json: bool) -> None:
    """Show the files that were imported, newest first; at most 500.

    \b
    Example:
      kith import list
    """
    page = read(imports.list_page, ListImports(limit=PAGE), Acting(workspace=workspace))
    if as_json:
        print_json([shapes.imported(one) for one in page.imports])
    elif not page.imports:
        click.echo("Nothing was imported yet.")
    else:
        rows = [
            (one.id, one.name, one.state, one.counts.rows, one.counts.create, one.counts.update,
             one.counts.skip + one.counts.conflict, wire(one.started_at))
            for one in page.imports
        ]  # fmt: skip
        headings = ("IMPORT", "FILE", "STATE", "ROWS", "CREATED", "UPDATED", "NOT TAKEN", "BEGUN")
        print_table(headings, rows)


@import_.command()
@click.argument("import_id", metavar="ID")
@click.option("--after-line", default=0, help="Show what was not taken from behind this line.")
@in_workspace
@as_json
def show(import_id: str, after_line: int, workspace: str | None, as_json: bool) -> None:
    """Show an import, and up to 500 of the rows that it did not take.

    \b
    Example:
      kith import show 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """
    given = ShowImport(import_id=_id(import_id), after_line=after_line, limit=PAGE)
    shown = read(imports.show, given, Acting(workspace=workspace))
    if as_json:
        print_json(shapes.shown(shown))
        return
    print_fields(_fields(shown.one))
    if shown.refusals:
        click.echo()
        rows = [(one.line, one.code, one.text) for one in shown.refusals]
        print_table(("LINE", "CODE", "WHY"), rows)
    if shown.next_line is not None:
        click.echo(f"More: kith import show {import_id} --after-line {shown.next_line}")


@import_.command()
@click.argument("import_id", metavar="ID")
@in_workspace
@for_user
@as_json
def undo(import_id: str, workspace: str | None, user: str | None, as_json: bool) -> None:
    """Take back what an import did.

    Whom it made goes, what it changed is as before.

    What was changed since stays, and so does every opt-out. One that was stopped goes on when it is
    repeated.

    \b
    Example:
      kith import undo 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """
    acting = Acting(workspace=workspace, user=user)
    named = Named(import_id=_id(import_id))
    with stoppable():
        done = run(lambda runner: _undo(runner, acting, named), is_bulk=True)
    assert done.undone is not None
    if as_json:
        print_json(shapes.imported(done))
        return
    click.echo(
        f"Taken back: {done.undone.removed:,} contacts are gone, {done.undone.restored:,} are as"
        f" before, {done.undone.consent_retracted:,} rows of consent count no longer."
    )
    for why, count in done.undone.left.items():
        click.echo(f"Left: {count:,} contacts, {_WHY_LEFT[why]}.")


_WHY_LEFT = {
    "changed_since": "of which something was changed since",
    "changed_too_often": "which the file changed more than 10,000 times",
    "opted_out_since": "who opted out",
    "gone_since": "who were erased or merged since",
}


async def _undo(runner: Runner, acting: Acting, named: Named) -> Import:
    caller = await runner.read(workspaces.caller, acting)
    while True:
        one = await asyncio.shield(runner.write(import_undo.step, named, caller))
        if one.state == "undone":
            return one


def _id(given: str) -> str:
    with naming("id"):
        return ids.parse(given)


def _fields(one: Import) -> dict[str, object]:
    told = shapes.counts(one.counts)
    return {
        "id": one.id,
        "file": one.name,
        "state": one.state,
        "begun": wire(one.started_at),
        "ended": wire_or_none(one.finished_at),
        "sha256": one.digest,
        **{name: getattr(told, name) for name in told.__struct_fields__},
    }
