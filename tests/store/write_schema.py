"""Writes the schema files anew from the migrations: `make schema`."""

import asyncio
import tempfile

from kith.actions.run import utc_now
from kith.store import migrate, schema
from kith.store.database import connect
from tests.databases import postgres_database, postgres_server


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        await _write(f"sqlite:///{directory}/kith.db")
    with postgres_server() as server:
        async with postgres_database(server) as url:
            await _write(url)


async def _write(url: str) -> None:
    database = await connect(url)
    await migrate.apply_all(database, utc_now())
    schema.FILES[database.engine].write_text(await database.read(schema.text))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
