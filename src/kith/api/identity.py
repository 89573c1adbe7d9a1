"""By what a contact is asked for, the further names that it is given, and what is answered."""

from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from kith.actions.identities import Renamed
from kith.api import gives
from kith.api.fields import Field, Shape
from kith.api.parts import nullable, one_of
from kith.api.schemas import IdentityAnswer
from kith.api.takes import CONTACT_ID, EXPAND, ID_OR_PHONE, KEYS, ONE_OF, PHONE
from kith.api.values import Id, PhoneOut
from kith.domain import contacts, identities, phone, text
from kith.domain.contacts import GetContact, GetContacts, NameContact
from kith.domain.identities import Kind
from kith.errors import AppError, BadValue, Invalid, naming

KINDS: tuple[str, ...] = get_args(Kind)
ODD_EMAILS_MAX = 10
"""Of one get-contacts."""


def parse_keys(value: object) -> tuple[GetContact | AppError, ...]:
    """What get-contacts asks for; an item that cannot be used becomes its own refusal."""
    if not isinstance(value, list):
        raise BadValue('must be an array such as [{"phone": "+14155550123"}].')
    if len(value) > contacts.KEYS_MAX:
        raise BadValue(f"may not hold more than {contacts.KEYS_MAX} items.")
    if sum(map(_is_slow, value)) > ODD_EMAILS_MAX:
        raise BadValue(
            f"may not name more than {ODD_EMAILS_MAX} people by e-mail addresses with quotes or"
            " with a domain beyond ASCII; ask for the others in further calls."
        )
    return tuple(map(_key, value))


def parse_value(value: object) -> object:
    """Of a kind that is told beside it; raises BadValue."""
    if isinstance(value, str):
        return text.line(value, characters_max=identities.CHARACTERS_MAX)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BadValue("must be a text, such as US.13491208655302741918.")


def _is_slow(item: object) -> bool:
    """Whether this e-mail address takes the library a millisecond, which all others wait for."""
    address = item.get("email") if isinstance(item, dict) else None
    if not isinstance(address, str):
        return False
    local, _, domain = address.rpartition("@")
    return not domain.isascii() or '"' in local


def _key(item: object) -> GetContact | AppError:
    if not isinstance(item, dict):
        return Invalid({"contacts": ['An item must be an object such as {"phone": "+1..."}.']})
    try:
        found: GetContact = ONE_KEY.convert(item)
    except Invalid as refusal:
        return refusal
    return found


_PARSE = {
    "phone": phone.take,
    "wa_id": identities.parse_wa_id,
    "bsuid": identities.parse_bsuid,
    "username": identities.parse_username,
    "external": identities.parse_external,
}


def _named(*, kind: Kind, value: object, **key: Any) -> NameContact:
    with naming("value"):
        return NameContact(kind=kind, value=_PARSE[kind](value), **key)


ONE_KEY = Shape(GetContact, KEYS, ONE_OF)

GET_CONTACT = Shape(
    GetContact,
    (*KEYS, EXPAND),
    ONE_OF,
    description="A phone or WhatsApp id that nobody has as it stands is sought in WhatsApp's other "
    "spelling of it, too (Brazil, Mexico, Argentina); `expand` with `match` tells how the contact "
    "was found. Several contacts may share an e-mail address: the one with the newest message is "
    "given, then the oldest. The answer's `ETag` names its version: send it back as "
    "`If-None-Match`, and an unchanged contact answers 304 without a body. With `reachability`, "
    "which depends on the clock too, there is no `ETag` and never a 304.",
    example={"phone": "+14155550123"},
)

GET_CONTACTS = Shape(
    GetContacts,
    (
        Field(
            "contacts",
            parse_keys,
            {
                "type": ["array", "null"],
                "items": {"type": "object"},
                "maxItems": contacts.KEYS_MAX,
                "description": "Up to 500 objects, each with exactly one of the identifiers that "
                "get-contact takes, such as `contact_id`, `phone` or `email`.",
                "examples": [[{"phone": "+14155550123"}, {"email": "romain@example.com"}]],
            },
            is_required=True,
        ),
    ),
    description="The answer is an array in the order asked: each item is a contact, or the body "
    "with which get-contact would have refused it.",
    example={"contacts": [{"phone": "+14155550123"}, {"phone": "+14155550100"}]},
)

_NAME = (
    Field(
        "kind",
        one_of(KINDS),
        nullable("string", "What `value` is.", "wa_id", enum=[*KINDS, None]),
        is_required=True,
    ),
    Field(
        "value",
        parse_value,
        {
            "type": ["string", "integer", "null"],
            "description": "The name, as get-contact takes it as `phone`, `wa_id`, `bsuid`, "
            "`username` or `external_id`.",
            "examples": ["14155550123"],
        },
        is_required=True,
    ),
)

ADD_IDENTITY = Shape(
    _named,
    (CONTACT_ID, PHONE, *_NAME),
    ID_OR_PHONE,
    description="A further name by which the contact is found. One that it has already changes "
    "nothing; one that another contact has is refused with that contact's id, and so is the other "
    "spelling of another contact's number. A further phone leaves the contact's `phone` as it is.",
    example={"phone": "+14155550123", "kind": "external", "value": "shopify:12345"},
)

REMOVE_IDENTITY = Shape(
    _named,
    ADD_IDENTITY.fields,
    ID_OR_PHONE,
    description="One that the contact does not have changes nothing. The contact's own `phone` "
    "stays.",
    example={"phone": "+14155550123", "kind": "external", "value": "shopify:12345"},
)


class NamedAnswer(msgspec.Struct, frozen=True):
    """Every name of the contact as it is now."""

    id: Id
    phone: PhoneOut
    identities: Annotated[list[IdentityAnswer], Meta(description="By kind and value.")]


def named(result: Renamed) -> NamedAnswer:
    known = result.contact
    return NamedAnswer(known.id, known.phone, [gives.identity(one) for one in result.identities])
