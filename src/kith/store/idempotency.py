"""The first answers to calls with an Idempotency-Key, each in the transaction of its effect."""

from datetime import datetime

import msgspec

from kith.domain.idempotency import Kept, KeptAnswer
from kith.domain.times import from_us, to_us
from kith.store.database import Tx


async def find(
    tx: Tx, *, tenant_id: int, action: str, key: str, since: datetime
) -> tuple[str, Kept] | None:
    """The digest of the first body, and its answer, when it was given at `since` or later."""
    row = await tx.one(
        "SELECT body_digest, status, answer, etag, contact_uuid FROM idempotency_keys"
        " WHERE tenant_id = :tenant_id AND action = :action AND key = :key"
        " AND created_at >= :since",
        tenant_id=tenant_id,
        action=action,
        key=key,
        since=to_us(since),
    )
    if row is None:
        return None
    digest, status, answer, etag, contact_id = row
    return digest, Kept(status=status, body=answer.encode(), etag=etag, contact_id=contact_id)


async def add(
    tx: Tx, *, tenant_id: int, action: str, key: str, body_digest: str, kept: Kept, at: datetime
) -> None:
    await tx.run(
        "INSERT INTO idempotency_keys (tenant_id, action, key, body_digest, status, answer, etag,"
        " contact_uuid, other_uuid, created_at) VALUES (:tenant_id, :action, :key, :body_digest,"
        " :status, :answer, :etag, :contact_uuid, :other_uuid, :at)",
        tenant_id=tenant_id,
        action=action,
        key=key,
        body_digest=body_digest,
        status=kept.status,
        answer=kept.body.decode(),
        etag=kept.etag,
        contact_uuid=kept.contact_id,
        other_uuid=kept.other_id,
        at=to_us(at),
    )


async def of_contact(
    tx: Tx, *, tenant_id: int, contact_uuid: str, rows_max: int
) -> list[KeptAnswer]:
    """The answers that tell about a contact, newest first; those about two are shown to neither."""
    rows = await tx.all(
        "SELECT action, key, created_at, answer, other_uuid FROM idempotency_keys"
        " WHERE tenant_id = :tenant_id"
        " AND (contact_uuid = :contact_uuid OR other_uuid = :contact_uuid)"
        " ORDER BY created_at DESC, action, key LIMIT :rows_max",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        rows_max=rows_max,
    )
    return [
        KeptAnswer(
            action=action,
            key=key if other is None else None,
            at=from_us(created_at),
            answer=msgspec.Raw(answer) if other is None else None,
        )
        for action, key, created_at, answer, other in rows
    ]


async def forget_between(
    tx: Tx, *, tenant_id: int, contact_uuid: str, since: int, until: int
) -> None:
    """The answers about a contact of a time: microseconds since 1970, both included."""
    await tx.run(
        "DELETE FROM idempotency_keys WHERE tenant_id = :tenant_id"
        " AND (contact_uuid = :contact_uuid OR other_uuid = :contact_uuid)"
        " AND created_at >= :since AND created_at <= :until",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        since=since,
        until=until,
    )


async def name_other(
    tx: Tx, *, tenant_id: int, contact_uuid: str, other_uuid: str, since: datetime
) -> None:
    """What was answered about a contact while another lived in it tells about both."""
    await tx.run(
        "UPDATE idempotency_keys SET other_uuid = :other_uuid WHERE tenant_id = :tenant_id"
        " AND contact_uuid = :contact_uuid AND other_uuid IS NULL AND created_at >= :since",
        tenant_id=tenant_id,
        contact_uuid=contact_uuid,
        other_uuid=other_uuid,
        since=to_us(since),
    )


async def forget_older(tx: Tx, *, tenant_id: int, than: datetime) -> None:
    """Keys that may be used anew; each call with one sweeps its workspace."""
    await tx.run(
        "DELETE FROM idempotency_keys WHERE tenant_id = :tenant_id AND created_at < :than",
        tenant_id=tenant_id,
        than=to_us(than),
    )


async def finish(tx: Tx, *, tenant_id: int, action: str, key: str, kept: Kept) -> None:
    """The answer of a call that had none when it was kept."""
    await tx.run(
        "UPDATE idempotency_keys SET status = :status, answer = :answer"
        " WHERE tenant_id = :tenant_id AND action = :action AND key = :key",
        tenant_id=tenant_id,
        action=action,
        key=key,
        status=kept.status,
        answer=kept.body.decode(),
    )
