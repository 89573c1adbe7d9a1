"""get-contact and get-contacts: the answer that everything else exists for."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kith.actions import audit, messages, reachability, who
from kith.actions.contacts import ContactNotFound
from kith.actions.reachability import Reached
from kith.actions.run import Context
from kith.actions.who import Held
from kith.domain import consent, etags, matches, whatsapp
from kith.domain import email as emails
from kith.domain.audit import Entry
from kith.domain.consent import InForce
from kith.domain.contacts import GetContact, GetContacts, Identity
from kith.domain.matches import Match
from kith.domain.merging import MergedFrom
from kith.domain.messages import Message
from kith.domain.tags import Link
from kith.errors import AppError
from kith.store import consent as ledger
from kith.store import contact_documents as documents
from kith.store import identities, merges
from kith.store import reachability as verdicts
from kith.store import tags as tag_rows
from kith.store.contact_documents import Wanted
from kith.store.database import Row

HISTORY_MAX = 100
UNVERSIONED = {"reachability", "messages"}
"""What changes without a new version of the contact: with the clock, and with every status."""
MERGED_FROM_MAX = 100


class Found(msgspec.Struct, frozen=True, gc=False):
    """`document` is the documented JSON; None when the caller knows this version.

    Without `etag` the answer depends on the clock as well, and no version names it.
    """

    etag: str | None
    document: msgspec.Raw | None
    more: "Expanded | None" = None


class Expanded(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller asked for beside the 13 keys; None where it did not."""

    tags: list[Link] | None = None
    identities: list[Identity] | None = None
    history: list[Entry] | None = None
    consent: list[InForce] | None = None
    reachability: Reached | None = None
    merged_from: list[MergedFrom] | None = None
    messages: list[Message] | None = None
    match: Match | None = None


async def get(ctx: Context, given: GetContact) -> Found:
    """The contact that the one identifier given points at.

    Raises ContactNotFound; Conflict when it points at two, Invalid for a phone that is none here.
    """
    has_version = "reachability" not in given.expand
    if ctx.terms.if_none_match and has_version and (known := await _known(ctx, given)) is not None:
        return Found(known, None)
    reached = None
    if not has_version and isinstance(given.phone, str):
        with_facts = await verdicts.of_phone(ctx.tx, tenant_id=ctx.tenant_id, phone=given.phone)
        row = with_facts and with_facts[:2]
        reached = with_facts and reachability.judged(ctx, with_facts[2])
    else:
        row = await _row(ctx, given, "document")
    if row is None:
        return await _get_otherwise(ctx, given)
    document, etag = row
    if not given.expand:
        return Found(etag, msgspec.Raw(document))
    match = await _exact(ctx, given)
    more = await _expanded(ctx, etags.contact_id(etag), given.expand, match, reached)
    return Found(_expanded_etag(etag, given, match), msgspec.Raw(document), more)


async def get_reachability(ctx: Context, given: GetContact) -> Reached:
    """The verdict on the contact that get-contact would give.

    Raises ContactNotFound, Conflict, Invalid.
    """
    row = await _row(ctx, given, "etag")
    if row is not None:
        contact_id: str | None = etags.contact_id(row[1])
    else:
        held = await who.one(ctx, given)
        contact_id = held.contact_id if held is not None else None
    reached = contact_id and await reachability.of_contact(ctx, contact_id)
    if not reached:
        raise ContactNotFound(by_id=given.contact_id is not None)
    return reached


async def get_many(ctx: Context, given: GetContacts) -> list[msgspec.Raw | AppError]:
    """For each key, in the order asked, the contact's documented JSON or its own refusal."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    asked = [key for key in given.contacts if isinstance(key, GetContact)]
    by_id = await documents.many_by_id(
        tx, tenant_id=tenant_id, uuids=_given(key.contact_id for key in asked)
    )
    by_phone = await documents.many_by_phone(
        tx,
        tenant_id=tenant_id,
        phones={key.phone for key in asked if isinstance(key.phone, str)},
    )
    by_email = await documents.many_by_email(
        tx,
        tenant_id=tenant_id,
        email_keys={emails.key(key.email) for key in asked if key.email is not None},
    )
    if missing := _given(key.contact_id for key in asked) - by_id.keys():
        by_id |= await documents.many_by_merged_id(tx, tenant_id=tenant_id, uuids=missing)

    def exactly(key: GetContact) -> str | None:
        if isinstance(key.phone, str):
            return by_phone.get(key.phone)
        if key.contact_id is not None:
            return by_id.get(key.contact_id)
        return by_email.get(emails.key(key.email)) if key.email is not None else None

    otherwise = await _many_otherwise(ctx, [key for key in asked if exactly(key) is None])
    answers: list[msgspec.Raw | AppError] = []
    for key in given.contacts:
        if isinstance(key, AppError):
            answers.append(key)
        elif (document := exactly(key)) is not None:
            answers.append(msgspec.Raw(document))
        else:
            answers.append(next(otherwise))
    return answers


async def _get_otherwise(ctx: Context, given: GetContact) -> Found:
    """Whom no name points at as it was given."""
    document, etag, match = await _otherwise(ctx, given)
    tag = _expanded_etag(etag, given, match)
    if tag is not None and etags.is_known(tag, ctx.terms.if_none_match):
        return Found(tag, None)
    if not given.expand:
        return Found(tag, msgspec.Raw(document))
    more = await _expanded(ctx, etags.contact_id(etag), given.expand, match)
    return Found(tag, msgspec.Raw(document), more)


async def _otherwise(ctx: Context, given: GetContact) -> tuple[str, str, Match]:
    """Document, entity tag, and how it was found."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if isinstance(given.phone, str):  # the usual case, in one statement
        other = whatsapp.variant(given.phone) or given.phone
        rows = await documents.by_spelling(tx, tenant_id=tenant_id, number=given.phone, other=other)
        if not rows:
            raise ContactNotFound()
        if len(rows) == 1:
            [(document, etag, kind, value)] = rows
            return document, etag, matches.of_stored(given.phone, kind, value)
    held = await who.one(ctx, given)
    row = held and await documents.by_id(
        tx, tenant_id=tenant_id, uuid=held.contact_id, wanted="document"
    )
    if not held or not row:
        raise ContactNotFound(by_id=given.contact_id is not None)
    return row[0], row[1], held.match


