"""Tokens: made, shown once, listed without their secret, revoked, and turned into a caller."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from kith.actions.run import Context
from kith.actions.workspaces import find, find_user
from kith.domain import text, tokens
from kith.domain.tokens import Caller, Scope, Token
from kith.domain.users import User
from kith.errors import NotFound, Refused, naming
from kith.store import tokens as token_rows


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    email: str
    workspace: str | None = None
    name: str
    scope: Scope = "write"
    expires_in_days: int | None = None
    rate_limit_per_minute: int | None = None


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """`token` is the secret itself: the only time that it exists outside of its owner's hands."""

    id: int
    token: str
    name: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None


async def authenticate(ctx: Context, digest: str) -> Caller | None:
    """Whose token has this digest; None when nobody's may be used now."""
    return await token_rows.caller(ctx.tx, digest, at=ctx.now)


async def create(ctx: Context, given: NewToken) -> IssuedToken:
    """A token of a user there is. Raises Invalid, NotFound, Refused."""
    user = await find_user(ctx, email=given.email, workspace=given.workspace)
    return await issue(ctx, user, given)


async def issue(ctx: Context, user: User, given: NewToken) -> IssuedToken:
    """A token of `user`. Raises Invalid, Refused."""
    if user.is_revoked:
        raise Refused(f"{user.email} has been shut out; make a token for somebody else.")
    with naming("name"):
        name = text.line(given.name, characters_max=text.NAME_CHARACTERS_MAX)
    token = tokens.compose(ctx.new_secret())
    days = given.expires_in_days
    expires_at = ctx.now + timedelta(days=days) if days is not None else None
    scopes = tokens.opened_by(given.scope)
    token_id = await token_rows.add(
        ctx.tx,
        tenant_id=user.tenant_id,
        user_id=user.id,
        name=name,
        hint=tokens.hint(token),
        digest=tokens.digest(token),
        scopes=scopes,
        rate_limit_per_minute=given.rate_limit_per_minute,
        expires_at=expires_at,
        at=ctx.now,
    )
    return IssuedToken(id=token_id, token=token, name=name, scopes=scopes, expires_at=expires_at)


async def list_all(ctx: Context, workspace: str | None) -> list[Token]:
    """Of one workspace (id or name) or of all, newest first. Raises NotFound."""
    uuid = (await find(ctx, workspace)).id if workspace else None
    return await token_rows.all_of(ctx.tx, uuid)


async def revoke(ctx: Context, token_id: int) -> None:
    """Stop a token for good; a running server notices within a second. Raises NotFound."""
    if not await token_rows.revoke(ctx.tx, token_id, at=ctx.now):
        raise NotFound(f"There is no token {token_id}; `kith token list` shows them.")


async def touch(ctx: Context, last_used: Mapping[int, datetime]) -> None:
    """Note when tokens were last used."""
    await token_rows.touch(ctx.tx, last_used)
