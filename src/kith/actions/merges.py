"""merge-contacts and unmerge-contacts: two contacts that are one person, and back."""

from collections.abc import Sequence

import msgspec

from kith.actions import audit, contacts, events
from kith.actions.contacts import ContactNotFound
from kith.actions.ledger import agreed, set_states
from kith.actions.run import Context
from kith.domain import json, merging, metadata, tags
from kith.domain.consent import Record
from kith.domain.contacts import Contact
from kith.domain.events import opted_out_by_merge
from kith.domain.identities import Kind
from kith.domain.merging import CONVERSATION, Facets, Gift, Journal, Merge, Side
from kith.domain.phone import Phone
from kith.errors import BadValue, Conflict, Invalid, NotFound
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store import identities, merges, messages, sides


class MergeContacts(msgspec.Struct, frozen=True, kw_only=True):
    """`contact_id` lives on in `into`; with `dry_run` nothing is written.

    `is_proven`: WhatsApp itself says that they are one person, whose consent is one history then.
    Else the stricter of both counts.
    """

    contact_id: str
    into: str
    dry_run: bool = False
    is_proven: bool = False


class UnmergeContacts(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly one: the merge, or the id that was merged."""

    contact_id: str | None = None
    merge_id: str | None = None


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """`contact` is the survivor as it is, or would be; without `merge_id` nothing was done."""

    merge_id: str | None
    merged_id: str
    contact: Contact
    gifts: list[Gift]
    moved: list[tuple[Kind, str]]
    """Identities that came over, as kind and value."""
    messages: int


class Unmerged(msgspec.Struct, frozen=True, kw_only=True):
    """`contact` is the one that is back."""

    merge_id: str
    contact: Contact
    survivor: Contact


class MergeNotFound(NotFound):
    code, text, by_id = "merge_not_found", "Merge not found", True


async def merge(ctx: Context, given: MergeContacts) -> Merged:
    """Let one contact live on in another. What is merged already stays as it is.

    Raises ContactNotFound, Invalid, Changed.
    """
    gone = await contacts.of_id(ctx, given.contact_id)
    into = await contacts.of_id(ctx, given.into)
    if gone is None or into is None:
        raise ContactNotFound(by_id=True)
    contacts.check_version(ctx, into)
    if gone.id == into.id:
        return await _merged_already(ctx, given, into)
    tx, tenant_id = ctx.tx, ctx.tenant_id
    theirs = await sides.side(tx, tenant_id=tenant_id, contact=gone)
    ours = await sides.side(tx, tenant_id=tenant_id, contact=into)
    before = merging.facets(ours)
    gifts = merging.gifts(before, merging.facets(theirs))
    after = merging.given(before, gifts)
    new_tags = tuple(gift.key for gift in gifts if gift.group == "tag")
    wanted = _joined(into, after, new_tags, messages=gone.total_messages)
    our_rows, rows, new_rows = await _joined_ledger(ctx, gone, into, is_proven=given.is_proven)
    wanted = agreed(wanted, [*rows, *new_rows])
    if given.dry_run:
        return _result(None, theirs, gifts, wanted)
    wanted = msgspec.structs.replace(wanted, updated_at=ctx.now, version=into.version + 1)
    followers = await merges.ids_into(tx, tenant_id=tenant_id, uuid=gone.id)
    answers = await _move(ctx, gone, into)
    await _write_rows(ctx, into.row_id, before, after)
    await contact_rows.rewrite(tx, tenant_id=tenant_id, contact=wanted)
    done = Merge(
        id=ctx.new_id(),
        from_id=gone.id,
        into_id=into.id,
        at=ctx.now,
        undone_at=None,
        journal=Journal(
            merged=theirs, into=ours, gifts=gifts, followers=followers, answers=answers
        ),
    )
    await _note(ctx, done)
    for row in new_rows:
        await ledger.add(tx, tenant_id=tenant_id, record=row)
    await set_states(ctx, wanted, [*rows, *new_rows])
    for happened in opted_out_by_merge(wanted, our_rows, [*rows, *new_rows]):
        await events.notify(ctx, happened)
    return _result(done.id, theirs, gifts, wanted)


async def unmerge(ctx: Context, given: UnmergeContacts) -> Unmerged:
    """Make two contacts of one again, as they were before the merge and with what came since.

    What was written since stays with the survivor. Raises ContactNotFound, MergeNotFound, Invalid,
    Conflict, Changed.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    done = await _to_undo(ctx, given)
    known = await contact_rows.by_id(tx, tenant_id=tenant_id, uuid=done.into_id)
    if known is None:
        raise await _merged_further(ctx, given, done)
    contacts.check_version(ctx, known)
    assert done.journal is not None, "it is not undone"
    now = merging.facets(await sides.side(tx, tenant_id=tenant_id, contact=known))
    left = await _given_back(ctx, done, now)
    await merges.undo(tx, tenant_id=tenant_id, merge=done, at=ctx.now)
    await merges.lead_back(
        tx,
        tenant_id=tenant_id,
        uuids=done.journal.followers,
        from_uuid=known.id,
        to_uuid=done.from_id,
    )
    rows = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=known.id)
    back = await _restore(ctx, done, done.journal, known, rows)
    names = [name for name in contacts.tags_of(known) if ("tag", name) in left]
    was = done.journal.merged.contact
    survivor = msgspec.structs.replace(
        merging.contact_with(known, left),
        tags=msgspec.Raw(json.encode(names)),
        total_messages=max(0, known.total_messages - was.total_messages),
        updated_at=ctx.now,
        version=known.version + 1,
    )
    survivor = agreed(survivor, rows)
    await set_states(ctx, survivor, rows)
    await _write_rows(ctx, known.row_id, now, left)
    await contact_rows.rewrite(tx, tenant_id=tenant_id, contact=survivor)
    for contact_id in (survivor.id, back.id):
        after = {"merge_id": done.id, "contact_id": done.from_id, "into": done.into_id}
        await audit.record(ctx, "contact.unmerged", contact_id, after=after)
    return Unmerged(merge_id=done.id, contact=back, survivor=survivor)


