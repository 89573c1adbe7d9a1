"""Access tokens. They are found by digest alone, because the tenant comes from them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

from kith.domain.times import from_us_or_none, to_us
from kith.domain.tokens import Caller, Scope, Token
from kith.store.database import Row, Tx

LIST_MAX = 1_000


async def add(
    tx: Tx,
    *,
    tenant_id: int | None,
    user_id: int,
    name: str,
    hint: str,
    digest: str,
    scopes: Iterable[Scope],
    rate_limit_per_minute: int | None,
    expires_at: datetime | None,
    at: datetime,
) -> int:
    row = await tx.one(
        "INSERT INTO tokens (tenant_id, user_id, name, hint, digest, scopes,"
        " rate_limit_per_minute, expires_at, created_at)"
        " VALUES (:tenant_id, :user_id, :name, :hint, :digest, :scopes,"
        " :rate_limit_per_minute, :expires_at, :at) RETURNING id",
        tenant_id=tenant_id,
        user_id=user_id,
        name=name,
        hint=hint,
        digest=digest,
        scopes=" ".join(scopes),
        rate_limit_per_minute=rate_limit_per_minute,
        expires_at=to_us(expires_at) if expires_at else None,
        at=to_us(at),
    )
    assert row is not None
    return int(row[0])


async def caller(tx: Tx, digest: str, *, at: datetime) -> Caller | None:
    """Who holds the token, unless it or its user was revoked or it has expired."""
    row = await tx.one(
        "SELECT k.id, k.user_id, k.tenant_id, k.scopes, k.rate_limit_per_minute,"
        " t.opts_in_new FROM tokens k JOIN users u ON u.id = k.user_id"
        " LEFT JOIN tenants t ON t.id = k.tenant_id"
        " WHERE k.digest = :digest AND k.revoked_at IS NULL AND u.revoked_at IS NULL"
        " AND (k.expires_at IS NULL OR k.expires_at > :at)",
        digest=digest,
        at=to_us(at),
    )
    if row is None:
        return None
    token_id, user_id, tenant_id, scopes, rate_limit_per_minute, opts_in_new = row
    return Caller(
        token_id=token_id,
        user_id=user_id,
        tenant_id=tenant_id,
        scopes=_scopes(scopes),
        rate_limit_per_minute=rate_limit_per_minute,
        opts_in_new=bool(opts_in_new),
    )


async def is_in_force(tx: Tx, token_id: int, *, at: datetime) -> bool:
    row = await tx.one(
        "SELECT 1 FROM tokens k JOIN users u ON u.id = k.user_id WHERE k.id = :token_id"
        " AND k.revoked_at IS NULL AND u.revoked_at IS NULL"
        " AND (k.expires_at IS NULL OR k.expires_at > :at)",
        token_id=token_id,
        at=to_us(at),
    )
    return row is not None


async def all_of(tx: Tx, tenant_uuid: str | None) -> list[Token]:
    """For the operator's command line: of one workspace or of all, newest first, at most 1,000."""
    rows = await tx.all(
        "SELECT k.id, k.user_id, u.email, t.name, k.name, k.hint, k.scopes,"
        " k.rate_limit_per_minute, k.created_at, k.last_used_at, k.expires_at,"
        " COALESCE(k.revoked_at, u.revoked_at)"
        " FROM tokens k JOIN users u ON u.id = k.user_id LEFT JOIN tenants t ON t.id = u.tenant_id"
        " WHERE CAST(:tenant_uuid AS TEXT) IS NULL OR t.uuid = :tenant_uuid"
        " ORDER BY k.id DESC LIMIT :list_max",
        tenant_uuid=tenant_uuid,
        list_max=LIST_MAX,
    )
    return [_token(row) for row in rows]


async def revoke(tx: Tx, token_id: int, *, at: datetime) -> bool:
    """False when there is no such token; revoking twice keeps the first time."""
    row = await tx.one(
        "UPDATE tokens SET revoked_at = COALESCE(revoked_at, :at)"
        " WHERE id = :token_id RETURNING id",
        token_id=token_id,
        at=to_us(at),
    )
    return row is not None


async def touch(tx: Tx, last_used: Mapping[int, datetime]) -> None:
    """Note when tokens were last used; never backwards."""
    for token_id, at in sorted(last_used.items()):
        await tx.run(
            "UPDATE tokens SET last_used_at = :at"
            " WHERE id = :token_id AND (last_used_at IS NULL OR last_used_at < :at)",
            token_id=token_id,
            at=to_us(at),
        )


def _scopes(text: str) -> tuple[Scope, ...]:
    return cast(tuple[Scope, ...], tuple(text.split()))


def _token(row: Row) -> Token:
    times = [from_us_or_none(us) for us in row[8:]]
    return Token(
        id=row[0],
        user_id=row[1],
        email=row[2],
        workspace=row[3],
        name=row[4],
        hint=row[5],
        scopes=_scopes(row[6]),
        rate_limit_per_minute=row[7],
        created_at=cast(datetime, times[0]),
        last_used_at=times[1],
        expires_at=times[2],
        revoked_at=times[3],
    )
