"""`/in/{connection}`: what other systems send is proven, stored, and answered before it is read."""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from kith import errors
from kith.actions import connections, inbox
from kith.actions.inbox import Received
from kith.actions.run import Runner
from kith.api import body, query
from kith.api.answers import JSON_HEADERS, NO_STORE, Answer
from kith.api.widget import SCRIPT, Incoming, Widgets
from kith.domain import ids
from kith.domain.connections import PATH, Opened
from kith.domain.sealing import CannotUnseal
from kith.domain.tokens import Caller
from kith.errors import BadValue
from kith.integrations.registry import SYSTEMS, Inbound
from kith.jobs.together import Together

Prove = Callable[[], Awaitable[Caller]]
"""Who asks, by a token that may write; raises what the API does without one, and 429."""
STORED_AT_ONCE_MAX = 32
GROUPS_AT_ONCE_MAX = 8
SMALL_BYTES_MAX = 65_536
"""A larger body is stored alone: nobody else has a turn meanwhile."""
TAKEN = Answer(200, b'{"success":true}', JSON_HEADERS)
_TEXT = ((b"content-type", b"text/plain; charset=utf-8"), NO_STORE)
log = structlog.get_logger("kith.inbound")


class Door:
    """`wake` tells the worker that there is something to read; `per_address` limits visitors of
    web pages."""

    def __init__(self, runner: Runner, wake: Callable[[], None], *, per_address: int) -> None:
        self._runner = runner
        self._wake = wake
        self._small = Together(
            runner, inbox.receive_all, size_max=STORED_AT_ONCE_MAX, groups_max=GROUPS_AT_ONCE_MAX
        )
        self._widgets = Widgets(runner, wake, per_address=per_address)

    def takes(self, path: str) -> bool:
        return path.startswith(PATH) or path == SCRIPT

    async def receive(self, path: str, request: Incoming, prove: Prove) -> Answer:
        """Raises UnknownRoute for a path of no connection, BadSignature, TooLarge, WrongVerb,
        Malformed for a query that cannot be read; and what `Widgets` does."""
        method, headers, receive = request.method, request.headers, request.receive
        if path == SCRIPT:
            return self._widgets.script(method, headers)
        opened = await self._opened(path)
        if opened.connection.system == "widget":
            return await self._widgets.receive(opened, request)
        system = _system(opened)
        if method in ("GET", "HEAD") and system.challenge is not None:
            return _challenged(system, opened, query.asked(request.query))
        if method != "POST":
            raise errors.WrongVerb("GET, POST" if system.challenge else "POST")
        raw = request.arrived
        if raw is None or len(raw) > system.body_bytes_max:
            length = headers.get(b"content-length")
            raw = await body.read(receive, length, bytes_max=system.body_bytes_max)
        if system.is_ping is not None and system.is_ping(headers, raw):
            return TAKEN
        if system.is_genuine is None:
            await _check_token(prove, opened)
        elif not system.is_genuine(headers, raw, opened):
            raise errors.BadSignature(
                opened.connection.system,
                connection_id=opened.connection.id,
                body_bytes=len(raw),
            )
        await self._store(system, opened, headers, raw)
        return TAKEN

    async def _opened(self, path: str) -> Opened:
        """No secret, no endpoint (rule R8)."""
        try:
            connection_id = ids.parse(path.removeprefix(PATH))
            opened = await self._runner.read(connections.open_, connection_id)
        except BadValue:
            opened = None
        except (CannotUnseal, errors.Refused):  # another key, or none
            log.error("connection.sealed", code="connection", connection_id=connection_id)
            opened = None
        if opened is None:
            raise errors.UnknownRoute()
        return opened

    async def _store(
        self, system: Inbound, opened: Opened, headers: Mapping[bytes, bytes], raw: bytes
    ) -> None:
        kept = {
            name.decode(): headers[name].decode("latin-1")
            for name in system.kept_headers
            if name in headers
        }
        received = Received(
            connection=opened.connection,
            event_key=system.event_key(headers, raw) or self._runner.new_id(),
            headers=kept,
            body=raw,
        )
        caller = connections.caller(opened.connection)
        if len(raw) <= SMALL_BYTES_MAX:
            is_new = await self._small.write(received, caller)
        else:
            is_new = await self._runner.write(inbox.receive, received, caller)
        if is_new:
            self._wake()


async def _check_token(prove: Prove, opened: Opened) -> None:
    """Whose token it is and what it may, nobody is told. Raises BadSignature, TooManyRequests."""
    try:
        caller = await prove()
    except (errors.Unauthenticated, errors.Forbidden, errors.NoWorkspace):
        raise errors.BadSignature() from None
    if caller.tenant_id != opened.connection.tenant_id:
        raise errors.BadSignature()


def _system(opened: Opened) -> Inbound:
    system = SYSTEMS.get(opened.connection.system)
    if system is None:
        raise errors.UnknownRoute()
    return system


def _challenged(system: Inbound, opened: Opened, asked: Mapping[str, str]) -> Answer:
    assert system.challenge is not None
    answer = system.challenge(asked, opened)
    if answer is None:
        raise errors.Forbidden("The verify token is not the one of this connection.")
    return Answer(200, answer, _TEXT)
