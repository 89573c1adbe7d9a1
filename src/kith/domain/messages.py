"""Messages: what a contact and a business number said to each other, and how far each one came.

Statuses form a lattice: told in any order and however often, the same is known in the end.
"""

import hashlib
from datetime import datetime
from typing import Literal, get_args

import msgspec

Direction = Literal["inbound", "outbound"]
Status = Literal["sending", "unknown", "queued", "sent", "failed", "delivered", "read", "received"]
"""`sending`: about to leave; `unknown`: whether WhatsApp took it is not known; `queued`: WhatsApp
holds it back. In the order in which one gives way to the next, `received` aside: a failure counts
until it is known that the message arrived after all."""
Told = Literal["sent", "failed", "delivered", "read"]
"""What WhatsApp tells of a message that it took."""

PARKED_DAYS = 7
PAGE_MAX = 100

_RANK: dict[Status, int] = {status: rank for rank, status in enumerate(get_args(Status))}

WINDOWLESS = frozenset({"reaction", "edit", "revoke", "system"})
"""Types that are not messages of their own: the window passes over them."""
UNCOUNTED = WINDOWLESS | {"call"}
"""Types that `total_messages` passes over; somebody who rings opens the window all the same."""
AMENDING = frozenset({"edit", "revoke"})
"""Types that are shown by what they did to another message, and not themselves."""


class Error(msgspec.Struct, frozen=True, order=True):
    """Why a message failed, as WhatsApp says it."""

    code: int
    title: str | None = None
    details: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How far a message of ours came: each time is the first that was told.

    `error` is what the first failure said; it counts only while the status is `failed`.
    """

    status: Status
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    error: Error | None = None


class StatusTold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that WhatsApp, or the answer to a send, says of a message of ours."""

    status: Told
    at: datetime
    error: Error | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is ours, and what a message carries to WhatsApp and back; `wamid` is WhatsApp's.

    `at` is WhatsApp's time, `created_at`
    when Kith had it. `about_wamid` is what it answers, reacts to, edits or deletes.
    """

    id: str
    contact_id: str
    number_id: str
    direction: Direction
    type: str
    at: datetime
    created_at: datetime
    delivery: Delivery
    content: msgspec.Raw = msgspec.Raw(b"{}")
    wamid: str | None = None
    about_wamid: str | None = None
    template_name: str | None = None
    template_language: str | None = None
    template_category: str | None = None
    address: str | None = None
    user_id: int | None = None
    token_id: int | None = None
    is_echo: bool = False
    is_counted: bool = False
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    row_id: int = 0
    contact_row_id: int = 0

    @property
    def status(self) -> Status:
        return self.delivery.status

    @property
    def counts(self) -> bool:
        """Whether it belongs into `total_messages`: once true, it stays so.

        What WhatsApp has a name for it has taken, whatever came later.
        """
        return self.type not in UNCOUNTED and self.wamid is not None


def join(known: Delivery, told: StatusTold) -> Delivery:
    """What is known after one more thing was told; the order of what is told does not matter."""
    moved = msgspec.structs.replace(known, status=higher(known.status, told.status))
    if told.status == "failed":
        return _failed(moved, told)
    name = f"{told.status}_at"
    return msgspec.structs.replace(moved, **{name: _first(getattr(known, name), told.at)})


def join_all(known: Delivery, other: Delivery) -> Delivery:
    """As `join`, of all that was told of the same message where it was taken for another."""
    each: list[tuple[Told, datetime | None]] = [
        ("sent", other.sent_at),
        ("delivered", other.delivered_at),
        ("read", other.read_at),
        ("failed", other.failed_at),
    ]
    for status, at in each:
        if at is not None:
            known = join(known, StatusTold(status=status, at=at, error=other.error))
    return known


def is_echo_of(echo: Message, ours: Message) -> bool:
    """Whether what WhatsApp showed to us, under an id that it gives to ours, can be just that."""
    return (
        echo.is_echo
        and echo.counts
        and (echo.contact_row_id, echo.number_id) == (ours.contact_row_id, ours.number_id)
    )


def higher(one: Status, other: Status) -> Status:
    """The one that the other gives way to. What was received stays so."""
    return max(one, other, key=_RANK.__getitem__)


def digest(wamid: str) -> str:
    """What is kept of a `wamid` where the number in it may not be: it holds one, in base64."""
    return hashlib.sha256(wamid.encode()).hexdigest()


def _failed(known: Delivery, told: StatusTold) -> Delivery:
    """Of two failures the first says why; of two at once the one with the lower code."""
    before = (known.failed_at, known.error or Error(0)) if known.failed_at else None
    now = (told.at, told.error or Error(0))
    if before is not None and _order(before) <= _order(now):
        return known
    return msgspec.structs.replace(known, failed_at=told.at, error=told.error)


def _order(failure: tuple[datetime | None, Error]) -> tuple[datetime | None, int, list[str]]:
    """No text at all comes before an empty one: of two failures, one must be the first."""
    at, error = failure
    said = [f"={text}" if text is not None else "" for text in (error.title, error.details)]
    return at, error.code, said


def _first(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
