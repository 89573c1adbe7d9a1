"""Undoing an import: what it made goes, what it changed is as before, unless changed since.

The audit log says what the import did. It is gone through from the import's beginning, a page in
each transaction, so that an undo that was stopped goes on where it was.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kith.actions import contacts, imports, personal_data
from kith.actions.imports import Named
from kith.actions.ledger import record
from kith.actions.run import Context
from kith.domain import ids, json
from kith.domain.audit import Entry
from kith.domain.contacts import Contact, ContactKey, differ, metadata_of, tags_of
from kith.domain.imports import Import, Undone
from kith.domain.times import to_us
from kith.errors import Refused
from kith.store import audit as audit_rows
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store import identities
from kith.store import imports as import_rows
from kith.store import tags as tag_rows

PAGE = 250
HISTORY_MAX = 10_000
"""As many changes of one contact are taken back: more would keep other writers waiting."""


async def step(ctx: Context, given: Named) -> Import:
    """Take back a page of what the import did; it is `undone` after the last one.

    Raises ImportNotFound; Refused when it is undone already.
    """
    one = await imports.find(ctx, given)
    if one.state == "undone":
        raise Refused("This import is undone already.")
    undone = one.undone or Undone()
    after = one.undo_after or ids.before_any_of(one.started_at)
    entries = await audit_rows.of_import(
        ctx.tx, tenant_id=ctx.tenant_id, import_uuid=one.id, after_uuid=after, entries_max=PAGE
    )
    for change in await _take_back(ctx, one, entries):
        undone = _plus(undone, change)
    if not entries:
        await tag_rows.forget_unused(
            ctx.tx, tenant_id=ctx.tenant_id, since=one.started_at, until=one.finished_at or ctx.now
        )
    await import_rows.set_undone(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        uuid=one.id,
        state="undoing" if entries else "undone",
        after=entries[-1].id if entries else after,
        undone=undone,
        at=ctx.now,
    )
    return await imports.find(ctx, given)


def _plus(one: Undone, other: Undone) -> Undone:
    left = dict(one.left)
    for why, count in other.left.items():
        left[why] = left.get(why, 0) + count
    return Undone(
        one.removed + other.removed,
        one.restored + other.restored,
        one.consent_retracted + other.consent_retracted,
        left,
    )


def _left(why: str, *, consent_retracted: int = 0) -> Undone:
    return Undone(consent_retracted=consent_retracted, left={why: 1})


async def _take_back(ctx: Context, one: Import, entries: Sequence[Entry]) -> list[Undone]:
    """Those that were only made go together; every other contact is looked at by itself."""
    uuids = list(dict.fromkeys(entry.contact_id for entry in entries if entry.contact_id))
    there = {
        known.id: known
        for known in await contact_rows.of_ids(ctx.tx, tenant_id=ctx.tenant_id, uuids=uuids)
    }
    made = {entry.contact_id for entry in entries if entry.what == "contact.created"}
    as_made = [
        known
        for known in there.values()
        if known.id in made and known.version == 1 and not _is_in_use(known)
    ]
    done = [await _remove(ctx, as_made)] if as_made else []
    gone = {known.id for known in as_made}
    for uuid in uuids:
        if uuid in gone:
            continue
        if await _is_begun(ctx, one, uuid, entries):
            continue  # it was looked at with an earlier page
        if uuid not in there:
            done.append(_left("gone_since"))
            continue
        history = await _history(ctx, one, uuid, HISTORY_MAX + 1)
        if len(history) > HISTORY_MAX:
            retracted = await _retract(ctx, one, there[uuid])
            done.append(_left("changed_too_often", consent_retracted=retracted))
        elif history[0].what == "contact.created":
            done.append(await _unmake(ctx, one, there[uuid], history))
        else:
            done.append(await _restore(ctx, one, there[uuid], history))
    return done


def _is_in_use(known: Contact) -> bool:
    return known.total_messages > 0 or known.opted_out_at is not None


async def _is_begun(ctx: Context, one: Import, uuid: str, entries: Sequence[Entry]) -> bool:
    """Whether the import did something to the contact before these entries."""
    first = await _history(ctx, one, uuid, 1)
    return not first or all(entry.id != first[0].id for entry in entries)


async def _history(ctx: Context, one: Import, uuid: str, entries_max: int) -> list[Entry]:
    """What the import did to a contact, oldest first."""
    return await audit_rows.of_import_and_contact(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        import_uuid=one.id,
        contact_uuid=uuid,
        after_uuid=ids.before_any_of(one.started_at),
        entries_max=entries_max,
    )


def _after(entry: Entry) -> dict[str, Any]:
    return {} if entry.after is None else json.decode_object(bytes(entry.after))


def _before(entry: Entry) -> dict[str, Any]:
    return {} if entry.before is None else json.decode_object(bytes(entry.before))


async def _remove(ctx: Context, made: Sequence[Contact]) -> Undone:
    """They were never there, but for the log, which says so."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    uuids = [known.id for known in made]
    for known in made:
        if known.opted_in_at is not None:
            await ledger.blank(tx, tenant_id=tenant_id, contact_uuid=known.id)
    await contact_rows.remove_all(tx, tenant_id=tenant_id, row_ids=[one.row_id for one in made])
    await audit_rows.blank(tx, tenant_id=tenant_id, contact_uuids=uuids)
    at, user_id, token_id = to_us(ctx.now), ctx.user_id or None, ctx.token_id or None
    await audit_rows.add_many(
        tx,
        [
            (tenant_id, ctx.new_id(), at, user_id, token_id, "contact.import_undone", uuid, None,
             None)
            for uuid in uuids
        ],
    )  # fmt: skip
    return Undone(removed=len(made))


