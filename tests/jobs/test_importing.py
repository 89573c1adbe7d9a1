"""Batches of a file that is there: over its pieces, and read while the disk confirms others."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kith import wiring
from kith.actions import workspaces
from kith.actions.workspaces import Acting, NewWorkspace
from kith.domain.csv_heads import Options
from kith.domain.import_rows import RowReader
from kith.errors import Refused
from kith.jobs import importing
from kith.jobs.importing import BATCH_BYTES, PIECE_BYTES, Pace, Progress, Wanted
from kith.settings import Settings
from kith.store.writer import Writer

ROWS, BATCH = 40, 9
AHEAD = Pace(rows_first=BATCH, rows_max=BATCH, batch_s=60, piece_bytes=100, reads_ahead=True)
AS_IT_COMES = Pace(rows_first=BATCH, rows_max=BATCH, batch_s=60, piece_bytes=100)


async def pieces() -> AsyncIterator[bytes]:
    yield b"name,phone\n"
    for n in range(ROWS):
        yield f"Person {n},+1415555{1_000 + n}\n".encode()


async def imported(
    path: Path,
    pace: Pace | Iterator[Pace],
    *,
    is_dry_run: bool = False,
    digest: str = "0" * 64,
    pieces: Callable[[], AsyncIterator[bytes]] = pieces,
) -> list[Progress]:
    """A pace for all batches, or one for each."""
    paces = itertools.repeat(pace) if isinstance(pace, Pace) else pace
    is_new = not (path / "kith.db").exists()
    options = Options(mapping={}, region=None, encoding=None, delimiter=None)
    async with wiring.opened(Settings(database_url=f"sqlite:///{path}/kith.db")) as runner:
        if is_new:
            await runner.write(workspaces.create, NewWorkspace(name="A", email="a@example.com"))
        caller = await runner.read(workspaces.caller, Acting())
        wanted = Wanted(name="a.csv", options=options, digest=digest, is_dry_run=is_dry_run)
        steps = importing.run(runner, caller, pieces(), wanted, lambda: next(paces))
        return [progress async for progress in steps]


def sizes(steps: list[Progress]) -> list[int]:
    return [step.taken.counts.rows for step in steps if step.taken is not None]


@pytest.mark.parametrize("is_dry_run", [False, True])
async def test_batches_go_over_pieces_of_a_file(tmp_path: Path, is_dry_run: bool) -> None:
    steps = await imported(tmp_path, AHEAD, is_dry_run=is_dry_run)
    assert sizes(steps) == [BATCH] * 4 + [ROWS - 4 * BATCH]
    assert steps[-1].counts.create == ROWS
    assert steps[-1].one.state == "done"
    offsets = [step.offset for step in steps]
    assert offsets == sorted(offsets)


async def test_each_batch_asks_for_its_pace(tmp_path: Path) -> None:
    """A server may start meanwhile, or stop."""

    async def at_once() -> AsyncIterator[bytes]:
        yield b"".join([piece async for piece in pieces()])

    usual, slower = [Pace(rows_first=9, rows_max=most, batch_s=60) for most in (9, 3)]
    paces = itertools.chain([usual, usual, slower], itertools.repeat(usual))
    steps = await imported(tmp_path, paces, pieces=at_once)
    assert sizes(steps) == [9, 9, 3, 6, 9, 4]
    assert steps[-1].counts.create == ROWS


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each one took."""
    taken, sizes = importing.imports.take, []

    async def taking(ctx: Any, batch: Any) -> Any:
        done = await taken(ctx, batch)
        sizes.append(done.count)
        return done

    monkeypatch.setattr(importing.imports, "take", taking)
    return sizes


async def test_what_was_read_ahead_keeps_to_the_pace_of_its_turn(
    tmp_path: Path, transactions: list[int]
) -> None:
    usual, slower = [
        Pace(rows_first=9, rows_max=most, batch_s=60, reads_ahead=True) for most in (9, 2)
    ]
    paces = itertools.chain([usual, usual], itertools.repeat(slower))
    steps = await imported(tmp_path, paces)
    assert max(transactions[:2]) == 9
    assert max(transactions[2:]) == 2, "one had been read already"
    assert sum(transactions) == steps[-1].counts.create == ROWS


