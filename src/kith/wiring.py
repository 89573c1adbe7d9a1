"""Builds everything once and hands it down; beside the commands, the only reader of settings."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from kith.actions import secret_keys
from kith.actions.run import Runner, new_secret, utc_now
from kith.errors import CannotStart, Refused
from kith.jobs import background
from kith.settings import Settings, networks
from kith.store import migrate
from kith.store.database import Database, connect, sqlite_path
from kith.store.files import Files
from kith.store.lock import ServerLock

if TYPE_CHECKING:
    from kith.api.server import Page, Server
    from kith.integrations.whatsapp.client import Graph
    from kith.jobs.sweep import Sweep
    from kith.jobs.worker import Worker

WRITES_SHARE = 3
"""A server's writes may keep one part in so many of what its look-ups may: at a million contacts a
change of one meets pages that no neighbour shares, and each may be a read from the system."""
FLUSH_EVERY_S = 5.0
TIDY_EVERY_S = 60.0
log = structlog.get_logger("kith")


@asynccontextmanager
async def opened(
    settings: Settings,
    *,
    writer_cache_mb: int = 32,
    is_bulk: bool = False,
    is_worker: bool = False,
    on_broken: Callable[[], None] | None = None,
) -> AsyncIterator[Runner]:
    """The database, brought up to date, behind a runner: what commands need.

    `is_worker`: it does what a server does beside answering, so it must be fit for that, too.
    """
    database = await connect(
        settings.database_url,
        writer_cache_mb=writer_cache_mb,
        is_bulk=is_bulk,
        on_broken=on_broken,
    )
    try:
        await migrate.apply_all(database, utc_now(), secret_key=settings.secret_key)
        runner = _runner(database, settings)
        if is_worker:
            await _fit(runner, settings)
        elif wrong := await runner.read(secret_keys.fault, settings.secret_key):
            runner.refuse_keys(wrong)
        yield runner
    finally:
        await database.close()


@asynccontextmanager
async def serving(
    settings: Settings, *, on_broken: Callable[[], None], works: bool = True
) -> AsyncIterator["Server"]:
    """The application of one server process; with a worker inside if it `works`.

    Raises CannotStart.
    """
    # Imported here: the other commands need no web server, which takes as long as all the rest.
    from kith.integrations.whatsapp.client import Graph

    path = sqlite_path(settings.database_url)
    with ServerLock(path) if path else contextlib.nullcontext() as lock:
        database = await connect(
            settings.database_url,
            cache_mb=settings.cache_mb,
            writer_cache_mb=max(1, settings.cache_mb // WRITES_SHARE),
            on_broken=on_broken,
        )
        try:
            for name in await migrate.apply_all(
                database, utc_now(), secret_key=settings.secret_key
            ):
                log.info("schema.migrated", code="schema", migration=name)
            state = State(database)
            runner = await _fit(_runner(database, settings), settings)
            graph = Graph()
            server, workers = _server(runner, graph, state, settings)
            tasks = [background.start(_flush(server)), background.start(_tidy(database))]
            if works:
                tasks += [background.start(one.run()) for one in workers]
            if lock is not None and lock.found_unclean_stop:
                tasks.append(background.start(state.check(lock)))
            yield server
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await graph.close()
            server.security.flush(all_of_them=True)
            await _flush_credentials(server, all_of_them=True)
        finally:
            await database.close()


def _server(
    runner: Runner, graph: "Graph", state: "State", settings: Settings
) -> "tuple[Server, tuple[Worker | Sweep, ...]]":
    """The application, and what works beside it."""
    from kith.api.inbound import Door
    from kith.api.proxies import Proxies
    from kith.api.server import Limits, Server
    from kith.api.waiting import Sends
    from kith.jobs.guard import Guard
    from kith.jobs.kinds import workers
    from kith.jobs.sender import Sender

    guard = Guard(networks(settings.allowed_networks))
    sender = Sender(runner, graph)
    reading, *others = workers(runner, guard, sender, graph)
    server = Server(
        runner,
        limits=Limits(settings.rate_limit_per_minute, settings.strangers_per_minute),
        proxies=Proxies(networks(settings.trusted_proxies)),
        pages=_pages(state),
        inbound=Door(runner, reading.wake, per_address=settings.strangers_per_minute),
        guard=guard,
        sends=Sends(runner, sender),
        logs_requests=settings.log_requests,
    )
    return server, (reading, *others)


def _runner(database: Database, settings: Settings) -> Runner:
    return Runner(
        database,
        secret_key=settings.secret_key,
        sealing_key=cache(partial(_sealing_key, settings)),
        files=Files(_media_folder(settings)),
    )


async def _fit(runner: Runner, settings: Settings) -> Runner:
    """With what a server needs beside the database. Raises CannotStart."""
    if settings.media_dir:
        try_media(settings)
    try:
        if (file := key_file(settings)) is not None and file.exists():
            read_key(file)
        if not await runner.read(secret_keys.is_noted, settings.secret_key):
            await runner.write(secret_keys.note, settings.secret_key)
    except Refused as problem:
        raise CannotStart(problem.text) from None
    return runner


def _media_folder(settings: Settings) -> Path | None:
    """Without a setting, beside a SQLite file; many nodes must be told of a folder they share."""
    if settings.media_dir:
        return Path(settings.media_dir)
    path = sqlite_path(settings.database_url)
    return Path(f"{Path(path).resolve()}.media") if path else None


def try_media(settings: Settings) -> None:
    """The folder is there and takes files, from now on. Raises CannotStart."""
    try:
        Files(_media_folder(settings)).make()
    except OSError as error:
        raise CannotStart(
            f"KITH_MEDIA_DIR is {settings.media_dir!r}, where no files can be kept:"
            f" {error.strerror}. It must be a folder that Kith may write to."
        ) from None


def _pages(state: "State") -> "dict[str, Page]":
    """What is served beside the API: documents and health."""
    from kith.api import health, pages

    return {
        **pages.build(),
        "/livez": health.livez,
        "/readyz": health.readyz(state.why_not_ready),
    }


def _sealing_key(settings: Settings) -> str:
    """What secrets of connections are encrypted with; blank when there is nothing.

    Without a setting, a key beside a SQLite file: whoever copies the database alone has no use of
    it. PostgreSQL may have many nodes, which must know one key.
    """
    file = key_file(settings)
    if file is None:
        return settings.secret_key
    if not file.exists():
        _make_key(file)
    return read_key(file)


def key_file(settings: Settings) -> Path | None:
    """Where the key is that Kith makes itself; None where it makes none."""
    path = sqlite_path(settings.database_url)
    if settings.secret_key or not path:
        return None
    return Path(f"{Path(path).resolve()}.key")


def read_key(file: Path) -> str:
    """Raises Refused: another key in its place would open nothing that this one sealed."""
    try:
        key = file.read_text()
    except OSError as error:
        raise Refused(
            f"The key file {file} cannot be read: {error.strerror}. Give it to the user that runs"
            " Kith."
        ) from None
    if not key.strip():
        raise Refused(f"The key file {file} is empty: put your copy of it back.")
    return key


def _make_key(file: Path) -> None:
    """Whole and on disk before it has its name: another process may look for it meanwhile."""
    owner = file.with_suffix("").stat()
    new = file.with_name(f".{file.name}.{new_secret().hex()[:16]}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as key:
        key.write(new_secret().hex())
        key.flush()
        os.fsync(key.fileno())
        if os.geteuid() == 0:  # the server runs as whoever has the database
            os.fchown(key.fileno(), owner.st_uid, owner.st_gid)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(new, file)
    finally:
        new.unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class State:
    """Whether requests can be served."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._faults: list[str] = []

    async def why_not_ready(self) -> str | None:
        if self._faults:
            return "the database failed its check"
        try:
            is_current = await self._database.read(migrate.is_current)
        except Exception:
            return "the database does not answer"
        return None if is_current else "the schema is not current"

    async def check(self, lock: ServerLock) -> None:
        """After an unclean stop, beside the traffic (row S10)."""
        log.warning("storage.unclean_stop", code="storage")
        self._faults = await self._database.check()
        lock.is_clean = not self._faults
        if self._faults:
            log.critical("storage.corrupt", code="storage", faults=self._faults[:5])
        else:
            log.info("storage.checked", code="storage")


async def _flush(server: "Server") -> None:
    """Now and then: when tokens were last used, and the counts of folded security events."""
    while True:
        await asyncio.sleep(FLUSH_EVERY_S)
        server.security.flush()
        await _flush_credentials(server)


async def _tidy(database: Database) -> None:
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        await database.tidy()


async def _flush_credentials(server: "Server", *, all_of_them: bool = False) -> None:
    """When tokens were last used is worth no failure."""
    try:
        await server.credentials.flush(all_of_them=all_of_them)
    except Exception as error:
        log.warning("tokens.not_touched", code="storage", reason=type(error).__name__)
