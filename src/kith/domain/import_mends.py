"""What would mend a row that was refused: shown beside it, never done by itself."""

import re
from collections.abc import Sequence

from kith.domain import email, phone
from kith.domain.csv_columns import Column, Columns
from kith.errors import BadValue

_NOTED = re.compile(r"\s*\+?[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}\s*")
_AFTER = re.compile(r"[\s;,/|]*(?:ext|x|poste|durchwahl|int)\.?\s*[0-9]+\s*$", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*(?:[/;|,]|\bor\b|\bou\b|\boder\b)\s*")
_SPELLED = ((" at ", "@"), ("(at)", "@"), ("[at]", "@"), (" dot ", "."), (",", "."), (" ", ""))

_HINTS = {
    "phone": "Write the number with its country code, such as +14155550123.",
    "email": "Correct the address, or leave it blank.",
    "conflict": "Merge the two contacts, or name one of them by its contact_id.",
    "not_its_phone": "Leave the id blank to add a new contact, or the phone to change this one.",
    "country": "Write the country as two letters, such as FR, or as its calling code, such as 33.",
    "bad_utf8": "Save the file as UTF-8, or name its encoding, such as --encoding windows-1252.",
    "nul": "Remove the NUL character.",
    "quote_open": 'Close the quote, or write a " within a field as "".',
    "quote_broken": 'Write a " within a field as "".',
    "too_many_fields": "Put fields that hold the delimiter in double quotes.",
    "field_too_long": "Shorten the field, or close the quote that makes one of all that follows.",
    "line_too_long": "Shorten the line, or close the quote that makes one of all that follows.",
    "name": "Write at most 256 characters, none of them a control character.",
    "tags": "Write tags of at most 255 characters each, with commas between them.",
    "metadata": "Write one JSON object of less than 64 KiB, or map columns to ignored.",
    "contact_id": "Write the id as an export shows it, or leave it blank and give a phone.",
    "repeated_header": "Leave the row out.",
    "nobody": "Give a phone.",
    "no_phone": "Give a phone, so that the person can be added.",
    "consent_without_source": "Say in a column opted_in_source where they agreed.",
    "consent_without_date": "Say in a column opted_in_at when they agreed.",
    "consent_date_unclear": "Write the date as 2026-05-07.",
    "consent_in_future": "Write the date on which they agreed; it cannot lie in the future.",
    "consent_unclear": "Write yes or no.",
    "consent_too_many": "Leave the consent out: what counts is there already.",
}


def of(code: str, columns: Columns, cells: Sequence[str] | None) -> str:
    """A sentence, or the value to write instead; blank when nothing can be told."""
    if cells is not None and code == "phone":
        return _phone(_written(columns.of("phone"), cells))
    if cells is not None and code == "email":
        return _email(_written(columns.of("email"), cells))
    return hint(code)


def hint(code: str) -> str:
    """What can be told without the row; blank when nothing can."""
    return _HINTS.get(code, "")


def _written(columns: Sequence[Column], cells: Sequence[str]) -> str:
    there = [cells[c.index] for c in columns if c.index < len(cells)]
    return next(filter(None, there), "")


def _phone(written: str) -> str:
    if _NOTED.fullmatch(written):
        return "A spreadsheet has cut the number; format the column as text and enter it again."
    for part in (_AFTER.sub("", written), *_SEVERAL.split(_AFTER.sub("", written))):
        try:
            number = phone.take(part.strip())
        except BadValue:
            continue
        mended = number if isinstance(number, str) else part.strip()
        if mended != written.strip():
            return mended
    return hint("phone")


def _email(written: str) -> str:
    mended = written.strip().strip("<>.,;:'\"").removeprefix("mailto:").lower()
    for odd, plain in _SPELLED:
        mended = mended.replace(odd, plain)
    mended = re.sub(r"\.{2,}", ".", mended).replace("@.", "@").replace(".@", "@")
    try:
        return email.parse(mended)
    except BadValue:
        return hint("email")
