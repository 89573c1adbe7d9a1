"""Tags and which contacts carry them; `contacts.tags` is the projection of these rows."""

from collections.abc import Callable, Iterable
from datetime import datetime

from kith.domain import json, search
from kith.domain.tags import Link, Tag
from kith.domain.times import from_us, to_us
from kith.store.database import Engine, Tx
from kith.store.json_lists import each_list

LIST_MAX = 1_000

_EACH = each_list("given")
_EACH_NAME: dict[Engine, str] = {
    "sqlite": "json_each(:names) j",
    "postgres": "json_array_elements_text(CAST(:names AS JSON)) WITH ORDINALITY j (value, key)",
}
_ENSURE = {
    engine: "INSERT INTO tags (tenant_id, uuid, name, name_key, created_at)"
    " SELECT :tenant_id, j.value->>0, j.value->>1, j.value->>2, :at"
    f" FROM {each} WHERE TRUE ON CONFLICT (tenant_id, name) DO NOTHING"
    for engine, each in _EACH.items()
}
# The lowest position is shown first.
_LINK = {
    engine: "INSERT INTO contact_tags (tenant_id, contact_id, tag_id, position, added_at)"
    " SELECT :tenant_id, :contact_id, t.id, j.key - 1 - :count"
    " + (SELECT COALESCE(MIN(x.position), 0) FROM contact_tags x"
    " WHERE x.tenant_id = :tenant_id AND x.contact_id = :contact_id), :at"
    f" FROM {each} CROSS JOIN tags t WHERE t.tenant_id = :tenant_id AND t.name = j.value"
    " ON CONFLICT (tenant_id, contact_id, tag_id) DO UPDATE SET position = excluded.position"
    for engine, each in _EACH_NAME.items()
}
# What most callers want, and it costs half of the above.
_LINK_ONE = (
    "INSERT INTO contact_tags (tenant_id, contact_id, tag_id, position, added_at)"
    " VALUES (:tenant_id, :contact_id, :tag_id,"
    " (SELECT COALESCE(MIN(x.position), 0) - 1 FROM contact_tags x"
    " WHERE x.tenant_id = :tenant_id AND x.contact_id = :contact_id), :at)"
    " ON CONFLICT (tenant_id, contact_id, tag_id) DO UPDATE SET position = excluded.position"
)
_UNLINK_OTHERS = {
    engine: "DELETE FROM contact_tags AS x"
    " WHERE x.tenant_id = :tenant_id AND x.contact_id = :contact_id"
    f" AND x.tag_id NOT IN (SELECT t.id FROM {each}"
    " CROSS JOIN tags t WHERE t.tenant_id = :tenant_id AND t.name = j.value)"
    for engine, each in _EACH_NAME.items()
}
_CONTAINS: dict[Engine, str] = {
    "sqlite": "instr(t.name_key, :contains) > 0",
    "postgres": "strpos(t.name_key, :contains) > 0",
}
_LIST = {
    engine: "SELECT t.uuid, t.name, (SELECT COUNT(*) FROM contact_tags x"
    " WHERE x.tenant_id = :tenant_id AND x.tag_id = t.id), t.created_at"
    " FROM tags t WHERE t.tenant_id = :tenant_id"
    f" AND (CAST(:contains AS TEXT) IS NULL OR {contains})"
    " ORDER BY t.name_key, t.uuid LIMIT :list_max"
    for engine, contains in _CONTAINS.items()
}


async def ensure(
    tx: Tx, *, tenant_id: int, names: Iterable[str], new_id: Callable[[], str], at: datetime
) -> None:
    """Make those of the tags that are new."""
    given = [(new_id(), name, search.fold(name)) for name in names]
    await tx.run(
        _ENSURE[tx.engine], tenant_id=tenant_id, given=json.encode(given).decode(), at=to_us(at)
    )


async def link(
    tx: Tx,
    *,
    tenant_id: int,
    contact_row_id: int,
    names: tuple[str, ...],
    at: datetime,
) -> None:
    """Tag the contact, above what it carries; the tags exist.

    Those it carries keep their time and take the new place.
    """
    await tx.run(
        _LINK[tx.engine],
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        names=json.encode(names).decode(),
        count=len(names),
        at=to_us(at),
    )


async def link_one(
    tx: Tx, *, tenant_id: int, contact_row_id: int, tag_row_id: int, at: datetime
) -> None:
    """As `link`, with the tag that has this row id."""
    await tx.run(
        _LINK_ONE,
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        tag_id=tag_row_id,
        at=to_us(at),
    )


async def unlink_others(
    tx: Tx, *, tenant_id: int, contact_row_id: int, names: tuple[str, ...]
) -> None:
    """Take every tag from the contact but these."""
    await tx.run(
        _UNLINK_OTHERS[tx.engine],
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        names=json.encode(names).decode(),
    )


async def unlink(tx: Tx, *, tenant_id: int, contact_row_id: int, name: str) -> None:
    await tx.run(
        "DELETE FROM contact_tags AS x WHERE x.tenant_id = :tenant_id"
        " AND x.contact_id = :contact_id AND x.tag_id IN (SELECT t.id FROM tags t"
        " WHERE t.tenant_id = :tenant_id AND t.name = :name)",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        name=name,
    )


async def forget_unused(tx: Tx, *, tenant_id: int, since: datetime, until: datetime) -> None:
    """Remove tags that were made in this time and nobody carries."""
    await tx.run(
        "DELETE FROM tags AS t WHERE t.tenant_id = :tenant_id AND t.created_at >= :since"
        " AND t.created_at <= :until AND NOT EXISTS (SELECT 1 FROM contact_tags x"
        " WHERE x.tenant_id = :tenant_id AND x.tag_id = t.id)",
        tenant_id=tenant_id,
        since=to_us(since),
        until=to_us(until),
    )


async def id_of(tx: Tx, *, tenant_id: int, name: str) -> int | None:
    """The row id of the tag; None when the workspace has none of this name."""
    row = await tx.one(
        "SELECT id FROM tags WHERE tenant_id = :tenant_id AND name = :name",
        tenant_id=tenant_id,
        name=name,
    )
    return int(row[0]) if row else None


async def of_contact(tx: Tx, *, tenant_id: int, contact_uuid: str) -> list[Link]:
    """In the order shown; a contact carries few (`domain.tags.PER_CONTACT_MAX`)."""
    rows = await tx.all(
        "SELECT t.uuid, t.name, x.added_at FROM contacts c"
        " JOIN contact_tags x ON x.tenant_id = c.tenant_id AND x.contact_id = c.id"
        " JOIN tags t ON t.tenant_id = x.tenant_id AND t.id = x.tag_id"
        " WHERE c.tenant_id = :tenant_id AND c.uuid = :uuid ORDER BY x.position",
        tenant_id=tenant_id,
        uuid=contact_uuid,
    )
    return [Link(id=row[0], name=row[1], added_at=from_us(row[2])) for row in rows]


async def list_all(tx: Tx, *, tenant_id: int, contains: str | None) -> list[Tag]:
    """By name without case, at most 1,000; `contains` has its case folded."""
    rows = await tx.all(_LIST[tx.engine], tenant_id=tenant_id, contains=contains, list_max=LIST_MAX)
    return [
        Tag(id=row[0], name=row[1], contacts_count=row[2], created_at=from_us(row[3]))
        for row in rows
    ]
