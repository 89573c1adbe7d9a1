"""Matches: under which stored names somebody is sought, the likeliest first (the field's rules)."""

import zlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from kith.domain import whatsapp
from kith.domain.identities import Kind
from kith.domain.phone import Phone

MatchedBy = Literal["contact_id", "phone", "email", "wa_id", "bsuid", "username", "external_id"]
MatchKind = Literal["exact", "wa_variant"]

TURNS = 4_096
"""A workspace's turns; numbers that share one by chance only wait for each other."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """By which of a contact's names it was found, and whether by WhatsApp's other spelling of it.

    `is_inferred`: that both are one line follows from the numbering plan alone.
    """

    matched_by: MatchedBy
    match_kind: MatchKind = "exact"
    is_inferred: bool = False

    @property
    def mark(self) -> str:
        """What an entity tag says of it: the same contact found otherwise is another answer."""
        return f"match.{self.matched_by}.{self.match_kind}{'.inferred' * self.is_inferred}"


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """A stored name that would do. `number` is the phone that was asked for, where it was one."""

    kind: Kind
    value: str
    match: Match
    number: Phone | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.value


Rank = tuple[Name, ...]
"""Names that are equally likely: held by two contacts, nobody can tell who is meant."""


def of_phones(readings: Iterable[Iterable[Phone]]) -> list[Rank]:
    """Each reading as it stands, then in WhatsApp's other spelling, before a less likely one.

    Phones and WhatsApp ids are one space: each is sought as both.
    """
    ranks: list[Rank] = []
    for numbers in readings:
        exact: list[Name] = []
        others: list[Name] = []
        for number in numbers:
            exact += _spelled(number, number)
            if other := whatsapp.variant(number):
                others += _spelled(other, number)
        ranks += [tuple(exact), tuple(others)]
    return ranks


def of_wa_id(wa_id: str) -> list[Rank]:
    """As for a phone of these digits."""
    return of_phones([[phone_of(wa_id)]])


def of_name(kind: Kind, value: str) -> list[Rank]:
    """A name that has one spelling."""
    matched_by: MatchedBy = "external_id" if kind == "external" else kind
    return [(Name(kind=kind, value=value, match=Match(matched_by=matched_by)),)]


def of_stored(number: Phone, kind: Kind, value: str) -> Match:
    """How a contact was found for a number that is known as this phone or WhatsApp id."""
    stored = value if kind == "phone" else phone_of(value)
    return Match(
        matched_by="phone" if kind == "phone" else "wa_id",
        match_kind="exact" if stored == number else "wa_variant",
        is_inferred=stored != number and whatsapp.is_inferred(number),
    )


def phone_of(wa_id: str) -> Phone:
    return Phone("+" + wa_id)


def number_of(kind: Kind, value: str) -> Phone | None:
    """The number that a name is: digits are one, as a phone or as a WhatsApp id."""
    if kind == "wa_id":
        return phone_of(value)
    return Phone(value) if kind == "phone" else None


def turn(number: Phone) -> int:
    """Equal for both spellings of one number, so that who notes either can wait for the other."""
    other = whatsapp.variant(number) or number
    return turn_of(min(number, other))


def turn_of(value: str) -> int:
    return zlib.crc32(value.encode()) % TURNS


def _spelled(stored: Phone, number: Phone) -> tuple[Name, Name]:
    by_phone = of_stored(number, "phone", stored)
    by_wa_id = of_stored(number, "wa_id", stored[1:])
    return (
        Name(kind="phone", value=stored, match=by_phone, number=number),
        Name(kind="wa_id", value=stored[1:], match=by_wa_id, number=number),
    )
