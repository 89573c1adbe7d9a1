"""list-templates, get-template and the dropdowns (reference sections 14, 15 and 21)."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from ulid import ULID

from kith.actions import templates
from kith.actions.templates import Listed, Synced
from tests.api.refusals import UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person
from tests.graph.samples import ORDER, ORDER_FR, TEMPLATES, body, template

ACCOUNT = "102290129340398"
NOT_FOUND = {"error": "Template not found"}
DROPDOWN = "/api/v1/dropdowns/templates"
VARIABLES = "/api/v1/dropdowns/template-variables"


async def sync(
    bed: Bed, person: Person, listed: Any = TEMPLATES, account_id: str = ACCOUNT
) -> Synced:
    given = Listed(account_id, listed)
    return await bed.runner.write(templates.write_all, given, person.caller)


def ids(person: Person) -> dict[str, str]:
    return {one["name"]: one["id"] for one in person.post("list-templates", {}).json()}


async def test_the_list_is_by_name_with_the_documented_keys(bed: Bed, ana: Person) -> None:
    assert ana.post("list-templates", {}).json() == []
    await sync(bed, ana)
    answer = ana.post("list-templates", {})
    assert answer.status_code == 200
    listed = answer.json()
    assert [one["name"] for one in listed] == sorted({one["name"] for one in TEMPLATES})
    order = next(one for one in listed if one["name"] == "order_confirmation")
    assert list(order) == ["id", "name", "category", "status", "languages", "created_at"]
    assert (order["category"], order["status"]) == ("UTILITY", "APPROVED")
    assert order["languages"] == ["en", "fr"]


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("PENDING", ["waiting"]), ("pending ", ["waiting"]), ("REJECTED", ["paused", "refused"]),
        ("", None), (None, None),
    ],
)  # fmt: skip
async def test_one_state(bed: Bed, ana: Person, status: Any, names: list[str] | None) -> None:
    await sync(bed, ana)
    listed = ana.post("list-templates", {"status": status}).json()
    assert [one["name"] for one in listed] == (names or sorted({t["name"] for t in TEMPLATES}))


@pytest.mark.parametrize("status", ["DRAFT", 7, ["APPROVED"]])
async def test_another_state_is_none(ana: Person, status: Any) -> None:
    assert_invalid(ana.post("list-templates", {"status": status}), "status")


async def test_one_template_has_the_documented_keys(bed: Bed, ana: Person) -> None:
    await sync(bed, ana)
    uuid = ids(ana)["order_confirmation"]
    for spelled in (uuid, uuid.upper(), str(ULID.from_uuid(UUID(uuid)))):
        answer = ana.post("get-template", {"template_id": spelled})
        assert answer.status_code == 200
        assert list(answer.json().items())[:-1] == list(
            {
                "id": uuid,
                "name": "order_confirmation",
                "category": "UTILITY",
                "status": "APPROVED",
                "languages": ["en", "fr"],
                "body": "Hi {{1}}, your order {{2}} ships tomorrow. Track it: {{3}}",
                "header_type": "TEXT",
                "header_content": "Order update",
                "footer": "Reply STOP to unsubscribe.",
                "buttons": [
                    {"type": "URL", "text": "Track order", "url": "https://acme.com/track/{{1}}"}
                ],
                "placeholders": ["1", "2", "3"],
            }.items()
        )
        assert list(answer.json())[-1] == "created_at"


async def test_the_first_approved_translation_is_shown(bed: Bed, ana: Person) -> None:
    await sync(bed, ana, [{**ORDER, "status": "REJECTED"}, ORDER_FR])
    shown = ana.post("get-template", {"template_id": ids(ana)["order_confirmation"]}).json()
    assert shown["body"].startswith("Bonjour")
    assert (shown["header_type"], shown["footer"], shown["buttons"]) == (None, None, [])
    assert shown["status"] == "APPROVED"


SAMPLE = "https://scontent.example/v/t61.29466-34/1.jpg?ccb=1-7"
HEADERS: dict[str, tuple[dict[str, Any], str | None]] = {
    "image": ({"format": "IMAGE", "example": {"header_handle": [SAMPLE, "https://b"]}}, SAMPLE),
    "video": ({"format": "VIDEO", "example": {"header_handle": [SAMPLE]}}, SAMPLE),
    "document": ({"format": "DOCUMENT", "example": {"header_handle": [SAMPLE]}}, SAMPLE),
    "text": (
        {"format": "TEXT", "text": "For {{1}}", "example": {"header_text": ["Romain"]}},
        "For {{1}}",
    ),
    "a handle": ({"format": "IMAGE", "example": {"header_handle": ["4::aW1hZ2UvcG5n"]}}, None),
    "no sample": ({"format": "IMAGE"}, None),
    "no list": ({"format": "IMAGE", "example": {"header_handle": {"0": SAMPLE}}}, None),
    "no object": ({"format": "IMAGE", "example": [SAMPLE]}, None),
    "a place": ({"format": "LOCATION"}, None),
}


@pytest.mark.parametrize("case", HEADERS)
async def test_a_header_of_media_shows_its_sample(bed: Bed, ana: Person, case: str) -> None:
    header, content = HEADERS[case]
    await sync(bed, ana, [template("sale", {"type": "HEADER", **header}, body("New."))])
    shown = ana.post("get-template", {"template_id": ids(ana)["sale"]}).json()
    assert (shown["header_type"], shown["header_content"]) == (header["format"], content)


@pytest.mark.parametrize("given", [str(UUID(int=7)), "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"])
async def test_a_template_that_is_not_there(bed: Bed, ana: Person, given: str) -> None:
    answer = ana.post("get-template", {"template_id": given})
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    answer = ana.get(f"{VARIABLES}?template_id={given}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("given", [{}, {"template_id": ""}, {"template_id": "x"}])
async def test_no_id(ana: Person, given: dict[str, Any]) -> None:
    answer = ana.post("get-template", given)
    assert_invalid(answer, "template_id")
    if given == {"template_id": "x"}:
        texts = answer.json()["errors"]["template_id"]
        assert texts == ["The template id must be a valid UUID."]


async def test_dropdowns_hold_what_can_be_sent(bed: Bed, ana: Person) -> None:
    await sync(bed, ana)
    choices = ana.get(DROPDOWN).json()
    approved = sorted({one["name"] for one in TEMPLATES if one["status"] == "APPROVED"})
    assert choices == [{"id": ids(ana)[name], "label": name} for name in approved]
    assert ana.get(VARIABLES).json() == ana.get(f"{VARIABLES}?template_id=").json() == []
    answer = ana.get(f"{VARIABLES}?template_id={ids(ana)['order_confirmation']}")
    assert answer.json() == [{"id": n, "label": "{{" + n + "}}"} for n in ("1", "2", "3")]
    assert ana.get(f"{VARIABLES}?template_id={ids(ana)['hello_world']}").json() == []
    receipt = ana.get(f"{VARIABLES}?template_id={ids(ana)['receipt']}").json()
    assert [one["id"] for one in receipt] == ["1", "header_url"]
    assert_invalid(ana.get(f"{VARIABLES}?template_id=x"), "template_id")


async def test_a_sync_makes_it_as_meta_has_it(bed: Bed, ana: Person) -> None:
    assert await sync(bed, ana) == Synced(len(TEMPLATES), 0)
    before = ids(ana)
    later = [{**ORDER, "status": "PAUSED"}, template("brand_new", body("Hi")), {"name": "odd"}]
    assert await sync(bed, ana, later) == Synced(2, 1)
    assert sorted(ids(ana)) == ["brand_new", "order_confirmation"]
    assert ids(ana)["order_confirmation"] == before["order_confirmation"], "an id stays"
    [order] = ana.post("list-templates", {"status": "REJECTED"}).json()
    assert order["languages"] == ["en"]


async def test_two_accounts_of_a_workspace_do_not_disturb_each_other(bed: Bed, ana: Person) -> None:
    await sync(bed, ana)
    await sync(bed, ana, [ORDER], account_id="2")
    assert len(ids(ana)) == len({one["name"] for one in TEMPLATES})
    await sync(bed, ana, [], account_id=ACCOUNT)
    assert list(ids(ana)) == ["order_confirmation"]


async def test_mallory_has_her_own(bed: Bed, ana: Person, mallory: Person) -> None:
    await sync(bed, ana)
    assert mallory.post("list-templates", {}).json() == []
    assert mallory.get(DROPDOWN).json() == []
    of_nobody = mallory.post("get-template", {"template_id": str(uuid4())})
    for uuid in ids(ana).values():
        answer = mallory.post("get-template", {"template_id": uuid})
        assert (answer.status_code, answer.content) == (404, of_nobody.content)
        assert mallory.get(f"{VARIABLES}?template_id={uuid}").content == of_nobody.content
    await sync(bed, mallory, [ORDER])
    await sync(bed, mallory, [])
    assert len(ids(ana)) == len({one["name"] for one in TEMPLATES})


@pytest.mark.parametrize("path", [DROPDOWN, VARIABLES])
async def test_no_token_no_answer(bed: Bed, path: str) -> None:
    answer = bed.nobody.get(path)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert bed.nobody.post("list-templates", {}).status_code == 401


async def test_reading_is_enough(bed: Bed, ana: Person, ben: Person) -> None:
    await sync(bed, ana)
    assert ben.post("list-templates", {}).status_code == ben.get(DROPDOWN).status_code == 200
