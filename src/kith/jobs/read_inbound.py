"""Reads what came in: bytes become facts, facts are written one by one, then it is settled.

Whatever stops it in between, it is read again from the start: a fact that was written has no
further effect.
"""

from kith.actions import connections, facts, inbox
from kith.actions.inbox import Read
from kith.actions.run import Runner
from kith.domain.inbox import Sanitized, Unreadable
from kith.domain.jobs import Job
from kith.domain.tokens import Caller
from kith.errors import AppError
from kith.integrations.registry import SYSTEMS
from kith.jobs.failures import Hopeless


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
    try:
        found = system.read(message.headers, message.body, connection.config)
    except Unreadable as problem:
        raise Hopeless(str(problem)) from None
    caller = connections.caller(connection)
    is_sanitized = any(isinstance(fact, Sanitized) for fact in found)
    told = [fact for fact in found if not isinstance(fact, Sanitized)]
    refused = [text for fact in told if (text := await _apply(runner, fact, caller))]
    if refused:
        raise Hopeless(" ".join(dict.fromkeys(refused)))
    await runner.write(inbox.settle, Read(message_id=message.id, is_sanitized=is_sanitized), caller)


async def _apply(runner: Runner, fact: object, caller: Caller) -> str | None:
    """Why it was refused, if it was: one bad item must not lose its neighbours."""
    try:
        await runner.write(facts.apply, fact, caller)
    except AppError as refusal:
        if refusal.status >= 500:
            raise
        return f"{type(fact).__name__}: {refusal.text}"
    return None
