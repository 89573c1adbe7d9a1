"""`kith adopt-key`: another KITH_SECRET_KEY, where the one of before is lost."""

import click

from kith.actions import secret_keys
from kith.cli.acting import check_terminal
from kith.cli.common import as_json, print_json, settings_of, write
from kith.errors import Refused


@click.command("adopt-key")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@as_json
def adopt_key(is_sure: bool, as_json: bool) -> None:
    """Go on with another KITH_SECRET_KEY.

    Only where the one of before is lost, or was none: put that back if you can. Stop the server
    first. From then on the database is used with the key that is set, or without one if none is.
    What was made with the one of before stays lost: people who opted out and were erased are not
    known again, each connection answers 404 until it is removed and made anew, and hooks are signed
    with other secrets.

    \b
    Example:
      kith adopt-key --yes
    """
    if not is_sure:
        _ask()
    write(secret_keys.adopt, settings_of().secret_key)
    if as_json:
        print_json({"adopted": True})
    else:
        click.echo("The database is used with this KITH_SECRET_KEY from now on. Start the server.")


def _ask() -> None:
    check_terminal("add --yes to go on without being asked")
    if not click.confirm("Forget what was made with the key of before?", err=True):
        raise Refused("Nothing was changed.")
