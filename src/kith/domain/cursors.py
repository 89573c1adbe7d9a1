"""Cursors: where a list goes on. They name a place in an order, never a row that must exist."""

import base64
import binascii
import re

from kith.domain import ids
from kith.errors import BadValue

Place = tuple[int, str]
"""Microseconds since 1970 and an id: the order of list-contacts."""

START: Place = (-(2**63), "")
AFTER_ANY_ID = "g"
"""No id begins so, and in every language's order it stands behind the hex digits."""

PROBLEM = "must be the next_cursor of an earlier answer of this list."
_PLACE = re.compile(r"(-?[0-9]{1,18})\.([0-9a-f-]{36})")


def compose(place: Place) -> str:
    """Opaque to callers, and safe in an address."""
    return base64.urlsafe_b64encode(f"{place[0]}.{place[1]}".encode()).decode().rstrip("=")


def parse(value: object) -> Place:
    """Raises BadValue."""
    if isinstance(value, str) and len(value) <= 100 and value.isascii():
        text = value.strip()
        try:
            given = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if match := _PLACE.fullmatch(given.decode("ascii")):
                return int(match[1]), ids.parse(match[2])
        except (binascii.Error, UnicodeDecodeError, BadValue):
            pass
    raise BadValue(PROBLEM)
