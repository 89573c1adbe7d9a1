"""The audit log. Rows are added, never changed or removed, but for what an erasure blanks."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from kith.domain import json
from kith.domain.audit import Entry, What
from kith.domain.connections import System
from kith.domain.times import from_us, to_us
from kith.store.database import Engine, Row, Tx
from kith.store.json_lists import each_text

COLUMNS = (
    "tenant_id", "uuid", "at", "user_id", "token_id", "what", "contact_uuid", "before_json",
    "after_json",
)  # fmt: skip
_COLUMNS = (
    "a.uuid, a.at, a.what, a.contact_uuid, a.user_id, u.email, a.token_id,"
    " a.connection_uuid, a.before_json, a.after_json"
)
_USER = " LEFT JOIN users u ON u.id = a.user_id"
_FROM = f"{_USER} WHERE a.tenant_id = :tenant_id"
_LAST = "a.uuid < :before_uuid ORDER BY a.uuid DESC LIMIT :entries_max"
_NEWEST = f"SELECT {_COLUMNS} FROM audit_log a{_FROM} AND {_LAST}"
# The entry that made a contact has the contact's id as its own; the index has the others.
_MADE = (
    "SELECT * FROM audit_log m WHERE m.tenant_id = :tenant_id AND m.uuid = :contact_uuid"
    " AND m.contact_uuid = :contact_uuid"
)
# Without statistics SQLite would walk the whole log for one contact.
_BY_CONTACT: dict[Engine, str] = {"sqlite": " INDEXED BY audit_log_by_contact", "postgres": ""}
_CHANGED = {
    engine: f"SELECT * FROM audit_log c{index} WHERE c.tenant_id = :tenant_id"
    " AND c.contact_uuid = :contact_uuid AND c.uuid <> c.contact_uuid"
    for engine, index in _BY_CONTACT.items()
}
_OF_CONTACT = {
    engine: f" FROM ({_MADE} UNION ALL {changed}) a" for engine, changed in _CHANGED.items()
}
_NEWEST_OF = {
    engine: f"SELECT {_COLUMNS} FROM ({_MADE} UNION ALL SELECT * FROM ({changed}"
    " AND c.uuid < :before_uuid ORDER BY c.uuid DESC LIMIT :entries_max) n) a"
    f"{_USER} WHERE {_LAST}"
    for engine, changed in _CHANGED.items()
}
_BLANK_BETWEEN = (
    "UPDATE audit_log SET before_json = NULL, after_json = NULL WHERE tenant_id = :tenant_id"
    " AND ((uuid = :contact_uuid AND contact_uuid = :contact_uuid)"
    " OR (contact_uuid = :contact_uuid AND uuid <> contact_uuid))"
    " AND at >= :since AND at <= :until"
)

# An import is on what it did; within a text of the contact the quotes would be escaped.
_HAS_MARK: dict[Engine, str] = {
    "sqlite": "instr(a.after_json, :mark) > 0",
    "postgres": "strpos(a.after_json, :mark) > 0",
}
_OF_IMPORT = {
    engine: f"SELECT {_COLUMNS} FROM audit_log a{_FROM} AND a.uuid > :after_uuid"
    f" AND {has_mark} ORDER BY a.uuid LIMIT :entries_max"
    for engine, has_mark in _HAS_MARK.items()
}
_OF_IMPORT_AND_CONTACT = {
    engine: f"SELECT {_COLUMNS}{_OF_CONTACT[engine]}{_FROM}"
    f" AND a.uuid > :after_uuid AND {has_mark} ORDER BY a.uuid LIMIT :entries_max"
    for engine, has_mark in _HAS_MARK.items()
}
_BY_SYSTEM = {
    engine: "SELECT COUNT(CASE WHEN k.id IS NULL THEN 1 END),"
    f" COUNT(CASE WHEN a.what = 'contact.created' THEN 1 END){of_contact}"
    " LEFT JOIN connections k ON k.tenant_id = a.tenant_id AND k.uuid = a.connection_uuid"
    " AND k.system = :system WHERE a.tenant_id = :tenant_id"
    for engine, of_contact in _OF_CONTACT.items()
}
_EACH = each_text("uuids")
# Two statements: PostgreSQL would read the whole log for one with both lists.
_BLANK_MADE = {
    engine: "UPDATE audit_log SET before_json = NULL, after_json = NULL"
    f" WHERE tenant_id = :tenant_id AND uuid IN (SELECT j.value FROM {each})"
    " AND uuid = contact_uuid"
    for engine, each in _EACH.items()
}
_BLANK_CHANGED = {
    engine: "UPDATE audit_log SET before_json = NULL, after_json = NULL"
    f" WHERE tenant_id = :tenant_id AND contact_uuid IN (SELECT j.value FROM {each})"
    " AND uuid <> contact_uuid"
    for engine, each in _EACH.items()
}


async def add(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    at: datetime,
    user_id: int | None,
    token_id: int | None,
    connection_uuid: str | None,
    what: What,
    contact_uuid: str | None,
    before: bytes | None,
    after: bytes | None,
) -> None:
    """`uuid` is a UUIDv7: the order of the log. Of the entry that made a contact it is that of the
    contact."""
    await tx.run(
        "INSERT INTO audit_log (tenant_id, uuid, at, user_id, token_id, connection_uuid, what,"
        " contact_uuid, before_json, after_json) VALUES (:tenant_id, :uuid, :at, :user_id,"
        " :token_id, :connection_uuid, :what, :contact_uuid, :before, :after)",
        tenant_id=tenant_id,
        uuid=uuid,
        at=to_us(at),
        user_id=user_id,
        token_id=token_id,
        connection_uuid=connection_uuid,
        what=what,
        contact_uuid=contact_uuid,
        before=before.decode() if before is not None else None,
        after=after.decode() if after is not None else None,
    )


async def add_many(tx: Tx, rows: Iterable[Row]) -> None:
    """Rows of COLUMNS, the quickest way."""
    await tx.copy("audit_log", COLUMNS, rows)


async def newest(tx: Tx, *, tenant_id: int, before_uuid: str, entries_max: int) -> list[Entry]:
    """Entries older than `before_uuid`, newest first."""
    rows = await tx.all(
        _NEWEST, tenant_id=tenant_id, before_uuid=before_uuid, entries_max=entries_max
    )
    return _entries(rows)


async def newest_of(
    tx: Tx, *, tenant_id: int, contact_uuid: str, before_uuid: str, entries_max: int
) -> list[Entry]:
    """As `newest`, of one contact."""
    rows = await tx.all(
        _NEWEST_OF[tx.engine],
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        before_uuid=before_uuid,
        entries_max=entries_max,
    )
    return _entries(rows)


async def of_import(
    tx: Tx, *, tenant_id: int, import_uuid: str, after_uuid: str, entries_max: int
) -> list[Entry]:
    """What an import did, oldest first, from behind an entry."""
    rows = await tx.all(
        _OF_IMPORT[tx.engine],
        tenant_id=tenant_id,
        after_uuid=after_uuid,
        mark=_mark(import_uuid),
        entries_max=entries_max,
    )
    return _entries(rows)


async def of_import_and_contact(
    tx: Tx,
    *,
    tenant_id: int,
    import_uuid: str,
    contact_uuid: str,
    after_uuid: str,
    entries_max: int,
) -> list[Entry]:
    """As `of_import`, of one contact."""
    rows = await tx.all(
        _OF_IMPORT_AND_CONTACT[tx.engine],
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        after_uuid=after_uuid,
        mark=_mark(import_uuid),
        entries_max=entries_max,
    )
    return _entries(rows)


async def is_all_of(tx: Tx, *, tenant_id: int, contact_uuid: str, system: System) -> bool:
    """Whether a connection with this system made the contact and all that was done to it came by
    one, be it removed since."""
    row = await tx.one(
        _BY_SYSTEM[tx.engine], tenant_id=tenant_id, contact_uuid=contact_uuid, system=system
    )
    assert row is not None
    others, created = row
    return not others and bool(created)


async def blank(tx: Tx, *, tenant_id: int, contact_uuids: Sequence[str]) -> None:
    """Erase what the entries of contacts say about them; that they were made stays."""
    given = {"tenant_id": tenant_id, "uuids": json.encode(contact_uuids).decode()}
    await tx.run(_BLANK_MADE[tx.engine], **given)
    await tx.run(_BLANK_CHANGED[tx.engine], **given)


async def blank_between(
    tx: Tx, *, tenant_id: int, contact_uuid: str, since: int, until: int
) -> None:
    """As `blank`, of one contact and a time: microseconds since 1970, both included."""
    await tx.run(
        _BLANK_BETWEEN,
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        since=since,
        until=until,
    )


def _mark(import_uuid: str) -> str:
    return f'"import_id":"{import_uuid}"'


def _entries(rows: Sequence[Row]) -> list[Entry]:
    return [
        Entry(
            id=row[0],
            at=from_us(row[1]),
            what=row[2],
            contact_id=row[3],
            user_id=row[4],
            user_email=row[5],
            token_id=row[6],
            connection_id=row[7],
            before=msgspec.Raw(row[8]) if row[8] is not None else None,
            after=msgspec.Raw(row[9]) if row[9] is not None else None,
        )
        for row in rows
    ]
