"""Every contact of a workspace as CSV, page by page; imported again, it changes nothing."""

import msgspec

from kith.actions.run import Context
from kith.domain import csv_cells
from kith.domain.contacts import Contact, tags_of
from kith.domain.times import wire
from kith.store import contacts as contact_rows

PAGE = 1_000
COLUMNS = (
    "contact_id",
    "phone",
    "name",
    "email",
    "tags",
    "source",
    "locale",
    "metadata",
    "opted_in_at",
    "opted_out_at",
    "last_message_at",
    "total_messages",
    "created_at",
    "updated_at",
)
HEADER = csv_cells.line(COLUMNS)


class Lines(msgspec.Struct, frozen=True):
    """`after` is what the next page begins behind; None on the last one."""

    text: str
    count: int
    after: str | None


async def page(ctx: Context, after: str | None) -> Lines:
    """Contacts in the order of their ids, from behind one."""
    found = await contact_rows.after(
        ctx.tx, tenant_id=ctx.tenant_id, uuid=after or "", rows_max=PAGE
    )
    text = "".join(map(_line, found))
    return Lines(text, len(found), found[-1].id if len(found) == PAGE else None)


def _line(one: Contact) -> str:
    times = (one.opted_in_at, one.opted_out_at, one.last_message_at)
    since, until, last = ("" if at is None else wire(at) for at in times)
    metadata = bytes(one.metadata).decode()
    return csv_cells.line(
        (
            one.id,
            one.phone or "",
            one.name or "",
            one.email or "",
            csv_cells.listed(tags_of(one)),
            one.source,
            one.locale or "",
            "" if metadata == "{}" else metadata,
            since,
            until,
            last,
            str(one.total_messages),
            wire(one.created_at),
            wire(one.updated_at),
        )
    )
