"""HMAC-SHA256 of raw bytes: how a body proves whose it is: other systems' (reliability T2.1), and
ours (T3.5)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime


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


def stamped(body: bytes, secret: str, at: datetime) -> str:
    """That we sent the body, and when: whoever gets it can tell a copy that is sent again later."""
    t = int(at.timestamp())
    return f"t={t},v1={digest(f'{t}.'.encode() + body, secret).hex()}"


def _is_any(signature: bytes, body: bytes, secrets: Iterable[str]) -> bool:
    """Every secret is tried, so that time does not tell which one was right."""
    found = [hmac.compare_digest(signature, digest(body, secret)) for secret in secrets if secret]
    return any(found)
