"""Contacts: found by what the caller knows, made and kept right."""

from typing import Any

import msgspec
from msgspec import UNSET

from kith.actions import audit, events, opt_outs, origins, who
from kith.actions.run import Context
from kith.domain import consent, etags, json, matches, metadata, tags, whatsapp
from kith.domain import events as happenings
from kith.domain.audit import What, differing, document
from kith.domain.contacts import (
    Contact,
    ContactKey,
    FindOrCreate,
    GetContact,
    Particulars,
    SaveContact,
    UpdateContact,
    metadata_of,
    tags_of,
)
from kith.domain.identities import Confidence, Kind
from kith.domain.phone import Phone, Typed
from kith.errors import Changed, Conflict, Invalid, NotFound, naming
from kith.store import contacts as contact_rows
from kith.store import identities
from kith.store import tags as tag_rows


class ContactNotFound(NotFound):
    code, text = "contact_not_found", "Contact not found"

    def __init__(self, text: str | None = None, *, by_id: bool = False) -> None:
        super().__init__(text)
        self.by_id = by_id


_NO_SUCH_ID = f"{ContactNotFound.text}: no contact has this contact_id."
_NO_SUCH_PHONE = f"{ContactNotFound.text}: no contact has this phone. Give contact_id without it."
"""Where both are given, which of them it is."""


class _Meant(msgspec.Struct, frozen=True):
    """Whom a phone means: a contact that is known, or the number under which to keep a new one.

    `is_new_spelling`: the contact is not known under this number yet.
    """

    number: Phone
    contact: Contact | None
    is_new_spelling: bool = False


class FoundOrCreated(msgspec.Struct, frozen=True):
    contact: Contact
    created: bool


async def save(ctx: Context, given: SaveContact) -> Contact:
    """Create the contact of a phone, or add to it: given fields win, tags and metadata are joined.

    Never touches consent (reference C32). Somebody known under WhatsApp's other spelling is known.
    Raises Invalid when the joined values are too large or the phone is none here, Conflict when
    two contacts are meant, Changed when it is not the version that `If-Match` names.
    """
    meant = await _meant(ctx, given)
    if meant.contact is None:
        return await create(ctx, meant.number, given)
    return await _add_to(ctx, meant, meant.contact, given)


async def find_or_create(ctx: Context, given: FindOrCreate) -> FoundOrCreated:
    """The contact of a phone, made when there is none. Raises Conflict when the caller wants that,
    and what `save` raises."""
    meant = await _meant(ctx, given)
    known = meant.contact
    if known is None:
        return FoundOrCreated(await create(ctx, meant.number, given), created=True)
    if given.on_conflict == "error":
        raise Conflict(
            "A contact with this phone exists already.",
            field="phone",
            value=meant.number,
            contact_ids=[known.id],
        )
    if given.on_conflict == "update":
        known = await _add_to(ctx, meant, known, given)
    return FoundOrCreated(known, created=False)


async def update(ctx: Context, given: UpdateContact) -> Contact:
    """Write the fields that are set; None clears, tags replace, metadata is merged key by key.

    Raises ContactNotFound, Invalid, Conflict, Changed.
    """
    known = await find(ctx, given)
    contact = msgspec.structs.replace(
        known,
        name=known.name if given.name is UNSET else given.name,
        email=known.email if given.email is UNSET else given.email,
        tags=known.tags if given.tags is UNSET else msgspec.Raw(json.encode(given.tags)),
        metadata=_metadata(known, given.metadata),
    )
    changed = await write(ctx, "contact.updated", known, contact)
    if changed.tags != known.tags and given.tags is not UNSET:
        await retag(ctx, known, given.tags)
    return changed


async def find(ctx: Context, given: ContactKey) -> Contact:
    """The contact that the caller wants to change, by id, phone, or both when they agree.

    A phone that nobody has is no disagreement: as everywhere it is not found (reference 4.3).
    Raises ContactNotFound, Invalid, Changed; Conflict when the phone means two.
    """
    known = None
    if given.contact_id is not None:
        known = await of_id(ctx, given.contact_id)
        if known is None:
            raise ContactNotFound(_NO_SUCH_ID if given.phone is not None else None, by_id=True)
    if given.phone is not None:
        by_phone, _ = await _holder(ctx, given.phone)
        if by_phone is None:
            raise ContactNotFound(_NO_SUCH_PHONE if known is not None else None)
        if known is not None and known.id != by_phone.id:
            problem = "The contact id and the phone belong to two contacts; give one of them."
            raise Invalid({"contact_id": [problem], "phone": [problem]})
        known = by_phone
    assert known is not None, "the input has one of them"
    check_version(ctx, known)
    return known


