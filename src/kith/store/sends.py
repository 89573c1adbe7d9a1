"""What is asked of messages that leave, and whose turn it is to decide about somebody."""

from kith.domain.messages import Message
from kith.store.database import Engine, Tx

# On PostgreSQL whoever decides about a contact keeps everybody from changing it meanwhile: an
# opt-out comes before, and is seen, or after. SQLite has one writer.
_HOLD: dict[Engine, str] = {"sqlite": "", "postgres": " FOR UPDATE"}


async def hold(tx: Tx, *, tenant_id: int, contact_row_id: int) -> None:
    """Nobody else changes the contact until this transaction ends."""
    await tx.one(
        "SELECT 1 FROM contacts WHERE tenant_id = :tenant_id AND id = :contact_id"
        + _HOLD[tx.engine],
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )


async def names(tx: Tx, *, tenant_id: int, contact_row_id: int) -> list[tuple[str, str]]:
    """What WhatsApp can reach the contact by now, by kind and value: never a name that was given
    up, which may be somebody else's. The one learned last comes first."""
    rows = await tx.all(
        "SELECT i.kind, i.value FROM identities i WHERE i.tenant_id = :tenant_id"
        " AND i.contact_id = :contact_id AND i.retired_at IS NULL"
        " AND i.kind IN ('phone', 'wa_id', 'bsuid')"
        " ORDER BY COALESCE(i.seen_at, i.created_at) DESC, i.kind, i.value",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return [(row[0], row[1]) for row in rows]


async def last_address(
    tx: Tx, *, tenant_id: int, contact_row_id: int
) -> tuple[str, int | None] | None:
    """The spelling to which a message of ours went last, and why it failed, if it did."""
    row = await tx.one(
        "SELECT m.address, CASE WHEN m.status = 'failed' THEN m.error_code END FROM messages m"
        " WHERE m.tenant_id = :tenant_id AND m.contact_id = :contact_id"
        " AND m.direction = 'outbound' AND m.address IS NOT NULL"
        " AND m.status IN ('sent', 'delivered', 'read', 'failed')"
        " ORDER BY m.at DESC, m.uuid DESC LIMIT 1",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return (row[0], row[1]) if row is not None else None


async def set_address(tx: Tx, *, tenant_id: int, message: Message) -> None:
    await tx.run(
        "UPDATE messages SET address = :address WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=message.id,
        address=message.address,
    )
