"""What goes into each operation, field by field (reference sections 8 to 13)."""

from typing import Any, get_args

import msgspec

from kith.actions import audit, contact_lists
from kith.actions.audit import ListAudit
from kith.actions.contact_lists import ListContacts
from kith.api.fields import AtLeastOne, ExactlyOne, Field, Shape
from kith.api.parts import nullable, one_of, some_of, true_or_false, whole_number
from kith.domain import contacts, email, ids, metadata, phone, search, tags, text, times
from kith.domain.contacts import (
    ContactKey,
    Expansion,
    FindOrCreate,
    GetContact,
    GetContacts,
    OnConflict,
    SaveContact,
    SearchContacts,
    Source,
    TagContact,
    UpdateContact,
)
from kith.errors import AppError, BadValue, Invalid

EXAMPLE_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
SOURCES: tuple[str, ...] = get_args(Source)
EXPANSIONS: tuple[str, ...] = get_args(Expansion)
CONFLICTS: tuple[str, ...] = get_args(OnConflict)
QUERY_CHARACTERS_MAX = 256
ODD_EMAILS_MAX = 10
"""Of one get-contacts."""


def parse_query(value: object) -> str:
    """A text to search for, its case folded; raises BadValue."""
    return search.fold(text.line(value, characters_max=QUERY_CHARACTERS_MAX))


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


CONTACT_ID = Field(
    "contact_id",
    ids.parse,
    nullable(
        "string",
        "The contact's UUID, of any version and case, or its 26-character ULID spelling.",
        EXAMPLE_ID,
    ),
)
PHONE = Field(
    "phone",
    phone.parse,
    {
        "type": ["string", "integer", "null"],
        "description": "International format with a leading `+`. Blanks, dots, dashes, brackets, "
        "`00`, `tel:`, a missing `+` and digits of any script are understood.",
        "examples": ["+14155550123"],
    },
)
EMAIL = Field(
    "email",
    email.parse,
    nullable(
        "string",
        "An e-mail address; compared without case.",
        "romain@example.com",
        format="email",
        maxLength=email.CHARACTERS_MAX,
    ),
)
NAME = Field(
    "name",
    contacts.parse_name,
    nullable(
        "string",
        "Display name, at most 256 characters.",
        "Romain",
        maxLength=text.NAME_CHARACTERS_MAX,
    ),
)
TAGS = Field(
    "tags",
    tags.parse,
    {
        "type": ["string", "array", "null"],
        "items": {"type": "string"},
        "description": "A comma list or an array; added to the tags that are there.",
        "examples": ["vip, fr-FR"],
    },
)
METADATA = Field(
    "metadata",
    metadata.parse,
    nullable(
        "object",
        "Any JSON object, at most 65,536 bytes; merged key by key.",
        {"shopify_id": "12345", "lifetime_value": 8742.0},
    ),
)
TAG = Field(
    "tag",
    tags.parse_one,
    nullable(
        "string",
        "One tag of 1 to 255 characters, without a comma; its case counts.",
        "vip-2026",
        maxLength=tags.CHARACTERS_MAX,
    ),
)
QUERY = Field(
    "query",
    parse_query,
    nullable(
        "string",
        "Part of a name, phone or e-mail address; compared without case, in any alphabet.",
        "romain",
        maxLength=QUERY_CHARACTERS_MAX,
    ),
)
EXPAND = Field(
    "expand",
    some_of(EXPANSIONS),
    {
        "type": ["array", "string", "null"],
        "items": {"type": "string", "enum": list(EXPANSIONS)},
        "description": "Adds to the answer, each under its own name: `identities`, `history`, "
        "`consent`, `reachability` and `merged_from` as further keys, `tags` as objects with id "
        "and time in place of the names.",
        "examples": [["identities", "history"]],
    },
)
CURSOR_SCHEMA = nullable(
    "string", "The `next_cursor` of the page before; none for the first.", None
)


def limit(highest: int) -> Field:
    return Field(
        "limit",
        whole_number(1, highest),
        nullable(
            "integer",
            f"How many at most, up to {highest}; 100 when not given.",
            100,
            minimum=1,
            maximum=highest,
        ),
    )


def time(name: str, description: str) -> Field:
    schema = nullable("string", description, "2026-05-07T08:14:23+00:00", format="date-time")
    return Field(name, times.parse, schema)


def _with(field: Field, description: str = "", **more: Any) -> Field:
    """The field as another operation means it."""
    schema = {**field.schema, "description": description or field.schema["description"]}
    return msgspec.structs.replace(field, schema=schema, **more)


NOTHING = Shape(dict)

ONE_OF_THREE = ExactlyOne(("contact_id", "phone", "email"))
ONE_KEY = Shape(GetContact, (CONTACT_ID, PHONE, EMAIL), ONE_OF_THREE)
ID_OR_PHONE = AtLeastOne(("contact_id", "phone"))

GET_CONTACT = Shape(
    GetContact,
    (CONTACT_ID, PHONE, EMAIL, EXPAND),
    ONE_OF_THREE,
    description="Several contacts may share an e-mail address: the one with the newest message is "
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
                "description": "Up to 500 objects, each with exactly one of `contact_id`, `phone` "
                "and `email`.",
                "examples": [[{"phone": "+14155550123"}, {"email": "romain@example.com"}]],
            },
            is_required=True,
        ),
    ),
    description="The answer is an array in the order asked: each item is a contact, or the body "
    "with which get-contact would have refused it.",
    example={"contacts": [{"phone": "+14155550123"}, {"phone": "+14155550100"}]},
)

