"""The one renderer: every refusal becomes its documented body and headers (reliability 2)."""

from collections.abc import AsyncIterator

import msgspec

from kith import errors
from kith.domain import json
from kith.errors import AppError

Header = tuple[bytes, bytes]
JSON_TYPE: Header = (b"content-type", b"application/json")
NO_STORE: Header = (b"cache-control", b"no-store")
JSON_HEADERS = (JSON_TYPE, NO_STORE)
CLOSE: Header = (b"connection", b"close")

_CLOSING = (
    errors.AddressTooLong,
    errors.Ambiguous,
    errors.BodyTooSlow,
    errors.HeadersTooLarge,
    errors.Stopping,
    errors.TooLarge,
)


class Answer(msgspec.Struct, gc=False):
    status: int
    body: bytes
    headers: tuple[Header, ...] = JSON_HEADERS
    closes: bool = False
    """Whether the connection ends with this answer."""
    etag: str | None = None
    pieces: AsyncIterator[bytes] | None = None
    """The body, where it is made while it is sent; `body` is blank then."""

    @property
    def takes_long(self) -> bool:
        """Whether it cannot leave in one write."""
        return self.closes or self.pieces is not None


def unchanged(etag: str) -> Answer:
    """304: the caller has this version."""
    return Answer(304, b"", (NO_STORE,), etag=etag)


def refusal(error: AppError) -> Answer:
    """Status, body and extra headers of a refusal."""
    headers = (*JSON_HEADERS, *_headers(error))
    return Answer(error.status, json.encode(body(error)), headers, isinstance(error, _CLOSING))


def ending(answer: Answer) -> Answer:
    """The same, and the connection ends with it."""
    if answer.closes:
        return answer
    return msgspec.structs.replace(answer, headers=(*answer.headers, CLOSE), closes=True)


def server_error() -> Answer:
    """A bug: no stack, SQL or path leaves the process."""
    return refusal(AppError())


def body(error: AppError) -> dict[str, object]:
    if isinstance(error, errors.Invalid):
        cause = {"error": error.cause} if error.cause else {}
        return {"message": error.text, **cause, "errors": error.errors}
    if isinstance(error, errors.Conflict):
        held = {"field": error.field, "value": error.value, "contact_ids": error.contact_ids}
        return {"error": error.text, **held}
    if isinstance(error, errors.Refused):
        return {"error": error.text, **error.details}
    if isinstance(error, errors.NotFound):
        return {"error": error.text}
    return {"message": error.text, "error": error.text}


def _headers(error: AppError) -> list[Header]:
    if isinstance(error, errors.Unauthenticated):
        return [(b"www-authenticate", b'Bearer realm="kith"')]
    headers: list[Header] = [CLOSE] if isinstance(error, _CLOSING) else []
    if error.readable_by:
        origin = error.readable_by.encode()
        headers += [(b"vary", b"origin"), (b"access-control-allow-origin", origin)]
    if isinstance(error, errors.TooManyRequests | errors.Unavailable | errors.StillRunning):
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    if isinstance(error, errors.WrongVerb):
        headers.append((b"allow", error.allow.encode()))
    return headers
