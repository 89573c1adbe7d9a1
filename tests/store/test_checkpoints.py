"""Moving the write-ahead log beside the writer, and sweeping the file after an erasure."""

import asyncio
import contextlib
import errno
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from structlog.testing import capture_logs

from kith.actions.run import utc_now
from kith.errors import Unavailable
from kith.store import checkpoints, gaps, migrate, tenants, writer
from kith.store.checkpoints import Checkpoints
from kith.store.database import Tx
from kith.store.sqlite import SQLite

PAGE = 4_096


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SQLite]:
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    yield database
    await database.close()


def wal_bytes(database: SQLite) -> int:
    return database.path.with_name("kith.db-wal").stat().st_size


async def add(database: SQLite, name: str) -> None:
    async def work(tx: Tx) -> None:
        await tenants.add(tx, uuid=name, name=name * 20, at=utc_now())

    await database.write(work)


async def names(database: SQLite) -> list[str]:
    await asyncio.sleep(0)  # a new turn reads a new snapshot
    rows = await database.read(lambda tx: tx.all("SELECT uuid FROM tenants ORDER BY uuid"))
    return [row[0] for row in rows]


def assert_sound(path: Path) -> None:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


# The log.


@pytest.mark.row("L11")
async def test_a_log_that_was_moved_begins_anew(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 100)
    for number in range(600):
        await add(database, f"n{number:04}")
    assert wal_bytes(database) < 1_000 * PAGE, "600 commits take some pages each"
    assert len(await names(database)) == 600
    copied = database.path.read_bytes()
    assert b"n0400" in copied, "most of it is in the file"
    assert_sound(database.path)


@pytest.mark.row("L11")
async def test_where_much_is_written_the_log_is_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends all the same."""
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 10)
    monkeypatch.setattr(checkpoints, "BULK_WAL_PAGES", 200)
    database = SQLite(str(tmp_path / "kith.db"), is_bulk=True)
    await migrate.apply_all(database, utc_now())
    await database.tidy()
    pages = []
    for number in range(600):
        await add(database, f"n{number:04}")
        pages.append(database._checkpoints._wal_pages)
    assert 200 <= max(pages) < 1_000, "600 commits take some pages each"
    assert pages != sorted(pages), "it began anew"
    assert len(await names(database)) == 600
    assert_sound(database.path)
    await database.close()


async def test_what_came_during_a_move_is_moved_beside_writes_too(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is little, or has grown long, or was tried often: then writes wait for it."""
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 100)
    moving = database._checkpoints

    async def writes_wait(*steps: tuple[int, int]) -> list[bool]:
        """At so many pages of the log, of which so many are moved by the move that ends then."""
        waited = []
        for pages, moved in steps:
            is_over = asyncio.get_running_loop().create_future()
            is_over.set_result(moved)
            if moving._moving is not None:
                moving._moving = is_over  # type: ignore[assignment]  # a move that is over
            moving._wal_pages = pages
            await moving.follow()
            waited.append(moving._moving is None)
        return waited

    assert await writes_wait((99, 0)) == [True], "there is nothing to wait for"
    assert await writes_wait((100, 0), (106, 100)) == [False, True]
    assert await writes_wait((100, 0), (160, 100), (166, 160)) == [False, False, True]
    assert await writes_wait((100, 0), (200, 100)) == [False, True]
    assert await writes_wait((100, 0), *[(150, 0)] * 5) == [*[False] * 5, True]


