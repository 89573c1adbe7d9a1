"""The verdict: may this person be written to, with what, and until when.

Three kinds of message: `free_form` (anything, inside WhatsApp's 24 h window), `utility` and
`marketing` (approved templates, at any time). Of the reasons that block a kind, the first in the
order of `Reason` is told; for another kind another may be. Every time is aware, UTC.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NewType

import msgspec

from kith.domain import times
from kith.errors import BadValue

Kind = Literal["free_form", "utility", "marketing"]
Reason = Literal[
    "no_address",
    "blocked",
    "number_unavailable",
    "phone_needed",
    "country_restricted",
    "not_on_whatsapp",
    "opted_out",
    "meta_stopped",
    "identity_changed",
    "consent_pending",
    "consent_unknown",
    "marketing_paused",
    "frequency_capped",
    "experiment",
    "meta_refused",
    "window_closed",
    "never_wrote",
    "ok",
]
Lifted = Literal["blocked", "country_restricted", "identity_changed"]
"""Reasons that an operator ends."""
State = Literal["granted", "pending", "withdrawn"]

MEANINGS: dict[Reason, str] = {
    "no_address": "Kith knows neither a phone nor a WhatsApp id of the contact.",
    "blocked": "An operator has blocked the contact.",
    "number_unavailable": "WhatsApp lets this business number send nothing at present.",
    "phone_needed": "This business number writes to phones only, and none of the contact is known.",
    "country_restricted": "WhatsApp does not let this business write to the contact's country.",
    "not_on_whatsapp": "WhatsApp could deliver to no spelling of the number, twice, a day apart.",
    "opted_out": "The contact has withdrawn consent to this kind of message.",
    "meta_stopped": "The contact has stopped this business's marketing in WhatsApp itself.",
    "identity_changed": "The number may belong to somebody else now, which must be settled first.",
    "consent_pending": "The contact has yet to confirm an opt-in to marketing.",
    "consent_unknown": "No consent to marketing is on record.",
    "marketing_paused": "WhatsApp limits this business number's marketing until the time told.",
    "frequency_capped": "WhatsApp has sent this person enough marketing until the time told.",
    "experiment": "WhatsApp sends this person no marketing, as an experiment of its own.",
    "meta_refused": "WhatsApp refused free-form messages; the contact's next message allows them.",
    "window_closed": "The 24 hours since the contact's last message to this number are over.",
    "never_wrote": "The contact has never written to this business number.",
    "ok": "Nothing forbids it.",
}

WINDOW = timedelta(hours=24)
"""WhatsApp's customer service window; it opens anew with each message or call of the contact."""

Margin = NewType("Margin", timedelta)
"""By how much the verdict closes the window early; only `parse_margin` makes one."""

MARGIN_S_MAX = 12 * 60 * 60
"""Half of the window: more would leave too little of it."""
MARGIN_DEFAULT = Margin(timedelta(minutes=2))


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a contact, whichever number writes; no defaults, so no block is forgotten.

    `has_bsuid` need be told only of somebody without a phone: with one, there is an address.
    `marketing` and `utility` are the ledger's states for WhatsApp, None when it has none. A stop
    in WhatsApp itself (`user_preferences`, 131050) belongs in `is_meta_stopped`; counted in
    `marketing` too, it is told as `opted_out`. `is_country_restricted`: 130497.
    `is_not_on_whatsapp`: 131026 twice, 24 h apart, and no message of the contact since.
    """

    has_phone_or_wa_id: bool
    has_bsuid: bool
    is_blocked: bool
    is_country_restricted: bool
    is_not_on_whatsapp: bool
    is_meta_stopped: bool
    is_identity_changed: bool
    marketing: State | None
    utility: State | None


class NumberState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One business number, and what passed between it and the contact; by default nothing did.

    `is_phones_only`: it does not write to business-scoped ids, as the operator says.
    `is_unavailable`: WhatsApp has restricted the account. `unavailable_until`: 131031, 131042,
    131045, 133010, 368, of which `unavailable_code` is the one that was told.
    `last_inbound_at`: WhatsApp's time of the contact's last message or call, never its arrival.
    `meta_refused_at`: 131047. `frequency_capped_until`: 131049. `experiment_until`: 130472.
    `marketing_paused_until`: 131048, 131064, of the number, whoever is written to.
    """

    number_id: str
    is_unavailable: bool = False
    unavailable_until: datetime | None = None
    unavailable_code: int | None = None
    is_phones_only: bool = False
    last_inbound_at: datetime | None = None
    meta_refused_at: datetime | None = None
    frequency_capped_until: datetime | None = None
    experiment_until: datetime | None = None
    marketing_paused_until: datetime | None = None


class Facts(msgspec.Struct, frozen=True, gc=False):
    """All that is known of one contact; `phones` are those of the numbers, by the id of each."""

    contact_id: str
    standing: Standing
    numbers: tuple[NumberState, ...]
    phones: dict[str, str | None]
    margin: Margin


class Block(msgspec.Struct, frozen=True):
    """Why a contact is not written to, from whichever number, and since when."""

    reason: Reason
    since: datetime


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """What passed between a contact and one business number, as it is held."""

    number_id: str
    last_inbound_at: datetime | None
    refused_at: datetime | None
    capped_until: datetime | None
    experiment_until: datetime | None


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """`allowed` exactly when the reason is `ok`.

    `until`, itself excluded: the end of the window of an allowed `free_form`, or of a block that
    time ends; null where no time is known.
    """

    allowed: bool
    reason: Reason
    until: datetime | None = None


