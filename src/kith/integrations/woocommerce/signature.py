"""How a webhook proves that it is WooCommerce's, and which event it is."""

import hashlib
import re
from collections.abc import Mapping

from kith import signing
from kith.domain.connections import Opened

SIGNATURE = b"x-wc-webhook-signature"
TOPIC = b"x-wc-webhook-topic"
KEPT = (TOPIC, b"x-wc-webhook-source", b"x-wc-webhook-delivery-id")
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


def is_genuine(headers: Mapping[bytes, bytes], body: bytes, opened: Opened) -> bool:
    return signing.is_base64_of_any(headers.get(SIGNATURE), body, opened.each("secret"))


def event_key(headers: Mapping[bytes, bytes], body: bytes) -> str:
    """Two deliveries of one second can share an id: the body tells them apart."""
    given = (headers.get(TOPIC, b""), headers.get(b"x-wc-webhook-delivery-id", b""), body)
    return hashlib.sha256(b"\n".join(given)).hexdigest()


def is_ping(headers: Mapping[bytes, bytes], body: bytes) -> bool:
    """What it sends once, without a signature, when somebody makes the webhook."""
    is_bare = SIGNATURE not in headers and TOPIC not in headers
    return is_bare and _PING.fullmatch(body) is not None
