"""By what the operator's key is known again; and whether anything was made with it."""

from kith.domain.secret_key import Mark
from kith.store.database import Tx


async def find(tx: Tx) -> Mark | None:
    row = await tx.one("SELECT salt, digest FROM secret_key WHERE id = 1")
    return Mark(row[0], row[1]) if row is not None else None


async def add(tx: Tx, mark: Mark) -> None:
    """Unless there is one."""
    await tx.run(
        "INSERT INTO secret_key (id, salt, digest) VALUES (1, :salt, :digest)"
        " ON CONFLICT (id) DO NOTHING",
        salt=mark.salt,
        digest=mark.digest,
    )


async def put(tx: Tx, mark: Mark) -> None:
    await tx.run(
        "INSERT INTO secret_key (id, salt, digest) VALUES (1, :salt, :digest)"
        " ON CONFLICT (id) DO UPDATE SET salt = excluded.salt, digest = excluded.digest",
        salt=mark.salt,
        digest=mark.digest,
    )


async def is_used(tx: Tx) -> bool:
    """Whether a workspace keeps hashes, or secrets, that were made with it."""
    for tenant_id, suppression_key in await tx.all("SELECT id, suppression_key FROM tenants"):
        if suppression_key is not None or await tx.one(
            "SELECT 1 FROM connections WHERE tenant_id = :tenant_id AND secrets <> '' LIMIT 1",
            tenant_id=tenant_id,
        ):
            return True
    return False
