"""Events: whoever wants to be told of a change is told in the transaction that makes it."""

from collections.abc import Sequence

from kith.actions import jobs
from kith.actions.run import Context
from kith.domain import events, json
from kith.domain.consent import Record, State
from kith.domain.contacts import Contact
from kith.domain.events import Event, Happened
from kith.store import happenings, hooks

_STATES: dict[Event, State] = {"contact.opted_in": "granted", "contact.opted_out": "withdrawn"}


async def notify(ctx: Context, happened: Happened) -> None:
    """Have every hook told that wants it. Without one, this is all that it costs: one look.

    The import of a file tells nobody: a hundred thousand rows are no news.
    """
    if ctx.import_id is not None:
        return
    tx, tenant_id = ctx.tx, ctx.tenant_id
    wanting = await hooks.wanting(tx, tenant_id=tenant_id, event=happened.event)
    if not wanting:
        return
    body = json.encode(events.document(happened)).decode()
    for row_id, hook_id in wanting:
        await hooks.add_delivery(
            tx,
            tenant_id=tenant_id,
            uuid=ctx.new_id(),
            hook_row_id=row_id,
            contact_uuid=happened.contact.id,
            body=body,
            at=ctx.now,
        )
        await jobs.add(ctx, jobs.DELIVER, hook_id)


def of_consent(
    ctx: Context, contact: Contact, before: Sequence[Record], new: Sequence[Record]
) -> list[Happened]:
    """What `notify` is to tell of new rows of the ledger."""
    return [] if ctx.import_id is not None else events.of_consent(contact, before, new)


async def newest(ctx: Context, event: Event) -> list[Happened]:
    """What hooks were told last, newest first, among the newest contacts or rows of the ledger."""
    tx, tenant_id, rows_max = ctx.tx, ctx.tenant_id, events.LIST_MAX
    if event == "contact.created":
        found = await happenings.newest_contacts(tx, tenant_id=tenant_id, rows_max=rows_max)
        return [events.created(contact) for contact in found]
    rows = await happenings.newest_records(
        tx, tenant_id=tenant_id, state=_STATES[event], rows_max=rows_max
    )
    return [Happened(event=event, contact=contact, record=record) for contact, record in rows]
