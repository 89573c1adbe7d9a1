"""What the law gives people: everything held on them as one document, and its erasure."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kith.actions import audit, contacts, inbox, media, opt_ins, opt_outs
from kith.actions.run import Context
from kith.actions.shops import GUEST, guest_name
from kith.domain import email as emails
from kith.domain import suppression
from kith.domain.audit import Entry
from kith.domain.consent import Record
from kith.domain.contacts import Contact, ContactKey, Identity
from kith.domain.data_requests import DataRequest
from kith.domain.idempotency import KeptAnswer
from kith.domain.inbox import KEPT
from kith.domain.inbox import Message as InboxMessage
from kith.domain.matches import phone_of
from kith.domain.merging import Merge
from kith.domain.messages import Message
from kith.domain.opt_ins import OptIn
from kith.domain.reachability import Block, Conversation
from kith.domain.tags import Link
from kith.domain.traces import Traces
from kith.store import audit as audit_rows
from kith.store import (
    blocks,
    hooks,
    idempotency,
    identities,
    identity_changes,
    merges,
    messages,
    reachability,
    shop_polls,
    shops,
)
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store import tags as tag_rows

HISTORY_MAX = 10_000
ANSWERS_MAX = 1_000


class Erased(msgspec.Struct, frozen=True):
    id: str


class _Noted(msgspec.Struct, frozen=True):
    """Of what the audit log says."""

    email: str | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that Kith holds on one person."""

    at: datetime
    contact: Contact
    tags: list[Link]
    identities: list[Identity]
    history: list[Entry]
    is_history_whole: bool
    answers: list[KeptAnswer]
    are_answers_whole: bool
    merges: list[Merge]
    consent: list[Record]
    blocks: list[Block]
    conversations: list[Conversation]
    messages: list[Message]
    are_messages_whole: bool
    data_requests: list[DataRequest]
    waiting_events: list[str]
    opt_ins: list[OptIn]
    unread: list[InboxMessage]
    is_unread_whole: bool


async def erase(ctx: Context, given: ContactKey) -> Erased:
    """Remove a contact and all that identifies it, everywhere it was written.

    What stays: that it happened, on the audit log; the ledger's rows, which no longer tell of whom;
    and a keyed hash of each number and BSUID with the opt-outs, so that a contact made anew of one
    is no way around them. Whoever was merged into it goes too. Raises ContactNotFound, Invalid,
    Conflict, Changed.
    """
    known = await contacts.find(ctx, given)
    tx, tenant_id = ctx.tx, ctx.tenant_id
    names = await identities.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id)
    await opt_outs.keep(ctx, known)
    uuids = [known.id, *await merges.ids_into(tx, tenant_id=tenant_id, uuid=known.id)]
    addresses = await _addresses(ctx, known, uuids)
    await inbox.forget(ctx, _traces(addresses, names))
    await opt_ins.forget(ctx, known)
    for name in names:
        if name.kind == "external":
            await forget_customer(ctx, name.value)
    await _forget_messages(ctx, known, names)
    await media.forget(ctx, known.row_id)
    await ledger.blank(tx, tenant_id=tenant_id, contact_uuid=known.id)
    await contact_rows.remove(tx, tenant_id=tenant_id, contact=known)
    await audit_rows.blank(tx, tenant_id=tenant_id, contact_uuids=uuids)
    for uuid in uuids:
        await hooks.forget(tx, tenant_id=tenant_id, contact_uuid=uuid)
        await _forget_in_hosts(ctx, uuid)
        await _forget_guest(ctx, addresses, f"{GUEST}{uuid}")
        await shops.forget_asker(tx, tenant_id=tenant_id, contact_uuid=uuid)
    await merges.forget(tx, tenant_id=tenant_id, uuids=uuids)
    await audit.record(ctx, "contact.erased", known.id)
    return Erased(known.id)


async def forget_customer(ctx: Context, external_id: str) -> None:
    """What shops told of one of their customers until now makes nobody anew, in whatever order."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    key = await opt_outs.key_of(ctx)
    digest = suppression.digest(external_id, workspace_key=key, secret_key=ctx.secret_key())
    await shops.bury(tx, tenant_id=tenant_id, customer=external_id, as_=digest, at=ctx.now)
    await shops.forget_asking(tx, tenant_id=tenant_id, customer=external_id)
    await shop_polls.forget_places(tx, tenant_id=tenant_id)


async def _forget_guest(ctx: Context, addresses: Iterable[str], customer: str) -> None:
    """A guest has no id: what shops told of them is known by a hash of each address, too."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    key = await opt_outs.key_of(ctx)
    for address in addresses:
        digest = suppression.digest(
            guest_name(address), workspace_key=key, secret_key=ctx.secret_key()
        )
        await shops.bury_guest(tx, tenant_id=tenant_id, customer=customer, as_=digest, at=ctx.now)
    await shops.forget(tx, tenant_id=tenant_id, customer=customer)


async def _addresses(ctx: Context, known: Contact, uuids: Iterable[str]) -> list[str]:
    """Their e-mail addresses, of now and of earlier, and of whoever was merged into them.

    One of earlier that is somebody else's now tells of them no more.
    """
    found = {}
    for uuid in uuids:
        for address in await _noted_addresses(ctx, uuid):
            found[emails.key(address)] = address
    for merge in await merges.of_contact(ctx.tx, tenant_id=ctx.tenant_id, uuids=uuids):
        if merge.journal is not None:
            for side in (merge.journal.merged, merge.journal.into):
                if side.contact.email is not None:
                    found[emails.key(side.contact.email)] = side.contact.email
    addresses = [known.email] if known.email is not None else []
    for address in found.values():
        holders = await contact_rows.with_email(
            ctx.tx, tenant_id=ctx.tenant_id, address=address, rows_max=1
        )
        if not holders:
            addresses.append(address)
    return addresses


