"""/livez: the process is up. /readyz: the database answers and its schema is current."""

from collections.abc import Awaitable, Callable

from kith.api.answers import JSON_HEADERS, Answer
from kith.domain import json

IsReady = Callable[[], Awaitable[str | None]]
"""None when requests can be served, else the reason in a few words."""


async def livez() -> Answer:
    return Answer(200, b'{"status":"ok"}')


def readyz(why_not: IsReady) -> Callable[[], Awaitable[Answer]]:
    async def page() -> Answer:
        reason = await why_not()
        if reason is None:
            return Answer(200, b'{"status":"ready"}')
        body = {"message": "Service Unavailable", "error": "Service Unavailable", "reason": reason}
        return Answer(503, json.encode(body), (*JSON_HEADERS, (b"retry-after", b"1")))

    return page
