"""Consent: histories, what they allow, and what a contact shows of them (row T10.2)."""

from datetime import timedelta
from itertools import permutations
from typing import Any, get_args

import msgspec
import pytest

from kith.domain import consent, json
from kith.domain.consent import State
from kith.errors import BadValue
from tests.domain.consent_acts import (
    ACTS,
    DAY,
    LIFTING,
    OWN_STOPS,
    WITHDRAWING,
    history,
    merge,
    minute,
    row,
    state,
)

# A history, what is in force after it, and the minutes of opted_in_at and opted_out_at.
TABLE: list[tuple[str, State | None, int | None, int | None]] = [
    # Silence is no consent, and asking is none either.
    ("", None, None, None),
    ("1 form", "pending", None, None),
    ("1 form; 2 form confirmed", "granted", 2, None),
    ("1 form; 2 code sent", "granted", 2, None),
    ("1 shop pending; 2 shop yes", "granted", 2, None),
    ("1 API default", "granted", 1, None),
    ("1 operator yes", "granted", 1, None),
    # The newest act counts, also when it narrows.
    ("1 import yes; 2 shop yes", "granted", 2, None),
    ("1 form; 2 START word; 3 form", "granted", 2, None),
    ("1 import yes; 2 shop no", "withdrawn", 1, 2),
    ("1 START word; 2 STOP word", "withdrawn", 1, 2),
    ("1 STOP word; 2 STOP word", "withdrawn", None, 2),
    # Asking ends no grant, whether it stands or lies before an opt-out, and whatever comes later.
    ("1 START word; 2 form", "granted", 1, None),
    ("1 import yes; 2 shop pending", "granted", 1, None),
    ("2 form; 1 START word, learned 9", "granted", 1, None),
    ("1 API yes; 2 API no; 3 form", "withdrawn", 1, 2),
    ("1 API yes; 2 API no; 3 form; 4 API yes", "withdrawn", 1, 2),
    ("1 API yes; 2 API no; 3 form; 4 START word", "granted", 4, None),
    ("1 API yes; 2 Meta stop; 3 form", "withdrawn", 1, 2),
    ("1 API yes; 2 Meta stop; 3 form; 4 Meta resume", "granted", 1, None),
    ("1 API yes; 2 form; 3 Meta stop; 4 Meta resume", "granted", 1, None),
    ("1 API yes; 2 Meta stop; 3 API no; 4 form; 5 Meta resume", "withdrawn", 1, 3),
    # The person undoes an opt-out.
    ("1 STOP word; 2 START word", "granted", 2, None),
    ("1 STOP word; 2 start button", "granted", 2, None),
    ("1 STOP word; 2 form; 3 form confirmed", "granted", 3, None),
    ("1 STOP word; 2 code sent", "granted", 2, None),
    ("1 operator no; 2 START word", "granted", 2, None),
    ("1 import no; 2 START word", "granted", 2, None),
    # An operator does, with a reason.
    ("1 STOP word; 2 operator yes, why", "granted", 2, None),
    ("1 STOP word; 2 operator yes", "withdrawn", None, 1),
    # Nothing else does.
    ("1 STOP word; 2 form", "withdrawn", None, 1),
    ("1 STOP word; 2 form ticked", "withdrawn", None, 1),
    ("1 STOP word; 2 message told", "withdrawn", None, 1),
    ("1 STOP word; 2 import yes", "withdrawn", None, 1),
    ("1 STOP word; 2 shop yes", "withdrawn", None, 1),
    ("1 STOP word; 2 other shop yes", "withdrawn", None, 1),
    ("1 STOP word; 2 API yes", "withdrawn", None, 1),
    ("1 STOP word; 2 API default", "withdrawn", None, 1),
    ("1 STOP word; 2 operator pending", "withdrawn", None, 1),
    ("1 shop no; 2 shop yes", "withdrawn", None, 1),
    ("1 import no; 2 import yes", "withdrawn", None, 1),
    ("1 API no; 2 API yes", "withdrawn", None, 1),
    ("1 operator no; 2 API yes", "withdrawn", None, 1),
    # What could not undo it counts for nothing, also later.
    ("1 START word; 2 STOP word; 3 import yes", "withdrawn", 1, 2),
    ("1 STOP word; 2 import yes; 3 STOP word", "withdrawn", None, 3),
    ("1 STOP word; 2 import yes; 3 START word; 4 STOP word", "withdrawn", 3, 4),
    ("1 STOP word; 2 START word; 3 import yes", "granted", 3, None),
    # Late news change what came after them, not what is newer than they are.
    ("5 STOP word; 2 START word, learned 9", "withdrawn", 2, 5),
    ("5 STOP word; 2 operator yes, why, learned 9", "withdrawn", 2, 5),
    ("5 STOP word; 2 import yes, learned 9", "withdrawn", 2, 5),
    ("5 import yes; 2 STOP word, learned 9", "withdrawn", None, 2),
    ("5 START word; 2 STOP word, learned 9", "granted", 5, None),
    ("2 STOP word; 5 import yes; 3 START word, learned 9", "granted", 5, None),
    # At the same moment the stricter wins.
    ("1 START word; 1 STOP word", "withdrawn", 1, 1),
    ("1 START word; 1 form", "granted", 1, None),
    ("1 form; 1 STOP word", "withdrawn", None, 1),
    ("1 STOP word; 1 operator yes, why, learned 9", "withdrawn", 1, 1),
    ("1 Meta resume; 1 Meta stop", "withdrawn", None, 1),
    # A clock ahead neither delays a stop nor lets a grant outlive it.
    ("9 STOP word, learned 1; 2 import yes", "withdrawn", None, 1),
    ("9 START word, learned 1; 2 STOP word", "withdrawn", 1, 2),
    ("9 STOP word, learned 1; 2 START word", "granted", 2, None),
    # Meta's stop, and its resume, which lifts only that and grants nothing.
    ("1 START word; 2 Meta stop", "withdrawn", 1, 2),
    ("1 START word; 2 Meta stop; 3 Meta resume", "granted", 1, None),
    ("1 form; 2 Meta stop; 3 Meta resume", "pending", None, None),
    ("1 Meta stop; 2 Meta resume", None, None, None),
    ("1 Meta resume", None, None, None),
    ("1 Meta stop; 2 Meta sign-up", "withdrawn", None, 1),
    ("1 STOP word; 2 Meta resume", "withdrawn", None, 1),
    ("1 operator no; 2 Meta stop; 3 Meta resume", "withdrawn", None, 1),
    ("1 Meta stop; 2 STOP word; 3 Meta resume", "withdrawn", None, 2),
    ("3 Meta stop; 2 Meta resume, learned 9", "withdrawn", None, 3),
    ("1 Meta stop; 2 START word", "granted", 2, None),
    ("1 Meta stop; 2 operator yes, why", "granted", 2, None),
    ("1 Meta stop; 2 form confirmed; 3 Meta stop", "withdrawn", 2, 3),
    ("1 Meta stop; 2 import yes", "withdrawn", None, 1),
    ("1 Meta stop; 2 import yes; 3 Meta resume", "granted", 2, None),
    ("1 Meta stop; 2 form; 3 Meta resume", "pending", None, None),
]  # fmt: skip


