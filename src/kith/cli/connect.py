"""`kith connect`: the other systems that write to a workspace."""

from datetime import timedelta
from typing import Any

import click

from kith.actions import connections, whatsapp_connections
from kith.actions.connections import NewConnection, Rotate
from kith.actions.whatsapp_connections import ChangeWhatsApp, ConnectWhatsApp
from kith.cli.acting import Asked, check_terminal, in_workspace, wrong_usage
from kith.cli.common import (
    as_json,
    print_json,
    print_table,
    printable,
    read,
    write,
)
from kith.cli.connect_shops import (
    change_shop,
    named,
    poll,
    polled,
    polled_as_dict,
    shopify,
    show,
    woocommerce,
)
from kith.cli.connect_widget import as_dict, change_widget, widget
from kith.domain.connections import FORMER_KEPT, System
from kith.domain.times import wire
from kith.errors import Refused

SIGNED: tuple[System, ...] = ("shopify", "woocommerce")
"""What comes from these is signed with a secret that their own pages show."""
HOURS_MAX = 24 * 365

_IN_ZAPIER = """
In Zapier, add the step "Webhooks by Zapier", event POST, and enter:

  URL            the address above
  Payload Type   Json
  Data           phone (needed), name, email, tags, metadata__..., consent__...
  Unflatten      yes
  Headers        Authorization: Bearer TOKEN

TOKEN is what `kith token create --scope write` shows. Triggers and the other steps are in
Kith's own Zapier app, which needs no connection: docs/guide/zapier.md."""


@click.group()
def connect() -> None:
    """Let other systems write to a workspace.

    Show, rotate and remove such connections."""


@connect.command()
@click.option(
    "--phone-number-id",
    "number_ids",
    multiple=True,
    required=True,
    metavar="ID",
    help="WhatsApp's id of a number of the business; may be given several times.",
)
@click.option(
    "--business-account-id",
    "account_id",
    required=True,
    metavar="ID",
    help="WhatsApp's id of the account that the numbers are of.",
)
@click.option("--access-token", cls=Asked, help="With which messages are sent.")
@click.option("--app-secret", cls=Asked, help="By which Meta signs what it sends.")
@click.option(
    "--verify-token",
    cls=Asked,
    help="Whatever you make up and enter beside the address.",
)
@click.option(
    "--graph-url", metavar="URL", help="Where Meta's API is.  [default: https://graph.facebook.com]"
)
@named
@in_workspace
@as_json
def whatsapp(as_json: bool, **given: Any) -> None:
    """Receive and send WhatsApp messages of your business.

    Secrets that are not given are asked for.

    \b
    Example:
      kith connect whatsapp --phone-number-id 106540352242922 --business-account-id 102290129340398
    """
    made = write(whatsapp_connections.connect, ConnectWhatsApp(**given))
    show(made, as_json=as_json)


@connect.command("change-whatsapp")
@click.argument("connection_id", metavar="ID")
@click.option(
    "--phones-only/--write-to-ids",
    default=None,
    help="Whether people without a known phone are written to by WhatsApp's id of them.",
)
@click.option(
    "--may-send",
    is_flag=True,
    help="What WhatsApp had against the numbers is settled: they are tried again at once.",
)
@click.option(
    "--phone-number-id",
    "number_ids",
    multiple=True,
    metavar="ID",
    help="Of one of its numbers; may be given several times.  [default: all]",
)
@as_json
def change_whatsapp(as_json: bool, **given: Any) -> None:
    """Choose whom WhatsApp writes to, or let numbers send.

    With --phones-only it writes to no WhatsApp ids of people, which Meta gives to one account after
    the other; a new connection does both.

    \b
    Examples:
      kith connect change-whatsapp 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 --phones-only
      kith connect change-whatsapp 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 --may-send
    """
    wanted = ChangeWhatsApp(**given)
    if wanted.phones_only is None and not wanted.may_send:
        raise click.UsageError("Give --phones-only, --write-to-ids or --may-send.")
    changed = write(whatsapp_connections.change, wanted)
    if as_json:
        print_json(
            {
                "connection": changed.connection.id,
                "phone_number_ids": changed.number_ids,
                "phones_only": wanted.phones_only,
                "may_send": wanted.may_send,
            }
        )
        return
    numbers = ", ".join(changed.number_ids)
    if wanted.phones_only is not None:
        whom = "phones only" if wanted.phones_only else "phones and WhatsApp's ids of people"
        click.echo(f"{numbers}: writes to {whom} from now on.")
    if wanted.may_send:
        click.echo(f"{numbers}: may send again, unless WhatsApp says otherwise.")


