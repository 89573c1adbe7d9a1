"""Rows of a file: what each says, read once, whatever it is read for.

The real run and the dry run have the same facts.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, TypeVar

from kith.domain import (
    contacts,
    csv_calling_codes,
    csv_cells,
    csv_columns,
    csv_phone_columns,
    email,
    ids,
    import_consent,
    json,
    metadata,
    phone,
    tags,
)
from kith.domain.csv_columns import Column, Columns, Role
from kith.domain.csv_reading import Record
from kith.domain.imports import FAULTS, Agreed, Facts, Refusal
from kith.domain.metadata import Metadata
from kith.domain.phone import Phone, Region, Typed
from kith.domain.readings import WHOLE_DIGITS_MIN
from kith.errors import BadValue, Invalid, Malformed, sentence

T = TypeVar("T")
CACHED_CHARACTERS_MAX = 256
"""Longer lists of tags are read each time, not kept."""
_QUOTES = re.compile(r"\A['\s]+")
_GUARD = re.compile(r"\A'(?=\+[0-9])")
"""What keeps a spreadsheet from reckoning with a number; Shopify writes it into its exports."""
_AND = ":::"
"""Between several values of one cell, in Google's contacts."""
_LABELS = ("labels", "groupmembership")
_OF_GOOGLE = re.compile(r"\A\*\s+")
"""Before the groups that Google itself made."""
_BREAKS = re.compile(r"[\t\r\n]")


class _Unreadable(Exception):
    def __init__(self, code: str, field: str | None, text: str) -> None:
        super().__init__(text)
        self.code, self.field, self.text = code, field, text


