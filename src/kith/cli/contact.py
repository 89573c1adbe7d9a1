"""`kith contact`: the people that a business writes to."""

from pathlib import Path

import click

from kith.actions import contact_lists, contacts, look_ups, personal_data
from kith.actions.workspaces import Acting
from kith.api import exports, gives, identity, takes, upserts
from kith.cli import contact_blocks, contact_merges, files
from kith.cli.acting import (
    check_terminal,
    decoded,
    for_user,
    in_workspace,
    read,
    scan,
    taken,
    write,
    wrong_usage,
)
from kith.cli.common import as_json, document, print_fields, print_json, printable
from kith.cli.showing import print_contacts, print_more, print_written
from kith.domain import json
from kith.domain.contacts import ContactKey
from kith.errors import Refused

by_id = click.option("--id", "contact_id", metavar="ID", help="Their id, as answers show it.")
by_phone = click.option("--phone", help="Their phone, in any international spelling.")
to_email = click.option("--email", help="Their e-mail address.")
to_name = click.option("--name", help="What they are called.")
to_metadata = click.option(
    "--metadata",
    metavar="JSON",
    help='A JSON object of your own, such as \'{"shopify_id": "12345"}\'; merged key by key.',
)


@click.group()
def contact() -> None:
    """Look up, write, search, merge, export and erase people."""


@contact.command()
@by_id
@by_phone
@to_email
@click.option("--wa-id", help="What WhatsApp calls their account: digits.")
@click.option("--bsuid", help="WhatsApp's business-scoped user id, such as US.1349120865530274.")
@click.option("--username", help="Their WhatsApp username.")
@click.option("--external-id", help="Their id in another system, such as shopify:12345.")
@click.option(
    "--expand",
    type=click.Choice(takes.EXPANSIONS),
    multiple=True,
    help="Show more; may be given several times.",
)
@in_workspace
@as_json
def get(workspace: str | None, expand: tuple[str, ...], as_json: bool, **key: str | None) -> None:
    """Show one contact, by id, phone, e-mail or a further name.

    Several may share an e-mail address: the one with the newest message is shown.

    \b
    Examples:
      kith contact get --phone "+1 415 555 0123"
      kith contact get --email romain@example.com --expand history
    """
    given = taken(identity.GET_CONTACT, {**key, "expand": list(expand)})
    found = read(look_ups.get, given, Acting(workspace=workspace))
    if as_json:
        print_json(gives.contact(found))
        return
    assert found.document is not None, "nobody has named a version"
    print_fields(json.decode_object(bytes(found.document)))
    if found.more is not None:
        print_more(found.more)


@contact.command()
@click.option("--phone", required=True, help="Their phone, in any international spelling.")
@to_name
@to_email
@click.option("--tags", help='A comma list, such as "vip, fr-FR"; added to those there.')
@to_metadata
@in_workspace
@for_user
@as_json
def create(workspace: str | None, user: str | None, as_json: bool, **given: str | None) -> None:
    """Make the contact of a phone, or add to it when there is one.

    What is left out stays as it is, and consent is never touched.

    \b
    Example:
      kith contact create --phone +14155550123 --name Romain --tags "vip, fr-FR"
    """
    wanted = taken(upserts.CREATE_CONTACT, {**given, "metadata": decoded(given["metadata"])})
    saved = write(contacts.save, wanted, Acting(workspace=workspace, user=user))
    answer = gives.saved_contact(saved)
    if as_json:
        print_json(answer)
    else:
        print_written(answer, saved)


@contact.command()
@by_id
@by_phone
@click.option("--name", help='What they are called; "" clears it.')
@click.option("--email", help='Their e-mail address; "" clears it.')
@click.option("--tags", help='A comma list that replaces all their tags; "" clears them.')
@to_metadata
@in_workspace
@for_user
@as_json
def update(workspace: str | None, user: str | None, as_json: bool, **given: str | None) -> None:
    """Change some fields of a contact, found by id or phone.

    What is left out stays as it is.

    \b
    Examples:
      kith contact update --phone +14155550123 --name "Romain B." --tags vip
      kith contact update --phone +14155550123 --email "" --user ana@example.com
    """
    if all(given[name] is None for name in ("name", "email", "tags", "metadata")):
        raise wrong_usage("Give what to change: --name, --email, --tags or --metadata.")
    wanted = taken(takes.UPDATE_CONTACT, {**given, "metadata": decoded(given["metadata"])})
    updated = write(contacts.update, wanted, Acting(workspace=workspace, user=user))
    answer = gives.updated_contact(updated)
    if as_json:
        print_json(answer)
    else:
        print_written(answer, updated)


