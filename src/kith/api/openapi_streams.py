"""The operations whose body, or answer, is a file, as the OpenAPI document shows them."""

from collections.abc import Callable

import msgspec

from kith.api import openapi_refusals as refusals
from kith.api.fields import Field
from kith.api.openapi_refusals import JSON, REFERENCE, Json
from kith.api.streams import STREAMS, Stream

ANSWERS: list[type[msgspec.Struct]] = [one.answer for one in STREAMS if one.answer is not None]
Exampled = Callable[[Json], object]
"""Makes a value of a schema."""


def paths(prefix: str, shapes: dict[str, Json], exampled: Exampled) -> dict[str, Json]:
    return {
        prefix + one.path: {one.method.lower(): _operation(one, shapes, exampled)}
        for one in STREAMS
    }


def _operation(stream: Stream, shapes: dict[str, Json], exampled: Exampled) -> Json:
    needs = f"Needs a token with the scope `{stream.scope}`."
    operation: Json = {
        "operationId": stream.name,
        "summary": stream.summary,
        "description": f"{needs}\n\n{stream.takes.description}",
        "security": [{"token": [stream.scope]}],
    }
    if stream.takes.fields:
        operation["parameters"] = [asked(field) for field in stream.takes.fields]
    if stream.body is not None:
        operation["requestBody"] = {"required": True, "content": _file(stream.body, stream.example)}
    success = _success(stream, shapes, exampled)
    return operation | {"responses": {"200": success, **refusals.of_stream(stream)}}


def asked(field: Field) -> Json:
    """A field that stands in the query of the address."""
    more = {"enum", "format", "maxLength"} & field.schema.keys()
    schema: Json = {name: field.schema[name] for name in sorted(more)}
    if "enum" in schema:
        schema["enum"] = [one for one in schema["enum"] if one is not None]
    schema = {"type": "string", **schema}
    example: object = str(field.schema["examples"][0])
    if "array" in field.schema["type"]:
        schema, example = {"type": "array", "items": schema}, [example]
    return {
        "name": field.name,
        "in": "query",
        "required": field.is_required,
        "description": field.schema["description"],
        "schema": schema,
        "example": example,
    }


def _success(stream: Stream, shapes: dict[str, Json], exampled: Exampled) -> Json:
    headers = refusals.headers("X-Request-Id", *refusals.RATE_HEADERS)
    if stream.answer is None:
        assert stream.gives is not None
        content = _file(stream.gives, stream.example)
        return {"description": "The file.", "headers": headers, "content": content}
    name = stream.answer.__name__
    schema: Json = {"$ref": REFERENCE.format(name=name)}
    return {
        "description": shapes[name]["description"],
        "headers": headers,
        "content": {JSON: {"schema": schema, "example": exampled(schema)}},
    }


def _file(kind: str, example: str) -> Json:
    shown = {"example": example} if example else {}
    return {kind: {"schema": {"type": "string", "format": "binary"}, **shown}}
