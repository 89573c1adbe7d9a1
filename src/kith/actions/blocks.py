"""block-contact, unblock-contact: whom an operator wants nothing to be sent to."""

from datetime import datetime

import msgspec

from kith.actions import audit, contacts
from kith.actions.run import Context
from kith.domain.audit import What
from kith.domain.contacts import Contact, ContactKey
from kith.store import contacts as contact_rows
from kith.store import reachability


class BlockContact(ContactKey, frozen=True, kw_only=True):
    """`note` says why, on the audit log."""

    note: str | None = None


class Blocked(msgspec.Struct, frozen=True):
    """`since` is None for somebody who is not blocked."""

    contact: Contact
    since: datetime | None


async def block(ctx: Context, given: BlockContact) -> Blocked:
    """Send the contact nothing more. One who is blocked stays so, since when they were.

    Raises ContactNotFound, Invalid, Changed.
    """
    known, since = await _find(ctx, given)
    if since is not None:
        return Blocked(known, since)
    await reachability.add_block(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, reason="blocked", at=ctx.now
    )
    return Blocked(await _note(ctx, "contact.blocked", known, given.note), ctx.now)


async def unblock(ctx: Context, given: BlockContact) -> Blocked:
    """Take an operator's block away, and no other reason.

    Raises ContactNotFound, Invalid, Changed.
    """
    known, since = await _find(ctx, given)
    if since is None:
        return Blocked(known, None)
    await reachability.remove_block(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, reason="blocked"
    )
    return Blocked(await _note(ctx, "contact.unblocked", known, given.note), None)


async def _find(ctx: Context, given: BlockContact) -> tuple[Contact, datetime | None]:
    known = await contacts.find(ctx, given)
    blocks = await reachability.blocks_of(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id
    )
    return known, next((one.since for one in blocks if one.reason == "blocked"), None)


async def _note(ctx: Context, what: What, known: Contact, note: str | None) -> Contact:
    """Of a new version: what get-contact can be asked for has changed."""
    contact = msgspec.structs.replace(known, updated_at=ctx.now, version=known.version + 1)
    await contact_rows.change(ctx.tx, tenant_id=ctx.tenant_id, was=known, contact=contact)
    is_blocked = what == "contact.blocked"
    after = {"blocked": is_blocked} if note is None else {"blocked": is_blocked, "note": note}
    await audit.record(ctx, what, known.id, before={"blocked": not is_blocked}, after=after)
    return contact