class Reachability(msgspec.Struct, frozen=True, gc=False):
    free_form: Verdict
    utility: Verdict
    marketing: Verdict


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """Each number by its id, in the order given, and `overall` the one that allows most."""

    overall: Reachability
    numbers: tuple[tuple[str, Reachability], ...]


class Tally(msgspec.Struct, frozen=True):
    """How often each reason was told, zeros included, in the order of `Reason`."""

    free_form: dict[Reason, int]
    utility: dict[Reason, int]
    marketing: dict[Reason, int]


# Made once: of what most contacts get, only an open window holds anything of their own.
_NO_NUMBER = NumberState(number_id="")
_OK = Verdict(True, "ok")
_BLOCKED: dict[Reason, Verdict] = {
    reason: Verdict(False, reason) for reason in MEANINGS if reason != "ok"
}
_UNREACHABLE = {reason: Reachability(told, told, told) for reason, told in _BLOCKED.items()}


def judge(
    standing: Standing, numbers: Sequence[NumberState], *, now: datetime, margin: Margin
) -> Judgement:
    """`numbers`: every one of the workspace's, written to or not; without any, judged with none."""
    each = tuple(
        (number.number_id, verdict(standing, number, now=now, margin=margin)) for number in numbers
    )
    overall = best(each) if each else verdict(standing, None, now=now, margin=margin)
    return Judgement(overall, each)


def verdict(
    standing: Standing, number: NumberState | None, *, now: datetime, margin: Margin
) -> Reachability:
    """What one number may send the contact; None is a number that nothing is known of."""
    if now.tzinfo is None:
        raise ValueError("now must be an aware time.")  # the other times are compared with it
    number = number or _NO_NUMBER
    if reason := _blocking_all(standing, number, now=now):
        if reason == "number_unavailable" and not number.is_unavailable:
            told = Verdict(False, reason, number.unavailable_until)
            return Reachability(told, told, told)
        return _UNREACHABLE[reason]
    return Reachability(
        _free_form(number, now=now, margin=margin),
        _BLOCKED["opted_out"] if standing.utility == "withdrawn" else _OK,
        _marketing(standing, number, now=now),
    )


def best(verdicts: Sequence[tuple[str, Reachability]]) -> Reachability:
    """That of the number which allows most kinds; there must be one.

    Among equals one that allows free-form messages, then the longest window, then the lowest id.
    """
    if len(verdicts) == 1:  # most workspaces have one number
        return verdicts[0][1]
    by_id = sorted(verdicts, key=lambda pair: pair[0])
    return max((given for _, given in by_id), key=_leeway)


def tally(verdicts: Sequence[Reachability]) -> Tally:
    return Tally(
        _counted(Counter(one.free_form.reason for one in verdicts)),
        _counted(Counter(one.utility.reason for one in verdicts)),
        _counted(Counter(one.marketing.reason for one in verdicts)),
    )


def parse_margin(seconds: int) -> Margin:
    """Raises BadValue."""
    if not 0 <= seconds <= MARGIN_S_MAX:
        raise BadValue(f"must be 0 to {MARGIN_S_MAX} seconds.")
    return Margin(timedelta(seconds=seconds))


def _blocking_all(standing: Standing, number: NumberState, *, now: datetime) -> Reason | None:
    if not (standing.has_phone_or_wa_id or standing.has_bsuid):
        return "no_address"
    if standing.is_blocked:
        return "blocked"
    if number.is_unavailable or ((until := number.unavailable_until) and now < until):
        return "number_unavailable"
    if number.is_phones_only and not standing.has_phone_or_wa_id:
        return "phone_needed"
    if standing.is_country_restricted:
        return "country_restricted"
    if standing.is_not_on_whatsapp:
        return "not_on_whatsapp"
    return None


def _marketing(standing: Standing, number: NumberState, *, now: datetime) -> Verdict:
    if standing.marketing == "withdrawn":
        return _BLOCKED["opted_out"]
    if standing.is_meta_stopped:
        return _BLOCKED["meta_stopped"]
    if standing.is_identity_changed:
        return _BLOCKED["identity_changed"]
    if standing.marketing == "pending":
        return _BLOCKED["consent_pending"]
    if standing.marketing != "granted":
        return _BLOCKED["consent_unknown"]
    if (until := number.marketing_paused_until) and now < until:
        return Verdict(False, "marketing_paused", until)
    if (until := number.frequency_capped_until) and now < until:
        return Verdict(False, "frequency_capped", until)
    if (until := number.experiment_until) and now < until:
        return Verdict(False, "experiment", until)
    return _OK


def _free_form(number: NumberState, *, now: datetime, margin: Margin) -> Verdict:
    """A message dated later than `now` counts as written now: the window ends no later than its
    date allows, and no later than 24 h from now. Dated a whole window ahead or more, it proves the
    clock wrong by more than the window is long, and opens nothing.
    """
    written = number.last_inbound_at
    refused = number.meta_refused_at
    if refused and not (written and refused < written):
        return _BLOCKED["meta_refused"]
    if written is None:
        return _BLOCKED["never_wrote"]
    length = WINDOW - margin
    if now - written >= length or written - now >= WINDOW:
        return _BLOCKED["window_closed"]
    return Verdict(True, "ok", min(written, now) + length)


def _leeway(given: Reachability) -> tuple[int, datetime]:
    kinds = given.free_form.allowed + given.utility.allowed + given.marketing.allowed
    window = given.free_form.until if given.free_form.allowed else None
    return kinds, window or times.EPOCH  # an open window always has its end


def _counted(counts: Counter[Reason]) -> dict[Reason, int]:
    return {reason: counts[reason] for reason in MEANINGS}
