"""uvicorn's HTTP protocol, shortened where a look-up spends its time (docs/decisions/0006).

A request starts in the turn of the event loop in which it arrived, so one that never waits needs no
task; and a whole answer leaves in one write. The application stays plain ASGI.
"""

import types
from collections.abc import Coroutine, Generator
from typing import Any

import uuid_utils
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from kith.api import answers
from kith.errors import Malformed

AT_ONCE = "kith.answer"
"""The key in the scope under which a whole answer can be given: `(status, headers, body) -> bool`."""


class Protocol(HttpToolsProtocol):
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.scope[AT_ONCE] = Answering(cycle)  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """Answer 400 as JSON and close (reliability section 2)."""
        del msg  # the parser's own words
        refusal = answers.refusal(Malformed("This is not an HTTP request that Kith can read."))
        request_id = uuid_utils.uuid7().hex.encode()
        headers = [(b"x-request-id", request_id), *refusal.headers, answers.CLOSE]
        self.transport.write(_response(400, [], headers, refusal.body))
        self.transport.close()


class Answering:
    """Gives the whole answer of one request in one write."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def __call__(self, status: int, headers: list[answers.Header], body: bytes) -> bool:
        """False when the answer must take the long way: a client that reads slowly or hangs up.

        Header values are Kith's own; nothing that a client sent may stand in them unchecked.
        """
        cycle = self._cycle
        if cycle.flow.write_paused or cycle.disconnected or not cycle.keep_alive:
            return False
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(_response(status, cycle.default_headers, headers, body))
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True


def _response(
    status: int, default: list[answers.Header], headers: list[answers.Header], body: bytes
) -> bytes:
    lines = [b"%b: %b\r\n" % header for header in default]
    lines += [b"%b: %b\r\n" % header for header in headers]
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (
        STATUS_LINE[status],
        b"".join(lines),
        len(body),
        body,
    )


def start(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Run it until it waits; returns what is left to run as a task, None when it is done."""
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    return _rest(coroutine, waits_for)


async def _rest(coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
    await _resumed(coroutine, waits_for)


@types.coroutine
def _resumed(coroutine: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Goes on with a coroutine that waits already."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:
            step, value = coroutine.throw, error
        else:
            step, value = coroutine.send, sent
        try:
            waits_for = step(value)  # type: ignore[operator]
        except StopIteration:
            return
