"""What a message holds, by its type: as the wire format shows it, and what of it was said.

Nobody can be asked to send a message right: what is missing is left out, bad text is repaired.
"""

import string
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kith.domain import json, text
from kith.domain.whatsapp_facts import named
from kith.errors import AppError

TEXT_CHARACTERS_MAX = 65_536
"""What WhatsApp lets a person write, which is more than it lets a business send."""
BYTES_MAX = 5 * TEXT_CHARACTERS_MAX
"""Of one text in any script, and what comes with it."""
SAID_CHARACTERS_MAX = 4_096
"""Of what may be a word of consent, or hold a code."""
TYPE_CHARACTERS_MAX = 32
UNSUPPORTED = "unsupported"

Object = Mapping[str, Any]

MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
_OF_MEDIA = ("id", "mime_type", "sha256", "caption", "filename", "voice", "animated")
_OF_LOCATION = ("latitude", "longitude", "name", "address", "url")
_OF_REPLY = ("id", "title", "description")
_OF_REFERRAL = (
    "source_url", "source_type", "source_id", "headline", "body", "media_type", "image_url",
    "video_url", "thumbnail_url", "ctwa_clid",
)  # fmt: skip
_OF_ERROR = ("code", "title", "message")
_OF_PRODUCT = ("catalog_id", "product_retailer_id")
_OF_ORDER = ("catalog_id", "text", "product_items")


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """`about` is the message that it reacts to, edits or deletes."""

    type: str
    content: dict[str, Any]
    said: tuple[str, ...] = ()
    is_button: bool = False
    about: str | None = None


def read(message: Object) -> Held:
    """Of any type; of one that Kith does not know, whatever it brings."""
    kind = type_of(message)
    given = message.get("voice" if kind == "audio" and "voice" in message else kind)
    held = _READERS.get(kind, _other)(kind, fields(given))
    if kind == "contacts":  # the one type that is a list
        held = Held(type=kind, content={"contacts": items(given)})
    content = dict(held.content)
    if errors := items(message.get("errors")):
        content["errors"] = [_error(fields(one)) for one in errors]
    if referral := _some(fields(message.get("referral")), _OF_REFERRAL):
        content["referral"] = referral
    context = fields(message.get("context"))
    if product := _some(fields(context.get("referred_product")), _OF_PRODUCT):
        content["referred_product"] = product
    if context.get("forwarded") is True or context.get("frequently_forwarded") is True:
        content["forwarded"] = True
    return msgspec.structs.replace(held, content=fitting(content))


def shared_number(message: Object) -> str | None:
    """The sender's own number, where they gave it on request: a card from an address book tells of
    anybody. As WhatsApp has it, else as it is written."""
    for card in map(fields, items(message.get("contacts"))):
        if card.get("origin") != "contact_request":
            continue
        for phone in map(fields, items(card.get("phones"))):
            for value in (phone.get("wa_id"), _digits(phone.get("phone"))):
                if isinstance(value, str) and (found := named(value).wa_id) is not None:
                    return found
    return None


def _digits(phone: object) -> str | None:
    """Of a number in full, with its plus."""
    if not isinstance(phone, str) or not phone.strip().startswith("+"):
        return None
    return "".join(one for one in phone if one in string.digits)


def type_of(message: Object) -> str:
    """As WhatsApp calls it; what is no name is `unsupported`."""
    kind = message.get("type")
    if not isinstance(kind, str) or not 0 < len(kind) <= TYPE_CHARACTERS_MAX:
        return UNSUPPORTED
    is_name = kind.isascii() and kind.replace("_", "").isalnum() and kind == kind.lower()
    return {"voice": "audio"}.get(kind, kind) if is_name else UNSUPPORTED


