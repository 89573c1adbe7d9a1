"""Opt-ins that wait for their confirmation, as an export shows them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kith.api.values import Id, Name, PhoneOut, Time
from kith.domain.opt_ins import Locale, OptIn
from kith.domain.times import wire


class OptInAnswer(msgspec.Struct, frozen=True):
    """Asked for on a web page by somebody who typed this number, and not confirmed yet."""

    id: Id
    connection_id: Id
    name: Name
    phone: PhoneOut
    locale: Annotated[Locale, Meta(examples=["fr"])]
    wording: Annotated[str, Meta(examples=["I agree that Acme may send me offers."])]
    wording_version: Annotated[str, Meta(examples=["2026-11"])]
    evidence: Annotated[
        dict[str, Any], Meta(examples=[{"ip": "192.0.2.1", "url": "https://shop.example/join"}])
    ]
    asked_at: Time
    expires_at: Annotated[Time, Meta(description="Until when it may be confirmed.")]


def opt_in(one: OptIn) -> OptInAnswer:
    return OptInAnswer(
        one.id,
        one.connection_id,
        one.name,
        one.phone,
        one.locale,
        one.wording,
        one.wording_version,
        dict(one.evidence),
        wire(one.asked_at),
        wire(one.expires_at),
    )
