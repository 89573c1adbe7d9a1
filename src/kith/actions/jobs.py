"""The queue as a worker sees it: take what is due, then settle it, put it off or give it up."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.actions.run import Context
from kith.domain import jobs
from kith.domain.jobs import Job
from kith.store import identities, inbox
from kith.store import jobs as job_rows

PROBLEM_CHARACTERS_MAX = 500
READ_INBOUND = "read_inbound"
"""Of this kind the subject is the id of a message in the inbox."""
REDACT_SHOP = "redact_shop"
"""Of this kind the subject is the id of a connection, a blank, and the domain of the shop."""
DELIVER = "deliver"
"""Of this kind the subject is the id of a hook; several may name one hook, and one does all."""
SEND_MESSAGE = "send_message"
"""Of this kind it is the id of a message of ours."""
SYNC_TEMPLATES = "sync_templates"
"""Of this kind it is the id of a connection with WhatsApp."""
FETCH_MEDIA = "fetch_media"
"""Of this kind it is the id of a message whose file is to be kept."""
REMOVE_FILE = "remove_file"
"""Of this kind it is the SHA-256 of a file."""
POLL_SHOP = "poll_shop"
"""Of this kind it is the id of a connection with a shop; each plans the next."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    lane: int
    jobs_max: int


class Postponed(msgspec.Struct, frozen=True, kw_only=True):
    """A job that did what there was to do, and is to go on then."""

    job: Job
    until: datetime


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """`problem` says what went wrong, with nothing that was sent; `is_hopeless`: so will be every
    further try. `retry_at` is when to try again, where the other side said so."""

    job: Job
    problem: str
    is_hopeless: bool = False
    retry_at: datetime | None = None


async def add(ctx: Context, kind: str, subject: str, *, due_at: datetime | None = None) -> int:
    """Commits with whatever the caller does beside it; the id of the job."""
    return await job_rows.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind=kind,
        subject=subject,
        lane=jobs.LANES.get(kind, 0),
        due_at=due_at or ctx.now,
        at=ctx.now,
    )


async def add_all(ctx: Context, kind: str, subjects: Sequence[str]) -> None:
    """One for each of them, due now."""
    if subjects:
        await job_rows.add_all(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            kind=kind,
            subjects=subjects,
            lane=jobs.LANES.get(kind, 0),
            at=ctx.now,
        )


async def plan(ctx: Context, job: Job, *, at: datetime | None = None) -> None:
    """Let a job that comes again do so in its time, unless another is planned."""
    tx, tenant_id = ctx.tx, job.tenant_id
    at = at or ctx.now + jobs.EVERY[job.kind]
    await identities.take_turn(tx, tenant_id=tenant_id, of=f"{job.kind} {job.subject}")
    if not await job_rows.is_planned(tx, tenant_id=tenant_id, kind=job.kind, subject=job.subject):
        await add(
            msgspec.structs.replace(ctx, tenant_id=tenant_id), job.kind, job.subject, due_at=at
        )


async def hurry(ctx: Context, kind: str, subject: str) -> None:
    """Let a job be done now that would have come in its time; one that is under way may have begun
    too early to see what this is about."""
    await identities.take_turn(ctx.tx, tenant_id=ctx.tenant_id, of=f"{kind} {subject}")
    is_planned = await job_rows.bring_forward(
        ctx.tx, tenant_id=ctx.tenant_id, kind=kind, subject=subject, at=ctx.now
    )
    if not is_planned:
        await add(ctx, kind, subject)


async def drop(ctx: Context, job_id: int) -> None:
    """It was done, by whomever."""
    await job_rows.remove(ctx.tx, tenant_id=ctx.tenant_id, job_id=job_id)


async def drop_all(ctx: Context, job_ids: Sequence[int]) -> None:
    await job_rows.remove_all(ctx.tx, tenant_id=ctx.tenant_id, job_ids=job_ids)


async def delay(ctx: Context, job_id: int, due_at: datetime) -> None:
    await job_rows.delay(ctx.tx, tenant_id=ctx.tenant_id, job_id=job_id, until=due_at)


async def is_any_due(ctx: Context, lane: int) -> bool:
    return await job_rows.is_any_due(ctx.tx, lane=lane, at=ctx.now)


async def claim(ctx: Context, given: Claim) -> list[Job]:
    """Those of the lane that are due, oldest first: for `jobs.lease` nobody else takes them."""
    until = ctx.now + jobs.lease(given.lane)
    return await job_rows.claim(
        ctx.tx, lane=given.lane, at=ctx.now, until=until, jobs_max=given.jobs_max
    )


async def settle(ctx: Context, job: Job) -> None:
    await job_rows.remove(ctx.tx, tenant_id=job.tenant_id, job_id=job.id)


async def postpone(ctx: Context, given: Postponed) -> None:
    """It goes on later, as if it had never been tried."""
    await job_rows.postpone(
        ctx.tx, tenant_id=given.job.tenant_id, job_id=given.job.id, until=given.until
    )


async def fail(ctx: Context, failed: Failed) -> bool:
    """Put the job off; or give it up, which is the result, and keep what it was about."""
    job, problem = failed.job, failed.problem[:PROBLEM_CHARACTERS_MAX]
    wait = None if failed.is_hopeless else jobs.wait_after(job.tries, job.kind)
    if wait is not None:
        until = max(ctx.now + wait, failed.retry_at or ctx.now)
        await job_rows.put_off(
            ctx.tx, tenant_id=job.tenant_id, job_id=job.id, until=until, problem=problem
        )
        return False
    if job.kind == READ_INBOUND:
        await inbox.quarantine(ctx.tx, tenant_id=job.tenant_id, uuid=job.subject, reason=problem)
        await settle(ctx, job)
    elif job.kind in jobs.EVERY:
        await plan(ctx, job)
        await settle(ctx, job)
    else:
        await job_rows.give_up(
            ctx.tx, tenant_id=job.tenant_id, job_id=job.id, at=ctx.now, problem=problem
        )
    return True
