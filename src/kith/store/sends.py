"""What is asked of messages that leave, and whose turn it is to decide about somebody."""

from collections.abc import Iterable

from kith.domain import json
from kith.domain.messages import WINDOWLESS, Message
from kith.domain.phone import Phone
from kith.store.database import Engine, Tx
from kith.store.json_lists import each_text

# On PostgreSQL whoever decides about a contact keeps everybody from changing it meanwhile: an
# opt-out comes before, and is seen, or after. SQLite has one writer.
_HOLD: dict[Engine, str] = {"sqlite": "", "postgres": " FOR UPDATE"}

_EACH = each_text("among")
_LAST_ADDRESS = {
    engine: "SELECT m.address, CASE WHEN m.status = 'failed' THEN m.error_code END FROM messages m"
    " WHERE m.tenant_id = :tenant_id AND m.contact_id = :contact_id"
    f" AND m.direction = 'outbound' AND m.is_echo = 0 AND m.address IN (SELECT j.value FROM {each})"
    " AND m.status IN ('sent', 'delivered', 'read', 'failed')"
    " ORDER BY m.at DESC, m.uuid DESC LIMIT 1"
    for engine, each in _EACH.items()
}
_WINDOWLESS = ", ".join(f"'{name}'" for name in sorted(WINDOWLESS))
_LAST_HEARD_FROM = {
    engine: "SELECT m.address FROM messages m WHERE m.tenant_id = :tenant_id"
    " AND m.contact_id = :contact_id AND m.direction = 'inbound'"
    f" AND m.address IN (SELECT j.value FROM {each})"
    f" AND m.type NOT IN ({_WINDOWLESS})"
    " ORDER BY CASE m.number_id WHEN :number_id THEN 0 ELSE 1 END, m.at DESC, m.uuid DESC LIMIT 1"
    for engine, each in _EACH.items()
}


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
    tx: Tx, *, tenant_id: int, contact_row_id: int, among: Iterable[str]
) -> tuple[str, int | None] | None:
    """To which of these a message of ours went last, and why it failed, if it did."""
    row = await tx.one(
        _LAST_ADDRESS[tx.engine],
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        among=json.encode(sorted(among)).decode(),
    )
    return (row[0], row[1]) if row is not None else None


async def last_heard_from(
    tx: Tx, *, tenant_id: int, contact_row_id: int, number_id: str, among: Iterable[Phone]
) -> Phone | None:
    """Which of these the contact wrote from last: to that number of the business, if to any."""
    row = await tx.one(
        _LAST_HEARD_FROM[tx.engine],
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        number_id=number_id,
        among=json.encode(sorted(among)).decode(),
    )
    return Phone(row[0]) if row is not None else None


async def set_address(tx: Tx, *, tenant_id: int, message: Message) -> None:
    await tx.run(
        "UPDATE messages SET address = :address WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=message.id,
        address=message.address,
    )
