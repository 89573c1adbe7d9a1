"""Forms on other people's pages: `/widget.js`, and what it asks of `/in/{connection}`.

Only pages of the origins that the operator named may ask (row T11.1), and only here. The answer is
the same bytes after the same work whether a number is known or not (row T12.1).
"""

import gzip
import hashlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import msgspec

from kith import errors
from kith.actions import connections, opt_ins
from kith.actions.opt_ins import Ask, Asked
from kith.actions.run import Runner
from kith.api import body, proof_of_work, query
from kith.api.answers import JSON_HEADERS, Answer, Header
from kith.api.fields import Field, Shape
from kith.api.parts import one_of
from kith.api.rate import RollingLimit
from kith.domain import contacts, etags, json, phone, text
from kith.domain import opt_ins as opting_in
from kith.domain.connections import Connection, Opened
from kith.domain.opt_ins import LOCALES, Terms
from kith.domain.phone import Phone, Region
from kith.domain.times import wire
from kith.errors import AppError, BadValue

SCRIPT = "/widget.js"
BODY_BYTES_MAX = 16_384
ADDRESS_CHARACTERS_MAX = 2_048
AGENT_CHARACTERS_MAX = 512
LOADS_FOR_EACH_ASK = 10
"""Pages that show the form without anybody filling it in, by one address, at the least."""
PER_SITE = 300
"""Opt-ins by one form in a rolling minute."""
PER_NUMBER = 5
"""Opt-ins with one number in a rolling hour."""
HOUR_S = 3_600.0

_VARY: Header = (b"vary", b"origin")
_SCRIPT_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/javascript; charset=utf-8"),
    (b"cache-control", b"public, max-age=3600"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"vary", b"accept-encoding"),
    (b"x-content-type-options", b"nosniff"),
)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"7200"),
)


class Incoming(msgspec.Struct, frozen=True):
    """A request to a connection; `address` is the client's, `arrived` its body if it is here."""

    scope: Mapping[str, Any]
    headers: Mapping[bytes, bytes]
    address: str
    receive: body.Receive
    arrived: bytes | None = None

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def query(self) -> bytes:
        return bytes(self.scope["query_string"])


