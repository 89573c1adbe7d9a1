"""A contact: one person of one workspace, as the wire format knows them (reference section 7)."""

from datetime import datetime
from typing import Literal

import msgspec

from kith.domain import text
from kith.domain.metadata import Metadata
from kith.domain.phone import Phone

Source = Literal["manual", "csv_import", "shopify", "woocommerce", "widget", "zapier", "api"]

NAME_BYTES_MAX = 1_024


class Contact(msgspec.Struct, frozen=True, gc=False):
    """Fields in the order of the wire and of `store.contacts._COLUMNS`; `row_id` never leaves Kith.

    `metadata` and `tags` are kept as the JSON they are stored and sent as; times are aware, UTC.
    """

    id: str
    phone: Phone | None
    name: str | None
    email: str | None
    source: Source
    locale: str | None
    metadata: msgspec.Raw
    tags: msgspec.Raw
    opted_in_at: datetime | None
    opted_out_at: datetime | None
    last_message_at: datetime | None
    total_messages: int
    created_at: datetime
    updated_at: datetime
    row_id: int


class GetContact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Exactly one of the three is set."""

    contact_id: str | None = None
    phone: Phone | None = None
    email: str | None = None


class SaveContact(msgspec.Struct, frozen=True, kw_only=True):
    """What an upsert may write; None and empty mean "leave as it is"."""

    phone: Phone
    name: str | None = None
    email: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Metadata = {}


def parse_name(value: object) -> str:
    """A display name; raises BadValue."""
    return text.line(value, characters_max=text.NAME_CHARACTERS_MAX, bytes_max=NAME_BYTES_MAX)
