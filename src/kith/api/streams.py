"""Operations whose body, or answer, is a file: read and sent piece by piece, whatever its size.

They take their options in the query of the address. Everything before the body is as in the other
operations: route, token, scope, rate.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal

import msgspec

from kith.actions import exports, media
from kith.actions.imports import ImportNotFound
from kith.actions.run import Runner
from kith.api import imports as shapes
from kith.api import takes
from kith.api.answers import JSON_HEADERS, NO_STORE, Answer
from kith.api.body import Receive
from kith.api.fields import Field, Shape
from kith.api.parts import nullable
from kith.api.routes import PREFIXES
from kith.api.security_log import Event
from kith.domain import ids, json
from kith.domain.tokens import Caller, Scope
from kith.errors import AppError, BodyTooSlow, ClientGone, Invalid, NotFound, Unavailable
from kith.jobs import importing
from kith.jobs.importing import Progress, Wanted

CSV = "text/csv"
PIECE_BYTES = 30 * 1_024
PIECE_S_MAX = 30.0
"""Within which a piece must come: 1 KiB/s is the least (reliability L5)."""
IMPORTS_AT_ONCE = 4
REFUSALS_SHOWN = 100
ROWS_SHOWN = 1_000
_CSV = (
    (b"content-type", b"text/csv; charset=utf-8"),
    (b"content-disposition", b'attachment; filename="contacts.csv"'),
    NO_STORE,
)

Run = Callable[[Runner, Caller, Any, Receive], Awaitable[Answer]]


class Stream(msgspec.Struct, frozen=True):
    """`takes` is read from the query; `body` and `gives` are kinds of files."""

    method: Literal["GET", "POST"]
    path: str
    takes: Shape
    run: Run
    scope: Scope
    summary: str
    body: str | None = None
    gives: str | None = None
    answer: type[msgspec.Struct] | None = None
    example: str = ""
    """Of the file."""
    missing: type[NotFound] | None = None
    refuses: tuple[AppError, ...] = ()
    """Refusals of its own, as examples."""
    needs_workspace: bool = True
    logs: Event | None = None
    """What security wants to know each time it was answered."""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def not_with_a_file() -> Invalid:
    """The body is not kept to be compared, nor is it one transaction: no key can promise that."""
    problem = (
        "The Idempotency-Key header is not taken with a file; leave it out. The same file again"
        " changes nothing, and with import_id one that was cut off goes on."
    )
    return Invalid({"idempotency_key": [problem]})


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes. Raises BodyTooSlow when a piece takes too long, ClientGone."""
    more = True
    while more:
        piece = bytearray()
        try:
            async with asyncio.timeout(PIECE_S_MAX):
                while more and len(piece) < PIECE_BYTES:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone()
                    piece += message.get("body", b"")
                    more = bool(message.get("more_body"))
        except TimeoutError:
            raise BodyTooSlow() from None
        if piece:
            yield bytes(piece)


class Imports:
    """The imports of one server; more than a few at once would only wait for each other."""

    def __init__(self) -> None:
        self._running = 0

    async def run(
        self, runner: Runner, caller: Caller, given: shapes.ImportContacts, receive: Receive
    ) -> Answer:
        if self._running >= IMPORTS_AT_ONCE:
            raise Unavailable(retry_after_s=30)
        self._running += 1
        try:
            return await _import(runner, caller, given, receive)
        finally:
            self._running -= 1


async def _import(
    runner: Runner, caller: Caller, given: shapes.ImportContacts, receive: Receive
) -> Answer:
    """Rows are taken while the file still comes; one that is cut off can be gone on with."""
    wanted = Wanted(
        name=given.file,
        options=given.options,
        import_id=given.import_id,
        is_dry_run=given.dry_run,
    )
    caller = msgspec.structs.replace(caller, source="csv_import")
    result = shapes.Result()
    last: Progress | None = None
    pace = importing.BESIDE_REQUESTS[runner.database.engine]
    async for last in importing.run(runner, caller, pieces(receive), wanted, lambda: pace):
        if last.taken is not None:
            result.note(last.taken, refusals_max=REFUSALS_SHOWN, rows_max=ROWS_SHOWN)
    assert last is not None
    return Answer(200, json.encode(result.answer(last, is_dry_run=given.dry_run)), JSON_HEADERS)


async def _export(runner: Runner, caller: Caller, _: object, _body: Receive) -> Answer:
    first = await runner.scan(exports.page, None, caller)  # refused before anything is sent

    async def lines() -> AsyncIterator[bytes]:
        page = first
        yield (exports.HEADER + page.text).encode()
        while page.after is not None:
            page = await runner.scan(exports.page, page.after, caller)
            yield page.text.encode()

    return Answer(200, b"", _CSV, pieces=lines())


async def _media(runner: Runner, caller: Caller, message_id: str, _body: Receive) -> Answer:
    """As a download, whatever it says of itself: a page in it must not run as ours."""
    file = await runner.read(media.get, message_id, caller)
    try:
        pieces = await asyncio.to_thread(runner.files.pieces, file.folder, file.sha256)
    except FileNotFoundError:
        raise media.MediaNotFound() from None

    async def sent() -> AsyncIterator[bytes]:
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    headers = (
        (b"content-type", file.mime_type.encode()),
        (b"content-disposition", f'attachment; filename="{message_id}"'.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        NO_STORE,
    )
    return Answer(200, b"", headers, pieces=sent())


MEDIA = Shape(
    lambda message_id: message_id,
    (
        Field(
            "message_id",
            ids.parse,
            nullable("string", "The message's UUID, as list-messages shows it.", takes.EXAMPLE_ID),
            is_required=True,
        ),
    ),
    description="The file that came with a message, once it was fetched from WhatsApp.",
    example={"message_id": takes.EXAMPLE_ID},
)

STREAMS = (
    Stream("GET", "/media", MEDIA, _media, "read", "The file of a message",
           gives="*/*", missing=media.MediaNotFound),
    Stream("POST", "/actions/import-contacts", shapes.IMPORT_CONTACTS, Imports().run, "write",
           "Bring contacts in from a CSV file", body=CSV, answer=shapes.ImportedAnswer,
           example=shapes.EXAMPLE, missing=ImportNotFound,
           refuses=(shapes.EMPTY, not_with_a_file())),
    Stream("POST", "/actions/export-contacts", shapes.EXPORT_CONTACTS, _export, "read",
           "Every contact as CSV", gives=CSV, example=exports.HEADER, logs="export.run"),
)  # fmt: skip
BY_PATH: dict[str, dict[str, Stream]] = {
    prefix + one.path: {one.method: one} for prefix in PREFIXES for one in STREAMS
}
