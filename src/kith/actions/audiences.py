"""check-audience: what up to 10,000 people may be written, counted by reason."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from kith.actions import who
from kith.actions.run import Context
from kith.actions.who import Held
from kith.domain import email as emails
from kith.domain.contacts import GetContact
from kith.domain.reachability import (
    Kind,
    Margin,
    NumberState,
    Reachability,
    Standing,
    Tally,
    judge,
    tally,
)
from kith.errors import AppError
from kith.store import audiences as rows
from kith.store import reachability
from kith.store.audiences import Person

CONTACTS_MAX = 10_000


class CheckAudience(msgspec.Struct, frozen=True, kw_only=True):
    """A key that cannot be used stands there as its own refusal."""

    contacts: tuple[GetContact | AppError, ...]
    purpose: Kind | None = None


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Each contact counts once, however many keys named it.

    `allowed` are the ids of those who may be written for the purpose asked about, oldest first;
    None when none was.
    """

    contacts_count: int
    unknown: int
    unusable: int
    missed_ids: int
    tally: Tally
    allowed: list[str] | None


async def check(ctx: Context, given: CheckAudience) -> Audience:
    """How many of these people may be written, by the clock of this call."""
    keys = [key for key in given.contacts if isinstance(key, GetContact)]
    named = await _named(ctx, keys)
    people = {one.row_id: one for one in named if isinstance(one, Person)}
    verdicts = await _verdicts(ctx, people)
    missed = [key for key, person in zip(keys, named, strict=True) if person is None]
    return Audience(
        contacts_count=len(people),
        unknown=len(missed),
        unusable=len(given.contacts) - sum(not isinstance(one, AppError) for one in named),
        missed_ids=sum(key.contact_id is not None for key in missed),
        tally=tally([*verdicts.values()]),
        allowed=None if given.purpose is None else _allowed(people, verdicts, given.purpose),
    )


async def _named(ctx: Context, keys: Sequence[GetContact]) -> list[Person | AppError | None]:
    """For each key whom it means, its refusal, or None where it means nobody."""
    by_key = await _found(ctx, keys)
    named: list[Person | AppError | None] = [by_key.get(_key(key)) for key in keys]
    places = [place for place, one in enumerate(named) if one is None]
    otherwise = await who.each(ctx, [keys[place] for place in places])
    uuids = {held.contact_id for held in otherwise if isinstance(held, Held)}
    by_id: Mapping[str, Person] = {}
    if uuids:
        by_id = await rows.people_by_id(ctx.tx, tenant_id=ctx.tenant_id, uuids=uuids)
    for place, held in zip(places, otherwise, strict=True):
        named[place] = by_id.get(held.contact_id) if isinstance(held, Held) else held
    return named


def _key(key: GetContact) -> tuple[str, str]:
    """What the key is looked up by; a number as typed and a further name take a second look."""
    if key.contact_id is not None:
        return "contact_id", key.contact_id
    if isinstance(key.phone, str):
        return "phone", key.phone
    return ("email", emails.key(key.email)) if key.email is not None else ("", "")


async def _found(ctx: Context, keys: Iterable[GetContact]) -> dict[tuple[str, str], Person]:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    given: dict[str, set[str]] = {"contact_id": set(), "phone": set(), "email": set()}
    for kind, value in map(_key, keys):
        if kind:
            given[kind].add(value)
    found = {
        "contact_id": await rows.people_by_id(tx, tenant_id=tenant_id, uuids=given["contact_id"]),
        "phone": await rows.people_by_phone(tx, tenant_id=tenant_id, phones=given["phone"]),
        "email": await rows.people_by_email(tx, tenant_id=tenant_id, email_keys=given["email"]),
    }
    return {(kind, key): one for kind, by_key in found.items() for key, one in by_key.items()}


async def _verdicts(ctx: Context, people: dict[int, Person]) -> dict[int, Reachability]:
    """By row id: of the number that allows most, as get-reachability tells it."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    margin = await reachability.margin_of(tx, tenant_id=tenant_id)
    numbers = await rows.numbers_of(tx, tenant_id=tenant_id)
    standings = await rows.standings(tx, tenant_id=tenant_id, people=people.values())
    passed = await rows.conversations(
        tx, tenant_id=tenant_id, people=people.values(), numbers=numbers
    )
    judge_one = _Judge(numbers, now=ctx.now, margin=margin)
    return {
        row_id: judge_one(standing, passed.get(row_id)) for row_id, standing in standings.items()
    }


class _Judge:
    """Judges each different case once: of ten thousand people most are alike."""

    def __init__(self, numbers: dict[str, NumberState], *, now: datetime, margin: Margin) -> None:
        self._numbers = numbers
        self._now, self._margin = now, margin
        self._strangers: dict[Standing, Reachability] = {}

    def __call__(self, standing: Standing, passed: dict[str, NumberState] | None) -> Reachability:
        if passed:
            return self._judged(standing, {**self._numbers, **passed})
        if (known := self._strangers.get(standing)) is None:
            known = self._strangers[standing] = self._judged(standing, self._numbers)
        return known

    def _judged(self, standing: Standing, numbers: dict[str, NumberState]) -> Reachability:
        given = tuple(numbers.values())
        return judge(standing, given, now=self._now, margin=self._margin).overall


def _allowed(
    people: dict[int, Person], verdicts: dict[int, Reachability], purpose: Kind
) -> list[str]:
    return sorted(
        people[row_id].contact_id
        for row_id, verdict in verdicts.items()
        if getattr(verdict, purpose).allowed
    )
