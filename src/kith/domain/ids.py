"""Ids: a canonical lower-case UUID everywhere; ULID spelling accepted (reference C1, row X13)."""

import re
from datetime import datetime, timedelta

from ulid import ULID

from kith.domain.times import MICROSECOND, to_us
from kith.errors import BadValue

AFTER_ANY = "g"
"""No id begins so, and in every language's order it stands behind the hex digits."""
CLOCK_SET_BACK = timedelta(minutes=1)
"""By how much a clock may be corrected between the time of a thing and its id."""

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def parse(value: object) -> str:
    """The canonical UUID of a UUID of any version and case, or of a ULID; raises BadValue."""
    if isinstance(value, str):
        text = value.strip()
        if _CANONICAL.fullmatch(lower := text.lower()):
            return lower
        if _ULID.fullmatch(upper := text.upper()):
            return str(ULID.from_str(upper).to_uuid())
    raise BadValue("must be a valid UUID.")


def as_shown(value: object) -> str | None:
    """The id when it is written as Kith shows it, so that nothing is left to read."""
    return value if isinstance(value, str) and _CANONICAL.fullmatch(value) else None


def before_any_of(at: datetime) -> str:
    """What stands before each id that was made at that time or later: a UUIDv7 begins with it."""
    since = max(0, to_us(at) - CLOCK_SET_BACK // MICROSECOND) // 1_000
    digits = f"{since:012x}"
    return f"{digits[:8]}-{digits[8:]}"
