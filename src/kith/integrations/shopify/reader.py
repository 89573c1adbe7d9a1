"""Webhooks of Shopify: bytes in, facts out.

Since 2025-01 a customer comes without tags and consent; other topics bring them. What is absent is
unchanged, whatever the version.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kith.domain.consent import Channel, State
from kith.domain.inbox import Unreadable
from kith.domain.shop_facts import (
    ConsentTold,
    Customer,
    CustomerGone,
    CustomerRedacted,
    CustomerSeen,
    DataRequested,
    PhoneSeen,
    ShopRedacted,
    TagsTold,
    id_of,
)
from kith.integrations.reading import Sent, fields, identifier, number, region, time

_GID = "gid://shopify/Customer/"
_STATES: dict[object, State] = {
    "subscribed": "granted",
    "unsubscribed": "withdrawn",
    "pending": "pending",
}
_CHANNELS: dict[str, Channel] = {
    "email_marketing_consent": "email",
    "sms_marketing_consent": "sms",
    "whatsapp_marketing_consent": "whatsapp",
}


class _Delivery(msgspec.Struct, frozen=True):
    """One webhook."""

    sent: Sent
    headers: Mapping[str, str]
    digest: str

    @property
    def body(self) -> dict[str, Any]:
        return self.sent.body

    @property
    def topic(self) -> str:
        return self.headers.get("x-shopify-topic", "").strip().lower()

    @property
    def shop(self) -> str:
        return _shop(self.headers.get("x-shopify-shop-domain"))


def read(headers: Mapping[str, str], body: bytes, _: Mapping[str, Any]) -> list[Any]:
    """Raises Unreadable. A topic that tells nothing of people gives nothing."""
    delivery = _Delivery(Sent(body), headers, hashlib.sha256(body).hexdigest())
    if not delivery.topic:
        raise Unreadable("The header X-Shopify-Topic is missing.")
    reader = _TOPICS.get(delivery.topic)
    found = reader(delivery) if reader is not None else []
    return [*found, *delivery.sent.marks]


def _customer_seen(delivery: _Delivery) -> list[Any]:
    body, sent = delivery.body, delivery.sent
    customer = _customer(delivery, body)
    if customer.external_id is None:
        raise Unreadable("The customer has no id.")
    at = time(body.get("updated_at")) or _triggered(delivery)
    found = _seen(delivery, customer, body, at=at)
    if "tags" in body and body["tags"] is not None:
        names = sent.tags(body["tags"])
        found.append(TagsTold(customer=customer, at=at, added=names, is_all=True))
    for field in _CHANNELS:
        if field in body:
            found += _consent(delivery, customer, field, at=at)
    return found


def _order(delivery: _Delivery) -> list[Any]:
    """Whoever ordered; a guest has no account, and says in the order who they are."""
    body, sent = delivery.body, delivery.sent
    account = fields(body.get("customer"))
    customer = _customer(delivery, account)
    places = [fields(body.get(name)) for name in ("billing_address", "shipping_address")]
    own = sent.phone(account.get("phone")) or sent.phone(body.get("phone"))
    customer = msgspec.structs.replace(
        customer,
        phone=number(own),
        typed=own,
        other_phone=customer.other_phone or number(places[0].get("phone")),
        region=customer.region or region(*(place.get("country_code") for place in places)),
        email=customer.email or sent.email(body.get("email")),
    )
    if customer.external_id is None and customer.phone is None and customer.email is None:
        return []
    at = time(account.get("updated_at")) or time(body.get("created_at")) or _triggered(delivery)
    named = account if account.get("first_name") or account.get("last_name") else places[0]
    return _seen(delivery, customer, named, at=at)


def _seen(
    delivery: _Delivery, customer: Customer, named: Mapping[str, Any], *, at: Any
) -> list[Any]:
    sent = delivery.sent
    names = [sent.line(named.get(field)) for field in ("first_name", "last_name")]
    name = sent.line(" ".join(filter(None, names)))
    found: list[Any] = [CustomerSeen(customer=customer, at=at, name=name, metadata=id_of(customer))]
    if customer.phone is not None and customer.external_id is not None:
        found.append(PhoneSeen(customer=customer, at=at))
    return found


def _deleted(delivery: _Delivery) -> list[Any]:
    customer = _customer(delivery, delivery.body)
    if customer.external_id is None:
        raise Unreadable("The customer has no id.")
    return [CustomerGone(customer=customer, at=_triggered(delivery))]


def _consent_told(field: str) -> Callable[[_Delivery], list[Any]]:
    def told(delivery: _Delivery) -> list[Any]:
        body = delivery.body
        account = {
            "id": body.get("customer_id", body.get("id")),
            "email": body.get("email_address", body.get("email")),
            "phone": body.get("phone"),
        }
        customer = _customer(delivery, account)
        if customer.external_id is None:
            raise Unreadable("The customer has no id.")
        return _consent(delivery, customer, field, at=_triggered(delivery))

    return told


def _consent(delivery: _Delivery, customer: Customer, field: str, *, at: Any) -> list[Any]:
    given = fields(delivery.body.get(field))
    state = _STATES.get(str(given.get("state", "")).lower())
    if state is None:  # not subscribed says nothing
        return []
    acted_at = time(given.get("consent_updated_at"))
    evidence: dict[str, Any] = {
        "platform": "shopify",
        "shop": customer.shop,
        "customer_id": (customer.external_id or "").partition(":")[2],
        "topic": delivery.topic,
        "webhook_id": delivery.sent.line(delivery.headers.get("x-shopify-webhook-id")),
        "by": delivery.headers.get("x-kith-by"),
        "opt_in_level": delivery.sent.line(given.get("opt_in_level")),
        "collected_from": delivery.sent.line(given.get("consent_collected_from")),
        "payload_sha256": delivery.digest,
    }
    return [
        ConsentTold(
            customer=customer,
            at=at or acted_at,
            channel=_CHANNELS[field],
            state=state,
            acted_at=acted_at,
            evidence={name: value for name, value in evidence.items() if value},
        )
    ]


def _tags_told(is_added: bool) -> Callable[[_Delivery], list[Any]]:
    def told(delivery: _Delivery) -> list[Any]:
        body = delivery.body
        given = body.get("customerId", body.get("customer_id", body.get("id")))
        customer = _customer(delivery, {"id": given})
        if customer.external_id is None:
            raise Unreadable("The customer has no id.")
        at = time(body.get("occurredAt", body.get("occurred_at"))) or _triggered(delivery)
        names = delivery.sent.tags(body.get("tags"))
        if is_added:
            return [TagsTold(customer=customer, at=at, added=names)]
        return [TagsTold(customer=customer, at=at, removed=names)]

    return told


def _data_request(delivery: _Delivery) -> list[Any]:
    body = delivery.body
    key = identifier(fields(body.get("data_request")).get("id"), field="data_request.id")
    if key is None:
        raise Unreadable("The data request has no id.")
    return [DataRequested(customer=_named(delivery), at=_triggered(delivery), key=key)]


def _customer_redact(delivery: _Delivery) -> list[Any]:
    return [CustomerRedacted(customer=_named(delivery), at=_triggered(delivery))]


def _shop_redact(delivery: _Delivery) -> list[Any]:
    """The topic is not signed: a body about one customer must never be taken for this one."""
    shop = _shop(delivery.body.get("shop_domain"))
    if not shop or delivery.body.keys() - {"shop_id", "shop_domain"}:
        raise Unreadable("It does not name a shop, and a shop alone.")
    return [ShopRedacted(shop=shop)]


def _named(delivery: _Delivery) -> Customer:
    """Whom a privacy topic is about. Its body has a shape of its own."""
    body = delivery.body
    if not isinstance(body.get("customer"), dict) or "shop_domain" not in body:
        raise Unreadable("It names no customer of a shop.")
    customer = _customer(delivery, body["customer"])
    return msgspec.structs.replace(customer, shop=_shop(body["shop_domain"]))


def _customer(delivery: _Delivery, account: Mapping[str, Any]) -> Customer:
    sent = delivery.sent
    given = account.get("id")
    if isinstance(given, str):
        given = given.removeprefix(_GID)
    uuid = identifier(given, field="id of the customer")
    place = fields(account.get("default_address"))
    typed = sent.phone(account.get("phone"))
    return Customer(
        external_id=f"shopify:{uuid}" if uuid is not None else None,
        shop=delivery.shop,
        phone=number(typed),
        typed=typed,
        other_phone=number(place.get("phone")),
        region=region(place.get("country_code")),
        email=sent.email(account.get("email")),
    )


def _triggered(delivery: _Delivery) -> Any:
    """When it happened, by a header that is not signed: only good for what says nothing itself."""
    try:
        return time(delivery.headers.get("x-shopify-triggered-at"))
    except Unreadable:
        return None


def _shop(value: object) -> str:
    return value.strip().lower()[:255] if isinstance(value, str) else ""


def told_by(headers: Mapping[str, str], shop: str) -> bool:
    """Whether a body is of this shop, by its headers, and nothing that a customer asked for."""
    of = headers.get("x-shopify-shop-domain", "").strip().lower()
    return of in ("", shop) and headers.get("x-shopify-topic") not in _ASKED_BY_CUSTOMERS


_ASKED_BY_CUSTOMERS = {"customers/redact", "customers/data_request"}
_TOPICS: dict[str, Callable[[_Delivery], list[Any]]] = {
    "customers/create": _customer_seen,
    "customers/update": _customer_seen,
    "customers/delete": _deleted,
    "customers_email_marketing_consent/update": _consent_told("email_marketing_consent"),
    "customers/email_marketing_consent_update": _consent_told("email_marketing_consent"),
    "customers_marketing_consent/update": _consent_told("sms_marketing_consent"),
    "customers/marketing_consent_update": _consent_told("sms_marketing_consent"),
    "customer.tags_added": _tags_told(is_added=True),
    "customer.tags_removed": _tags_told(is_added=False),
    "customers/tags_added": _tags_told(is_added=True),
    "customers/tags_removed": _tags_told(is_added=False),
    "orders/create": _order,
    "orders/updated": _order,
    "customers/data_request": _data_request,
    "customers/redact": _customer_redact,
    "shop/redact": _shop_redact,
}
