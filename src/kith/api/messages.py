"""list-messages and new-message-received: what they take, and how messages are shown."""

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, UnsetType

from kith.actions import messages as actions
from kith.actions.messages import ListMessages, ListReceived, Page
from kith.api import takes
from kith.api.fields import Field, Shape
from kith.api.parts import nullable
from kith.api.values import Email, Id, Name, PhoneOut, Time
from kith.domain import ids, json, text
from kith.domain.messages import PAGE_MAX, Direction, Message, Status
from kith.domain.times import wire, wire_or_none

TYPE_CHARACTERS_MAX = 64
MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
STATUSES: tuple[str, ...] = get_args(Status)


def parse_type(value: object) -> str:
    """Any type: of one that nobody sends there are no messages. Raises BadValue."""
    return text.line(value, characters_max=TYPE_CHARACTERS_MAX).lower()


LIST_MESSAGES = Shape(
    ListMessages,
    (
        takes.CONTACT_ID,
        takes.PHONE,
        Field("cursor", ids.parse, takes.CURSOR_SCHEMA),
        takes.limit(PAGE_MAX),
    ),
    takes.ID_OR_PHONE,
    description="What a contact and the business wrote to each other, newest first by WhatsApp's "
    "clock. An edited message shows its new content, a deleted one none; reactions are messages "
    "of their own.",
    example={"phone": "+14155550123"},
)

NEW_MESSAGE_RECEIVED = Shape(
    ListReceived,
    (
        Field(
            "message_type",
            parse_type,
            nullable(
                "string",
                "Only messages of this type: `text`, `image`, `audio`, `document`, `video`, "
                "`sticker`, `location`, `contacts`, `interactive`, `button`, `reaction` and "
                "whatever else WhatsApp has.",
                "text",
                maxLength=TYPE_CHARACTERS_MAX,
            ),
        ),
    ),
    description="The newest 100 messages of contacts, the one that came last first: for tools "
    "that look for new ones every so often and know a message by its `id`.",
    example={"message_type": "text"},
)

_Type = Annotated[str, Meta(description="As WhatsApp calls it.", examples=["text"])]
_Content = Annotated[
    dict[str, Any],
    Meta(
        description="By type: `body` of a text, `url` and `mime_type` of media, and so on.",
        examples=[{"body": "Hi, do you ship to Canada?"}],
    ),
]


class MessageError(msgspec.Struct, frozen=True):
    """Why a message failed, as WhatsApp says it."""

    code: Annotated[int, Meta(examples=[131047])]
    title: Annotated[str | None, Meta(examples=["Re-engagement message"])]
    details: Annotated[
        str | None, Meta(examples=["More than 24 hours have passed since they last wrote."])
    ]


class MessageTemplate(msgspec.Struct, frozen=True):
    """Of which template a message was made."""

    name: Annotated[str, Meta(examples=["order_confirmation"])]
    language: Annotated[str | None, Meta(examples=["en"])]


class MessageAnswer(msgspec.Struct, frozen=True):
    """A message."""

    id: Id
    direction: Annotated[Direction, Meta(examples=["inbound"])]
    type: _Type
    content: _Content
    status: Annotated[
        Status,
        Meta(
            description="`received` of theirs; of ours how far it came, `unknown` while nobody can "
            "tell whether WhatsApp took it.",
            examples=["received"],
        ),
    ]
    contact_id: Id
    number_id: Annotated[
        str, Meta(description="Of the business number.", examples=["106540352242922"])
    ]
    whatsapp_message_id: Annotated[str | None, Meta(examples=["wamid.HBgLMTQxNTU1NTAxMjM="])]
    in_reply_to: Annotated[
        str | None,
        Meta(description="The `whatsapp_message_id` that it is about.", examples=[None]),
    ]
    template: MessageTemplate | None
    error: MessageError | None
    said_at: Annotated[Time, Meta(description="By WhatsApp's clock.")]
    sent_at: Annotated[Time | None, Meta(examples=[None])]
    delivered_at: Annotated[Time | None, Meta(examples=[None])]
    read_at: Annotated[Time | None, Meta(examples=[None])]
    edited_at: Annotated[Time | None, Meta(examples=[None])]
    deleted_at: Annotated[Time | None, Meta(examples=[None])]
    created_at: Annotated[Time, Meta(description="When Kith had it.")]


ExpandedMessages = Annotated[
    list[MessageAnswer] | UnsetType,
    Meta(description=f"Only with `expand`: the newest {actions.EXPANDED_MAX}, newest first."),
]


class MessagesAnswer(msgspec.Struct, frozen=True):
    """A page of a contact's messages."""

    id: Id
    messages: list[MessageAnswer]
    next_cursor: Annotated[
        str | None,
        Meta(description="The `cursor` of the next page; null on the last one.", examples=[None]),
    ]


class ReceivedAnswer(msgspec.Struct, frozen=True):
    """A message that came in, and from whom."""

    id: Id
    direction: Annotated[Literal["inbound"], Meta(examples=["inbound"])]
    type: _Type
    content: _Content
    status: Annotated[Literal["received"], Meta(examples=["received"])]
    contact_id: Id
    contact_phone: PhoneOut
    contact_name: Name
    contact_email: Email
    sent_at: Annotated[None, Meta(examples=[None])]
    delivered_at: Annotated[None, Meta(examples=[None])]
    read_at: Annotated[None, Meta(examples=[None])]
    created_at: Time


def listed(page: Page) -> MessagesAnswer:
    return MessagesAnswer(page.contact.id, [*map(message, page.messages)], page.next_cursor)


def received(found: list[actions.Received]) -> list[ReceivedAnswer]:
    return [
        ReceivedAnswer(
            one.message.id,
            "inbound",
            one.message.type,
            content(one.message),
            "received",
            one.message.contact_id,
            one.phone,
            one.name,
            one.email,
            None,
            None,
            None,
            wire(one.message.created_at),
        )
        for one in found
    ]


def message(one: Message) -> MessageAnswer:
    delivery = one.delivery
    error = delivery.error if one.status == "failed" else None
    return MessageAnswer(
        id=one.id,
        direction=one.direction,
        type=one.type,
        content=content(one),
        status=one.status,
        contact_id=one.contact_id,
        number_id=one.number_id,
        whatsapp_message_id=one.wamid,
        in_reply_to=one.about_wamid,
        template=MessageTemplate(one.template_name, one.template_language)
        if one.template_name is not None
        else None,
        error=MessageError(error.code, error.title, error.details) if error is not None else None,
        said_at=wire(one.at),
        sent_at=wire_or_none(delivery.sent_at),
        # Whoever has read a message has it, whether or not that was told.
        delivered_at=wire_or_none(delivery.delivered_at or delivery.read_at),
        read_at=wire_or_none(delivery.read_at),
        edited_at=wire_or_none(one.edited_at),
        deleted_at=wire_or_none(one.deleted_at),
        created_at=wire(one.created_at),
    )


def content(one: Message) -> dict[str, Any]:
    """As the documents show it; what else is known of it stands behind."""
    kept = json.decode_object(bytes(one.content))
    if one.type in MEDIA and kept:
        return {"url": None, "mime_type": None, **kept}
    return kept
