"""The numbers from which a business writes, and what passed between each and a contact."""

from datetime import datetime
from typing import get_args

from kith.domain.failures import Limit
from kith.domain.phone import Phone
from kith.domain.times import from_us, to_us, to_us_or_none
from kith.store.database import Row, Tx

_LIMIT: dict[Limit, str] = {
    what: f"INSERT INTO conversations (tenant_id, contact_id, number_id, {what})"
    " VALUES (:tenant_id, :contact_id, :number_id, :at)"
    f" ON CONFLICT (tenant_id, contact_id, number_id) DO UPDATE SET {what} = excluded.{what}"
    for what in get_args(Limit)
}


async def ensure(
    tx: Tx, *, tenant_id: int, number_id: str, phone: str | None, at: datetime
) -> None:
    """That a number of the business is known; what it looks like is learned once."""
    row = await tx.one(
        "SELECT phone FROM business_numbers"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id",
        tenant_id=tenant_id,
        number_id=number_id,
    )
    # Asked first: on PostgreSQL the other statement locks a row that everybody needs.
    if row is not None and (row[0] is not None or phone is None):
        return
    await tx.run(
        "INSERT INTO business_numbers (tenant_id, number_id, phone, created_at)"
        " VALUES (:tenant_id, :number_id, :phone, :at)"
        " ON CONFLICT (tenant_id, number_id) DO UPDATE SET phone = excluded.phone",
        tenant_id=tenant_id,
        number_id=number_id,
        phone=phone,
        at=to_us(at),
    )


async def phones(tx: Tx, *, tenant_id: int) -> list[Phone]:
    """Those that are known, oldest first, at most 2."""
    rows = await tx.all(
        "SELECT phone FROM business_numbers WHERE tenant_id = :tenant_id AND phone IS NOT NULL"
        " ORDER BY created_at, number_id LIMIT 2",
        tenant_id=tenant_id,
    )
    return [Phone(row[0]) for row in rows]


async def heard(
    tx: Tx, *, tenant_id: int, contact_row_id: int, number_id: str, at: datetime
) -> None:
    """The contact wrote to the number then; the latest such time counts."""
    await tx.run(
        "INSERT INTO conversations (tenant_id, contact_id, number_id, last_inbound_at)"
        " VALUES (:tenant_id, :contact_id, :number_id, :at)"
        " ON CONFLICT (tenant_id, contact_id, number_id) DO UPDATE"
        " SET last_inbound_at = excluded.last_inbound_at"
        " WHERE conversations.last_inbound_at IS NULL"
        " OR conversations.last_inbound_at < excluded.last_inbound_at",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        number_id=number_id,
        at=to_us(at),
    )


async def limit(
    tx: Tx,
    *,
    tenant_id: int,
    contact_row_id: int,
    number_id: str,
    what: Limit,
    at: datetime | None,
) -> None:
    """What keeps the number from writing to the contact, by all that is known; None: nothing."""
    await tx.run(
        _LIMIT[what],
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        number_id=number_id,
        at=to_us_or_none(at),
    )


async def fail(tx: Tx, *, tenant_id: int, number_id: str, at: datetime, code: int) -> None:
    """WhatsApp refused a message then for the number's own sake, unless the number has sent since.

    The last such time counts; of one second the lowest code.
    """
    await tx.run(
        "UPDATE business_numbers SET unavailable_since = :at, unavailable_code = :code"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id"
        " AND (last_sent_at IS NULL OR last_sent_at <= :at)"
        " AND (unavailable_since IS NULL OR unavailable_since < :at"
        " OR (unavailable_since = :at AND unavailable_code > :code))",
        tenant_id=tenant_id,
        number_id=number_id,
        at=to_us(at),
        code=code,
    )


async def restrict(tx: Tx, *, tenant_id: int, number_id: str, at: datetime) -> None:
    """WhatsApp let the account send nothing from then on, unless the number has sent since."""
    await tx.run(
        "UPDATE business_numbers SET restricted_since = :at"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id"
        " AND (last_sent_at IS NULL OR last_sent_at <= :at)"
        " AND (restricted_since IS NULL OR restricted_since < :at)",
        tenant_id=tenant_id,
        number_id=number_id,
        at=to_us(at),
    )


