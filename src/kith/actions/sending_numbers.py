"""From which of its numbers a business writes, and to which spelling of somebody's."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.actions import connections
from kith.actions.run import Context
from kith.domain import graph, matches, whatsapp
from kith.domain.connections import Connection
from kith.domain.contacts import Contact
from kith.domain.graph import Account
from kith.domain.phone import Phone
from kith.domain.reachability import Facts, Kind, Verdict, verdict
from kith.domain.sealing import CannotUnseal
from kith.domain.sending import verdict_of
from kith.domain.times import EPOCH
from kith.domain.whatsapp_facts import is_of_group
from kith.errors import Invalid, Refused
from kith.store import connections as connection_rows
from kith.store import sends as send_rows

_NONE = graph.Code("")


class NoAccount(Refused):
    code, text = "no_whatsapp_account", "No WhatsApp account configured"


class Number(msgspec.Struct, frozen=True):
    """A number of the business, and the connection by which it sends."""

    id: str
    connection: Connection

    @property
    def account_id(self) -> str:
        return str(self.connection.config["business_account_id"])


class Judged(msgspec.Struct, frozen=True):
    """A number and what it may send somebody. `unavailable_code`: why it may send nothing to
    anybody, where that is Meta's word on a message."""

    number: Number
    verdict: Verdict
    last_inbound_at: datetime | None
    unavailable_code: int | None


async def connected(ctx: Context, number_id: str | None = None) -> list[Number]:
    """Every number that can send, or the one that is wanted. Raises NoAccount, Invalid."""
    numbers = [
        Number(str(one), connection)
        for connection in await connection_rows.all_of(ctx.tx, tenant_id=ctx.tenant_id)
        if connection.system == "whatsapp"
        for one in connection.config.get("phone_number_ids", ())
    ]
    if not numbers:
        raise NoAccount()
    wanted = [one for one in numbers if number_id in (None, one.id)]
    if not wanted:
        raise Invalid({"number_id": ["The number id must be one of a WhatsApp connection."]})
    return wanted


def judged(ctx: Context, facts: Facts, numbers: Sequence[Number], kind: Kind) -> list[Judged]:
    """The numbers, best first: those that may send, then whom the person wrote to last."""
    states = {state.number_id: state for state in facts.numbers}
    found = []
    for number in numbers:
        state = states.get(number.id)
        given = verdict(facts.standing, state, now=ctx.now, margin=facts.margin)
        last = state.last_inbound_at if state is not None else None
        code = state.unavailable_code if state is not None else None
        found.append(Judged(number, verdict_of(given, kind), last, code))
    found.sort(key=lambda one: one.last_inbound_at or EPOCH, reverse=True)
    return sorted(found, key=lambda one: not one.verdict.allowed)


async def connected_as(ctx: Context, number_id: str) -> list[Number]:
    """That number, unless it has no connection any more."""
    try:
        return await connected(ctx, number_id)
    except (NoAccount, Invalid):
        return []


async def sender(ctx: Context, number: Number) -> Account:
    """With what Meta is called in its name. Raises Refused when nobody can read that any more."""
    own = await sender_of(ctx, number.connection)
    return msgspec.structs.replace(own, number_id=number.id)


async def sender_of(ctx: Context, connection: Connection) -> Account:
    """In the name of an account's first number. Raises Refused."""
    try:
        opened = await connections.open_(ctx, connection.id)
    except CannotUnseal:
        raise Refused(connections.made_with_another_key(connection)) from None
    assert opened is not None, "it was just listed"
    config = connection.config
    return Account(
        graph_url=str(config["graph_url"]),
        number_id=str(config["phone_number_ids"][0]),
        account_id=str(config["business_account_id"]),
        token=opened.secrets[0]["access_token"],
    )


async def address(
    ctx: Context, known: Contact, *, number_id: str, asked: Phone | None = None
) -> str | None:
    """One of the contact's numbers, else what WhatsApp calls them: the number that was asked for,
    else the one that wrote last, to this number of the business if to any, else their own phone.

    Of its two spellings the one that worked last, or the other one of that which did not.
    """
    names = await send_rows.names(ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id)
    line = await _line(ctx, known, _numbers(known, names), number_id=number_id, asked=asked)
    last = await send_rows.last_address(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, among=_spellings(line)
    )
    if last is not None:
        used, code = last
        other = whatsapp.variant(Phone(used)) if used.startswith("+") else None
        is_unknown = code is not None and graph.CODES.get(code, _NONE).is_of_spelling
        return other if other is not None and is_unknown else used
    if line:
        return line[0]
    bsuids = [value for kind, value in names if kind == "bsuid"]
    # That of a group of businesses works for some of them only.
    return next((one for one in bsuids if not is_of_group(one)), next(iter(bsuids), None))


async def _line(
    ctx: Context,
    known: Contact,
    numbers: Sequence[Phone],
    *,
    number_id: str,
    asked: Phone | None,
) -> list[Phone]:
    """As which the contact has the one number to write to, of those that it has."""
    if asked is not None and (line := _same(numbers, asked)):
        return line
    if not numbers or len(own := _same(numbers, numbers[0])) == len(numbers):
        return [*numbers]
    wrote = await send_rows.last_heard_from(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        contact_row_id=known.row_id,
        number_id=number_id,
        among=numbers,
    )
    return own if wrote is None else _same(numbers, wrote)


def _same(numbers: Sequence[Phone], one: Phone) -> list[Phone]:
    """Those of the numbers that are this one, in either spelling."""
    spellings = _spellings([one])
    return [number for number in numbers if number in spellings]


def _spellings(numbers: Sequence[Phone]) -> set[Phone]:
    return {*numbers} | {other for one in numbers if (other := whatsapp.variant(one)) is not None}


async def still(ctx: Context, known: Contact, used: str | None, *, number_id: str) -> str | None:
    """The address that a message was to go to, unless the contact gave it up: then another."""
    names = await send_rows.names(ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id)
    own = {*_spellings(_numbers(known, names)), *(v for kind, v in names if kind == "bsuid")}
    return used if used in own else await address(ctx, known, number_id=number_id)


def _numbers(known: Contact, names: Sequence[tuple[str, str]]) -> list[Phone]:
    """The contact's own phone first, then what WhatsApp calls it, then its other numbers; `names`
    are those in use."""
    own = [known.phone] if known.phone is not None and ("phone", known.phone) in names else []
    wa_ids = [matches.phone_of(value) for kind, value in names if kind == "wa_id"]
    phones = [Phone(value) for kind, value in names if kind == "phone"]
    return list(dict.fromkeys([*own, *wa_ids, *phones]))
