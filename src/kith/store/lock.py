"""One server per SQLite file, and whether the last one stopped as it should (rows S2, S10)."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from kith.errors import CannotStart

RUNNING = b"running"


def is_taken(path: str) -> bool:
    """Whether a server has the file, or the last one did not stop as it should.

    Read from what the lock says: to try it would keep a server from starting just then. One that
    may not be read is another user's.
    """
    try:
        return _beside(path).read_bytes().startswith(RUNNING)
    except OSError as error:
        return not isinstance(error, FileNotFoundError)


def _beside(path: str) -> Path:
    # Resolved: two servers must not meet on one file under two names.
    return Path(f"{Path(path).resolve()}.lock")


class ServerLock:
    """Held on `<database>.lock`, which says `running` until a clean stop."""

    def __init__(self, path: str) -> None:
        self._path = _beside(path)
        self._file = -1
        self.found_unclean_stop = False
        self.is_clean = True
        """False while the file still has to be checked: the next start owes it then."""

    def __enter__(self) -> "ServerLock":
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotStart(
                f"The lock file {self._path} cannot be opened: {error.strerror}."
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise CannotStart(
                f"Another Kith server is using {self._path.with_suffix('')}; stop it first."
            ) from None
        self.found_unclean_stop = os.read(self._file, 16).startswith(RUNNING)
        self.is_clean = not self.found_unclean_stop
        self._write(RUNNING + b"\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_clean:
            self._write(b"stopped\n")
        os.close(self._file)

    def _write(self, text: bytes) -> None:
        os.pwrite(self._file, text, 0)
        os.ftruncate(self._file, len(text))