async def _many_otherwise(
    ctx: Context, keys: Sequence[GetContact]
) -> Iterator[msgspec.Raw | AppError]:
    """As `_get_otherwise` for each key, its refusal in place of a contact."""
    found = await who.each(ctx, keys)
    uuids = {held.contact_id for held in found if isinstance(held, Held)}
    by_id: dict[str, str] = {}
    if uuids:
        by_id = await documents.many_by_id(ctx.tx, tenant_id=ctx.tenant_id, uuids=uuids)
    answers: list[msgspec.Raw | AppError] = []
    for key, held in zip(keys, found, strict=True):
        if isinstance(held, AppError):
            answers.append(held)
        elif held is not None and held.contact_id in by_id:
            answers.append(msgspec.Raw(by_id[held.contact_id]))
        else:
            answers.append(ContactNotFound(by_id=key.contact_id is not None))
    return iter(answers)


async def _row(ctx: Context, given: GetContact, wanted: Wanted) -> Row | None:
    """Whom the identifier points at as it stands; a merged id points at the survivor."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if isinstance(given.phone, str):
        return await documents.by_phone(tx, tenant_id=tenant_id, phone=given.phone, wanted=wanted)
    if (uuid := given.contact_id) is not None:
        row = await documents.by_id(tx, tenant_id=tenant_id, uuid=uuid, wanted=wanted)
        return row or await documents.by_merged_id(
            tx, tenant_id=tenant_id, uuid=uuid, wanted=wanted
        )
    if given.email is None:
        return None
    key = emails.key(given.email)
    return await documents.by_email(tx, tenant_id=tenant_id, email_key=key, wanted=wanted)


async def _known(ctx: Context, given: GetContact) -> str | None:
    """The entity tag of the answer, when the caller has named it."""
    row = await _row(ctx, given, "etag")
    if row is None:
        return None
    etag = _expanded_etag(row[1], given, await _exact(ctx, given)) if given.expand else row[1]
    return etag if etag and etags.is_known(etag, ctx.terms.if_none_match) else None


async def _exact(ctx: Context, given: GetContact) -> Match | None:
    """How the contact was found whose name is exactly what was given; None when nobody asks."""
    if "match" not in given.expand:
        return None
    if given.contact_id is not None:
        return Match(matched_by="contact_id")
    if not isinstance(given.phone, str):
        return Match(matched_by="email")
    confidence = await identities.confidence_of(
        ctx.tx, tenant_id=ctx.tenant_id, kind="phone", value=given.phone
    )
    return Match(matched_by="phone", is_inferred=confidence == "inferred")


def _expanded_etag(etag: str, given: GetContact, match: Match | None) -> str | None:
    """None for an answer that changes without the contact."""
    if not given.expand:
        return etag
    if UNVERSIONED & set(given.expand):
        return None
    return etags.expanded(
        etag, [match.mark if match and part == "match" else part for part in given.expand]
    )


async def _expanded(
    ctx: Context,
    contact_id: str,
    parts: Iterable[str],
    match: Match | None,
    reached: Reached | None = None,
) -> Expanded:
    """`reached` where it is known already."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    links = known_as = history = agreed = merged_from = None
    if "tags" in parts:
        links = await tag_rows.of_contact(tx, tenant_id=tenant_id, contact_uuid=contact_id)
    if "identities" in parts:
        known_as = await identities.of_contact(tx, tenant_id=tenant_id, contact_uuid=contact_id)
    if "history" in parts:
        history = await audit.newest(ctx, contact_id, audit.NEWEST, HISTORY_MAX)
    if "consent" in parts:
        rows = await ledger.of_contact(tx, tenant_id=tenant_id, contact_uuid=contact_id)
        agreed = consent.all_in_force(rows)
    if "reachability" in parts and reached is None:
        reached = await reachability.of_contact(ctx, contact_id)
    if "merged_from" in parts:
        merged_from = await merges.merged_from(
            tx, tenant_id=tenant_id, uuid=contact_id, rows_max=MERGED_FROM_MAX
        )
    said = await messages.newest(ctx, contact_id) if "messages" in parts else None
    return Expanded(
        tags=links,
        identities=known_as,
        history=history,
        consent=agreed,
        reachability=reached,
        merged_from=merged_from,
        messages=said,
        match=match if "match" in parts else None,
    )


def _given(keys: Iterable[str | None]) -> set[str]:
    return {key for key in keys if key is not None}
