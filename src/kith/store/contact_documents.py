"""Contacts as the documented JSON, rendered by the database (docs/decisions/0005)."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Literal

from kith.domain import json
from kith.domain.phone import Phone
from kith.store.database import Row, Tx
from kith.store.json_lists import each_text

Wanted = Literal["document", "etag"]
"""An entity tag alone is found without rendering what it stands for."""

_WANTED: dict[Wanted, str] = {"document": "d.document, d.etag", "etag": "NULL, d.etag"}
# E-mail is not unique: the most recently active, then the oldest (reference C6).
_FIRST = " ORDER BY d.last_message_at DESC NULLS LAST, d.created_at, d.id LIMIT 1"
# Short on purpose: the driver reads the whole text again to find its prepared statement.
_BY_ID = {
    wanted: f"SELECT {columns} FROM contact_documents d"
    " WHERE d.tenant_id = :tenant_id AND d.uuid = :uuid"
    for wanted, columns in _WANTED.items()
}
# One statement: between two, the contact could be merged or split off.
_SURVIVOR = (
    "COALESCE((SELECT m.into_uuid FROM merged_contacts m"
    " WHERE m.tenant_id = :tenant_id AND m.uuid = :uuid), :uuid)"
)
_BY_MERGED_ID = {
    wanted: f"SELECT {columns} FROM contact_documents d"
    f" WHERE d.tenant_id = :tenant_id AND d.uuid = {_SURVIVOR}"
    for wanted, columns in _WANTED.items()
}
_BY_PHONE = {
    wanted: f"SELECT {columns} FROM identities i"
    " JOIN contact_documents d ON d.tenant_id = i.tenant_id AND d.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = :phone"
    for wanted, columns in _WANTED.items()
}
# A number in both spellings, each as a phone and as WhatsApp's id: held by one contact or by more.
_BY_SPELLING = (
    "SELECT d.document, d.etag, i.kind, i.value FROM identities i CROSS JOIN contact_documents d"
    " WHERE i.tenant_id = :tenant_id AND i.kind IN ('phone', 'wa_id')"
    " AND i.value IN (:number, :wa_id, :other_number, :other_wa_id)"
    " AND d.tenant_id = i.tenant_id AND d.id = i.contact_id"
)
_BY_EMAIL = {
    wanted: f"SELECT {columns} FROM contact_documents d"
    f" WHERE d.tenant_id = :tenant_id AND d.email_key = :email_key{_FIRST}"
    for wanted, columns in _WANTED.items()
}

_EACH = each_text("keys")
_MANY_BY_ID = {
    engine: f"SELECT d.uuid, d.document FROM {each} CROSS JOIN contact_documents d"
    " WHERE d.tenant_id = :tenant_id AND d.uuid = j.value"
    for engine, each in _EACH.items()
}
_MANY_BY_MERGED_ID = {
    engine: f"SELECT j.value, d.document FROM {each} LEFT JOIN merged_contacts m"
    " ON m.tenant_id = :tenant_id AND m.uuid = j.value CROSS JOIN contact_documents d"
    " WHERE d.tenant_id = :tenant_id AND d.uuid = COALESCE(m.into_uuid, j.value)"
    for engine, each in _EACH.items()
}
_MANY_BY_PHONE = {
    engine: f"SELECT i.value, d.document FROM {each} CROSS JOIN identities i"
    " JOIN contact_documents d ON d.tenant_id = i.tenant_id AND d.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = j.value"
    for engine, each in _EACH.items()
}
_MANY_BY_EMAIL = {
    engine: "SELECT j.value, (SELECT d.document FROM contact_documents d"
    f" WHERE d.tenant_id = :tenant_id AND d.email_key = j.value{_FIRST}) FROM {each}"
    for engine, each in _EACH.items()
}


# These hand on the coroutine of the statement: one of their own costs 1 us.
def by_id(tx: Tx, *, tenant_id: int, uuid: str, wanted: Wanted) -> Awaitable[Row | None]:
    """`(document, etag)`, as the others; the document is None where it is not wanted."""
    return tx.one(_BY_ID[wanted], tenant_id=tenant_id, uuid=uuid)


def by_merged_id(tx: Tx, *, tenant_id: int, uuid: str, wanted: Wanted) -> Awaitable[Row | None]:
    """As `by_id`, also when the id has been merged: then the contact in which it lives on."""
    return tx.one(_BY_MERGED_ID[wanted], tenant_id=tenant_id, uuid=uuid)


def by_phone(tx: Tx, *, tenant_id: int, phone: Phone, wanted: Wanted) -> Awaitable[Row | None]:
    return tx.one(_BY_PHONE[wanted], tenant_id=tenant_id, phone=phone)


def by_spelling(tx: Tx, *, tenant_id: int, number: Phone, other: Phone) -> Awaitable[Sequence[Row]]:
    """`(document, etag, kind, value)` for each of the names that somebody has."""
    return tx.all(
        _BY_SPELLING,
        tenant_id=tenant_id,
        number=number,
        wa_id=number[1:],
        other_number=other,
        other_wa_id=other[1:],
    )


def by_email(tx: Tx, *, tenant_id: int, email_key: str, wanted: Wanted) -> Awaitable[Row | None]:
    return tx.one(_BY_EMAIL[wanted], tenant_id=tenant_id, email_key=email_key)


async def many_by_id(tx: Tx, *, tenant_id: int, uuids: Iterable[str]) -> dict[str, str]:
    """The documents of those there are, by key; the caller keeps the keys few."""
    return _by_key(await tx.all(_MANY_BY_ID[tx.engine], tenant_id=tenant_id, keys=_as_json(uuids)))


async def many_by_merged_id(tx: Tx, *, tenant_id: int, uuids: Iterable[str]) -> dict[str, str]:
    """As `many_by_id`, by the ids that may have been merged."""
    return _by_key(
        await tx.all(_MANY_BY_MERGED_ID[tx.engine], tenant_id=tenant_id, keys=_as_json(uuids))
    )


async def many_by_phone(tx: Tx, *, tenant_id: int, phones: Iterable[str]) -> dict[str, str]:
    return _by_key(
        await tx.all(_MANY_BY_PHONE[tx.engine], tenant_id=tenant_id, keys=_as_json(phones))
    )


async def many_by_email(tx: Tx, *, tenant_id: int, email_keys: Iterable[str]) -> dict[str, str]:
    return _by_key(
        await tx.all(_MANY_BY_EMAIL[tx.engine], tenant_id=tenant_id, keys=_as_json(email_keys))
    )


def _as_json(keys: Iterable[str]) -> str:
    return json.encode(tuple(keys)).decode()


def _by_key(rows: Sequence[Row]) -> dict[str, str]:
    return {key: document for key, document in rows if document is not None}
