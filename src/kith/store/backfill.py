"""What a migration fills in with a rule of Python's, in the migration's own transaction."""

from collections.abc import Awaitable, Callable

from kith.domain import idempotency, search
from kith.store import consent, contact_search
from kith.store.database import Tx

ROWS = 5_000
CONSENT_ROWS = 20_000
CONSENT_NOTE = (
    "Held before the ledger was kept, without proof; the time it was recorded is that of the"
    " contact's last change before."
)

# One by one: SQLite would plan an UPDATE ... FROM as a walk over all contacts for each new key.
_KEY_CONTACT = "UPDATE contacts SET search_key = :key WHERE tenant_id = :tenant_id AND id = :row_id"
_KEY_TAG = "UPDATE tags SET name_key = :key WHERE tenant_id = :tenant_id AND id = :row_id"


async def search_keys(tx: Tx, _: str) -> None:
    """Of every contact and tag whose key is not what it would be today."""
    for (tenant_id,) in await tx.all("SELECT id FROM tenants ORDER BY id"):
        await _contacts(tx, tenant_id)
        await _tags(tx, tenant_id)


async def _contacts(tx: Tx, tenant_id: int) -> None:
    last = 0
    while True:
        rows = await tx.all(
            "SELECT id, name, phone, email, search_key FROM contacts WHERE tenant_id = :tenant_id"
            " AND id > :last ORDER BY id LIMIT :rows_max",
            tenant_id=tenant_id,
            last=last,
            rows_max=ROWS,
        )
        if not rows:
            return
        for row_id, name, phone, email, known in rows:
            key = search.key(name=name, phone=phone, email=email)
            if key == known:
                continue
            # Blank before there was an index: it holds nothing of those.
            await contact_search.note(tx, tenant_id=tenant_id, row_id=row_id, old_key=known or None)
            await tx.run(_KEY_CONTACT, tenant_id=tenant_id, row_id=row_id, key=key)
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
        for row_id, name in rows:
            key = search.fold(name)
            await tx.run(_KEY_TAG, tenant_id=tenant_id, row_id=row_id, key=key)
        last = rows[-1][0]


async def consent_ledger(tx: Tx, _: str) -> None:
    """Of every contact that carries consent, so many at once that each statement stays short."""
    for (tenant_id,) in await tx.all("SELECT id FROM tenants ORDER BY id"):
        last = ""
        while found := await tx.all(
            "SELECT MIN(n.uuid), MAX(n.uuid) FROM (SELECT uuid FROM contacts"
            " WHERE tenant_id = :tenant_id AND uuid > :last ORDER BY uuid LIMIT :rows_max) n"
            " HAVING COUNT(*) > 0",
            tenant_id=tenant_id,
            last=last,
            rows_max=CONSENT_ROWS,
        ):
            [(first, last)] = found
            await consent.fill(tx, tenant_id=tenant_id, first=first, last=last, note=CONSENT_NOTE)


async def erasure_keys(tx: Tx, secret_key: str) -> None:
    """The Idempotency-Key of an erasure may name whom it erased; api/repeats.py hashes it, too."""
    for (tenant_id,) in await tx.all("SELECT id FROM tenants ORDER BY id"):
        rows = await tx.all(
            "SELECT key FROM idempotency_keys WHERE tenant_id = :tenant_id"
            " AND action = 'delete-contact'",
            tenant_id=tenant_id,
        )
        for (key,) in rows:
            await tx.run(
                "UPDATE idempotency_keys SET key = :digest WHERE tenant_id = :tenant_id"
                " AND action = 'delete-contact' AND key = :key",
                tenant_id=tenant_id,
                key=key,
                digest=idempotency.digest(key.encode(), secret_key=secret_key),
            )


AFTER_MIGRATION: dict[int, Callable[[Tx, str], Awaitable[None]]] = {
    2: search_keys,
    4: consent_ledger,
    22: search_keys,
    23: erasure_keys,
}
"""Each is given KITH_SECRET_KEY, too."""
