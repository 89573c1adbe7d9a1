"""How a webhook proves that it is Shopify's, and which event it is."""

import hashlib
from collections.abc import Mapping

from kith import signing
from kith.domain.connections import Opened

SIGNATURE = b"x-shopify-hmac-sha256"
KEPT = (
    b"x-shopify-topic",
    b"x-shopify-shop-domain",
    b"x-shopify-api-version",
    b"x-shopify-webhook-id",
    b"x-shopify-triggered-at",
)
_KEY_BYTES_MAX = 200


def is_genuine(headers: Mapping[bytes, bytes], body: bytes, opened: Opened) -> bool:
    return signing.is_base64_of_any(headers.get(SIGNATURE), body, opened.each("secret"))


def event_key(headers: Mapping[bytes, bytes], body: bytes) -> str:
    """The id of the delivery, which every repeat has. One event has a delivery for each topic."""
    topic = headers.get(b"x-shopify-topic", b"")
    if delivery := headers.get(b"x-shopify-webhook-id"):
        key = b"delivery " + delivery
    elif event := headers.get(b"x-shopify-event-id"):
        key = b"event " + topic + b" " + event
    else:
        key = b"body " + topic + b" " + hashlib.sha256(body).hexdigest().encode()
    if len(key) > _KEY_BYTES_MAX:
        key = b"long " + hashlib.sha256(key).hexdigest().encode()
    return key.decode("latin-1")
