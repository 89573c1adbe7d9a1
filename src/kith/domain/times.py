"""Times: aware UTC datetimes inside, microseconds since 1970 at rest, whole seconds on the wire."""

from datetime import UTC, datetime, timedelta

import msgspec

from kith.errors import BadValue

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC."""
    return (at - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def to_us_or_none(at: datetime | None) -> int | None:
    return to_us(at) if at is not None else None


def from_us_or_none(us: int | None) -> datetime | None:
    return from_us(us) if us is not None else None


def wire(at: datetime) -> str:
    """`2026-05-07T08:14:23+00:00` (reference section 1); the fraction is cut, not rounded."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def wire_or_none(at: datetime | None) -> str | None:
    return wire(at) if at is not None else None


def parse(value: object) -> datetime:
    """An aware time of RFC 3339, such as 2026-05-07T08:14:23+00:00; raises BadValue (row X12)."""
    try:
        if isinstance(value, str):
            at = msgspec.convert(value.strip(), datetime)
            if at.tzinfo is not None:
                return at.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError, UnicodeEncodeError):
        pass
    raise BadValue("must be a time with its offset, such as 2026-05-07T08:14:23+00:00.")
