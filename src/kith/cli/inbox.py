"""`kith inbox`: what came in and was not read yet."""

import click

from kith.actions import inbox as actions
from kith.actions.inbox import InWorkspace
from kith.cli.acting import in_workspace
from kith.cli.common import as_json, print_fields, print_json, print_table, printable, read, write
from kith.domain.inbox import Message
from kith.domain.times import wire


@click.group()
def inbox() -> None:
    """Show what came in and could not be read. Have it read again."""


@inbox.command("list")
@in_workspace
@as_json
def list_(workspace: str | None, as_json: bool) -> None:
    """Show what is in quarantine and what waits to be read.

    At most 1,000 of each.

    \b
    Example:
      kith inbox list
    """
    found = read(actions.list_unread, workspace)
    if as_json:
        print_json([_as_dict(one) for one in found])
    elif not found:
        click.echo("Everything that came in was read.")
    else:
        rows = [(one.id, one.system, one.state, wire(one.received_at), one.reason) for one in found]
        print_table(("MESSAGE", "SYSTEM", "STATE", "RECEIVED", "REASON"), rows)


@inbox.command()
@click.argument("message_id", metavar="ID")
@in_workspace
@as_json
def show(message_id: str, workspace: str | None, as_json: bool) -> None:
    """Show a message with its body, as it came; it may hold personal data.

    \b
    Example:
      kith inbox show 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """
    found = read(actions.show, InWorkspace(message_id=message_id, workspace=workspace))
    body = found.body.decode(errors="replace") if found.body is not None else None
    if as_json:
        print_json({**_as_dict(found), "headers": found.headers, "body": body})
        return
    print_fields({**_as_dict(found), **found.headers})
    click.echo(f"\n{printable(body)}" if body is not None else "\nIt was read; its body is gone.")


@inbox.command()
@click.argument("message_id", metavar="ID")
@in_workspace
@as_json
def replay(message_id: str, workspace: str | None, as_json: bool) -> None:
    """Have a message in quarantine read once more.

    It helps after an upgrade, for example.

    \b
    Example:
      kith inbox replay 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """
    found = write(actions.replay, InWorkspace(message_id=message_id, workspace=workspace))
    if as_json:
        print_json(_as_dict(found))
    else:
        click.echo("It waits to be read again; `kith inbox list` shows whether it could be.")


def _as_dict(one: Message) -> dict[str, object]:
    return {
        "id": one.id,
        "connection": one.connection_id,
        "system": one.system,
        "state": one.state,
        "reason": one.reason,
        "received_at": wire(one.received_at),
    }
