"""`kith connect shopify`, `woocommerce`, `change-shop` and `poll`: shops, and reading them."""

import asyncio
import sys
from typing import Any

import click

from kith.actions import connections, inbox, shop_polls
from kith.actions.connections import NewConnection
from kith.actions.inbox import Waiting
from kith.actions.jobs import READ_INBOUND
from kith.actions.run import Runner
from kith.actions.shop_polls import Begin, ChangeShop, ConnectShop, Polling, Reading
from kith.cli.acting import Asked, in_workspace
from kith.cli.common import (
    address,
    as_json,
    print_json,
    printable,
    run,
    settings_of,
    stoppable,
)
from kith.cli.connect_widget import as_dict
from kith.domain.connections import Connection
from kith.domain.jobs import Job
from kith.domain.shop_polls import Poll, PollFailed
from kith.domain.times import wire, wire_or_none
from kith.domain.tokens import Caller
from kith.errors import Refused, naming
from kith.jobs import read_inbound
from kith.jobs.ask import Asker
from kith.jobs.failures import Hopeless
from kith.jobs.guard import Guard
from kith.jobs.poll_shop import ShopPoll
from kith.settings import networks

READ_AT_ONCE = 8
WAIT_S_MAX = 120.0
"""For how long `kith connect poll` waits when a shop wants fewer calls."""

named = click.option("--name", help="What you will know it by.  [default: the system's name]")
secret = click.option(
    "--secret",
    cls=Asked,
    help="By which the other system signs; asked for when it is not given.",
)
shop_domain = click.option(
    "--shop", "url", metavar="DOMAIN", help="To poll the shop: where it is, as acme.myshopify.com."
)
access_token = click.option("--access-token", help="To poll the shop: of its Admin API.")
api_version = click.option(
    "--api-version", metavar="VERSION", help="Of Shopify's Admin API.  [default: 2026-07]"
)
shop_url = click.option(
    "--url", metavar="URL", help="To poll the shop: where it is, as https://shop.example."
)
consumer_key = click.option("--consumer-key", help="To poll the shop: of its REST API.")
consumer_secret = click.option("--consumer-secret", help="What belongs to the consumer key.")


@click.command()
@secret
@named
@shop_domain
@access_token
@api_version
@in_workspace
@as_json
def shopify(
    secret: str, name: str | None, workspace: str | None, as_json: bool, **reading: str | None
) -> None:
    """Take customers and orders of a Shopify shop.

    The secret is the app's client secret. With --shop and --access-token the shop is also
    polled: what its webhooks lost is read.

    \b
    Examples:
      kith connect shopify --secret "$SHOPIFY_API_SECRET"
      kith connect shopify --secret "$SHOPIFY_API_SECRET" --shop acme.myshopify.com \\
          --access-token "$SHOPIFY_ACCESS_TOKEN"
    """
    new = NewConnection(
        system="shopify", secrets={"secret": secret}, name=name, workspace=workspace
    )
    _make(new, Reading(**reading), as_json=as_json)


@click.command()
@secret
@named
@click.option(
    "--consent-key",
    metavar="KEY",
    help="Which key of meta_data says that somebody agreed to WhatsApp.  [default: none does]",
)
@click.option(
    "--ids-as",
    metavar="NAME",
    help="What the shop's customer ids are called, as in NAME:12.  [default: woocommerce, then"
    " woocommerce-2 and so on]",
)
@shop_url
@consumer_key
@consumer_secret
@in_workspace
@as_json
def woocommerce(
    secret: str,
    name: str | None,
    consent_key: str | None,
    ids_as: str | None,
    workspace: str | None,
    as_json: bool,
    **reading: str | None,
) -> None:
    """Take customers and orders of a WooCommerce shop.

    The secret is the webhook's own. With --url, --consumer-key and --consumer-secret the shop is
    also polled: what its webhooks lost is read.

    \b
    Example:
      kith connect woocommerce --secret "$WOOCOMMERCE_WEBHOOK_SECRET"
    """
    given = {"consent_key": consent_key, "ids_as": ids_as}
    new = NewConnection(
        system="woocommerce",
        secrets={"secret": secret},
        config={key: value for key, value in given.items() if value},
        name=name,
        workspace=workspace,
    )
    _make(new, Reading(**reading), as_json=as_json)


