"""Messages that leave: decided and written down, then told to Meta, then settled.

The first and the last are here, each a transaction; the call between them is `jobs/sender.py`.
What was written as `sending` may have reached Meta: it is never told twice.
"""

from datetime import datetime

import msgspec

from kith.actions import (
    contacts,
    jobs,
    learned_names,
    messages,
    origins,
    recipients,
    sending_numbers,
)
from kith.actions import templates as templating
from kith.actions.recipients import Whom
from kith.actions.run import Context
from kith.actions.sending_numbers import Judged, Number
from kith.domain import fillings, sending
from kith.domain.contacts import Contact
from kith.domain.filling_values import Variables
from kith.domain.fillings import CannotFill, Missing
from kith.domain.graph import Account
from kith.domain.messages import Delivery, Error, Message, StatusTold
from kith.domain.phone import Phone
from kith.domain.reachability import Kind
from kith.domain.sending import Denial
from kith.domain.templates import Translation
from kith.domain.whatsapp_facts import named
from kith.errors import Refused, naming
from kith.store import messages as message_rows
from kith.store import reachability as reach_rows
from kith.store import sends as send_rows

_DISCONNECTED = Denial(text="Its WhatsApp number has no connection any more")


class MissingVariables(Refused):
    code, text = "missing_variables", "Template requires variables that were not provided."


class MessageRefused(Refused):
    """By the verdict, or by Meta itself: which of the two makes no difference to the answer."""

    code, text = "message_refused", "Message rejected by Meta: Re-engagement message"


class SendText(Whom, frozen=True, kw_only=True):
    message: str


class SendTemplate(Whom, frozen=True, kw_only=True):
    template_id: str
    language: str | None = None
    variables: Variables = msgspec.field(default_factory=dict)


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is written down. `sender` is with what to tell Meta; None: it is refused."""

    message: Message
    sender: Account | None = None
    job_id: int | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call: `wamid` says that Meta took it, `error` that it did not; neither, that
    nobody knows."""

    message_id: str
    job_id: int | None
    wamid: str | None = None
    wa_id: str | None = None
    user_id: str | None = None
    error: Error | None = None
    were_both_tried: bool = False
    """Whether Meta knows the number in neither spelling."""


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """Meta took nothing and is to be told at `due_at`."""

    message_id: str
    job_id: int
    due_at: datetime


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """Meta took nothing and is told once more, under `address` where that is another. `is_last`:
    what is in the way now is not waited for any more."""

    message_id: str
    job_id: int | None = None
    address: str | None = None
    is_last: bool = True


async def begin_text(ctx: Context, given: SendText) -> Begun:
    """Raises MessageRefused for somebody unknown, ContactNotFound for such an id, NoAccount,
    Invalid, Conflict."""
    await recipients.check(ctx, given)
    numbers = await sending_numbers.connected(ctx, given.number_id)
    known = await recipients.known(ctx, given)
    if known is None:
        raise refused(sending.denied("never_wrote", "free_form"))
    [best, *_] = await _judged(ctx, known, numbers, "free_form")
    message = _message(ctx, known, best, "text", sending.text_content(given.message))
    asked = await recipients.number(ctx, given)
    return await _begin(ctx, known, message, best, "free_form", asked)


async def begin_template(ctx: Context, given: SendTemplate) -> Begun:
    """Raises TemplateNotFound, ContactNotFound for an id, MissingVariables, Refused, NoAccount,
    Invalid, Conflict."""
    await recipients.check(ctx, given)
    numbers = await sending_numbers.connected(ctx, given.number_id)
    template = await templating.get(ctx, given.template_id)
    usable = {
        account_id: found
        for account_id in {one.account_id for one in numbers}
        if (found := template.usable(account_id, given.language)) is not None
    }
    if not usable:
        raise Refused("Template has no approved translation")
    filled = {account_id: _filled(ctx, found, given) for account_id, found in usable.items()}
    known = await recipients.saved(ctx, given)
    able = [one for one in numbers if one.account_id in usable]
    kinds = {sending.kind_of(one.category) for one in usable.values()}
    kind: Kind = "marketing" if "marketing" in kinds else "utility"
    [best, *_] = await _judged(ctx, known, able, kind)
    chosen = usable[best.number.account_id]
    message = msgspec.structs.replace(
        _message(ctx, known, best, "template", filled[best.number.account_id]),
        template_name=template.name,
        template_language=chosen.language,
        template_category=chosen.category,
    )
    return await _begin(ctx, known, message, best, kind, await recipients.number(ctx, given))


