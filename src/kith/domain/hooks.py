"""A hook: an address of another system that is told of one kind of event."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

import msgspec

from kith.domain.events import Event

PER_WORKSPACE_MAX = 100
AT_ONCE_MAX = 8
"""Deliveries to one hook at a time."""
WAITS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""Between one try of a delivery and the next; after the last it is given up (reliability F20)."""
GRACE = timedelta(days=5)
"""So long without a success, and the hook is disabled."""


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """`token_id` is whose word it was made by; it ends with that token."""

    row_id: int
    id: str
    event: Event
    target_url: str
    token_id: int
    created_at: datetime
    last_success_at: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_why: str | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event for one hook: the same id and body on every try. `tries` counts those made."""

    row_id: int
    id: str
    body: str
    tries: int


def secret_of(hook_id: str, *, key: str, workspace_key: str) -> str:
    """What a hook's posts are signed with: made of the operator's key, so that it is kept nowhere.

    And of the workspace's own, which is chance: nobody can try keys out against what they are told.
    """
    about = f"kith: signs what a hook is told: {hook_id}".encode()
    made = hmac.digest(f"{workspace_key}.{key}".encode(), about, hashlib.sha256)
    return "kith_hook_" + base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_over(hook: Hook, now: datetime) -> bool:
    """Whether it has failed for so long that it is not worth another try."""
    return hook.failing_since is not None and hook.failing_since + GRACE <= now


def next_try(tries: int, now: datetime) -> datetime | None:
    """When a delivery is tried again that failed so often; None: no more."""
    return now + WAITS[tries - 1] if tries <= len(WAITS) else None
