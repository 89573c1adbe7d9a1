"""A contact comes in by each of the seven ways, connected from the command line, to a running
server; get-contact shows where it came from, what it agreed to, and its tags."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import altcha
import pytest

from kith.domain.contacts import Source
from tests.api.pages import solved
from tests.cast import Bed, Person
from tests.cli.kith import Kith
from tests.graph import webhooks
from tests.graph.rules import Person as Reached
from tests.shops import encoded, payload, signature
from tests.waits import wait_until

ORIGIN = "https://shop.example"
AGREED = {"channel": "whatsapp", "purpose": "marketing", "state": "granted", "method": "checkbox"}


class Desk:
    """Ana's: her own command line, her token, and what other systems may reach."""

    def __init__(self, bed: Bed, owner: Person, kith: Kith, directory: Path) -> None:
        assert owner.workspace is not None
        self.bed = bed
        self.owner = owner
        self.directory = directory
        self._kith = kith
        self._workspace = owner.workspace.id

    def kith(self, *arguments: str) -> Any:
        return self._kith(*arguments, "--workspace", self._workspace, "--json").json

    def connect(self, *arguments: str) -> str:
        """The address of a new connection."""
        made = self.kith("connect", *arguments)
        assert made["path"] == f"/in/{made['connection']}"
        return self.bed.serving.url + str(made["path"])

    def post(self, url: str, body: object, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **named}
        answer = self.bed.http.post(url, content=encoded(body), headers=sent)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def agree(self, phone: str, prefix: str = "/api/v1", **given: str) -> None:
        url = f"{self.bed.serving.url}{prefix}/actions/set-consent"
        self.post(url, {"phone": phone, **AGREED, **given}, **self.owner.headers)

    def contact(self, phone: str, until: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """As get-contact shows it once a worker has read what was sent."""
        answer = wait_until(
            lambda: self.owner.get_contact(phone=phone, expand=["consent"]),
            f"the contact of {phone}",
            is_so=lambda answer: answer.status_code == 200 and until(answer.json()),
        )
        return dict(answer.json())


@pytest.fixture
def desk(bed: Bed, ana: Person, beside: Kith, tmp_path: Path) -> Desk:
    return Desk(bed, ana, beside, tmp_path)


def api(desk: Desk) -> str:
    phone = "+14155550171"
    desk.owner.create_contact(phone=phone, tags="vip")
    desk.agree(phone, source="api")
    return phone


def manual(desk: Desk) -> str:
    phone = "+14155550172"
    user = desk.owner.user.email
    desk.kith("contact", "create", "--phone", phone, "--tags", "vip", "--user", user)
    desk.agree(phone, source="api")
    return phone


def csv_import(desk: Desk) -> str:
    phone = "+14155550173"
    path = desk.directory / "contacts.csv"
    path.write_text(
        "phone,tags,opted_in_at,opted_in_source\n"
        f"{phone},vip,2026-03-01T10:00:00Z,newsletter form\n"
    )
    assert desk.kith("import", str(path))["counts"]["created"] == 1
    return phone


def shopify(desk: Desk) -> str:
    phone = "+14155550142"
    url, made = desk.connect("shopify", "--secret", "S"), 0

    def send(topic: str, name: str, **changes: object) -> None:
        nonlocal made
        made += 1
        body = encoded(payload("shopify", name, **changes))
        desk.post(
            url, body, x_shopify_topic=topic, x_shopify_webhook_id=f"w-{made}",
            x_shopify_shop_domain="snowdevil.myshopify.example",
            x_shopify_hmac_sha256=signature(body, "S"),
        )  # fmt: skip

    send("customers/create", "customers_create")
    desk.contact(phone, until=bool)
    send("customer.tags_added", "customer_tags_added", tags=["vip"])
    send("customers_marketing_consent/update", "customers_marketing_consent_update")
    return phone


def woocommerce(desk: Desk) -> str:
    phone = "+14155550155"
    url = desk.connect("woocommerce", "--secret", "S", "--consent-key", "whatsapp_ok")
    agreed = [{"id": 1, "key": "whatsapp_ok", "value": "yes"}]
    body = encoded(payload("woocommerce", "customer_created", meta_data=agreed))
    desk.post(
        url, body, x_wc_webhook_topic="customer.created", x_wc_webhook_resource="customer",
        x_wc_webhook_event="created", x_wc_webhook_source="https://shop.example/",
        x_wc_webhook_delivery_id="d-1", x_wc_webhook_signature=signature(body, "S"),
    )  # fmt: skip
    desk.contact(phone, until=bool)
    desk.owner.post("add-tag", {"phone": phone, "tag": "vip"})  # WooCommerce knows no tags
    return phone


def widget(desk: Desk) -> str:
    """Asked for on the page; agreed by the person's own message with the code."""
    phone = "+14155550176"
    meta = desk.connect(
        "whatsapp", "--phone-number-id", webhooks.NUMBER_ID, "--business-account-id",
        webhooks.ACCOUNT_ID, "--access-token", "T", "--app-secret", "S", "--verify-token", "V",
        "--graph-url", "http://127.0.0.1:9",
    )  # fmt: skip
    business = webhooks.BUSINESS_PHONE
    url = desk.connect("widget", "--origin", ORIGIN, "--whatsapp", business, "--tag", "vip")
    form = desk.bed.http.get(url, headers={"Origin": ORIGIN}).json()
    challenge = altcha.Challenge.from_dict(form["challenge"])
    filled = {
        "name": "Romain", "phone": phone, "country": "US", "consent": True, "locale": "en",
        "wording_version": form["wording_version"], "url": f"{ORIGIN}/", "proof": solved(challenge),
    }  # fmt: skip
    code = desk.post(url, filled, Origin=ORIGIN)["message"]
    pending = desk.contact(phone, until=bool)
    assert (pending["opted_in_at"], pending["tags"]) == (None, ["vip"])
    person = Reached(phone)
    body = webhooks.text(person, code, at=time.time())
    desk.post(meta, body, **webhooks.signed(body, "S"))
    return phone


def zapier(desk: Desk) -> str:
    phone = "+14155550177"
    url = desk.connect("zapier")
    desk.post(url, {"phone": phone, "tags": "vip"}, **desk.owner.headers)
    desk.contact(phone, until=bool)
    desk.agree(phone, "/api/zapier", source="api")
    return phone


WAYS: dict[Source, Callable[[Desk], str]] = {
    "manual": manual,
    "csv_import": csv_import,
    "shopify": shopify,
    "woocommerce": woocommerce,
    "widget": widget,
    "zapier": zapier,
    "api": api,
}


def granted(found: dict[str, Any]) -> list[str]:
    return [one["channel"] for one in found["consent"] if one["state"] == "granted"]


@pytest.mark.parametrize("source", WAYS)
def test_a_contact_comes_in(desk: Desk, source: Source) -> None:
    phone = WAYS[source](desk)
    found = desk.contact(phone, until=lambda found: granted(found) and found["tags"])
    assert (found["source"], found["tags"]) == (source, ["vip"])
    # Shopify's payloads tell of SMS, which is no consent to WhatsApp.
    assert granted(found) == (["sms"] if source == "shopify" else ["whatsapp"])
    assert (found["opted_in_at"] is not None) == (source != "shopify")


def test_there_are_no_other_ways() -> None:
    assert list(WAYS) == list(get_args(Source))
