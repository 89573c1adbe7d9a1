"""Under which names a contact is known; the database decides that each has one owner."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from kith.domain import json, matches
from kith.domain.contacts import Identity
from kith.domain.identities import Confidence, Kind
from kith.domain.phone import Phone
from kith.domain.times import from_us, from_us_or_none, to_us
from kith.store.database import Engine, Tx
from kith.store.json_lists import each_list, each_text

_ADD = (
    "INSERT INTO identities (tenant_id, kind, value, contact_id, created_at, confidence,"
    " origin_uuid)"
    " VALUES (:tenant_id, :kind, :value, :contact_id, :at, :confidence, :origin_uuid)"
)
# On PostgreSQL two writes that add the two spellings of a number to two contacts would not see
# each other. Both take the number's turn, so that one of them fails and is repeated.
_TAKE_TURN = (
    "INSERT INTO number_turns (tenant_id, turn, taken) VALUES (:tenant_id, :turn, 1)"
    " ON CONFLICT (tenant_id, turn) DO UPDATE SET taken = number_turns.taken + 1"
)
_TAKE_TURNS = (
    "INSERT INTO number_turns (tenant_id, turn, taken)"
    " SELECT :tenant_id, CAST(j.value AS BIGINT), 1"
    " FROM json_array_elements_text(CAST(:turns AS JSON)) j (value)"
    " ON CONFLICT (tenant_id, turn) DO UPDATE SET taken = number_turns.taken + 1"
)
_ADD_NUMBER: dict[Engine, str] = {
    "sqlite": _ADD,
    "postgres": f"WITH taken AS ({_TAKE_TURN}) {_ADD}",
}
_EACH = each_list("names")
_HOLDERS = {
    engine: f"SELECT i.kind, i.value, c.uuid FROM {each} CROSS JOIN identities i"
    " JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = j.value ->> 'kind'"
    " AND i.value = j.value ->> 'value'"
    for engine, each in _EACH.items()
}

_EACH_VALUE = each_text("names")
_OWNERS = {
    engine: f"SELECT i.value, i.contact_id FROM {each} CROSS JOIN identities i"
    " WHERE i.tenant_id = :tenant_id AND i.kind = :kind AND i.value = j.value"
    for engine, each in _EACH_VALUE.items()
}


async def add(
    tx: Tx,
    *,
    tenant_id: int,
    kind: Kind,
    value: str,
    contact_row_id: int,
    at: datetime,
    confidence: Confidence = "given",
    origin_uuid: str | None = None,
) -> None:
    """Nobody has it: the caller has looked. `origin_uuid` is with which merged contact it goes."""
    given = {
        "tenant_id": tenant_id,
        "kind": kind,
        "value": value,
        "contact_id": contact_row_id,
        "at": to_us(at),
        "confidence": confidence,
        "origin_uuid": origin_uuid,
    }
    if kind not in ("phone", "wa_id"):
        if kind == "bsuid":
            await take_turn(tx, tenant_id=tenant_id, of=value)
        await tx.run(_ADD, **given)
        return
    number = Phone(value) if kind == "phone" else matches.phone_of(value)
    await tx.run(_ADD_NUMBER[tx.engine], turn=matches.turn(number), **given)


async def take_turn(tx: Tx, *, tenant_id: int, of: str) -> None:
    """As for a number: of two writes that look whether somebody is there, one sees the other's."""
    if tx.engine == "postgres":
        await tx.run(_TAKE_TURN, tenant_id=tenant_id, turn=matches.turn_of(of))


async def take_turns(tx: Tx, *, tenant_id: int, numbers: Iterable[Phone]) -> None:
    """As `add` does, for many numbers; always in one order, or two would lock each other."""
    if tx.engine == "postgres":
        turns = json.encode(sorted({matches.turn(number) for number in numbers})).decode()
        await tx.run(_TAKE_TURNS, tenant_id=tenant_id, turns=turns)


async def remove(tx: Tx, *, tenant_id: int, kind: Kind, value: str, contact_row_id: int) -> bool:
    """Whether this contact had it."""
    row = await tx.one(
        "DELETE FROM identities WHERE tenant_id = :tenant_id AND kind = :kind AND value = :value"
        " AND contact_id = :contact_id RETURNING 1",
        tenant_id=tenant_id,
        kind=kind,
        value=value,
        contact_id=contact_row_id,
    )
    return row is not None


async def holders(
    tx: Tx, *, tenant_id: int, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Who has these names, by kind and value: the ids of contacts. The caller keeps them few."""
    keys = [{"kind": kind, "value": value} for kind, value in names]
    rows = await tx.all(_HOLDERS[tx.engine], tenant_id=tenant_id, names=json.encode(keys).decode())
    return {(row[0], row[1]): row[2] for row in rows}


async def confidence_of(tx: Tx, *, tenant_id: int, kind: Kind, value: str) -> Confidence | None:
    row = await tx.one(
        "SELECT confidence FROM identities"
        " WHERE tenant_id = :tenant_id AND kind = :kind AND value = :value",
        tenant_id=tenant_id,
        kind=kind,
        value=value,
    )
    return row[0] if row else None


async def of_contact(tx: Tx, *, tenant_id: int, contact_uuid: str) -> list[Identity]:
    """By kind and value; a contact has few."""
    rows = await tx.all(
        "SELECT i.kind, i.value, i.confidence, i.created_at, i.retired_at FROM contacts c"
        " JOIN identities i ON i.tenant_id = c.tenant_id AND i.contact_id = c.id"
        " WHERE c.tenant_id = :tenant_id AND c.uuid = :uuid ORDER BY i.kind, i.value",
        tenant_id=tenant_id,
        uuid=contact_uuid,
    )
    return [
        Identity(
            kind=kind,
            value=value,
            confidence=confidence,
            created_at=from_us(created_at),
            retired_at=from_us_or_none(retired_at),
        )
        for kind, value, confidence, created_at, retired_at in rows
    ]


async def owners(tx: Tx, *, tenant_id: int, kind: Kind, values: Sequence[str]) -> dict[str, int]:
    """Who has names of one kind, by value: row ids. Quickest when the values are sorted."""
    rows = await tx.all(
        _OWNERS[tx.engine], tenant_id=tenant_id, kind=kind, names=json.encode(values).decode()
    )
    return {row[0]: row[1] for row in rows}


async def any_of(tx: Tx, *, tenant_id: int, kind: Kind) -> bool:
    """Whether the workspace knows anybody by such a name."""
    row = await tx.one(
        "SELECT 1 FROM identities WHERE tenant_id = :tenant_id AND kind = :kind LIMIT 1",
        tenant_id=tenant_id,
        kind=kind,
    )
    return row is not None


async def between(tx: Tx, *, tenant_id: int, kind: Kind, first: str, last: str) -> set[str]:
    """Every value from `first` to `last`; the caller keeps the span short."""
    rows = await tx.all(
        "SELECT value FROM identities WHERE tenant_id = :tenant_id AND kind = :kind"
        " AND value >= :first AND value <= :last",
        tenant_id=tenant_id,
        kind=kind,
        first=first,
        last=last,
    )
    return {row[0] for row in rows}