def fields(value: object) -> dict[str, Any]:
    """An object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """A list; empty for anything else."""
    return value if isinstance(value, list) else []


def line(value: object, *, characters_max: int = text.NAME_CHARACTERS_MAX) -> str | None:
    """A one-line text; None for nothing, and for what is no text."""
    if not isinstance(value, str):
        return None
    return text.repaired(value, characters_max=characters_max) or None


def prose(value: object, *, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    """A text that may hold line breaks; blank for what is no text."""
    if not isinstance(value, str):
        return ""
    return text.repaired_prose(value, characters_max=characters_max)


def fitting(content: dict[str, Any]) -> dict[str, Any]:
    """The content as it may be kept: repaired, whole, or a note that a text in it was cut, or that
    it was too large."""
    kept = _kept(content)
    if _is_cut(content):
        kept["truncated"] = True
    return kept if len(json.encode(kept)) <= BYTES_MAX else {"too_large": True}


def _kept(value: object) -> Any:
    if isinstance(value, str):
        return prose(value)
    if isinstance(value, dict):
        return {prose(key): _kept(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_kept(one) for one in value]
    if isinstance(value, int) and abs(value) > json.INTEGER_MAX:
        return str(value)  # clients would lose digits
    return value


def _is_cut(value: object) -> bool:
    if isinstance(value, str):
        return len(value.replace("\r\n", "\n")) > TEXT_CHARACTERS_MAX
    if isinstance(value, dict):
        return any(map(_is_cut, value.values()))
    return isinstance(value, list) and any(map(_is_cut, value))


def _some(given: Object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}


def _error(given: Object) -> dict[str, Any]:
    error = _some(given, _OF_ERROR)
    if details := _some(fields(given.get("error_data")), ("details",)):
        error["error_data"] = details
    return error


def _said(*values: object) -> tuple[str, ...]:
    return tuple(prose(value, characters_max=SAID_CHARACTERS_MAX) for value in values)


def _string(value: object) -> str:
    """A text as it came; blank for what is none."""
    return value if isinstance(value, str) else ""


def _text(kind: str, given: Object) -> Held:
    body = _string(given.get("body"))
    return Held(type=kind, content={"body": body}, said=_said(body))


def _media(kind: str, given: Object) -> Held:
    content = _some(given, _OF_MEDIA)
    if "caption" in content:
        content["caption"] = _string(content["caption"])
    return Held(type=kind, content=content)


def _location(kind: str, given: Object) -> Held:
    return Held(type=kind, content=_some(given, _OF_LOCATION))


def _reaction(kind: str, given: Object) -> Held:
    """Without an emoji it takes the reaction back."""
    about = line(given.get("message_id"))
    content = {"emoji": line(given.get("emoji")), "message_id": about}
    return Held(type=kind, content=content, about=about)


def _button(kind: str, given: Object) -> Held:
    content = {"text": _string(given.get("text")), "payload": _string(given.get("payload"))}
    return Held(type=kind, content=content, said=_said(*content.values()), is_button=True)


def _interactive(kind: str, given: Object) -> Held:
    """An answer to buttons, a list or a form; it may come without a body. Of any other, whatever
    it brings."""
    what = line(given.get("type")) or next(
        (name for name in ("button_reply", "list_reply", "nfm_reply") if name in given), None
    )
    reply = fields(given.get(what)) if what else {}
    if what == "nfm_reply":
        form = {"name": line(reply.get("name")), "body": _string(reply.get("body"))}
        content = {"type": what, **form, "response": _form(reply.get("response_json"))}
        return Held(type=kind, content=content)
    content = {**given, "type": what}
    if what in ("button_reply", "list_reply"):
        content = {"type": what, **_some(reply, _OF_REPLY)}
    said = _said(reply.get("id"), reply.get("title"))
    return Held(type=kind, content=content, said=said, is_button=True)


def _form(response: object) -> Any:
    """What was filled in: JSON in a string, which may hold anything."""
    if not isinstance(response, str):
        return response
    try:
        return json.decode(response.encode())
    except (AppError, UnicodeEncodeError):
        return response


def _order(kind: str, given: Object) -> Held:
    return Held(type=kind, content=_some(given, _OF_ORDER))


def _edit(kind: str, given: Object) -> Held:
    """The new content stands in a message of its own, inside."""
    about = line(given.get("original_message_id")) or line(given.get("message_id"))
    inner = fields(given.get("message"))
    new = read({key: value for key, value in inner.items() if key != "context"})
    content = {"message_id": about, "type": new.type, "content": new.content}
    return Held(type=kind, content=content, about=about)


def _revoke(kind: str, given: Object) -> Held:
    about = line(given.get("original_message_id")) or line(given.get("message_id"))
    return Held(type=kind, content={"message_id": about}, about=about)


def _other(kind: str, given: Object) -> Held:
    return Held(type=kind, content=dict(given))


_READERS: dict[str, Callable[[str, Object], Held]] = {
    "text": _text,
    **dict.fromkeys(MEDIA, _media),
    "location": _location,
    "reaction": _reaction,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "edit": _edit,
    "revoke": _revoke,
}
