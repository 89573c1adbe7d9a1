"""Shops that are polled: what their webhooks lost comes in all the same, once, and nothing else."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from kith.actions import shop_polls
from kith.actions.connections import of_tenant
from kith.actions.run import utc_now
from kith.actions.shop_polls import Begin, parse_url
from kith.domain.shop_polls import Ask, PollFailed
from kith.errors import BadValue, Invalid
from kith.jobs.ask import Asker
from kith.jobs.guard import Guard
from kith.settings import networks
from tests.cast import Bed, Person
from tests.conftest import RECEIVERS, SECRET_KEY
from tests.graph.http import Reply, as_json
from tests.jobs import corpus
from tests.jobs.test_guard import Listener, Resolver
from tests.polled import PolledShop, Vendor, people
from tests.serving import KITH, environment
from tests.shops import payload
from tests.vendors.shopify import Shopify
from tests.vendors.woocommerce import WooCommerce
from tests.waits import await_until, wait_until

YESTERDAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
PHONE = "+14155550142"


@pytest.fixture
def shopify() -> Iterator[Shopify]:
    with Shopify() as vendor:
        yield vendor


@pytest.fixture
def woo() -> Iterator[WooCommerce]:
    with WooCommerce() as vendor:
        yield vendor


@pytest.fixture(params=["shopify", "woocommerce"])
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    with Shopify() if request.param == "shopify" else WooCommerce() as vendor:
        yield vendor


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten, of which WooCommerce's have two in common."""
    monkeypatch.setattr("kith.integrations.shopify.polling.CUSTOMERS_A_PAGE", 10)
    monkeypatch.setattr("kith.integrations.woocommerce.polling.A_PAGE", 10)
    monkeypatch.setattr("kith.integrations.woocommerce.polling.READ_AGAIN", 2)
    monkeypatch.setattr("kith.domain.shop_polls.GONE_AT_ONCE", 10)


@pytest.fixture(autouse=True)
async def no_jobs_left(bed: Bed, ana: Person) -> AsyncIterator[None]:
    """Of anybody's: a vendor is gone when its test is over."""
    yield
    await bed.forget_jobs()


