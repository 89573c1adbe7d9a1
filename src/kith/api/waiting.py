"""Calls that send: a message is written down with its Idempotency-Key, then Meta is told, and the
caller waits for what becomes of it (row T3.3).
"""

import contextlib
from collections.abc import Mapping

import structlog

from kith.actions import answers as kept_answers
from kith.actions import sends
from kith.actions.answers import Final
from kith.actions.run import Once, Runner
from kith.actions.sends import Begun
from kith.api import answers
from kith.api.answers import Answer
from kith.api.repeats import REPEATED
from kith.api.routes import Route
from kith.api.sends import sent
from kith.domain import idempotency, json, sending
from kith.domain.idempotency import Kept
from kith.domain.messages import Message
from kith.domain.tokens import Caller
from kith.errors import AppError, StillRunning, Unavailable
from kith.jobs.sender import Sender

RUNNING = 102
"""The status that is kept for a call until it has one."""
log = structlog.get_logger("kith.sends")


class Sends:
    """A key is kept with the message, its answer once there is one."""

    def __init__(self, runner: Runner, sender: Sender) -> None:
        self._runner = runner
        self._sender = sender
        self._running: set[tuple[int | None, str, str]] = set()

    async def answer(
        self,
        route: Route,
        given: object,
        caller: Caller,
        headers: Mapping[bytes, bytes],
        body: bytes,
    ) -> Answer:
        """Raises what the action refuses; StillRunning and KeyReused for a key."""
        if b"idempotency-key" not in headers:
            begun = await self._runner.write(route.action, given, caller)
            return _answer(await self._finished(begun, caller))
        key = idempotency.parse(headers[b"idempotency-key"])
        call = (caller.tenant_id, route.name, key)
        if call in self._running:
            raise StillRunning()
        self._running.add(call)
        try:
            return await self._once(route, given, caller, key=key, body=body)
        finally:
            self._running.discard(call)

    async def _once(
        self, route: Route, given: object, caller: Caller, *, key: str, body: bytes
    ) -> Answer:
        begun: list[Begun] = []
        kept, is_repeat = await self._runner.write_once(
            route.action,
            given,
            caller,
            Once(
                name=route.name,
                key=key,
                body_digest=idempotency.digest(body, secret_key=self._runner.secret_key()),
                answer=lambda result: _running(begun, result),
            ),
        )
        if is_repeat and kept.status != RUNNING:
            headers = (*answers.JSON_HEADERS, REPEATED)
            return Answer(kept.status, kept.body, headers)
        if is_repeat:
            message = await self._recovered(kept, caller)
        else:
            message = await self._finished(begun[-1], caller)
        answer = _answer(message)
        final = Kept(
            status=answer.status, body=answer.body, etag=None, contact_id=message.contact_id
        )
        with contextlib.suppress(Unavailable):  # then the next repeat finds out
            await self._runner.write(kept_answers.finish, Final(route.name, key, final), caller)
        if is_repeat:
            return Answer(answer.status, answer.body, (*answers.JSON_HEADERS, REPEATED))
        return answer

    async def _finished(self, begun: Begun, caller: Caller) -> Message:
        """The message as it is when there is an outcome; never a 5xx, which would be repeated."""
        try:
            await self._sender.finish(begun, caller)
            message = await self._runner.read(sends.get, begun.message.id, caller)
        except AppError as trouble:  # the database went away: a job settles it
            log.warning("send.not_settled", code="send", reason=trouble.code)
            message = None
        return begun.message if message is None else message

    async def _recovered(self, kept: Kept, caller: Caller) -> Message:
        """Of a call whose server died. Raises StillRunning while that is not known for sure."""
        message_id = str(json.decode_object(kept.body)["id"])
        message = await self._runner.read(sends.get, message_id, caller)
        if message is None or message.status == "sending":
            raise StillRunning()
        return message


def _running(begun: list[Begun], result: Begun) -> Kept:
    """What is kept with the message, before Meta is told."""
    begun.append(result)
    message = result.message
    return Kept(
        status=RUNNING,
        body=json.encode({"id": message.id}),
        etag=None,
        contact_id=message.contact_id,
    )


def _answer(message: Message) -> Answer:
    if (denial := sending.told(message)) is not None:
        return answers.refusal(sends.refused(denial))
    return Answer(200, json.encode(sent(message)))
