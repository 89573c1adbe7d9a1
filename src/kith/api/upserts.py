"""A contact in one call: what create-contact and find-or-create-contact take."""

from functools import partial
from typing import Any, get_args

import msgspec

from kith.actions.consent import SetConsent
from kith.actions.upserts import Upsert
from kith.api import consent as consents
from kith.api import takes
from kith.api.fields import Field, Shape
from kith.api.parts import nullable, one_of
from kith.domain.contacts import OnConflict
from kith.errors import BadValue

CONFLICTS: tuple[str, ...] = get_args(OnConflict)
CLAIMS = ("api", "import")
"""What an upsert may name as a source: an operator's word, which may undo an opt-out, takes
set-consent."""

_EXAMPLE = {
    "method": "checkbox",
    "wording": "Yes, send me offers.",
    "wording_version": "2026-03",
    "evidence": {"ip": "203.0.113.7", "url": "https://example.com/signup"},
}


def _told(**given: Any) -> SetConsent:
    usual = {"channel": "whatsapp", "purpose": "marketing", "state": "granted", "source": "api"}
    return SetConsent(**{**usual, **given})


CONSENT = Shape(
    _told,
    (
        consents.CHANNEL,
        consents.PURPOSE,
        consents.STATE,
        consents.choice("source", CLAIMS, "Where it is known from; `api` when not given.", "api"),
        consents.METHOD,
        *consents.PROOF,
    ),
)


def parse_consent(value: object) -> SetConsent | None:
    """What they did, and what shows it; raises BadValue, Invalid. An empty object says nothing."""
    if value in ({}, []):  # PHP writes an empty object as []
        return None
    if not isinstance(value, dict):
        raise BadValue('must be an object, such as {"method": "checkbox"}.')
    told: SetConsent = CONSENT.convert(value)
    return told


def _property(field: Field) -> dict[str, Any]:
    return {**field.schema, "type": ["string"]} if field.is_required else dict(field.schema)


_SAVED = (
    msgspec.structs.replace(takes.PHONE, is_required=True),
    takes.NAME,
    takes.EMAIL,
    takes.TAGS,
    takes.METADATA,
    takes.time(
        "opted_in_at",
        "When they agreed to marketing on WhatsApp, not in the future. Alone it is a grant that "
        "nothing proves; `consent` says how they did it.",
    ),
    Field(
        "consent",
        parse_consent,
        nullable(
            "object",
            "What they agreed to, as in set-consent: WhatsApp, marketing and granted where it "
            "does not say otherwise. It undoes no opt-out.",
            _EXAMPLE,
            properties={field.name: _property(field) for field in CONSENT.fields},
        ),
    ),
)

CREATE_CONTACT = Shape(
    partial(Upsert, on_conflict="update"),
    _SAVED,
    description="A phone is one contact of a workspace. Where it is known already, the contact is "
    "added to: fields that are left out stay as they are, and so does consent, unless "
    "`opted_in_at` or `consent` is given. These add a row to the ledger, once for the same act at "
    "the same time, and an opt-out stays in force. The answer is 201 either way.",
    example={
        "phone": "+14155550123",
        "name": "Romain",
        "tags": "vip, fr-FR",
        "metadata": {"shopify_id": "12345", "lifetime_value": 8742.0},
        "consent": _EXAMPLE,
    },
)

FIND_OR_CREATE_CONTACT = Shape(
    Upsert,
    (
        *_SAVED,
        Field(
            "on_conflict",
            one_of(CONFLICTS),
            nullable(
                "string",
                "What to do when the phone is known: `return` the contact as it is, `update` it "
                "as create-contact does, or answer 409 (`error`). `return` when not given.",
                "return",
                enum=[*CONFLICTS, None],
            ),
        ),
    ),
    description="One contact in one call, however many callers race for it: 201 when it was made, "
    "200 when it was there. A conflict names the field and the id of the contact that holds it. "
    "`opted_in_at` and `consent` are as in create-contact; to a contact that is returned as it is, "
    "nothing is written.",
    example={"phone": "+14155550123", "name": "Romain", "on_conflict": "return"},
)
