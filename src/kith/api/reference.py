"""The page at /docs: the OpenAPI document, laid out for a person."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

Json = Mapping[str, Any]

ORIGIN = "http://127.0.0.1:8000"
"""Stands in the samples until the page's script puts the address that it was loaded from."""

LINE_MAX = 72
"""Characters of a body that still stands on one line of a curl command."""

_CODE = re.compile(r"`([^`]+)`")
_SHARED = "#/components/responses/"
_JSON = "application/json"
_WHO = '-H "Authorization: Bearer $KITH_TOKEN"'


class Part(msgspec.Struct, frozen=True):
    """One field of a request, or one key of an answer. `inside` are the keys of an object."""

    name: str
    kind: str
    description: str
    example: str
    is_required: bool
    inside: tuple["Part", ...] = ()


class Sample(msgspec.Struct, frozen=True):
    title: str
    body: str
    curl: str


class Refused(msgspec.Struct, frozen=True):
    status: str
    when: str
    headers: tuple[str, ...]
    samples: tuple[Sample, ...]


class Operation(msgspec.Struct, frozen=True):
    name: str
    method: str
    path: str
    summary: str
    description: str
    needs_token: bool
    takes: tuple[Part, ...]
    asks: tuple[Part, ...]
    terms: tuple[Part, ...]
    samples: tuple[Sample, ...]
    body_kind: str
    """Blank where there is none."""
    status: str
    gives: tuple[Part, ...]
    gives_description: str
    gives_example: str
    refusals: tuple[Refused, ...]
    shared: tuple[str, ...]


