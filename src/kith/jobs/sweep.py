"""Once an hour: what nobody needs any more goes, whether anybody calls or not."""

import asyncio
from datetime import timedelta

import structlog

from kith.actions import connections, retention
from kith.actions.run import Runner

EVERY_S = 3_600.0
LEFT_FOR = timedelta(days=1)
"""Nobody fetches a file for that long (`domain.jobs.lease`): this one is in nobody's work."""
log = structlog.get_logger("kith.jobs")


class Sweep:
    """Beside the workers, from their start on."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        await self._files()
        last = 0
        try:
            while some := await self._runner.read(retention.workspaces, last):
                for last in some:
                    await self._workspace(last)
        except Exception as problem:  # the database is away: the next hour comes
            log.warning("kept.not_swept", code="jobs", reason=type(problem).__name__)

    async def _files(self) -> None:
        """Those that a worker began and never finished, because it died: they are nobody's."""
        try:
            files, before = self._runner.files, self._runner.now() - LEFT_FOR
            swept = await asyncio.to_thread(files.sweep, before)
        except OSError as problem:
            log.warning("files.not_swept", code="storage", reason=type(problem).__name__)
        else:
            if swept:
                log.info("files.swept", code="storage", count=swept)

    async def _workspace(self, tenant_id: int) -> None:
        """Where one fails, the others are swept all the same."""
        try:
            while await self._runner.write(retention.sweep, None, connections.of_tenant(tenant_id)):
                pass
        except Exception as problem:
            reason = type(problem).__name__
            log.warning("kept.not_swept", code="jobs", reason=reason, tenant_id=tenant_id)
