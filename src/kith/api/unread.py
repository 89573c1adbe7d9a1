"""What other systems sent and nobody could read yet, as export-contact shows it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kith.api.values import Time
from kith.domain.inbox import Message
from kith.domain.times import wire


class UnreadAnswer(msgspec.Struct, frozen=True):
    """A message that waits or is in quarantine and names the person. It may name others, too."""

    system: Annotated[str, Meta(examples=["zapier"])]
    received_at: Time
    state: Annotated[Literal["waiting", "quarantined"], Meta(examples=["quarantined"])]
    body: Annotated[
        str, Meta(description="As it came.", examples=['{"phone": "abc", "name": "Romain"}'])
    ]


def answer(one: Message) -> UnreadAnswer:
    state: Literal["waiting", "quarantined"]
    state = "waiting" if one.state == "waiting" else "quarantined"
    body = (one.body or b"").decode(errors="replace")
    return UnreadAnswer(one.system, wire(one.received_at), state, body)
