"""Connections with other systems: made, listed, rotated and removed by the operator."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from itertools import count

import msgspec

from kith.actions import jobs, secret_keys, workspaces
from kith.actions.run import Context
from kith.domain import connections, identities, ids, sealing, text
from kith.domain.connections import Connection, Opened, System
from kith.domain.sealing import CannotUnseal, Secrets
from kith.domain.shop_polls import Poll
from kith.domain.tokens import SCOPES, Caller
from kith.errors import BadValue, NotFound, Refused, naming
from kith.store import connections as connection_rows
from kith.store import shop_polls, tenants
from kith.store.connections import Sealed

SECRET_CHARACTERS_MAX = 1_024


class NewConnection(msgspec.Struct, frozen=True, kw_only=True):
    """`workspace` is an id or a name, not needed when there is only one."""

    system: System
    secrets: Secrets
    config: Mapping[str, object] = {}
    name: str | None = None
    workspace: str | None = None


class Rotate(msgspec.Struct, frozen=True, kw_only=True):
    """New values for some secrets; those of before count for a while."""

    connection_id: str
    secrets: Secrets
    former_kept: timedelta = connections.FORMER_KEPT


class Shown(msgspec.Struct, frozen=True):
    """A connection, the workspace's name, and how far it was polled if it is."""

    connection: Connection
    workspace: str
    poll: Poll | None


async def create(ctx: Context, given: NewConnection) -> Connection:
    """Raises Invalid, NotFound for the workspace, Refused without a key to seal secrets with."""
    workspace = await workspaces.find_or_only(ctx, given.workspace)
    uuid = ctx.new_id()
    with naming("name"):
        name = text.line(given.name or given.system, characters_max=text.NAME_CHARACTERS_MAX)
    if given.secrets:
        await secret_keys.note_use(ctx)
    await connection_rows.add(
        ctx.tx,
        tenant_id=workspace.row_id,
        uuid=uuid,
        system=given.system,
        name=name or given.system,
        config=await _config(ctx, workspace.row_id, given),
        secrets=_sealed(ctx, uuid, _checked(given.secrets)),
        at=ctx.now,
    )
    return (await _found(ctx, uuid)).connection


async def _config(ctx: Context, tenant_id: int, given: NewConnection) -> Mapping[str, object]:
    """Each shop of WooCommerce counts its customers from 1: their ids need names of their own."""
    if given.system != "woocommerce":
        return given.config
    former = await connection_rows.configs(ctx.tx, tenant_id=tenant_id, system=given.system)
    name = given.config.get("ids_as") or _free(given.system, [one["ids_as"] for one in former])
    there = await connection_rows.all_of(ctx.tx, tenant_id=tenant_id)
    with naming("ids_as"):
        identities.parse_external(f"{name}:1")
        if name == "shopify" or any(one.config.get("ids_as") == name for one in there):
            raise BadValue("is how another shop's ids are called: each needs a name of its own.")
    return {**given.config, "ids_as": name}


def _free(system: System, former: list[str]) -> str:
    """The first of these names that no shop has or had."""
    if not former:
        return system
    numbered = (f"{system}-{number}" for number in count(len(former) + 1))
    return next(name for name in numbered if name not in former)


async def list_all(ctx: Context, workspace: str | None) -> list[Shown]:
    """Of one workspace (id or name) or of all, oldest first. Raises NotFound, Refused."""
    if workspace is not None:
        one = await workspaces.find(ctx, workspace)
        listed = [(one.row_id, one.name)]
    else:
        rows = await tenants.oldest(ctx.tx, rows_max=connection_rows.LIST_MAX)
        listed = [(row[0], row[2]) for row in rows]
    found: list[Shown] = []
    for row_id, name in listed:
        polls = await shop_polls.all_of(ctx.tx, tenant_id=row_id)
        connected = await connection_rows.all_of(ctx.tx, tenant_id=row_id)
        found += [Shown(one, name, polls.get(one.id)) for one in connected]
    return found


async def rotate(ctx: Context, given: Rotate) -> Connection:
    """Raises NotFound, Refused; Invalid when a secret is none that the connection has."""
    known = await _found(ctx, given.connection_id)
    connection = known.connection
    present = _opened(ctx, connection, known.secrets)
    if unknown := sorted(given.secrets.keys() - present.keys()):
        with naming(unknown[0]):
            raise BadValue(f"is nothing that a connection with {connection.system} has.")
    until = ctx.now + given.former_kept
    await connection_rows.rotate(
        ctx.tx,
        tenant_id=connection.tenant_id,
        uuid=connection.id,
        secrets=_sealed(ctx, connection.id, {**present, **_checked(given.secrets)}),
        former_secrets=known.secrets,
        until=until,
    )
    if connection.is_polled:
        own = msgspec.structs.replace(ctx, tenant_id=connection.tenant_id)
        await jobs.hurry(own, jobs.POLL_SHOP, connection.id)
    return msgspec.structs.replace(connection, former_until=until)


