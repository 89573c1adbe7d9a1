"""Ids: a canonical lower-case UUID everywhere; ULID spelling accepted (reference C1, row X13)."""

import re
from datetime import datetime, timedelta

from kith.domain.times import MICROSECOND, to_us
from kith.errors import BadValue

BEFORE_ANY = ""
AFTER_ANY = "g"
"""No id begins so, and in every language's order it stands behind the hex digits."""
CLOCK_SET_BACK = timedelta(minutes=1)
"""By how much a clock may be corrected between the time of a thing and its id."""

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
# The digits of Crockford's base 32, in which a ULID is written, as those that `int` reads.
_DIGITS = str.maketrans("ABCDEFGHJKMNPQRSTVWXYZ", "abcdefghijklmnopqrstuv")


def parse(value: object) -> str:
    """The canonical UUID of a UUID of any version and case, or of a ULID; raises BadValue."""
    if isinstance(value, str):
        text = value.strip()
        if _CANONICAL.fullmatch(lower := text.lower()):
            return lower
        if _ULID.fullmatch(upper := text.upper()):
            digits = f"{int(upper.translate(_DIGITS), 32):032x}"
            return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    raise BadValue("must be a valid UUID.")


def as_shown(value: object) -> str | None:
    """The id when it is written as Kith shows it, so that nothing is left to read."""
    return value if isinstance(value, str) and _CANONICAL.fullmatch(value) else None


def before_any_of(at: datetime) -> str:
    """What stands before each id that was made at that time or later: a UUIDv7 begins with it."""
    since = max(0, to_us(at) - CLOCK_SET_BACK // MICROSECOND) // 1_000
    digits = f"{since:012x}"
    return f"{digits[:8]}-{digits[8:]}"
