"""Opt-ins asked for on web pages, and the wordings that people agreed to."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from kith.domain import json, opt_ins
from kith.domain.opt_ins import OptIn
from kith.domain.times import from_us, from_us_or_none, to_us
from kith.store.database import Row, Tx
from kith.store.json_lists import each_text

LIST_MAX = 100
FORGOTTEN_AT_ONCE_MAX = 100

_SELECT = (
    "SELECT o.uuid, c.uuid, o.name, o.phone, o.locale, w.texts, o.wording_version, o.evidence,"
    " o.asked_at, o.used_at FROM opt_ins o"
    " JOIN connections c ON c.tenant_id = o.tenant_id AND c.id = o.connection_id"
    " JOIN wordings w ON w.tenant_id = o.tenant_id AND w.connection_id = o.connection_id"
    " AND w.version = o.wording_version WHERE o.tenant_id = :tenant_id"
)
_EACH = each_text("phones")
_OF_PHONES = {
    engine: f"{_SELECT} AND o.phone IN (SELECT j.value FROM {each}) ORDER BY o.id LIMIT :list_max"
    for engine, each in _EACH.items()
}
_FORGET_PHONES = {
    engine: "DELETE FROM opt_ins WHERE tenant_id = :tenant_id"
    f" AND phone IN (SELECT j.value FROM {each})"
    for engine, each in _EACH.items()
}


async def add_wording(
    tx: Tx,
    *,
    tenant_id: int,
    connection_row_id: int,
    version: str,
    texts: Mapping[str, str],
    at: datetime,
) -> None:
    await tx.run(
        "INSERT INTO wordings (tenant_id, connection_id, version, texts, created_at)"
        " VALUES (:tenant_id, :connection_row_id, :version, :texts, :at)",
        tenant_id=tenant_id,
        connection_row_id=connection_row_id,
        version=version,
        texts=json.encode(texts).decode(),
        at=to_us(at),
    )


async def wording(
    tx: Tx, *, tenant_id: int, connection_row_id: int, version: str
) -> dict[str, str] | None:
    """By language."""
    row = await tx.one(
        "SELECT texts FROM wordings WHERE tenant_id = :tenant_id"
        " AND connection_id = :connection_row_id AND version = :version",
        tenant_id=tenant_id,
        connection_row_id=connection_row_id,
        version=version,
    )
    return _texts(row[0]) if row is not None else None


async def add(
    tx: Tx,
    *,
    tenant_id: int,
    connection_row_id: int,
    code_digest: str,
    proof: str,
    opt_in: OptIn,
) -> bool:
    """False when this proof of work was spent already."""
    row = await tx.one(
        "INSERT INTO opt_ins (tenant_id, uuid, connection_id, code_digest, proof, name, phone,"
        " locale, wording_version, evidence, asked_at) VALUES (:tenant_id, :uuid,"
        " :connection_row_id, :code_digest, :proof, :name, :phone, :locale, :wording_version,"
        " :evidence, :asked_at) ON CONFLICT (tenant_id, connection_id, proof) DO NOTHING"
        " RETURNING id",
        tenant_id=tenant_id,
        uuid=opt_in.id,
        connection_row_id=connection_row_id,
        code_digest=code_digest,
        proof=proof,
        name=opt_in.name,
        phone=opt_in.phone,
        locale=opt_in.locale,
        wording_version=opt_in.wording_version,
        evidence=json.encode(opt_in.evidence).decode(),
        asked_at=to_us(opt_in.asked_at),
    )
    return row is not None


async def by_uuid(tx: Tx, *, tenant_id: int, uuid: str) -> OptIn | None:
    row = await tx.one(f"{_SELECT} AND o.uuid = :uuid", tenant_id=tenant_id, uuid=uuid)
    return _opt_in(row) if row is not None else None


async def by_code(tx: Tx, *, tenant_id: int, code_digest: str) -> OptIn | None:
    row = await tx.one(
        f"{_SELECT} AND o.code_digest = :code_digest", tenant_id=tenant_id, code_digest=code_digest
    )
    return _opt_in(row) if row is not None else None


async def of_phones(tx: Tx, *, tenant_id: int, phones: Iterable[str]) -> list[OptIn]:
    """Those that were asked for with one of these numbers, oldest first, at most 100."""
    rows = await tx.all(
        _OF_PHONES[tx.engine],
        tenant_id=tenant_id,
        phones=json.encode(list(phones)).decode(),
        list_max=LIST_MAX,
    )
    return [_opt_in(row) for row in rows]


async def spend(tx: Tx, *, tenant_id: int, uuid: str, at: datetime) -> None:
    """Its code was used: what was typed stands in the ledger now, as far as it proved true."""
    await tx.run(
        "UPDATE opt_ins SET used_at = :at, name = NULL, phone = NULL, evidence = '{}'"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        at=to_us(at),
    )


async def forget_phones(tx: Tx, *, tenant_id: int, phones: Iterable[str]) -> None:
    await tx.run(
        _FORGET_PHONES[tx.engine],
        tenant_id=tenant_id,
        phones=json.encode(list(phones)).decode(),
    )


async def forget_older(tx: Tx, *, tenant_id: int, than: datetime) -> int:
    """And those of that moment; at most 100 at once. How many they were."""
    rows = await tx.all(
        "DELETE FROM opt_ins AS x WHERE x.tenant_id = :tenant_id AND x.id IN"
        " (SELECT o.id FROM opt_ins o WHERE o.tenant_id = :tenant_id AND o.asked_at <= :than"
        " ORDER BY o.asked_at LIMIT :forgotten_max) RETURNING id",
        tenant_id=tenant_id,
        than=to_us(than),
        forgotten_max=FORGOTTEN_AT_ONCE_MAX,
    )
    return len(rows)


def _texts(stored: str) -> dict[str, str]:
    return msgspec.json.decode(stored, type=dict[str, str])


def _opt_in(row: Row) -> OptIn:
    evidence: Mapping[str, Any] = msgspec.json.decode(row[7])
    return OptIn(
        id=row[0],
        connection_id=row[1],
        name=row[2],
        phone=row[3],
        locale=row[4],
        wording=opt_ins.in_language(_texts(row[5]), row[4]),
        wording_version=row[6],
        evidence=evidence,
        asked_at=from_us(row[8]),
        used_at=from_us_or_none(row[9]),
    )
