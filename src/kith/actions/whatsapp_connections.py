"""A connection with WhatsApp: an account of the business, with one number or several."""

import re
from collections.abc import Iterable

import msgspec

from kith.actions import connections, jobs, workspaces
from kith.actions.connections import NewConnection, Rotate
from kith.actions.run import Context
from kith.domain import graph
from kith.domain.connections import Connection
from kith.errors import BadValue, Refused, naming
from kith.store import business_numbers
from kith.store import connections as connection_rows

NUMBERS_MAX = 20

_ID = re.compile(r"[0-9]{1,32}")


class ConnectWhatsApp(msgspec.Struct, frozen=True, kw_only=True):
    """`number_ids` and `account_id` are WhatsApp's ids; the rest stands in the app there."""

    number_ids: tuple[str, ...]
    account_id: str
    access_token: str
    app_secret: str
    verify_token: str
    graph_url: str | None = None
    name: str | None = None
    workspace: str | None = None


class ChangeWhatsApp(msgspec.Struct, frozen=True, kw_only=True):
    """`number_ids`: of the connection's; blank are all of them. None changes nothing.

    `may_send`: what kept them from sending has been seen to.
    """

    connection_id: str
    number_ids: tuple[str, ...] = ()
    phones_only: bool | None = None
    may_send: bool = False


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    connection: Connection
    number_ids: list[str]


async def change(ctx: Context, given: ChangeWhatsApp) -> Changed:
    """Whether numbers write to phones only, and that they may send again. Raises NotFound, Invalid;
    Refused when it is another system's."""
    connection = await connections.find(ctx, given.connection_id)
    if connection.system != "whatsapp":
        raise Refused(f"This is a connection with {connection.system}, not with WhatsApp.")
    own: list[str] = list(connection.config["phone_number_ids"])
    with naming("phone_number_id"):
        wanted = _ids(given.number_ids) if given.number_ids else own
        if not set(wanted) <= set(own):
            raise BadValue(f"must be one of the connection's: {', '.join(own)}.")
    if given.may_send:
        await _release(ctx, connection, wanted)
        for number_id in wanted:
            await business_numbers.allow_offers(
                ctx.tx, tenant_id=connection.tenant_id, number_id=number_id, at=ctx.now
            )
    if given.phones_only is None:
        return Changed(connection=connection, number_ids=wanted)
    for number_id in wanted:
        await business_numbers.write_to_phones_only(
            ctx.tx,
            tenant_id=connection.tenant_id,
            number_id=number_id,
            since=ctx.now if given.phones_only else None,
        )
    return Changed(connection=connection, number_ids=wanted)


async def rotate(ctx: Context, given: Rotate) -> Connection:
    """As `connections.rotate`; with another token WhatsApp's numbers may send again."""
    rotated = await connections.rotate(ctx, given)
    if rotated.system == "whatsapp" and "access_token" in given.secrets:
        await _release(ctx, rotated, rotated.config["phone_number_ids"])
    return rotated


async def connect(ctx: Context, given: ConnectWhatsApp) -> Connection:
    """Raises Invalid, NotFound for the workspace; Refused when a number has a connection."""
    with naming("phone_number_id"):
        number_ids = _ids(given.number_ids)
    with naming("business_account_id"):
        [account_id] = _ids([given.account_id])
    with naming("graph_url"):
        graph_url = _address(given.graph_url or graph.URL_DEFAULT)
    secrets = {
        name: connections.secret(name, getattr(given, name))
        for name in ("access_token", "app_secret", "verify_token")
    }
    workspace = await workspaces.find_or_only(ctx, given.workspace)
    await _check_free(ctx, workspace.row_id, number_ids)
    made = await connections.create(
        ctx,
        NewConnection(
            system="whatsapp",
            secrets=secrets,
            config={
                "phone_number_ids": number_ids,
                "business_account_id": account_id,
                "graph_url": graph_url,
            },
            name=given.name,
            workspace=workspace.id,
        ),
    )
    for number_id in number_ids:
        await business_numbers.ensure(
            ctx.tx, tenant_id=made.tenant_id, number_id=number_id, phone=None, at=ctx.now
        )
    await _release(ctx, made, number_ids)
    own = msgspec.structs.replace(ctx, tenant_id=made.tenant_id)
    await jobs.add(own, jobs.SYNC_TEMPLATES, made.id)
    return made


async def _release(ctx: Context, connection: Connection, number_ids: Iterable[str]) -> None:
    for number_id in number_ids:
        await business_numbers.release(
            ctx.tx, tenant_id=connection.tenant_id, number_id=number_id, at=ctx.now
        )


def _ids(values: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(value.strip() for value in values))
    if not found or not all(map(_ID.fullmatch, found)):
        raise BadValue("must be an id of WhatsApp's: up to 32 digits, not the number itself.")
    if len(found) > NUMBERS_MAX:
        raise BadValue(f"may be given {NUMBERS_MAX} times at most.")
    return found


def _address(url: str) -> str:
    if not re.fullmatch(r"https?://[!-~]{1,1000}", url):
        raise BadValue("must be an address that begins with https:// or http://.")
    return url.rstrip("/")


async def _check_free(ctx: Context, tenant_id: int, number_ids: Iterable[str]) -> None:
    for one in await connection_rows.all_of(ctx.tx, tenant_id=tenant_id):
        if one.system != "whatsapp":
            continue
        if taken := sorted(set(number_ids) & set(one.config.get("phone_number_ids", ()))):
            raise Refused(f"The number {taken[0]} has a connection: {one.id}. Remove that first.")
