"""Every way Kith refuses. Each is named once here and rendered once per door.

The texts are the contract's own where it has one (reference sections 4 and 8 to 13).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

FieldErrors = Mapping[str, Sequence[str]]


class BadValue(ValueError):
    """One value cannot be used. The text completes "The phone ...", so it starts with a verb."""


class AppError(Exception):
    """A refusal that the caller is told about; `text` is a sentence for a person."""

    code = "error"
    status = 500
    text = "Server Error"
    readable_by = ""
    """The origin whose pages may read the refusal, in their visitor's browser."""

    def __init__(self, text: str | None = None) -> None:
        self.text = text or type(self).text
        super().__init__(self.text)


class Malformed(AppError):
    """The request or its body cannot be read at all."""

    code, status, text = "malformed", 400, "The body is not valid JSON."


class Ambiguous(Malformed):
    """Whoever passed the request on may have read it otherwise; the connection ends."""

    code, text = "ambiguous", "The request has no Host header."


class Unauthenticated(AppError):
    code, status, text = "unauthenticated", 401, "Unauthenticated."


class BadSignature(Unauthenticated):
    """What came in is not proven to be the other system's; `about` says more to the log."""

    code = "bad_signature"

    def __init__(self, source: str = "", *, connection_id: str = "", body_bytes: int = 0) -> None:
        super().__init__()
        about = {"source": source, "connection_id": connection_id, "body_bytes": body_bytes}
        self.about = about if source else {}


class Forbidden(AppError):
    code, status, text = "forbidden", 403, "Invalid scope(s) provided."


class NotFound(AppError):
    """`by_id`: an id was asked for, which nobody can know whose workspace does not hold it."""

    code, status, text = "not_found", 404, "Not found"
    by_id = False


class UnknownRoute(AppError):
    code, status, text = "unknown_route", 404, "There is nothing at this address. See /docs."


class BodyTooSlow(AppError):
    code, status, text = "body_too_slow", 408, "The body did not arrive in time."


class WrongVerb(AppError):
    """`allow` is the value of the `Allow` header."""

    code, status = "wrong_verb", 405

    def __init__(self, allow: str) -> None:
        super().__init__(f"This address takes {allow} only.")
        self.allow = allow


class Conflict(AppError):
    """Something else holds what was given: `field` and its `value`, held by `contact_ids`."""

    code, status, text = "conflict", 409, "Another contact holds this value."

    def __init__(self, text: str, *, field: str, value: str, contact_ids: Sequence[str]) -> None:
        super().__init__(text)
        self.field = field
        self.value = value
        self.contact_ids = contact_ids


class StillRunning(AppError):
    """The first call with this Idempotency-Key has no answer yet."""

    code, status = "still_running", 409
    text = "The first call with this Idempotency-Key is still running. Repeat it in a moment."
    retry_after_s = 1


class Changed(AppError):
    """What the caller's `If-Match` names is not the version there is."""

    code, status = "changed", 412
    text = "The contact is not the version that If-Match names. Read it again, then decide."


class TooLarge(AppError):
    code, status, text = "too_large", 413, "The body is larger than 1 MiB."


class AddressTooLong(AppError):
    code, status, text = "address_too_long", 414, "The address is longer than 8 KiB."


class EncodedBody(AppError):
    code, status = "encoded_body", 415
    text = "Send the body without a Content-Encoding."


class HeadersTooLarge(AppError):
    code, status = "headers_too_large", 431
    text = "The headers are larger than 16 KiB or more than 100."


class Refused(AppError):
    """A rule of the business says no. `details` are further keys of the body."""

    code, status, text = "refused", 422, "This cannot be done."

    def __init__(self, text: str | None = None, *, details: Mapping[str, object] = {}) -> None:
        super().__init__(text)
        self.details = details


class KeyReused(Refused):
    code = "key_reused"
    text = "This Idempotency-Key was used with another body. Give each new call a key of its own."


class NoWorkspace(Refused):
    code, text = "no_workspace", "No workspace configured for this account."


class Invalid(AppError):
    """Fields are wrong, each named with every reason; `cause` fills `error` where there is one."""

    code, status, text = "invalid", 422, "The given data was invalid."

    def __init__(self, errors: FieldErrors, *, cause: str | None = None) -> None:
        super().__init__()
        self.errors = errors
        self.cause = cause

    @property
    def reasons(self) -> str:
        """Every one, once, in one text."""
        return " ".join(dict.fromkeys(text for texts in self.errors.values() for text in texts))


@contextmanager
def naming(field: str) -> Iterator[None]:
    """Turn a BadValue raised inside into an Invalid that names the field."""
    try:
        yield
    except BadValue as problem:
        raise Invalid({field: [sentence(field, problem)]}) from None


def sentence(field: str, problem: BadValue) -> str:
    """`The contact id must be a valid UUID.`"""
    return f"The {field.replace('_', ' ')} {problem}"


class TooManyRequests(AppError):
    """`retry_after_s`: whole seconds until a slot frees."""

    code, status, text = "too_many_requests", 429, "Too Many Attempts."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class Unavailable(AppError):
    """Not now: overload, storage trouble, shutting down. Nothing changed unless the log says so.

    `told` is for the operator, where trying again is no use."""

    code, status, text = "unavailable", 503, "Service Unavailable"

    def __init__(self, retry_after_s: int = 1, *, told: str = "") -> None:
        super().__init__()
        self.retry_after_s = retry_after_s
        self.told = told


class TookTooLong(Unavailable):
    """A read that looks through much was given up."""

    code = "took_too_long"
    text = "This took over 5 s and was given up. Ask for less, with a narrower filter."


class Stopping(Unavailable):
    """The server stops and has waited long enough; undecided writes are in the log."""

    code = "stopping"


class CannotStart(Exception):
    """Kith must not run like this. The text is one line that says what to do; exit status 78."""


class ClientGone(Exception):
    """The connection ended before the request did; there is nobody to answer."""
