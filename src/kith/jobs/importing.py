"""Importing a file from its first byte to its last: one way for the command line and for HTTP.

Bytes come in pieces, rows go to the database in batches, each one transaction with the place in the
file. Whoever stops anywhere goes on there.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from itertools import islice

import msgspec

from kith.actions import imports
from kith.actions.imports import Batch, Begin, End, Named, Taken
from kith.actions.run import Context, Runner
from kith.domain import csv_heads
from kith.domain.csv_heads import Head, Options
from kith.domain.csv_reading import HEAD_BYTES, Decoder, Reader, Record
from kith.domain.import_rows import RowReader
from kith.domain.imports import Counts, Facts, Import, Refusal
from kith.domain.tokens import Caller
from kith.errors import AppError, Refused
from kith.store.database import Engine
from kith.store.imagined import Imagined

PIECE_BYTES = 262_144
BATCH_BYTES = 3 * 1_048_576
"""Of the file: a batch of long rows ends with the piece that brings as many, whatever the pace."""
BATCH_CELLS = 150_000
"""What is in memory goes by how many values there are as well: rows of many columns are fewer."""
Pieces = AsyncIterator[bytes]


class Pace(msgspec.Struct, frozen=True):
    """How many rows one transaction takes: as many as it does in `batch_s`, within limits.

    `rest` is how long others get between two, as a share of what one took. `reads_ahead`: all of
    the file is there, and the rows of the next are read while the disk confirms one.
    """

    rows_first: int
    rows_max: int
    batch_s: float
    rest: float = 0.0
    piece_bytes: int = PIECE_BYTES
    reads_ahead: bool = False


# A batch has to be repeated when a server beside it added one of its numbers' neighbours.
_ON_POSTGRES = Pace(rows_first=200, rows_max=500, batch_s=1, reads_ahead=True)
ALONE: dict[Engine, Pace] = {
    # Nearly every new row changes a page of the numbers' tree: the larger a batch, the more rows
    # share one. Other commands wait for one batch, 1.5 s or so.
    "sqlite": Pace(rows_first=1_000, rows_max=32_000, batch_s=1.0, reads_ahead=True),
    "postgres": _ON_POSTGRES,
}
BESIDE_A_SERVER: dict[Engine, Pace] = {
    # It waits for one batch when it has something to write: some 100 ms.
    "sqlite": Pace(rows_first=1_000, rows_max=4_000, batch_s=0.06, reads_ahead=True),
    "postgres": _ON_POSTGRES,
}
BESIDE_REQUESTS: dict[Engine, Pace] = {
    "sqlite": Pace(rows_first=20, rows_max=200, batch_s=0.0005, rest=1.0, piece_bytes=4_096),
    # There a batch waits for the database, and others go on meanwhile.
    "postgres": Pace(rows_first=200, rows_max=500, batch_s=1, piece_bytes=16_384),
}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """`import_id` names an import to go on with, whose file comes again from its beginning."""

    name: str
    options: Options
    digest: str | None = None
    import_id: str | None = None
    is_dry_run: bool = False


class Progress(msgspec.Struct, frozen=True):
    """`taken` is the last batch; None before the first and after the last one. `without_code`
    counts as `Taken` does, of this run."""

    one: Import
    head: Head
    counts: Counts
    offset: int
    taken: Taken | None
    without_code: int


async def run(
    runner: Runner, caller: Caller, pieces: Pieces, wanted: Wanted, pace: Callable[[], Pace]
) -> AsyncIterator[Progress]:
    """Tells after every batch. The `pace` is asked for anew after every transaction.

    Raises Refused, ImportNotFound, and what `pieces` raises.
    """
    source = _Source(pieces)
    first = await source.first()
    head = csv_heads.read(first, wanted.options, is_whole=source.is_over)
    running = _Running(runner, caller, wanted, pace, head)
    try:
        async for progress in running.take_all(source):
            yield progress
    except BaseException:
        # A kill leaves it "running"; whoever repeats it finds where it was all the same.
        await running.interrupt()
        raise
    finally:
        running.close()


class _Source:
    """The pieces of a file; the first bytes of it may be looked at before they are read."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._first = b""
        self.is_over = False

    async def first(self) -> bytes:
        while len(self._first) < HEAD_BYTES and not self.is_over:
            self._first += await self._next()
        return self._first

    async def each(self, piece_bytes: int) -> AsyncIterator[tuple[bytes, bool]]:
        """Every piece from the beginning, and whether it is the last one."""
        piece = self._first
        while True:
            for start in range(0, len(piece), piece_bytes):
                part = piece[start : start + piece_bytes]
                yield part, self.is_over and start + piece_bytes >= len(piece)
            if self.is_over:
                if not piece:
                    yield b"", True
                return
            piece = await self._next()

    async def _next(self) -> bytes:
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            self.is_over = True
            return b""


