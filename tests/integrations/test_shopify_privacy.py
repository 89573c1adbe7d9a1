"""The three privacy topics of Shopify, and what an erasure leaves of what shops told: nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kith import wiring
from kith.actions import connections, inbox_facts
from kith.actions.inbox_facts import Told
from kith.actions.run import Context
from kith.domain.phone import Phone
from kith.domain.shop_facts import Customer, CustomerRedacted, CustomerSeen
from kith.domain.traces import Traces
from kith.settings import Settings
from kith.store import inbox
from tests.api.test_erasure import texts
from tests.cast import Bed, Person
from tests.integrations.test_shopify import EMAIL, ID, NAME, PHONE, contact, shopify
from tests.serving import serving
from tests.shops import Shop

NEEDLES = (ID, PHONE[2:], EMAIL, "Biller")
DOMAIN = "snowdevil.myshopify.example"


@pytest.fixture
async def shop(bed: Bed, ana: Person) -> Shop:
    return await Shop.of(bed, ana)


async def left(bed: Bed, person: Person) -> list[str]:
    """Where anything of the customer stands in the workspace's rows."""
    rows = await bed.read(texts)
    assert person.workspace is not None
    return [where for where, value in rows if any(needle in value for needle in NEEDLES)]


async def a_life(shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    await shop.send("customers/update", shopify("customers_update"))
    await shop.send("customer.tags_added", shopify("customer_tags_added"))
    name = "customers_marketing_consent_update"
    await shop.send("customers_marketing_consent/update", shopify(name))
    await shop.send("orders/create", shopify("orders_create"))


@pytest.mark.row("T18.1")
async def test_a_redacted_customer_is_nowhere(
    database_url: str, http: httpx.Client, tmp_path: Path
) -> None:
    """Not in a table, not in a file after a clean stop, not in the log; the neighbour stays."""
    settings = {"database_url": database_url, "secret_key": "a-key", "rate_limit_per_minute": 0}
    log = tmp_path / "server.log"
    with serving(log, log_requests="true", **settings) as running:
        async with wiring.opened(Settings(database_url=database_url, secret_key="a-key")) as runner:
            bed = Bed(running, runner, http)
            ana = await bed.owner("Ana")
            shop = await Shop.of(bed, ana)
            await a_life(shop)
            other = {"id": 7064055069999, "phone": "+14155550100", "email": "sue@example.com"}
            names = {"first_name": "Sue", "last_name": "Stays", "default_address": None}
            await shop.send("customers/create", shopify("customers_create", **other, **names))
            # In quarantine, with the customer's address: nobody would read it again.
            await shop.send(
                "customers/create", json.dumps(shopify("customers_create"))[:-1].encode()
            )
            assert (await shop.inbox())[-1][0] == "quarantined"
            assert await left(bed, ana)
            await shop.send("customers/redact", shopify("customers_redact"))
            assert await left(bed, ana) == []
            assert [state for state, _, _ in await shop.inbox()] == ["read"] * 8
            # What is told late makes nobody anew; what is new may.
            for topic, name in (
                ("customers/update", "customers_update"),
                ("customer.tags_added", "customer_tags_added"),
                ("customers_marketing_consent/update", "customers_marketing_consent_update"),
                ("customers/redact", "customers_redact"),
                ("customers/update", "customers_update"),
            ):
                await shop.send(topic, shopify(name))
            assert await left(bed, ana) == []
            assert ana.get_contact(external_id="shopify:7064055069999").status_code == 200
        assert running.stop() == 0
    for path in (path for path in tmp_path.iterdir() if path.is_file()):
        data = path.read_bytes()
        assert [needle for needle in NEEDLES if needle.encode() in data] == [], path.name
    if database_url.startswith("sqlite"):
        assert b"sue@example.com" in (tmp_path / "kith.db").read_bytes(), "the search can find"


@pytest.mark.row("T18.1")
async def test_who_is_redacted_is_not_made_anew_by_what_is_read_together(
    bed: Bed, ana: Person, shop: Shop
) -> None:
    """Another account of theirs, with the same address."""
    await a_life(shop)
    caller = connections.caller(shop.connection)

    async def store(ctx: Context, key: str) -> str:
        await inbox.add(
            ctx.tx, tenant_id=ctx.tenant_id, uuid=key, connection_row_id=shop.connection.row_id,
            event_key=key, headers={}, body=json.dumps({"email": EMAIL}).encode(), at=ctx.now,
        )  # fmt: skip
        return key

    ids = [await bed.runner.write(store, bed.runner.new_id(), caller) for _ in range(2)]
    one, other = (
        Customer(external_id=name, shop=DOMAIN, email=EMAIL, phone=Phone(PHONE))
        for name in (NAME, "shopify:2222222222")
    )
    facts = [CustomerRedacted(customer=one), CustomerSeen(customer=other, name="X")]
    told = [Told(*each) for each in zip(ids, facts, strict=True)]
    await bed.runner.write(inbox_facts.apply_all, told, caller)
    assert ana.get_contact(external_id=NAME).status_code == 404
    assert ana.get_contact(external_id="shopify:2222222222").status_code == 404


async def test_a_redacted_customer_may_come_back(ana: Person, shop: Shop) -> None:
    await a_life(shop)
    old = contact(ana)["id"]
    await shop.send("customers/redact", shopify("customers_redact"))
    assert ana.get_contact(external_id=NAME).status_code == 404
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    await shop.send("customers/update", shopify("customers_create", updated_at=later))
    assert contact(ana)["id"] != old


async def test_the_id_goes_before_the_phone(bed: Bed, ana: Person, shop: Shop) -> None:
    """The phone in such a body may be anybody's: only a contact of this source goes by it."""
    await a_life(shop)
    stranger = ana.create_contact(phone="+15556251199").json()["id"]
    body = shopify("customers_redact")
    phone = {**body["customer"], "phone": "+15556251199"}
    await shop.send("customers/redact", {**body, "customer": phone})
    assert ana.get_contact(external_id=NAME).status_code == 404
    assert ana.get_contact(contact_id=stranger).status_code == 200
    unknown = {"id": 9, "email": "x@example.com", "phone": "+15556251199"}
    await shop.send("customers/redact", {**body, "customer": unknown})
    assert ana.get_contact(contact_id=stranger).status_code == 200


async def test_a_guest_goes_by_their_address(ana: Person, shop: Shop) -> None:
    await shop.send("orders/create", shopify("orders_create_guest"))
    guest = {"id": None, "email": "jon@doe.example.ca", "phone": None}
    await shop.send("customers/redact", shopify("customers_redact", customer=guest))
    assert ana.get_contact(phone="+15145550143").status_code == 404
    for changes in ({}, {"phone": None}, {"email": None}):
        late = shopify("orders_create_guest", updated_at="2026-06-01T00:00:00Z", **changes)
        await shop.send("orders/updated", late)
    assert ana.post("search-contacts", {}).json() == []
    again = shopify("orders_create_guest", id=2, created_at="2027-01-01T00:00:00Z")
    await shop.send("orders/create", again)
    assert ana.get_contact(phone="+15145550143").status_code == 200


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("customers/redact", "customers_create"),
        ("customers/redact", "shop_redact"),
        ("shop/redact", "customers_redact"),
        ("shop/redact", "customers_data_request"),
        ("shop/redact", "customers_create"),
        ("customers/data_request", "customers_redact"),
    ],
)
async def test_a_topic_alone_erases_nobody(ana: Person, shop: Shop, topic: str, body: str) -> None:
    """The header is not signed: a body that was sent for another topic is none of this one."""
    await a_life(shop)
    await shop.send(topic, shopify(body))
    assert contact(ana)["phone"] == PHONE
    assert (await shop.inbox())[-1][0] == "quarantined"


