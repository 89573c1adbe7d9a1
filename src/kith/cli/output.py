"""Standard output, whatever it goes to: a full disk, a pipe that nobody reads, another encoding."""

import codecs
import errno
import io
import os
import sys
from typing import Any

ESCAPES = "kith.escapes"
"""What an encoding lacks is written as `\\u0418`, which is right in JSON and plain to people."""

REASONS = {errno.EPIPE: "", errno.EBADF: "it is closed"}
STDOUT, STDERR = 1, 2


class CannotPrint(Exception):
    """Standard output takes no more. `reason` is blank where whoever read it went away."""

    def __init__(self, error: OSError) -> None:
        number = error.errno or errno.EIO
        self.reason = REASONS.get(number, os.strerror(number))
        super().__init__(self.reason)


def take_over() -> None:
    """From here on a failure of standard output is a CannotPrint, and no character is one."""
    codecs.register_error(ESCAPES, _escapes)
    _open_closed()
    out, err = sys.stdout, sys.stderr
    if isinstance(err, io.TextIOWrapper):
        err.reconfigure(errors=ESCAPES)
    if isinstance(out, io.TextIOWrapper):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Descriptor(out.fileno(), "w", closefd=False)),
            encoding=out.encoding,
            errors=ESCAPES,
            line_buffering=out.line_buffering,
            write_through=out.write_through,
        )


def give_up() -> None:
    """Throw away what could not be written: Python would try once more as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def escaped(character: str) -> str:
    """As JSON and Python write it."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _open_closed() -> None:
    """In place of what was closed (`>&- 2>&-`): a failure to write to, and nobody who reads.

    They also keep their numbers from files that are opened next.
    """
    if sys.stdout is None:
        sys.stdout = _nowhere(STDOUT, os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _nowhere(STDERR, os.O_WRONLY)


def _nowhere(number: int, flags: int) -> io.TextIOWrapper:
    opened = os.open(os.devnull, flags)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False)))


class _Descriptor(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise CannotPrint(error) from None


def _escapes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(escaped, error.object[error.start : error.end])), error.end
