"""The OpenAPI document, made from the route table, the shapes and the renderer of refusals."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from kith.api import openapi_refusals as refusals
from kith.api.fields import ExactlyOne, Field, Shape
from kith.api.openapi_refusals import JSON, REFERENCE, Json
from kith.api.routes import PREFIXES, ROUTES, Route

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
answers under `{ALIAS}` too."""

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

# Not null and not blank: what counts as given.
GIVEN: Json = {"type": ["string", "integer"], "pattern": "\\S"}


def document() -> Json:
    """The whole document, its keys in a readable order."""
    answers = {route.answer for route in ROUTES}
    _, schemas = msgspec.json.schema_components(
        [*sorted(answers, key=lambda answer: answer.__name__), *refusals.SHAPES],
        ref_template=REFERENCE,
    )
    for schema in schemas.values():
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
        "paths": {PREFIX + path: _path_item(path, schemas) for path in _paths()} | _health(),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": AUTHENTICATION},
            },
            "headers": HEADERS,
            "responses": refusals.components(),
            "schemas": schemas,
        },
    }


def example(schema: Mapping[str, Any], schemas: Mapping[str, Json]) -> Any:
    """A value of the schema, put together from the examples of its parts."""
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], schemas)
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    return {name: example(part, schemas) for name, part in schema["properties"].items()}


def _paths() -> list[str]:
    return list(dict.fromkeys(route.path for route in ROUTES))


def _path_item(path: str, schemas: dict[str, Json]) -> Json:
    return {
        route.method.lower(): _operation(route, schemas) for route in ROUTES if route.path == path
    }


def _operation(route: Route, schemas: dict[str, Json]) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "description": "\n\n".join(_paragraphs(route)),
        "security": [{"token": [route.scope]}],
    }
    if route.method == "POST":
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": _takes(route.takes), "examples": _given(route.takes)}},
        }
    answer = {"$ref": REFERENCE.format(name=route.answer.__name__)}
    success = {
        "description": schemas[route.answer.__name__]["description"],
        "headers": refusals.headers("X-Request-Id", *refusals.RATE_HEADERS),
        "content": {JSON: {"schema": answer, "example": example(answer, schemas)}},
    }
    return operation | {"responses": {str(route.status): success, **refusals.of(route)}}


def _paragraphs(route: Route) -> list[str]:
    needs = f"Needs a token with the scope `{route.scope}`."
    if not route.needs_workspace:
        needs += " Works for an account without a workspace, too."
    paragraphs = [needs]
    if rule := route.takes.rule:
        paragraphs.append(f"Give exactly one of {', '.join(f'`{name}`' for name in rule.names)}.")
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
    if shape.rule:
        schema["oneOf"] = [_gives(name) for name in shape.rule.names]
    return schema


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


def _least(rule: ExactlyOne | None, fields: tuple[Field, ...]) -> list[set[str]]:
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
