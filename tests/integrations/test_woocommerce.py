"""WooCommerce's webhooks against a running Kith."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kith.actions import connections
from kith.errors import Invalid
from tests.cast import Bed, Person
from tests.shops import Shop, payload

PHONE = "+14155550155"
NAME = "woocommerce:25"
KEY = "whatsapp_opt_in"


@pytest.fixture
async def shop(bed: Bed, ana: Person) -> Shop:
    return await Shop.of(bed, ana, "woocommerce")


def woo(name: str, **changes: Any) -> dict[str, Any]:
    return payload("woocommerce", name, **changes)


def contact(ana: Person, name: str = NAME) -> dict[str, Any]:
    answer = ana.get_contact(external_id=name)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_customer_is_made(ana: Person, shop: Shop) -> None:
    await shop.send("customer.created", woo("customer_created"))
    found = contact(ana)
    assert (found["phone"], found["name"]) == (PHONE, "John Doe")
    assert (found["email"], found["source"]) == ("john.doe@example.com", "woocommerce")
    assert found["metadata"] == {"woocommerce_id": "25"}
    assert (found["tags"], found["opted_in_at"]) == ([], None)


async def test_updates_in_any_order(ana: Person, shop: Shop) -> None:
    await shop.send("customer.updated", woo("customer_updated"))
    await shop.send("customer.created", woo("customer_created"))
    assert contact(ana)["name"] == "Johnny Doe"
    late = woo(
        "order_created",
        date_created_gmt="2026-03-20T00:00:00",
        date_modified_gmt="2026-11-01T00:00:00",
    )
    await shop.send("order.updated", late)
    assert contact(ana)["name"] == "Johnny Doe"


async def test_blank_is_absent(ana: Person, shop: Shop) -> None:
    await shop.send("customer.created", woo("customer_created"))
    before = contact(ana)
    body = woo("customer_updated", first_name="", last_name="", email="")
    body["billing"] = dict.fromkeys(body["billing"], "")
    await shop.send("customer.updated", body)
    assert contact(ana) == before


async def test_a_deleted_customer_stays_a_contact(ana: Person, shop: Shop) -> None:
    await shop.send("customer.created", woo("customer_created"))
    uuid = contact(ana)["id"]
    await shop.send("customer.deleted", woo("customer_deleted"))
    await shop.send("customer.updated", woo("customer_updated"))
    assert ana.get_contact(external_id=NAME).status_code == 404
    found = ana.get_contact(phone=PHONE).json()
    assert (found["id"], found["metadata"]) == (uuid, {})


async def test_orders(ana: Person, shop: Shop) -> None:
    """Of customers and of guests; a phone is read in the country of the bill."""
    await shop.send("order.created", woo("order_created"))
    assert (contact(ana)["phone"], contact(ana)["name"]) == (PHONE, "John Doe")
    await shop.send("order.created", woo("order_created_guest"))
    found = ana.get_contact(phone="+36305550155").json()
    assert (found["name"], found["email"]) == ("Ádám Nagy", "adam@example.hu")
    assert (found["source"], found["metadata"]) == ("woocommerce", {})
    names = [one["kind"] for one in ana.get_contact(
        phone="+36305550155", expand=["identities"]
    ).json()["identities"]]  # fmt: skip
    assert names == ["phone"]


@pytest.mark.row("T18.1")
async def test_a_guest_who_was_erased_is_not_revived_by_an_old_order(
    ana: Person, shop: Shop
) -> None:
    phone = "+36305550155"
    await shop.send("order.created", woo("order_created_guest"))
    assert ana.post("delete-contact", {"phone": phone}).status_code == 200
    late = woo("order_created_guest", date_modified_gmt="2027-01-01T00:00:00")
    await shop.send("order.updated", late)
    assert ana.get_contact(phone=phone).status_code == 404
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    await shop.send("order.created", woo("order_created_guest", id=729, date_created_gmt=later))
    assert ana.get_contact(phone=phone).status_code == 200


@pytest.mark.row("T18.1")
async def test_a_guest_who_is_known_by_an_earlier_address_is_not_revived_either(
    ana: Person, shop: Shop
) -> None:
    body = woo("order_created_guest")
    body["billing"] |= {"phone": "12-34", "country": "XX"}
    await shop.send("order.created", body)
    known = ana.get_contact(email="adam@example.hu").json()
    changed = {"contact_id": known["id"], "email": "new@example.hu"}
    assert ana.post("update-contact", changed).status_code == 200
    assert ana.post("delete-contact", {"contact_id": known["id"]}).status_code == 200
    await shop.send("order.updated", body | {"date_modified_gmt": "2027-01-01T00:00:00"})
    assert ana.post("search-contacts", {}).json() == []


async def test_a_phone_that_cannot_be_read(ana: Person, shop: Shop) -> None:
    body = woo("order_created_guest")
    body["billing"] |= {"phone": "12-34", "country": "XX"}
    for _ in range(2):
        await shop.send("order.created", body)
    [found] = ana.post("search-contacts", {}).json()
    assert (found["phone"], found["email"]) == (None, "adam@example.hu")
    assert ana.get_contact(email="adam@example.hu").json()["metadata"] == {
        "woocommerce_phone": "12-34"
    }


@pytest.mark.row("T16.1")
@pytest.mark.parametrize(("phone", "country"), [(4155552621, "US"), (14155552621, "")])
async def test_a_phone_may_be_a_number(ana: Person, shop: Shop, phone: int, country: str) -> None:
    body = woo("customer_created")
    body["billing"] |= {"phone": phone, "country": country}
    await shop.send("customer.created", body)
    assert contact(ana)["phone"] == "+14155552621"


async def test_each_shop_has_ids_of_its_own(bed: Bed, ana: Person, shop: Shop) -> None:
    second = await Shop.of(bed, ana, "woocommerce")
    third = await Shop.of(bed, ana, "woocommerce", ids_as="wholesale")
    assert [one.connection.config["ids_as"] for one in (shop, second, third)] == [
        "woocommerce", "woocommerce-2", "wholesale",
    ]  # fmt: skip
    for number, one in enumerate((shop, second, third)):
        body = woo("customer_created", email=f"c{number}@example.com")
        body["billing"] |= {"phone": f"(415) 555-017{number}"}
        await one.send("customer.created", body)
    assert contact(ana)["phone"] == "+14155550170"
    found = contact(ana, "woocommerce-2:25")
    assert (found["phone"], found["metadata"]) == ("+14155550171", {"woocommerce_2_id": "25"})
    assert contact(ana, "wholesale:25")["phone"] == "+14155550172"
    await second.send("customer.deleted", woo("customer_deleted"))
    assert contact(ana)["phone"] == "+14155550170"
    assert ana.get_contact(external_id="woocommerce-2:25").status_code == 404


async def test_no_two_shops_have_ids_of_one_name(bed: Bed, ana: Person, mallory: Person) -> None:
    """Else a customer of one would be taken for one of the other. A name may be had again."""
    named = await Shop.of(bed, ana, "woocommerce", ids_as="woocommerce-2")
    for name in ("woocommerce-2", "shopify"):
        with pytest.raises(Invalid) as refused:
            await Shop.of(bed, ana, "woocommerce", ids_as=name)
        assert "each needs a name of its own" in refused.value.errors["ids_as"][0]
    second = await Shop.of(bed, ana, "woocommerce")
    assert second.connection.config["ids_as"] == "woocommerce-3"
    await bed.runner.write(connections.remove, named.connection.id)
    again = await Shop.of(bed, ana, "woocommerce", ids_as="woocommerce-2")
    assert again.connection.config["ids_as"] == "woocommerce-2"
    other = await Shop.of(bed, mallory, "woocommerce", ids_as="woocommerce-2")
    assert other.connection.config["ids_as"] == "woocommerce-2"


# Consent


def told(value: object, name: str = "customer_updated", **changes: Any) -> dict[str, Any]:
    meta = [{"id": 1, "key": "other", "value": "no"}, {"id": 2, "key": KEY, "value": value}]
    return woo(name, meta_data=meta, **changes)


def state(ana: Person, phone: str = PHONE) -> str | None:
    given = ana.post("get-consent", {"phone": phone}).json()["consent"]
    found: dict[str, str | None] = {
        one["channel"]: one["state"] for one in given if one["purpose"] == "marketing"
    }
    assert {found["sms"], found["email"]} == {None}
    return found["whatsapp"]


@pytest.fixture
async def asking(bed: Bed, ana: Person) -> Shop:
    return await Shop.of(bed, ana, "woocommerce", consent_key=KEY)


async def test_without_a_key_nothing_is_consent(ana: Person, shop: Shop) -> None:
    await shop.send("customer.updated", told("yes"))
    await shop.send("order.created", told("yes", "order_created"))
    assert state(ana) is None


@pytest.mark.parametrize("value", ["yes", "1", 1, True, "On", " TRUE "])
async def test_a_ticked_box_is_a_grant_once(ana: Person, asking: Shop, value: object) -> None:
    for number in range(3):
        at = f"2026-03-2{number}T00:00:00"
        await asking.send("customer.updated", told(value, date_modified_gmt=at))
    assert state(ana) == "granted"
    [record] = ana.post("list-consent", {"phone": PHONE}).json()["records"]
    assert (record["source"], record["method"]) == ("woocommerce", "platform")
    evidence = record["evidence"]
    assert (evidence["meta_key"], evidence["customer_id"]) == (KEY, "25")
    assert evidence["shop"] == "https://shop.example/"
    assert len(evidence["payload_sha256"]) == 64


async def test_a_box_takes_back_only_what_it_gave(ana: Person, asking: Shop) -> None:
    await asking.send("customer.updated", told("no"))
    assert state(ana) is None
    await asking.send("order.created", told("yes", "order_created"))
    assert state(ana) == "granted"
    await asking.send("order.created", told("no", "order_created", id=800))
    await asking.send("customer.updated", told("perhaps", date_modified_gmt="2026-03-24T00:00:00"))
    await asking.send("customer.updated", woo("customer_updated"))
    assert state(ana) == "granted"
    await asking.send("customer.updated", told("no", date_modified_gmt="2026-03-25T00:00:00"))
    assert state(ana) == "withdrawn"


async def test_it_does_not_take_back_another_s(ana: Person, asking: Shop) -> None:
    ana.create_contact(phone=PHONE)
    given = {"phone": PHONE, "channel": "whatsapp", "purpose": "marketing", "state": "granted",
             "source": "api", "method": "checkbox"}  # fmt: skip
    assert ana.post("set-consent", given).status_code == 200
    await asking.send("customer.updated", told("no"))
    assert state(ana) == "granted"


async def test_a_shop_does_not_take_back_what_another_shop_was_given(
    bed: Bed, ana: Person, asking: Shop
) -> None:
    """Nor is what one was told the other's: each agreement is a row of its own."""
    second = await Shop.of(bed, ana, "woocommerce", consent_key=KEY)

    async def there(value: str, day: int) -> None:
        at = f"2026-03-{day}T00:00:00"
        body = told(value, date_modified_gmt=at)
        await second.send("customer.updated", body, x_wc_webhook_source="https://b2b.example/")

    await asking.send("customer.updated", told("yes", date_modified_gmt="2026-03-20T00:00:00"))
    await there("no", 21)
    assert state(ana) == "granted"
    await there("yes", 22)
    records = ana.post("list-consent", {"phone": PHONE}).json()["records"]
    shops = [one["evidence"]["shop"] for one in records]
    assert shops == ["https://b2b.example/", "https://shop.example/"]
    await asking.send("customer.updated", told("no", date_modified_gmt="2026-03-23T00:00:00"))
    assert state(ana) == "granted"
    await there("no", 24)
    assert state(ana) == "withdrawn"


