"""Every operation on one screen: the dispatcher, the OpenAPI document and /docs come from it."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from kith.actions import (
    audiences,
    audit,
    blocks,
    consent,
    contact_lists,
    contacts,
    duplicates,
    identities,
    look_ups,
    merges,
    messages,
    personal_data,
    sends,
    tags,
    templates,
    unmerges,
    upserts,
    workspaces,
)
from kith.actions.contacts import ContactNotFound
from kith.actions.run import Action
from kith.actions.templates import TemplateNotFound
from kith.api import audiences as checking
from kith.api import blocks as blocking
from kith.api import consent as consents
from kith.api import exports, gives, identity, reachability, schemas, takes
from kith.api import merges as merging
from kith.api import messages as messaging
from kith.api import sends as sending
from kith.api import templates as templating
from kith.api import upserts as upserting
from kith.api.fields import Shape
from kith.api.security_log import Event
from kith.api.sends import Denied
from kith.domain.contacts import Source
from kith.domain.tokens import Scope
from kith.errors import AppError, Conflict, NotFound

PREFIXES = ("/api/v1", "/v1")
"""The documents' titles use the short one (reference C2)."""


class Route(msgspec.Struct, frozen=True):
    """`scope` is what a token needs.

    `does` says how the action runs: "look" finds things by key, "scan" may look through much,
    "write" changes something, which a caller may tie to an Idempotency-Key and an `If-Match`;
    "send" writes a message down and waits for what becomes of it.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    takes: Shape
    action: Action[Any, Any]
    gives: Callable[[Any], Any]
    answer: type[msgspec.Struct]
    does: Literal["look", "scan", "write", "send"]
    scope: Scope
    summary: str
    status: int = 200
    is_list: bool = False
    holds_refusals: bool = False
    """Whether an item of the list may be a refusal."""
    needs_workspace: bool = True
    missing: type[NotFound] | None = None
    missed_ids: Callable[[Any], int] | None = None
    """How many ids of a call that was answered nobody has."""
    etag: Callable[[Any], str | None] | None = None
    also: Callable[[Any], int] | None = None
    """The status of a result, where it may also be 200."""
    logs: Event | None = None
    """What security wants to know each time it was answered."""
    refuses: tuple[AppError, ...] = ()
    """Refusals of its own, as examples."""
    denials: tuple[Denied, ...] = ()
    """Those of them that say that a rule forbids it."""
    gives_html: bool = False
    """Whether the answer may also be a page."""
    source: Source | None = None
    """What the contacts say that it makes, where the address tells."""
    path_field: str = ""
    """Which field the end of the address is."""
    target_field: str | None = None
    """Which field is an address to be called later, and must be one that may be."""
    hides_key: bool = False
    """Whether an Idempotency-Key is kept as a keyed hash only: it may name whom the call erases."""

    gives_secret: bool = False
    """Then no answer is kept to be given again, and a repeat must have no further effect anyway."""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_conditional(self) -> bool:
        """Whether a caller who knows the answer may say so."""
        return self.does == "look" and self.etag is not None


def contact_of(result: Any) -> Any:
    """What a result of a write tells about: a contact itself, or something that holds one."""
    return getattr(result, "contact", result)


def _etag(result: Any) -> str | None:
    found: str | None = contact_of(result).etag
    return found


def _created(result: contacts.FoundOrCreated) -> int:
    return 201 if result.created else 200


HELD = Conflict(
    "A contact with this phone exists already.",
    field="phone",
    value="+14155550123",
    contact_ids=[takes.EXAMPLE_ID],
)

TWO_MEANT = Conflict(
    "Two contacts have a number that reads like this; say which, with its country code or by"
    " contact_id.",
    field="phone",
    value="+5551968541943",
    contact_ids=[takes.EXAMPLE_ID, "0198f2a4-7c10-7d3a-8e55-51c0b2d4f6a9"],
)
TAKEN = Conflict(
    "Another contact holds this value.",
    field="value",
    value="shopify:12345",
    contact_ids=[takes.EXAMPLE_ID],
)

ROUTES = (
    Route("GET", "/me", takes.NOTHING, workspaces.me, gives.me, schemas.MeAnswer, "look", "read",
          "Who this token belongs to", needs_workspace=False),
    Route("POST", "/actions/get-contact", identity.GET_CONTACT, look_ups.get, gives.contact,
          schemas.ContactAnswer, "look", "read", "One contact by id, phone, e-mail or further name",
          missing=ContactNotFound, etag=_etag, refuses=(TWO_MEANT,)),
    Route("POST", "/actions/get-contacts", identity.GET_CONTACTS, look_ups.get_many,
          gives.contacts_or_refusals, schemas.ContactAnswer, "look", "read",
          "Up to 500 contacts, each as in get-contact", is_list=True, holds_refusals=True),
    Route("POST", "/actions/get-reachability", reachability.GET_REACHABILITY,
          look_ups.get_reachability, reachability.verdicts, reachability.ReachabilityAnswer, "look",
          "read", "Whether a contact may be written to, with what, until when",
          missing=ContactNotFound, refuses=(TWO_MEANT,)),
    Route("POST", "/actions/check-audience", checking.CHECK_AUDIENCE, audiences.check,
          checking.audience, checking.AudienceAnswer, "scan", "read",
          "Up to 10,000 contacts counted by what they may be written",
          missed_ids=checking.missed_ids),
    Route("POST", "/actions/create-contact", upserting.CREATE_CONTACT, upserts.save,
          gives.saved_contact, schemas.SavedContactAnswer, "write", "write",
          "Create the contact of a phone, or add to it", status=201, etag=_etag,
          refuses=(TWO_MEANT,)),
    Route("POST", "/actions/find-or-create-contact", upserting.FIND_OR_CREATE_CONTACT,
          upserts.find_or_create, gives.found_or_created, schemas.FoundContactAnswer, "write",
          "write", "The contact of a phone, made when there is none", status=201, etag=_etag,
          also=_created, refuses=(HELD, TWO_MEANT)),
    Route("POST", "/actions/update-contact", takes.UPDATE_CONTACT, contacts.update,
          gives.updated_contact, schemas.UpdatedContactAnswer, "write", "write",
          "Change some fields of a contact", missing=ContactNotFound, etag=_etag,
          refuses=(TWO_MEANT,)),
    Route("POST", "/actions/delete-contact", takes.DELETE_CONTACT, personal_data.erase,
          gives.deleted_contact, schemas.DeletedContactAnswer, "write", "write",
          "Erase a contact and all that identifies it", missing=ContactNotFound,
          refuses=(TWO_MEANT,), hides_key=True),
    Route("POST", "/actions/find-duplicates", merging.FIND_DUPLICATES, duplicates.find,
          merging.found_duplicates, merging.FoundDuplicatesAnswer, "scan", "read",
          "Contacts that may be one person"),
    Route("POST", "/actions/merge-contacts", merging.MERGE_CONTACTS, merges.merge,
          merging.merged, merging.MergedAnswer, "write", "write",
          "Let one contact live on in another", missing=ContactNotFound, etag=_etag),
    Route("POST", "/actions/unmerge-contacts", merging.UNMERGE_CONTACTS, unmerges.unmerge,
          merging.unmerged, merging.UnmergedAnswer, "write", "write", "Undo a merge",
          missing=ContactNotFound, etag=_etag, refuses=(merging.UNDO_FIRST,)),
    Route("POST", "/actions/search-contacts", takes.SEARCH_CONTACTS, contact_lists.search,
          gives.searched_contacts, schemas.SearchedContact, "scan", "read",
          "Contacts by part of a name, phone or e-mail", is_list=True),
    Route("POST", "/actions/list-contacts", takes.LIST_CONTACTS, contact_lists.list_page,
          gives.listed_contacts, schemas.ListedContactsAnswer, "scan", "read",
          "Every contact, page by page"),
    Route("POST", "/actions/export-contact", takes.EXPORT_CONTACT, personal_data.export,
          exports.answer, exports.ExportedAnswer, "scan", "read",
          "Everything held on one person", missing=ContactNotFound, logs="export.run",
          refuses=(TWO_MEANT,)),
    Route("POST", "/actions/list-messages", messaging.LIST_MESSAGES, messages.list_page,
          messaging.listed, messaging.MessagesAnswer, "scan", "read",
          "What a contact and the business wrote", missing=ContactNotFound,
          refuses=(TWO_MEANT,)),
    Route("GET", "/triggers/new-message-received", messaging.NEW_MESSAGE_RECEIVED,
          messages.list_received, messaging.received, messaging.ReceivedAnswer, "scan", "read",
          "The newest messages of contacts", is_list=True),
    Route("POST", "/actions/add-tag", takes.ADD_TAG, tags.add, gives.tag_added,
          schemas.TagAddedAnswer, "write", "write", "Put a tag on a contact",
          missing=ContactNotFound, etag=_etag, refuses=(TWO_MEANT,)),
    Route("POST", "/actions/remove-tag", takes.REMOVE_TAG, tags.remove, gives.tag_removed,
          schemas.TagRemovedAnswer, "write", "write", "Take a tag off a contact",
          missing=ContactNotFound, etag=_etag, refuses=(TWO_MEANT,)),
    Route("POST", "/actions/add-identity", identity.ADD_IDENTITY, identities.add, identity.named,
          identity.NamedAnswer, "write", "write", "Find a contact by a further name",
          missing=ContactNotFound, etag=_etag, refuses=(TAKEN, TWO_MEANT)),
    Route("POST", "/actions/remove-identity", identity.REMOVE_IDENTITY, identities.remove,
          identity.named, identity.NamedAnswer, "write", "write",
          "Find a contact by a name no more", missing=ContactNotFound, etag=_etag,
          refuses=(TWO_MEANT,)),
    Route("POST", "/actions/block-contact", blocking.BLOCK_CONTACT, blocks.block,
          blocking.blocked, blocking.BlockedAnswer, "write", "write",
          "Send a contact nothing more", missing=ContactNotFound, etag=_etag,
          refuses=(TWO_MEANT,)),
    Route("POST", "/actions/unblock-contact", blocking.UNBLOCK_CONTACT, blocks.unblock,
          blocking.blocked, blocking.BlockedAnswer, "write", "write",
          "Take an operator's block, or a doubt, away", missing=ContactNotFound, etag=_etag,
          refuses=(TWO_MEANT,)),
    Route("POST", "/actions/list-tags", takes.LIST_TAGS, tags.list_all, gives.listed_tags,
          schemas.TagAnswer, "scan", "read", "The workspace's tags", is_list=True),
    Route("POST", "/actions/set-consent", consents.SET_CONSENT, consent.set_state, consents.told,
          consents.ConsentSetAnswer, "write", "write", "Record that somebody agreed or withdrew",
          missing=ContactNotFound, etag=_etag, refuses=(TWO_MEANT,)),
    Route("POST", "/actions/get-consent", consents.GET_CONSENT, consent.get, consents.known,
          consents.ConsentKnownAnswer, "look", "read", "What a contact agrees to, now or then",
          missing=ContactNotFound, refuses=(TWO_MEANT,)),
    Route("POST", "/actions/list-consent", consents.LIST_CONSENT, consent.list_records,
          consents.listed, consents.ConsentListedAnswer, "scan", "read",
          "The ledger of a contact's consent", missing=ContactNotFound,
          refuses=(TWO_MEANT,)),
    Route("POST", "/actions/export-consent-proof", consents.EXPORT_PROOF, consent.export_proof,
          consents.proof, consents.ConsentProofAnswer, "scan", "read",
          "What a contact agreed to, as a proof", missing=ContactNotFound, logs="export.run",
          gives_html=True, refuses=(TWO_MEANT,)),
    Route("POST", "/actions/send-text-message", sending.SEND_TEXT, sends.begin_text, sending.sent,
          sending.SentAnswer, "send", "write", "Write to a contact while the window is open",
          missing=ContactNotFound, refuses=(TWO_MEANT,), denials=sending.TEXT_DENIALS),
    Route("POST", "/actions/send-template-message", sending.SEND_TEMPLATE, sends.begin_template,
          sending.sent, sending.SentAnswer, "send", "write", "Send somebody a template",
          missing=TemplateNotFound, refuses=(TWO_MEANT,), denials=sending.TEMPLATE_DENIALS),
    Route("POST", "/actions/list-templates", templating.LIST_TEMPLATES, templates.list_all,
          templating.listed, templating.TemplateListed, "scan", "read",
          "The workspace's templates", is_list=True),
    Route("POST", "/actions/get-template", templating.GET_TEMPLATE, templates.get,
          templating.shown, templating.TemplateAnswer, "look", "read",
          "A template and what it says", missing=TemplateNotFound),
    Route("GET", "/dropdowns/templates", takes.NOTHING, templates.list_usable,
          templating.choices, templating.OptionAnswer, "scan", "read",
          "Templates that can be sent, to choose from", is_list=True),
    Route("GET", "/dropdowns/template-variables", templating.ASKED_VARIABLES,
          templates.variables, templating.variable_choices, templating.OptionAnswer, "look", "read",
          "What a template needs, to be filled in", is_list=True, missing=TemplateNotFound),
    Route("POST", "/actions/list-audit", takes.LIST_AUDIT, audit.list_entries,
          gives.listed_audit, schemas.ListedAuditAnswer, "scan", "admin",
          "Who changed what, and how it was before"),
)  # fmt: skip