async def set_up(
    ctx: Context, connection_id: str, *, secrets: Secrets, config: Mapping[str, object]
) -> Connection:
    """Give a connection these secrets beside those it has, without those that are blank, and this
    configuration. Raises NotFound, Refused."""
    known = await _found(ctx, connection_id)
    connection = known.connection
    present = {**_opened(ctx, connection, known.secrets), **secrets}
    former = _opened(ctx, connection, known.former_secrets or "")
    gone = {name for name, value in secrets.items() if not value}
    await connection_rows.set_up(
        ctx.tx,
        tenant_id=connection.tenant_id,
        uuid=connection.id,
        secrets=_sealed(ctx, connection.id, _without(present, gone)),
        former_secrets=_sealed(ctx, connection.id, _without(former, gone)) or None,
        config=config,
    )
    return msgspec.structs.replace(connection, config=config)


async def remove(ctx: Context, connection_id: str) -> Connection:
    """From now on its path is like any that was never there. Raises NotFound."""
    known = (await _found(ctx, connection_id)).connection
    await connection_rows.remove(ctx.tx, tenant_id=known.tenant_id, uuid=known.id, at=ctx.now)
    await shop_polls.remove(ctx.tx, tenant_id=known.tenant_id, connection_uuid=known.id)
    return known


async def open_(ctx: Context, connection_id: str) -> Opened | None:
    """The connection of a path with its secrets; None when there is none to be had.

    Raises CannotUnseal when the operator's key is not the one it was made with.
    """
    known = await connection_rows.by_uuid(ctx.tx, connection_id)
    if known is None:
        return None
    connection = known.connection
    secrets = [_unsealed(ctx, connection.id, known.secrets)]
    former_counts = connection.former_until is not None and ctx.now < connection.former_until
    if known.former_secrets is not None and former_counts:
        secrets.append(_unsealed(ctx, connection.id, known.former_secrets))
    return Opened(connection, tuple(secrets))


async def find(ctx: Context, connection_id: str) -> Connection:
    """Whoever's it is: for the operator. Raises NotFound."""
    return (await _found(ctx, connection_id)).connection


async def by_id(ctx: Context, connection_id: str) -> Connection | None:
    """Unless it was removed."""
    known = await connection_rows.by_uuid(ctx.tx, connection_id)
    if known is None or known.connection.tenant_id != ctx.tenant_id:
        return None
    return known.connection


def of_tenant(tenant_id: int) -> Caller:
    """As whom a job of the workspace looks things up."""
    return Caller(
        token_id=0, user_id=0, tenant_id=tenant_id, scopes=SCOPES[:1], rate_limit_per_minute=None
    )


def caller(connection: Connection) -> Caller:
    """As whom what came in by the connection is done."""
    return Caller(
        token_id=0,
        user_id=0,
        tenant_id=connection.tenant_id,
        scopes=SCOPES[:2],
        rate_limit_per_minute=None,
        source=connection.source,
        connection_id=connection.id,
    )


def secret(name: str, value: str) -> str:
    """A secret as it may be kept. Raises Invalid."""
    with naming(name):
        given = value.strip()
        is_plain = given.isascii() and given.isprintable()  # it may go into a header
        if not given or len(given) > SECRET_CHARACTERS_MAX or not is_plain:
            raise BadValue(f"must hold up to {SECRET_CHARACTERS_MAX} printable ASCII characters.")
        return given


def _checked(secrets: Secrets) -> Secrets:
    """None is blank: nothing would be verified by it, and all that comes in be refused."""
    checked: dict[str, str] = {}
    for name, value in secrets.items():
        with naming(name):
            checked[name] = text.line(value, characters_max=SECRET_CHARACTERS_MAX)
            if not checked[name]:
                raise BadValue("must not be blank.")
    return checked


async def _found(ctx: Context, connection_id: str) -> Sealed:
    try:
        known = await connection_rows.by_uuid(ctx.tx, ids.parse(connection_id))
    except BadValue:
        known = None
    if known is None:
        raise NotFound(
            f"There is no connection {connection_id}; `kith connect list` shows those there are."
        )
    return known


def _without(secrets: Secrets, names: Collection[str]) -> Secrets:
    return {name: value for name, value in secrets.items() if name not in names}


def _sealed(ctx: Context, uuid: str, secrets: Secrets) -> str:
    if not secrets:  # of what proves itself otherwise
        return ""
    return sealing.seal(secrets, key=_key(ctx), nonce=ctx.new_secret(), about=uuid)


def _unsealed(ctx: Context, uuid: str, sealed: str) -> Secrets:
    if not sealed:
        return {}
    return sealing.unseal(sealed, key=_key(ctx), about=uuid)


def _opened(ctx: Context, connection: Connection, sealed: str) -> Secrets:
    """For the operator. Raises Refused when they were sealed with another key."""
    try:
        return _unsealed(ctx, connection.id, sealed)
    except CannotUnseal:
        raise Refused(made_with_another_key(connection)) from None


def made_with_another_key(connection: Connection) -> str:
    system = connections.NAMES[connection.system]
    return f"The {system} connection was made with another KITH_SECRET_KEY: connect it anew."


def _key(ctx: Context) -> str:
    if key := ctx.sealing_key():
        return key
    raise Refused(
        "Set KITH_SECRET_KEY first, for example to what `openssl rand -hex 32` prints: the secrets"
        " of connections are kept encrypted with it."
    )