@pytest.mark.parametrize("source", ["https://moved.example/", None])
async def test_a_shop_that_moves_is_the_same_shop(
    ana: Person, asking: Shop, source: str | None
) -> None:
    await asking.send("customer.updated", told("yes", date_modified_gmt="2026-03-20T00:00:00"))
    later = told("no", date_modified_gmt="2026-03-21T00:00:00")
    await asking.send("customer.updated", later, x_wc_webhook_source=source)
    assert state(ana) == "withdrawn"


async def test_a_shop_that_is_connected_anew_is_the_same_shop(
    bed: Bed, ana: Person, asking: Shop
) -> None:
    await asking.send("customer.updated", told("yes", date_modified_gmt="2026-03-20T00:00:00"))
    await bed.runner.write(connections.remove, asking.connection.id)
    again = await Shop.of(bed, ana, "woocommerce", consent_key=KEY)
    assert again.connection.config["ids_as"] == "woocommerce-2"
    await again.send("customer.updated", told("no", date_modified_gmt="2026-03-21T00:00:00"))
    assert state(ana) == "withdrawn"


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("typed", ["", "12-34"])
async def test_an_address_typed_at_the_till_opts_no_number_in(
    ana: Person, asking: Shop, typed: str
) -> None:
    """A guest may type anybody's; the number is that of whoever has the address."""
    ana.create_contact(phone=PHONE, email="adam@example.hu")
    order = told("yes", "order_created_guest")
    order["billing"] |= {"phone": typed}
    await asking.send("order.created", order)
    assert state(ana) is None
    order["billing"] |= {"phone": "06 30 555 0155", "email": "other@example.hu"}
    await asking.send("order.created", order)
    assert state(ana, "+36305550155") == "granted"


