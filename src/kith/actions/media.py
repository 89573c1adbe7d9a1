"""Files that people send: asked of Meta by a job, kept, shown to their workspace, and forgotten."""

import msgspec

from kith.actions import jobs, sending_numbers
from kith.actions.run import Context
from kith.domain import json, media
from kith.domain.graph import Account
from kith.domain.media import BYTES_MAX, File
from kith.domain.messages import Message
from kith.errors import NotFound
from kith.store import media as media_rows
from kith.store import messages as message_rows
from kith.store import tenants


class MediaNotFound(NotFound):
    code, text = "media_not_found", "Media not found"
    by_id = True


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a message, as WhatsApp names it, whom to ask for it and where to put it."""

    kind: str
    media_id: str
    account: Account
    folder: str


class Fetched(msgspec.Struct, frozen=True):
    message_id: str
    file: File


class Left(msgspec.Struct, frozen=True):
    """Why the file of a message will never be kept."""

    message_id: str
    problem: str


class Forgotten(msgspec.Struct, frozen=True):
    """A file that no message has any more."""

    folder: str
    sha256: str


async def plan(ctx: Context, message: Message) -> None:
    """Let the file of a message be fetched, in its own transaction."""
    if message.type in BYTES_MAX and message.direction == "inbound":
        await jobs.add(ctx, jobs.FETCH_MEDIA, message.id)


async def due(ctx: Context, message_id: str) -> Due | None:
    """None when there is nothing to fetch, or it was. Raises Refused."""
    message = await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=message_id)
    if message is None or message.deleted_at is not None:
        return None
    folder = await _folder(ctx)
    known = await media_rows.of_message(
        ctx.tx, tenant_id=ctx.tenant_id, uuid=message_id, folder=folder
    )
    media_id = media.id_in(json.decode_object(bytes(message.content)))
    numbers = await sending_numbers.connected_as(ctx, message.number_id)
    if known is not None or media_id is None or not numbers:
        return None
    return Due(
        kind=message.type,
        media_id=media_id,
        account=await sending_numbers.sender(ctx, numbers[0]),
        folder=folder,
    )


async def keep(ctx: Context, given: Fetched) -> None:
    """That the file is there; unless its message was erased or deleted meanwhile."""
    message = await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=given.message_id)
    if message is None or message.deleted_at is not None:
        await jobs.add(ctx, jobs.REMOVE_FILE, given.file.sha256)
        return
    await media_rows.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        message_row_id=message.row_id,
        file=given.file,
        at=ctx.now,
    )
    await _show(ctx, message, url=media.PATH + message.id)


async def leave(ctx: Context, given: Left) -> None:
    """Let the message say why its file is not there."""
    message = await message_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=given.message_id)
    if message is not None and message.deleted_at is None:
        await _show(ctx, message, problem=given.problem)


async def get(ctx: Context, message_id: str) -> File:
    """Raises MediaNotFound."""
    found = await media_rows.of_message(
        ctx.tx, tenant_id=ctx.tenant_id, uuid=message_id, folder=await _folder(ctx)
    )
    if found is None:
        raise MediaNotFound()
    return found


async def forget(ctx: Context, contact_row_id: int) -> None:
    """Let the files of a contact who is erased go as well, once nobody else has sent them."""
    for sha256 in await media_rows.of_contact(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=contact_row_id
    ):
        await jobs.add(ctx, jobs.REMOVE_FILE, sha256)


async def forget_one(ctx: Context, message: Message) -> None:
    """Of a message that its sender deleted."""
    sha256 = await media_rows.remove(ctx.tx, tenant_id=ctx.tenant_id, message_row_id=message.row_id)
    if sha256 is not None:
        await jobs.add(ctx, jobs.REMOVE_FILE, sha256)


async def unused(ctx: Context, sha256: str) -> Forgotten | None:
    if await media_rows.is_used(ctx.tx, tenant_id=ctx.tenant_id, sha256=sha256):
        return None
    return Forgotten(await _folder(ctx), sha256)


async def _show(ctx: Context, message: Message, **more: str) -> None:
    content = {**json.decode_object(bytes(message.content)), **more}
    shown = msgspec.structs.replace(message, content=msgspec.Raw(json.encode(content)))
    await message_rows.set_content(ctx.tx, tenant_id=ctx.tenant_id, message=shown)


async def _folder(ctx: Context) -> str:
    """The workspace's own: its id."""
    return (await tenants.by_id(ctx.tx, tenant_id=ctx.tenant_id))[0]
