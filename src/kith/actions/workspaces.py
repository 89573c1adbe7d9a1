"""Workspaces and the people in them; the operator's commands."""

import msgspec

from kith.actions.run import Context
from kith.domain import email as emails
from kith.domain import text
from kith.domain.tokens import SCOPES, Caller
from kith.domain.users import User
from kith.errors import BadValue, NotFound, Refused, naming
from kith.store import tenants, users


class Workspace(msgspec.Struct, frozen=True):
    row_id: int
    id: str
    name: str


class NewWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    email: str
    user_name: str | None = None


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """`workspace` is an id or a name; None makes a user without a workspace."""

    email: str
    name: str | None = None
    workspace: str | None = None


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a command works: the only workspace unless one is named by id or name, and the
    operator unless a person of it is named by e-mail address."""

    workspace: str | None = None
    user: str | None = None


async def create(ctx: Context, given: NewWorkspace) -> tuple[Workspace, User]:
    """A workspace and its first user. Raises Invalid."""
    with naming("workspace"):
        name = text.line(given.name, characters_max=text.NAME_CHARACTERS_MAX)
        if not name:
            raise BadValue("needs a name.")
    uuid = ctx.new_id()
    row_id = await tenants.add(ctx.tx, uuid=uuid, name=name, at=ctx.now)
    user = NewUser(email=given.email, name=given.user_name, workspace=uuid)
    return Workspace(row_id, uuid, name), await add_user(ctx, user)


async def add_user(ctx: Context, given: NewUser) -> User:
    """Raises Invalid, NotFound for the workspace, Refused when the address is taken there."""
    with naming("email"):
        email = emails.parse(given.email)
    with naming("name"):
        name = text.line(given.name or "", characters_max=text.NAME_CHARACTERS_MAX) or None
    workspace = await find(ctx, given.workspace) if given.workspace else None
    key = emails.key(email)
    if workspace and await users.by_email(ctx.tx, tenant_id=workspace.row_id, email_key=key):
        raise Refused(f"{email} is in the workspace {workspace.name} already.")
    user_id = await users.add(
        ctx.tx,
        tenant_id=workspace.row_id if workspace else None,
        email=email,
        email_key=key,
        name=name,
        at=ctx.now,
    )
    user = await users.by_id(ctx.tx, user_id)
    assert user is not None
    return user


async def find(ctx: Context, id_or_name: str) -> Workspace:
    """By id, else by name when only one is called so. Raises NotFound, Refused."""
    row = await tenants.by_uuid(ctx.tx, id_or_name.lower())
    if row is None:
        named = await tenants.by_name(ctx.tx, id_or_name)
        if len(named) > 1:
            raise Refused(f"Several workspaces are called {id_or_name}; give the id.")
        row = named[0] if named else None
    if row is None:
        raise NotFound(f"There is no workspace {id_or_name}.")
    return Workspace(*row)


async def find_or_only(ctx: Context, id_or_name: str | None) -> Workspace:
    """As `find`, else the only workspace there is. Raises NotFound, Refused."""
    return await find(ctx, id_or_name) if id_or_name else await _only(ctx)


async def caller(ctx: Context, given: Acting) -> Caller:
    """Who a command's work is done for, as if they had called. Raises NotFound, Refused."""
    workspace = await find_or_only(ctx, given.workspace)
    user_id = 0
    if given.user is not None:
        key = emails.key(given.user.strip())
        user = await users.by_email(ctx.tx, tenant_id=workspace.row_id, email_key=key)
        if user is None:
            raise NotFound(
                f"There is no user {given.user} in the workspace {workspace.name};"
                " `kith user list` shows who there is."
            )
        if user.is_revoked:
            raise Refused(f"{user.email} has been shut out; name somebody else with --user.")
        user_id = user.id
    return Caller(
        token_id=0,
        user_id=user_id,
        tenant_id=workspace.row_id,
        scopes=SCOPES,
        rate_limit_per_minute=None,
        source="manual",
    )


async def _only(ctx: Context) -> Workspace:
    found = await tenants.oldest(ctx.tx, rows_max=2)
    if not found:
        raise NotFound(
            "There is no workspace yet. Make one with:"
            ' kith init --workspace "Acme Co." --email ana@example.com'
        )
    if len(found) > 1:
        raise Refused(
            "There are several workspaces, as `kith user list` shows; name one with --workspace."
        )
    return Workspace(*found[0])


async def find_user(ctx: Context, *, email: str, workspace: str | None) -> User:
    """The one user with that address, in that workspace or anywhere. Raises NotFound, Refused."""
    key = emails.key(email.strip())
    if workspace is None:
        found = await users.everywhere_by_email(ctx.tx, key)
    else:
        in_it = await find(ctx, workspace)
        user = await users.by_email(ctx.tx, tenant_id=in_it.row_id, email_key=key)
        found = [user] if user else []
    if not found:
        raise NotFound(f"There is no user {email}.")
    if len(found) > 1:
        raise Refused(f"{email} is in several workspaces; name one with --workspace.")
    return found[0]


async def list_users(ctx: Context, workspace: str | None) -> list[User]:
    """Of one workspace (id or name) or of all, oldest first. Raises NotFound, Refused."""
    tenant_id = (await find(ctx, workspace)).row_id if workspace else None
    return await users.all_of(ctx.tx, tenant_id)


class UserAt(msgspec.Struct, frozen=True, kw_only=True):
    email: str
    workspace: str | None = None


async def revoke_user(ctx: Context, given: UserAt) -> User:
    """Shut a user out: every token of theirs stops. Raises NotFound, Refused."""
    user = await find_user(ctx, email=given.email, workspace=given.workspace)
    await users.revoke(ctx.tx, user.id, at=ctx.now)
    return msgspec.structs.replace(user, is_revoked=True)


async def me(ctx: Context, _: object) -> User:
    """Who the token belongs to (reference section 3)."""
    user = await users.by_id(ctx.tx, ctx.user_id)
    if user is None:
        raise NotFound("User not found")
    return user
