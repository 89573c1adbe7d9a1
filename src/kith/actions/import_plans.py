"""What would become of rows of a file: planned together, each decided as `contacts.save` does.

No two plans of one call are about the same person: the second row has to meet what the first made.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from kith.actions import audit, contacts
from kith.actions.import_look_ups import Found, as_imagined, look_up, placed
from kith.actions.run import Context
from kith.domain import consent, json, whatsapp
from kith.domain import email as emails
from kith.domain.contacts import Contact, Particulars
from kith.domain.imports import FAULTS, Agreed, Facts, Import, Outcome, Refusal
from kith.domain.phone import Phone, Typed
from kith.errors import AppError, Conflict, Invalid
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store.imagined import Imagined

_NO_METADATA = msgspec.Raw(b"{}")


class Plan(msgspec.Struct, gc=False):
    """`contact` is as it would be. `spelling` is a number under which it is not known yet.

    `agreed` is what the ledger does not hold; `left_out` says why some of the row's is not in it.
    """

    facts: Facts
    outcome: Outcome
    known: Contact | None = None
    contact: Contact | None = None
    given: Particulars | None = None
    spelling: Phone | None = None
    agreed: tuple[Agreed, ...] = ()
    left_out: str | None = None
    refusal: Refusal | None = None


async def plans(
    ctx: Context, one: Import, rows: Sequence[Facts], imagined: Imagined | None, known_max: int
) -> list[Plan]:
    """For the first of the rows, at least one; the others stand on what these would change.

    With the last of `known_max` that create nobody they end.

    Where the same file was imported before, whom it names twice, and nobody changed since, stays.
    """
    found = await look_up(ctx, rows, imagined)
    made: list[Plan] = []
    seen: set[str] = set()
    known = 0
    for facts in rows:
        plan = _stranger(ctx, facts, found) or await _plan(ctx, one, facts, found, imagined)
        if one.repeats and plan.outcome == "update" and await _is_as_left(ctx, one, plan):
            plan = Plan(facts, "unchanged", plan.known, left_out=plan.left_out)
        names = _names(plan, found)
        if not seen.isdisjoint(names):
            break
        seen.update(names)
        made.append(plan)
        if plan.outcome != "create":
            known += 1
            if known == known_max:
                break
    return made


def _stranger(ctx: Context, facts: Facts, found: Found) -> Plan | None:
    """The everyday row of a large file: somebody new, by a number that needs no reading."""
    number = facts.phone
    if not isinstance(number, str) or facts.contact_id is not None:
        return None
    return None if number in found.by_phone or number in found.held else _create(ctx, facts, number)


async def _is_as_left(ctx: Context, one: Import, plan: Plan) -> bool:
    """Whether the last change of the contact was made by an earlier import of this file."""
    assert plan.known is not None
    for entry in await audit.newest(ctx, plan.known.id, audit.NEWEST, 1):
        if entry.after is not None:
            after = json.decode_object(bytes(entry.after))
            return after.get("import_id") in one.repeats
    return False


def _names(plan: Plan, found: Found) -> list[str]:
    """Whatever a later row could mean this person by."""
    facts = plan.facts
    names: list[str] = []
    contact = plan.contact or plan.known
    if plan.outcome == "create":
        assert contact is not None
        assert contact.phone is not None
        names.append(contact.phone)
        if other := whatsapp.variant(contact.phone):
            names.append(other)
        if isinstance(facts.phone, Typed):
            names += ["+" + facts.phone.digits, facts.phone.digits]
    elif contact is not None:
        names.append(contact.id)
        if plan.spelling:
            names.append(plan.spelling)
    elif isinstance(facts.phone, str):
        names.append(facts.phone)
    if found.has_lone_emails:
        one = facts.email or (contact.email if contact else None)
        if one:
            names.append(emails.key(one))
    return names


async def _plan(
    ctx: Context, one: Import, facts: Facts, found: Found, imagined: Imagined | None
) -> Plan:
    known: Contact | None = None
    spelling: Phone | None = None
    number = facts.phone
    if isinstance(number, str) and number in found.by_phone:
        known = found.by_phone[number]
    elif number is not None:
        key = number if isinstance(number, str) else placed(number, facts.region)
        held = found.held.get(key)
        if isinstance(held, AppError):
            return _refused(facts, held)
        if held is not None:
            known, spelled, is_new = held
            spelling = spelled if is_new else None
    if facts.contact_id is not None:
        named = found.by_id.get(facts.contact_id) or await contact_rows.by_merged_id(
            ctx.tx, tenant_id=ctx.tenant_id, uuid=facts.contact_id
        )
        if named is not None:
            # By the id of somebody merged, it comes from the database as it stands.
            named = as_imagined({named.id: named}, [named.id], imagined)[named.id]
            if number is not None and (known is None or known.id != named.id):
                return _of_another(facts, named, known)
            known = named
    if known is None and number is None:
        return await _by_email(ctx, one, facts, imagined)
    if known is None:
        assert number is not None
        kept = number if isinstance(number, str) else found.numbers[number.digits, facts.region]
        return _create(ctx, facts, kept)
    return await _update(ctx, one, facts, known, spelling)


def _of_another(facts: Facts, named: Contact, known: Contact | None) -> Plan:
    """The id is that of `named`, and the phone that of `known`, or nobody's."""
    if known is None:
        return _conflict(
            facts,
            "contact_id",
            f"The contact {named.id} does not have this phone; leave the id blank to add a new"
            " contact.",
            code="not_its_phone",
        )
    return _conflict(
        facts,
        "contact_id",
        f"The contact id and the phone belong to two contacts, {named.id} and {known.id}; leave one"
        " of them blank.",
    )


