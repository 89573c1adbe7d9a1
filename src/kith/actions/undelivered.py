"""What follows from a message of ours that failed, or arrived: for its contact and its number."""

from collections.abc import Sequence
from datetime import datetime

from kith.actions import consent, contacts
from kith.actions.consent import SetConsent
from kith.actions.run import Context
from kith.domain import failures, graph
from kith.domain.contacts import Contact
from kith.domain.messages import Message, StatusTold
from kith.store import blocks, business_numbers, identities, messages
from kith.store import consent as ledger

_COUNTED = {"not_on_whatsapp", "country_restricted", *failures.CONCLUSIONS}
"""What is concluded from all messages that failed so, and no more once none of them did."""


async def draw(ctx: Context, message: Message, told: Sequence[StatusTold]) -> None:
    """Conclude from what was told of the message, in whatever order it came.

    A failure of what arrived after all says nothing; what is counted by failures is counted anew.
    """
    if (at := _left_at(message, told)) is not None:
        await business_numbers.work(
            ctx.tx, tenant_id=ctx.tenant_id, number_id=message.number_id, at=at
        )
    if (error := message.delivery.error) is not None:
        await _failed(ctx, message, error.code)


async def judge_reach(ctx: Context, known: Contact) -> None:
    """Whether nobody is there, by all that failed and was heard: set or lifted accordingly."""
    tx, tenant_id, row_id = ctx.tx, ctx.tenant_id, known.row_id
    await identities.take_turn(tx, tenant_id=tenant_id, of=known.id)
    found = await messages.failures(
        tx, tenant_id=tenant_id, contact_row_id=row_id, code=failures.UNDELIVERABLE
    )
    since = failures.unreached_since(
        [(at, address) for at, _, address in found],
        phone=known.phone,
        last_heard=await business_numbers.last_heard(
            tx, tenant_id=tenant_id, contact_row_id=row_id
        ),
    )
    await blocks.remove(tx, tenant_id=tenant_id, contact_row_id=row_id, reason="not_on_whatsapp")
    if since is not None:
        await blocks.add(
            tx, tenant_id=tenant_id, contact_row_id=row_id, reason="not_on_whatsapp", at=since
        )


async def tell_meta(
    ctx: Context,
    known: Contact,
    given: SetConsent,
    *,
    by: str | None = None,
) -> None:
    """A stop or a resume in WhatsApp itself, once however often it is told."""
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    is_told = any(
        (row.source, row.state, row.occurred_at) == ("meta", given.state, given.occurred_at)
        for row in rows
    )
    if not is_told:
        await consent.tell(ctx, known, given, by=by)


def _left_at(message: Message, told: Sequence[StatusTold]) -> datetime | None:
    """When it left, if that was told only now. When it arrived says nothing of its number: it may
    have left before WhatsApp let that send no more."""
    sent = [one.at for one in told if one.status == "sent"]
    if sent:
        return max(sent)
    has_arrived = any(one.status != "failed" for one in told)
    return message.at if has_arrived and message.delivery.sent_at is None else None


async def _failed(ctx: Context, message: Message, code: int) -> None:
    tx, tenant_id, at = ctx.tx, ctx.tenant_id, message.delivery.failed_at
    assert at is not None, "it failed"
    row_id, number_id = message.contact_row_id, message.number_id
    means = graph.CODES[code].means if code in graph.CODES else ""
    if message.status != "failed" and means not in _COUNTED:
        return
    if means == "number_unavailable":
        # That it was taken first does not speak for the number.
        at = max(at, message.delivery.sent_at or at)
        await business_numbers.fail(tx, tenant_id=tenant_id, number_id=number_id, at=at, code=code)
    elif means == "marketing_paused":
        await business_numbers.pause_marketing(
            tx, tenant_id=tenant_id, number_id=number_id, until=at + failures.PAUSE
        )
    elif means == "country_restricted":
        await _judge_country(ctx, message, code, at)
    elif means in ("not_on_whatsapp", "meta_stopped"):
        known = await contacts.of_id(ctx, message.contact_id)
        assert known is not None, "the message hangs on it"
        if means == "meta_stopped":
            await tell_meta(ctx, known, _stopped(message), by=message.address)
        else:
            await judge_reach(ctx, known)
    elif (conclusion := failures.CONCLUSIONS.get(means)) is not None:
        what, until = conclusion
        found = await messages.failures(tx, tenant_id=tenant_id, contact_row_id=row_id, code=code)
        times = [failed_at for failed_at, number, _ in found if number == number_id]
        await business_numbers.limit(
            tx,
            tenant_id=tenant_id,
            contact_row_id=row_id,
            number_id=number_id,
            what=what,
            at=until(times) if times else None,
        )


async def _judge_country(ctx: Context, message: Message, code: int, at: datetime) -> None:
    tx, tenant_id, row_id = ctx.tx, ctx.tenant_id, message.contact_row_id
    if message.status == "failed":
        await blocks.add(
            tx, tenant_id=tenant_id, contact_row_id=row_id, reason="country_restricted", at=at
        )
    elif not await messages.failures(tx, tenant_id=tenant_id, contact_row_id=row_id, code=code):
        await blocks.remove(
            tx, tenant_id=tenant_id, contact_row_id=row_id, reason="country_restricted"
        )


def _stopped(message: Message) -> SetConsent:
    return SetConsent(
        channel="whatsapp",
        purpose="marketing",
        state="withdrawn",
        source="meta",
        method="platform",
        evidence={"wamid": message.wamid, "code": failures.STOPPED},
        occurred_at=message.delivery.failed_at,
    )
