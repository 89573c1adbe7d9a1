"""The dispatcher: who asks, how much, how often; then a row of the route table does the work.

First failure answers (reliability section 2): HTTP limits, route, credential, scope, rate, size, parse,
fields, look-up, rule. Raw ASGI, because this path is what the product exists for (architecture 3).
"""

import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec
import structlog

from kith import errors
from kith.actions.run import Runner
from kith.api import answers, body
from kith.api.answers import Answer, Header
from kith.api.credentials import Credentials
from kith.api.proxies import Proxies
from kith.api.rate import RollingLimit, Verdict
from kith.api.routes import PREFIXES, ROUTES, Route
from kith.api.security_log import Event, SecurityLog
from kith.domain import json
from kith.domain.tokens import Caller
from kith.errors import AppError

ADDRESS_BYTES_MAX = 8_192
HEADER_BYTES_MAX = 16_384
HEADERS_MAX = 100

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Page = Callable[[], Awaitable[Answer]]

_EVENTS: dict[int, Event] = {
    400: "input.rejected",
    401: "auth.failed",
    403: "authz.denied",
    413: "input.rejected",
    414: "input.rejected",
    415: "input.rejected",
    422: "input.rejected",
    429: "ratelimit.hit",
    431: "input.rejected",
}
log = structlog.get_logger("kith.http")


class Limits(msgspec.Struct, frozen=True):
    """Calls in a rolling minute; 0 is no limit."""

    per_token: int
    per_address: int


class Request(msgspec.Struct, gc=False):
    """What is known of a request while it is being answered."""

    id: bytes
    started_at: float
    address: str
    headers: dict[bytes, bytes]
    route: Route | None = None
    caller: Caller | None = None
    verdict: Verdict | None = None


