"""Reads what "Webhooks by Zapier" posts: the fields of create-contact, and `consent` beside."""

import hashlib
from collections.abc import Mapping
from typing import Any, get_args

from kith.domain import metadata, text
from kith.domain.consent import Channel, Method, Purpose, State
from kith.domain.contacts import SaveContact
from kith.domain.inbox import Unreadable
from kith.domain.metadata import Metadata
from kith.domain.zap_facts import ConsentPosted, ContactPosted
from kith.errors import BadValue
from kith.integrations import reading
from kith.integrations.reading import Sent

KEY = b"idempotency-key"
WORDING_CHARACTERS_MAX = 10_000
NOTE_CHARACTERS_MAX = 2_000
VERSION_CHARACTERS_MAX = 100
_CHOICES = {"channel": Channel, "purpose": Purpose, "state": State, "method": Method}


def event_key(headers: Mapping[bytes, bytes], _body: bytes) -> str:
    """Zapier names no event: whoever wants repeats to have no effect gives a name of their own."""
    given = headers.get(KEY, b"").strip()
    return f"key:{hashlib.sha256(given).hexdigest()}" if given else ""


def read(_headers: Mapping[str, str], body: bytes, _config: Mapping[str, Any]) -> list[Any]:
    """Raises Unreadable."""
    sent = Sent(body)
    given = sent.body
    phone = reading.number(given.get("phone"))
    if phone is None:
        raise Unreadable("It has no phone, or one that is none.")
    contact = SaveContact(
        phone=phone,
        name=sent.line(given.get("name")),
        email=sent.email(given.get("email")),
        tags=sent.tags(given.get("tags")),
        metadata=_metadata(given, "metadata") or {},
    )
    return [ContactPosted(contact=contact, consent=_consent(sent, given)), *sent.marks]


def _consent(sent: Sent, given: Mapping[str, Any]) -> ConsentPosted | None:
    told = given.get("consent")
    if _is_blank(told) or (isinstance(told, dict) and all(map(_is_blank, told.values()))):
        return None
    if not isinstance(told, dict):
        raise Unreadable("The consent in it is no object.")
    choices = {name: _choice(told, name, get_args(kind)) for name, kind in _CHOICES.items()}
    return ConsentPosted(
        **choices,
        wording=_prose(told.get("wording"), WORDING_CHARACTERS_MAX),
        wording_version=sent.line(
            told.get("wording_version"), characters_max=VERSION_CHARACTERS_MAX
        ),
        evidence=_metadata(told, "evidence"),
        note=_prose(told.get("note"), NOTE_CHARACTERS_MAX),
        occurred_at=reading.time(told.get("occurred_at")),
    )


def _is_blank(value: object) -> bool:
    """Whether nothing is given: a Zap sends a field whose value somebody left out as blank."""
    return value is None or value == {} or (isinstance(value, str) and text.is_blank(value))


def _choice(told: Mapping[str, Any], name: str, options: tuple[str, ...]) -> Any:
    value = told.get(name)
    if isinstance(value, str) and value.strip() in options and value != "api_default":
        return value.strip()
    named = ", ".join(one for one in options if one != "api_default")
    raise Unreadable(f"The {name} of the consent in it is none of {named}.")


def _metadata(given: Mapping[str, Any], name: str) -> Metadata | None:
    value = given.get(name)
    if value is None or value in ("", {}):
        return None
    try:
        return metadata.parse(value)
    except BadValue as problem:
        raise Unreadable(f"The {name} in it {problem}") from None


def _prose(value: object, characters_max: int) -> str | None:
    if not isinstance(value, str) or text.is_blank(value):
        return None
    try:
        return text.prose(value.strip())[:characters_max]
    except BadValue as problem:
        raise Unreadable(f"A text of the consent in it {problem}") from None
