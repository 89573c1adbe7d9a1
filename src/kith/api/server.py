"""The dispatcher: who asks, how much, how often; then a row of the route table does the work.

First failure answers (reliability section 2): HTTP limits, route, credential, scope, rate, size,
parse, fields, look-up, rule. Raw ASGI, because this path is what the product exists for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import count
from typing import Any

import msgspec
import structlog

from kith import errors
from kith.actions.run import NO_TERMS, Runner, Terms
from kith.api import answers, body, query, sending
from kith.api.answers import Answer
from kith.api.credentials import Credentials
from kith.api.headers import joined
from kith.api.inbound import Door
from kith.api.protocol import DIRECT, lines
from kith.api.proxies import Proxies
from kith.api.rate import RollingLimit
from kith.api.repeats import RepeatableCalls, rendered
from kith.api.request import Request, Scope, check_size, folded
from kith.api.routes import Route
from kith.api.security_log import Event, SecurityLog
from kith.api.sending import Send
from kith.api.streams import BY_PATH, Stream, not_with_a_file
from kith.api.waiting import Sends
from kith.api.widget import Incoming
from kith.api.zapier import OF_ONE_THING, SUBSCRIBES, TABLE
from kith.domain import etags, idempotency, json
from kith.domain.tokens import Caller
from kith.errors import AppError, naming
from kith.jobs.guard import Guard

Page = Callable[[], Awaitable[Answer]]

_EVENTS: dict[int, Event] = {
    400: "input.rejected",
    401: "auth.failed",
    403: "authz.denied",
    408: "input.rejected",
    413: "input.rejected",
    414: "input.rejected",
    415: "input.rejected",
    422: "input.rejected",
    429: "ratelimit.hit",
    431: "input.rejected",
    503: "request.unavailable",
}
_OWN_LINES = b"x-request-id: %b\r\nx-ratelimit-limit: %d\r\nx-ratelimit-remaining: %d\r\n"
log = structlog.get_logger("kith.http")


class Limits(msgspec.Struct, frozen=True):
    """Calls in a rolling minute; 0 is no limit."""

    per_token: int
    per_address: int


class Server:
    """The ASGI application. `pages` are the addresses beside the API: documents and health."""

    def __init__(
        self,
        runner: Runner,
        *,
        limits: Limits,
        proxies: Proxies,
        pages: Mapping[str, Page],
        inbound: Door,
        guard: Guard,
        sends: Sends,
        logs_requests: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.runner = runner
        self._limits = limits
        self._proxies = proxies
        self._pages = pages
        self._inbound = inbound
        self._guard = guard
        self._sends = sends
        self._logs_requests = logs_requests
        self._clock = clock
        self._rate = RollingLimit(clock)
        self._routes: Mapping[str, Mapping[str, Route | Stream]] = {**TABLE, **BY_PATH}
        self.credentials = Credentials(runner, clock)
        self._calls = RepeatableCalls(runner)
        self.security = SecurityLog(clock)
        self._id_prefix = runner.new_id().replace("-", "")[:20].encode()
        self._ids = count(1)

    async def __call__(self, scope: Scope, receive: body.Receive, send: Send) -> None:
        started_at = self._clock() if self._logs_requests else 0.0
        request = Request(
            scope,
            dict(scope["headers"]),
            b"%b%012x" % (self._id_prefix, next(self._ids)),
            scope.pop(DIRECT, None),
        )
        if b"x-request-id" in request.headers:
            self._take_over_id(request)
        try:
            answer = await self._answer(request, receive)
        except AppError as error:
            answer = answers.refusal(error)
            self._note(request, error)
        except errors.ClientGone:
            return
        except asyncio.CancelledError:  # the server stops and does not wait any longer
            answer = answers.refusal(errors.Stopping())
        except Exception:
            log.exception("http.failed", **self._fields(request, 500))
            answer = answers.server_error()
        if not self._send_at_once(request, answer):
            await self._send(request, answer, receive, send)
        if self._logs_requests:
            took_ms = round((self._clock() - started_at) * 1_000, 2)
            log.info("http.request", **self._fields(request, answer.status), dur_ms=took_ms)

    async def _answer(self, request: Request, receive: body.Receive) -> Answer:
        scope = request.scope
        check_size(scope)
        if len(request.headers) != len(scope["headers"]):
            request.headers = joined(scope["headers"])
        if b"host" not in request.headers and scope["http_version"] == "1.1":
            raise errors.Ambiguous()
        by_method = self._routes.get(scope["path"])
        if by_method is None:
            path = folded(scope["path"])
            if page := self._pages.get(path):
                return await _page(page, scope["method"])
            if self._inbound.takes(path):
                return await self._receive(request, path, receive)
            by_method = self._routes.get(path) or _of_one_thing(request, path)
        route = by_method.get(scope["method"])
        if route is None:
            raise errors.WrongVerb(", ".join(by_method))
        request.route = route
        caller = self.credentials.known(request.headers.get(b"authorization"))
        if caller is None:
            caller = await self._look_up_caller(request)
        request.caller = caller
        self._admit(request, route, caller)
        if isinstance(route, Stream):
            return await self._stream(request, route, caller, receive)
        given, raw = None, b""
        if route.method == "POST":
            if b"content-encoding" in request.headers:
                body.check_encoding(request.headers)
            arrived = request.direct.body() if request.direct is not None else None
            if arrived is None or len(arrived) > body.BODY_BYTES_MAX:
                arrived = await body.read(receive, request.headers.get(b"content-length"))
            raw = arrived
            given = route.takes.convert(json.decode_object(raw))
        elif route.takes.fields:
            given, raw = _asked(request, route)
        if route.does == "look":  # without a coroutine of its own: this is the main job
            terms = _known_versions(request) if b"if-none-match" in request.headers else NO_TERMS
            result = await self.runner.read(route.action, given, caller, terms)
            if route.holds_refusals:
                self._note_misses(request, caller, result)
            return rendered(route, result)
        if route.does == "scan":
            return await self._scan(request, route, caller, given)
        if route.does == "send":
            return await self._sends.answer(route, given, caller, request.headers, raw)
        return await self._write(request, route, caller, given, raw)

    async def _stream(
        self, request: Request, stream: Stream, caller: Caller, receive: body.Receive
    ) -> Answer:
        """A refusal ends the connection: of the file, who knows how much is still to come."""
        if b"content-encoding" in request.headers:
            body.check_encoding(request.headers)
        try:
            if stream.body is not None and b"idempotency-key" in request.headers:
                raise not_with_a_file()
            given = stream.takes.convert(query.listed(request.scope["query_string"]))
            answer = await stream.run(self.runner, caller, given, receive)
        except AppError as error:
            self._note(request, error)
            return answers.ending(answers.refusal(error))
        if stream.logs is not None:
            self.security.note(stream.logs, caller.token_id, **self._fields(request, answer.status))
        return answer

    async def _receive(self, request: Request, path: str, receive: body.Receive) -> Answer:
        """What another system sends."""
        arrived = request.direct.body() if request.direct is not None else None
        incoming = Incoming(
            request.scope, request.headers, self._address(request), receive, arrived
        )

        async def prove() -> Caller:
            header = request.headers.get(b"authorization")
            caller = self.credentials.known(header) or await self.credentials.look_up(header)
            self._admit(request, SUBSCRIBES, caller)
            return caller

        try:
            return await self._inbound.receive(path, incoming, prove)
        except errors.BadSignature:
            self._count_stranger(request)
            raise

    async def _scan(self, request: Request, route: Route, caller: Caller, given: Any) -> Answer:
        result = await self.runner.scan(route.action, given, caller)
        answer = rendered(route, result)
        if route.missed_ids is not None and (misses := route.missed_ids(result)):
            fields = self._fields(request, answer.status)
            self.security.missed_ids(caller.token_id, misses, **fields)
        if route.logs is not None:
            self.security.note(route.logs, caller.token_id, **self._fields(request, answer.status))
        return answer

    async def _write(
        self, request: Request, route: Route, caller: Caller, given: Any, raw: bytes
    ) -> Answer:
        if route.source is not None:
            caller = msgspec.structs.replace(caller, source=route.source)
        if route.target_field is not None:
            with naming(route.target_field):
                await self._guard.check(getattr(given, route.target_field))
        terms = NO_TERMS
        if b"if-match" in request.headers:
            terms = Terms(if_match=_tags(request.headers[b"if-match"]))
        if b"idempotency-key" in request.headers and not route.gives_secret:
            key = idempotency.parse(request.headers[b"idempotency-key"])
            return await self._calls.once(route, given, caller, terms, key=key, body=raw)
        return rendered(route, await self.runner.write(route.action, given, caller, terms))

    async def _look_up_caller(self, request: Request) -> Caller:
        try:
            return await self.credentials.look_up(request.headers.get(b"authorization"))
        except errors.Unauthenticated:
            self._count_stranger(request)
            raise

    def _count_stranger(self, request: Request) -> None:
        """Calls without a good token are limited by address (reliability L8)."""
        if limit := self._limits.per_address:
            verdict = self._rate.count(self._address(request), limit)
            if verdict.retry_after_s:
                raise errors.TooManyRequests(verdict.retry_after_s) from None

    def _admit(self, request: Request, route: Route | Stream, caller: Caller) -> None:
        """Scope, rate, workspace."""
        if route.scope not in caller.scopes:
            raise errors.Forbidden()
        limit = caller.rate_limit_per_minute
        if limit is None:
            limit = self._limits.per_token
        if limit:
            request.verdict = verdict = self._rate.count(caller.token_id, limit)
            if verdict.retry_after_s:
                raise errors.TooManyRequests(verdict.retry_after_s)
        if caller.tenant_id is None and route.needs_workspace:
            raise errors.NoWorkspace()

    def _send_at_once(self, request: Request, answer: Answer) -> bool:
        """Give the whole answer in one write, when the connection can take it so."""
        if request.direct is None or request.scope["method"] == "HEAD" or answer.takes_long:
            return False
        verdict = request.verdict
        if verdict is None:
            own = b"x-request-id: %b\r\n" % request.id
        else:
            own = _OWN_LINES % (request.id, verdict.limit, verdict.remaining)
        if answer.etag is not None:
            own += b"etag: %b\r\n" % answer.etag.encode()
        return request.direct.answer(answer.status, lines(answer.headers) + own, answer.body)

    async def _send(
        self, request: Request, answer: Answer, receive: body.Receive, send: Send
    ) -> None:
        headers = sending.headers(answer, request.id, request.verdict)
        if answer.pieces is None:
            await sending.whole(answer, headers, receive, send)
        elif reason := await sending.in_pieces(answer.status, headers, answer.pieces, send):
            log.warning("http.cut_off", reason=reason, **self._fields(request, answer.status))

    def _take_over_id(self, request: Request) -> None:
        given = self._proxies.request_id(request.peer, request.headers[b"x-request-id"])
        if given is not None:
            request.id = given

    def _address(self, request: Request) -> str:
        return self._proxies.client(request.peer, request.headers.get(b"x-forwarded-for"))

    def _note(self, request: Request, refusal: AppError) -> None:
        """Log what security wants to know of a refusal."""
        caller = request.caller
        event = _EVENTS.get(refusal.status)
        fields = self._fields(request, refusal.status)
        if isinstance(refusal, errors.BadSignature):
            event = "webhook.sig_invalid"
            fields |= refusal.about
        if event:
            who = caller.token_id if caller else self._address(request)
            self.security.note(event, who, **fields)
        elif caller:
            self._note_miss(request, caller, refusal)

    def _note_misses(self, request: Request, caller: Caller, found: Iterable[object]) -> None:
        for refusal in found:
            self._note_miss(request, caller, refusal)

    def _note_miss(self, request: Request, caller: Caller, refusal: object) -> None:
        if isinstance(refusal, errors.NotFound) and refusal.by_id:
            self.security.missed_ids(caller.token_id, 1, **self._fields(request, refusal.status))

    def _fields(self, request: Request, status: int) -> dict[str, object]:
        """What a log line may say of a request: nothing secret, nothing personal (rule R10)."""
        caller = request.caller
        return {
            "request_id": request.id.decode(),
            "tenant_id": caller.tenant_id if caller else None,
            "token_id": caller.token_id if caller else None,
            "route": request.route.name if request.route else None,
            "status": status,
            "ip": self._address(request),
        }


def _of_one_thing(request: Request, path: str) -> Mapping[str, Route]:
    """The routes of a path that ends with the id of what is meant. Raises UnknownRoute."""
    path, _, request.path_value = path.rpartition("/")
    by_method = OF_ONE_THING.get(path)
    if by_method is None:
        raise errors.UnknownRoute()
    return by_method


def _asked(request: Request, route: Route) -> tuple[Any, bytes]:
    """What a call without a body asks for, and what its key is bound to, as another's to a body."""
    asked = query.asked(request.scope["query_string"])
    if request.path_value is None:
        return route.takes.convert(asked), b""
    asked[route.path_field] = request.path_value
    return route.takes.convert(asked), request.path_value.encode()


def _known_versions(request: Request) -> Terms:
    return Terms(if_none_match=_tags(request.headers[b"if-none-match"]))


def _tags(header: bytes) -> tuple[str, ...]:
    return etags.listed(header.decode("latin-1"))


async def _page(page: Page, method: str) -> Answer:
    if method not in ("GET", "HEAD"):
        raise errors.WrongVerb("GET, HEAD")
    return await page()
