"""The consent ledger, and what is in force by it. Rows are added, never changed or removed, but for
what an erasure blanks."""

from collections.abc import Iterable

import msgspec

from kith.domain.consent import InForce, Record, acted_at
from kith.domain.times import from_us, to_us
from kith.store.database import Engine, Row, Tx

_WRITTEN = (
    "tenant_id", "uuid", "contact_uuid", "origin_contact_uuid", "channel", "purpose", "state",
    "occurred_at", "recorded_at", "source", "method", "user_id", "token_id", "address", "wording",
    "wording_version", "locale", "evidence", "note", "is_event",
)  # fmt: skip
COLUMNS = (
    "r.uuid, r.contact_uuid, r.origin_contact_uuid, r.channel, r.purpose, r.state, r.occurred_at,"
    " r.recorded_at, r.source, r.method, r.user_id, u.email, r.token_id, r.address, r.wording,"
    " r.wording_version, r.locale, r.evidence, r.note"
)
# Rows stay with the contact they were written for; a merge makes them those of another too.
_WRITTEN_FOR = (
    " IN (SELECT CAST(:contact_uuid AS TEXT) UNION ALL SELECT m.uuid FROM merged_contacts m"
    " WHERE m.tenant_id = :tenant_id AND m.into_uuid = :contact_uuid)"
)
# Those in which the contact ever lived on, also by way of others.
_HOSTS = (
    "WITH RECURSIVE h (uuid) AS (SELECT CAST(:contact_uuid AS TEXT)"
    " UNION SELECT k.into_uuid FROM merges k JOIN h ON h.uuid = k.from_uuid"
    " WHERE k.tenant_id = :tenant_id) SELECT h.uuid FROM h"
)
# What a merge added belongs to it by its origin, and counts no longer once it is undone.
_TOLD_BY = (
    " IN (SELECT CAST(:contact_uuid AS TEXT) UNION ALL SELECT o.uuid FROM merged_contacts o"
    " WHERE o.tenant_id = :tenant_id AND o.into_uuid = :contact_uuid)"
)
_COUNTS = f" AND r.origin_contact_uuid{_TOLD_BY}"
# Rows of an import that was undone stay, and count no longer.
_IS_NOT_RETRACTED = (
    " AND NOT EXISTS (SELECT 1 FROM retracted_consent x"
    " WHERE x.tenant_id = :tenant_id AND x.record_uuid = r.uuid)"
)
_OF_CONTACT = (
    f"SELECT {COLUMNS} FROM consent_records r LEFT JOIN users u ON u.id = r.user_id"
    f" WHERE r.tenant_id = :tenant_id AND r.contact_uuid{_WRITTEN_FOR}{_COUNTS}"
    f"{_IS_NOT_RETRACTED}"
)
_NEWEST = f"{_OF_CONTACT} AND r.uuid < :before_uuid ORDER BY r.uuid DESC LIMIT :rows_max"
_WHOLE = f"{_OF_CONTACT} ORDER BY r.uuid"

# What contacts carry that came without a ledger: times without proof. Ids cannot be made in here: a
# grant gets the contact's own, which no row has, and an opt-out that as version 8. Of somebody who
# opted in again later, only that can be told: an import may not lift what it says itself.
_RANGE = " WHERE c.tenant_id = :tenant_id AND c.uuid >= :first AND c.uuid <= :last"
_IS_OUT = "(c.opted_out_at IS NOT NULL AND COALESCE(c.opted_out_at >= c.opted_in_at, TRUE))"
_IS_TOLD = f"CASE k.state WHEN 'granted' THEN c.opted_in_at IS NOT NULL ELSE {_IS_OUT} END"
_AT = "CASE k.state WHEN 'granted' THEN c.opted_in_at ELSE c.opted_out_at END"
_LATER: dict[Engine, str] = {"sqlite": "MAX", "postgres": "GREATEST"}
_FILL_RECORDS = {
    engine: "INSERT INTO consent_records (tenant_id, uuid, contact_uuid, origin_contact_uuid,"
    " channel, purpose, state, occurred_at, recorded_at, source, method, address, note)"
    " SELECT c.tenant_id, CASE k.state WHEN 'granted' THEN c.uuid"
    " ELSE substr(c.uuid, 1, 14) || '8' || substr(c.uuid, 16) END, c.uuid, c.uuid, 'whatsapp',"
    f" 'marketing', k.state, {_AT}, {later}({_AT}, c.updated_at), 'import', 'platform', c.phone,"
    " CAST(:note AS TEXT) FROM contacts c"
    " CROSS JOIN (SELECT 'granted' AS state UNION ALL SELECT 'withdrawn') k"
    f"{_RANGE} AND {_IS_TOLD} AND NOT EXISTS (SELECT 1 FROM consent_records r"
    " WHERE r.tenant_id = :tenant_id AND r.contact_uuid = c.uuid)"
    for engine, later in _LATER.items()
}
_FILL_STATES = (
    "INSERT INTO consent_states (tenant_id, contact_id, channel, purpose, state, since)"
    f" SELECT c.tenant_id, c.id, 'whatsapp', 'marketing',"
    f" CASE WHEN {_IS_OUT} THEN 'withdrawn' ELSE 'granted' END,"
    f" CASE WHEN {_IS_OUT} THEN c.opted_out_at ELSE c.opted_in_at END FROM contacts c{_RANGE}"
    " AND COALESCE(c.opted_in_at, c.opted_out_at) IS NOT NULL ON CONFLICT DO NOTHING"
)
_FILL_CONTACTS = (
    "UPDATE contacts AS c SET opted_out_at = NULL, version = c.version + 1"
    f"{_RANGE} AND c.opted_out_at < c.opted_in_at"
)


