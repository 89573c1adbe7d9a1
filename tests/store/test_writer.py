"""The one writer: shared commits, separate fates, and nothing answered before it is on disk."""

import ast
import asyncio
import inspect
import re
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
from structlog.testing import capture_logs

from kith.actions.run import utc_now
from kith.errors import Refused, Unavailable
from kith.store import migrate, tenants, writer
from kith.store.database import Tx
from kith.store.sqlite import ROWS_AT_ONCE, SQLite


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SQLite]:
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    yield database
    await database.close()


@pytest.fixture
async def bulk(tmp_path: Path) -> AsyncIterator[SQLite]:
    """As a command that writes much has it."""
    database = SQLite(str(tmp_path / "kith.db"), is_bulk=True)
    await migrate.apply_all(database, utc_now())
    yield database
    await database.close()


class Gate:
    """Holds every COMMIT until it is opened, on SQLite's own commit hook; counts them."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.is_open = threading.Event()
        self.reached = threading.Event()
        self.commits = 0
        connection.set_commit_hook(self._commit)

    def _commit(self) -> bool:
        self.commits += 1
        self.reached.set()
        self.is_open.wait(60)
        return False


async def names(database: SQLite) -> list[str]:
    await asyncio.sleep(0)  # a new turn reads a new snapshot
    rows = await database.read(lambda tx: tx.all("SELECT name FROM tenants ORDER BY name"))
    return [row[0] for row in rows]


async def add(tx: Tx, name: str) -> str:
    await tenants.add(tx, uuid=name, name=name, at=utc_now())
    return name


async def add_then_refuse(tx: Tx, name: str) -> str:
    await add(tx, name)
    raise Refused("no")


@pytest.mark.row("S3")
async def test_writes_that_wait_share_one_commit(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH_S_MAX", 60)  # however slow the machine
    gate = Gate(database.writing_connection)
    first = asyncio.create_task(database.write(lambda tx: add(tx, "first")))
    await asyncio.to_thread(gate.reached.wait)
    waiting = [
        asyncio.create_task(database.write(lambda tx, n=n: add(tx, f"n{n:03}"))) for n in range(300)
    ]
    await asyncio.sleep(0.05)
    gate.is_open.set()
    assert await first == "first"
    assert await asyncio.gather(*waiting) == [f"n{n:03}" for n in range(300)]
    # 300 in batches of at most 256, after the first one alone.
    assert gate.commits == 3
    assert len(await names(database)) == 301


async def test_a_batch_commits_what_it_has_when_its_time_is_up(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads and other workspaces wait for a batch: a slow one must not hold the loop for long."""
    monkeypatch.setattr(writer, "BATCH_S_MAX", 0)
    gate = Gate(database.writing_connection)
    gate.is_open.set()
    writes = (database.write(lambda tx, n=n: add(tx, f"n{n}")) for n in range(5))
    assert await asyncio.gather(*writes) == [f"n{n}" for n in range(5)]
    assert gate.commits == 5


@pytest.mark.row("S3", "S4", "S5")
async def test_who_reads_has_a_turn_between_the_writes_of_a_batch(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch stays one: nobody sees a part of it, and what comes meanwhile is in it too."""
    monkeypatch.setattr(writer, "BATCH_S_MAX", 60)
    monkeypatch.setattr(writer, "HOLD_S_MAX", -1)
    gate = Gate(database.writing_connection)
    gate.is_open.set()
    seen: list[object] = []
    late: list[asyncio.Task[str]] = []

    async def work(tx: Tx, name: str) -> str:
        seen.append("write")
        return await add(tx, name)

    async def read() -> None:
        while "write" not in seen:
            await asyncio.sleep(0)
        late.append(asyncio.create_task(database.write(lambda tx: work(tx, "late"))))
        seen.extend([await names(database) for _ in range(3)])

    writes = (database.write(lambda tx, n=n: work(tx, f"n{n}")) for n in range(9))
    _, *written = await asyncio.gather(read(), *writes)
    assert written == [f"n{n}" for n in range(9)]
    assert await late[0] == "late"
    assert [one for one in seen if one != "write"] == [[], [], []]
    assert gate.commits == 1
    assert len(await names(database)) == 10


@pytest.mark.row("S8")
async def test_a_disk_that_fails_between_the_writes_of_a_batch_ends_it(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint finds out, on the loop; a COMMIT would sync the same file again."""
    monkeypatch.setattr(writer, "HOLD_S_MAX", -1)
    gate = Gate(database.writing_connection)
    gate.is_open.set()

    async def work(tx: Tx, number: int) -> str:
        if number == 0:
            asyncio.get_running_loop().call_soon(database._broken, apsw.IOError("fsync"))
        return await add(tx, f"n{number}")

    writes = (database.write(lambda tx, n=n: work(tx, n)) for n in range(3))
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(one) for one in answers] == [Unavailable] * 3
    assert gate.commits == 0