class RowReader:
    """Makes facts of records, by the columns of one file."""

    def __init__(self, columns: Columns, header: Sequence[str], region: Region | None) -> None:
        def indexes(*roles: Role) -> list[list[int]]:
            return [[column.index for column in columns.of(role)] for role in roles]

        self._header = list(header) if columns.has_header else None
        self._count = len(columns.all)
        self._region = region
        self._phones = columns.of("phone")
        self._has_phone_labels = any(column.label is not None for column in self._phones)
        self._names, self._firsts, self._lasts = indexes("name", "first_name", "last_name")
        self._emails, self._tags, self._ids = indexes("email", "tags", "contact_id")
        self._country, self._metadata = indexes("country", "metadata")
        self._consent = indexes("consent", "opted_in_at", "opted_in_source", "opted_out_at")
        self._extras = columns.of("extra")
        self._has_consent = any(self._consent[at] for at in (0, 1, 3))
        # Most files have one column for each: then nothing has to be looked for in a row.
        self._phone = self._phones[0].index if len(self._phones) == 1 else None
        is_plain = len(self._names) == 1 and not self._firsts and not self._lasts
        self._name = self._names[0] if is_plain else None
        self._address = next((column.name for column in columns.of("email")), "")
        self._email = self._emails[0] if len(self._emails) == 1 else None
        tagging = [csv_columns.fold(column.name) for column in columns.of("tags")]
        self._has_labels = any(name in _LABELS for name in tagging)
        self._tag = self._tags[0] if len(self._tags) == 1 else None

    def read(self, record: Record) -> Facts | Refusal | None:
        """None for a row that is blank."""
        cells = record.cells
        try:
            if cells is None:
                code = record.fault or "quote_broken"
                raise _Unreadable(code, None, FAULTS[code])
            if len(cells) != self._count:
                if len(cells) > self._count and any(map(str.strip, cells[self._count :])):
                    raise _Unreadable("too_many_fields", None, FAULTS["too_many_fields"])
                cells = [*cells[: self._count], *[""] * (self._count - len(cells))]
            if cells == self._header:
                raise _Unreadable("repeated_header", None, FAULTS["repeated_header"])
            return self._facts(record, cells)
        except _Unreadable as why:
            return Refusal(record.line, record.offset, record.size, why.code, why.field, why.text)

    def _facts(self, record: Record, cells: list[str]) -> Facts | None:
        row = "".join(cells)
        if "'" in row or "=" in row:  # what begins a cell that was made safe from spreadsheets
            cells = list(map(csv_cells.meant, cells))
        number: Phone | Typed | None = None
        region = self._region
        more: Metadata = {}
        if self._phone is None or _AND in cells[self._phone]:
            number, more = self._first_phone(cells)
        elif written := cells[self._phone]:
            number = _phone(written)
        if self._country and number.__class__ is not str:
            number, region = self._placed(cells, number)
        address = cells[self._email] if self._email is not None else _first(cells, self._emails)
        if _AND in address:
            address, others = _first_address(address)
            more = more | {self._address: others} if others else more
        contact_id = _first(cells, self._ids) if self._ids else ""
        if number is None and not address and not contact_id:
            if not any(map(str.strip, cells)):
                return None
            raise _Unreadable("nobody", None, FAULTS["nobody"])
        name = cells[self._name] if self._name is not None else self._whole_name(cells)
        agreed, left_out = self._agreed(cells) if self._has_consent else ((), None)
        return Facts(
            record.line,
            record.offset,
            record.size,
            number,
            region,
            _read("contact_id", ids.parse, contact_id) if contact_id else None,
            _read("name", _name, name) or None if name else None,
            _address(address) if address else None,
            self._tags_of(cells) if self._tags else (),
            self._more(cells, more) if self._extras or self._metadata or more else {},
            agreed,
            left_out,
        )

    def _agreed(self, cells: list[str]) -> tuple[tuple[Agreed, ...], str | None]:
        return import_consent.agreed(*(_first(cells, columns) for columns in self._consent))

    def _first_phone(self, cells: list[str]) -> tuple[Phone | Typed | None, Metadata]:
        """Of several phones the first; the others are kept as metadata."""
        number: Phone | Typed | None = None
        more: Metadata = {}
        for column in self._phones_in_order(cells):
            others = []
            for written in _values(cells[column.index]):
                found = _phone_or_none(written)
                if number is None:
                    number = found
                if found is None or found != number:
                    others.append(written)
            if others and number is None:
                _phone(others[0])
            if others:
                more[column.name] = ", ".join(others)
        return number, more

    def _phones_in_order(self, cells: list[str]) -> list[Column]:
        """The likeliest first, also by what a row calls each of its numbers."""
        if not self._has_phone_labels:
            return self._phones
        return sorted(self._phones, key=lambda column: _rank(column, cells))

    def _placed(
        self, cells: list[str], number: Phone | Typed | None
    ) -> tuple[Phone | Typed | None, Region | None]:
        """A number without `+`, and where it is read: by the country of the row, or its code.

        A country that nobody knows matters where the number needs one.
        """
        written = _first(cells, self._country)
        if not written or not isinstance(number, Typed):
            return number, self._region
        if (code := csv_calling_codes.of_cell(written)) is not None:
            behind = partial(csv_calling_codes.number_behind, code)
            return _read("phone", behind, number), self._region
        try:
            return number, phone.parse_region(_COUNTRIES.get(written.casefold(), written))
        except BadValue as problem:
            raise _Unreadable("country", "country", sentence("country", problem)) from None

    def _whole_name(self, cells: list[str]) -> str:
        """The whole name, else its parts; with one part beside it, `name` may be the other."""
        whole = _first(cells, self._names)
        first, last = _first(cells, self._firsts), _first(cells, self._lasts)
        if not whole or (self._firsts and self._lasts):
            return whole or f"{first} {last}".strip()
        if set((first + " " + last).casefold().split()) <= set(whole.casefold().split()):
            return whole
        return f"{first} {whole} {last}".strip()

    def _tags_of(self, cells: list[str]) -> tuple[str, ...]:
        at = self._tag
        written = cells[at] if at is not None else ",".join([cells[at] for at in self._tags])
        if self._has_labels:
            written = ",".join(_OF_GOOGLE.sub("", name.strip()) for name in written.split(_AND))
        if len(written) > CACHED_CHARACTERS_MAX:
            return _tags.__wrapped__(written)
        return _tags(written) if written else ()

    def _more(self, cells: list[str], phones: Metadata) -> Metadata:
        given: Metadata = {}
        for at in self._metadata:
            if cells[at].strip():
                given |= _read("metadata", _json_object, cells[at])
        for column in self._extras:
            if value := cells[column.index].strip():
                given[column.name] = _GUARD.sub("", value)
        given |= phones
        return _object(given) if given else given


