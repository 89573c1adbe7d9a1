"""Who is meant: in every reading of a number, in WhatsApp's other spelling, by a further name."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kith.actions.run import Context
from kith.domain import matches, readings
from kith.domain.contacts import GetContact
from kith.domain.matches import Match, Rank
from kith.domain.phone import Phone, Region, Typed
from kith.errors import AppError, Conflict, Invalid, naming
from kith.store import identities, tenants


class Held(msgspec.Struct, frozen=True):
    """The contact that holds a name. `number` is the phone that was asked for, if one was."""

    contact_id: str
    match: Match
    number: Phone | None


async def one(ctx: Context, key: GetContact) -> Held | None:
    """Whoever is meant by a phone or a further name, in any spelling. Raises Conflict, Invalid."""
    [found] = await each(ctx, [key])
    if isinstance(found, AppError):
        raise found
    return found


async def each(ctx: Context, keys: Sequence[GetContact]) -> list[Held | AppError | None]:
    """As `one` for each key, its refusal in place of a contact; ids and addresses find nobody."""
    is_typed = any(isinstance(key.phone, Typed) for key in keys)
    region = await default_region(ctx) if is_typed else None
    sought = [_ranks(key, region) for key in keys]
    names = {
        name.key for ranks in sought if isinstance(ranks, list) for rank in ranks for name in rank
    }
    holders: Mapping[tuple[str, str], str] = {}
    if names:
        holders = await identities.holders(ctx.tx, tenant_id=ctx.tenant_id, names=names)
    return [ranks if isinstance(ranks, AppError) else held(ranks, holders) for ranks in sought]


async def kept(ctx: Context, given: Phone | Typed, *, field: str = "phone") -> Phone:
    """Under which number a new contact is kept. Raises Invalid."""
    if isinstance(given, str):
        return given
    return _read(given, await default_region(ctx), field=field)[0][0]


async def default_region(ctx: Context) -> Region | None:
    return await tenants.default_region(ctx.tx, tenant_id=ctx.tenant_id)


def _ranks(key: GetContact, region: Region | None) -> list[Rank] | Invalid:
    if isinstance(key.phone, Typed):
        try:
            return matches.of_phones(_read(key.phone, region))
        except Invalid as refusal:
            return refusal
    if key.phone is not None:
        return matches.of_phones([[key.phone]])
    if key.wa_id is not None:
        return matches.of_wa_id(key.wa_id)
    if key.bsuid is not None:
        return matches.of_name("bsuid", key.bsuid)
    if key.username is not None:
        return matches.of_name("username", key.username)
    if key.external_id is not None:
        return matches.of_name("external", key.external_id)
    return []


def _read(
    typed: Typed, region: Region | None, *, field: str = "phone"
) -> tuple[tuple[Phone, ...], ...]:
    with naming(field):
        return readings.of(typed.digits, region=region)


def held(ranks: Iterable[Rank], holders: Mapping[tuple[str, str], str]) -> Held | Conflict | None:
    """Of the first rank that anybody holds."""
    for rank in ranks:
        found: dict[str, Held] = {}
        for name in rank:
            if (uuid := holders.get(name.key)) is not None:
                found.setdefault(uuid, Held(uuid, name.match, name.number))
        if len(found) > 1:
            return _several(rank, sorted(found))
        for one in found.values():
            return one
    return None


def _several(rank: Rank, contact_ids: Sequence[str]) -> Conflict:
    return Conflict(
        "Two contacts have a number that reads like this; say which, with its country code or"
        " by contact_id.",
        field="phone",
        value=str(rank[0].number),
        contact_ids=contact_ids,
    )
