"""What a failed message says about whom may be written to (the field's rules, section 3)."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from kith.domain import whatsapp
from kith.domain.graph import Means
from kith.domain.phone import Phone

LOCKED = 131031
UNDELIVERABLE = 131026
STOPPED = 131050

DAY = timedelta(hours=24)
CAPS_COUNTED = timedelta(days=30)
DOUBLINGS_MAX = 4
PAUSE = DAY
"""How long a number sends no marketing once WhatsApp has limited that."""

Limit = Literal["refused_at", "capped_until", "experiment_until"]


def capped_until(failures: Sequence[datetime]) -> datetime:
    """A day after the last refusal, twice as long for each one before it in the last month."""
    last: datetime = max(failures)
    before = sum(last - CAPS_COUNTED < at < last for at in failures)
    return last + DAY * (1 << min(before, DOUBLINGS_MAX))


def unavailable_until(since: datetime) -> datetime:
    """How long a number sends nothing once WhatsApp has refused a message for its own sake."""
    return since + timedelta(hours=1)


def unreached_since(
    failures: Sequence[tuple[datetime, str | None]],
    *,
    phone: Phone | None,
    last_heard: datetime | None,
) -> datetime | None:
    """Since when nobody is there: two failures a day apart, every spelling tried, no word since.

    `failures` have the spelling each was sent to; None where it is not known. None: not so yet.
    """
    counted = [one for one in failures if last_heard is None or one[0] > last_heard]
    if not counted:
        return None
    counted.sort(key=lambda one: one[0])
    sought = {phone, whatsapp.variant(phone)} - {None} if phone is not None else set()
    tried = {address for _, address in counted if address is not None}
    if tried and not sought <= tried:
        return None
    first = counted[0][0]
    return next((at for at, _ in counted if at - first >= DAY), None)


def experiment_until(failures: Sequence[datetime]) -> datetime:
    last: datetime = max(failures)
    return last + DAY


CONCLUSIONS: dict[Means, tuple[Limit, Callable[[Sequence[datetime]], datetime]]] = {
    "meta_refused": ("refused_at", max),
    "frequency_capped": ("capped_until", capped_until),
    "experiment": ("experiment_until", experiment_until),
}
"""What failures mean for a number and a contact, by the times of all that mean this."""