class _Running:
    def __init__(
        self,
        runner: Runner,
        caller: Caller,
        wanted: Wanted,
        pace: Callable[[], Pace],
        head: Head,
    ) -> None:
        self._runner = runner
        self._caller = caller
        self._wanted = wanted
        self._pace_now = pace
        self._pace = pace()
        self._head = head
        self._rows = RowReader(head.columns, head.header, wanted.options.region)
        self._rows_now = min(self._pace.rows_first, self._rows_most())
        self._imagined = Imagined() if wanted.is_dry_run else None
        self._one: Import | None = None
        self._counts = Counts()
        self._without_code = 0
        self._offset = self._read_to = head.offset
        self._is_worked = asyncio.Event()
        self._is_stopping = False
        self._sum = _Sum() if wanted.digest is None and not wanted.is_dry_run else None

    async def take_all(self, source: _Source) -> AsyncIterator[Progress]:
        one = await self._begin()
        self._counts = one.counts
        self._offset = self._read_to = one.offset
        yield self._progress(None)
        async for taken in self._taken(self._batches(source, one)):
            yield self._progress(taken)
        await self._end(is_done=True)
        yield self._progress(None)

    async def _taken(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Taken]:
        """What became of each batch. One may be read while the disk confirms the one before.

        Whoever stops it waits for the transaction that is on its way.
        """
        taking: asyncio.Task[Taken] | None = None
        try:
            async for batch in batches:
                if not self._pace.reads_ahead:
                    yield await self._take(batch)
                    continue
                if taking is not None:
                    yield await asyncio.shield(taking)
                self._is_worked.clear()
                taking = asyncio.create_task(self._take(batch))
                await self._is_worked.wait()
            if taking is not None:
                yield await asyncio.shield(taking)
        finally:
            self._is_stopping = True
            if taking is not None:
                await asyncio.wait((taking,))

    async def _begin(self) -> Import:
        wanted, head = self._wanted, self._head
        if wanted.import_id is not None:
            named = Named(import_id=wanted.import_id)
            self._one = await self._runner.read(imports.find, named, self._caller)
            if self._one.state not in ("running", "interrupted"):
                raise Refused("This import has come to its end; there is nothing to go on with.")
            if self._one.options != csv_heads.options_json(wanted.options):
                raise Refused("This import was begun with other options.")
            return self._one
        begin = Begin(
            name=wanted.name,
            digest=wanted.digest,
            options=csv_heads.options_json(wanted.options),
            offset=head.offset,
            line=head.line,
        )
        if wanted.is_dry_run:
            self._one = await self._runner.read(imports.try_out, begin, self._caller)
        else:
            self._one = await self._runner.write(imports.begin, begin, self._caller)
        return self._one

    def _check_same(self, one: Import) -> None:
        """Whether what came so far is what was read then."""
        if self._wanted.import_id is None or self._sum is None or one.read_digest is None:
            return
        if self._sum.until(one.offset) != one.read_digest:
            raise Refused("The file does not begin like the one of this import.")

    async def _batches(self, source: _Source, one: Import) -> AsyncIterator[Batch]:
        """Rows are read when their batch is due: others wait no longer than that."""
        decoder = Decoder(self._head.encoding)
        reader = Reader(self._head.delimiter, offset=one.offset, line=one.line)
        passed = 0
        rows: list[Facts | Refusal] = []
        last: Record | None = None
        async for piece, is_last in source.each(self._pace.piece_bytes):
            text = decoder.utf8(piece, is_last=is_last)
            if self._sum is not None:
                self._sum.add(text)
            skipped = min(len(text), max(0, one.offset - passed))
            passed += len(text)
            if skipped and passed >= one.offset:
                self._check_same(one)  # the last of what is not to be read again has come
            if passed < one.offset and not is_last:
                if self._sum is not None:
                    self._sum.until(passed)
                continue
            each = reader.each(text[skipped:], is_last=is_last)
            while records := list(islice(each, max(1, self._rows_now - len(rows)))):
                rows += filter(None, map(self._rows.read, records))
                last = records[-1]
                if rows and self._is_due(len(rows), last):
                    yield self._batch(one, rows, last)
                    rows = []
            await asyncio.sleep(0)  # also where it held no row: others wait
        if passed < one.offset:
            raise Refused("The file is shorter than what was read of it before.")
        if last is not None and rows:
            yield self._batch(one, rows, last)

    def _is_due(self, rows: int, last: Record) -> bool:
        if rows >= self._rows_now or not self._pace.reads_ahead:
            return True
        return last.offset + last.size - self._read_to >= BATCH_BYTES

    def _batch(self, one: Import, rows: list[Facts | Refusal], last: Record) -> Batch:
        offset, self._read_to = self._read_to, last.offset + last.size
        return Batch(
            one=one,
            rows=rows,
            offset=offset,
            next_offset=self._read_to,
            next_line=last.line + last.lines,
            read_digest=self._sum.until(self._read_to) if self._sum is not None else None,
            imagined=self._imagined,
            may_be_cut=self._sum is None and self._imagined is None,
        )

    async def _take(self, batch: Batch) -> Taken:
        """In one transaction, or in several: it may have gone slowly since the rows were read, or
        a server have come. What is told of each row, or summed, stays whole."""
        start, count = 0, len(batch.rows)
        try:
            while True:
                end = start + self._rows_now if batch.may_be_cut else count
                taken = await self._take_part(batch.part(start, end))
                start += taken.count
                if start == count or self._is_stopping:
                    return taken
        finally:
            self._is_worked.set()

    async def _take_part(self, batch: Batch) -> Taken:
        if self._imagined is None:
            taken, took_s = await self._runner.write(self._work, batch, self._caller)
        else:
            taken, took_s = await self._runner.scan(_timed, batch, self._caller)
        self._counts = self._counts.plus(taken.counts)
        self._without_code += taken.without_code
        self._offset = batch.part(0, taken.count).next_offset
        self._pace = self._pace_now()
        fitting = int(taken.count * self._pace.batch_s / max(took_s, 1e-6))
        most = self._rows_most()
        if taken.count < len(batch.rows):
            most = taken.count  # the others were looked up for nothing
        self._rows_now = max(1, min(most, 2 * self._rows_now, fitting))
        await asyncio.sleep(took_s * self._pace.rest)
        return taken

    def _rows_most(self) -> int:
        return min(self._pace.rows_max, BATCH_CELLS // len(self._head.columns.all) + 1)

    async def _work(self, ctx: Context, batch: Batch) -> tuple[Taken, float]:
        done = await _timed(ctx, batch)
        if batch.next_offset == self._read_to and done[0].count == len(batch.rows):
            self._is_worked.set()  # what is left to do is the disk's
        return done

    async def _end(self, *, is_done: bool) -> None:
        if self._one is None:
            return
        if self._imagined is not None:
            if is_done:
                self._one = msgspec.structs.replace(
                    self._one, state="done", offset=self._offset, finished_at=self._runner.now()
                )
            return
        digest = self._sum.whole() if self._sum is not None and is_done else None
        given = End(import_id=self._one.id, is_done=is_done, digest=digest)
        self._one = await self._runner.write(imports.end, given, self._caller)

    async def interrupt(self) -> None:
        with contextlib.suppress(AppError):
            await self._end(is_done=False)

    def close(self) -> None:
        if self._imagined is not None:
            self._imagined.close()

    def _progress(self, taken: Taken | None) -> Progress:
        assert self._one is not None
        return Progress(
            self._one, self._head, self._counts, self._offset, taken, self._without_code
        )


async def _timed(ctx: Context, batch: Batch) -> tuple[Taken, float]:
    """With how long it held the event loop: waiting for the disk holds nobody else."""
    started = time.monotonic()
    taken = await imports.take(ctx, batch)
    return taken, time.monotonic() - started


class _Sum:
    """The SHA-256 of a stream up to a place that was decided later."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self._summed = 0
        self._rest = bytearray()

    def add(self, text: bytes) -> None:
        self._rest += text

    def until(self, offset: int) -> str:
        count = offset - self._summed
        self._sum.update(self._rest[:count])
        del self._rest[:count]
        self._summed = offset
        return self._sum.hexdigest()

    def whole(self) -> str:
        return self.until(self._summed + len(self._rest))
