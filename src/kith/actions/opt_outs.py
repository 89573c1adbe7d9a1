"""Opt-outs that outlive an erasure, or a name that is taken away.

They are kept under keyed hashes of the names that lead to somebody.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from kith.actions import origins, secret_keys
from kith.actions.ledger import record, set_states
from kith.actions.run import Context
from kith.domain import consent, suppression, whatsapp
from kith.domain.consent import Record, Withdrawal
from kith.domain.contacts import Contact
from kith.domain.identities import Kind
from kith.domain.matches import phone_of
from kith.domain.phone import Phone
from kith.domain.suppression import Name
from kith.store import consent as ledger
from kith.store import identities, suppressions


async def keep(ctx: Context, known: Contact) -> None:
    """Note what somebody had withdrawn who is about to be erased, under each of their names.

    The other spelling of a number needs no hash of its own: whoever is made anew is sought under
    both.
    """
    if names := await _names(ctx, known):
        rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
        await _keep(ctx, names, known, consent.withdrawals(rows), erased_at=ctx.now)


async def keep_removed(ctx: Context, known: Contact, kind: Kind, value: str) -> None:
    """As `keep`, under a name that was taken from somebody: whoever is made of it is no way around.

    Nothing where they still go by it, as another kind or spelling.
    """
    name = name_of(kind, value)
    if name is None or not {*_spellings(*name)}.isdisjoint(
        other for of_kind, other in await _names(ctx, known) if of_kind == name[0]
    ):
        return
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    withdrawn = consent.withdrawals(rows)
    if withdrawn or known.withdrawn_at is not None:
        await _keep(ctx, {name}, known, withdrawn, erased_at=None)


async def before(ctx: Context, contact_id: str, kind: Kind, value: str) -> list[Record]:
    """The ledger's rows of whoever had the name, and has it no more, and opted out; else none."""
    if (name := name_of(kind, value)) is None:
        return []
    key = await suppressions.key_of(ctx.tx, tenant_id=ctx.tenant_id)
    if key is None:
        return []
    noted: dict[tuple[str, str, bool], Withdrawal] = {}
    for spelling in _spellings(*name):
        digest = suppression.digest(spelling, workspace_key=key, secret_key=ctx.secret_key())
        for one in await suppressions.withdrawals(
            ctx.tx, tenant_id=ctx.tenant_id, kind=name[0], digest=digest
        ):
            about = one.channel, one.purpose, one.source == "meta"
            if about not in noted or noted[about].at < one.at:
                noted[about] = one
    return consent.noted_again(
        noted.values(), contact_id=contact_id, address=name[1], at=ctx.now, new_id=ctx.new_id
    )


async def erased_among(ctx: Context, numbers: Iterable[Phone]) -> set[Phone]:
    """Which of many numbers belonged to somebody who was erased, in either spelling."""
    key = await suppressions.key_of(ctx.tx, tenant_id=ctx.tenant_id)
    if key is None:
        return set()
    of_digest = {
        suppression.digest(spelling, workspace_key=key, secret_key=ctx.secret_key()): number
        for number in numbers
        for spelling in _spellings("phone", number)
    }
    noted = await suppressions.noted(
        ctx.tx, tenant_id=ctx.tenant_id, kind="phone", digests=sorted(of_digest)
    )
    return {of_digest[digest] for digest in noted}


async def erased_at(ctx: Context, number: Phone) -> datetime | None:
    """When the last who had this number, in either spelling, was erased."""
    found: list[datetime] = []
    for spelling in _spellings("phone", number):
        if (digest := await digest_of(ctx, spelling)) is None:
            return None
        at = await suppressions.erased_at(
            ctx.tx, tenant_id=ctx.tenant_id, kind="phone", digest=digest
        )
        found += [at] if at is not None else []
    return max(found, default=None)