async def of_contact(tx: Tx, *, tenant_id: int, contact_uuid: str) -> list[Record]:
    """Every row, oldest first, also of contacts that were merged into this one.

    All of them: nothing less says what is in force (`domain.consent`).
    """
    rows = await tx.all(_WHOLE, tenant_id=tenant_id, contact_uuid=contact_uuid)
    return [of(row) for row in rows]


async def newest(
    tx: Tx, *, tenant_id: int, contact_uuid: str, before_uuid: str, rows_max: int
) -> list[Record]:
    """Rows older than `before_uuid`, the one recorded last first."""
    rows = await tx.all(
        _NEWEST,
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        before_uuid=before_uuid,
        rows_max=rows_max,
    )
    return [of(row) for row in rows]


async def add(tx: Tx, *, tenant_id: int, record: Record, is_event: bool = False) -> None:
    """`is_event`: hooks are told of it, so that lists tell of it, too."""
    await tx.copy("consent_records", _WRITTEN, [(*_row(record, tenant_id), int(is_event))])


async def add_many(tx: Tx, *, tenant_id: int, records: Iterable[Record]) -> None:
    """Of which hooks are told nothing."""
    rows = [(*_row(record, tenant_id), 0) for record in records]
    await tx.copy("consent_records", _WRITTEN, rows)


async def set_states(
    tx: Tx, *, tenant_id: int, contact_row_id: int, states: Iterable[InForce]
) -> None:
    """Write what is in force, in place of what was; of what nothing is known there is no row."""
    await tx.run(
        "DELETE FROM consent_states WHERE tenant_id = :tenant_id AND contact_id = :contact_id",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    for one in states:
        if one.row is None and not one.is_stopped_at_meta:
            continue
        await tx.run(
            "INSERT INTO consent_states (tenant_id, contact_id, channel, purpose, state, since,"
            " is_stopped_at_meta) VALUES (:tenant_id, :contact_id, :channel, :purpose, :state,"
            " :since, :is_stopped_at_meta)",
            tenant_id=tenant_id,
            contact_id=contact_row_id,
            channel=one.channel,
            purpose=one.purpose,
            state=one.own.state if one.own is not None else None,
            since=to_us(acted_at(one.own)) if one.own is not None else None,
            is_stopped_at_meta=int(one.is_stopped_at_meta),
        )


async def blank(tx: Tx, *, tenant_id: int, contact_uuid: str) -> None:
    """Erase what a contact's rows say about it. The wording is the business's own, and stays."""
    await tx.run(
        "UPDATE consent_records AS r SET address = NULL, evidence = NULL, note = NULL"
        f" WHERE r.tenant_id = :tenant_id AND (r.contact_uuid{_WRITTEN_FOR}"
        f" OR r.uuid IN (SELECT s.uuid FROM consent_records s WHERE s.tenant_id = :tenant_id"
        f" AND s.contact_uuid IN ({_HOSTS}) AND s.origin_contact_uuid{_TOLD_BY}))",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
    )


async def fill(tx: Tx, *, tenant_id: int, first: str, last: str, note: str) -> None:
    """Give the ledger what contacts from `first` to `last` carry and it has no row of."""
    new = {"tenant_id": tenant_id, "first": first, "last": last}
    await tx.run(_FILL_RECORDS[tx.engine], **new, note=note)
    await tx.run(_FILL_STATES, **new)
    await tx.run(_FILL_CONTACTS, **new)


def _row(record: Record, tenant_id: int) -> Row:
    return (
        tenant_id,
        record.id,
        record.contact_id,
        record.origin_contact_id,
        record.channel,
        record.purpose,
        record.state,
        to_us(record.occurred_at),
        to_us(record.recorded_at),
        record.source,
        record.method,
        record.actor_user_id,
        record.actor_token_id,
        record.address,
        record.wording,
        record.wording_version,
        record.locale,
        bytes(record.evidence).decode() if record.evidence is not None else None,
        record.note,
    )


def of(row: Row) -> Record:
    return Record(
        id=row[0],
        contact_id=row[1],
        origin_contact_id=row[2],
        channel=row[3],
        purpose=row[4],
        state=row[5],
        occurred_at=from_us(row[6]),
        recorded_at=from_us(row[7]),
        source=row[8],
        method=row[9],
        actor_user_id=row[10],
        actor_user_email=row[11],
        actor_token_id=row[12],
        address=row[13],
        wording=row[14],
        wording_version=row[15],
        locale=row[16],
        evidence=msgspec.Raw(row[17]) if row[17] is not None else None,
        note=row[18],
    )
