"""Files that commands write; they hold personal data, so they are for nobody else's eyes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from kith.errors import Refused


@contextmanager
def new(path: Path, *, otherwise: str) -> Iterator[BinaryIO]:
    """A file that has its name once it is whole: nothing is left when the block raises.

    Never over a file that is there; `otherwise` says what to do then. Raises Refused.
    """
    _check_free(path, otherwise)
    try:
        descriptor, beside = tempfile.mkstemp(prefix=".kith-", dir=path.parent)  # of mode 0600
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _check_free(path, otherwise)
            os.rename(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise Refused(f"{path} cannot be written: {os.strerror(error.errno or 0)}.") from None


def private(path: Path, mode: Literal["ab", "wb"]) -> BinaryIO:
    """Opens it as `open` does; a file that is made so may be read by nobody else."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def _check_free(path: Path, otherwise: str) -> None:
    if os.path.lexists(path):
        raise Refused(f"{path} exists already; {otherwise}.")
