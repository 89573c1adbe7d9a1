"""Hooks, and what they have yet to be told."""

from collections.abc import Sequence
from datetime import datetime

from kith.domain.events import Event
from kith.domain.hooks import Delivery, Hook
from kith.domain.times import from_us, from_us_or_none, to_us, to_us_or_none
from kith.store.database import Row, Tx

_SELECT = (
    "SELECT h.id, h.uuid, h.event, h.target_url, h.token_id, h.created_at, h.last_success_at,"
    " h.failing_since, h.disabled_at, h.disabled_why FROM hooks h WHERE h.tenant_id = :tenant_id"
)


async def add(
    tx: Tx, *, tenant_id: int, uuid: str, event: Event, target_url: str, token_id: int, at: datetime
) -> Hook:
    """The hook; one that there is already starts anew, with its id."""
    await tx.run(
        "INSERT INTO hooks (tenant_id, uuid, event, target_url, token_id, created_at)"
        " VALUES (:tenant_id, :uuid, :event, :target_url, :token_id, :at)"
        " ON CONFLICT (tenant_id, event, target_url) DO UPDATE SET token_id = excluded.token_id,"
        " failing_since = NULL, disabled_at = NULL, disabled_why = NULL",
        tenant_id=tenant_id,
        uuid=uuid,
        event=event,
        target_url=target_url,
        token_id=token_id,
        at=to_us(at),
    )
    row = await tx.one(
        f"{_SELECT} AND h.event = :event AND h.target_url = :target_url",
        tenant_id=tenant_id,
        event=event,
        target_url=target_url,
    )
    assert row is not None
    return _hook(row)


async def by_uuid(tx: Tx, *, tenant_id: int, uuid: str) -> Hook | None:
    row = await tx.one(f"{_SELECT} AND h.uuid = :uuid", tenant_id=tenant_id, uuid=uuid)
    return _hook(row) if row is not None else None


async def all_of(tx: Tx, *, tenant_id: int, rows_max: int) -> list[Hook]:
    """Oldest first."""
    rows = await tx.all(
        f"{_SELECT} ORDER BY h.id LIMIT :rows_max", tenant_id=tenant_id, rows_max=rows_max
    )
    return [_hook(row) for row in rows]


async def remove(tx: Tx, *, tenant_id: int, uuid: str) -> None:
    """With what it has yet to be told."""
    await tx.run(
        "DELETE FROM hooks WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )


async def wanting(tx: Tx, *, tenant_id: int, event: Event) -> Sequence[tuple[int, str]]:
    """Row id and id of each hook that is to be told."""
    rows = await tx.all(
        "SELECT h.id, h.uuid FROM hooks h"
        " WHERE h.tenant_id = :tenant_id AND h.event = :event AND h.disabled_at IS NULL",
        tenant_id=tenant_id,
        event=event,
    )
    return [(row[0], row[1]) for row in rows]


async def disable(tx: Tx, *, tenant_id: int, row_id: int, why: str, at: datetime) -> None:
    """It is told no more, and what it had yet to be told goes."""
    await tx.run(
        "UPDATE hooks SET disabled_at = :at, disabled_why = :why"
        " WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=row_id,
        why=why,
        at=to_us(at),
    )
    await tx.run(
        "DELETE FROM deliveries WHERE tenant_id = :tenant_id AND hook_id = :row_id",
        tenant_id=tenant_id,
        row_id=row_id,
    )


async def set_health(
    tx: Tx,
    *,
    tenant_id: int,
    row_id: int,
    last_success_at: datetime | None,
    failing_since: datetime | None,
) -> None:
    await tx.run(
        "UPDATE hooks SET last_success_at = :last_success_at, failing_since = :failing_since"
        " WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=row_id,
        last_success_at=to_us_or_none(last_success_at),
        failing_since=to_us_or_none(failing_since),
    )


async def add_delivery(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    hook_row_id: int,
    contact_uuid: str,
    body: str,
    at: datetime,
) -> None:
    await tx.run(
        "INSERT INTO deliveries (tenant_id, uuid, hook_id, contact_uuid, body, due_at, created_at)"
        " VALUES (:tenant_id, :uuid, :hook_row_id, :contact_uuid, :body, :at, :at)",
        tenant_id=tenant_id,
        uuid=uuid,
        hook_row_id=hook_row_id,
        contact_uuid=contact_uuid,
        body=body,
        at=to_us(at),
    )


async def take(
    tx: Tx, *, tenant_id: int, hook_row_id: int, at: datetime, until: datetime, rows_max: int
) -> list[Delivery]:
    """Those that are due, oldest first, nobody else's until then."""
    rows = await tx.all(
        "UPDATE deliveries SET due_at = :until WHERE deliveries.tenant_id = :tenant_id"
        " AND deliveries.id IN (SELECT d.id FROM deliveries d WHERE d.tenant_id = :tenant_id"
        " AND d.hook_id = :hook_row_id AND d.due_at <= :at ORDER BY d.due_at, d.id"
        " LIMIT :rows_max) RETURNING id, uuid, body, tries",
        tenant_id=tenant_id,
        hook_row_id=hook_row_id,
        at=to_us(at),
        until=to_us(until),
        rows_max=rows_max,
    )
    taken = [Delivery(row_id=row[0], id=row[1], body=row[2], tries=row[3]) for row in rows]
    return sorted(taken, key=lambda one: one.row_id)


async def next_due(tx: Tx, *, tenant_id: int, hook_row_id: int) -> datetime | None:
    row = await tx.one(
        "SELECT MIN(d.due_at) FROM deliveries d"
        " WHERE d.tenant_id = :tenant_id AND d.hook_id = :hook_row_id",
        tenant_id=tenant_id,
        hook_row_id=hook_row_id,
    )
    return from_us(row[0]) if row is not None and row[0] is not None else None


async def settle(tx: Tx, *, tenant_id: int, row_id: int) -> None:
    """Nothing is kept of what was told."""
    await tx.run(
        "DELETE FROM deliveries WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=row_id,
    )


async def put_off(tx: Tx, *, tenant_id: int, row_id: int, tries: int, until: datetime) -> None:
    await tx.run(
        "UPDATE deliveries SET tries = :tries, due_at = :until"
        " WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=row_id,
        tries=tries,
        until=to_us(until),
    )


async def waiting_of(tx: Tx, *, tenant_id: int, contact_uuid: str) -> list[str]:
    """What has yet to be told about a contact: the bodies, oldest first, at most 1,000."""
    rows = await tx.all(
        "SELECT d.body FROM deliveries d WHERE d.tenant_id = :tenant_id"
        " AND d.contact_uuid = :contact_uuid ORDER BY d.id LIMIT 1000",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
    )
    return [row[0] for row in rows]


async def forget(
    tx: Tx, *, tenant_id: int, contact_uuid: str, since: int = 0, until: int = 2**63 - 1
) -> None:
    """Tell nobody any more of what was a contact's, or was it at that time (in microseconds)."""
    await tx.run(
        "DELETE FROM deliveries WHERE tenant_id = :tenant_id AND contact_uuid = :contact_uuid"
        " AND created_at >= :since AND created_at <= :until",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        since=since,
        until=until,
    )


def _hook(row: Row) -> Hook:
    times = [from_us_or_none(us) for us in row[6:9]]
    return Hook(
        row_id=row[0],
        id=row[1],
        event=row[2],
        target_url=row[3],
        token_id=row[4],
        created_at=from_us(row[5]),
        last_success_at=times[0],
        failing_since=times[1],
        disabled_at=times[2],
        disabled_why=row[9],
    )
