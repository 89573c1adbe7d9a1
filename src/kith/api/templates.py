"""list-templates, get-template and the two dropdowns: what they take, and how they answer."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kith.api.fields import Field, Shape
from kith.api.parts import nullable
from kith.api.takes import EXAMPLE_ID
from kith.api.values import Id, Time
from kith.domain import ids
from kith.domain.templates import (
    STATUSES,
    Button,
    Category,
    HeaderType,
    Status,
    Template,
    placeholders,
)
from kith.domain.times import wire
from kith.errors import BadValue


def parse_status(value: object) -> Status:
    """In any case; raises BadValue."""
    name = value.strip().upper() if isinstance(value, str) else ""
    for status in STATUSES:
        if name == status:
            return status
    raise BadValue(f"must be {', '.join(STATUSES[:-1])} or {STATUSES[-1]}.")


TEMPLATE_ID = Field(
    "template_id",
    ids.parse,
    nullable("string", "The template's UUID, as list-templates shows it.", EXAMPLE_ID),
    is_required=True,
)
LIST_TEMPLATES = Shape(
    lambda status=None: status,
    (
        Field(
            "status",
            parse_status,
            nullable(
                "string",
                "Only templates in this state: that of the translation which is furthest.",
                "APPROVED",
            ),
        ),
    ),
    description="By name. They are those that Meta listed when it was last asked, which happens"
    " every few hours and by `kith templates sync`.",
    example={"status": "APPROVED"},
)
GET_TEMPLATE = Shape(
    lambda template_id: template_id,
    (TEMPLATE_ID,),
    description="Body, header, footer and buttons are those of the first approved translation, else"
    " of the first.",
    example={"template_id": EXAMPLE_ID},
)
ASKED_VARIABLES = Shape(
    lambda template_id=None: template_id,
    (msgspec.structs.replace(TEMPLATE_ID, is_required=False),),
    description="What `variables` of send-template-message must hold for this template.",
    example={"template_id": EXAMPLE_ID},
)

_Name = Annotated[str, Meta(examples=["order_confirmation"])]
_Category = Annotated[Category, Meta(examples=["UTILITY"])]
_Status = Annotated[Status, Meta(examples=["APPROVED"])]
_Languages = Annotated[
    list[str],
    Meta(description="Of every translation, approved or not.", examples=[["en", "fr", "es"]]),
]


class TemplateListed(msgspec.Struct, frozen=True):
    """A template."""

    id: Id
    name: _Name
    category: _Category
    status: _Status
    languages: _Languages
    created_at: Time


class ButtonAnswer(msgspec.Struct, frozen=True):
    """A button of a template."""

    type: Annotated[str, Meta(description="As Meta spells it.", examples=["URL"])]
    text: Annotated[str, Meta(examples=["Track order"])]
    url: Annotated[str | UnsetType, Meta(examples=["https://acme.com/track/{{1}}"])] = UNSET
    phone_number: Annotated[str | UnsetType, Meta(examples=["+14155550100"])] = UNSET


class TemplateAnswer(msgspec.Struct, frozen=True):
    """A template with what it says."""

    id: Id
    name: _Name
    category: _Category
    status: _Status
    languages: _Languages
    body: Annotated[
        str, Meta(examples=["Hi {{1}}, your order {{2}} ships tomorrow. Track it: {{3}}"])
    ]
    header_type: Annotated[HeaderType | None, Meta(examples=["TEXT"])]
    header_content: Annotated[
        str | None,
        Meta(
            description="The text of a text header; of an image, a video or a document the address"
            " of the sample that Meta approved, where it lists one: each message gives its own."
            " Null for a place or a product.",
            examples=["Order update"],
        ),
    ]
    footer: Annotated[str | None, Meta(examples=["Reply STOP to unsubscribe."])]
    buttons: list[ButtonAnswer]
    placeholders: Annotated[
        list[str],
        Meta(
            description="Of the body, each once, in the order of the text.",
            examples=[["1", "2", "3"]],
        ),
    ]
    created_at: Time


class OptionAnswer(msgspec.Struct, frozen=True):
    """A choice: `label` is for people, `id` is what is sent."""

    id: Annotated[str, Meta(examples=["1"])]
    label: Annotated[str, Meta(examples=["{{1}}"])]


def listed(found: list[Template]) -> list[TemplateListed]:
    return [
        TemplateListed(
            one.id, one.name, one.category, one.status, one.languages, wire(one.created_at)
        )
        for one in found
    ]


def shown(one: Template) -> TemplateAnswer:
    parts = one.shown.parts
    return TemplateAnswer(
        one.id,
        one.name,
        one.category,
        one.status,
        one.languages,
        parts.body,
        parts.header_type,
        parts.header_text if parts.header_text is not None else parts.header_sample,
        parts.footer,
        [_button(button) for button in parts.buttons],
        placeholders(parts.body),
        wire(one.created_at),
    )


def choices(found: list[Template]) -> list[OptionAnswer]:
    return [OptionAnswer(one.id, one.name) for one in found]


def variable_choices(names: list[str]) -> list[OptionAnswer]:
    return [OptionAnswer(name, "{{" + name + "}}") for name in names]


def _button(button: Button) -> ButtonAnswer:
    return ButtonAnswer(
        button.type,
        button.text,
        UNSET if button.url is None else button.url,
        UNSET if button.phone_number is None else button.phone_number,
    )
