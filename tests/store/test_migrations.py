"""Migrations: from empty they lead to the schema that is written down, whole or not at all."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from kith.actions.run import utc_now
from kith.errors import CannotStart
from kith.store import migrate, schema
from kith.store.database import connect
from kith.store.sqlite import SQLite


@pytest.mark.row("S10")
async def test_migrations_lead_to_the_schema_written_down(database_url: str) -> None:
    database = await connect(database_url)
    try:
        assert len(await migrate.apply_all(database, utc_now())) == len(migrate.known())
        assert await migrate.apply_all(database, utc_now()) == []
        assert await database.read(migrate.is_current)
        assert await database.read(schema.text) == schema.FILES[database.engine].read_text()
    finally:
        await database.close()


async def test_the_schema_written_down_makes_the_same_tables(tmp_path: Path) -> None:
    path = str(tmp_path / "written.db")
    written = schema.FILES["sqlite"].read_text()
    apsw.Connection(path).execute(written)
    database = SQLite(path)
    assert await database.read(schema.text) == written
    await database.close()


@pytest.mark.row("S10")
async def test_several_processes_apply_each_migration_once(database_url: str) -> None:
    databases = [await connect(database_url) for _ in range(4)]
    try:
        applied = await asyncio.gather(*(migrate.apply_all(d, utc_now()) for d in databases))
        assert sum(map(len, applied)) == len(migrate.known())
    finally:
        for database in databases:
            await database.close()


@pytest.mark.row("S10")
async def test_refuses_a_newer_database(database_url: str) -> None:
    database = await connect(database_url)
    try:
        await migrate.apply_all(database, utc_now())
        newer = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (9999, 'x', 0)"
        await database.write(lambda tx: tx.run(newer))
        with pytest.raises(CannotStart, match="newer than this Kith"):
            await migrate.apply_all(database, utc_now())
    finally:
        await database.close()


@pytest.mark.row("F4")
def test_killed_at_any_statement_leaves_the_old_or_the_new_schema(tmp_path: Path) -> None:
    """A second run finishes; never half of a schema."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.store.killed_migrations", str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
    )
    points = json.loads(told.stdout)
    assert len(points) > 15 * len(migrate.known())
    written = schema.FILES["sqlite"].read_text()
    stages = [point["after_kill"] for point in points]
    whole = list(dict.fromkeys(stages))
    # Nothing but what each migration before it led to.
    assert (whole[0], len(whole)) == ("", len(migrate.known()))
    assert stages == sorted(stages, key=whole.index)
    assert {point["after_second_run"] for point in points} == {written}


def test_a_line_for_one_engine_is_left_out_of_the_other() -> None:
    migration = migrate.Migration(1, "x", "a INT, -- sqlite\nb BIGINT, -- postgres\nc\n")
    assert migration.sql("sqlite").split() == ["a", "INT,", "c"]
    assert migration.sql("postgres").split() == ["b", "BIGINT,", "c"]
