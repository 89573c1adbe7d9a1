"""`kith work`: the worker alone, beside servers that run with --no-worker."""

import asyncio
import signal

import click
import structlog

from kith import wiring
from kith.actions.run import Runner
from kith.cli.common import run
from kith.jobs.kinds import KINDS
from kith.jobs.worker import Worker

log = structlog.get_logger("kith")


@click.command()
def work() -> None:
    """Read what other systems sent, until SIGTERM or SIGINT.

    A server does so itself unless it runs with --no-worker. Several workers share the work.
    """
    wiring.log_as_json()
    run(_work)


async def _work(runner: Runner) -> None:
    task = asyncio.create_task(Worker(runner, KINDS).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    log.info("worker.started")
    await asyncio.gather(task, return_exceptions=True)
    log.info("worker.stopped")
