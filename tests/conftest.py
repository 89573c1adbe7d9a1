"""The test bed: both engines, a real server on each, and the cast."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, settings

from kith import wiring
from kith.settings import Settings
from kith.store import postgres as postgres_store
from tests.cast import Bed, Person
from tests.databases import make_careless, postgres_database, postgres_server
from tests.digests import digests
from tests.serving import Serving, serving

PLENTY = 1_000_000
SECRET_KEY = "the-key-of-the-tests"
RECEIVERS = "127.0.0.1/32"
"""Where the tests receive what Kith sends; all else that is inside stays closed."""

# However busy the machine, the tests' own process gets its connections; servers keep their limit.
postgres_store.POOL_WAIT_S = 60.0

# A busy machine must not fail a property. A change is judged by the same examples each time;
# `make properties` looks for new ones, and prints what failed so that it can be replayed.
EXAMPLES = int(os.environ.get("KITH_TEST_EXAMPLES", "0"))
settings.register_profile(
    "kith",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 100,
)
settings.load_profile("kith")


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Every test that stands on a database runs on both."""
    return str(request.param)


@pytest.fixture(scope="session")
def _postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
async def postgres(_postgres: str) -> str:
    """The address of a running PostgreSQL, for tests that make databases of their own."""
    await make_careless(_postgres)
    return _postgres


@pytest.fixture(scope="session")
def _postgres_if_needed(engine: str, request: pytest.FixtureRequest) -> str:
    """Blank on SQLite, so that a run without PostgreSQL tests never starts one."""
    return request.getfixturevalue("postgres") if engine == "postgres" else ""


@pytest.fixture(scope="session")
async def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the current schema and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("prepared") / "kith.db"
    await _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(prepared_file: Path, tmp_path: Path) -> str:
    """The address of an SQLite file of this test's own: the current schema, and nothing in it."""
    return _copied(prepared_file, tmp_path)


def _copied(file: Path, directory: Path) -> str:
    return f"sqlite:///{shutil.copy(file, directory / 'kith.db')}"


@pytest.fixture(scope="session")
async def _postgres_template(_postgres_if_needed: str) -> AsyncIterator[str]:
    """As `prepared_file`, a database of PostgreSQL; blank on SQLite."""
    if not _postgres_if_needed:
        yield ""
        return
    async with postgres_database(_postgres_if_needed) as url:
        await _prepare(url)
        yield urlsplit(url).path[1:]


@pytest.fixture
async def database_url(
    _postgres_if_needed: str, _postgres_template: str, prepared_file: Path, tmp_path: Path
) -> AsyncIterator[str]:
    """The address of a database of this test's own: the current schema, and nothing in it."""
    if not _postgres_if_needed:
        yield _copied(prepared_file, tmp_path)
        return
    async with postgres_database(_postgres_if_needed, template=_postgres_template) as url:
        yield url


@pytest.fixture
async def blank_database_url(_postgres_if_needed: str, tmp_path: Path) -> AsyncIterator[str]:
    """The address of an empty database of this test's own, without any table."""
    async with _blank_database(_postgres_if_needed, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
async def server_database_url(
    _postgres_if_needed: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    async with _blank_database(_postgres_if_needed, tmp_path_factory.mktemp("server")) as url:
        yield url


@asynccontextmanager
async def _blank_database(postgres: str, directory: Path) -> AsyncIterator[str]:
    if not postgres:
        yield f"sqlite:///{directory}/kith.db"
        return
    async with postgres_database(postgres) as url:
        yield url


async def _prepare(url: str) -> None:
    async with wiring.opened(Settings(database_url=url)):
        pass


@pytest.fixture(scope="session")
def media_dir(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps files."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def server(
    server_database_url: str, media_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """One server per engine for the whole run; each test makes workspaces of its own."""
    with serving(
        tmp_path_factory.mktemp("log") / "server.log",
        database_url=server_database_url,
        rate_limit_per_minute=PLENTY,
        rate_limit_per_address=PLENTY,
        secret_key=SECRET_KEY,
        media_dir=media_dir,
        log_requests="true",
        allowed_networks=RECEIVERS,
    ) as running:
        yield running


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
async def bed(server: Serving, server_database_url: str, http: httpx.Client) -> AsyncIterator[Bed]:
    """The shared server with a second handle on its database."""
    async with (
        wiring.opened(Settings(database_url=server_database_url, secret_key=SECRET_KEY)) as runner,
        digests(server_database_url) as of_now,
    ):
        bed = Bed(server, runner, http, of_now)
        yield bed
    _check_log(server, bed.tokens)


@pytest.fixture
async def ana(bed: Bed) -> AsyncIterator[Person]:
    """Owns the workspace."""
    yield await bed.owner("Ana")
    await bed.forget_jobs()


@pytest.fixture
async def ben(bed: Bed, ana: Person) -> Person:
    """Is on Ana's team; his token may only read."""
    return await bed.colleague(ana, "Ben")


@pytest.fixture
async def mallory(bed: Bed) -> Person:
    """Owns another workspace."""
    return await bed.owner("Mallory")


def _check_log(server: Serving, tokens: list[str]) -> None:
    """After everything: no 500 in the run (rule R3), no token in a line of it (rule R10)."""
    text = server.log_path.read_text()
    assert not [line for line in map(json.loads, text.splitlines()) if line.get("status") == 500]
    assert not [token for token in tokens if token in text]
