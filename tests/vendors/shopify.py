"""Shopify's GraphQL Admin API: real GraphQL over the part of its schema that is about people.

A shop lives by the webhooks that it would send: `happen` takes one, and the API tells what it left.
"""

import base64
import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync

from tests.graph.http import Listener, Listening, Reply, Request, as_json

TOKEN = "shpat_0123456789abcdef0123456789abcdef"
DOMAIN = "snowdevil.myshopify.example"
VERSIONS = ("2025-10", "2026-01", "2026-04", "2026-07", "2026-10")
PAGE_MAX = 250
COST_MAX = 1_000
_SDL = """
scalar DateTime
scalar CountryCode
enum CustomerSortKeys { CREATED_AT ID LOCATION NAME RELEVANCE UPDATED_AT }
enum OrderSortKeys { CREATED_AT CUSTOMER_NAME ID ORDER_NUMBER PROCESSED_AT UPDATED_AT }
enum CustomerEmailAddressMarketingState {
  INVALID NOT_SUBSCRIBED PENDING SUBSCRIBED UNSUBSCRIBED
}
enum CustomerSmsMarketingState { NOT_SUBSCRIBED PENDING REDACTED SUBSCRIBED UNSUBSCRIBED }
enum CustomerMarketingConsentState { NOT_SUBSCRIBED PENDING REDACTED SUBSCRIBED UNSUBSCRIBED }
enum CustomerMarketingOptInLevel { CONFIRMED_OPT_IN SINGLE_OPT_IN UNKNOWN }
enum CustomerConsentCollectedFrom { OTHER SHOPIFY }
interface Node { id: ID! }
type PageInfo {
  hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
}
type Shop { id: ID! name: String! myshopifyDomain: String! }
type CustomerEmailAddress {
  emailAddress: String!
  marketingState: CustomerEmailAddressMarketingState!
  marketingOptInLevel: CustomerMarketingOptInLevel
  marketingUpdatedAt: DateTime
}
type CustomerPhoneNumber {
  phoneNumber: String!
  marketingState: CustomerSmsMarketingState!
  marketingOptInLevel: CustomerMarketingOptInLevel
  marketingUpdatedAt: DateTime
  marketingCollectedFrom: CustomerConsentCollectedFrom
  %s
}
type MailingAddress {
  firstName: String lastName: String phone: String countryCodeV2: CountryCode
}
type Customer implements Node {
  id: ID! firstName: String lastName: String createdAt: DateTime! updatedAt: DateTime!
  tags: [String!]!
  defaultEmailAddress: CustomerEmailAddress
  defaultPhoneNumber: CustomerPhoneNumber
  defaultAddress: MailingAddress
}
type Order implements Node {
  id: ID! name: String! email: String phone: String createdAt: DateTime! updatedAt: DateTime!
  billingAddress: MailingAddress shippingAddress: MailingAddress customer: Customer
}
type CustomerConnection { nodes: [Customer!]! pageInfo: PageInfo! }
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
type Query {
  shop: Shop!
  customers(
    first: Int after: String query: String sortKey: CustomerSortKeys = ID reverse: Boolean = false
  ): CustomerConnection!
  orders(
    first: Int after: String query: String sortKey: OrderSortKeys = PROCESSED_AT
    reverse: Boolean = false
  ): OrderConnection!
  nodes(ids: [ID!]!): [Node]!
}
"""
_WHATSAPP = """
  whatsAppMarketingConsent: CustomerWhatsAppMarketingConsent!
}
type CustomerWhatsAppMarketingConsent {
  state: CustomerMarketingConsentState!
  optInLevel: CustomerMarketingOptInLevel
  updatedAt: DateTime
  collectedFrom: CustomerConsentCollectedFrom
"""
_CHANGED = re.compile(r"updated_at:>='([0-9T:-]+Z)'")
_SCHEMAS: dict[bool, GraphQLSchema] = {
    has_whatsapp: build_schema(_SDL % (_WHATSAPP if has_whatsapp else ""))
    for has_whatsapp in (False, True)
}
_REFUSED = "[API] Invalid API key or access token (unrecognized login or wrong password)"