def at(hour: int, minute: int = 0) -> str:
    """Of the day on which the webhooks are lost."""
    return (YESTERDAY + timedelta(hours=hour, minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def gmt(hour: int, minute: int = 0) -> str:
    return at(hour, minute).removesuffix("Z")


def customer(number: int, hour: int, **changes: Any) -> dict[str, Any]:
    """Of Shopify."""
    given = {
        "id": 7_000_000_000 + number,
        "email": f"c{number}@example.com",
        "phone": f"+1415555{number:04}",
        "first_name": f"C{number}",
        "created_at": at(hour),
        "updated_at": at(hour),
    }
    return payload("shopify", "customers_create", **{**given, **changes})


def buyer(number: int, hour: int, *, event: str = "created", **changes: Any) -> dict[str, Any]:
    """Of WooCommerce."""
    given = {
        "id": number,
        "email": f"b{number}@example.com",
        "first_name": f"B{number}",
        "role": "customer",
        "date_created_gmt": gmt(hour),
        "date_modified_gmt": gmt(hour),
    }
    made = payload("woocommerce", f"customer_{event}", **{**given, **changes})
    made["billing"] = {**made["billing"], "phone": f"(415) 555-{number:04}",
                       "email": f"b{number}@example.com"}  # fmt: skip
    return made


def some(vendor: Vendor, number: int, hour: int, **changes: Any) -> tuple[str, dict[str, Any]]:
    """The topic and the body of a customer's webhook; `first_name` may be changed."""
    if isinstance(vendor, Shopify):
        return "customers/update", customer(number, hour, **changes)
    return "customer.updated", buyer(number, hour, **changes)


def name_of(vendor: Vendor, number: int) -> str:
    known = 7_000_000_000 + number if isinstance(vendor, Shopify) else number
    return f"{vendor.system}:{known}"


def lately() -> dict[str, str]:
    """For something that changes now, in the words of either shop."""
    now = datetime.now(UTC)
    return {
        "updated_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "date_modified_gmt": now.strftime("%Y-%m-%dT%H:%M:%S"),
    }


Event = tuple[str, dict[str, Any], str]


def a_day_at_shopify() -> tuple[list[Event], list[Event]]:
    """What happened before, and on the day; each with its time."""
    gone = customer(3, 0)
    before = [
        ("customers/create", customer(1, 0), at(0)),
        ("customers/create", gone, at(0)),
        ("customer.tags_added", tags(1, 0, "VIP", "Fidèle"), at(0, 1)),
    ]
    agreed = {"state": "subscribed", "opt_in_level": "single_opt_in"}
    whatsapp = {**agreed, "consent_updated_at": at(4), "consent_collected_from": "OTHER"}
    account = customer(6, 8, phone=None)
    order = payload("shopify", "orders_create", id=1, customer=account, phone="+14155550606",
                    email=account["email"], created_at=at(8), updated_at=at(8))  # fmt: skip
    guest = payload("shopify", "orders_create_guest", created_at=at(9), updated_at=at(9))
    day = [
        ("customers/create", customer(2, 1, phone="(0)20 7946 0018",
                                      default_address={"country_code": "GB"}), at(1)),
        ("customers/create", customer(4, 2, phone=None), at(2)),
        ("customer.tags_added", tags(2, 3, "newsletter"), at(3)),
        ("customer.tags_removed", tags(1, 3, "Fidèle"), at(3)),
        ("customers/update", customer(1, 4, last_name="Grün",
                                      whatsapp_marketing_consent=whatsapp), at(4)),
        ("customers_email_marketing_consent/update",
         consent(1, "email", {**agreed, "consent_updated_at": at(5)}), at(5)),
        ("customers_marketing_consent/update",
         consent(1, "sms", {**agreed, "consent_updated_at": at(6)}), at(6)),
        ("customers_marketing_consent/update",
         consent(1, "sms", {**agreed, "state": "unsubscribed", "consent_updated_at": at(7)}),
         at(7)),
        ("orders/create", order, at(8)),
        ("orders/create", guest, at(9)),
        ("customers/delete", {"id": gone["id"]}, at(10)),
    ]  # fmt: skip
    return before, day


def tags(number: int, hour: int, *names: str) -> dict[str, Any]:
    return {
        "customerId": f"gid://shopify/Customer/{7_000_000_000 + number}",
        "tags": list(names),
        "occurredAt": at(hour, 1),
    }


def consent(number: int, channel: str, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer_id": 7_000_000_000 + number,
        f"{channel}_marketing_consent": {**given, "consent_collected_from": "SHOPIFY"},
    }


def a_day_at_woocommerce() -> tuple[list[Event], list[Event]]:
    ticked = [{"id": 1, "key": "whatsapp_opt_in", "value": "yes"}]
    before = [
        ("customer.created", buyer(25, 0), at(0)),
        ("customer.created", buyer(26, 0), at(0)),
    ]
    order = payload("woocommerce", "order_created", id=1, customer_id=27, meta_data=ticked,
                    date_created_gmt=gmt(4), date_modified_gmt=gmt(4),
                    billing=buyer(27, 3)["billing"])  # fmt: skip
    guest = payload("woocommerce", "order_created_guest", id=2, date_created_gmt=gmt(5),
                    date_modified_gmt=gmt(5))  # fmt: skip
    day = [
        ("customer.updated", buyer(25, 1, event="updated", first_name="Johnny"), at(1)),
        ("customer.created", buyer(27, 3), at(3)),
        ("order.created", order, at(4)),
        ("order.created", guest, at(5)),
        ("order.updated", {**guest, "status": "completed", "date_modified_gmt": gmt(6)}, at(6)),
        ("customer.deleted", {"id": 26}, at(7)),
    ]
    return before, day


async def deliver(shop: PolledShop, event: Event) -> None:
    topic, body, when = event
    if isinstance(shop.vendor, Shopify):
        await shop.send(topic, body, x_shopify_triggered_at=when)
    else:
        await shop.send(topic, body, x_wc_webhook_source=f"{shop.vendor.url}/")


@pytest.mark.row("T3.7")
async def test_all_webhooks_of_a_day_are_lost(
    bed: Bed, ana: Person, mallory: Person, vendor: Vendor
) -> None:
    """Ana's are delivered, Mallory's are not: after the poll their contacts are the same."""
    is_shopify = isinstance(vendor, Shopify)
    before, day = a_day_at_shopify() if is_shopify else a_day_at_woocommerce()
    config = {} if is_shopify else {"consent_key": "whatsapp_opt_in"}
    told = await PolledShop.at(bed, ana, vendor, **config)
    lost = await PolledShop.at(bed, mallory, vendor, **config)
    for event in before:
        vendor.happen(*event)
        await deliver(told, event)
        await deliver(lost, event)
    assert people(ana) == people(mallory)
    for event in day:
        vendor.happen(*event)
        await deliver(told, event)
    expected = people(ana)
    assert expected != people(mallory)
    first = await lost.poll()
    assert people(mallory) == expected
    assert first.gone == 1
    assert first.news >= 4
    again = await lost.poll()
    assert (again.news, again.gone) == (0, 0)
    await told.poll()  # nor does it change anything where nothing was lost
    assert people(ana) == expected
    assert people(mallory) == expected


async def test_a_no_counts_however_often_it_was_said(
    bed: Bed, ana: Person, woo: WooCommerce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that keeps consent changes nothing else of the customer, not even its date.

    All of it is asked for within one second.
    """
    shop = await PolledShop.at(bed, ana, woo, consent_key="agreed")
    second, ms = utc_now().replace(microsecond=0), count()
    monkeypatch.setattr(bed.runner, "now", lambda: second + timedelta(milliseconds=next(ms)))
    state = {}
    for turn, word in enumerate(("no", "yes", "no")):
        ticked = [{"id": 1, "key": "agreed", "value": word}]
        woo.happen("customer.updated", buyer(25, 1, event="updated", meta_data=ticked))
        await shop.poll()
        person = ana.get_contact(external_id=name_of(woo, 25)).json()
        told = ana.post("get-consent", {"contact_id": person["id"]}).json()
        state[turn] = told["consent"][0]["state"]
    assert state == {0: None, 1: "granted", 2: "withdrawn"}


async def test_who_is_gone_is_found_a_hundred_at_a_time(
    bed: Bed, ana: Person, woo: WooCommerce
) -> None:
    shop = await PolledShop.at(bed, ana, woo)
    for number in range(1, 71):
        woo.happen(*some(woo, number, 1))
    await shop.poll()
    woo.happen("customer.deleted", {"id": 60})
    woo.requests.clear()
    assert (await shop.poll()).gone == 1
    asked = [request for request in woo.requests if "include" in request.query]
    after = [request for request in woo.requests if request.path.endswith("/60")]
    assert (len(asked), len(after)) == (1, 1)
    assert not [one for one in woo.requests if one.path.endswith(tuple(map(str, range(70, 80))))]


async def test_a_slow_shop_is_asked_after_a_few_at_a_time(
    bed: Bed, ana: Person, woo: WooCommerce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page ends before the job's time is over, and the next goes on behind it."""
    monkeypatch.setattr("kith.jobs.poll_shop.TURN_S", -1.0)
    shop = await PolledShop.at(bed, ana, woo)
    numbers = range(11, 15)
    for number in numbers:
        woo.happen(*some(woo, number, 1))
    await shop.poll()
    for number in numbers:
        woo.happen("customer.deleted", {"id": number})
    assert (await shop.poll()).gone == len(numbers)


async def test_a_worker_polls_by_itself(bed: Bed, ana: Person, vendor: Vendor) -> None:
    """As soon as there is what it needs, and then in its time."""
    vendor.happen(*some(vendor, 25, 1))
    shop = await PolledShop.at(bed, ana, vendor, by_itself=True)
    told = await shop.is_polled()
    assert (told.news, told.failures, told.problem) == (1, 0, None)
    assert ana.get_contact(external_id=name_of(vendor, 25)).json()["source"] == vendor.system
    await is_due(bed, shop, 3_300, 3_660)
    bed.serving.logged("poll.done", connection_id=shop.connection.id, news=1)


async def is_due(bed: Bed, shop: PolledShop, after_s: float, before_s: float) -> None:
    """Until one more poll is planned, in so many seconds."""
    await await_until(
        lambda: jobs(bed, shop),
        "the next poll",
        is_so=lambda rows: len(rows) == 1 and after_s < rows[0][0] < before_s,
    )


async def jobs(bed: Bed, shop: PolledShop) -> list[tuple[Any, ...]]:
    """In how many seconds it is polled again, and the tries."""
    now = time.time_ns() // 1_000
    return [
        ((due - now) / 1_000_000, tries)
        for due, tries in await bed.rows(
            "SELECT due_at, tries FROM jobs WHERE kind = 'poll_shop' AND subject = :id"
            " AND gave_up_at IS NULL",
            id=shop.connection.id,
        )
    ]


# What comes twice, late, or at the same time


async def test_what_was_told_already_changes_nothing(bed: Bed, ana: Person, vendor: Vendor) -> None:
    shop = await PolledShop.at(bed, ana, vendor)
    topic, body = some(vendor, 25, 1)
    vendor.happen(topic, body)
    await deliver(shop, (topic, body, at(1)))
    before = ana.get_contact(external_id=name_of(vendor, 25), expand=["history"]).json()
    for _ in range(2):
        await shop.poll()
    after = ana.get_contact(external_id=name_of(vendor, 25), expand=["history"]).json()
    assert after == before


@pytest.mark.parametrize("first", ["webhook", "poll"])
async def test_a_webhook_and_a_poll_race(bed: Bed, ana: Person, vendor: Vendor, first: str) -> None:
    """A page that was read before a change, and stored after it was told, is old news."""
    shop = await PolledShop.at(bed, ana, vendor)
    vendor.happen(*some(vendor, 25, 1, first_name="Old"))
    topic, body = some(vendor, 25, 2, first_name="New")
    headers: dict[str, str] = {}

    def overtake(_: int) -> None:
        vendor.on_call = None
        assert shop.post(topic, body, **headers).status_code == 200

    if first == "webhook":
        vendor.on_call = overtake
        await shop.poll()
    else:
        await asyncio.gather(shop.poll(), asyncio.to_thread(overtake, 0))
        await shop.is_read()
    found = ana.get_contact(external_id=name_of(vendor, 25)).json()
    assert found["name"].startswith("New")
    assert len(ana.post("search-contacts", {}).json()) == 1


@pytest.mark.usefixtures("small_pages")
async def test_many_pages_by_many_at_once(bed: Bed, ana: Person, vendor: Vendor) -> None:
    """Each customer once, whoever else reads the same shop."""
    for number in range(1, 24):
        vendor.happen(*some(vendor, number, 1))
    shop = await PolledShop.at(bed, ana, vendor)
    await asyncio.gather(*(shop.poll() for _ in range(3)))
    [(contacts, made)] = await bed.rows(
        "SELECT COUNT(*), COUNT(DISTINCT name) FROM contacts WHERE tenant_id = :id",
        id=ana.user.tenant_id,
    )
    assert (contacts, made) == (23, 23)


@pytest.mark.usefixtures("small_pages")
async def test_it_goes_on_where_it_was_stopped(bed: Bed, ana: Person, vendor: Vendor) -> None:
    """Stopped at each call in turn; nothing is asked for from the beginning again."""
    for number in range(1, 24):
        vendor.happen(*some(vendor, number, 1))
    shop = await PolledShop.at(bed, ana, vendor)
    done = 0
    is_whole = False
    while not is_whole and done < 20:
        done += 1
        vendor.faults = [None, Reply(then="drop")]
        with contextlib.suppress(PollFailed):
            await shop.poll(is_full=False)
            is_whole = True
    assert 4 <= done < 20
    counts = await bed.rows(
        "SELECT COUNT(*) FROM contacts WHERE tenant_id = :id", id=ana.user.tenant_id
    )
    assert counts == [(23,)]
    pages = [request.body or tuple(sorted(request.query.items())) for request in vendor.requests]
    assert max(map(pages.count, pages)) <= 2  # each that was lost, once more


async def test_a_poll_that_is_killed_is_gone_on_with(
    bed: Bed, ana: Person, vendor: Vendor, server_database_url: str
) -> None:
    """By hand, with SIGKILL while the shop thinks about the second page."""
    vendor.happen(*some(vendor, 25, 1))
    shop = await PolledShop.at(bed, ana, vendor)
    vendor.faults = [None, Reply(then="hang")]
    process = subprocess.Popen(
        [KITH, "connect", "poll", shop.connection.id],
        env=environment(
            database_url=server_database_url, secret_key=SECRET_KEY, allowed_networks=RECEIVERS
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: len(vendor.requests) >= 2, "a second question")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    under_way = (await shop.progress()).under_way
    assert under_way is not None
    assert under_way.stage == "orders"
    told = await shop.poll()
    assert (told.seen, told.news, told.under_way) == (1, 1, None)
    assert len(vendor.requests) == 4  # customers and orders, orders again, and who is gone
    assert len(ana.post("search-contacts", {}).json()) == 1


# What changed since


@pytest.mark.usefixtures("small_pages")
async def test_only_what_changed_since_is_asked_for(
    bed: Bed, ana: Person, shopify: Shopify, woo: WooCommerce
) -> None:
    """With an hour read twice; all of WooCommerce's customers only once a day."""
    for number in range(1, 13):
        shopify.happen(*some(shopify, number, 1))
        woo.happen(*some(woo, number, 1))
    shops = [await PolledShop.at(bed, ana, one) for one in (shopify, woo)]
    for shop in shops:
        await shop.poll()
        shop.vendor.requests.clear()
    now = datetime.now(UTC)
    fresh = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    shopify.happen("customers/create", customer(500, 1, updated_at=fresh))
    woo.happen("customer.created", buyer(500, 1, date_created_gmt=fresh[:-1]))
    for shop in shops:
        told = await shop.poll(is_full=False)
        assert told.news == 1
        assert len(shop.vendor.requests) == 2
        assert ana.get_contact(external_id=name_of(shop.vendor, 500)).status_code == 200
    asked = json.loads(shopify.requests[0].body)["variables"]["query"]
    since = datetime.fromisoformat(asked.split("'")[1])
    assert timedelta(minutes=59) < now - since < timedelta(minutes=62)
    assert woo.requests[0].query["order"] == "desc"


@pytest.mark.parametrize("version", ["2025-10", "2026-07", "2026-10"])
async def test_versions_of_shopify(bed: Bed, ana: Person, shopify: Shopify, version: str) -> None:
    """Consent to WhatsApp is read where there is such a thing."""
    told = {"state": "SUBSCRIBED", "consent_updated_at": at(1)}
    shopify.happen("customers/create", customer(1, 1, whatsapp_marketing_consent=told))
    shop = await PolledShop.at(bed, ana, shopify)
    await bed.change(
        "UPDATE connections SET config = :config WHERE uuid = :id",
        config=json.dumps({"poll_url": shopify.url, "api_version": version}),
        id=shop.connection.id,
    )
    await shop.poll()
    found = ana.get_contact(phone="+14155550001").json()
    assert (found["opted_in_at"] is not None) == (version >= "2026-07")


async def test_orders_are_left_out_where_the_token_may_not_read_them(
    bed: Bed, ana: Person, shopify: Shopify
) -> None:
    shopify.scopes = {"read_customers"}
    shopify.happen(*some(shopify, 1, 1))
    shop = await PolledShop.at(bed, ana, shopify)
    told = await shop.poll()
    assert told.problem == "Orders are not read: the access token lacks read_orders."
    assert (told.news, told.failures) == (1, 0)
    shopify.scopes.add("read_orders")
    assert (await shop.poll()).problem is None


# Whom it may not touch


@pytest.mark.row("T10.2")
async def test_no_poll_widens_consent(bed: Bed, ana: Person, vendor: Vendor) -> None:
    """Who opted out here stays so, whatever the shop has; and says nothing of others."""
    topic, body = some(vendor, 1, 1)
    vendor.happen(topic, body)
    config = {} if isinstance(vendor, Shopify) else {"consent_key": "agreed"}
    shop = await PolledShop.at(bed, ana, vendor, **config)
    await shop.poll()
    who = {"phone": "+14155550001"}
    assert ana.get_contact(**who).json()["opted_in_at"] is None
    for channel in ("email", "sms", "whatsapp"):
        told = {**who, "channel": channel, "purpose": "marketing", "state": "withdrawn",
                "source": "api", "method": "button"}  # fmt: skip
        assert ana.post("set-consent", told).status_code == 200
    later = {"state": "subscribed", "consent_updated_at": at(5)}
    topic, body = some(vendor, 1, 5, **lately())
    for channel in ("email", "sms", "whatsapp"):
        body[f"{channel}_marketing_consent"] = later
    body["meta_data"] = [{"key": "agreed", "value": "yes"}]
    vendor.happen(topic, body)
    told_of = await shop.poll()
    assert told_of.news == 1
    states = {
        one["channel"]: one["state"]
        for one in ana.post("get-consent", who).json()["consent"]
        if one["purpose"] == "marketing"
    }
    assert set(states.values()) == {"withdrawn"}
    assert ana.get_contact(**who).json()["opted_out_at"] is not None


async def test_whom_a_shop_lost_is_no_customer(bed: Bed, ana: Person, vendor: Vendor) -> None:
    """Nobody else goes: not who is only hidden from a list, nor whom another shop told of."""
    for number in (1, 2, 3):
        vendor.happen(*some(vendor, number, 1))
    shop = await PolledShop.at(bed, ana, vendor)
    topic, body = some(vendor, 4, 1)
    elsewhere = {"x_shopify_shop_domain": "b.example"}
    if isinstance(vendor, WooCommerce):
        elsewhere = {"x_wc_webhook_source": "https://other.example/"}
        vendor.hidden = {3}
    await shop.send(topic, body, **elsewhere)
    await shop.poll()
    vendor.customers.pop(7_000_000_001 if isinstance(vendor, Shopify) else 1)
    assert (await shop.poll()).gone == 1
    known = [
        ana.get_contact(external_id=name_of(vendor, number)).status_code for number in (1, 2, 3, 4)
    ]
    hidden = 404 if isinstance(vendor, WooCommerce) else 200
    assert known == [404, 200, hidden, 200]
    assert ana.get_contact(phone="+14155550001").json()["metadata"] == {}
    assert (await shop.poll()).gone == 0


async def test_an_erased_person_stays_erased(bed: Bed, ana: Person, vendor: Vendor) -> None:
    """Customers and guests, whom the shop still has; and no place names anybody."""
    is_shopify = isinstance(vendor, Shopify)
    before, [*day, _] = a_day_at_shopify() if is_shopify else a_day_at_woocommerce()
    shop = await PolledShop.at(bed, ana, vendor)
    for event in before + day:
        vendor.happen(*event)
        await deliver(shop, event)
    for one in ana.post("search-contacts", {}).json():
        await bed.change(
            "INSERT INTO shop_polls (tenant_id, connection_uuid, stage, place, began_at)"
            " VALUES (:tenant_id, :id, 'gone', 'shopify:7', 0)"
            " ON CONFLICT (tenant_id, connection_uuid) DO UPDATE SET place = excluded.place",
            tenant_id=ana.user.tenant_id,
            id=shop.connection.id,
        )
        assert ana.post("delete-contact", {"contact_id": one["id"]}).status_code == 200
    names = await bed.rows(
        "SELECT customer FROM shop_customers WHERE tenant_id = :id", id=ana.user.tenant_id
    )
    assert all(len(name) == 64 for (name,) in names)
    await bed.change("DELETE FROM inbox WHERE tenant_id = :id", id=ana.user.tenant_id)
    await shop.poll()
    assert ana.post("search-contacts", {}).json() == []


async def test_a_number_that_another_has_waits_in_quarantine(
    bed: Bed, ana: Person, vendor: Vendor
) -> None:
    """As a webhook does: with its reason, once, and read again once it is settled."""
    topic, body = some(vendor, 1, 1)
    vendor.happen(topic, body)
    shop = await PolledShop.at(bed, ana, vendor)
    await shop.poll()
    ana.create_contact(phone="+14155550002")
    changed = some(vendor, 2, 2)[1]
    moved = {name: changed[name] for name in ("phone", "billing") if name in changed}
    vendor.happen(topic, {**body, **moved, **lately()})
    for _ in range(2):
        await shop.poll()
    inbox = await shop.inbox()
    [(state, reason, bytes_kept)] = [one for one in inbox if one[0] != "read"]
    assert (state, bytes_kept) == ("quarantined", 0)
    assert reason.startswith("Another contact holds this phone. See contact ")


async def test_another_workspace_is_not_touched(
    bed: Bed, ana: Person, mallory: Person, vendor: Vendor
) -> None:
    vendor.happen(*some(vendor, 1, 1))
    hers, his = [await PolledShop.at(bed, one, vendor) for one in (ana, mallory)]
    await hers.poll()
    assert mallory.post("search-contacts", {}).json() == []
    assert (await his.progress()).done_at is None
    polling = await bed.runner.write(
        shop_polls.begin,
        Begin(connection_id=his.connection.id),
        of_tenant(ana.user.tenant_id or 0),
    )
    assert polling is None


# What goes wrong


FAULTS = [
    (as_json({"errors": "no"}, 401), "refused", "(401)"),
    (as_json({"errors": "no"}, 403), "forbidden", "(403)"),
    (as_json({"errors": "no"}, 404), "missing", "(404)"),
    (Reply(301, b"", {"location": "http://169.254.169.254/"}), "moved", "(301)"),
    (Reply(307, b"", {"location": "/elsewhere"}), "moved", "(307)"),
    (as_json({"errors": "no"}, 429, retry_after="2.0"), "throttled", "(429)"),
    (as_json({"errors": "no"}, 500), "trouble", "(500)"),
    (as_json({"errors": "no"}, 503), "trouble", "(503)"),
    (as_json({"errors": "no"}, 418), "unreadable", "(418)"),
    (Reply(200, b"<html>", {"content-type": "text/html"}), "unreadable", ""),
    (as_json({"errors": [{"message": "no"}]}), "unreadable", ""),
    (as_json({"data": {"shop": {"myshopifyDomain": "x"}, "customers": {}}}), "unreadable", ""),
    (as_json([{"name": "x"}, 1]), "unreadable", ""),
    (as_json(None), "unreadable", ""),
    (Reply(200, b"[" * 100_000), "unreadable", ""),
    (Reply(200, b" " * 9_000_000), "unreadable", "too large"),
    (Reply(then="drop"), "unreachable", ""),
    (Reply(200, b"[]" * 100, then="cut"), "unreachable", ""),
]


async def test_every_failure_is_told_and_changes_nothing(
    bed: Bed, ana: Person, vendor: Vendor
) -> None:
    vendor.happen(*some(vendor, 1, 1))
    shop = await PolledShop.at(bed, ana, vendor)
    for fault, reason, told in FAULTS:
        vendor.faults = [fault]
        with pytest.raises(PollFailed, match=r"shop|may not read") as failed:
            await shop.poll()
        assert (failed.value.reason, told in str(failed.value)) == (reason, True), fault
        assert len(vendor.faults) == 0
    assert ana.post("search-contacts", {}).json() == []
    await shop.poll()
    assert len(ana.post("search-contacts", {}).json()) == 1


async def test_a_shop_that_hangs_is_not_waited_for(
    bed: Bed, ana: Person, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kith.jobs.ask.CALL_S_MAX", 0.2)
    shop = await PolledShop.at(bed, ana, vendor)
    vendor.faults = [Reply(then="hang")]
    with pytest.raises(PollFailed, match="in time"):
        await shop.poll()


async def test_a_worker_waits_when_a_shop_wants_it_to(
    bed: Bed, ana: Person, shopify: Shopify
) -> None:
    """As long as Retry-After says, and as points come back; that is no try that failed."""
    shopify.happen(*some(shopify, 1, 1))
    shopify.faults = [as_json({"errors": "no"}, 429, retry_after="600")]
    shop = await PolledShop.at(bed, ana, shopify, by_itself=True)
    line = bed.serving.logged("poll.failed", connection_id=shop.connection.id)
    assert (line["reason"], line["wait_s"]) == ("throttled", 600)
    await is_due(bed, shop, 300, 601)
    assert (await shop.progress()).failures == 1
    shopify.points = 900.0
    await bed.change("UPDATE jobs SET due_at = 0 WHERE subject = :id", id=shop.connection.id)
    await is_due(bed, shop, 0, 20)
    told = await shop.progress()
    assert (told.failures, told.problem) == (0, None)
    assert told.under_way is not None
    shopify.points = None
    await bed.change("UPDATE jobs SET due_at = 0 WHERE subject = :id", id=shop.connection.id)
    assert (await shop.is_polled()).news == 1


async def test_a_wrong_token_is_told_and_never_shown(bed: Bed, ana: Person, vendor: Vendor) -> None:
    """It is tried again in the next round; a failure in a row of others waits longer."""
    if isinstance(vendor, Shopify):
        vendor.token = secret = "shpat_ffffffffffffffffffffffffffffffff"
        shop = await PolledShop.at(bed, ana, vendor, by_itself=False)
        vendor.token = "another"
    else:
        vendor.secret = secret = "cs_ffffffffffffffffffffffffffffffffffffffff"
        shop = await PolledShop.at(bed, ana, vendor, by_itself=False)
        vendor.secret = "another"
    await bed.change(
        "INSERT INTO jobs (tenant_id, kind, subject, lane, due_at, created_at)"
        " VALUES (:tenant_id, 'poll_shop', :id, 3, 0, 0)",
        tenant_id=ana.user.tenant_id,
        id=shop.connection.id,
    )
    line = bed.serving.logged("poll.failed", connection_id=shop.connection.id)
    assert (line["reason"], line["wait_s"]) == ("refused", 3_600)
    told = await shop.progress()
    assert told.problem is not None
    assert told.problem.startswith("The shop does not take the")
    assert secret not in bed.serving.log_path.read_text()
    [row] = await bed.rows(
        "SELECT secrets, config FROM connections WHERE uuid = :id", id=shop.connection.id
    )
    assert secret not in str(row)
    assert await bed.rows("SELECT 1 FROM jobs WHERE gave_up_at IS NOT NULL AND subject = :id",
                          id=shop.connection.id) == []  # fmt: skip


# Where it may call


@pytest.mark.row("T4.1", "T4.2", "G19")
async def test_no_spelling_of_an_address_inside_is_called() -> None:
    """Not where it is given, and not if it had been stored before the rules."""
    listener = Listener()
    try:
        guard = Guard(())
        asker = Asker(guard)
        given = list(dict.fromkeys(corpus.urls(listener.port)))
        assert len(given) >= 500
        for url in given:
            for system in ("shopify", "woocommerce"):
                with pytest.raises(BadValue):
                    await guard.check(parse_url(system, url))
            with pytest.raises(PollFailed) as failed:
                await asker.ask(Ask(method="GET", url=url, headers={}))
            assert failed.value.reason == "blocked", url
        assert listener.count == 0
    finally:
        listener.close()


@pytest.mark.row("T4.2")
async def test_the_address_that_was_checked_is_called() -> None:
    """By a name that leads inside a moment later: it is asked for once."""
    listener = Listener()
    try:
        resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
        asker = Asker(Guard(networks(RECEIVERS), resolver))
        ask = Ask(method="GET", url=f"http://rebinds.example.com:{listener.port}/", headers={})
        with pytest.raises(PollFailed) as failed:
            await asker.ask(ask)
        assert failed.value.reason == "unreachable"
        assert (resolver.asked, listener.count) == (1, 1)
    finally:
        listener.close()


@pytest.mark.parametrize(
    ("system", "given", "known"),
    [
        ("shopify", "acme.myshopify.com", "https://acme.myshopify.com"),
        ("shopify", " https://acme.myshopify.com/ ", "https://acme.myshopify.com"),
        ("shopify", "acme", None),
        ("shopify", "https://acme.myshopify.com/admin", None),
        ("shopify", "https://acme.myshopify.com?x=1", None),
        ("woocommerce", "https://shop.example/en/", "https://shop.example/en"),
        ("woocommerce", "https://shop.example/?p=1", None),
        ("woocommerce", "https://u:p@shop.example/", None),
        ("woocommerce", "shop.example", None),
    ],
)
def test_where_a_shop_is(system: str, given: str, known: str | None) -> None:
    try:
        assert parse_url(system, given) == known
    except (BadValue, Invalid):
        assert known is None
