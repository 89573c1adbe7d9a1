"""Reading CSV that anybody may have written: bytes in, records out, a bad one alone (row F24).

Every encoding becomes UTF-8 first, and offsets count the bytes of that.
"""

import codecs
import csv
import re
from collections.abc import Generator, Iterator
from operator import length_hint
from typing import Any, Literal

import msgspec

from kith.errors import BadValue

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1252"]
ENCODINGS: dict[str, Encoding] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16-le",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
    "latin-1": "windows-1252",
    "iso-8859-1": "windows-1252",
}
DELIMITERS = (",", ";", "\t", "|")

FIELD_CHARACTERS_MAX = 65_536
"""Of one cell; a quote that is never closed swallows no more (row L12)."""
LINE_BYTES_MAX = 1_048_576
RECORD_BYTES_MAX = 4 * FIELD_CHARACTERS_MAX
"""Of a record that goes on over several lines."""
HEAD_BYTES = 65_536
"""How much of a file is looked at to tell its encoding and delimiter."""

csv.field_size_limit(FIELD_CHARACTERS_MAX)

Fault = Literal["nul", "bad_utf8", "field_too_long", "line_too_long", "quote_broken", "quote_open"]


class Record(msgspec.Struct, frozen=True, gc=False):
    """`cells` is None where `fault` says why it cannot be read. `line` counts from 1."""

    line: int
    lines: int
    offset: int
    size: int
    cells: list[str] | None
    fault: Fault | None


# What people write in Windows-1252: its letters and the punctuation of a keyboard.
_LIKELY_1252 = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýŒœŠšŽžŸ"
    "\u00a0¡£§©ª«®°´·º»¿€‚„…‘’“”•–—™".encode("cp1252")
)
# Of its 256 bytes, the five that mean nothing stay control characters, which the text gate refuses.
_TABLE_1252 = "".join(
    bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(256)
)


def encoding_of(head: bytes) -> Encoding:
    """What the first bytes of a file look like."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    pairs = max(1, len(head) // 2)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.4 * pairs and even < 0.1 * pairs:
        return "utf-16-le"
    if even > 0.4 * pairs and odd < 0.1 * pairs:
        return "utf-16-be"
    good, bad = _utf8_evidence(head)
    return "windows-1252" if bad and not good and bad <= _LIKELY_1252 else "utf-8"


def _utf8_evidence(head: bytes) -> tuple[bool, set[int]]:
    """Whether characters beyond ASCII read as UTF-8, and the bytes that do not."""
    # Not all at once: a character that is cut at the end is no evidence.
    found = set(codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head))
    bad = {character for character in found if "\udc80" <= character <= "\udcff"}
    good = any(not character.isascii() for character in found - bad)
    return good, {ord(character) - 0xDC00 for character in bad}


def parse_encoding(value: str) -> Encoding:
    """Raises BadValue."""
    if (found := ENCODINGS.get(value.strip().lower().replace("_", "-"))) is None:
        raise BadValue(f"must be one of {', '.join(dict.fromkeys(ENCODINGS.values()))}.")
    return found


def parse_delimiter(value: str) -> str:
    """Raises BadValue."""
    value = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}.get(
        value.strip().lower(), value
    )
    if value not in DELIMITERS:
        raise BadValue("must be one of comma, semicolon, tab, pipe.")
    return value


class Decoder:
    """Makes UTF-8 of any encoding, piece by piece. What a UTF-8 file holds stays as it is."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._incremental: codecs.IncrementalDecoder | None = None
        if encoding.startswith("utf-16"):
            # A lone surrogate becomes bytes that are no UTF-8: its row alone is refused.
            self._incremental = codecs.getincrementaldecoder(encoding)("surrogatepass")

    def utf8(self, piece: bytes, *, is_last: bool = False) -> bytes:
        if self._encoding == "utf-8":
            return piece
        if self._incremental is None:
            return codecs.charmap_decode(piece, "strict", _TABLE_1252)[0].encode()
        try:
            text = self._incremental.decode(piece, is_last)
        except UnicodeDecodeError:  # half a character at the end
            text = "\ufffd"
        return text.encode("utf-8", "surrogatepass")


