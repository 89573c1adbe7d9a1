"""Rolling limits, per token, address and more (reference section 5, reliability L8).

A sliding log on the monotonic clock. Of the kept libraries, `limits` reads the wall clock, which
may jump (row F17), and pyrate-limiter takes a lock and a list walk for each call.
"""

import math
from collections import deque
from collections.abc import Callable

import msgspec

WINDOW_S = 60.0
ENTRIES_MAX = 6_000
"""Of one log. Calls under a larger limit share entries of a 6,000th of the window each."""
LOGS_MAX = 10_000


class Verdict(msgspec.Struct, gc=False):
    """`retry_after_s` is 0 when the call may go on."""

    limit: int
    remaining: int
    retry_after_s: int


class _Log:
    __slots__ = ("calls", "counts", "times")

    def __init__(self) -> None:
        self.times: deque[float] = deque()
        self.counts: deque[int] = deque()
        self.calls = 0


class RollingLimit:
    """Counts calls by key over the last 60 seconds, or as long as `window_s` says."""

    def __init__(self, clock: Callable[[], float], *, window_s: float = WINDOW_S) -> None:
        self._clock = clock
        self._window_s = window_s
        self._entry_s = window_s / ENTRIES_MAX
        self._logs: dict[int | str, _Log] = {}

    def count(self, key: int | str, limit: int) -> Verdict:
        """Count one call, unless it is over the limit; refused calls do not count."""
        now = self._clock()
        log = self._logs.get(key)
        if log is None:
            log = self._new_log(key, now)
        times, counts = log.times, log.counts
        # Calls that share an entry are forgotten with the last that it can hold, never early.
        window_s = self._window_s
        keeps_s = window_s if limit <= ENTRIES_MAX else window_s + self._entry_s
        while times and times[0] <= now - keeps_s:
            times.popleft()
            log.calls -= counts.popleft()
        if log.calls >= limit:
            wait_s = times[0] + keeps_s - now if times else window_s
            return Verdict(limit, 0, max(1, math.ceil(wait_s)))
        if limit > ENTRIES_MAX and times and now - times[-1] < self._entry_s:
            counts[-1] += 1
        else:
            times.append(now)
            counts.append(1)
        log.calls += 1
        return Verdict(limit, limit - log.calls, 0)

    def _new_log(self, key: int | str, now: float) -> _Log:
        if len(self._logs) >= LOGS_MAX:
            self._forget_idle(now)
        log = self._logs[key] = _Log()
        return log

    def _forget_idle(self, now: float) -> None:
        for key, log in list(self._logs.items()):
            if not log.times or log.times[-1] <= now - self._window_s:
                del self._logs[key]
        if len(self._logs) > LOGS_MAX // 2:
            # A flood of addresses: half of them go at once, so that the next call need not look
            # through all again. Tokens stay: nobody gets calls back by flooding.
            addresses = [key for key in self._logs if isinstance(key, str)]
            for key in addresses[: len(addresses) // 2 + 1]:
                del self._logs[key]
