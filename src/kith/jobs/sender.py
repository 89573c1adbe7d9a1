"""Tells Meta about messages that were written down, outside of every transaction.

Each failure has one consequence: what Meta refused has failed, or is told again when Meta says so;
of what was never written nothing has left, so that it is told again; of all else nobody knows, and
it is never told again: a status will settle it, or nothing.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec
import structlog

from kith.actions import sends
from kith.actions.connections import of_tenant
from kith.actions.run import Runner
from kith.actions.sends import Again, Begun, Later, Outcome
from kith.domain import graph, sending, whatsapp
from kith.domain.jobs import TRIES_MAX, Job
from kith.domain.messages import Error, Message
from kith.domain.phone import Phone
from kith.domain.tokens import Caller
from kith.errors import Refused
from kith.integrations.whatsapp.client import (
    Accepted,
    Graph,
    NoAnswer,
    NotReached,
    Rejected,
)
from kith.jobs.failures import TryAgain

log = structlog.get_logger("kith.sends")

NUMBER_WAIT_S = 10.0
"""How long a number is left alone that Meta calls busy, when Meta does not say how long."""
PAUSES_MAX = 10_000
LAST_TRY_S = 5.0
"""What is left of the time for an answer, for a try to be worth it."""
_BUSY = Error(130429, graph.CODES[130429].title)

_Key = tuple[int | None, str, str]
"""A workspace, one of its numbers, and a contact; blank is all of them."""


class _Failed(msgspec.Struct, frozen=True):
    """Meta took nothing. `wait_s`: when it may be told again; None: never."""

    error: Error
    wait_s: float | None
    is_of_spelling: bool = False


class Sender:
    """One for the process: it knows which numbers Meta wants left alone."""

    def __init__(
        self, runner: Runner, graph: Graph, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._runner = runner
        self._graph = graph
        self._clock = clock
        self._paused: dict[_Key, float] = {}

    async def finish(self, begun: Begun, caller: Caller) -> None:
        """Tell Meta now, again while the caller waits, and leave the rest to a job."""
        until = self._clock() + sending.ANSWER_S_MAX
        tried = 0
        current: Begun | None = begun
        while current is not None and current.sender is not None:
            message = current.message
            failed = self._must_wait(message, caller)
            if failed is None:
                within_s = max(until - self._clock(), 0.1)
                failed = await self._tell(current, caller, within_s=within_s)
            if failed is None:
                return
            again = Again(message_id=message.id, job_id=current.job_id)
            if (other := self._other_spelling(message, begun.message, failed)) is not None:
                again = msgspec.structs.replace(again, address=other)
            elif failed.wait_s is None:
                await self._fail(current, begun, failed, caller)
                return
            else:
                wait_s = max(failed.wait_s, sending.WAITS_S[min(tried, len(sending.WAITS_S) - 1)])
                tried += 1
                if self._clock() + wait_s > until - LAST_TRY_S:
                    await self._leave(current, wait_s, caller)
                    return
                await asyncio.sleep(wait_s)
            current = await self._runner.write(sends.again, again, caller)

    async def run(self, runner: Runner, job: Job) -> None:
        """A message whose sender died, or that had to wait. Raises TryAgain."""
        caller = of_tenant(job.tenant_id)
        first = begun = await self._taken_up(runner, job, caller)
        while begun is not None and begun.sender is not None and first is not None:
            failed = self._must_wait(begun.message, caller) or await self._tell(begun, caller)
            if failed is None:
                return
            if (other := self._other_spelling(begun.message, first.message, failed)) is not None:
                again = Again(message_id=begun.message.id, address=other)
                begun = await runner.write(sends.again, again, caller)
                continue
            if failed.wait_s is None or job.tries >= TRIES_MAX:
                await self._fail(begun, first, failed, caller)
                return
            await runner.write(sends.wait, begun.message.id, caller)
            at = runner.now() + timedelta(seconds=failed.wait_s)
            raise TryAgain("Meta took nothing yet.", at=at)

    async def _taken_up(self, runner: Runner, job: Job, caller: Caller) -> Begun | None:
        """Raises TryAgain while the connection's secrets cannot be read."""
        turn = Again(message_id=job.subject, is_last=job.tries >= TRIES_MAX)
        try:
            begun = await runner.write(sends.take_up, turn, caller)
        except Refused as problem:
            log.error("connection.sealed", code="send", message_id=job.subject)
            raise TryAgain(problem.text) from None
        if begun is not None and begun.sender is None:
            denial = sending.told(begun.message)
            reason = denial.text if denial is not None else ""
            log.warning("send.given_up", code="send", message_id=job.subject, reason=reason)
        return begun

    async def _tell(
        self, begun: Begun, caller: Caller, *, within_s: float | None = None
    ) -> _Failed | None:
        """Call Meta. None when the outcome is written: it was taken, or nobody knows."""
        message, account = begun.message, begun.sender
        assert account is not None
        try:
            accepted = await self._graph.send(account, sending.payload(message), within_s=within_s)
        except Rejected as refused:
            return self._rejected(message, refused, caller)
        except NotReached as problem:
            log.warning("send.not_reached", code="send", reason=str(problem))
            return _Failed(sending.UNREACHED, 0.0)
        except NoAnswer as problem:
            log.warning("send.unknown", code="send", message_id=message.id, reason=str(problem))
            await self._settle(begun, caller)
            return None
        await self._settle(begun, caller, accepted=accepted)
        return None

    async def _fail(self, begun: Begun, first: Begun, failed: _Failed, caller: Caller) -> None:
        were_both_tried = begun.message.address != first.message.address
        await self._settle(begun, caller, error=failed.error, were_both_tried=were_both_tried)

    async def _settle(
        self,
        begun: Begun,
        caller: Caller,
        *,
        accepted: Accepted | None = None,
        error: Error | None = None,
        were_both_tried: bool = False,
    ) -> None:
        outcome = Outcome(
            message_id=begun.message.id,
            job_id=begun.job_id,
            wamid=accepted.wamid if accepted else None,
            wa_id=accepted.wa_id if accepted else None,
            user_id=accepted.user_id if accepted else None,
            error=error,
            were_both_tried=were_both_tried,
        )
        settled = await self._runner.write(sends.settle, outcome, caller)
        if accepted is not None and settled is not None and settled.wamid is None:
            reason = "Meta's id for it is another message's."
            log.warning("send.unknown", code="send", message_id=settled.id, reason=reason)

    async def _leave(self, begun: Begun, wait_s: float, caller: Caller) -> None:
        assert begun.job_id is not None, "whatever is begun here has one"
        due_at = self._runner.now() + timedelta(seconds=wait_s)
        later = Later(message_id=begun.message.id, job_id=begun.job_id, due_at=due_at)
        await self._runner.write(sends.put_off, later, caller)

    def _rejected(self, message: Message, refused: Rejected, caller: Caller) -> _Failed:
        told = refused.refusal
        error = Error(told.code, told.title, told.details)
        known = told.known
        wait_s = None
        if known.again == "later":
            wait_s = float(refused.retry_after_s or 0)
            if known.means == "number_busy":
                wait_s = wait_s or NUMBER_WAIT_S
                self._pause((caller.tenant_id, message.number_id, ""), wait_s)
            elif known.means == "pair_busy":
                wait_s = wait_s or sending.WAITS_S[2]
                pair = caller.tenant_id, message.number_id, message.contact_id
                self._pause(pair, wait_s)
        log.info("send.refused", code="send", meta_code=told.code, number_id=message.number_id)
        return _Failed(error, wait_s, known.is_of_spelling)

    def _pause(self, key: _Key, wait_s: float) -> None:
        now = self._clock()
        if len(self._paused) >= PAUSES_MAX:
            self._paused = {key: until for key, until in self._paused.items() if until > now}
        self._paused[key] = max(self._paused.get(key, 0.0), now + wait_s)

    def _must_wait(self, message: Message, caller: Caller) -> _Failed | None:
        """Whether Meta wants to hear nothing from this number now, or for this contact."""
        number: _Key = caller.tenant_id, message.number_id, ""
        pair: _Key = caller.tenant_id, message.number_id, message.contact_id
        until = max(self._paused.get(number, 0.0), self._paused.get(pair, 0.0))
        wait_s = until - self._clock()
        return _Failed(_BUSY, wait_s) if wait_s > 0 else None

    def _other_spelling(self, now: Message, first: Message, failed: _Failed) -> str | None:
        """The other spelling of the number, once, where Meta does not know this one."""
        address = now.address
        if not failed.is_of_spelling or address is None or address != first.address:
            return None
        return whatsapp.variant(Phone(address)) if address.startswith("+") else None
