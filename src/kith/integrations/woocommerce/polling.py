"""WooCommerce's REST API v3, as far as customers are read from it.

Its customers have no list of changes: the newest are asked for in every round, all of them in a
full one. Its orders have one, and tell of guests. An item is read as the webhook that has its form.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from kith.domain import json, shop_polls
from kith.domain.inbox import Unreadable
from kith.domain.shop_polls import BY_POLL, Answer, Ask, Asking, Item, Page, PollFailed
from kith.integrations.reading import answered, fields, time
from kith.integrations.woocommerce.reader import consent_said

KEY = "consumer key"
A_PAGE = 50
READ_AGAIN = 5
"""Of the page before: what is deleted meanwhile moves the rest forward."""
DOUBTED_AT_ONCE = 20
_API = "/wp-json/wc/v3/"
_CUSTOMER = ("id", "email", "first_name", "last_name", "date_created_gmt", "date_modified_gmt")
_ORDER = ("id", "customer_id", "date_created_gmt")
_BILLING = ("first_name", "last_name", "country", "phone", "email")


def ask(asking: Asking) -> Ask:
    given = asking.round
    asked: dict[str, object] = {"per_page": A_PAGE}
    if given.stage == "gone":
        ids = [_digits(name) for name, _ in _of_this_shop(asking)]
        # No customer has the id 0; without ids, everybody would be asked for.
        asked |= {"include": ",".join(ids) or "0", "role": "all", "_fields": "id"}
        asked["per_page"] = shop_polls.GONE_AT_ONCE
        return _ask(asking, "customers", asked)
    asked |= {"offset": given.place or "0", "_fields": ",".join((*_fields(given.stage), "billing"))}
    if asking.config.get("consent_key"):
        asked["_fields"] = f"{asked['_fields']},meta_data"
    if given.stage == "orders":
        after = shop_polls.orders_since(given).strftime("%Y-%m-%dT%H:%M:%S")
        asked |= {"orderby": "id", "order": "asc"}
        asked |= {"modified_after": after, "dates_are_gmt": "true"}
    elif given.is_full:
        asked |= {"orderby": "id", "order": "asc"}
    else:
        asked |= {"orderby": "registered_date", "order": "desc"}
    return _ask(asking, given.stage, asked)


def ask_after(asking: Asking, customer: str) -> Ask:
    """For one who was not on the list."""
    return _ask(asking, f"customers/{_digits(customer)}", {"_fields": "id"})


def read(asking: Asking, answer: Answer) -> Page:
    """Raises PollFailed."""
    listed = _listed(answer)
    if asking.round.stage == "gone":
        return _doubted(asking, {str(one.get("id")) for one in listed})
    items = [_item(asking, one) for one in listed]
    offset = int(asking.round.place or 0)
    is_last = len(listed) < A_PAGE or _is_older(asking, listed[-1])
    place = None if is_last else str(offset + A_PAGE - READ_AGAIN)
    seen = max(0, len(items) - READ_AGAIN) if offset else len(items)
    return Page(items=items, seen=seen, place=place)


def gone(asking: Asking, customer: str, answer: Answer) -> Item | None:
    """What to tell of one who was asked after; None when there is such a customer after all.

    Raises PollFailed.
    """
    if answer.status != 404:
        shop_polls.check(answer, key=KEY)
        return None
    code = fields(answered(answer.body)).get("code")
    if not isinstance(code, str) or code == "rest_no_route":
        shop_polls.check(answer, key=KEY)
    headers = {**_headers(asking), "x-wc-webhook-topic": "customer.deleted"}
    return Item(headers=headers, body=json.encode({"id": int(_digits(customer))}), is_gone=True)


def _ask(asking: Asking, path: str, asked: Mapping[str, object]) -> Ask:
    secrets = asking.secrets
    pair = f"{secrets['consumer_key']}:{secrets['consumer_secret']}".encode()
    query = urlencode(asked, quote_via=quote)
    return Ask(
        method="GET",
        url=f"{asking.url}{_API}{path}?{query}",
        headers={
            "authorization": f"Basic {base64.b64encode(pair).decode()}",
            "accept": "application/json",
        },
    )


def _listed(answer: Answer) -> list[Mapping[str, Any]]:
    shop_polls.check(answer, key=KEY)
    listed = answered(answer.body)
    if not isinstance(listed, list) or not all(fields(one).get("id") for one in listed):
        raise PollFailed("unreadable", "The shop's answer is none of its API.")
    return listed


def _item(asking: Asking, told: Mapping[str, Any]) -> Item:
    """Nothing but what is read of it: the rest changes often, and tells nothing.

    Who says no, then yes, then no again may change nothing else, not even the date: a no counts in
    every round.
    """
    stage, told_at = asking.round.stage, ""
    body = {name: told.get(name) for name in _fields(stage)}
    billing = fields(told.get("billing"))
    body["billing"] = {name: billing.get(name) for name in _BILLING}
    if key := asking.config.get("consent_key"):
        given = told.get("meta_data")
        listed = given if isinstance(given, list) else []
        said = [one.get("value") for one in map(fields, listed) if one.get("key") == key]
        body["meta_data"] = [{"key": key, "value": value} for value in said]
        if "withdrawn" in map(consent_said, said):
            told_at = asking.round.began_at.isoformat()
    topic = "order.updated" if stage == "orders" else "customer.updated"
    headers = {**_headers(asking), "x-wc-webhook-topic": topic}
    return Item(headers=headers, body=json.encode(body), told_at=told_at)


def _doubted(asking: Asking, found: set[str]) -> Page:
    known = [name for name, _ in asking.known]
    missing = [name for name, _ in _of_this_shop(asking) if _digits(name) not in found]
    is_last = len(known) < shop_polls.GONE_AT_ONCE
    if len(missing) > DOUBTED_AT_ONCE:  # as many as can be asked after in one turn
        missing, is_last = missing[:DOUBTED_AT_ONCE], False
        return Page(doubted=missing, place=missing[-1])
    return Page(doubted=missing, place=None if is_last else known[-1])


def _of_this_shop(asking: Asking) -> Sequence[tuple[str, str]]:
    """A wrong address would make everybody seem gone."""
    here = _site(asking.url)
    return [one for one in asking.known if _site(one[1]) == here]


def _site(url: str) -> str:
    """By which two spellings of a site's address are one."""
    parts = urlsplit(url.lower())
    return parts.netloc.removeprefix("www.") + parts.path.rstrip("/")


def _is_older(asking: Asking, told: Mapping[str, Any]) -> bool:
    """Whether the newest were all read, by when the last of them registered."""
    given = asking.round
    if given.stage != "customers" or given.is_full or given.since is None:
        return False
    try:
        at = time(told.get("date_created_gmt"), is_utc=True)
    except Unreadable:
        return False
    return at is not None and at < given.since


def _headers(asking: Asking) -> dict[str, str]:
    return {"x-wc-webhook-source": f"{asking.url.rstrip('/')}/".lower(), **BY_POLL}


def _fields(stage: str) -> tuple[str, ...]:
    return _ORDER if stage == "orders" else _CUSTOMER


def _digits(name: str) -> str:
    return name.partition(":")[2]