@click.command("change-shop")
@click.argument("connection_id", metavar="ID")
@shop_domain
@access_token
@api_version
@click.option("--url", "woo_url", metavar="URL", help="Of WooCommerce: where the shop is.")
@consumer_key
@consumer_secret
@click.option("--no-poll", "is_off", is_flag=True, help="Poll the shop no more.")
@as_json
def change_shop(
    connection_id: str,
    woo_url: str | None,
    is_off: bool,
    as_json: bool,
    **reading: str | None,
) -> None:
    """Poll the shop of a connection, or no more.

    What is given takes the place of what is there.

    \b
    Examples:
      kith connect change-shop 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 \\
          --shop acme.myshopify.com --access-token "$SHOPIFY_ACCESS_TOKEN"
      kith connect change-shop 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61 --no-poll
    """
    given = Reading(**{**reading, "url": woo_url if woo_url is not None else reading["url"]})
    if is_off == (given != Reading()):
        raise click.UsageError("Give what is needed to poll the shop, or --no-poll.")
    change = ChangeShop(connection_id=connection_id, reading=given, is_off=is_off)
    changed = run(lambda runner: _changed(runner, change))
    if as_json:
        print_json(polled_as_dict(changed, None))
    elif is_off:
        click.echo(f"{printable(changed.name)} is not polled any more.")
    else:
        click.echo(f"{printable(changed.name)} is polled, now and then every hour.")


@click.command()
@click.argument("connection_id", metavar="ID")
@as_json
def poll(connection_id: str, as_json: bool) -> None:
    """Read a shop now for what its webhooks lost.

    All its customers are looked through. A worker reads a shop by itself every hour, and looks
    through all customers once a day. What is stopped goes on where it was.

    \b
    Example:
      kith connect poll 0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61
    """
    with stoppable():
        told = run(lambda runner: _poll(runner, connection_id))
    if as_json:
        print_json(told)
        return
    click.echo(
        f"{told['seen']:,} customers and orders were read: {told['news']:,} had news,"
        f" {told['gone']:,} are customers no more."
    )
    if told["unread"]:
        click.echo(f"{told['unread']:,} could not be written yet: see kith inbox list.")
    if told["problem"]:
        click.echo(printable(str(told["problem"])))


def polled_as_dict(one: Connection, poll: Poll | None) -> dict[str, object]:
    """As `as_dict`; of a shop with how it is polled, None when it is not."""
    if one.system not in shop_polls.SECRETS:
        return as_dict(one)
    if not one.is_polled:
        return {**as_dict(one), "poll": None}
    poll = poll or Poll(connection_id=one.id)
    return {
        **as_dict(one),
        "poll": {
            "done_at": wire_or_none(poll.done_at),
            "under_way": poll.under_way is not None,
            "seen": poll.seen,
            "news": poll.news,
            "gone": poll.gone,
            "failures": poll.failures,
            "problem": poll.problem,
        },
    }


def polled(one: Connection, poll: Poll | None) -> str | None:
    """When a shop was last polled, and what is wrong; None for what is no shop."""
    if one.system not in shop_polls.SECRETS:
        return None
    if not one.is_polled:
        return "no"
    done = wire(poll.done_at) if poll and poll.done_at else "not yet"
    return f"{done}: {poll.problem}" if poll and poll.problem else done


def show(made: Connection, *, as_json: bool) -> None:
    """What to give to the other system."""
    if as_json:
        print_json(polled_as_dict(made, None))
        return
    click.echo(f"""\
Connection  {printable(made.name)}  ({made.id})
Path        {made.path}

Give the other system this address, with the public name of your server:

  {address(settings_of())}{made.path}""")


