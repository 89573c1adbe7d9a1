"""Meta's webhooks: proven by the app secret, told apart by their bytes, read by `reader`."""

import hashlib
import hmac
from collections.abc import Mapping

from kith.domain.connections import Opened
from kith.integrations.whatsapp import reader
from kith.signing import is_hex_of_any

BODY_BYTES_MAX = 4 * 1_048_576
"""Meta sends up to 3 MB."""
CHALLENGE_CHARACTERS_MAX = 256
SIGNATURE = b"x-hub-signature-256"

read = reader.read


def is_genuine(headers: Mapping[bytes, bytes], body: bytes, opened: Opened) -> bool:
    return is_hex_of_any(headers.get(SIGNATURE), body, opened.each("app_secret"))


def event_key(_: Mapping[bytes, bytes], body: bytes) -> str:
    """Meta names no event: the bytes do. What another body repeats, its own id tells."""
    return hashlib.sha256(body).hexdigest()


def challenge(query: Mapping[str, str], opened: Opened) -> bytes | None:
    """What Meta asks for when the address is entered there; None for whoever is not Meta."""
    given = query.get("hub.verify_token", "").encode()
    known = [hmac.compare_digest(given, token.encode()) for token in opened.each("verify_token")]
    asked = query.get("hub.challenge", "")
    is_plain = asked.isascii() and asked.isprintable()
    if query.get("hub.mode") != "subscribe" or not any(known) or not is_plain:
        return None
    return asked.encode() if 0 < len(asked) <= CHALLENGE_CHARACTERS_MAX else None
