"""get-reachability: what it takes, and how a verdict is answered."""

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from kith.actions.reachability import Reached
from kith.api import takes
from kith.api.fields import Shape
from kith.api.values import Id, Time
from kith.domain.contacts import GetContact
from kith.domain.reachability import MEANINGS, Conversation, Reachability, Reason, Verdict
from kith.domain.times import wire, wire_or_none

_SECOND = timedelta(seconds=1)

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
