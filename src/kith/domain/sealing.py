"""Secrets of other systems, at rest: AES-256-GCM with a key made of the operator's own.

A sealed secret opens only for what it was sealed for, so that a row cannot lend it to another.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec

NONCE_BYTES = 12
Secrets = Mapping[str, str]


class CannotUnseal(Exception):
    """Sealed with another key, or for something else, or changed since."""


def seal(secrets: Secrets, *, key: str, nonce: bytes, about: str) -> str:
    """`nonce` is random and used once; `about` is the id of what the secrets belong to."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plain = msgspec.json.encode(secrets)
    nonce = nonce[:NONCE_BYTES]
    sealed = AESGCM(_derived(key)).encrypt(nonce, plain, about.encode())
    return base64.b64encode(nonce + sealed).decode()


@lru_cache(maxsize=256)
def unseal(sealed: str, *, key: str, about: str) -> Secrets:
    """Raises CannotUnseal. Remembered, because each webhook asks for it."""
    # Imported here: only who has a connection pays for it at the start.
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = base64.b64decode(sealed)
    try:
        plain = AESGCM(_derived(key)).decrypt(
            data[:NONCE_BYTES], data[NONCE_BYTES:], about.encode()
        )
    except InvalidTag:
        raise CannotUnseal() from None
    return MappingProxyType(msgspec.json.decode(plain, type=dict[str, str]))


def _derived(key: str) -> bytes:
    """32 bytes for this purpose alone: the same setting goes into hashes elsewhere."""
    return hmac.digest(key.encode(), b"kith: secrets of connections", hashlib.sha256)
