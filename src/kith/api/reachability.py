"""get-reachability and check-audience: what they take, and how they answer."""

from datetime import timedelta
from typing import Annotated, Any, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kith.actions import audiences
from kith.actions.audiences import Audience, CheckAudience
from kith.actions.blocks import BlockContact, Blocked, UnblockContact
from kith.actions.reachability import Reached
from kith.api import takes
from kith.api.fields import Field, Shape
from kith.api.parts import nullable, one_of
from kith.api.values import Id, PhoneOut, Time
from kith.domain import email, ids, phone, text
from kith.domain.contacts import GetContact
from kith.domain.reachability import (
    MEANINGS,
    Block,
    Conversation,
    Kind,
    Lifted,
    Reachability,
    Reason,
    Verdict,
)
from kith.domain.times import wire, wire_or_none
from kith.errors import AppError, BadValue, Invalid

KINDS: tuple[str, ...] = get_args(Kind)
LIFTED: tuple[str, ...] = get_args(Lifted)
KEYS_AS_TYPED_MAX = 500
"""Of one check-audience: reading one may take 60 us, which all others wait for."""
NOTE_CHARACTERS_MAX = 2_000
_KEYS = tuple(field.name for field in takes.KEYS)
_SECOND = timedelta(seconds=1)


def parse_keys(value: object) -> tuple[GetContact | AppError, ...]:
    """Whom check-audience asks about; an item that cannot be used becomes its own refusal."""
    if not isinstance(value, list):
        raise BadValue('must be an array such as [{"phone": "+14155550123"}].')
    if len(value) > audiences.CONTACTS_MAX:
        raise BadValue(f"may not hold more than {audiences.CONTACTS_MAX:,} items.")
    keys = [_as_shown(item) for item in value]
    if keys.count(None) > KEYS_AS_TYPED_MAX:
        raise BadValue(
            f"may hold no more than {KEYS_AS_TYPED_MAX} keys that are not written as Kith shows"
            " them: ids in lower case, phones such as +14155550123, plain e-mail addresses."
        )
    return tuple(_read(item) if key is None else key for key, item in zip(keys, value, strict=True))


def parse_note(value: object) -> str:
    """Why somebody is blocked or is no more, in one line; raises BadValue."""
    return text.line(value, characters_max=NOTE_CHARACTERS_MAX)


def _as_shown(item: object) -> GetContact | None:
    """A key that needs no reading; None for any other. A blank or a null beside it is no key."""
    if not isinstance(item, dict):
        return None
    if len(item) != 1:
        item = {name: item[name] for name in _KEYS if not _is_blank(item.get(name))}
        if len(item) != 1:
            return None
    if contact_id := ids.as_shown(item.get("contact_id")):
        return GetContact(contact_id=contact_id)
    if number := phone.as_shown(item.get("phone")):
        return GetContact(phone=number)
    if address := email.as_shown(item.get("email")):
        return GetContact(email=address)
    return None


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and text.is_blank(value))


def _read(item: object) -> GetContact | AppError:
    if not isinstance(item, dict):
        return Invalid({"contacts": ['An item must be an object such as {"phone": "+1..."}.']})
    try:
        found: GetContact = GET_REACHABILITY.convert(item)
    except Invalid as refusal:
        return refusal
    return found


GET_REACHABILITY = Shape(
    GetContact,
    takes.KEYS,
    takes.ONE_OF,
    description="Whether the contact may be written to, for each of three kinds of message: "
    "`free_form` (anything, inside WhatsApp's 24-hour window), `utility` and `marketing` (approved "
    "templates, at any time). The first three keys are those of the business number that allows "
    "most; `numbers` has each. The verdict holds at the moment of the answer: ask again before "
    "each message.",
    example={"phone": "+14155550123"},
)

