"""Tags: put on a contact, taken off, and listed with how many carry them."""

import msgspec

from kith.actions import contacts
from kith.actions.run import Context
from kith.domain import json, tags
from kith.domain.audit import What
from kith.domain.contacts import Contact, TagContact, tags_of
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
    present = tags_of(known)
    if given.tag in present:
        return Tagged(known, given.tag)
    if len(present) >= tags.PER_CONTACT_MAX:
        problem = f"The contact carries {tags.PER_CONTACT_MAX} tags already; remove one first."
        raise Invalid({"tag": [problem]})
    changed = await _write(ctx, "contact.tagged", known, present, (given.tag, *present))
    await contacts.tag_anew(ctx, known, (given.tag,))
    return Tagged(changed, given.tag)


async def remove(ctx: Context, given: TagContact) -> Tagged:
    """Take a tag off a contact; the tag stays. Raises ContactNotFound, Invalid, Changed."""
    known = await contacts.find(ctx, given)
    present = tags_of(known)
    if given.tag not in present:
        return Tagged(known, given.tag)
    left = tuple(name for name in present if name != given.tag)
    changed = await _write(ctx, "contact.untagged", known, present, left)
    await tag_rows.unlink(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, name=given.tag
    )
    return Tagged(changed, given.tag)


async def _write(
    ctx: Context, what: What, known: Contact, present: tuple[str, ...], names: tuple[str, ...]
) -> Contact:
    wanted = msgspec.structs.replace(known, tags=msgspec.Raw(json.encode(names)))
    before, after = {"tags": present}, {"tags": names}
    return await contacts.note(ctx, what, wanted, before=before, after=after)


async def list_all(ctx: Context, contains: str | None) -> list[Tag]:
    """The workspace's tags by name, at most 1,000; `contains` has its case folded."""
    return await tag_rows.list_all(ctx.tx, tenant_id=ctx.tenant_id, contains=contains)