_SAVED = (msgspec.structs.replace(PHONE, is_required=True), NAME, EMAIL, TAGS, METADATA)

CREATE_CONTACT = Shape(
    SaveContact,
    _SAVED,
    description="A phone is one contact of a workspace. Where it is known already, the contact is "
    "added to: fields that are left out stay as they are, and consent is never touched. The answer "
    "is 201 either way.",
    example={
        "phone": "+14155550123",
        "name": "Romain",
        "tags": "vip, fr-FR",
        "metadata": {"shopify_id": "12345", "lifetime_value": 8742.0},
    },
)

FIND_OR_CREATE_CONTACT = Shape(
    FindOrCreate,
    (
        *_SAVED,
        Field(
            "on_conflict",
            one_of(CONFLICTS),
            nullable(
                "string",
                "What to do when the phone is known: `return` the contact as it is, `update` it "
                "as create-contact does, or answer 409 (`error`). `return` when not given.",
                "return",
                enum=[*CONFLICTS, None],
            ),
        ),
    ),
    description="One contact in one call, however many callers race for it: 201 when it was made, "
    "200 when it was there. A conflict names the field and the id of the contact that holds it.",
    example={"phone": "+14155550123", "name": "Romain", "on_conflict": "return"},
)

UPDATE_CONTACT = Shape(
    UpdateContact,
    (
        CONTACT_ID,
        _with(PHONE, "By which the contact is found, in any spelling; it is no new value."),
        _with(NAME, 'Display name, at most 256 characters; `""` clears it.', clears=None),
        _with(EMAIL, 'An e-mail address; `""` clears it.', clears=None),
        _with(TAGS, 'A comma list or an array; replaces all tags, `""` clears them.', clears=()),
        METADATA,
    ),
    ID_OR_PHONE,
    description="Only the fields that are given are written. A key of `metadata` that is `null` "
    "is kept as null.",
    example={"phone": "+14155550123", "name": "Romain", "tags": "vip"},
)

DELETE_CONTACT = Shape(
    ContactKey,
    (CONTACT_ID, PHONE),
    ID_OR_PHONE,
    description="Erases the contact and all that identifies it, for good. The audit log keeps that "
    "it happened, and a keyed hash of the phone keeps an opt-out in force should somebody create "
    "the contact anew.",
    example={"phone": "+14155550123"},
)

EXPORT_CONTACT = Shape(
    ContactKey,
    (CONTACT_ID, PHONE),
    ID_OR_PHONE,
    description="Everything that Kith holds on one person, as one JSON document.",
    example={"phone": "+14155550123"},
)

ADD_TAG = Shape(
    TagContact,
    (CONTACT_ID, PHONE, msgspec.structs.replace(TAG, is_required=True)),
    ID_OR_PHONE,
    description="A tag that the workspace does not know is made. One that the contact carries "
    "already changes nothing.",
    example={"phone": "+14155550123", "tag": "vip-2026"},
)

REMOVE_TAG = Shape(
    TagContact,
    ADD_TAG.fields,
    ID_OR_PHONE,
    description="The tag itself stays. One that the contact does not carry changes nothing.",
    example={"phone": "+14155550123", "tag": "vip-2026"},
)

LIST_TAGS = Shape(
    lambda name=None: name,
    (_with(QUERY, "Part of the tag's name; compared without case.", name="name"),),
    description="By name, at most 1,000.",
    example={"name": "vip"},
)

_SEARCHED = (
    QUERY,
    _with(TAG, "The exact name of a tag that they carry."),
    _with(EMAIL, "Their exact e-mail address; compared without case."),
)

SEARCH_CONTACTS = Shape(
    SearchContacts,
    _SEARCHED,
    description="At most 50, the most recently active first, those who never wrote last; without "
    "a filter, the 50 most recently active. All filters that are given must hold.",
    example={"query": "romain", "tag": "vip"},
)

LIST_CONTACTS = Shape(
    ListContacts,
    (
        *_SEARCHED,
        Field(
            "source",
            one_of(SOURCES),
            nullable("string", "Where they came in first.", "shopify", enum=[*SOURCES, None]),
        ),
        Field(
            "opted_in",
            true_or_false,
            nullable(
                "boolean",
                "Whether they agreed to marketing and have not withdrawn since.",
                True,
            ),
        ),
        time("created_after", "Who came later than this."),
        time("updated_after", "Whose contact changed later than this."),
        Field("cursor", ids.parse, CURSOR_SCHEMA),
        limit(contact_lists.PAGE_MAX),
    ),
    description="Every contact by its id, so the oldest first, in pages. Give the `next_cursor` of "
    "an answer as `cursor` until it is null. However much is written meanwhile, a contact that was "
    "there all the time is met exactly once.",
    example={"opted_in": True, "limit": 100},
)

LIST_AUDIT = Shape(
    ListAudit,
    (CONTACT_ID, Field("cursor", ids.parse, CURSOR_SCHEMA), limit(audit.PAGE_MAX)),
    description="Who changed what of which contact, newest first, with what it was before. Without "
    "user and token it was the operator, from the command line.",
    example={"limit": 100},
)
