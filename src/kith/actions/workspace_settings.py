"""What a workspace says of itself; the operator's commands."""

from collections.abc import Sequence

import msgspec

from kith.actions import words, workspaces
from kith.actions.run import Context
from kith.actions.words import SetWords, Words
from kith.domain import phone
from kith.domain.phone import Region
from kith.domain.reachability import parse_margin
from kith.errors import naming
from kith.store import tenants
from kith.store.tenants import Settings


class Shown(msgspec.Struct, frozen=True):
    workspace: workspaces.Workspace
    settings: Settings
    words: Words


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Only what is set is written; a blank `region` takes it away, a blank word all of them.

    `workspace` is an id or a name, None for the only one there is.
    """

    workspace: str | None = None
    region: str | None = None
    window_margin_s: int | None = None
    opts_in_new: bool | None = None
    stop_words: Sequence[str] | None = None
    start_words: Sequence[str] | None = None


async def show(ctx: Context, workspace: str | None) -> Shown:
    """Raises NotFound, Refused."""
    found = await workspaces.find_or_only(ctx, workspace)
    return Shown(
        found,
        await tenants.settings_of(ctx.tx, tenant_id=found.row_id),
        await words.get(_inside(ctx, found), None),
    )


async def change(ctx: Context, given: Change) -> Shown:
    """Raises NotFound, Refused, Invalid."""
    shown = await show(ctx, given.workspace)
    settings = shown.settings
    if given.region is not None:
        settings = msgspec.structs.replace(settings, default_region=_region(given.region))
    if given.window_margin_s is not None:
        with naming("window_margin"):
            parse_margin(given.window_margin_s)
        settings = msgspec.structs.replace(settings, window_margin_s=given.window_margin_s)
    if given.opts_in_new is not None:
        settings = msgspec.structs.replace(settings, opts_in_new=given.opts_in_new)
    await tenants.set_settings(ctx.tx, tenant_id=shown.workspace.row_id, settings=settings)
    wanted = SetWords(stop=_words(given.stop_words), start=_words(given.start_words))
    changed = await words.change(_inside(ctx, shown.workspace), wanted)
    return Shown(shown.workspace, settings, changed)


def _inside(ctx: Context, workspace: workspaces.Workspace) -> Context:
    return msgspec.structs.replace(ctx, tenant_id=workspace.row_id)


def _region(given: str) -> Region | None:
    with naming("region"):
        return phone.parse_region(given) if given.strip() else None


def _words(given: Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return tuple(given) if any(map(str.strip, given)) else ()