@pytest.mark.row("S4")
async def test_refusals_wait_for_the_commit_too(database: SQLite) -> None:
    gate = Gate(database.writing_connection)
    writes = [
        asyncio.create_task(database.write(lambda tx: add(tx, "kept"))),
        asyncio.create_task(database.write(lambda tx: add_then_refuse(tx, "refused"))),
    ]
    await asyncio.to_thread(gate.reached.wait)
    await asyncio.sleep(0.05)
    assert not any(write.done() for write in writes)
    assert await names(database) == []
    gate.is_open.set()
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert done[0] == "kept"
    assert isinstance(done[1], Refused)
    assert await names(database) == ["kept"]


@pytest.mark.row("S4", "S6")
async def test_a_failed_commit_answers_nobody_with_success(database: SQLite) -> None:
    database.writing_connection.set_commit_hook(lambda: True)  # turns COMMIT into ROLLBACK
    done = await asyncio.gather(
        database.write(lambda tx: add(tx, "a")),
        database.write(lambda tx: add_then_refuse(tx, "b")),
        return_exceptions=True,
    )
    assert [type(answer) for answer in done] == [Unavailable, Unavailable]
    database.writing_connection.set_commit_hook(None)
    assert await database.write(lambda tx: add(tx, "c")) == "c"
    assert await names(database) == ["c"]


@pytest.mark.row("S5")
async def test_an_action_that_waits_for_anything_else_fails_alone(database: SQLite) -> None:
    async def waits(tx: Tx) -> None:
        await add(tx, "half")
        await asyncio.sleep(0)

    done = await asyncio.gather(
        database.write(waits), database.write(lambda tx: add(tx, "b")), return_exceptions=True
    )
    assert isinstance(done[0], RuntimeError)
    assert "awaited something other than its Tx" in str(done[0])
    assert await names(database) == ["b"]


@pytest.mark.row("S6")
async def test_one_fails_and_its_neighbours_commit(database: SQLite) -> None:
    async def breaks(tx: Tx) -> None:
        await add(tx, "gone")
        await tx.run("INSERT INTO tenants (uuid, name, created_at) VALUES ('a', 'x', 0)")

    done = await asyncio.gather(
        database.write(lambda tx: add(tx, "a")),
        database.write(breaks),  # its uuid is taken by its neighbour
        database.write(lambda tx: add_then_refuse(tx, "gone too")),
        database.write(lambda tx: add(tx, "b")),
        return_exceptions=True,
    )
    assert [type(answer) for answer in done] == [str, apsw.ConstraintError, Refused, str]
    assert await names(database) == ["a", "b"]


@pytest.mark.row("S6")
async def test_a_full_disk_fails_the_batch_and_passes(database: SQLite) -> None:
    """SQLite's own limit on pages stands for the disk; SQLITE_FULL ends the whole transaction."""
    connection = database.writing_connection
    full = connection.pragma("page_count")
    connection.pragma("max_page_count", full)

    async def much(tx: Tx) -> None:
        for number in range(2_000):
            await add(tx, f"much {number}")

    done = await asyncio.gather(
        database.write(lambda tx: add(tx, "before")),
        database.write(much),
        database.write(lambda tx: add(tx, "after")),
        return_exceptions=True,
    )
    assert isinstance(done[1], Unavailable)
    stored = set(await names(database))
    assert stored == {answer for answer in done if isinstance(answer, str)}
    connection.pragma("max_page_count", 1_000_000)
    assert await database.write(lambda tx: add(tx, "room again")) == "room again"


