"""A poll: reading from a shop what its webhooks should have told, in case some were lost.

It goes in rounds, each in stages, each of pages. Whatever stops it, it goes on at its place.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

EVERY = timedelta(hours=1)
FULL_EVERY = timedelta(hours=24)
"""How often all customers are looked through: for what no list of changes tells."""
OVERLAP = timedelta(hours=1)
"""Read twice: a shop's clock may differ from ours, and its lists of changes come late."""
ORDERS_BACK = timedelta(days=60)
"""The first time; Shopify shows no older ones."""
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
"""After each failure in a row that may pass; then `EVERY`."""
GONE_AT_ONCE = 100
"""Customers of whom it is asked at once whether they are still there."""
BY_POLL = {"x-kith-by": "poll"}
"""Stands among the headers of what was read and not sent."""

Stage = Literal["customers", "orders", "gone"]
STAGES: tuple[Stage, ...] = ("customers", "orders", "gone")

Reason = Literal[
    "sealed", "blocked", "timeout", "unreachable", "refused", "forbidden", "missing", "moved",
    "throttled", "trouble", "unreadable",
]  # fmt: skip
PASSING: set[Reason] = {"timeout", "unreachable", "throttled", "trouble"}
"""Worth a try before the next round."""
RETRY_AFTER_S_MAX = 3_600.0


class PollFailed(Exception):
    """A shop was not read. The text is for the operator, and holds nothing that was sent."""

    def __init__(self, reason: Reason, text: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.reason = reason
        self.retry_after_s = min(retry_after_s, RETRY_AFTER_S_MAX)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is where the stage goes on; None at its beginning. `since`: what changed from then
    on is read; None for everything. `is_full`: all customers are looked through."""

    stage: Stage
    place: str | None
    since: datetime | None
    is_full: bool
    began_at: datetime


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """How far the polling of a connection is. `under_way` is None between rounds.

    `polled_to` is when the last whole round began. `seen`, `news` and `gone` count in the round
    that is under way, or in the last. `problem` is why it stopped, or what was left out.
    """

    connection_id: str
    under_way: Round | None = None
    polled_to: datetime | None = None
    full_at: datetime | None = None
    done_at: datetime | None = None
    seen: int = 0
    news: int = 0
    gone: int = 0
    failures: int = 0
    problem: str | None = None


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What a call is made of. `secrets` are that; `known` are customers' ids by shop."""

    url: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    round: Round
    known: Sequence[tuple[str, str]] = ()

    def __repr__(self) -> str:
        return f"Asking({self.round.stage})"


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A call: `url` with its query. The headers hold a secret."""

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None

    def __repr__(self) -> str:
        return f"Ask({self.method})"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a shop, in the words of a webhook. It has one effect, however often read.

    `told_at` tells two times apart at which a shop may say the same again, and mean it.
    """

    headers: Mapping[str, str]
    body: bytes
    is_gone: bool = False
    told_at: str = ""

    @property
    def event_key(self) -> str:
        told = "\n".join(f"{name}: {self.headers[name]}" for name in sorted(self.headers))
        told = f"{told}\n{self.told_at}\n"
        return "poll " + hashlib.sha256(told.encode() + self.body).hexdigest()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is where the next one begins; None after the last. `doubted` are customers who seem
    gone, to be asked after one by one. `note` is what had to be left out. `wait_s` is for how long
    the shop wants to be left alone."""

    items: Sequence[Item] = ()
    seen: int = 0
    place: str | None = None
    doubted: Sequence[str] = ()
    note: str | None = None
    wait_s: float = 0.0


def begun(poll: Poll, *, now: datetime, is_full: bool) -> Round:
    """The round to go on with: the one under way, or a new one."""
    is_due = poll.full_at is None or now - poll.full_at >= FULL_EVERY
    present = poll.under_way
    if present is not None and (present.is_full or not is_full):
        return present
    since = poll.polled_to - OVERLAP if poll.polled_to is not None else None
    return Round(
        stage="customers", place=None, since=since, is_full=is_full or is_due, began_at=now
    )


def orders_since(given: Round) -> datetime:
    return given.since if given.since is not None else given.began_at - ORDERS_BACK


def after(given: Round, place: str | None) -> Round | None:
    """Where the round goes on after a page; None when it is whole."""
    if place is not None:
        return msgspec.structs.replace(given, place=place)
    left = STAGES[STAGES.index(given.stage) + 1 :]
    stage = next((one for one in left if one != "gone" or given.is_full), None)
    return msgspec.structs.replace(given, stage=stage, place=None) if stage is not None else None


def wait_after(failures: int, failed: PollFailed) -> timedelta:
    """Until the next try after so many failures in a row."""
    if failed.reason not in PASSING or failures > len(WAITS):
        return EVERY
    return max(WAITS[failures - 1], timedelta(seconds=failed.retry_after_s))


def check(answer: Answer, *, key: str) -> None:
    """Raises PollFailed unless it is a success; `key` is by what we are known to the shop."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status == 401:
        raise PollFailed("refused", f"The shop does not take the {key} (401).")
    if status == 403:
        raise PollFailed("forbidden", f"The {key} may not read what is asked for (403).")
    if status in (404, 410):
        raise PollFailed("missing", f"There is no such API at the shop's address ({status}).")
    if 300 <= status < 400:
        raise PollFailed("moved", f"The shop's address leads elsewhere ({status}).")
    if status == 429:
        wait_s = retry_after_s(answer)
        raise PollFailed("throttled", "The shop wants fewer calls (429).", retry_after_s=wait_s)
    if status >= 500:
        wait_s = retry_after_s(answer)
        raise PollFailed("trouble", f"The shop is in trouble ({status}).", retry_after_s=wait_s)
    raise PollFailed("unreadable", f"The shop refuses the call ({status}).")


def retry_after_s(answer: Answer) -> float:
    """Shopify gives a fraction; a date is none of these APIs' ways."""
    try:
        wait_s = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return 0.0
    return wait_s if 0 <= wait_s < RETRY_AFTER_S_MAX else RETRY_AFTER_S_MAX
