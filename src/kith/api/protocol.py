"""uvicorn's HTTP protocol, shortened where a look-up spends its time (docs/decisions/0006).

A body that has arrived is read, and a whole answer is written, without ASGI's messages: they cost
as much as the look-up. Beside that the application stays plain ASGI and runs on any server.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import httptools
import uuid_utils
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from kith.api import answers
from kith.api.body import LINGER_BYTES_MAX, LINGER_S
from kith.errors import AppError, HeadersTooLarge, Malformed

DIRECT = "kith.direct"
"""The key in an ASGI scope under which the server finds a Direct."""

HEAD_BYTES_MAX = 65_536
"""Of a head that comes in pieces; the dispatcher counts what is in it."""
NOT_HTTP = Malformed("This is not an HTTP request that Kith can read.")

Headers = tuple[tuple[bytes, bytes], ...]


class Protocol(HttpToolsProtocol):
    _broken_by: AppError | None = None
    """What followed the requests so far cannot be read; nothing more is."""
    _head: object = None
    """The scope of the head that is still coming; None before its first byte."""
    _head_bytes = 0
    _leaving = b""
    """An answer that leaves when those of this turn of the event loop do."""
    seen: tuple[str, int] | None = None
    seen_scope: object = None
    seen_since = 0.0
    """What `deadlines` saw of it last, and since when."""

    def data_received(self, data: bytes) -> None:
        if self._broken_by:
            self._throw_away(len(data))
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._break_off(NOT_HTTP)
        else:
            if self.cycle is None or self.cycle.scope is not self.scope:
                self._count_head(len(data))

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # Requests before the garbage were good: theirs are the first answers.
        broken_by = self._broken_by
        if broken_by and self.cycle.response_complete and not self.transport.is_closing():
            self._refuse(broken_by)

    def send_soon(self, answer: bytes) -> None:
        """It leaves with the answers to all requests of this turn of the event loop: whoever waits
        for them is woken once, and to wake somebody costs as much as to look somebody up."""
        if not self._leaving:
            self.loop.call_soon(self._leave)
        self._leaving += answer

    def eof_received(self) -> None:
        self._leave()

    def shutdown(self) -> None:
        self._leave()
        super().shutdown()

    def _leave(self) -> None:
        answer, self._leaving = self._leaving, b""
        if answer and not self.transport.is_closing():
            self.transport.write(answer)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cast(dict[str, Any], cycle.scope)[DIRECT] = Direct(self, cycle)
        super()._start_asgi_task(cycle, app)

    def _read_on_without_upgrade(self, rest: bytes) -> None:
        """Answer a request that offers an upgrade, as Java's client does by default, without one.

        The parser takes what follows such a head for another protocol. A new one is told of the
        body that comes, by a head that nobody else hears of.
        """
        headers = dict(self.scope["headers"])
        length = headers.get(b"content-length")
        listener = _Listener(self)
        self.parser = httptools.HttpRequestParser(listener)
        if length is not None or b"transfer-encoding" in headers:
            self.cycle.more_body = True
            self.cycle.message_event.clear()
            told = b"transfer-encoding: chunked" if length is None else b"content-length: " + length
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + told + b"\r\n\r\n")
        listener.listens = True
        if rest:
            self.data_received(rest)

    def _count_head(self, size: int) -> None:
        """No head may fill the memory. What its first piece holds may be another request's."""
        if self._head is not self.scope:
            self._head, self._head_bytes = self.scope, 0
            return
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            self._break_off(HeadersTooLarge())

    def _break_off(self, error: AppError) -> None:
        """Read nothing more; refuse at once, or after the answers to what was good."""
        self._broken_by = error
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self._refuse(error)

    def _throw_away(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > LINGER_BYTES_MAX:
            self.transport.close()

    def _refuse(self, error: AppError) -> None:
        """Answer as JSON and close (reliability section 2)."""
        self._leave()
        refusal = answers.ending(answers.refusal(error))
        headers = ((b"x-request-id", uuid_utils.uuid7().hex.encode()), *refusal.headers)
        self.transport.write(response(refusal.status, lines(headers), refusal.body))
        if isinstance(error, Malformed):
            self.transport.close()
        else:  # while it still sends, closing at once could cost it the answer
            self.loop.call_later(LINGER_S, self.transport.close)


class _Listener:
    """Hands a parser's calls on to the protocol, once it listens."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self.listens = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        call = getattr(self._protocol, name)

        def hand_on(*parsed: bytes) -> None:
            if self.listens:
                call(*parsed)

        return hand_on


class Direct:
    """One request and its answer without ASGI's messages, when nothing needs to be waited for."""

    __slots__ = ("_cycle", "_protocol")

    def __init__(self, protocol: Protocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle

    def body(self) -> bytes | None:
        """The whole body, None when it has not arrived."""
        cycle = self._cycle
        return None if cycle.more_body or cycle.waiting_for_100_continue else bytes(cycle.body)

    def answer(self, status: int, header_lines: bytes, body: bytes) -> bool:
        """False when the answer must take the long way: the client reads slowly or hangs up."""
        cycle = self._cycle
        if cycle.flow.write_paused or cycle.disconnected or not cycle.keep_alive:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        date = lines(tuple(cycle.default_headers))
        self._protocol.send_soon(response(status, date + header_lines, body))
        cycle.message_event.set()
        cycle.on_response()
        return True


@lru_cache(maxsize=256)
def lines(headers: Headers) -> bytes:
    """Headers as they are sent. The values are Kith's own: nothing of a client's stands in them."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def response(status: int, header_lines: bytes, body: bytes) -> bytes:
    if status == 304:  # it has no body, and the length of the one it stands for is not known
        return b"%b%b\r\n" % (STATUS_LINE[status], header_lines)
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (
        STATUS_LINE[status],
        header_lines,
        len(body),
        body,
    )
