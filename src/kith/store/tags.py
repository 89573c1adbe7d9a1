"""Tags and which contacts carry them; `contacts.tags` is the projection of these rows."""

from datetime import datetime

from kith.domain.times import to_us
from kith.store.database import Tx


async def id_of(tx: Tx, *, tenant_id: int, name: str, new_uuid: str, at: datetime) -> int:
    """The tag's row id; the tag is made when it is new."""
    row = await tx.one(
        "SELECT id FROM tags WHERE tenant_id = :tenant_id AND name = :name",
        tenant_id=tenant_id,
        name=name,
    )
    if row is None:
        row = await tx.one(
            "INSERT INTO tags (tenant_id, uuid, name, created_at)"
            " VALUES (:tenant_id, :uuid, :name, :at) RETURNING id",
            tenant_id=tenant_id,
            uuid=new_uuid,
            name=name,
            at=to_us(at),
        )
    assert row is not None
    return int(row[0])


async def lowest_position(tx: Tx, *, tenant_id: int, contact_row_id: int) -> int:
    row = await tx.one(
        "SELECT COALESCE(MIN(position), 0) FROM contact_tags"
        " WHERE tenant_id = :tenant_id AND contact_id = :contact_id",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return int(row[0]) if row else 0


async def link(
    tx: Tx, *, tenant_id: int, contact_row_id: int, tag_id: int, position: int, at: datetime
) -> None:
    await tx.run(
        "INSERT INTO contact_tags (tenant_id, contact_id, tag_id, position, added_at)"
        " VALUES (:tenant_id, :contact_id, :tag_id, :position, :at)",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        tag_id=tag_id,
        position=position,
        at=to_us(at),
    )
