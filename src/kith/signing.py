"""HMAC-SHA256 of raw bytes: how other systems prove that a body is theirs (reliability T2.1)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable


def digest(body: bytes, secret: str) -> bytes:
    """The 32 bytes."""
    return hmac.digest(secret.encode(), body, hashlib.sha256)


def is_base64_of_any(given: bytes | None, body: bytes, secrets: Iterable[str]) -> bool:
    """Whether `given` is the body's digest by one of the secrets in base64, as shops send it."""
    try:
        signature = base64.b64decode(given or b"", validate=True)
    except binascii.Error:
        return False
    return _is_any(signature, body, secrets)


def is_hex_of_any(given: bytes | None, body: bytes, secrets: Iterable[str]) -> bool:
    """As `is_base64_of_any`, in hex after `sha256=`, as Meta sends it."""
    prefix, _, digits = (given or b"").partition(b"=")
    try:
        signature = binascii.unhexlify(digits)
    except binascii.Error:
        return False
    return prefix == b"sha256" and _is_any(signature, body, secrets)


def _is_any(signature: bytes, body: bytes, secrets: Iterable[str]) -> bool:
    """Every secret is tried, so that time does not tell which one was right."""
    found = [hmac.compare_digest(signature, digest(body, secret)) for secret in secrets if secret]
    return any(found)
