"""Polling a shop: what is needed to read it, and a round's pages, each stored with its place.

An item that was read goes the way of a webhook: it is stored as if the shop had sent it, and read
by the same job. What was told already, in whatever way, changes nothing (reliability T3.7).
"""

import re
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from kith.actions import connections, inbox, jobs
from kith.actions.connections import NewConnection
from kith.actions.inbox import Received
from kith.actions.run import Context
from kith.domain import shop_polls, targets
from kith.domain.connections import Connection
from kith.domain.jobs import Job
from kith.domain.sealing import CannotUnseal
from kith.domain.shop_polls import Asking, Page, Poll, PollFailed, Round
from kith.errors import BadValue, Invalid, Refused, naming
from kith.store import shop_polls as poll_rows

SECRETS: dict[str, tuple[str, ...]] = {
    "shopify": ("access_token",),
    "woocommerce": ("consumer_key", "consumer_secret"),
}
"""By what each system lets itself be read."""
VERSION_DEFAULT = "2026-07"
_VERSION = re.compile(r"20[0-9]{2}-(?:01|04|07|10)")
_VERSION_MIN = "2025-04"
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+", re.IGNORECASE)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to read a shop; None for what was not given."""

    url: str | None = None
    api_version: str | None = None
    access_token: str | None = None
    consumer_key: str | None = None
    consumer_secret: str | None = None


class ConnectShop(msgspec.Struct, frozen=True, kw_only=True):
    connection: NewConnection
    reading: Reading


class ChangeShop(msgspec.Struct, frozen=True, kw_only=True):
    """What is given takes the place of what is there; `is_off`: nothing is to be left of it."""

    connection_id: str
    reading: Reading = Reading()
    is_off: bool = False


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """`is_full`: somebody wants all customers looked through, now."""

    connection_id: str
    is_full: bool = False


