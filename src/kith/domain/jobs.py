"""Work to be done later: how often it is tried, and how long one waits in between."""

from datetime import timedelta

import msgspec

LEASE = timedelta(seconds=30)
"""After this a job that was taken and not settled is somebody else's."""
LEASE_OF_FILES = timedelta(seconds=150)
"""Where files are fetched: the largest may take two minutes."""
TRIES_MAX = 5
WAITS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
)
"""Between one try and the next."""


EVERY = {"sync_templates": timedelta(hours=6)}
"""Kinds of jobs that come again, whatever became of the last one."""
LANES = {
    "deliver": 1,
    "send_message": 2,
    "sync_templates": 3,
    "fetch_media": 3,
    "remove_file": 3,
    "poll_shop": 3,
}
"""Kinds of jobs that wait for others' machines queue apart; all else is in lane 0."""
NEVER_GIVEN_UP = {"deliver", "send_message", "remove_file", "file_opt_in", "poll_shop"}
"""They stand for a queue whose items have their own tries, or come again; and what an erasure left
to be removed is removed, as is what was typed on a page, in the end."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`subject` is what the kind of job works on, most often an id. `tries` counts this one."""

    id: int
    tenant_id: int
    kind: str
    subject: str
    tries: int


def lease(lane: int) -> timedelta:
    """How long a job of the lane may take."""
    return LEASE_OF_FILES if lane == LANES["fetch_media"] else LEASE


def wait_after(tries: int, kind: str) -> timedelta | None:
    """Until the next try; None when there is none."""
    if kind in NEVER_GIVEN_UP:
        return WAITS[min(tries, len(WAITS)) - 1]
    return WAITS[tries - 1] if tries < TRIES_MAX else None