@pytest.mark.row("S7")
async def test_a_write_past_its_deadline_is_dropped_and_a_started_one_ends(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(database.writing_connection)
    started = asyncio.create_task(database.write(lambda tx: add(tx, "started")))
    await asyncio.to_thread(gate.reached.wait)
    monkeypatch.setattr(writer, "QUEUE_WAIT_S_MAX", 0.05)
    queued = asyncio.create_task(database.write(lambda tx: add(tx, "queued")))
    await asyncio.sleep(0.1)
    gate.is_open.set()
    assert await started == "started"
    with pytest.raises(Unavailable):
        await queued
    assert await names(database) == ["started"]


@pytest.mark.row("S7")
def test_nothing_can_interrupt_the_writer() -> None:
    """No interrupt and no progress handler in its source, no deferred constraint in the schema."""
    called = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(writer)))
        if isinstance(node, ast.Attribute)
    }
    assert not called & {"interrupt", "set_progress_handler", "setprogresshandler"}
    for migration in migrate.known():
        assert not re.search(r"deferr", migration.text, re.IGNORECASE)


async def test_a_write_beside_a_checkpoint_waits_for_it(database: SQLite) -> None:
    await database.write(lambda tx: add(tx, "before"))
    for number in range(20):
        tidied, added = await asyncio.gather(
            database.tidy(), database.write(lambda tx, n=number: add(tx, f"beside {n}"))
        )
        assert (tidied, added) == (None, f"beside {number}")
    assert len(await names(database)) == 21
    await database.tidy()
    assert not database.path.with_name("kith.db-wal").stat().st_size, "cut to nothing"


