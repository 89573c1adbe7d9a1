"""One call to a shop's API, which may hang, dawdle, lie or answer without end."""

import asyncio

from kith.domain.shop_polls import Answer, Ask, PollFailed
from kith.errors import BadValue
from kith.jobs.calling import Calls
from kith.jobs.guard import Blocked, Guard

CALL_S_MAX = 30.0
CONNECT_S_MAX = 5.0
ANSWER_BYTES_MAX = 8 * 1_048_576


class Asker:
    """One for the process."""

    def __init__(self, guard: Guard) -> None:
        self._calls = Calls(guard, timeout_s=CALL_S_MAX, connect_s=CONNECT_S_MAX)

    async def ask(self, given: Ask) -> Answer:
        """Raises PollFailed."""
        import httpx2

        try:
            async with asyncio.timeout(CALL_S_MAX):
                return await self._ask(given)
        except (Blocked, BadValue):
            raise PollFailed(
                "blocked",
                "The shop's address may not be called, or nobody is known by that name:"
                " KITH_ALLOWED_NETWORKS lets machines inside be called.",
            ) from None
        except (TimeoutError, httpx2.TimeoutException):
            raise PollFailed("timeout", "The shop did not answer in time.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            raise PollFailed("unreachable", "The shop could not be reached.") from None

    async def close(self) -> None:
        await self._calls.close()

    async def _ask(self, given: Ask) -> Answer:
        async with self._calls.call(
            given.method, given.url, given.headers, given.content
        ) as answer:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > ANSWER_BYTES_MAX:
                    raise PollFailed("unreadable", "The shop's answer is too large.")
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(status=answer.status_code, headers=headers, body=bytes(body))
