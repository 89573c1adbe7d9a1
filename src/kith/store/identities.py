"""Under which names a contact is known; the database decides that each has one owner."""

from datetime import datetime
from typing import Literal

from kith.domain.contacts import Identity
from kith.domain.times import from_us, to_us
from kith.store.database import Tx

Kind = Literal["phone"]


async def add(
    tx: Tx, *, tenant_id: int, kind: Kind, value: str, contact_row_id: int, at: datetime
) -> None:
    await tx.run(
        "INSERT INTO identities (tenant_id, kind, value, contact_id, created_at)"
        " VALUES (:tenant_id, :kind, :value, :contact_id, :at)",
        tenant_id=tenant_id,
        kind=kind,
        value=value,
        contact_id=contact_row_id,
        at=to_us(at),
    )


async def of_contact(tx: Tx, *, tenant_id: int, contact_uuid: str) -> list[Identity]:
    """By kind and value; a contact has few."""
    rows = await tx.all(
        "SELECT i.kind, i.value, i.created_at FROM contacts c"
        " JOIN identities i ON i.tenant_id = c.tenant_id AND i.contact_id = c.id"
        " WHERE c.tenant_id = :tenant_id AND c.uuid = :uuid ORDER BY i.kind, i.value",
        tenant_id=tenant_id,
        uuid=contact_uuid,
    )
    return [Identity(kind=row[0], value=row[1], created_at=from_us(row[2])) for row in rows]


async def between(tx: Tx, *, tenant_id: int, kind: Kind, first: str, last: str) -> set[str]:
    """Every value from `first` to `last`; the caller keeps the span short."""
    rows = await tx.all(
        "SELECT value FROM identities WHERE tenant_id = :tenant_id AND kind = :kind"
        " AND value >= :first AND value <= :last",
        tenant_id=tenant_id,
        kind=kind,
        first=first,
        last=last,
    )
    return {row[0] for row in rows}