async def _unmake(ctx: Context, one: Import, known: Contact, history: Sequence[Entry]) -> Undone:
    """Take away whom the import made, unless others changed them; opt-outs are kept as a hash."""
    if known.version != len(history) or known.total_messages:
        retracted = await _retract(ctx, one, known)
        why = "opted_out_since" if known.opted_out_at is not None else "changed_since"
        return _left(why, consent_retracted=retracted)
    if known.opted_out_at is None:
        return await _remove(ctx, [known])
    await personal_data.erase(ctx, ContactKey(contact_id=known.id))
    return Undone(removed=1)


async def _restore(ctx: Context, one: Import, known: Contact, history: Sequence[Entry]) -> Undone:
    """Give back what the import changed, field by field, where it is as the import left it."""
    was, then = _net(history)
    fields, is_changed = _given_back(known, was, then)
    wanted = msgspec.structs.replace(known, **fields) if fields else known
    changed = await contacts.write(ctx, "contact.import_undone", known, wanted)
    if "tags" in fields:
        await tag_rows.unlink_others(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            contact_row_id=known.row_id,
            names=tags_of(wanted),
        )
    for entry in history:
        if entry.what == "contact.identity_added":
            changed = await _unspell(ctx, changed, _after(entry)["identity"])
    retracted = await _retract(ctx, one, changed)
    is_out = changed.opted_out_at is not None and "opted_out_at" in then
    left = {"opted_out_since": 1} if is_out else {"changed_since": 1} if is_changed else {}
    return Undone(restored=1, consent_retracted=retracted, left=left)


def _net(history: Sequence[Entry]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the import changed in all: fields as they were before it, and as it left them."""
    was: dict[str, Any] = {}
    then: dict[str, Any] = {}
    for entry in history:
        if entry.what not in ("contact.updated", "contact.consent_changed"):
            continue
        before, after = _before(entry), _after(entry)
        for field, value in after.items():
            if field in ("import_id", "consent"):
                continue
            if field == "metadata":
                was[field] = {**before.get(field, {}), **was.get(field, {})}
                keys = set(value) - set(before.get(field, {})) - set(then.get(field, {}))
                was.setdefault("new_keys", set()).update(keys)
                then[field] = {**then.get(field, {}), **value}
            else:
                was.setdefault(field, before.get(field))
                then[field] = value
    return was, then


def _given_back(
    known: Contact, was: Mapping[str, Any], then: Mapping[str, Any]
) -> tuple[dict[str, Any], bool]:
    """The fields to write, and whether some stay because somebody changed them since."""
    fields: dict[str, Any] = {}
    is_changed = False
    for field in ("name", "email"):
        if field in then:
            if getattr(known, field) == then[field]:
                fields[field] = was[field]
            else:
                is_changed = True
    if "tags" in then:
        new = set(then["tags"]) - set(was["tags"] or ())
        names = tags_of(known)
        fields["tags"] = msgspec.Raw(json.encode([name for name in names if name not in new]))
    if "metadata" in then:
        held = metadata_of(known)
        for key, value in then["metadata"].items():
            if key not in held or differ(held[key], value):
                is_changed = True
            elif key in was["new_keys"]:
                del held[key]
            else:
                held[key] = was["metadata"][key]
        fields["metadata"] = msgspec.Raw(json.encode(held))
    return fields, is_changed


async def _unspell(ctx: Context, known: Contact, name: Mapping[str, Any]) -> Contact:
    if name["value"] == known.phone:
        return known
    had_it = await identities.remove(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind=name["kind"],
        value=name["value"],
        contact_row_id=known.row_id,
    )
    if not had_it:
        return known
    return await contacts.note(
        ctx, "contact.import_undone", known, before={"identity": dict(name)}, after={}
    )


async def _retract(ctx: Context, one: Import, known: Contact) -> int:
    """Grants that the import wrote count no longer, nor those that a change of number repeated; an
    opt-out stays, as anybody's does."""
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    written: list[str] = []
    for row in rows:
        if row.state != "granted" or row.source != "import" or row.evidence is None:
            continue
        about = json.decode_object(bytes(row.evidence))
        if about.get("import_id") == one.id or about.get("repeats") in written:
            written.append(row.id)
    if written:
        await import_rows.retract(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            import_uuid=one.id,
            record_uuids=written,
            at=ctx.now,
        )
        await record(ctx, known, [])
    return len(written)
