"""`kith migrate`: the schema, brought up to date by hand."""

import asyncio

import click

from kith.actions.run import utc_now
from kith.cli.common import as_json, print_json, settings_of
from kith.settings import Settings
from kith.store import migrate as migrations
from kith.store.database import connect


@click.command()
@as_json
def migrate(as_json: bool) -> None:
    """Bring the database's schema up to date.

    Every start does so by itself; run it alone to do it before a planned restart. The database is
    made when it is missing.
    """
    applied = asyncio.run(_apply(settings_of()))
    version = migrations.known()[-1].version
    if as_json:
        print_json({"applied": applied, "version": version})
        return
    for name in applied:
        click.echo(f"Applied {name}.")
    done = "The schema is now at" if applied else "Nothing to do: the schema is at"
    click.echo(f"{done} version {version}.")


async def _apply(settings: Settings) -> list[str]:
    database = await connect(settings.database_url)
    try:
        return await migrations.apply_all(database, utc_now(), secret_key=settings.secret_key)
    finally:
        await database.close()
