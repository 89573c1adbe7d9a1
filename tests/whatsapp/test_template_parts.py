"""Templates of every kind, sent to a Graph API on this machine that takes what Meta takes."""

import time
from typing import Any

import pytest

from kith.actions import sends
from kith.actions.connections import of_tenant
from kith.actions.sends import Again
from tests.api.refusals import assert_invalid
from tests.cast import Bed, Person
from tests.graph import Fault, Graph
from tests.meta import Meta
from tests.whatsapp.sending import PHONE, agree, jobs, rows

VARIABLES = "/api/v1/dropdowns/template-variables"
ENDS = "2100-01-01T00:00:00+00:00"
ENDS_MS = 4_102_444_800_000
OFFER = {
    "1": "Ana", "header_url": "https://acme.com/a.jpg", "offer_expires_at": ENDS,
    "coupon_code": "CARIBE25",
}  # fmt: skip
FILLED: dict[str, dict[str, Any]] = {
    "caribbean_sale": OFFER,
    "whenever": {},
    "cart": {
        "code": "10OFF", "name": "Ana", "section_0_product_retailer_ids": "sku-1, sku-2",
    },
    "all_we_have": {"1": "10"},
    "one_product": {"1": "Aloe", "catalog_id": 194836987003835, "product_retailer_id": "sku-1"},
    "new_plants": {
        "1": "Ana", "catalog_id": "194836987003835", "card_0_product_retailer_id": "sku-1",
        "card_1_product_retailer_id": "sku-2",
    },
    "book_a_table": {},
    "call_us": {},
    "may_we_call": {"1": "Ana"},
    "your_number": {},
    "login_by_tap": {"1": "4711"},
}  # fmt: skip
"""What each needs, and nothing beside."""


def agreed(person: Person) -> None:
    person.create_contact(phone=PHONE)
    agree(person)


async def test_what_the_dropdown_lists_is_what_has_to_be_given(
    ana: Person, graph: Graph, ids: dict[str, str]
) -> None:
    agreed(ana)
    for name, variables in FILLED.items():
        given = {"phone": PHONE, "template_id": ids[name]}
        listed = [one["id"] for one in ana.get(f"{VARIABLES}?template_id={ids[name]}").json()]
        assert sorted(listed) == sorted(variables), name
        if listed:
            answer = ana.post("send-template-message", given)
            assert (answer.status_code, answer.json()) == (422, {
                "error": "Template requires variables that were not provided.",
                "expected_placeholders": listed,
                "missing": listed,
            })  # fmt: skip
        answer = ana.post("send-template-message", {**given, "variables": variables})
        assert answer.status_code == 200, (name, answer.text)
        assert graph.calls[-1].body["template"]["name"] == name
    assert len(graph.attempts) == len(FILLED), "and none that Meta would have refused"


async def test_what_may_be_given_beside(ana: Person, graph: Graph, ids: dict[str, str]) -> None:
    agreed(ana)
    sections = {
        "section_0_title": "Popular", "section_1_title": "Premium",
        "section_1_product_retailer_ids": "sku-3\nsku-4",
        "thumbnail_product_retailer_id": "sku-2",
    }  # fmt: skip
    for name, beside in {
        "cart": sections,
        "all_we_have": {"thumbnail_product_retailer_id": "sku-2"},
        "book_a_table": {
            "button_0_payload": "NO", "button_1_flow_token": "t-1",
            "button_1_flow_action_data": '{"guests": 2}',
        },
        "call_us": {"button_0_ttl_minutes": 60, "button_0_payload": "offer"},
        "whenever": {"tap_target_url": "https://acme.com/", "tap_target_title": "Shop"},
    }.items():  # fmt: skip
        variables = FILLED[name] | beside
        given = {"phone": PHONE, "template_id": ids[name], "variables": variables}
        answer = ana.post("send-template-message", given)
        assert answer.status_code == 200, (name, answer.text)
        sent = str(graph.calls[-1].body["template"]["components"])
        for value in beside.values():
            for part in str(value).split("\n"):
                assert part.strip("{}").replace('"', "'") in sent, (name, sent)


@pytest.mark.parametrize(
    ("name", "variables", "told"),
    [
        ("caribbean_sale", {"offer_expires_at": "2026-01-01T00:00:00Z"}, "still to come"),
        ("caribbean_sale", {"offer_expires_at": "tomorrow"}, "a time with its offset"),
        ("caribbean_sale", {"coupon_code": "x" * 21}, "20 characters"),
        ("cart", {"section_0_product_retailer_ids": ","}, "ids of products"),
        ("book_a_table", {"button_1_flow_action_data": "[]"}, "a JSON object"),
        ("call_us", {"button_0_ttl_minutes": 0}, "from 1 to 43200"),
    ],
)
async def test_a_value_that_does_not_fit_is_named(
    bed: Bed, ana: Person, graph: Graph, ids: dict[str, str], name: str, variables: Any, told: str
) -> None:
    before = await bed.digest()
    given = {
        "phone": PHONE, "template_id": ids[name], "variables": FILLED[name] | variables,
    }  # fmt: skip
    answer = ana.post("send-template-message", given)
    assert_invalid(answer, "variables")
    [text] = answer.json()["errors"]["variables"]
    assert told in text
    assert next(iter(variables)) in text
    assert await bed.digest() == before
    assert graph.attempts == []


async def test_what_cannot_be_filled_is_refused_by_its_name(
    bed: Bed, ana: Person, graph: Graph, ids: dict[str, str]
) -> None:
    before = await bed.digest()
    answer = ana.post("send-template-message", {"phone": PHONE, "template_id": ids["pay"]})
    assert (answer.status_code, answer.json()) == (422, {
        "error": "Template has a part that cannot be filled from here: ORDER_DETAILS",
    })  # fmt: skip
    assert await bed.digest() == before
    assert graph.attempts == []


async def test_an_offer_that_ended_while_it_waited_is_sent_no_more(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, ids: dict[str, str]
) -> None:
    agreed(ana)
    given = {"phone": PHONE, "template_id": ids["caribbean_sale"], "variables": OFFER}
    caller = of_tenant(meta.connection.tenant_id)
    for has_ended in (False, True):
        graph.faults = [Fault(code=131056, retry_after_s=900)]
        answer = ana.post("send-template-message", given)
        assert answer.json()["status"] == "queued", answer.text
        if has_ended:
            await bed.change(
                "UPDATE messages SET content = REPLACE(content, :ends, :ended) WHERE uuid = :uuid",
                ends=str(ENDS_MS), ended=str(int(time.time() * 1_000) - 1),
                uuid=answer.json()["id"],
            )  # fmt: skip
        turn = Again(message_id=answer.json()["id"])
        begun = await bed.runner.write(sends.take_up, turn, caller)
        assert begun is not None
        assert (begun.sender is None) is has_ended
    assert (await rows(bed, ana))[-1][:3] == ("failed", 0, "Its offer has ended")
    assert await jobs(bed, ana) == 2