@pytest.mark.row("T10.2")
async def test_a_shop_never_lifts_an_opt_out(ana: Person, asking: Shop) -> None:
    await asking.send("customer.updated", told("yes"))
    given = {"phone": PHONE, "channel": "whatsapp", "purpose": "marketing", "state": "withdrawn",
             "source": "api", "method": "button"}  # fmt: skip
    assert ana.post("set-consent", given).status_code == 200
    await asking.send("customer.updated", told("yes", date_modified_gmt="2026-12-01T00:00:00"))
    await asking.send("order.created", told("yes", "order_created"))
    assert state(ana) == "withdrawn"


# What it sends beside that


@pytest.mark.parametrize("body", [b"webhook_id=1", b"webhook_id=123456"])
async def test_the_ping_on_creation(shop: Shop, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = shop.bed.http.post(shop.url, content=body, headers=form)
    assert answer.status_code == 200
    assert await shop.inbox() == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"webhook_id=1&x=1", {}),
        (b"webhook_id=", {}),
        (b"webhook_id=1", {"X-WC-Webhook-Topic": "customer.created"}),
        (b"webhook_id=1", {"X-WC-Webhook-Signature": ""}),
        (b"", {}),
    ],
)
async def test_nothing_else_goes_unsigned(shop: Shop, body: bytes, headers: dict[str, str]) -> None:
    assert shop.bed.http.post(shop.url, content=body, headers=headers).status_code == 401
    assert await shop.inbox() == []