async def of_id(ctx: Context, contact_id: str) -> Contact | None:
    """The contact of an id; of a merged one that in which it lives on."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    known = await contact_rows.by_id(tx, tenant_id=tenant_id, uuid=contact_id)
    if known is None:
        known = await contact_rows.by_merged_id(tx, tenant_id=tenant_id, uuid=contact_id)
    return known


async def write(ctx: Context, what: What, known: Contact, wanted: Contact) -> Contact:
    """Write the contact as it is wanted, as a new version, and note what changed.

    Nothing is written when nothing differs.
    """
    before, after = differing(known, wanted)
    if not after:  # the same metadata, spelled otherwise
        return known
    contact = msgspec.structs.replace(wanted, updated_at=ctx.now, version=known.version + 1)
    await contact_rows.change(ctx.tx, tenant_id=ctx.tenant_id, was=known, contact=contact)
    await audit.record(ctx, what, contact.id, before=before, after=after)
    return contact


def is_same(known: Contact, wanted: Contact) -> bool:
    """Whether nothing that the audit log would note differs."""
    return not differing(known, wanted)[1]


async def note(
    ctx: Context,
    what: What,
    known: Contact,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> Contact:
    """Write the contact as a new version and note what changed; its name and e-mail stay."""
    contact = msgspec.structs.replace(known, updated_at=ctx.now, version=known.version + 1)
    await contact_rows.change(ctx.tx, tenant_id=ctx.tenant_id, was=known, contact=contact)
    await audit.record(ctx, what, contact.id, before=before, after=after)
    return contact


async def give_phone(ctx: Context, known: Contact, phone: Phone | None) -> Contact:
    """Show this number of the contact, or none; the names by which it is known stay."""
    contact = msgspec.structs.replace(
        known, phone=phone, updated_at=ctx.now, version=known.version + 1
    )
    await contact_rows.rewrite(ctx.tx, tenant_id=ctx.tenant_id, contact=contact)
    before, after = {"phone": known.phone}, {"phone": phone}
    await audit.record(ctx, "contact.updated", known.id, before=before, after=after)
    return contact


async def tag_anew(ctx: Context, known: Contact, new: tuple[str, ...]) -> None:
    """Tag the contact; the new tags stand in the order given, above those there."""
    tx, tenant_id, row_id = ctx.tx, ctx.tenant_id, known.row_id
    if len(new) == 1:
        tag_id = await tag_rows.id_of(tx, tenant_id=tenant_id, name=new[0])
        if tag_id is not None:
            await tag_rows.link_one(
                tx, tenant_id=tenant_id, contact_row_id=row_id, tag_row_id=tag_id, at=ctx.now
            )
            return
    await tag_rows.ensure(tx, tenant_id=tenant_id, names=new, new_id=ctx.new_id, at=ctx.now)
    await tag_rows.link(tx, tenant_id=tenant_id, contact_row_id=row_id, names=new, at=ctx.now)


async def retag(ctx: Context, known: Contact, names: tuple[str, ...]) -> None:
    """Give the contact these tags and no others, in this order."""
    tx, tenant_id, row_id = ctx.tx, ctx.tenant_id, known.row_id
    await tag_rows.unlink_others(tx, tenant_id=tenant_id, contact_row_id=row_id, names=names)
    await tag_anew(ctx, known, names)


async def _meant(ctx: Context, given: SaveContact) -> _Meant:
    """Raises Changed, also when there is none although `If-Match` names one; Conflict, Invalid."""
    known, held = await _holder(ctx, given.phone)
    if known is None:
        if ctx.terms.if_match is not None:
            raise Changed()
        return _Meant(await who.kept(ctx, given.phone), None)
    check_version(ctx, known)
    if held is None or held.number is None:
        return _Meant(await who.kept(ctx, given.phone), known)
    is_new = (held.match.matched_by, held.match.match_kind) != ("phone", "exact")
    return _Meant(held.number, known, is_new)


async def _holder(ctx: Context, phone: Phone | Typed) -> tuple[Contact | None, who.Held | None]:
    """Whose phone it is; and how it was found where not exactly as it stands.

    Raises Conflict, Invalid.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if isinstance(phone, str):
        known = await contact_rows.by_phone(tx, tenant_id=tenant_id, phone=phone)
        if known is not None:
            return known, None
    held = await who.one(ctx, GetContact(phone=phone))
    if held is None:
        return None, None
    return await contact_rows.by_id(tx, tenant_id=tenant_id, uuid=held.contact_id), held


def check_version(ctx: Context, known: Contact) -> None:
    """Raises Changed when the caller's `If-Match` names another version."""
    terms = ctx.terms.if_match
    if terms is not None and not etags.is_current(known.etag, terms):
        raise Changed()


