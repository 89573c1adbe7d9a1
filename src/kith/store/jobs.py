"""The queue: a table beside the data, so that a change and its job commit together."""

from collections.abc import Sequence
from datetime import datetime

from kith.domain import json
from kith.domain.jobs import Job
from kith.domain.times import to_us
from kith.store.database import Engine, Tx
from kith.store.json_lists import each_text

_LOCK: dict[Engine, str] = {"sqlite": "", "postgres": " FOR UPDATE SKIP LOCKED"}
_CLAIM = {
    engine: "UPDATE jobs SET due_at = :until, tries = tries + 1 WHERE id IN (SELECT id FROM jobs"
    " WHERE lane = :lane AND gave_up_at IS NULL AND due_at <= :at ORDER BY due_at, id"
    f" LIMIT :jobs_max{lock})"
    " RETURNING id, tenant_id, kind, subject, tries"
    for engine, lock in _LOCK.items()
}


_EACH = each_text("given")
_ADD_ALL = {
    engine: "INSERT INTO jobs (tenant_id, kind, subject, lane, due_at, created_at)"
    f" SELECT :tenant_id, :kind, j.value, :lane, :at, :at FROM {each}"
    for engine, each in _EACH.items()
}
_REMOVE_ALL = {
    engine: "DELETE FROM jobs WHERE tenant_id = :tenant_id"
    f" AND id IN (SELECT CAST(j.value AS BIGINT) FROM {each})"
    for engine, each in _EACH.items()
}


async def add(
    tx: Tx, *, tenant_id: int, kind: str, subject: str, lane: int, due_at: datetime, at: datetime
) -> int:
    """Its id."""
    row = await tx.one(
        "INSERT INTO jobs (tenant_id, kind, subject, lane, due_at, created_at)"
        " VALUES (:tenant_id, :kind, :subject, :lane, :due_at, :at) RETURNING id",
        tenant_id=tenant_id,
        kind=kind,
        subject=subject,
        lane=lane,
        due_at=to_us(due_at),
        at=to_us(at),
    )
    assert row is not None
    return int(row[0])


async def add_all(
    tx: Tx, *, tenant_id: int, kind: str, subjects: Sequence[str], lane: int, at: datetime
) -> None:
    """One for each subject, due at once."""
    await tx.run(
        _ADD_ALL[tx.engine],
        tenant_id=tenant_id,
        kind=kind,
        lane=lane,
        at=to_us(at),
        given=json.encode(subjects).decode(),
    )


async def is_planned(tx: Tx, *, tenant_id: int, kind: str, subject: str) -> bool:
    """Whether there is such a job that nobody has taken yet."""
    row = await tx.one(
        "SELECT 1 FROM jobs WHERE tenant_id = :tenant_id AND kind = :kind AND subject = :subject"
        " AND tries = 0 AND gave_up_at IS NULL LIMIT 1",
        tenant_id=tenant_id,
        kind=kind,
        subject=subject,
    )
    return row is not None


async def bring_forward(tx: Tx, *, tenant_id: int, kind: str, subject: str, at: datetime) -> bool:
    """Let such a job be due by then that nobody has taken yet: one that is under way may have
    looked. False when there is none."""
    rows = await tx.all(
        "UPDATE jobs SET due_at = CASE WHEN due_at < :at THEN due_at ELSE :at END"
        " WHERE tenant_id = :tenant_id AND kind = :kind AND subject = :subject"
        " AND tries = 0 AND gave_up_at IS NULL RETURNING id",
        tenant_id=tenant_id,
        kind=kind,
        subject=subject,
        at=to_us(at),
    )
    return bool(rows)


async def delay(tx: Tx, *, tenant_id: int, job_id: int, until: datetime) -> None:
    await tx.run(
        "UPDATE jobs SET due_at = :until WHERE tenant_id = :tenant_id AND id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
        until=to_us(until),
    )


async def is_any_due(tx: Tx, *, lane: int, at: datetime) -> bool:
    row = await tx.one(
        "SELECT 1 FROM jobs WHERE lane = :lane AND gave_up_at IS NULL AND due_at <= :at LIMIT 1",
        lane=lane,
        at=to_us(at),
    )
    return row is not None


async def claim(tx: Tx, *, lane: int, at: datetime, until: datetime, jobs_max: int) -> list[Job]:
    """Jobs that are due, oldest first, nobody else's until then."""
    rows = await tx.all(
        _CLAIM[tx.engine], lane=lane, at=to_us(at), until=to_us(until), jobs_max=jobs_max
    )
    jobs = [
        Job(id=row[0], tenant_id=row[1], kind=row[2], subject=row[3], tries=row[4]) for row in rows
    ]
    return sorted(jobs, key=lambda job: job.id)


async def remove(tx: Tx, *, tenant_id: int, job_id: int) -> None:
    await tx.run(
        "DELETE FROM jobs WHERE tenant_id = :tenant_id AND id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
    )


async def remove_all(tx: Tx, *, tenant_id: int, job_ids: Sequence[int]) -> None:
    await tx.run(_REMOVE_ALL[tx.engine], tenant_id=tenant_id, given=json.encode(job_ids).decode())


async def put_off(tx: Tx, *, tenant_id: int, job_id: int, until: datetime, problem: str) -> None:
    await tx.run(
        "UPDATE jobs SET due_at = :until, problem = :problem"
        " WHERE tenant_id = :tenant_id AND id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
        until=to_us(until),
        problem=problem,
    )


async def postpone(tx: Tx, *, tenant_id: int, job_id: int, until: datetime) -> None:
    await tx.run(
        "UPDATE jobs SET due_at = :until, tries = 0, problem = NULL"
        " WHERE tenant_id = :tenant_id AND id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
        until=to_us(until),
    )


async def give_up(tx: Tx, *, tenant_id: int, job_id: int, at: datetime, problem: str) -> None:
    await tx.run(
        "UPDATE jobs SET gave_up_at = :at, problem = :problem"
        " WHERE tenant_id = :tenant_id AND id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
        at=to_us(at),
        problem=problem,
    )
