"""unmerge-contacts: two contacts again of one."""

from collections.abc import Sequence

import msgspec

from kith.actions import audit, contacts
from kith.actions.contacts import ContactNotFound
from kith.actions.ledger import agreed, set_states
from kith.actions.merges import write_rows
from kith.actions.run import Context
from kith.domain import json, merging
from kith.domain.consent import Record
from kith.domain.contacts import Contact, tags_of
from kith.domain.merging import Facets, Journal, Merge, Name
from kith.errors import Conflict, Invalid, NotFound
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store import idempotency, merges, sides, told


class UnmergeContacts(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly one: the merge, or the id that was merged."""

    contact_id: str | None = None
    merge_id: str | None = None


class Unmerged(msgspec.Struct, frozen=True, kw_only=True):
    """`contact` is the one that is back."""

    merge_id: str
    contact: Contact
    survivor: Contact

    @property
    def other_id(self) -> str:
        """Who else the result tells about."""
        return self.survivor.id


class MergeNotFound(NotFound):
    code, text, by_id = "merge_not_found", "Merge not found", True


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """The contact that is back, with the facets that are left to the survivor before it gives back
    what it was given."""

    back: Contact
    messages: int
    left: Facets
    names: list[Name]
    """The survivor's."""
    rest: Facets
    """What the messages tell that the survivor keeps."""


async def unmerge(ctx: Context, given: UnmergeContacts) -> Unmerged:
    """Make two contacts of one again, as they were before the merge and with what came since.

    What the returning contact's names told since goes with it: further names, messages and what
    follows from them, consent. What was written otherwise stays with the survivor. Raises
    ContactNotFound, MergeNotFound, Invalid, Conflict, Changed.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    done = await _to_undo(ctx, given)
    known = await contact_rows.by_id(tx, tenant_id=tenant_id, uuid=done.into_id)
    if known is None:
        raise await _merged_further(ctx, given, done)
    contacts.check_version(ctx, known)
    journal = done.journal
    assert journal is not None, "it is not undone"
    now = merging.facets(await sides.side(tx, tenant_id=tenant_id, contact=known))
    together = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id)
    later = await merges.later(tx, tenant_id=tenant_id, than=done)
    await merges.undo(tx, tenant_id=tenant_id, merge=done, at=ctx.now)
    await merges.lead_back(
        tx,
        tenant_id=tenant_id,
        uuids=journal.followers,
        from_uuid=known.id,
        to_uuid=done.from_id,
    )
    rows = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id)
    theirs = await _ledger(ctx, done, journal, together, rows)
    split = await _split(ctx, done, journal, known, theirs, now, later)
    left = await _given_back(ctx, journal, later, split.left)
    left = merging.with_told(left, split.rest)
    names = [name for name in tags_of(known) if ("tag", name) in left]
    survivor = merging.contact_with(known, left)
    was = journal.merged.contact
    survivor = msgspec.structs.replace(
        survivor,
        phone=merging.shown_phone(split.names, survivor.phone, journal.into.contact.phone),
        tags=msgspec.Raw(json.encode(names)),
        total_messages=max(0, known.total_messages - was.total_messages - split.messages),
        updated_at=ctx.now,
        version=known.version + 1,
    )
    survivor = agreed(survivor, rows)
    await set_states(ctx, survivor, rows)
    await write_rows(ctx, known.row_id, now, left)
    await contact_rows.rewrite(tx, tenant_id=tenant_id, contact=survivor)
    for contact_id in (survivor.id, split.back.id):
        after = {"merge_id": done.id, "contact_id": done.from_id, "into": done.into_id}
        await audit.record(ctx, "contact.unmerged", contact_id, after=after)
    return Unmerged(merge_id=done.id, contact=split.back, survivor=survivor)


async def _to_undo(ctx: Context, given: UnmergeContacts) -> Merge:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if given.merge_id is not None:
        done = await merges.by_id(tx, tenant_id=tenant_id, uuid=given.merge_id)
        if done is None or (done.journal is None and done.undone_at is None):  # it was erased
            raise MergeNotFound()
        if done.undone_at is not None:
            raise _conflict(given, "This merge is undone already.", [done.from_id, done.into_id])
        return done
    assert given.contact_id is not None, "the input has one of them"
    done = await merges.by_merged_id(tx, tenant_id=tenant_id, uuid=given.contact_id)
    if done is None:
        if await contacts.of_id(ctx, given.contact_id) is None:
            raise ContactNotFound(by_id=True)
        problem = "The contact id must be one that was merged into another."
        raise Invalid({"contact_id": [problem]})
    return done


async def _merged_further(ctx: Context, given: UnmergeContacts, done: Merge) -> Conflict:
    further = await merges.by_merged_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=done.into_id)
    assert further is not None, "an erasure would have taken the journal too"
    return _conflict(
        given,
        "The contact that it was merged into was merged further; undo that merge first:"
        f" {further.id}.",
        [further.from_id, further.into_id],
    )


def _conflict(given: UnmergeContacts, text: str, contact_ids: Sequence[str]) -> Conflict:
    field = "contact_id" if given.merge_id is None else "merge_id"
    value = given.merge_id or given.contact_id or ""
    return Conflict(text, field=field, value=value, contact_ids=contact_ids)


async def _given_back(
    ctx: Context, journal: Journal, later: Sequence[Merge], now: Facets
) -> Facets:
    """The survivor's facets without what came only from the merged; later merges take over."""
    known = [
        (one, one.journal, {gift.place: gift for gift in one.journal.gifts})
        for one in later
        if one.journal is not None
    ]
    left, kept = merging.given_back(
        now,
        journal.gifts,
        [(merging.facets(its.merged), gifts) for _, its, gifts in known],
    )
    for (one, its, gifts), now_given in zip(known, kept, strict=True):
        if now_given != gifts:
            amended = msgspec.structs.replace(its, gifts=list(now_given.values()))
            await merges.keep(
                ctx.tx,
                tenant_id=ctx.tenant_id,
                merge=msgspec.structs.replace(one, journal=amended),
            )
    return left


async def _ledger(
    ctx: Context,
    done: Merge,
    journal: Journal,
    together: Sequence[Record],
    of_survivor: Sequence[Record],
) -> list[Record]:
    """The rows of whoever is back: its own, what its names said since, and what was withdrawn of
    the survivor, which counts for both."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    rows = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=done.from_id)
    new = merging.told_since(
        together, done, ids=[done.from_id, *journal.followers], at=ctx.now, new_id=ctx.new_id
    )
    new += merging.withdrawn_since(of_survivor, done, at=ctx.now, new_id=ctx.new_id)
    for row in new:
        await ledger.add(tx, tenant_id=tenant_id, record=row)
    return [*rows, *new]


async def _split(
    ctx: Context,
    done: Merge,
    journal: Journal,
    survivor: Contact,
    rows: Sequence[Record],
    now: Facets,
    later: Sequence[Merge],
) -> Split:
    """The merged contact is back under its id: as it was, with what it brought, and with what its
    names told since."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    names = await sides.names(tx, tenant_id=tenant_id, contact_row_id=survivor.row_id)
    theirs = merging.returning(names, journal, ids=[done.from_id, *journal.followers])
    all_ = await told.of_contact(tx, tenant_id=tenant_id, contact_row_id=survivor.row_id)
    back = await _restore(ctx, done, journal, survivor, rows, theirs)
    rest = await told.of_contact(tx, tenant_id=tenant_id, contact_row_id=survivor.row_id)
    own = await told.of_contact(tx, tenant_id=tenant_id, contact_row_id=back.row_id)
    joined = [journal, *[one.journal for one in later if one.journal is not None]]
    floors = [merging.facets(journal.into), *[merging.facets(one.merged) for one in joined]]
    left = merging.without(now, all_=all_, rest=rest, floors=floors)
    ours = merging.with_told(merging.facets(journal.merged), own)
    for place in [place for place in left if place[0] == "block" and place not in floors[0]]:
        if await told.is_at(tx, tenant_id=tenant_id, contact_row_id=back.row_id, at=left[place]):
            ours.setdefault(place, left.pop(place))
    new = await told.counted_since(tx, tenant_id=tenant_id, contact_row_id=back.row_id, merge=done)
    back = msgspec.structs.replace(
        merging.contact_with(back, ours),
        phone=back.phone,
        total_messages=back.total_messages + new,
    )
    await write_rows(ctx, back.row_id, {}, ours)
    if back.last_message_at is not None:
        await contact_rows.count_message(tx, tenant_id=tenant_id, contact=back)
    kept = [one for one in names if one not in theirs]
    return Split(back=back, messages=new, left=left, names=kept, rest=rest)


async def _answers_back(ctx: Context, done: Merge, journal: Journal) -> None:
    """Those it brought; and what the survivor's tell since the merge is of both."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    uuids = {"from_uuid": done.into_id, "to_uuid": done.from_id}
    await sides.move_answers_back(
        tx, "contact_uuid", tenant_id=tenant_id, answers=journal.answers, **uuids
    )
    await sides.move_answers_back(
        tx, "other_uuid", tenant_id=tenant_id, answers=journal.other_answers, **uuids
    )
    await idempotency.name_other(
        tx,
        tenant_id=tenant_id,
        contact_uuid=done.into_id,
        other_uuid=done.from_id,
        since=done.at,
    )


async def _restore(
    ctx: Context,
    done: Merge,
    journal: Journal,
    survivor: Contact,
    rows: Sequence[Record],
    theirs: Sequence[Name],
) -> Contact:
    """Its row, and all that hangs on it but what is joined in the survivor's."""
    tx, tenant_id, was = ctx.tx, ctx.tenant_id, journal.merged.contact
    back = msgspec.structs.replace(
        agreed(was, rows),
        phone=merging.shown_phone(theirs, was.phone),
        updated_at=ctx.now,
        version=was.version + 1,
    )
    row_id = await contact_rows.restore(tx, tenant_id=tenant_id, contact=back)
    back = msgspec.structs.replace(back, row_id=row_id)
    await sides.move_identities_back(
        tx,
        tenant_id=tenant_id,
        names=theirs,
        from_row_id=survivor.row_id,
        to_row_id=row_id,
        to_uuid=back.id,
    )
    await _answers_back(ctx, done, journal)
    await told.split(
        tx,
        tenant_id=tenant_id,
        from_row_id=survivor.row_id,
        to_row_id=row_id,
        done=done,
        followers=journal.followers,
        addresses=[one.address for one in theirs],
    )
    await set_states(ctx, back, rows)
    return back
