"""What the law gives people: everything held on them as one document, and its erasure."""

from datetime import datetime

import msgspec

from kith.actions import audit, contacts
from kith.actions.run import Context
from kith.domain import suppression
from kith.domain.audit import Entry
from kith.domain.contacts import Contact, ContactKey, Identity
from kith.domain.idempotency import KeptAnswer
from kith.domain.tags import Link
from kith.store import audit as audit_rows
from kith.store import contacts as contact_rows
from kith.store import idempotency, identities, suppressions
from kith.store import tags as tag_rows

HISTORY_MAX = 10_000


class Erased(msgspec.Struct, frozen=True):
    id: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that Kith holds on one person."""

    at: datetime
    contact: Contact
    tags: list[Link]
    identities: list[Identity]
    history: list[Entry]
    is_history_whole: bool
    answers: list[KeptAnswer]


async def erase(ctx: Context, given: ContactKey) -> Erased:
    """Remove a contact and all that identifies it, everywhere it was written.

    What stays: that it happened, on the audit log; and a keyed hash of the phone with its opt-out,
    so that a contact made anew of it is no way around that. Raises ContactNotFound, Invalid,
    Changed.
    """
    known = await contacts.find(ctx, given)
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if known.phone is not None:
        await _suppress(ctx, known, known.phone)
    await contact_rows.remove(tx, tenant_id=tenant_id, contact=known)
    await audit_rows.blank(tx, tenant_id=tenant_id, contact_uuid=known.id)
    await audit.record(ctx, "contact.erased", known.id)
    return Erased(known.id)


async def export(ctx: Context, given: ContactKey) -> Held:
    """Raises ContactNotFound, Invalid."""
    known = await contacts.find(ctx, given)
    tx, tenant_id = ctx.tx, ctx.tenant_id
    history = await audit.newest(ctx, known.id, audit.NEWEST, HISTORY_MAX + 1)
    return Held(
        at=ctx.now,
        contact=known,
        tags=await tag_rows.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id),
        identities=await identities.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id),
        history=history[:HISTORY_MAX],
        is_history_whole=len(history) <= HISTORY_MAX,
        answers=await idempotency.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id),
    )


async def _suppress(ctx: Context, known: Contact, phone: str) -> None:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    key = await suppressions.key_of(tx, tenant_id=tenant_id)
    if key is None:
        key = ctx.new_secret().hex()
        await suppressions.set_key(tx, tenant_id=tenant_id, key=key)
    await suppressions.add(
        tx,
        tenant_id=tenant_id,
        digest=suppression.digest(phone, workspace_key=key, secret_key=ctx.secret_key),
        erased_at=ctx.now,
        opted_out_at=known.withdrawn_at,
    )
