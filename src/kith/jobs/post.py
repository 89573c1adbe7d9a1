"""One POST to somebody else's machine, which may hang, dawdle, or answer without end."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from kith.domain import targets
from kith.errors import BadValue
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
    """One client for all, but for each its own connection: two names may lead to one address."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._client: Any = None
        self._making = asyncio.Lock()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """Within 10 s, redirects never followed; whatever goes wrong is a result."""
        client = self._client or await self._made()
        import httpx2

        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._post(client, url, body, headers)
        except (Blocked, BadValue):
            return Posted(None, "blocked")
        except (TimeoutError, httpx2.TimeoutException):
            return Posted(None, "timeout")
        except (httpx2.NetworkError, OSError):
            return Posted(None, "unreachable")
        except httpx2.HTTPError:
            return Posted(None, "bad_answer")

    async def _post(self, client: Any, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        target = targets.read(url)
        address = await self._guard.address(target)
        host = f"[{address}]" if ":" in address else address
        # What was checked is what is connected to; the certificate must be the name's all the same.
        async with client.stream(
            "POST",
            f"{target.scheme}://{host}:{target.port}{target.rest}",
            content=body,
            headers={**headers, "host": target.named, "connection": "close"},
            extensions={"sni_hostname": target.host},
        ) as answer:
            await _read(answer)
            return Posted(answer.status_code)

    async def _made(self) -> Any:
        """Not at the start, and not on the event loop: it takes long, and few processes need it."""
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_client)
        return self._client


async def _read(answer: Any) -> None:
    import httpx2

    size = 0
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(REPLY_S_MAX):
            async for chunk in answer.aiter_raw():
                size += len(chunk)
                if size >= REPLY_BYTES_MAX:
                    return


def _client() -> Any:
    import httpx2

    return httpx2.AsyncClient(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=TIMEOUT_S,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
    )