async def kept(shop: Shop) -> list[tuple[str, str]]:
    """Customers of whom the shop told, each with the tags."""
    rows = await shop.bed.rows(
        "SELECT customer, tags FROM shop_customers WHERE connection_uuid = :id",
        id=shop.connection.id,
    )
    return [(customer, tags) for customer, tags in rows]


@pytest.mark.parametrize("topic", ["customers/redact", "shop/redact"])
async def test_tags_of_somebody_unknown_are_erased(ana: Person, shop: Shop, topic: str) -> None:
    """What waits for a customer goes with a redaction, and what comes late makes nobody."""
    tagged = shopify("customer_tags_added")
    await shop.send("customer.tags_added", tagged)
    [(customer, tags)] = await kept(shop)
    assert (customer, "VIP" in tags) == (NAME, True)
    for _ in range(2):
        await shop.send(topic, shopify(topic.replace("/", "_")))
        found = await kept(shop)
        assert ID not in str(found)
        assert {tags for _, tags in found} <= {"{}"}
        if topic == "customers/redact":
            assert found
            await shop.send("customer.tags_added", tagged)
            await shop.send("customers/create", shopify("customers_create"))
            assert await kept(shop) == found
            assert ana.get_contact(external_id=NAME).status_code == 404


async def test_tags_wait_for_nobody_who_was_erased(ana: Person, shop: Shop) -> None:
    """What was told before an erasure; what is told after it is of whoever comes anew."""
    await a_life(shop)
    assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
    before = await kept(shop)
    again = shopify("customer_tags_added", tags=["early"])
    await shop.send("customer.tags_added", again)
    assert await kept(shop) == before
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    told = shopify("customer_tags_added", tags=["late"], occurredAt=later)
    await shop.send("customer.tags_added", told)
    await shop.send("customers/update", shopify("customers_update"))
    assert ana.get_contact(external_id=NAME).status_code == 404
    await shop.send("customers/update", shopify("customers_create", updated_at=later))
    assert contact(ana)["tags"] == ["late"]
    assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
    assert ID not in str(await kept(shop))


