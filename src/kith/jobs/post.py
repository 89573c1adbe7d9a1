"""One POST to somebody else's machine, which may hang, dawdle, or answer without end."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from kith.errors import BadValue
from kith.jobs.calling import Calls
from kith.jobs.guard import Blocked, Guard

TIMEOUT_S = 10.0
REPLY_BYTES_MAX = 65_536
REPLY_S_MAX = 1.0
"""A reply tells nothing: it is read so that the other side may finish, and not for long."""

Trouble = Literal["blocked", "timeout", "unreachable", "bad_answer"]


class Posted(msgspec.Struct, frozen=True):
    """The status that was answered, or what came in between."""

    status: int | None
    trouble: Trouble | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Poster:
    """One for the process."""

    def __init__(self, guard: Guard) -> None:
        self._calls = Calls(guard, timeout_s=TIMEOUT_S, connect_s=TIMEOUT_S)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """Within 10 s, redirects never followed; whatever goes wrong is a result."""
        import httpx2

        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._post(url, body, headers)
        except (Blocked, BadValue):
            return Posted(None, "blocked")
        except (TimeoutError, httpx2.TimeoutException):
            return Posted(None, "timeout")
        except (httpx2.NetworkError, OSError):
            return Posted(None, "unreachable")
        except httpx2.HTTPError:
            return Posted(None, "bad_answer")

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        async with self._calls.call("POST", url, headers, body) as answer:
            await _read(answer)
            return Posted(answer.status_code)


async def _read(answer: Any) -> None:
    import httpx2

    size = 0
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(REPLY_S_MAX):
            async for chunk in answer.aiter_raw():
                size += len(chunk)
                if size >= REPLY_BYTES_MAX:
                    return
