"""What goes in and what comes out, key by key in the documented order (reference 3, 7 to 9)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kith.api.fields import ExactlyOne, Field, Shape
from kith.domain import contacts, email, ids, metadata, phone, tags, text
from kith.domain.contacts import Contact, GetContact, SaveContact, Source
from kith.domain.times import wire
from kith.domain.users import User

_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"

CONTACT_ID = Field(
    "contact_id",
    ids.parse,
    {
        "type": ["string", "null"],
        "description": "The contact's UUID, of any version and case, or its 26-character ULID"
        " spelling.",
        "examples": [_ID],
    },
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
    {
        "type": ["string", "null"],
        "format": "email",
        "maxLength": email.CHARACTERS_MAX,
        "description": "An e-mail address; compared without case.",
        "examples": ["romain@example.com"],
    },
)

GET_CONTACT = Shape(
    GetContact,
    (CONTACT_ID, PHONE, EMAIL),
    ExactlyOne(("contact_id", "phone", "email")),
    description="Several contacts may share an e-mail address: the one with the newest message is "
    "given, then the oldest.",
    example={"phone": "+14155550123"},
)

CREATE_CONTACT = Shape(
    SaveContact,
    (
        msgspec.structs.replace(PHONE, is_required=True),
        Field(
            "name",
            contacts.parse_name,
            {
                "type": ["string", "null"],
                "maxLength": text.NAME_CHARACTERS_MAX,
                "description": "Display name, at most 256 characters.",
                "examples": ["Romain"],
            },
        ),
        EMAIL,
        Field(
            "tags",
            tags.parse,
            {
                "type": ["string", "array", "null"],
                "items": {"type": "string"},
                "description": "A comma list or an array; added to the tags that are there.",
                "examples": ["vip, fr-FR"],
            },
        ),
        Field(
            "metadata",
            metadata.parse,
            {
                "type": ["object", "null"],
                "description": "Any JSON object, at most 65,536 bytes; merged key by key.",
                "examples": [{"shopify_id": "12345", "lifetime_value": 8742.0}],
            },
        ),
    ),
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

NOTHING = Shape(dict)

Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"}, examples=[_ID])]
PhoneOut = Annotated[
    str | None,
    Meta(
        description="Strict E.164; null for people known by other ids.", examples=["+14155550123"]
    ),
]
Name = Annotated[str | None, Meta(description="Display name.", examples=["Romain"])]
Email = Annotated[str | None, Meta(examples=["romain@example.com"])]
Time = Annotated[
    str,
    Meta(
        description="UTC, whole seconds, numeric offset.",
        extra_json_schema={"format": "date-time"},
        examples=["2026-04-15T10:32:00+00:00"],
    ),
]
Tags = Annotated[
    msgspec.Raw,
    Meta(
        description="Newest addition first.",
        extra_json_schema={"type": "array", "items": {"type": "string"}},
        examples=[["vip", "fr-FR"]],
    ),
]


class ContactAnswer(msgspec.Struct, frozen=True, gc=False):
    """One contact: always these 13 keys, in this order."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email
    source: Annotated[
        Source, Meta(description="Where the contact came in first.", examples=["shopify"])
    ]
    locale: Annotated[str | None, Meta(description="The language they speak.", examples=["fr"])]
    metadata: Annotated[
        msgspec.Raw,
        Meta(
            description="What your own systems hung on the contact; `{}` when nothing.",
            extra_json_schema={"type": "object"},
            examples=[{"shopify_id": "12345"}],
        ),
    ]
    tags: Tags
    opted_in_at: Annotated[
        Time | None,
        Meta(description="When they agreed to marketing.", examples=["2026-04-15T10:32:00+00:00"]),
    ]
    opted_out_at: Annotated[
        Time | None, Meta(description="When they withdrew from marketing.", examples=[None])
    ]
    last_message_at: Annotated[
        Time | None,
        Meta(
            description="Newest message, in either direction.",
            examples=["2026-05-07T08:14:23+00:00"],
        ),
    ]
    total_messages: Annotated[
        int, Meta(ge=0, description="Messages ever, both directions.", examples=[27])
    ]
    created_at: Time


class SavedContactAnswer(msgspec.Struct, frozen=True, gc=False):
    """The contact as it is now."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email
    tags: Tags
    created_at: Time


class TenantAnswer(msgspec.Struct, frozen=True):
    """A workspace."""

    id: Id
    name: Annotated[str, Meta(examples=["Acme Co."])]


class MeAnswer(msgspec.Struct, frozen=True):
    """Who the token belongs to."""

    id: Annotated[int, Meta(description="Unlike other ids, a number.", examples=[42])]
    email: Annotated[str, Meta(examples=["ana@example.com"])]
    name: Annotated[str | None, Meta(description="Display name.", examples=["Ana"])]
    tenant: Annotated[
        TenantAnswer | None, Meta(description="The workspace; null for an account without one.")
    ]


def contact(found: msgspec.Raw) -> msgspec.Raw:
    """Rendered by the database already, key by key as in ContactAnswer."""
    return found


def saved_contact(saved: Contact) -> SavedContactAnswer:
    return SavedContactAnswer(
        saved.id, saved.phone, saved.name, saved.email, saved.tags, wire(saved.created_at)
    )


def me(user: User) -> MeAnswer:
    tenant = None
    if user.tenant_uuid is not None:
        tenant = TenantAnswer(user.tenant_uuid, user.tenant_name or "")
    return MeAnswer(user.id, user.email, user.name, tenant)
