"""Keyed hashes of erased numbers, so that nobody revives who left (row T18.1)."""

from datetime import datetime

from kith.domain.times import from_us, to_us
from kith.store.database import Tx


async def key_of(tx: Tx, *, tenant_id: int) -> str | None:
    """The workspace's own key; None before its first erasure."""
    row = await tx.one(
        "SELECT suppression_key FROM tenants WHERE id = :tenant_id", tenant_id=tenant_id
    )
    return row[0] if row else None


async def set_key(tx: Tx, *, tenant_id: int, key: str) -> None:
    await tx.run(
        "UPDATE tenants SET suppression_key = :key WHERE id = :tenant_id",
        tenant_id=tenant_id,
        key=key,
    )


async def add(
    tx: Tx, *, tenant_id: int, digest: str, erased_at: datetime, opted_out_at: datetime | None
) -> None:
    """An opt-out noted by an earlier erasure stays."""
    await tx.run(
        "INSERT INTO suppressions (tenant_id, kind, digest, erased_at, opted_out_at)"
        " VALUES (:tenant_id, 'phone', :digest, :erased_at, :opted_out_at)"
        " ON CONFLICT (tenant_id, kind, digest) DO UPDATE SET erased_at = excluded.erased_at,"
        " opted_out_at = COALESCE(excluded.opted_out_at, suppressions.opted_out_at)",
        tenant_id=tenant_id,
        digest=digest,
        erased_at=to_us(erased_at),
        opted_out_at=to_us(opted_out_at) if opted_out_at else None,
    )


async def opted_out_at(tx: Tx, *, tenant_id: int, digest: str) -> datetime | None:
    """When an erased number had withdrawn, None when it had not or was never erased."""
    row = await tx.one(
        "SELECT opted_out_at FROM suppressions"
        " WHERE tenant_id = :tenant_id AND kind = 'phone' AND digest = :digest",
        tenant_id=tenant_id,
        digest=digest,
    )
    return from_us(row[0]) if row and row[0] is not None else None
