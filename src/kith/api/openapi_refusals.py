"""Every refusal that an operation may answer with, as the OpenAPI document shows it.

Bodies and headers of the examples come from the one renderer, so they are what is really sent.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from kith import errors
from kith.api import answers
from kith.api.routes import Route
from kith.api.streams import Stream
from kith.errors import AppError, NotFound

Json = dict[str, Any]
JSON = "application/json"
REFERENCE = "#/components/schemas/{name}"
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining")

_NAMES = {b"retry-after": "Retry-After", b"www-authenticate": "WWW-Authenticate"}


class Problem(msgspec.Struct):
    """Both keys hold the same sentence."""

    message: str
    error: str


class NotPossible(msgspec.Struct):
    """What was asked for is not there, or a rule says no."""

    error: str


class InvalidFields(msgspec.Struct, kw_only=True):
    """Every field that is wrong, with every reason."""

    message: str
    error: str | msgspec.UnsetType = msgspec.UNSET
    errors: dict[str, list[str]]


class Held(msgspec.Struct):
    """Something else holds the value of a field that must be its own."""

    error: str
    field: str
    value: str
    contact_ids: list[str]


SHAPES = (Problem, NotPossible, InvalidFields, Held)
ITEM_REFUSALS = ("NotPossible", "InvalidFields", "Held")
"""What may stand in a list in place of a contact."""


class Refusal(msgspec.Struct, frozen=True):
    """`is_counted`: the rate limit has counted the request by then."""

    error: AppError
    when: str
    is_counted: bool = True
    needs_body: bool = False


REFUSALS = (
    Refusal(errors.Malformed(), "The body is not JSON, or the request is not HTTP."),
    Refusal(
        errors.Unauthenticated(),
        "The token is missing, malformed, unknown, revoked or expired.",
        is_counted=False,
    ),
    Refusal(errors.Forbidden(), "The token lacks the scope.", is_counted=False),
    Refusal(
        errors.BodyTooSlow(),
        "The body took over 30 s to arrive; of a file, 30 KiB of it did.",
        needs_body=True,
    ),
    Refusal(errors.TooLarge(), "The body is larger than 1 MiB.", needs_body=True),
    Refusal(errors.AddressTooLong(), "The address is longer than 8 KiB.", is_counted=False),
    Refusal(errors.EncodedBody(), "The body has a `Content-Encoding`.", needs_body=True),
    Refusal(
        errors.TooManyRequests(23),
        "Too many calls in 60 seconds: wait as long as `Retry-After` says.",
    ),
    Refusal(
        errors.HeadersTooLarge(),
        "The headers are larger than 16 KiB, or more than 100.",
        is_counted=False,
    ),
    Refusal(AppError(), "A bug in Kith. Its log has more, under the request's id."),
    Refusal(
        errors.Unavailable(),
        "Not now: overloaded, stopping, or the database is away. Try again.",
    ),
)
"""What an operation may answer whatever it does."""

CHANGED = Refusal(errors.Changed(), "The contact is not the version that `If-Match` names.")


def components() -> dict[str, Json]:
    """Answers that many operations share, by the name of the error."""
    return {_name(refusal): _shared(refusal) for refusal in (*REFUSALS, CHANGED)}


def of(route: Route) -> dict[str, Json]:
    """By status, the refusals of this operation."""
    found = {
        str(refusal.error.status): {"$ref": f"#/components/responses/{_name(refusal)}"}
        for refusal in REFUSALS
        if route.method == "POST" or not refusal.needs_body
    }
    if route.missing:
        found["404"] = _missing(route.missing())
    if route.does in ("write", "send") or route.refuses:
        found["409"] = _conflict(route)
    if route.does == "write" and (route.etag or route.missing):
        found["412"] = {"$ref": f"#/components/responses/{_name(CHANGED)}"}
    if refused := _unprocessable(route):
        found["422"] = refused
    return dict(sorted(found.items()))


def of_stream(stream: Stream) -> dict[str, Json]:
    """As `of`: nothing limits the size of a file, and its rows are no fields."""
    spared = {errors.TooLarge} if stream.body else {errors.TooLarge, errors.BodyTooSlow}
    found = {
        str(refusal.error.status): {"$ref": f"#/components/responses/{_name(refusal)}"}
        for refusal in REFUSALS
        if type(refusal.error) not in spared
    }
    if stream.missing:
        found["404"] = _missing(stream.missing())
    examples: dict[str, AppError] = {one.code: one for one in stream.refuses}
    examples["no-workspace"] = errors.NoWorkspace()
    kinds = ["NotPossible"]
    try:
        stream.takes.convert({field.name: "?" * 300 for field in stream.takes.fields})
    except errors.Invalid as error:
        examples = {"wrong-values": error, **examples}
        kinds.append("InvalidFields")
    schema = {"anyOf": [{"$ref": REFERENCE.format(name=kind)} for kind in kinds]}
    found["422"] = _response(
        "What the address or a header asks is wrong, the file cannot be read, or the account has"
        " no workspace.",
        schema,
        examples,
        RATE_HEADERS,
    )
    return dict(sorted(found.items()))


def headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def body_of(error: AppError) -> Any:
    """What the renderer makes of it."""
    return msgspec.json.decode(answers.refusal(error).body)


def _name(refusal: Refusal) -> str:
    kind = type(refusal.error)
    return "ServerError" if kind is AppError else kind.__name__


def _shared(refusal: Refusal) -> Json:
    return _response(
        refusal.when,
        {"$ref": REFERENCE.format(name="Problem")},
        {refusal.error.code: refusal.error},
        RATE_HEADERS if refusal.is_counted else (),
    )


def _response(
    description: str, schema: Json, examples: dict[str, AppError], counted: Iterable[str]
) -> Json:
    sent = answers.refusal(next(iter(examples.values()))).headers
    own = [_NAMES[name] for name, _ in sent if name in _NAMES]
    return {
        "description": description,
        "headers": headers("X-Request-Id", *counted, *own),
        "content": {
            JSON: {
                "schema": schema,
                "examples": {name: {"value": body_of(error)} for name, error in examples.items()},
            }
        },
    }


def _missing(missing: NotFound) -> Json:
    return _response(
        f"{missing.text}, or it is another workspace's.",
        {"$ref": REFERENCE.format(name="NotPossible")},
        {"not-found": missing},
        RATE_HEADERS,
    )


def _conflict(route: Route) -> Json:
    """A call with the same key that runs, and whatever the operation itself refuses so."""
    examples: dict[str, AppError] = {}
    kinds, when = [], []
    if route.does in ("write", "send"):
        examples["still-running"] = errors.StillRunning()
        kinds.append("Problem")
        when.append("The first call with this `Idempotency-Key` still runs: repeat it in a moment.")
    if route.refuses:
        examples |= {
            f"conflict-{number}" if number > 1 else refusal.code: refusal
            for number, refusal in enumerate(route.refuses, 1)
        }
        kinds.append("Held")
        when.append("What was given points at another contact, or at two; the ids are told.")
    schema = {"anyOf": [{"$ref": REFERENCE.format(name=kind)} for kind in kinds]}
    return _response(" ".join(when), schema, examples, RATE_HEADERS)


def _unprocessable(route: Route) -> Json | None:
    examples = _invalid(route)
    kinds = ["InvalidFields"] if examples else []
    if route.does in ("write", "send"):
        examples["key-reused"] = errors.KeyReused()
    if route.needs_workspace:
        examples["no-workspace"] = errors.NoWorkspace()
        kinds.append("NotPossible")
    examples |= {one.name: one.error for one in route.denials}
    kinds += [one.shape.__name__ for one in route.denials if one.shape is not None]
    if not examples:
        return None
    schema = {"anyOf": [{"$ref": REFERENCE.format(name=kind)} for kind in kinds]}
    when = "Fields are wrong or missing, or the account has no workspace. Nothing was changed."
    if route.denials:
        when += " Or the message was refused: then it is kept as `failed`."
    return _response(when, schema, examples, RATE_HEADERS)


def _invalid(route: Route) -> dict[str, AppError]:
    """How this operation really refuses some typical mistakes."""
    shape = route.takes
    wrong = {field.name: 12.5 for field in shape.fields}
    mistakes: dict[str, Json] = {"nothing-given": {}, "wrong-values": wrong}
    if shape.rule:
        mistakes["wrong-values"] = {shape.rule.names[0]: 12.5}
        mistakes["several-given"] = {
            field.name: field.schema["examples"][0]
            for field in shape.fields
            if field.name in shape.rule.names[1:3]
        }
    refused: dict[str, AppError] = {}
    for name, body in mistakes.items():
        try:
            shape.convert(body)
        except errors.Invalid as error:
            refused[name] = error
    return refused
