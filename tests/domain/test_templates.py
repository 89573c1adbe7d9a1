"""Templates: what they need, and messages made of them that Meta takes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from kith.domain import fillings, templates
from kith.domain.filling_buttons import ANY_FLOW
from kith.domain.filling_values import DATA_CHARACTERS_MAX, VALUE_CHARACTERS_MAX
from kith.domain.fillings import CannotFill, Missing
from kith.domain.templates import Translation
from kith.errors import BadValue
from tests.graph.rules import MetaError, checked
from tests.graph.samples import TEMPLATES, body, buttons, template

CARDS = {
    f"card_{index}_{name}": value
    for index in (0, 1)
    for name, value in {
        "header_url": "https://acme.com/a.jpg", "1": "shoes", "2": "10 EUR",
        "button_0_payload": "MORE", "product_retailer_id": f"sku-{index}",
    }.items()
}  # fmt: skip
ALL = {
    **CARDS,
    **{str(number): f"value {number}" for number in range(1, 9)},
    "first_name": "Ana", "discount": "10 %", "header_url": "https://acme.com/a.jpg",
    "header_latitude": "48.8584", "header_longitude": "2.2945", "coupon_code": "SPRING25",
    "header_filename": "receipt.pdf", "header_name": "Tower", "button_0_payload": "THANKS",
    "name": "Ana", "code": "10OFF", "offer_expires_at": "2100-01-01T00:00:00+00:00",
    "catalog_id": "194836987003835", "product_retailer_id": "sku-1",
    "thumbnail_product_retailer_id": "sku-2", "section_0_product_retailer_ids": "sku-1, sku-2",
    "button_0_ttl_minutes": "100", "button_1_flow_token": "t-1",
    "button_1_flow_action_data": '{"guests": 2}',
}  # fmt: skip
BESIDES = {
    "section_0_title": "Popular", "section_1_title": "Premium",
    "section_1_product_retailer_ids": "sku-3",
    "tap_target_url": "https://acme.com/sale", "tap_target_title": "To the sale",
}  # fmt: skip
NOW = datetime(2026, 5, 7, 8, tzinfo=UTC)
FILLABLE = [one for one in TEMPLATES if one["name"] != "pay"]


def read(listed: dict[str, Any]) -> Translation:
    told = templates.read(listed, account_id="1")
    assert told is not None
    return told.translation


def named(name: str) -> dict[str, Any]:
    return next(one for one in TEMPLATES if one["name"] == name)


def fill(found: Translation, given: dict[str, str]) -> list[dict[str, Any]]:
    return fillings.fill(found, given, now=NOW)


def pressed(name: str, given: dict[str, str], button: str) -> dict[str, Any]:
    """That button of a message made of that template."""
    filled = fill(read(named(name)), ALL | given)
    found = [one for one in filled if one.get("sub_type") == button]
    assert len(found) == 1, filled
    return found[0]


def message(listed: dict[str, Any], components: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": "+14155550123",
        "type": "template",
        "template": {
            "name": listed["name"],
            "language": {"code": listed["language"]},
            "components": components,
        },
    }


@pytest.mark.parametrize("listed", FILLABLE, ids=lambda one: f"{one['name']} {one['language']}")
def test_every_kind_of_component_is_filled_as_meta_wants_it(listed):
    found = read(listed)
    usable = {**listed, "status": "APPROVED"}
    least = {name: ALL[name] for name in fillings.needed(found.parts)}
    for given in (ALL, least, ALL | BESIDES):
        assert checked(message(listed, fill(found, given)), [usable])


@pytest.mark.parametrize("listed", FILLABLE, ids=lambda one: f"{one['name']} {one['language']}")
def test_nothing_that_is_needed_may_be_missing(listed):
    found = read(listed)
    expected = fillings.needed(found.parts)
    for name in expected:
        for without in ({k: v for k, v in ALL.items() if k != name}, {**ALL, name: "  "}):
            with pytest.raises(Missing) as problem:
                fill(found, without)
            assert (problem.value.expected, problem.value.missing) == (expected, [name])


def test_what_each_needs():
    needs = {one["name"]: fillings.needed(read(one).parts) for one in TEMPLATES}
    assert needs["order_confirmation"] == ["1", "2", "3"]
    assert needs["spring_offer"] == ["first_name", "discount"]
    assert needs["receipt"] == ["1", "header_url"]
    assert needs["find_us"] == ["header_latitude", "header_longitude"]
    assert needs["voucher"] == ["1", "2", "coupon_code"]
    assert needs["hello_world"] == []
    assert needs["caribbean_sale"] == ["1", "header_url", "offer_expires_at", "coupon_code"]
    assert needs["whenever"] == []
    assert needs["cart"] == ["code", "name", "section_0_product_retailer_ids"]
    assert needs["all_we_have"] == ["1"]
    assert needs["one_product"] == ["1", "catalog_id", "product_retailer_id"]
    assert needs["new_plants"] == [
        "1", "catalog_id", "card_0_product_retailer_id", "card_1_product_retailer_id",
    ]  # fmt: skip
    assert needs["new_shoes"] == [
        "catalog_id", "card_0_product_retailer_id", "card_0_1", "card_1_product_retailer_id",
        "card_1_1",
    ]  # fmt: skip
    assert needs["book_a_table"] == needs["call_us"] == needs["your_number"] == []
    assert needs["may_we_call"] == needs["login_by_tap"] == ["1"]
    assert needs["our_picks"] == [
        "1", "card_0_1", "card_0_2", "card_0_header_url", "card_1_header_url", "card_1_1",
    ]  # fmt: skip


def test_a_carousel_is_filled_card_by_card():
    listed = next(one for one in TEMPLATES if one["name"] == "our_picks")
    body_part, carousel = fill(read(listed), ALL)
    assert body_part["parameters"] == [{"type": "text", "text": "value 1"}]
    assert carousel["type"] == "carousel"
    first, last = carousel["cards"]
    assert first == {
        "card_index": 0,
        "components": [
            {"type": "header", "parameters": [
                {"type": "image", "image": {"link": "https://acme.com/a.jpg"}}
            ]},
            {"type": "body", "parameters": [
                {"type": "text", "text": "shoes"}, {"type": "text", "text": "10 EUR"}
            ]},
            {"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [
                {"type": "payload", "payload": "MORE"}
            ]},
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [
                {"type": "text", "text": "shoes"}
            ]},
        ],
    }  # fmt: skip
    assert last["card_index"] == 1
    assert [one["type"] for one in last["components"]] == ["header", "button", "button"]
    for name, value in (("card_1_1", "two\nlines"), ("card_1_header_url", "http://127.0.0.1/")):
        with pytest.raises(BadValue, match=name):
            fill(read(listed), {**ALL, name: value})


def test_a_card_that_cannot_be_filled_is_named():
    product = {"components": [{"type": "HEADER", "format": "GIF"}, body("Shoes")]}
    cards = [{"components": [body("Hats")]}, product]
    listed = template("x", body("Hi"), {"type": "CAROUSEL", "cards": cards})
    with pytest.raises(CannotFill, match="GIF of card 1"):
        fill(read(listed), {})


def test_a_code_for_signing_in_stands_in_body_and_button():
    listed = next(one for one in TEMPLATES if one["name"] == "login")
    parts = fill(read(listed), {"1": "4711"})
    assert parts[1] == {
        "type": "button", "sub_type": "url", "index": "0",
        "parameters": [{"type": "text", "text": "4711"}],
    }  # fmt: skip


def test_a_part_that_cannot_be_filled_is_named():
    for part, name in (
        (buttons({"type": "ORDER_DETAILS", "text": "Pay"}), "ORDER_DETAILS"),
        ({"type": "CAROUSEL"}, "CAROUSEL"),
        ({"type": "HEADER", "format": "GIF"}, "GIF"),
    ):
        with pytest.raises(CannotFill, match=name):
            fill(read(template("x", body("Hi"), part)), ALL)


def test_an_offer_ends_at_a_time_of_the_message():
    offer = next(
        one
        for one in fill(read(named("caribbean_sale")), ALL)
        if one["type"] == "limited_time_offer"
    )
    ends = {"expiration_time_ms": 4_102_444_800_000}
    assert offer["parameters"] == [{"type": "limited_time_offer", "limited_time_offer": ends}]
    assert fillings.offer_ends_at([offer]) == datetime(2100, 1, 1, tzinfo=UTC)
    assert fillings.offer_ends_at(fill(read(named("whenever")), ALL)) is None


def test_products_stand_in_sections():
    mpm = pressed("cart", BESIDES, "mpm")
    assert mpm == {
        "type": "button", "sub_type": "mpm", "index": "0",
        "parameters": [{"type": "action", "action": {
            "thumbnail_product_retailer_id": "sku-2",
            "sections": [
                {"title": "Popular", "product_items": [
                    {"product_retailer_id": "sku-1"}, {"product_retailer_id": "sku-2"},
                ]},
                {"title": "Premium", "product_items": [{"product_retailer_id": "sku-3"}]},
            ],
        }}],
    }  # fmt: skip
    given = {"name": "Ana", "code": "10OFF", "section_0_product_retailer_ids": "a\nb, c\na\n"}
    [_, _, only] = fill(read(named("cart")), given)
    assert only["parameters"][0]["action"] == {
        "thumbnail_product_retailer_id": "a",
        "sections": [
            {"product_items": [{"product_retailer_id": "a"}, {"product_retailer_id": "b, c"}]}
        ],
    }, "one section needs no title, and the first product stands for all"
    assert checked(message(named("cart"), fill(read(named("cart")), given)), [named("cart")])


def test_several_sections_have_titles():
    given = {
        **ALL,
        "section_0_title": "Popular",
        "section_1_title": " ",
        "section_1_product_retailer_ids": "sku-3",
        "section_3_product_retailer_ids": "sku-9",
    }
    with pytest.raises(Missing) as problem:
        fill(read(named("cart")), given)
    assert problem.value.missing == ["section_1_title", "section_3_title"]
    assert problem.value.expected == [
        "code", "name", "section_0_product_retailer_ids",
        "section_0_title", "section_1_title", "section_3_title",
    ]  # fmt: skip


def test_a_catalog_shows_the_product_that_is_named_or_metas_choice():
    catalog = pressed("all_we_have", {}, "CATALOG")
    assert catalog["index"] == "0"
    assert catalog["parameters"] == [
        {"type": "action", "action": {"thumbnail_product_retailer_id": "sku-2"}}
    ]
    assert [one["type"] for one in fill(read(named("all_we_have")), {"1": "10"})] == ["body"]


def test_cards_of_products_are_of_one_catalog():
    carousel = fill(read(named("new_plants")), ALL)[1]
    assert [card["components"] for card in carousel["cards"]] == [
        [{"type": "header", "parameters": [{"type": "product", "product": {
            "product_retailer_id": f"sku-{index}", "catalog_id": "194836987003835",
        }}]}]
        for index in (0, 1)
    ]  # fmt: skip
    [product, _] = fill(read(named("one_product")), ALL)
    assert product["parameters"][0]["product"]["product_retailer_id"] == "sku-1"


def test_a_flow_begins_with_what_the_message_says():
    flow = pressed("book_a_table", {}, "flow")
    action = {"flow_token": "t-1", "flow_action_data": {"guests": 2}}
    assert (flow["index"], flow["parameters"]) == ("1", [{"type": "action", "action": action}])
    [bare] = fill(read(named("book_a_table")), {})
    assert bare["parameters"] == [{"type": "action", "action": {"flow_token": ANY_FLOW}}]


def test_a_button_to_call_has_no_place():
    called = pressed("call_us", {}, "voice_call")
    assert called == {
        "type": "button", "sub_type": "voice_call",
        "parameters": [
            {"type": "ttl_minutes", "ttl_minutes": 100}, {"type": "payload", "payload": "THANKS"},
        ],
    }  # fmt: skip
    assert fill(read(named("call_us")), {}) == []


def test_a_tap_leads_where_the_message_says():
    assert fill(read(named("hello_world")), BESIDES) == [
        {"type": "tap_target_configuration", "parameters": [{
            "type": "tap_target_configuration",
            "tap_target_configuration": [
                {"url": "https://acme.com/sale", "title": "To the sale"}
            ],
        }]}
    ]  # fmt: skip
    for name, other in (
        ("tap_target_url", "tap_target_title"), ("tap_target_title", "tap_target_url"),
    ):  # fmt: skip
        with pytest.raises(Missing) as problem:
            fill(read(named("hello_world")), {name: BESIDES[name]})
        assert problem.value.missing == [other]


@pytest.mark.parametrize(
    ("listed", "name", "value"),
    [
        ("caribbean_sale", "offer_expires_at", "2026-05-07T08:00:00+00:00"),
        ("caribbean_sale", "offer_expires_at", "2026-05-07T08:14:23"),
        ("caribbean_sale", "offer_expires_at", "4102444800000"),
        ("caribbean_sale", "offer_expires_at", "tomorrow"),
        ("caribbean_sale", "coupon_code", "x" * 21),
        ("login", "1", "x" * 16),
        ("cart", "section_0_product_retailer_ids", " , "),
        ("cart", "section_0_product_retailer_ids", "x" * 101),
        ("cart", "section_0_product_retailer_ids", ",".join(map(str, range(30)))),
        ("cart", "section_0_title", "x" * 25),
        ("cart", "thumbnail_product_retailer_id", "x" * 101),
        ("cart", "section_10_product_retailer_ids", "sku-1"),
        ("one_product", "product_retailer_id", "x" * 101),
        ("one_product", "catalog_id", "1\n2"),
        ("new_plants", "card_1_product_retailer_id", "a\tb"),
        ("book_a_table", "button_1_flow_action_data", "[1]"),
        ("book_a_table", "button_1_flow_action_data", "{"),
        ("book_a_table", "button_1_flow_action_data", '{"a": 1e400}'),
        ("book_a_table", "button_1_flow_action_data", "[" * 40),
        ("book_a_table", "button_1_flow_action_data", " " * DATA_CHARACTERS_MAX + "{}"),
        ("book_a_table", "button_1_flow_token", "a\nb"),
        ("call_us", "button_0_ttl_minutes", "0"),
        ("call_us", "button_0_ttl_minutes", "43201"),
        ("call_us", "button_0_ttl_minutes", "1.5"),
        ("call_us", "button_0_ttl_minutes", "²"),
        ("call_us", "button_0_payload", "x" * 513),
        ("hello_world", "tap_target_url", "http://127.0.0.1/"),
    ],
)  # fmt: skip
def test_what_is_out_of_its_range_is_refused_with_its_name(listed, name, value):
    with pytest.raises(BadValue) as problem:
        fill(read(named(listed)), {**ALL, **BESIDES, name: value})
    assert (
        name in str(problem.value)
        or "products in all" in str(problem.value)
        or ("sections" in str(problem.value))
    )


@examples(
    st.fixed_dictionaries(
        {
            "section_0_product_retailer_ids": st.text(",\n 1", max_size=40),
            "section_1_product_retailer_ids": st.text(",\n 12", max_size=40),
            "section_0_title": st.text(max_size=30),
            "section_1_title": st.text(max_size=30),
            "button_1_flow_action_data": st.one_of(
                st.text(max_size=20),
                st.dictionaries(st.text(max_size=3), st.integers()).map(json.dumps),
            ),
            "button_0_ttl_minutes": st.one_of(st.text(max_size=3), st.integers().map(str)),
            "offer_expires_at": st.one_of(
                st.text(max_size=9), st.datetimes().map(lambda at: f"{at.isoformat()}Z")
            ),
        }
    )
)
def test_whatever_is_given_meta_takes_what_is_made_of_it(given):
    """Refused with a reason, or filled so that Meta takes it."""
    for name in ("cart", "book_a_table", "call_us", "caribbean_sale"):
        try:
            filled = fillings.fill(read(named(name)), ALL | BESIDES | given, now=datetime.now(UTC))
        except (BadValue, Missing):
            continue
        assert checked(message(named(name), filled), [named(name)])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("caribbean_sale", lambda parts: parts.pop(2)),
        ("caribbean_sale", lambda parts: offer_of(parts).update(expiration_time_ms="1")),
        ("caribbean_sale", lambda parts: offer_of(parts).update(expiration_time_ms=4_102_444_800)),
        ("cart", lambda parts: parts.pop(2)),
        ("cart", lambda parts: action_of(parts).pop("thumbnail_product_retailer_id")),
        ("cart", lambda parts: action_of(parts)["sections"][1].pop("title")),
        ("cart", lambda parts: action_of(parts)["sections"][0].update(product_items=[])),
        ("cart", lambda parts: action_of(parts).update(sections=[])),
        ("all_we_have", lambda parts: action_of(parts).update(sections=[])),
        ("one_product", lambda parts: product_of(parts).pop("catalog_id")),
        ("new_plants", lambda parts: product_of(parts[1]["cards"][0]["components"]).update(
            catalog_id="another")),
        ("book_a_table", lambda parts: action_of(parts).update(flow_action_data="{}")),
        ("book_a_table", lambda parts: parts.pop(1)),
        ("call_us", lambda parts: parts[0].update(index="0")),
        ("call_us", lambda parts: parts[0]["parameters"][0].update(ttl_minutes="100")),
        ("call_us", lambda parts: parts[0].update(parameters=[])),
        ("hello_world", lambda parts: parts[0]["parameters"][0].update(
            tap_target_configuration=[])),
    ],
)  # fmt: skip
def test_the_other_side_refuses_what_meta_refuses(name, spoil):
    filled = fill(read(named(name)), ALL | BESIDES)
    checked(message(named(name), filled), [named(name)])
    spoil(filled)
    with pytest.raises(MetaError):
        checked(message(named(name), filled), [named(name)])


def offer_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return parts[2]["parameters"][0]["limited_time_offer"]


def action_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return next(
        one["parameters"][0]["action"] for one in parts if one["parameters"][0]["type"] == "action"
    )


def product_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return parts[0]["parameters"][0]["product"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("1", "two\nlines"), ("1", "a\tb"), ("1", "five     blanks"), ("1", "bell \x07"),
        ("1", "x" * (VALUE_CHARACTERS_MAX + 1)),
    ],
)  # fmt: skip
def test_a_value_that_whatsapp_refuses_is_refused_at_once(name, value):
    with pytest.raises(BadValue):
        fill(read(TEMPLATES[0]), {**ALL, name: value})


@pytest.mark.row("T4.1", "G19")
@pytest.mark.parametrize(
    "url", ["http://acme.com/a.jpg", "https://127.0.0.1/", "https://a:b@acme.com/", "acme.com", "x"]
)
def test_media_of_a_header_stand_on_the_public_web(url):
    with pytest.raises(BadValue, match="header_url"):
        fill(read(TEMPLATES[5]), {"header_url": url})


@pytest.mark.parametrize("value", ["91", "-91", "x", "1e2", "48.8584 N", "nan"])
def test_a_place_has_degrees(value):
    where = {"header_latitude": value, "header_longitude": "2.2945"}
    with pytest.raises(BadValue):
        fill(read(next(t for t in TEMPLATES if t["name"] == "find_us")), where)


def test_what_meta_lists_and_nobody_knows_is_passed_over():
    for nonsense in (
        {}, {"name": "x"}, {"name": "", "language": "en"}, {"name": 1, "language": "en"},
        template("x", category="OTHER"), {**template("x"), "components": None},
    ):  # fmt: skip
        assert templates.read(nonsense, account_id="1") is None
    odd = template("x", {"type": "NEW"}, {"type": "BUTTONS", "buttons": [{"type": "NEW"}, 7]})
    odd["components"].append(7)
    assert fill(read(odd), {}) == []
    assert read(template("x", status="PAUSED")).status == "REJECTED"
    assert read(template("x", status="IN_APPEAL")).status == "PENDING"
