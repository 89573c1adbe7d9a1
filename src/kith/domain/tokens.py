"""Access tokens: `kith_`, 64 hex of secret, 8 hex of CRC-32 (reliability row T6.1).

The prefix and the checksum let people and secret scanners know one, and let a mistyped one be
refused without a query. Only the SHA-256 is ever stored.
"""

import hashlib
import re
import zlib
from datetime import datetime
from typing import Literal, get_args

import msgspec

from kith.domain.contacts import Source

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Each opens what the ones before it open too."""

PREFIX = "kith_"
SECRET_BYTES = 32
HINT_CHARACTERS = len(PREFIX) + 6

_SHAPE = re.compile(r"kith_[0-9a-f]{72}")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as people may see it after it was made: never its secret."""

    id: int
    user_id: int
    email: str
    workspace: str | None
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    rate_limit_per_minute: int | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking: the only place that a tenant ever comes from (rule R4).

    `source` is what the contacts say that they make; `connection_id` is blank but for what came in
    by a connection.
    """

    token_id: int
    user_id: int
    tenant_id: int | None
    scopes: tuple[Scope, ...]
    rate_limit_per_minute: int | None
    source: Source = "api"
    connection_id: str = ""
    opts_in_new: bool = False
    """Whether the workspace counts contacts that its tokens make as opted in."""


def compose(secret: bytes) -> str:
    """The token of 32 random bytes."""
    body = PREFIX + secret.hex()
    return body + _checksum(body)


def is_wellformed(token: str) -> bool:
    return _SHAPE.fullmatch(token) is not None and _checksum(token[:-8]) == token[-8:]


def digest(token: str) -> str:
    """What is stored and searched for: SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def hint(token: str) -> str:
    """The part by which a person tells tokens apart."""
    return token[:HINT_CHARACTERS]


def opened_by(scope: Scope) -> tuple[Scope, ...]:
    """The scope and all that it includes."""
    return SCOPES[: SCOPES.index(scope) + 1]


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
