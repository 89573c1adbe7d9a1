"""Consent at the door: what its operations take, and what they give."""

import re
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from kith.actions import consent as actions
from kith.actions.consent import ExportProof, GetConsent, Known, ListConsent, Page, Proof, Told
from kith.api import takes
from kith.api.answers import NO_STORE, Answer
from kith.api.fields import Field, Shape
from kith.api.parts import nullable, one_of
from kith.api.schemas import (
    AuditUser,
    ConsentAnswer,
    ConsentRecordAnswer,
    NextCursor,
    TenantAnswer,
)
from kith.api.values import Email, Id, Name, PhoneOut, Time
from kith.domain import ids, json, metadata, text
from kith.domain.consent import Channel, InForce, Method, Purpose, Record, State
from kith.domain.metadata import Metadata
from kith.domain.times import wire, wire_or_none
from kith.errors import BadValue

CHANNELS: tuple[str, ...] = get_args(Channel)
PURPOSES: tuple[str, ...] = get_args(Purpose)
STATES: tuple[str, ...] = get_args(State)
FORMATS: tuple[str, ...] = get_args(actions.Format)
CLAIMS = ("api", "import", "operator")
"""Sources that a caller may name. The others say that Kith saw for itself: a message of the person,
a confirmed form, a shop's or Meta's word; what they may do is not to be had by naming them."""
METHODS = tuple(method for method in get_args(Method) if method != "api_default")

WORDING_CHARACTERS_MAX = 10_000
NOTE_CHARACTERS_MAX = 2_000
VERSION_CHARACTERS_MAX = 100
EVIDENCE_BYTES_MAX = 16_384

_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")


def parse_prose(characters_max: int) -> Any:
    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise BadValue("must be a string.")
        given = text.prose(value.strip())
        if len(given) > characters_max:
            raise BadValue(f"may not be greater than {characters_max} characters.")
        return given

    return parse


def parse_version(value: object) -> str:
    return text.line(value, characters_max=VERSION_CHARACTERS_MAX)


def parse_locale(value: object) -> str:
    """A language tag; raises BadValue."""
    given = value.strip() if isinstance(value, str) else ""
    if len(given) > VERSION_CHARACTERS_MAX or not _LOCALE.fullmatch(given):
        raise BadValue("must be a language tag, such as fr or pt-BR.")
    return given


def parse_evidence(value: object) -> Metadata:
    """What shows that it happened, as a JSON object; raises BadValue."""
    if not isinstance(value, dict):
        raise BadValue('must be an object, such as {"ip": "203.0.113.7"}.')
    given = metadata.parse(value)
    if len(json.encode(given)) > EVIDENCE_BYTES_MAX:
        raise BadValue(f"may not be greater than {EVIDENCE_BYTES_MAX} bytes of JSON.")
    return given


def choice(name: str, options: tuple[str, ...], description: str, example: str) -> Field:
    schema = nullable("string", description, example, enum=[*options, None])
    return Field(name, one_of(options), schema)


def _needed(field: Field) -> Field:
    schema = {**field.schema, "enum": [one for one in field.schema["enum"] if one is not None]}
    return msgspec.structs.replace(field, schema=schema, is_required=True)


CHANNEL = choice("channel", CHANNELS, "By which they are written to.", "whatsapp")
PURPOSE = choice("purpose", PURPOSES, "What for.", "marketing")
STATE = choice(
    "state",
    STATES,
    "What they did: agreed, withdrew, or were asked and have yet to confirm.",
    "granted",
)
METHOD = _needed(choice("method", METHODS, "How they did it.", "checkbox"))
PROOF = (
    Field(
        "wording",
        parse_prose(WORDING_CHARACTERS_MAX),
        nullable(
            "string",
            "What they were shown, word for word.",
            "Yes, send me offers.",
            maxLength=WORDING_CHARACTERS_MAX,
        ),
    ),
    Field(
        "wording_version",
        parse_version,
        nullable(
            "string",
            "Which of your wordings it is.",
            "2026-03",
            maxLength=VERSION_CHARACTERS_MAX,
        ),
    ),
    Field("locale", parse_locale, nullable("string", "In which language.", "en")),
    Field(
        "evidence",
        parse_evidence,
        nullable(
            "object",
            "What shows that it happened: IP address, user agent, address of the form, id of "
            "a message, file and row of an import. At most 16,384 bytes.",
            {"ip": "203.0.113.7", "url": "https://example.com/signup"},
        ),
    ),
    Field(
        "note",
        parse_prose(NOTE_CHARACTERS_MAX),
        nullable(
            "string",
            "Why, in an operator's words; a must where it undoes an opt-out.",
            "She asked for it on the phone.",
            maxLength=NOTE_CHARACTERS_MAX,
        ),
    ),
    takes.time("occurred_at", "When they did it; now, when not given. Not in the future."),
)
"""What shows that somebody did it."""

