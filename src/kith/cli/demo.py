"""`kith demo`: a workspace to play with, or a large one to measure with."""

import asyncio
import sys

import click

from kith.actions import demo as actions
from kith.actions.demo import Batch, Opened, Span
from kith.actions.run import Runner
from kith.cli.common import address, as_json, print_json, run, settings_of, stoppable
from kith.domain import demo as rule

BATCH_CONTACTS = 20_000
WRITER_CACHE_MB = 512
"""A million contacts come in no order that their indexes know: these must stay in memory."""


@click.command()
@click.option(
    "--contacts",
    type=click.IntRange(0, rule.NUMBER_MAX),
    default=1000,
    show_default=True,
    help="How many invented contacts, beside the documents' example.",
)
@click.option(
    "--whatsapp", is_flag=True, help="Play a conversation on WhatsApp; no account is needed."
)
@as_json
def demo(contacts: int, whatsapp: bool, as_json: bool) -> None:
    """Make a demo workspace full of invented contacts.

    Run it again to get a new token: what is there stays, and only missing contacts are added.
    Nobody in it is real, and neither is their consent.

    \b
    Examples:
      kith demo
      kith demo --contacts 1000000
      kith demo --whatsapp
    """
    settings = settings_of()
    if whatsapp:
        from kith.cli import demo_whatsapp  # it needs the server, which takes its time

        demo_whatsapp.show(as_json=as_json)
        return
    with stoppable():
        opened = run(
            lambda runner: _fill(runner, contacts),
            writer_cache_mb=WRITER_CACHE_MB,
            is_bulk=True,
            may_make=True,
        )
    if as_json:
        print_json(opened)
        return
    click.echo(f"""\
The demo workspace holds {opened.contacts:,} contacts. A token for it:

  {opened.token}

Start the server, unless it runs already:

  kith serve

and ask, from another terminal, who +14155550123 is:

  curl -X POST {address(settings)}/api/v1/actions/get-contact \\
    -H "Authorization: Bearer {opened.token}" \\
    -H "Content-Type: application/json" \\
    -d '{{"phone": "+14155550123"}}'
""")


async def _fill(runner: Runner, contacts: int) -> Opened:
    """Batch by batch: a run that was stopped goes on where it was."""
    workspace = await runner.write(actions.prepare, None)
    with click.progressbar(
        length=contacts, label="Contacts", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for first in range(1, contacts + 1, BATCH_CONTACTS):
            last = min(first + BATCH_CONTACTS - 1, contacts)
            numbers = await runner.read(actions.missing, Span(workspace, first, last))
            # Made before the transaction: a server on the same file writes in the meantime.
            made = [rule.contact(number, id=runner.new_id()) for number in numbers]
            if made:
                # Whoever stops it waits for the batch, and knows then that it is there.
                await asyncio.shield(runner.write(actions.add, Batch(workspace, made)))
            bar.update(last - first + 1)
    return await runner.write(actions.open_up, workspace)
