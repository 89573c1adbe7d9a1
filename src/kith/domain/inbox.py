"""What other systems sent, as it came: kept until it was read."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

State = Literal["waiting", "read", "quarantined"]
KEPT = timedelta(days=10)
"""A repeat within this time has no effect (reliability L10: at least 8 days; Meta's take 7)."""


class Unreadable(Exception):
    """A body that no repeat will make readable; the text says why, without what was sent."""


class Sanitized(msgspec.Struct, frozen=True):
    """Stands among the facts of a body that held text which may not enter: it was repaired."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """`headers` are the few that say what the body is; `body` is None once it was read."""

    row_id: int
    id: str
    connection_id: str
    system: str
    event_key: str
    headers: Mapping[str, str]
    body: bytes | None
    state: State
    reason: str | None
    received_at: datetime
    is_sanitized: bool = False
