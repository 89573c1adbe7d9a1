"""`kith serve`: one server process, until SIGTERM or SIGINT."""

import asyncio
import errno
import gc
import os
import signal
import socket
from collections.abc import Callable
from typing import Any, cast

import click
import msgspec
import structlog
import uvicorn
import uvloop

from kith import wiring
from kith.api import deadlines
from kith.api.protocol import Protocol
from kith.cli.common import EXIT_STORAGE, settings_of
from kith.cli.json_log import log_as_json
from kith.errors import CannotStart
from kith.jobs import background
from kith.settings import Settings

DRAIN_S = 25
BACKLOG = 16_384
log = structlog.get_logger("kith")


@click.command()
@click.option("--host", help="Address to listen on.  [default: KITH_HOST or 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 takes a free one.  [default: KITH_PORT or 8000]",
)
@click.option("--no-worker", is_flag=True, help="Leave what comes in to `kith work`.")
def serve(host: str | None, port: int | None, no_worker: bool) -> None:
    """Serve the API, its reference page, and what comes in.

    Migrations run first. SIGTERM finishes the requests under way, for at most 25 s.
    """
    settings = settings_of()
    settings = msgspec.structs.replace(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
    )
    run(settings, works=not no_worker)


def run(
    settings: Settings, around: Callable[[Any], Any] = lambda app: app, *, works: bool = True
) -> None:
    """Serve until a signal; `around` may put an ASGI application of its own before Kith's."""
    log_as_json()
    deadlines.allow_many()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, around, works=works))


async def _serve(settings: Settings, around: Callable[[Any], Any], *, works: bool) -> None:
    def stop_at_once() -> None:
        # The answers of the failed batch leave first; nothing may sync that file again.
        asyncio.get_running_loop().call_later(0.1, os._exit, EXIT_STORAGE)

    # Listens first: where that fails, no worker has begun what it would have to break off.
    listener = _listen(settings.host, settings.port)
    async with wiring.serving(settings, on_broken=stop_at_once, works=works) as app:
        config = uvicorn.Config(
            around(app),
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=DRAIN_S,
        )
        server = uvicorn.Server(config)

        def stop(*_: object) -> None:
            # Before uvicorn listens to signals, and after: it raises them again, yet the database
            # must be closed first.
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        gc.freeze()  # what is there now stays: nothing to look through again and again
        log.info("server.started", url=f"http://{shown}:{port}", pid=os.getpid())
        connections = cast(set[Protocol], server.server_state.connections)
        sweeping = background.start(deadlines.sweep(connections, asyncio.get_running_loop().time))
        await server.serve(sockets=[listener])
        sweeping.cancel()
    log.info("server.stopped")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except UnicodeError:  # longer than a name may be
        raise _no_such(host) from None
    except OSError as error:
        # Of a name that nobody knows it has no number of the system's.
        number = error.errno or 0
        if number <= 0 or number == errno.EADDRNOTAVAIL:
            raise _no_such(host) from None
        raise CannotStart(
            f"{host}:{port} cannot be listened on: {os.strerror(number)}. Choose another with"
            " --port or KITH_PORT."
        ) from None


def _no_such(host: str) -> CannotStart:
    return CannotStart(
        f"{host} is no address of this machine to listen on: give one with --host or KITH_HOST,"
        " such as 127.0.0.1."
    )
