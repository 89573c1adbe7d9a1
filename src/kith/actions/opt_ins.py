"""Opt-ins asked for on a web page: noted without a look at anybody, filed later, confirmed by the
person's own message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from kith.actions import connections, consent, contacts, jobs, tags
from kith.actions.consent import SetConsent
from kith.actions.run import Context
from kith.domain import opt_ins, whatsapp
from kith.domain.connections import Connection
from kith.domain.contacts import Contact, FindOrCreate, TagContact, UpdateContact
from kith.domain.matches import phone_of
from kith.domain.opt_ins import Locale, OptIn
from kith.domain.phone import Phone, Region
from kith.domain.times import wire
from kith.errors import Conflict, Invalid, Refused
from kith.store import business_numbers, identities, tenants
from kith.store import opt_ins as opt_in_rows

FILE = "file_opt_in"
"""Of this kind of job the subject is the id of an opt-in: it is filed."""


class Form(msgspec.Struct, frozen=True):
    """What a page shows: the wording in force, by language, and where its phones are typed."""

    wordings: Mapping[str, str]
    region: Region | None


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody typed. `proof` is the proof of work that they spend on it."""

    connection: Connection
    phone: Phone
    locale: Locale
    wording_version: str
    proof: str
    evidence: Mapping[str, Any]
    name: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """The code is told once, and only its hash is kept."""

    code: str
    expires_at: datetime


async def form(ctx: Context, connection: Connection) -> Form:
    texts = await opt_in_rows.wording(
        ctx.tx,
        tenant_id=connection.tenant_id,
        connection_row_id=connection.row_id,
        version=opt_ins.terms_of(connection).wording_version,
    )
    assert texts is not None, "a wording is kept before it is in force"
    return Form(texts, await tenants.default_region(ctx.tx, tenant_id=connection.tenant_id))


async def number(ctx: Context, connection: Connection) -> Phone | None:
    """To which people confirm: the form's own, else the workspace's when it has one only."""
    if (own := opt_ins.terms_of(connection).whatsapp) is not None:
        return own
    known = await business_numbers.phones(ctx.tx, tenant_id=connection.tenant_id)
    return known[0] if len(known) == 1 else None


async def ask(ctx: Context, given: Ask) -> Asked:
    """Note an opt-in, pending. Whether the number is known is not even looked up: what is done
    here is the same for everybody (row T12.1). Raises Invalid for a proof that was spent.
    """
    code = opt_ins.compose_code(ctx.new_secret())
    opt_in = OptIn(
        id=ctx.new_id(),
        connection_id=given.connection.id,
        name=given.name,
        phone=given.phone,
        locale=given.locale,
        wording="",
        wording_version=given.wording_version,
        evidence=given.evidence,
        asked_at=ctx.now,
        used_at=None,
    )
    is_new = await opt_in_rows.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        connection_row_id=given.connection.row_id,
        code_digest=opt_ins.digest(code),
        proof=given.proof,
        opt_in=opt_in,
    )
    if not is_new:
        raise Invalid({"proof": ["The proof was used already; ask for a new challenge."]})
    await jobs.add(ctx, FILE, opt_in.id)
    return Asked(code, opt_in.expires_at)


async def get(ctx: Context, opt_in_id: str) -> OptIn | None:
    return await opt_in_rows.by_uuid(ctx.tx, tenant_id=ctx.tenant_id, uuid=opt_in_id)


async def file(ctx: Context, opt_in_id: str) -> None:
    """Make a contact of a number that nobody has, with a pending row on its ledger.

    A contact that is there stays as it is: a stranger may have typed the number.
    """
    opt_in = await get(ctx, opt_in_id)
    if opt_in is None or opt_in.phone is None:
        return
    connection = await connections.by_id(ctx, opt_in.connection_id)
    if connection is None:
        return
    tags = opt_ins.terms_of(connection).tags
    try:
        found = await contacts.find_or_create(
            ctx, FindOrCreate(phone=opt_in.phone, name=opt_in.name, tags=tags)
        )
    except Conflict:  # two contacts have it
        return
    if found.created:
        await consent.tell(ctx, found.contact, _row(opt_in))


