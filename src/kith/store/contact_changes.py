"""When contacts changed: at the end of a table on SQLite, where an index costs a page a change.

PostgreSQL has the index (docs/decisions/0018).
"""

from datetime import datetime

from kith.domain import ids
from kith.domain.times import to_us
from kith.store.database import Tx

_NOTE = (
    "INSERT INTO contact_changes (tenant_id, at, contact_id)"
    " VALUES (:tenant_id, :at, :row_id) ON CONFLICT DO NOTHING"
)
_NOTE_NEW = (
    "INSERT INTO contact_changes (tenant_id, at, contact_id)"
    " SELECT c.tenant_id, c.updated_at, c.id FROM contacts c WHERE c.tenant_id = :tenant_id"
    " AND c.uuid >= :first AND c.uuid <= :last AND c.updated_at <> c.created_at"
    " ON CONFLICT DO NOTHING"
)
_CHANGED = (
    "SELECT DISTINCT h.contact_id FROM contact_changes h WHERE h.tenant_id = :tenant_id"
    " AND h.at > :since LIMIT :rows_max"
)
_CAME = (
    "SELECT n.id FROM contacts n WHERE n.tenant_id = :tenant_id AND n.uuid > :after LIMIT :rows_max"
)


async def note(tx: Tx, *, tenant_id: int, row_id: int, at: datetime) -> None:
    """To be called with every write of `updated_at`, but of a contact as old as that."""
    if tx.engine == "sqlite":
        await tx.run(_NOTE, tenant_id=tenant_id, row_id=row_id, at=to_us(at))


async def note_new(tx: Tx, *, tenant_id: int, first: str, last: str) -> None:
    """As `note`, for contacts that came with ids of this range, both ends included."""
    if tx.engine == "sqlite":
        await tx.run(_NOTE_NEW, tenant_id=tenant_id, first=first, last=last)


async def since(tx: Tx, *, tenant_id: int, after: datetime, rows_max: int) -> set[int]:
    """Row ids of all that changed or came after that time, and of some others.

    SQLite only. `rows_max` or more: there may be more than these.
    """
    given = {"tenant_id": tenant_id, "rows_max": rows_max}
    changed = await tx.all(_CHANGED, **given, since=to_us(after))
    # Who never changed is as old as its id, or younger.
    came = await tx.all(_CAME, **given, after=ids.before_any_of(after))
    return {row[0] for row in (*changed, *came)}
