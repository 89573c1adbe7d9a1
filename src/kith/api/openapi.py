"""The OpenAPI document, made from the route table, the shapes and the renderer of refusals."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from kith.api import openapi_refusals as refusals
from kith.api import openapi_streams as streams
from kith.api import schemas
from kith.api.fields import Field, Rule, Shape
from kith.api.openapi_refusals import JSON, REFERENCE, Json
from kith.api.routes import PREFIXES, ROUTES, Route
from kith.api.takes import EXAMPLE_ID
from kith.domain import etags

PREFIX, ALIAS = PREFIXES

INTRODUCTION = f"""\
Kith keeps the contacts of a business that writes to people on WhatsApp, and answers one question: \
who is this person, may I write to them, and may I do so for free right now?

An action is a `POST` with a JSON body, also when it only reads. An answer is the bare JSON \
object, without an envelope. Blank strings and `null` count as not given, and unknown fields are \
ignored. Times are UTC with whole seconds and a numeric offset, such as \
`2026-05-07T08:14:23+00:00`.

Every answer carries `X-Request-Id`; quote it when you ask about a request. An address that does \
not exist answers 404, a wrong verb 405 with `Allow`. Each address that starts with `{PREFIX}` \
answers under `{ALIAS}` too, and under `/api/zapier`, where the contacts that are made get the \
source `zapier`."""

AUTHENTICATION = """\
Send `Authorization: Bearer` and the token with every request. Whoever runs this Kith makes one \
with `kith token create`; it is shown once. A token has the scope `read`, `write` (which includes \
`read`) or `admin` (which includes both), and opens one workspace only."""

HEADERS: dict[str, Json] = {
    "X-Request-Id": {
        "description": "The name of this request in Kith's log.",
        "schema": {"type": "string"},
        "example": "0198f2a46d3e7c519b0a000000000001",
    },
    "X-RateLimit-Limit": {
        "description": "Calls that this token may make in any 60 seconds; absent without a limit.",
        "schema": {"type": "integer"},
        "example": 120,
    },
    "X-RateLimit-Remaining": {
        "description": "Calls that are left of them; absent without a limit.",
        "schema": {"type": "integer"},
        "example": 117,
    },
    "ETag": {
        "description": "Names the contact and its version; see `If-Match` and `If-None-Match`.",
        "schema": {"type": "string"},
        "example": etags.of(EXAMPLE_ID, 3),
    },
    "Retry-After": {
        "description": "Whole seconds after which to try again.",
        "schema": {"type": "integer"},
        "example": 23,
    },
    "WWW-Authenticate": {
        "description": "How to say who you are.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="kith"',
    },
}

TERMS: dict[str, Json] = {
    "If-None-Match": {
        "description": "The `ETag` of an earlier answer: 304 when the contact is still that.",
        "schema": {"type": "string"},
        "example": etags.of(EXAMPLE_ID, 3),
    },
    "If-Match": {
        "description": "The `ETag` of the version that was read: 412 when the contact has changed "
        "since, and nothing is written.",
        "schema": {"type": "string"},
        "example": etags.of(EXAMPLE_ID, 3),
    },
    "Idempotency-Key": {
        "description": "A name for this one call, 1 to 255 visible ASCII characters. Repeated with "
        "the same body within 24 hours, it gets the first answer again and has no second effect.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "example": "order-1001",
    },
}

# Not null and not blank: what counts as given.
GIVEN: Json = {"type": ["string", "integer"], "pattern": "\\S"}


def document() -> Json:
    """The whole document, its keys in a readable order."""
    answers = {route.answer for route in ROUTES} | {schemas.TagOf}
    answers |= {*streams.ANSWERS}
    answers |= {one.shape for route in ROUTES for one in route.denials if one.shape is not None}
    _, shapes = msgspec.json.schema_components(
        [*sorted(answers, key=lambda answer: answer.__name__), *refusals.SHAPES],
        ref_template=REFERENCE,
    )
    for schema in shapes.values():
        schema["additionalProperties"] = False
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Kith API",
            "version": version("kith"),
            "summary": "Contacts of WhatsApp businesses.",
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The Kith that serves this document."}],
        "security": [{"token": []}],
        "paths": {PREFIX + path: _path_item(path, shapes) for path in _paths()}
        | streams.paths(PREFIX, shapes, lambda schema: example(schema, shapes))
        | _health(),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": AUTHENTICATION},
            },
            "headers": HEADERS,
            "responses": refusals.components(),
            "schemas": shapes,
        },
    }


def example(schema: Mapping[str, Any], shapes: Mapping[str, Json]) -> Any:
    """A value of the schema, put together from the examples of its parts."""
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], shapes)
    if "$ref" in schema:
        return example(shapes[schema["$ref"].rsplit("/", 1)[-1]], shapes)
    if schema.get("type") == "array":
        return [example(schema["items"], shapes)]
    required = schema["required"]
    return {n: example(part, shapes) for n, part in schema["properties"].items() if n in required}


def _paths() -> list[str]:
    return list(dict.fromkeys(route.path for route in ROUTES))


def _path_item(path: str, shapes: dict[str, Json]) -> Json:
    return {
        route.method.lower(): _operation(route, shapes) for route in ROUTES if route.path == path
    }


def _operation(route: Route, shapes: dict[str, Json]) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "description": "\n\n".join(_paragraphs(route)),
        "security": [{"token": [route.scope]}],
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.method == "POST":
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": _takes(route.takes), "examples": _given(route.takes)}},
        }
    return operation | {"responses": {**_successes(route, shapes), **refusals.of(route)}}


def _successes(route: Route, shapes: dict[str, Json]) -> dict[str, Json]:
    answer: Json = {"$ref": REFERENCE.format(name=route.answer.__name__)}
    if route.holds_refusals:
        kinds = (route.answer.__name__, *refusals.ITEM_REFUSALS)
        answer = {"anyOf": [{"$ref": REFERENCE.format(name=kind)} for kind in kinds]}
    if route.is_list:
        answer = {"type": "array", "items": answer}
    more = ["ETag"] if route.etag else []
    success = {
        "description": shapes[route.answer.__name__]["description"],
        "headers": refusals.headers("X-Request-Id", *refusals.RATE_HEADERS, *more),
        "content": {JSON: {"schema": answer, "example": example(answer, shapes)}},
    }
    if route.gives_html:
        success["content"]["text/html"] = {"schema": {"type": "string"}}
    found = {str(route.status): success}
    if route.also is not None:
        found["200"] = success
    if route.is_conditional:
        found["304"] = {
            "description": "It is the version that `If-None-Match` names. There is no body.",
            "headers": refusals.headers("X-Request-Id", *refusals.RATE_HEADERS, "ETag"),
        }
    return found


def _parameters(route: Route) -> list[Json]:
    """What a GET asks in its address, and headers that say on which terms the call is made."""
    asked = [streams.asked(field) for field in route.takes.fields] if route.method == "GET" else []
    names = []
    if route.is_conditional:
        names.append("If-None-Match")
    if route.does in ("write", "send"):
        names.append("Idempotency-Key")
    if route.does == "write":
        names.append("If-Match")
    terms = [{"name": name, "in": "header", "required": False, **TERMS[name]} for name in names]
    return asked + terms


def _paragraphs(route: Route) -> list[str]:
    needs = f"Needs a token with the scope `{route.scope}`."
    if not route.needs_workspace:
        needs += " Works for an account without a workspace, too."
    paragraphs = [needs]
    if rule := route.takes.rule:
        paragraphs.append(rule.sentence)
    if route.takes.description:
        paragraphs.append(route.takes.description)
    return paragraphs


def _takes(shape: Shape) -> Json:
    schema: Json = {
        "type": "object",
        "properties": {field.name: _property(field) for field in shape.fields},
    }
    if required := [field.name for field in shape.fields if field.is_required]:
        schema["required"] = required
    return {**schema, **shape.rule.schema(_gives)} if shape.rule else schema


def _property(field: Field) -> Json:
    if not field.is_required:
        return dict(field.schema)
    types = [kind for kind in field.schema["type"] if kind != "null"]
    return {**field.schema, "type": types, "pattern": GIVEN["pattern"]}


def _gives(name: str) -> Json:
    return {"title": f"By {name}", "required": [name], "properties": {name: GIVEN}}


def _given(shape: Shape) -> dict[str, Json]:
    """Bodies that work: the shape's own, then the least that is needed, in each way."""
    bodies = [dict(shape.example)]
    for names in _least(shape.rule, shape.fields):
        body = {
            field.name: field.schema["examples"][0] for field in shape.fields if field.name in names
        }
        if body not in bodies:
            bodies.append(body)
    return {"-".join(body): {"value": body} for body in bodies}


