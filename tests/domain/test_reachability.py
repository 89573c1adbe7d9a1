"""The verdict: who may be written to, with what, and until when, in words and by every rule.

Ana is the contact of every line. Unless it says otherwise she has a phone, has opted in to
marketing, and wrote to the business number an hour ago; the clock says NOW, the margin is 2 min.
"""

from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations, product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import reachability
from kith.domain.reachability import (
    MARGIN_DEFAULT,
    MEANINGS,
    WINDOW,
    Margin,
    NumberState,
    Reachability,
    Reason,
    Standing,
    State,
    best,
    judge,
    parse_margin,
    tally,
    verdict,
)
from kith.errors import BadValue

NOW = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YEAR = 365 * DAY

KINDS = ("free_form", "utility", "marketing")
REASONS = get_args(Reason)
ANA = {
    "has_phone_or_wa_id": True,
    "has_bsuid": False,
    "is_blocked": False,
    "is_country_restricted": False,
    "is_not_on_whatsapp": False,
    "is_meta_stopped": False,
    "is_identity_changed": False,
    "marketing": "granted",
    "utility": None,
}
NUMBER = {"number_id": "0198f2a4", "last_inbound_at": NOW - HOUR}
Facts = dict[str, Any]


def judged(facts: Facts, *, now: datetime = NOW, margin: Margin = MARGIN_DEFAULT) -> Reachability:
    """The verdict about Ana and the number, but for these facts."""
    standing = Standing(**ANA | {name: fact for name, fact in facts.items() if name in ANA})
    number = NumberState(**NUMBER | {name: fact for name, fact in facts.items() if name not in ANA})
    return verdict(standing, number, now=now, margin=margin)


def reasons(answer: Reachability) -> tuple[Reason, Reason, Reason]:
    for kind in KINDS:
        one = getattr(answer, kind)
        assert one.allowed is (one.reason == "ok")
    return answer.free_form.reason, answer.utility.reason, answer.marketing.reason


