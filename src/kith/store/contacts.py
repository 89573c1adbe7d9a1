"""Contacts. `tags` and `metadata` are JSON text, kept as they are sent."""

from datetime import datetime

import msgspec

from kith.domain.contacts import Contact, Source
from kith.domain.phone import Phone
from kith.domain.times import from_us, to_us
from kith.store.database import Row, Tx

_COLUMNS = (
    "c.uuid, c.phone, c.name, c.email, c.source, c.locale, c.metadata, c.tags, c.opted_in_at,"
    " c.opted_out_at, c.last_message_at, c.total_messages, c.created_at, c.updated_at, c.id"
)
_BY_PHONE = (
    f"SELECT {_COLUMNS} FROM identities i"
    " JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = :phone"
)
# Short on purpose: the driver reads the whole text again to find its prepared statement.
_DOCUMENT_BY_ID = (
    "SELECT document FROM contact_documents WHERE tenant_id = :tenant_id AND uuid = :uuid"
)
_DOCUMENT_BY_PHONE = (
    "SELECT d.document FROM identities i"
    " JOIN contact_documents d ON d.tenant_id = i.tenant_id AND d.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = :phone"
)
# E-mail is not unique: the most recently active, then the oldest (reference C6).
_DOCUMENT_BY_EMAIL = (
    "SELECT document FROM contact_documents"
    " WHERE tenant_id = :tenant_id AND email_key = :email_key"
    " ORDER BY last_message_at DESC NULLS LAST, created_at, id LIMIT 1"
)


async def document_by_id(tx: Tx, *, tenant_id: int, uuid: str) -> str | None:
    """The documented JSON of a contact, as the other two."""
    row = await tx.one(_DOCUMENT_BY_ID, tenant_id=tenant_id, uuid=uuid)
    return row[0] if row else None


async def document_by_phone(tx: Tx, *, tenant_id: int, phone: Phone) -> str | None:
    row = await tx.one(_DOCUMENT_BY_PHONE, tenant_id=tenant_id, phone=phone)
    return row[0] if row else None


async def document_by_email(tx: Tx, *, tenant_id: int, email_key: str) -> str | None:
    row = await tx.one(_DOCUMENT_BY_EMAIL, tenant_id=tenant_id, email_key=email_key)
    return row[0] if row else None


async def by_phone(tx: Tx, *, tenant_id: int, phone: Phone) -> Contact | None:
    return _contact(await tx.one(_BY_PHONE, tenant_id=tenant_id, phone=phone))


async def add(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    phone: Phone,
    name: str | None,
    email: str | None,
    email_key: str | None,
    source: Source,
    metadata: bytes,
    tags: bytes,
    at: datetime,
) -> int:
    """Returns the row id. The phone is found only once `identities.add` has noted it."""
    row = await tx.one(
        "INSERT INTO contacts (tenant_id, uuid, phone, name, email, email_key, source, metadata,"
        " tags, created_at, updated_at) VALUES (:tenant_id, :uuid, :phone, :name, :email,"
        " :email_key, :source, :metadata, :tags, :at, :at) RETURNING id",
        tenant_id=tenant_id,
        uuid=uuid,
        phone=phone,
        name=name,
        email=email,
        email_key=email_key,
        source=source,
        metadata=metadata.decode(),
        tags=tags.decode(),
        at=to_us(at),
    )
    assert row is not None
    return int(row[0])


async def count(tx: Tx, *, tenant_id: int) -> int:
    row = await tx.one(
        "SELECT COUNT(*) FROM contacts WHERE tenant_id = :tenant_id", tenant_id=tenant_id
    )
    assert row is not None
    return int(row[0])


async def change(
    tx: Tx,
    *,
    tenant_id: int,
    row_id: int,
    name: str | None,
    email: str | None,
    email_key: str | None,
    metadata: bytes,
    tags: bytes,
    at: datetime,
) -> None:
    await tx.run(
        "UPDATE contacts SET name = :name, email = :email, email_key = :email_key,"
        " metadata = :metadata, tags = :tags, updated_at = :at"
        " WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=row_id,
        name=name,
        email=email,
        email_key=email_key,
        metadata=metadata.decode(),
        tags=tags.decode(),
        at=to_us(at),
    )


def _contact(row: Row | None) -> Contact | None:
    if row is None:
        return None
    (uuid, phone, name, email, source, locale, metadata, tags) = row[:8]
    opted_in, opted_out, last_message, total, created, updated, row_id = row[8:]
    return Contact(
        uuid,
        phone,
        name,
        email,
        source,
        locale,
        msgspec.Raw(metadata),
        msgspec.Raw(tags),
        None if opted_in is None else from_us(opted_in),
        None if opted_out is None else from_us(opted_out),
        None if last_message is None else from_us(last_message),
        total,
        from_us(created),
        from_us(updated),
        row_id,
    )
