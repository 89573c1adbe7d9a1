"""The audit log: who changed what of which contact, and how it was before."""

from datetime import datetime
from typing import Literal

import msgspec

What = Literal[
    "contact.created",
    "contact.updated",
    "contact.tagged",
    "contact.untagged",
    "contact.identity_added",
    "contact.identity_removed",
    "contact.consent_changed",
    "contact.duplicate_suspected",
    "contact.merged",
    "contact.unmerged",
    "contact.blocked",
    "contact.unblocked",
    "contact.import_undone",
    "contact.erased",
]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """`before` and `after` hold what changed; null where there was nothing, or after an erasure.

    Without user, token and connection it was the operator, from the command line.
    """

    id: str
    at: datetime
    what: What
    contact_id: str | None
    user_id: int | None
    user_email: str | None
    token_id: int | None
    connection_id: str | None
    before: msgspec.Raw | None
    after: msgspec.Raw | None