class Reader:
    """Gives the records of the UTF-8 that it is fed; holds little more than one of them."""

    def __init__(self, delimiter: str, *, offset: int = 0, line: int = 1) -> None:
        """`offset` and `line` are where what it will be fed begins."""
        self._delimiter = delimiter
        self._offset = offset
        self._line = line
        self._pending = b""
        self._enough = 0
        """How much must be there before an open quote is looked at again."""
        self._swallowed = 0
        """Bytes of a line that is too long to be kept until it ends."""

    def feed(self, piece: bytes, *, is_last: bool = False) -> list[Record]:
        """The records that are whole now. Blank lines are none."""
        return list(self.each(piece, is_last=is_last))

    def each(self, piece: bytes, *, is_last: bool = False) -> Iterator[Record]:
        """As `feed`, one after another: all of them before it is fed again."""
        data = self._pending + piece
        if self._swallowed:
            data = yield from self._swallow(data, is_last)
        if len(data) < self._enough and not is_last:
            self._pending = data
            return
        end = len(data) if is_last else _end_of_lines(data)
        used = yield from self._read(data[:end], is_last)
        self._pending = data[used:]
        self._enough = 2 * len(self._pending) if used < end else 0
        if not end and len(data) > LINE_BYTES_MAX:
            self._swallowed, self._pending = len(data), b""

    def _swallow(self, data: bytes, is_last: bool) -> Generator[Record, None, bytes]:
        """Returns what comes after the line that is too long."""
        line = data.splitlines(keepends=True)[0] if data else b""
        if line.endswith(b"\r") and len(line) == len(data) and not is_last:
            line = line[:-1]  # its other half may follow
        self._swallowed += len(line)
        if is_last or line.endswith((b"\n", b"\r")):
            size, self._swallowed = self._swallowed, 0
            yield Record(self._line, 1, self._offset, size, None, "line_too_long")
            self._line += 1
            self._offset += size
        return data[len(line) :]

    def _read(self, block: bytes, is_last: bool) -> Generator[Record, None, int]:
        """Returns how much of the block was used."""
        lines = block.splitlines(keepends=True)
        longest = max(map(len, lines), default=0)
        texts, bad = _texts(lines, b"\0" in block or longest > LINE_BYTES_MAX)
        if bad or b'"' in block or longest > FIELD_CHARACTERS_MAX:
            return (yield from self._read_with_care(lines, texts, bad, is_last))
        number, offset = self._line, self._offset
        for line, cells in zip(lines, csv.reader(texts, delimiter=self._delimiter), strict=True):
            size = len(line)
            if cells:
                yield Record(number, 1, offset, size, cells, None)
            number += 1
            offset += size
        self._line, self._offset = number, offset
        return len(block)

    def _read_with_care(
        self, lines: list[bytes], texts: list[str], bad: dict[int, Fault], is_last: bool
    ) -> Generator[Record, None, int]:
        """A line that cannot be read is refused alone: reading begins anew behind it.

        Each byte is looked at twice at most: a quote that is open ends at the next odd one.
        """
        start = at = 0
        count = len(lines)
        number, offset = self._line, self._offset
        rest, reader = self._reader(texts, 0)
        while start < count:
            end, size, cells, fault = start + 1, len(lines[start]), None, bad.get(start)
            if fault is None:
                if at != start:
                    rest, reader = self._again(texts, rest, reader, start)
                try:
                    cells = next(reader)
                    at = end = count - length_hint(rest)
                except csv.Error as error:
                    at = count - length_hint(rest)
                    fault = _fault(error, at - start)
                    may_go_on = fault == "quote_open" and at == count and not is_last
                    if may_go_on and _size(lines, start, count) <= RECORD_BYTES_MAX:
                        break  # it may be closed by what follows
                if end > start + 1:
                    fault = _fault_of_several(bad, start, end)
                    several = _size(lines, start, end)
                    if several <= RECORD_BYTES_MAX:
                        size = several
                    else:
                        fault, end = "quote_open", start + 1
            if cells or fault:
                yield Record(number, end - start, offset, size, None if fault else cells, fault)
            number += end - start
            offset += size
            start = end
        used, self._line, self._offset = offset - self._offset, number, offset
        return used

    def _again(self, texts: list[str], rest: Any, reader: Any, start: int) -> tuple[Any, Any]:
        if not length_hint(rest):  # an iterator that has come to its end stays there
            return self._reader(texts, start)
        rest.__setstate__(start)
        return rest, reader

    def _reader(self, texts: list[str], start: int) -> tuple[Any, Any]:
        """The lines from one on, and what makes records of them: it takes what the first gives."""
        rest: Any = iter(texts)
        rest.__setstate__(start)  # a slice would be a copy for each line that is refused
        return rest, csv.reader(rest, delimiter=self._delimiter, strict=True)


def _size(lines: list[bytes], start: int, end: int) -> int:
    return sum(map(len, lines[start:end]))


def _fault_of_several(bad: dict[int, Fault], start: int, end: int) -> Fault | None:
    return next((bad[at] for at in range(start, end) if at in bad), None) if bad else None


def _end_of_lines(data: bytes) -> int:
    """Behind the last line that has ended; a carriage return may be half of an end."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, max(0, len(data) - 1))) + 1


_IS_BAD = re.compile("[\udc80-\udcff]").search


def _texts(lines: list[bytes], is_odd: bool) -> tuple[list[str], dict[int, Fault]]:
    """The lines as text, and which of them are none; those are blank."""
    bad: dict[int, Fault] = {}
    if is_odd:
        bad = {at: "nul" for at, line in enumerate(lines) if b"\0" in line}
        bad |= {at: "line_too_long" for at, line in enumerate(lines) if len(line) > LINE_BYTES_MAX}
    if not bad:
        try:
            return [*map(bytes.decode, lines)], bad
        except UnicodeDecodeError:
            pass
    texts = [line.decode(errors="surrogateescape") for line in lines]
    bad |= {at: "bad_utf8" for at, text in enumerate(texts) if not text.isascii() and _IS_BAD(text)}
    for at in bad:
        texts[at] = "\n"
    return texts, bad


def _fault(error: csv.Error, lines: int) -> Fault:
    if "unexpected end" in str(error):
        return "quote_open"
    if "field limit" in str(error):
        return "field_too_long" if lines == 1 else "quote_open"
    return "quote_broken"
