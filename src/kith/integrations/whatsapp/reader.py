"""Reads Meta's webhooks: bytes in, facts out, one update after the other.

A body may hold a thousand updates: they are read as they are asked for, and one that cannot be
read stands among the facts as what is wrong with it, so that its neighbours are not lost.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from kith.domain import json
from kith.domain.identities import parse_username
from kith.domain.inbox import Sanitized, Unreadable
from kith.domain.messages import Error, StatusTold, Told
from kith.domain.whatsapp_facts import (
    AccountRestricted,
    IdentityChanged,
    MessageEchoed,
    MessageReceived,
    Number,
    OffersRestricted,
    PreferenceTold,
    StatusReported,
    TemplatesChanged,
    Who,
    bsuids_in,
    named,
)
from kith.errors import AppError, BadValue
from kith.integrations.mending import mended
from kith.integrations.whatsapp import content
from kith.integrations.whatsapp.content import fields, items, line

WAMID_CHARACTERS_MAX = 256
SECONDS_MAX = 253_402_300_799
"""The year 9999 ends."""
ERROR_CHARACTERS_MAX = 500

# Escapes of control characters, all but those of line breaks and tabs.
_CONTROL = re.compile(rb"\\u00(?:0[0-8bBcCeEfF]|1[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])")

Object = Mapping[str, Any]
Facts = Iterator[Any]

_TOLD: dict[str, Told] = {told: told for told in get_args(Told)} | {"played": "read"}
_NUMBER_CHANGED = {"user_changed_number", "customer_changed_number"}
_ID_CHANGED = {"user_changed_user_id"}
_ACCOUNT: dict[str, bool] = {
    "ACCOUNT_RESTRICTION": True,
    "DISABLED_UPDATE": True,
    "ACCOUNT_DELETED": True,
    "ACCOUNT_RECONNECTED": False,
}
_BAN: dict[str, bool | None] = {"REINSTATE": False, "SCHEDULE_FOR_DISABLE": None}
"""What is only to come changes nothing yet."""
_NO_ANSWERS = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
_NO_OFFERS = "RESTRICTED_BIZ_INITIATED_MESSAGING"
"""The restrictions that keep messages back; all others are of calls, new numbers and templates."""


def read(_: Mapping[str, str], body: bytes, config: Object) -> Facts:
    """Every fact that a body tells of this connection's account. Raises Unreadable."""
    whole = mended(body)
    for entry in items(_decoded(whole).get("entry")):
        entry = fields(entry)
        for change in items(entry.get("changes")):
            change = fields(change)
            value = fields(change.get("value"))
            readers = _READERS.get(str(change.get("field")), {})
            if readers and _is_ours(entry, value, config):
                told = _Change(entry, value, config)
                for name, reader in readers.items():
                    yield from _each(name, reader, told)
    if whole != body or _CONTROL.search(whole):
        yield Sanitized()


def _is_ours(entry: Object, value: Object, config: Object) -> bool:
    """One address may serve a whole app: what is of another account is another connection's."""
    number_id = fields(value.get("metadata")).get("phone_number_id")
    return number_id in config.get("phone_number_ids", ()) or (
        entry.get("id") == config.get("business_account_id")
    )


def _each(name: str, reader: "Reader", change: "_Change") -> Facts:
    value = change.value
    for one in items(value.get(name)) if name else [value]:
        try:
            yield from reader(fields(one), change)
        except Unreadable as problem:
            yield problem
        except BadValue as problem:
            yield Unreadable(f"An update in it cannot be read: {problem}")


class _Change:
    """What the updates of one change share: the business number, and the names of people."""

    def __init__(self, entry: Object, value: Object, config: Object) -> None:
        self.entry = entry
        self.value = value
        self.number_ids = tuple(config.get("phone_number_ids", ()))
        self._number: Number | None = None
        self._cards = [fields(card) for card in items(value.get("contacts"))]
        self._by_id = {
            one: card
            for card in self._cards
            for key in ("wa_id", "user_id")
            if isinstance(one := card.get(key), str)
        }

    @property
    def number(self) -> Number:
        """Raises Unreadable when nothing tells which."""
        if self._number is None:
            self._number = _number(self.value)
        return self._number

    def who(self, *ids: object) -> Who:
        """Whoever has these ids, or is the only one told of. Raises Unreadable when nobody is."""
        given = [one for one in ids if isinstance(one, str)]
        card = next((self._by_id[one] for one in given if one in self._by_id), None)
        if card is None and len(self._cards) == 1 and not (given and "wa_id" in self._cards[0]):
            card = self._cards[0]
        card = card or {}
        profile = fields(card.get("profile"))
        who = named(
            *given,
            *(card.get(name) for name in ("wa_id", "user_id", "parent_user_id")),
            name=line(profile.get("name")),
            username=_username(profile.get("username")),
        )
        if not who.is_anybody:
            raise Unreadable("An update in it does not tell of whom it is.")
        return who


