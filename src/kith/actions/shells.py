"""Contacts that WhatsApp alone told of: the only ones that are merged by themselves."""

from kith.actions import merges
from kith.actions.merges import MergeContacts
from kith.actions.run import Context
from kith.domain.contacts import Contact, metadata_of, tags_of
from kith.store import audit as audit_rows
from kith.store import consent as ledger
from kith.store import contacts as contact_rows


async def is_one(ctx: Context, contact: Contact) -> bool:
    """Whether WhatsApp alone told of the person: it made the contact, and nobody else, people or
    another system, has written anything of it since. An opt-out is no hindrance: it goes along."""
    nothing = metadata_of(contact), tags_of(contact), contact.email
    if contact.source != "api" or any(nothing):
        return False
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if not await audit_rows.is_all_of(
        tx, tenant_id=tenant_id, contact_uuid=contact.id, system="whatsapp"
    ):
        return False
    rows = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=contact.id)
    return all(row.source in ("inbound", "meta") or row.state == "withdrawn" for row in rows)


async def absorb(ctx: Context, shell: Contact, into: Contact) -> Contact:
    """Two contacts that WhatsApp says are one person, of which one holds nothing else."""
    await merges.merge(ctx, MergeContacts(contact_id=shell.id, into=into.id, is_proven=True))
    known = await contact_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=into.id)
    assert known is not None, "it has just been written"
    return known
