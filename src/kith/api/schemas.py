"""What every answer looks like, key by key in the documented order (reference 3, 7 to 13)."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kith.api.merges import MergedFromAnswer
from kith.api.messages import ExpandedMessages
from kith.api.reachability import ReachabilityAnswer
from kith.api.takes import EXAMPLE_ID
from kith.api.values import Email, Id, Name, PhoneOut, Tags, Time
from kith.domain.audit import What
from kith.domain.consent import Channel, ConsentSource, Method, Purpose, State
from kith.domain.contacts import Source
from kith.domain.identities import Confidence, Kind
from kith.domain.matches import MatchedBy, MatchKind


class TagOf(msgspec.Struct, frozen=True):
    """A tag of one contact."""

    id: Id
    name: Annotated[str, Meta(examples=["vip"])]
    added_at: Annotated[Time, Meta(description="When the contact was tagged.")]


class NameAnswer(msgspec.Struct, frozen=True):
    """A name of the contact, as it was at a merge."""

    kind: Annotated[Kind, Meta(examples=["phone"])]
    value: Annotated[str, Meta(examples=["+14155550123"])]
    confidence: Annotated[
        Confidence,
        Meta(
            description="Who says so: the business (`given`), WhatsApp (`reported`), or a "
            "numbering plan alone (`inferred`).",
            examples=["given"],
        ),
    ]
    created_at: Time


class IdentityAnswer(NameAnswer, frozen=True):
    """A name by which the contact is found."""

    retired_at: Annotated[
        Time | None,
        Meta(
            description="Since when it is no longer the contact's, as WhatsApp told: it finds them "
            "until somebody else has it, and is written to no more. Null while in use."
        ),
    ]


class MatchAnswer(msgspec.Struct, frozen=True):
    """How the contact was found."""

    matched_by: Annotated[
        MatchedBy, Meta(description="Which of its names it was.", examples=["phone"])
    ]
    match_kind: Annotated[
        MatchKind,
        Meta(
            description="`wa_variant`: by WhatsApp's other spelling of the number.",
            examples=["exact"],
        ),
    ]
    inferred: Annotated[
        bool | UnsetType,
        Meta(
            description="True, and there at all, where that both are one line follows from "
            "Argentina's numbering plan alone.",
            examples=[True],
        ),
    ] = UNSET


class AuditUser(msgspec.Struct, frozen=True):
    """Somebody of the business."""

    id: Annotated[int, Meta(examples=[42])]
    email: Annotated[str | None, Meta(examples=["ana@example.com"])]


Changes = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]


class AuditEntry(msgspec.Struct, frozen=True):
    """One change: who, what, when, and how it was before.

    The entry that made a contact has the contact's id.
    """

    id: Id
    at: Time
    what: Annotated[What, Meta(examples=["contact.updated"])]
    contact_id: Annotated[str | None, Meta(examples=[EXAMPLE_ID])]
    user: Annotated[AuditUser | None, Meta(description="Null for the operator's command line.")]
    token_id: Annotated[
        int | None, Meta(description="As `kith token list` shows it.", examples=[7])
    ]
    connection_id: Annotated[
        str | None,
        Meta(description="As `kith connect list` shows it: what came in by it.", examples=[None]),
    ]
    before: Annotated[
        Changes | None,
        Meta(
            description="What changed, as it was; null for a new contact and after an erasure.",
            examples=[{"name": "Rom"}],
        ),
    ]
    after: Annotated[
        Changes | None,
        Meta(
            description="What changed, as it is; null after an erasure.",
            examples=[{"name": "Romain"}],
        ),
    ]


class ConsentAnswer(msgspec.Struct, frozen=True):
    """What is in force for one channel and purpose, and the row of the ledger that decides it."""

    channel: Annotated[Channel, Meta(examples=["whatsapp"])]
    purpose: Annotated[Purpose, Meta(examples=["marketing"])]
    state: Annotated[
        State | None, Meta(description="Null when nothing is known.", examples=["granted"])
    ]
    since: Annotated[
        Time | None,
        Meta(description="When the person did so.", examples=["2026-04-15T10:32:00+00:00"]),
    ]
    source: Annotated[ConsentSource | None, Meta(examples=["api"])]
    method: Annotated[Method | None, Meta(examples=["checkbox"])]
    record_id: Annotated[str | None, Meta(examples=[EXAMPLE_ID])]
    stopped_at_meta: Annotated[
        bool, Meta(description="Whether WhatsApp itself was told to stop.", examples=[False])
    ]


class ConsentRecordAnswer(msgspec.Struct, frozen=True):
    """A row of the ledger. After an erasure, address, evidence and note are null."""

    id: Id
    contact_id: Id
    origin_contact_id: Annotated[
        Id, Meta(description="For whom it was written; another contact after a merge.")
    ]
    channel: Annotated[Channel, Meta(examples=["whatsapp"])]
    purpose: Annotated[Purpose, Meta(examples=["marketing"])]
    state: Annotated[State, Meta(examples=["granted"])]
    occurred_at: Annotated[Time, Meta(description="When the person did so.")]
    recorded_at: Annotated[Time, Meta(description="When Kith learned of it.")]
    source: Annotated[ConsentSource, Meta(examples=["api"])]
    method: Annotated[Method, Meta(examples=["checkbox"])]
    user: Annotated[AuditUser | None, Meta(description="Who of the business recorded it.")]
    token_id: Annotated[int | None, Meta(examples=[7])]
    address: Annotated[
        str | None,
        Meta(description="Their number or e-mail address then.", examples=["+14155550123"]),
    ]
    wording: Annotated[
        str | None, Meta(description="What they were shown.", examples=["Yes, send me offers."])
    ]
    wording_version: Annotated[str | None, Meta(examples=["2026-03"])]
    locale: Annotated[str | None, Meta(examples=["en"])]
    evidence: Annotated[
        msgspec.Raw | None,
        Meta(
            extra_json_schema={"type": ["object", "null"]},
            examples=[{"ip": "203.0.113.7", "url": "https://example.com/signup"}],
        ),
    ]
    note: Annotated[str | None, Meta(examples=[None])]


class ContactAnswer(msgspec.Struct, frozen=True, gc=False):
    """One contact: always these 13 keys, in this order, and what `expand` adds."""

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
    tags: Annotated[
        msgspec.Raw,
        Meta(
            description="Newest addition first. With `expand`, objects of `id`, `name` and "
            "`added_at` in place of the names.",
            extra_json_schema={
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/TagOf"}]},
            },
            examples=[["vip", "fr-FR"]],
        ),
    ]
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
    identities: Annotated[
        list[IdentityAnswer] | UnsetType, Meta(description="Only with `expand`.")
    ] = UNSET
    history: Annotated[
        list[AuditEntry] | UnsetType,
        Meta(description="Only with `expand`: the newest 100 changes, newest first."),
    ] = UNSET
    consent: Annotated[
        list[ConsentAnswer] | UnsetType,
        Meta(description="Only with `expand`: each channel and purpose, in this order."),
    ] = UNSET
    reachability: Annotated[
        ReachabilityAnswer | UnsetType,
        Meta(description="Only with `expand`: may they be written to, at this moment?"),
    ] = UNSET
    merged_from: Annotated[
        list[MergedFromAnswer] | UnsetType,
        Meta(description="Only with `expand`: ids that lead here, the 100 last merged first."),
    ] = UNSET
    messages: ExpandedMessages = UNSET
    match: Annotated[MatchAnswer | UnsetType, Meta(description="Only with `expand`.")] = UNSET


class SavedContactAnswer(msgspec.Struct, frozen=True, gc=False):
    """The contact as it is now."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email
    tags: Tags
    created_at: Time


