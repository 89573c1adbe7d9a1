"""block-contact and unblock-contact: what they take, and how a block is answered."""

from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from kith.actions.blocks import BlockContact, Blocked, UnblockContact
from kith.api import takes
from kith.api.fields import Field, Shape
from kith.api.parts import nullable, one_of
from kith.api.values import Id, PhoneOut, Time
from kith.domain import text
from kith.domain.reachability import Block, Lifted, Reason
from kith.domain.times import wire, wire_or_none

LIFTED: tuple[str, ...] = get_args(Lifted)
NOTE_CHARACTERS_MAX = 2_000


def parse_note(value: object) -> str:
    """Why somebody is blocked or is no more, in one line; raises BadValue."""
    return text.line(value, characters_max=NOTE_CHARACTERS_MAX)


NOTE = Field(
    "note",
    parse_note,
    nullable(
        "string",
        "Why, for whoever reads the history; at most 2,000 characters.",
        "Threatened a colleague.",
        maxLength=NOTE_CHARACTERS_MAX,
    ),
)

BLOCK_CONTACT = Shape(
    BlockContact,
    (takes.CONTACT_ID, takes.PHONE, NOTE),
    takes.ID_OR_PHONE,
    description="From now on every verdict on the contact is `blocked`, whoever wrote last and "
    "whatever they agreed to. One who is blocked already stays so, and nothing is written.",
    example={"phone": "+14155550123", "note": "Threatened a colleague."},
)

UNBLOCK_CONTACT = Shape(
    UnblockContact,
    (
        *BLOCK_CONTACT.fields,
        Field(
            "reason",
            one_of(LIFTED),
            nullable(
                "string",
                "Which reason is to go: an operator's block when not given. The others need a"
                " `note`: `identity_changed` once you know that the number is still the person's,"
                " `country_restricted` once WhatsApp lets you write to their country again.",
                "blocked",
                enum=[*LIFTED, None],
            ),
        ),
    ),
    takes.ID_OR_PHONE,
    description="Takes an operator's block away, or the `reason` that is named. Consent, and"
    " whatever else keeps messages from the contact, stays as it is. Where there is nothing to take"
    " away, nothing is written.",
    example={"phone": "+14155550123"},
)


class BlockedAnswer(msgspec.Struct, frozen=True, gc=False):
    """Whether the contact is blocked now."""

    id: Id
    phone: PhoneOut
    blocked: Annotated[bool, Meta(examples=[True])]
    blocked_at: Annotated[Time | None, Meta(description="Since when; null when not blocked.")]


class BlockAnswer(msgspec.Struct, frozen=True):
    """Why the contact is not written to, from whichever number."""

    reason: Annotated[Reason, Meta(examples=["blocked"])]
    since: Time


def blocked(done: Blocked) -> BlockedAnswer:
    known = done.contact
    return BlockedAnswer(known.id, known.phone, done.since is not None, wire_or_none(done.since))


def block(held: Block) -> BlockAnswer:
    return BlockAnswer(held.reason, wire(held.since))
