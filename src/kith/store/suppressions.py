"""Keyed hashes of erased numbers and BSUIDs, so that nobody revives who left (row T18.1)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.domain import json
from kith.domain.consent import Withdrawal
from kith.domain.times import from_us, to_us
from kith.store.database import Tx
from kith.store.json_lists import each_text

_NEVER = 0

_EACH = each_text("digests")
_NOTED = {
    engine: f"SELECT s.digest FROM {each} CROSS JOIN suppressions s"
    " WHERE s.tenant_id = :tenant_id AND s.kind = :kind AND s.digest = j.value"
    for engine, each in _EACH.items()
}


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
    tx: Tx,
    *,
    tenant_id: int,
    kind: str,
    digest: str,
    erased_at: datetime | None,
    opted_out_at: datetime | None,
    withdrawals: Sequence[Withdrawal],
) -> None:
    """What an earlier erasure noted stays, unless there is news.

    `withdrawals` are those of the ledger, `opted_out_at` is what the contact showed of them.
    `erased_at` is None of a name that somebody erased has since: nobody was erased under it.
    """
    await tx.run(
        "INSERT INTO suppressions (tenant_id, kind, digest, erased_at, opted_out_at, withdrawals)"
        " VALUES (:tenant_id, :kind, :digest, :erased_at, :opted_out_at, :withdrawals)"
        " ON CONFLICT (tenant_id, kind, digest) DO UPDATE SET erased_at ="
        " CASE WHEN excluded.erased_at > suppressions.erased_at THEN excluded.erased_at"
        " ELSE suppressions.erased_at END,"
        " opted_out_at = COALESCE(excluded.opted_out_at, suppressions.opted_out_at),"
        " withdrawals = CASE excluded.withdrawals WHEN '[]' THEN suppressions.withdrawals"
        " ELSE excluded.withdrawals END",
        tenant_id=tenant_id,
        kind=kind,
        digest=digest,
        erased_at=to_us(erased_at) if erased_at is not None else _NEVER,
        opted_out_at=to_us(opted_out_at) if opted_out_at else None,
        withdrawals=json.encode(withdrawals).decode(),
    )


async def noted(tx: Tx, *, tenant_id: int, kind: str, digests: Sequence[str]) -> set[str]:
    """Which of these hashes are of names that were erased."""
    rows = await tx.all(
        _NOTED[tx.engine], tenant_id=tenant_id, kind=kind, digests=json.encode(digests).decode()
    )
    return {row[0] for row in rows}


async def erased_at(tx: Tx, *, tenant_id: int, kind: str, digest: str) -> datetime | None:
    """When the last of this name was erased."""
    row = await tx.one(
        "SELECT erased_at FROM suppressions"
        " WHERE tenant_id = :tenant_id AND kind = :kind AND digest = :digest",
        tenant_id=tenant_id,
        kind=kind,
        digest=digest,
    )
    return from_us(row[0]) if row is not None and row[0] != _NEVER else None


async def withdrawals(tx: Tx, *, tenant_id: int, kind: str, digest: str) -> list[Withdrawal]:
    """What somebody of an erased name had withdrawn; nothing when nothing, or when nobody was."""
    row = await tx.one(
        "SELECT opted_out_at, withdrawals FROM suppressions"
        " WHERE tenant_id = :tenant_id AND kind = :kind AND digest = :digest",
        tenant_id=tenant_id,
        kind=kind,
        digest=digest,
    )
    if row is None:
        return []
    noted = msgspec.json.decode(row[1], type=list[Withdrawal])
    is_told = any((one.channel, one.purpose) == ("whatsapp", "marketing") for one in noted)
    if row[0] is not None and not is_told:  # erased before there was a ledger
        noted.append(
            Withdrawal(
                channel="whatsapp",
                purpose="marketing",
                at=from_us(row[0]),
                source="import",
                method="platform",
            )
        )
    return noted