async def create(ctx: Context, phone: Phone | None, given: Particulars) -> Contact:
    """A contact anew. Nobody has this phone: the caller has looked."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    contact_id = ctx.new_id()
    withdrawn = await opt_outs.before(ctx, contact_id, "phone", phone) if phone else []
    contact = Contact(
        id=contact_id,
        phone=phone,
        name=given.name,
        email=given.email,
        source=ctx.source,
        locale=None,
        metadata=msgspec.Raw(json.encode(given.metadata)),
        tags=msgspec.Raw(json.encode(given.tags)),
        opted_in_at=None,
        opted_out_at=consent.projection(withdrawn)[1],
        last_message_at=None,
        total_messages=0,
        created_at=ctx.now,
        updated_at=ctx.now,
        row_id=0,
    )
    row_id = await contact_rows.add(tx, tenant_id=tenant_id, contact=contact)
    contact = msgspec.structs.replace(contact, row_id=row_id)
    if phone is not None:
        await identities.add(
            tx, tenant_id=tenant_id, kind="phone", value=phone, contact_row_id=row_id, at=ctx.now
        )
    if given.tags:
        await tag_anew(ctx, contact, given.tags)
    if withdrawn:
        await opt_outs.begin(ctx, contact, withdrawn)
    await audit.record(ctx, "contact.created", contact.id, after=document(contact))
    await events.notify(ctx, happenings.created(contact))
    return contact


async def name_too(
    ctx: Context,
    known: Contact,
    kind: Kind,
    value: str,
    *,
    confidence: Confidence = "given",
    origin: str | None = None,
) -> Contact:
    """Know the contact under a further name, which nobody has.

    The first number of somebody without a phone is theirs. What was withdrawn under the name before
    an erasure counts. `origin` is whose of those who live on in it the name is, where that is told.
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    number = matches.number_of(kind, value)
    if origin is None and number is not None:
        origin = await origins.of_number(ctx, known, number)
    await identities.add(
        tx,
        tenant_id=tenant_id,
        kind=kind,
        value=value,
        contact_row_id=known.row_id,
        at=ctx.now,
        confidence=confidence,
        origin_uuid=origin,
    )
    named: dict[str, Any] = {"identity": {"kind": kind, "value": value}}
    if kind == "phone" and known.phone is None:
        contact = msgspec.structs.replace(
            known, phone=Phone(value), updated_at=ctx.now, version=known.version + 1
        )
        await contact_rows.rewrite(tx, tenant_id=tenant_id, contact=contact)
        before, after = {"phone": None}, {**named, "phone": value}
        await audit.record(ctx, "contact.identity_added", known.id, before=before, after=after)
    else:
        contact = await note(ctx, "contact.identity_added", known, before=None, after=named)
    return await opt_outs.renew(ctx, contact, kind, value)


async def _add_to(ctx: Context, meant: _Meant, known: Contact, given: SaveContact) -> Contact:
    if meant.is_new_spelling:
        known = await spell(ctx, known, meant.number)
    return await add_to(ctx, known, given)


async def spell(
    ctx: Context, known: Contact, number: Phone, *, origin: str | None = None
) -> Contact:
    """Know the contact under a further number, which nobody has; its own stays as it was."""
    confidence: Confidence = "inferred" if whatsapp.is_inferred(number) else "given"
    return await name_too(ctx, known, "phone", number, confidence=confidence, origin=origin)


async def add_to(ctx: Context, known: Contact, given: Particulars) -> Contact:
    """Join what is given to a contact, whatever its phone. Raises Invalid."""
    contact = joined(known, given)
    changed = await write(ctx, "contact.updated", known, contact)
    present, all_tags = len(tags_of(known)), tags_of(contact)
    if new := all_tags[: len(all_tags) - present]:
        await tag_anew(ctx, known, new)
    return changed


def joined(known: Contact, given: Particulars) -> Contact:
    """Given fields win, tags and metadata are joined. Raises Invalid when they are too large."""
    with naming("tags"):
        all_tags = tags.joined(tags_of(known), given.tags)
    return msgspec.structs.replace(
        known,
        name=given.name or known.name,
        email=given.email or known.email,
        metadata=_metadata(known, given.metadata),
        tags=msgspec.Raw(json.encode(all_tags)),
    )


def _metadata(known: Contact, given: metadata.Metadata) -> msgspec.Raw:
    """What the contact has, joined with what is given. Raises Invalid when that is too large."""
    if not given:
        return known.metadata
    with naming("metadata"):
        return msgspec.Raw(json.encode(metadata.merged(metadata_of(known), given)))
