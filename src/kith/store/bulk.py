"""Thousands of new contacts at once, several times quicker than one by one."""

from collections.abc import Sequence
from functools import lru_cache

from kith.domain import email as emails
from kith.domain import search
from kith.domain.contacts import Contact
from kith.domain.times import to_us
from kith.store import consent, contact_changes
from kith.store.database import Engine, Row, Tx

_COLUMNS = (
    "tenant_id",
    "uuid",
    "phone",
    "name",
    "email",
    "email_key",
    "source",
    "locale",
    "metadata",
    "tags",
    "opted_in_at",
    "opted_out_at",
    "last_message_at",
    "total_messages",
    "created_at",
    "updated_at",
    "search_key",
)

_us = lru_cache(maxsize=16)(to_us)
"""Those that are added together were made together."""
_NEWEST = "SELECT COALESCE(MAX(c.id), 0) FROM contacts c WHERE c.tenant_id = :tenant_id"
_NEW = " WHERE c.tenant_id = :tenant_id AND c.id > :newest"
_IDENTITIES = (
    "INSERT INTO identities (tenant_id, kind, value, contact_id, created_at)"
    " SELECT c.tenant_id, 'phone', c.phone, c.id, c.created_at"
    f" FROM contacts c{_NEW} AND c.phone IS NOT NULL"
)
_IN_ORDER = (
    "SELECT c.phone, c.id, c.created_at"
    f" FROM contacts c{_NEW} AND c.phone IS NOT NULL ORDER BY c.phone"
)
# SQLite may give a row id anew, of somebody who was removed and waits already.
_SEARCHED = (
    "INSERT INTO contact_search_pending (tenant_id, id, is_erased) SELECT c.tenant_id, c.id, 0"
    f" FROM contacts c{_NEW} ON CONFLICT DO NOTHING"
)
# CROSS: SQLite would read each contact's list anew for every tag of the workspace.
_TAGS_OF_JSON: dict[Engine, str] = {
    "sqlite": "json_each(c.tags) j"
    " CROSS JOIN tags t ON t.tenant_id = c.tenant_id AND t.name = j.value",
    "postgres": "json_array_elements_text(CAST(c.tags AS JSON)) WITH ORDINALITY j (value, key)"
    " JOIN tags t ON t.tenant_id = :tenant_id AND t.name = j.value",
}
_LINKS = {
    engine: "INSERT INTO contact_tags (tenant_id, contact_id, tag_id, position, added_at)"
    " SELECT c.tenant_id, c.id, t.id, j.key, c.created_at"
    f" FROM contacts c CROSS JOIN {tags_of_json}{_NEW}"
    for engine, tags_of_json in _TAGS_OF_JSON.items()
}


async def add(
    tx: Tx,
    *,
    tenant_id: int,
    contacts: Sequence[Contact],
    consent_note: str | None = "Added in bulk.",
) -> None:
    """Add them with phones, tags and consent, of which `consent_note` says where it comes from.

    None: nobody of them has any. What the ledger has of them already is not written again. The tags
    exist, nobody has the phones; `row_id` is ignored.
    """
    row = await tx.one(_NEWEST, tenant_id=tenant_id)
    assert row is not None
    await tx.copy("contacts", _COLUMNS, (_row(contact, tenant_id) for contact in contacts))
    await _name(tx, tenant_id=tenant_id, newest=row[0])
    span = {"first": min(c.id for c in contacts), "last": max(c.id for c in contacts)}
    if consent_note is not None:
        await consent.fill(tx, tenant_id=tenant_id, note=consent_note, **span)
    if any(contact.updated_at is not contact.created_at for contact in contacts):
        await contact_changes.note_new(tx, tenant_id=tenant_id, **span)


async def _name(tx: Tx, *, tenant_id: int, newest: int) -> None:
    """Make those behind the row `newest` findable: by number, by tag, and for a search."""
    new = {"tenant_id": tenant_id, "newest": newest}
    if tx.engine == "sqlite":
        # In the order of their tree rows change each page of it once. And few in a statement:
        # SQLite keeps each page that one changes as it was, to undo that one alone.
        found = await tx.all(_IN_ORDER, **new)
        rows = ((tenant_id, "phone", *row) for row in found)
        await tx.copy(
            "identities", ("tenant_id", "kind", "value", "contact_id", "created_at"), rows
        )
        await tx.run(_SEARCHED, **new)
    else:
        await tx.run(_IDENTITIES, **new)
    await tx.run(_LINKS[tx.engine], **new)


def _row(contact: Contact, tenant_id: int) -> Row:
    return (
        tenant_id,
        contact.id,
        contact.phone,
        contact.name,
        contact.email,
        emails.key(contact.email) if contact.email else None,
        contact.source,
        contact.locale,
        str(contact.metadata, "utf-8"),
        str(contact.tags, "utf-8"),
        None if contact.opted_in_at is None else to_us(contact.opted_in_at),
        None if contact.opted_out_at is None else to_us(contact.opted_out_at),
        None if contact.last_message_at is None else to_us(contact.last_message_at),
        contact.total_messages,
        _us(contact.created_at),
        _us(contact.updated_at),
        search.key(name=contact.name, phone=contact.phone, email=contact.email),
    )
