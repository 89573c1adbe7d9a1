"""Zapier's door: the same operations under `/api/zapier`, and hooks, which only such tools need.

Whoever comes this way says so by the address alone: what is made has the source `zapier`, and all
else is as under `/api/v1`. That is why the OpenAPI document does not list it a second time.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kith.actions import events as event_actions
from kith.actions import hooks as actions
from kith.actions.hooks import OneHook, Subscribe, Subscribed
from kith.actions.run import Action
from kith.api import takes
from kith.api.fields import Field, Shape
from kith.api.parts import nullable, one_of
from kith.api.routes import PREFIXES, ROUTES, Route
from kith.api.values import Id, Time
from kith.domain import events, ids, phone, targets
from kith.domain.consent import Record
from kith.domain.contacts import Contact
from kith.domain.events import EVENTS, Event, Happened
from kith.domain.hooks import Hook
from kith.domain.times import wire, wire_or_none
from kith.errors import Refused

PREFIX = "/api/zapier"
ZAPIER_PREFIXES = (PREFIX, f"{PREFIX}/v1")


def _sample(event: Event, number: int) -> dict[str, Any]:
    """As `domain.events.document` tells it; its ids are nobody's."""
    contact_id = "00000000-0000-7000-8000-000000000000"
    contact = Contact(
        id=contact_id,
        phone=phone.parse("+14155550123"),
        name="Romain (a sample)",
        email="romain@example.com",
        source="api",
        locale="fr",
        metadata=msgspec.Raw(b'{"shopify_id":"12345"}'),
        tags=msgspec.Raw(b'["vip","fr-FR"]'),
        opted_in_at=_SAMPLED_AT,
        opted_out_at=None,
        last_message_at=None,
        total_messages=0,
        created_at=_SAMPLED_AT,
        updated_at=_SAMPLED_AT,
        row_id=0,
    )
    if event == "contact.created":
        return events.document(events.created(contact))
    record = Record(
        id=f"00000000-0000-7000-8000-00000000000{number}",
        contact_id=contact_id,
        origin_contact_id=contact_id,
        channel="whatsapp",
        purpose="marketing",
        state="granted" if event == "contact.opted_in" else "withdrawn",
        occurred_at=_SAMPLED_AT,
        recorded_at=_SAMPLED_AT,
        source="widget",
        method="confirmation",
    )
    return events.document(Happened(event=event, contact=contact, record=record))


_SAMPLED_AT = datetime(2026, 4, 15, 10, 32, tzinfo=UTC)
SAMPLES = {event: _sample(event, number) for number, event in enumerate(EVENTS)}
"""What a workspace without any gets, so that a Zap can be set up."""


class HookAnswer(msgspec.Struct, frozen=True):
    """A hook; of its address only the host, since whoever knows the rest can write to it."""

    id: Id
    event: Annotated[Event, Meta(examples=["contact.created"])]
    target_host: Annotated[str, Meta(examples=["hooks.zapier.com"])]
    created_at: Time
    last_success_at: Time | None
    failing_since: Time | None
    disabled_at: Time | None
    disabled_why: str | None


class SubscribedAnswer(HookAnswer, frozen=True):
    """`secret` is told here only; the list of hooks does not have it."""

    secret: Annotated[
        str | None,
        Meta(
            description="What posts are signed with; null where the server has no key.",
            examples=["kith_hook_x3wSZQ9d0Vn1Yk6cR2uJ7tLbE8mPqA5fHgNsWoKzTiU"],
        ),
    ]


class UnsubscribedAnswer(msgspec.Struct, frozen=True):
    id: Id
    status: Annotated[str, Meta(examples=["unsubscribed"])]


