"""Contacts that share what mostly belongs to one person, by the stretch of contacts."""

from collections.abc import Iterable
from datetime import datetime

from kith.domain import json
from kith.domain.contacts import Contact
from kith.domain.times import to_us
from kith.store import contacts
from kith.store.database import Engine, Tx
from kith.store.json_lists import each_list, each_text

_EACH_TEXT = each_text("given")
_EACH_ROW = each_list("given")
_EACH_ID: dict[Engine, tuple[str, str]] = {
    "sqlite": ("json_each(:given) j", "j.value"),
    "postgres": (
        "json_array_elements_text(CAST(:given AS JSON)) j (value)",
        "CAST(j.value AS BIGINT)",
    ),
}
_SHARED = {
    engine: f"SELECT c.email_key, COUNT(*), MIN(c.id) FROM {each} CROSS JOIN contacts c"
    " WHERE c.tenant_id = :tenant_id AND c.email_key = j.value"
    " GROUP BY c.email_key HAVING COUNT(*) > 1"
    for engine, each in _EACH_TEXT.items()
}
# Only these countries' numbers have two spellings (domain/whatsapp.py).
_NUMBERS = {
    engine: f"SELECT i.contact_id, i.kind, i.value FROM {each} CROSS JOIN identities i"
    f" WHERE i.tenant_id = :tenant_id AND i.contact_id = {row_id} AND ("
    "(i.kind = 'phone' AND substr(i.value, 1, 3) IN ('+52', '+54', '+55'))"
    " OR (i.kind = 'wa_id' AND substr(i.value, 1, 2) IN ('52', '54', '55')))"
    for engine, (each, row_id) in _EACH_ID.items()
}
_HELD = {
    engine: f"SELECT i.kind, i.value, i.contact_id FROM {each} CROSS JOIN identities i"
    " WHERE i.tenant_id = :tenant_id AND i.kind = j.value->>0 AND i.value = j.value->>1"
    for engine, each in _EACH_ROW.items()
}
_SUSPECTED = {
    engine: f"SELECT d.contact_id, d.other_id FROM {each} CROSS JOIN suspected_duplicates d"
    f" WHERE d.tenant_id = :tenant_id AND d.contact_id = {row_id}"
    for engine, (each, row_id) in _EACH_ID.items()
}
_WITH_EMAIL = (
    f"SELECT {contacts.COLUMNS} FROM contacts c WHERE c.tenant_id = :tenant_id"
    " AND c.email_key = :email_key ORDER BY c.id LIMIT :rows_max"
)
_BY_ROW_IDS = {
    engine: f"SELECT {contacts.COLUMNS} FROM {each} CROSS JOIN contacts c"
    f" WHERE c.tenant_id = :tenant_id AND c.id = {row_id} ORDER BY c.id"
    for engine, (each, row_id) in _EACH_ID.items()
}


async def stretch(
    tx: Tx, *, tenant_id: int, after: str, rows_max: int
) -> list[tuple[int, str, str | None]]:
    """Row id, id and e-mail key of the contacts behind an id, in the order of the ids."""
    rows = await tx.all(
        "SELECT c.id, c.uuid, c.email_key FROM contacts c WHERE c.tenant_id = :tenant_id"
        " AND c.uuid > :after ORDER BY c.uuid LIMIT :rows_max",
        tenant_id=tenant_id,
        after=after,
        rows_max=rows_max,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def shared_emails(
    tx: Tx, *, tenant_id: int, email_keys: Iterable[str]
) -> list[tuple[str, int, int]]:
    """Of these keys, each that several contacts have: how many, and the least row id of them."""
    given = json.encode(list(email_keys)).decode()
    rows = await tx.all(_SHARED[tx.engine], tenant_id=tenant_id, given=given)
    return [(row[0], row[1], row[2]) for row in rows]


async def numbers(tx: Tx, *, tenant_id: int, row_ids: Iterable[int]) -> list[tuple[int, str, str]]:
    """The numbers of these contacts that WhatsApp may spell in two ways: of whom, kind, value."""
    given = json.encode(list(row_ids)).decode()
    rows = await tx.all(_NUMBERS[tx.engine], tenant_id=tenant_id, given=given)
    return [(row[0], row[1], row[2]) for row in rows]


async def holders(
    tx: Tx, *, tenant_id: int, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """By kind and value, the row id of the contact that is known so."""
    given = json.encode(list(names)).decode()
    rows = await tx.all(_HELD[tx.engine], tenant_id=tenant_id, given=given)
    return {(row[0], row[1]): row[2] for row in rows}


async def suspect(tx: Tx, *, tenant_id: int, row_ids: tuple[int, int], at: datetime) -> bool:
    """Whether nobody suspected it before."""
    row = await tx.one(
        "INSERT INTO suspected_duplicates (tenant_id, contact_id, other_id, since)"
        " VALUES (:tenant_id, :contact_id, :other_id, :at)"
        " ON CONFLICT (tenant_id, contact_id, other_id) DO NOTHING RETURNING 1",
        tenant_id=tenant_id,
        contact_id=min(row_ids),
        other_id=max(row_ids),
        at=to_us(at),
    )
    return row is not None


async def suspected(tx: Tx, *, tenant_id: int, row_ids: Iterable[int]) -> list[tuple[int, int]]:
    """Of these contacts, each with one of a higher row id that may be the same person."""
    given = json.encode(list(row_ids)).decode()
    rows = await tx.all(_SUSPECTED[tx.engine], tenant_id=tenant_id, given=given)
    return [(row[0], row[1]) for row in rows]


async def move_suspected(tx: Tx, *, tenant_id: int, from_row_id: int, to_row_id: int) -> None:
    """Whoever may be one person with a contact may be so with the one in which it lives on."""
    await tx.run(
        "INSERT INTO suspected_duplicates (tenant_id, contact_id, other_id, since)"
        " SELECT :tenant_id,"
        " CASE WHEN d.third_id < :to_row_id THEN d.third_id ELSE :to_row_id END,"
        " CASE WHEN d.third_id < :to_row_id THEN :to_row_id ELSE d.third_id END, d.since"
        " FROM (SELECT s.since, CASE WHEN s.contact_id = :from_row_id"
        " THEN s.other_id ELSE s.contact_id END AS third_id FROM suspected_duplicates s"
        " WHERE s.tenant_id = :tenant_id"
        " AND (s.contact_id = :from_row_id OR s.other_id = :from_row_id)) d"
        " WHERE d.third_id <> :to_row_id"
        " ON CONFLICT (tenant_id, contact_id, other_id) DO NOTHING",
        tenant_id=tenant_id,
        from_row_id=from_row_id,
        to_row_id=to_row_id,
    )


async def with_email(tx: Tx, *, tenant_id: int, email_key: str, rows_max: int) -> list[Contact]:
    """Those who have the e-mail address, by row id."""
    rows = await tx.all(
        _WITH_EMAIL,
        tenant_id=tenant_id,
        email_key=email_key,
        rows_max=rows_max,
    )
    return [contacts.of(row) for row in rows]


async def by_row_ids(tx: Tx, *, tenant_id: int, row_ids: Iterable[int]) -> list[Contact]:
    given = json.encode(list(row_ids)).decode()
    rows = await tx.all(_BY_ROW_IDS[tx.engine], tenant_id=tenant_id, given=given)
    return [contacts.of(row) for row in rows]
