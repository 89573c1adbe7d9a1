"""Duplicates and merges: what they take, what they answer, and how."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kith.actions.duplicates import PAGE_MAX, FindDuplicates, Page, Why
from kith.actions.merges import MergeContacts, Merged
from kith.actions.unmerges import UnmergeContacts, Unmerged
from kith.api.fields import ExactlyOne, Field, Shape
from kith.api.parts import nullable, true_or_false, whole_number
from kith.api.takes import CONTACT_ID, EXAMPLE_ID
from kith.api.values import Email, Id, Name, PhoneOut, Tags, Time
from kith.domain import ids
from kith.domain.contacts import Contact
from kith.domain.merging import MergedFrom
from kith.domain.times import wire, wire_or_none
from kith.errors import Conflict

OTHER_EXAMPLE_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a62"

# What goes in


def _id(name: str, description: str, example: str = EXAMPLE_ID, **more: Any) -> Field:
    return Field(name, ids.parse, nullable("string", description, example), **more)


MERGE_CONTACTS = Shape(
    MergeContacts,
    (
        _id("contact_id", "The contact that lives on in the other.", is_required=True),
        _id(
            "into",
            "The contact that stays, with its id and its own values.",
            OTHER_EXAMPLE_ID,
            is_required=True,
        ),
        Field(
            "dry_run",
            true_or_false,
            nullable("boolean", "Answer what would be, and change nothing.", True),
        ),
    ),
    description="The survivor gets the identities, tags, messages, conversations and blocks of the "
    "other, and its phone, name, e-mail, locale and keys of metadata where it has none itself. Of "
    "consent the more restrictive counts. The merged id keeps answering, with the survivor. A "
    "merge that is repeated changes nothing; `If-Match` is the survivor's version.",
    example={"contact_id": EXAMPLE_ID, "into": OTHER_EXAMPLE_ID},
)

UNMERGE_CONTACTS = Shape(
    UnmergeContacts,
    (
        CONTACT_ID,
        _id("merge_id", "The merge to undo, as merge-contacts named it."),
    ),
    ExactlyOne(("contact_id", "merge_id")),
    description="Undoes a merge, named by its id or by that of the contact that was merged: it is "
    "back as it was, and the survivor loses what came only from it. What WhatsApp told since by a "
    "number of the contact that is back goes with it: messages, windows, ids, STOP; all else that "
    "was written since stays with the survivor. Merges are undone from the last: 409 names the one "
    "that comes first.",
    example={"contact_id": EXAMPLE_ID},
)

UNDO_FIRST = Conflict(
    "The contact that it was merged into was merged further; undo that merge first:"
    f" {OTHER_EXAMPLE_ID}.",
    field="merge_id",
    value=EXAMPLE_ID,
    contact_ids=[EXAMPLE_ID, OTHER_EXAMPLE_ID],
)

FIND_DUPLICATES = Shape(
    FindDuplicates,
    (
        Field(
            "cursor",
            ids.parse,
            nullable("string", "The `next_cursor` of the page before; none for the first.", None),
        ),
        Field(
            "limit",
            whole_number(1, PAGE_MAX),
            nullable(
                "integer",
                f"How many at most, up to {PAGE_MAX}; 100 when not given.",
                100,
                minimum=1,
                maximum=PAGE_MAX,
            ),
        ),
    ),
    description="Contacts that may be one person: they have the same e-mail address, or one number "
    "in WhatsApp's two spellings, or WhatsApp reported a name of one for "
    "the other. Each stands with those that came after it, and nothing is "
    "merged. An id of another system is held by one contact only. Give `next_cursor` as `cursor` "
    "until it is null: a page ends after 100,000 contacts, however many it found.",
    example={"limit": 100},
)

# What comes out


class MergedFromAnswer(msgspec.Struct, frozen=True):
    """An id that leads to the contact since it was merged."""

    id: Id
    merged_at: Time


class SurvivorAnswer(msgspec.Struct, frozen=True, gc=False):
    """A contact, where two may be one."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email
    tags: Tags
    metadata: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"}, examples=[{}])]
    opted_in_at: Time | None
    opted_out_at: Time | None
    last_message_at: Time | None
    total_messages: Annotated[int, Meta(ge=0, examples=[27])]


