"""Shopify's GraphQL Admin API, as far as customers are read from it.

What it answers is put in the words of a webhook, and read as one is.
"""

from collections.abc import Mapping
from typing import Any

from kith.domain import json, shop_polls
from kith.domain.shop_polls import BY_POLL, Answer, Ask, Asking, Item, Page, PollFailed
from kith.domain.times import wire
from kith.integrations.reading import answered, fields

KEY = "access token"
CUSTOMERS_A_PAGE = 50
ORDERS_A_PAGE = 50
"""No query costs nearly the 1,000 points that Shopify allows one, and whoever else writes waits for
no page longer than for a batch of an import."""
WITH_WHATSAPP = "2026-07"
"""The version from which on there is consent to WhatsApp."""
_GID = "gid://shopify/Customer/"

_CUSTOMER = """
fragment customer on Customer {
  id firstName lastName updatedAt tags
  defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt }
  defaultPhoneNumber {
    phoneNumber marketingState marketingOptInLevel marketingUpdatedAt marketingCollectedFrom
    %s
  }
  defaultAddress { phone countryCodeV2 }
}
"""
_WHATSAPP = "whatsAppMarketingConsent { state optInLevel updatedAt collectedFrom }"
_CUSTOMERS = """
query ($first: Int!, $after: String, $query: String) {
  shop { myshopifyDomain }
  customers(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { ...customer } pageInfo { hasNextPage endCursor }
  }
}
"""
_ORDERS = """
query ($first: Int!, $after: String, $query: String) {
  shop { myshopifyDomain }
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes {
      id email phone createdAt
      billingAddress { firstName lastName phone countryCodeV2 }
      shippingAddress { firstName lastName phone countryCodeV2 }
      customer { ...customer }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_GONE = "query ($ids: [ID!]!) { shop { myshopifyDomain } nodes(ids: $ids) { id } }"


def ask(asking: Asking) -> Ask:
    version = str(asking.config["api_version"])
    variables: dict[str, object]
    if asking.round.stage == "gone":
        query = _GONE
        variables = {"ids": [_GID + _digits(name) for name, _ in asking.known]}
    else:
        is_orders = asking.round.stage == "orders"
        query = _ORDERS if is_orders else _CUSTOMERS
        query += _CUSTOMER % (_WHATSAPP if version >= WITH_WHATSAPP else "")
        given = asking.round
        since = shop_polls.orders_since(given) if is_orders else given.since
        # A time that is not quoted is taken for its day.
        changed = f"updated_at:>='{wire(since).replace('+00:00', 'Z')}'" if since else None
        variables = {
            "first": ORDERS_A_PAGE if is_orders else CUSTOMERS_A_PAGE,
            "after": asking.round.place,
            "query": changed,
        }
    return Ask(
        method="POST",
        url=f"{asking.url}/admin/api/{version}/graphql.json",
        headers={
            "x-shopify-access-token": asking.secrets["access_token"],
            "content-type": "application/json",
            "accept": "application/json",
        },
        content=json.encode({"query": query, "variables": variables}),
    )


def read(asking: Asking, answer: Answer) -> Page:
    """Raises PollFailed."""
    shop_polls.check(answer, key=KEY)
    body = fields(answered(answer.body))
    stage = asking.round.stage
    if errors := body.get("errors"):
        failed = _failed(errors, body)
        if stage == "orders" and failed.reason == "forbidden":
            return Page(note="Orders are not read: the access token lacks read_orders.")
        raise failed
    data = fields(body.get("data"))
    shop = fields(data.get("shop")).get("myshopifyDomain")
    if not isinstance(shop, str) or not shop:
        raise _unreadable()
    wait_s = _wait_s(body)
    if stage == "gone":
        return _gone(asking, shop.lower(), data.get("nodes"), wait_s)
    page = _listed(stage, shop.lower(), fields(data.get(stage)), wait_s)
    if page.place is not None and page.place == asking.round.place:  # it would never end
        raise _unreadable()
    return page


def _listed(stage: str, shop: str, listed: Mapping[str, Any], wait_s: float) -> Page:
    nodes, info = listed.get("nodes"), fields(listed.get("pageInfo"))
    if not isinstance(nodes, list) or not isinstance(info.get("hasNextPage"), bool):
        raise _unreadable()
    place = info.get("endCursor") if info["hasNextPage"] else None
    if info["hasNextPage"] and not (isinstance(place, str) and nodes):
        raise _unreadable()
    topic = "orders/updated" if stage == "orders" else "customers/update"
    told = _order if stage == "orders" else _customer
    items = [_item(shop, topic, told(fields(node))) for node in nodes if _is_anybody(stage, node)]
    return Page(items=items, seen=len(nodes), place=place, wait_s=wait_s)


def _gone(asking: Asking, shop: str, nodes: object, wait_s: float) -> Page:
    """Where an id leads to nobody, nobody is there any more: if the id is this shop's at all."""
    if not isinstance(nodes, list) or len(nodes) != len(asking.known):
        raise _unreadable()
    items = [
        _item(shop, "customers/delete", {"id": int(_digits(name))}, is_gone=True)
        for (name, of), node in zip(asking.known, nodes, strict=True)
        if node is None and of == shop
    ]
    is_last = len(asking.known) < shop_polls.GONE_AT_ONCE
    place = None if is_last else asking.known[-1][0]
    return Page(items=items, place=place, wait_s=wait_s)


