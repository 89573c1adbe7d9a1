"""`kith` on a disk that fails or kills: `python -m tests.store.faulty_disk CALL N FAULT ...`.

CALL is `write` or `sync`; at its N-th time on the database or its WAL, FAULT happens: `kill` ends
the process there and then, `eio` fails the call. The rest are arguments of `kith`.
"""

import os
import signal
import sys
from typing import Any

import apsw

from kith.cli.main import main

BASE = "unix"


class Disk(apsw.VFS):
    """The system's own file system, but for one call."""

    def __init__(self, call: str, number: int, fault: str) -> None:
        super().__init__("faulty", base=BASE, makedefault=True)
        self.call, self.left, self.fault = call, number, fault

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return File(name, flags, self)

    def comes(self, call: str) -> None:
        if call != self.call:
            return
        self.left -= 1
        if self.left == 0:
            if self.fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            error = apsw.IOError("injected")
            error.extendedresult = apsw.SQLITE_IOERR_FSYNC
            raise error


class File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], disk: Disk) -> None:
        super().__init__(BASE, name, flags)
        self.disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.disk.comes("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.disk.comes("sync")
        super().xSync(flags)


if __name__ == "__main__":
    _, call, number, fault, *arguments = sys.argv
    disk = Disk(call, int(number), fault)
    sys.argv = ["kith", *arguments]
    main()