async def confirm_opt_out(
    ctx: Context, known: Contact, *, number_id: str, said: str, to: str | None
) -> Message | None:
    """Say once that no more offers will come, if that may be said; a job sends it, to the address
    that said STOP."""
    here = await sending_numbers.connected_as(ctx, number_id)
    body = sending.confirmation(said, locale=known.locale, phone=known.phone)
    for best in await _judged(ctx, known, here, "free_form"):
        if best.verdict.allowed:
            message = msgspec.structs.replace(
                _message(ctx, known, best, "text", sending.text_content(body)),
                delivery=Delivery(status="queued"),
                address=to or await sending_numbers.address(ctx, known, number_id=number_id),
            )
            await _add(ctx, known, message)
            await jobs.add(ctx, jobs.SEND_MESSAGE, message.id)
            return message
    return None


async def take_up(ctx: Context, given: Again) -> Begun | None:
    """A job's turn: a message that waits is decided anew; one that somebody was about to send may
    have reached Meta, so that it is never sent. None when nothing is left to do.

    Raises Refused while the secrets of its connection cannot be read, unless this `is_last`.
    """
    message = await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=given.message_id)
    if message is None or message.status not in ("queued", "sending"):
        return None
    if message.status == "sending":
        await settle(ctx, Outcome(message_id=message.id, job_id=None))
        return None
    return await _decide_again(ctx, message, given)


async def again(ctx: Context, given: Again) -> Begun | None:
    """Decide anew before Meta, which took nothing, is told once more."""
    message = await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=given.message_id)
    if message is None or message.status != "sending":
        return None
    return await _decide_again(ctx, message, given)


async def wait(ctx: Context, message_id: str) -> bool:
    """Let it be told later; False when there is nothing to be told."""
    message = await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=message_id)
    if message is None or message.status != "sending":
        return False
    await _set(ctx, msgspec.structs.replace(message, delivery=Delivery(status="queued")))
    return True


async def put_off(ctx: Context, given: Later) -> None:
    """Let a job tell Meta later."""
    if await wait(ctx, given.message_id):
        await jobs.delay(ctx, given.job_id, given.due_at)
    else:
        await jobs.drop(ctx, given.job_id)


async def settle(ctx: Context, outcome: Outcome) -> Message | None:
    """Write what became of a call, and what WhatsApp calls the person; the message after that."""
    message = await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=outcome.message_id)
    if message is not None:  # it may have been erased meanwhile
        message = await _settle(ctx, message, outcome)
    if outcome.job_id is not None:
        await jobs.drop(ctx, outcome.job_id)
    return message


async def get(ctx: Context, message_id: str) -> Message | None:
    return await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=message_id)


def refused(denial: Denial) -> MessageRefused:
    """With the keys that the contract has for what Meta refuses, and why the verdict said no."""
    details: dict[str, object] = {}
    if denial.code is not None:
        details = {"error_code": denial.code, "error_message": denial.title}
    return MessageRefused(denial.text, details=details)


async def _settle(ctx: Context, message: Message, outcome: Outcome) -> Message:
    if outcome.wamid is not None:
        sent = StatusTold(status="sent", at=ctx.now)
        moved = await messages.advance(ctx, message, [sent], wamid=outcome.wamid)
        if moved.wamid is None:  # that is another message's: nobody knows what became of this one
            return await _doubt(ctx, message)
        who = named(outcome.wa_id, outcome.user_id)
        if who.is_anybody:
            known = await contacts.of_id(ctx, moved.contact_id)
            assert known is not None, "the message hangs on it"
            beside = origins.names_at(message.address)
            await learned_names.learn(ctx, known, who, at=message.at, beside=beside)
        return moved
    if outcome.error is not None:
        failed = StatusTold(status="failed", at=ctx.now, error=outcome.error)
        if outcome.were_both_tried:
            message = msgspec.structs.replace(message, address=None)
            await send_rows.set_address(ctx.tx, tenant_id=ctx.tenant_id, message=message)
        return await messages.advance(ctx, message, [failed])
    return await _doubt(ctx, message)


async def _doubt(ctx: Context, message: Message) -> Message:
    if message.status != "sending":
        return message
    message = msgspec.structs.replace(message, delivery=Delivery(status="unknown"))
    await _set(ctx, message)
    return message