# The whole shop


async def test_a_shop_takes_its_own_contacts_along(bed: Bed, ana: Person, shop: Shop) -> None:
    """Whoever came by another way too stays, without what only the shop knew."""
    second = await Shop.of(bed, ana)
    known = ana.create_contact(phone="+14155550101", metadata={"crm": 1}).json()["id"]
    for number in range(30):
        await shop.send(
            "customers/create",
            shopify(
                "customers_create",
                id=1_000_000_000 + number,
                phone=f"+14155550{100 + number}",
                email=f"c{number}@example.com",
            ),
        )
    await shop.send("orders/create", shopify("orders_create_guest"))
    ana.post("add-tag", {"phone": "+14155550110", "tag": "ours"})
    ana.post("update-contact", {"phone": "+14155550111", "name": "Known to Ana"})
    both = shopify("customers_create", id=1_000_000_012, phone="+14155550112")
    await second.send("customers/create", both, x_shopify_shop_domain="b.example")
    await shop.send("customers/create", b"{}")
    await shop.send("shop/redact", shopify("shop_redact"))
    stay = {"+14155550101": "+14155550101", "+14155550111": "Known to Ana", "+14155550112": ""}
    phones = {one["phone"] for one in ana.post("search-contacts", {"limit": 50}).json()}
    assert phones == stay.keys()
    found = {phone: ana.get_contact(phone=phone).json() for phone in phones}
    assert found["+14155550101"]["id"] == known
    assert found["+14155550101"]["metadata"] == {"crm": 1}
    assert found["+14155550111"]["metadata"] == {}
    for number in (1, 11):
        name = f"shopify:{1_000_000_000 + number}"
        assert ana.get_contact(external_id=name).status_code == 404
    assert {state for state, _, _ in await shop.inbox()} == {"read"}
    [(count,)] = await bed.rows(
        "SELECT COUNT(*) FROM shop_customers WHERE connection_uuid = :id", id=shop.connection.id
    )
    assert count == 0
    assert (await second.inbox())[0][0] == "read"


async def test_a_guest_of_another_shop_stays(bed: Bed, ana: Person, shop: Shop) -> None:
    """Also one of whom the other shop told nothing new."""
    second = await Shop.of(bed, ana)
    order = shopify("orders_create_guest")
    await shop.send("orders/create", order)
    await second.send("orders/create", order, x_shopify_shop_domain="b.example")
    await shop.send("shop/redact", shopify("shop_redact"))
    assert ana.get_contact(phone="+15145550143").status_code == 200


