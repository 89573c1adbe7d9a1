"""export-contact: everything that is held on one person, as one document."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kith.actions.personal_data import Held
from kith.api import (
    blocks,
    consent,
    data_requests,
    gives,
    merge_journal,
    messages,
    opt_ins,
    reachability,
    unread,
)
from kith.api.blocks import BlockAnswer
from kith.api.data_requests import DataRequestAnswer
from kith.api.merge_journal import MergeAnswer
from kith.api.messages import MessageAnswer
from kith.api.opt_ins import OptInAnswer
from kith.api.reachability import ConversationAnswer
from kith.api.schemas import AuditEntry, ConsentRecordAnswer, ContactAnswer, IdentityAnswer, TagOf
from kith.api.takes import EXAMPLE_ID
from kith.api.unread import UnreadAnswer
from kith.api.values import Complete, Time, WaitingEvents
from kith.domain.times import wire


class KeptAnswerAnswer(msgspec.Struct, frozen=True):
    """An answer kept for a repeat under its Idempotency-Key. Both are null where the call was
    about another contact, too."""

    action: Annotated[str, Meta(examples=["create-contact"])]
    key: Annotated[str | None, Meta(examples=["order-1001"])]
    at: Time
    answer: Annotated[
        msgspec.Raw | None,
        Meta(extra_json_schema={"type": ["object", "null"]}, examples=[{"id": EXAMPLE_ID}]),
    ]


class ExportedAnswer(msgspec.Struct, frozen=True):
    """Everything that Kith holds on one person."""

    exported_at: Time
    contact: ContactAnswer
    updated_at: Annotated[Time, Meta(description="When the contact last changed.")]
    tags: list[TagOf]
    identities: list[IdentityAnswer]
    history: list[AuditEntry]
    history_complete: Complete
    kept_answers: Annotated[
        list[KeptAnswerAnswer], Meta(description="Kept for 24 hours, for calls that are repeated.")
    ]
    kept_answers_complete: Annotated[
        bool, Meta(description="False when there are more, over 1,000.", examples=[True])
    ]
    merges: Annotated[
        list[MergeAnswer],
        Meta(description="The journal of who was merged into this contact, newest first."),
    ]
    consent_records: Annotated[
        list[ConsentRecordAnswer], Meta(description="The whole ledger of consent, oldest first.")
    ]
    blocks: list[BlockAnswer]
    conversations: list[ConversationAnswer]
    messages: list[MessageAnswer]
    messages_complete: Complete
    data_requests: list[DataRequestAnswer]
    waiting_events: WaitingEvents
    opt_ins: list[OptInAnswer]
    unread_messages: Annotated[
        list[UnreadAnswer],
        Meta(
            description="What other systems sent and nobody could read yet, where it names the "
            "person, oldest first. It may name others, too: look before you hand it on."
        ),
    ]
    unread_messages_complete: Annotated[
        bool, Meta(description="False when there are more, over 100 or 16 MiB.", examples=[True])
    ]


def answer(held: Held) -> ExportedAnswer:
    one = held.contact
    return ExportedAnswer(
        exported_at=wire(held.at),
        contact=gives.whole_contact(one),
        updated_at=wire(one.updated_at),
        tags=[gives.tag_of(link) for link in held.tags],
        identities=[gives.identity(known_as) for known_as in held.identities],
        history=[gives.entry_of(entry) for entry in held.history],
        history_complete=held.is_history_whole,
        kept_answers=[
            KeptAnswerAnswer(kept.action, kept.key, wire(kept.at), kept.answer)
            for kept in held.answers
        ],
        kept_answers_complete=held.are_answers_whole,
        merges=[merge_journal.answer(one) for one in held.merges],
        consent_records=[consent.record(row) for row in held.consent],
        blocks=[blocks.block(one) for one in held.blocks],
        conversations=[reachability.conversation(one) for one in held.conversations],
        messages=[messages.message(one) for one in held.messages],
        messages_complete=held.are_messages_whole,
        data_requests=[data_requests.answer(one) for one in held.data_requests],
        waiting_events=[msgspec.Raw(body.encode()) for body in held.waiting_events],
        opt_ins=[opt_ins.opt_in(one) for one in held.opt_ins],
        unread_messages=[unread.answer(one) for one in held.unread],
        unread_messages_complete=held.is_unread_whole,
    )
