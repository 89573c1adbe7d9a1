"""Ids: a canonical lower-case UUID everywhere; ULID spelling accepted (reference C1, row X13)."""

import re

from ulid import ULID

from kith.errors import BadValue

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