def _least(rule: Rule | None, fields: tuple[Field, ...]) -> list[set[str]]:
    required = {field.name for field in fields if field.is_required}
    return [required | {name} for name in rule.names] if rule else [required]


def _health() -> dict[str, Json]:
    return {
        "/livez": _health_page(
            "livez",
            "Whether the process is up",
            {"200": ("It is.", {"status": "ok"})},
        ),
        "/readyz": _health_page(
            "readyz",
            "Whether requests can be served",
            {
                "200": (
                    "The database answers and its schema is current.",
                    {"status": "ready"},
                ),
                "503": (
                    "Not now; `reason` says why.",
                    {
                        "message": "Service Unavailable",
                        "error": "Service Unavailable",
                        "reason": "the database does not answer",
                    },
                ),
            },
        ),
    }


def _health_page(name: str, summary: str, answers: dict[str, tuple[str, Json]]) -> Json:
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "description": "Needs no token.",
            "security": [],
            "responses": {
                status: {
                    "description": description,
                    "headers": refusals.headers(
                        "X-Request-Id", *(["Retry-After"] if status == "503" else [])
                    ),
                    "content": {JSON: {"schema": _strings(body), "example": body}},
                }
                for status, (description, body) in answers.items()
            },
        }
    }


def _strings(body: Json) -> Json:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in body},
        "required": list(body),
        "additionalProperties": False,
    }
