"""Tags: put on a contact, taken off, and listed with how many carry them."""

import msgspec

from kith.actions import contacts
from kith.actions.run import Context
from kith.domain import json, tags
from kith.domain.contacts import Contact, TagContact
from kith.domain.tags import Tag
from kith.errors import Invalid
from kith.store import tags as tag_rows


class Tagged(msgspec.Struct, frozen=True):
    """`tag` is the name that was asked for, whether or not it changed anything."""

    contact: Contact
    tag: str


async def add(ctx: Context, given: TagContact) -> Tagged:
    """Put a tag on a contact, a new one too. Raises ContactNotFound, Invalid, Changed."""
    known = await contacts.find(ctx, given)
    present = contacts.tags_of(known)
    if given.tag in present:
        return Tagged(known, given.tag)
    if len(present) >= tags.PER_CONTACT_MAX:
        problem = f"The contact carries {tags.PER_CONTACT_MAX} tags already; remove one first."
        raise Invalid({"tag": [problem]})
    names = (given.tag, *present)
    wanted = msgspec.structs.replace(known, tags=msgspec.Raw(json.encode(names)))
    changed = await contacts.write(ctx, "contact.tagged", known, wanted)
    await contacts.tag_anew(ctx, known, (given.tag,))
    return Tagged(changed, given.tag)


async def remove(ctx: Context, given: TagContact) -> Tagged:
    """Take a tag off a contact; the tag stays. Raises ContactNotFound, Invalid, Changed."""
    known = await contacts.find(ctx, given)
    present = contacts.tags_of(known)
    if given.tag not in present:
        return Tagged(known, given.tag)
    left = [name for name in present if name != given.tag]
    wanted = msgspec.structs.replace(known, tags=msgspec.Raw(json.encode(left)))
    changed = await contacts.write(ctx, "contact.untagged", known, wanted)
    await tag_rows.unlink(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, name=given.tag
    )
    return Tagged(changed, given.tag)


async def list_all(ctx: Context, contains: str | None) -> list[Tag]:
    """The workspace's tags by name, at most 1,000; `contains` has its case folded."""
    return await tag_rows.list_all(ctx.tx, tenant_id=ctx.tenant_id, contains=contains)