class Reader:
    """Reads the document, following its references."""

    def __init__(self, document: Json) -> None:
        self._document = document

    def operations(self) -> list[Operation]:
        return [
            self._operation(path, method.upper(), operation)
            for path, methods in self._document["paths"].items()
            for method, operation in methods.items()
        ]

    def shared(self) -> list[Refused]:
        """The refusals that many operations have in common, by status."""
        paths = self._document["paths"].values()
        found = {
            status: given
            for methods in paths
            for operation in methods.values()
            for status, given in operation["responses"].items()
            if given.get("$ref", "").startswith(_SHARED)
        }
        return [self._refused(status, given) for status, given in sorted(found.items())]

    def _operation(self, path: str, method: str, given: Json) -> Operation:
        responses = dict(given["responses"])
        status = next(iter(responses))
        success = responses.pop(status)
        [(answer_kind, answer)] = list(success["content"].items())[:1]
        content = given.get("requestBody", {}).get("content", {})
        body_kind = next(iter(content), "")
        body = content.get(body_kind, {})
        needs_token = bool(given["security"])
        if body_kind in ("", _JSON):
            samples = _requests(method, path, body.get("examples"), needs_token)
        else:
            samples = (Sample("", body["example"], _upload(path, body_kind)),)
        own = {code: one for code, one in responses.items() if "$ref" not in one}
        statuses = [status, *(code for code in own if own[code] == success)]
        own = {code: one for code, one in own.items() if one != success}
        shown = answer.get("example", "")
        return Operation(
            name=given["operationId"],
            method=method,
            path=path,
            summary=given["summary"],
            description=given["description"],
            needs_token=needs_token,
            takes=self._parts(body.get("schema", {})),
            asks=_parameters(given, "query"),
            terms=_parameters(given, "header"),
            samples=samples,
            body_kind=body_kind,
            status=" or ".join(statuses),
            gives=self._parts(answer["schema"]),
            gives_description=success["description"],
            gives_example=_pretty(shown) if answer_kind == _JSON else shown,
            refusals=tuple(self._refused(code, one) for code, one in own.items()),
            shared=tuple(code for code, one in responses.items() if "$ref" in one),
        )

    def _refused(self, status: str, given: Json) -> Refused:
        given = self._resolved(given)
        content = given.get("content", {}).get(_JSON, {})
        examples = content.get("examples") or (
            {"": {"value": content["example"]}} if content else {}
        )
        return Refused(
            status,
            given["description"],
            tuple(name for name in given["headers"] if not name.startswith("X-")),
            tuple(
                Sample(title.replace("-", " "), _pretty(one["value"]), "")
                for title, one in examples.items()
            ),
        )

    def _parts(self, schema: Json) -> tuple[Part, ...]:
        """Of an object, or of what an array holds."""
        schema = self._resolved(schema)
        if schema.get("type") == "array":
            return self._parts(schema["items"] or {})  # no more items than those before: no parts
        if "properties" not in schema and "anyOf" in schema:
            return self._parts(schema["anyOf"][0])
        required = schema.get("required", ())
        return tuple(
            self._part(name, part, name in required)
            for name, part in schema.get("properties", {}).items()
        )

    def _part(self, name: str, schema: Json, is_required: bool) -> Part:
        described = schema.get("description") or self._resolved(schema).get("description", "")
        examples = schema.get("examples", ())
        return Part(
            name,
            self._kind(schema),
            described,
            _line(examples[0]) if examples else "",
            is_required,
            self._inside(schema),
        )

    def _inside(self, schema: Json) -> tuple[Part, ...]:
        """The keys of a value that is an object, or an array of them."""
        schema = self._resolved(schema)
        options = schema.get("anyOf", (schema,))
        return tuple(
            part
            for one in options
            for part in self._parts(one)
            if self._resolved(one).get("type") in ("object", "array")
        )

    def _kind(self, schema: Json) -> str:
        """The type in words."""
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return " or ".join(self._kind(one) for one in schema["anyOf"])
        if "enum" in schema:
            return " or ".join(_line(value) for value in schema["enum"])
        if "type" not in schema:
            return "any value"
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        items = self._kind(schema["items"]) if schema.get("items") else "value"
        words = {"array": f"array of {items}s"}
        text = " or ".join(words.get(kind, str(kind)) for kind in kinds)
        return f"{text} ({schema['format']})" if "format" in schema else text

    def _resolved(self, given: Json) -> Json:
        if "$ref" not in given:
            return given
        found: Any = self._document
        for step in given["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return self._resolved(found)


def _parameters(operation: Json, place: str) -> tuple[Part, ...]:
    """What the caller may put in the query of the address, or send as a header."""
    return tuple(
        Part(one["name"], place, one["description"], str(one["example"]), one["required"])
        for one in operation.get("parameters", ())
        if one["in"] == place
    )


def page(document: Json) -> str:
    """The whole page, as HTML."""
    environment = Environment(
        loader=PackageLoader("kith.api", "docs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    reader = Reader(document)
    return environment.get_template("reference.html").render(
        document=document,
        operations=reader.operations(),
        shared=reader.shared(),
        origin=ORIGIN,
    )


def prose(text: str) -> Markup:
    """The document's Markdown, of which it uses code spans only, as safe HTML."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped here


def _requests(
    method: str, path: str, examples: Json | None, needs_token: bool
) -> tuple[Sample, ...]:
    if examples is None:
        return (Sample("", "", _curl(method, path, None, needs_token)),)
    return tuple(
        Sample(
            title.replace("-", ", "),
            _pretty(example["value"]),
            _curl(method, path, example["value"], needs_token),
        )
        for title, example in examples.items()
    )


def _curl(method: str, path: str, body: object, needs_token: bool) -> str:
    parts = [f"curl {ORIGIN}{path}"]
    if needs_token:
        parts.append(_WHO)
    if method == "POST" and body is None:
        parts.append("-X POST")
    elif method == "POST":
        parts.append(f"-H 'Content-Type: {_JSON}'")
        text = _line(body)
        parts.append(f"-d {shlex.quote(text if len(text) <= LINE_MAX else _pretty(body))}")
    return " \\\n  ".join(parts)


def _upload(path: str, kind: str) -> str:
    parts = (
        f"curl {ORIGIN}{path}",
        _WHO,
        f"-H 'Content-Type: {kind}'",
        "--data-binary @contacts.csv",
    )
    return " \\\n  ".join(parts)


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _line(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
