"""Times: microseconds at rest, whole seconds in UTC on the wire, an offset in what comes in."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import times
from kith.errors import BadValue

AWARE = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001  # the zone comes from below
    datetime(9990, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(AWARE)
def test_there_and_back(at: datetime) -> None:
    assert times.from_us(times.to_us(at)) == at
    assert times.from_us(times.to_us(at)).tzinfo is UTC


@given(AWARE)
def test_wire(at: datetime) -> None:
    shown = times.wire(at)
    assert datetime.fromisoformat(shown) == at.astimezone(UTC).replace(microsecond=0)
    assert len(shown) == 25
    assert shown.endswith("+00:00")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 5, 7, 8, 14, 23, 999_999, UTC), "2026-05-07T08:14:23+00:00"),
        (datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01T00:00:00+00:00"),
        (
            datetime(2026, 5, 7, 10, 14, 23, tzinfo=timezone(timedelta(hours=2))),
            "2026-05-07T08:14:23+00:00",
        ),
    ],
)
def test_table(at: datetime, shown: str) -> None:
    assert times.wire(at) == shown


@given(AWARE)
def test_every_offset_is_read(at: datetime) -> None:
    for text in (at.isoformat(), f"  {at.isoformat()}\n"):
        assert times.parse(text) == at
        assert times.parse(text).tzinfo is UTC
    assert times.parse(times.wire(at)) == at.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-05-07T08:14:23+00:00", 1_778_141_663_000_000),
        ("2026-05-07T08:14:23Z", 1_778_141_663_000_000),
        ("2026-05-07t08:14:23z", 1_778_141_663_000_000),
        ("2026-05-07T10:14:23+02:00", 1_778_141_663_000_000),
        ("2026-05-06T18:14:23.5-14:00", 1_778_141_663_500_000),
        ("2026-05-07T08:14:23.123456Z", 1_778_141_663_123_456),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_table_of_texts(text: str, us: int) -> None:
    assert times.to_us(times.parse(text)) == us


@pytest.mark.row("X12")
@pytest.mark.parametrize(
    "value",
    [
        None, True, -1, 0, 1_778_141_663, 1e20, float("inf"), float("nan"), [], {}, b"",
        datetime(2026, 5, 7, tzinfo=UTC),
        "", "now", "-1", "0", "1e20", "1778141663", "24:00", "2024-02-30", "2026-05-07",
        "2026-05-07T08:14:23", "2026-05-07 08:14:23", "2026-05-07T08:14Z", "2026-05-07Z",
        "2024-02-30T00:00:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-05-00T00:00:00Z", "2026-05-07T24:00:00Z",
        "2026-05-07T08:60:00Z", "2026-05-07T08:14:60Z", "2026-05-07T08:14:23+24:00",
        "2026-05-07T08:14:23+00:60", "2026-05-07T08:14:23 Europe/Berlin",
        "10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "9999-12-31T23:59:59.9999999Z",
        "2026-W19-4T00:00:00Z", "20260507T081423Z", "２０２６-05-07T08:14:23Z",
        "2026-05-07T08:14:23Z\x00", "2026-05-07T08:14:23Z\ud800", "9" * 100_000,
    ],
)  # fmt: skip
def test_no_time(value: object) -> None:
    with pytest.raises(BadValue):
        times.parse(value)


@pytest.mark.row("X12")
@given(
    st.one_of(
        st.none(),
        st.integers(),
        st.floats(),
        st.text(),
        st.text(st.characters(), max_size=30),
        st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]{5,12}([Zz]|[+-][0-9:]{4,6})?"),
    )
)
def test_anything_is_an_aware_time_or_a_bad_value(value: object) -> None:
    with contextlib.suppress(BadValue):
        at = times.parse(value)
        assert at.tzinfo is UTC
        assert times.from_us(times.to_us(at)) == at
