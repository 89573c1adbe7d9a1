"""`kith connect widget` and `change-widget`: forms on web pages by which people opt in."""

import click

from kith.actions import widgets
from kith.actions.widgets import ChangeWidget, NewWidget
from kith.cli.acting import in_workspace
from kith.cli.common import address, as_json, print_json, printable, settings_of, write
from kith.domain import opt_ins
from kith.domain.connections import Connection
from kith.domain.times import wire, wire_or_none

origins = click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Of pages that may show the form, such as https://shop.example; may be repeated.",
)
wording = click.option("--wording", help="What people agree to, in the language of your pages.")
version = click.option("--wording-version", help="What you know this wording by.")
whatsapp = click.option(
    "--whatsapp", metavar="PHONE", help="Your WhatsApp number, to which people confirm."
)
tags = click.option(
    "--tag", "tags", multiple=True, help="For everybody who opts in by this form; may be repeated."
)


@click.command()
@origins
@wording
@version
@whatsapp
@tags
@click.option("--name", help="What you will know it by.  [default: widget]")
@in_workspace
@as_json
def widget(
    origins: tuple[str, ...],
    wording: str | None,
    wording_version: str | None,
    whatsapp: str | None,
    tags: tuple[str, ...],
    name: str | None,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Show a form on your web pages by which people opt in. Its key is the connection's id.

    \b
    Example:
      kith connect widget --origin https://shop.example --whatsapp +14155550100
    """
    if not origins:
        raise click.UsageError("Give at least one --origin, such as https://shop.example.")
    given = NewWidget(
        origins=origins,
        wording=wording,
        wording_version=wording_version,
        whatsapp=whatsapp,
        tags=tags,
        name=name,
        workspace=workspace,
    )
    made = write(widgets.create, given)
    if as_json:
        print_json(as_dict(made))
        return
    server = address(settings_of())
    number = opt_ins.terms_of(made).whatsapp
    click.echo(f"""\
Connection  {printable(made.name)}  ({made.id})
Path        {made.path}

Put this where the form is to stand, with the public name of your server:

  <script src="{server}/widget.js" data-key="{made.id}" async></script>""")
    if number is None:
        click.echo("""
People are shown a message to send to you, but not where to: give your number with
kith connect change-widget --whatsapp.""")


@click.command()
@click.argument("connection_id", metavar="ID")
@origins
@wording
@version
@whatsapp
@tags
@as_json
def change_widget(
    connection_id: str,
    origins: tuple[str, ...],
    wording: str | None,
    wording_version: str | None,
    whatsapp: str | None,
    tags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change a form on your web pages.

    What is given takes the place of what is there.

    A new wording needs a new version: what people agreed to is never edited. The version of an
    earlier wording alone puts that one in force again.

    \b
    Example:
      kith connect change-widget 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 \\
          --wording "Send me offers on WhatsApp." --wording-version 2
    """
    given = ChangeWidget(
        connection_id=connection_id,
        origins=origins,
        wording=wording,
        wording_version=wording_version,
        whatsapp=whatsapp,
        tags=tags,
    )
    changed = write(widgets.change, given)
    if as_json:
        print_json(as_dict(changed))
    else:
        terms = opt_ins.terms_of(changed)
        click.echo(
            f"{printable(changed.name)} asks with version {printable(terms.wording_version)}"
            f" on {', '.join(map(printable, terms.origins))}."
        )


def as_dict(one: Connection) -> dict[str, object]:
    return {
        "connection": one.id,
        "path": one.path,
        "system": one.system,
        "name": one.name,
        "config": one.config,
        "created_at": wire(one.created_at),
        "former_until": wire_or_none(one.former_until),
    }