HOOK_ID = Field("hook_id", ids.parse, nullable("string", "The hook's id.", takes.EXAMPLE_ID))
TARGET_URL = Field(
    "target_url",
    targets.parse,
    nullable(
        "string",
        "Where events are posted to: https, port 443 or 8443, on the public internet.",
        "https://hooks.zapier.com/hooks/standard/1234567/abcdef/",
        maxLength=targets.CHARACTERS_MAX,
    ),
    is_required=True,
)
EVENT = Field(
    "event",
    one_of(EVENTS),
    nullable("string", "Which events.", "contact.created", enum=[*EVENTS, None]),
    is_required=True,
)
SUBSCRIBE = Shape(
    Subscribe,
    (TARGET_URL, EVENT),
    example={"target_url": TARGET_URL.schema["examples"][0], "event": "contact.created"},
)
ONE_HOOK = Shape(OneHook, (msgspec.structs.replace(HOOK_ID, is_required=True),))


def hook(one: Hook) -> HookAnswer:
    return HookAnswer(
        id=one.id,
        event=one.event,
        target_host=targets.read(one.target_url).host,
        created_at=wire(one.created_at),
        last_success_at=wire_or_none(one.last_success_at),
        failing_since=wire_or_none(one.failing_since),
        disabled_at=wire_or_none(one.disabled_at),
        disabled_why=one.disabled_why,
    )


def subscribed(made: Subscribed) -> SubscribedAnswer:
    return SubscribedAnswer(**msgspec.structs.asdict(hook(made.hook)), secret=made.secret)


def hooks(found: list[Hook]) -> list[HookAnswer]:
    return [hook(one) for one in found]


def unsubscribed(hook_id: str) -> UnsubscribedAnswer:
    return UnsubscribedAnswer(hook_id, "unsubscribed")


def _trigger(path: str, event: Event, summary: str) -> Route:
    """What a hook of this event was told, or would have been, newest first."""

    def gives(found: list[Happened]) -> list[dict[str, Any]]:
        return [events.document(one) for one in found] or [SAMPLES[event]]

    return Route("GET", f"/triggers/{path}", takes.NOTHING, _newest(event), gives, HookAnswer,
                 "scan", "read", summary, is_list=True)  # fmt: skip


def _newest(event: Event) -> Action[Any, list[Happened]]:
    return lambda ctx, _: event_actions.newest(ctx, event)


HOOK_ROUTES = (
    Route("GET", "/hooks", takes.NOTHING, actions.list_all, hooks, HookAnswer, "scan", "read",
          "The workspace's hooks", is_list=True),
    Route("POST", "/hooks", SUBSCRIBE, actions.subscribe, subscribed, SubscribedAnswer, "write",
          "write", "Be told of events from now on", status=201, target_field="target_url",
          gives_secret=True,
          refuses=(Refused("This workspace has 100 hooks, which is the most; remove one first."),)),
    Route("DELETE", "/hooks/{id}", ONE_HOOK, actions.unsubscribe, unsubscribed, UnsubscribedAnswer,
          "write", "write", "Be told no more", path_field="hook_id"),
    _trigger("new-contact", "contact.created", "Contacts that were made"),
    _trigger("new-opt-in", "contact.opted_in", "Who agreed"),
    _trigger("opt-out", "contact.opted_out", "Who withdrew"),
)  # fmt: skip


SUBSCRIBES = next(route for route in HOOK_ROUTES if route.method == "POST")
"""What a token must be good for that proves a post to a connection, too."""


def _table() -> dict[str, dict[str, Route]]:
    """Every address and its operations by verb."""
    table: dict[str, dict[str, Route]] = {}
    marked = [msgspec.structs.replace(one, source="zapier") for one in (*ROUTES, *HOOK_ROUTES)]
    for prefixes, routes in ((PREFIXES, ROUTES), (ZAPIER_PREFIXES, marked)):
        for prefix in prefixes:
            for route in routes:
                table.setdefault(prefix + route.path, {})[route.method] = route
    return table


_TABLE = _table()
_ID = "/{id}"
TABLE: Mapping[str, Mapping[str, Route]] = {
    path: by_method for path, by_method in _TABLE.items() if not path.endswith(_ID)
}
OF_ONE_THING: Mapping[str, Mapping[str, Route]] = {
    path.removesuffix(_ID): by_method for path, by_method in _TABLE.items() if path.endswith(_ID)
}
"""Addresses that end with the id of what is meant, without it."""
