"""Servers with settings of their own; what they check is the same on either engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from kith import wiring
from kith.settings import Settings
from tests.cast import Bed
from tests.serving import serving

STRICT_LIMIT = 3


@asynccontextmanager
async def _bed(directory: Path, http: httpx.Client, **settings: object) -> AsyncIterator[Bed]:
    url = f"sqlite:///{directory}/kith.db"
    with serving(directory / "server.log", database_url=url, **settings) as running:
        async with wiring.opened(Settings(database_url=url)) as runner:
            yield Bed(running, runner, http)


@pytest.fixture(scope="session")
async def strict(
    tmp_path_factory: pytest.TempPathFactory, http: httpx.Client
) -> AsyncIterator[Bed]:
    """Three calls a minute, behind a trusted proxy at 127.0.0.1: every test has its own address."""
    async with _bed(
        tmp_path_factory.mktemp("strict"),
        http,
        rate_limit_per_minute=STRICT_LIMIT,
        rate_limit_per_address=STRICT_LIMIT,
        trusted_proxies="127.0.0.1, 10.0.0.0/8",
        log_requests="true",
    ) as bed:
        yield bed


@pytest.fixture(scope="session")
async def limitless(
    tmp_path_factory: pytest.TempPathFactory, http: httpx.Client
) -> AsyncIterator[Bed]:
    """Rate limits switched off."""
    async with _bed(tmp_path_factory.mktemp("limitless"), http, rate_limit_per_minute=0) as bed:
        yield bed
