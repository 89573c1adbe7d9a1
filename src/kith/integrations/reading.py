"""Bodies of other systems, read as well as can be: nobody can be asked to send them right.

Bad text is repaired; what cannot be read at all is Unreadable (reliability section 6, "Sources").
"""

import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from kith.domain import email as emails
from kith.domain import json, phone, tags, text, times
from kith.domain.inbox import Sanitized, Unreadable
from kith.domain.phone import TYPED_CHARACTERS_MAX, Phone, Region, Typed
from kith.errors import BadValue, Invalid, Malformed
from kith.integrations.mending import mended

ID_DIGITS_MAX = 20
"""Of 64 bits without a sign. An id is kept as a text: no client loses its digits."""
_ID = re.compile(r"[1-9][0-9]*")


class Sent:
    """A body, and whether anything in it had to be repaired."""

    def __init__(self, body: bytes) -> None:
        """Raises Unreadable for what is no JSON object."""
        body = body.removeprefix(BOM_UTF8)
        self.is_repaired = False
        try:
            self.body = _decoded(body)
        except Unreadable:
            whole = mended(body)
            if whole == body:
                raise
            self.is_repaired = True
            self.body = _decoded(whole)

    @property
    def marks(self) -> list[Any]:
        """What to put beside the facts."""
        return [Sanitized()] if self.is_repaired else []

    def line(self, value: object, *, characters_max: int = text.NAME_CHARACTERS_MAX) -> str | None:
        """A one-line text; None for nothing, and for what is no text."""
        if not isinstance(value, str) or text.is_blank(value):
            return None
        found = text.repaired(value, characters_max=characters_max)
        self.is_repaired |= found != value.strip()
        return found or None

    def phone(self, value: object) -> str | None:
        """A phone as it was typed, also where it comes as a number; None for nothing."""
        if type(value) is int and value > 0:
            value = str(value)
        return self.line(value, characters_max=TYPED_CHARACTERS_MAX)

    def email(self, value: object) -> str | None:
        """An address; None for nothing, and for what is none."""
        try:
            return emails.parse(self.line(value, characters_max=emails.CHARACTERS_MAX + 1))
        except BadValue:
            return None

    def tags(self, value: object) -> tuple[str, ...]:
        """Of a comma list or an array: each as it may enter."""
        parts = value.split(",") if isinstance(value, str) else value
        names: dict[str, None] = {}
        for part in parts if isinstance(parts, list) else ():
            for name in part.split(",") if isinstance(part, str) else ():
                if known := self.line(name, characters_max=tags.CHARACTERS_MAX):
                    names[known] = None
        return tuple(names)[: tags.PER_CONTACT_MAX]


def answered(body: bytes) -> object:
    """What a shop's API answered, as well as it can be read; None for what is no JSON."""
    try:
        return json.decode(mended(body))
    except (Malformed, Invalid):
        return None


def fields(value: object) -> Mapping[str, Any]:
    """An object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def identifier(value: object, *, field: str) -> str | None:
    """Digits of an id, given as a number or a text; None for nothing. Raises Unreadable."""
    if value is None or value in ("", 0, "0"):
        return None
    digits = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(digits, str) and len(digits) <= ID_DIGITS_MAX and _ID.fullmatch(digits):
        return digits
    raise Unreadable(f"The {field} must be a number of at most {ID_DIGITS_MAX} digits.")


def number(value: object) -> Phone | Typed | None:
    """A phone as far as it can be told; None for nothing, and for what is none."""
    try:
        return phone.take(value)
    except BadValue:
        return None


def region(*values: object) -> Region | None:
    """The first that is a country whose numbers are known."""
    for value in values:
        try:
            return phone.parse_region(value)
        except BadValue:
            continue
    return None


def time(value: object, *, is_utc: bool = False) -> datetime | None:
    """A time; None for nothing. `is_utc`: it has no offset and is UTC. Raises Unreadable."""
    if value is None or value == "":
        return None
    try:
        if is_utc and isinstance(value, str):
            at = msgspec.convert(value, datetime)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        return times.parse(value)
    except (BadValue, msgspec.ValidationError, OverflowError):
        raise Unreadable("A time in it is none.") from None


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = json.decode(body)
    except Malformed as problem:
        raise Unreadable(problem.text) from None
    except Invalid:
        raise Unreadable("The body holds a number that is out of range.") from None
    if not isinstance(found, dict):
        raise Unreadable("The body is no JSON object.")
    return found
