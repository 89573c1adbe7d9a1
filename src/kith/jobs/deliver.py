"""Tells a hook what it has yet to be told, a few at a time, until nothing is due.

Many jobs may name one hook: one of them does it all, and what comes meanwhile leaves it to that
one. So a dead address takes up one place of the worker's, and never those of the others.
"""

import asyncio
from datetime import datetime

import structlog

from kith import signing
from kith.actions import connections, hooks
from kith.actions.hooks import Due, Outcome, Told
from kith.actions.run import Runner
from kith.domain.hooks import Delivery, Hook
from kith.domain.jobs import Job
from kith.domain.tokens import Caller
from kith.jobs.failures import GoOn
from kith.jobs.guard import Guard
from kith.jobs.post import Posted, Poster

AT_ONCE_MAX = 256
"""Hooks that are told at the same time."""
WRITES_MAX = 2
"""Places in the database that telling takes up: whoever calls the API must find some."""
TURN_S = 10.0
"""After so long others have their turn."""
log = structlog.get_logger("kith.hooks")


class Deliverer:
    def __init__(self, guard: Guard) -> None:
        self._poster = Poster(guard)
        self._writes = asyncio.Semaphore(WRITES_MAX)
        self._at_work: set[str] = set()
        self._woken: set[str] = set()
        """Hooks for which more came while they were being told."""

    async def run(self, runner: Runner, job: Job) -> None:
        """Raises GoOn while there is more to tell, now or later."""
        if job.subject in self._at_work:
            self._woken.add(job.subject)
            return
        self._at_work.add(job.subject)
        try:
            await self._tell_all(runner, job.subject, connections.of_tenant(job.tenant_id))
        finally:
            self._at_work.discard(job.subject)
            self._woken.discard(job.subject)

    async def _tell_all(self, runner: Runner, hook_id: str, caller: Caller) -> None:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + TURN_S
        while True:
            self._woken.discard(hook_id)
            async with self._writes:
                due = await runner.write(hooks.take_due, hook_id, caller)
            if due is None:
                return
            if due.disabled_why is not None:
                _note_disabled(due.hook, due.disabled_why, caller)
                return
            if due.deliveries:
                await self._tell(runner, due, caller)
                if loop.time() > ends_at:
                    raise GoOn(runner.now())
            elif hook_id not in self._woken:  # from here to the end nothing is awaited
                if due.next_at is None:
                    return
                raise GoOn(due.next_at)

    async def _tell(self, runner: Runner, due: Due, caller: Caller) -> None:
        at = runner.now()
        posted = await asyncio.gather(*(self._post(due, one, at) for one in due.deliveries))
        outcomes = [
            Outcome(delivery=one, is_success=result.is_success, wants_no_more=result.status == 410)
            for one, result in zip(due.deliveries, posted, strict=True)
        ]
        for one, result in zip(due.deliveries, posted, strict=True):
            if not result.is_success:
                _note(due.hook, one, result, caller)
        told = Told(hook=due.hook, outcomes=outcomes)
        async with self._writes:
            why = await runner.write(hooks.note_outcomes, told, caller)
        if why is not None:
            _note_disabled(due.hook, why, caller)

    async def _post(self, due: Due, one: Delivery, at: datetime) -> Posted:
        body = one.body.encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "Kith",
            "x-kith-delivery": one.id,
            "x-kith-event": due.hook.event,
        }
        if due.secret is not None:
            headers["kith-signature"] = signing.stamped(body, due.secret, at)
        return await self._poster.post(due.hook.target_url, body, headers)


def _note_disabled(hook: Hook, why: str, caller: Caller) -> None:
    about = {"tenant_id": caller.tenant_id, "hook_id": hook.id}
    log.warning("hook.disabled", code="hooks", why=why, **about)


def _note(hook: Hook, one: Delivery, result: Posted, caller: Caller) -> None:
    """Neither the address, which is a secret, nor what was told."""
    log.warning(
        "hook.failed",
        code="hooks",
        tenant_id=caller.tenant_id,
        hook_id=hook.id,
        delivery_id=one.id,
        tries=one.tries + 1,
        answered=result.status,
        reason=result.trouble or "status",
    )
