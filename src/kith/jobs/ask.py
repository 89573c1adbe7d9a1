"""One call to a shop's API, which may hang, dawdle, lie or answer without end.

It goes where `jobs/guard.py` lets it go and nowhere else: no redirect is followed.
"""

import asyncio
import ssl
from typing import Any

from kith.domain import targets
from kith.domain.shop_polls import Answer, Ask, PollFailed
from kith.errors import BadValue
from kith.jobs.guard import Blocked, Guard

CALL_S_MAX = 30.0
CONNECT_S_MAX = 5.0
ANSWER_BYTES_MAX = 8 * 1_048_576


class Asker:
    """One for the process. Each call has a connection of its own: two names may lead to one
    address."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._client: Any = None
        self._making = asyncio.Lock()

    async def ask(self, given: Ask) -> Answer:
        """Raises PollFailed."""
        client = self._client or await self._made()
        import httpx2

        try:
            async with asyncio.timeout(CALL_S_MAX):
                return await self._ask(client, given)
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
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, client: Any, given: Ask) -> Answer:
        target = targets.read(given.url)
        address = await self._guard.address(target)
        host = f"[{address}]" if ":" in address else address
        # What was checked is what is connected to; the certificate must be the name's all the same.
        async with client.stream(
            given.method,
            f"{target.scheme}://{host}:{target.port}{target.rest}",
            content=given.content,
            headers={
                **given.headers,
                "host": target.named,
                "connection": "close",
                "user-agent": "Kith",
            },
            extensions={"sni_hostname": target.host},
        ) as answer:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > ANSWER_BYTES_MAX:
                    raise PollFailed("unreadable", "The shop's answer is too large.")
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(status=answer.status_code, headers=headers, body=bytes(body))

    async def _made(self) -> Any:
        """Not at the start, and not on the event loop: few processes need it."""
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_client)
        return self._client


def _client() -> Any:
    import httpx2

    return httpx2.AsyncClient(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(CALL_S_MAX, connect=CONNECT_S_MAX),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
    )
