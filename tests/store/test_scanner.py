"""Reads that may look through much: beside the event loop, with an end, and never a write."""

import asyncio
import statistics
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from kith.actions.run import utc_now
from kith.api import answers
from kith.errors import TookTooLong, Unavailable
from kith.store import migrate, postgres, scanner, tenants
from kith.store.database import Database, Tx, connect
from kith.store.sqlite import SQLite
from tests.databases import postgres_database

COUNTING = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {})"
LONG = f"{COUNTING} SELECT COUNT(*) FROM n"
ENDLESS = LONG.format(4_000_000_000)
"""Many minutes: whoever is not stopped fails, and does not hang."""
LONG_S = 30.0
"""Far more than a busy machine needs; whoever waits so long has failed."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SQLite]:
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    yield database
    await database.close()


async def burn(tx: Tx) -> object:
    return await tx.one(ENDLESS)


async def names(tx: Tx) -> list[str]:
    return [row[0] for row in await tx.all("SELECT name FROM tenants ORDER BY name")]


async def add(database: Database, name: str) -> None:
    await database.write(lambda tx: tenants.add(tx, uuid=name, name=name, at=utc_now()))


@pytest.mark.row("S9")
async def test_the_loop_goes_on_while_a_scan_burns(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "SCAN_S_MAX", LONG_S)
    await add(database, "Ana")
    burning = threading.Event()

    async def begun(tx: Tx) -> object:
        burning.set()
        return await burn(tx)

    scan = asyncio.create_task(database.scan(begun))
    assert await asyncio.to_thread(burning.wait, LONG_S)
    for turn in range(50):  # a loop that is held turns once or twice before the deadline
        assert await database.read(names) != []
        if turn % 20 == 0:
            await add(database, f"n{turn}")
        await asyncio.sleep(0.001)
        assert not scan.done()
    scan.cancel()


@pytest.mark.row("S9")
async def test_a_scan_is_given_up_after_its_deadline(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "SCAN_S_MAX", 0.2)
    started = time.monotonic()
    with pytest.raises(TookTooLong):
        await asyncio.wait_for(database.scan(burn), LONG_S)
    assert time.monotonic() - started >= 0.2


@pytest.mark.row("S9")
async def test_connections_are_as_good_as_new_afterwards(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a deadline, and after whatever else the work raised: no old snapshot, no handler."""

    async def fails(tx: Tx) -> None:
        await names(tx)
        raise LookupError

    async def no_sql(tx: Tx) -> None:
        await tx.one("SELECT FROM nowhere")

    for number in range(2 * scanner.SCANS_AT_ONCE):
        monkeypatch.setattr(scanner, "SCAN_S_MAX", 0.1)
        with pytest.raises(TookTooLong):
            await database.scan(burn)
        monkeypatch.setattr(scanner, "SCAN_S_MAX", LONG_S)
        with pytest.raises(LookupError):
            await database.scan(fails)
        with pytest.raises(apsw.SQLError):
            await database.scan(no_sql)
        await add(database, f"n{number}")
        assert await database.scan(names) == [f"n{n}" for n in range(number + 1)]
    assert await database.scan(lambda tx: tx.one(LONG.format(300_000))) == (300_000,)


@pytest.mark.row("S9")
async def test_a_scan_sees_one_moment(database: SQLite) -> None:
    """Whatever is written while it runs; the next one sees that."""
    has_read, may_go_on = threading.Event(), threading.Event()

    async def twice(tx: Tx) -> tuple[list[str], list[str]]:
        first = await names(tx)
        has_read.set()
        may_go_on.wait(LONG_S)
        return first, await names(tx)

    await add(database, "a")
    scan = asyncio.create_task(database.scan(twice))
    await asyncio.to_thread(has_read.wait, LONG_S)
    await add(database, "b")
    may_go_on.set()
    assert await scan == (["a"], ["a"])
    assert await database.scan(names) == ["a", "b"]


@pytest.mark.row("S9")
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO tenants (uuid, name, created_at) VALUES ('x', 'x', 0)",
        "UPDATE tenants SET name = 'x'",
        "DELETE FROM tenants",
        "DROP TABLE contacts",
        "CREATE TABLE x (y)",
        "INSERT INTO contact_search (contact_search) VALUES ('optimize')",
        "PRAGMA user_version = 7",
    ],
)
async def test_a_scan_cannot_write(database: SQLite, sql: str) -> None:
    await add(database, "Ana")
    with pytest.raises((apsw.ReadOnlyError, apsw.SQLError, Unavailable)):
        await database.scan(lambda tx: tx.run(sql))
    assert await database.scan(names) == ["Ana"]
    assert database.writing_connection.pragma("user_version") == 0


