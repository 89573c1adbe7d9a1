"""`kith work`: the worker alone, beside servers that run with --no-worker."""

import asyncio
import signal

import click
import structlog

from kith.actions.run import Runner
from kith.cli.common import run, settings_of
from kith.cli.json_log import log_as_json
from kith.integrations.whatsapp.client import Graph
from kith.jobs import background
from kith.jobs.guard import Guard
from kith.jobs.kinds import workers
from kith.jobs.sender import Sender
from kith.settings import networks

log = structlog.get_logger("kith")


@click.command()
def work() -> None:
    """Read what came in and send what goes out, beside a server.

    Until SIGTERM or SIGINT.

    A server does so itself unless it runs with --no-worker. Several workers share the work.
    """
    log_as_json()
    run(_work, is_worker=True, may_make=True)


async def _work(runner: Runner) -> None:
    guard = Guard(networks(settings_of().allowed_networks))
    graph = Graph()
    each = workers(runner, guard, Sender(runner, graph), graph)
    tasks = [background.start(worker.run()) for worker in each]

    def stop() -> None:
        for task in tasks:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log.info("worker.started")
    await asyncio.gather(*tasks, return_exceptions=True)
    await graph.close()
    log.info("worker.stopped")