async def _by_email(ctx: Context, one: Import, facts: Facts, imagined: Imagined | None) -> Plan:
    """A row without phone changes whom its address or id means, and makes nobody."""
    if facts.email is None:
        return _skip(facts, "no_phone", "phone", FAULTS["no_phone"])
    key = emails.key(facts.email)
    there = await contact_rows.with_email(
        ctx.tx, tenant_id=ctx.tenant_id, address=facts.email, rows_max=2
    )
    found = {each.id: each for each in there}
    if imagined is not None:
        uuids = [*found, *imagined.at_address(key)]
        found = as_imagined(found, uuids, imagined)
        found = {
            uuid: each
            for uuid, each in found.items()
            if each.email and emails.key(each.email) == key
        }
    if not found:
        return _skip(facts, "no_phone", "phone", FAULTS["no_phone"])
    if len(found) > 1:
        return _conflict(
            facts,
            "email",
            f"Several contacts have this e-mail address, such as {' and '.join(found)}; give a"
            " phone or an id.",
        )
    return await _update(ctx, one, facts, next(iter(found.values())), None)


def _create(ctx: Context, facts: Facts, number: Phone) -> Plan:
    agreed, left_out = _sound(ctx, facts) if facts.consent else ((), facts.left_out)
    contact_id = ctx.new_id()
    opted_in_at = opted_out_at = None
    if agreed:
        rows = [_imagined_record(ctx, contact_id, one) for one in agreed]
        opted_in_at, opted_out_at = consent.projection(rows)
    contact = Contact(
        contact_id,
        number,
        facts.name,
        facts.email,
        "csv_import",
        None,
        msgspec.Raw(json.encode(facts.metadata)) if facts.metadata else _NO_METADATA,
        _tags_json(facts.tags),
        opted_in_at,
        opted_out_at,
        None,
        0,
        ctx.now,
        ctx.now,
        0,
    )
    return Plan(facts, "create", None, contact, None, None, agreed, left_out)


async def _update(
    ctx: Context, one: Import, facts: Facts, known: Contact, spelling: Phone | None
) -> Plan:
    given = None
    wanted = known
    if not _holds(known, facts):
        given = Particulars(
            name=facts.name, email=facts.email, tags=facts.tags, metadata=facts.metadata
        )
        try:
            wanted = contacts.joined(known, given)
        except Invalid as refusal:
            return _refused(facts, refusal)
        if contacts.is_same(known, wanted):
            given, wanted = None, known
    agreed, left_out = _sound(ctx, facts, known)
    if agreed:
        agreed = await _news(ctx, one, known, agreed)
    if given is None and spelling is None and not agreed:
        return Plan(facts, "unchanged", known, None, left_out=left_out)
    if agreed:
        rows = [_imagined_record(ctx, known.id, each) for each in agreed]
        rows += await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
        since, until = consent.projection(rows)
        wanted = msgspec.structs.replace(wanted, opted_in_at=since, opted_out_at=until)
    return Plan(facts, "update", known, wanted, given, spelling, agreed, left_out)


