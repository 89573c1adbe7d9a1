"""Consent: who agreed to what, when and how, as rows that prove it (GDPR Art. 7, row T10.2).

The ledger is append-only, a correction is a new row, and every row is kept: also one that changes
nothing. What counts is read from all rows of one contact, channel and purpose. They are few, and
nothing less will do: a row may arrive late, and then the ones after it decide what it changes.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec

from kith.domain import json
from kith.errors import BadValue

Channel = Literal["whatsapp", "sms", "email"]
Purpose = Literal["marketing", "utility"]
State = Literal["granted", "pending", "withdrawn"]
"""No row at all is unknown: None."""
ConsentSource = Literal[
    "widget", "inbound", "meta", "shopify", "woocommerce", "import", "api", "operator"
]
"""`inbound`: a message of the person. `meta`: stop or resume, said to WhatsApp itself."""
Method = Literal["checkbox", "keyword", "button", "confirmation", "platform", "note", "api_default"]

PAIRS: tuple[tuple[Channel, Purpose], ...] = tuple(
    (channel, purpose) for channel in get_args(Channel) for purpose in get_args(Purpose)
)
"""Everything that consent may be asked for, in the order in which it is shown."""
CLOCK_SKEW = timedelta(minutes=5)
"""By how much what the person did may lie ahead of Kith's clock."""

