"""Reading a request body within its limit (reliability L1, row F27)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from kith.errors import BodyTooSlow, ClientGone, EncodedBody, TooLarge

BODY_BYTES_MAX = 1_048_576
BODY_S_MAX = 30.0
LINGER_S = 2.0
LINGER_BYTES_MAX = 16 * BODY_BYTES_MAX

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


async def read(
    receive: Receive, content_length: bytes | None, *, bytes_max: int = BODY_BYTES_MAX
) -> bytes:
    """The whole body; raises TooLarge as soon as it cannot fit, BodyTooSlow, ClientGone."""
    if content_length is not None and int(content_length) > bytes_max:
        raise _too_large(bytes_max)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone()
                body += message.get("body", b"")
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise BodyTooSlow() from None


def check_encoding(headers: Mapping[bytes, bytes]) -> None:
    """Raises EncodedBody for one that would have to be unpacked first."""
    if headers[b"content-encoding"].lower() != b"identity":
        raise EncodedBody()


def _too_large(bytes_max: int) -> TooLarge:
    mib = bytes_max // 1_048_576
    return TooLarge(
        f"The body is larger than {mib or bytes_max // 1_024} {'MiB' if mib else 'KiB'}."
    )


async def linger(receive: Receive) -> None:
    """Throw away what a refused client still sends, for a moment: closing at once would reset the
    connection, and the client could lose the answer before reading it."""
    left = LINGER_BYTES_MAX
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
                left -= len(message["body"])
