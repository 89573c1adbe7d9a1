"""What a Zap tells: somebody, and what they did about being written to."""

from datetime import datetime

import msgspec

from kith.domain.consent import Channel, Method, Purpose, State
from kith.domain.contacts import SaveContact
from kith.domain.metadata import Metadata


class ConsentPosted(msgspec.Struct, frozen=True, kw_only=True):
    channel: Channel
    purpose: Purpose
    state: State
    method: Method
    wording: str | None = None
    wording_version: str | None = None
    evidence: Metadata | None = None
    note: str | None = None
    occurred_at: datetime | None = None


class ContactPosted(msgspec.Struct, frozen=True, kw_only=True):
    """The consent is told of the contact, and both are written or neither."""

    contact: SaveContact
    consent: ConsentPosted | None = None