@pytest.mark.parametrize(
    "topic", ["product.created", "order.deleted", "coupon.updated", "action.x"]
)
async def test_other_topics_are_taken(ana: Person, shop: Shop, topic: str) -> None:
    await shop.send(topic, {"id": 1})
    assert await shop.inbox() == [("read", None, 0)]
    assert ana.post("search-contacts", {}).json() == []


async def test_two_deliveries_may_share_an_id(ana: Person, shop: Shop) -> None:
    same: dict[str, str | None] = {"x_wc_webhook_delivery_id": "d4f0c8e0b2a1"}
    await shop.send("customer.created", woo("customer_created"), **same)
    await shop.send("customer.updated", woo("customer_updated"), **same)
    assert contact(ana)["name"] == "Johnny Doe"
    await shop.send("customer.created", woo("customer_created"), **same)
    assert len(await shop.inbox()) == 2


@pytest.mark.row("X12")
@pytest.mark.parametrize(
    "changes",
    [{"id": "x"}, {"id": 0}, {"id": None}, {"date_modified_gmt": "yesterday"}, {"id": 10**20}],
)
async def test_what_cannot_be_read_waits(ana: Person, shop: Shop, changes: dict[str, Any]) -> None:
    await shop.send("customer.created", woo("customer_created", **changes))
    [(kept, reason, _)] = await shop.inbox()
    assert (kept, bool(reason)) == ("quarantined", True)
    assert ana.post("search-contacts", {}).json() == []