@connect.command()
@named
@in_workspace
@as_json
def zapier(name: str | None, workspace: str | None, as_json: bool) -> None:
    """Take contacts that a Zap posts.

    It proves itself by a token of the workspace.

    \b
    Example:
      kith connect zapier
    """
    new = NewConnection(system="zapier", secrets={}, name=name, workspace=workspace)
    show(write(connections.create, new), as_json=as_json)
    if not as_json:
        click.echo(_IN_ZAPIER)


for command in (shopify, woocommerce, change_shop, poll):
    connect.add_command(command)
connect.add_command(widget)
connect.add_command(change_widget)


@connect.command("list")
@click.option("--workspace", help="Id or name.  [default: all]")
@as_json
def list_(workspace: str | None, as_json: bool) -> None:
    """Show connections, oldest first, without their secrets.

    \b
    Example:
      kith connect list
    """
    found = read(connections.list_all, workspace)
    if as_json:
        print_json(
            [
                {**polled_as_dict(one.connection, one.poll), "workspace": one.workspace}
                for one in found
            ]
        )
    elif not found:
        click.echo("No connections yet. Make one, for example with: kith connect shopify")
    else:
        headings = ("CONNECTION", "SYSTEM", "NAME", "WORKSPACE", "SINCE", "POLLED")
        rows = [
            (one.connection.id, one.connection.system, one.connection.name, one.workspace,
             wire(one.connection.created_at), polled(one.connection, one.poll))
            for one in found
        ]  # fmt: skip
        print_table(headings, rows)


@connect.command()
@click.argument("connection_id", metavar="ID")
@click.option("--secret", help="By which the other system signs; asked for if nothing is given.")
@click.option("--app-secret", help="By which Meta signs what it sends.")
@click.option(
    "--access-token", help="With which messages are sent by WhatsApp, or a Shopify shop is polled."
)
@click.option("--consumer-key", help="With which a WooCommerce shop is polled.")
@click.option("--consumer-secret", help="What belongs to the consumer key.")
@click.option("--verify-token", help="What is entered beside the address at Meta's.")
@click.option(
    "--keep-hours",
    type=click.IntRange(0, HOURS_MAX),
    default=int(FORMER_KEPT / timedelta(hours=1)),
    show_default=True,
    help="How long the secret of before still counts.",
)
@as_json
def rotate(connection_id: str, keep_hours: int, as_json: bool, **secrets: str | None) -> None:
    """Put new secrets in force. Those of before count for a while, so that nothing is refused.

    \b
    Examples:
      kith connect rotate 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 --keep-hours 1
      kith connect rotate 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 --access-token "$WHATSAPP_TOKEN"
    """
    new = {name: value for name, value in secrets.items() if value is not None}
    given = Rotate(
        connection_id=connection_id,
        secrets=new or {"secret": _asked(connection_id)},
        former_kept=timedelta(hours=keep_hours),
    )
    rotated = write(whatsapp_connections.rotate, given)
    if as_json:
        print_json(as_dict(rotated))
    else:
        until = wire(rotated.former_until) if rotated.former_until else "now"
        click.echo(f"The new secret is in force; the one of before counts until {until}.")


@connect.command()
@click.argument("connection_id", metavar="ID")
@as_json
def remove(connection_id: str, as_json: bool) -> None:
    """Take nothing more by a connection. What came in by it stays.

    \b
    Example:
      kith connect remove 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """
    removed = write(connections.remove, connection_id)
    if as_json:
        print_json({"connection": removed.id, "removed": True})
    else:
        click.echo(f"{printable(removed.name)} is removed; {removed.path} answers 404 from now on.")


def _asked(connection_id: str) -> str:
    """The new secret of a shop; of others there is none that somebody could be asked for."""
    known = read(connections.find, connection_id)
    if known.system == "whatsapp":
        raise wrong_usage("Give what is new: --app-secret, --access-token or --verify-token.")
    if known.system not in SIGNED:
        raise Refused(f"A connection with {known.system} has no secret of yours to rotate.")
    check_terminal("give --secret")
    secret: str = click.prompt("Secret", hide_input=True)
    return secret