async def _merged_already(ctx: Context, given: MergeContacts, into: Contact) -> Merged:
    """What the merge of this id gave. Raises Invalid when it is no merged id."""
    if given.contact_id == given.into:
        raise Invalid({"into": ["The into must be another contact: this would be itself."]})
    done = await merges.by_merged_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=given.contact_id)
    if done is None or done.journal is None:
        problem = "The into must be another contact: this id lives on in the one to merge."
        raise Invalid({"into": [problem]})
    return _result(done.id, done.journal.merged, done.journal.gifts, into)


def _joined(into: Contact, after: Facets, new_tags: tuple[str, ...], *, messages: int) -> Contact:
    """Raises Invalid when the two together are too large for one contact."""
    wanted = merging.contact_with(into, after)
    try:
        names = tags.at_most((*new_tags, *contacts.tags_of(into)))
        metadata.at_most(contacts.metadata_of(wanted))
    except BadValue as problem:
        what = "tags" if "tags" in str(problem) else "metadata"
        text = f"The contact id cannot be merged: the {what} of both together {problem}"
        raise Invalid({"contact_id": [text]}) from None
    return msgspec.structs.replace(
        wanted,
        tags=msgspec.Raw(json.encode(names)),
        total_messages=into.total_messages + messages,
    )


def _result(merge_id: str | None, theirs: Side, gifts: list[Gift], contact: Contact) -> Merged:
    return Merged(
        merge_id=merge_id,
        merged_id=theirs.contact.id,
        contact=contact,
        gifts=gifts,
        moved=[one[:2] for one in theirs.identities],
        messages=theirs.contact.total_messages,
    )


async def _move(ctx: Context, gone: Contact, into: Contact) -> list[tuple[str, str]]:
    """Identities, messages and kept answers go over, then the row goes; returns which answers."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    await sides.move_identities(
        tx, tenant_id=tenant_id, from_row_id=gone.row_id, to_row_id=into.row_id
    )
    answers = await sides.move_answers(tx, tenant_id=tenant_id, from_uuid=gone.id, to_uuid=into.id)
    await messages.move(tx, tenant_id=tenant_id, from_row_id=gone.row_id, to_row_id=into.row_id)
    await contact_rows.remove(tx, tenant_id=tenant_id, contact=gone)
    return answers


async def _note(ctx: Context, done: Merge) -> None:
    """In the journal, where the ids lead, and on the log of both.

    The log holds no value of the other's: it must be gone when only that one is erased.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    await merges.add(
        tx,
        tenant_id=tenant_id,
        merge=done,
        user_id=ctx.user_id or None,
        token_id=ctx.token_id or None,
    )
    await merges.lead(tx, tenant_id=tenant_id, merge=done)
    after = {"merge_id": done.id, "contact_id": done.from_id, "into": done.into_id}
    for contact_id in (done.from_id, done.into_id):
        await audit.record(ctx, "contact.merged", contact_id, after=after)


