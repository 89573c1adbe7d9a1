"""The file of rows that an import did not take: mended, it can be imported itself."""

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from kith.cli import files
from kith.domain import csv_cells, import_mends
from kith.domain.csv_heads import Head
from kith.domain.csv_reading import Decoder, Reader
from kith.domain.imports import Refusal
from kith.errors import Refused

OURS = ("kith_line", "kith_offset", "kith_code", "kith_reason", "kith_mend", "kith_row")
PIECE_BYTES = 262_144
ROW_CHARACTERS_MAX = 32_000
"""Of a row that cannot be read at all: what a spreadsheet shows in one cell."""


def check(path: Path) -> None:
    """Raises Refused if it cannot be written; where there is none, none is left."""
    try:
        is_there = path.exists()
        files.private(path, "ab").close()
        if not is_there:
            path.unlink()
    except OSError as error:
        raise Refused(
            f"The rejects cannot be written to {path}: {error.strerror}. Name another --rejects."
        ) from None


class Rejects:
    """Made with the first row. Rows come in the order of the file, which is read along.

    `problem` says why some of them are not written; an import goes on without.
    """

    def __init__(self, path: Path, source: Path, head: Head) -> None:
        self.path = path
        self.count = 0
        self.problem: str | None = None
        self._head = head
        self._source = source
        self._cut: _Cut | None = None
        self._out: BinaryIO | None = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with self._noting():
            if self._out is not None:
                self._out.close()
        if self._cut is not None:
            self._cut.close()

    def add(self, refusals: Sequence[Refusal]) -> None:
        with self._noting():
            for one in refusals if self.problem is None else ():
                self._begin()
                assert self._cut is not None
                assert self._out is not None
                raw = self._cut.at(one.offset, one.size)
                self._out.write(self._line(one, raw).encode())
                self.count += 1

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.problem = self.problem or error.strerror or str(error)

    def _begin(self) -> None:
        """A spreadsheet knows UTF-8 by the mark at its beginning."""
        if self._out is None:
            self._cut = _Cut(self._source, self._head)
            self._out = files.private(self.path, "wb")
            names = [column.name for column in self._head.columns.all]
            self._out.write(BOM_UTF8 + csv_cells.line([*names, *OURS]).encode())

    def _line(self, one: Refusal, raw: bytes) -> str:
        cells = _cells(raw, self._head.delimiter)
        columns = self._head.columns
        mend = import_mends.of(one.code, columns, cells)
        text = ""
        if cells is None or len(cells) > len(columns.all):
            text = raw.decode("utf-8", "replace").replace("\0", "\ufffd").rstrip("\r\n")
            text = text[:ROW_CHARACTERS_MAX]
            cells = []
        filled = [*cells, *[""] * (len(columns.all) - len(cells))]
        told = (str(one.line), str(one.offset), one.code, one.text, mend, text)
        return csv_cells.line([*map(csv_cells.meant, filled), *told])


class _Cut:
    """Pieces of a file by their place, as UTF-8; each lies behind the one before."""

    def __init__(self, path: Path, head: Head) -> None:
        self._file = path.open("rb")
        self._is_plain = head.encoding == "utf-8"
        self._decoder = Decoder(head.encoding)
        self._held = b""
        self._begin = 0

    def at(self, offset: int, size: int) -> bytes:
        if self._is_plain:
            self._file.seek(offset)
            return self._file.read(size)
        while self._begin + len(self._held) < offset + size:
            piece = self._file.read(PIECE_BYTES)
            self._held += self._decoder.utf8(piece, is_last=not piece)
            gone = min(len(self._held), max(0, offset - self._begin))
            self._begin, self._held = self._begin + gone, self._held[gone:]
            if not piece:
                break
        start = offset - self._begin
        return self._held[start : start + size]

    def close(self) -> None:
        self._file.close()


def _cells(raw: bytes, delimiter: str) -> list[str] | None:
    records = Reader(delimiter).feed(raw, is_last=True)
    return records[0].cells if len(records) == 1 else None