def may_lack_code(facts: Facts) -> bool:
    """Whether this is as somebody dials it at home, and the file does not say where that is."""
    number = facts.phone
    if not isinstance(number, Typed) or facts.region is not None:
        return False
    is_at_home = number.digits.startswith("0") and not number.digits.startswith("00")
    return is_at_home or len(number.digits) < WHOLE_DIGITS_MIN


def _rank(column: Column, cells: list[str]) -> int:
    """A header that says more than `Phone` counts before the label of the row."""
    if column.label is None or column.rank != csv_phone_columns.ANY:
        return column.rank
    return csv_phone_columns.rank_of_label(cells[column.label])


def _values(cell: str) -> list[str]:
    """Each value of a cell, without the quotes that keep it from a spreadsheet."""
    found = (_QUOTES.sub("", written).strip() for written in cell.split(_AND))
    return [written for written in found if written]


def _first_address(written: str) -> tuple[str, str]:
    """Of several the first that is one, else the first; and the others."""
    values = _values(written) or [""]
    first = next((value for value in values if _is_address(value)), values[0])
    values.remove(first)
    return first, ", ".join(values)


def _is_address(value: str) -> bool:
    try:
        return bool(email.parse(value))
    except BadValue:
        return False


def _first(cells: list[str], columns: list[int]) -> str:
    """Of several columns the first that is not blank."""
    for at in columns:
        if value := cells[at].strip():
            return value
    return ""


_COUNTRIES = {"usa": "US", "uk": "GB", "uae": "AE", "united states": "US", "france": "FR"} | {
    "united kingdom": "GB", "germany": "DE", "deutschland": "DE", "spain": "ES", "españa": "ES",
    "italy": "IT", "italia": "IT", "brazil": "BR", "brasil": "BR", "mexico": "MX", "méxico": "MX",
    "portugal": "PT", "argentina": "AR", "belgium": "BE", "belgique": "BE", "suisse": "CH",
    "schweiz": "CH", "switzerland": "CH", "maroc": "MA", "morocco": "MA", "india": "IN",
    "egypt": "EG", "مصر": "EG", "السعودية": "SA", "saudi arabia": "SA", "الإمارات": "AE",
    "canada": "CA", "österreich": "AT", "austria": "AT", "netherlands": "NL", "nederland": "NL",
}  # fmt: skip


def _read(field: str, parse: Callable[[Any], T], value: object) -> T:
    try:
        return parse(value)
    except BadValue as problem:
        raise _Unreadable(field, field, sentence(field, problem)) from None


def _name(written: str) -> str | None:
    """A line break within a cell is a space in a name."""
    try:
        return contacts.parse_name(written)
    except BadValue:
        pieces = map(str.strip, _BREAKS.split(written))
        return contacts.parse_name(" ".join(piece for piece in pieces if piece))


def _phone(written: str) -> Phone | Typed | None:
    try:
        return phone.take(written)
    except BadValue as problem:
        bare = _QUOTES.sub("", written).strip()
        if not bare:
            return None
        if bare != written:
            return _phone(bare)
        raise _Unreadable("phone", "phone", sentence("phone", problem)) from None


def _phone_or_none(written: str) -> Phone | Typed | None:
    try:
        return _phone(written)
    except _Unreadable:
        return None


def _address(written: str) -> str | None:
    try:
        return email.parse(written)
    except BadValue as problem:
        if not written.strip():
            return None
        raise _Unreadable("email", "email", sentence("email", problem)) from None


@lru_cache(maxsize=1_024)
def _tags(written: str) -> tuple[str, ...]:
    return _read("tags", tags.parse, csv_cells.names(written))


def _object(given: Metadata) -> Metadata:
    try:
        return metadata.parse(given)
    except BadValue as problem:
        raise _Unreadable("metadata", "metadata", sentence("metadata", problem)) from None


def _json_object(written: str) -> Metadata:
    try:
        return metadata.parse(json.decode_object(written.encode()))
    except (Malformed, Invalid, UnicodeEncodeError):
        raise BadValue('must be a JSON object, such as {"shopify_id": "12345"}.') from None
