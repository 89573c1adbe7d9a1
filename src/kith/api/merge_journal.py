"""The journal of merges, as an export shows it: both contacts as they were, and what changed."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kith.api import gives
from kith.api.blocks import BlockAnswer
from kith.api.reachability import ConversationAnswer
from kith.api.schemas import ContactAnswer, NameAnswer
from kith.api.takes import EXAMPLE_ID
from kith.api.values import Id, Time
from kith.domain.merging import Gift, Journal, Merge, Side
from kith.domain.times import from_us, wire, wire_or_none


class TaggedAnswer(msgspec.Struct, frozen=True):
    """A tag that the contact had."""

    name: Annotated[str, Meta(examples=["vip"])]
    added_at: Time


class SideAnswer(msgspec.Struct, frozen=True):
    """One of the two, before the merge."""

    contact: ContactAnswer
    tags: list[TaggedAnswer]
    identities: list[NameAnswer]
    conversations: list[ConversationAnswer]
    blocks: list[BlockAnswer]


class ChangeAnswer(msgspec.Struct, frozen=True):
    """What the survivor got."""

    group: Annotated[
        str,
        Meta(
            description="`field`, `tag`, `metadata`, `conversation` or `block`.", examples=["field"]
        ),
    ]
    key: Annotated[str, Meta(examples=["email"])]
    before: Annotated[Any, Meta(description="Null where there was nothing.", examples=[None])]
    after: Annotated[Any, Meta(examples=["romain@example.com"])]


class BeforeAnswer(msgspec.Struct, frozen=True):
    """All that an unmerge needs."""

    merged: SideAnswer
    into: SideAnswer
    changes: list[ChangeAnswer]
    followers: Annotated[
        list[str],
        Meta(description="Ids that had been merged into the one before.", examples=[[EXAMPLE_ID]]),
    ]
    kept_answers: Annotated[
        list[tuple[str, str]],
        Meta(
            description="Answers kept for a repeat that went over: operation and Idempotency-Key.",
            examples=[[["create-contact", "order-1001"]]],
        ),
    ]


class MergeAnswer(msgspec.Struct, frozen=True):
    """A merge, as the journal has it."""

    id: Id
    merged_id: Id
    into: Id
    merged_at: Time
    undone_at: Time | None
    before: Annotated[
        BeforeAnswer | None,
        Meta(
            description="What is kept to undo it: both contacts as they were, and what changed.",
            examples=[None],
        ),
    ]


def answer(one: Merge) -> MergeAnswer:
    return MergeAnswer(
        one.id,
        one.from_id,
        one.into_id,
        wire(one.at),
        wire_or_none(one.undone_at),
        _before(one.journal) if one.journal is not None else None,
    )


def _before(journal: Journal) -> BeforeAnswer:
    return BeforeAnswer(
        _side(journal.merged),
        _side(journal.into),
        [_change(gift) for gift in journal.gifts],
        journal.followers,
        sorted({*journal.answers, *journal.other_answers}),
    )


def _side(one: Side) -> SideAnswer:
    return SideAnswer(
        gives.whole_contact(one.contact),
        [TaggedAnswer(name, _at(added_at)) for name, added_at in one.tags],
        [
            NameAnswer(kind, value, confidence, _at(created_at))
            for kind, value, created_at, confidence in one.identities
        ],
        [
            ConversationAnswer(number_id, *[None if at is None else _at(at) for at in columns])
            for number_id, columns in one.conversations.items()
        ],
        [BlockAnswer(reason, _at(since)) for reason, since in one.blocks.items()],
    )


def _change(gift: Gift) -> ChangeAnswer:
    """Facets that are times are whole numbers but for what people keep in the metadata."""
    shown = [
        _at(value) if gift.group != "metadata" and isinstance(value, int) else value
        for value in (gift.was, gift.now)
    ]
    return ChangeAnswer(gift.group, gift.key, *shown)


def _at(us: int) -> str:
    return wire(from_us(us))