def _message(one: Object, change: _Change) -> Sequence[MessageReceived | IdentityChanged]:
    if one.get("group_id") is not None:
        return []
    if one.get("type") == "system":
        return _system(one)
    held = content.read(one)
    fact = MessageReceived(
        number=change.number,
        who=change.who(one.get("from"), one.get("from_user_id"), one.get("from_parent_user_id")),
        wamid=_wamid(one.get("id")),
        at=_time(one.get("timestamp")),
        type=held.type,
        content=held.content,
        about_wamid=held.about or line(fields(one.get("context")).get("id")),
        said=held.said,
        is_button=held.is_button,
        shared=content.shared_number(one) if held.type == "contacts" else None,
    )
    return [fact]


def _echo(one: Object, change: _Change) -> list[MessageEchoed]:
    if one.get("group_id") is not None:
        return []
    held = content.read(one)
    fact = MessageEchoed(
        number=change.number,
        who=change.who(one.get("to"), one.get("to_user_id"), one.get("to_parent_user_id")),
        wamid=_wamid(one.get("id")),
        at=_time(one.get("timestamp")),
        type=held.type,
        content=held.content,
        about_wamid=held.about or line(fields(one.get("context")).get("id")),
    )
    return [fact]


def _call(one: Object, change: _Change) -> list[MessageReceived]:
    """Somebody rings: that opens the window as a message does."""
    if one.get("event") != "connect" or one.get("direction") == "BUSINESS_INITIATED":
        return []
    fact = MessageReceived(
        number=change.number,
        who=change.who(one.get("from"), one.get("from_user_id")),
        wamid=_wamid(one.get("id")),
        at=_time(one.get("timestamp")),
        type="call",
        content={},
    )
    return [fact]


def _system(one: Object) -> list[IdentityChanged]:
    """A new number or a new business-scoped id; all else that the system says changes nothing."""
    system = fields(one.get("system"))
    kind = str(system.get("type"))
    new = [system.get(name) for name in ("wa_id", "new_wa_id", "user_id", "parent_user_id")]
    old = [
        *(system.get(name) for name in ("previous_user_id", "previous_parent_user_id")),
        *(one.get(name) for name in ("from", "from_user_id", "from_parent_user_id")),
        system.get("customer"),
    ]
    if kind in _ID_CHANGED:
        old = [*old, *bsuids_in(system.get("body"))]
    elif kind not in _NUMBER_CHANGED:
        return []
    before, after = named(*(one for one in old if one not in new)), named(*new)
    if kind in _ID_CHANGED:  # the number, where it stands there, is the same as before
        before = Who(bsuid=before.bsuid, parent_bsuid=before.parent_bsuid)
        after = Who(bsuid=after.bsuid, parent_bsuid=after.parent_bsuid)
    if not (before.is_anybody and after.is_anybody):
        raise Unreadable("A change of a number or an id in it does not tell both.")
    return [IdentityChanged(before=before, after=after, at=_time(one.get("timestamp")))]


def _status(one: Object, change: _Change) -> list[StatusReported]:
    status = _TOLD.get(str(one.get("status")))
    if one.get("recipient_type") == "group" or status is None:
        return []
    ids = one.get("recipient_id"), one.get("recipient_user_id")
    fact = StatusReported(
        number=change.number,
        who=named(*ids, one.get("parent_recipient_user_id")),
        wamid=_wamid(one.get("id")),
        told=StatusTold(status=status, at=_time(one.get("timestamp")), error=_error(one)),
        callback=line(one.get("biz_opaque_callback_data")),
    )
    return [fact]


