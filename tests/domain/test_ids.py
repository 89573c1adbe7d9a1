"""Ids: one 128-bit value, several spellings (reference C1, row X13)."""

import contextlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from kith.actions.run import new_id, utc_now
from kith.domain import ids
from kith.domain.ids import CLOCK_SET_BACK
from kith.domain.times import EPOCH, MICROSECOND
from kith.errors import BadValue
from tests.cast import id_of

MILLISECOND = timedelta(milliseconds=1)
YEAR_1, YEAR_9999 = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
NIL, MAX = str(UUID(int=0)), str(UUID(int=2**128 - 1))
TIMES = st.datetimes(timezones=st.just(UTC))
TIMES_OF_IDS = st.timedeltas(CLOCK_SET_BACK, YEAR_9999 - EPOCH).map(lambda since: EPOCH + since)
"""A UUIDv7 has no word for what was before 1970."""
BITS = st.one_of(st.sampled_from([0, 2**74 - 1]), st.integers(0, 2**74 - 1))


@pytest.mark.row("X13")
@given(st.uuids())
def test_every_spelling_is_the_same_id(uuid: UUID) -> None:
    canonical = str(uuid)
    ulid = str(ULID.from_uuid(uuid))
    for text in (canonical, canonical.upper(), f" {canonical}\n", ulid, ulid.lower()):
        assert ids.parse(text) == canonical


@pytest.mark.row("X13")
@given(st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}", fullmatch=True))
def test_ulid_goes_there_and_back(text: str) -> None:
    assert str(ULID.from_uuid(UUID(ids.parse(text)))) == text.upper()


@pytest.mark.row("X13")
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.uuids()))
def test_anything_is_an_id_or_a_bad_value(value: object) -> None:
    with contextlib.suppress(BadValue):
        assert str(UUID(ids.parse(value))) == ids.parse(value)


@pytest.mark.parametrize("letter", "ILOUilou8")
def test_letters_that_no_ulid_has(letter: str) -> None:
    text = f"{letter}1J1Y00000000000000000000A" if letter == "8" else f"01J1Y{letter}" + "0" * 20
    with pytest.raises(BadValue):
        ids.parse(text)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, 1.5, b"", [], {}, "", " ", "x", "null", "-", "g", "\ud800", "\x00",
        "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a6", "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61a",
        "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a6g", "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a6\u0661",
        "0198f2a4-6d3e-7c51-9b0a\n3f2d8c4e5a61", "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 OR 1=1",
        "0198f2a46d3e7c519b0a3f2d8c4e5a61", "{0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61}",
        "0198f2a4-6d3e", "-" * 36, "A" * 1_000_000,
    ],
)  # fmt: skip
def test_no_id(value: object) -> None:
    with pytest.raises(BadValue):
        ids.parse(value)


@given(st.uuids().map(str), st.integers(0, 35), st.characters())
def test_a_changed_id_is_an_id_or_a_bad_value(uuid: str, at: int, character: str) -> None:
    with contextlib.suppress(BadValue):
        changed = ids.parse(uuid[:at] + character + uuid[at + 1 :])
        assert str(UUID(changed)) == changed


@pytest.mark.parametrize(
    "at",
    [
        EPOCH, EPOCH + MILLISECOND, EPOCH + CLOCK_SET_BACK,
        datetime(2026, 5, 7, 8, 14, 23, 456_789, tzinfo=UTC), YEAR_9999,
    ],
)  # fmt: skip
def test_ids_of_the_tests_are_as_the_products(at: datetime) -> None:
    for bits in (0, 2**74 - 1):
        uuid = UUID(id_of(at, bits))
        assert (uuid.version, uuid.variant) == (7, UUID(new_id()).variant)
        assert uuid.int >> 80 == (at - EPOCH) // MILLISECOND
    assert id_of(utc_now() - MILLISECOND) < new_id() < id_of(utc_now() + timedelta(seconds=1))


# An end of the order


@given(st.uuids())
def test_no_id_stands_behind_after_any(uuid: UUID) -> None:
    assert NIL <= str(uuid) <= MAX < ids.AFTER_ANY
    with pytest.raises(BadValue):
        ids.parse(ids.AFTER_ANY)


# The place of a time in the order


@given(TIMES_OF_IDS, st.timedeltas(timedelta(0), timedelta(days=365)), BITS)
def test_before_what_was_made_then_or_later(at: datetime, later: timedelta, bits: int) -> None:
    """Or up to a minute sooner, on a clock set back."""
    for made_at in (at, at - CLOCK_SET_BACK, at - CLOCK_SET_BACK + later):
        if made_at <= YEAR_9999:
            assert ids.before_any_of(at) < id_of(made_at, bits)


@given(TIMES_OF_IDS, BITS, BITS, st.integers(0, 999))
def test_before_each_of_the_same_millisecond(at: datetime, one: int, other: int, us: int) -> None:
    at = at.replace(microsecond=at.microsecond // 1_000 * 1_000)
    within = at + us * MICROSECOND
    assert ids.before_any_of(within) == ids.before_any_of(at)
    for made_at in (at, within, within - CLOCK_SET_BACK):
        assert ids.before_any_of(within) < min(id_of(made_at, one), id_of(made_at, other))


@given(TIMES_OF_IDS, BITS)
def test_behind_what_was_made_a_minute_before(at: datetime, bits: int) -> None:
    """Or a list from there would be read from its start."""
    made_at = at - CLOCK_SET_BACK - MILLISECOND
    if made_at >= EPOCH:
        assert id_of(made_at, bits) < ids.before_any_of(at)


@given(TIMES, TIMES)
def test_a_later_time_has_no_earlier_place(one: datetime, other: datetime) -> None:
    assert ids.before_any_of(min(one, other)) <= ids.before_any_of(max(one, other))


@pytest.mark.parametrize(
    "at",
    [
        YEAR_1, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), EPOCH - MICROSECOND, EPOCH,
        EPOCH + CLOCK_SET_BACK,
    ],
)  # fmt: skip
def test_before_1970_is_before_every_id(at: datetime) -> None:
    assert ids.before_any_of(at) < NIL


def test_the_year_9999_is_behind_every_id_of_today() -> None:
    assert new_id() < ids.before_any_of(datetime(9999, 1, 1, tzinfo=UTC))
    assert new_id() < ids.before_any_of(YEAR_9999) < id_of(YEAR_9999, 0) < ids.AFTER_ANY


@given(TIMES)
def test_a_place_is_the_beginning_of_an_id(at: datetime) -> None:
    place = ids.before_any_of(at)
    assert ids.parse(place + NIL[len(place) :]).startswith(place)


def test_before_the_next_id_of_the_product() -> None:
    for _ in range(100):
        assert ids.before_any_of(utc_now()) < new_id()
