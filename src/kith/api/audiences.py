"""check-audience: what it takes, and how it counts."""

from typing import Annotated, Any, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kith.actions import audiences
from kith.actions.audiences import Audience, CheckAudience
from kith.api import takes
from kith.api.fields import Field, Shape
from kith.api.parts import nullable, one_of
from kith.api.reachability import GET_REACHABILITY
from kith.api.values import Id
from kith.domain import email, ids, phone, text
from kith.domain.contacts import GetContact
from kith.domain.reachability import MEANINGS, Kind, Reason
from kith.errors import AppError, BadValue, Invalid

KINDS: tuple[str, ...] = get_args(Kind)
KEYS_AS_TYPED_MAX = 500
"""Of one check-audience: reading one may take 60 us, which all others wait for."""
_KEYS = tuple(field.name for field in takes.KEYS)


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


def missed_ids(checked: Any) -> int:
    found: int = checked.missed_ids
    return found
