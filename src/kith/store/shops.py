"""How far each customer's story is told, by shop; and what customers ask for."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from kith.domain import email as emails
from kith.domain import json
from kith.domain.data_requests import DataRequest
from kith.domain.times import from_us, from_us_or_none, to_us
from kith.store.database import Row, Tx

LIST_MAX = 1_000


class Story(msgspec.Struct, frozen=True):
    """`tags` as the table has them."""

    told_at: datetime | None
    gone_at: datetime | None
    tags: Mapping[str, int]


async def story(tx: Tx, *, tenant_id: int, connection_uuid: str, customer: str) -> Story | None:
    row = await tx.one(
        "SELECT told_at, gone_at, tags FROM shop_customers WHERE tenant_id = :tenant_id"
        " AND connection_uuid = :connection_uuid AND customer = :customer",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
        customer=customer,
    )
    return _story(row) if row is not None else None


async def stories(tx: Tx, *, tenant_id: int, customer: str) -> list[Story]:
    """Of a customer by every connection that told of one of this name; at most 1,000."""
    rows = await tx.all(
        "SELECT told_at, gone_at, tags FROM shop_customers"
        " WHERE tenant_id = :tenant_id AND customer = :customer LIMIT :list_max",
        tenant_id=tenant_id,
        customer=customer,
        list_max=LIST_MAX,
    )
    return [_story(row) for row in rows]


async def keep(
    tx: Tx, *, tenant_id: int, connection_uuid: str, customer: str, shop: str, story: Story
) -> None:
    await tx.run(
        "INSERT INTO shop_customers (tenant_id, connection_uuid, customer, shop, told_at, gone_at,"
        " tags) VALUES (:tenant_id, :connection_uuid, :customer, :shop, :told_at, :gone_at, :tags)"
        " ON CONFLICT (tenant_id, connection_uuid, customer) DO UPDATE SET shop = excluded.shop,"
        " told_at = excluded.told_at, gone_at = excluded.gone_at, tags = excluded.tags",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
        customer=customer,
        shop=shop,
        told_at=to_us(story.told_at) if story.told_at else None,
        gone_at=to_us(story.gone_at) if story.gone_at else None,
        tags=json.encode(story.tags).decode(),
    )


async def bury(tx: Tx, *, tenant_id: int, customer: str, as_: str, at: datetime) -> None:
    """Of somebody erased only a hash stays, in every shop, so that what comes late is known."""
    await tx.run(
        "DELETE FROM shop_customers WHERE shop_customers.tenant_id = :tenant_id"
        " AND shop_customers.customer = :as_ AND shop_customers.connection_uuid IN ("
        "SELECT s.connection_uuid FROM shop_customers s"
        " WHERE s.tenant_id = :tenant_id AND s.customer = :customer)",
        tenant_id=tenant_id,
        customer=customer,
        as_=as_,
    )
    await tx.run(
        "UPDATE shop_customers SET customer = :as_, told_at = NULL, gone_at = :at, tags = '{}'"
        " WHERE tenant_id = :tenant_id AND customer = :customer",
        tenant_id=tenant_id,
        customer=customer,
        as_=as_,
        at=to_us(at),
    )


async def bury_guest(tx: Tx, *, tenant_id: int, customer: str, as_: str, at: datetime) -> None:
    """As `bury`, of somebody without an id: in every shop that told of them."""
    await tx.run(
        "INSERT INTO shop_customers (tenant_id, connection_uuid, customer, shop, gone_at)"
        " SELECT s.tenant_id, s.connection_uuid, :as_, s.shop, :at FROM shop_customers s"
        " WHERE s.tenant_id = :tenant_id AND s.customer = :customer"
        " ON CONFLICT (tenant_id, connection_uuid, customer) DO UPDATE"
        " SET gone_at = excluded.gone_at",
        tenant_id=tenant_id,
        customer=customer,
        as_=as_,
        at=to_us(at),
    )


async def forget(tx: Tx, *, tenant_id: int, customer: str) -> None:
    """Nothing is to be known of this one, in any shop."""
    await tx.run(
        "DELETE FROM shop_customers WHERE tenant_id = :tenant_id AND customer = :customer",
        tenant_id=tenant_id,
        customer=customer,
    )


async def customers(
    tx: Tx, *, tenant_id: int, connection_uuid: str, shop: str, rows_max: int
) -> list[str]:
    """A few of a shop's customers, those erased too."""
    rows = await tx.all(
        "SELECT customer FROM shop_customers WHERE tenant_id = :tenant_id"
        " AND connection_uuid = :connection_uuid AND shop = :shop"
        " ORDER BY customer LIMIT :rows_max",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
        shop=shop,
        rows_max=rows_max,
    )
    return [row[0] for row in rows]


async def remove(tx: Tx, *, tenant_id: int, connection_uuid: str, names: Iterable[str]) -> None:
    """Forget these customers of a connection."""
    for name in names:
        await tx.run(
            "DELETE FROM shop_customers WHERE tenant_id = :tenant_id AND customer = :name"
            " AND connection_uuid = :connection_uuid",
            tenant_id=tenant_id,
            name=name,
            connection_uuid=connection_uuid,
        )


