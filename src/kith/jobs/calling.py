"""How another's machine is called: where `jobs/guard.py` lets a call go, and nowhere else."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from kith.domain import targets
from kith.jobs.guard import Guard


class Calls:
    """One client for all, but for each call its own connection: two names may lead to one address.

    No redirect is followed, and no proxy of the environment is asked.
    """

    def __init__(self, guard: Guard, *, timeout_s: float, connect_s: float) -> None:
        self._guard = guard
        self._timeouts = {"timeout": timeout_s, "connect": connect_s}
        self._client: Any = None
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def call(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> AsyncIterator[Any]:
        """The answer, whose body is yet to be read. Raises Blocked, BadValue and what httpx2 does.

        It ends only when the caller ends it: the timeouts are those of a single wait.
        """
        client = self._client or await self._made()
        target = targets.read(url)
        address = await self._guard.address(target)
        host = f"[{address}]" if ":" in address else address
        # What was checked is what is connected to; the certificate must be the name's all the same.
        async with client.stream(
            method,
            f"{target.scheme}://{host}:{target.port}{target.rest}",
            content=content,
            headers={"user-agent": "Kith", **headers, "host": target.named, "connection": "close"},
            extensions={"sni_hostname": target.host},
        ) as answer:
            yield answer

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _made(self) -> Any:
        """Not at the start, and not on the event loop: it takes long, and few processes need it."""
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_client, self._timeouts)
        return self._client


def _client(timeouts: Mapping[str, float]) -> Any:
    import httpx2

    return httpx2.AsyncClient(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(timeouts["timeout"], connect=timeouts["connect"]),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
    )
