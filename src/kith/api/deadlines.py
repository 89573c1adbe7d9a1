"""When a connection that nothing comes of is closed (reliability L5, rows T7.2 and F26).

Bodies and files have deadlines of their own, where they are read and sent. This is for the rest of
a connection's life: one sweep a second looks at all of them, so that a request pays nothing for it.
"""

import asyncio
import os
import resource
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Literal

import structlog

from kith.api.protocol import Protocol

SILENT_S = 30.0
HEAD_S = 10.0
ANSWERED_S = 5.0
"""Also for the rest of a body that was answered before it came; as the HTTP server's keep-alive."""
STALLED_S = 32.0
"""A little over sending.SEND_S_MAX, which tells the log of a file."""
SWEEP_S = 1.0
AT_ONCE = 200
"""So many are looked at before requests get their turn."""
FILES = 65_536

Stage = Literal["silent", "head", "working", "answered"]
log = structlog.get_logger("kith.http")


async def sweep(connections: Collection[Protocol], clock: Callable[[], float]) -> None:
    """Close what is overdue among the connections that are open, until it is cancelled."""
    has_warned = False
    while True:
        await asyncio.sleep(SWEEP_S)
        for number, connection in enumerate(list(connections), 1):
            _look(connection, clock())
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        is_full = _is_full(len(connections))
        if is_full and not has_warned:
            log.warning("http.connections_full", connections=len(connections))
        has_warned = is_full


def allow_many() -> None:
    """A connection is a file to the system, which gives a program 1,024, or more if it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _look(connection: Protocol, now: float) -> None:
    transport = connection.transport
    unsent = transport.get_write_buffer_size()
    stage = _stage(connection)
    seen = (stage, unsent)
    # The scope is kept, not its id(), which the next request's may get.
    if connection.seen != seen or connection.seen_scope is not connection.scope:
        connection.seen, connection.seen_scope = seen, connection.scope
        connection.seen_since = now
        return
    took_s = now - connection.seen_since
    if unsent:
        if took_s >= STALLED_S:
            transport.abort()
    elif took_s >= _limit(stage):
        transport.close()


def _stage(connection: Protocol) -> Stage:
    cycle = connection.cycle
    if cycle is not None and not cycle.response_complete:
        return "working"
    if connection.scope is None:
        return "silent"
    return "answered" if cycle is not None and cycle.scope is connection.scope else "head"


def _limit(stage: Stage) -> float:
    limits = {"silent": SILENT_S, "head": HEAD_S, "answered": ANSWERED_S}
    return limits.get(stage, float("inf"))


def _is_full(connections: int) -> bool:
    """Whether the system gives no file any more: it then ends new connections, and tells nobody."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if connections < soft // 2:
        return False
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return True
    return False
