"""Reading CSV that anybody may have written: bytes in, records out, a bad one alone (row F24).

Every encoding becomes UTF-8 first, and offsets count the bytes of that.
"""

import codecs
import csv
from typing import Any, Literal, NamedTuple

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
HEAD_BYTES = 65_536
"""How much of a file is looked at to tell its encoding and delimiter."""

csv.field_size_limit(FIELD_CHARACTERS_MAX)

Fault = Literal["nul", "bad_utf8", "field_too_long", "line_too_long", "quote_broken", "quote_open"]


class Record(NamedTuple):
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


def _utf8_evidence(head: bytes) -> tuple[int, set[int]]:
    """How many characters beyond ASCII read as UTF-8, and the bytes that do not."""
    bad: set[int] = set()

    def note(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        if error.end < len(head) or error.reason != "unexpected end of data":
            bad.update(head[error.start : error.end])
        return "", error.end

    codecs.register_error("kith.csv.note", note)
    text = head.decode("utf-8", errors="kith.csv.note")
    return sum(map(text.count, set(text) - _ASCII)), bad


_ASCII = frozenset(map(chr, range(128)))


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
        self._swallowed = 0
        """Bytes of a line that is too long to be kept until it ends."""

    def feed(self, piece: bytes, *, is_last: bool = False) -> list[Record]:
        """The records that are whole now. Blank lines are none."""
        found: list[Record] = []
        data = self._pending + piece
        if self._swallowed:
            data = self._swallow(data, found, is_last)
        end = len(data) if is_last else _end_of_lines(data)
        used = self._read(data[:end], found, is_last)
        self._pending = data[used:]
        if not end and len(data) > LINE_BYTES_MAX:
            self._swallowed, self._pending = len(data), b""
        return found

    def _swallow(self, data: bytes, found: list[Record], is_last: bool) -> bytes:
        """What comes after the line that is too long."""
        line = data.splitlines(keepends=True)[0] if data else b""
        if line.endswith(b"\r") and len(line) == len(data) and not is_last:
            line = line[:-1]  # its other half may follow
        self._swallowed += len(line)
        if is_last or line.endswith((b"\n", b"\r")):
            size, self._swallowed = self._swallowed, 0
            found.append(self._record(1, size, None, "line_too_long"))
        return data[len(line) :]

    def _read(self, block: bytes, found: list[Record], is_last: bool) -> int:
        """Returns how much of the block was used."""
        lines = block.splitlines(keepends=True)
        longest = max(map(len, lines), default=0)
        texts, bad = _texts(lines, b"\0" in block or longest > LINE_BYTES_MAX)
        if bad or b'"' in block or longest > FIELD_CHARACTERS_MAX:
            return self._read_with_care(lines, texts, bad, found, is_last)
        number, offset = self._line, self._offset
        for line, cells in zip(lines, csv.reader(texts, delimiter=self._delimiter), strict=True):
            size = len(line)
            if cells:
                found.append(Record(number, 1, offset, size, cells, None))
            number += 1
            offset += size
        self._line, self._offset = number, offset
        return len(block)

    def _read_with_care(
        self,
        lines: list[bytes],
        texts: list[str],
        bad: dict[int, Fault],
        found: list[Record],
        is_last: bool,
    ) -> int:
        """A line that cannot be read is refused alone: reading begins anew behind it.

        Each byte is looked at twice at most: a quote that is open ends at the next odd one.
        """
        used = start = base = 0
        reader = self._reader(texts, 0)
        while start < len(lines):
            cells: list[str] | None = None
            fault: Fault | None = None
            try:
                cells = next(reader)
            except csv.Error as error:
                fault = _fault(error, base + reader.line_num - start)
            end = base + reader.line_num
            may_go_on = fault == "quote_open" and end == len(lines) and not is_last
            if may_go_on and sum(map(len, lines[start:])) <= LINE_BYTES_MAX:
                break  # it may be closed by what follows
            if fault is not None:
                end = start + 1
                reader, base = self._reader(texts, end), end
            if bad:
                fault = next((bad[at] for at in range(start, end) if at in bad), fault)
            size = sum(map(len, lines[start:end]))
            record = self._record(end - start, size, None if fault else cells, fault)
            if cells or fault:
                found.append(record)
            used += size
            start = end
        return used

    def _reader(self, texts: list[str], start: int) -> Any:
        rest: Any = iter(texts)
        rest.__setstate__(start)  # a slice would be a copy for each line that is refused
        return csv.reader(rest, delimiter=self._delimiter, strict=True)

    def _record(
        self, lines: int, size: int, cells: list[str] | None, fault: Fault | None
    ) -> Record:
        record = Record(self._line, lines, self._offset, size, cells, fault)
        self._line += lines
        self._offset += size
        return record


def _end_of_lines(data: bytes) -> int:
    """Behind the last line that has ended; a carriage return may be half of an end."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, max(0, len(data) - 1))) + 1


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
    texts = []
    for at, line in enumerate(lines):
        try:
            texts.append("\n" if at in bad else line.decode())
        except UnicodeDecodeError:
            bad[at] = "bad_utf8"
            texts.append("\n")
    return texts, bad


def _fault(error: csv.Error, lines: int) -> Fault:
    if "unexpected end" in str(error):
        return "quote_open"
    if "field limit" in str(error):
        return "field_too_long" if lines == 1 else "quote_open"
    return "quote_broken"
