"""What a row says of consent to WhatsApp marketing; unknown stays unknown."""

import re
from datetime import UTC, datetime, timedelta

from kith.domain import times
from kith.domain.imports import Agreed
from kith.errors import BadValue

SOURCE_CHARACTERS_MAX = 255


def agreed(said: str, since: str, where: str, out: str) -> tuple[tuple[Agreed, ...], str | None]:
    """Of its cells: yes or no, when, where, and when they opted out; why some is left out."""
    found: list[Agreed] = []
    left_out = None
    since, out = ("" if _NO_DATE.fullmatch(date) else date for date in (since, out))
    word = said.casefold()
    says_no = word in _NO or word in _OPTED_OUT
    is_told = word not in _UNKNOWN if said else bool(since)
    if is_told and not says_no:
        grant, left_out = _grant(said, since, where)
        found += [grant] if grant is not None else []
    if out.casefold() not in _NO | _UNKNOWN or word in _OPTED_OUT:
        found.append(Agreed("withdrawn", _time(out), where[:SOURCE_CHARACTERS_MAX] or None))
    return tuple(found), left_out


def _grant(said: str, since: str, where: str) -> tuple[Agreed | None, str | None]:
    if said and said.casefold() not in _YES:
        return None, "consent_unclear"
    if not since:
        return None, "consent_without_date"
    at = _time(since)
    if at is None:
        return None, "consent_date_unclear"
    return Agreed("granted", at, where[:SOURCE_CHARACTERS_MAX] or None), None


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(","))


_YES = _words(
    "yes, y, true, 1, x, granted, opted_in, opted-in, opted in, opt_in, opt-in, opt in, optin"
    ", subscribed, oui, o, vrai, sí, si"
    ", sim, verdadero, verdadeiro, ja, j, wahr, vero, evet, نعم, ✓"
)
_NO = _words(
    "no, n, false, 0, non, faux, não, nao, falso, nein, falsch, hayır, لا, -, null, none, n/a"
    ", never_subscribed, never subscribed, not_subscribed, not subscribed"
)
_OPTED_OUT = _words(
    "opted_out, opted-out, opted out, opt_out, opt-out, opt out, optout, withdrawn, unsubscribed"
)
_UNKNOWN = _words(", unknown, n/a, na, -, none, null, ?, inconnu, desconocido, unbekannt")

# What MySQL and .NET write where there is no date. 1970-01-01 may be one that could not be read.
_NO_DATE = re.compile(
    r"(?:0000-00-00|0001-01-01|0?1[/.]0?1[/.]0001)(?:[T ](?:0?0:00:00(?:\.0+)?Z?|12:00:00 AM))?"
)

_DATE = re.compile(
    r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?P<rest>.*)"
    r"|(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})[-/.](?P<y2>\d{4})(?P<rest2>.*)",
    re.ASCII | re.DOTALL,
)
_CLOCK = re.compile(r"[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|UTC)?", re.ASCII)


def _time(written: str) -> datetime | None:
    """The moment, in UTC where no offset is given; None where day and month could be exchanged."""
    try:
        return times.parse(written)
    except BadValue:
        pass
    if not (match := _DATE.fullmatch(written.strip())):
        return None
    year, first, second = match["y"] or match["y2"], match["a"], match["b"]
    if match["y"]:
        month, day, rest = match["m"], match["d"], match["rest"]
    else:
        day, month, rest = first, second, match["rest2"]
        if match["sep"] != ".":  # nobody but who wrote it knows which comes first
            if int(second) > 12:
                day, month = second, first
            elif int(first) <= 12 and first != second:
                return None
    clock = _CLOCK.fullmatch(rest) if rest.strip() else None
    if rest.strip() and clock is None:
        return None
    try:
        at = datetime(int(year), int(month), int(day), tzinfo=UTC)
        hours, minutes, seconds = (
            (int(part or 0) for part in clock.groups()[:3]) if clock else (0, 0, 0)
        )
        if hours > 23 or minutes > 59 or seconds > 59:
            return None
        return at + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except ValueError:
        return None