def _holds(known: Contact, facts: Facts) -> bool:
    """Whether the contact has all that the row says, without metadata, which may be spelled so."""
    return (
        (not facts.name or facts.name == known.name)
        and (not facts.email or facts.email == known.email)
        and (not facts.tags or _names_of(bytes(known.tags)).issuperset(facts.tags))
        and not facts.metadata
    )


def _sound(
    ctx: Context, facts: Facts, known: Contact | None = None
) -> tuple[tuple[Agreed, ...], str | None]:
    """What of a row's consent can be recorded: a grant has a source and lies in the past.

    What the contact shows already needs neither: an export says it without a source.
    """
    agreed, left_out = [], facts.left_out
    for one in facts.consent:
        if known is not None and _is_shown(known, one):
            continue
        if one.state == "granted":
            assert one.at is not None
            if one.where is None:
                left_out = "consent_without_source"
                continue
            if one.at > ctx.now + consent.CLOCK_SKEW:
                left_out = "consent_in_future"
                continue
        agreed.append(one)
    return tuple(agreed), left_out


def _is_shown(known: Contact, one: Agreed) -> bool:
    if one.state == "withdrawn":
        return known.opted_out_at is not None
    assert one.at is not None
    since = known.opted_in_at
    return since is not None and since.replace(microsecond=0) == one.at.replace(microsecond=0)


async def _news(
    ctx: Context, one: Import, known: Contact, agreed: tuple[Agreed, ...]
) -> tuple[Agreed, ...]:
    """Without what an import of this row, or of one like it, has written."""
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    rows = consent.about(rows, channel="whatsapp", purpose="marketing")
    written = {(row.state, _written_at(one, row)) for row in rows if row.source == "import"}
    return tuple(each for each in agreed if (each.state, _second(each.at)) not in written)


def _written_at(one: Import, row: consent.Record) -> str:
    """An opt-out without date is known where this file said it; another file says it anew.

    The person may have opted in again between the two.
    """
    told = json.decode_object(bytes(row.evidence)) if row.evidence is not None else {}
    if not told.get("undated"):
        return _second(row.occurred_at)
    is_of_file = told.get("import_id") in (one.id, *one.repeats)
    is_of_file |= one.digest is not None and told.get("sha256") == one.digest
    return _UNDATED if is_of_file else "undated in another file"


_UNDATED = "undated"


def _second(at: datetime | None) -> str:
    return _UNDATED if at is None else at.replace(microsecond=0).isoformat()


def _imagined_record(ctx: Context, contact_id: str, one: Agreed) -> consent.Record:
    """For what would follow from it; the row that is written says more."""
    return consent.Record(
        id="",
        contact_id=contact_id,
        origin_contact_id=contact_id,
        channel="whatsapp",
        purpose="marketing",
        state=one.state,
        occurred_at=one.at or ctx.now,
        recorded_at=ctx.now,
        source="import",
        method="note",
    )


def _refused(facts: Facts, why: AppError) -> Plan:
    if isinstance(why, Conflict):
        return _conflict(facts, why.field, f"{why.text} They are {' and '.join(why.contact_ids)}.")
    assert isinstance(why, Invalid)
    field, texts = next(iter(why.errors.items()))
    return _skip(facts, field, field, " ".join(texts))


def _skip(facts: Facts, code: str, field: str, text: str) -> Plan:
    refusal = Refusal(facts.line, facts.offset, facts.size, code, field, text)
    return Plan(facts, "skip", refusal=refusal)


def _conflict(facts: Facts, field: str, text: str, *, code: str = "conflict") -> Plan:
    refusal = Refusal(facts.line, facts.offset, facts.size, code, field, text)
    return Plan(facts, "conflict", refusal=refusal)


@lru_cache(maxsize=1_024)
def _tags_json(names: tuple[str, ...]) -> msgspec.Raw:
    return msgspec.Raw(json.encode(names))


@lru_cache(maxsize=1_024)
def _names_of(tags_json: bytes) -> frozenset[str]:
    return msgspec.json.decode(tags_json, type=frozenset[str])
