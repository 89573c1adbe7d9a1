"""The audit log: who changed what of which contact, and how it was before."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from kith.domain.contacts import Contact, differ, metadata_of, tags_of
from kith.domain.times import wire

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

AUDITED = (
    "phone", "name", "email", "source", "locale", "metadata", "tags", "opted_in_at", "opted_out_at",
)  # fmt: skip
"""Everything that people write of a contact."""


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


def document(contact: Contact, names: Iterable[str] = AUDITED) -> dict[str, Any]:
    """What the audit log keeps of a contact."""
    return {name: _plain(contact, name) for name in names}


def differing(was: Contact, now: Contact) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the audit log would note of the change, as it was and as it is."""
    touched = [name for name in AUDITED if getattr(now, name) != getattr(was, name)]
    return changes(document(was, touched), document(now, touched))


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs, as it was and as it is; of metadata only the keys that differ."""
    was: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for field in after:
        old, new = before.get(field), after[field]
        if isinstance(old, dict) and isinstance(new, dict):
            keys = [
                key for key in {**old, **new} if differ(old.get(key, UNSET), new.get(key, UNSET))
            ]
            old = {key: old[key] for key in keys if key in old}
            new = {key: new[key] for key in keys if key in new}
        if differ(old, new):
            was[field], now[field] = old, new
    return was, now


def _plain(contact: Contact, name: str) -> Any:
    """As JSON has it."""
    if name == "metadata":
        return metadata_of(contact)
    if name == "tags":
        return tags_of(contact)
    value = getattr(contact, name)
    return wire(value) if isinstance(value, datetime) else value
