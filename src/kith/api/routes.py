"""Every operation on one screen: the dispatcher, the OpenAPI document and /docs come from it."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from kith.actions import contacts, workspaces
from kith.actions.run import Action
from kith.api import shapes
from kith.api.fields import Shape
from kith.domain.tokens import Scope
from kith.errors import NotFound

PREFIXES = ("/api/v1", "/v1")
"""The documents' titles use the short one (reference C2)."""


class Route(msgspec.Struct, frozen=True):
    """`scope` is what a token needs; "read" also means that the action writes nothing."""

    method: Literal["GET", "POST"]
    path: str
    takes: Shape
    action: Action[Any, Any]
    gives: Callable[[Any], msgspec.Struct | msgspec.Raw]
    answer: type[msgspec.Struct]
    scope: Scope
    summary: str
    status: int = 200
    needs_workspace: bool = True
    missing: type[NotFound] | None = None

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


ROUTES = (
    Route("GET", "/me", shapes.NOTHING, workspaces.me, shapes.me, shapes.MeAnswer, "read",
          "Who this token belongs to", needs_workspace=False),
    Route("POST", "/actions/get-contact", shapes.GET_CONTACT, contacts.get, shapes.contact,
          shapes.ContactAnswer, "read", "One contact by id, phone or e-mail",
          missing=contacts.ContactNotFound),
    Route("POST", "/actions/create-contact", shapes.CREATE_CONTACT, contacts.save,
          shapes.saved_contact, shapes.SavedContactAnswer, "write",
          "Create the contact of a phone, or add to it", status=201),
)  # fmt: skip
