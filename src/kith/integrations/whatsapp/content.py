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

BYTES_MAX = 65_536
BODY_CHARACTERS_MAX = 4_096
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
_OF_ERROR = ("code", "title")
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
    elif kind == UNSUPPORTED and (errors := items(message.get("errors"))):
        held = Held(
            type=kind, content={"errors": [_some(fields(one), _OF_ERROR) for one in errors]}
        )
    content = dict(held.content)
    if referral := _some(fields(message.get("referral")), _OF_REFERRAL):
        content["referral"] = referral
    context = fields(message.get("context"))
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


def prose(value: object, *, characters_max: int = BODY_CHARACTERS_MAX) -> str:
    """A text that may hold line breaks; blank for what is no text."""
    if not isinstance(value, str):
        return ""
    return text.repaired_prose(value, characters_max=characters_max)


def fitting(content: dict[str, Any]) -> dict[str, Any]:
    """The content as it may be kept: whole, repaired, or a note that it was too large."""
    kept = {key: _kept(value) for key, value in content.items()}
    return kept if len(json.encode(kept)) <= BYTES_MAX else {"too_large": True}


def _kept(value: object) -> Any:
    if isinstance(value, str):
        return text.repaired_prose(value, characters_max=BYTES_MAX)
    if isinstance(value, dict):
        return {prose(key): _kept(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_kept(one) for one in value]
    if isinstance(value, int) and abs(value) > json.INTEGER_MAX:
        return str(value)  # clients would lose digits
    return value


def _some(given: Object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}


def _text(kind: str, given: Object) -> Held:
    body = prose(given.get("body"))
    return Held(type=kind, content={"body": body}, said=(body,))


def _media(kind: str, given: Object) -> Held:
    content = _some(given, _OF_MEDIA)
    if "caption" in content:
        content["caption"] = prose(content["caption"])
    return Held(type=kind, content=content)


def _location(kind: str, given: Object) -> Held:
    return Held(type=kind, content=_some(given, _OF_LOCATION))


def _reaction(kind: str, given: Object) -> Held:
    """Without an emoji it takes the reaction back."""
    about = line(given.get("message_id"))
    content = {"emoji": line(given.get("emoji")), "message_id": about}
    return Held(type=kind, content=content, about=about)


def _button(kind: str, given: Object) -> Held:
    content = {"text": prose(given.get("text")), "payload": prose(given.get("payload"))}
    return Held(type=kind, content=content, said=tuple(content.values()), is_button=True)


def _interactive(kind: str, given: Object) -> Held:
    """An answer to buttons, a list or a form; it may come without a body."""
    what = line(given.get("type")) or next(
        (name for name in ("button_reply", "list_reply", "nfm_reply") if name in given), None
    )
    reply = fields(given.get(what)) if what else {}
    if what == "nfm_reply":
        form = {"name": line(reply.get("name")), "body": prose(reply.get("body"))}
        content = {"type": what, **form, "response": _form(reply.get("response_json"))}
        return Held(type=kind, content=content)
    content = {"type": what, **_some(reply, _OF_REPLY)}
    said = tuple(prose(reply.get(name)) for name in ("id", "title"))
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
