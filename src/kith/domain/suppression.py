"""Whom never to revive: of an erased name only a keyed hash is left (row T18.1)."""

import hashlib
import hmac
from typing import Literal

Name = tuple[Literal["phone", "bsuid"], str]
"""What leads to a person, and its kind."""


def digest(value: str, *, workspace_key: str, secret_key: str) -> str:
    """Of a name. With a `secret_key`, the database alone is not enough to try numbers out."""
    key = f"{workspace_key}.{secret_key}".encode()
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
