"""What a shop tells: each fact may be told again, late, or before what came first."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from kith.domain.consent import Channel, State
from kith.domain.metadata import Metadata
from kith.domain.phone import Phone, Region, Typed

ConsentRule = Literal["told", "given_here"]
"""`told`: an opt-out there is one here. `given_here`: it takes back only what that shop gave."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a shop means. `external_id` is the id there, such as shopify:123; a guest has none.

    `phone` is the customer's own, `other_phone` one of an address: it may be somebody else's.
    `region` is where both were typed, where the shop says so; `typed` is the first as it came.
    """

    external_id: str | None
    shop: str = ""
    phone: Phone | Typed | None = None
    typed: str | None = None
    other_phone: Phone | Typed | None = None
    region: Region | None = None
    email: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is how new it is, by the shop's clock; None when the shop did not say."""

    customer: Customer
    at: datetime | None = None


class CustomerSeen(Told, frozen=True, kw_only=True):
    """None and empty say nothing. Of somebody known, a guest fills in only what is missing."""

    name: str | None = None
    metadata: Metadata = {}


class PhoneSeen(Told, frozen=True, kw_only=True):
    """By this number, too."""


class TagsTold(Told, frozen=True, kw_only=True):
    """`is_all`: the customer has those and no others; what other systems put on stays."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    is_all: bool = False


class ConsentTold(Told, frozen=True, kw_only=True):
    """`acted_at` is when the person said so, where the shop knows."""

    channel: Channel
    state: State
    acted_at: datetime | None
    evidence: dict[str, Any]
    rule: ConsentRule = "told"


class CustomerGone(Told, frozen=True, kw_only=True):
    """No customer any more. The person may still be a contact."""


class DataRequested(Told, frozen=True, kw_only=True):
    """The customer wants to see what is held on them. `key` is the shop's number of the request."""

    key: str


class CustomerRedacted(Told, frozen=True, kw_only=True):
    """Whatever identifies the customer has to go."""


class ShopRedacted(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever came by this shop only has to go, with all that the shop told."""

    shop: str


def is_of_its_shop(evidence: msgspec.Raw | None, told: ConsentTold) -> bool:
    """Whether a row of the ledger, by its evidence, was told by the shop that tells this.

    By the shop's address; by what its ids are called, too, since a shop may move.
    """
    kept = msgspec.json.decode(evidence, type=dict[str, Any]) if evidence is not None else {}
    signs = [(kept.get(name), told.evidence.get(name)) for name in ("shop", "ids_as")]
    known = [(one, other) for one, other in signs if one is not None and other is not None]
    return not known or any(one == other for one, other in known)


def id_of(customer: Customer) -> Metadata:
    """The shop's id, as metadata has it."""
    if customer.external_id is None:
        return {}
    system, _, given = customer.external_id.partition(":")
    return {id_key(system): given}


def id_key(system: str) -> str:
    """Where metadata has the id of a system: shopify_id."""
    return f"{system.replace('-', '_')}_id"
