"""Reads what came in: bytes become facts, each fact is written, then it is settled.

Whatever stops it in between, it is read again from the start: a fact that was written has no
further effect.
"""

import asyncio
from itertools import islice

import structlog

from kith.actions import connections, inbox, inbox_facts
from kith.actions.inbox import Read
from kith.actions.inbox_facts import Told
from kith.actions.run import Runner
from kith.domain.inbox import Sanitized, Unreadable
from kith.domain.jobs import Job
from kith.domain.shop_facts import DataRequested
from kith.domain.tokens import Caller
from kith.errors import AppError
from kith.integrations.registry import SYSTEMS
from kith.jobs.failures import Hopeless

log = structlog.get_logger("kith.inbound")


async def run(runner: Runner, job: Job) -> None:
    """Raises Hopeless."""
    of_tenant = connections.of_tenant(job.tenant_id)
    message = await runner.read(inbox.get, job.subject, of_tenant)
    if message is None or message.body is None:
        return
    connection = await runner.read(connections.by_id, message.connection_id, of_tenant)
    if connection is None:
        raise Hopeless("The connection was removed.")
    system = SYSTEMS.get(message.system)
    if system is None:
        raise Hopeless(f"This Kith reads nothing from {message.system}.")
    caller = connections.caller(connection)
    refused: list[str] = []
    failed: list[Exception] = []
    is_sanitized = False
    try:
        found = iter(system.read(message.headers, message.body, connection.config))
        while some := list(islice(found, system.facts_at_once)):
            told = [one for one in some if not isinstance(one, Sanitized)]
            is_sanitized |= len(told) < len(some)
            applied = [_apply(runner, Told(message.id, one), caller) for one in told]
            for outcome in await asyncio.gather(*applied):
                if isinstance(outcome, str):
                    refused.append(outcome)
                elif outcome is not None:
                    failed.append(outcome)
    except Unreadable as problem:
        raise Hopeless(str(problem)) from None
    if failed:
        raise failed[0]
    if refused:
        raise Hopeless(" ".join(dict.fromkeys(refused)))
    await runner.write(inbox.settle, Read(message_id=message.id, is_sanitized=is_sanitized), caller)


async def _apply(runner: Runner, told: Told, caller: Caller) -> str | Exception | None:
    """Why it was refused or what failed, if so: one bad item must not lose its neighbours."""
    if isinstance(told.fact, Unreadable):
        return str(told.fact)
    try:
        await runner.write(inbox_facts.apply, told, caller)
    except AppError as refusal:
        return refusal if refusal.status >= 500 else f"{type(told.fact).__name__}: {refusal.text}"
    except Exception as bug:
        return bug
    if isinstance(told.fact, DataRequested):  # the other side takes our 2xx for a promise
        about = {"tenant_id": caller.tenant_id, "connection_id": caller.connection_id}
        log.warning("data_request.waiting", code="privacy", **about)
    return None