CHECK_AUDIENCE = Shape(
    CheckAudience,
    (
        Field(
            "contacts",
            parse_keys,
            {
                "type": ["array", "null"],
                "items": {"type": "object"},
                "maxItems": audiences.CONTACTS_MAX,
                "description": "Up to 10,000 objects, each with exactly one of `contact_id`, "
                "`phone` and `email`; the whole body up to 1 MiB, so about 100 bytes for each. "
                f"Up to {KEYS_AS_TYPED_MAX} of them may be typed in any other way than Kith shows "
                "them.",
                "examples": [[{"phone": "+14155550123"}, {"email": "romain@example.com"}]],
            },
            is_required=True,
        ),
        Field(
            "purpose",
            one_of(KINDS),
            nullable(
                "string",
                "Lists the ids of those who may be sent this kind of message, too.",
                "marketing",
                enum=[*KINDS, None],
            ),
        ),
    ),
    description="Counts for each kind of message how many of these contacts may be sent one, and "
    "why not the others. Who is named twice counts once. Keys that nobody has are `unknown`, those "
    "that cannot be read `unusable`: neither is among the counts.",
    example={"contacts": [{"phone": "+14155550123"}], "purpose": "marketing"},
)

NOTE = Field(
    "note",
    parse_note,
    nullable(
        "string",
        "Why, for whoever reads the history; at most 2,000 characters.",
        "Threatened a colleague.",
        maxLength=NOTE_CHARACTERS_MAX,
    ),
)

BLOCK_CONTACT = Shape(
    BlockContact,
    (takes.CONTACT_ID, takes.PHONE, NOTE),
    takes.ID_OR_PHONE,
    description="From now on every verdict on the contact is `blocked`, whoever wrote last and "
    "whatever they agreed to. One who is blocked already stays so, and nothing is written.",
    example={"phone": "+14155550123", "note": "Threatened a colleague."},
)

UNBLOCK_CONTACT = Shape(
    UnblockContact,
    (
        *BLOCK_CONTACT.fields,
        Field(
            "reason",
            one_of(LIFTED),
            nullable(
                "string",
                "Which reason is to go: an operator's block when not given. The others need a"
                " `note`: `identity_changed` once you know that the number is still the person's,"
                " `country_restricted` once WhatsApp lets you write to their country again.",
                "blocked",
                enum=[*LIFTED, None],
            ),
        ),
    ),
    takes.ID_OR_PHONE,
    description="Takes an operator's block away, or the `reason` that is named. Consent, and"
    " whatever else keeps messages from the contact, stays as it is. Where there is nothing to take"
    " away, nothing is written.",
    example={"phone": "+14155550123"},
)

_REASONS = " ".join(f"`{reason}`: {meaning}" for reason, meaning in MEANINGS.items())


class VerdictAnswer(msgspec.Struct, frozen=True, gc=False):
    """Whether one kind of message may be sent."""

    allowed: Annotated[
        bool, Meta(description="True exactly when the reason is `ok`.", examples=[True])
    ]
    reason: Annotated[
        Reason,
        Meta(
            description=f"The first that blocks, in this order, or `ok`. {_REASONS}",
            examples=["ok"],
        ),
    ]
    until: Annotated[
        Time | None,
        Meta(
            description="When an open window closes, or a block ends that time ends; else null.",
            examples=["2026-05-08T08:12:23+00:00"],
        ),
    ]


class NumberAnswer(msgspec.Struct, frozen=True, gc=False):
    """What one business number may send the contact."""

    number_id: Annotated[
        str, Meta(description="As WhatsApp calls it.", examples=["106540352242922"])
    ]
    phone: Annotated[str | None, Meta(description="The number.", examples=["+14155550100"])]
    free_form: VerdictAnswer
    utility: VerdictAnswer
    marketing: VerdictAnswer


class ReachabilityAnswer(msgspec.Struct, frozen=True, gc=False):
    """The verdict, by the number that allows most and by each."""

    contact_id: Id
    free_form: VerdictAnswer
    utility: VerdictAnswer
    marketing: VerdictAnswer
    numbers: Annotated[
        list[NumberAnswer],
        Meta(description="Each business number of the workspace; empty when it has none yet."),
    ]


_COUNTED: dict[Reason, int] = {"opted_out": 950, "ok": 9_000}

ReasonCounts = msgspec.defstruct(
    "ReasonCounts",
    [
        (
            reason,
            Annotated[int, Meta(ge=0, description=meaning, examples=[_COUNTED.get(reason, 0)])],
        )
        for reason, meaning in MEANINGS.items()
    ],
    frozen=True,
    namespace={"__doc__": "How many contacts each reason was told of."},
)