_STRICTNESS: dict[State | None, int] = {None: 0, "granted": 1, "pending": 2, "withdrawn": 3}
_SAID_AGAIN = "Of two, the stricter consent was kept."
"""Stored in ledgers and looked for there: never to be reworded."""
_OWN_ACTS = {
    ("inbound", "keyword"),
    ("inbound", "button"),
    ("inbound", "confirmation"),
    ("widget", "confirmation"),
}


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger; times are aware, UTC.

    `origin_contact_id` outlives a merge. `address` is the number or e-mail address at that time.
    `occurred_at` is when the person acted, `recorded_at` when Kith learned it. Without
    `actor_user_id` it was the person, a system, or the operator from the command line.
    """

    id: str
    contact_id: str
    origin_contact_id: str
    channel: Channel
    purpose: Purpose
    state: State
    occurred_at: datetime
    recorded_at: datetime
    source: ConsentSource
    method: Method
    actor_user_id: int | None = None
    actor_user_email: str | None = None
    """As it is today; not of the row."""
    actor_token_id: int | None = None
    address: str | None = None
    wording: str | None = None
    wording_version: str | None = None
    locale: str | None = None
    evidence: msgspec.Raw | None = None
    note: str | None = None


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force for one channel and purpose; `row` decides it, None: nothing is known.

    `own` is the same without what was said to Meta, which `is_stopped_at_meta` tells apart.
    """

    channel: Channel
    purpose: Purpose
    row: Record | None
    own: Record | None
    is_stopped_at_meta: bool

    @property
    def state(self) -> State | None:
        return self.row.state if self.row is not None else None

    @property
    def since(self) -> datetime | None:
        return acted_at(self.row) if self.row is not None else None


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an opt-out without the person: nothing that tells who it was."""

    channel: Channel
    purpose: Purpose
    at: datetime
    source: ConsentSource
    method: Method


class _Standing(msgspec.Struct, frozen=True):
    """What stands at the end of a history: an own stop, a stop at Meta, what else was said."""

    stop: Record | None
    meta_stop: Record | None
    said: Record | None

    @property
    def limits(self) -> tuple[Record | None, ...]:
        """What keeps marketing from being allowed."""
        is_pending = self.said is not None and self.said.state == "pending"
        return self.stop, self.meta_stop, self.said if is_pending else None


def about(rows: Iterable[Record], *, channel: Channel, purpose: Purpose) -> list[Record]:
    """Consent for one channel or purpose says nothing about another."""
    return [row for row in rows if (row.channel, row.purpose) == (channel, purpose)]


def acted_at(row: Record) -> datetime:
    """When a row counts from: nobody acts after Kith learns of it, whatever a clock says.

    Else a stop dated ahead would wait, and a grant dated ahead would outlive every stop.
    """
    return min(row.occurred_at, row.recorded_at)


def learned_at(rows: Iterable[Record], *, now: datetime) -> datetime:
    """When Kith learns of a further row: by its clock, but never before what it knows already.

    Else a stop told to a server whose clock is behind would count before the grant that it ends.
    """
    last = max((row.recorded_at for row in rows), default=now)
    return now if now >= last else last + timedelta(microseconds=1)


def in_force(rows: Iterable[Record], as_of: datetime | None = None) -> Record | None:
    """The row that decides, of the rows of one (channel, purpose); None: unknown.

    With `as_of`, what was in force then by all that is known today; for what was known then, give
    only the rows recorded by then. A send asks without: a clock set back must not hide a stop.
    """
    if as_of is not None:
        rows = [row for row in rows if acted_at(row) <= as_of]
    now = _standing(rows)
    return now.stop or now.meta_stop or now.said


def all_in_force(rows: Iterable[Record], as_of: datetime | None = None) -> list[InForce]:
    """What is in force for every channel and purpose, of all rows of a contact."""
    rows = [row for row in rows if as_of is None or acted_at(row) <= as_of]
    found = []
    for channel, purpose in PAIRS:
        some = about(rows, channel=channel, purpose=purpose)
        now = _standing(some)
        found.append(
            InForce(
                channel=channel,
                purpose=purpose,
                row=in_force(some),
                own=now.stop or now.said,
                is_stopped_at_meta=stopped_at_meta(some) is not None,
            )
        )
    return found


def asks_again(asking: Record, rows: Sequence[Record]) -> bool:
    """Whether it asks somebody for what they have granted by then: nothing follows from that.

    `rows` are of its channel and purpose.
    """
    now = in_force(rows)
    is_granted = now is not None and now.state == "granted" and _order(now) < _order(asking)
    return is_granted and asking.state == "pending"


def withdrawals(rows: Iterable[Record]) -> list[Withdrawal]:
    """The opt-outs that stand, one's own and one at Meta apart: each is undone otherwise.

    Of that at Meta it is enough that it stands there.
    """
    rows = list(rows)
    some = [about(rows, channel=channel, purpose=purpose) for channel, purpose in PAIRS]
    return [
        Withdrawal(
            channel=stop.channel,
            purpose=stop.purpose,
            at=acted_at(stop),
            source=stop.source,
            method=stop.method,
        )
        for told in some
        for stop in (_standing(told).stop, stopped_at_meta(told))
        if stop is not None
    ]


def noted_again(
    kept: Iterable[Withdrawal],
    *,
    contact_id: str,
    address: str | None,
    at: datetime,
    new_id: Callable[[], str],
) -> list[Record]:
    """The rows with which somebody begins whose number or id was of one who had opted out."""
    return [
        Record(
            id=new_id(),
            contact_id=contact_id,
            origin_contact_id=contact_id,
            channel=one.channel,
            purpose=one.purpose,
            state="withdrawn",
            occurred_at=one.at,
            recorded_at=at,
            source=one.source,
            method=one.method,
            address=address,
            note="Withdrawn by whoever had this number or id before; a keyed hash of it was kept.",
        )
        for one in kept
    ]


def not_told(kept: Iterable[Record], *, by: Iterable[Record]) -> list[Record]:
    """Those of the rows that a ledger has none like."""
    told = {
        (row.channel, row.purpose, row.source, row.method, acted_at(row))
        for row in by
        if row.state == "withdrawn"
    }
    return [
        row
        for row in kept
        if (row.channel, row.purpose, row.source, row.method, acted_at(row)) not in told
    ]


def stopped_at_meta(rows: Iterable[Record]) -> Record | None:
    """The stop that makes Meta refuse marketing (131050), until the person resumes there.

    A start word lifts it for the ledger, but Meta does not know about start words.
    """
    told = [row for row in rows if row.source == "meta" and row.state != "pending"]
    last = max(told, key=_told_order, default=None)
    return last if last is not None and last.state == "withdrawn" else None


def check(row: Record, *, over: Record | None) -> None:
    """Raises BadValue about the note, where `over` is in force and an operator wants to lift it.

    All else may be written: it is a fact, though it comes in force only if it may.
    """
    is_lifting = row.state == "granted" and over is not None and over.state == "withdrawn"
    if is_lifting and row.source == "operator" and not _lifts(row):
        raise BadValue("must say why: this person opted out.")


def projection(rows: Iterable[Record]) -> tuple[datetime | None, datetime | None]:
    """`opted_in_at` and `opted_out_at`, of all rows of a contact: WhatsApp marketing counts.

    Opted in leaves no `opted_out_at`, pending leaves neither. Opted out keeps the `opted_in_at`
    of before, whoever asks meanwhile: never a later one, of a grant that did not lift the stop.
    """
    now = _standing(about(rows, channel="whatsapp", purpose="marketing"))
    stop, said = now.stop or now.meta_stop, now.said
    opted_in_at = acted_at(said) if said is not None and said.state == "granted" else None
    if stop is None:
        return opted_in_at, None
    opted_out_at = acted_at(stop)
    is_before = opted_in_at is not None and opted_in_at <= opted_out_at
    return opted_in_at if is_before else None, opted_out_at


def merged(
    ours: Sequence[Record],
    theirs: Sequence[Record],
    *,
    into: str,
    at: datetime,
    new_id: Callable[[], str],
) -> list[Record]:
    """Rows to append so that the most restrictive of both is in force over the rows of both.

    Each says again, with its source, what the other's later rows would lift. It keeps its origin,
    so that an unmerge gives it back, and never is a grant. A stop that stands at Meta alone keeps
    its time, too: for the ledger a start word lifted it. All rows are of one (channel, purpose).
    """
    rows = [*ours, *theirs]
    at = max([at, *map(acted_at, rows)])
    limits = zip(
        _standing(ours).limits, _standing(theirs).limits, _standing(rows).limits, strict=True
    )
    lost = [our or their for our, their, kept in limits if kept is None]
    again = [_again(row, uuid=new_id(), into=into, at=at) for row in lost if row is not None]
    told = stopped_at_meta(ours) or stopped_at_meta(theirs)
    if told is not None and stopped_at_meta([*rows, *again]) is None:
        said = _again(told, uuid=new_id(), into=into, at=at)
        again.append(msgspec.structs.replace(said, occurred_at=acted_at(told)))
    return again


def all_merged(
    ours: Sequence[Record],
    theirs: Sequence[Record],
    *,
    into: str,
    at: datetime,
    new_id: Callable[[], str],
) -> list[Record]:
    """As `merged`, for every channel and purpose."""
    return [
        row
        for channel, purpose in PAIRS
        for row in merged(
            about(ours, channel=channel, purpose=purpose),
            about(theirs, channel=channel, purpose=purpose),
            into=into,
            at=at,
            new_id=new_id,
        )
    ]


def _standing(rows: Iterable[Record]) -> _Standing:
    """A grant counts while nothing is withdrawn; a resume lifts Meta's stop and grants nothing.

    Asking ends no grant, not even one that a stop covers: a stranger who types a number asks too.
    """
    stop: Record | None = None
    meta_stop: Record | None = None
    said: Record | None = None
    for row in sorted(rows, key=_order):
        if row.state == "pending":
            if said is None or said.state == "pending" or _is_of_a_merge(row):
                said = row
        elif row.source == "meta":
            meta_stop = row if row.state == "withdrawn" else None
        elif row.state == "withdrawn":
            stop = row
        elif _lifts(row):
            said, stop, meta_stop = row, None, None
        elif stop is None:
            said = row
    return _Standing(stop, meta_stop, said)


def _order(row: Record) -> tuple[datetime, int, datetime, str]:
    """The stricter of two at the same moment comes last: it wins."""
    return acted_at(row), _STRICTNESS[row.state], row.recorded_at, row.id


def _told_order(row: Record) -> tuple[datetime, int, datetime, str]:
    """What a merge says again stands at Meta since then, whatever the other was told before."""
    at = row.recorded_at if row.note == _SAID_AGAIN else acted_at(row)
    return at, _STRICTNESS[row.state], row.recorded_at, row.id


def _is_of_a_merge(row: Record) -> bool:
    """Whether a merge has said it again, as the stricter of two: that ends a grant, on purpose."""
    return row.origin_contact_id != row.contact_id


def _lifts(grant: Record) -> bool:
    """Whether it undoes an opt-out: an act of the person, or an operator who says why."""
    if grant.source == "operator":
        return grant.note is not None and any(map(str.isalnum, grant.note))
    return (grant.source, grant.method) in _OWN_ACTS


def _again(row: Record, *, uuid: str, into: str, at: datetime) -> Record:
    return msgspec.structs.replace(
        row,
        id=uuid,
        contact_id=into,
        occurred_at=at,
        recorded_at=at,
        actor_user_id=None,
        actor_user_email=None,
        actor_token_id=None,
        evidence=msgspec.Raw(json.encode({"repeats": row.id})),
        note=_SAID_AGAIN,
    )
