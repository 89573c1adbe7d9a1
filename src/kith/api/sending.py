"""Giving an answer to ASGI: whole, or piece by piece while it is made."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from kith.api import body
from kith.api.answers import Answer, Header
from kith.api.rate import Verdict
from kith.errors import AppError

SEND_S_MAX = 30.0
"""How long a piece of a file may wait for a client that does not read."""

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def headers(answer: Answer, request_id: bytes, verdict: Verdict | None) -> list[Header]:
    found: list[Header] = [(b"x-request-id", request_id), *answer.headers]
    if verdict is not None:
        found.append((b"x-ratelimit-limit", b"%d" % verdict.limit))
        found.append((b"x-ratelimit-remaining", b"%d" % verdict.remaining))
    if answer.etag is not None:
        found.append((b"etag", answer.etag.encode()))
    return found


async def whole(answer: Answer, headers: list[Header], receive: body.Receive, send: Send) -> None:
    if answer.status != 304:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": answer.closes})
    if answer.closes:
        await body.linger(receive)
        await send({"type": "http.response.body", "body": b""})


async def in_pieces(
    status: int, headers: list[Header], pieces: AsyncIterator[bytes], send: Send
) -> str | None:
    """Why it broke off; then the connection does so too, so that nobody takes it for the end."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    try:
        async for piece in pieces:
            async with asyncio.timeout(SEND_S_MAX):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    except (AppError, TimeoutError) as error:
        return type(error).__name__
    await send({"type": "http.response.body", "body": b""})
    return None
