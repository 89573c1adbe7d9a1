"""A contact: one person of one workspace, as the wire format knows them (reference section 7)."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kith.domain import etags, text
from kith.domain.identities import Confidence, Kind
from kith.domain.metadata import Metadata
from kith.domain.phone import Phone, Typed
from kith.errors import AppError

Source = Literal["manual", "csv_import", "shopify", "woocommerce", "widget", "zapier", "api"]
OnConflict = Literal["return", "update", "error"]
Expansion = Literal[
    "tags",
    "identities",
    "history",
    "consent",
    "reachability",
    "merged_from",
    "messages",
    "match",
]

NAME_BYTES_MAX = 1_024
KEYS_MAX = 500
"""Contacts that one get-contacts may ask for."""


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
    version: int = 1

    @property
    def etag(self) -> str:
        return etags.of(self.id, self.version)

    @property
    def withdrawn_at(self) -> datetime | None:
        """When they opted out, unless they opted in again later."""
        came_back = self.opted_in_at and self.opted_out_at and self.opted_out_at < self.opted_in_at
        return None if came_back else self.opted_out_at


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A name by which a contact is found. `retired_at`: since when it is the contact's no more, as
    WhatsApp said; None while in use."""

    kind: Kind
    value: str
    confidence: Confidence
    created_at: datetime
    retired_at: datetime | None = None


class GetContact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Exactly one is set, beside `expand`."""

    contact_id: str | None = None
    phone: Phone | Typed | None = None
    email: str | None = None
    wa_id: str | None = None
    bsuid: str | None = None
    username: str | None = None
    external_id: str | None = None
    expand: tuple[Expansion, ...] = ()


class GetContacts(msgspec.Struct, frozen=True, kw_only=True):
    """A key that cannot be used stands there as its own refusal."""

    contacts: tuple[GetContact | AppError, ...]


class ContactKey(msgspec.Struct, frozen=True, kw_only=True):
    """One of them, or both when they name the same contact."""

    contact_id: str | None = None
    phone: Phone | Typed | None = None


class Particulars(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a person; None and empty mean "leave as it is"."""

    name: str | None = None
    email: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Metadata = {}


class SaveContact(Particulars, frozen=True, kw_only=True):
    """What an upsert may write."""

    phone: Phone | Typed


class FindOrCreate(SaveContact, frozen=True, kw_only=True):
    """`on_conflict` says what happens when the phone is known."""

    on_conflict: OnConflict = "return"


class UpdateContact(ContactKey, frozen=True, kw_only=True):
    """Only what is set is written; None clears. Tags replace, metadata is merged."""

    name: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    metadata: Metadata = {}


class TagContact(ContactKey, frozen=True, kw_only=True):
    tag: str


class NameContact(ContactKey, frozen=True, kw_only=True):
    """A name that a contact is to have, or to have no more."""

    kind: Kind
    value: str | Typed


class SearchContacts(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a search finds; all that are set must hold. `query` has its case folded."""

    query: str | None = None
    tag: str | None = None
    email: str | None = None


class Filters(SearchContacts, frozen=True, kw_only=True):
    """Which contacts a list holds, beside what a search knows."""

    source: Source | None = None
    opted_in: bool | None = None
    created_after: datetime | None = None
    updated_after: datetime | None = None


def tags_of(contact: Contact) -> tuple[str, ...]:
    return msgspec.json.decode(contact.tags, type=tuple[str, ...])


def metadata_of(contact: Contact) -> Metadata:
    return msgspec.json.decode(contact.metadata, type=dict[str, object])


def differ(old: Any, new: Any) -> bool:
    """Whether two values are not the same JSON: to Python, true is 1."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() != new.keys() or any(differ(old[key], new[key]) for key in old)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) != len(new) or any(map(differ, old, new))
    return bool(old != new) or isinstance(old, bool) != isinstance(new, bool)


def parse_name(value: object) -> str:
    """A display name; raises BadValue."""
    return text.line(value, characters_max=text.NAME_CHARACTERS_MAX, bytes_max=NAME_BYTES_MAX)
