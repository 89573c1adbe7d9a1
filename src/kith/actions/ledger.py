"""The way into the consent ledger of a contact that is there, and what it shows of that."""

from collections.abc import Sequence

import msgspec

from kith.actions import audit, events
from kith.actions.run import Context
from kith.domain import consent
from kith.domain.consent import Record
from kith.domain.contacts import Contact
from kith.domain.times import wire
from kith.store import consent as ledger
from kith.store import contacts as contact_rows


async def record(
    ctx: Context, known: Contact, new: Sequence[Record], *, rows: Sequence[Record] | None = None
) -> Contact:
    """Append rows to the contact's ledger; a merge and a change of number do so too, beside all
    else that they change.

    Brings what is in force and what the contact shows up to date, also with no row to append.
    `rows` are those there are, where the caller knows them; all of them count.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if rows is None:
        rows = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id)
    whole = [*rows, *new]
    contact = msgspec.structs.replace(
        agreed(known, whole), updated_at=ctx.now, version=known.version + 1
    )
    happened = events.of_consent(ctx, contact, rows, new)
    told = {one.id for one in happened}
    for row in new:
        await ledger.add(tx, tenant_id=tenant_id, record=row, is_event=row.id in told)
    await set_states(ctx, contact, whole)
    await contact_rows.set_consent(tx, tenant_id=tenant_id, contact=contact)
    await audit.record(
        ctx,
        "contact.consent_changed",
        known.id,
        before=_document(known, rows, new),
        after=_document(contact, whole, new),
    )
    for one in happened:
        await events.notify(ctx, one)
    return contact


def agreed(contact: Contact, rows: Sequence[Record]) -> Contact:
    """The contact with the times that follow from its ledger."""
    opted_in_at, opted_out_at = consent.projection(rows)
    return msgspec.structs.replace(contact, opted_in_at=opted_in_at, opted_out_at=opted_out_at)


async def set_states(ctx: Context, contact: Contact, rows: Sequence[Record]) -> None:
    """Write what is in force by the contact's ledger."""
    await ledger.set_states(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        contact_row_id=contact.row_id,
        states=consent.all_in_force(rows),
    )


def _document(contact: Contact, rows: Sequence[Record], new: Sequence[Record]) -> dict[str, object]:
    """What the audit log keeps: the states that the new rows are about, and what is shown."""
    touched = {(row.channel, row.purpose) for row in new}
    states = {
        f"{one.channel} {one.purpose}": one.state
        for one in consent.all_in_force(rows)
        if (one.channel, one.purpose) in touched
    }
    shown = {"opted_in_at": contact.opted_in_at, "opted_out_at": contact.opted_out_at}
    return {"consent": states, **{name: at and wire(at) for name, at in shown.items()}}
