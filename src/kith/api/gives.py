"""How the result of an action becomes the answer that schemas.py describes."""

from typing import Any

import msgspec
from msgspec import UNSET

from kith.actions import audit, contact_lists
from kith.actions.contacts import FoundOrCreated
from kith.actions.look_ups import Expanded, Found
from kith.actions.personal_data import Erased
from kith.actions.tags import Tagged
from kith.api import (
    answers,
    consent,
    merges,
    messages,
    reachability,
)
from kith.api.schemas import (
    AuditEntry,
    AuditUser,
    ContactAnswer,
    DeletedContactAnswer,
    FoundContactAnswer,
    IdentityAnswer,
    ListedAuditAnswer,
    MatchAnswer,
    MeAnswer,
    SavedContactAnswer,
    SearchedContact,
    TagAddedAnswer,
    TagAnswer,
    TagOf,
    TagRemovedAnswer,
    TenantAnswer,
    UpdatedContactAnswer,
)
from kith.domain import json
from kith.domain.audit import Entry
from kith.domain.contacts import Contact, Identity
from kith.domain.tags import Link, Tag
from kith.domain.times import wire, wire_or_none
from kith.domain.users import User
from kith.errors import AppError


def contact(found: Found) -> Any:
    """Rendered by the database already, key by key as in ContactAnswer; the rest is put behind."""
    if found.more is None or found.document is None:
        return found.document
    document = bytes(found.document)
    if found.more.tags is not None:  # the one that stands in place of a key
        rendered = msgspec.json.decode(found.document, type=dict[str, Any])
        document = json.encode({**rendered, "tags": [tag_of(link) for link in found.more.tags]})
    if not (behind := _behind(found.more)):
        return msgspec.Raw(document)
    return msgspec.Raw(b"%b,%b" % (document[:-1], json.encode(behind)[1:]))


def _behind(more: Expanded) -> dict[str, Any]:
    """What stands behind the 13 keys, in the order of ContactAnswer."""
    parts: dict[str, Any] = {}
    if more.identities is not None:
        parts["identities"] = [identity(known_as) for known_as in more.identities]
    if more.history is not None:
        parts["history"] = [entry_of(entry) for entry in more.history]
    if more.consent is not None:
        parts["consent"] = consent.all_in_force(more.consent)
    if more.reachability is not None:
        parts["reachability"] = reachability.verdicts(more.reachability)
    if more.merged_from is not None:
        parts["merged_from"] = [merges.merged_from(one) for one in more.merged_from]
    if more.messages is not None:
        parts["messages"] = [messages.message(one) for one in more.messages]
    if (match := more.match) is not None:
        inferred = True if match.is_inferred else UNSET
        parts["match"] = MatchAnswer(match.matched_by, match.match_kind, inferred)
    return parts


def contacts_or_refusals(found: list[msgspec.Raw | AppError]) -> Any:
    return [answers.body(one) if isinstance(one, AppError) else one for one in found]


def saved_contact(saved: Contact) -> SavedContactAnswer:
    return SavedContactAnswer(
        saved.id, saved.phone, saved.name, saved.email, saved.tags, wire(saved.created_at)
    )


def found_or_created(found: FoundOrCreated) -> FoundContactAnswer:
    known = found.contact
    return FoundContactAnswer(
        known.id,
        known.phone,
        known.name,
        known.email,
        known.tags,
        wire(known.created_at),
        found.created,
    )


def updated_contact(updated: Contact) -> UpdatedContactAnswer:
    return UpdatedContactAnswer(
        updated.id, updated.phone, updated.name, updated.email, updated.tags,
        wire(updated.updated_at),
    )  # fmt: skip


def deleted_contact(erased: Erased) -> DeletedContactAnswer:
    return DeletedContactAnswer(erased.id, deleted=True)


def tag_added(tagged: Tagged) -> TagAddedAnswer:
    known = tagged.contact
    return TagAddedAnswer(known.id, known.phone, tagged.tag, known.tags)


def tag_removed(tagged: Tagged) -> TagRemovedAnswer:
    known = tagged.contact
    return TagRemovedAnswer(known.id, known.phone, tagged.tag, known.tags)


def searched_contacts(found: list[Contact]) -> list[SearchedContact]:
    return [
        SearchedContact(
            one.id,
            one.phone,
            one.name,
            one.email,
            one.source,
            one.tags,
            wire_or_none(one.last_message_at),
            wire(one.created_at),
        )
        for one in found
    ]


def listed_contacts(page: contact_lists.Page) -> Any:
    return {"contacts": page.contacts, "next_cursor": page.next_cursor}


def listed_tags(found: list[Tag]) -> list[TagAnswer]:
    return [TagAnswer(tag.id, tag.name, tag.contacts_count, wire(tag.created_at)) for tag in found]


def listed_audit(page: audit.Page) -> ListedAuditAnswer:
    return ListedAuditAnswer([entry_of(entry) for entry in page.entries], page.next_cursor)


def whole_contact(one: Contact) -> ContactAnswer:
    """As the database renders it for get-contact."""
    return ContactAnswer(
        id=one.id,
        phone=one.phone,
        name=one.name,
        email=one.email,
        source=one.source,
        locale=one.locale,
        metadata=one.metadata,
        tags=one.tags,
        opted_in_at=wire_or_none(one.opted_in_at),
        opted_out_at=wire_or_none(one.opted_out_at),
        last_message_at=wire_or_none(one.last_message_at),
        total_messages=one.total_messages,
        created_at=wire(one.created_at),
    )


def me(user: User) -> MeAnswer:
    tenant = None
    if user.tenant_uuid is not None:
        tenant = TenantAnswer(user.tenant_uuid, user.tenant_name or "")
    return MeAnswer(user.id, user.email, user.name, tenant)


def tag_of(link: Link) -> TagOf:
    return TagOf(link.id, link.name, wire(link.added_at))


def identity(known_as: Identity) -> IdentityAnswer:
    return IdentityAnswer(
        known_as.kind,
        known_as.value,
        known_as.confidence,
        wire(known_as.created_at),
        wire_or_none(known_as.retired_at),
    )


def entry_of(entry: Entry) -> AuditEntry:
    user = AuditUser(entry.user_id, entry.user_email) if entry.user_id is not None else None
    return AuditEntry(
        entry.id,
        wire(entry.at),
        entry.what,
        entry.contact_id,
        user,
        entry.token_id,
        entry.connection_id,
        entry.before,
        entry.after,
    )
