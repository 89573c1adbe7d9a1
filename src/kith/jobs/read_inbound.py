"""Reads what came in: bytes become facts, each fact is written, then it is settled.

Whatever stops it in between, it is read again from the start: a fact that was written has no
further effect.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

import msgspec
import structlog

from kith.actions import connections, inbox, inbox_facts
from kith.actions.inbox import Read
from kith.actions.inbox_facts import Told
from kith.actions.run import Runner
from kith.domain.inbox import Sanitized, Unreadable
from kith.domain.jobs import Job
from kith.domain.shop_facts import DataRequested
from kith.domain.tokens import Caller
from kith.domain.whatsapp_facts import MessageTold
from kith.errors import AppError, Conflict, Invalid
from kith.integrations.registry import SYSTEMS
from kith.jobs.failures import Hopeless
from kith.jobs.together import Together

AT_ONCE_MAX = 8
"""Messages that are read in one action: nobody else has a turn meanwhile."""
Write = Callable[[Told, Caller], Awaitable[None]]
log = structlog.get_logger("kith.inbound")


def together(runner: Runner) -> Callable[[Runner, Job], Awaitable[bool]]:
    """As `run`; where writes have turns, messages that tell one thing share one with others."""
    if not runner.writes_in_turn:
        return run
    of_some = Together(runner, inbox_facts.apply_all, size_max=AT_ONCE_MAX, groups_max=4)
    return partial(run, write=of_some.write)


async def run(runner: Runner, job: Job, *, write: Write | None = None) -> bool:
    """Raises Hopeless. True when the job was settled with the message.

    `write` is for what tells one thing.
    """
    of_tenant = connections.of_tenant(job.tenant_id)
    message = await runner.read(inbox.get, job.subject, of_tenant)
    if message is None or message.body is None:
        return False
    connection = await runner.read(connections.by_id, message.connection_id, of_tenant)
    if connection is None:
        raise Hopeless("The connection was removed.")
    system = SYSTEMS.get(message.system)
    if system is None:
        raise Hopeless(f"This Kith reads nothing from {message.system}.")
    caller = connections.caller(connection)
    read = Read(message_id=message.id, job_id=job.id)
    outcomes: list[str | Exception | None] = []
    try:
        found = iter(system.read(message.headers, message.body, connection.config))
        first = list(islice(found, 2))
        if len(first) == 1 and not isinstance(first[0], Sanitized | Unreadable):
            _check([await _apply(runner, Told(message.id, first[0], read), caller, write)])
            return True
        found = chain(first, found)
        while some := list(islice(found, system.facts_at_once)):
            told = [one for one in some if not isinstance(one, Sanitized)]
            if len(told) < len(some):
                read = msgspec.structs.replace(read, is_sanitized=True)
            called = [_called(runner, one) for one in told]
            applied = [_apply(runner, Told(message.id, one), caller) for one in called]
            outcomes += await asyncio.gather(*applied)
    except Unreadable as problem:
        raise Hopeless(str(problem)) from None
    _check(outcomes)
    await runner.write(inbox.settle, read, caller)
    return True


def _called(runner: Runner, fact: Any) -> Any:
    """Ids tell the order of what came: those written side by side get theirs before."""
    if not isinstance(fact, MessageTold):
        return fact
    return msgspec.structs.replace(fact, id=runner.new_id())


async def _apply(
    runner: Runner, told: Told, caller: Caller, write: Write | None = None
) -> str | Exception | None:
    """Why it was refused or what failed, if so: one bad item must not lose its neighbours."""
    if isinstance(told.fact, Unreadable):
        return str(told.fact)
    try:
        if write is None:
            await runner.write(inbox_facts.apply, told, caller)
        else:
            await write(told, caller)
    except AppError as refusal:
        return refusal if refusal.status >= 500 else _said(refusal)
    except Exception as bug:
        return bug
    if isinstance(told.fact, DataRequested):  # the other side takes our 2xx for a promise
        about = {"tenant_id": caller.tenant_id, "connection_id": caller.connection_id}
        log.warning("data_request.waiting", code="privacy", **about)
    return None


def _said(refusal: AppError) -> str:
    """With the ids of whoever is in the way: they lead an operator there, and say nothing more."""
    if isinstance(refusal, Invalid):
        return refusal.reasons
    if not isinstance(refusal, Conflict):
        return refusal.text
    return f"{refusal.text} See {' and '.join(f'contact {one}' for one in refusal.contact_ids)}."


def _check(outcomes: Sequence[str | Exception | None]) -> None:
    """Raises what failed, and Hopeless for what was refused."""
    if failed := [one for one in outcomes if isinstance(one, Exception)]:
        raise failed[0]
    if refused := [one for one in outcomes if isinstance(one, str)]:
        raise Hopeless(" ".join(dict.fromkeys(refused)))
