"""The journal of merges, and where merged ids lead."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kith.domain import json
from kith.domain.merging import Journal, Merge, MergedFrom
from kith.domain.times import from_us, from_us_or_none, to_us
from kith.store.database import Row, Tx
from kith.store.json_lists import each_text

LIST_MAX = 1_000

_COLUMNS = "m.uuid, m.from_uuid, m.into_uuid, m.at, m.undone_at, m.before_json"
_EACH_NAME = each_text("given")
_LEAD_BACK = {
    engine: "UPDATE merged_contacts SET into_uuid = :to_uuid WHERE tenant_id = :tenant_id"
    f" AND into_uuid = :from_uuid AND uuid IN (SELECT j.value FROM {each})"
    for engine, each in _EACH_NAME.items()
}


# The journal


async def add(
    tx: Tx, *, tenant_id: int, merge: Merge, user_id: int | None, token_id: int | None
) -> None:
    await tx.run(
        "INSERT INTO merges (tenant_id, uuid, from_uuid, into_uuid, at, user_id, token_id,"
        " before_json) VALUES (:tenant_id, :uuid, :from_uuid, :into_uuid, :at, :user_id,"
        " :token_id, :before)",
        tenant_id=tenant_id,
        uuid=merge.id,
        from_uuid=merge.from_id,
        into_uuid=merge.into_id,
        at=to_us(merge.at),
        user_id=user_id,
        token_id=token_id,
        before=json.encode(merge.journal).decode(),
    )


async def by_id(tx: Tx, *, tenant_id: int, uuid: str) -> Merge | None:
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM merges m WHERE m.tenant_id = :tenant_id AND m.uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )
    return _merge(row) if row else None


async def by_merged_id(tx: Tx, *, tenant_id: int, uuid: str) -> Merge | None:
    """The merge by which this id came to lead to another contact."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM merged_contacts x"
        " JOIN merges m ON m.tenant_id = x.tenant_id AND m.uuid = x.merge_uuid"
        " WHERE x.tenant_id = :tenant_id AND x.uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )
    return _merge(row) if row else None


