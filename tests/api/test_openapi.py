"""The OpenAPI document is one, says all that the route table says, and its examples are true."""

from importlib.metadata import version
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from kith.actions import contacts, identities, templates, workspaces
from kith.actions.run import Context, Runner, new_id
from kith.actions.templates import Listed
from kith.api import identity, openapi
from kith.api.merges import OTHER_EXAMPLE_ID
from kith.api.routes import ROUTES, Route
from kith.api.streams import STREAMS, Stream
from kith.api.takes import EXAMPLE_ID
from kith.domain.contacts import SaveContact
from kith.domain.phone import Phone
from kith.domain.users import User
from tests.cast import Bed, Person
from tests.graph.samples import TEMPLATES

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(openapi.document()))
JSON = "application/json"
POSTS = [route for route in ROUTES if route.method == "POST"]
ADDRESSES = [
    "/api/v1/openapi.json",
    "/v1/openapi.json",
    "/api/v1/openapi.yaml",
    "/v1/openapi.yaml",
]


def name_of(route: Route) -> str:
    return route.name


def operation(route: Route | Stream) -> dict[str, Any]:
    return DOCUMENT["paths"]["/api/v1" + route.path][route.method.lower()]


def resolved(given: dict[str, Any]) -> dict[str, Any]:
    found: Any = DOCUMENT
    for step in given.get("$ref", "#").split("/")[1:]:
        found = found[step]
    return found if "$ref" in given else given


def answers() -> list[tuple[str, str, dict[str, Any]]]:
    """Operation, status and answer of everything in the document."""
    return [
        (operation["operationId"], status, resolved(answer))
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
    ]


