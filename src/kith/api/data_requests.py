"""What people of shops asked to see: a part of what is held on them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kith.api.values import Id, Time
from kith.domain.data_requests import DataRequest
from kith.domain.times import wire, wire_or_none


class DataRequestAnswer(msgspec.Struct, frozen=True):
    """A customer of a shop wanted to see what is held on them."""

    id: Id
    shop: Annotated[str, Meta(examples=["snowdevil.myshopify.com"])]
    customer: Annotated[str | None, Meta(examples=["shopify:12345"])]
    contact_id: Id | None
    requested_at: Time
    due_at: Time
    closed_at: Annotated[Time | None, Meta(description="When the operator answered.")]


def answer(one: DataRequest) -> DataRequestAnswer:
    return DataRequestAnswer(
        id=one.id,
        shop=one.shop,
        customer=one.customer,
        contact_id=one.contact_id,
        requested_at=wire(one.requested_at),
        due_at=wire(one.due_at),
        closed_at=wire_or_none(one.closed_at),
    )
