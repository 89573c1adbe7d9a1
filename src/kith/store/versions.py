"""Which database this is."""

from importlib.metadata import version

from kith.store.database import Tx


async def of_engine(tx: Tx) -> str:
    """For a person: engine and driver, with their versions."""
    if tx.engine == "sqlite":
        row = await tx.one("SELECT sqlite_version()")
        return f"SQLite {row[0] if row else '?'} through APSW {version('apsw')}"
    row = await tx.one("SHOW server_version")
    return f"PostgreSQL {row[0] if row else '?'} through asyncpg {version('asyncpg')}"