class Server:
    """The ASGI application. `pages` are the addresses beside the API: documents and health."""

    def __init__(
        self,
        runner: Runner,
        *,
        limits: Limits,
        proxies: Proxies,
        pages: Mapping[str, Page],
        logs_requests: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._limits = limits
        self._proxies = proxies
        self._pages = pages
        self._logs_requests = logs_requests
        self._clock = clock
        self._rate = RollingLimit(clock)
        self._routes = {
            prefix + path: {route.method: route for route in ROUTES if route.path == path}
            for prefix in PREFIXES
            for path in {route.path for route in ROUTES}
        }
        self.credentials = Credentials(runner, clock)
        self.security = SecurityLog(clock)
        self._id_prefix = runner.new_id().replace("-", "")[:20].encode()
        self._ids = itertools.count(1)

    async def __call__(self, scope: Scope, receive: body.Receive, send: Send) -> None:
        peer = scope["client"][0] if scope.get("client") else ""
        headers = dict(scope["headers"])
        request = Request(self._request_id(peer, headers), self._clock(), peer, headers)
        try:
            answer = await self._answer(request, scope, receive)
        except AppError as error:
            answer = answers.refusal(error)
        except errors.ClientGone:
            return
        except Exception:
            self._log("http.failed", request, 500, log.exception)
            answer = answers.server_error()
        await self._send(request, answer, receive, send)
        if answer.status >= 400 or self._logs_requests:
            self._note(request, answer.status)

    async def _answer(self, request: Request, scope: Scope, receive: body.Receive) -> Answer:
        _check_size(scope)
        path, method = scope["path"], scope["method"]
        by_method = self._routes.get(path)
        if by_method is None:
            path = folded(path)
            if page := self._pages.get(path):
                return await _page(page, method)
            by_method = self._routes.get(path)
            if by_method is None:
                raise errors.UnknownRoute()
        route = by_method.get(method)
        if route is None:
            raise errors.WrongVerb(", ".join(by_method))
        request.route = route
        request.caller = caller = await self._admit(request, route)
        given = await self._given(request, route, receive)
        run = self._runner.read if route.scope == "read" else self._runner.write
        result = await run(route.action, given, caller)
        return Answer(route.status, json.encode(route.gives(result)))

    async def _admit(self, request: Request, route: Route) -> Caller:
        """Credential, scope, rate, workspace."""
        try:
            caller = await self.credentials.caller(request.headers.get(b"authorization"))
        except errors.Unauthenticated:
            self._count_stranger(request)
            raise
        request.caller = caller
        if not caller.may(route.scope):
            raise errors.Forbidden()
        limit = caller.rate_limit_per_minute
        if limit is None:
            limit = self._limits.per_token
        if limit:
            request.verdict = verdict = self._rate.count(caller.token_id, limit)
            if verdict.retry_after_s:
                raise errors.TooManyRequests(verdict.retry_after_s)
        if caller.tenant_id is None and route.needs_workspace:
            raise errors.Refused("No workspace configured for this account.")
        return caller

    def _count_stranger(self, request: Request) -> None:
        """Calls without a good token are limited by address (reliability L8)."""
        forwarded_for = request.headers.get(b"x-forwarded-for")
        request.address = self._proxies.client(request.address, forwarded_for)
        if self._limits.per_address:
            verdict = self._rate.count(request.address, self._limits.per_address)
            if verdict.retry_after_s:
                raise errors.TooManyRequests(verdict.retry_after_s)

    async def _given(self, request: Request, route: Route, receive: body.Receive) -> Any:
        if route.method == "GET":
            return None
        if request.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise errors.EncodedBody()
        raw = await body.read(receive, request.headers.get(b"content-length"))
        return route.takes.convert(json.decode_object(raw))

    async def _send(
        self, request: Request, answer: Answer, receive: body.Receive, send: Send
    ) -> None:
        headers: list[Header] = [
            (b"content-length", b"%d" % len(answer.body)),
            (b"x-request-id", request.id),
            *answer.headers,
        ]
        if (verdict := request.verdict) is not None:
            headers.append((b"x-ratelimit-limit", b"%d" % verdict.limit))
            headers.append((b"x-ratelimit-remaining", b"%d" % verdict.remaining))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answers.CLOSE in answer.headers:
            await send({"type": "http.response.body", "body": answer.body, "more_body": True})
            await body.linger(receive)
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "http.response.body", "body": answer.body})

    def _request_id(self, peer: str, headers: dict[bytes, bytes]) -> bytes:
        given = headers.get(b"x-request-id")
        if given is not None and (trusted := self._proxies.request_id(peer, given)):
            return trusted
        return b"%b%012x" % (self._id_prefix, next(self._ids))

    def _note(self, request: Request, status: int) -> None:
        """Log the request when asked to, and what security wants to know in any case."""
        if self._logs_requests:
            self._log("http.request", request, status, log.info)
        caller, route = request.caller, request.route
        who = caller.token_id if caller else request.address
        if event := _EVENTS.get(status):
            self.security.note(event, who, **_fields(request, status))
        elif status == 404 and caller and route and route.can_miss:
            self.security.missed_id(caller.token_id, **_fields(request, status))

    def _log(self, event: str, request: Request, status: int, write: Callable[..., object]) -> None:
        took_ms = round((self._clock() - request.started_at) * 1_000, 2)
        write(event, **_fields(request, status), dur_ms=took_ms)


def _fields(request: Request, status: int) -> dict[str, object]:
    """What a log line may say of a request: nothing secret, nothing personal (rule R10)."""
    caller = request.caller
    return {
        "request_id": request.id.decode(),
        "tenant_id": caller.tenant_id if caller else None,
        "token_id": caller.token_id if caller else None,
        "route": request.route.name if request.route else None,
        "status": status,
        "ip": request.address,
    }


def _check_size(scope: Scope) -> None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_BYTES_MAX:
        raise errors.AddressTooLong()
    headers = scope["headers"]
    if len(headers) > HEADERS_MAX or len(b"".join(map(b"".join, headers))) > HEADER_BYTES_MAX:
        raise errors.HeadersTooLarge()


async def _page(page: Page, method: str) -> Answer:
    if method not in ("GET", "HEAD"):
        raise errors.WrongVerb("GET, HEAD")
    return await page()


def folded(path: str) -> str:
    """Doubled and trailing slashes come from joined base URLs; they mean nothing."""
    return "/" + "/".join(part for part in path.split("/") if part)
