"""Webhooks of WooCommerce, whose bodies are objects of its REST API v3: bytes in, facts out.

Blank texts are what is absent. Times that end in `_gmt` are UTC without saying so.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from kith.domain.consent import State
from kith.domain.inbox import Unreadable
from kith.domain.shop_facts import (
    ConsentTold,
    Customer,
    CustomerGone,
    CustomerSeen,
    PhoneSeen,
    id_of,
)
from kith.integrations.reading import Sent, fields, identifier, number, region, time

_YES = {"1", "yes", "true", "on", "y", "granted", "subscribed"}
_NO = {"0", "no", "false", "off", "n", "withdrawn", "unsubscribed"}


class _Delivery(msgspec.Struct, frozen=True):
    """One webhook. `ids_as` is what its ids are called here, `consent_key` where consent stands,
    `by` how it came if not by itself."""

    sent: Sent
    topic: str
    shop: str
    digest: str
    ids_as: str
    consent_key: str | None
    by: str | None

    @property
    def body(self) -> dict[str, Any]:
        return self.sent.body


def read(headers: Mapping[str, str], body: bytes, config: Mapping[str, Any]) -> list[Any]:
    """Raises Unreadable. A topic that tells nothing of people gives nothing."""
    topic = headers.get("x-wc-webhook-topic", "").strip().lower()
    if not topic:
        raise Unreadable("The header X-WC-Webhook-Topic is missing.")
    reader = _TOPICS.get(topic)
    if reader is None:
        return []
    delivery = _Delivery(
        Sent(body),
        topic,
        headers.get("x-wc-webhook-source", "").strip().lower()[:255],
        hashlib.sha256(body).hexdigest(),
        config.get("ids_as", "woocommerce"),
        config.get("consent_key"),
        headers.get("x-kith-by"),
    )
    found = reader(delivery)
    return [*found, *delivery.sent.marks]


def _customer_seen(delivery: _Delivery) -> list[Any]:
    body = delivery.body
    uuid = identifier(body.get("id"), field="id")
    if uuid is None:
        raise Unreadable("The customer has no id.")
    at = _time(body, "date_modified") or _time(body, "date_created")
    customer = _customer(delivery, uuid, email=body.get("email"))
    found = _seen(delivery, customer, body, at=at)
    state = _consent_state(delivery)
    if state is not None:
        # When the box was ticked is not told, only that it is.
        found.append(_consent(delivery, customer, state, at=at, acted_at=None))
    return found


def _order(delivery: _Delivery) -> list[Any]:
    """Whoever ordered, as they were then: an old order that changes says nothing new of them."""
    uuid = identifier(delivery.body.get("customer_id"), field="customer_id")
    customer = _customer(delivery, uuid, email=None)
    if customer.external_id is None and customer.phone is None and customer.email is None:
        return []
    at = _time(delivery.body, "date_created")
    found = _seen(delivery, customer, {}, at=at)
    # A box that was left alone at the till is no opt-out.
    if _consent_state(delivery) == "granted":
        found.append(_consent(delivery, customer, "granted", at=at, acted_at=at))
    return found


def _deleted(delivery: _Delivery) -> list[Any]:
    uuid = identifier(delivery.body.get("id"), field="id")
    if uuid is None:
        raise Unreadable("The customer has no id.")
    customer = Customer(external_id=f"{delivery.ids_as}:{uuid}", shop=delivery.shop)
    return [CustomerGone(customer=customer)]


def _customer(delivery: _Delivery, uuid: str | None, *, email: object) -> Customer:
    sent, billing = delivery.sent, fields(delivery.body.get("billing"))
    typed = sent.phone(billing.get("phone"))
    return Customer(
        external_id=f"{delivery.ids_as}:{uuid}" if uuid is not None else None,
        shop=delivery.shop,
        phone=number(typed),
        typed=typed,
        region=region(billing.get("country")),
        email=sent.email(email) or sent.email(billing.get("email")),
    )


def _seen(
    delivery: _Delivery, customer: Customer, named: Mapping[str, Any], *, at: datetime | None
) -> list[Any]:
    sent = delivery.sent
    if not (named.get("first_name") or named.get("last_name")):
        named = fields(delivery.body.get("billing"))
    names = [sent.line(named.get(field)) for field in ("first_name", "last_name")]
    name = sent.line(" ".join(filter(None, names)))
    found: list[Any] = [CustomerSeen(customer=customer, at=at, name=name, metadata=id_of(customer))]
    if customer.phone is not None and customer.external_id is not None:
        found.append(PhoneSeen(customer=customer, at=at))
    return found


def _consent_state(delivery: _Delivery) -> State | None:
    """By the one key of `meta_data` that the operator named, as a form writes it."""
    if delivery.consent_key is None:
        return None
    given = delivery.body.get("meta_data")
    for one in given if isinstance(given, list) else ():
        if fields(one).get("key") == delivery.consent_key:
            return consent_said(one.get("value"))
    return None


def consent_said(value: object) -> State | None:
    """What a form's field says; None for what is neither a yes nor a no."""
    word = str(value).strip().lower()
    return "granted" if word in _YES else "withdrawn" if word in _NO else None


def _consent(
    delivery: _Delivery,
    customer: Customer,
    state: State,
    *,
    at: datetime | None,
    acted_at: datetime | None,
) -> ConsentTold:
    evidence = {
        "platform": "woocommerce",
        "shop": customer.shop,
        "ids_as": delivery.ids_as,
        "topic": delivery.topic,
        "by": delivery.by,
        f"{delivery.topic.partition('.')[0]}_id": identifier(delivery.body.get("id"), field="id"),
        "meta_key": delivery.consent_key,
        "payload_sha256": delivery.digest,
    }
    return ConsentTold(
        customer=customer,
        at=at,
        channel="whatsapp",
        state=state,
        acted_at=acted_at,
        evidence={name: value for name, value in evidence.items() if value},
        rule="given_here",
    )


def _time(body: Mapping[str, Any], name: str) -> datetime | None:
    return time(body.get(f"{name}_gmt"), is_utc=True)


_TOPICS: dict[str, Callable[[_Delivery], list[Any]]] = {
    "customer.created": _customer_seen,
    "customer.updated": _customer_seen,
    "customer.deleted": _deleted,
    "order.created": _order,
    "order.updated": _order,
    "order.restored": _order,
}
