"""Contacts: found by what the caller knows, made and kept right."""

import msgspec

from kith.actions.run import Context
from kith.domain import email as emails
from kith.domain import json, metadata, tags
from kith.domain.contacts import Contact, GetContact, SaveContact, Source
from kith.errors import NotFound, naming
from kith.store import contacts as contact_rows
from kith.store import identities
from kith.store import tags as tag_rows


class ContactNotFound(NotFound):
    code, text = "contact_not_found", "Contact not found"

    def __init__(self, *, by_id: bool = False) -> None:
        super().__init__()
        self.by_id = by_id


async def get(ctx: Context, given: GetContact) -> msgspec.Raw:
    """The contact that the one identifier given points at, as its documented JSON.

    Raises ContactNotFound.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if given.phone is not None:
        found = await contact_rows.document_by_phone(tx, tenant_id=tenant_id, phone=given.phone)
    elif given.contact_id is not None:
        found = await contact_rows.document_by_id(tx, tenant_id=tenant_id, uuid=given.contact_id)
    else:
        key = emails.key(given.email or "")
        found = await contact_rows.document_by_email(tx, tenant_id=tenant_id, email_key=key)
    if found is None:
        raise ContactNotFound(by_id=given.contact_id is not None)
    return msgspec.Raw(found)


async def save(ctx: Context, given: SaveContact, *, source: Source = "api") -> Contact:
    """Create the contact of a phone, or add to it: given fields win, tags and metadata are joined.

    Never touches consent (reference C32). Raises Invalid when the joined values are too large.
    """
    known = await contact_rows.by_phone(ctx.tx, tenant_id=ctx.tenant_id, phone=given.phone)
    if known is None:
        return await _create(ctx, given, source)
    return await _add_to(ctx, known, given)


async def _create(ctx: Context, given: SaveContact, source: Source) -> Contact:
    contact = Contact(
        id=ctx.new_id(),
        phone=given.phone,
        name=given.name,
        email=given.email,
        source=source,
        locale=None,
        metadata=msgspec.Raw(json.encode(given.metadata)),
        tags=msgspec.Raw(json.encode(given.tags)),
        opted_in_at=None,
        opted_out_at=None,
        last_message_at=None,
        total_messages=0,
        created_at=ctx.now,
        updated_at=ctx.now,
        row_id=0,
    )
    row_id = await contact_rows.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        uuid=contact.id,
        phone=given.phone,
        name=given.name,
        email=given.email,
        email_key=emails.key(given.email) if given.email else None,
        source=source,
        metadata=bytes(contact.metadata),
        tags=bytes(contact.tags),
        at=ctx.now,
    )
    await identities.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind="phone",
        value=given.phone,
        contact_row_id=row_id,
        at=ctx.now,
    )
    await _link(ctx, row_id, given.tags, lowest=len(given.tags))
    return msgspec.structs.replace(contact, row_id=row_id)


async def _add_to(ctx: Context, known: Contact, given: SaveContact) -> Contact:
    present: tuple[str, ...] = msgspec.json.decode(known.tags, type=tuple[str, ...])
    with naming("tags"):
        all_tags = tags.at_most(tags.added(present, given.tags))
    with naming("metadata"):
        joined = metadata.merged(msgspec.json.decode(known.metadata), given.metadata)
    contact = msgspec.structs.replace(
        known,
        name=given.name or known.name,
        email=given.email or known.email,
        metadata=msgspec.Raw(json.encode(joined)),
        tags=msgspec.Raw(json.encode(all_tags)),
    )
    if contact == known:
        return known
    contact = msgspec.structs.replace(contact, updated_at=ctx.now)
    await contact_rows.change(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        row_id=known.row_id,
        name=contact.name,
        email=contact.email,
        email_key=emails.key(contact.email) if contact.email else None,
        metadata=bytes(contact.metadata),
        tags=bytes(contact.tags),
        at=ctx.now,
    )
    new = all_tags[: len(all_tags) - len(present)]
    if new:
        lowest = await tag_rows.lowest_position(
            ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id
        )
        await _link(ctx, known.row_id, new, lowest=lowest)
    return contact


async def _link(ctx: Context, row_id: int, names: tuple[str, ...], *, lowest: int) -> None:
    """Tag the contact; the new tags stand in the order given, above those there."""
    for position, name in enumerate(names, start=lowest - len(names)):
        tag_id = await tag_rows.id_of(
            ctx.tx, tenant_id=ctx.tenant_id, name=name, new_uuid=ctx.new_id(), at=ctx.now
        )
        await tag_rows.link(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            contact_row_id=row_id,
            tag_id=tag_id,
            position=position,
            at=ctx.now,
        )
