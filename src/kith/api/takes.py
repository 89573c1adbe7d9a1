"""What goes into each operation, field by field (reference sections 8 to 13)."""

from typing import Any, get_args

import msgspec

from kith.actions import audit, contact_lists
from kith.actions.audit import ListAudit
from kith.actions.contact_lists import ListContacts
from kith.api.fields import AtLeastOne, ExactlyOne, Field, Shape
from kith.api.parts import nullable, one_of, some_of, true_or_false, whole_number
from kith.domain import contacts, email, identities, ids, metadata, phone, search, tags, text, times
from kith.domain.contacts import (
    ContactKey,
    Expansion,
    SearchContacts,
    Source,
    TagContact,
    UpdateContact,
)

EXAMPLE_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
SOURCES: tuple[str, ...] = get_args(Source)
EXPANSIONS: tuple[str, ...] = get_args(Expansion)
QUERY_CHARACTERS_MAX = 256


def parse_query(value: object) -> str:
    """A text to search for, its case folded; raises BadValue."""
    return search.fold(text.line(value, characters_max=QUERY_CHARACTERS_MAX))


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
    phone.take,
    {
        "type": ["string", "integer", "null"],
        "description": "International format with a leading `+`. Blanks, dots, dashes, brackets, "
        "`00`, `tel:`, a missing `+` and digits of any script are understood; without `+`, also "
        "how the number is dialled in the workspace's own region, where it has set one.",
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
WA_ID = Field(
    "wa_id",
    identities.parse_wa_id,
    {
        "type": ["string", "integer", "null"],
        "description": "What WhatsApp calls the account: digits without a `+`. It shares one space "
        "with phones, so that each finds the other.",
        "examples": ["14155550123"],
    },
)
BSUID = Field(
    "bsuid",
    identities.parse_bsuid,
    nullable(
        "string",
        "WhatsApp's business-scoped user id, of people who keep their number to themselves.",
        "US.13491208655302741918",
    ),
)
USERNAME = Field(
    "username",
    identities.parse_username,
    nullable("string", "Their WhatsApp username; a leading `@` and case mean nothing.", "romain.b"),
)
EXTERNAL_ID = Field(
    "external_id",
    identities.parse_external,
    nullable("string", "A system of yours and their id there.", "shopify:12345"),
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
        "`consent`, `reachability`, `merged_from`, `messages` and `match` as further keys, `tags` "
        "as objects with id and time in place of the names.",
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

KEYS = (CONTACT_ID, PHONE, EMAIL, WA_ID, BSUID, USERNAME, EXTERNAL_ID)
ONE_OF = ExactlyOne(
    tuple(field.name for field in KEYS), documented=("contact_id", "phone", "email")
)
ID_OR_PHONE = AtLeastOne(("contact_id", "phone"))

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
