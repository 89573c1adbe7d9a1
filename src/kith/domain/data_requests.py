"""Data requests: a customer of a shop wants to see what is held on them."""

from datetime import datetime, timedelta

import msgspec

ANSWERED_WITHIN = timedelta(days=30)


class DataRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is the shop's number of it; `customer` and `contact_id` are None where nobody is known,
    and after an erasure."""

    id: str
    connection_id: str
    key: str
    shop: str
    customer: str | None
    contact_id: str | None
    requested_at: datetime
    closed_at: datetime | None

    @property
    def due_at(self) -> datetime:
        return self.requested_at + ANSWERED_WITHIN
