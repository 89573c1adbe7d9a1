"""What WhatsApp tells: the facts that its reader makes, and its names for people."""

import re
from datetime import datetime
from typing import Any, Literal

import msgspec

from kith.domain.messages import StatusTold

_DIGITS = re.compile(r"\+?([1-9][0-9]{6,14})")
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_ENTERPRISE = ".ENT."


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """A person as WhatsApp names them; any of it may be missing, but not all three ids.

    `parent_bsuid` is their id in a group of businesses.
    """

    wa_id: str | None = None
    bsuid: str | None = None
    parent_bsuid: str | None = None
    username: str | None = None
    name: str | None = None

    @property
    def is_anybody(self) -> bool:
        return self.address is not None

    @property
    def address(self) -> str | None:
        """By what they are told from others, as messages have it: the number, else an id."""
        if self.wa_id is not None:
            return f"+{self.wa_id}"
        return self.bsuid or self.parent_bsuid


class Number(msgspec.Struct, frozen=True):
    """One of the business's own numbers; `phone` as WhatsApp displays it, in E.164."""

    id: str
    phone: str | None = None


class MessageTold(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is how Kith calls it: given as it is read, so that the messages of a body stand in its
    order, whichever is written first."""

    id: str | None = None
    number: Number
    who: Who
    wamid: str
    at: datetime
    type: str
    content: dict[str, Any]
    about_wamid: str | None = None


class MessageReceived(MessageTold, frozen=True, kw_only=True):
    """Somebody wrote, reacted, edited or deleted. `said` are the texts that may be a consent word:
    the message, or a button's payload and title; `is_button` tells which. `shared`: their own
    number, as a WhatsApp id, that they gave when they were asked for it."""

    said: tuple[str, ...] = ()
    is_button: bool = False
    shared: str | None = None


class MessageEchoed(MessageTold, frozen=True, kw_only=True):
    """The business wrote from its phone app."""


class StatusReported(msgspec.Struct, frozen=True, kw_only=True):
    """How far a message of ours came. `callback` is what we gave it: the id of its row."""

    number: Number
    who: Who
    wamid: str
    told: StatusTold
    callback: str | None = None


class PreferenceTold(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody stopped marketing in WhatsApp itself, or allowed it again."""

    who: Who
    at: datetime
    is_stop: bool


class IdentityChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A person has other names from then on: a new number, a new business-scoped id, or both."""

    before: Who
    after: Who
    at: datetime


class AccountRestricted(msgspec.Struct, frozen=True, kw_only=True):
    """WhatsApp lets none of an account's numbers send, or lets them again. `until`: when it said
    that the restriction ends."""

    at: datetime
    is_restricted: bool
    number_ids: tuple[str, ...]
    until: datetime | None = None


class OffersRestricted(msgspec.Struct, frozen=True, kw_only=True):
    """WhatsApp lets an account's numbers answer people, but not write to them first. `until`: when
    it said that this ends."""

    at: datetime
    until: datetime | None
    number_ids: tuple[str, ...]


class TemplatesChanged(msgspec.Struct, frozen=True):
    """WhatsApp approved, refused, paused or changed a template of the account."""


Kind = Literal["wa_id", "bsuid", "parent_bsuid"]


def named(*values: object, name: str | None = None, username: str | None = None) -> Who:
    """Whoever these ids name, each told by its shape: any of them may stand in any place."""
    found: dict[str, str] = {}
    for value in values:
        if isinstance(value, str) and (kind := _kind(value)):
            found.setdefault(kind, value.removeprefix("+"))
    return Who(**found, name=name, username=username)


def is_of_group(bsuid: str) -> bool:
    """Whether it is somebody's id in a group of businesses."""
    return _ENTERPRISE in bsuid


def bsuids_in(text: object) -> list[str]:
    """Business-scoped ids that a sentence mentions."""
    return re.findall(rf"\b{_BSUID.pattern}\b", text) if isinstance(text, str) else []


def _kind(value: str) -> Kind | None:
    if _DIGITS.fullmatch(value):
        return "wa_id"
    if _BSUID.fullmatch(value):
        return "parent_bsuid" if _ENTERPRISE in value else "bsuid"
    return None
