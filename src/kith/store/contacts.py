"""Contacts as rows. `tags` and `metadata` are JSON text, kept as they are sent."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from kith.domain import email as emails
from kith.domain import json, search
from kith.domain.contacts import Contact
from kith.domain.phone import Phone
from kith.domain.times import from_us, to_us
from kith.store import contact_changes, contact_search
from kith.store.database import Row, Tx
from kith.store.json_lists import each_text

COLUMNS = (
    "c.uuid, c.phone, c.name, c.email, c.source, c.locale, c.metadata, c.tags, c.opted_in_at,"
    " c.opted_out_at, c.last_message_at, c.total_messages, c.created_at, c.updated_at, c.id,"
    " c.version"
)
_BY_PHONE = (
    f"SELECT {COLUMNS} FROM identities i"
    " JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = :phone"
)
_BY_ID = f"SELECT {COLUMNS} FROM contacts c WHERE c.tenant_id = :tenant_id AND c.uuid = :uuid"
# One statement: between two, the contact could be merged or split off.
_BY_MERGED_ID = (
    f"SELECT {COLUMNS} FROM contacts c WHERE c.tenant_id = :tenant_id AND c.uuid = COALESCE("
    "(SELECT m.into_uuid FROM merged_contacts m WHERE m.tenant_id = :tenant_id AND m.uuid = :uuid),"
    " :uuid)"
)
_EACH = each_text("ids")
_OF_ROWS = {
    engine: f"SELECT {COLUMNS} FROM {each} CROSS JOIN contacts c"
    " WHERE c.tenant_id = :tenant_id AND c.id = CAST(j.value AS BIGINT)"
    for engine, each in _EACH.items()
}
_OF_IDS = {
    engine: f"SELECT {COLUMNS} FROM {each} CROSS JOIN contacts c"
    " WHERE c.tenant_id = :tenant_id AND c.uuid = j.value"
    for engine, each in _EACH.items()
}
_AFTER = (
    f"SELECT {COLUMNS} FROM contacts c WHERE c.tenant_id = :tenant_id AND c.uuid > :uuid"
    " ORDER BY c.uuid LIMIT :rows_max"
)
_WITH_EMAIL = (
    f"SELECT {COLUMNS} FROM contacts c WHERE c.tenant_id = :tenant_id"
    " AND c.email_key = :email_key LIMIT :rows_max"
)
_SEARCH_NO_MORE = (
    "INSERT INTO contact_search_pending (tenant_id, id, old_key, is_erased)"
    f" SELECT c.tenant_id, c.id, c.search_key, {contact_search.GONE} FROM json_each(:ids) j"
    " CROSS JOIN contacts c WHERE c.tenant_id = :tenant_id AND c.id = j.value"
    " ON CONFLICT (tenant_id, id) DO UPDATE SET is_erased = excluded.is_erased"
)
_REMOVE_ALL = {
    engine: "DELETE FROM contacts WHERE tenant_id = :tenant_id"
    f" AND id IN (SELECT CAST(j.value AS BIGINT) FROM {each})"
    for engine, each in _EACH.items()
}

Written = Literal["rest", "name", "email"]
"""Each writes what stands before it too."""

# SQLite keeps up each index over a column that a statement sets, also to what it was: three more
# pages for a tag.
_SET: dict[Written, str] = {
    "rest": "",
    "name": ", name = :name, search_key = :search_key",
    "email": ", name = :name, search_key = :search_key, email = :email, email_key = :email_key",
}
_CHANGE = {
    written: "UPDATE contacts SET metadata = :metadata, tags = :tags, updated_at = :at,"
    f" version = :version{more} WHERE tenant_id = :tenant_id AND id = :row_id"
    for written, more in _SET.items()
}


async def by_phone(tx: Tx, *, tenant_id: int, phone: Phone) -> Contact | None:
    row = await tx.one(_BY_PHONE, tenant_id=tenant_id, phone=phone)
    return of(row) if row else None


async def by_id(tx: Tx, *, tenant_id: int, uuid: str) -> Contact | None:
    row = await tx.one(_BY_ID, tenant_id=tenant_id, uuid=uuid)
    return of(row) if row else None


async def by_merged_id(tx: Tx, *, tenant_id: int, uuid: str) -> Contact | None:
    """As `by_id`, also when the id has been merged: then the contact in which it lives on."""
    row = await tx.one(_BY_MERGED_ID, tenant_id=tenant_id, uuid=uuid)
    return of(row) if row else None


async def of_rows(tx: Tx, *, tenant_id: int, row_ids: Sequence[int]) -> list[Contact]:
    """Those of these row ids that are there; the caller keeps them few."""
    ids = json.encode(row_ids).decode()
    return [of(row) for row in await tx.all(_OF_ROWS[tx.engine], tenant_id=tenant_id, ids=ids)]


async def of_ids(tx: Tx, *, tenant_id: int, uuids: Sequence[str]) -> list[Contact]:
    """As `of_rows`, by the ids that people see; merged ones lead nowhere here."""
    ids = json.encode(uuids).decode()
    return [of(row) for row in await tx.all(_OF_IDS[tx.engine], tenant_id=tenant_id, ids=ids)]


async def after(tx: Tx, *, tenant_id: int, uuid: str, rows_max: int) -> list[Contact]:
    """In the order of the ids, from behind one."""
    rows = await tx.all(_AFTER, tenant_id=tenant_id, uuid=uuid, rows_max=rows_max)
    return [of(row) for row in rows]


async def with_email(tx: Tx, *, tenant_id: int, address: str, rows_max: int) -> list[Contact]:
    """Who has this e-mail address: several may."""
    rows = await tx.all(
        _WITH_EMAIL, tenant_id=tenant_id, email_key=emails.key(address), rows_max=rows_max
    )
    return [of(row) for row in rows]


async def add(tx: Tx, *, tenant_id: int, contact: Contact) -> int:
    """Returns the row id. The phone is found only once `identities.add` has noted it."""
    row = await tx.one(
        "INSERT INTO contacts (tenant_id, uuid, phone, name, email, email_key, source, metadata,"
        " tags, opted_out_at, search_key, created_at, updated_at)"
        " VALUES (:tenant_id, :uuid, :phone, :name, :email, :email_key, :source, :metadata,"
        " :tags, :opted_out_at, :search_key, :at, :at) RETURNING id",
        tenant_id=tenant_id,
        uuid=contact.id,
        phone=contact.phone,
        name=contact.name,
        email=contact.email,
        email_key=emails.key(contact.email) if contact.email else None,
        source=contact.source,
        metadata=bytes(contact.metadata).decode(),
        tags=bytes(contact.tags).decode(),
        opted_out_at=to_us(contact.opted_out_at) if contact.opted_out_at else None,
        search_key=_search_key(contact),
        at=to_us(contact.created_at),
    )
    assert row is not None
    row_id = int(row[0])
    await contact_search.note(tx, tenant_id=tenant_id, row_id=row_id, old_key=None)
    return row_id


async def change(tx: Tx, *, tenant_id: int, was: Contact, contact: Contact) -> None:
    """Write what an update may change of the row; the version must be a new one."""
    written = _written(was, contact)
    sought = _searched(contact, written)
    if sought:
        await contact_search.note_change(
            tx, tenant_id=tenant_id, row_id=contact.row_id, search_key=sought["search_key"]
        )
    await tx.run(
        _CHANGE[written],
        tenant_id=tenant_id,
        row_id=contact.row_id,
        metadata=bytes(contact.metadata).decode(),
        tags=bytes(contact.tags).decode(),
        at=to_us(contact.updated_at),
        version=contact.version,
        **sought,
    )
    await contact_changes.note(
        tx, tenant_id=tenant_id, row_id=contact.row_id, at=contact.updated_at
    )


async def rewrite(tx: Tx, *, tenant_id: int, contact: Contact) -> None:
    """Write every column but those that never change; the version must be a new one."""
    await contact_search.note_change(
        tx, tenant_id=tenant_id, row_id=contact.row_id, search_key=_search_key(contact)
    )
    await tx.run(
        "UPDATE contacts SET phone = :phone, name = :name, email = :email, email_key = :email_key,"
        " locale = :locale, metadata = :metadata, tags = :tags, opted_in_at = :opted_in_at,"
        " opted_out_at = :opted_out_at, last_message_at = :last_message_at,"
        " total_messages = :total_messages, search_key = :search_key, updated_at = :updated_at,"
        " version = :version WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=contact.row_id,
        **_columns(contact),
    )
    await contact_changes.note(
        tx, tenant_id=tenant_id, row_id=contact.row_id, at=contact.updated_at
    )


async def restore(tx: Tx, *, tenant_id: int, contact: Contact) -> int:
    """A contact that was there before comes back, under a new row id; returns that."""
    row = await tx.one(
        "INSERT INTO contacts (tenant_id, uuid, phone, name, email, email_key, source, locale,"
        " metadata, tags, opted_in_at, opted_out_at, last_message_at, total_messages, search_key,"
        " created_at, updated_at, version) VALUES (:tenant_id, :uuid, :phone, :name, :email,"
        " :email_key, :source, :locale, :metadata, :tags, :opted_in_at, :opted_out_at,"
        " :last_message_at, :total_messages, :search_key, :created_at, :updated_at, :version)"
        " RETURNING id",
        tenant_id=tenant_id,
        uuid=contact.id,
        source=contact.source,
        created_at=to_us(contact.created_at),
        **_columns(contact),
    )
    assert row is not None
    row_id = int(row[0])
    await contact_search.note(tx, tenant_id=tenant_id, row_id=row_id, old_key=None)
    await contact_changes.note(tx, tenant_id=tenant_id, row_id=row_id, at=contact.updated_at)
    return row_id


def _columns(contact: Contact) -> dict[str, object]:
    return {
        "phone": contact.phone,
        "name": contact.name,
        "email": contact.email,
        "email_key": emails.key(contact.email) if contact.email else None,
        "locale": contact.locale,
        "metadata": bytes(contact.metadata).decode(),
        "tags": bytes(contact.tags).decode(),
        "opted_in_at": to_us(contact.opted_in_at) if contact.opted_in_at else None,
        "opted_out_at": to_us(contact.opted_out_at) if contact.opted_out_at else None,
        "last_message_at": to_us(contact.last_message_at) if contact.last_message_at else None,
        "total_messages": contact.total_messages,
        "search_key": _search_key(contact),
        "updated_at": to_us(contact.updated_at),
        "version": contact.version,
    }


async def set_consent(tx: Tx, *, tenant_id: int, contact: Contact) -> None:
    """Write what the ledger makes of the contact; the version must be a new one."""
    await tx.run(
        "UPDATE contacts SET opted_in_at = :opted_in_at, opted_out_at = :opted_out_at,"
        " updated_at = :at, version = :version WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=contact.row_id,
        opted_in_at=to_us(contact.opted_in_at) if contact.opted_in_at else None,
        opted_out_at=to_us(contact.opted_out_at) if contact.opted_out_at else None,
        at=to_us(contact.updated_at),
        version=contact.version,
    )
    await contact_changes.note(
        tx, tenant_id=tenant_id, row_id=contact.row_id, at=contact.updated_at
    )


async def count_message(tx: Tx, *, tenant_id: int, contact: Contact) -> None:
    """Write how many messages there are, and when the last was; the version must be a new one."""
    assert contact.last_message_at is not None, "there is a message"
    await tx.run(
        "UPDATE contacts SET total_messages = :total_messages, last_message_at = :last_message_at,"
        " updated_at = :at, version = :version WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=contact.row_id,
        total_messages=contact.total_messages,
        last_message_at=to_us(contact.last_message_at),
        at=to_us(contact.updated_at),
        version=contact.version,
    )
    await contact_changes.note(
        tx, tenant_id=tenant_id, row_id=contact.row_id, at=contact.updated_at
    )


async def count_up(tx: Tx, *, tenant_id: int, uuid: str) -> None:
    """A new version of a contact, of which something changed that stands in other tables only."""
    await tx.run(
        "UPDATE contacts SET version = version + 1 WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )


def _written(was: Contact, contact: Contact) -> Written:
    if was.email != contact.email:
        return "email"
    return "rest" if was.name == contact.name else "name"


def _searched(contact: Contact, written: Written) -> dict[str, Any]:
    if written == "rest":
        return {}
    values: dict[str, Any] = {"name": contact.name, "search_key": _search_key(contact)}
    if written == "email":
        values["email"] = contact.email
        values["email_key"] = emails.key(contact.email) if contact.email else None
    return values


async def remove(tx: Tx, *, tenant_id: int, contact: Contact) -> None:
    """Identities, tag links and answers kept for a repeat go with it."""
    old_key = await _stored_key(tx, tenant_id=tenant_id, row_id=contact.row_id)
    await tx.run(
        "DELETE FROM contacts WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=contact.row_id,
    )
    await contact_search.note(
        tx, tenant_id=tenant_id, row_id=contact.row_id, old_key=old_key, is_erased=True
    )
    if tx.engine == "sqlite":
        await tx.run(
            "INSERT INTO unswept_erasures (tenant_id) VALUES (:tenant_id)", tenant_id=tenant_id
        )


async def remove_all(tx: Tx, *, tenant_id: int, row_ids: Sequence[int]) -> None:
    """As `remove`, many at once."""
    ids = json.encode(row_ids).decode()
    if tx.engine == "sqlite":
        await tx.run(_SEARCH_NO_MORE, tenant_id=tenant_id, ids=ids)
        await tx.run(
            "INSERT INTO unswept_erasures (tenant_id) VALUES (:tenant_id)", tenant_id=tenant_id
        )
    await tx.run(_REMOVE_ALL[tx.engine], tenant_id=tenant_id, ids=ids)


async def count(tx: Tx, *, tenant_id: int) -> int:
    row = await tx.one(
        "SELECT COUNT(*) FROM contacts WHERE tenant_id = :tenant_id", tenant_id=tenant_id
    )
    assert row is not None
    return int(row[0])


async def _stored_key(tx: Tx, *, tenant_id: int, row_id: int) -> str:
    """What the index was given: another Python may fold some letter otherwise."""
    row = await tx.one(
        "SELECT search_key FROM contacts WHERE tenant_id = :tenant_id AND id = :row_id",
        tenant_id=tenant_id,
        row_id=row_id,
    )
    assert row is not None
    return str(row[0])


def _search_key(contact: Contact) -> str:
    return search.key(name=contact.name, phone=contact.phone, email=contact.email)


def of(row: Row) -> Contact:
    """The contact of a row of COLUMNS."""
    (uuid, phone, name, email, source, locale, metadata, tags) = row[:8]
    opted_in, opted_out, last_message, total, created, updated, row_id, version = row[8:]
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
        version,
    )
