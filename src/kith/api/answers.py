"""The one renderer: every refusal becomes its documented body and headers (reliability 2)."""

import msgspec

from kith import errors
from kith.domain import json
from kith.errors import AppError

Header = tuple[bytes, bytes]
JSON_TYPE: Header = (b"content-type", b"application/json")
NO_STORE: Header = (b"cache-control", b"no-store")
JSON_HEADERS = (JSON_TYPE, NO_STORE)
CLOSE: Header = (b"connection", b"close")

_PLAIN = (errors.NotFound, errors.Refused)
_CLOSING = (
    errors.AddressTooLong,
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


def refusal(error: AppError) -> Answer:
    """Status, body and extra headers of a refusal."""
    headers = (*JSON_HEADERS, *_headers(error))
    return Answer(error.status, json.encode(_body(error)), headers, isinstance(error, _CLOSING))


def server_error() -> Answer:
    """A bug: no stack, SQL or path leaves the process."""
    return refusal(AppError())


def _body(error: AppError) -> dict[str, object]:
    if isinstance(error, errors.Invalid):
        cause = {"error": error.cause} if error.cause else {}
        return {"message": error.text, **cause, "errors": error.errors}
    if isinstance(error, _PLAIN):
        return {"error": error.text}
    return {"message": error.text, "error": error.text}


def _headers(error: AppError) -> list[Header]:
    if isinstance(error, errors.Unauthenticated):
        return [(b"www-authenticate", b'Bearer realm="kith"')]
    headers: list[Header] = [CLOSE] if isinstance(error, _CLOSING) else []
    if isinstance(error, errors.TooManyRequests | errors.Unavailable):
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    if isinstance(error, errors.WrongVerb):
        headers.append((b"allow", error.allow.encode()))
    return headers