class Polling(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be asked next, of which connection."""

    connection: Connection
    asking: Asking


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A page, and the place of the round it was read at."""

    polling: Polling
    page: Page


class Next(msgspec.Struct, frozen=True, kw_only=True):
    job: Job
    wait: timedelta


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    connection_id: str
    failed: PollFailed


async def connect(ctx: Context, given: ConnectShop) -> Connection:
    """A new connection, polled where what is needed is given. Raises what `connections.create`
    does."""
    new = given.connection
    config, secrets = _read(new.system, given.reading, {}, have=())
    new = msgspec.structs.replace(
        new, secrets={**new.secrets, **secrets}, config={**new.config, **config}
    )
    made = await connections.create(ctx, new)
    await _hurry(ctx, made)
    return made


async def change(ctx: Context, given: ChangeShop) -> Connection:
    """Let a connection be polled, otherwise than before, or no more. Raises NotFound, Invalid,
    Refused."""
    known = await connections.find(ctx, given.connection_id)
    if known.system not in SECRETS:
        raise Refused(f"This is a connection with {known.system}, which is not polled.")
    rest = {name: value for name, value in known.config.items() if name not in _CONFIG}
    if given.is_off:
        blank = dict.fromkeys(SECRETS[known.system], "")
        changed = await connections.set_up(ctx, known.id, secrets=blank, config=rest)
    else:
        have = SECRETS[known.system] if known.is_polled else ()
        config, secrets = _read(known.system, given.reading, known.config, have=have)
        changed = await connections.set_up(ctx, known.id, secrets=secrets, config=rest | config)
    if not given.is_off and known.config.get("poll_url") == changed.config.get("poll_url"):
        await _hurry(ctx, changed)
        return changed
    # Of another shop nothing was read yet.
    await poll_rows.remove(ctx.tx, tenant_id=known.tenant_id, connection_uuid=known.id)
    await _hurry(ctx, changed)
    return changed


async def begin(ctx: Context, given: Begin) -> Polling | None:
    """Go on with the round that is under way, or begin one; None where nothing is to be polled.

    Raises PollFailed when the secrets cannot be opened.
    """
    connection = await connections.by_id(ctx, given.connection_id)
    if connection is None or not connection.is_polled:
        return None
    poll = await progress(ctx, connection.id)
    under_way = shop_polls.begun(poll, now=ctx.now, is_full=given.is_full)
    if under_way != poll.under_way:
        problem = poll.problem if poll.failures else None
        poll = msgspec.structs.replace(
            poll, under_way=under_way, seen=0, news=0, gone=0, problem=problem
        )
        await poll_rows.keep(ctx.tx, tenant_id=ctx.tenant_id, poll=poll)
    if given.is_full:
        await plan(ctx, Next(job=_job(connection), wait=shop_polls.EVERY))
    return await _polling(ctx, connection, under_way)


async def go_on(ctx: Context, connection_id: str) -> Polling | None:
    """What is next in the round that is under way; None when it is over. Raises PollFailed."""
    connection = await connections.by_id(ctx, connection_id)
    if connection is None or not connection.is_polled:
        return None
    under_way = (await progress(ctx, connection.id)).under_way
    return await _polling(ctx, connection, under_way) if under_way is not None else None


async def take(ctx: Context, given: Taken) -> Poll:
    """Store what a page holds, as if the shop had sent it, with the place to go on from; how far
    it is then.

    Whoever read the same page already went on from there: then the place stays as it is.
    """
    connection, page = given.polling.connection, given.page
    poll = await progress(ctx, connection.id)
    present = await connections.by_id(ctx, connection.id)
    if present is None or present.config.get("poll_url") != given.polling.asking.url:
        return poll
    received = [
        Received(connection=connection, event_key=one.event_key, headers=one.headers, body=one.body)
        for one in page.items
    ]
    are_new = await inbox.receive_all(ctx, received)
    told = [one for one, is_new in zip(page.items, are_new, strict=True) if is_new]
    gone = sum(one.is_gone for one in told)
    if poll.under_way == given.polling.asking.round:
        poll = _moved(ctx, poll, given, news=len(told) - gone, gone=gone)
        await poll_rows.keep(ctx.tx, tenant_id=ctx.tenant_id, poll=poll)
    return poll


async def progress(ctx: Context, connection_id: str) -> Poll:
    return await poll_rows.of(ctx.tx, tenant_id=ctx.tenant_id, connection_uuid=connection_id)


async def miss(ctx: Context, given: Missed) -> timedelta:
    """Note why the shop was not read; how long to wait."""
    connection = await connections.by_id(ctx, given.connection_id)
    if connection is None or not connection.is_polled:
        return shop_polls.EVERY
    poll = await progress(ctx, connection.id)
    failures = poll.failures + 1
    poll = msgspec.structs.replace(poll, failures=failures, problem=str(given.failed))
    await poll_rows.keep(ctx.tx, tenant_id=ctx.tenant_id, poll=poll)
    return shop_polls.wait_after(failures, given.failed)


def _moved(ctx: Context, poll: Poll, given: Taken, *, news: int, gone: int) -> Poll:
    present, page = given.polling.asking.round, given.page
    following = shop_polls.after(present, page.place)
    poll = msgspec.structs.replace(
        poll,
        under_way=following,
        seen=poll.seen + page.seen,
        news=poll.news + news,
        gone=poll.gone + gone,
        failures=0,
        problem=page.note or (poll.problem if not poll.failures else None),
    )
    if following is not None:
        return poll
    full_at = present.began_at if present.is_full else poll.full_at
    return msgspec.structs.replace(
        poll, polled_to=present.began_at, full_at=full_at, done_at=ctx.now
    )


async def plan(ctx: Context, given: Next) -> None:
    """Let the shop be read again after a while, for as long as it is polled."""
    connection = await connections.by_id(ctx, given.job.subject)
    if connection is not None and connection.is_polled:
        await jobs.plan(ctx, given.job, at=ctx.now + given.wait)


async def _polling(ctx: Context, connection: Connection, under_way: Round) -> Polling:
    secrets = await _secrets(ctx, connection)
    known: list[tuple[str, str]] = []
    if under_way.stage == "gone":
        known = await poll_rows.known(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            connection_uuid=connection.id,
            prefix=f"{connection.config.get('ids_as', connection.system)}:",
            after=under_way.place or "",
            rows_max=shop_polls.GONE_AT_ONCE,
        )
    asking = Asking(
        url=connection.config["poll_url"],
        config=connection.config,
        secrets=secrets,
        round=under_way,
        known=known,
    )
    return Polling(connection=connection, asking=asking)


async def _secrets(ctx: Context, connection: Connection) -> Mapping[str, str]:
    try:
        opened = await connections.open_(ctx, connection.id)
    except (CannotUnseal, Refused):
        opened = None
    if opened is None:
        raise PollFailed(
            "sealed",
            "The secrets cannot be opened: KITH_SECRET_KEY is not the one they were made with.",
        )
    return opened.secrets[0]


async def _hurry(ctx: Context, connection: Connection) -> None:
    if connection.is_polled:
        own = msgspec.structs.replace(ctx, tenant_id=connection.tenant_id)
        await jobs.hurry(own, jobs.POLL_SHOP, connection.id)


def _job(connection: Connection) -> Job:
    return Job(
        id=0,
        tenant_id=connection.tenant_id,
        kind=jobs.POLL_SHOP,
        subject=connection.id,
        tries=0,
    )


_CONFIG = ("poll_url", "api_version")


def _read(
    system: str, given: Reading, present: Mapping[str, object], *, have: tuple[str, ...]
) -> tuple[dict[str, object], dict[str, str]]:
    """Configuration and secrets; nothing where nothing is given. Raises Invalid.

    `have` are the secrets that a connection has already.
    """
    fields = {*SECRETS[system], "url", *(("api_version",) if system == "shopify" else ())}
    for name in given.__struct_fields__:
        if name not in fields and getattr(given, name) is not None:
            with naming(name):
                raise BadValue(f"is nothing that a connection with {system} has.")
    secrets = {
        name: connections.secret(name, value)
        for name in SECRETS[system]
        if (value := getattr(given, name)) is not None
    }
    if not secrets and not have and given.url is None and given.api_version is None:
        return {}, {}
    url = given.url if given.url is not None else present.get("poll_url")
    field = field_of_url(system)
    wanted = {field: url, **{name: secrets.get(name) or name in have for name in SECRETS[system]}}
    if missing := [name for name, value in wanted.items() if not value]:
        said = f"The {missing[0].replace('_', ' ')} is missing: a shop is read with"
        raise Invalid({missing[0]: [f"{said} {_listed(system)}."]})
    with naming(field):
        config: dict[str, object] = {"poll_url": parse_url(system, str(url))}
    if system == "shopify":
        with naming("api_version"):
            config["api_version"] = _version(given.api_version or present.get("api_version"))
    return config, secrets


def _listed(system: str) -> str:
    if system == "shopify":
        return "its domain and an access token"
    return "its address, a consumer key and a consumer secret"


def field_of_url(system: str) -> str:
    return "shop" if system == "shopify" else "url"


def parse_url(system: str, given: str) -> str:
    """Where the API is: a Shopify shop by its domain alone, too. Raises BadValue."""
    url = given.strip().rstrip("/")
    if system == "shopify" and _DOMAIN.fullmatch(url):
        url = f"https://{url.lower()}"
    target = targets.read(url)
    if "?" in target.rest or (system == "shopify" and target.rest != "/"):
        raise BadValue("must be the address of the shop itself, such as https://shop.example.")
    return url


def _version(given: object) -> str:
    version = str(given or VERSION_DEFAULT).strip()
    if not _VERSION.fullmatch(version) or version < _VERSION_MIN:
        raise BadValue(
            f"must be a version of Shopify's API from {_VERSION_MIN} on, such as {VERSION_DEFAULT}."
        )
    return version