@pytest.mark.row("T10.2")
@pytest.mark.parametrize(("text", "expected", "opted_in", "opted_out"), TABLE)
def test_table(
    text: str, expected: State | None, opted_in: int | None, opted_out: int | None
) -> None:
    rows = history(text)
    assert state(rows) == expected
    assert consent.projection(rows) == (minute(opted_in), minute(opted_out))


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("stop", sorted(OWN_STOPS))
@pytest.mark.parametrize("act", sorted(ACTS))
def test_who_undoes_an_opt_out(stop: str, act: str) -> None:
    """Each inlet against each opt-out."""
    rows = [row("API yes", 1), row(stop, 2), row(act, 3)]
    assert state(rows) == ("granted" if act in LIFTING else "withdrawn")


@pytest.mark.parametrize(
    ("text", "decides"),
    [
        ("1 import yes; 2 START word", "2-None-START word"),
        ("1 STOP word; 2 Meta stop", "1-None-STOP word"),
        ("1 Meta stop; 2 STOP word", "2-None-STOP word"),
        ("1 STOP word; 2 shop no; 3 Meta stop", "2-None-shop no"),
        ("1 START word; 2 Meta stop", "2-None-Meta stop"),
        ("1 START word; 2 Meta stop; 3 Meta resume", "1-None-START word"),
        ("1 import yes; 1 shop yes, learned 2", "1-2-shop yes"),
        ("1 shop yes; 1 import yes", "1-None-shop yes"),
    ],
)
def test_the_row_that_decides(text: str, decides: str) -> None:
    found = consent.in_force(history(text))
    assert found is not None
    assert found.id == decides


@pytest.mark.parametrize(
    ("at", "expected"),
    [(0, None), (1, "pending"), (2, "granted"), (4, "granted"), (5, "withdrawn")],
)
def test_as_of(at: int, expected: State | None) -> None:
    rows = history("1 form; 2 form confirmed; 5 STOP word; 6 import yes")
    assert state(rows, minute(at)) == expected


def test_as_of_knows_what_was_learned_later() -> None:
    rows = history("1 START word; 3 STOP word, learned 8")
    assert state(rows, minute(5)) == "withdrawn"
    known = [one for one in rows if one.recorded_at <= DAY + timedelta(minutes=5)]
    assert state(known, minute(5)) == "granted"


def test_as_of_takes_a_clock_ahead_for_the_moment_it_was_learned() -> None:
    rows = history("1 START word; 9 STOP word, learned 3")
    assert state(rows, minute(2)) == "granted"
    assert state(rows, minute(3)) == "withdrawn"


