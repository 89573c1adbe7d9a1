"""Who is asking: the Authorization header becomes a Caller (reference section 2, row T6.1)."""

import re
from collections.abc import Callable
from datetime import datetime

from kith.actions import tokens as token_actions
from kith.actions.run import Runner
from kith.domain import tokens
from kith.domain.tokens import Caller
from kith.errors import Unauthenticated

RECHECK_S = 0.5
"""How old an answer of the database may be: a revoked token works for less than a second."""
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

    def known(self, header: bytes | None) -> Caller | None:
        """The holder of the token, when the database said so less than half a second ago."""
        known = self._known.get(header)
        return known[0] if known is not None and self._clock() < known[1] else None

    async def flush(self) -> None:
        """Write down when tokens were last used; to be called every few seconds."""
        last_used, self._last_used = self._last_used, {}
        if last_used:
            await self._runner.write(token_actions.touch, last_used)

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