def _item(shop: str, topic: str, body: object, *, is_gone: bool = False) -> Item:
    headers = {"x-shopify-topic": topic, "x-shopify-shop-domain": shop, **BY_POLL}
    return Item(headers=headers, body=json.encode(body), is_gone=is_gone)


def _is_anybody(stage: str, node: object) -> bool:
    """Of somebody whom the shop erased, an empty customer is left."""
    told = fields(node)
    if not told:
        raise _unreadable()
    names = ("firstName", "lastName", "defaultEmailAddress", "defaultPhoneNumber")
    return stage == "orders" or any(told.get(name) for name in names)


def _customer(node: Mapping[str, Any]) -> dict[str, Any]:
    email, phone = fields(node.get("defaultEmailAddress")), fields(node.get("defaultPhoneNumber"))
    whatsapp = fields(phone.get("whatsAppMarketingConsent"))
    told = {**_account(node), "tags": node.get("tags")}
    if email:
        told["email_marketing_consent"] = _consent(email)
    if phone:
        told["sms_marketing_consent"] = _consent(phone)
    if whatsapp:
        told["whatsapp_marketing_consent"] = {
            "state": whatsapp.get("state"),
            "opt_in_level": whatsapp.get("optInLevel"),
            "consent_updated_at": whatsapp.get("updatedAt"),
            "consent_collected_from": whatsapp.get("collectedFrom"),
        }
    return told


def _account(node: Mapping[str, Any]) -> dict[str, Any]:
    """A customer as an order has it, too."""
    place = fields(node.get("defaultAddress"))
    return {
        "id": node.get("id"),
        "email": fields(node.get("defaultEmailAddress")).get("emailAddress"),
        "phone": fields(node.get("defaultPhoneNumber")).get("phoneNumber"),
        "first_name": node.get("firstName"),
        "last_name": node.get("lastName"),
        "updated_at": node.get("updatedAt"),
        "default_address": {
            "phone": place.get("phone"),
            "country_code": place.get("countryCodeV2"),
        },
    }


def _consent(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": given.get("marketingState"),
        "opt_in_level": given.get("marketingOptInLevel"),
        "consent_updated_at": given.get("marketingUpdatedAt"),
        "consent_collected_from": given.get("marketingCollectedFrom"),
    }


def _order(node: Mapping[str, Any]) -> dict[str, Any]:
    account = fields(node.get("customer"))
    return {
        "id": node.get("id"),
        "email": node.get("email"),
        "phone": node.get("phone"),
        "created_at": node.get("createdAt"),
        "billing_address": _address(fields(node.get("billingAddress"))),
        "shipping_address": _address(fields(node.get("shippingAddress"))),
        "customer": _account(account) if account else None,
    }


def _address(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "first_name": given.get("firstName"),
        "last_name": given.get("lastName"),
        "phone": given.get("phone"),
        "country_code": given.get("countryCodeV2"),
    }


def _digits(name: str) -> str:
    return name.partition(":")[2]


def _failed(errors: object, body: Mapping[str, Any]) -> PollFailed:
    """GraphQL refuses with 200, too: what counts is the code."""
    listed = errors if isinstance(errors, list) else []
    codes = {fields(fields(one).get("extensions")).get("code") for one in listed}
    if "THROTTLED" in codes:
        wait_s = max(_wait_s(body), 1.0)
        return PollFailed("throttled", "The shop wants fewer calls.", retry_after_s=wait_s)
    if "ACCESS_DENIED" in codes:
        return PollFailed(
            "forbidden",
            f"The {KEY} may not read what is asked for: it needs the scope read_customers, and"
            " access to protected customer data.",
        )
    if "SHOP_INACTIVE" in codes:
        return PollFailed("missing", "The shop is closed.")
    if "INTERNAL_SERVER_ERROR" in codes:
        return PollFailed("trouble", "The shop is in trouble.")
    return PollFailed("unreadable", "The shop refuses the query: is the API version one it has?")


def _wait_s(body: Mapping[str, Any]) -> float:
    """Until there are as many points as such a query asks for."""
    cost = fields(fields(body.get("extensions")).get("cost"))
    status = fields(cost.get("throttleStatus"))
    wanted, rate = _number(cost.get("requestedQueryCost")), _number(status.get("restoreRate"))
    available = _number(status.get("currentlyAvailable"))
    wait_s = (wanted - available) / rate if wanted > available and rate > 0 else 0.0
    return min(wait_s, shop_polls.RETRY_AFTER_S_MAX)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _unreadable() -> PollFailed:
    return PollFailed("unreadable", "The shop's answer is none of its API.")
