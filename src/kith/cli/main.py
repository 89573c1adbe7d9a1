"""`kith`: every command, and how a failure is told."""

import sys
from importlib import import_module

import click

from kith.cli import output
from kith.cli.common import (
    EXIT_CONFIG,
    EXIT_REFUSED,
    EXIT_STORAGE,
    EXIT_USAGE,
    log_as_text,
    sentence,
)
from kith.errors import AppError, CannotStart

SUMMARIES = {
    "serve": "Serve the API, its reference page, and what comes in.",
    "work": "Read what came in and send what goes out, beside a server.",
    "init": "Make a workspace, its first user and a token.",
    "demo": "Make a demo workspace full of invented contacts.",
    "contact": "Look up, write, search, merge, export and erase people.",
    "import": "Bring contacts in from a CSV file.",
    "export": "Write every contact of a workspace as CSV.",
    "connect": "Let other systems write to a workspace.",
    "inbox": "Show what came in and could not be read.",
    "requests": "Answer customers of shops who ask what is held on them.",
    "audit": "Show who changed which contact, when and what, newest first.",
    "templates": "Know the templates that Meta has approved.",
    "workspace": "Show and change what holds in a workspace.",
    "token": "Make, list and revoke the tokens of programs.",
    "user": "Add, list and shut out the people of a workspace.",
    "migrate": "Bring the database's schema up to date.",
    "adopt-key": "Go on with another KITH_SECRET_KEY.",
    "check": "Show the settings and check the database.",
}
"""Of every command, in the order in which they are listed: what its own help begins with."""


class Commands(click.Group):
    """Each command is imported when it is called: the server starts without the others, and the
    list of them needs none."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(SUMMARIES)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in SUMMARIES:
            return None
        # A word of Python's own, and one that is no name there.
        name = {"import": "import_", "adopt-key": "adopt_key"}.get(name, name)
        command: click.Command = getattr(import_module(f"kith.cli.{name}"), name)
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*SUMMARIES.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings come from KITH_* variables; `kith check` shows them.",
)
@click.version_option(package_name="kith")
def kith() -> None:
    """Who is this person, may I write to them, and may I do so for free right now?

    \b
    A first try:
      kith demo --contacts 1000    make a workspace to play with; prints a token
      kith serve                   answer requests on http://127.0.0.1:8000
    \b
    For real:
      kith init --workspace "Acme Co." --email ana@example.com
      kith serve
    """


def main() -> None:
    """Exit statuses: 0 done, 1 refused, 2 wrong usage, 74 disk failure, 78 must not run so."""
    output.take_over()
    log_as_text()
    if not all(map(_is_text, sys.argv)):
        click.echo("kith: The arguments must be UTF-8 text.", err=True)
        sys.exit(EXIT_USAGE)
    try:
        kith(prog_name="kith")
    except CannotStart as error:
        click.echo(f"kith: {sentence(error)}", err=True)
        sys.exit(EXIT_CONFIG)
    except AppError as error:
        click.echo(f"kith: {sentence(error)}", err=True)
        sys.exit(EXIT_REFUSED)
    except output.CannotPrint as failure:
        output.give_up()
        if failure.reason:
            told = f"Standard output cannot be written: {failure.reason}."
            click.echo(f"kith: {told} What was done until then is saved.", err=True)
        sys.exit(EXIT_STORAGE)


def _is_text(argument: str) -> bool:
    """False when the terminal sent bytes that are not UTF-8: the database takes none."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
