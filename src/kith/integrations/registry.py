"""Every system that writes to us, on one screen.

A new one is a folder beside this file and a line here; `actions/facts.py` says what is done about
what it tells.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from kith.domain.connections import Opened
from kith.integrations.shopify import reader as shopify_reader
from kith.integrations.shopify import signature as shopify
from kith.integrations.whatsapp import inbound as whatsapp
from kith.integrations.woocommerce import reader as woocommerce_reader
from kith.integrations.woocommerce import signature as woocommerce
from kith.integrations.zapier import reader as zapier

Headers = Mapping[bytes, bytes]
"""As they came, names in lower case."""
MIB = 1_048_576


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """How what a system sends is checked and read.

    `is_genuine` proves the raw body, before anything is parsed; None: a token of the workspace that
    may write does, as for the API. `event_key` is the same on every repeat of an event, and of two
    events it differs; blank: the event has no name, and is one of its own. `kept_headers` are those
    that `read` needs.
    `read` is pure: bytes in, facts out, which may be applied again; it raises
    `domain.inbox.Unreadable`, and gives one among the facts for each item that it cannot read.
    `facts_at_once` of them are written side by side: 1 where their order counts. `is_ping` knows
    what is sent without a signature to see whether somebody listens: answered 200, nothing stored.
    `challenge` answers a GET: the body, or None for a refusal.
    """

    body_bytes_max: int
    is_genuine: Callable[[Headers, bytes, Opened], bool] | None
    event_key: Callable[[Headers, bytes], str]
    kept_headers: tuple[bytes, ...] = ()
    read: Callable[[Mapping[str, str], bytes, Mapping[str, Any]], Iterable[Any]]
    facts_at_once: int = 1
    is_ping: Callable[[Headers, bytes], bool] | None = None
    challenge: Callable[[Mapping[str, str], Opened], bytes | None] | None = None


SYSTEMS: dict[str, Inbound] = {
    "shopify": Inbound(
        body_bytes_max=8 * MIB,
        is_genuine=shopify.is_genuine,
        event_key=shopify.event_key,
        kept_headers=shopify.KEPT,
        read=shopify_reader.read,
    ),
    "whatsapp": Inbound(
        body_bytes_max=whatsapp.BODY_BYTES_MAX,
        is_genuine=whatsapp.is_genuine,
        event_key=whatsapp.event_key,
        read=whatsapp.read,
        challenge=whatsapp.challenge,
        facts_at_once=64,
    ),
    "woocommerce": Inbound(
        body_bytes_max=8 * MIB,
        is_genuine=woocommerce.is_genuine,
        event_key=woocommerce.event_key,
        kept_headers=woocommerce.KEPT,
        read=woocommerce_reader.read,
        is_ping=woocommerce.is_ping,
    ),
    "zapier": Inbound(
        body_bytes_max=MIB,
        is_genuine=None,
        event_key=zapier.event_key,
        read=zapier.read,
    ),
}
