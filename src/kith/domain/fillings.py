"""Messages made of templates: which variables each part needs, and how they fill it (reference 16).

A variable is called as its placeholder is. What has none is called by its place: `header_url`,
`button_0_payload`; all that belongs to a card of a carousel begins with `card_0_`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kith.domain import filling_buttons
from kith.domain.filling_buttons import Component
from kith.domain.filling_values import CATALOG, Values, Variables, in_card, of_card
from kith.domain.templates import PLACEHOLDER, Parts, Translation, placeholders
from kith.domain.times import from_us, to_us

VARIABLES_MAX = 100
HEADER_URL = "header_url"
HEADER_FILENAME = "header_filename"
LATITUDE, LONGITUDE = "header_latitude", "header_longitude"
PLACE = ("header_name", "header_address")
PRODUCT = "product_retailer_id"
OFFER_ENDS = "offer_expires_at"
TAP_TARGET = ("tap_target_url", "tap_target_title")
"""What fills the parts that have no placeholder of their own."""


class Missing(Exception):
    """Variables without which the template cannot be sent."""

    def __init__(self, expected: Sequence[str], missing: Sequence[str]) -> None:
        super().__init__()
        self.expected = list(expected)
        self.missing = list(missing)


class CannotFill(Exception):
    """The template has a part for which nothing can be given; the text names it."""


def needed(parts: Parts) -> list[str]:
    """Everything that must be given: the body first, then header, offer and buttons, then the
    cards."""
    names = placeholders(parts.body)
    if parts.header_type == "TEXT":
        names += placeholders(parts.header_text or "")
    elif parts.header_type == "LOCATION":
        names += [LATITUDE, LONGITUDE]
    elif parts.header_type == "PRODUCT":
        names += [CATALOG, PRODUCT]
    elif parts.header_type is not None:
        names.append(HEADER_URL)
    if parts.offer_ends:
        names.append(OFFER_ENDS)
    for button in parts.buttons:
        names += filling_buttons.needed(button)
    for index, card in enumerate(parts.cards):
        names += [in_card(name, of_card(index)) for name in needed(card)]
    return list(dict.fromkeys(names))


def fill(translation: Translation, given: Variables, *, now: datetime) -> list[Component]:
    """The components of a message. What is given beside is ignored.

    Raises Missing, CannotFill, BadValue.
    """
    parts, values = translation.parts, Values(given, now)
    if parts.unfillable:
        raise CannotFill(parts.unfillable)
    expected = needed(parts) + filling_buttons.titles(parts, values)
    if any(values.has(name) for name in TAP_TARGET):
        expected += TAP_TARGET
    if missing := [name for name in expected if not values.has(name)]:
        raise Missing(expected, missing)
    return _filled(parts, values, is_named=translation.is_named) + _tap_target(values)


def rendered(parts: Parts, given: Variables) -> str:
    """The body as the person reads it."""
    return PLACEHOLDER.sub(lambda match: given.get(match[1], match[0]), parts.body)


def offer_ends_at(components: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the offer ends that a message was filled with."""
    for one in components:
        if one["type"] == "limited_time_offer":
            offer = one["parameters"][0]["limited_time_offer"]
            return from_us(offer["expiration_time_ms"] * 1_000)
    return None


def _filled(parts: Parts, values: Values, *, is_named: bool) -> list[Component]:
    found = [
        _component("header", _header(parts, values, is_named=is_named)),
        _component("body", _texts(parts.body, values, is_named=is_named)),
        _component("limited_time_offer", _offer(values) if parts.offer_ends else []),
    ]
    found += [
        filling_buttons.component(button, index, values)
        for index, button in enumerate(parts.buttons)
    ]
    found = [one for one in found if one["parameters"]]
    if parts.cards:  # every one, also with nothing to fill
        cards = [
            {
                "card_index": index,
                "components": _filled(card, values.of_card(index), is_named=is_named),
            }
            for index, card in enumerate(parts.cards)
        ]
        found.append({"type": "carousel", "cards": cards})
    return found


def _component(kind: str, parameters: list[Component]) -> Component:
    return {"type": kind, "parameters": parameters}


def _texts(said: str, values: Values, *, is_named: bool) -> list[Component]:
    """The parameters of a text with placeholders."""
    return [
        {
            "type": "text",
            **({"parameter_name": name} if is_named else {}),
            "text": values.one(name),
        }
        for name in placeholders(said)
    ]


def _header(parts: Parts, values: Values, *, is_named: bool) -> list[Component]:
    kind = (parts.header_type or "").lower()
    match parts.header_type:
        case None:
            return []
        case "TEXT":
            return _texts(parts.header_text or "", values, is_named=is_named)
        case "LOCATION":
            about = _location(values)
        case "PRODUCT":
            about = {PRODUCT: values.product(PRODUCT), CATALOG: values.product(CATALOG)}
        case _:
            about = {"link": values.link(HEADER_URL)}
            if kind == "document" and values.has(HEADER_FILENAME):
                about["filename"] = values.one(HEADER_FILENAME)
    return [{"type": kind, kind: about}]


def _location(values: Values) -> dict[str, str]:
    place = {
        "latitude": values.degrees(LATITUDE, 90),
        "longitude": values.degrees(LONGITUDE, 180),
    }
    for name in PLACE:
        if values.has(name):
            place[name.removeprefix("header_")] = values.one(name)
    return place


def _offer(values: Values) -> list[Component]:
    ends_ms = to_us(values.future(OFFER_ENDS)) // 1_000
    about = {"expiration_time_ms": ends_ms}
    return [{"type": "limited_time_offer", "limited_time_offer": about}]


def _tap_target(values: Values) -> list[Component]:
    """Where a tap on the message leads, and how that is called; for accounts that have it."""
    url, title = TAP_TARGET
    if not values.has(url):
        return []
    about = {"url": values.link(url), "title": values.one(title)}
    kind = "tap_target_configuration"
    return [_component(kind, [{"type": kind, kind: [about]}])]
