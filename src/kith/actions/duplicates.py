"""find-duplicates: contacts that may be one person, and why.

The walk goes by id and looks each stretch of contacts up in indexes, so it costs as much as there
are contacts, however many share an address. An id of another system is held by one contact only
(`identities`), so there is nothing to find by it. What WhatsApp reported of a contact although
another has it was noted as it came (`suspect`).
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from kith.actions import contacts
from kith.actions.run import Context
from kith.domain import whatsapp
from kith.domain.audit import What
from kith.domain.contacts import Contact
from kith.domain.phone import Phone
from kith.store import contacts as contact_rows
from kith.store import duplicates

PAGE_MAX = 500
OTHERS_MAX = 20
"""Of one contact; more are counted only."""
STRETCH_ROWS = 10_000
WALK_ROWS = 100_000
"""As many contacts are walked in one call."""

Why = Literal["email", "number", "whatsapp"]
Row = tuple[int, str, str | None]


class FindDuplicates(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor` is the id of the last contact looked at."""

    cursor: str | None = None
    limit: int = 100


class Other(msgspec.Struct, frozen=True):
    """`is_inferred`: that the two spellings are one number follows from the numbering plan."""

    contact: Contact
    why: list[Why]
    is_inferred: bool


class Duplicates(msgspec.Struct, frozen=True):
    """A contact, and those that came after it and may be the same person."""

    contact: Contact
    others: list[Other]
    others_count: int


class Page(msgspec.Struct, frozen=True):
    """`next_cursor` is None once all are looked at; a page may be short before."""

    found: list[Duplicates]
    next_cursor: str | None


class _Signs(msgspec.Struct):
    """Why a contact has doubles: an address that several have, numbers spelled otherwise, a name
    that WhatsApp reported."""

    email_key: str | None = None
    count: int = 0
    numbers: dict[int, bool] = {}
    """By row id of who has the other spelling: whether that is inferred."""
    reported: set[int] = set()


async def find(ctx: Context, given: FindDuplicates) -> Page:
    """A page of contacts with doubles, each with those that have a higher row id."""
    after, found = given.cursor or "", list[Duplicates]()
    for _ in range(WALK_ROWS // STRETCH_ROWS):
        rows = await duplicates.stretch(
            ctx.tx, tenant_id=ctx.tenant_id, after=after, rows_max=STRETCH_ROWS
        )
        signs = await _signs(ctx, rows)
        for row_id, uuid, _ in rows:
            if row_id in signs:
                if len(found) == given.limit:
                    return Page(found, after)
                found.append(await _told(ctx, row_id, signs[row_id]))
            after = uuid
        if len(rows) < STRETCH_ROWS:
            return Page(found, None)
    return Page(found, after)


async def suspect(ctx: Context, known: Contact, other_id: str) -> Contact:
    """Note, once, that WhatsApp called a contact by a name of another's: nothing is moved, and
    people may say whether they are one."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    other = await contact_rows.by_id(tx, tenant_id=tenant_id, uuid=other_id)
    assert other is not None, "the name hangs on it"
    row_ids = known.row_id, other.row_id
    if not await duplicates.suspect(tx, tenant_id=tenant_id, row_ids=row_ids, at=ctx.now):
        return known
    what: What = "contact.duplicate_suspected"
    await contacts.note(ctx, what, other, before=None, after={"contact_id": known.id})
    return await contacts.note(ctx, what, known, before=None, after={"contact_id": other.id})


async def _signs(ctx: Context, rows: Sequence[Row]) -> dict[int, _Signs]:
    """By row id, for those of the stretch that are the first of their doubles."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    here = {row_id for row_id, _, _ in rows}
    signs: dict[int, _Signs] = {}
    keys = {key for _, _, key in rows if key is not None}
    shared = await duplicates.shared_emails(tx, tenant_id=tenant_id, email_keys=keys)
    for key, count, first in shared:
        if first in here:
            signs[first] = _Signs(email_key=key, count=count - 1)
    sought = [
        (row_id, name, is_inferred)
        for row_id, kind, value in await duplicates.numbers(tx, tenant_id=tenant_id, row_ids=here)
        for name, is_inferred in _otherwise(kind, value)
    ]
    names = {name for _, name, _ in sought}
    holders = await duplicates.holders(tx, tenant_id=tenant_id, names=names)
    for row_id, name, is_inferred in sought:
        if (holder := holders.get(name, 0)) > row_id:
            one = signs.setdefault(row_id, _Signs())
            one.numbers[holder] = is_inferred and one.numbers.get(holder, True)
    for row_id, other in await duplicates.suspected(tx, tenant_id=tenant_id, row_ids=here):
        signs.setdefault(row_id, _Signs()).reported.add(other)
    return signs


def _otherwise(kind: str, value: str) -> list[tuple[tuple[str, str], bool]]:
    """Under which names the other spelling of a number may be held, and whether it is inferred."""
    number = Phone(value if kind == "phone" else f"+{value}")
    if (other := whatsapp.variant(number)) is None:
        return []
    is_inferred = whatsapp.is_inferred(number)
    return [(("phone", other), is_inferred), (("wa_id", other[1:]), is_inferred)]


async def _told(ctx: Context, row_id: int, signs: _Signs) -> Duplicates:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    same_email: list[Contact] = []
    if signs.email_key is not None:
        same_email = await duplicates.with_email(
            tx, tenant_id=tenant_id, email_key=signs.email_key, rows_max=OTHERS_MAX + 1
        )
    otherwise = signs.numbers.keys() | signs.reported
    wanted = [row_id, *sorted(otherwise)[:OTHERS_MAX]]
    by_row = {one.row_id: one for one in same_email}
    for one in await duplicates.by_row_ids(tx, tenant_id=tenant_id, row_ids=wanted):
        by_row[one.row_id] = one
    by_email = {one.row_id for one in same_email}
    others = []
    for other, one in sorted(by_row.items()):
        why: list[Why] = ["email"] if other in by_email else []
        if other in signs.numbers:
            why.append("number")
        if other in signs.reported:
            why.append("whatsapp")
        if other != row_id:
            is_inferred = why == ["number"] and signs.numbers[other]
            others.append(Other(one, why, is_inferred))
    both = len(by_email & otherwise)
    return Duplicates(by_row[row_id], others[:OTHERS_MAX], signs.count + len(otherwise) - both)