async def work(tx: Tx, *, tenant_id: int, number_id: str, at: datetime) -> None:
    """WhatsApp took a message of the number then, or said that it may send again.

    Not if it let it send nothing in that second: its times are whole seconds.
    """
    await tx.run(
        "UPDATE business_numbers SET last_sent_at = :at,"
        " restricted_since = CASE WHEN restricted_since < :at THEN NULL ELSE restricted_since END,"
        " unavailable_since = CASE WHEN unavailable_since < :at THEN NULL"
        " ELSE unavailable_since END,"
        " unavailable_code = CASE WHEN unavailable_since < :at THEN NULL"
        " ELSE unavailable_code END"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id"
        " AND (last_sent_at IS NULL OR last_sent_at < :at)",
        tenant_id=tenant_id,
        number_id=number_id,
        at=to_us(at),
    )


async def release(tx: Tx, *, tenant_id: int, number_id: str, at: datetime) -> None:
    """The operator has seen to it: what WhatsApp told before `at` keeps the number back no more."""
    await tx.run(
        "UPDATE business_numbers SET restricted_since = NULL, unavailable_since = NULL,"
        " unavailable_code = NULL,"
        " last_sent_at = CASE WHEN last_sent_at > :at THEN last_sent_at ELSE :at END"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id"
        " AND COALESCE(restricted_since, unavailable_since) IS NOT NULL",
        tenant_id=tenant_id,
        number_id=number_id,
        at=to_us(at),
    )


async def restrict_offers(
    tx: Tx, *, tenant_id: int, number_id: str, at: datetime, until: datetime
) -> None:
    """WhatsApp said then until when the account may not write to people first: its last word
    counts, and of one second the longest."""
    await tx.run(
        "UPDATE business_numbers SET offers_restricted_at = :at, offers_restricted_until ="
        " CASE WHEN offers_restricted_at = :at AND offers_restricted_until > :until"
        " THEN offers_restricted_until ELSE :until END"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id"
        " AND (offers_restricted_at IS NULL OR offers_restricted_at <= :at)",
        tenant_id=tenant_id,
        number_id=number_id,
        at=to_us(at),
        until=to_us(until),
    )


async def allow_offers(tx: Tx, *, tenant_id: int, number_id: str, at: datetime) -> None:
    """From then on it may, unless WhatsApp said otherwise in that second or later."""
    await tx.run(
        "UPDATE business_numbers SET offers_restricted_at = :at, offers_restricted_until = NULL"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id"
        " AND (offers_restricted_at IS NULL OR offers_restricted_at < :at)",
        tenant_id=tenant_id,
        number_id=number_id,
        at=to_us(at),
    )


async def pause_marketing(tx: Tx, *, tenant_id: int, number_id: str, until: datetime) -> None:
    """Meta refused a message for the number's quality: no marketing until then; the latest such
    time counts."""
    await tx.run(
        "UPDATE business_numbers SET marketing_paused_until = :until WHERE tenant_id = :tenant_id"
        " AND number_id = :number_id"
        " AND (marketing_paused_until IS NULL OR marketing_paused_until < :until)",
        tenant_id=tenant_id,
        number_id=number_id,
        until=to_us(until),
    )


async def write_to_phones_only(
    tx: Tx, *, tenant_id: int, number_id: str, since: datetime | None
) -> None:
    """None: to WhatsApp's ids of people as well."""
    await tx.run(
        "UPDATE business_numbers SET phones_only_since = :since"
        " WHERE tenant_id = :tenant_id AND number_id = :number_id",
        tenant_id=tenant_id,
        number_id=number_id,
        since=to_us_or_none(since),
    )


async def last_heard(tx: Tx, *, tenant_id: int, contact_row_id: int) -> datetime | None:
    """When the contact last wrote, to whichever number."""
    row: Row | None = await tx.one(
        "SELECT MAX(last_inbound_at) FROM conversations"
        " WHERE tenant_id = :tenant_id AND contact_id = :contact_id",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return from_us(row[0]) if row and row[0] is not None else None
