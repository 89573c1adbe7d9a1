"""Why a contact is sent nothing, from whichever business number."""

from datetime import datetime

from kith.domain.reachability import Block, Reason
from kith.domain.times import from_us, to_us
from kith.store.database import Tx


async def of_contact(tx: Tx, *, tenant_id: int, contact_row_id: int) -> list[Block]:
    """Of the few reasons there are."""
    rows = await tx.all(
        "SELECT b.reason, b.since FROM contact_blocks b WHERE b.tenant_id = :tenant_id"
        " AND b.contact_id = :contact_id ORDER BY b.reason",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return [Block(reason, from_us(since)) for reason, since in rows]


async def add(tx: Tx, *, tenant_id: int, contact_row_id: int, reason: Reason, at: datetime) -> None:
    """One that is there stays as it is."""
    await tx.run(
        "INSERT INTO contact_blocks (tenant_id, contact_id, reason, since)"
        " VALUES (:tenant_id, :contact_id, :reason, :at)"
        " ON CONFLICT (tenant_id, contact_id, reason) DO NOTHING",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        reason=reason,
        at=to_us(at),
    )


async def remove(tx: Tx, *, tenant_id: int, contact_row_id: int, reason: Reason) -> None:
    await tx.run(
        "DELETE FROM contact_blocks WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " AND reason = :reason",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        reason=reason,
    )
