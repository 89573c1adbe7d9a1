"""send-text-message and send-template-message: what they take, and how they answer."""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kith.actions import sends
from kith.actions.sending_numbers import NoAccount
from kith.actions.sends import MissingVariables, SendTemplate, SendText
from kith.api import takes
from kith.api.fields import Field, InPlaceOf, Shape
from kith.api.parts import nullable
from kith.api.templates import TEMPLATE_ID
from kith.api.values import Id
from kith.domain import fillings, sending, text
from kith.domain.messages import Message
from kith.errors import AppError, BadValue

LANGUAGE_CHARACTERS_MAX = 64
NUMBER_ID_CHARACTERS_MAX = 64


def parse_message(value: object) -> str:
    """What WhatsApp lets a message hold; raises BadValue."""
    if not isinstance(value, str):
        raise BadValue("must be a string.")
    if len(value) > sending.TEXT_CHARACTERS_MAX:
        raise BadValue(f"may not be greater than {sending.TEXT_CHARACTERS_MAX} characters.")
    return text.prose(value)


def parse_variables(value: object) -> dict[str, str]:
    """Values by name; of an array by 1, 2 and so on. Raises BadValue."""
    if isinstance(value, list):
        value = {str(number): one for number, one in enumerate(value, 1)}
    if not isinstance(value, dict):
        raise BadValue('must be an object of texts, such as {"1": "Romain"}.')
    if len(value) > fillings.VARIABLES_MAX:
        raise BadValue(f"may not hold more than {fillings.VARIABLES_MAX} values.")
    return {name: _as_text(one) for name, one in value.items() if one is not None}


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return text.prose(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadValue("may hold texts and numbers only.")


def _line(characters_max: int) -> Callable[[object], str]:
    return lambda value: text.line(value, characters_max=characters_max)


_WHOM = (takes.PHONE, takes.CONTACT_ID, takes.BSUID)
_ONE = InPlaceOf(("phone", "contact_id", "bsuid"))
_NUMBER_ID = Field(
    "number_id",
    _line(NUMBER_ID_CHARACTERS_MAX),
    nullable(
        "string",
        "Which business number sends, as get-reachability names it; when not given, the one that"
        " may, and among several the one that the contact wrote to last.",
        "106540352242922",
    ),
)
SEND_TEXT = Shape(
    SendText,
    (
        *_WHOM,
        Field(
            "message",
            parse_message,
            nullable(
                "string",
                "At most 4,096 characters. WhatsApp shows `*bold*`, `_italic_` and `~strike~`.",
                "Your order ships today.",
                maxLength=sending.TEXT_CHARACTERS_MAX,
            ),
            is_required=True,
        ),
        _NUMBER_ID,
    ),
    _ONE,
    description="Only while WhatsApp's 24-hour window is open: for 24 hours after the contact's"
    " last message to that number. Else it is refused with Meta's 131047, and a template must be"
    " sent. `status` is `sent` once WhatsApp has taken it; `queued` when WhatsApp wants it later,"
    " which Kith sees to; `unknown` when WhatsApp's answer was lost: never send it again by"
    " yourself, a status will tell.",
    example={"phone": "+14155550123", "message": "Your order ships today."},
)
SEND_TEMPLATE = Shape(
    SendTemplate,
    (
        *_WHOM,
        TEMPLATE_ID,
        Field(
            "language",
            _line(LANGUAGE_CHARACTERS_MAX),
            nullable(
                "string",
                "Such as `en` or `pt_BR`. Without it, or where it is not approved, any approved"
                " translation is sent.",
                "en",
            ),
        ),
        Field(
            "variables",
            parse_variables,
            {
                "type": ["object", "array", "null"],
                "description": "What fills the placeholders, by their names; an array fills `1`,"
                " `2` and so on. Beside those of the body: `header_url` (the https address of an"
                " image, a video or a document), `header_filename`, `header_latitude`,"
                " `header_longitude`, `header_name`, `header_address`, `coupon_code`,"
                " `offer_expires_at` (when an offer ends), `catalog_id` and `product_retailer_id`,"
                " `section_0_product_retailer_ids` (with commas between) and `section_0_title`,"
                " `thumbnail_product_retailer_id`, `button_0_payload`, `button_0_ttl_minutes`,"
                " `button_0_flow_token`, `button_0_flow_action_data` (JSON as text),"
                " `tap_target_url` and `tap_target_title`; what belongs to a card of a carousel"
                " begins with its place, from 0: `card_0_header_url`, `card_0_1`,"
                " `card_1_button_0_payload`."
                " The dropdown `template-variables` lists what is needed.",
                "examples": [{"1": "Romain", "2": "ORD-1042", "3": "https://acme.com/t/1"}],
            },
        ),
        _NUMBER_ID,
    ),
    _ONE,
    description="At any time, to anybody; the contact is made when there is none. A template of the"
    " category `MARKETING` needs the contact's consent.",
    example={
        "phone": "+14155550123",
        "template_id": takes.EXAMPLE_ID,
        "language": "en",
        "variables": {"1": "Romain", "2": "ORD-1042", "3": "https://acme.com/t/1"},
    },
)


class Denied(msgspec.Struct, frozen=True):
    """A refusal of its own, with the shape of its body where that is not the plain one."""

    name: str
    shape: type[msgspec.Struct] | None
    error: AppError


class SentAnswer(msgspec.Struct, frozen=True):
    """The message."""

    id: Id
    status: Annotated[Literal["sent", "queued", "unknown"], Meta(examples=["sent"])]
    whatsapp_message_id: Annotated[
        str | None,
        Meta(
            description="Null until WhatsApp has told it.",
            examples=["wamid.HBgLMTQxNTU1NTAxMjMVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA"],
        ),
    ]
    contact_id: Id


class NotSent(msgspec.Struct):
    """Why a message was refused; with Meta's code where it has one."""

    error: str
    error_code: Annotated[int | UnsetType, Meta(description="Meta's.")] = UNSET
    error_message: Annotated[str | UnsetType, Meta(description="Meta's title of it.")] = UNSET


class VariablesMissing(msgspec.Struct):
    """What the template needs, and what of it was not given."""

    error: str
    expected_placeholders: list[str]
    missing: list[str]


_CLOSED = sends.refused(sending.denied("window_closed", "free_form"))
_OPTED_OUT = sends.refused(sending.denied("opted_out", "marketing"))
_MISSING = MissingVariables(details={"expected_placeholders": ["1", "2"], "missing": ["2"]})
TEXT_DENIALS = (Denied("window-closed", NotSent, _CLOSED), Denied("no-account", None, NoAccount()))
TEMPLATE_DENIALS = (
    Denied("variables-missing", VariablesMissing, _MISSING),
    Denied("opted-out", NotSent, _OPTED_OUT),
    Denied("no-account", None, NoAccount()),
)


def sent(message: Message) -> SentAnswer:
    """Whatever became of it later: it was sent once WhatsApp had taken it."""
    status: Literal["sent", "queued", "unknown"] = "sent"
    if message.wamid is None and message.status in ("queued", "unknown", "sending"):
        status = "queued" if message.status == "queued" else "unknown"
    return SentAnswer(message.id, status, message.wamid, message.contact_id)