async def test_what_is_moved_beside_writes_is_synced_beside_them(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So whoever waits for the end of a move waits for what came last only."""
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 20)
    synced = []

    def sync(file: int) -> None:
        synced.append(file)
        assert os.path.samestat(os.fstat(file), database.path.stat())
        os.fsync(file)

    monkeypatch.setattr(checkpoints, "_sync", sync)
    for number in range(50):
        await add(database, f"n{number:02}")
    assert synced


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has open is not told")
async def test_nothing_of_a_closed_database_is_open(tmp_path: Path) -> None:
    def is_open() -> bool:
        held = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        return any(name.startswith(str(tmp_path)) for name in held)

    database = SQLite(str(tmp_path / "kith.db"))
    assert is_open()
    await database.close()
    assert not is_open()


async def test_no_answer_waits_for_a_checkpoint(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 1)
    release = threading.Event()
    database._checkpoints._thread.submit(release.wait, 60)
    for number in range(20):
        await asyncio.wait_for(add(database, f"n{number:02}"), 30)
    assert len(await names(database)) == 20
    release.set()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_whoever_answers_goes_before_commits_and_checkpoints(database: SQLite) -> None:
    own = os.nice(0)
    for part, nice in ((database._writer, writer.NICE), (database._checkpoints, checkpoints.NICE)):
        there = await asyncio.wrap_future(part._thread.submit(os.nice, 0))  # type: ignore[attr-defined]
        assert there == min(19, own + nice)
    assert os.nice(0) == own


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_where_nobody_is_answered_nothing_stands_back(tmp_path: Path) -> None:
    database = SQLite(str(tmp_path / "kith.db"), is_bulk=True)
    for thread in (database._writer._thread, database._checkpoints._thread):
        assert await asyncio.wrap_future(thread.submit(os.nice, 0)) == os.nice(0)
    await database.close()


async def test_whoever_reads_keeps_what_it_holds_where_nobody_wrote(database: SQLite) -> None:
    """Cutting a log, also an empty one, makes SQLite forget every page that was read."""
    await add(database, "somebody")
    await database.tidy()
    await names(database)
    await database.tidy()  # reads what it looks at itself
    misses = _misses(database)
    await database.tidy()
    assert await names(database) == ["somebody"]
    assert _misses(database) == misses
    await add(database, "another")
    await database.tidy()
    assert not wal_bytes(database)
    await names(database)
    assert _misses(database) > misses, "it is told apart"


def _misses(database: SQLite) -> int:
    """Pages that the reading connection has read from the file."""
    return database.reading_connection.status(apsw.SQLITE_DBSTATUS_CACHE_MISS)[0]


async def test_a_log_that_is_read_is_moved_later(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old snapshot keeps what it reads; nobody is refused meanwhile."""
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 10)
    old = apsw.Connection(str(database.path), flags=apsw.SQLITE_OPEN_READONLY)
    old.execute("BEGIN")
    assert old.execute("SELECT COUNT(*) FROM tenants").fetchall() == [(0,)]
    for number in range(50):
        await add(database, f"n{number:02}")
    await database.tidy()
    assert wal_bytes(database)
    assert old.execute("SELECT COUNT(*) FROM tenants").fetchall() == [(0,)]
    old.close()
    await database.tidy()
    assert not wal_bytes(database)
    assert len(await names(database)) == 50


@contextmanager
def failing_sync(path: Path) -> Iterator[None]:
    """From now on the system cannot write the database's own file down; its WAL it can."""

    class Disk(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("failing", base="unix", makedefault=True)

        def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
            return File(name, flags)

    class File(apsw.VFSFile):
        def __init__(self, name: Any, flags: list[int]) -> None:
            super().__init__("unix", name, flags)
            self.is_main = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)

        def xSync(self, flags: int) -> None:  # noqa: N802
            if self.is_main and path.exists():
                error = apsw.IOError("injected")
                error.extendedresult = apsw.SQLITE_IOERR_FSYNC  # type: ignore[attr-defined]
                raise error
            super().xSync(flags)

    disk = Disk()
    try:
        yield
    finally:
        disk.unregister()


@pytest.mark.row("S8")
async def test_a_checkpoint_that_cannot_be_synced_ends_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 20)
    broken, fails = asyncio.Event(), tmp_path / "fails"
    with failing_sync(fails), capture_logs() as lines:
        database = SQLite(str(tmp_path / "kith.db"), on_broken=broken.set)
        await migrate.apply_all(database, utc_now())
        await add(database, "before")
        await database.tidy()
        fails.touch()
        written = 0
        with contextlib.suppress(Unavailable):
            for written in range(100):
                await add(database, f"n{written:02}")
        assert 0 < written < 99
        assert broken.is_set()
        await database.tidy()
        await database.close()
        fails.unlink()
        for left_open in (database.writing_connection, database._checkpoints._connection):
            left_open.close()
    events = [line["event"] for line in lines]
    assert events.count("storage.fsync_failed") == 1, "never a second one on that file"
    again = SQLite(str(tmp_path / "kith.db"))
    assert "before" in await names(again)
    assert "n00" in await names(again), "its COMMIT was in the log"
    await again.close()
    assert_sound(tmp_path / "kith.db")


