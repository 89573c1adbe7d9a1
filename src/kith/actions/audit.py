"""The audit log: written by every action that changes a contact, read by who may."""

from collections.abc import Mapping

import msgspec

from kith.actions.run import Context
from kith.domain import ids, json
from kith.domain.audit import Entry, What
from kith.store import audit

PAGE_MAX = 500
NEWEST = ids.AFTER_ANY
"""Where a list that goes backwards begins."""


class ListAudit(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor` is the id of the last entry seen."""

    contact_id: str | None = None
    cursor: str | None = None
    limit: int = 100


class Page(msgspec.Struct, frozen=True):
    entries: list[Entry]
    next_cursor: str | None


async def record(
    ctx: Context,
    what: What,
    contact_id: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Note who changed the contact, now, and how."""
    if ctx.import_id is not None:
        after = {**(after or {}), "import_id": ctx.import_id}
    await audit.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        uuid=contact_id if what == "contact.created" else ctx.new_id(),
        at=ctx.now,
        user_id=ctx.user_id or None,
        token_id=ctx.token_id or None,
        connection_uuid=ctx.connection_id or None,
        what=what,
        contact_uuid=contact_id,
        before=json.encode(before) if before is not None else None,
        after=json.encode(after) if after is not None else None,
    )


async def list_entries(ctx: Context, given: ListAudit) -> Page:
    """A page of the workspace's log, newest first."""
    found = await newest(ctx, given.contact_id, given.cursor or NEWEST, given.limit + 1)
    page = found[: given.limit]
    return Page(page, page[-1].id if len(found) > len(page) else None)


async def newest(
    ctx: Context, contact_id: str | None, before: str, entries_max: int
) -> list[Entry]:
    """Entries older than the one called `before`, of one contact or of all."""
    if contact_id is None:
        return await audit.newest(
            ctx.tx, tenant_id=ctx.tenant_id, before_uuid=before, entries_max=entries_max
        )
    return await audit.newest_of(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        contact_uuid=contact_id,
        before_uuid=before,
        entries_max=entries_max,
    )
