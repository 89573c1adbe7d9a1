"""Consent: rules that hold in every history, whatever happened and whenever it was learned."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith.domain import consent
from kith.domain.consent import Record, State, acted_at
from kith.domain.contacts import Contact
from kith.domain.reachability import Reason
from kith.domain.times import to_us
from kith.store import contact_lists
from tests.domain.consent_acts import (
    ACTS,
    DAY,
    GRANTING,
    LIFTING,
    OWN_STOPS,
    PENDING,
    WITHDRAWING,
    erased,
    marketing,
    merge,
    row,
    state,
)

# Histories drawn at random: few minutes, so that acts meet, arrive late or are dated ahead.
MINUTES = st.integers(0, 7)
HAPPENING = st.tuples(st.sampled_from(sorted(ACTS)), MINUTES, MINUTES)


def numbered(acts: list[tuple[str, int, int]]) -> list[Record]:
    return [row(*act, id=f"{number:02}") for number, act in enumerate(acts)]


HISTORY = st.lists(HAPPENING, max_size=7).map(numbered)
# Mostly of stops that stand at Meta alone.
AT_META = st.sampled_from(["Meta stop", "Meta resume", "START word", "API yes"])
MET = st.lists(st.tuples(AT_META, MINUTES, MINUTES) | HAPPENING, max_size=5).map(numbered)
many = settings(max_examples=400)
# The stricter of two comes later.
STATES: list[State | None] = [None, "granted", "pending", "withdrawn"]

# What the verdict may say of marketing, by how strict it is.
REASONS: list[Reason] = ["consent_unknown", "ok", "consent_pending", "meta_stopped", "opted_out"]

SQLITE = apsw.Connection(":memory:")


def strictest(one: State | None, other: State | None) -> State | None:
    return max(one, other, key=STATES.index)


def stricter(one: Reason, other: Reason) -> Reason:
    return max(one, other, key=REASONS.index)


def act_of(one: Record) -> str:
    told = (one.state, one.source, one.method, one.note)
    return next(act for act, given in ACTS.items() if given == told)


def told_by_the_letter(rows: Sequence[Record]) -> State | None:
    """The rule once more, as a lawyer would say it and nobody would run it."""
    acts = [(acted_at(one), act_of(one)) for one in rows]

    def is_lifted(stop: tuple[datetime, str], until: datetime) -> bool:
        lifting = LIFTING | ({"Meta resume"} if stop[1] == "Meta stop" else set())
        return any(act in lifting and stop[0] < at <= until for at, act in acts)

    end = DAY + timedelta(days=1)
    if any(act in WITHDRAWING and not is_lifted((at, act), end) for at, act in acts):
        return "withdrawn"
    allowed = [
        at
        for at, act in acts
        if act in LIFTING
        or (
            act in GRANTING
            and all(
                is_lifted((stopped_at, stop), at)
                for stopped_at, stop in acts
                if stop in OWN_STOPS and stopped_at < at
            )
        )
    ]
    if not allowed and any(act in PENDING for _, act in acts):
        return "pending"
    return "granted" if allowed else None


@pytest.mark.row("T10.2")
@many
@given(HISTORY)
def test_by_the_letter(rows: list[Record]) -> None:
    assert state(rows) == told_by_the_letter(rows)


@pytest.mark.row("T10.2")
@many
@given(HISTORY)
def test_asking_takes_nothing_away(rows: list[Record]) -> None:
    """All that is shown is as if nobody had been asked, but where nothing else is known."""
    never_asked = [one for one in rows if one.state != "pending"]
    assert consent.projection(rows) == consent.projection(never_asked)
    assert consent.withdrawals(rows) == consent.withdrawals(never_asked)
    was_asked = len(never_asked) < len(rows)
    assert state(rows) == (state(never_asked) or ("pending" if was_asked else None))


@many
@given(HISTORY, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(rows: list[Record], chance: Any) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert consent.in_force(shuffled) == consent.in_force(rows)
    assert consent.projection(shuffled) == consent.projection(rows)
    assert consent.stopped_at_meta(shuffled) == consent.stopped_at_meta(rows)


def is_opted_in(opted_in_at: datetime | None, opted_out_at: datetime | None) -> bool:
    """As lists of contacts filter."""
    query = f"SELECT {contact_lists._IS_OPTED_IN} FROM (SELECT ? opted_in_at, ? opted_out_at) c"
    times = [at and to_us(at) for at in (opted_in_at, opted_out_at)]
    return bool(SQLITE.execute(query, times).get)


def contact(opted_in_at: datetime | None, opted_out_at: datetime | None) -> Contact:
    return Contact(
        id="ana", phone=None, name=None, email=None, source="api", locale=None,
        metadata=msgspec.Raw(b"{}"), tags=msgspec.Raw(b"[]"),
        opted_in_at=opted_in_at, opted_out_at=opted_out_at, last_message_at=None,
        total_messages=0, created_at=DAY, updated_at=DAY, row_id=0,
    )  # fmt: skip


@pytest.mark.row("T10.2")
@many
@given(HISTORY)
def test_the_projection_agrees(rows: list[Record]) -> None:
    """With what lists filter by, and with what is kept of an erased number."""
    opted_in_at, opted_out_at = consent.projection(rows)
    withdrawn_at = contact(opted_in_at, opted_out_at).withdrawn_at
    deciding = consent.in_force(rows)
    assert is_opted_in(opted_in_at, opted_out_at) == (state(rows) == "granted")
    assert (withdrawn_at is not None) == (state(rows) == "withdrawn")
    if deciding is not None and deciding.state != "pending":
        assert acted_at(deciding) == (opted_in_at if deciding.state == "granted" else opted_out_at)
    granted = {acted_at(one) for one in rows if one.state == "granted"}
    assert opted_in_at is None or opted_in_at in granted


@pytest.mark.row("T10.2")
@many
@given(HISTORY, HAPPENING)
def test_one_row_more(rows: list[Record], happening: tuple[str, int, int]) -> None:
    """Whatever it is, whenever it happened or was learned."""
    act = happening[0]
    new = row(*happening, id="new")
    before, after = consent.in_force(rows), state([*rows, new])
    if act in WITHDRAWING and state(rows) != "granted":
        assert after != "granted"
    if act == "Meta resume" and state(rows) != "withdrawn":
        assert after == state(rows)
    if before is not None and before.state == "withdrawn":
        may_lift = act in LIFTING or (act == "Meta resume" and before.source == "meta")
        if not may_lift or acted_at(new) <= acted_at(before):
            assert after == "withdrawn"


@many
@given(HISTORY, MINUTES)
def test_the_past_stays(rows: list[Record], at: int) -> None:
    """What happens later changes nothing that was."""
    then = DAY + timedelta(minutes=at)
    earlier = [one for one in rows if acted_at(one) <= then]
    assert consent.in_force(rows, then) == consent.in_force(earlier)
    assert consent.in_force(rows, DAY + timedelta(days=1)) == consent.in_force(rows)


@pytest.mark.row("T10.2")
@many
@given(HISTORY, HISTORY, MINUTES, st.sampled_from(sorted(ACTS)))
def test_a_merge_keeps_the_strictest(
    ours: list[Record], theirs: list[Record], at: int, act: str
) -> None:
    """Also when the clock was set back, and whatever comes afterwards."""
    theirs = [msgspec.structs.replace(one, id=f"their-{one.id}") for one in theirs]
    rows = merge(ours, theirs, at)
    after = [*ours, *theirs, *rows]
    assert state(after) == strictest(state(ours), state(theirs))
    assert "granted" not in {one.state for one in rows}
    assert len({one.id for one in after}) == len(after)
    assert merge(after, [], 9) == []
    later = row(act, 10)
    if act in PENDING:  # asks the one that they are, and ends no grant of the other
        expected = state(after) or "pending"
    else:
        expected = strictest(state([*ours, later]), state([*theirs, later]))
    assert state([*after, later]) == expected


@pytest.mark.row("T10.2")
@many
@given(MET, MET, MET, MINUTES, st.sampled_from(sorted(ACTS)))
def test_a_merge_keeps_the_stricter_verdict(
    first: list[Record], second: list[Record], third: list[Record], at: int, act: str
) -> None:
    """Also of three, and whatever comes afterwards: a stop that stands at Meta alone is not in
    what the ledger says."""
    each = [
        [msgspec.structs.replace(one, id=f"{whose}-{one.id}") for one in rows]
        for whose, rows in enumerate((first, second, third))
    ]
    after, expected = each[0], marketing(each[0])
    for rows in each[1:]:
        new = [
            msgspec.structs.replace(one, id=f"{len(after)}-{one.id}")
            for one in merge(after, rows, at)
        ]
        after = [*after, *rows, *new]
        expected = stricter(expected, marketing(rows))
        assert marketing(after) == expected
        assert merge(after, [], at) == []
    later = row(act, 10)
    if act not in PENDING:
        one_by_one = [marketing([*rows, later]) for rows in each]
        assert marketing([*after, later]) == max(one_by_one, key=REASONS.index)


@pytest.mark.row("T18.1")
@many
@given(MET, MINUTES, st.sampled_from(sorted(ACTS)))
def test_an_erasure_keeps_every_stop(rows: list[Record], at: int, act: str) -> None:
    """What comes after it lifts no more than it would have lifted."""
    later = row(act, 10)
    before = marketing([*rows, later])
    if before in ("meta_stopped", "opted_out"):
        assert marketing([*erased(rows, at), later]) == before