def examples(content: dict[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    return [example["value"] for example in content["examples"].values()]


def body_examples(route: Route) -> dict[str, Any]:
    given = operation(route)["requestBody"]["content"][JSON]["examples"]
    return {name: example["value"] for name, example in given.items()}


def problems(schema: dict[str, Any], value: Any, *, with_formats: bool = True) -> list[str]:
    """Why `value` is not what the schema says."""
    whole = {**schema, "components": DOCUMENT["components"]}
    checker = OAS31Validator.FORMAT_CHECKER if with_formats else None
    validator = OAS31Validator(whole, format_checker=checker)
    return [error.message for error in validator.iter_errors(value)]


def request_problems(route: Route, body: Any) -> list[str]:
    schema = operation(route)["requestBody"]["content"][JSON]["schema"]
    return problems(schema, body, with_formats=False)  # a blank e-mail address counts as none


def test_it_is_an_openapi_document() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["info"]["version"] == version("kith")


@pytest.mark.parametrize("address", ADDRESSES)
def test_it_is_served_to_anyone(bed: Bed, address: str) -> None:
    answer = bed.nobody.get(address)
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    kind = address.rsplit(".", 1)[1]
    assert answer.headers["content-type"] == f"application/{kind}"
    decode = msgspec.json.decode if kind == "json" else msgspec.yaml.decode
    assert decode(answer.content) == DOCUMENT
    assert b"&id" not in answer.content, "YAML with references is for no person"


def test_it_holds_the_route_table_and_the_health_pages() -> None:
    listed = {
        (method.upper(), path, one["operationId"])
        for path, methods in DOCUMENT["paths"].items()
        for method, one in methods.items()
    }
    health = {("GET", "/livez", "livez"), ("GET", "/readyz", "readyz")}
    rows = (*ROUTES, *STREAMS)
    assert listed == {(r.method, "/api/v1" + r.path, r.name) for r in rows} | health


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_an_operation_says_what_its_row_says(route: Route) -> None:
    given = operation(route)
    assert given["summary"] == route.summary
    assert given["security"] == [{"token": [route.scope]}]
    assert f"`{route.scope}`" in given["description"]
    statuses = {"400", "401", "403", "414", "429", "431", "500", "503", str(route.status)}
    if route.method == "POST":
        statuses |= {"408", "413", "415", "422"}
        body = given["requestBody"]["content"][JSON]["schema"]
        assert list(body["properties"]) == [field.name for field in route.takes.fields]
        required = [field.name for field in route.takes.fields if field.is_required]
        assert body.get("required", []) == required
    else:
        asked = [one for one in given.get("parameters", []) if one["in"] == "query"]
        assert [one["name"] for one in asked] == [field.name for field in route.takes.fields]
        if route.takes.fields or route.needs_workspace:
            statuses.add("422")
    if route.missing is not None:
        statuses.add("404")
    if route.is_conditional:
        statuses.add("304")
    if route.also is not None:
        statuses.add("200")
    if route.refuses:
        statuses.add("409")
    if route.does == "send":
        statuses.add("409")
    if route.does == "write":
        statuses |= {"409", "412"}
    assert set(given["responses"]) == statuses


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_an_operation_with_a_file_says_what_its_row_says(stream: Stream) -> None:
    given = operation(stream)
    assert given["summary"] == stream.summary
    assert given["security"] == [{"token": [stream.scope]}]
    asked = {one["name"]: one for one in given.get("parameters", [])}
    assert list(asked) == [field.name for field in stream.takes.fields]
    body = given.get("requestBody", {}).get("content", {})
    assert list(body) == ([stream.body] if stream.body else [])
    statuses = {"200", "400", "401", "403", "414", "415", "422", "429", "431", "500", "503"}
    statuses |= {"408"} if stream.body else set()
    statuses |= {"404"} if stream.missing else set()
    assert set(given["responses"]) == statuses
    [kind] = given["responses"]["200"]["content"]
    assert kind == (stream.gives or JSON)


def test_the_file_of_the_example_comes_in_and_goes_out(ana: Person) -> None:
    upload, export = (operation(one) for one in STREAMS if one.body or one.gives == "text/csv")
    [body] = upload["requestBody"]["content"].values()
    answer = ana.post("import-contacts", body["example"].encode())
    assert answer.status_code == 200
    content = upload["responses"]["200"]["content"][JSON]
    assert problems(content["schema"], answer.json()) == []
    dry = ana.post("import-contacts?dry_run=true", body["example"].encode())
    assert problems(content["schema"], dry.json()) == []
    [sent] = export["responses"]["200"]["content"].values()
    assert ana.post("export-contacts").text.startswith(sent["example"])


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_an_answer_has_every_key_in_order_and_no_other(route: Route) -> None:
    content = operation(route)["responses"][str(route.status)]["content"][JSON]
    schema, example = resolved(content["schema"]), content["example"]
    if route.is_list:
        assert schema["type"] == "array"
        schema, [example] = resolved(schema["items"]), example
    if route.holds_refusals:
        schema, *refusals = map(resolved, schema["anyOf"])
        first = [next(iter(refusal["properties"])) for refusal in refusals]
        assert first == ["error", "message", "error"]
    fields = msgspec.structs.fields(route.answer)
    assert list(schema["properties"]) == [field.name for field in fields]
    assert schema["required"] == [field.name for field in fields if field.required]
    assert schema["additionalProperties"] is False
    assert list(example) == schema["required"]


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_an_operation_names_the_headers_it_heeds(route: Route) -> None:
    expected = {
        "look": set(),
        "scan": set(),
        "write": {"Idempotency-Key", "If-Match"},
        "send": {"Idempotency-Key"},
    }[route.does]
    if route.is_conditional:
        expected = {"If-None-Match"}
    named = operation(route).get("parameters", [])
    assert {one["name"] for one in named if one["in"] == "header"} == expected
    success = operation(route)["responses"][str(route.status)]
    assert ("ETag" in success["headers"]) is (route.etag is not None)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200", {"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"}),
        ("401", {"X-Request-Id", "WWW-Authenticate"}),
        ("403", {"X-Request-Id"}),
        (
            "429",
            {"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "Retry-After"},
        ),
        (
            "503",
            {"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "Retry-After"},
        ),
    ],
)
def test_an_answer_names_its_headers(status: str, headers: set[str]) -> None:
    assert set(resolved(operation(ROUTES[0])["responses"][status])["headers"]) == headers


@pytest.mark.parametrize(
    ("name", "status", "answer"), answers(), ids=[f"{n}-{s}" for n, s, _ in answers()]
)
def test_every_example_of_an_answer_is_valid(
    name: str, status: str, answer: dict[str, Any]
) -> None:
    if status == "304":
        assert "content" not in answer
        return
    [(kind, content)] = list(answer["content"].items())[:1]
    if kind != JSON:
        assert content["schema"] == {"type": "string", "format": "binary"}
        return
    for example in examples(content):
        assert problems(content["schema"], example) == []


@pytest.mark.parametrize("route", POSTS, ids=name_of)
def test_every_example_of_a_body_is_valid(route: Route) -> None:
    assert body_examples(route)
    for body in body_examples(route).values():
        assert request_problems(route, body) == []


async def test_every_example_of_a_body_works(bed: Bed, ana: Person) -> None:
    admin = await bed.person(ana.user, ana.workspace, scope="admin")
    await _add_the_contact_of_the_examples(bed, ana)
    other = ana.create_contact(phone="+14155550199").json()["id"]
    await _call(bed, other, OTHER_EXAMPLE_ID)
    await _add_the_template_of_the_examples(bed, ana)
    for route in POSTS:
        if route.does == "send":  # tests/whatsapp does, with an account
            continue
        for body in body_examples(route).values():
            answer = admin.post(route.name, body)
            expected = {route.status, 200} if route.also else {route.status}
            if "merge_id" in body:
                expected = {404}  # which id a merge gets is not for the examples to say
            assert answer.status_code in expected, (route.name, body, answer.text)
            if route.name == "delete-contact":
                await _add_the_contact_of_the_examples(bed, ana)


async def test_every_example_of_a_refusal_is_what_kith_says(bed: Bed, ana: Person) -> None:
    homeless = await bed.person(await _user_without_workspace(bed), None)
    wrong = {"contact_id": 12.5}
    several = {"phone": "+14155550123", "email": "romain@example.com"}
    refusals = operation(POSTS[0])["responses"]
    shown = {
        name: example["value"]
        for status in ("404", "422")
        for name, example in refusals[status]["content"][JSON]["examples"].items()
    }
    assert shown == {
        "not-found": ana.get_contact(phone="+14155550199").json(),
        "nothing-given": ana.get_contact().json(),
        "wrong-values": ana.get_contact(**wrong).json(),
        "several-given": ana.get_contact(**several).json(),
        "no-workspace": homeless.get_contact(phone="+14155550123").json(),
    }


@pytest.mark.parametrize(
    ("body", "is_valid"),
    [
        ({"phone": "+14155550123"}, True),
        ({"phone": 14155550123}, True),
        ({"phone": "+14155550123", "contact_id": None, "email": " "}, True),
        ({"email": "ana@example.com", "else": [1]}, True),
        ({}, False),
        ({"phone": None}, False),
        ({"phone": " ", "email": ""}, False),
        ({"phone": "+14155550123", "email": "ana@example.com"}, False),
        ({"phone": ["+14155550123"]}, False),
        ([], False),
    ],
)
def test_exactly_one_of_is_said_as_it_is_meant(ana: Person, body: Any, is_valid: bool) -> None:
    assert (request_problems(POSTS[0], body) == []) is is_valid
    # The server agrees: what is valid is looked for.
    assert (ana.post("get-contact", body).status_code == 404) is is_valid


async def _add_the_template_of_the_examples(bed: Bed, person: Person) -> None:
    """With the id that the document shows."""
    first = iter([EXAMPLE_ID])
    await Runner(bed.runner.database, new_id=lambda: next(first, None) or new_id()).write(
        templates.write_all, Listed("1", TEMPLATES[:1]), person.caller
    )


async def _add_the_contact_of_the_examples(bed: Bed, person: Person) -> None:
    """With the id, phone and e-mail address that the document shows."""
    assert person.workspace is not None
    shown = body_examples(POSTS[0])
    given = SaveContact(phone=Phone(shown["phone"]["phone"]), email=shown["email"]["email"])
    tenant_id = person.workspace.row_id

    async def add(ctx: Context, _: None) -> str:
        inside = msgspec.structs.replace(ctx, tenant_id=tenant_id)
        saved = await contacts.save(inside, given)
        for field, kind in (
            ("bsuid", "bsuid"),
            ("username", "username"),
            ("external_id", "external"),
        ):
            name = identity.ADD_IDENTITY.convert(
                {"contact_id": saved.id, "kind": kind, "value": shown[field][field]}
            )
            await identities.add(inside, name)
        return saved.id

    await _call(bed, await bed.runner.write(add, None), shown["contact_id"]["contact_id"])


async def _call(bed: Bed, contact_id: str, example_id: str) -> None:
    await bed.change(
        "UPDATE contacts SET uuid = :uuid WHERE uuid = :was", uuid=example_id, was=contact_id
    )


async def _user_without_workspace(bed: Bed) -> User:
    given = workspaces.NewUser(email=f"new-{uuid4().hex[:8]}@example.com")
    return await bed.runner.write(workspaces.add_user, given)