async def test_people_who_are_there_end_a_batch_of_new_ones(
    tmp_path: Path, transactions: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take up to ten times as long, and others wait for the file."""

    async def with_another_name() -> AsyncIterator[bytes]:
        async for piece in pieces():
            yield piece.replace(b"Person", b"Human")
        for n in range(5):
            yield b"New,+1212555%d\nx,12\n" % (1_000 + n)

    monkeypatch.setattr(importing.imports, "KNOWN_MAX", 7)
    pace = Pace(rows_first=100, rows_max=100, batch_s=60, reads_ahead=True)
    await imported(tmp_path, pace)
    assert transactions == [ROWS], "they are new"
    del transactions[:]
    steps = await imported(tmp_path, pace, digest="1" * 64, pieces=with_another_name)
    assert transactions == [7] * 6 + [8]
    counts = steps[-1].counts
    assert (counts.update, counts.create, counts.skip) == (ROWS, 5, 5)


async def test_who_stops_waits_for_one_transaction(
    tmp_path: Path, transactions: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = Pace(rows_first=100, rows_max=100, batch_s=60, reads_ahead=True)
    await imported(tmp_path, pace)
    monkeypatch.setattr(importing.imports, "KNOWN_MAX", 1)
    taken = importing.imports.take
    again = asyncio.create_task(imported(tmp_path, pace, digest="1" * 64))

    async def stopped(ctx: Any, batch: Any) -> Any:
        if len(transactions) == 3:
            again.cancel()  # as Ctrl-C does
        return await taken(ctx, batch)

    monkeypatch.setattr(importing.imports, "take", stopped)
    with pytest.raises(asyncio.CancelledError):
        await again
    assert transactions == [ROWS, 1, 1, 1]
    steps = await imported(tmp_path, pace, digest="1" * 64)
    assert steps[0].counts.rows == 3, "it goes on there"
    assert steps[-1].counts.rows == ROWS


async def test_a_batch_of_many_columns_has_fewer_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wide() -> AsyncIterator[bytes]:
        yield b"phone" + b"".join(b",note %d" % n for n in range(9)) + b"\n"
        for n in range(ROWS):
            yield b"+1415555%d" % (1_000 + n) + b",x" * 9 + b"\n"

    monkeypatch.setattr(importing, "BATCH_CELLS", 50)
    steps = await imported(tmp_path, AHEAD, pieces=wide)
    assert max(sizes(steps)) == 50 // 10 + 1
    assert steps[-1].counts.create == ROWS


async def test_a_batch_of_long_rows_is_no_larger_in_bytes(tmp_path: Path) -> None:
    """What is in memory at a time has to fit, whatever the rows hold."""
    note = b"x" * 60_000

    async def long_ones() -> AsyncIterator[bytes]:
        yield b"phone,note\n"
        for n in range(150):
            yield b"+1415555%d,%s\n" % (1_000 + n, note)

    pace = importing.ALONE["sqlite"]
    steps = await imported(tmp_path, pace, pieces=long_ones)
    in_bytes = BATCH_BYTES // len(note)
    assert max(sizes(steps)) <= in_bytes + PIECE_BYTES // len(note) + 1
    assert sizes(steps)[0] >= in_bytes, "all that fits"
    assert steps[-1].counts.create == 150


async def test_what_comes_slowly_is_taken_as_it_comes(tmp_path: Path) -> None:
    steps = await imported(tmp_path, AS_IT_COMES)
    assert max(sizes(steps)) < BATCH, "no piece holds so many"
    assert steps[-1].counts.create == ROWS


async def test_rows_are_read_while_the_disk_confirms_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each COMMIT of a batch but the last waits here until a row behind the batch is read."""
    read, take, finish = RowReader.read, importing.imports.take, Writer._finish
    was_read, waited = threading.Condition(), []
    line, next_line = [0], [0]

    def reading(self: RowReader, record: Any) -> Any:
        with was_read:
            line[0] = record.line
            was_read.notify_all()
        return read(self, record)

    async def taking(ctx: Any, batch: Any) -> Any:
        next_line[0] = batch.next_line
        return await take(ctx, batch)

    def finishing(self: Writer) -> None:
        with was_read:
            if 0 < next_line[0] <= ROWS + 1:
                waited.append(was_read.wait_for(lambda: line[0] >= next_line[0], timeout=60))
        finish(self)

    monkeypatch.setattr(RowReader, "read", reading)
    monkeypatch.setattr(importing.imports, "take", taking)
    monkeypatch.setattr(Writer, "_finish", finishing)
    steps = await imported(tmp_path, AHEAD)
    assert steps[-1].counts.create == ROWS
    assert waited == [True] * 4


async def test_who_is_refused_while_more_is_read_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = importing.imports.take
    calls = [0]

    async def refusing(ctx: Any, batch: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise Refused("Another process goes on with this import, or it has ended.")
        return await taken(ctx, batch)

    monkeypatch.setattr(importing.imports, "take", refusing)
    with pytest.raises(Refused):
        await imported(tmp_path, AHEAD)
    assert calls == [2]
