"""What runs beside the requests until the process stops."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger("kith")


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Should a bug end it, the log says so at once: nobody waits for it before the process stops.

    The task itself then ends without an exception.
    """
    return asyncio.create_task(_run(work))


async def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("background.failed", code="background")