async def test_another_shop_on_the_same_connection_stays(ana: Person, shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    await shop.send("shop/redact", shopify("shop_redact", shop_domain="other.example"))
    assert contact(ana)["phone"] == PHONE


async def test_what_other_shops_sent_and_what_was_asked_for_still_waits(shop: Shop) -> None:
    """Of the shop itself, what cannot be read is forgotten, but for what its customers asked."""
    other = {"x_shopify_shop_domain": "other.example"}
    for topic, headers in (
        ("customers/create", other),
        ("customers/create", {"x_shopify_shop_domain": DOMAIN}),
        ("customers/redact", {"x_shopify_shop_domain": DOMAIN}),
    ):
        await shop.send(topic, b"{}", **headers)
    assert [state for state, _, _ in await shop.inbox()] == ["quarantined"] * 3
    await shop.send("shop/redact", shopify("shop_redact"))
    states = [state for state, _, _ in await shop.inbox()]
    assert states == ["quarantined", "read", "quarantined", "read"]


@pytest.mark.parametrize("domain", ["", " ", 5, ["x"], None])
async def test_no_shop_is_not_every_shop(ana: Person, shop: Shop, domain: object) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    await shop.send("shop/redact", shopify("shop_redact", shop_domain=domain))
    assert contact(ana)["phone"] == PHONE
    assert [state for state, _, _ in await shop.inbox()] == ["read", "quarantined"]


# Data requests


async def test_a_data_request_waits_for_the_operator(bed: Bed, ana: Person, shop: Shop) -> None:
    await a_life(shop)
    for _ in range(2):
        await shop.send("customers/data_request", shopify("customers_data_request"))
    held = ana.post("export-contact", {"phone": PHONE}).json()
    [asked] = held["data_requests"]
    assert asked["customer"] == NAME
    assert (asked["shop"], asked["closed_at"]) == (DOMAIN, None)
    await shop.send("customers/redact", shopify("customers_redact"))
    [row] = await bed.rows(
        "SELECT customer, contact_uuid FROM data_requests WHERE connection_uuid = :id",
        id=shop.connection.id,
    )
    assert row == (None, None)


async def test_of_somebody_unknown_too(bed: Bed, shop: Shop) -> None:
    await shop.send("customers/data_request", shopify("customers_data_request"))
    [row] = await bed.rows(
        "SELECT request_key, customer, contact_uuid FROM data_requests WHERE connection_uuid = :id",
        id=shop.connection.id,
    )
    assert row == ("9999", NAME, None)


# Any erasure


@pytest.mark.row("T18.1")
async def test_an_erasure_blanks_what_waits(bed: Bed, ana: Person, shop: Shop) -> None:
    """In any spelling; what names other people stays."""
    await shop.send("customers/create", shopify("customers_create"))
    named: list[object] = [
        {"note": "call (415) 555-0142"},
        {"note": "BOB@biller.example.com"},
        {"note": "bob\\u0040biller.example.com"},
        {"customer_id": int(ID)},
    ]
    others: list[object] = [{"note": "+1 415 555 0143"}, {"note": f"{ID}1"}, {"id": "bob"}]
    for body in (*named, *others):
        text = json.dumps(body).replace("\\\\u", "\\u")
        await shop.send("customers/create", text[:-1].encode())
    assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
    states = [state for state, _, _ in await shop.inbox()][1:]
    assert states == ["read"] * len(named) + ["quarantined"] * len(others)


@pytest.mark.row("T18.1")
async def test_an_erasure_knows_earlier_addresses(bed: Bed, ana: Person, shop: Shop) -> None:
    """Of the person, and of whoever was merged into them; not of who has such a one now."""
    who = ana.create_contact(phone="+14155550151", name="Zoe", email="old@example.com").json()["id"]
    ana.post("update-contact", {"contact_id": who, "email": "passed-on@example.com"})
    merged = ana.create_contact(phone="+14155550152", email="Merged@example.com").json()["id"]
    ana.post("update-contact", {"contact_id": merged, "email": "merged-2@example.com"})
    parted = ana.create_contact(phone="+14155550153", email="parted@example.com").json()["id"]
    for one in (merged, parted):
        answer = ana.post("merge-contacts", {"contact_id": one, "into": who})
        assert answer.status_code == 200, answer.text
    assert ana.post("unmerge-contacts", {"contact_id": parted}).status_code == 200
    ana.post("update-contact", {"contact_id": who, "email": "new@example.com"})
    ana.create_contact(phone="+14155550154", email="passed-on@example.com")
    named = ("new", "OLD", "merged", "merged-2")
    others = ("passed-on", "parted", "older", "nobody")
    for local_part in (*named, *others):
        await shop.send("customers/create", b'{"note": "%b@example.com"' % local_part.encode())
    assert ana.post("delete-contact", {"contact_id": who}).json()["deleted"]
    states = [state for state, _, _ in await shop.inbox()]
    assert states == ["read"] * len(named) + ["quarantined"] * len(others)


@pytest.mark.parametrize(
    ("text", "is_in"),
    [
        ("+4930123456", True),
        ("030 / 12 34 56", True),
        ("0049 (0)30 123456", True),
        ("49-30-123456", True),
        ('{"n": 4930123456}', True),
        ("+٤٩ ٣٠ ١٢٣٤٥٦", True),
        (r"\u0664\u0669\u0663\u0660\u0661\u0662\u0663\u0664\u0665\u0666", True),
        (r"+49 30 \ud835\udfcf23456", True),
        ("＋４９（３０）１２３４５６", True),
        ("०३०१२३४५६", True),
        ("+49\u200b30\u2060123\u200d456", True),
        (r"+49\u200b30123456", True),
        ("\u202a+49 30 123456\u202c", True),
        ("+49[30]123\u2212456", True),
        ("ana\u200b@shop.example", True),
        ("٢٠٣٠١٢٣٤٥٦", False),
        ("030123456²", True),
        ("\ud800".encode("utf-8", "replace").decode(), False),
        (r"\ud800 \udc00", False),
        ("1030123456", False),
        ("+49301234567", False),
        ("2030123456", False),
        ("ANA@shop.example", True),
        ("id: 123456789,", True),
        ("id: 1234567890", False),
        ("a1234567890", False),
        ("12", False),
    ],
)
def test_traces(text: str, is_in: bool) -> None:
    traces = Traces(phones=["+4930123456"], emails=["Ana@Shop.example"], ids=["123456789", "12"])
    assert traces.are_in(text.encode()) is is_in


def test_nobody_leaves_no_traces() -> None:
    assert not Traces().are_in(b"anything")
    assert not Traces(ids=["1"]).are_in(b"1")
