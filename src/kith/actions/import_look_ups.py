"""Whom rows of a file mean: looked up for many at once, in what is there or a dry run imagines."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kith.actions import who
from kith.actions.run import Context
from kith.domain import matches, readings, whatsapp
from kith.domain.contacts import Contact
from kith.domain.imports import Facts
from kith.domain.matches import Rank
from kith.domain.phone import Phone, Region, Typed
from kith.errors import AppError, BadValue, Invalid, sentence
from kith.store import contacts as contact_rows
from kith.store import identities
from kith.store.imagined import Imagined


class Found(msgspec.Struct):
    """What the look-ups of some rows gave. `numbers`: what a typed number is kept as."""

    by_phone: dict[Phone, Contact]
    held: dict[Phone | Typed, tuple[Contact, Phone, bool] | AppError]
    numbers: dict[tuple[str, Region | None], Phone]
    by_id: dict[str, Contact]
    has_lone_emails: bool


async def look_up(ctx: Context, rows: Sequence[Facts], imagined: Imagined | None) -> Found:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    plain = sorted({facts.phone for facts in rows if isinstance(facts.phone, str)})
    owners = await identities.owners(tx, tenant_id=tenant_id, kind="phone", values=plain)
    by_phone: dict[Phone, Contact] = {}
    if owners:
        row_ids = sorted(set(owners.values()))
        there = await contact_rows.of_rows(tx, tenant_id=tenant_id, row_ids=row_ids)
        by_row = {one.row_id: one for one in there}
        by_phone = {Phone(value): by_row[row_id] for value, row_id in owners.items()}
    found = Found(by_phone, {}, {}, {}, any(not f.phone and f.email for f in rows))
    if imagined is not None:
        _imagine(found, plain, imagined)
    ranks = await _ranks(ctx, rows, found)
    if ranks:
        await _look_up_ranks(ctx, ranks, found, imagined)
    uuids = sorted({facts.contact_id for facts in rows if facts.contact_id})
    if uuids:
        there = await contact_rows.of_ids(tx, tenant_id=tenant_id, uuids=uuids)
        found.by_id = as_imagined({one.id: one for one in there}, uuids, imagined)
    return found


def _imagine(found: Found, plain: Iterable[Phone], imagined: Imagined) -> None:
    """Put what the dry run would have written over what is there."""
    named = imagined.named("phone", plain)
    wanted = {*named.values(), *(one.id for one in found.by_phone.values())}
    there = imagined.contacts(wanted)
    for number, one in found.by_phone.items():
        found.by_phone[number] = there.get(one.id, one)
    for value, uuid in named.items():
        found.by_phone[Phone(value)] = there[uuid]


def as_imagined(
    there: dict[str, Contact], uuids: Iterable[str], imagined: Imagined | None
) -> dict[str, Contact]:
    return there if imagined is None else {**there, **imagined.contacts(uuids)}


async def _ranks(
    ctx: Context, rows: Sequence[Facts], found: Found
) -> dict[Phone | Typed, list[Rank]]:
    """How to seek the numbers that nobody has as they stand, or that are written without `+`."""
    has_wa_ids = await identities.any_of(ctx.tx, tenant_id=ctx.tenant_id, kind="wa_id")
    default: Region | None = None
    has_default = False
    sought: dict[Phone | Typed, list[Rank]] = {}
    for facts in rows:
        number = facts.phone
        if isinstance(number, str):
            if number not in found.by_phone and (has_wa_ids or whatsapp.variant(number)):
                sought[number] = matches.of_phones([[number]])
        elif number is not None:
            region = facts.region
            if region is None:
                if not has_default:
                    default, has_default = await who.default_region(ctx), True
                region = default
            _read_typed(number, region, facts, found, sought)
    return sought


def _read_typed(
    typed: Typed,
    region: Region | None,
    facts: Facts,
    found: Found,
    sought: dict[Phone | Typed, list[Rank]],
) -> None:
    key = (typed.digits, facts.region)
    if key in found.numbers:
        return
    try:
        several = readings.of(typed.digits, region=region)
    except BadValue as problem:
        found.held[placed(typed, facts.region)] = Invalid({"phone": [sentence("phone", problem)]})
        return
    found.numbers[key] = several[0][0]
    sought[placed(typed, facts.region)] = matches.of_phones(several)


def placed(typed: Typed, region: Region | None) -> Typed:
    """The same digits mean others elsewhere."""
    return Typed(f"{typed.digits} {region}")


async def _look_up_ranks(
    ctx: Context,
    ranks: Mapping[Phone | Typed, list[Rank]],
    found: Found,
    imagined: Imagined | None,
) -> None:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    names = sorted({name.key for some in ranks.values() for rank in some for name in rank})
    holders = await identities.holders(tx, tenant_id=tenant_id, names=names)
    if imagined is not None:
        phones = [value for kind, value in names if kind == "phone"]
        holders |= {("phone", v): uuid for v, uuid in imagined.named("phone", phones).items()}
    held = {number: who.held(some, holders) for number, some in ranks.items()}
    uuids = sorted({one.contact_id for one in held.values() if isinstance(one, who.Held)})
    there = {one.id: one for one in await contact_rows.of_ids(tx, tenant_id=tenant_id, uuids=uuids)}
    there = as_imagined(there, uuids, imagined)
    for number, one in held.items():
        if isinstance(one, AppError):
            found.held[number] = one
        elif one is not None:
            assert one.number is not None
            is_new = (one.match.matched_by, one.match.match_kind) != ("phone", "exact")
            found.held[number] = (there[one.contact_id], one.number, is_new)