# What happened | the facts | the verdict on free-form, utility, marketing.
SITUATIONS = [
    ("She opted in and wrote an hour ago.",
        {}, "ok", "ok", "ok"),
    ("She is known by her BSUID alone.",
        {"has_phone_or_wa_id": False, "has_bsuid": True}, "ok", "ok", "ok"),
    ("She is known by phone and BSUID.",
        {"has_bsuid": True}, "ok", "ok", "ok"),
    ("She is known by e-mail only.",
        {"has_phone_or_wa_id": False}, "no_address", "no_address", "no_address"),
    ("An operator blocked her.",
        {"is_blocked": True}, "blocked", "blocked", "blocked"),
    ("Meta locked the business's account.",
        {"is_unavailable": True},
        "number_unavailable", "number_unavailable", "number_unavailable"),
    ("Meta refused a message half an hour ago, for the business has not paid.",
        {"unavailable_until": NOW + HOUR / 2, "unavailable_code": 131042},
        "number_unavailable", "number_unavailable", "number_unavailable"),
    ("Meta refused a message an hour ago: whether the business has paid since, a send will show.",
        {"unavailable_until": NOW, "unavailable_code": 131042}, "ok", "ok", "ok"),
    ("Meta refused a message an hour ago, and locked the account.",
        {"is_unavailable": True, "unavailable_until": NOW},
        "number_unavailable", "number_unavailable", "number_unavailable"),
    ("She is known by her BSUID alone, and the number writes to phones only.",
        {"has_phone_or_wa_id": False, "has_bsuid": True, "is_phones_only": True},
        "phone_needed", "phone_needed", "phone_needed"),
    ("She has a phone, and the number writes to phones only.",
        {"has_bsuid": True, "is_phones_only": True}, "ok", "ok", "ok"),
    ("Meta lets the business not write to her country.",
        {"is_country_restricted": True},
        "country_restricted", "country_restricted", "country_restricted"),
    ("Two sends a day apart could not be delivered.",
        {"is_not_on_whatsapp": True},
        "not_on_whatsapp", "not_on_whatsapp", "not_on_whatsapp"),
    ("She answered STOP: what she asks may be answered, her order may be confirmed.",
        {"marketing": "withdrawn"}, "ok", "ok", "opted_out"),
    ("She wants no order updates either.",
        {"marketing": "withdrawn", "utility": "withdrawn"}, "ok", "opted_out", "opted_out"),
    ("She wants offers, but no order updates.",
        {"utility": "withdrawn"}, "ok", "opted_out", "ok"),
    ("She wants no order updates, and was never asked about offers.",
        {"marketing": None, "utility": "withdrawn"}, "ok", "opted_out", "consent_unknown"),
    ("Order updates wait for her confirmation: they need none.",
        {"utility": "pending"}, "ok", "ok", "ok"),
    ("She agreed to order updates alone: that is no consent to offers.",
        {"marketing": None, "utility": "granted"}, "ok", "ok", "consent_unknown"),
    ("She stopped the business's offers in WhatsApp's own settings.",
        {"is_meta_stopped": True}, "ok", "ok", "meta_stopped"),
    ("Her number came with another BSUID than before.",
        {"is_identity_changed": True}, "ok", "ok", "identity_changed"),
    ("She filled in the form and has not confirmed.",
        {"marketing": "pending"}, "ok", "ok", "consent_pending"),
    ("Nobody ever asked her.",
        {"marketing": None}, "ok", "ok", "consent_unknown"),
    ("Meta limits the number's offers, to whomever, for another day.",
        {"marketing_paused_until": NOW + DAY}, "ok", "ok", "marketing_paused"),
    ("Meta limited the number's offers; that is over.",
        {"marketing_paused_until": NOW - SECOND}, "ok", "ok", "ok"),
    ("She has had enough offers from everybody, Meta says, for another day.",
        {"frequency_capped_until": NOW + DAY}, "ok", "ok", "frequency_capped"),
    ("She had enough offers; that is over.",
        {"frequency_capped_until": NOW - SECOND}, "ok", "ok", "ok"),
    ("She is in an experiment of Meta's for another day.",
        {"experiment_until": NOW + DAY}, "ok", "ok", "experiment"),
    ("She was in an experiment of Meta's.",
        {"experiment_until": NOW - SECOND}, "ok", "ok", "ok"),
    ("Meta refused a free text since she wrote.",
        {"meta_refused_at": NOW - MINUTE}, "meta_refused", "ok", "ok"),
    ("Meta refused a free text in the very second she wrote.",
        {"meta_refused_at": NOW - HOUR}, "meta_refused", "ok", "ok"),
    ("Meta refused a free text, then she wrote again.",
        {"meta_refused_at": NOW - HOUR - SECOND}, "ok", "ok", "ok"),
    ("Meta refused a free text; that she ever wrote is not on record.",
        {"meta_refused_at": NOW - DAY, "last_inbound_at": None}, "meta_refused", "ok", "ok"),
    ("She wrote the day before yesterday.",
        {"last_inbound_at": NOW - 2 * DAY}, "window_closed", "ok", "ok"),
    ("She never wrote to this number.",
        {"last_inbound_at": None}, "never_wrote", "ok", "ok"),
    ("She was imported with a phone and nothing else.",
        {"marketing": None, "last_inbound_at": None}, "never_wrote", "ok", "consent_unknown"),
    ("She answered STOP two days ago.",
        {"marketing": "withdrawn", "last_inbound_at": NOW - 2 * DAY},
        "window_closed", "ok", "opted_out"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"),
    [pytest.param(facts, tuple(expected), id=words) for words, facts, *expected in SITUATIONS],
)
def test_situation(facts: Facts, expected: tuple[Reason, ...]) -> None:
    assert reasons(judged(facts)) == expected


def test_every_reason_has_a_situation_and_a_meaning_of_one_sentence() -> None:
    told = {reason for _, _, *expected in SITUATIONS for reason in expected}
    assert told == set(REASONS)
    assert tuple(MEANINGS) == REASONS
    for meaning in MEANINGS.values():
        assert meaning[0].isupper()
        assert meaning.endswith(".")
        assert meaning.count(".") == 1


# What sets each reason, in the order in which the first is told, and the kinds that it blocks.
Cause = tuple[Reason, Facts, tuple[str, ...]]
CAUSES: list[Cause] = [
    ("no_address", {"has_phone_or_wa_id": False, "has_bsuid": False}, KINDS),
    ("blocked", {"is_blocked": True}, KINDS),
    ("number_unavailable", {"is_unavailable": True}, KINDS),
    ("number_unavailable", {"unavailable_until": NOW + 4 * HOUR}, KINDS),
    (
        "phone_needed",
        {"has_phone_or_wa_id": False, "has_bsuid": True, "is_phones_only": True},
        KINDS,
    ),
    ("country_restricted", {"is_country_restricted": True}, KINDS),
    ("not_on_whatsapp", {"is_not_on_whatsapp": True}, KINDS),
    ("opted_out", {"utility": "withdrawn"}, ("utility",)),
    ("opted_out", {"marketing": "withdrawn"}, ("marketing",)),
    ("meta_stopped", {"is_meta_stopped": True}, ("marketing",)),
    ("identity_changed", {"is_identity_changed": True}, ("marketing",)),
    ("consent_pending", {"marketing": "pending"}, ("marketing",)),
    ("consent_unknown", {"marketing": None}, ("marketing",)),
    ("marketing_paused", {"marketing_paused_until": NOW + 3 * HOUR}, ("marketing",)),
    ("frequency_capped", {"frequency_capped_until": NOW + HOUR}, ("marketing",)),
    ("experiment", {"experiment_until": NOW + 2 * HOUR}, ("marketing",)),
    ("meta_refused", {"meta_refused_at": NOW}, ("free_form",)),
    ("window_closed", {"last_inbound_at": NOW - DAY}, ("free_form",)),
    ("never_wrote", {"last_inbound_at": None}, ("free_form",)),
]
# Every two that can both hold, neighbours or not: they do not set one fact in two ways.
PAIRS = [
    (first, second)
    for first, second in combinations(CAUSES, 2)
    if first[1].keys().isdisjoint(second[1])
]


def test_the_causes_stand_in_the_documented_order() -> None:
    assert (*dict.fromkeys(reason for reason, _, _ in CAUSES), "ok") == REASONS
    exclusive = {(first[0], second[0]) for first, second in combinations(CAUSES, 2)} - {
        (first[0], second[0]) for first, second in PAIRS
    }
    # Someone who withdrew consent to utility may still be unknown or pending for marketing.
    assert exclusive == {
        ("no_address", "phone_needed"),
        ("consent_pending", "consent_unknown"),
        ("window_closed", "never_wrote"),
    }


@pytest.mark.parametrize(("reason", "facts", "kinds"), CAUSES)
def test_a_reason_blocks_only_its_kinds(
    reason: Reason, facts: Facts, kinds: tuple[str, ...]
) -> None:
    answer = judged(facts)
    for kind in KINDS:
        assert getattr(answer, kind).reason == (reason if kind in kinds else "ok")


@pytest.mark.parametrize(
    ("first", "second"),
    [pytest.param(*pair, id=f"{pair[0][0]}-{pair[1][0]}") for pair in PAIRS],
)
def test_the_first_of_two_reasons_is_told(first: Cause, second: Cause) -> None:
    answer = judged(first[1] | second[1])
    for kind in KINDS:
        told = next((reason for reason, _, kinds in (first, second) if kind in kinds), "ok")
        assert getattr(answer, kind).reason == told


def test_times_are_told_only_where_one_is_known() -> None:
    for reason, facts, kinds in CAUSES:
        answer = judged(facts)
        end = facts.get("unavailable_until")
        assert answer.utility.until == end
        ends = {
            "number_unavailable": end,
            "frequency_capped": NOW + HOUR,
            "experiment": NOW + 2 * HOUR,
            "marketing_paused": NOW + 3 * HOUR,
        }
        assert answer.marketing.until == ends.get(reason)
        is_open = "free_form" not in kinds
        assert answer.free_form.until == (NOW + 23 * HOUR - 2 * MINUTE if is_open else end)


# The margin in seconds, and how long after her message the window is taken for closed.
@pytest.mark.parametrize(
    ("margin_s", "length"),
    [(0, 24 * HOUR), (1, 24 * HOUR - SECOND), (120, 24 * HOUR - 2 * MINUTE), (3_600, 23 * HOUR)],
)
def test_the_end_of_the_window(margin_s: int, length: timedelta) -> None:
    margin = parse_margin(margin_s)
    wrote_at = NOW - HOUR
    end = wrote_at + length
    for now in (wrote_at, end - SECOND, end - timedelta.resolution):
        answer = judged({}, now=now, margin=margin).free_form
        assert (answer.allowed, answer.reason, answer.until) == (True, "ok", end)
    for now in (end, end + timedelta.resolution, end + SECOND, end + YEAR):
        answer = judged({}, now=now, margin=margin).free_form
        assert (answer.allowed, answer.reason, answer.until) == (False, "window_closed", None)


ENDING = ("marketing_paused_until", "frequency_capped_until", "experiment_until")


def test_the_end_of_an_unavailable_number() -> None:
    for now in (NOW - YEAR, NOW - timedelta.resolution):
        answer = judged({"unavailable_until": NOW, "last_inbound_at": now}, now=now)
        for kind in KINDS:
            assert getattr(answer, kind).until == NOW
    for now in (NOW, NOW + timedelta.resolution, NOW + YEAR):
        answer = judged({"unavailable_until": NOW, "last_inbound_at": now}, now=now)
        assert reasons(answer) == ("ok", "ok", "ok")


@pytest.mark.parametrize("name", ENDING)
def test_the_end_of_a_block(name: str) -> None:
    for now in (NOW - YEAR, NOW - SECOND, NOW - timedelta.resolution):
        answer = judged({name: NOW}, now=now).marketing
        assert (answer.reason, answer.until) == (name.removesuffix("_until"), NOW)
    for now in (NOW, NOW + timedelta.resolution, NOW + SECOND):
        answer = judged({name: NOW}, now=now).marketing
        assert (answer.reason, answer.until) == ("ok", None)


# How far ahead of the clock her message is dated, and how long the window is then open, if it is.
@pytest.mark.parametrize(
    ("ahead", "left"),
    [
        (timedelta(0), 24 * HOUR - 2 * MINUTE),
        (SECOND, 24 * HOUR - 2 * MINUTE),
        (HOUR, 24 * HOUR - 2 * MINUTE),
        (DAY - SECOND, 24 * HOUR - 2 * MINUTE),
        (DAY, None),
        (DAY + SECOND, None),
        (10 * YEAR, None),
    ],
)
def test_a_clock_that_jumped_back(ahead: timedelta, left: timedelta | None) -> None:
    answer = judged({"last_inbound_at": NOW + ahead}).free_form
    assert answer.until == (left and NOW + left)
    assert answer.reason == ("ok" if left else "window_closed")


def test_a_time_without_zone_is_refused() -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        judged({}, now=naive)
    for name in ("last_inbound_at", *ENDING):
        with pytest.raises(TypeError):
            judged({name: naive})


def test_nothing_known_of_a_number_is_a_number_never_written_to() -> None:
    standing = Standing(**ANA)
    number = NumberState(number_id="0198f2a4")
    assert verdict(standing, None, now=NOW, margin=MARGIN_DEFAULT) == verdict(
        standing, number, now=NOW, margin=MARGIN_DEFAULT
    )


# Properties.

MOMENTS = st.one_of(
    st.sampled_from(
        [0, 1, 60, 120, 3_600, 82_800, 86_280, 86_400, 86_401, 10 * 31_536_000]
    ).flatmap(lambda s: st.sampled_from([NOW - s * SECOND, NOW + s * SECOND])),
    st.datetimes(datetime(2016, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
MARGINS = st.integers(0, reachability.MARGIN_S_MAX).map(parse_margin)
STATES = st.sampled_from([None, *get_args(State)])
STANDINGS = st.builds(
    Standing,
    **{name: st.booleans() for name in ANA if name.startswith(("has_", "is_"))},
    marketing=STATES,
    utility=STATES,
)
NUMBERS = st.builds(
    NumberState,
    number_id=st.sampled_from("abcdef"),
    is_unavailable=st.booleans(),
    unavailable_until=st.none() | MOMENTS,
    is_phones_only=st.booleans(),
    last_inbound_at=st.none() | MOMENTS,
    meta_refused_at=st.none() | MOMENTS,
    frequency_capped_until=st.none() | MOMENTS,
    experiment_until=st.none() | MOMENTS,
    marketing_paused_until=st.none() | MOMENTS,
)


def by_the_table(
    standing: Standing, number: NumberState, now: datetime, margin: timedelta
) -> tuple[Reason, ...]:
    """The same by another road: every reason that holds, in order; then the first for each kind."""
    wrote, refused = number.last_inbound_at, number.meta_refused_at
    capped, experiment = number.frequency_capped_until, number.experiment_until
    paused, back = number.marketing_paused_until, number.unavailable_until
    is_fresh = wrote is not None and -DAY < now - wrote < DAY - margin
    holds = {
        "no_address": (not standing.has_phone_or_wa_id and not standing.has_bsuid, KINDS),
        "blocked": (standing.is_blocked, KINDS),
        "number_unavailable": (
            number.is_unavailable or (back is not None and back > now),
            KINDS,
        ),
        "phone_needed": (number.is_phones_only and not standing.has_phone_or_wa_id, KINDS),
        "country_restricted": (standing.is_country_restricted, KINDS),
        "not_on_whatsapp": (standing.is_not_on_whatsapp, KINDS),
        "opted_out": (
            True,
            [kind for kind in KINDS if getattr(standing, kind, None) == "withdrawn"],
        ),
        "meta_stopped": (standing.is_meta_stopped, ["marketing"]),
        "identity_changed": (standing.is_identity_changed, ["marketing"]),
        "consent_pending": (standing.marketing == "pending", ["marketing"]),
        "consent_unknown": (standing.marketing is None, ["marketing"]),
        "marketing_paused": (paused is not None and paused > now, ["marketing"]),
        "frequency_capped": (capped is not None and capped > now, ["marketing"]),
        "experiment": (experiment is not None and experiment > now, ["marketing"]),
        "meta_refused": (
            refused is not None and (wrote is None or wrote <= refused),
            ["free_form"],
        ),
        "window_closed": (wrote is not None and not is_fresh, ["free_form"]),
        "never_wrote": (wrote is None, ["free_form"]),
        "ok": (True, KINDS),
    }
    return tuple(
        next(reason for reason, (held, kinds) in holds.items() if held and kind in kinds)
        for kind in KINDS
    )


@given(STANDINGS, NUMBERS, MOMENTS, MARGINS)
def test_the_verdict_is_the_table_s(
    standing: Standing, number: NumberState, now: datetime, margin: Margin
) -> None:
    answer = verdict(standing, number, now=now, margin=margin)
    assert reasons(answer) == by_the_table(standing, number, now, margin)


def test_every_combination_has_a_documented_verdict() -> None:
    switches = [name for name in ANA if name not in ("marketing", "utility")]
    states = (None, *get_args(State))
    standings = [
        Standing(**dict(zip(switches, on, strict=True)), marketing=marketing, utility=utility)
        for on in product((False, True), repeat=len(switches))
        for marketing, utility in product(states, states)
    ]
    numbers = [
        NumberState(
            number_id="a",
            is_unavailable=is_unavailable,
            last_inbound_at=wrote,
            meta_refused_at=refused,
            frequency_capped_until=capped,
            experiment_until=experiment,
        )
        for is_unavailable in (False, True)
        for wrote in (None, NOW - DAY, NOW, NOW + DAY)
        for refused, capped, experiment in product((None, NOW), *[(None, NOW + HOUR)] * 2)
    ]
    for standing, number in product(standings, numbers):
        answer = verdict(standing, number, now=NOW, margin=MARGIN_DEFAULT)
        assert set(reasons(answer)) <= MEANINGS.keys()


@given(STANDINGS, NUMBERS, MOMENTS, MARGINS, st.booleans())
def test_never_marketing_after_an_opt_out(
    standing: Standing, number: NumberState, now: datetime, margin: Margin, by_meta: bool
) -> None:
    facts = {name: getattr(standing, name) for name in ANA}
    left = {"is_meta_stopped": True} if by_meta else {"marketing": "withdrawn"}
    answer = judge(Standing(**facts | left), [number], now=now, margin=margin)
    assert not answer.overall.marketing.allowed
    assert not answer.numbers[0][1].marketing.allowed


@given(STANDINGS, NUMBERS, MOMENTS, MARGINS)
def test_marketing_only_with_consent(
    standing: Standing, number: NumberState, now: datetime, margin: Margin
) -> None:
    if verdict(standing, number, now=now, margin=margin).marketing.allowed:
        assert standing.marketing == "granted"


@given(STANDINGS, NUMBERS, MOMENTS, MARGINS, st.timedeltas(timedelta(0), YEAR))
def test_never_free_form_past_the_window(
    standing: Standing, number: NumberState, wrote: datetime, margin: Margin, later: timedelta
) -> None:
    facts = {name: getattr(number, name) for name in number.__struct_fields__}
    number = NumberState(**facts | {"last_inbound_at": wrote})
    for past in (timedelta(0), SECOND, later):
        now = wrote + WINDOW - margin + past
        assert not verdict(standing, number, now=now, margin=margin).free_form.allowed


@given(MOMENTS, MOMENTS, MARGINS, st.booleans())
def test_a_clock_that_jumps_never_widens_the_window(
    wrote: datetime, now: datetime, margin: Margin, is_refused: bool
) -> None:
    """Whatever the clock says, the end told is no later than by a right clock, and within a day."""
    facts = {"last_inbound_at": wrote, "meta_refused_at": wrote if is_refused else None}
    answer = judged(facts, now=now, margin=margin).free_form
    end = wrote + WINDOW - margin
    if answer.until:
        assert not is_refused
        assert wrote - DAY < now < answer.until <= min(end, now + WINDOW - margin)
        if now >= wrote:
            assert answer.until == end


@given(NUMBERS, MOMENTS, MOMENTS, MARGINS)
def test_a_clock_that_jumps_back_lifts_no_block(
    number: NumberState, one: datetime, other: datetime, margin: Margin
) -> None:
    standing = Standing(**ANA)
    before, after = sorted((one, other))
    early = verdict(standing, number, now=before, margin=margin)
    late = verdict(standing, number, now=after, margin=margin)
    assert early.marketing.allowed <= late.marketing.allowed
    assert early.utility.allowed <= late.utility.allowed
    is_refused = "meta_refused" in (early.free_form.reason, late.free_form.reason)
    is_kept_back = early.free_form.reason == "number_unavailable"
    assert not is_refused or is_kept_back or early.free_form == late.free_form


@given(STANDINGS, NUMBERS, MOMENTS, MARGINS, MARGINS)
def test_a_longer_margin_never_allows_more(
    standing: Standing, number: NumberState, now: datetime, one: Margin, other: Margin
) -> None:
    short, long = sorted((one, other))
    narrow = verdict(standing, number, now=now, margin=long)
    wide = verdict(standing, number, now=now, margin=short)
    assert narrow.free_form.allowed <= wide.free_form.allowed
    assert (narrow.utility, narrow.marketing) == (wide.utility, wide.marketing)


@given(NUMBERS, MOMENTS, MARGINS, st.integers(-14, 14))
def test_the_zone_of_the_clock_makes_no_difference(
    number: NumberState, now: datetime, margin: Margin, hours: int
) -> None:
    there = now.astimezone(timezone(hours * HOUR))
    standing = Standing(**ANA)
    assert verdict(standing, number, now=there, margin=margin) == verdict(
        standing, number, now=now, margin=margin
    )


# Several numbers, several contacts.

UNAVAILABLE = {"is_unavailable": True}
NEVER = {"last_inbound_at": None}
CAPPED = {"frequency_capped_until": NOW + DAY}


def at(number_id: str, facts: Facts) -> NumberState:
    return NumberState(**NUMBER | facts | {"number_id": number_id})


@pytest.mark.parametrize(
    ("numbers", "chosen"),
    [
        pytest.param([{}], 0, id="the only one"),
        pytest.param([UNAVAILABLE], 0, id="the only one, though it allows nothing"),
        pytest.param([NEVER, {}], 1, id="all three before two"),
        pytest.param([UNAVAILABLE, NEVER | CAPPED], 1, id="one before none"),
        pytest.param([NEVER, CAPPED], 1, id="free-form and utility before utility and marketing"),
        pytest.param([{"last_inbound_at": NOW - 2 * HOUR}, {}], 1, id="the longer window"),
        pytest.param([UNAVAILABLE, UNAVAILABLE | NEVER], 0, id="among equals the lowest id"),
        pytest.param([{"last_inbound_at": NOW - DAY}, NEVER], 0, id="closed or never: lowest id"),
    ],
)
def test_the_number_that_allows_most(numbers: list[Facts], chosen: int) -> None:
    states = [at(number_id, facts) for number_id, facts in zip("abc", numbers, strict=False)]
    answer = judge(Standing(**ANA), states, now=NOW, margin=MARGIN_DEFAULT)
    assert [number_id for number_id, _ in answer.numbers] == [one.number_id for one in states]
    assert answer.overall == answer.numbers[chosen][1]
    assert answer.overall == best(answer.numbers[::-1])


def test_without_a_number_the_contact_is_judged_with_none() -> None:
    answer = judge(Standing(**ANA), [], now=NOW, margin=MARGIN_DEFAULT)
    assert answer.numbers == ()
    assert reasons(answer.overall) == ("never_wrote", "ok", "ok")
    blocked = judge(Standing(**ANA | {"is_blocked": True}), [], now=NOW, margin=MARGIN_DEFAULT)
    assert reasons(blocked.overall) == ("blocked", "blocked", "blocked")


@given(
    STANDINGS,
    st.lists(NUMBERS, min_size=1, max_size=5, unique_by=lambda one: one.number_id),
    MOMENTS,
    MARGINS,
    st.randoms(use_true_random=False),
)
def test_the_best_is_one_of_them_in_any_order(
    standing: Standing, numbers: list[NumberState], now: datetime, margin: Margin, random: Any
) -> None:
    answer = judge(standing, numbers, now=now, margin=margin)
    each = [given for _, given in answer.numbers]
    assert answer.overall in each
    allowed = [sum(getattr(one, kind).allowed for kind in KINDS) for one in each]
    assert sum(getattr(answer.overall, kind).allowed for kind in KINDS) == max(allowed)
    for kind in KINDS:
        assert getattr(answer.overall, kind).allowed <= any(
            getattr(one, kind).allowed for one in each
        )
    shuffled = list(answer.numbers)
    random.shuffle(shuffled)
    assert best(shuffled) == answer.overall


def test_a_tally_counts_every_reason_for_each_kind() -> None:
    counted = tally([judged(facts) for _, facts, *_ in SITUATIONS])
    for place, kind in enumerate(KINDS):
        told = [expected[place] for _, _, *expected in SITUATIONS]
        counts = getattr(counted, kind)
        assert counts == {reason: told.count(reason) for reason in REASONS}
        assert tuple(counts) == REASONS
        assert sum(counts.values()) == len(SITUATIONS)
    assert set(tally([]).free_form.values()) == {0}


@pytest.mark.parametrize("seconds", [0, 1, 120, 3_601, 43_200])
def test_margin(seconds: int) -> None:
    assert parse_margin(seconds) == timedelta(seconds=seconds)


def test_the_margin_is_two_minutes_unless_told() -> None:
    assert parse_margin(120) == MARGIN_DEFAULT


@pytest.mark.parametrize("seconds", [-1, 43_201, 10**30, -(10**30)])
def test_no_margin(seconds: int) -> None:
    with pytest.raises(BadValue, match="0 to 43200 seconds"):
        parse_margin(seconds)