class Widgets:
    """`wake` tells the worker that there is something to file; `per_address` is of a rolling
    minute, 0 is no limit."""

    def __init__(
        self,
        runner: Runner,
        wake: Callable[[], None],
        *,
        per_address: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._wake = wake
        self._per_address = per_address
        self._by_address = RollingLimit(clock)
        self._by_site = RollingLimit(clock)
        self._by_number = RollingLimit(clock, window_s=HOUR_S)
        self._script: Script | None = None

    def script(self, method: str, headers: Mapping[bytes, bytes]) -> Answer:
        """Raises WrongVerb."""
        if method not in ("GET", "HEAD"):
            raise errors.WrongVerb("GET, HEAD")
        if self._script is None:
            self._script = Script()
        return self._script.answer(headers)

    async def receive(self, opened: Opened, request: Incoming) -> Answer:
        """Raises Forbidden for another page; what else is refused, the page may read."""
        terms = opting_in.terms_of(opened.connection)
        origin = _origin(terms, request)
        try:
            answer = await self._answer(opened, terms, origin, request)
        except AppError as refusal:
            refusal.readable_by = origin
            raise
        shared = (_VARY, *_readable(origin))
        return Answer(answer.status, answer.body, (*answer.headers, *shared), answer.closes)

    async def _answer(self, opened: Opened, terms: Terms, origin: str, request: Incoming) -> Answer:
        if request.method == "POST":
            self._limit(self._by_address, f"ask {request.address}", self._per_address)
            return await self._asked(opened, terms, origin, request)
        self._limit(
            self._by_address, f"load {request.address}", LOADS_FOR_EACH_ASK * self._per_address
        )
        if request.method == "OPTIONS":
            return Answer(200, b"", _PREFLIGHT)
        if request.method == "GET":
            return await self._form(opened, terms, request)
        raise errors.WrongVerb("GET, OPTIONS, POST")

    async def _form(self, opened: Opened, terms: Terms, request: Incoming) -> Answer:
        """What the page shows, and what it has to solve before it may ask."""
        asked = query.asked(request.query).get("lang")
        locale = next((one for one in LOCALES if one == asked), LOCALES[0])
        connection = opened.connection
        form = await self._runner.read(
            opt_ins.form, connection, connections.of_tenant(connection.tenant_id)
        )
        shown = {
            "wording": opting_in.in_language(form.wordings, locale),
            "wording_version": terms.wording_version,
            "country": form.region,
            "challenge": proof_of_work.challenge(opened.each("secret")[0], self._runner.now()),
            "challenge_seconds": int(proof_of_work.COUNTS_FOR.total_seconds()),
        }
        return Answer(200, json.encode(shown), JSON_HEADERS)

    async def _asked(self, opened: Opened, terms: Terms, origin: str, request: Incoming) -> Answer:
        length = request.headers.get(b"content-length")
        raw = await body.read(request.receive, length, bytes_max=BODY_BYTES_MAX)
        given = json.decode_object(raw)
        ask = _shape(opened, terms, given.get("country")).convert(given)
        connection, caller = opened.connection, connections.caller(opened.connection)
        if self._per_address:
            self._limit(self._by_site, connection.id, PER_SITE)
            self._limit(self._by_number, f"{connection.tenant_id} {ask.phone}", PER_NUMBER)
        ask = msgspec.structs.replace(
            ask, evidence=_evidence(request, page=_page(given.get("url"), origin))
        )
        if given.get("website"):  # nobody sees that field: it was a program
            code = opting_in.compose_code(self._runner.new_secret())
            asked = Asked(code, self._runner.now() + opting_in.CODE_COUNTS)
        else:
            asked = await self._runner.write(opt_ins.ask, ask, caller)
            self._wake()
        number = await self._runner.read(opt_ins.number, connection, caller)
        return Answer(200, json.encode(_confirmation(number, ask, asked)), JSON_HEADERS)

    def _limit(self, counts: RollingLimit, key: str, limit: int) -> None:
        if limit and (wait_s := counts.count(key, limit).retry_after_s):
            raise errors.TooManyRequests(wait_s)


class Script:
    """The file as it is sent: with the countries whose numbers can be read."""

    def __init__(self) -> None:
        source = (files("kith.api") / "widget.js").read_text(encoding="utf-8")
        codes = "".join(f"{region}{code}" for region, code in phone.calling_codes().items())
        plain = source.replace("{{regions}}", codes).encode()
        digest = hashlib.sha256(plain).hexdigest()[:32]
        zipped: Header = (b"content-encoding", b"gzip")
        self._plain = Answer(200, plain, _SCRIPT_HEADERS, etag=f'"{digest}"')
        self._zipped = Answer(
            200, gzip.compress(plain, mtime=0), (*_SCRIPT_HEADERS, zipped), etag=f'"{digest}-gzip"'
        )

    def answer(self, headers: Mapping[bytes, bytes]) -> Answer:
        takes_gzip = b"gzip" in headers.get(b"accept-encoding", b"")
        answer = self._zipped if takes_gzip else self._plain
        known = etags.listed(headers.get(b"if-none-match", b"").decode("latin-1"))
        if answer.etag is not None and etags.is_known(answer.etag, known):
            return Answer(304, b"", _SCRIPT_HEADERS[1:], etag=answer.etag)
        return answer


def _origin(terms: Terms, request: Incoming) -> str:
    """The page's, blank for a look from no page. Raises Forbidden."""
    given = request.headers.get(b"origin")
    if given is None and request.method == "GET":
        return ""
    origin = (given or b"").decode("latin-1")
    if origin not in terms.origins:
        raise errors.Forbidden("This form is not for pages of this origin.")
    return origin


def _readable(origin: str) -> tuple[Header, ...]:
    return ((b"access-control-allow-origin", origin.encode()),) if origin else ()


def _shape(opened: Opened, terms: Terms, country: object) -> Shape:
    """What the form sends. Its phone is read as dialled in the country that was chosen."""
    try:
        region: Region | None = phone.parse_region(country)
    except BadValue:
        region = None
    return Shape(
        partial(_ask, opened.connection),
        fields=(
            Field("name", contacts.parse_name, {}),
            Field("phone", partial(phone.parse, region=region), {}, is_required=True),
            Field("country", phone.parse_region, {}),
            Field("consent", _agreed, {}, is_required=True),
            Field("wording_version", partial(_current, terms), {}, is_required=True),
            Field("locale", one_of(LOCALES), {}, is_required=True),
            Field(
                "proof",
                partial(proof_of_work.spent, keys=opened.each("secret")),
                {},
                is_required=True,
            ),
        ),
    )


def _ask(connection: Connection, **given: Any) -> Ask:
    kept = {name: value for name, value in given.items() if name not in ("country", "consent")}
    return Ask(connection=connection, evidence={}, **kept)


def _agreed(value: object) -> bool:
    if value is not True:
        raise BadValue("must be given: without it nothing is sent.")
    return True


def _current(terms: Terms, value: object) -> str:
    """People agree to what they were shown: if it changed meanwhile, they are asked again."""
    if value != terms.wording_version:
        raise BadValue("is not the one in force; show the wording again.")
    return terms.wording_version


def _evidence(request: Incoming, *, page: str) -> dict[str, str]:
    agent = request.headers.get(b"user-agent", b"").decode("latin-1")[:AGENT_CHARACTERS_MAX]
    known = {"ip": request.address, "user_agent": _clean(agent), "url": page}
    return {name: value for name, value in known.items() if value}


def _page(url: object, origin: str) -> str:
    """Where the form stood: without what follows `?` or `#`, which may be personal."""
    if not isinstance(url, str) or len(url) > ADDRESS_CHARACTERS_MAX:
        return origin
    page = _clean(url.partition("#")[0].partition("?")[0])
    return page if page.startswith(origin + "/") else origin


def _clean(value: str) -> str:
    try:
        return text.line(value, characters_max=ADDRESS_CHARACTERS_MAX)
    except BadValue:
        return ""


def _confirmation(number: Phone | None, ask: Ask, asked: Asked) -> dict[str, Any]:
    message = opting_in.message(ask.locale, asked.code)
    link = None
    if number is not None:
        link = f"https://wa.me/{number[1:]}?text={quote(message, safe='')}"
    expires_at = wire(asked.expires_at)
    return {"success": True, "message": message, "link": link, "expires_at": expires_at}
