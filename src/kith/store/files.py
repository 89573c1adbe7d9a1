"""A folder of files by the SHA-256 of what is in them, apart for each workspace.

Written beside their place and moved there when they are whole: what has a name is complete.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

PIECE_BYTES = 262_144
PART = ".part"
"""How the name of a file ends that is not whole."""


class Files:
    """`root` is None where nothing is kept."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def make(self) -> None:
        """The folder, if it is missing. Raises OSError where nothing can be kept in it."""
        if self._root is not None:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=self._root):
                pass

    @property
    def keeps(self) -> bool:
        return self._root is not None

    def begin(self, folder: str) -> "Writing":
        assert self._root is not None, "nothing is kept"
        return Writing(self._root / folder)

    def pieces(self, folder: str, sha256: str) -> Iterator[bytes]:
        """Raises FileNotFoundError at once."""
        assert self._root is not None, "nothing is kept"
        file = (_place(self._root / folder, sha256)).open("rb")

        def read() -> Iterator[bytes]:
            with file:
                while piece := file.read(PIECE_BYTES):
                    yield piece

        return read()

    def remove(self, folder: str, sha256: str) -> None:
        if self._root is not None:
            _place(self._root / folder, sha256).unlink(missing_ok=True)

    def sweep(self, before: datetime) -> int:
        """Remove what whoever wrote it never finished, and nobody has written to since then; how
        many that were."""
        swept = 0
        for part in self._root.glob(f"*/.*{PART}") if self._root is not None else ():
            try:
                if part.stat().st_mtime < before.timestamp():
                    part.unlink()
                    swept += 1
            except FileNotFoundError:  # another process sweeps, too
                continue
        return swept


NO_FILES = Files(None)


class Writing:
    """A file that comes piece by piece; `size` and `sha256` are of what came so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hash = hashlib.sha256()
        self.size = 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, path = tempfile.mkstemp(prefix=".", suffix=PART, dir=folder)
        self._path = Path(path)
        self._file = os.fdopen(descriptor, "wb")

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

    def keep(self) -> None:
        """On disk under its name before this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        place = _place(self._folder, self.sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        self._path.replace(place)
        for folder in (place.parent, self._folder):
            _sync(folder)

    def drop(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """The names in a folder are on disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _place(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256
