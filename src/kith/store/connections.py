"""Connections. They are found by id alone, because the tenant comes from them."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from kith.domain import json
from kith.domain.connections import Connection, System
from kith.domain.times import from_us, from_us_or_none, to_us
from kith.store.database import Row, Tx

LIST_MAX = 1_000
_COLUMNS = "c.id, c.uuid, c.system, c.name, c.config, c.created_at, c.former_until"


class Sealed(msgspec.Struct, frozen=True):
    """A connection with its secrets as they are stored."""

    connection: Connection
    secrets: str
    former_secrets: str | None


async def add(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    system: System,
    name: str,
    config: Mapping[str, object],
    secrets: str,
    at: datetime,
) -> None:
    await tx.run(
        "INSERT INTO connections (tenant_id, uuid, system, name, config, secrets, created_at)"
        " VALUES (:tenant_id, :uuid, :system, :name, :config, :secrets, :at)",
        tenant_id=tenant_id,
        uuid=uuid,
        system=system,
        name=name,
        config=json.encode(config).decode(),
        secrets=secrets,
        at=to_us(at),
    )


async def by_uuid(tx: Tx, uuid: str) -> Sealed | None:
    """Whoever's it is, unless it was removed."""
    row = await tx.one(
        f"SELECT {_COLUMNS}, c.secrets, c.former_secrets, c.tenant_id FROM connections c"
        " WHERE c.uuid = :uuid AND c.removed_at IS NULL",
        uuid=uuid,
    )
    return _sealed(tuple(row)) if row is not None else None


@lru_cache(maxsize=256)
def _sealed(row: Row) -> Sealed:
    """Remembered, because each webhook asks for it."""
    return Sealed(_connection(row, row[9]), row[7], row[8])


async def all_of(tx: Tx, *, tenant_id: int) -> list[Connection]:
    """Those of a workspace that were not removed, oldest first, at most 1,000."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM connections c"
        " WHERE c.tenant_id = :tenant_id AND c.removed_at IS NULL ORDER BY c.id LIMIT :list_max",
        tenant_id=tenant_id,
        list_max=LIST_MAX,
    )
    return [_connection(row, tenant_id) for row in rows]


async def configs(tx: Tx, *, tenant_id: int, system: System) -> list[Mapping[str, Any]]:
    """Of all with this system, also those that were removed; the newest 1,000."""
    rows = await tx.all(
        "SELECT c.config FROM connections c WHERE c.tenant_id = :tenant_id AND c.system = :system"
        " ORDER BY c.id DESC LIMIT :list_max",
        tenant_id=tenant_id,
        system=system,
        list_max=LIST_MAX,
    )
    return [msgspec.json.decode(row[0], type=dict[str, Any]) for row in rows]


async def rotate(
    tx: Tx, *, tenant_id: int, uuid: str, secrets: str, former_secrets: str, until: datetime
) -> None:
    """Put new secrets in force; those of before count until then."""
    await tx.run(
        "UPDATE connections SET secrets = :secrets, former_secrets = :former_secrets,"
        " former_until = :until WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        secrets=secrets,
        former_secrets=former_secrets,
        until=to_us(until),
    )


async def set_up(
    tx: Tx,
    *,
    tenant_id: int,
    uuid: str,
    secrets: str,
    former_secrets: str | None,
    config: Mapping[str, object],
) -> None:
    """Put secrets in place of those in force, without any that are to count on."""
    await tx.run(
        "UPDATE connections SET secrets = :secrets, former_secrets = :former_secrets,"
        " config = :config WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        secrets=secrets,
        former_secrets=former_secrets,
        config=json.encode(config).decode(),
    )


async def set_config(tx: Tx, *, tenant_id: int, uuid: str, config: Mapping[str, object]) -> None:
    await tx.run(
        "UPDATE connections SET config = :config WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        config=json.encode(config).decode(),
    )


async def remove(tx: Tx, *, tenant_id: int, uuid: str, at: datetime) -> None:
    """Its secrets go at once; the row stays for what came in by it."""
    await tx.run(
        "UPDATE connections SET removed_at = :at, secrets = '', former_secrets = NULL,"
        " former_until = NULL WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
        at=to_us(at),
    )


def _connection(row: Row, tenant_id: int) -> Connection:
    config: Mapping[str, Any] = msgspec.json.decode(row[4])
    return Connection(
        row_id=row[0],
        tenant_id=tenant_id,
        id=row[1],
        system=row[2],
        name=row[3],
        config=config,
        created_at=from_us(row[5]),
        former_until=from_us_or_none(row[6]),
    )
