"""Wait for what must come; how long is a matter of the machine, not of the rule that is tested."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

WAIT_S_MAX = 60.0
AGAIN_S = 0.01
TRIES_MAX = 3


def wait_until(look: Callable[[], T], what: str, *, is_so: Callable[[T], object] = bool) -> T:
    """What `look` sees, as soon as it is so; fails with what did not come and what is seen."""
    until = time.monotonic() + WAIT_S_MAX
    while not is_so(seen := look()):
        assert time.monotonic() < until, _missing(what, seen)
        time.sleep(AGAIN_S)
    return seen


async def await_until(
    look: Callable[[], Awaitable[T]], what: str, *, is_so: Callable[[T], object] = bool
) -> T:
    """As `wait_until`, while others of this event loop go on."""
    until = time.monotonic() + WAIT_S_MAX
    while not is_so(seen := await look()):
        assert time.monotonic() < until, _missing(what, seen)
        await asyncio.sleep(AGAIN_S)
    return seen


async def at_best(run: Callable[[int], Awaitable[None]]) -> None:
    """One of `run(0)`, `run(1)`, `run(2)` holds: a defect fails each, a stall of the machine one.

    For what only a clock can tell.
    """
    for number in range(TRIES_MAX):
        try:
            await run(number)
        except (AssertionError, OSError):
            if number == TRIES_MAX - 1:
                raise
        else:
            return


def _missing(what: str, seen: object) -> str:
    return f"{what}: did not come in {WAIT_S_MAX:.0f} s; what is there: {seen!r}"
