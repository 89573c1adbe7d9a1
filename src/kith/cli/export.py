"""`kith export`: every contact of a workspace as CSV."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from kith.actions import exports, workspaces
from kith.actions.run import Runner
from kith.actions.workspaces import Acting
from kith.cli import files
from kith.cli.acting import in_workspace
from kith.cli.common import printable, run


@click.command()
@click.argument(
    "path", metavar="[FILE]", type=click.Path(dir_okay=False, path_type=Path), required=False
)
@in_workspace
def export(path: Path | None, workspace: str | None) -> None:
    """Write every contact of a workspace as CSV.

    To FILE, a new one which only you may read, or to standard output.

    A spreadsheet runs nothing that stands in it. Imported again, it changes nothing.

    \b
    Examples:
      kith export everybody.csv
      kith export > everybody.csv
    """
    acting = Acting(workspace=workspace)
    if path is None:
        run(lambda runner: _write(runner, acting, sys.stdout.buffer))
        return
    with files.new(path, otherwise="give FILE another name") as file:
        count = run(lambda runner: _write(runner, acting, file))
    told = f"{count:,} contacts are in {path}, which only you may read."
    click.echo(printable(told), err=True)


async def _write(runner: Runner, acting: Acting, file: BinaryIO) -> int:
    caller = await runner.read(workspaces.caller, acting)
    file.write(exports.HEADER.encode())
    count, after = 0, None
    while True:
        lines = await runner.scan(exports.page, after, caller)
        file.write(lines.text.encode())
        count, after = count + lines.count, lines.after
        if after is None:
            file.flush()
            return count
