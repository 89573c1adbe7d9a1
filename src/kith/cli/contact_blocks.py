"""`kith contact block` and `unblock`: to whom nothing is sent because an operator says so."""

import click

from kith.actions import blocks
from kith.actions.workspaces import Acting
from kith.api import blocks as wire
from kith.cli.acting import for_user, in_workspace, taken, write
from kith.cli.common import as_json, print_json

by_id = click.option("--id", "contact_id", metavar="ID", help="Their id, as answers show it.")
by_phone = click.option("--phone", help="Their phone, in any international spelling.")
to_note = click.option("--note", help="Why, for the audit log.")


@click.command()
@by_id
@by_phone
@to_note
@in_workspace
@for_user
@as_json
def block(workspace: str | None, user: str | None, as_json: bool, **given: str | None) -> None:
    """Send a contact nothing more, whatever they agreed to.

    \b
    Example:
      kith contact block --phone +14155550123 --note "Threatened a colleague."
    """
    wanted = taken(wire.BLOCK_CONTACT, given)
    done = write(blocks.block, wanted, Acting(workspace=workspace, user=user))
    if as_json:
        print_json(wire.blocked(done))
    else:
        click.echo(f"Contact {done.contact.id} is blocked.")


@click.command()
@by_id
@by_phone
@click.option(
    "--reason",
    type=click.Choice(wire.LIFTED),
    help="Which reason is to go; all but your own block need --note.  [default: blocked]",
)
@to_note
@in_workspace
@for_user
@as_json
def unblock(workspace: str | None, user: str | None, as_json: bool, **given: str | None) -> None:
    """Take a block away.

    An operator's, or one that WhatsApp gave cause for.

    With `identity_changed` you say that the number is still theirs, with `country_restricted` that
    WhatsApp lets you write to their country again.

    \b
    Examples:
      kith contact unblock --phone +14155550123
      kith contact unblock --phone +14155550123 --reason identity_changed --note "A new phone."
    """
    wanted = taken(wire.UNBLOCK_CONTACT, given)
    done = write(blocks.unblock, wanted, Acting(workspace=workspace, user=user))
    if as_json:
        print_json(wire.blocked(done))
    else:
        still = "; an operator blocks them still" if done.since is not None else ""
        click.echo(f"Contact {done.contact.id} is free of the reason {wanted.reason}{still}.")