@pytest.mark.row("S9")
async def test_two_run_at_once_and_no_more(database: SQLite) -> None:
    together = threading.Barrier(2)
    lock = threading.Lock()
    running = most = 0

    async def work(tx: Tx) -> list[str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(LONG_S)  # one alone would wait for ever
        found = await names(tx)
        time.sleep(0.02)
        with lock:
            running -= 1
        return found

    await add(database, "Ana")
    assert await asyncio.gather(*(database.scan(work) for _ in range(8))) == [["Ana"]] * 8
    assert most == scanner.SCANS_AT_ONCE == 2


@pytest.mark.row("S9")
async def test_a_scan_that_waits_has_the_same_deadline(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "SCAN_S_MAX", 0.4)
    took_s: list[float] = []

    async def timed(tx: Tx) -> None:
        started = time.monotonic()
        try:
            await burn(tx)
        finally:
            took_s.append(time.monotonic() - started)

    done = await asyncio.gather(*(database.scan(timed) for _ in range(10)), return_exceptions=True)
    assert [type(one) for one in done] == [TookTooLong] * 10
    # Two ran for so long; the eight others, which waited, ran for no time of their own.
    assert statistics.median(took_s) < 0.4


@pytest.mark.row("S9")
async def test_a_scan_that_nobody_waits_for_ends_too(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a few callers who went away would hold both threads for good."""
    monkeypatch.setattr(scanner, "SCAN_S_MAX", 0.3)
    started = threading.Event()

    async def begun(tx: Tx) -> object:
        started.set()
        return await burn(tx)

    for _ in range(scanner.SCANS_AT_ONCE):
        started.clear()
        scan = asyncio.create_task(database.scan(begun))
        await asyncio.to_thread(started.wait, LONG_S)
        scan.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scan
    monkeypatch.setattr(scanner, "SCAN_S_MAX", LONG_S)
    assert await asyncio.wait_for(database.scan(names), LONG_S) == []


@pytest.mark.row("S9")
async def test_closing_gives_up_what_runs_and_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "SCAN_S_MAX", LONG_S)
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    started = threading.Barrier(scanner.SCANS_AT_ONCE + 1)

    async def begun(tx: Tx) -> object:
        started.wait(LONG_S)
        return await burn(tx)

    scans = [asyncio.create_task(database.scan(begun)) for _ in range(scanner.SCANS_AT_ONCE)]
    scans += [asyncio.create_task(database.scan(burn)) for _ in range(2)]
    await asyncio.to_thread(started.wait, LONG_S)
    closing = time.monotonic()
    await database.close()
    assert time.monotonic() - closing < LONG_S
    for scan in scans:
        with pytest.raises(Unavailable):
            await scan
    with pytest.raises(Unavailable):
        await database.scan(names)
    assert not (tmp_path / "kith.db-wal").exists()


@pytest.mark.row("S9")
def test_callers_are_told_to_ask_for_less() -> None:
    answer = answers.refusal(TookTooLong())
    assert answer.status == 503
    assert dict(answer.headers)[b"retry-after"] == b"1"
    told = TookTooLong.text
    assert answers.body(TookTooLong()) == {"message": told, "error": told}
    assert "narrower" in told


# PostgreSQL ends a statement itself.


@pytest.fixture
async def on_postgres(postgres: str) -> AsyncIterator[Database]:
    async with postgres_database(postgres) as url:
        database = await connect(url)
        await migrate.apply_all(database, utc_now())
        yield database
        await database.close()


@pytest.mark.row("S9")
async def test_postgres_gives_up_a_scan_after_its_deadline(
    on_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "statement_timeout = 5000" in postgres._FOR_A_SCAN
    short = postgres._FOR_A_SCAN.replace("5000", "200")
    monkeypatch.setattr(postgres, "_FOR_A_SCAN", short)
    started = time.monotonic()
    with pytest.raises(TookTooLong):
        await on_postgres.scan(lambda tx: tx.one("SELECT pg_sleep(60)"))
    assert 0.2 <= time.monotonic() - started < LONG_S
    await add(on_postgres, "Ana")
    assert await on_postgres.scan(names) == ["Ana"]
    # The timeout was the scan's own, and nobody's after it.
    assert await on_postgres.read(lambda tx: tx.one("SHOW statement_timeout")) == ("0",)
    assert await on_postgres.read(lambda tx: tx.one("SHOW plan_cache_mode")) == ("auto",)


@pytest.mark.row("S9")
async def test_a_scan_of_postgres_cannot_write(on_postgres: Database) -> None:
    await add(on_postgres, "Ana")
    for sql in ("UPDATE tenants SET name = 'x'", "DELETE FROM tenants", "CREATE TABLE x (y INT)"):
        with pytest.raises(Unavailable):
            await on_postgres.scan(lambda tx, sql=sql: tx.run(sql))
    assert await on_postgres.scan(names) == ["Ana"]
    await add(on_postgres, "Ben")
    assert await on_postgres.read(names) == ["Ana", "Ben"]
