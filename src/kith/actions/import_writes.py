"""Writing what was planned for rows of a file: new contacts together, the others one by one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kith.actions import consent, contacts, opt_outs
from kith.actions.import_plans import Plan
from kith.actions.run import Context
from kith.domain import json
from kith.domain.consent import Record
from kith.domain.contacts import Contact, SaveContact
from kith.domain.imports import Agreed, Facts, Import
from kith.domain.phone import Phone
from kith.domain.times import to_us, wire_or_none
from kith.errors import Invalid, Refused
from kith.store import audit as audit_rows
from kith.store import bulk, identities
from kith.store import consent as ledger
from kith.store import tags as tag_rows


async def carry_out(ctx: Context, one: Import, plans: Sequence[Plan]) -> None:
    creates = [plan for plan in plans if plan.outcome == "create"]
    if creates:
        creates = await _revive(ctx, one, creates)
        await _create(ctx, one, creates)
    for plan in plans:
        if plan.outcome == "update":
            assert plan.known is not None
            known = plan.known
            if plan.spelling is not None:
                known = await contacts.spell(ctx, known, plan.spelling)
            if plan.given is not None:
                known = await contacts.add_to(ctx, known, plan.given)
            await _tell(ctx, one, known, plan)


async def _revive(ctx: Context, one: Import, plans: list[Plan]) -> list[Plan]:
    """Make those who were erased the ordinary way, with their opt-outs; returns the others."""
    erased = await opt_outs.erased_among(ctx, map(_phone, plans))
    for plan in plans:
        if (number := _phone(plan)) in erased:
            facts = plan.facts
            given = SaveContact(
                phone=number,
                name=facts.name,
                email=facts.email,
                tags=facts.tags,
                metadata=facts.metadata,
            )
            await _tell(ctx, one, await contacts.save(ctx, given), plan)
    return [plan for plan in plans if _phone(plan) not in erased]


async def _create(ctx: Context, one: Import, plans: Sequence[Plan]) -> None:
    if not plans:
        return
    tx, tenant_id = ctx.tx, ctx.tenant_id
    new = [plan.contact for plan in plans if plan.contact is not None]
    names = {name for plan in plans for name in plan.facts.tags}
    if names:
        await tag_rows.ensure(
            tx, tenant_id=tenant_id, names=sorted(names), new_id=ctx.new_id, at=ctx.now
        )
    records = [_record(ctx, one, plan, agreed) for plan in plans for agreed in plan.agreed]
    if records:
        await ledger.add_many(tx, tenant_id=tenant_id, records=records)
    numbers = [contact.phone for contact in new if contact.phone is not None]
    await identities.take_turns(tx, tenant_id=tenant_id, numbers=numbers)
    await bulk.add(tx, tenant_id=tenant_id, contacts=new, consent_note="" if records else None)
    await audit_rows.add_many(tx, _created(ctx, new))


def _created(ctx: Context, new: Iterable[Contact]) -> Iterator[tuple[Any, ...]]:
    """Their entries of the audit log, as `contacts.save` would note them one by one."""
    at, user_id, token_id = to_us(ctx.now), ctx.user_id or None, ctx.token_id or None
    tenant_id, import_id = ctx.tenant_id, ctx.import_id
    return (
        (
            tenant_id,
            contact.id,
            at,
            user_id,
            token_id,
            "contact.created",
            contact.id,
            None,
            _after(contact, import_id),
        )
        for contact in new
    )


class _After(msgspec.Struct, frozen=True, gc=False):
    """`audit.document` of a new contact, and the import."""

    phone: str | None
    name: str | None
    email: str | None
    source: str
    locale: str | None
    metadata: msgspec.Raw
    tags: msgspec.Raw
    opted_in_at: str | None
    opted_out_at: str | None
    import_id: str | None


def _after(contact: Contact, import_id: str | None) -> str:
    since, until = contact.opted_in_at, contact.opted_out_at
    told = _After(
        contact.phone,
        contact.name,
        contact.email,
        contact.source,
        contact.locale,
        contact.metadata,
        contact.tags,
        wire_or_none(since),
        wire_or_none(until),
        import_id,
    )
    return json.encode(told).decode()


async def _tell(ctx: Context, one: Import, known: Contact, plan: Plan) -> None:
    """Write what the row says of consent; an opt-out that stands is never lifted by it."""
    for agreed in plan.agreed:
        given = consent.SetConsent(
            contact_id=known.id,
            channel="whatsapp",
            purpose="marketing",
            state=agreed.state,
            source="import",
            method="note",
            evidence=_evidence(one, plan.facts, agreed),
            occurred_at=agreed.at if agreed.at and agreed.at <= ctx.now else None,
        )
        try:
            known = (await consent.tell(ctx, known, given)).contact
        except (Invalid, Refused):
            plan.left_out = "consent_too_many"
            plan.agreed = tuple(one for one in plan.agreed if one is not agreed)


def _record(ctx: Context, one: Import, plan: Plan, agreed: Agreed) -> Record:
    assert plan.contact is not None
    return Record(
        id=ctx.new_id(),
        contact_id=plan.contact.id,
        origin_contact_id=plan.contact.id,
        channel="whatsapp",
        purpose="marketing",
        state=agreed.state,
        occurred_at=agreed.at or ctx.now,
        recorded_at=ctx.now,
        source="import",
        method="note",
        actor_user_id=ctx.user_id or None,
        actor_token_id=ctx.token_id or None,
        address=plan.contact.phone,
        evidence=msgspec.Raw(json.encode(_evidence(one, plan.facts, agreed))),
    )


def _evidence(one: Import, facts: Facts, agreed: Agreed) -> dict[str, object]:
    told: dict[str, object] = {"import_id": one.id, "file": one.name, "row": facts.line}
    if one.digest is not None:
        told["sha256"] = one.digest
    if agreed.where is not None:
        told["source"] = agreed.where
    if agreed.at is None:
        told["undated"] = True
    return told


def _phone(plan: Plan) -> Phone:
    assert plan.contact is not None
    assert plan.contact.phone is not None
    return plan.contact.phone
