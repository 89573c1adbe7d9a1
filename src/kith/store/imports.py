"""Imports as rows: what was read of a file, what was refused, what an undo took back."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.domain import json
from kith.domain.imports import Counts, Import, Refusal, State, Undone
from kith.domain.times import from_us, from_us_or_none, to_us
from kith.store.database import Row, Tx
from kith.store.json_lists import each_text

_COLUMNS = (
    "i.uuid, i.name, i.digest, i.read_digest, i.options, i.state, i.offset_bytes, i.line, i.counts,"
    " i.user_id, i.started_at, i.updated_at, i.finished_at, i.undo_after, i.undone"
)
_BY_ID = f"SELECT {_COLUMNS} FROM imports i WHERE i.tenant_id = :tenant_id AND i.uuid = :uuid"
_NEWEST = (
    f"SELECT {_COLUMNS} FROM imports i WHERE i.tenant_id = :tenant_id AND i.uuid < :before_uuid"
    " ORDER BY i.uuid DESC LIMIT :rows_max"
)
_REPEATED = (
    "SELECT i.uuid FROM imports i WHERE i.tenant_id = :tenant_id AND i.state = 'done'"
    " AND i.digest = :digest AND i.options = :options ORDER BY i.uuid DESC LIMIT :rows_max"
)
_UNFINISHED = (
    f"SELECT {_COLUMNS} FROM imports i WHERE i.tenant_id = :tenant_id"
    " AND i.state IN ('running', 'interrupted') AND i.digest = :digest AND i.options = :options"
    " ORDER BY i.uuid DESC LIMIT 1"
)


async def add(
    tx: Tx, *, tenant_id: int, one: Import, user_id: int | None, token_id: int | None
) -> None:
    await tx.run(
        "INSERT INTO imports (tenant_id, uuid, name, digest, options, state, offset_bytes, line,"
        " counts, user_id, token_id, started_at, updated_at) VALUES (:tenant_id, :uuid, :name,"
        " :digest, :options, :state, :offset_bytes, :line, :counts, :user_id, :token_id, :at, :at)",
        tenant_id=tenant_id,
        uuid=one.id,
        name=one.name,
        digest=one.digest,
        options=one.options,
        state=one.state,
        offset_bytes=one.offset,
        line=one.line,
        counts=json.encode(one.counts).decode(),
        user_id=user_id,
        token_id=token_id,
        at=to_us(one.started_at),
    )


async def by_id(tx: Tx, *, tenant_id: int, uuid: str) -> Import | None:
    row = await tx.one(_BY_ID, tenant_id=tenant_id, uuid=uuid)
    return _of(row) if row else None


async def unfinished(tx: Tx, *, tenant_id: int, digest: str, options: str) -> Import | None:
    """The newest import of these bytes, read in this way, that did not come to its end."""
    row = await tx.one(_UNFINISHED, tenant_id=tenant_id, digest=digest, options=options)
    return _of(row) if row else None


async def repeated(
    tx: Tx, *, tenant_id: int, digest: str, options: str, rows_max: int
) -> tuple[str, ...]:
    """Imports of these bytes, read in this way, that are done and were not undone."""
    rows = await tx.all(
        _REPEATED, tenant_id=tenant_id, digest=digest, options=options, rows_max=rows_max
    )
    return tuple(row[0] for row in rows)


async def newest(tx: Tx, *, tenant_id: int, before_uuid: str, rows_max: int) -> list[Import]:
    rows = await tx.all(_NEWEST, tenant_id=tenant_id, before_uuid=before_uuid, rows_max=rows_max)
    return [_of(row) for row in rows]


async def move(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    from_offset: int,
    to_offset: int,
    line: int,
    counts: Counts,
    read_digest: str | None,
    at: datetime,
) -> bool:
    """False when it does not stand at `from_offset`: somebody else goes on with it."""
    row = await tx.one(
        "UPDATE imports SET offset_bytes = :to_offset, line = :line, counts = :counts,"
        " read_digest = :read_digest, state = 'running', updated_at = :at"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid AND offset_bytes = :from_offset"
        " AND state IN ('running', 'interrupted') RETURNING 1",
        tenant_id=tenant_id,
        uuid=uuid,
        from_offset=from_offset,
        to_offset=to_offset,
        line=line,
        counts=json.encode(counts).decode(),
        read_digest=read_digest,
        at=to_us(at),
    )
    return row is not None


async def set_state(
    tx: Tx, *, tenant_id: int, uuid: str, state: State, digest: str | None, at: datetime
) -> None:
    """`finished_at` is the time at which it is first done."""
    await tx.run(
        "UPDATE imports SET state = :state, digest = COALESCE(:digest, digest), updated_at = :at,"
        " finished_at = CASE WHEN :state = 'done' THEN COALESCE(finished_at, :at)"
        " ELSE finished_at END WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        state=state,
        digest=digest,
        at=to_us(at),
    )


async def set_undone(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    state: State,
    after: str | None,
    undone: Undone,
    at: datetime,
) -> None:
    """How far the undo has come, and what it did."""
    await tx.run(
        "UPDATE imports SET state = :state, undo_after = :after, undone = :undone,"
        " updated_at = :at WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        state=state,
        after=after,
        undone=json.encode(undone).decode(),
        at=to_us(at),
    )


async def refuse(tx: Tx, *, tenant_id: int, import_uuid: str, refusals: Sequence[Refusal]) -> None:
    await tx.copy(
        "import_refusals",
        (
            "tenant_id",
            "import_uuid",
            "line",
            "offset_bytes",
            "size_bytes",
            "code",
            "field",
            "text",
        ),
        [
            (tenant_id, import_uuid, r.line, r.offset, r.size, r.code, r.field, r.text)
            for r in refusals
        ],
    )


async def refusals(
    tx: Tx, *, tenant_id: int, import_uuid: str, after_line: int, rows_max: int
) -> list[Refusal]:
    """In the order of the file, from behind a line."""
    rows = await tx.all(
        "SELECT line, offset_bytes, size_bytes, code, field, text FROM import_refusals"
        " WHERE tenant_id = :tenant_id AND import_uuid = :import_uuid AND line > :after_line"
        " ORDER BY line, code LIMIT :rows_max",
        tenant_id=tenant_id,
        import_uuid=import_uuid,
        after_line=after_line,
        rows_max=rows_max,
    )
    return [Refusal(*row) for row in rows]


async def retract(
    tx: Tx, *, tenant_id: int, import_uuid: str, record_uuids: Sequence[str], at: datetime
) -> None:
    """Rows of the ledger that the import wrote count no longer."""
    await tx.run(
        _RETRACT[tx.engine],
        tenant_id=tenant_id,
        import_uuid=import_uuid,
        records=json.encode(record_uuids).decode(),
        at=to_us(at),
    )


_EACH = each_text("records")
_RETRACT = {
    engine: "INSERT INTO retracted_consent (tenant_id, record_uuid, import_uuid, at)"
    f" SELECT :tenant_id, j.value, CAST(:import_uuid AS TEXT), CAST(:at AS BIGINT) FROM {each}"
    " WHERE TRUE ON CONFLICT (tenant_id, record_uuid) DO NOTHING"
    for engine, each in _EACH.items()
}


def _of(row: Row) -> Import:
    return Import(
        id=row[0],
        name=row[1],
        digest=row[2],
        read_digest=row[3],
        options=row[4],
        state=row[5],
        offset=row[6],
        line=row[7],
        counts=msgspec.json.decode(row[8], type=Counts),
        user_id=row[9],
        started_at=from_us(row[10]),
        updated_at=from_us(row[11]),
        finished_at=from_us_or_none(row[12]),
        undo_after=row[13],
        undone=msgspec.json.decode(row[14], type=Undone) if row[14] is not None else None,
    )
