"""Names that WhatsApp itself reports: whose they are, whose they were, and since when."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kith.domain import json
from kith.domain.identities import Kind
from kith.domain.times import from_us, from_us_or_none, to_us, to_us_or_none
from kith.store.database import Tx
from kith.store.json_lists import each_list

_EACH = each_list("names")
_HELD = {
    engine: "SELECT i.kind, i.value, c.uuid, c.id, i.retired_at, i.seen_at, i.created_at,"
    f" i.origin_uuid FROM {each} CROSS JOIN identities i"
    " JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = j.value ->> 0 AND i.value = j.value ->> 1"
    for engine, each in _EACH.items()
}

Key = tuple[Kind, str]


class Held(msgspec.Struct, frozen=True, gc=False):
    """Who holds a name. `retired_at`: not since then; `known_at`: since when at least; `origin_id`:
    with which contact it came that lives on in this one."""

    contact_id: str
    contact_row_id: int
    retired_at: datetime | None
    seen_at: datetime | None
    known_at: datetime
    origin_id: str | None


async def held(tx: Tx, *, tenant_id: int, names: Iterable[Key]) -> dict[Key, Held]:
    """Those that anybody has; the caller keeps them few."""
    rows = await tx.all(
        _HELD[tx.engine], tenant_id=tenant_id, names=json.encode(list(names)).decode()
    )
    return {
        (kind, value): Held(
            uuid,
            row_id,
            from_us_or_none(retired_at),
            from_us_or_none(seen_at),
            from_us(created_at if seen_at is None else min(created_at, seen_at)),
            origin_id,
        )
        for kind, value, uuid, row_id, retired_at, seen_at, created_at, origin_id in rows
    }


async def give(
    tx: Tx, *, tenant_id: int, name: Key, contact_row_id: int, retired_at: datetime | None = None
) -> None:
    """The name is this contact's from now on, or was until it was retired."""
    await tx.run(
        "UPDATE identities SET contact_id = :contact_id, retired_at = :retired_at"
        " WHERE tenant_id = :tenant_id AND kind = :kind AND value = :value",
        tenant_id=tenant_id,
        kind=name[0],
        value=name[1],
        contact_id=contact_row_id,
        retired_at=to_us_or_none(retired_at),
    )


async def see(tx: Tx, *, tenant_id: int, name: Key, at: datetime) -> None:
    """It was somebody's already then, by WhatsApp's clock."""
    await tx.run(
        "UPDATE identities SET seen_at = :at WHERE tenant_id = :tenant_id AND kind = :kind"
        " AND value = :value AND (seen_at IS NULL OR seen_at > :at)",
        tenant_id=tenant_id,
        kind=name[0],
        value=name[1],
        at=to_us(at),
    )
