"""Consent: every change of it goes through the ledger, and the contact shows what follows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from kith.actions import audit, contacts, origins
from kith.actions.ledger import record
from kith.actions.run import Context
from kith.domain import consent, json
from kith.domain.consent import Channel, ConsentSource, InForce, Method, Purpose, Record, State
from kith.domain.contacts import Contact, ContactKey
from kith.domain.metadata import Metadata
from kith.domain.times import wire
from kith.errors import BadValue, Forbidden, Refused, naming
from kith.store import consent as ledger
from kith.store import identities, tenants, users

PAGE_MAX = 500
RECORDS_MAX = 1_000
"""Of one contact, all read at each change; an opt-out is written even beyond."""

Format = Literal["json", "html"]


class SetConsent(ContactKey, frozen=True, kw_only=True):
    """What somebody says that a person did; `occurred_at` is now when it is not given."""

    channel: Channel
    purpose: Purpose
    state: State
    source: ConsentSource
    method: Method
    wording: str | None = None
    wording_version: str | None = None
    locale: str | None = None
    evidence: Metadata | None = None
    note: str | None = None
    occurred_at: datetime | None = None


class GetConsent(ContactKey, frozen=True, kw_only=True):
    as_of: datetime | None = None


class ListConsent(ContactKey, frozen=True, kw_only=True):
    """`cursor` is the id of the last row seen."""

    cursor: str | None = None
    limit: int = 100


class ExportProof(ContactKey, frozen=True, kw_only=True):
    format: Format = "json"


class Told(msgspec.Struct, frozen=True):
    """`record` is the row that was written; None when it asks for what is granted already."""

    contact: Contact
    in_force: InForce
    record: Record | None


class Known(msgspec.Struct, frozen=True):
    contact: Contact
    as_of: datetime
    in_force: list[InForce]


class Page(msgspec.Struct, frozen=True):
    contact: Contact
    records: list[Record]
    next_cursor: str | None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that shows what a person agreed to, newest first."""

    at: datetime
    workspace_id: str
    workspace_name: str
    contact: Contact
    in_force: list[InForce]
    records: list[Record]
    format: Format


async def set_state(ctx: Context, given: SetConsent) -> Told:
    """What a caller says that a person did. Raises ContactNotFound, Invalid, Changed, Refused.

    Raises Forbidden for a grant in an operator's name, which may undo an opt-out, by a token that
    is not the operator's.
    """
    if given.source == "operator" and given.state == "granted" and "admin" not in ctx.scopes:
        raise Forbidden()
    return await tell(ctx, await contacts.find(ctx, given), given)


async def tell(
    ctx: Context,
    known: Contact,
    given: SetConsent,
    *,
    by: str | None = None,
    origin: str | None = None,
) -> Told:
    """Write what a person did, as far as it may be written; for every way in.

    `by` is the address of whoever did it, where that is known: of those who live on in the
    contact it may be another, to whom an unmerge gives it back; `origin` is that one, where it is
    known otherwise. Raises Invalid, Refused.
    """
    with naming("occurred_at"):
        check_time(ctx, given.occurred_at)
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    at = consent.learned_at(rows, now=ctx.now)
    row = await _row(ctx, known, given, at=at)
    if origin is None and by is not None:
        origin = await origins.of_address(ctx, known, by)
    if origin is not None and origin != known.id:
        row = msgspec.structs.replace(row, origin_contact_id=origin, address=by or row.address)
    beside = consent.about(rows, channel=row.channel, purpose=row.purpose)
    with naming("note"):
        consent.check(row, over=consent.in_force(beside))
    if consent.asks_again(row, beside):
        return Told(known, _about(rows, row), None)
    if len(rows) >= RECORDS_MAX and row.state != "withdrawn":
        raise Refused(
            f"The ledger holds {RECORDS_MAX} rows of this contact; only an opt-out is added."
        )
    contact = await record(ctx, known, [row], rows=rows)
    return Told(contact, _about([*rows, row], row), row)


async def get(ctx: Context, given: GetConsent) -> Known:
    """What is in force, or was by all that is known today. Raises ContactNotFound, Invalid."""
    known = await contacts.find(ctx, given)
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    return Known(known, given.as_of or ctx.now, consent.all_in_force(rows, given.as_of))


async def list_records(ctx: Context, given: ListConsent) -> Page:
    """A page of the contact's ledger, newest first. Raises ContactNotFound, Invalid."""
    known = await contacts.find(ctx, given)
    found = await ledger.newest(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        contact_uuid=known.id,
        before_uuid=given.cursor or audit.NEWEST,
        rows_max=given.limit + 1,
    )
    page = found[: given.limit]
    return Page(known, page, page[-1].id if len(found) > len(page) else None)


async def export_proof(ctx: Context, given: ExportProof) -> Proof:
    """Raises ContactNotFound, Invalid."""
    known = await contacts.find(ctx, given)
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    uuid, name = await tenants.by_id(ctx.tx, tenant_id=ctx.tenant_id)
    return Proof(
        at=ctx.now,
        workspace_id=uuid,
        workspace_name=name,
        contact=known,
        in_force=consent.all_in_force(rows),
        records=rows[::-1],
        format=given.format,
    )


def check_time(ctx: Context, occurred_at: datetime | None) -> None:
    """Raises BadValue for a time to come."""
    if occurred_at is not None and occurred_at > ctx.now + consent.CLOCK_SKEW:
        raise BadValue(f"may not lie in the future; here it is {wire(ctx.now)}.")


async def _row(ctx: Context, known: Contact, given: SetConsent, *, at: datetime) -> Record:
    """`at` is when Kith learned it."""
    evidence = msgspec.Raw(json.encode(given.evidence)) if given.evidence else None
    user = await users.by_id(ctx.tx, ctx.user_id) if ctx.user_id else None
    return Record(
        id=ctx.new_id(),
        contact_id=known.id,
        origin_contact_id=known.id,
        channel=given.channel,
        purpose=given.purpose,
        state=given.state,
        occurred_at=_occurred(ctx, given, at=at),
        recorded_at=at,
        source=given.source,
        method=given.method,
        actor_user_id=ctx.user_id or None,
        actor_user_email=user.email if user is not None else None,
        actor_token_id=ctx.token_id or None,
        address=await _address(ctx, known, given.channel),
        wording=given.wording,
        wording_version=given.wording_version,
        locale=given.locale,
        evidence=evidence,
        note=given.note,
    )


def _occurred(ctx: Context, given: SetConsent, *, at: datetime) -> datetime:
    """What is not before now by this clock, which may be behind, is as new as its row."""
    if given.occurred_at is None:
        return at
    return given.occurred_at if given.occurred_at < ctx.now else max(given.occurred_at, at)


async def _address(ctx: Context, known: Contact, channel: Channel) -> str | None:
    """Where the person is written to by this channel, as it is now."""
    if channel == "email":
        return known.email
    if known.phone is not None or channel == "sms":
        return known.phone
    names = await identities.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    return next((one.value for one in names if one.kind in ("wa_id", "bsuid")), None)


def _about(rows: Sequence[Record], row: Record) -> InForce:
    return next(
        one
        for one in consent.all_in_force(rows)
        if (one.channel, one.purpose) == (row.channel, row.purpose)
    )
