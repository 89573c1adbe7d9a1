"""A contact in one call, as callers of the API make one: what they know, and its consent."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.actions import consent, contacts
from kith.actions.consent import SetConsent
from kith.actions.contacts import FoundOrCreated
from kith.actions.run import Context
from kith.domain import json
from kith.domain.consent import Method, Record
from kith.domain.contacts import Contact, FindOrCreate
from kith.errors import Invalid, naming
from kith.store import consent as ledger

_OTHER_CONSENT = (
    "The opted in at is of a grant of WhatsApp marketing: leave it out beside any other consent, or"
    " give the same time as consent.occurred_at."
)


class Upsert(FindOrCreate, frozen=True, kw_only=True):
    """`opted_in_at` is when they agreed to WhatsApp marketing; alone, nothing else is known of it.

    `consent` is what they did, for whichever channel and purpose.
    """

    opted_in_at: datetime | None = None
    consent: SetConsent | None = None


async def save(ctx: Context, given: Upsert) -> Contact:
    """`contacts.save`, and what is given of consent. Raises what it does, and Refused."""
    if _is_silent(given) and not ctx.opts_in_new:
        return await contacts.save(ctx, given)
    return (await find_or_create(ctx, given)).contact


async def find_or_create(ctx: Context, given: Upsert) -> FoundOrCreated:
    """`contacts.find_or_create`, and what is given of consent; not of one that is to be left as it
    is. Raises what it does, and Refused.

    A row of the ledger says it, and undoes no opt-out. Without any, somebody new counts as opted in
    where the workspace says so.
    """
    told = _told(ctx, given)
    done = await contacts.find_or_create(ctx, given)
    contact = done.contact
    if not done.created and given.on_conflict == "return":
        return done
    if told is not None and not await _is_known(ctx, contact, given, told):
        contact = (await consent.tell(ctx, contact, told)).contact
    if done.created and ctx.opts_in_new and not _is_of_marketing(told):
        contact = await _opted_in_by_default(ctx, contact)
    return FoundOrCreated(contact, created=done.created)


def _is_silent(given: Upsert) -> bool:
    return given.opted_in_at is None and given.consent is None


def _told(ctx: Context, given: Upsert) -> SetConsent | None:
    """Raises Invalid for a time to come, and for two that do not agree."""
    if _is_silent(given):
        return None
    told = given.consent or _marketing(method="platform")
    with naming("opted_in_at"):
        consent.check_time(ctx, given.opted_in_at)
    with naming("consent.occurred_at"):
        consent.check_time(ctx, told.occurred_at)
    if given.opted_in_at is None:
        return told
    if not _is_of_marketing(told) or told.state != "granted":
        raise Invalid({"opted_in_at": [_OTHER_CONSENT]})
    if told.occurred_at not in (None, given.opted_in_at):
        raise Invalid({"opted_in_at": [_OTHER_CONSENT]})
    return msgspec.structs.replace(told, occurred_at=given.opted_in_at)


async def _is_known(ctx: Context, contact: Contact, given: Upsert, told: SetConsent) -> bool:
    """Whether the ledger says just that already: who synchronizes tells the same each time."""
    if told.occurred_at is None:
        return False
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=contact.id)
    if given.consent is None:
        return _is_dated(rows, told.occurred_at)
    return any(_is_like(row, told) for row in rows)


def _is_dated(rows: Sequence[Record], at: datetime) -> bool:
    """Whether there is a grant of that second: so exact are the times that callers read."""
    second = at.replace(microsecond=0)
    return any(
        row.occurred_at.replace(microsecond=0) == second
        for row in rows
        if (row.channel, row.purpose, row.state) == ("whatsapp", "marketing", "granted")
    )


async def _opted_in_by_default(ctx: Context, contact: Contact) -> Contact:
    """With nothing that shows it, as proofs say; nobody who had opted out before is opted in."""
    if contact.opted_out_at is not None:
        return contact
    return (await consent.tell(ctx, contact, _marketing(method="api_default"))).contact


def _marketing(*, method: Method) -> SetConsent:
    return SetConsent(
        channel="whatsapp", purpose="marketing", state="granted", source="api", method=method
    )


def _is_of_marketing(told: SetConsent | None) -> bool:
    return told is not None and (told.channel, told.purpose) == ("whatsapp", "marketing")


_SAID = (
    "channel", "purpose", "state", "source", "method", "occurred_at", "wording",
    "wording_version", "locale", "note",
)  # fmt: skip


def _is_like(row: Record, told: SetConsent) -> bool:
    evidence = json.encode(told.evidence) if told.evidence else None
    if (bytes(row.evidence) if row.evidence is not None else None) != evidence:
        return False
    return all(getattr(row, name) == getattr(told, name) for name in _SAID)