async def confirm(
    ctx: Context,
    contact: Contact,
    text: str,
    provider_id: str,
    at: datetime,
    *,
    address: str | None = None,
) -> Contact | None:
    """Grant what a message of the contact confirms; None when it confirms nothing.

    For every message that comes in: `text` is what the contact wrote, `provider_id` the message's
    own id, `at` when it was sent, `address` from where. The grant goes to whoever sent the code,
    whatever number was typed, and lifts an earlier opt-out: both are the person's own acts.
    """
    code = opt_ins.code_in(text)
    if code is None:
        return None
    opt_in = await opt_in_rows.by_code(
        ctx.tx, tenant_id=ctx.tenant_id, code_digest=opt_ins.digest(code)
    )
    if opt_in is None or opt_in.used_at is not None or at > opt_in.expires_at:
        return None
    at = opt_ins.confirmed_at(opt_in, min(at, ctx.now))
    try:
        told = await consent.tell(ctx, contact, _grant(opt_in, provider_id, at), by=address)
    except Refused:  # the ledger is full
        return None
    await opt_in_rows.spend(ctx.tx, tenant_id=ctx.tenant_id, uuid=opt_in.id, at=ctx.now)
    return await _welcome(ctx, told.contact, opt_in)


async def waiting(ctx: Context, known: Contact) -> list[OptIn]:
    """What somebody asked for with a number of the contact's, and nobody confirmed yet."""
    phones = await _phones(ctx, known)
    return await opt_in_rows.of_phones(ctx.tx, tenant_id=ctx.tenant_id, phones=phones)


async def forget(ctx: Context, known: Contact) -> None:
    """As it is erased: all that waits for it."""
    phones = await _phones(ctx, known)
    await opt_in_rows.forget_phones(ctx.tx, tenant_id=ctx.tenant_id, phones=phones)


async def _phones(ctx: Context, known: Contact) -> list[str]:
    """Its numbers, in both of WhatsApp's spellings: either may have been typed."""
    names = await identities.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    phones = {Phone(one.value) for one in names if one.kind == "phone"}
    phones |= {phone_of(one.value) for one in names if one.kind == "wa_id"}
    if known.phone is not None:
        phones.add(known.phone)
    return sorted(phones | {other for one in phones if (other := whatsapp.variant(one))})


def _row(opt_in: OptIn) -> SetConsent:
    return SetConsent(
        channel="whatsapp",
        purpose="marketing",
        state="pending",
        source="widget",
        method="checkbox",
        wording=opt_in.wording,
        wording_version=opt_in.wording_version,
        locale=opt_in.locale,
        evidence={"opt_in_id": opt_in.id, **opt_in.evidence},
        occurred_at=opt_in.asked_at,
    )


def _grant(opt_in: OptIn, provider_id: str, at: datetime) -> SetConsent:
    """Its proof is the message and, beside it, what was agreed to on the page."""
    asked = {"opt_in_id": opt_in.id, "asked_at": wire(opt_in.asked_at), **opt_in.evidence}
    return msgspec.structs.replace(
        _row(opt_in),
        state="granted",
        method="confirmation",
        evidence={"wamid": provider_id, **asked},
        occurred_at=at,
    )


async def _welcome(ctx: Context, contact: Contact, opt_in: OptIn) -> Contact:
    """The form's tags; and the name, where there is none and the number typed was the sender's."""
    connection = await connections.by_id(ctx, opt_in.connection_id)
    for tag in opt_ins.terms_of(connection).tags if connection is not None else ():
        try:
            contact = (await tags.add(ctx, TagContact(contact_id=contact.id, tag=tag))).contact
        except Invalid:  # it has as many as fit
            break
    is_theirs = contact.phone is not None and opt_in.phone in (
        contact.phone,
        whatsapp.variant(contact.phone),
    )
    if is_theirs and contact.name is None and opt_in.name is not None:
        given = UpdateContact(contact_id=contact.id, name=opt_in.name)
        contact = await contacts.update(ctx, given)
    return contact