class FoundContactAnswer(msgspec.Struct, frozen=True, gc=False):
    """The contact, and whether it was made just now."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email
    tags: Tags
    created_at: Time
    created: Annotated[bool, Meta(description="False when it was there.", examples=[True])]


class UpdatedContactAnswer(msgspec.Struct, frozen=True, gc=False):
    """The contact as it is now."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email
    tags: Tags
    updated_at: Annotated[Time, Meta(description="When the contact last changed.")]


class DeletedContactAnswer(msgspec.Struct, frozen=True):
    """The contact is gone."""

    id: Id
    deleted: Annotated[bool, Meta(examples=[True])]


class TagAddedAnswer(msgspec.Struct, frozen=True, gc=False):
    """The contact's tags as they are now."""

    id: Id
    phone: PhoneOut
    tag_added: Annotated[str, Meta(description="The tag asked for.", examples=["vip-2026"])]
    tags: Tags


class TagRemovedAnswer(msgspec.Struct, frozen=True, gc=False):
    """The contact's tags as they are now."""

    id: Id
    phone: PhoneOut
    tag_removed: Annotated[str, Meta(description="The tag asked for.", examples=["vip-2026"])]
    tags: Tags


class SearchedContact(msgspec.Struct, frozen=True, gc=False):
    """A contact as a search shows it."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email
    source: Annotated[
        Source, Meta(description="Where the contact came in first.", examples=["shopify"])
    ]
    tags: Tags
    last_message_at: Annotated[
        Time | None,
        Meta(
            description="Newest message, in either direction.",
            examples=["2026-05-07T08:14:23+00:00"],
        ),
    ]
    created_at: Time


NextCursor = Annotated[
    str | None,
    Meta(description="The `cursor` of the next page; null on the last one.", examples=[None]),
]


class ListedContactsAnswer(msgspec.Struct, frozen=True):
    """A page of contacts."""

    contacts: list[ContactAnswer]
    next_cursor: NextCursor


class TagAnswer(msgspec.Struct, frozen=True):
    """A tag of the workspace."""

    id: Id
    name: Annotated[str, Meta(examples=["vip"])]
    contacts_count: Annotated[int, Meta(ge=0, description="Who carries it.", examples=[12])]
    created_at: Time


class ListedAuditAnswer(msgspec.Struct, frozen=True):
    """A page of the audit log."""

    entries: list[AuditEntry]
    next_cursor: NextCursor


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