SET_CONSENT = Shape(
    actions.SetConsent,
    (
        takes.CONTACT_ID,
        takes.PHONE,
        _needed(CHANNEL),
        _needed(PURPOSE),
        _needed(STATE),
        _needed(
            choice(
                "source",
                CLAIMS,
                "Where it is known from. A grant of an `operator` needs a token with the scope "
                "`admin`.",
                "api",
            )
        ),
        METHOD,
        *PROOF,
    ),
    takes.ID_OR_PHONE,
    description="Adds a row to the ledger, which is never changed. An opt-out is undone by the "
    "person, or by an operator with a `note`: another grant is kept as a fact, and the opt-out "
    "stays in force, as the answer says. Where a grant is in force, `pending` writes nothing and "
    "`record` is null: whoever asks again has not withdrawn.",
    example={
        "phone": "+14155550123",
        "channel": "whatsapp",
        "purpose": "marketing",
        "state": "granted",
        "source": "api",
        "method": "checkbox",
        "wording": "Yes, send me offers.",
        "wording_version": "2026-03",
        "evidence": {"ip": "203.0.113.7", "url": "https://example.com/signup"},
    },
)

GET_CONSENT = Shape(
    GetConsent,
    (
        takes.CONTACT_ID,
        takes.PHONE,
        takes.time("as_of", "What was in force then, by all that is known today."),
    ),
    takes.ID_OR_PHONE,
    description="For each channel and purpose what is in force, and the row that decides it.",
    example={"phone": "+14155550123"},
)

LIST_CONSENT = Shape(
    ListConsent,
    (
        takes.CONTACT_ID,
        takes.PHONE,
        Field("cursor", ids.parse, takes.CURSOR_SCHEMA),
        takes.limit(actions.PAGE_MAX),
    ),
    takes.ID_OR_PHONE,
    description="Every row of the contact's ledger, the one recorded last first.",
    example={"phone": "+14155550123"},
)

EXPORT_PROOF = Shape(
    ExportProof,
    (
        takes.CONTACT_ID,
        takes.PHONE,
        choice("format", FORMATS, "`html` is a page to print; `json` when not given.", "json"),
    ),
    takes.ID_OR_PHONE,
    description="One document that shows a person or an authority what was agreed to, when, how "
    "and by which words.",
    example={"phone": "+14155550123", "format": "json"},
)


class ConsentSetAnswer(msgspec.Struct, frozen=True):
    """What is in force now, and the row that was written."""

    id: Id
    opted_in_at: Time | None
    opted_out_at: Annotated[Time | None, Meta(examples=[None])]
    consent: ConsentAnswer
    record: Annotated[
        ConsentRecordAnswer | None,
        Meta(description="Null where they were asked for what they have granted already."),
    ]


class ConsentKnownAnswer(msgspec.Struct, frozen=True):
    """What is in force, for each channel and purpose."""

    id: Id
    as_of: Time
    consent: list[ConsentAnswer]


class ConsentListedAnswer(msgspec.Struct, frozen=True):
    """A page of a contact's ledger."""

    id: Id
    records: list[ConsentRecordAnswer]
    next_cursor: NextCursor


class ProofContact(msgspec.Struct, frozen=True):
    """Who it is about."""

    id: Id
    phone: PhoneOut
    name: Name
    email: Email


class ConsentProofAnswer(msgspec.Struct, frozen=True):
    """What a person agreed to, and what shows it."""

    exported_at: Time
    workspace: TenantAnswer
    contact: ProofContact
    consent: list[ConsentAnswer]
    records: list[ConsentRecordAnswer]


def told(result: Told) -> ConsentSetAnswer:
    one = result.contact
    return ConsentSetAnswer(
        one.id,
        wire_or_none(one.opted_in_at),
        wire_or_none(one.opted_out_at),
        in_force(result.in_force),
        record(result.record) if result.record is not None else None,
    )


def known(result: Known) -> ConsentKnownAnswer:
    return ConsentKnownAnswer(result.contact.id, wire(result.as_of), all_in_force(result.in_force))


def listed(page: Page) -> ConsentListedAnswer:
    return ConsentListedAnswer(page.contact.id, [*map(record, page.records)], page.next_cursor)


def proof(result: Proof) -> ConsentProofAnswer | Answer:
    one = result.contact
    document = ConsentProofAnswer(
        wire(result.at),
        TenantAnswer(result.workspace_id, result.workspace_name),
        ProofContact(one.id, one.phone, one.name, one.email),
        all_in_force(result.in_force),
        [*map(record, result.records)],
    )
    if result.format == "json":
        return document
    from kith.api import proof_page  # Jinja2 takes longer to import than all the rest

    headers = ((b"content-type", b"text/html; charset=utf-8"), NO_STORE, *proof_page.HEADERS)
    return Answer(200, proof_page.page(document).encode(), headers)


def all_in_force(found: list[InForce]) -> list[ConsentAnswer]:
    return [*map(in_force, found)]


def in_force(one: InForce) -> ConsentAnswer:
    row = one.row
    return ConsentAnswer(
        one.channel,
        one.purpose,
        one.state,
        wire_or_none(one.since),
        row.source if row is not None else None,
        row.method if row is not None else None,
        row.id if row is not None else None,
        one.is_stopped_at_meta,
    )


def record(row: Record) -> ConsentRecordAnswer:
    user = None
    if row.actor_user_id is not None:
        user = AuditUser(row.actor_user_id, row.actor_user_email)
    return ConsentRecordAnswer(
        row.id,
        row.contact_id,
        row.origin_contact_id,
        row.channel,
        row.purpose,
        row.state,
        wire(row.occurred_at),
        wire(row.recorded_at),
        row.source,
        row.method,
        user,
        row.actor_token_id,
        row.address,
        row.wording,
        row.wording_version,
        row.locale,
        row.evidence,
        row.note,
    )