class AudienceAnswer(msgspec.Struct, frozen=True):
    """How many may be written, and why not the others."""

    contacts: Annotated[int, Meta(ge=0, description="Different people.", examples=[9_950])]
    unknown: Annotated[int, Meta(ge=0, description="Keys that nobody has.", examples=[48])]
    unusable: Annotated[int, Meta(ge=0, description="Keys that cannot be read.", examples=[2])]
    free_form: ReasonCounts  # type: ignore[valid-type]  # made from the closed list of reasons
    utility: ReasonCounts  # type: ignore[valid-type]
    marketing: ReasonCounts  # type: ignore[valid-type]
    allowed: Annotated[
        list[Id] | UnsetType,
        Meta(description="Only with `purpose`: who may be sent that kind, oldest first."),
    ] = UNSET


class BlockedAnswer(msgspec.Struct, frozen=True, gc=False):
    """Whether the contact is blocked now."""

    id: Id
    phone: PhoneOut
    blocked: Annotated[bool, Meta(examples=[True])]
    blocked_at: Annotated[Time | None, Meta(description="Since when; null when not blocked.")]


class BlockAnswer(msgspec.Struct, frozen=True):
    """Why the contact is not written to, from whichever number."""

    reason: Annotated[Reason, Meta(examples=["blocked"])]
    since: Time


class ConversationAnswer(msgspec.Struct, frozen=True):
    """What passed between the contact and one business number."""

    number_id: Annotated[str, Meta(examples=["106540352242922"])]
    last_inbound_at: Annotated[Time | None, Meta(description="The contact's last message.")]
    refused_at: Annotated[Time | None, Meta(description="See the reason `meta_refused`.")]
    capped_until: Annotated[Time | None, Meta(description="See `frequency_capped`.")]
    experiment_until: Annotated[Time | None, Meta(description="See `experiment`.")]


def verdicts(reached: Reached) -> ReachabilityAnswer:
    best = reached.judgement.overall
    numbers = []
    free_form = utility = marketing = None
    for number_id, given in reached.judgement.numbers:
        number = _number(number_id, reached.phones[number_id], given)
        numbers.append(number)
        if given is best:  # that of the number which allows most, rendered already
            free_form, utility, marketing = number.free_form, number.utility, number.marketing
    return ReachabilityAnswer(
        reached.contact_id,
        free_form or _verdict(best.free_form),
        utility or _verdict(best.utility),
        marketing or _verdict(best.marketing),
        numbers,
    )


def audience(checked: Audience) -> AudienceAnswer:
    by_kind = checked.tally
    return AudienceAnswer(
        checked.contacts_count,
        checked.unknown,
        checked.unusable,
        ReasonCounts(**by_kind.free_form),
        ReasonCounts(**by_kind.utility),
        ReasonCounts(**by_kind.marketing),
        UNSET if checked.allowed is None else checked.allowed,
    )


def blocked(done: Blocked) -> BlockedAnswer:
    known = done.contact
    return BlockedAnswer(known.id, known.phone, done.since is not None, wire_or_none(done.since))


def block(held: Block) -> BlockAnswer:
    return BlockAnswer(held.reason, wire(held.since))


def conversation(held: Conversation) -> ConversationAnswer:
    return ConversationAnswer(
        held.number_id,
        wire_or_none(held.last_inbound_at),
        wire_or_none(held.refused_at),
        wire_or_none(held.capped_until),
        wire_or_none(held.experiment_until),
    )


def _number(number_id: str, number_phone: str | None, given: Reachability) -> NumberAnswer:
    return NumberAnswer(
        number_id,
        number_phone,
        _verdict(given.free_form),
        _verdict(given.utility),
        _verdict(given.marketing),
    )


# Made once: of most verdicts nothing is of their own.
_TIMELESS: dict[Reason, VerdictAnswer] = {
    reason: VerdictAnswer(reason == "ok", reason, None) for reason in MEANINGS
}


def _verdict(given: Verdict) -> VerdictAnswer:
    """A window closes in the second told or later, a block is over in it or earlier."""
    if given.until is None:
        return _TIMELESS[given.reason]
    until = given.until
    if not given.allowed and until.microsecond:
        until += _SECOND
    return VerdictAnswer(given.allowed, given.reason, wire(until))


def missed_ids(checked: Any) -> int:
    found: int = checked.missed_ids
    return found
