"""Messages made of templates: which variables each part needs, and how they fill it (reference 16).

A variable is called as its placeholder is. What has none is called by its place: `header_url`,
`button_0_payload`; all that belongs to a card of a carousel begins with `card_0_`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kith.domain import text
from kith.domain.templates import Button, Parts, Translation
from kith.domain.urls import parse_public
from kith.errors import BadValue

Variables = Mapping[str, str]

VALUE_CHARACTERS_MAX = 1_024
VARIABLES_MAX = 100
HEADER_URL = "header_url"
HEADER_FILENAME = "header_filename"
LATITUDE, LONGITUDE = "header_latitude", "header_longitude"
PLACE = ("header_name", "header_address")
COUPON = "coupon_code"
"""What fills the parts that have no placeholder of their own."""

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}")
_UNFIT = re.compile(r"[\n\r\t]| {5}")

Component = dict[str, Any]


class Missing(Exception):
    """Variables without which the template cannot be sent."""

    def __init__(self, expected: Sequence[str], missing: Sequence[str]) -> None:
        super().__init__()
        self.expected = list(expected)
        self.missing = list(missing)


class CannotFill(Exception):
    """The template has a part for which nothing can be given; the text names it."""


def placeholders(body: str) -> list[str]:
    """Their names, each once, in the order in which they appear."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(body)))


def needed(parts: Parts) -> list[str]:
    """Everything that must be given: the body first, then header and buttons, then the cards."""
    names = placeholders(parts.body)
    if parts.header_type == "TEXT":
        names += placeholders(parts.header_text or "")
    elif parts.header_type == "LOCATION":
        names += [LATITUDE, LONGITUDE]
    elif parts.header_type is not None:
        names.append(HEADER_URL)
    for button in parts.buttons:
        names += _button_names(button)
    for index, card in enumerate(parts.cards):
        names += [_of_card(index) + name for name in needed(card)]
    return list(dict.fromkeys(names))


def fill(translation: Translation, given: Variables) -> list[Component]:
    """The components of a message. What is given beside is ignored.

    Raises Missing, CannotFill, BadValue.
    """
    parts = translation.parts
    if parts.unfillable:
        raise CannotFill(parts.unfillable)
    expected = needed(parts)
    if missing := [name for name in expected if not given.get(name, "").strip()]:
        raise Missing(expected, missing)
    return _filled(parts, _Values(given, translation.is_named))


def rendered(parts: Parts, given: Variables) -> str:
    """The body as the person reads it."""
    return _PLACEHOLDER.sub(lambda match: given.get(match[1], match[0]), parts.body)


class _Values(msgspec.Struct, frozen=True):
    """What was given; all names begin with `prefix`, which the template does not say."""

    given: Variables
    is_named: bool
    prefix: str = ""

    def of_card(self, index: int) -> "_Values":
        return _Values(self.given, self.is_named, _of_card(index))

    def has(self, name: str) -> bool:
        return bool(self.given.get(self.prefix + name, "").strip())

    def raw(self, name: str) -> str:
        return self.given[self.prefix + name]

    def one(self, name: str) -> str:
        """A value that Meta takes; raises BadValue."""
        value, called = self.raw(name), self.prefix + name
        if len(value) > VALUE_CHARACTERS_MAX:
            raise BadValue(
                f"may not hold more than {VALUE_CHARACTERS_MAX} characters in {called!r}."
            )
        if _UNFIT.search(value):
            raise BadValue(
                f"may not hold line breaks, tabs or more than four blanks together in {called!r}:"
                " WhatsApp refuses them."
            )
        return text.prose(value)

    def texts(self, said: str) -> list[Component]:
        """The parameters of a text with placeholders."""
        return [
            {
                "type": "text",
                **({"parameter_name": name} if self.is_named else {}),
                "text": self.one(name),
            }
            for name in placeholders(said)
        ]


def _of_card(index: int) -> str:
    return f"card_{index}_"


def _filled(parts: Parts, values: _Values) -> list[Component]:
    found = [
        _component("header", _header(parts, values)),
        _component("body", values.texts(parts.body)),
    ]
    for index, button in enumerate(parts.buttons):
        about = {"sub_type": button.type.lower(), "index": str(index)}
        if button.type == "OTP":
            about["sub_type"] = "url"
        found.append(_component("button", _button(button, index, values), **about))
    found = [one for one in found if one["parameters"]]
    if parts.cards:  # every one, also with nothing to fill
        cards = [
            {"card_index": index, "components": _filled(card, values.of_card(index))}
            for index, card in enumerate(parts.cards)
        ]
        found.append({"type": "carousel", "cards": cards})
    return found


def _component(kind: str, parameters: list[Component], **about: str) -> Component:
    return {"type": kind, **about, "parameters": parameters}


def _header(parts: Parts, values: _Values) -> list[Component]:
    if parts.header_type == "TEXT":
        return values.texts(parts.header_text or "")
    if parts.header_type == "LOCATION":
        return [{"type": "location", "location": _location(values)}]
    if parts.header_type is None:
        return []
    kind = parts.header_type.lower()
    media = {"link": _link(values)}
    if kind == "document" and values.has(HEADER_FILENAME):
        media["filename"] = values.one(HEADER_FILENAME)
    return [{"type": kind, kind: media}]


def _link(values: _Values) -> str:
    try:
        return parse_public(values.raw(HEADER_URL))
    except BadValue as problem:
        raise BadValue(f"are not right: {values.prefix + HEADER_URL!r} {problem}") from None


def _location(values: _Values) -> dict[str, str]:
    for name, most in ((LATITUDE, 90), (LONGITUDE, 180)):
        degrees = values.raw(name).strip()
        if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,12})?", degrees) or abs(float(degrees)) > most:
            raise BadValue(
                f"must hold a number of degrees up to {most} in {values.prefix + name!r}."
            )
    place = {"latitude": values.raw(LATITUDE).strip(), "longitude": values.raw(LONGITUDE).strip()}
    for name in PLACE:
        if values.has(name):
            place[name.removeprefix("header_")] = values.one(name)
    return place


def _button(button: Button, index: int, values: _Values) -> list[Component]:
    if button.type == "URL":
        # A button has one placeholder, whatever it is called, and it is never named.
        return [{"type": "text", "text": values.one(name)} for name in _button_names(button)]
    if button.type == "OTP":
        return [{"type": "text", "text": values.one("1")}]
    if button.type == "COPY_CODE":
        return [{"type": "coupon_code", "coupon_code": values.one(COUPON)}]
    name = f"button_{index}_payload"
    if button.type == "QUICK_REPLY" and values.has(name):
        return [{"type": "payload", "payload": values.one(name)}]
    return []


def _button_names(button: Button) -> list[str]:
    if button.type == "URL":
        return placeholders(button.url or "")
    return {"COPY_CODE": [COUPON], "OTP": ["1"]}.get(button.type, [])