async def later(tx: Tx, *, tenant_id: int, than: Merge) -> list[Merge]:
    """The merges into the same contact that came after and are not undone, oldest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM merges m WHERE m.tenant_id = :tenant_id"
        " AND m.into_uuid = :into_uuid AND m.uuid > :uuid AND m.before_json IS NOT NULL"
        " ORDER BY m.uuid",
        tenant_id=tenant_id,
        into_uuid=than.into_id,
        uuid=than.id,
    )
    return [_merge(row) for row in rows]


async def of_contact(tx: Tx, *, tenant_id: int, uuids: Iterable[str]) -> list[Merge]:
    """What the journal holds on these, newest first, at most 1,000."""
    found: dict[str, Merge] = {}
    for uuid in uuids:
        rows = await tx.all(
            f"SELECT {_COLUMNS} FROM merges m WHERE m.tenant_id = :tenant_id"
            " AND m.into_uuid = :uuid ORDER BY m.uuid DESC LIMIT :list_max",
            tenant_id=tenant_id,
            uuid=uuid,
            list_max=LIST_MAX,
        )
        found |= {row[0]: _merge(row) for row in rows}
    return [found[uuid] for uuid in sorted(found, reverse=True)[:LIST_MAX]]


async def hosts(tx: Tx, *, tenant_id: int, uuid: str) -> list[tuple[str, int, int]]:
    """In which contacts this one lived for a time: their ids, since and until when."""
    rows = await tx.all(
        "SELECT m.into_uuid, m.at, m.undone_at FROM merges m WHERE m.tenant_id = :tenant_id"
        " AND m.from_uuid = :uuid AND m.undone_at IS NOT NULL",
        tenant_id=tenant_id,
        uuid=uuid,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def keep(tx: Tx, *, tenant_id: int, merge: Merge) -> None:
    """Write anew what an unmerge of it will need."""
    await tx.run(
        "UPDATE merges SET before_json = :before WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=merge.id,
        before=json.encode(merge.journal).decode(),
    )


async def undo(tx: Tx, *, tenant_id: int, merge: Merge, at: datetime) -> None:
    """The id leads nowhere else any more, and what was kept for this is not kept any longer."""
    await tx.run(
        "DELETE FROM merged_contacts WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=merge.from_id,
    )
    await tx.run(
        "UPDATE merges SET before_json = NULL, undone_at = :at"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=merge.id,
        at=to_us(at),
    )


async def forget(tx: Tx, *, tenant_id: int, uuids: Iterable[str]) -> None:
    """Erase what the journal holds on these, and that their ids led anywhere."""
    for uuid in uuids:
        await tx.run(
            "UPDATE merges SET before_json = NULL WHERE tenant_id = :tenant_id"
            " AND into_uuid = :uuid AND before_json IS NOT NULL",
            tenant_id=tenant_id,
            uuid=uuid,
        )
        await tx.run(
            "DELETE FROM merged_contacts WHERE tenant_id = :tenant_id AND into_uuid = :uuid",
            tenant_id=tenant_id,
            uuid=uuid,
        )


# Where ids lead


async def merged_from(tx: Tx, *, tenant_id: int, uuid: str, rows_max: int) -> list[MergedFrom]:
    """The ids that lead to this contact, the last merged first."""
    rows = await tx.all(
        "SELECT x.uuid, m.at FROM merged_contacts x"
        " JOIN merges m ON m.tenant_id = x.tenant_id AND m.uuid = x.merge_uuid"
        " WHERE x.tenant_id = :tenant_id AND x.into_uuid = :uuid"
        " ORDER BY x.merge_uuid DESC LIMIT :rows_max",
        tenant_id=tenant_id,
        uuid=uuid,
        rows_max=rows_max,
    )
    return [MergedFrom(id=row[0], merged_at=from_us(row[1])) for row in rows]


async def ids_into(tx: Tx, *, tenant_id: int, uuid: str) -> list[str]:
    """All ids that lead to this contact."""
    rows = await tx.all(
        "SELECT uuid FROM merged_contacts WHERE tenant_id = :tenant_id AND into_uuid = :uuid"
        " ORDER BY merge_uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )
    return [row[0] for row in rows]


async def lead(tx: Tx, *, tenant_id: int, merge: Merge) -> None:
    """The merged id, and all that led to it, lead to the survivor: one step for any chain."""
    await tx.run(
        "UPDATE merged_contacts SET into_uuid = :into_uuid"
        " WHERE tenant_id = :tenant_id AND into_uuid = :from_uuid",
        tenant_id=tenant_id,
        from_uuid=merge.from_id,
        into_uuid=merge.into_id,
    )
    await tx.run(
        "INSERT INTO merged_contacts (tenant_id, uuid, into_uuid, merge_uuid)"
        " VALUES (:tenant_id, :from_uuid, :into_uuid, :merge_uuid)",
        tenant_id=tenant_id,
        from_uuid=merge.from_id,
        into_uuid=merge.into_id,
        merge_uuid=merge.id,
    )


async def lead_back(
    tx: Tx, *, tenant_id: int, uuids: list[str], from_uuid: str, to_uuid: str
) -> None:
    await tx.run(
        _LEAD_BACK[tx.engine],
        tenant_id=tenant_id,
        from_uuid=from_uuid,
        to_uuid=to_uuid,
        given=json.encode(uuids).decode(),
    )


def _merge(row: Row) -> Merge:
    uuid, from_uuid, into_uuid, at, undone_at, before = row
    return Merge(
        id=uuid,
        from_id=from_uuid,
        into_id=into_uuid,
        at=from_us(at),
        undone_at=from_us_or_none(undone_at),
        journal=None if before is None else msgspec.json.decode(before, type=Journal),
    )
