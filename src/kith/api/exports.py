"""export-contact: everything that is held on one person, as one document."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kith.api.data_requests import DataRequestAnswer
from kith.api.merge_journal import MergeAnswer
from kith.api.messages import MessageAnswer
from kith.api.opt_ins import OptInAnswer
from kith.api.reachability import BlockAnswer, ConversationAnswer
from kith.api.schemas import AuditEntry, ConsentRecordAnswer, ContactAnswer, IdentityAnswer, TagOf
from kith.api.takes import EXAMPLE_ID
from kith.api.values import Complete, Time, WaitingEvents


class KeptAnswerAnswer(msgspec.Struct, frozen=True):
    """An answer kept for a repeat under its Idempotency-Key."""

    action: Annotated[str, Meta(examples=["create-contact"])]
    key: Annotated[str, Meta(examples=["order-1001"])]
    at: Time
    answer: Annotated[
        msgspec.Raw, Meta(extra_json_schema={"type": "object"}, examples=[{"id": EXAMPLE_ID}])
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