async def begin(ctx: Context, contact: Contact, rows: Sequence[Record]) -> None:
    """Give a contact that is new the rows of `before`; its times follow from them already."""
    for row in rows:
        await ledger.add(ctx.tx, tenant_id=ctx.tenant_id, record=row)
    await set_states(ctx, contact, rows)


async def renew(ctx: Context, known: Contact, kind: Kind, value: str) -> Contact:
    """Let an opt-out count again for a contact that takes the name of somebody erased.

    The stricter of both counts, as in a merge. What its ledger tells already, and the person may
    have undone since, is not told again. It is of whoever the name is of: an unmerge gives both.
    """
    kept = await before(ctx, known.id, kind, value)
    if not kept:
        return known
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    if not (new := consent.not_told(kept, by=rows)):
        return known
    origin_id = await origins.of_address(ctx, known, new[0].address)
    new = [msgspec.structs.replace(row, origin_contact_id=origin_id) for row in new]
    again = consent.all_merged(rows, new, into=known.id, at=ctx.now, new_id=ctx.new_id)
    return await record(ctx, known, [*new, *again], rows=rows)


async def pass_on(ctx: Context, kind: Kind, old: str, new: str, *, at: datetime) -> bool:
    """Keep under a new name, which somebody erased has since, what they had withdrawn under the
    old one; whether there is any. What came after that time is of whoever had the old one then."""
    kept = [row for row in await before(ctx, "", kind, old) if row.occurred_at <= at]
    name = name_of(kind, new)
    if not kept or name is None:
        return False
    key = await key_of(ctx)
    digest = suppression.digest(name[1], workspace_key=key, secret_key=ctx.secret_key())
    await suppressions.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind=name[0],
        digest=digest,
        erased_at=None,
        opted_out_at=None,
        withdrawals=consent.withdrawals([*kept, *await before(ctx, "", kind, new)]),
    )
    return True


async def key_of(ctx: Context) -> str:
    """The workspace's own, made with the first erasure or the first hook."""
    key = await suppressions.key_of(ctx.tx, tenant_id=ctx.tenant_id)
    if key is None:
        key = ctx.new_secret().hex()
        await secret_keys.note_use(ctx)
        await suppressions.set_key(ctx.tx, tenant_id=ctx.tenant_id, key=key)
    return key


async def digest_of(ctx: Context, value: str) -> str | None:
    """Under what a value would be noted that was erased; None when nobody was ever erased here."""
    key = await suppressions.key_of(ctx.tx, tenant_id=ctx.tenant_id)
    if key is None:
        return None
    return suppression.digest(value, workspace_key=key, secret_key=ctx.secret_key())


async def _names(ctx: Context, known: Contact) -> set[Name]:
    """Under which an opt-out of theirs is kept."""
    known_as = await identities.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    names = {name for one in known_as if (name := name_of(one.kind, one.value)) is not None}
    return names if known.phone is None else {*names, ("phone", known.phone)}


async def _keep(
    ctx: Context,
    names: Iterable[Name],
    known: Contact,
    withdrawn: Sequence[Withdrawal],
    *,
    erased_at: datetime | None,
) -> None:
    key = await key_of(ctx)
    for kind, value in sorted(names):
        await suppressions.add(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            kind=kind,
            digest=suppression.digest(value, workspace_key=key, secret_key=ctx.secret_key()),
            erased_at=erased_at,
            opted_out_at=known.withdrawn_at,
            withdrawals=withdrawn,
        )


def name_of(kind: Kind, value: str) -> Name | None:
    """Under what an opt-out is kept: a number, or who somebody is to this business.

    A username passes from person to person, and an id of another system may be given anew.
    """
    if kind in ("phone", "wa_id"):
        return "phone", value if kind == "phone" else phone_of(value)
    return ("bsuid", value) if kind == "bsuid" else None


def _spellings(kind: str, value: str) -> Iterable[str]:
    other = whatsapp.variant(Phone(value)) if kind == "phone" else None
    return (value, other) if other else (value,)