@contact.command()
@click.argument("query", required=False)
@click.option("--tag", help="Who carries exactly this tag.")
@click.option("--email", help="Who has exactly this e-mail address.")
@in_workspace
@as_json
def search(workspace: str | None, as_json: bool, **given: str | None) -> None:
    """Find contacts by part of a name, phone or e-mail. At most 50.

    The most recently active come first. Case does not matter. Without QUERY or an option, the 50
    most recently active are shown.

    \b
    Examples:
      kith contact search romain
      kith contact search --tag vip
    """
    filters = taken(takes.SEARCH_CONTACTS, given)
    found = scan(contact_lists.search, filters, Acting(workspace=workspace))
    if as_json:
        print_json(gives.searched_contacts(found))
    elif not found and filters == takes.SEARCH_CONTACTS.convert({}):
        click.echo("No contacts yet. Make one with: kith contact create --phone ...")
    elif not found:
        click.echo("Nobody is found. Try a shorter part of the name, phone or e-mail address.")
    else:
        print_contacts(found)
        if len(found) == contact_lists.SEARCH_MAX:
            click.echo(f"\nThere may be more than these {len(found)}; search for something longer.")


@contact.command()
@by_id
@by_phone
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@in_workspace
@for_user
@as_json
def delete(
    workspace: str | None, user: str | None, is_sure: bool, as_json: bool, **key: str | None
) -> None:
    """Erase a contact and all that identifies it, for good.

    It shows who is meant and asks first. The audit log keeps that it happened, and an opt-out stays
    in force should the contact be made anew.

    \b
    Examples:
      kith contact delete --phone +14155550123
      kith contact delete --phone +14155550123 --yes --user ana@example.com
    """
    meant, acting = taken(takes.DELETE_CONTACT, key), Acting(workspace=workspace, user=user)
    if not is_sure:
        meant = _confirmed(meant, acting)
    erased = write(personal_data.erase, meant, acting)
    if as_json:
        print_json(gives.deleted_contact(erased))
    else:
        click.echo(f"Contact {erased.id} is erased; the audit log keeps that it happened.")


@contact.command()
@by_id
@by_phone
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to this new file, which only you may read.  [default: standard output]",
)
@in_workspace
@as_json
def export(workspace: str | None, output: Path | None, as_json: bool, **key: str | None) -> None:
    """Give everything held on one person, as one JSON document.

    It is indented for people; --json gives it on one line.

    \b
    Example:
      kith contact export --phone +14155550123 --output romain.json
    """
    given = taken(takes.EXPORT_CONTACT, key)
    held = scan(personal_data.export, given, Acting(workspace=workspace))
    text = document(exports.answer(held), is_indented=not as_json)
    if output is None:
        click.echo(text)
        return
    write_new(output, text)
    if not as_json:
        click.echo(f"Written to {printable(str(output))}, which only you may read.")


for command in (
    contact_blocks.block,
    contact_blocks.unblock,
    contact_merges.duplicates,
    contact_merges.merge,
    contact_merges.unmerge,
):
    contact.add_command(command)


def _confirmed(meant: ContactKey, acting: Acting) -> ContactKey:
    """The contact that was shown and agreed to, whoever has its phone by then."""
    check_terminal("add --yes to erase without being asked")
    known = read(contacts.find, meant, acting)
    parts = (known.name, known.phone, known.email, known.id)
    who = ", ".join(printable(part) for part in parts if part)
    # On standard error: --json promises that nothing else stands on standard output.
    if not click.confirm(f"Erase {who} for good?", err=True):
        raise Refused("Nothing was erased.")
    return ContactKey(contact_id=known.id)


def write_new(path: Path, text: str) -> None:
    """Never over a file that is there; for nobody else's eyes, as it holds one person's data."""
    with files.new(path, otherwise="give --output another name") as file:
        file.write(f"{text}\n".encode())