class IdentityName(msgspec.Struct, frozen=True):
    """A name by which a contact is found."""

    kind: Annotated[str, Meta(examples=["phone"])]
    value: Annotated[str, Meta(examples=["+14155550123"])]


class GainedAnswer(msgspec.Struct, frozen=True):
    """What the survivor has from the other."""

    identities: list[IdentityName]
    fields: Annotated[list[str], Meta(description="Those it had not filled.", examples=[["email"]])]
    tags: Annotated[list[str], Meta(examples=[["vip"]])]
    metadata: Annotated[list[str], Meta(description="Keys.", examples=[["shopify_id"]])]
    messages: Annotated[int, Meta(ge=0, examples=[3])]


class MergedAnswer(msgspec.Struct, frozen=True):
    """The survivor, and what it got."""

    merge_id: Annotated[
        str | None, Meta(description="Null when nothing was done.", examples=[EXAMPLE_ID])
    ]
    merged_id: Id
    contact: SurvivorAnswer
    gained: GainedAnswer


class UnmergedAnswer(msgspec.Struct, frozen=True):
    """Two contacts again."""

    merge_id: Id
    contact: Annotated[SurvivorAnswer, Meta(description="The one that is back.")]
    survivor: SurvivorAnswer


class OtherAnswer(msgspec.Struct, frozen=True):
    """A contact that may be the same person."""

    why: Annotated[
        list[Why],
        Meta(
            description="`email`: the same address. `number`: WhatsApp's other spelling of one "
            "number. `whatsapp`: WhatsApp reported a name of one, such as a number, for the other.",
            examples=[["email"]],
        ),
    ]
    inferred: Annotated[
        bool,
        Meta(
            description="True when only the numbering plan says that the two spellings are one.",
            examples=[False],
        ),
    ]
    contact: SurvivorAnswer


class DuplicatesAnswer(msgspec.Struct, frozen=True):
    """A contact, and those that came later and may be the same person."""

    contact: SurvivorAnswer
    others: Annotated[list[OtherAnswer], Meta(description="At most 20.")]
    others_count: Annotated[int, Meta(ge=1, examples=[1])]


class FoundDuplicatesAnswer(msgspec.Struct, frozen=True):
    """A page of contacts that may be there twice."""

    duplicates: list[DuplicatesAnswer]
    next_cursor: Annotated[
        str | None,
        Meta(
            description="The `cursor` of the next page; null when all contacts were looked at. A "
            "page may hold fewer than `limit`, even none, before that.",
            examples=[None],
        ),
    ]


def found_duplicates(page: Page) -> FoundDuplicatesAnswer:
    return FoundDuplicatesAnswer(
        [
            DuplicatesAnswer(
                _survivor(one.contact),
                [
                    OtherAnswer([*other.why], other.is_inferred, _survivor(other.contact))
                    for other in one.others
                ],
                one.others_count,
            )
            for one in page.found
        ],
        page.next_cursor,
    )


def merged(done: Merged) -> MergedAnswer:
    return MergedAnswer(
        done.merge_id,
        done.merged_id,
        _survivor(done.contact),
        GainedAnswer(
            identities=[IdentityName(kind, value) for kind, value in done.moved],
            fields=[gift.key for gift in done.gifts if gift.group == "field"],
            tags=[gift.key for gift in done.gifts if gift.group == "tag"],
            metadata=[gift.key for gift in done.gifts if gift.group == "metadata"],
            messages=done.messages,
        ),
    )


def unmerged(done: Unmerged) -> UnmergedAnswer:
    return UnmergedAnswer(done.merge_id, _survivor(done.contact), _survivor(done.survivor))


def merged_from(one: MergedFrom) -> MergedFromAnswer:
    return MergedFromAnswer(one.id, wire(one.merged_at))


def _survivor(one: Contact) -> SurvivorAnswer:
    return SurvivorAnswer(
        one.id,
        one.phone,
        one.name,
        one.email,
        one.tags,
        one.metadata,
        wire_or_none(one.opted_in_at),
        wire_or_none(one.opted_out_at),
        wire_or_none(one.last_message_at),
        one.total_messages,
    )