@pytest.mark.row("S8")
async def test_a_sync_beside_writes_that_fails_ends_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system takes the pages for written afterwards: SQLite's own sync would find nothing."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "injected")

    broken = asyncio.Event()
    database = SQLite(str(tmp_path / "kith.db"), on_broken=broken.set)
    await migrate.apply_all(database, utc_now())
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 20)
    monkeypatch.setattr(checkpoints, "_sync", fail)
    with capture_logs() as lines, contextlib.suppress(Unavailable):
        for written in range(100):
            await add(database, f"n{written:02}")
    assert broken.is_set()
    await database.close()
    for left_open in (database.writing_connection, database._checkpoints._connection):
        left_open.close()
    events = [line["event"] for line in lines]
    assert events.count("storage.fsync_failed") == 1, "never a second one on that file"
    assert_sound(tmp_path / "kith.db")


@pytest.mark.row("S8")
async def test_nothing_that_waits_behind_a_failed_sync_touches_the_file(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is the only good copy then: it is neither moved nor cut."""
    tidying: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()

    def fail(_: int) -> None:
        queued = threading.Event()

        def tidy() -> None:
            tidying.append(loop.create_task(moving.empty()))
            loop.call_soon(queued.set)

        loop.call_soon_threadsafe(tidy)
        assert queued.wait(60)
        raise OSError(errno.EIO, "injected")

    moving = Checkpoints(
        database._checkpoints._connection, database.path, on_unsynced=lambda _: None
    )
    monkeypatch.setattr(checkpoints, "_sync", fail)
    await add(database, "only in the log")
    before = wal_bytes(database)
    assert before
    await moving._move_beside()
    await asyncio.gather(*tidying)
    assert wal_bytes(database) == before
    monkeypatch.undo()
    os.close(moving._file)


@pytest.mark.row("S8")
async def test_after_a_failed_commit_nothing_is_moved(tmp_path: Path) -> None:
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    await add(database, "only in the log")
    before = wal_bytes(database)
    async with database._writer.turn:
        tidying = asyncio.create_task(database.tidy())
        await asyncio.sleep(0.01)
        database._writer.break_off(apsw.IOError("injected"))
    await tidying
    assert wal_bytes(database) == before > 0
    await database.close()
    for left_open in (database.writing_connection, database._checkpoints._connection):
        left_open.close()


# The sweep.


async def erased(tx: Tx) -> None:
    await tx.run("INSERT INTO unswept_erasures (tenant_id) VALUES (1)")


async def rename(database: SQLite, name: str) -> None:
    await database.write(
        lambda tx: tx.run("UPDATE tenants SET name = '' WHERE uuid = :name", name=name)
    )


async def is_due(database: SQLite) -> bool:
    await asyncio.sleep(0)
    return bool(await database.read(lambda tx: tx.all("SELECT 1 FROM unswept_erasures")))


async def with_gaps(database: SQLite) -> list[int]:
    """Pages that split leave something in their gaps."""
    for number in range(300):
        await add(database, f"{number * 7_919 % 300:03}" * 20)
    await database.tidy()
    found = gaps.found(database.path)
    assert found
    return found


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("at_once", [1, 2, 2_000])
async def test_an_erasure_has_the_file_swept(
    database: SQLite, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(gaps, "PAGES_AT_ONCE", at_once)
    left = await with_gaps(database)
    before = await names(database)
    await database.tidy()
    assert gaps.found(database.path) == left, "nobody was erased"
    await database.write(erased)
    await database.tidy()
    assert gaps.found(database.path) == []
    assert not await is_due(database)
    assert await names(database) == before
    assert_sound(database.path)
    # What the writer kept in memory does not bring the copies back.
    for name in before[::10]:
        await rename(database, name)
    await database.tidy()
    assert gaps.found(database.path) == []


async def test_a_sweep_that_a_kill_cut_short_is_made_good(tmp_path: Path) -> None:
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    await with_gaps(database)
    await database.write(erased)
    copy = tmp_path / "copy.db"  # as the disk looks when the process is killed now
    copy.write_bytes(database.path.read_bytes())
    copy.with_name("copy.db-wal").write_bytes(database.path.with_name("kith.db-wal").read_bytes())
    await database.close()
    again = SQLite(str(copy))
    assert await is_due(again)
    await again.close()
    for path in (tmp_path / "kith.db", copy):
        assert gaps.found(path) == [], "closing sweeps too"
        assert_sound(path)


async def test_who_is_erased_during_a_sweep_has_one_of_their_own(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something of them may lie in a page that was looked at before."""
    await with_gaps(database)
    await database.write(erased)
    look, loop = gaps.found, asyncio.get_running_loop()

    def erase_and_look(*given: Any) -> list[int]:
        asyncio.run_coroutine_threadsafe(database.write(erased), loop).result(10)
        return look(*given)

    monkeypatch.setattr(gaps, "found", erase_and_look)
    await database.tidy()
    assert await is_due(database)
    monkeypatch.setattr(gaps, "found", look)
    await database.tidy()
    assert not await is_due(database)


async def test_no_page_is_touched_while_the_log_holds_any(database: SQLite) -> None:
    """Another process may have a page of it to move."""
    left = await with_gaps(database)
    await add(database, "in the log")
    other = apsw.Connection(str(database.path))
    other.pragma("wal_autocheckpoint", 0)
    try:
        assert wal_bytes(database)
        assert gaps.clear(other, database.path, left, swept=1) is False
        assert not other.in_transaction
    finally:
        other.close()
    assert gaps.found(database.path) == left


async def test_sweeping_beside_another_process_that_writes(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It moves the log after each of its commits, which splits pages; nothing may be lost."""
    monkeypatch.setattr(gaps, "PAGES_AT_ONCE", 3)
    monkeypatch.setattr(checkpoints, "REST_S", 0)
    command = [sys.executable, "-m", "tests.store.test_checkpoints", str(database.path)]
    with subprocess.Popen(command) as other:
        swept = 0
        while other.poll() is None:
            await database.write(erased)
            await database.tidy()
            swept += not await is_due(database)
    assert other.returncode == 0
    assert swept
    assert await names(database) == sorted(f"{n * 7_919 % 400:03}" * 20 for n in range(400))
    await database.write(erased)
    await database.tidy()
    assert gaps.found(database.path) == []
    assert_sound(database.path)


def write_beside(path: str) -> None:
    other = apsw.Connection(path)
    other.set_busy_timeout(10_000)
    other.pragma("wal_autocheckpoint", 1)
    for number in range(400):
        name = f"{number * 7_919 % 400:03}" * 20
        other.execute(
            "INSERT INTO tenants (uuid, name, created_at) VALUES (?, ?, 0)", (name, name * 20)
        )
    other.close()


LEAF = b"\x0d\0\0\0\1\x01\xf4\0\x01\xf4"
"""A page whose one row begins at byte 500."""


@pytest.mark.parametrize(
    ("page", "offset", "expected"),
    [
        (LEAF + bytes(487) + b"abc" + bytes(12), 4_096, (10, 500)),
        (LEAF + bytes(502), 4_096, None),
        (b"\0" * 512, 4_096, None),  # free
        (b"\0\0\0\7" + b"x" * 508, 4_096, None),  # an overflow page
        # Where no row can begin before the list of rows ends: no page of this kind.
        (b"\x0d\0\0\xff\xff\0\1" + b"x" * 505, 4_096, None),
        # The first page begins behind the head of the file.
        (b"S" * 100 + b"\x0d\0\0\0\0\2\0\0" + b"x" * 404, 0, (108, 512)),
    ],
)  # fmt: skip
def test_where_a_gap_is(page: bytes, offset: int, expected: tuple[int, int] | None) -> None:
    assert len(page) == 512
    assert gaps.gap(page, offset) == expected


if __name__ == "__main__":
    write_beside(sys.argv[1])
