"""Templates: written down as Meta lists them, shown, and chosen for a message."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kith.actions.run import Context
from kith.domain import fillings, templates
from kith.domain.templates import Status, Template
from kith.errors import NotFound
from kith.store import templates as template_rows


class TemplateNotFound(NotFound):
    code, text = "template_not_found", "Template not found"

    def __init__(self, *, by_id: bool = True) -> None:
        super().__init__()
        self.by_id = by_id


class Listed(msgspec.Struct, frozen=True):
    """What Meta lists for a business account."""

    account_id: str
    listed: Sequence[Mapping[str, Any]]


class Synced(msgspec.Struct, frozen=True):
    """How many translations there are now, and how many could not be read."""

    translations: int
    unreadable: int


async def write_all(ctx: Context, given: Listed) -> Synced:
    """Know exactly these translations of the account."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    known = await template_rows.names(tx, tenant_id=tenant_id)
    told = [templates.read(one, account_id=given.account_id) for one in given.listed]
    readable = [one for one in told if one is not None]
    for position, one in enumerate(readable):
        if one.name not in known:
            known[one.name] = uuid = ctx.new_id()
            await template_rows.add(tx, tenant_id=tenant_id, uuid=uuid, name=one.name, at=ctx.now)
        await template_rows.put(
            tx,
            tenant_id=tenant_id,
            template_uuid=known[one.name],
            told=one,
            position=position,
            at=ctx.now,
        )
    await template_rows.forget_untold(
        tx, tenant_id=tenant_id, account_id=given.account_id, at=ctx.now
    )
    return Synced(len(readable), len(told) - len(readable))


async def list_all(ctx: Context, status: Status | None) -> list[Template]:
    """By name."""
    found = await template_rows.all_of(ctx.tx, tenant_id=ctx.tenant_id)
    return template_rows.of_status(found, status)


async def list_usable(ctx: Context, _: object) -> list[Template]:
    """Those that can be sent, by name."""
    return await list_all(ctx, "APPROVED")


async def get(ctx: Context, template_id: str) -> Template:
    """Raises TemplateNotFound."""
    found = await template_rows.by_uuid(ctx.tx, tenant_id=ctx.tenant_id, uuid=template_id)
    if found is None:
        raise TemplateNotFound()
    return found


async def variables(ctx: Context, template_id: str | None) -> list[str]:
    """What must be given to send a template; nothing when none is chosen yet.

    Raises TemplateNotFound.
    """
    if template_id is None:
        return []
    return fillings.needed((await get(ctx, template_id)).shown.parts)
