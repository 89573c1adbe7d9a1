"""The gaps between the rows of a page: no statement reaches what SQLite leaves there (row T18.1).

`secure_delete` zeroes rows as they go. But when SQLite moves rows from a page to its neighbour, the
gap between the rows that are left keeps a copy of them. After an erasure the whole file is swept of
those copies: looking at 1 GB takes a second or two.

The zeros are written past SQLite, and only while nothing can be written through it: under the write
lock and with an empty WAL, from which no process has a page to move. They lie where no row can be,
so a sweep that is cut short has changed nothing that is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

PAGES_AT_ONCE = 2_000
"""How many are cleared while writes wait: 20 ms."""
_FILE_HEAD_BYTES = 100
_PAGE_HEAD_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}
"""Of a B-tree page, by the kind in its first byte (SQLite's file format, section 1.6)."""
FILE_BYTES_MAX = 2**36
"""Beyond 128 GiB the number with which another kind of page begins could look like such a kind."""


def unswept(connection: apsw.Connection) -> int:
    """The last erasure since the last sweep; 0 when nobody was erased."""
    try:
        row = connection.execute("SELECT MAX(rowid) FROM unswept_erasures").fetchone()
    except apsw.SQLError:  # there is no such table before migration 0003
        return 0
    return int(row[0] or 0) if row else 0


def found(path: Path, start: int = 0, length: int = FILE_BYTES_MAX) -> list[int]:
    """Where pages begin that have something in their gap, in this part of the file.

    The file may change meanwhile. `start` and `length` in bytes, whole pages.
    """
    with _opened(path, apsw.SQLITE_OPEN_READONLY) as file:
        size = _page_bytes(file)
        part = file.xRead(min(length, file.xFileSize() - start), start)
    return [
        start + at
        for at in range(0, len(part) - size + 1, size)
        if gap(part[at : at + size], start + at) is not None
    ]


def clear(connection: apsw.Connection, path: Path, offsets: list[int], *, swept: int) -> bool:
    """Zero the gaps of these pages; False when the WAL is not empty, and nothing was done.

    With the last pages, `swept` is the erasure that the sweep began with, else 0. Is it still the
    last one, none is due any longer: a later one may have left something in a page that was looked
    at before. The commit makes every connection forget the pages that it keeps in memory, which
    would bring the copies back.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if path.with_name(f"{path.name}-wal").stat().st_size:
            return False
        with _opened(path, apsw.SQLITE_OPEN_READWRITE) as file:
            size = _page_bytes(file)
            for offset in offsets:
                if (place := gap(file.xRead(size, offset), offset)) is not None:
                    first, beyond = place
                    file.xWrite(bytes(beyond - first), offset + first)
            file.xSync(apsw.SQLITE_SYNC_NORMAL)
        if unswept(connection) == swept:
            connection.execute("DELETE FROM unswept_erasures")
        else:
            connection.execute("UPDATE unswept_erasures SET tenant_id = tenant_id")
        connection.execute("COMMIT")
        return True
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def gap(page: bytes, offset: int) -> tuple[int, int] | None:
    """The bytes between the list of a page's rows and the first of them, unless all are zero."""
    head = _FILE_HEAD_BYTES if offset == 0 else 0
    size = _PAGE_HEAD_BYTES.get(page[head])
    if size is None:
        return None
    first = head + size + 2 * int.from_bytes(page[head + 3 : head + 5], "big")
    beyond = int.from_bytes(page[head + 5 : head + 7], "big") or 65_536
    if beyond <= first or page.count(0, first, beyond) == beyond - first:
        return None
    return first, beyond


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[apsw.VFSFile]:
    """The file as SQLite opens it: closing another handle would let go of this process's locks."""
    file = apsw.VFSFile("", str(path), [flags | apsw.SQLITE_OPEN_MAIN_DB, 0])
    try:
        yield file
    finally:
        file.xClose()


def _page_bytes(file: apsw.VFSFile) -> int:
    size = int.from_bytes(file.xRead(2, 16), "big")
    return 65_536 if size == 1 else size
