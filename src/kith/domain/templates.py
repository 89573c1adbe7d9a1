"""Templates: messages that Meta has approved, with placeholders (reference 14, 15, C17, C18).

A template is known by its name; each of its translations has a state and parts of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

Status = Literal["APPROVED", "PENDING", "REJECTED"]
Category = Literal["UTILITY", "MARKETING", "AUTHENTICATION"]
HeaderType = Literal["TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "PRODUCT"]

STATUSES: tuple[Status, ...] = get_args(Status)
_WAITS = {"PENDING", "IN_APPEAL"}
PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}")
_UNFILLABLE_BUTTONS = {"ORDER_DETAILS"}
"""Of a payment: an order with prices, taxes and accounts, and what becomes of it comes back."""


class Button(msgspec.Struct, frozen=True):
    """`type` as Meta spells it."""

    type: str
    text: str
    url: str | None = None
    phone_number: str | None = None


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a translation, or a card of it, is made of. `offer_ends`: an offer counts down to a time
    that each message says. `header_sample`: where the file is that Meta was shown for approval.
    `unfillable` names a part that Kith cannot fill."""

    body: str
    header_type: HeaderType | None = None
    header_text: str | None = None
    header_sample: str | None = None
    footer: str | None = None
    offer_ends: bool = False
    buttons: tuple[Button, ...] = ()
    cards: "tuple[Parts, ...]" = ()
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
    translation = Translation(
        account_id=account_id,
        language=language,
        status=_status(listed.get("status")),
        category=category,
        parts=parts_of(components),
        is_named=listed.get("parameter_format") == "NAMED",
    )
    return Told(name=name, translation=translation, components=components)


def placeholders(said: str) -> list[str]:
    """Their names, each once, in the order in which they appear."""
    return list(dict.fromkeys(PLACEHOLDER.findall(said)))


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
                found["header_sample"] = _sample(one.get("example"))
            else:
                found["unfillable"] = shape or kind
        elif kind == "BUTTONS" and isinstance(buttons := one.get("buttons"), list):
            found["buttons"] = tuple(_read_button(b) for b in buttons if isinstance(b, dict))
            if wrong := {button.type for button in found["buttons"]} & _UNFILLABLE_BUTTONS:
                found["unfillable"] = min(wrong)
        elif kind == "CAROUSEL":
            found |= _carousel(one.get("cards"))
        elif kind == "LIMITED_TIME_OFFER" and isinstance(offer := one.get(kind.lower()), dict):
            found["offer_ends"] = offer.get("has_expiration") is True
    return Parts(**found)


def _sample(given: object) -> str | None:
    """The first address among the examples of a header; a handle of an upload is none."""
    told = given.get("header_handle") if isinstance(given, dict) else None
    urls = [one for one in (told if isinstance(told, list) else ()) if isinstance(one, str)]
    return next((one for one in urls if one.startswith(("https://", "http://"))), None)


def _carousel(given: object) -> dict[str, Any]:
    """Its cards, each made of parts as a template is."""
    listed = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    each = [one.get("components") for one in listed]
    cards = tuple(parts_of(one if isinstance(one, list) else ()) for one in each)
    if not cards:
        return {"unfillable": "CAROUSEL"}
    found: dict[str, Any] = {"cards": cards}
    wrong = [f"{one.unfillable} of card {n}" for n, one in enumerate(cards) if one.unfillable]
    return found | {"unfillable": wrong[0]} if wrong else found


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
