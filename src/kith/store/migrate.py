"""Numbered, forward-only migrations, one transaction each (row S10)."""

import re
from datetime import datetime
from functools import cache
from importlib.resources import files

import msgspec

from kith.domain.times import to_us
from kith.errors import CannotStart
from kith.store import backfill
from kith.store.database import Database, Engine, Tx

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_FOR_ONE_ENGINE = re.compile(r"^(.*) -- (sqlite|postgres)$", re.MULTILINE)

_LOG_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)
"""


class Migration(msgspec.Struct, frozen=True):
    version: int
    name: str
    text: str

    def sql(self, engine: Engine) -> str:
        """The statements for one engine: lines marked for the other are left out."""
        return _FOR_ONE_ENGINE.sub(lambda m: m[1] if m[2] == engine else "", self.text)


@cache
def known() -> tuple[Migration, ...]:
    """Every migration of this version, oldest first."""
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files("kith.store").joinpath("migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    ]
    return tuple(sorted(found, key=lambda migration: migration.version))


async def version(tx: Tx) -> int:
    """The newest migration that was applied; 0 on an empty database."""
    exists = await tx.one(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
        if tx.engine == "sqlite"
        else "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()"
        " AND tablename = 'schema_migrations'"
    )
    if exists is None:
        return 0
    row = await tx.one("SELECT COALESCE(MAX(version), 0) FROM schema_migrations")
    return int(row[0]) if row else 0


async def is_current(tx: Tx) -> bool:
    return await version(tx) == known()[-1].version


async def apply_all(database: Database, now: datetime, *, secret_key: str = "") -> list[str]:
    """Bring the schema up to date; returns the names applied. Raises CannotStart if it is newer."""
    present = await database.read(version)
    if present > known()[-1].version:
        raise CannotStart(
            f"The database is at schema {present}, newer than this Kith ({known()[-1].version}). "
            "Start the newer Kith, or restore the backup made before the upgrade."
        )
    return [
        f"{migration.version:04d}_{migration.name}"
        for migration in known()
        if migration.version > present
        and await _apply(database, migration, now, secret_key=secret_key)
    ]


async def _apply(
    database: Database, migration: Migration, now: datetime, *, secret_key: str = ""
) -> bool:
    async def work(tx: Tx) -> bool:
        if await version(tx) >= migration.version:  # another process was quicker
            return False
        await tx.script(_LOG_TABLE)
        await tx.script(migration.sql(tx.engine))
        if fill := backfill.AFTER_MIGRATION.get(migration.version):
            await fill(tx, secret_key)
        await tx.run(
            "INSERT INTO schema_migrations (version, name, applied_at)"
            " VALUES (:version, :name, :applied_at)",
            version=migration.version,
            name=migration.name,
            applied_at=to_us(now),
        )
        return True

    return await database.alter(work)
