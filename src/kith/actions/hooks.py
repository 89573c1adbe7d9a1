"""Hooks: made and taken away by those who want to be told; and what telling them came to."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.actions import opt_outs
from kith.actions.run import Context
from kith.domain import hooks, jobs
from kith.domain.events import Event
from kith.domain.hooks import Delivery, Hook
from kith.errors import Refused
from kith.store import hooks as hook_rows
from kith.store import tokens as token_rows

GONE = "The address answered 410: it wants nothing more."
DEAD = "It failed for 5 days without a success."
TOKEN_ENDED = "The token that it was made with was revoked or has expired."  # noqa: S105 - a text


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """`target_url` is checked by the door, which can ask where its name leads."""

    target_url: str
    event: Event


class Subscribed(msgspec.Struct, frozen=True):
    """`secret` is what its posts are signed with; None where the operator has no key."""

    hook: Hook
    secret: str | None


class OneHook(msgspec.Struct, frozen=True, kw_only=True):
    hook_id: str


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook is to be told now; when there is nothing, `next_at` is when there will be.

    `disabled_why`: never, from now on.
    """

    hook: Hook
    secret: str | None = None
    deliveries: list[Delivery] = []
    next_at: datetime | None = None
    disabled_why: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`wants_no_more`: the address said so."""

    delivery: Delivery
    is_success: bool
    wants_no_more: bool = False


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What tries came to."""

    hook: Hook
    outcomes: Sequence[Outcome]


async def subscribe(ctx: Context, given: Subscribe) -> Subscribed:
    """The hook, also when it is there already: a repeat must not be told twice. Raises Refused."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    there = await hook_rows.all_of(tx, tenant_id=tenant_id, rows_max=hooks.PER_WORKSPACE_MAX)
    known = any((h.event, h.target_url) == (given.event, given.target_url) for h in there)
    if len(there) >= hooks.PER_WORKSPACE_MAX and not known:
        raise Refused(
            f"This workspace has {hooks.PER_WORKSPACE_MAX} hooks, which is the most; remove one"
            " first."
        )
    hook = await hook_rows.add(
        tx,
        tenant_id=tenant_id,
        uuid=ctx.new_id(),
        event=given.event,
        target_url=given.target_url,
        token_id=ctx.token_id,
        at=ctx.now,
    )
    return Subscribed(hook, await _secret(ctx, hook))


async def unsubscribe(ctx: Context, given: OneHook) -> str:
    """The id, whether or not there was such a hook: it is gone."""
    await hook_rows.remove(ctx.tx, tenant_id=ctx.tenant_id, uuid=given.hook_id)
    return given.hook_id


async def list_all(ctx: Context, _: object) -> list[Hook]:
    """Oldest first."""
    return await hook_rows.all_of(ctx.tx, tenant_id=ctx.tenant_id, rows_max=hooks.PER_WORKSPACE_MAX)


async def take_due(ctx: Context, hook_id: str) -> Due | None:
    """What the hook is to be told now; nobody else takes it for a while. None: nothing, ever."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    hook = await hook_rows.by_uuid(tx, tenant_id=tenant_id, uuid=hook_id)
    if hook is None or hook.disabled_at is not None:
        return None
    if not await token_rows.is_in_force(tx, hook.token_id, at=ctx.now):
        return Due(hook=hook, disabled_why=await _disable(ctx, hook, TOKEN_ENDED))
    taken = await hook_rows.take(
        tx,
        tenant_id=tenant_id,
        hook_row_id=hook.row_id,
        at=ctx.now,
        until=ctx.now + jobs.LEASE,
        rows_max=hooks.AT_ONCE_MAX,
    )
    next_at = None
    if not taken:
        next_at = await hook_rows.next_due(tx, tenant_id=tenant_id, hook_row_id=hook.row_id)
    return Due(hook=hook, secret=await _secret(ctx, hook), deliveries=taken, next_at=next_at)


async def note_outcomes(ctx: Context, told: Told) -> str | None:
    """Settle what was told, put off what was not; why the hook is disabled by it, if it is."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    hook = await hook_rows.by_uuid(tx, tenant_id=tenant_id, uuid=told.hook.id)
    if hook is None:
        return None
    was_given_up = False
    for outcome in told.outcomes:
        was_given_up |= await _note(ctx, outcome)
    succeeded = any(outcome.is_success for outcome in told.outcomes)
    failing_since = None if succeeded else hook.failing_since or ctx.now
    await hook_rows.set_health(
        tx,
        tenant_id=tenant_id,
        row_id=hook.row_id,
        last_success_at=ctx.now if succeeded else hook.last_success_at,
        failing_since=failing_since,
    )
    if any(outcome.wants_no_more for outcome in told.outcomes):
        return await _disable(ctx, hook, GONE)
    # One that had nothing to be told for days gets all the tries of what comes next.
    if was_given_up and hooks.is_over(
        msgspec.structs.replace(hook, failing_since=failing_since), ctx.now
    ):
        return await _disable(ctx, hook, DEAD)
    return None


async def _secret(ctx: Context, hook: Hook) -> str | None:
    """None where the operator has no key."""
    if not (key := ctx.sealing_key()):
        return None
    return hooks.secret_of(hook.id, key=key, workspace_key=await opt_outs.key_of(ctx))


async def _note(ctx: Context, outcome: Outcome) -> bool:
    """Whether it was given up."""
    one, tenant_id = outcome.delivery, ctx.tenant_id
    tries = one.tries + 1
    until = None if outcome.is_success else hooks.next_try(tries, ctx.now)
    if until is None:
        await hook_rows.settle(ctx.tx, tenant_id=tenant_id, row_id=one.row_id)
    else:
        await hook_rows.put_off(
            ctx.tx, tenant_id=tenant_id, row_id=one.row_id, tries=tries, until=until
        )
    return until is None and not outcome.is_success


async def _disable(ctx: Context, hook: Hook, why: str) -> str:
    await hook_rows.disable(
        ctx.tx, tenant_id=ctx.tenant_id, row_id=hook.row_id, why=why, at=ctx.now
    )
    return why
