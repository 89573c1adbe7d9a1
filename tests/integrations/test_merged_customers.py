"""Customers who live on in another contact: an unmerge gives each what shops told of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.test_erasure import texts
from tests.api.test_merges import merge, seen, unmerge
from tests.cast import Bed, Person
from tests.shops import Shop

SHOWN = ("phone", "name", "email", "metadata", "tags", "identities", "consent")
IDS = {"a": 7064055069330, "b": 7064055069331, "c": 7064055069332}
NEEDLES = (str(IDS["b"]), "zadok", "Zadok", "4155550191")


@pytest.fixture
async def shop(bed: Bed, ana: Person) -> Shop:
    return await Shop.of(bed, ana)


def customer(who: str, name: str, day: int, **more: Any) -> dict[str, Any]:
    return {
        "id": IDS[who],
        "first_name": name,
        "email": f"{name.lower()}@example.com",
        "updated_at": f"2026-05-{day:02}T00:00:00Z",
        **more,
    }


async def made(ana: Person, shop: Shop, who: str, name: str, **more: Any) -> str:
    await shop.send("customers/create", customer(who, name, 1, **more))
    answer = ana.get_contact(external_id=f"shopify:{IDS[who]}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def shown(ana: Person, contact_id: str) -> dict[str, Any]:
    """But for times: an unmerge is a change."""
    found = seen(ana, contact_id, "identities", "consent")
    states = [(one["channel"], one["purpose"], one["state"]) for one in found["consent"]]
    names = [one["value"] for one in found["identities"]]
    return {**{key: found[key] for key in SHOWN}, "identities": names, "consent": states}


@pytest.mark.row("T18.1")
async def test_each_gets_back_what_the_shop_told_of_them(bed: Bed, ana: Person, shop: Shop) -> None:
    """And of whoever is redacted then, nothing is left with the other."""
    one = await made(ana, shop, "a", "Ada", phone="+14155550130")
    other = await made(ana, shop, "b", "Zadok")
    before = shown(ana, one)
    merge(ana, other, one)
    told = {"state": "subscribed", "consent_updated_at": "2026-05-02T00:00:00Z"}
    news = customer("b", "Zadoka", 2, phone="+14155550191", sms_marketing_consent=told)
    for body in (customer("b", "Zadokan", 2), news, news):
        await shop.send("customers/update", body)
    together = seen(ana, one)
    assert (together["name"], together["email"]) == ("Zadoka", "zadoka@example.com")
    assert ana.get_contact(phone="+14155550191").json()["id"] == one
    assert await shop.inbox() == [("read", None, 0)] * 5
    unmerge(ana, contact_id=other)
    assert shown(ana, one) == before
    assert shown(ana, other) == {
        "phone": "+14155550191",
        "name": "Zadoka",
        "email": "zadoka@example.com",
        "metadata": {"shopify_id": str(IDS["b"])},
        "tags": [],
        "identities": [f"shopify:{IDS['b']}", "+14155550191"],
        "consent": shown(ana, other)["consent"],
    }
    assert ("sms", "marketing", "granted") in shown(ana, other)["consent"]
    assert ("sms", "marketing", "granted") not in shown(ana, one)["consent"]
    redacted = {"shop_domain": "snowdevil.myshopify.example", "customer": {"id": IDS["b"]}}
    await shop.send("customers/redact", redacted)
    assert ana.get_contact(contact_id=other).status_code == 404
    assert shown(ana, one) == before
    rows = await bed.read(texts)
    assert [(at, text) for at, text in rows if any(needle in text for needle in NEEDLES)] == []
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    await shop.send("customers/update", {**customer("a", "Adeline", 3), "updated_at": later})
    assert shown(ana, one)["name"] == "Adeline"


async def test_what_was_told_of_the_survivor_itself_stays(ana: Person, shop: Shop) -> None:
    """And what people wrote; an id that the shop tells again is its own again."""
    one = await made(ana, shop, "a", "Ada", phone="+14155550130")
    other = await made(ana, shop, "b", "Bob")
    merge(ana, other, one)
    await shop.send("customers/update", customer("b", "Bobby", 2))
    await shop.send("customers/update", customer("a", "Adeline", 3))
    await shop.send("customers/update", customer("b", "Bobo", 4))
    ana.post("update-contact", {"phone": "+14155550130", "name": "Written"})
    await shop.send("customers/update", customer("b", "", 5, email=None))
    unmerge(ana, contact_id=other)
    found, back = shown(ana, one), shown(ana, other)
    assert (found["name"], found["email"]) == ("Written", "adeline@example.com")
    assert found["metadata"] == {"shopify_id": str(IDS["a"])}
    assert (back["name"], back["email"]) == ("Bobo", "bobo@example.com")


async def test_a_customer_who_fills_in_what_is_missing(ana: Person, shop: Shop) -> None:
    """Of a contact that no shop knew, with a number that came with whoever was merged."""
    one = ana.create_contact(phone="+14155550130").json()["id"]
    other = ana.create_contact(phone="+14155550131", name="B").json()["id"]
    before = shown(ana, one)
    merge(ana, other, one)
    await shop.send("customers/create", customer("b", "Bob", 1, phone="+14155550131"))
    assert seen(ana, one)["name"] == "Bob"
    unmerge(ana, contact_id=other)
    assert shown(ana, one) == before
    back = shown(ana, other)
    assert (back["name"], back["email"]) == ("Bob", "bob@example.com")
    assert back["metadata"] == {"shopify_id": str(IDS["b"])}
    assert back["identities"] == [f"shopify:{IDS['b']}", "+14155550131"]


@pytest.mark.parametrize("told", ["abc", "acb", "bca", "bc", "cb"])
@pytest.mark.parametrize("undone", ["bc", "cb", "chain"])
async def test_three_customers_in_any_order(
    bed: Bed, ana: Person, shop: Shop, told: str, undone: str
) -> None:
    """Nobody keeps what was told of another, whoever was told of last."""
    blank = {"first_name": "", "email": None, "phone": "+14155550130"}
    ids = {who: await made(ana, shop, who, f"{who}1") for who in "bc"}
    ids["a"] = await made(ana, shop, "a", "", **blank)
    if undone == "chain":
        merge(ana, ids["c"], ids["b"])
        merge(ana, ids["b"], ids["a"])
    else:
        merge(ana, ids["b"], ids["a"])
        merge(ana, ids["c"], ids["a"])
    for day, who in enumerate(told, 2):
        await shop.send("customers/update", customer(who, f"{who}2", day))
    assert seen(ana, ids["a"])["name"] == f"{told[-1]}2"
    for who in "bc" if undone == "chain" else undone:
        unmerge(ana, contact_id=ids[who])
    for who in "abc":
        found = shown(ana, ids[who])
        is_told = who in told
        assert found["name"] == (f"{who}2" if is_told else None), found
        assert found["email"] == (f"{who}2@example.com" if is_told else None)
        assert found["metadata"] == {"shopify_id": str(IDS[who])}
        phones = ["+14155550130"] if who == "a" else []
        assert found["identities"] == [f"shopify:{IDS[who]}", *phones]
