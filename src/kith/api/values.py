"""Values that many answers hold, as the OpenAPI document describes them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kith.api.takes import EXAMPLE_ID

Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"}, examples=[EXAMPLE_ID])]
PhoneOut = Annotated[
    str | None,
    Meta(
        description="Strict E.164; null for people known by other ids.", examples=["+14155550123"]
    ),
]
Name = Annotated[str | None, Meta(description="Display name.", examples=["Romain"])]
Email = Annotated[str | None, Meta(examples=["romain@example.com"])]
Time = Annotated[
    str,
    Meta(
        description="UTC, whole seconds, numeric offset.",
        extra_json_schema={"format": "date-time"},
        examples=["2026-04-15T10:32:00+00:00"],
    ),
]
Tags = Annotated[
    msgspec.Raw,
    Meta(
        description="Newest addition first.",
        extra_json_schema={"type": "array", "items": {"type": "string"}},
        examples=[["vip", "fr-FR"]],
    ),
]
WaitingEvents = Annotated[
    list[
        Annotated[
            msgspec.Raw,
            Meta(extra_json_schema={"type": "object"}, examples=[{"event": "contact.created"}]),
        ]
    ],
    Meta(description="What hooks have yet to be told, as they will be told it."),
]
Complete = Annotated[
    bool, Meta(description="False when there are more, over 10,000.", examples=[True])
]
