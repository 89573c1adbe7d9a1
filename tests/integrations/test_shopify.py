"""Shopify's webhooks against a running Kith: what each does, once, in whatever order it comes."""

from typing import Any

import pytest

from tests.cast import Bed, Person
from tests.shops import Shop, payload, sans

ID = "7064055069303"
NAME = f"shopify:{ID}"
PHONE = "+14155550142"
EMAIL = "bob@biller.example.com"


@pytest.fixture
async def shop(bed: Bed, ana: Person) -> Shop:
    return await Shop.of(bed, ana)


def shopify(name: str, **changes: Any) -> dict[str, Any]:
    return payload("shopify", name, **changes)


def contact(ana: Person, **expand: Any) -> dict[str, Any]:
    answer = ana.get_contact(external_id=NAME, **expand)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def states(ana: Person, phone: str = PHONE) -> dict[tuple[str, str], str | None]:
    given = ana.post("get-consent", {"phone": phone}).json()
    return {(one["channel"], one["purpose"]): one["state"] for one in given["consent"]}


async def test_a_customer_is_made(ana: Person, shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    found = contact(ana, expand=["identities", "history"])
    assert found["phone"] == PHONE
    assert (found["name"], found["email"], found["source"]) == ("Bob Biller", EMAIL, "shopify")
    assert found["metadata"] == {"shopify_id": ID}
    assert (found["opted_in_at"], found["opted_out_at"]) == (None, None)
    assert [one["value"] for one in found["identities"]] == [NAME, PHONE]
    assert ana.get_contact(phone=PHONE).json()["id"] == found["id"]
    assert {one["connection_id"] for one in found["history"]} == {shop.connection.id}
    assert await shop.inbox() == [("read", None, 0)]


# Customers


async def test_what_is_absent_is_unchanged(ana: Person, shop: Shop) -> None:
    """Tags and consent come with old versions, and then no more: neither is taken back."""
    await shop.send("customers/create", shopify("customers_update_2024_10"))
    before = contact(ana)
    assert before["tags"] == ["vip", "newsletter"]
    assert states(ana)["email", "marketing"] == "granted"
    assert states(ana)["sms", "marketing"] == "withdrawn"
    nulls = {"email": None, "phone": None, "first_name": None, "last_name": "", "tags": None}
    for changes in ({}, nulls, {**nulls, "email_marketing_consent": None}):
        at = {"updated_at": "2026-06-01T00:00:00Z"}
        await shop.send("customers/update", shopify("customers_create", **changes, **at))
        after = contact(ana)
        assert {**after, "opted_in_at": None} == {**before, "opted_in_at": None}
        assert states(ana)["email", "marketing"] == "granted"
        assert states(ana)["sms", "marketing"] == "withdrawn"


async def test_an_update_wins_and_joins(ana: Person, shop: Shop) -> None:
    known = ana.create_contact(
        phone=PHONE, name="Robert", tags="b2b", metadata={"crm": 1, "shopify_id": 5}
    ).json()
    await shop.send("customers/update", shopify("customers_update"))
    found = contact(ana)
    assert (found["id"], found["source"]) == (known["id"], "api")
    assert (found["name"], found["tags"]) == ("Bob Biller-Grün", ["b2b"])
    assert found["metadata"] == {"crm": 1, "shopify_id": ID}


@pytest.mark.row("F22")
async def test_what_is_older_than_what_is_known_changes_nothing(ana: Person, shop: Shop) -> None:
    await shop.send("customers/update", shopify("customers_update"))
    before = contact(ana)
    late = shopify("customers_create", first_name="Late", phone="+14155550177")
    await shop.send("customers/create", late)
    await shop.send("orders/create", shopify("orders_create", customer=late))
    assert contact(ana) == before
    assert ana.get_contact(phone="+14155550177").status_code == 404
    same = shopify("customers_update", first_name="Same")
    await shop.send("customers/update", same)
    assert contact(ana)["name"] == "Same Biller-Grün"


async def test_somebody_without_a_phone_is_somebody(ana: Person, shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create", phone=None))
    found = contact(ana)
    assert (found["phone"], found["email"], found["name"]) == (None, EMAIL, "Bob Biller")
    assert ana.get_contact(email=EMAIL).json()["id"] == found["id"]
    at = "2026-06-01T00:00:00Z"
    await shop.send("customers/update", shopify("customers_create", updated_at=at))
    assert contact(ana)["phone"] == PHONE
    assert ana.get_contact(phone=PHONE).json()["id"] == found["id"]
    assert ana.post("search-contacts", {"query": PHONE}).json()[0]["id"] == found["id"]


@pytest.mark.row("T16.1")
@pytest.mark.parametrize(
    ("phone", "country", "known"),
    [
        ("415-555-0142", "US", "+14155550142"),
        ("(0)20 7946 0018", "GB", "+442079460018"),
        ("+44 20 7946 0018", "US", "+442079460018"),
        ("١٤١٥٥٥٥٠١٤٢", "US", "+14155550142"),
        ("14155550142", None, "+14155550142"),
        ("555-625-1199", "US", None),
        ("555-625-1199", None, None),
        ("4155550142", None, None),
        ("ask me", "US", None),
        ("+999", "US", None),
        (14155550142, None, "+14155550142"),
        (4155550142, "US", "+14155550142"),
        (4155550142, None, None),
    ],
)
async def test_phones_are_read_where_they_were_typed(
    ana: Person, shop: Shop, phone: str | int, country: str | None, known: str | None
) -> None:
    """What may be another's number is kept for people to read, and makes nobody."""
    address = {"country_code": country}
    await shop.send(
        "customers/create", shopify("customers_create", phone=phone, default_address=address)
    )
    found = contact(ana)
    assert found["phone"] == known
    assert found["metadata"].get("shopify_phone") == (None if known else str(phone))


@pytest.mark.row("T16.1")
async def test_an_order_s_phone_may_be_a_number(ana: Person, shop: Shop) -> None:
    """Of a guest and of a customer; one of an address is a sign."""
    for phone, account in ((15145550143, None), (14155550142, {"id": 7, "phone": 14155550142})):
        body = shopify("orders_create_guest", phone=phone, email=None, customer=account)
        await shop.send("orders/create", body)
        assert ana.get_contact(phone=f"+{phone}").status_code == 200
    assert ana.get_contact(external_id="shopify:7").json()["phone"] == PHONE
    ben = ana.create_contact(phone="+14155550188", email="ben@example.com").json()
    body = shopify("customers_create", id=8, phone=None, email="ben@example.com")
    body["default_address"]["phone"] = 4155550188
    await shop.send("customers/create", body)
    assert ana.get_contact(external_id="shopify:8").json()["id"] == ben["id"]


async def test_ids_have_all_their_digits(ana: Person, shop: Shop) -> None:
    """Those of Shopify's samples are beyond what JavaScript can count; 64 bits have twenty."""
    for uuid in (706405506930370084, 2**53, 2**53 + 1, "18446744073709551615", 10**20 - 1):
        body = shopify("customers_create", id=uuid, email=f"c{uuid}@example.com", phone=None)
        await shop.send("customers/create", body)
        found = ana.get_contact(external_id=f"shopify:{uuid}").json()
        assert found["email"] == f"c{uuid}@example.com"
        assert found["metadata"]["shopify_id"] == str(uuid)
    await shop.send("customers/create", shopify("customers_create", id=10**20))
    assert (await shop.inbox())[-1][:2] == (
        "quarantined", "The id of the customer must be a number of at most 20 digits.",
    )  # fmt: skip
    asked = {"data_request": {"id": "x"}}
    await shop.send("customers/data_request", shopify("customers_data_request", **asked))
    assert (await shop.inbox())[-1][:2] == (
        "quarantined", "The data_request.id must be a number of at most 20 digits.",
    )  # fmt: skip


async def test_an_address_s_phone_is_a_sign_and_no_more(ana: Person, shop: Shop) -> None:
    other, address = (
        ana.create_contact(phone="+14155550199", email="someone@example.com").json(),
        {},
    )
    await shop.send("customers/create", shopify("customers_create", phone=None))
    found = contact(ana)
    assert (found["id"] != other["id"], found["phone"]) == (True, None)
    address["updated_at"] = "2026-06-01T00:00:00Z"
    ben = ana.create_contact(phone="+14155550188", email="Ben@Example.com").json()
    place = {"phone": "415-555-0188", "country_code": "US"}
    await shop.send(
        "customers/create",
        shopify(
            "customers_create", id=7, phone=None, email="ben@example.com", default_address=place
        ),
    )
    assert ana.get_contact(external_id="shopify:7").json()["id"] == ben["id"]


async def test_another_s_phone_is_told_and_not_taken(ana: Person, shop: Shop) -> None:
    """The rest of what was told is written; once the operator has helped, it can be replayed."""
    await shop.send("customers/create", shopify("customers_create", phone=None))
    other = ana.create_contact(phone="+14155550177").json()
    changes = {"phone": "+14155550177", "first_name": "Rob", "updated_at": "2026-06-01T00:00:00Z"}
    await shop.send("customers/update", shopify("customers_create", **changes))
    found = contact(ana)
    assert (found["name"], found["phone"]) == ("Rob Biller", None)
    ids = " and ".join(f"contact {one}" for one in sorted([found["id"], other["id"]]))
    assert (await shop.inbox())[-1] == (
        "quarantined", f"Another contact holds this phone. See {ids}.", 0,
    )  # fmt: skip
    assert ana.get_contact(phone="+14155550177").json()["id"] == other["id"]


async def test_a_new_phone_is_one_more(ana: Person, shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    changes = {"phone": "+14155550177", "updated_at": "2026-06-01T00:00:00Z"}
    await shop.send("customers/update", shopify("customers_create", **changes))
    found = contact(ana)
    assert found["phone"] == PHONE
    assert ana.get_contact(phone="+14155550177").json()["id"] == found["id"]


async def test_a_deleted_customer_stays_a_contact(ana: Person, shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    made = contact(ana)
    at = "2026-06-01T00:00:00Z"
    await shop.send("customers/delete", shopify("customers_delete"), x_shopify_triggered_at=at)
    assert ana.get_contact(external_id=NAME).status_code == 404
    left = ana.get_contact(phone=PHONE).json()
    assert (left["id"], left["metadata"], left["name"]) == (made["id"], {}, "Bob Biller")
    for topic, body in (
        ("customers/update", shopify("customers_update")),
        ("customer.tags_added", shopify("customer_tags_added")),
        (
            "customers_email_marketing_consent/update",
            shopify("customers_email_marketing_consent_update"),
        ),
    ):
        await shop.send(topic, body)
        assert ana.get_contact(external_id=NAME).status_code == 404
    assert ana.get_contact(phone=PHONE).json() == left
    back = shopify("customers_update", updated_at="2026-07-01T00:00:00Z")
    await shop.send("customers/update", back)
    assert contact(ana)["id"] == made["id"]


# Orders


async def test_an_order_makes_its_customer(ana: Person, shop: Shop) -> None:
    await shop.send("orders/create", shopify("orders_create"))
    found = contact(ana)
    assert (found["phone"], found["name"], found["email"]) == (PHONE, "Bob Biller", EMAIL)
    assert ana.get_contact(phone="+14155550111").status_code == 404


async def test_a_guest_is_read_where_the_bill_goes(ana: Person, shop: Shop) -> None:
    await shop.send("orders/create", shopify("orders_create_guest"))
    found = ana.get_contact(phone="+15145550143").json()
    assert (found["name"], found["email"]) == ("Jon Doe", "jon@doe.example.ca")
    assert (found["source"], found["metadata"]) == ("shopify", {})
    other = {"first_name": "Gift", "last_name": "Giver", "country_code": "CA"}
    await shop.send(
        "orders/create",
        shopify("orders_create_guest", email="gift@x.example", billing_address=other),
    )
    assert ana.get_contact(phone="+15145550143").json() == found


async def test_a_guest_known_by_an_address_only(ana: Person, shop: Shop) -> None:
    for _ in range(2):
        await shop.send("orders/create", shopify("orders_create_guest", phone="what?"))
    [found] = ana.post("search-contacts", {"email": "jon@doe.example.ca"}).json()
    assert (found["phone"], found["name"]) == (None, "Jon Doe")
    nobody = shopify("orders_create_guest", phone=None, email=None)
    await shop.send("orders/create", nobody)
    assert len(ana.post("search-contacts", {}).json()) == 1


# Tags


async def test_tags_come_and_go_in_any_order(ana: Person, shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    ana.post("add-tag", {"phone": PHONE, "tag": "ours"})
    await shop.send("customer.tags_removed", shopify("customer_tags_removed"))
    assert contact(ana)["tags"] == ["ours"]
    await shop.send("customer.tags_added", shopify("customer_tags_added"))
    assert contact(ana)["tags"] == ["Fidèle", "ours"]
    again = shopify("customer_tags_added", occurredAt="2026-06-01T00:00:00Z")
    await shop.send("customers/tags_added", again)
    assert contact(ana)["tags"] == ["VIP", "Fidèle", "ours"]
    linked = ana.get_contact(external_id=NAME, expand=["tags"]).json()["tags"]
    assert [one["name"] for one in linked] == ["VIP", "Fidèle", "ours"]


@pytest.mark.row("F22")
@pytest.mark.parametrize("first", ["customer", "consent", "order"])
async def test_tags_may_come_before_their_customer(ana: Person, shop: Shop, first: str) -> None:
    """Each as it was told last, whatever came first and however often."""

    async def told(topic: str, names: list[str], minute: int) -> None:
        body = {"customerId": f"gid://shopify/Customer/{ID}", "tags": names,
                "occurredAt": f"2026-11-20T10:{minute:02}:00.000Z"}  # fmt: skip
        await shop.send(topic, body)

    known = ana.create_contact(phone=PHONE, tags="vip, ours").json()
    for _ in range(2):
        await told("customer.tags_removed", ["old", "vip"], 20)
        await told("customer.tags_added", ["old", "wholesale"], 10)
        await told("customer.tags_removed", ["wholesale"], 5)
        await told("customer.tags_added", ["new", "newer"], 30)
    assert ana.get_contact(external_id=NAME).status_code == 404
    assert {state for state, _, _ in await shop.inbox()} == {"read"}
    if first == "consent":
        name = "customers_marketing_consent_update"
        await shop.send("customers_marketing_consent/update", shopify(name, phone=PHONE))
    if first == "order":
        await shop.send("orders/create", shopify("orders_create"))
    at = {"updated_at": "2026-11-20T05:00:00-05:00"}
    for _ in range(2):
        await shop.send("customers/create", shopify("customers_create", **at))
    found = contact(ana, expand=["tags"])
    assert found["id"] == known["id"]
    assert [one["name"] for one in found["tags"]] == ["new", "newer", "wholesale", "ours"]
    ana.post("remove-tag", {"phone": PHONE, "tag": "newer"})
    await told("customer.tags_added", ["new"], 30)
    later = {"updated_at": "2026-11-21T00:00:00Z"}
    await shop.send("customers/update", shopify("customers_update", **later))
    assert contact(ana)["tags"] == ["new", "wholesale", "ours"]


async def test_a_whole_list_decides_over_older_tags(ana: Person, shop: Shop) -> None:
    """Old versions tell all tags with the customer: those told later by themselves stay."""
    for name, at in (("old", "2024-01-01T00:00:00Z"), ("new", "2026-11-20T10:00:00Z")):
        body = {"customerId": ID, "tags": [name], "occurredAt": at}
        await shop.send("customer.tags_added", body)
    await shop.send("customers/update", shopify("customers_update_2024_10"))
    assert set(contact(ana)["tags"]) == {"new", "vip", "newsletter"}


async def test_a_whole_list_takes_off_only_what_the_shop_put_on(ana: Person, shop: Shop) -> None:
    await shop.send("customers/update", shopify("customers_update_2024_10"))
    ana.post("add-tag", {"phone": PHONE, "tag": "ours"})
    later = {"tags": "newsletter, new", "updated_at": "2024-07-01T00:00:00Z"}
    await shop.send("customers/update", shopify("customers_update_2024_10", **later))
    assert set(contact(ana)["tags"]) == {"ours", "newsletter", "new"}


async def test_a_tag_of_another_shop_stays(bed: Bed, ana: Person, shop: Shop) -> None:
    """One person, a customer of two shops: a tag goes when the last of them takes it off."""
    second = await Shop.of(bed, ana)
    other = shopify("customers_update_2024_10", id=7, tags="vip, wholesale")
    await shop.send("customers/update", shopify("customers_update_2024_10"))
    await second.send("customers/update", other)
    assert set(contact(ana)["tags"]) == {"vip", "newsletter", "wholesale"}
    later = {"tags": "", "updated_at": "2026-07-01T00:00:00Z"}
    await shop.send("customers/update", shopify("customers_update_2024_10", **later))
    assert set(contact(ana)["tags"]) == {"vip", "wholesale"}
    await second.send("customers/update", {**other, **later})
    assert contact(ana)["tags"] == []


# Consent


SPELLINGS = [
    ("customers_email_marketing_consent/update", "email"),
    ("customers/email_marketing_consent_update", "email"),
    ("customers_marketing_consent/update", "sms"),
    ("customers/marketing_consent_update", "sms"),
]


@pytest.mark.parametrize(("topic", "channel"), SPELLINGS)
async def test_consent_becomes_a_row_with_its_proof(
    ana: Person, shop: Shop, topic: str, channel: str
) -> None:
    """Also of a customer whose own telling comes later."""
    name = f"customers_{'email_' if channel == 'email' else ''}marketing_consent_update"
    for _ in range(2):
        await shop.send(topic, shopify(name), x_shopify_webhook_id=None, x_shopify_event_id=None)
        await shop.send(topic, shopify(name))
        assert contact(ana)["metadata"] == {"shopify_id": ID}
    await shop.send("customers/create", shopify("customers_create"))
    [record] = ana.post("list-consent", {"phone": PHONE}).json()["records"]
    assert (record["channel"], record["purpose"]) == (channel, "marketing")
    assert (record["state"], record["source"], record["method"]) == (
        "granted", "shopify", "platform",
    )  # fmt: skip
    minute = "00" if channel == "email" else "05"
    assert record["occurred_at"] == f"2026-05-07T15:{minute}:00+00:00"
    evidence = record["evidence"]
    assert len(evidence.pop("payload_sha256")) == 64
    assert evidence["customer_id"] == ID
    assert (evidence["platform"], evidence["topic"]) == ("shopify", topic)
    assert contact(ana)["opted_in_at"] is None, "of WhatsApp nothing was said"


@pytest.mark.row("T10.2")
async def test_a_shop_never_lifts_an_opt_out(ana: Person, shop: Shop) -> None:
    await shop.send("customers/create", shopify("customers_create"))
    for channel in ("email", "sms", "whatsapp"):
        told = {"phone": PHONE, "channel": channel, "purpose": "marketing", "state": "withdrawn",
                "source": "api", "method": "button"}  # fmt: skip
        assert ana.post("set-consent", told).status_code == 200
    later = {"state": "subscribed", "consent_updated_at": "2026-11-01T00:00:00Z"}
    fields = [f"{channel}_marketing_consent" for channel in ("email", "sms", "whatsapp")]
    body = shopify("customers_update", **dict.fromkeys(fields, later))
    await shop.send("customers/update", body)
    for topic, channel in SPELLINGS:
        name = f"customers_{'email_' if channel == 'email' else ''}marketing_consent_update"
        await shop.send(topic, shopify(name, **{f"{channel}_marketing_consent": later}))
    found = states(ana)
    assert {found[channel, "marketing"] for channel in ("email", "sms", "whatsapp")} == {
        "withdrawn"
    }
    assert contact(ana)["opted_out_at"] is not None


@pytest.mark.parametrize(
    ("state", "known"),
    [
        ("subscribed", "granted"),
        ("SUBSCRIBED", "granted"),
        ("unsubscribed", "withdrawn"),
        ("pending", "pending"),
        ("not_subscribed", None),
        ("redacted", None),
        (None, None),
    ],
)
async def test_states(ana: Person, shop: Shop, state: str | None, known: str | None) -> None:
    given = {"state": state, "consent_updated_at": None}
    body = shopify("customers_create", whatsapp_marketing_consent=given)
    for _ in range(2):
        await shop.send("customers/update", body)
    assert states(ana)["whatsapp", "marketing"] == known
    records = ana.post("list-consent", {"phone": PHONE}).json()["records"]
    assert len(records) == (known is not None)
    found = contact(ana)
    assert (found["opted_in_at"] is not None) == (known == "granted")
    assert (found["opted_out_at"] is not None) == (known == "withdrawn")


# What cannot be read, and what says nothing


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("customers/merge", {"id": 1}),
        ("app/uninstalled", {"id": 954889}),
        ("products/create", {"id": 1, "title": "A"}),
    ],
)
async def test_other_topics_are_taken_and_change_nothing(
    ana: Person, shop: Shop, topic: str, body: object
) -> None:
    await shop.send(topic, body)
    assert ana.post("search-contacts", {}).json() == []
    assert await shop.inbox() == [("read", None, 0)]


@pytest.mark.row("X1", "X2", "X3", "X8", "X9", "X12")
@pytest.mark.parametrize(
    "body",
    [
        b'{"id": NaN}',
        b'{"id": 1e400}',
        b'{"id": 100000000000000000000}',
        b'{"id": 1, "updated_at": "2024-02-30T00:00:00Z"}',
        b'{"id": 1, "updated_at": "2024-02-03T00:00:00"}',
        b'{"id": "one"}',
        b'{"id": true}',
        b'{"id": null}',
        b"{}",
        b"[]",
        b"1",
        b"",
        b'{"id": 1} {}',
        b'{"id": 01}',
        b'{"id": 1, "note": "\x00"}',
        b"[" * 100 + b"]" * 100,
    ],
)
async def test_what_cannot_be_read_waits_in_quarantine(
    ana: Person, shop: Shop, body: bytes
) -> None:
    await shop.send("customers/create", body)
    [(state, reason, _)] = await shop.inbox()
    assert state == "quarantined"
    assert reason
    assert ana.post("search-contacts", {}).json() == []


@pytest.mark.row("X4", "X5", "X6", "X7", "X10")
@pytest.mark.parametrize(
    ("name", "known", "is_repaired"),
    [
        (b'"Bo\\u0000b"', "Bo\ufffdb", True),
        (b'"Bo\\u0085b"', "Bo\ufffdb", True),
        (b'"Bo\\ud83db"', "Bo\ufffdb", True),
        (b'"Bo\\\\ud83db"', "Bo\\ud83db", False),
        (b'"Bo\\ud83d\\ude00b"', "Bo😀b", False),
        (b'"Bo\xffb"', "Bo\ufffdb", True),
        (b'"\xc3\x89va"', "Éva", False),
        (b'"' + b"x" * 300 + b'"', "x" * 256, True),
        ('"a' + "\u0301" * 2_000 + '"', "a" + "\u0301" * 255, True),
        (b'"First", "first_name": "Last"', "Last", False),
    ],
)
async def test_bad_text_is_repaired(
    ana: Person, shop: Shop, name: bytes | str, known: str, is_repaired: bool
) -> None:
    given = name.encode() if isinstance(name, str) else name
    await shop.send("customers/create", b'{"id": %s, "first_name": %s}' % (ID.encode(), given))
    assert contact(ana)["name"] == known
    assert await shop.inbox() == [("read", None, int(is_repaired))]


async def test_other_encodings_are_read(ana: Person, shop: Shop) -> None:
    text = f'{{"id": {ID}, "first_name": "Éva"}}'
    for encoding in ("utf-8-sig", "utf-16"):
        await shop.send("customers/create", text.encode(encoding))
        assert contact(ana)["name"] == "Éva"


async def test_a_topic_is_needed(shop: Shop) -> None:
    await shop.send("", shopify("customers_create"), x_shopify_topic=None)
    assert (await shop.inbox())[0][:2] == (
        "quarantined", "The header X-Shopify-Topic is missing.",
    )  # fmt: skip


async def test_one_event_once(ana: Person, shop: Shop) -> None:
    """By the delivery's id; without one, by the event's and the topic."""
    body = shopify("customers_create")
    for key in ("x_shopify_webhook_id", "x_shopify_event_id"):
        headers = {"x_shopify_webhook_id": None, key: "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"}
        for name in ("One", "Two"):
            at = f"2026-06-0{len(name)}T00:00:00Z"
            await shop.send("customers/update", {**body, "first_name": name, "updated_at": at},
                            **headers)  # fmt: skip
        assert contact(ana)["name"] == "One Biller"
    await shop.send("customers/create", sans(body, "phone"), x_shopify_webhook_id=None,
                    x_shopify_event_id="b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")  # fmt: skip
    assert len(await shop.inbox()) == 3
