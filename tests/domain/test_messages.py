"""Statuses of a message: whatever order they are told in, the same is known in the end (T3.2)."""

from datetime import timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain.messages import Delivery, Error, Message, StatusTold, digest, higher, join
from kith.domain.times import EPOCH

NOON = EPOCH + timedelta(days=20_000)


def told(status, minutes=0, code=None):
    error = Error(code) if code else None
    return StatusTold(status=status, at=NOON + timedelta(minutes=minutes), error=error)


def after(*statuses, since="sending"):
    return reduce(join, statuses, Delivery(status=since))


@pytest.mark.row("T3.2")
@pytest.mark.parametrize("since", ["sending", "unknown", "queued"])
@pytest.mark.parametrize(
    ("statuses", "highest"),
    [
        (["sent"], "sent"),
        (["sent", "delivered"], "delivered"),
        (["sent", "read"], "read"),
        (["sent", "delivered", "read"], "read"),
        (["sent", "failed"], "failed"),
        (["failed"], "failed"),
        (["sent", "failed", "delivered"], "delivered"),
        (["failed", "delivered", "read"], "read"),
        (["sent", "delivered", "read", "failed"], "read"),
    ],
)
def test_every_order_of_every_subset_ends_alike(since, statuses, highest):
    each = [told(status, minutes) for minutes, status in enumerate(statuses)]
    ends = {after(*order, *order[:1], since=since) for order in permutations(each)}
    assert {end.status for end in ends} == {highest}
    assert len(ends) == 1


@pytest.mark.row("T3.2")
@given(
    st.lists(
        st.builds(
            StatusTold,
            status=st.sampled_from(["sent", "delivered", "read", "failed"]),
            at=st.integers(0, 5).map(lambda minutes: NOON + timedelta(minutes=minutes)),
            error=st.none() | st.builds(Error, st.integers(1, 3), st.none() | st.text(max_size=2)),
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_what_is_known_is_a_join(statuses, random):
    doubled = [*statuses, *statuses]
    random.shuffle(doubled)
    assert after(*doubled) == after(*statuses)


@pytest.mark.row("T3.2")
@pytest.mark.parametrize("texts", [(None, ""), (None, "a"), ("", "a")])
def test_of_two_failures_at_once_one_is_the_first(texts):
    each = [StatusTold(status="failed", at=NOON, error=Error(1, text)) for text in texts]
    assert after(*each) == after(*reversed(each))


def test_each_time_is_the_first_that_was_told():
    known = after(told("delivered", 5), told("delivered", 3), told("sent", 4), told("read", 9))
    assert known == Delivery(
        status="read",
        sent_at=NOON + timedelta(minutes=4),
        delivered_at=NOON + timedelta(minutes=3),
        read_at=NOON + timedelta(minutes=9),
    )


def test_the_first_failure_says_why():
    assert after(told("failed", 5, 131047), told("failed", 3, 131026)).error == Error(131026)
    assert after(told("failed", 3, 131047), told("failed", 3, 131026)).error == Error(131026)


@pytest.mark.parametrize(
    ("lower", "above"),
    [
        ("sending", "unknown"),
        ("unknown", "queued"),
        ("queued", "sent"),
        ("sent", "failed"),
        ("failed", "delivered"),
        ("delivered", "read"),
    ],
)
def test_a_status_only_climbs(lower, above):
    assert higher(lower, above) == higher(above, lower) == above


@pytest.mark.parametrize(
    ("direction", "kind", "wamid", "counts"),
    [
        ("inbound", "text", "wamid.1", True),
        ("inbound", "unsupported", "wamid.1", True),
        ("inbound", "reaction", "wamid.1", False),
        ("inbound", "edit", "wamid.1", False),
        ("inbound", "revoke", "wamid.1", False),
        ("outbound", "text", None, False),
        ("outbound", "text", "wamid.1", True),
        ("outbound", "template", "wamid.1", True),
    ],
)
@pytest.mark.parametrize("statuses", [[], ["failed"], ["sent"], ["failed", "read"]])
def test_what_counts(direction, kind, wamid, counts, statuses):
    """However far it came: what WhatsApp has a name for it has taken."""
    since = "received" if direction == "inbound" else "sending"
    message = Message(
        id="m", contact_id="c", number_id="n", direction=direction, type=kind, at=NOON,
        created_at=NOON, delivery=after(*map(told, statuses), since=since), wamid=wamid,
    )  # fmt: skip
    assert message.counts is counts


def test_a_digest_tells_nothing_of_the_number():
    assert digest("wamid.HBgLMTQxNTU1NTAxMjM=") == digest("wamid.HBgLMTQxNTU1NTAxMjM=")
    assert "HBgL" not in digest("wamid.HBgLMTQxNTU1NTAxMjM=")