class Shopify(Listening):
    """`faults` are what the next calls are answered with, each once; None lets one pass.
    `on_call` is called before each is answered. `points` are left of the bucket, if they count."""

    system = "shopify"

    def __init__(self) -> None:
        self.token = TOKEN
        self.domain = DOMAIN
        self.scopes = {"read_customers", "read_orders"}
        self.customers: dict[int, dict[str, Any]] = {}
        self.orders: dict[int, dict[str, Any]] = {}
        self.requests: list[Request] = []
        self.faults: list[Reply | None] = []
        self.on_call: Callable[[int], None] | None = None
        self.points: float | None = None
        self._lock = threading.Lock()
        self._listener = Listener(self._answer)

    @property
    def reading(self) -> dict[str, str]:
        """With what Kith is to read it."""
        return {"url": self.url, "access_token": self.token}

    def happen(self, topic: str, body: dict[str, Any], at: str | None = None) -> None:
        """What the webhook tells has happened in the shop, at that time."""
        if topic in ("customers/create", "customers/update"):
            self._customer(body["id"]).update(body)
        elif topic == "customers/delete":
            self.customers.pop(body["id"], None)
        elif topic.startswith("customer.tags_"):
            known = self._customer(int(body["customerId"].rpartition("/")[2]))
            given, present = set(body["tags"]), set(known.get("tags") or ())
            is_added = topic.endswith("added")
            known["tags"] = sorted(present | given if is_added else present - given)
            known["updated_at"] = max(known["updated_at"], body["occurredAt"], key=_time)
        elif topic.endswith("consent/update"):
            known = self._customer(body.get("customer_id", body.get("id")))
            [(name, told)] = [x for x in body.items() if x[0].endswith("_marketing_consent")]
            known[name] = told
            known["updated_at"] = max(known["updated_at"], at or told["consent_updated_at"],
                                      key=_time)  # fmt: skip
        elif topic.startswith("orders/"):
            self.orders[body["id"]] = body
            if body.get("customer"):
                self._customer(body["customer"]["id"]).update(body["customer"])
        else:
            raise AssertionError(topic)

    def _customer(self, customer_id: int) -> dict[str, Any]:
        return self.customers.setdefault(customer_id, {"id": customer_id})

    async def _answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
        if self.on_call is not None:
            # What it does may call a server that is another thread's.
            self.on_call(len(self.requests))
        return fault or self._routed(request)

    def _routed(self, request: Request) -> Reply:
        match = re.fullmatch(r"/admin/api/([^/]+)/graphql\.json", request.path)
        if match is None or match[1] not in VERSIONS or request.method != "POST":
            return as_json({"errors": "Not Found"}, 404)
        if request.headers.get("x-shopify-access-token") != self.token:
            return as_json({"errors": _REFUSED}, 401)
        if request.headers.get("content-type") != "application/json":
            return as_json({"errors": "Unsupported media type"}, 415)
        given = json.loads(request.body)
        return self._executed(match[1], given["query"], given.get("variables") or {})

    def _executed(self, version: str, query: str, variables: dict[str, Any]) -> Reply:
        cost = self._cost(query, variables)
        if cost["requestedQueryCost"] > COST_MAX:
            error = {"message": "too costly", "extensions": {"code": "MAX_COST_EXCEEDED"}}
            return as_json({"errors": [error]})
        if self.points is not None:
            if self.points < cost["requestedQueryCost"]:
                error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
                return as_json({"errors": [error], "extensions": {"cost": cost}})
            self.points -= cost["requestedQueryCost"]
            cost["throttleStatus"]["currentlyAvailable"] = self.points
        done = graphql_sync(
            _SCHEMAS[version >= "2026-07"],
            query,
            root_value={
                "shop": {"myshopifyDomain": self.domain},
                "customers": lambda _, **asked: self._page("customers", **asked),
                "orders": lambda _, **asked: self._page("orders", **asked),
                "nodes": self._nodes,
            },
            variable_values=variables,
            type_resolver=lambda value, *_: value["__typename"],
        )
        answer: dict[str, Any] = {"data": done.data, "extensions": {"cost": cost}}
        if done.errors:
            answer["errors"] = [one.formatted for one in done.errors]
        return as_json(answer, x_shopify_api_version=version)

    def _cost(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """An object is a point, for each that a list may hold."""
        first = variables.get("first") or len(variables.get("ids") or ())
        objects = 1 + len(re.findall(r"default\w+ \{|\w+Address \{|customer \{", query))
        return {
            "requestedQueryCost": 2 + first * objects,
            "actualQueryCost": 2,
            "throttleStatus": {
                "maximumAvailable": 2000.0,
                "currentlyAvailable": 2000.0 if self.points is None else self.points,
                "restoreRate": 100.0,
            },
        }

    def _page(
        self,
        kind: str,
        *,
        first: int | None = None,
        after: str | None = None,
        query: str | None = None,
        sortKey: str,  # noqa: N803  as the schema has it
        reverse: bool,
    ) -> dict[str, Any]:
        if f"read_{kind}" not in self.scopes:
            raise GraphQLError(f"Access denied for {kind} field.",
                               extensions={"code": "ACCESS_DENIED"})  # fmt: skip
        if first is None or not 1 <= first <= PAGE_MAX:
            raise GraphQLError("you must provide one of first or last, 250 at most")
        assert sortKey == "UPDATED_AT"
        assert not reverse
        rows: dict[int, dict[str, Any]] = getattr(self, kind)
        since = ""
        if query is not None:
            match = _CHANGED.fullmatch(query)
            assert match is not None, query
            since = match[1]
        keys = sorted((_time(row["updated_at"]), number) for number, row in rows.items())
        keys = [key for key in keys if not since or key[0] >= _time(since)]
        if after is not None:
            at, number = json.loads(base64.b64decode(after))
            keys = [key for key in keys if (key[0].isoformat(), key[1]) > (at, number)]
        shown = keys[:first]
        cursors = [
            base64.b64encode(json.dumps([at.isoformat(), number]).encode()).decode()
            for at, number in shown
        ]
        told = self._told_customer if kind == "customers" else self._told_order
        return {
            "nodes": [told(rows[number]) for _, number in shown],
            "pageInfo": {
                "hasNextPage": len(keys) > len(shown),
                "hasPreviousPage": after is not None,
                "startCursor": cursors[0] if cursors else None,
                "endCursor": cursors[-1] if cursors else None,
            },
        }

    def _nodes(self, _: object, ids: list[str]) -> list[dict[str, Any] | None]:
        assert len(ids) <= PAGE_MAX
        found = []
        for one in ids:
            match = re.fullmatch(r"gid://shopify/Customer/([0-9]+)", one)
            assert match is not None, one
            known = self.customers.get(int(match[1]))
            found.append(self._told_customer(known) if known is not None else None)
        return found

    def _told_customer(self, row: dict[str, Any]) -> dict[str, Any]:
        email, phone = row.get("email"), row.get("phone")
        whatsapp = _consent(row.get("whatsapp_marketing_consent"))
        tags = row.get("tags") or []
        return {
            "__typename": "Customer",
            "id": f"gid://shopify/Customer/{row['id']}",
            "firstName": row.get("first_name"),
            "lastName": row.get("last_name"),
            "createdAt": row.get("created_at"),
            "updatedAt": _told_time(row["updated_at"]),
            "tags": tags.split(", ") if isinstance(tags, str) else tags,
            "defaultEmailAddress": email
            and {"emailAddress": email, **_marketing(row.get("email_marketing_consent"))},
            "defaultPhoneNumber": phone
            and {
                "phoneNumber": phone,
                **_marketing(row.get("sms_marketing_consent")),
                "whatsAppMarketingConsent": {
                    "state": whatsapp["state"],
                    "optInLevel": whatsapp["level"],
                    "updatedAt": whatsapp["at"],
                    "collectedFrom": whatsapp["from"],
                },
            },
            "defaultAddress": _address(row.get("default_address")),
        }

    def _told_order(self, row: dict[str, Any]) -> dict[str, Any]:
        account = self.customers.get((row.get("customer") or {}).get("id", 0))
        return {
            "__typename": "Order",
            "id": f"gid://shopify/Order/{row['id']}",
            "name": row.get("name", "#1"),
            "email": row.get("email"),
            "phone": row.get("phone"),
            "createdAt": _told_time(row["created_at"]),
            "updatedAt": _told_time(row["updated_at"]),
            "billingAddress": _address(row.get("billing_address")),
            "shippingAddress": _address(row.get("shipping_address")),
            "customer": self._told_customer(account) if account is not None else None,
        }


def _time(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _told_time(value: str) -> str:
    return _time(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    return {
        "firstName": given.get("first_name"),
        "lastName": given.get("last_name"),
        "phone": given.get("phone"),
        "countryCodeV2": given.get("country_code"),
    }


def _consent(given: dict[str, Any] | None) -> dict[str, Any]:
    given = given or {}
    at = given.get("consent_updated_at")
    return {
        "state": (given.get("state") or "not_subscribed").upper(),
        "level": (given.get("opt_in_level") or "").upper() or None,
        "at": _told_time(at) if at else None,
        "from": given.get("consent_collected_from"),
    }


def _marketing(given: dict[str, Any] | None) -> dict[str, Any]:
    told = _consent(given)
    return {
        "marketingState": told["state"],
        "marketingOptInLevel": told["level"],
        "marketingUpdatedAt": told["at"],
        "marketingCollectedFrom": told["from"],
    }
