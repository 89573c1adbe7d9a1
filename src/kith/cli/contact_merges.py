"""`kith contact duplicates`, `merge` and `unmerge`: one person who is there twice."""

import click

from kith.actions import duplicates as finding
from kith.actions import merges, unmerges
from kith.actions.merges import Merged
from kith.actions.workspaces import Acting
from kith.api import merges as merging
from kith.cli.acting import for_user, in_workspace, scan, taken, write
from kith.cli.common import as_json, print_fields, print_json, print_table
from kith.domain.contacts import Contact


@click.command()
@click.option("--cursor", metavar="ID", help="Where the page before ended.")
@click.option("--limit", type=int, help="How many at most, up to 500.  [default: 100]")
@in_workspace
@as_json
def duplicates(workspace: str | None, as_json: bool, **given: str | int | None) -> None:
    """Show contacts that may be one person, and why.

    They have the same e-mail address, or one number in WhatsApp's two spellings, or WhatsApp
    reported a name of one for the other. Nothing is merged.

    \b
    Example:
      kith contact duplicates
    """
    wanted = merging.FIND_DUPLICATES.convert(given)
    page = scan(finding.find, wanted, Acting(workspace=workspace))
    if as_json:
        print_json(merging.found_duplicates(page))
        return
    rows = [
        (*_who(one.contact), *_who(other.contact), _why(other))
        for one in page.found
        for other in one.others
    ]
    if rows:
        headings = ("NAME", "PHONE", "ID", "NAME", "PHONE", "ID", "WHY")
        print_table(headings, rows)
    elif page.next_cursor is None:
        click.echo("Nobody is there twice.")
    if page.next_cursor is not None:
        click.echo(f"\nThere may be more: add --cursor {page.next_cursor}")


@click.command()
@click.argument("contact_id")
@click.argument("into")
@click.option("--dry-run", is_flag=True, help="Show what would be, and change nothing.")
@in_workspace
@for_user
@as_json
def merge(
    contact_id: str, into: str, dry_run: bool, workspace: str | None, user: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Let CONTACT_ID live on in INTO, who keeps its own values.

    The merged id keeps answering, and `kith contact unmerge` makes two of them again.

    \b
    Example:
      kith contact merge 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 \\
        0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a62 --dry-run
    """
    given = {"contact_id": contact_id, "into": into, "dry_run": dry_run}
    wanted = taken(merging.MERGE_CONTACTS, given)
    done = write(merges.merge, wanted, Acting(workspace=workspace, user=user))
    if as_json:
        print_json(merging.merged(done))
    else:
        _print_merged(done)


@click.command()
@click.option("--id", "contact_id", metavar="ID", help="The id that was merged.")
@click.option("--merge", "merge_id", metavar="ID", help="The id of the merge.")
@in_workspace
@for_user
@as_json
def unmerge(workspace: str | None, user: str | None, as_json: bool, **given: str | None) -> None:
    """Undo a merge: two contacts again, as they were.

    What WhatsApp told since by a number of the contact that is back goes with it; all else that
    was written since stays with the survivor.

    \b
    Example:
      kith contact unmerge --id 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """
    wanted = taken(merging.UNMERGE_CONTACTS, given)
    done = write(unmerges.unmerge, wanted, Acting(workspace=workspace, user=user))
    if as_json:
        print_json(merging.unmerged(done))
        return
    click.echo(f"Contact {done.contact.id} is back, beside {done.survivor.id}.")


def _print_merged(done: Merged) -> None:
    survivor = done.contact
    if done.merge_id is None:
        click.echo(f"Nothing was changed. {done.merged_id} would live on in {survivor.id}:\n")
    else:
        click.echo(f"{done.merged_id} lives on in {survivor.id}; merge {done.merge_id}.\n")
    gained = merging.merged(done).gained
    print_fields(
        {
            "identities": [f"{one.kind} {one.value}" for one in gained.identities],
            "fields": gained.fields,
            "tags": gained.tags,
            "metadata": gained.metadata,
            "messages": gained.messages,
        }
    )


def _who(one: Contact) -> tuple[str | None, str | None, str]:
    return one.name, one.phone, one.id


def _why(other: finding.Other) -> str:
    return " and ".join(other.why) + (", by the numbering plan" if other.is_inferred else "")
