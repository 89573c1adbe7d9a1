"""Contacts. `tags` and `metadata` are JSON text, kept as they are sent."""

from datetime import datetime

import msgspec

from kith.domain.contacts import Contact, Source
from kith.domain.phone import Phone
from kith.domain.times import from_us, to_us
from kith.store.database import Engine, Row, Tx

_COLUMNS = (
    "c.uuid, c.phone, c.name, c.email, c.source, c.locale, c.metadata, c.tags, c.opted_in_at,"
    " c.opted_out_at, c.last_message_at, c.total_messages, c.created_at, c.updated_at, c.id"
)
_OF_ID = " FROM contacts c WHERE c.tenant_id = :tenant_id AND c.uuid = :uuid"
_OF_PHONE = (
    " FROM identities i JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = :phone"
)
# E-mail is not unique: the most recently active, then the oldest (reference C6).
_OF_EMAIL = (
    " FROM contacts c WHERE c.tenant_id = :tenant_id AND c.email_key = :email_key"
    " ORDER BY c.last_message_at DESC NULLS LAST, c.created_at, c.id LIMIT 1"
)

# The hot answer is rendered by the database, 13 keys in the documented order (reference 7):
# half of what building it in Python costs (docs/decisions/0005).
_JSON_PAIRS = (
    "'id', c.uuid, 'phone', c.phone, 'name', c.name, 'email', c.email, 'source', c.source,"
    " 'locale', c.locale, 'metadata', {json}, 'tags', {tags}, 'opted_in_at', {opted_in_at},"
    " 'opted_out_at', {opted_out_at}, 'last_message_at', {last_message_at},"
    " 'total_messages', c.total_messages, 'created_at', {created_at}"
)


def _as_json(engine: Engine) -> str:
    times = ("opted_in_at", "opted_out_at", "last_message_at", "created_at")
    if engine == "sqlite":
        call, json = "json_object({})", "json(c.{})"
        time = "strftime('%Y-%m-%dT%H:%M:%S+00:00', c.{} / 1000000, 'unixepoch')"
    else:
        call, json = "CAST(json_build_object({}) AS TEXT)", "CAST(c.{} AS JSON)"
        time = (
            "to_char(to_timestamp(c.{} / 1000000) AT TIME ZONE 'UTC',"
            """ 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')"""
        )
    pairs = _JSON_PAIRS.format(
        json=json.format("metadata"),
        tags=json.format("tags"),
        **{name: time.format(name) for name in times},
    )
    return "SELECT " + call.format(pairs)


_AS_JSON: dict[Engine, str] = {"sqlite": _as_json("sqlite"), "postgres": _as_json("postgres")}
_JSON_OF_ID = {engine: text + _OF_ID for engine, text in _AS_JSON.items()}
_JSON_OF_PHONE = {engine: text + _OF_PHONE for engine, text in _AS_JSON.items()}
_JSON_OF_EMAIL = {engine: text + _OF_EMAIL for engine, text in _AS_JSON.items()}
_BY_PHONE = f"SELECT {_COLUMNS}{_OF_PHONE}"


async def json_by_id(tx: Tx, *, tenant_id: int, uuid: str) -> str | None:
    row = await tx.one(_JSON_OF_ID[tx.engine], tenant_id=tenant_id, uuid=uuid)
    return row[0] if row else None


async def json_by_phone(tx: Tx, *, tenant_id: int, phone: Phone) -> str | None:
    row = await tx.one(_JSON_OF_PHONE[tx.engine], tenant_id=tenant_id, phone=phone)
    return row[0] if row else None


async def json_by_email(tx: Tx, *, tenant_id: int, email_key: str) -> str | None:
    row = await tx.one(_JSON_OF_EMAIL[tx.engine], tenant_id=tenant_id, email_key=email_key)
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
