"""The demo workspace: made once, filled in batches, and opened with a new token each time."""

from collections.abc import Sequence

import msgspec

from kith.actions import tokens, workspaces
from kith.actions.run import Context
from kith.actions.tokens import NewToken
from kith.actions.workspaces import NewUser, Workspace
from kith.domain import demo
from kith.domain.contacts import Contact
from kith.store import bulk, identities, tenants, users
from kith.store import contacts as contact_rows
from kith.store import tags as tag_rows


class Span(msgspec.Struct, frozen=True):
    """The demo's contacts from `first` to `last`."""

    workspace: Workspace
    first: int
    last: int


class Batch(msgspec.Struct, frozen=True):
    workspace: Workspace
    contacts: Sequence[Contact]


class Opened(msgspec.Struct, frozen=True):
    """The demo as it stands, `contacts` being how many it holds."""

    token: str
    tenant_id: str
    contacts: int


async def prepare(ctx: Context, _: None) -> Workspace:
    """The workspace, its user and the documents' example contact; made when missing."""
    row = await tenants.by_uuid(ctx.tx, demo.WORKSPACE_UUID)
    if row is None:
        uuid, name = demo.WORKSPACE_UUID, demo.WORKSPACE_NAME
        workspace = Workspace(
            await tenants.add(ctx.tx, uuid=uuid, name=name, at=ctx.now), uuid, name
        )
    else:
        workspace = Workspace(*row)
    tenant_id = workspace.row_id
    if await users.by_email(ctx.tx, tenant_id=tenant_id, email_key=demo.USER_EMAIL) is None:
        user = NewUser(email=demo.USER_EMAIL, name="Demo", workspace=workspace.id)
        await workspaces.add_user(ctx, user)
    await add(ctx, Batch(workspace, [demo.example(id=ctx.new_id())]))
    return workspace


async def missing(ctx: Context, span: Span) -> list[int]:
    """The contacts of the span that are not there."""
    present = await identities.between(
        ctx.tx,
        tenant_id=span.workspace.row_id,
        kind="phone",
        first=demo.phone_of(span.first),
        last=demo.phone_of(span.last),
    )
    numbers = demo.numbers(span.first, span.last)
    return [number for number in numbers if demo.phone_of(number) not in present]


async def add(ctx: Context, batch: Batch) -> None:
    """Add the contacts whose phone the workspace does not know; who is there stays as they are."""
    tx, tenant_id = ctx.tx, batch.workspace.row_id
    phones = [contact.phone for contact in batch.contacts if contact.phone]
    present = await identities.between(
        tx, tenant_id=tenant_id, kind="phone", first=min(phones), last=max(phones)
    )
    new = [contact for contact in batch.contacts if contact.phone not in present]
    if not new:
        return
    await tag_rows.ensure(
        tx, tenant_id=tenant_id, names=_tags_of(new), new_id=ctx.new_id, at=ctx.now
    )
    await bulk.add(tx, tenant_id=tenant_id, contacts=new, consent_note=demo.CONSENT_NOTE)


async def open_up(ctx: Context, workspace: Workspace) -> Opened:
    """A new token that may do everything in the demo. Raises Refused when its user was shut out."""
    user = await workspaces.find_user(ctx, email=demo.USER_EMAIL, workspace=workspace.id)
    given = NewToken(email=user.email, name="demo", scope="admin")
    issued = await tokens.issue(ctx, user, given)
    count = await contact_rows.count(ctx.tx, tenant_id=workspace.row_id)
    return Opened(issued.token, workspace.id, count)


def _tags_of(contacts: Sequence[Contact]) -> list[str]:
    """Every tag that one of them carries, in an order of its own."""
    lists = {bytes(contact.tags) for contact in contacts}
    return sorted({name for one in lists for name in msgspec.json.decode(one, type=list[str])})
