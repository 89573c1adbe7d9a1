"""Templates and their translations."""

from collections.abc import Iterable
from datetime import datetime

from kith.domain import json, templates
from kith.domain.templates import Status, Template, Told, Translation
from kith.domain.times import from_us, to_us
from kith.store.database import Row, Tx

LIST_MAX = 10_000
"""Translations of a workspace that are read at once."""

_SELECT = (
    "SELECT t.uuid, t.name, t.created_at, l.account_id, l.language, l.status, l.category,"
    " l.components, l.is_named FROM templates t"
    " JOIN template_translations l ON l.tenant_id = t.tenant_id AND l.template_uuid = t.uuid"
    " WHERE t.tenant_id = :tenant_id"
)
_ORDER = " ORDER BY t.name, t.uuid, l.position, l.account_id, l.language LIMIT :rows_max"


async def all_of(tx: Tx, *, tenant_id: int) -> list[Template]:
    """By name."""
    rows = await tx.all(_SELECT + _ORDER, tenant_id=tenant_id, rows_max=LIST_MAX)
    return _templates(rows)


async def by_uuid(tx: Tx, *, tenant_id: int, uuid: str) -> Template | None:
    rows = await tx.all(
        f"{_SELECT} AND t.uuid = :uuid{_ORDER}", tenant_id=tenant_id, uuid=uuid, rows_max=LIST_MAX
    )
    return next(iter(_templates(rows)), None)


async def names(tx: Tx, *, tenant_id: int) -> dict[str, str]:
    """The id of each template by its name."""
    rows = await tx.all(
        "SELECT name, uuid FROM templates WHERE tenant_id = :tenant_id LIMIT :rows_max",
        tenant_id=tenant_id,
        rows_max=LIST_MAX,
    )
    return {row[0]: row[1] for row in rows}


async def add(tx: Tx, *, tenant_id: int, uuid: str, name: str, at: datetime) -> None:
    await tx.run(
        "INSERT INTO templates (tenant_id, uuid, name, created_at)"
        " VALUES (:tenant_id, :uuid, :name, :at)",
        tenant_id=tenant_id,
        uuid=uuid,
        name=name,
        at=to_us(at),
    )


async def put(
    tx: Tx, *, tenant_id: int, template_uuid: str, told: Told, position: int, at: datetime
) -> None:
    """A translation as it is now."""
    one = told.translation
    await tx.run(
        "INSERT INTO template_translations (tenant_id, template_uuid, account_id, language,"
        " position, status, category, components, is_named, synced_at)"
        " VALUES (:tenant_id, :template_uuid, :account_id, :language, :position, :status,"
        " :category, :components, :is_named, :at)"
        " ON CONFLICT (tenant_id, template_uuid, account_id, language) DO UPDATE SET"
        " position = excluded.position, status = excluded.status, category = excluded.category,"
        " components = excluded.components, is_named = excluded.is_named,"
        " synced_at = excluded.synced_at",
        tenant_id=tenant_id,
        template_uuid=template_uuid,
        account_id=one.account_id,
        language=one.language,
        position=position,
        status=one.status,
        category=one.category,
        components=json.encode(told.components).decode(),
        is_named=int(one.is_named),
        at=to_us(at),
    )


async def forget_untold(tx: Tx, *, tenant_id: int, account_id: str, at: datetime) -> None:
    """The account's translations that were not told at this time, and templates without any."""
    await tx.run(
        "DELETE FROM template_translations WHERE tenant_id = :tenant_id"
        " AND account_id = :account_id AND synced_at <> :at",
        tenant_id=tenant_id,
        account_id=account_id,
        at=to_us(at),
    )
    await tx.run(
        "DELETE FROM templates AS t WHERE t.tenant_id = :tenant_id AND t.uuid NOT IN"
        " (SELECT l.template_uuid FROM template_translations l WHERE l.tenant_id = :tenant_id)",
        tenant_id=tenant_id,
    )


def of_status(found: Iterable[Template], status: Status | None) -> list[Template]:
    return [one for one in found if status is None or one.status == status]


def _templates(rows: Iterable[Row]) -> list[Template]:
    """Rows of one template stand together."""
    found: dict[str, tuple[str, datetime, list[Translation]]] = {}
    for uuid, name, created_at, *translated in rows:
        found.setdefault(uuid, (name, from_us(created_at), []))[2].append(_translation(*translated))
    return [
        Template(id=uuid, name=name, created_at=created_at, translations=tuple(translations))
        for uuid, (name, created_at, translations) in found.items()
    ]


def _translation(
    account_id: str,
    language: str,
    status: Status,
    category: templates.Category,
    components: str,
    is_named: int,
) -> Translation:
    listed = json.decode(components.encode())
    return Translation(
        account_id=account_id,
        language=language,
        status=status,
        category=category,
        parts=templates.parts_of(listed if isinstance(listed, list) else ()),
        is_named=bool(is_named),
    )