def _error(one: Object) -> Error | None:
    given = fields(next(iter(items(one.get("errors"))), None))
    code = given.get("code")
    if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= json.INTEGER_MAX:
        return None
    details = fields(given.get("error_data")).get("details") or given.get("message")
    return Error(
        code,
        line(given.get("title"), characters_max=ERROR_CHARACTERS_MAX),
        line(details, characters_max=ERROR_CHARACTERS_MAX),
    )


def _preference(one: Object, change: _Change) -> list[PreferenceTold]:
    value = one.get("value")
    if one.get("category") != "marketing_messages" or value not in ("stop", "resume"):
        return []
    fact = PreferenceTold(
        who=change.who(one.get("wa_id"), one.get("user_id"), one.get("parent_user_id")),
        at=_time(one.get("timestamp")),
        is_stop=value == "stop",
    )
    return [fact]


def _account(value: Object, change: _Change) -> list[AccountRestricted | OffersRestricted]:
    is_restricted = _ACCOUNT.get(str(value.get("event")))
    state = str(fields(value.get("ban_info")).get("waba_ban_state"))
    is_restricted = _BAN.get(state, is_restricted)
    if is_restricted is None:
        return []
    at = _time(change.entry.get("time"))
    if value.get("event") == "ACCOUNT_RESTRICTION" and is_restricted:
        return _restrictions(value, at, change.number_ids)
    return [AccountRestricted(at=at, is_restricted=is_restricted, number_ids=change.number_ids)]


def _restrictions(
    value: Object, at: datetime, number_ids: tuple[str, ...]
) -> list[AccountRestricted | OffersRestricted]:
    """Each by what it forbids and until when; where none is told, everything."""
    listed = [*map(fields, items(value.get("restriction_info")))]
    found: list[AccountRestricted | OffersRestricted] = []
    for one in listed or [{"restriction_type": _NO_ANSWERS}]:
        until = _time_or_none(one.get("expiration"))
        if one.get("restriction_type") == _NO_ANSWERS:
            found.append(
                AccountRestricted(at=at, is_restricted=True, number_ids=number_ids, until=until)
            )
        elif one.get("restriction_type") == _NO_OFFERS:
            found.append(OffersRestricted(at=at, until=until, number_ids=number_ids))
    return found


def _templates(_: Object, __: _Change) -> list[TemplatesChanged]:
    return [TemplatesChanged()]


def _number(value: Object) -> Number:
    metadata = fields(value.get("metadata"))
    number_id = line(metadata.get("phone_number_id"), characters_max=64)
    if number_id is None:
        raise Unreadable("An update in it does not tell which business number it is of.")
    shown = metadata.get("display_phone_number")
    digits = "".join(filter(str.isdigit, shown)) if isinstance(shown, str) else ""
    return Number(number_id, f"+{digits}" if digits.isascii() and digits else None)


def _wamid(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= WAMID_CHARACTERS_MAX:
        raise Unreadable("An update in it has no id.")
    if not (value.isascii() and value.isprintable()):
        raise Unreadable("An update in it has an id that is none.")
    return value


def _time(value: object) -> datetime:
    """Seconds since 1970, mostly in a string."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= SECONDS_MAX:
        raise Unreadable("A time in it is none.")
    return datetime.fromtimestamp(value, UTC)


def _time_or_none(value: object) -> datetime | None:
    try:
        return _time(value)
    except Unreadable:
        return None


def _username(value: object) -> str | None:
    try:
        return parse_username(value) if isinstance(value, str) and value else None
    except BadValue:
        return None


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = json.decode(body)
    except AppError as problem:
        raise Unreadable(f"The body is no JSON that Kith can read: {problem.text}") from None
    if not isinstance(found, dict):
        raise Unreadable("The body is no JSON object.")
    return found


Reader = Callable[[Object, _Change], Sequence[object]]

_READERS: dict[str, dict[str, Reader]] = {
    "messages": {"messages": _message, "statuses": _status},
    "smb_message_echoes": {"message_echoes": _echo, "messages": _echo},
    "user_preferences": {"user_preferences": _preference},
    "calls": {"calls": _call},
    "account_update": {"": _account},
    "message_template_status_update": {"": _templates},
    "message_template_components_update": {"": _templates},
    "template_category_update": {"": _templates},
}
"""By the field of a change: what reads each update of which list in it, as facts.

"" is the change itself.
"""
