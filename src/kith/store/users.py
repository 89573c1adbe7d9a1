"""People who may sign in. A user's workspace is where the tenant of every request comes from."""

from datetime import datetime

from kith.domain.times import to_us
from kith.domain.users import User
from kith.store.database import Row, Tx

LIST_MAX = 1_000
_COLUMNS = (
    "u.id, u.tenant_id, u.email, u.name, t.uuid, t.name, u.revoked_at"
    " FROM users u LEFT JOIN tenants t ON t.id = u.tenant_id"
)


async def add(
    tx: Tx, *, tenant_id: int | None, email: str, email_key: str, name: str | None, at: datetime
) -> int:
    row = await tx.one(
        "INSERT INTO users (tenant_id, email, email_key, name, created_at)"
        " VALUES (:tenant_id, :email, :email_key, :name, :at) RETURNING id",
        tenant_id=tenant_id,
        email=email,
        email_key=email_key,
        name=name,
        at=to_us(at),
    )
    assert row is not None
    return int(row[0])


async def by_id(tx: Tx, user_id: int) -> User | None:
    return _user(await tx.one(f"SELECT {_COLUMNS} WHERE u.id = :user_id", user_id=user_id))


async def by_email(tx: Tx, *, tenant_id: int, email_key: str) -> User | None:
    return _user(
        await tx.one(
            f"SELECT {_COLUMNS} WHERE u.tenant_id = :tenant_id AND u.email_key = :email_key",
            tenant_id=tenant_id,
            email_key=email_key,
        )
    )


async def everywhere_by_email(tx: Tx, email_key: str) -> list[User]:
    """For the operator's command line only: in every workspace, at most 10."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} WHERE u.email_key = :email_key ORDER BY u.id LIMIT 10",
        email_key=email_key,
    )
    return [user for row in rows if (user := _user(row))]


async def all_of(tx: Tx, tenant_id: int | None) -> list[User]:
    """For the operator's command line only: of one workspace or of all, oldest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} WHERE CAST(:tenant_id AS BIGINT) IS NULL OR u.tenant_id = :tenant_id"
        " ORDER BY u.id LIMIT :list_max",
        tenant_id=tenant_id,
        list_max=LIST_MAX,
    )
    return [user for row in rows if (user := _user(row))]


async def revoke(tx: Tx, user_id: int, *, at: datetime) -> None:
    """Shut a user out; their tokens stop with them."""
    await tx.run(
        "UPDATE users SET revoked_at = :at WHERE id = :user_id AND revoked_at IS NULL",
        user_id=user_id,
        at=to_us(at),
    )


def _user(row: Row | None) -> User | None:
    if row is None:
        return None
    user_id, tenant_id, email, name, tenant_uuid, tenant_name, revoked_at = row
    return User(
        id=user_id,
        tenant_id=tenant_id,
        email=email,
        name=name,
        tenant_uuid=tenant_uuid,
        tenant_name=tenant_name,
        is_revoked=revoked_at is not None,
    )
