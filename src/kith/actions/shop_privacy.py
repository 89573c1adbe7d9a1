"""What the law lets customers of shops ask for, as shops pass it on."""

import msgspec

from kith.actions import audit, contacts, inbox, jobs, personal_data, shops
from kith.actions.run import Context
from kith.domain import ids
from kith.domain.contacts import Contact, ContactKey
from kith.domain.data_requests import DataRequest
from kith.domain.shop_facts import Customer, CustomerRedacted, DataRequested, ShopRedacted
from kith.domain.traces import Traces
from kith.errors import BadValue, NotFound
from kith.integrations.shopify.reader import told_by
from kith.store import identities, merges, reachability
from kith.store import shops as shop_rows
from kith.store.shops import Story

ERASED_AT_ONCE = 20
"""Contacts in one transaction."""
_NO_ORIGIN = {"contact.tagged", "contact.untagged", "contact.blocked", "contact.unblocked"}
"""What somebody else did to a contact, without anybody having come by another way."""


async def ask(ctx: Context, told: DataRequested) -> None:
    """Keep that a customer wants to see what is held on them, until the operator has answered."""
    known = await _meant(ctx, told.customer)
    request = DataRequest(
        id=ctx.new_id(),
        connection_id=ctx.connection_id,
        key=told.key,
        shop=told.customer.shop,
        customer=told.customer.external_id,
        contact_id=known.id if known is not None else None,
        requested_at=ctx.now,
        closed_at=None,
    )
    await shop_rows.ask(ctx.tx, tenant_id=ctx.tenant_id, request=request)


async def redact(ctx: Context, told: CustomerRedacted) -> None:
    """Erase a customer of a shop, and whatever of them was not read yet."""
    customer = told.customer
    known = await _meant(ctx, customer)
    if known is not None:
        await personal_data.erase(ctx, ContactKey(contact_id=known.id))
    phones = [customer.phone] if isinstance(customer.phone, str) else []
    emails = [customer.email] if customer.email else []
    external_ids = [customer.external_id.partition(":")[2]] if customer.external_id else []
    await inbox.forget(ctx, Traces(phones=phones, emails=emails, ids=external_ids))
    if customer.external_id is None:
        return
    if await shops.story_of(ctx, customer) is None:
        # What was told before and comes late is known by its hash.
        await shop_rows.keep(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            connection_uuid=ctx.connection_id,
            customer=customer.external_id,
            shop=customer.shop,
            story=Story(None, ctx.now, {}),
        )
    await personal_data.forget_customer(ctx, customer.external_id)


async def redact_shop(ctx: Context, told: ShopRedacted) -> None:
    """Erase, in the background, whoever came by this shop only; forget the rest of what it told.

    What people asked for before stays to be done: it may be about somebody known elsewhere, too.
    """
    await inbox.forget_of(ctx, ctx.connection_id, lambda headers: told_by(headers, told.shop))
    await jobs.add(ctx, jobs.REDACT_SHOP, f"{ctx.connection_id} {told.shop}")


async def redact_some(ctx: Context, shop: str) -> bool:
    """Go on with a shop's customers; whether there may be more, such as hashes of those erased."""
    tx, tenant_id, uuid = ctx.tx, ctx.tenant_id, ctx.connection_id
    names = await shop_rows.customers(
        tx, tenant_id=tenant_id, connection_uuid=uuid, shop=shop, rows_max=ERASED_AT_ONCE
    )
    for name in names:
        known = await _known_as(ctx, name)
        if known is not None:
            if await _came_by_it_only(ctx, known, shop):
                await personal_data.erase(ctx, ContactKey(contact_id=known.id))
            elif not name.startswith(shops.GUEST):
                await shops.unname(ctx, known, name)
    await shop_rows.remove(tx, tenant_id=tenant_id, connection_uuid=uuid, names=names)
    return bool(names)


async def list_requests(ctx: Context, _: None) -> list[DataRequest]:
    """Those not answered first, each oldest first."""
    found = await shop_rows.requests(ctx.tx, tenant_id=ctx.tenant_id)
    return [await _as_of_now(ctx, one) for one in found]


async def show_request(ctx: Context, request_id: str) -> DataRequest:
    """Raises NotFound."""
    try:
        uuid = ids.parse(request_id)
    except BadValue:
        uuid = ""
    found = await shop_rows.request(ctx.tx, tenant_id=ctx.tenant_id, uuid=uuid)
    if found is None:
        raise NotFound(
            f"There is no data request {request_id}; `kith requests list` shows those there are."
        )
    return await _as_of_now(ctx, found)


async def close_request(ctx: Context, request_id: str) -> DataRequest:
    """It was answered. Raises NotFound."""
    found = await show_request(ctx, request_id)
    await shop_rows.close(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        uuid=found.id,
        contact_uuid=found.contact_id,
        at=ctx.now,
    )
    return msgspec.structs.replace(found, closed_at=found.closed_at or ctx.now)


async def _as_of_now(ctx: Context, asked: DataRequest) -> DataRequest:
    """With the contact: what a shop tells of a customer may be read after what they asked for."""
    if asked.contact_id is not None or asked.customer is None or asked.closed_at is not None:
        return asked
    known = await shops.find(ctx, Customer(external_id=asked.customer))
    return msgspec.structs.replace(asked, contact_id=known.id if known is not None else None)


async def _meant(ctx: Context, customer: Customer) -> Contact | None:
    """By the shop's id; else by a whole number or an address, if they came by such a shop."""
    if customer.external_id is not None:
        known = await shops.find(ctx, Customer(external_id=customer.external_id))
        if known is not None:
            return known
    for other in (
        Customer(
            external_id=None, phone=customer.phone if isinstance(customer.phone, str) else None
        ),
        Customer(external_id=None, email=customer.email),
    ):
        known = await shops.find(ctx, other)
        if known is not None and known.source == ctx.source:
            return known
    return None


async def _known_as(ctx: Context, name: str) -> Contact | None:
    if name.startswith(shops.GUEST):
        return await contacts.of_id(ctx, name.removeprefix(shops.GUEST))
    return await shops.find(ctx, Customer(external_id=name))


async def _came_by_it_only(ctx: Context, known: Contact, shop: str) -> bool:
    """Whether nobody and nothing else brought the contact, or anything of them, here."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if await merges.ids_into(tx, tenant_id=tenant_id, uuid=known.id):
        return False
    history = await audit.newest(ctx, known.id, audit.NEWEST, personal_data.HISTORY_MAX)
    if any(one.connection_id != ctx.connection_id for one in history if one.what not in _NO_ORIGIN):
        return False
    if known.last_message_at is not None or await reachability.conversations_of(
        tx, tenant_id=tenant_id, contact_row_id=known.row_id
    ):
        return False
    names = await identities.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id)
    return not await shop_rows.is_told_elsewhere(
        tx,
        tenant_id=tenant_id,
        connection_uuid=ctx.connection_id,
        shop=shop,
        names=[
            f"{shops.GUEST}{known.id}",
            *(one.value for one in names if one.kind == "external"),
        ],
    )
