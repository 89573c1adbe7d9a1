"""The worker: takes what is due and does it, many at once; what fails does not hold up the rest."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog

from kith.actions import jobs
from kith.actions.jobs import Claim, Failed, Postponed
from kith.actions.run import Runner
from kith.domain.jobs import Job, lease
from kith.errors import AppError
from kith.jobs.failures import GoOn, Hopeless, TryAgain

AT_ONCE_MAX = 16
"""More would read what came in sooner, and answer what comes in later."""
CONNECTIONS_MAX = 3
"""Of PostgreSQL, for each worker: whoever calls the API must find some."""
IDLE_S = 0.5
"""How often a worker looks whether another process has left it something."""
log = structlog.get_logger("kith.jobs")

Do = Callable[[Runner, Job], Awaitable[bool | None]]
"""True: the job was settled in a transaction of what it did."""


class Worker:
    def __init__(
        self,
        runner: Runner,
        kinds: Mapping[str, Do],
        *,
        lane: int = 0,
        at_once_max: int = AT_ONCE_MAX,
        taken_max: int | None = None,
    ) -> None:
        """Takes jobs of one lane only, so that lanes do not wait for each other; no more than
        `taken_max` in one transaction, so that it does some while it takes others."""
        self._runner = runner.sharing(CONNECTIONS_MAX)
        self._kinds = kinds
        self._lane = lane
        self._at_once_max = at_once_max
        self._taken_max = taken_max or at_once_max
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There is something to do: do not wait."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled; what is under way then is taken up after its lease."""
        try:
            while True:
                self._woken.clear()
                if not await self._take():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(IDLE_S):
                            await self._woken.wait()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _take(self) -> bool:
        """Begin what is due, as far as there is room; False when there is nothing or no room."""
        room = self._at_once_max - len(self._running)
        try:
            if room <= 0 or not await self._runner.read(jobs.is_any_due, self._lane):
                return False
            claim = Claim(lane=self._lane, jobs_max=min(room, self._taken_max))
            taken = await self._runner.write(jobs.claim, claim)
        except Exception as error:  # the database is away, or a bug: who looks for work goes on
            reason = error.code if isinstance(error, AppError) else type(error).__name__
            log.warning("jobs.not_taken", code="jobs", reason=reason)
            return False
        for job in taken:
            task = asyncio.create_task(self._do(job))
            self._running.add(task)
            task.add_done_callback(self._done)
        return bool(taken)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._woken.set()
        if not task.cancelled() and (problem := task.exception()) is not None:
            # The job itself is safe: it is taken up again after its lease.
            log.warning("jobs.not_settled", code="jobs", reason=type(problem).__name__)

    async def _do(self, job: Job) -> None:
        do = self._kinds.get(job.kind)
        try:
            if do is None:
                raise Hopeless(f"This Kith knows no job of the kind {job.kind}.")
            # A job that hangs would be somebody else's by then.
            async with asyncio.timeout(lease(self._lane).total_seconds()):
                is_settled = await do(self._runner, job)
        except GoOn as later:
            await self._runner.write(jobs.postpone, Postponed(job=job, until=later.at))
        except Hopeless as problem:
            await self._fail(Failed(job=job, problem=str(problem), is_hopeless=True))
        except TryAgain as problem:
            await self._fail(Failed(job=job, problem=str(problem), retry_at=problem.at))
        except (AppError, TimeoutError) as problem:
            await self._fail(Failed(job=job, problem=f"{type(problem).__name__}: {problem}"))
        except Exception as bug:
            log.exception("jobs.failed", code="jobs", kind=job.kind, job_id=job.id)
            await self._fail(Failed(job=job, problem=f"A bug: {type(bug).__name__}."))
        else:
            if not is_settled:
                await self._runner.write(jobs.settle, job)

    async def _fail(self, failed: Failed) -> None:
        given_up = await self._runner.write(jobs.fail, failed)
        job = failed.job
        about = {"kind": job.kind, "job_id": job.id, "tenant_id": job.tenant_id}
        if given_up:
            log.warning("jobs.given_up", code="jobs", tries=job.tries, **about)
        else:
            log.warning("jobs.put_off", code="jobs", tries=job.tries, **about)
