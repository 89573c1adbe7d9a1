"""Workspaces."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.domain import json
from kith.domain.phone import Region
from kith.domain.times import to_us
from kith.store.database import Row, Tx


class Settings(msgspec.Struct, frozen=True):
    """What a workspace says of itself."""

    default_region: Region | None
    window_margin_s: int
    opts_in_new: bool


async def add(tx: Tx, *, uuid: str, name: str, at: datetime) -> int:
    row = await tx.one(
        "INSERT INTO tenants (uuid, name, created_at) VALUES (:uuid, :name, :at) RETURNING id",
        uuid=uuid,
        name=name,
        at=to_us(at),
    )
    assert row is not None
    return int(row[0])


async def by_id(tx: Tx, *, tenant_id: int) -> tuple[str, str]:
    """`(uuid, name)`."""
    row = await tx.one("SELECT uuid, name FROM tenants WHERE id = :tenant_id", tenant_id=tenant_id)
    assert row is not None
    return row[0], row[1]


async def by_uuid(tx: Tx, uuid: str) -> Row | None:
    """`(id, uuid, name)`."""
    return await tx.one("SELECT id, uuid, name FROM tenants WHERE uuid = :uuid", uuid=uuid)


async def by_name(tx: Tx, name: str) -> list[Row]:
    """`(id, uuid, name)` of every workspace so called, oldest first, at most 10."""
    return list(
        await tx.all(
            "SELECT id, uuid, name FROM tenants WHERE name = :name ORDER BY id LIMIT 10", name=name
        )
    )


async def oldest(tx: Tx, *, rows_max: int) -> list[Row]:
    """For the operator's command line only: `(id, uuid, name)`, oldest first."""
    return list(
        await tx.all(
            "SELECT id, uuid, name FROM tenants ORDER BY id LIMIT :rows_max", rows_max=rows_max
        )
    )


async def ids_after(tx: Tx, *, after: int, rows_max: int) -> list[int]:
    """For the worker only: the workspaces with higher numbers, lowest first."""
    rows = await tx.all(
        "SELECT id FROM tenants WHERE id > :after ORDER BY id LIMIT :rows_max",
        after=after,
        rows_max=rows_max,
    )
    return [row[0] for row in rows]


async def words(tx: Tx, *, tenant_id: int) -> tuple[list[str], list[str]]:
    """The words that the workspace adds to those by which people opt out, and in again."""
    row = await tx.one(
        "SELECT stop_words, start_words FROM tenants WHERE id = :tenant_id", tenant_id=tenant_id
    )
    assert row is not None
    return _listed(row[0]), _listed(row[1])


async def set_words(
    tx: Tx, *, tenant_id: int, stop_words: Sequence[str], start_words: Sequence[str]
) -> None:
    await tx.run(
        "UPDATE tenants SET stop_words = :stop_words, start_words = :start_words"
        " WHERE id = :tenant_id",
        tenant_id=tenant_id,
        stop_words=json.encode(stop_words).decode(),
        start_words=json.encode(start_words).decode(),
    )


def _listed(text: str) -> list[str]:
    return msgspec.json.decode(text, type=list[str])


async def default_region(tx: Tx, *, tenant_id: int) -> Region | None:
    """Where the workspace's phones are typed; None when that was never said."""
    row = await tx.one(
        "SELECT default_region FROM tenants WHERE id = :tenant_id", tenant_id=tenant_id
    )
    return Region(row[0]) if row and row[0] else None


async def settings_of(tx: Tx, *, tenant_id: int) -> Settings:
    row = await tx.one(
        "SELECT default_region, window_margin_s, opts_in_new FROM tenants WHERE id = :tenant_id",
        tenant_id=tenant_id,
    )
    assert row is not None
    return Settings(Region(row[0]) if row[0] else None, row[1], bool(row[2]))


async def set_settings(tx: Tx, *, tenant_id: int, settings: Settings) -> None:
    await tx.run(
        "UPDATE tenants SET default_region = :region, window_margin_s = :window_margin_s,"
        " opts_in_new = :opts_in_new WHERE id = :tenant_id",
        tenant_id=tenant_id,
        region=settings.default_region,
        window_margin_s=settings.window_margin_s,
        opts_in_new=int(settings.opts_in_new),
    )
