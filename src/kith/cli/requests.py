"""`kith requests`: customers of shops who want to see what is held on them."""

from pathlib import Path

import click

from kith.actions import personal_data, shop_privacy
from kith.actions.workspaces import Acting
from kith.api import exports
from kith.api.data_requests import answer as rendered
from kith.cli.acting import in_workspace, read, scan, write
from kith.cli.common import as_json, document, print_json, print_table, printable
from kith.cli.contact import write_new
from kith.domain.contacts import ContactKey
from kith.domain.data_requests import DataRequest
from kith.domain.times import wire, wire_or_none


@click.group()
def requests() -> None:
    """Answer customers of shops who ask what is held on them.

    They have a right to it within 30 days; `kith requests list` says how many wait.
    """


@requests.command("list")
@in_workspace
@as_json
def list_(workspace: str | None, as_json: bool) -> None:
    """Show who asked, those not answered first; at most 1,000.

    \b
    Example:
      kith requests list
    """
    found = read(shop_privacy.list_requests, None, Acting(workspace=workspace))
    if as_json:
        print_json([rendered(one) for one in found])
    elif not found:
        click.echo("Nobody asked.")
    else:
        rows = [
            (one.id, one.customer, one.contact_id, one.shop, wire(one.due_at),
             wire_or_none(one.closed_at))
            for one in found
        ]  # fmt: skip
        print_table(("REQUEST", "CUSTOMER", "CONTACT", "SHOP", "DUE", "ANSWERED"), rows)
        click.echo(f"\n{_summary(found)}")


def _summary(found: list[DataRequest]) -> str:
    due = [one.due_at for one in found if one.closed_at is None]
    if not due:
        return "All of them are answered."
    waiting = "1 waits for your answer" if len(due) == 1 else f"{len(due)} wait for your answer"
    return f"{waiting}, the first until {wire(min(due))}: `kith requests answer`."


@requests.command("answer")
@click.argument("request_id", metavar="ID")
@click.option(
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="Write what is held to this new file, which only you may read.",
)
@in_workspace
@as_json
def answer(request_id: str, output: Path, workspace: str | None, as_json: bool) -> None:
    """Write what is held on who asked to a file for them. It is noted as done.

    \b
    Example:
      kith requests answer 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 --output bob.json
    """
    acting = Acting(workspace=workspace)
    asked = read(shop_privacy.show_request, request_id, acting)
    if asked.contact_id is not None:
        held = scan(personal_data.export, ContactKey(contact_id=asked.contact_id), acting)
        write_new(output, document(exports.answer(held), is_indented=True))
    closed = write(shop_privacy.close_request, request_id, acting)
    if as_json:
        print_json(rendered(closed))
    elif asked.contact_id is None:
        click.echo("Nothing is held on them: there is no file to give.")
    else:
        click.echo(f"Written to {printable(str(output))}, which only you may read.")
