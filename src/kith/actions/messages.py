"""Messages of both directions: counted once, and brought as far as WhatsApp says they came."""

from datetime import datetime, timedelta

import msgspec

from kith.actions import contacts, learned_names, origins, undelivered
from kith.actions.run import Context
from kith.domain import ids
from kith.domain.contacts import Contact, ContactKey
from kith.domain.messages import (
    PAGE_MAX,
    PARKED_DAYS,
    Message,
    StatusTold,
    is_echo_of,
    join,
    join_all,
)
from kith.domain.whatsapp_facts import StatusReported
from kith.errors import BadValue
from kith.store import contacts as contact_rows
from kith.store import messages

PARKED = timedelta(days=PARKED_DAYS)
RECEIVED_MAX = 100
EXPANDED_MAX = 20


class ListMessages(ContactKey, frozen=True, kw_only=True):
    """`cursor` is the id of the last message seen."""

    cursor: str | None = None
    limit: int = PAGE_MAX


class ListReceived(msgspec.Struct, frozen=True, kw_only=True):
    message_type: str | None = None


class Received(msgspec.Struct, frozen=True):
    """A message that came in, and what is known of whom it is from."""

    message: Message
    phone: str | None
    name: str | None
    email: str | None


class Page(msgspec.Struct, frozen=True):
    contact: Contact
    messages: list[Message]
    next_cursor: str | None


async def list_page(ctx: Context, given: ListMessages) -> Page:
    """A contact's messages, newest first by WhatsApp's time. Raises ContactNotFound, Invalid."""
    known = await contacts.find(ctx, given)
    found = await messages.of_contact(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        contact_row_id=known.row_id,
        before_uuid=given.cursor,
        rows_max=given.limit + 1,
    )
    page = found[: given.limit]
    return Page(known, page, page[-1].id if len(found) > len(page) else None)


async def newest(ctx: Context, contact_id: str) -> list[Message]:
    """The last ones of a contact, newest first."""
    known = await contacts.of_id(ctx, contact_id)
    if known is None:
        return []
    return await messages.of_contact(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        contact_row_id=known.row_id,
        before_uuid=None,
        rows_max=EXPANDED_MAX,
    )


async def list_received(ctx: Context, given: ListReceived) -> list[Received]:
    """The newest that came in, the one that came last first."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if given.message_type is None:
        found = await messages.received(tx, tenant_id=tenant_id, rows_max=RECEIVED_MAX)
    else:
        found = await messages.received_of(
            tx, tenant_id=tenant_id, kind=given.message_type, rows_max=RECEIVED_MAX
        )
    return [Received(*one) for one in found]


async def report(ctx: Context, fact: StatusReported) -> None:
    """How far a message of ours came; what is told of one that is not known yet waits for it."""
    told = msgspec.structs.replace(fact.told, at=min(fact.told.at, ctx.now))
    message = await _reported(ctx, fact)
    if message is None:
        await messages.forget_parked(ctx.tx, tenant_id=ctx.tenant_id, before=ctx.now - PARKED)
        await messages.park(
            ctx.tx, tenant_id=ctx.tenant_id, wamid=fact.wamid, told=told, at=ctx.now
        )
        return
    if message.direction != "outbound":
        return
    moved = await advance(ctx, message, [told], wamid=fact.wamid)
    if moved.status != "failed" and fact.who.is_anybody:
        known = await _contact(ctx, moved)
        await learned_names.learn(
            ctx, known, fact.who, at=told.at, beside=origins.names_at(moved.address)
        )


async def advance(
    ctx: Context, message: Message, told: list[StatusTold], *, wamid: str | None = None
) -> Message:
    """Write what was told of a message of ours, and all that follows from it for its contact.

    With `wamid`, which it had not before, whatever was told of it too early counts as well. It has
    none afterwards when another message is called so.
    """
    tx, tenant_id, was = ctx.tx, ctx.tenant_id, message
    if wamid is not None and message.wamid is None:
        told = [*told, *await messages.unpark(tx, tenant_id=tenant_id, wamid=wamid)]
        other = await messages.by_wamid(tx, tenant_id=tenant_id, wamid=wamid)
        if other is not None:
            if not is_echo_of(other, message):
                return message
            message = await _with_echo(ctx, message, other)
    delivery = message.delivery
    for one in told:
        delivery = join(delivery, one)
    moved = msgspec.structs.replace(message, delivery=delivery, wamid=message.wamid or wamid)
    if moved == was:
        return message
    if moved.counts and not moved.is_counted:
        await count(ctx, await _contact(ctx, moved), moved.at)
        moved = msgspec.structs.replace(moved, is_counted=True)
    await messages.set_delivery(tx, tenant_id=tenant_id, message=moved)
    await undelivered.draw(ctx, moved, told)
    return moved


async def count(ctx: Context, known: Contact, at: datetime) -> Contact:
    """Let the contact show one message more, of that time; for every way in and out."""
    contact = msgspec.structs.replace(
        known,
        total_messages=known.total_messages + 1,
        last_message_at=max(known.last_message_at or at, at),
        updated_at=ctx.now,
        version=known.version + 1,
    )
    await contact_rows.count_message(ctx.tx, tenant_id=ctx.tenant_id, contact=contact)
    return contact


async def _with_echo(ctx: Context, message: Message, echo: Message) -> Message:
    """A message of ours that WhatsApp showed to us before it told that it took it: one and the
    same, counted once."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    await messages.remove(tx, tenant_id=tenant_id, uuid=echo.id)
    joined = msgspec.structs.replace(
        message,
        delivery=join_all(message.delivery, echo.delivery),
        is_counted=message.is_counted or echo.is_counted,
    )
    if echo.edited_at is None and echo.deleted_at is None:
        return joined
    joined = msgspec.structs.replace(
        joined, content=echo.content, edited_at=echo.edited_at, deleted_at=echo.deleted_at
    )
    await messages.set_content(tx, tenant_id=tenant_id, message=joined)
    return joined


async def _reported(ctx: Context, fact: StatusReported) -> Message | None:
    """The message by WhatsApp's id, else by the one that we gave it."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    found = await messages.by_wamid(tx, tenant_id=tenant_id, wamid=fact.wamid)
    if fact.callback is None or (found is not None and not found.is_echo):
        return found
    try:
        uuid = ids.parse(fact.callback)
    except BadValue:
        return found
    ours = await messages.by_id(tx, tenant_id=tenant_id, uuid=uuid)
    if ours is None or ours.wamid is not None:
        return found
    return ours if found is None or is_echo_of(found, ours) else found


async def _contact(ctx: Context, message: Message) -> Contact:
    known = await contact_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=message.contact_id)
    assert known is not None, "the message hangs on it"
    return known
