"""Tags: short labels, matched case-sensitively, newest addition first (reference 12, C7, C8)."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kith.domain import text
from kith.errors import BadValue

CHARACTERS_MAX = 255
PER_CONTACT_MAX = 1_000


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A label of a workspace, and how many contacts carry it."""

    id: str
    name: str
    contacts_count: int
    created_at: datetime


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One tag of one contact."""

    id: str
    name: str
    added_at: datetime


def parse_one(value: object) -> str:
    """A single tag; raises BadValue."""
    name = text.line(value, characters_max=CHARACTERS_MAX)
    if "," in name:
        raise BadValue("may not contain a comma: it stands between tags.")
    return name


def parse(value: object) -> tuple[str, ...]:
    """The tags of a comma list or an array, without blanks and repeats; raises BadValue."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise BadValue('must be a comma list such as "vip, fr-FR", or an array of strings.')
    names: dict[str, None] = {}
    for item in value:
        if not isinstance(item, str):
            raise BadValue("may hold strings only.")
        for part in item.split(","):
            # The cheap tests first: a mebibyte of commas must not hold the server.
            if part in names or text.is_blank(part):
                continue
            if name := text.line(part, characters_max=CHARACTERS_MAX):
                names[name] = None
            if len(names) > PER_CONTACT_MAX:
                return at_most(tuple(names))
    return at_most(tuple(names))


def at_most(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > PER_CONTACT_MAX:
        raise BadValue(f"may not hold more than {PER_CONTACT_MAX} tags.")
    return names


def added(present: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """The new ones that are not there yet, in the order given, then the present ones."""
    present = dict.fromkeys(present)
    return (*(name for name in new if name not in present), *present)


def joined(present: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """As `added`; raises BadValue when that is too many, which the new ones alone were not."""
    names = added(present, new)
    if len(names) > PER_CONTACT_MAX:
        raise BadValue(
            f"may not be more than {PER_CONTACT_MAX}, together with those that the contact carries"
            " already."
        )
    return names