async def _noted_addresses(ctx: Context, uuid: str) -> list[str]:
    """What the audit log says of one's e-mail addresses."""
    found: list[_Noted] = []
    last = audit.NEWEST
    while entries := await audit.newest(ctx, uuid, last, audit.PAGE_MAX):
        last = entries[-1].id
        noted = [one for entry in entries for one in (entry.before, entry.after)]
        found += [
            msgspec.json.decode(stored, type=_Noted) for stored in noted if stored is not None
        ]
    return [one.email for one in found if one.email is not None]


async def _forget_messages(ctx: Context, known: Contact, names: Iterable[Identity]) -> None:
    """They go with the contact; a keyless hash of each new one stays while it may come again."""
    tx, tenant_id, since = ctx.tx, ctx.tenant_id, ctx.now - KEPT
    await messages.forget_erased(tx, tenant_id=tenant_id, before=since)
    await messages.remember_erased(
        tx, tenant_id=tenant_id, contact_row_id=known.row_id, since=since, at=ctx.now
    )
    kinds: tuple[identity_changes.Kind, ...] = ("wa_id", "bsuid")
    for kind in kinds:
        values = [one.value for one in names if one.kind == kind]
        await identity_changes.forget(tx, tenant_id=tenant_id, kind=kind, values=values)


async def export(ctx: Context, given: ContactKey) -> Held:
    """Raises ContactNotFound, Invalid."""
    known = await contacts.find(ctx, given)
    tx, tenant_id = ctx.tx, ctx.tenant_id
    uuids = [known.id, *await merges.ids_into(tx, tenant_id=tenant_id, uuid=known.id)]
    names = await identities.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id)
    history: list[Entry] = []
    for uuid in uuids:
        history += await audit.newest(ctx, uuid, audit.NEWEST, HISTORY_MAX + 1)
    history.sort(key=lambda entry: entry.id, reverse=True)
    said = await messages.whole_of_contact(
        tx, tenant_id=tenant_id, contact_row_id=known.row_id, rows_max=HISTORY_MAX + 1
    )
    answers = await idempotency.of_contact(
        tx, tenant_id=tenant_id, contact_uuid=known.id, rows_max=ANSWERS_MAX + 1
    )
    traces = _traces(await _addresses(ctx, known, uuids), names)
    unread, is_unread_whole = await inbox.naming(ctx, traces)
    return Held(
        at=ctx.now,
        contact=known,
        tags=await tag_rows.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id),
        identities=names,
        history=history[:HISTORY_MAX],
        is_history_whole=len(history) <= HISTORY_MAX,
        answers=answers[:ANSWERS_MAX],
        are_answers_whole=len(answers) <= ANSWERS_MAX,
        merges=await merges.of_contact(tx, tenant_id=tenant_id, uuids=uuids),
        consent=await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id),
        blocks=await blocks.of_contact(tx, tenant_id=tenant_id, contact_row_id=known.row_id),
        conversations=await reachability.conversations_of(
            tx, tenant_id=tenant_id, contact_row_id=known.row_id
        ),
        messages=said[:HISTORY_MAX],
        are_messages_whole=len(said) <= HISTORY_MAX,
        data_requests=await _asked(ctx, uuids, names),
        waiting_events=[
            body
            for uuid in uuids
            for body in await hooks.waiting_of(tx, tenant_id=tenant_id, contact_uuid=uuid)
        ],
        opt_ins=await opt_ins.waiting(ctx, known),
        unread=unread,
        is_unread_whole=is_unread_whole,
    )


async def _asked(
    ctx: Context, uuids: Iterable[str], names: Iterable[Identity]
) -> list[DataRequest]:
    """What they asked shops for, also before they were a contact."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    found: list[DataRequest] = []
    for uuid in uuids:
        found += await shops.requests_of(tx, tenant_id=tenant_id, contact_uuid=uuid)
    for name in names:
        if name.kind == "external":
            found += await shops.requests_as(tx, tenant_id=tenant_id, customer=name.value)
    return found


async def _forget_in_hosts(ctx: Context, contact_uuid: str) -> None:
    """Blank what the log of others says of the time that this one lived in them, until an unmerge.

    Nobody can tell any more which of it was whose.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    waiting, seen = [(contact_uuid, 0, 2**63 - 1)], set()
    while waiting:
        uuid, since, until = waiting.pop()
        for host, at, undone_at in await merges.hosts(tx, tenant_id=tenant_id, uuid=uuid):
            span = (host, max(since, at), min(until, undone_at))
            if span[1] <= span[2] and span not in seen:
                seen.add(span)
                waiting.append(span)
                await audit_rows.blank_between(
                    tx, tenant_id=tenant_id, contact_uuid=host, since=span[1], until=span[2]
                )
                await idempotency.forget_between(
                    tx, tenant_id=tenant_id, contact_uuid=host, since=span[1], until=span[2]
                )
                await hooks.forget(
                    tx, tenant_id=tenant_id, contact_uuid=host, since=span[1], until=span[2]
                )
    for host in {span[0] for span in seen}:  # its history reads otherwise now
        await contact_rows.count_up(tx, tenant_id=tenant_id, uuid=host)


def _traces(addresses: Iterable[str], names: Iterable[Identity]) -> Traces:
    phones = {one.value for one in names if one.kind == "phone"}
    phones |= {phone_of(one.value) for one in names if one.kind == "wa_id"}
    ids = [one.value.partition(":")[2] for one in names if one.kind == "external"]
    ids += [one.value for one in names if one.kind in ("bsuid", "username")]
    return Traces(phones=phones, emails=addresses, ids=ids)
