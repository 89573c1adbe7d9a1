"""block-contact, unblock-contact: whom an operator wants nothing to be sent to, and whom again."""

from datetime import datetime

import msgspec

from kith.actions import audit, contacts
from kith.actions.run import Context
from kith.domain.audit import What
from kith.domain.contacts import Contact, ContactKey
from kith.domain.merging import Gift
from kith.domain.reachability import Lifted
from kith.domain.times import to_us
from kith.errors import BadValue, naming
from kith.store import blocks as block_rows
from kith.store import contacts as contact_rows
from kith.store import merges


class BlockContact(ContactKey, frozen=True, kw_only=True):
    """`note` says why, on the audit log."""

    note: str | None = None


class UnblockContact(BlockContact, frozen=True, kw_only=True):
    """`reason` is which block is to go; of one that is not the operator's own, `note` is a must."""

    reason: Lifted = "blocked"


class Blocked(msgspec.Struct, frozen=True):
    """`since` is None for somebody whom no operator blocks."""

    contact: Contact
    since: datetime | None


async def block(ctx: Context, given: BlockContact) -> Blocked:
    """Send the contact nothing more. One who is blocked stays so, since when they were.

    A note is kept all the same; and what only a merge brought is the contact's own from now on.
    Raises ContactNotFound, Invalid, Changed.
    """
    known = await contacts.find(ctx, given)
    if (since := await _since(ctx, known, "blocked")) is not None:
        if await _make_own(ctx, known) or given.note is not None:
            known = await _note(ctx, "contact.blocked", "blocked", known, given.note, was=True)
        return Blocked(known, since)
    await block_rows.add(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, reason="blocked", at=ctx.now
    )
    return Blocked(await _note(ctx, "contact.blocked", "blocked", known, given.note), ctx.now)


async def unblock(ctx: Context, given: UnblockContact) -> Blocked:
    """Take an operator's block away, or one that WhatsApp gave cause for; and no other.

    Raises ContactNotFound, Invalid, Changed.
    """
    if given.reason != "blocked" and given.note is None:
        with naming("note"):
            raise BadValue("must say why: WhatsApp gave cause for this block.")
    known = await contacts.find(ctx, given)
    if await _since(ctx, known, given.reason) is not None:
        await block_rows.remove(
            ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, reason=given.reason
        )
        known = await _note(ctx, "contact.unblocked", given.reason, known, given.note)
    return Blocked(known, await _since(ctx, known, "blocked"))


async def trust(ctx: Context, known: Contact, at: datetime) -> None:
    """Whoever has the number now has agreed to marketing themselves: no doubt of before then is
    left about who it is."""
    since = await _since(ctx, known, "identity_changed")
    if since is not None and since <= at:
        await block_rows.remove(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            contact_row_id=known.row_id,
            reason="identity_changed",
        )
        await _note(ctx, "contact.unblocked", "identity_changed", known, None)


async def _since(ctx: Context, known: Contact, reason: Lifted) -> datetime | None:
    blocks = await block_rows.of_contact(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id
    )
    return next((one.since for one in blocks if one.reason == reason), None)


async def _make_own(ctx: Context, known: Contact) -> bool:
    """Whether a merge brought the block; an unmerge leaves it to the contact then, since now."""
    is_new = False
    for one in await merges.of_contact(ctx.tx, tenant_id=ctx.tenant_id, uuids=[known.id]):
        if one.journal is None:
            continue
        gifts = [_owned(gift, at=ctx.now) for gift in one.journal.gifts]
        if gifts != one.journal.gifts:
            journal = msgspec.structs.replace(one.journal, gifts=gifts)
            owned = msgspec.structs.replace(one, journal=journal)
            await merges.keep(ctx.tx, tenant_id=ctx.tenant_id, merge=owned)
            is_new = True
    return is_new


def _owned(gift: Gift, *, at: datetime) -> Gift:
    if gift.place != ("block", "blocked") or gift.was is not None:
        return gift
    return msgspec.structs.replace(gift, was=to_us(at))


async def _note(
    ctx: Context,
    what: What,
    reason: Lifted,
    known: Contact,
    note: str | None,
    *,
    was: bool | None = None,
) -> Contact:
    """Of a new version: what get-contact can be asked for has changed."""
    contact = msgspec.structs.replace(known, updated_at=ctx.now, version=known.version + 1)
    await contact_rows.change(ctx.tx, tenant_id=ctx.tenant_id, was=known, contact=contact)
    is_blocked = what == "contact.blocked"
    after: dict[str, object] = {reason: is_blocked}
    if note is not None:
        after["note"] = note
    before: dict[str, object] = {reason: not is_blocked if was is None else was}
    await audit.record(ctx, what, known.id, before=before, after=after)
    return contact
