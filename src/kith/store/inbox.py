"""What other systems sent, raw, before it is read."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from kith.domain import ids, json
from kith.domain.inbox import Message, State
from kith.domain.times import from_us, to_us
from kith.store.database import Engine, Row, Tx
from kith.store.json_lists import each_text

LIST_MAX = 1_000
FORGOTTEN_AT_ONCE_MAX = 100

# On PostgreSQL an erasure waits, sees what was written, and is repeated. SQLite has one writer.
_HOLD: dict[Engine, str] = {"sqlite": "", "postgres": " FOR SHARE"}
_EACH = each_text("uuids")
_SETTLE_ALL = {
    engine: "UPDATE inbox SET state = 'read', body = NULL, reason = NULL, is_sanitized = 0"
    f" WHERE tenant_id = :tenant_id AND uuid IN (SELECT j.value FROM {each})"
    for engine, each in _EACH.items()
}
_SELECT = (
    "SELECT i.id, i.uuid, c.uuid, c.system, i.event_key, i.headers, i.body, i.state, i.reason,"
    " i.received_at, i.is_sanitized FROM inbox i JOIN connections c ON c.tenant_id = i.tenant_id"
    " AND c.id = i.connection_id WHERE i.tenant_id = :tenant_id"
)


async def add(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    connection_row_id: int,
    event_key: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
) -> bool:
    """False when this event is known already."""
    row = await tx.one(
        "INSERT INTO inbox (tenant_id, uuid, connection_id, event_key, headers, body, state,"
        " received_at) VALUES (:tenant_id, :uuid, :connection_row_id, :event_key, :headers, :body,"
        " 'waiting', :at) ON CONFLICT (tenant_id, connection_id, event_key) DO NOTHING"
        " RETURNING id",
        tenant_id=tenant_id,
        uuid=uuid,
        connection_row_id=connection_row_id,
        event_key=event_key,
        headers=json.encode(headers).decode(),
        body=body,
        at=to_us(at),
    )
    return row is not None


async def by_uuid(tx: Tx, *, tenant_id: int, uuid: str) -> Message | None:
    row = await tx.one(f"{_SELECT} AND i.uuid = :uuid", tenant_id=tenant_id, uuid=uuid)
    return _message(row) if row is not None else None


async def unread(tx: Tx, *, tenant_id: int, state: State) -> list[Message]:
    """Those in that state, oldest first, at most 1,000."""
    rows = await tx.all(
        f"{_SELECT} AND i.state = :state ORDER BY i.uuid LIMIT :list_max",
        tenant_id=tenant_id,
        state=state,
        list_max=LIST_MAX,
    )
    return [_message(row) for row in rows]


async def waiting(
    tx: Tx, *, tenant_id: int, connection_uuid: str, after_uuid: str, rows_max: int
) -> list[str]:
    """Ids of a few that a connection sent and that wait, oldest first."""
    rows = await tx.all(
        "SELECT i.uuid FROM inbox i JOIN connections c ON c.tenant_id = i.tenant_id"
        " AND c.id = i.connection_id WHERE i.tenant_id = :tenant_id AND i.state = 'waiting'"
        " AND c.uuid = :connection_uuid AND i.uuid > :after_uuid ORDER BY i.uuid LIMIT :rows_max",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
        after_uuid=after_uuid,
        rows_max=rows_max,
    )
    return [row[0] for row in rows]


async def unread_bodies(
    tx: Tx, *, tenant_id: int, after_uuid: str, rows_max: int
) -> list[tuple[str, bytes]]:
    """A few of those that wait or are in quarantine, by id."""
    rows = await tx.all(
        "SELECT i.uuid, i.body FROM inbox i WHERE i.tenant_id = :tenant_id AND i.state <> 'read'"
        " AND i.uuid > :after_uuid AND i.body IS NOT NULL ORDER BY i.uuid LIMIT :rows_max",
        tenant_id=tenant_id,
        after_uuid=after_uuid,
        rows_max=rows_max,
    )
    return [(row[0], bytes(row[1])) for row in rows]


async def hold(tx: Tx, *, tenant_id: int, uuid: str) -> bool:
    """Whether it is still to be read; nobody blanks it until this transaction ends."""
    row = await tx.one(
        "SELECT 1 FROM inbox i WHERE i.tenant_id = :tenant_id AND i.uuid = :uuid"
        " AND i.state = 'waiting'" + _HOLD[tx.engine],
        tenant_id=tenant_id,
        uuid=uuid,
    )
    return row is not None


async def settle(tx: Tx, *, tenant_id: int, uuid: str, is_sanitized: bool = False) -> None:
    """It was read: what it said stands elsewhere now."""
    await tx.run(
        "UPDATE inbox SET state = 'read', body = NULL, reason = NULL, is_sanitized = :is_sanitized"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        is_sanitized=int(is_sanitized),
    )


async def settle_all(tx: Tx, *, tenant_id: int, uuids: Sequence[str]) -> None:
    """As `settle`, of several."""
    await tx.run(_SETTLE_ALL[tx.engine], tenant_id=tenant_id, uuids=json.encode(uuids).decode())


async def unread_headers(
    tx: Tx, *, tenant_id: int, connection_uuid: str, after_uuid: str, rows_max: int
) -> list[tuple[str, dict[str, str]]]:
    """A few of those that a connection sent and nobody read yet, by id."""
    rows = await tx.all(
        "SELECT i.uuid, i.headers FROM inbox i JOIN connections c ON c.tenant_id = i.tenant_id"
        " AND c.id = i.connection_id WHERE i.tenant_id = :tenant_id AND i.state <> 'read'"
        " AND c.uuid = :connection_uuid AND i.uuid > :after_uuid ORDER BY i.uuid LIMIT :rows_max",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
        after_uuid=after_uuid,
        rows_max=rows_max,
    )
    return [(row[0], msgspec.json.decode(row[1], type=dict[str, str])) for row in rows]


async def quarantine(tx: Tx, *, tenant_id: int, uuid: str, reason: str) -> None:
    """Unless an erasure blanked it meanwhile."""
    await tx.run(
        "UPDATE inbox SET state = 'quarantined', reason = :reason"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid AND state = 'waiting'",
        tenant_id=tenant_id,
        uuid=uuid,
        reason=reason,
    )


async def wait_again(tx: Tx, *, tenant_id: int, uuid: str) -> None:
    await tx.run(
        "UPDATE inbox SET state = 'waiting', reason = NULL"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )


async def forget_older(tx: Tx, *, tenant_id: int, than: datetime) -> int:
    """A few of those that were read before then; how many."""
    rows = await tx.all(
        "DELETE FROM inbox WHERE inbox.tenant_id = :tenant_id AND inbox.uuid IN ("
        "SELECT i.uuid FROM inbox i WHERE i.tenant_id = :tenant_id AND i.uuid < :before_uuid"
        " AND i.state = 'read' ORDER BY i.uuid LIMIT :rows_max) RETURNING id",
        tenant_id=tenant_id,
        before_uuid=ids.before_any_of(than),
        rows_max=FORGOTTEN_AT_ONCE_MAX,
    )
    return len(rows)


def _message(row: Row) -> Message:
    return Message(
        row_id=row[0],
        id=row[1],
        connection_id=row[2],
        system=row[3],
        event_key=row[4],
        headers=msgspec.json.decode(row[5], type=dict[str, str]),
        body=bytes(row[6]) if row[6] is not None else None,
        state=row[7],
        reason=row[8],
        received_at=from_us(row[9]),
        is_sanitized=bool(row[10]),
    )