@pytest.mark.parametrize(
    ("text", "is_stopped"),
    [
        ("", False),
        ("1 Meta stop", True),
        ("1 Meta stop; 2 Meta resume", False),
        ("1 Meta stop; 2 Meta sign-up", True),
        ("2 Meta stop; 1 Meta resume, learned 9", True),
        ("1 Meta stop; 1 Meta resume", True),
        ("1 Meta stop; 2 START word; 3 operator yes, why", True),
        ("1 STOP word", False),
    ],
)
def test_stopped_at_meta(text: str, is_stopped: bool) -> None:
    assert (consent.stopped_at_meta(history(text)) is not None) == is_stopped


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("note", [None, "", "  ", "\u200b", "-", "..."])
def test_an_operator_says_why(note: str | None) -> None:
    lifting = row("operator yes", 2, note=note)
    for stop in sorted(WITHDRAWING):
        with pytest.raises(BadValue, match=r"^must say why: this person opted out\.$"):
            consent.check(lifting, over=row(stop, 1))
        assert state([row(stop, 1), lifting]) == "withdrawn"


@pytest.mark.parametrize(
    ("act", "over"),
    [
        ("operator yes, why", "STOP word"),
        ("operator yes", None),
        ("operator yes", "form"),
        ("operator yes", "START word"),
        ("operator no", "STOP word"),
        ("operator pending", "STOP word"),
        ("import yes", "STOP word"),
        ("API default", "STOP word"),
        ("START word", "STOP word"),
        ("Meta resume", "STOP word"),
    ],
)
def test_facts_are_kept(act: str, over: str | None) -> None:
    consent.check(row(act, 2), over=row(over, 1) if over else None)


@pytest.mark.row("T10.2")
def test_other_channels_and_purposes_say_nothing() -> None:
    rows = [
        row("import yes", 1, channel="sms"),
        row("import yes", 2, channel="email"),
        row("START word", 3, purpose="utility"),
    ]
    assert consent.projection(rows) == (None, None)
    assert consent.projection([row("form", 0), *rows]) == (None, None)
    assert consent.projection([*rows, row("STOP word", 4)]) == (None, minute(4))
    assert consent.about(rows, channel="email", purpose="marketing") == rows[1:2]


def test_why_all_rows_are_read() -> None:
    """Two histories with the same in force, and the same late news: not the same afterwards."""
    one, other = history("3 import yes"), history("2 START word; 3 import yes")
    late = row("STOP word", 1, 9)
    assert consent.in_force(one) == consent.in_force(other)
    assert (state([*one, late]), state([*other, late])) == ("withdrawn", "granted")


MERGES: list[tuple[str, str, State | None, list[str]]] = [
    ("", "", None, []),
    ("1 START word", "", "granted", []),
    ("1 START word", "2 import yes", "granted", []),
    ("1 form", "2 START word", "pending", ["form"]),
    ("2 form", "1 START word", "pending", ["form"]),
    ("2 form; 3 API no", "1 START word", "withdrawn", ["form"]),
    ("1 START word; 2 form", "3 import yes", "granted", []),
    ("1 STOP word", "2 import yes", "withdrawn", []),
    ("1 STOP word", "2 START word", "withdrawn", ["STOP word"]),
    ("1 STOP word; 2 START word", "3 START word", "granted", []),
    ("1 STOP word; 2 START word", "3 import yes", "granted", []),
    ("1 STOP word", "2 STOP word; 3 START word", "withdrawn", ["STOP word"]),
    ("1 Meta stop", "2 Meta resume", "withdrawn", ["Meta stop"]),
    ("1 STOP word; 2 Meta stop; 3 form", "4 START word", "withdrawn",
     ["STOP word", "Meta stop", "form"]),
    ("1 Meta stop; 2 START word", "3 Meta stop; 4 Meta resume; 5 API yes", "granted",
     ["Meta stop"]),
    ("1 Meta stop; 2 START word", "3 START word", "granted", []),
]  # fmt: skip


@pytest.mark.row("T10.2")
@pytest.mark.parametrize(("one", "other", "expected", "repeated"), MERGES)
def test_merge(one: str, other: str, expected: State | None, repeated: list[str]) -> None:
    for ours, theirs in permutations([history(one), history(other)]):
        rows = merge(ours, theirs, 9)
        assert [ACTS[act][:3] for act in repeated] == [(r.state, r.source, r.method) for r in rows]
        assert state([*ours, *theirs, *rows]) == expected


def test_a_row_said_again() -> None:
    ben: dict[str, Any] = {"contact_id": "ben", "origin_contact_id": "carla"}
    stop = row("operator no", 1, actor_user_id=7, address="+33612345678", wording="Hello", **ben)
    (again,) = merge([row("START word", 2)], [stop], 9)
    assert again == msgspec.structs.replace(
        stop,
        id="new-0",
        contact_id="survivor",
        occurred_at=minute(9),
        recorded_at=minute(9),
        actor_user_id=None,
        evidence=again.evidence,
        note="Of two, the stricter consent was kept.",
    )
    assert again.evidence is not None
    assert json.decode(bytes(again.evidence)) == {"repeats": stop.id}


def test_vocabulary() -> None:
    assert {given[0] for given in ACTS.values()} == set(get_args(State))
    assert {given[1] for given in ACTS.values()} == set(get_args(consent.ConsentSource))
    assert {given[2] for given in ACTS.values()} == set(get_args(consent.Method))
