"""What a migration fills in with a rule of Python's, in the migration's own transaction."""

from collections.abc import Awaitable, Callable

from kith.domain import json, search
from kith.store.database import Engine, Tx

ROWS = 5_000

_EACH: dict[Engine, str] = {
    "sqlite": "json_each(:given) j",
    "postgres": "json_array_elements(CAST(:given AS JSON)) j (value)",
}
_KEY_CONTACTS = {
    engine: f"UPDATE contacts SET search_key = j.value->>1 FROM {each}"
    " WHERE tenant_id = :tenant_id AND contacts.id = CAST(j.value->>0 AS BIGINT)"
    for engine, each in _EACH.items()
}
_KEY_TAGS = {
    engine: f"UPDATE tags SET name_key = j.value->>1 FROM {each}"
    " WHERE tenant_id = :tenant_id AND tags.id = CAST(j.value->>0 AS BIGINT)"
    for engine, each in _EACH.items()
}


async def search_keys(tx: Tx) -> None:
    """Of every contact and tag there is."""
    for (tenant_id,) in await tx.all("SELECT id FROM tenants ORDER BY id"):
        await _contacts(tx, tenant_id)
        await _tags(tx, tenant_id)
        if tx.engine == "sqlite":
            await tx.run(
                "INSERT INTO contact_search_pending (tenant_id, id, is_erased)"
                " SELECT tenant_id, id, 0 FROM contacts WHERE tenant_id = :tenant_id",
                tenant_id=tenant_id,
            )


async def _contacts(tx: Tx, tenant_id: int) -> None:
    last = 0
    while True:
        rows = await tx.all(
            "SELECT id, name, phone, email FROM contacts WHERE tenant_id = :tenant_id"
            " AND id > :last ORDER BY id LIMIT :rows_max",
            tenant_id=tenant_id,
            last=last,
            rows_max=ROWS,
        )
        if not rows:
            return
        keys = [
            (row_id, search.key(name=name, phone=phone, email=email))
            for row_id, name, phone, email in rows
        ]
        given = json.encode(keys).decode()
        await tx.run(_KEY_CONTACTS[tx.engine], tenant_id=tenant_id, given=given)
        last = rows[-1][0]


async def _tags(tx: Tx, tenant_id: int) -> None:
    last = 0
    while True:
        rows = await tx.all(
            "SELECT id, name FROM tags WHERE tenant_id = :tenant_id AND id > :last"
            " ORDER BY id LIMIT :rows_max",
            tenant_id=tenant_id,
            last=last,
            rows_max=ROWS,
        )
        if not rows:
            return
        given = json.encode([(row_id, search.fold(name)) for row_id, name in rows]).decode()
        await tx.run(_KEY_TAGS[tx.engine], tenant_id=tenant_id, given=given)
        last = rows[-1][0]


AFTER_MIGRATION: dict[int, Callable[[Tx], Awaitable[None]]] = {2: search_keys}
