"""What is done about what a Zap posts; again, it has no further effect."""

from kith.actions import consent, contacts
from kith.actions.consent import SetConsent
from kith.actions.run import Context
from kith.domain.consent import about, in_force
from kith.domain.contacts import Contact
from kith.domain.zap_facts import ConsentPosted, ContactPosted
from kith.store import consent as ledger


async def take(ctx: Context, told: ContactPosted) -> None:
    """As create-contact does, then the consent. Raises Invalid, Conflict, Refused."""
    contact = await contacts.save(ctx, told.contact)
    if told.consent is not None:
        await _tell(ctx, contact, told.consent)


async def _tell(ctx: Context, contact: Contact, told: ConsentPosted) -> None:
    """Unless just that is in force already: a body may be read twice."""
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=contact.id)
    now = in_force(about(rows, channel=told.channel, purpose=told.purpose))
    said = (told.state, told.wording, told.wording_version)
    if now is not None and (now.state, now.wording, now.wording_version) == said:
        return
    given = SetConsent(
        contact_id=contact.id,
        channel=told.channel,
        purpose=told.purpose,
        state=told.state,
        source="api",
        method=told.method,
        wording=told.wording,
        wording_version=told.wording_version,
        evidence=told.evidence,
        note=told.note,
        occurred_at=told.occurred_at,
    )
    await consent.tell(ctx, contact, given)
