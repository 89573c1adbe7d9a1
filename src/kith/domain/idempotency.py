"""Idempotency-Key: the same call again gets the same answer, and no second effect (row T3.6)."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

import msgspec

from kith.errors import Invalid

KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was given; `contact_id` is whom it tells about, while there is one, and
    `other_id` another contact that it tells about as well."""

    status: int
    body: bytes
    etag: str | None
    contact_id: str | None
    other_id: str | None = None


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an export shows of one; of a call about two contacts only that it was made."""

    action: str
    key: str | None
    at: datetime
    answer: msgspec.Raw | None


def parse(header: bytes) -> str:
    """Raises Invalid (row L10)."""
    key = header.decode("latin-1").strip(" \t")
    if not _KEY.fullmatch(key):
        problem = "must be given once, as 1 to 255 visible ASCII characters."
        raise Invalid({"idempotency_key": [f"The Idempotency-Key header {problem}"]})
    return key


def digest(body: bytes, *, secret_key: str) -> str:
    """By which another body under the same key is noticed; with a `secret_key`, by nobody else."""
    return hmac.new(secret_key.encode(), body, hashlib.sha256).hexdigest()
