"""What other systems can be told as it happens, and in which words.

The id of an event is that of what it tells of: whoever is told twice, or reads it in a list as
well, can see that it is the same.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import msgspec

from kith.domain import consent
from kith.domain.consent import Record
from kith.domain.contacts import Contact
from kith.domain.times import wire

Event = Literal["contact.created", "contact.opted_in", "contact.opted_out"]
EVENTS: tuple[Event, ...] = get_args(Event)

LIST_MAX = 100
"""How many of one kind can be read afterwards (reliability L9)."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """`record` is what changed of somebody's consent."""

    event: Event
    contact: Contact
    record: Record | None = None

    @property
    def id(self) -> str:
        return self.record.id if self.record is not None else self.contact.id


def created(contact: Contact) -> Happened:
    return Happened(event="contact.created", contact=contact)


def of_consent(contact: Contact, before: Sequence[Record], new: Sequence[Record]) -> list[Happened]:
    """What new rows of the ledger change: a row that leaves things as they are is no event.

    A start word that comes late may bring a later grant in force, which could not lift the stop.
    """
    found: list[Happened] = []
    rows = list(before)
    for row in new:
        was = consent.in_force(consent.about(rows, channel=row.channel, purpose=row.purpose))
        rows.append(row)
        now = consent.in_force(consent.about(rows, channel=row.channel, purpose=row.purpose))
        is_so = now is not None and now.state == row.state
        if is_so and (was is None or was.state != row.state):
            if row.state == "granted":
                found.append(Happened(event="contact.opted_in", contact=contact, record=row))
            elif row.state == "withdrawn":
                found.append(Happened(event="contact.opted_out", contact=contact, record=row))
    return found


def opted_out_by_merge(
    contact: Contact, before: Sequence[Record], rows: Sequence[Record]
) -> list[Happened]:
    """What somebody who was merged into the contact had withdrawn. Whatever else they said was
    told when they said it."""
    was = {(one.channel, one.purpose): one.state for one in consent.all_in_force(before)}
    return [
        Happened(event="contact.opted_out", contact=contact, record=one.row)
        for one in consent.all_in_force(rows)
        if one.row is not None and one.row.state == "withdrawn" != was[one.channel, one.purpose]
    ]


def document(happened: Happened) -> dict[str, Any]:
    """What is told: flat enough for people who pick fields from a list."""
    contact, record = happened.contact, happened.record
    at = contact.created_at if record is None else record.recorded_at
    told: dict[str, Any] = {"id": happened.id, "event": happened.event, "occurred_at": wire(at)}
    if record is not None:
        told["consent"] = {
            "channel": record.channel,
            "purpose": record.purpose,
            "state": record.state,
            "source": record.source,
            "method": record.method,
            "occurred_at": wire(record.occurred_at),
        }
    return {**told, "contact": _contact(contact)}


def _contact(contact: Contact) -> dict[str, Any]:
    """As get-contact shows it."""
    times = {
        name: at and wire(at)
        for name in ("opted_in_at", "opted_out_at", "last_message_at", "created_at")
        for at in (getattr(contact, name),)
    }
    return {
        "id": contact.id,
        "phone": contact.phone,
        "name": contact.name,
        "email": contact.email,
        "source": contact.source,
        "locale": contact.locale,
        "metadata": contact.metadata,
        "tags": contact.tags,
        "opted_in_at": times["opted_in_at"],
        "opted_out_at": times["opted_out_at"],
        "last_message_at": times["last_message_at"],
        "total_messages": contact.total_messages,
        "created_at": times["created_at"],
    }