async def test_a_full_queue_is_told_at_once(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_MAX", 2)
    gate = Gate(database.writing_connection)
    taken = [
        asyncio.create_task(database.write(lambda tx, n=n: add(tx, f"n{n}"))) for n in range(2)
    ]
    await asyncio.to_thread(gate.reached.wait)
    taken += [asyncio.create_task(database.write(lambda tx, n=n: add(tx, f"n{n}"))) for n in (2, 3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await database.write(lambda tx: add(tx, "one too many"))
    gate.is_open.set()
    await asyncio.gather(*taken)
    assert len(await names(database)) == 4


@pytest.mark.row("R2")
async def test_a_write_given_up_is_not_made_or_logged_as_unknown(database: SQLite) -> None:
    """Still queued: it never happens. Waiting for its COMMIT: nobody can tell, so the log does."""
    gate = Gate(database.writing_connection)
    started = asyncio.create_task(database.write(lambda tx: add(tx, "started")))
    await asyncio.to_thread(gate.reached.wait)
    queued = asyncio.create_task(database.write(lambda tx: add(tx, "queued")))
    await asyncio.sleep(0)
    with capture_logs() as lines:
        queued.cancel()
        await asyncio.gather(queued, return_exceptions=True)
        assert lines == []
        started.cancel()
        await asyncio.gather(started, return_exceptions=True)
    assert [line["event"] for line in lines] == ["storage.commit_unknown"]
    gate.is_open.set()
    await database.write(lambda tx: add(tx, "next"))
    assert await names(database) == ["next", "started"]


async def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    writes = [asyncio.create_task(database.write(lambda tx: add(tx, "last")))]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*writes) == ["last"]
    assert not (tmp_path / "kith.db-wal").exists()


async def test_others_write_between_the_batches_of_a_long_command(tmp_path: Path) -> None:
    """As a server beside `kith import`, which refused every second write when none gave way."""
    path = str(tmp_path / "kith.db")
    served, bulk = SQLite(path), SQLite(path, is_bulk=True)
    await migrate.apply_all(served, utc_now())
    is_over = False
    batches = 0

    async def batch(tx: Tx, name: str) -> None:
        await add(tx, name)
        time.sleep(0.03)  # an action waits for nothing, so it holds the file as work does

    async def import_() -> None:
        nonlocal batches
        while not is_over:
            await bulk.write(lambda tx, n=batches: batch(tx, f"of the import {n}"))
            batches += 1

    importing = asyncio.create_task(import_())
    writes = 0
    while writes < 20 or (batches < 3 and writes < 1_000):
        await served.write(lambda tx, n=writes: add(tx, f"of the server {n}"))
        writes += 1
    is_over = True
    await importing
    assert batches >= 3, "it went on, too"
    assert len([name for name in await names(served) if "server" in name]) == writes
    await bulk.close()
    await served.close()


@pytest.mark.row("S5")
async def test_a_command_that_writes_much_has_no_neighbours_in_its_transactions(
    bulk: SQLite,
) -> None:
    """So it needs no savepoint, and each of its writes is there as a whole or not at all."""
    statements: list[str] = []
    bulk.writing_connection.set_exec_trace(lambda _, sql, __: bool(statements.append(sql) or 1))

    async def breaks(tx: Tx) -> None:
        await add(tx, "gone")
        await add(tx, "gone")  # its uuid is taken

    done = await asyncio.gather(
        bulk.write(lambda tx: add(tx, "a")),
        bulk.write(breaks),
        bulk.write(lambda tx: add_then_refuse(tx, "gone too")),
        bulk.write(lambda tx: add(tx, "b")),
        return_exceptions=True,
    )
    assert [type(answer) for answer in done] == [str, apsw.ConstraintError, Refused, str]
    assert await names(bulk) == ["a", "b"]
    ends = [sql for sql in statements if sql in ("COMMIT", "ROLLBACK")]
    assert ends == ["COMMIT", "ROLLBACK", "ROLLBACK", "COMMIT"]
    assert not [sql for sql in statements if "SAVEPOINT" in sql]


@pytest.mark.row("S6")
async def test_a_command_whose_transaction_has_ended_is_not_told_that_it_is_done(
    bulk: SQLite,
) -> None:

    async def is_ended(tx: Tx) -> None:
        await add(tx, "gone")
        await tx.run("ROLLBACK")  # as SQLite does itself after some errors

    with pytest.raises(Unavailable):
        await bulk.write(is_ended)
    assert await bulk.write(lambda tx: add(tx, "a")) == "a"
    assert await names(bulk) == ["a"]


@pytest.mark.row("S6")
async def test_a_full_disk_fails_a_command_that_writes_much(bulk: SQLite) -> None:
    connection = bulk.writing_connection
    connection.pragma("max_page_count", connection.pragma("page_count"))

    async def much(tx: Tx) -> None:
        for number in range(2_000):
            await add(tx, f"much {number}")

    with pytest.raises(Unavailable):
        await bulk.write(much)
    connection.pragma("max_page_count", 1_000_000)
    assert await bulk.write(lambda tx: add(tx, "room again")) == "room again"
    assert await names(bulk) == ["room again"]


def many(first: int, beyond: int) -> list[tuple[str, str, int]]:
    return [(f"{number:04}", f"{number:04}", 0) for number in range(first, beyond)]


async def copy(tx: Tx, rows: list[tuple[str, str, int]]) -> None:
    await tx.copy("tenants", ("uuid", "name", "created_at"), iter(rows))


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("statements", [0, 1, 3])
async def test_every_row_of_many_is_written(bulk: SQLite, statements: int, more: int) -> None:
    rows = many(0, max(0, statements * ROWS_AT_ONCE + more))
    await bulk.write(lambda tx: copy(tx, rows))
    assert await names(bulk) == [name for _, name, _ in rows]


async def test_of_many_rows_none_stays_where_one_is_refused(bulk: SQLite) -> None:
    rows = [*many(0, 3 * ROWS_AT_ONCE), *many(7, 8)]
    with pytest.raises(apsw.ConstraintError):
        await bulk.write(lambda tx: copy(tx, rows))
    assert await names(bulk) == []


@pytest.mark.row("S2")
async def test_connections_are_set_as_they_must_be(database: SQLite) -> None:
    writing, reading = database.writing_connection, database.reading_connection
    for connection in (writing, reading):
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2
        assert connection.pragma("foreign_keys") == 1
        assert connection.pragma("mmap_size") == 0
        assert connection.pragma("wal_autocheckpoint") == 0  # store/checkpoints.py does it
        assert connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) == 1
    assert writing.pragma("temp_store") == 2  # in memory
    assert reading.pragma("query_only") == 1
    await asyncio.sleep(0)
    with pytest.raises(apsw.ReadOnlyError):
        reading.execute("DELETE FROM tenants")
