"""What SQLite writes into the file, without what it only left lying there (row T18.1).

`secure_delete` zeroes rows as they go. But when SQLite moves rows from a page to its neighbour, the
gap between the rows that are left keeps a copy of them, which no statement reaches.
"""

from functools import cache

import apsw

NAME = "kith"
PAGE_BYTES_MIN = 512
FILE_HEAD_BYTES = 100
_PAGE_HEAD_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}
"""Of a B-tree page, by the kind in its first byte (SQLite's file format, section 1.6)."""
FILE_BYTES_MAX = 2**36
"""Beyond 128 GiB the number with which another kind of page begins could look like such a kind."""


class _File(apsw.VFSFile):
    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  (SQLite's name)
        super().xWrite(without_gap(data, offset), offset)


class _Disk(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(NAME, base="")

    def xOpen(  # noqa: N802  (SQLite's name)
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            return _File("", name, flags)
        return super().xOpen(name, flags)


@cache
def registered() -> str:
    """The name under which the writer opens its file.

    Made when it is first asked for, so that it stands on whatever is the default by then, and kept
    for as long as a connection may use it.
    """
    _KEPT.append(_Disk())
    return NAME


_KEPT: list[_Disk] = []


def without_gap(page: bytes, offset: int) -> bytes:
    """The page with zeros between the list of its rows and the first of them."""
    head = FILE_HEAD_BYTES if offset == 0 else 0
    size = _PAGE_HEAD_BYTES.get(page[head]) if len(page) >= PAGE_BYTES_MIN else None
    if size is None or offset >= FILE_BYTES_MAX:
        return page
    first = head + size + 2 * int.from_bytes(page[head + 3 : head + 5], "big")
    beyond = int.from_bytes(page[head + 5 : head + 7], "big") or 65_536
    if beyond <= first or page.count(0, first, beyond) == beyond - first:
        return page
    return page[:first] + bytes(beyond - first) + page[beyond:]
