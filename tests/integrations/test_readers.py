"""The readers of shops: whatever is signed, they give facts or say why not (row F23)."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.actions.facts import APPLY
from kith.domain.inbox import Sanitized, Unreadable
from kith.integrations.registry import SYSTEMS
from tests.shops import PAYLOADS, payload

SHOPS = {"shopify": "x-shopify-topic", "woocommerce": "x-wc-webhook-topic"}
TOPICS = {
    "shopify": [
        "customers/create", "customers/delete", "customers_email_marketing_consent/update",
        "customers_marketing_consent/update", "customer.tags_added", "customer.tags_removed",
        "orders/create", "customers/data_request", "customers/redact", "shop/redact",
    ],
    "woocommerce": ["customer.created", "customer.deleted", "order.created"],
}  # fmt: skip
FILES = [
    (system, path.stem)
    for system in SHOPS
    for path in sorted((PAYLOADS / f"{system}_payloads").glob("*.json"))
]
CASES = [(system, name, topic) for system, name in FILES for topic in TOPICS[system]]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=300)
    | st.sampled_from(["", "0", "1e5", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-23:59", "+1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


def read(system: str, topic: str, body: bytes) -> list[Any] | None:
    """The facts; None when it is unreadable. Anything else that happens is a bug."""
    headers = {SHOPS[system]: topic, "x-shopify-shop-domain": "a.example"}
    config = {"consent_key": "whatsapp_opt_in", "ids_as": "woocommerce"}
    try:
        return SYSTEMS[system].read(headers, body, config)
    except Unreadable:
        return None


def places(value: Any) -> list[tuple[Any, Any]]:
    """Everywhere in a document that something stands: its holder, and its key there."""
    found = []
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


@pytest.mark.row("F23")
@given(st.sampled_from(CASES), st.randoms(use_true_random=False), JUNK)
def test_any_value_may_be_junk(case: Any, chance: random.Random, junk: Any) -> None:
    system, name, topic = case
    body = copy.deepcopy(payload(system, name))
    for _ in range(chance.randrange(1, 4)):
        holder, key = chance.choice(places(body))
        holder[key] = copy.deepcopy(junk)
    facts = read(system, topic, json.dumps(body).encode("utf-8", "surrogatepass"))
    for fact in facts or ():
        assert type(fact) in APPLY or isinstance(fact, Sanitized)


@pytest.mark.row("F23")
@given(st.sampled_from(CASES), st.binary(max_size=40), st.randoms(use_true_random=False))
def test_any_bytes_may_be_junk(case: Any, junk: bytes, chance: random.Random) -> None:
    system, name, topic = case
    whole = json.dumps(payload(system, name)).encode()
    at = chance.randrange(len(whole))
    read(system, topic, junk)
    read(system, topic, whole[:at] + junk + whole[at + len(junk) :])


@pytest.mark.parametrize(("system", "name"), FILES)
def test_every_payload_file_is_read_as_what_it_is(system: str, name: str) -> None:
    body = json.dumps(payload(system, name)).encode()
    topics = [topic for topic in TOPICS[system] if read(system, topic, body)]
    assert topics


@pytest.mark.row("X10")
def test_a_long_text_costs_little() -> None:
    """A megabyte of combining marks, of spaces, and of escapes that are halves of characters."""
    for text in ("\u0301" * 500_000, " " * 1_000_000, "\\ud83d" * 150_000):
        body = b'{"id": 1, "first_name": "a%sb"}' % text.encode()
        facts = read("shopify", "customers/create", body)
        assert facts
        assert len(facts[0].name) <= 256
