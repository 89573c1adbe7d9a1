"""Templates: messages that Meta has approved, with placeholders (reference 14 to 16, C17, C18).

A template is known by its name; each of its translations has a state and parts of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from kith.domain import text
from kith.domain.urls import parse_public
from kith.errors import BadValue

Status = Literal["APPROVED", "PENDING", "REJECTED"]
Category = Literal["UTILITY", "MARKETING", "AUTHENTICATION"]
HeaderType = Literal["TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION"]
Variables = Mapping[str, str]

STATUSES: tuple[Status, ...] = get_args(Status)
VALUE_CHARACTERS_MAX = 1_024
VARIABLES_MAX = 100
HEADER_URL = "header_url"
HEADER_FILENAME = "header_filename"
LATITUDE, LONGITUDE = "header_latitude", "header_longitude"
PLACE = ("header_name", "header_address")
COUPON = "coupon_code"
"""What fills the parts that have no placeholder of their own."""

_WAITS = {"PENDING", "IN_APPEAL"}
_UNFILLABLE = {"CAROUSEL", "LIMITED_TIME_OFFER", "PRODUCT", "GIF"}
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}")
_UNFIT = re.compile(r"[\n\r\t]| {5}")


class Button(msgspec.Struct, frozen=True):
    """`type` as Meta spells it."""

    type: str
    text: str
    url: str | None = None
    phone_number: str | None = None


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a translation is made of. `unfillable` names a part that Kith cannot fill."""

    body: str
    header_type: HeaderType | None = None
    header_text: str | None = None
    footer: str | None = None
    buttons: tuple[Button, ...] = ()
    unfillable: str | None = None


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """`account_id` is the WhatsApp business account whose it is; `is_named`: its placeholders have
    names, not numbers."""

    account_id: str
    language: str
    status: Status
    category: Category
    parts: Parts
    is_named: bool = False
    quality: str | None = None
    meta_id: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A translation as Meta lists it, with the name of its template and its parts as they came."""

    name: str
    translation: Translation
    components: Sequence[Any]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """`translations`: at least one, in the order in which Meta lists them."""

    id: str
    name: str
    created_at: datetime
    translations: tuple[Translation, ...]

    @property
    def status(self) -> Status:
        """That of the translation which is furthest."""
        return min((one.status for one in self.translations), key=STATUSES.index)

    @property
    def category(self) -> Category:
        return self.shown.category

    @property
    def languages(self) -> list[str]:
        return list(dict.fromkeys(one.language for one in self.translations))

    @property
    def shown(self) -> Translation:
        """The first that is approved, else the first."""
        return next(self._approved(), self.translations[0])

    def usable(self, account_id: str, language: str | None) -> Translation | None:
        """What an account may send: in this language, else in any that is approved."""
        approved = [one for one in self._approved() if one.account_id == account_id]
        wanted = _tag(language) if language else ""
        exact = (one for one in approved if _tag(one.language) == wanted)
        near = (one for one in approved if _tag(one.language).split("_")[0] == wanted.split("_")[0])
        return next(exact, None) or next(near, None) or next(iter(approved), None)

    def _approved(self) -> Iterator[Translation]:
        return (one for one in self.translations if one.status == "APPROVED")


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
    """Everything that must be given: those of the body first, then of header and buttons."""
    names = placeholders(parts.body)
    if parts.header_type == "TEXT":
        names += placeholders(parts.header_text or "")
    elif parts.header_type == "LOCATION":
        names += [LATITUDE, LONGITUDE]
    elif parts.header_type is not None:
        names.append(HEADER_URL)
    for button in parts.buttons:
        names += _button_names(button)
    return list(dict.fromkeys(names))


def fill(translation: Translation, given: Variables) -> list[dict[str, Any]]:
    """The components of a message. What is given beside is ignored.

    Raises Missing, CannotFill, BadValue.
    """
    parts = translation.parts
    if parts.unfillable:
        raise CannotFill(parts.unfillable)
    expected = needed(parts)
    if missing := [name for name in expected if not given.get(name, "").strip()]:
        raise Missing(expected, missing)
    texts = _Texts(given, is_named=translation.is_named)
    found = [
        _component("header", _header(parts, texts, given)),
        _component("body", texts.of(parts.body)),
    ]
    for index, button in enumerate(parts.buttons):
        about = {"sub_type": button.type.lower(), "index": str(index)}
        if button.type == "OTP":
            about["sub_type"] = "url"
        found.append(_component("button", _button(button, index, given), **about))
    return [one for one in found if one["parameters"]]


def rendered(parts: Parts, given: Variables) -> str:
    """The body as the person reads it."""
    return _PLACEHOLDER.sub(lambda match: given.get(match[1], match[0]), parts.body)


def read(listed: Mapping[str, Any], *, account_id: str) -> Told | None:
    """A translation as Meta lists it; None for what cannot be one."""
    name, language, components = (
        listed.get("name"),
        listed.get("language"),
        listed.get("components"),
    )
    category = next((one for one in get_args(Category) if one == listed.get("category")), None)
    if not (isinstance(name, str) and name and isinstance(language, str) and language):
        return None
    if category is None or not isinstance(components, list):
        return None
    quality, meta_id = listed.get("quality_score"), listed.get("id")
    score = quality.get("score") if isinstance(quality, dict) else None
    translation = Translation(
        account_id=account_id,
        language=language,
        status=_status(listed.get("status")),
        category=category,
        parts=parts_of(components),
        is_named=listed.get("parameter_format") == "NAMED",
        quality=score if isinstance(score, str) else None,
        meta_id=meta_id if isinstance(meta_id, str) else None,
    )
    return Told(name=name, translation=translation, components=components)


def parts_of(components: Sequence[Any]) -> Parts:
    """Of a list of components as Meta writes them."""
    found: dict[str, Any] = {"body": ""}
    for one in (one for one in components if isinstance(one, dict)):
        kind, said = str(one.get("type", "")).upper(), one.get("text")
        if kind == "BODY":
            found["body"] = said if isinstance(said, str) else ""
        elif kind == "FOOTER" and isinstance(said, str):
            found["footer"] = said
        elif kind == "HEADER":
            shape = str(one.get("format", "")).upper()
            if shape in get_args(HeaderType):
                found["header_type"] = shape
                found["header_text"] = said if isinstance(said, str) else None
            else:
                found["unfillable"] = shape or kind
        elif kind == "BUTTONS" and isinstance(buttons := one.get("buttons"), list):
            found["buttons"] = tuple(_read_button(b) for b in buttons if isinstance(b, dict))
        elif kind in _UNFILLABLE:
            found["unfillable"] = kind
    return Parts(**found)


class _Texts:
    """Makes the parameters of a text with placeholders."""

    def __init__(self, given: Variables, *, is_named: bool) -> None:
        self._given = given
        self._is_named = is_named

    def of(self, text: str) -> list[dict[str, Any]]:
        return [self._one(name) for name in placeholders(text)]

    def _one(self, name: str) -> dict[str, Any]:
        named = {"parameter_name": name} if self._is_named else {}
        return {"type": "text", **named, "text": fitting(name, self._given[name])}


def fitting(name: str, value: str) -> str:
    """A value that Meta takes; raises BadValue."""
    if len(value) > VALUE_CHARACTERS_MAX:
        raise BadValue(f"may not hold more than {VALUE_CHARACTERS_MAX} characters in {name!r}.")
    if _UNFIT.search(value):
        raise BadValue(
            f"may not hold line breaks, tabs or more than four blanks together in {name!r}:"
            " WhatsApp refuses them."
        )
    return text.prose(value)


def _component(kind: str, parameters: list[dict[str, Any]], **about: str) -> dict[str, Any]:
    return {"type": kind, **about, "parameters": parameters}


def _header(parts: Parts, texts: _Texts, given: Variables) -> list[dict[str, Any]]:
    if parts.header_type == "TEXT":
        return texts.of(parts.header_text or "")
    if parts.header_type == "LOCATION":
        return [{"type": "location", "location": _location(given)}]
    if parts.header_type is None:
        return []
    kind = parts.header_type.lower()
    media = {"link": _link(given)}
    if kind == "document" and given.get(HEADER_FILENAME, "").strip():
        media["filename"] = fitting(HEADER_FILENAME, given[HEADER_FILENAME])
    return [{"type": kind, kind: media}]


def _link(given: Variables) -> str:
    try:
        return parse_public(given[HEADER_URL])
    except BadValue as problem:
        raise BadValue(f"are not right: {HEADER_URL!r} {problem}") from None


def _location(given: Variables) -> dict[str, str]:
    for name, most in ((LATITUDE, 90), (LONGITUDE, 180)):
        if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,12})?", given[name].strip()) or not (
            abs(float(given[name])) <= most
        ):
            raise BadValue(f"must hold a number of degrees up to {most} in {name!r}.")
    place = {"latitude": given[LATITUDE].strip(), "longitude": given[LONGITUDE].strip()}
    for name in PLACE:
        if given.get(name, "").strip():
            place[name.removeprefix("header_")] = fitting(name, given[name])
    return place


def _button(button: Button, index: int, given: Variables) -> list[dict[str, Any]]:
    if button.type == "URL":
        # A button has one placeholder, whatever it is called, and it is never named.
        return [
            {"type": "text", "text": fitting(name, given[name])}
            for name in placeholders(button.url or "")
        ]
    if button.type == "OTP":
        return [{"type": "text", "text": fitting("1", given["1"])}]
    if button.type == "COPY_CODE":
        return [{"type": "coupon_code", "coupon_code": fitting(COUPON, given[COUPON])}]
    name = f"button_{index}_payload"
    if button.type == "QUICK_REPLY" and given.get(name, "").strip():
        return [{"type": "payload", "payload": fitting(name, given[name])}]
    return []


def _button_names(button: Button) -> list[str]:
    if button.type == "URL":
        return placeholders(button.url or "")
    return {"COPY_CODE": [COUPON], "OTP": ["1"]}.get(button.type, [])


def _read_button(given: Mapping[str, Any]) -> Button:
    said = {name: given.get(name) for name in ("text", "url", "phone_number")}
    known = {name: value if isinstance(value, str) else None for name, value in said.items()}
    return Button(
        type=str(given.get("type", "")).upper(),
        text=known["text"] or "",
        url=known["url"],
        phone_number=known["phone_number"],
    )


def _status(given: object) -> Status:
    """Of the three that the contract has, the one that says whether it can be used."""
    if given == "APPROVED":
        return "APPROVED"
    return "PENDING" if given in _WAITS else "REJECTED"


def _tag(language: str) -> str:
    """`pt-BR` and `pt_BR` are one language."""
    return language.strip().replace("-", "_").casefold()
