"""merge-contacts: two contacts that are one person."""

import msgspec

from kith.actions import audit, contacts, events
from kith.actions.contacts import ContactNotFound
from kith.actions.ledger import agreed, set_states
from kith.actions.run import Context
from kith.domain import json, merging, metadata, tags
from kith.domain.consent import Record
from kith.domain.contacts import Contact, metadata_of, tags_of
from kith.domain.events import opted_out_by_merge
from kith.domain.identities import Kind
from kith.domain.merging import CONVERSATION, Answers, Facets, Gift, Journal, Merge, Side
from kith.errors import BadValue, Invalid
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store import duplicates, merges, messages, sides


class MergeContacts(msgspec.Struct, frozen=True, kw_only=True):
    """`contact_id` lives on in `into`; with `dry_run` nothing is written.

    `is_proven`: WhatsApp itself says that they are one person, whose consent is one history then.
    Else the stricter of both counts.
    """

    contact_id: str
    into: str
    dry_run: bool = False
    is_proven: bool = False


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """`contact` is the survivor as it is, or would be; without `merge_id` nothing was done."""

    merge_id: str | None
    merged_id: str
    contact: Contact
    gifts: list[Gift]
    moved: list[tuple[Kind, str]]
    """Identities that came over, as kind and value."""
    messages: int

    @property
    def other_id(self) -> str | None:
        """Who else the result tells about: after a merge nobody any more."""
        return self.merged_id if self.merge_id is None else None


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
    answers, other_answers = await _move(ctx, gone, into)
    await write_rows(ctx, into.row_id, before, after)
    await contact_rows.rewrite(tx, tenant_id=tenant_id, contact=wanted)
    done = Merge(
        id=ctx.new_id(),
        from_id=gone.id,
        into_id=into.id,
        at=ctx.now,
        undone_at=None,
        journal=Journal(
            merged=theirs,
            into=ours,
            gifts=gifts,
            followers=followers,
            answers=answers,
            other_answers=other_answers,
        ),
    )
    await _note(ctx, done)
    happened = opted_out_by_merge(wanted, our_rows, [*rows, *new_rows])
    told = {one.id for one in happened}
    for row in new_rows:
        await ledger.add(tx, tenant_id=tenant_id, record=row, is_event=row.id in told)
    await set_states(ctx, wanted, [*rows, *new_rows])
    for one in happened:
        await events.notify(ctx, one)
    return _result(done.id, theirs, gifts, wanted)


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
        names = tags.at_most((*new_tags, *tags_of(into)))
        metadata.at_most(metadata_of(wanted))
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


async def _move(ctx: Context, gone: Contact, into: Contact) -> tuple[Answers, Answers]:
    """Identities, messages and kept answers go over, then the row goes; returns which answers."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    await sides.move_identities(
        tx,
        tenant_id=tenant_id,
        from_row_id=gone.row_id,
        from_uuid=gone.id,
        to_row_id=into.row_id,
    )
    uuids = {"from_uuid": gone.id, "to_uuid": into.id}
    answers = await sides.move_answers(tx, "contact_uuid", tenant_id=tenant_id, **uuids)
    other_answers = await sides.move_answers(tx, "other_uuid", tenant_id=tenant_id, **uuids)
    await messages.move(tx, tenant_id=tenant_id, from_row_id=gone.row_id, to_row_id=into.row_id)
    await duplicates.move_suspected(
        tx, tenant_id=tenant_id, from_row_id=gone.row_id, to_row_id=into.row_id
    )
    await contact_rows.remove(tx, tenant_id=tenant_id, contact=gone)
    return answers, other_answers


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


async def write_rows(ctx: Context, row_id: int, before: Facets, after: Facets) -> None:
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
