"""Who is asking: the Authorization header becomes a Caller (reference section 2, row T6.1)."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from kith.actions import tokens as token_actions
from kith.actions.run import Runner
from kith.domain import tokens
from kith.domain.tokens import Caller
from kith.errors import Unauthenticated

RECHECK_S = 0.5
"""How old an answer of the database may be: a revoked token works for less than a second."""
NOTED_EVERY = timedelta(minutes=5)
"""How far the database may be behind with a token in steady use. Every write, however small, makes
SQLite forget what the connection that look-ups read by holds in memory."""
KNOWN_MAX = 10_000
HEADER_BYTES_KEPT_MAX = 100
"""A plain `Bearer` and a token; one padded with blanks is looked up each time."""

_BEARER = re.compile(rb"\s*bearer +(\S+)\s*", re.IGNORECASE)


class Credentials:
    """Remembers callers for half a second, and when each token was last used."""

    def __init__(self, runner: Runner, clock: Callable[[], float]) -> None:
        self._runner = runner
        self._clock = clock
        self._known: dict[bytes | None, tuple[Caller, float]] = {}
        self._last_used: dict[int, datetime] = {}
        self._noted: dict[int, datetime] = {}

    def known(self, header: bytes | None) -> Caller | None:
        """The holder of the token, when the database said so less than half a second ago."""
        known = self._known.get(header)
        return known[0] if known is not None and self._clock() < known[1] else None

    async def flush(self, *, all_of_them: bool = False) -> None:
        """Write down when tokens were last used, once that is news; to be called every few seconds.

        `all_of_them` also what is no news yet: nobody would write it later.
        """
        is_due = all_of_them or any(map(self._is_news, self._last_used))
        if not is_due or not self._last_used:
            return
        last_used, self._last_used = self._last_used, {}
        if len(self._noted) >= KNOWN_MAX:
            self._noted.clear()
        await self._runner.write(token_actions.touch, last_used)
        self._noted |= last_used

    def _is_news(self, token_id: int) -> bool:
        noted_at = self._noted.get(token_id)
        return noted_at is None or self._last_used[token_id] - noted_at >= NOTED_EVERY

    async def look_up(self, header: bytes | None) -> Caller:
        """The holder of `Bearer ...`; raises Unauthenticated, always the same."""
        self._known.pop(header, None)
        token = token_in(header) if header is not None else None
        if token is None:
            raise Unauthenticated()
        caller = await self._runner.read(token_actions.authenticate, tokens.digest(token))
        if caller is None:
            raise Unauthenticated()
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        if header is not None and len(header) <= HEADER_BYTES_KEPT_MAX:
            self._known[header] = (caller, self._clock() + RECHECK_S)
        self._last_used[caller.token_id] = self._runner.now()
        return caller


def token_in(header: bytes) -> str | None:
    """The token of a well-formed header; a wrong checksum costs no query."""
    match = _BEARER.fullmatch(header)
    if match is None:
        return None
    try:
        token = match[1].decode("ascii")
    except UnicodeDecodeError:
        return None
    return token if tokens.is_wellformed(token) else None
