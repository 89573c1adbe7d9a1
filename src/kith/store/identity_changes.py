"""Who went from one number or business-scoped id to another, and when."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from kith.domain.times import from_us, to_us
from kith.store.database import Tx

Kind = Literal["wa_id", "bsuid"]


async def add(tx: Tx, *, tenant_id: int, kind: Kind, old: str, new: str, at: datetime) -> bool:
    """False when it is known."""
    row = await tx.one(
        "INSERT INTO identity_changes (tenant_id, kind, old_value, at, new_value)"
        " VALUES (:tenant_id, :kind, :old, :at, :new)"
        " ON CONFLICT (tenant_id, kind, old_value, at) DO NOTHING RETURNING 1",
        tenant_id=tenant_id,
        kind=kind,
        old=old,
        new=new,
        at=to_us(at),
    )
    return row is not None


async def any_after(
    tx: Tx, *, tenant_id: int, wa_id: str | None, bsuid: str | None, at: datetime
) -> bool:
    """Whether whoever had these names then changed one of them since: few people ever do."""
    row = await tx.one(
        "SELECT 1 FROM identity_changes n WHERE n.tenant_id = :tenant_id AND n.kind = 'wa_id'"
        " AND n.old_value = :wa_id AND n.at > :at UNION ALL"
        " SELECT 1 FROM identity_changes i WHERE i.tenant_id = :tenant_id AND i.kind = 'bsuid'"
        " AND i.old_value = :bsuid AND i.at > :at LIMIT 1",
        tenant_id=tenant_id,
        wa_id=wa_id,
        bsuid=bsuid,
        at=to_us(at),
    )
    return row is not None


async def after(
    tx: Tx, *, tenant_id: int, kind: Kind, value: str, at: datetime
) -> tuple[str, datetime] | None:
    """What whoever had this name then changed it to next, and when."""
    row = await tx.one(
        "SELECT new_value, at FROM identity_changes WHERE tenant_id = :tenant_id"
        " AND kind = :kind AND old_value = :value AND at > :at ORDER BY at LIMIT 1",
        tenant_id=tenant_id,
        kind=kind,
        value=value,
        at=to_us(at),
    )
    return (row[0], from_us(row[1])) if row is not None else None


async def forget(tx: Tx, *, tenant_id: int, kind: Kind, values: Iterable[str]) -> None:
    """Every change from or to one of these names."""
    for value in values:
        await tx.run(
            "DELETE FROM identity_changes WHERE tenant_id = :tenant_id AND kind = :kind"
            " AND (old_value = :value OR new_value = :value)",
            tenant_id=tenant_id,
            kind=kind,
            value=value,
        )
