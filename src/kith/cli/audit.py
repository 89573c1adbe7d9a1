"""`kith audit`: who changed what of which contact."""

import click

from kith.actions import audit as actions
from kith.actions.workspaces import Acting
from kith.api import gives, takes
from kith.cli.acting import in_workspace, scan, taken
from kith.cli.common import as_json, print_json
from kith.cli.showing import print_changes


@click.command()
@in_workspace
@click.option("--contact", "contact_id", metavar="ID", help="Of this contact only.")
@click.option(
    "--limit",
    type=click.IntRange(1, actions.PAGE_MAX),
    default=50,
    show_default=True,
    help="How many changes at most.",
)
@click.option("--cursor", help="Go on where an earlier call ended; that call names it.")
@as_json
def audit(workspace: str | None, as_json: bool, limit: int, **where: str | None) -> None:
    """Show who changed which contact, when and what, newest first.

    With --json also how it was before and after. "operator" is whoever ran a command without
    --user.

    \b
    Examples:
      kith audit
      kith audit --contact 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 --limit 500
    """
    given = taken(takes.LIST_AUDIT, {**where, "limit": limit})
    page = scan(actions.list_entries, given, Acting(workspace=workspace))
    if as_json:
        print_json(gives.listed_audit(page))
    elif not page.entries:
        click.echo(_nothing(where["contact_id"]))
    else:
        print_changes(page.entries)
        if page.next_cursor is not None:
            click.echo(f"\nOlder ones: --cursor {page.next_cursor}")


def _nothing(contact_id: str | None) -> str:
    if contact_id is None:
        return "Nothing has changed yet. Make a contact with: kith contact create --phone ..."
    return "Nothing is known of that contact. `kith audit` shows the changes of all."
