"""Times: microseconds at rest, whole seconds in UTC on the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import times

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