async def is_told_elsewhere(
    tx: Tx, *, tenant_id: int, connection_uuid: str, shop: str, names: Iterable[str]
) -> bool:
    """Whether another shop tells of one of these, too."""
    for name in names:
        row = await tx.one(
            "SELECT 1 FROM shop_customers WHERE tenant_id = :tenant_id AND customer = :name"
            " AND (connection_uuid <> :connection_uuid OR shop <> :shop) LIMIT 1",
            tenant_id=tenant_id,
            name=name,
            connection_uuid=connection_uuid,
            shop=shop,
        )
        if row is not None:
            return True
    return False


async def by_email(tx: Tx, *, tenant_id: int, email: str) -> str | None:
    """The id of the oldest contact with this address."""
    row = await tx.one(
        "SELECT c.uuid FROM contacts c WHERE c.tenant_id = :tenant_id AND c.email_key = :email_key"
        " ORDER BY c.id LIMIT 1",
        tenant_id=tenant_id,
        email_key=emails.key(email),
    )
    return row[0] if row is not None else None


# What customers ask for

_REQUEST = (
    "SELECT r.uuid, r.connection_uuid, r.request_key, r.shop, r.customer, r.contact_uuid,"
    " r.requested_at, r.closed_at FROM data_requests r WHERE r.tenant_id = :tenant_id"
)


async def ask(tx: Tx, *, tenant_id: int, request: DataRequest) -> None:
    """Once, however often it is told."""
    await tx.run(
        "INSERT INTO data_requests (tenant_id, uuid, connection_uuid, request_key, shop, customer,"
        " contact_uuid, requested_at) VALUES (:tenant_id, :uuid, :connection_uuid, :request_key,"
        " :shop, :customer, :contact_uuid, :at)"
        " ON CONFLICT (tenant_id, connection_uuid, request_key) DO NOTHING",
        tenant_id=tenant_id,
        uuid=request.id,
        connection_uuid=request.connection_id,
        request_key=request.key,
        shop=request.shop,
        customer=request.customer,
        contact_uuid=request.contact_id,
        at=to_us(request.requested_at),
    )


async def requests(tx: Tx, *, tenant_id: int) -> list[DataRequest]:
    """Those not answered first, each oldest first, at most 1,000."""
    rows = await tx.all(
        f"{_REQUEST} ORDER BY CASE WHEN r.closed_at IS NULL THEN 0 ELSE 1 END, r.uuid"
        " LIMIT :list_max",
        tenant_id=tenant_id,
        list_max=LIST_MAX,
    )
    return [_request(row) for row in rows]


async def requests_of(tx: Tx, *, tenant_id: int, contact_uuid: str) -> list[DataRequest]:
    rows = await tx.all(
        f"{_REQUEST} AND r.contact_uuid = :contact_uuid ORDER BY r.uuid LIMIT :list_max",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        list_max=LIST_MAX,
    )
    return [_request(row) for row in rows]


async def requests_as(tx: Tx, *, tenant_id: int, customer: str) -> list[DataRequest]:
    """Of a customer who was no contact then."""
    rows = await tx.all(
        f"{_REQUEST} AND r.customer = :customer AND r.contact_uuid IS NULL"
        " ORDER BY r.uuid LIMIT :list_max",
        tenant_id=tenant_id,
        customer=customer,
        list_max=LIST_MAX,
    )
    return [_request(row) for row in rows]


async def request(tx: Tx, *, tenant_id: int, uuid: str) -> DataRequest | None:
    row = await tx.one(f"{_REQUEST} AND r.uuid = :uuid", tenant_id=tenant_id, uuid=uuid)
    return _request(row) if row is not None else None


async def close(
    tx: Tx, *, tenant_id: int, uuid: str, contact_uuid: str | None, at: datetime
) -> None:
    """It was answered with what is held on this contact."""
    await tx.run(
        "UPDATE data_requests SET closed_at = :at, contact_uuid = :contact_uuid"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid AND closed_at IS NULL",
        tenant_id=tenant_id,
        uuid=uuid,
        contact_uuid=contact_uuid,
        at=to_us(at),
    )


async def forget_asker(tx: Tx, *, tenant_id: int, contact_uuid: str) -> None:
    """That somebody asked stays; who it was does not."""
    await tx.run(
        "UPDATE data_requests SET customer = NULL, contact_uuid = NULL"
        " WHERE tenant_id = :tenant_id AND contact_uuid = :contact_uuid",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
    )


async def forget_asking(tx: Tx, *, tenant_id: int, customer: str) -> None:
    """As `forget_asker`, of a customer who may be no contact."""
    await tx.run(
        "UPDATE data_requests SET customer = NULL, contact_uuid = NULL"
        " WHERE tenant_id = :tenant_id AND customer = :customer",
        tenant_id=tenant_id,
        customer=customer,
    )


def _story(row: Row) -> Story:
    tags = msgspec.json.decode(row[2], type=dict[str, int])
    return Story(from_us_or_none(row[0]), from_us_or_none(row[1]), tags)


def _request(row: Row) -> DataRequest:
    return DataRequest(
        id=row[0],
        connection_id=row[1],
        key=row[2],
        shop=row[3],
        customer=row[4],
        contact_id=row[5],
        requested_at=from_us(row[6]),
        closed_at=from_us_or_none(row[7]),
    )
