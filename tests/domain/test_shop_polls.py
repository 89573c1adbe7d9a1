"""Rounds of polling: when each begins, where it goes on, and how long one waits after a failure."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from kith.domain import shop_polls
from kith.domain.shop_polls import Answer, Item, Poll, PollFailed, Reason, Round

NOW = datetime(2026, 5, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_first_round_reads_everything() -> None:
    begun = shop_polls.begun(Poll(connection_id="c"), now=NOW, is_full=False)
    assert begun == Round(stage="customers", place=None, since=None, is_full=True, began_at=NOW)
    assert shop_polls.orders_since(begun) == NOW - timedelta(days=60)


@pytest.mark.parametrize(
    ("since_full", "wanted", "is_full"),
    [(1, False, False), (23, False, False), (24, False, True), (1, True, True)],
)
def test_a_later_round_reads_what_changed(since_full: int, wanted: bool, is_full: bool) -> None:
    poll = Poll(connection_id="c", polled_to=NOW - HOUR, full_at=NOW - since_full * HOUR)
    begun = shop_polls.begun(poll, now=NOW, is_full=wanted)
    assert (begun.since, begun.is_full) == (NOW - 2 * HOUR, is_full)
    assert shop_polls.orders_since(begun) == NOW - 2 * HOUR


def test_a_round_that_is_under_way_is_gone_on_with() -> None:
    """Unless all customers are wanted, and it does not look at them."""
    present = Round(stage="orders", place="7", since=NOW, is_full=False, began_at=NOW - HOUR)
    poll = Poll(connection_id="c", under_way=present, polled_to=NOW, full_at=NOW)
    assert shop_polls.begun(poll, now=NOW, is_full=False) == present
    assert shop_polls.begun(poll, now=NOW, is_full=True).stage == "customers"
    full = msgspec.structs.replace(poll, under_way=msgspec.structs.replace(present, is_full=True))
    assert shop_polls.begun(full, now=NOW, is_full=True) == full.under_way


@pytest.mark.parametrize(
    ("is_full", "stages"),
    [(True, ["customers", "orders", "gone"]), (False, ["customers", "orders"])],
)
def test_stages_follow_each_other(is_full: bool, stages: list[str]) -> None:
    present: Round | None = Round(
        stage="customers", place="1", since=None, is_full=is_full, began_at=NOW
    )
    seen = []
    while present is not None:
        seen.append(present.stage)
        again = shop_polls.after(present, "2")
        assert again == msgspec.structs.replace(present, place="2")
        present = shop_polls.after(present, None)
        assert present is None or present.place is None
    assert seen == stages


@pytest.mark.parametrize(
    ("reason", "failures", "retry_after_s", "wait"),
    [
        ("trouble", 1, 0, timedelta(minutes=1)),
        ("timeout", 2, 0, timedelta(minutes=5)),
        ("unreachable", 3, 0, timedelta(minutes=15)),
        ("unreachable", 4, 0, HOUR),
        ("throttled", 1, 600, timedelta(minutes=10)),
        ("throttled", 1, 2, timedelta(minutes=1)),
        ("throttled", 1, 1e9, HOUR),
        ("refused", 1, 0, HOUR),
        ("blocked", 1, 5, HOUR),
    ],
)
def test_waits(reason: Reason, failures: int, retry_after_s: float, wait: timedelta) -> None:
    failed = PollFailed(reason, "x", retry_after_s=retry_after_s)
    assert shop_polls.wait_after(failures, failed) == wait


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("2.0", 2.0), ("7", 7.0), ("", 0.0), ("soon", 0.0), ("-1", 3_600.0), ("nan", 3_600.0),
     ("inf", 3_600.0), ("1e99", 3_600.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after(header: str, wait_s: float) -> None:
    answer = Answer(status=429, headers={"retry-after": header}, body=b"")
    assert shop_polls.retry_after_s(answer) == wait_s


def test_an_item_is_one_event_however_often_it_is_read() -> None:
    one = Item(headers={"a": "1", "b": "2"}, body=b"x")
    assert one.event_key == Item(headers={"b": "2", "a": "1"}, body=b"x").event_key
    others = [Item(headers={"a": "1"}, body=b"x"), Item(headers=one.headers, body=b"y")]
    assert one.event_key not in {other.event_key for other in others}
    assert one.event_key.startswith("poll ")