async def _decide_again(ctx: Context, message: Message, given: Again) -> Begun:
    """Raises Refused, as `take_up` does."""
    known = await contacts.of_id(ctx, message.contact_id)
    assert known is not None, "the message hangs on it"
    kind: Kind = "free_form"
    if message.template_category is not None:
        kind = "marketing" if message.template_category == "MARKETING" else "utility"
    numbers = await sending_numbers.connected_as(ctx, message.number_id)
    judged = await _judged(ctx, known, numbers, kind)
    if not judged:
        return await _give_up(ctx, message, given, _DISCONNECTED)
    if not judged[0].verdict.allowed:
        denial = _denied(judged[0], kind)
        return await _give_up(ctx, message, given, denial)
    if (denied := sending.outdated(message, ctx.now)) is not None:
        return await _give_up(ctx, message, given, denied)
    address = given.address or await sending_numbers.still(
        ctx, known, message.address, number_id=message.number_id
    )
    try:
        sender = await sending_numbers.sender(ctx, numbers[0])
    except Refused as problem:
        if not given.is_last:
            raise
        return await _give_up(ctx, message, given, Denial(text=problem.text))
    message = msgspec.structs.replace(message, delivery=Delivery(status="sending"), address=address)
    await send_rows.set_address(ctx.tx, tenant_id=ctx.tenant_id, message=message)
    await _set(ctx, message)
    return Begun(message=message, sender=sender, job_id=given.job_id)


async def _give_up(ctx: Context, message: Message, given: Again, denial: Denial) -> Begun:
    failed = msgspec.structs.replace(message, delivery=_failed(denial))
    await _set(ctx, failed)
    if given.job_id is not None:
        await jobs.drop(ctx, given.job_id)
    return Begun(message=failed)


async def _begin(
    ctx: Context,
    known: Contact,
    message: Message,
    best: Judged,
    kind: Kind,
    asked: Phone | None,
) -> Begun:
    """Write the message down: as refused, or as about to leave, with a job should we die now."""
    address = await sending_numbers.address(ctx, known, number_id=best.number.id, asked=asked)
    denial = sending.unfit(message.template_category, address)
    if not best.verdict.allowed:
        denial = _denied(best, kind)
    if denial is not None:
        message = msgspec.structs.replace(message, delivery=_failed(denial))
        await _add(ctx, known, message)
        return Begun(message=message)
    message = msgspec.structs.replace(message, address=address)
    await _add(ctx, known, message)
    job_id = await jobs.add(
        ctx, jobs.SEND_MESSAGE, message.id, due_at=ctx.now + sending.RECOVERED_AFTER
    )
    sender = await sending_numbers.sender(ctx, best.number)
    return Begun(message=message, sender=sender, job_id=job_id)


async def _judged(ctx: Context, known: Contact, numbers: list[Number], kind: Kind) -> list[Judged]:
    """The verdict as it is now; an opt-out that commits beside this one makes one of both wait."""
    await send_rows.hold(ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id)
    facts = await reach_rows.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    assert facts is not None, "the contact was just found"
    return sending_numbers.judged(ctx, facts, numbers, kind)


def _filled(ctx: Context, found: Translation, given: SendTemplate) -> msgspec.Raw:
    try:
        with naming("variables"):
            components = fillings.fill(found, given.variables, now=ctx.now)
    except Missing as missing:
        raise MissingVariables(
            details={"expected_placeholders": missing.expected, "missing": missing.missing}
        ) from None
    except CannotFill as part:
        raise Refused(f"Template has a part that cannot be filled from here: {part}") from None
    return sending.template_content(fillings.rendered(found.parts, given.variables), components)


def _message(
    ctx: Context, known: Contact, best: Judged, kind: str, content: msgspec.Raw
) -> Message:
    return Message(
        id=ctx.new_id(),
        contact_id=known.id,
        number_id=best.number.id,
        direction="outbound",
        type=kind,
        at=ctx.now,
        created_at=ctx.now,
        delivery=Delivery(status="sending"),
        content=content,
        user_id=ctx.user_id or None,
        token_id=ctx.token_id or None,
        contact_row_id=known.row_id,
    )


def _denied(best: Judged, kind: Kind) -> Denial:
    return sending.denied(best.verdict.reason, kind, unavailable_code=best.unavailable_code)


def _failed(denial: Denial) -> Delivery:
    """Refused by Kith. Without a time: nothing is to be concluded from what Meta never saw."""
    return Delivery(status="failed", error=denial.error)


async def _add(ctx: Context, known: Contact, message: Message) -> None:
    await message_rows.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        message=message,
        contact_row_id=known.row_id,
        contact_uuid=known.id,
    )


async def _set(ctx: Context, message: Message) -> None:
    await message_rows.set_delivery(ctx.tx, tenant_id=ctx.tenant_id, message=message)
