"""Which file belongs to which message. The files themselves lie in `store/files.py`."""

from datetime import datetime

from kith.domain.media import File
from kith.domain.times import to_us
from kith.store.database import Tx


async def add(tx: Tx, *, tenant_id: int, message_row_id: int, file: File, at: datetime) -> None:
    """One that is there stays."""
    await tx.run(
        "INSERT INTO media (tenant_id, message_id, sha256, mime_type, bytes, fetched_at)"
        " VALUES (:tenant_id, :message_id, :sha256, :mime_type, :bytes, :at)"
        " ON CONFLICT (tenant_id, message_id) DO NOTHING",
        tenant_id=tenant_id,
        message_id=message_row_id,
        sha256=file.sha256,
        mime_type=file.mime_type,
        bytes=file.size,
        at=to_us(at),
    )


async def of_message(tx: Tx, *, tenant_id: int, uuid: str, folder: str) -> File | None:
    """`folder` is that of the workspace."""
    row = await tx.one(
        "SELECT f.sha256, f.mime_type, f.bytes FROM messages m"
        " JOIN media f ON f.tenant_id = m.tenant_id AND f.message_id = m.id"
        " WHERE m.tenant_id = :tenant_id AND m.uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )
    if row is None:
        return None
    return File(folder=folder, sha256=row[0], mime_type=row[1], size=row[2])


async def of_contact(tx: Tx, *, tenant_id: int, contact_row_id: int) -> list[str]:
    """The digests of all files of the contact's messages."""
    rows = await tx.all(
        "SELECT DISTINCT f.sha256 FROM messages m"
        " JOIN media f ON f.tenant_id = m.tenant_id AND f.message_id = m.id"
        " WHERE m.tenant_id = :tenant_id AND m.contact_id = :contact_id",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return [row[0] for row in rows]


async def remove(tx: Tx, *, tenant_id: int, message_row_id: int) -> str | None:
    """The digest of what the message had."""
    row = await tx.one(
        "DELETE FROM media WHERE tenant_id = :tenant_id AND message_id = :message_id"
        " RETURNING sha256",
        tenant_id=tenant_id,
        message_id=message_row_id,
    )
    return row[0] if row is not None else None


async def is_used(tx: Tx, *, tenant_id: int, sha256: str) -> bool:
    row = await tx.one(
        "SELECT 1 FROM media WHERE tenant_id = :tenant_id AND sha256 = :sha256 LIMIT 1",
        tenant_id=tenant_id,
        sha256=sha256,
    )
    return row is not None