async def _write_rows(ctx: Context, row_id: int, before: Facets, after: Facets) -> None:
    """Bring what stands in rows of its own from one state to the other."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    changed = {place for place in {**before, **after} if before.get(place) != after.get(place)}
    new = [(key, at) for (group, key), at in after.items() if group == "tag"]
    new = [(name, at) for name, at in new if ("tag", name) not in before]
    if new:
        await sides.tag(tx, tenant_id=tenant_id, contact_row_id=row_id, tags=new)
    if lost := [key for group, key in before.keys() - after.keys() if group == "tag"]:
        await sides.untag(tx, tenant_id=tenant_id, contact_row_id=row_id, names=lost)
    for name in [key for group, key in changed if group == "tag" and ("tag", key) in before]:
        if (at := after.get(("tag", name))) is not None:  # another of those merged had it too
            await sides.tagged_at(
                tx, tenant_id=tenant_id, contact_row_id=row_id, name=name, added_at=at
            )
    for number in {key.rpartition("/")[0] for group, key in changed if group == "conversation"}:
        columns = tuple(after.get(("conversation", f"{number}/{name}")) for name in CONVERSATION)
        await sides.converse(
            tx, tenant_id=tenant_id, contact_row_id=row_id, number_id=number, columns=columns
        )
    for reason in [key for group, key in changed if group == "block"]:
        await sides.block(
            tx,
            tenant_id=tenant_id,
            contact_row_id=row_id,
            reason=reason,
            since=after.get(("block", reason)),
        )


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


async def _given_back(ctx: Context, done: Merge, now: Facets) -> Facets:
    """The survivor's facets without what came only from the merged; later merges take over."""
    assert done.journal is not None
    later = await merges.later(ctx.tx, tenant_id=ctx.tenant_id, than=done)
    known = [
        (one, one.journal, {gift.place: gift for gift in one.journal.gifts})
        for one in later
        if one.journal is not None
    ]
    left, kept = merging.given_back(
        now,
        done.journal.gifts,
        [(merging.facets(journal.merged), gifts) for _, journal, gifts in known],
    )
    for (one, journal, gifts), now_given in zip(known, kept, strict=True):
        if now_given != gifts:
            amended = msgspec.structs.replace(journal, gifts=list(now_given.values()))
            await merges.keep(
                ctx.tx,
                tenant_id=ctx.tenant_id,
                merge=msgspec.structs.replace(one, journal=amended),
            )
    return left


async def _restore(
    ctx: Context, done: Merge, journal: Journal, survivor: Contact, of_survivor: Sequence[Record]
) -> Contact:
    """The merged contact is back as it was, under its id, with what it brought."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    was = msgspec.structs.replace(
        journal.merged.contact, phone=await _phone_left(ctx, journal.merged, survivor)
    )
    rows = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=was.id)
    new_rows = merging.withdrawn_since(of_survivor, done, at=ctx.now, new_id=ctx.new_id)
    for row in new_rows:
        await ledger.add(tx, tenant_id=tenant_id, record=row)
    rows = [*rows, *new_rows]
    back = msgspec.structs.replace(agreed(was, rows), updated_at=ctx.now, version=was.version + 1)
    row_id = await contact_rows.restore(tx, tenant_id=tenant_id, contact=back)
    back = msgspec.structs.replace(back, row_id=row_id)
    await sides.move_identities_back(
        tx, tenant_id=tenant_id, of=journal.merged, from_row_id=survivor.row_id, to_row_id=row_id
    )
    await sides.move_answers_back(
        tx, tenant_id=tenant_id, answers=journal.answers, from_uuid=survivor.id, to_uuid=back.id
    )
    await messages.move_back(
        tx,
        tenant_id=tenant_id,
        origin_uuids=[back.id, *journal.followers],
        from_row_id=survivor.row_id,
        to_row_id=row_id,
    )
    await _write_rows(ctx, row_id, {}, merging.facets(journal.merged))
    await set_states(ctx, back, rows)
    return back


async def _phone_left(ctx: Context, was: Side, survivor: Contact) -> Phone | None:
    """Its own phone if that is still its name, else another of its numbers, else none."""
    names = await identities.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=survivor.id)
    held = {one.value for one in names if one.kind == "phone"}
    own = was.contact.phone
    numbers = [value for kind, value, *_ in was.identities if kind == "phone" and value in held]
    if own in numbers or not numbers:
        return own if own in numbers else None
    return Phone(numbers[0])


async def _joined_ledger(
    ctx: Context, gone: Contact, into: Contact, *, is_proven: bool
) -> tuple[list[Record], list[Record], list[Record]]:
    """Ours, the rows of both, and those to append so that the stricter of both counts."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    theirs = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=gone.id)
    ours = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=into.id)
    if is_proven:
        return ours, [*ours, *theirs], []
    new = merging.joined_consent(
        ours, theirs, merged_id=gone.id, into_id=into.id, at=ctx.now, new_id=ctx.new_id
    )
    return ours, [*ours, *theirs], new
