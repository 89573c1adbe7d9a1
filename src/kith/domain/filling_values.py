"""The variables of a call, read as what the parts of a template take."""

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from kith.domain import json, text, times
from kith.domain.urls import parse_public
from kith.errors import BadValue, Invalid, Malformed

Variables = Mapping[str, str]

VALUE_CHARACTERS_MAX = 1_024
DATA_CHARACTERS_MAX = 8_192
PRODUCT_CHARACTERS_MAX = 100
CATALOG = "catalog_id"
"""A business account has one catalog: it is given once, for all cards."""

_UNFIT = re.compile(r"[\n\r\t]| {5}")
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,12})?")


class Values(msgspec.Struct, frozen=True):
    """What was given at `now`; all names begin with `prefix`, which the template does not say.

    Whatever reads a value raises BadValue, which names the variable.
    """

    given: Variables
    now: datetime
    prefix: str = ""

    def of_card(self, index: int) -> "Values":
        return Values(self.given, self.now, of_card(index))

    def called(self, name: str) -> str:
        return in_card(name, self.prefix)

    def has(self, name: str) -> bool:
        return bool(self.given.get(self.called(name), "").strip())

    def raw(self, name: str) -> str:
        return self.given[self.called(name)]

    def one(self, name: str, characters_max: int = VALUE_CHARACTERS_MAX) -> str:
        """A value that Meta takes."""
        value, called = self.raw(name), self.called(name)
        if len(value) > characters_max:
            raise BadValue(f"may not hold more than {characters_max} characters in {called!r}.")
        if _UNFIT.search(value):
            raise BadValue(
                f"may not hold line breaks, tabs or more than four blanks together in {called!r}:"
                " WhatsApp refuses them."
            )
        return text.prose(value)

    def link(self, name: str) -> str:
        """An https address on the public web."""
        try:
            return parse_public(self.raw(name))
        except BadValue as problem:
            raise BadValue(f"are not right: {self.called(name)!r} {problem}") from None

    def degrees(self, name: str, most: int) -> str:
        found = self.raw(name).strip()
        if not _DEGREES.fullmatch(found) or abs(float(found)) > most:
            raise BadValue(f"must hold a number of degrees up to {most} in {self.called(name)!r}.")
        return found

    def number(self, name: str, most: int) -> int:
        """A whole number from 1."""
        found = self.raw(name).strip()
        if not re.fullmatch(r"[0-9]{1,9}", found) or not 1 <= int(found) <= most:
            raise BadValue(f"must hold a whole number from 1 to {most} in {self.called(name)!r}.")
        return int(found)

    def future(self, name: str) -> datetime:
        try:
            at = times.parse(self.raw(name))
        except BadValue:
            raise BadValue(
                "must hold a time with its offset, such as 2026-05-07T08:14:23+00:00, in"
                f" {self.called(name)!r}."
            ) from None
        if at <= self.now:
            raise BadValue(f"must hold a time that is still to come in {self.called(name)!r}.")
        return at

    def data(self, name: str) -> dict[str, object]:
        """A JSON object."""
        given = self.raw(name)
        if len(given) > DATA_CHARACTERS_MAX:
            raise BadValue(
                f"may not hold more than {DATA_CHARACTERS_MAX} characters in {self.called(name)!r}."
            )
        try:
            return json.decode_object(text.prose(given).encode())
        except (Malformed, Invalid):
            raise BadValue(
                f'must hold a JSON object, such as {{"guests": 2}}, in {self.called(name)!r}.'
            ) from None

    def product(self, name: str) -> str:
        return self.one(name, PRODUCT_CHARACTERS_MAX).strip()

    def products(self, name: str) -> list[str]:
        """One to a line, or on one line with commas between."""
        given, called = text.prose(self.raw(name)), self.called(name)
        pieces = given.splitlines() if len(given.splitlines()) > 1 else given.split(",")
        found = list(dict.fromkeys(piece.strip() for piece in pieces if piece.strip()))
        if not found or any(len(one) > PRODUCT_CHARACTERS_MAX for one in found):
            raise BadValue(
                f"must hold ids of products with commas between, each of at most"
                f" {PRODUCT_CHARACTERS_MAX} characters, in {called!r}."
            )
        return found


def of_card(index: int) -> str:
    return f"card_{index}_"


def in_card(name: str, prefix: str) -> str:
    """What a variable is called that belongs to a card, or to none."""
    return name if name == CATALOG else prefix + name
