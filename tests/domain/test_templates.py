"""Templates: what they need, and messages made of them that Meta takes."""

from typing import Any

import pytest

from kith.domain import fillings, templates
from kith.domain.fillings import VALUE_CHARACTERS_MAX, CannotFill, Missing
from kith.domain.templates import Translation
from kith.errors import BadValue
from tests.graph.rules import checked
from tests.graph.samples import TEMPLATES, body, template

CARDS = {
    f"card_{index}_{name}": value
    for index in (0, 1)
    for name, value in {
        "header_url": "https://acme.com/a.jpg", "1": "shoes", "2": "10 EUR",
        "button_0_payload": "MORE",
    }.items()
}  # fmt: skip
ALL = {
    **CARDS,
    **{str(number): f"value {number}" for number in range(1, 9)},
    "first_name": "Ana", "discount": "10 %", "header_url": "https://acme.com/a.jpg",
    "header_latitude": "48.8584", "header_longitude": "2.2945", "coupon_code": "SPRING25",
    "header_filename": "receipt.pdf", "header_name": "Tower", "button_0_payload": "THANKS",
}  # fmt: skip


def read(listed: dict[str, Any]) -> Translation:
    told = templates.read(listed, account_id="1")
    assert told is not None
    return told.translation


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


@pytest.mark.parametrize("listed", TEMPLATES, ids=lambda one: f"{one['name']} {one['language']}")
def test_every_kind_of_component_is_filled_as_meta_wants_it(listed):
    found = read(listed)
    usable = {**listed, "status": "APPROVED"}
    for given in (ALL, {name: ALL[name] for name in fillings.needed(found.parts)}):
        assert checked(message(listed, fillings.fill(found, given)), [usable])


@pytest.mark.parametrize("listed", TEMPLATES, ids=lambda one: f"{one['name']} {one['language']}")
def test_nothing_that_is_needed_may_be_missing(listed):
    found = read(listed)
    expected = fillings.needed(found.parts)
    for name in expected:
        for without in ({k: v for k, v in ALL.items() if k != name}, {**ALL, name: "  "}):
            with pytest.raises(Missing) as problem:
                fillings.fill(found, without)
            assert (problem.value.expected, problem.value.missing) == (expected, [name])


def test_what_each_needs():
    needs = {one["name"]: fillings.needed(read(one).parts) for one in TEMPLATES}
    assert needs["order_confirmation"] == ["1", "2", "3"]
    assert needs["spring_offer"] == ["first_name", "discount"]
    assert needs["receipt"] == ["1", "header_url"]
    assert needs["find_us"] == ["header_latitude", "header_longitude"]
    assert needs["voucher"] == ["1", "2", "coupon_code"]
    assert needs["hello_world"] == []
    assert needs["our_picks"] == [
        "1", "card_0_1", "card_0_2", "card_0_header_url", "card_1_header_url", "card_1_1",
    ]  # fmt: skip


def test_a_carousel_is_filled_card_by_card():
    listed = next(one for one in TEMPLATES if one["name"] == "our_picks")
    body_part, carousel = fillings.fill(read(listed), ALL)
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
            fillings.fill(read(listed), {**ALL, name: value})


def test_a_card_that_cannot_be_filled_is_named():
    product = {"components": [{"type": "HEADER", "format": "PRODUCT"}, body("Shoes")]}
    cards = [{"components": [body("Hats")]}, product]
    listed = template("x", body("Hi"), {"type": "CAROUSEL", "cards": cards})
    with pytest.raises(CannotFill, match="PRODUCT of card 1"):
        fillings.fill(read(listed), {})


def test_a_code_for_signing_in_stands_in_body_and_button():
    listed = next(one for one in TEMPLATES if one["name"] == "login")
    parts = fillings.fill(read(listed), {"1": "4711"})
    assert parts[1] == {
        "type": "button", "sub_type": "url", "index": "0",
        "parameters": [{"type": "text", "text": "4711"}],
    }  # fmt: skip


def test_a_button_that_cannot_be_filled_is_named():
    buttons = {"type": "BUTTONS", "buttons": [{"type": "MPM", "text": "View items"}]}
    with pytest.raises(CannotFill, match="MPM"):
        fillings.fill(read(template("x", body("Hi"), buttons)), {})


@pytest.mark.parametrize("kind", ["CAROUSEL", "LIMITED_TIME_OFFER"])
def test_a_part_that_cannot_be_filled_is_named(kind):
    with pytest.raises(CannotFill, match=kind):
        fillings.fill(read(template("x", body("Hi"), {"type": kind})), {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("1", "two\nlines"), ("1", "a\tb"), ("1", "five     blanks"), ("1", "bell \x07"),
        ("1", "x" * (VALUE_CHARACTERS_MAX + 1)),
    ],
)  # fmt: skip
def test_a_value_that_whatsapp_refuses_is_refused_at_once(name, value):
    with pytest.raises(BadValue):
        fillings.fill(read(TEMPLATES[0]), {**ALL, name: value})


@pytest.mark.row("T4.1", "G19")
@pytest.mark.parametrize(
    "url", ["http://acme.com/a.jpg", "https://127.0.0.1/", "https://a:b@acme.com/", "acme.com", "x"]
)
def test_media_of_a_header_stand_on_the_public_web(url):
    with pytest.raises(BadValue, match="header_url"):
        fillings.fill(read(TEMPLATES[5]), {"header_url": url})


@pytest.mark.parametrize("value", ["91", "-91", "x", "1e2", "48.8584 N", "nan"])
def test_a_place_has_degrees(value):
    where = {"header_latitude": value, "header_longitude": "2.2945"}
    with pytest.raises(BadValue):
        fillings.fill(read(next(t for t in TEMPLATES if t["name"] == "find_us")), where)


def test_what_meta_lists_and_nobody_knows_is_passed_over():
    for nonsense in (
        {}, {"name": "x"}, {"name": "", "language": "en"}, {"name": 1, "language": "en"},
        template("x", category="OTHER"), {**template("x"), "components": None},
    ):  # fmt: skip
        assert templates.read(nonsense, account_id="1") is None
    odd = template("x", {"type": "NEW"}, {"type": "BUTTONS", "buttons": [{"type": "NEW"}, 7]})
    odd["components"].append(7)
    assert fillings.fill(read(odd), {}) == []
    assert read(template("x", status="PAUSED")).status == "REJECTED"
    assert read(template("x", status="IN_APPEAL")).status == "PENDING"