def _make(new: NewConnection, reading: Reading, *, as_json: bool) -> None:
    made = run(lambda runner: _made(runner, ConnectShop(connection=new, reading=reading)))
    show(made, as_json=as_json)
    if not as_json and made.is_polled:
        click.echo("\nThe shop is polled, now and then every hour.")


async def _made(runner: Runner, given: ConnectShop) -> Connection:
    await check(given.connection.system, given.reading)
    return await runner.write(shop_polls.connect, given)


async def _changed(runner: Runner, given: ChangeShop) -> Connection:
    known = await runner.read(connections.find, given.connection_id)
    await check(known.system, given.reading)
    return await runner.write(shop_polls.change, given)


async def check(system: str, reading: Reading) -> None:
    """Raises Invalid for an address that may not be called."""
    if reading.url is None:
        return
    field = shop_polls.field_of_url(system)
    with naming(field):
        await _guard().check(shop_polls.parse_url(system, reading.url))


async def _poll(runner: Runner, connection_id: str) -> dict[str, Any]:
    connection = await runner.read(connections.find, connection_id)
    if not connection.is_polled:
        raise Refused(
            "This connection is not polled; kith connect change-shop gives a shop's what is needed."
        )
    caller = connections.of_tenant(connection.tenant_id)
    asker = Asker(_guard())
    try:
        return await _round(runner, ShopPoll(asker), connection, caller)
    finally:
        await asker.close()


async def _round(
    runner: Runner, shop: ShopPoll, connection: Connection, caller: Caller
) -> dict[str, Any]:
    """Page by page to the end, whoever else reads the shop at the same time."""
    begin = Begin(connection_id=connection.id, is_full=True)
    unread: set[str] = set()
    try:
        polling = await runner.write(shop_polls.begin, begin, caller)
        while polling is not None:
            try:
                page, poll = await shop.page(runner, polling, caller)
            except PollFailed as failed:
                if failed.reason != "throttled" or failed.retry_after_s > WAIT_S_MAX:
                    raise
                await asyncio.sleep(max(1.0, failed.retry_after_s))
                continue
            await _write(runner, connection, caller, unread)
            _tell(polling, poll)
            await asyncio.sleep(min(page.wait_s, WAIT_S_MAX))
            polling = await runner.read(shop_polls.go_on, connection.id, caller)
    except PollFailed as failed:
        await shop.miss(runner, connection.id, failed, caller)
        raise Refused(str(failed)) from None
    finally:
        if sys.stderr.isatty():
            click.echo(err=True)
    await _write(runner, connection, caller, unread)
    last = await runner.read(shop_polls.progress, connection.id, caller)
    return {
        "connection": connection.id,
        "seen": last.seen,
        "news": last.news,
        "gone": last.gone,
        "unread": len(unread),
        "problem": last.problem,
    }


async def _write(runner: Runner, connection: Connection, caller: Caller, unread: set[str]) -> None:
    """Read what waits, as a worker would, which finds it done; what cannot be joins `unread`."""
    free = asyncio.Semaphore(READ_AT_ONCE)

    async def read(message: str) -> None:
        job = Job(id=0, tenant_id=connection.tenant_id, kind=READ_INBOUND, subject=message, tries=1)
        async with free:
            try:
                await read_inbound.run(runner, job)
            except Hopeless:  # it waits for the worker, which will say why
                unread.add(message)

    waiting = Waiting(connection_id=connection.id)
    while found := await runner.read(inbox.list_waiting, waiting, caller):
        await asyncio.gather(*(read(one) for one in found if one not in unread))
        waiting = Waiting(connection_id=connection.id, after=found[-1])


def _tell(polling: Polling, poll: Poll) -> None:
    if sys.stderr.isatty():
        stage = polling.asking.round.stage
        counts = f"{poll.seen:,} read, {poll.news:,} with news, {poll.gone:,} gone"
        click.echo(f"\r{stage:<10} {counts}", err=True, nl=False)


def _guard() -> Guard:
    return Guard(networks(settings_of().allowed_networks))
