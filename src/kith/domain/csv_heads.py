"""The beginning of a file: its encoding, its delimiter, its header; the same for every door."""

import csv
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from kith.domain import csv_columns
from kith.domain.csv_columns import Columns
from kith.domain.csv_reading import (
    DELIMITERS,
    Decoder,
    Encoding,
    Reader,
    encoding_of,
)
from kith.domain.phone import Region
from kith.errors import Refused

_SAMPLE_RECORDS = 20
_VCARD = b"BEGIN:VCARD"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody says that a file is to be read; None and {}: find out."""

    mapping: dict[str, str] = {}
    region: Region | None = None
    encoding: Encoding | None = None
    delimiter: str | None = None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rows begin, and how they are read. `offset` counts bytes of UTF-8."""

    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    columns: Columns
    offset: int
    line: int


def read(first: bytes, options: Options, *, is_whole: bool) -> Head:
    """Of the first bytes of a file, or of all of them. Raises Refused."""
    _check_text(first)
    encoding = options.encoding or encoding_of(first)
    if encoding.startswith("utf-16") and first[:2] == b"\xfe\xff":
        encoding = "utf-16-be"
    text = Decoder(encoding).utf8(first, is_last=is_whole)
    offset = len(BOM_UTF8) if text.startswith(BOM_UTF8) else 0
    if text[offset:].lstrip()[: len(_VCARD)].upper() == _VCARD:
        raise Refused("The file is a vCard; export the contacts as CSV instead.")
    line, said = 1, None
    if text[offset : offset + 4].lower() == b"sep=":  # Excel's own word on the delimiter
        said = text[offset + 4 : offset + 5].decode("latin-1")
        end = text.find(b"\n", offset) + 1
        offset, line = end or len(text), 2
    body = text[offset:]
    delimiter = options.delimiter or (said if said in DELIMITERS else None) or _delimiter(body)
    reader = Reader(delimiter, offset=offset, line=line)
    records = reader.each(body, is_last=is_whole)
    header = next(records, None)
    if header is None:
        raise Refused(
            "The file is empty." if is_whole else "The header of the file is longer than 64 KiB."
        )
    if header.cells is None:
        raise Refused("The header of the file cannot be read: look for quotes that stay open.")
    rows = [record.cells for record in islice(records, _SAMPLE_RECORDS) if record.cells]
    columns = csv_columns.of_header(header.cells, options.mapping, rows)
    starts_after = columns.has_header
    return Head(
        encoding=encoding,
        delimiter=delimiter,
        header=tuple(header.cells),
        columns=columns,
        offset=header.offset + header.size if starts_after else header.offset,
        line=header.line + header.lines if starts_after else header.line,
    )


_NO_TEXT = (
    (b"PK", b"[Content_Types].xml", "an Excel workbook; save it as CSV"),
    (b"PK", b"opendocument.spreadsheet", "a spreadsheet of LibreOffice; save it as CSV"),
    (b"PK\x03\x04", b"", "a ZIP archive; unpack the CSV that is in it"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", "an Excel workbook; save it as CSV"),
    (b"%PDF-", b"", "a PDF; Kith reads CSV"),
    (b"\x1f\x8b", b"", "compressed; unpack it"),
)
"""How a file begins, what else is near its beginning, and what it is then."""


def _check_text(first: bytes) -> None:
    """Raises Refused."""
    for start, near, what in _NO_TEXT:
        if first.startswith(start) and near in first:
            raise Refused(f"The file is {what}.")


def _delimiter(body: bytes) -> str:
    """What cuts the first records into the same number of cells, of which most are known names."""
    lines = [line.decode("utf-8", "replace") for line in body.splitlines()[:_SAMPLE_RECORDS]]
    return max(DELIMITERS, key=lambda delimiter: _score(lines, delimiter))


def _score(lines: Sequence[str], delimiter: str) -> tuple[int, float, int]:
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0, 0, 0
    if not rows:
        return 0, 0, 0
    cells = len(rows[0])
    alike = sum(len(row) == cells for row in rows) / len(rows)
    return csv_columns.known(rows[0]), alike if cells > 1 else 0, cells


def options_json(options: Options) -> str:
    """In one spelling, so that equal options are equal texts."""
    return msgspec.json.encode(options, order="deterministic").decode()


def parse_mapping(pairs: Sequence[str]) -> Mapping[str, str]:
    """`Column name=role`, each. Raises Refused."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, role = pair.rpartition("=")
        if not sign or not name.strip() or not role.strip():
            raise Refused(
                f"Write a mapping as COLUMN=FIELD, such as 'Mobile no=phone', not {pair!r}."
            )
        found[name.strip()] = csv_columns.checked(name.strip(), role)
    return found
