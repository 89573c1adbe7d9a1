"""`make profile`: where a get-contact spends its time, room by room, without a network.

Requests are fed to the real protocol on a transport that keeps nothing, 32 at a time, as a busy
event loop gets them. First the plain times of a static answer and of a look-up, then the profiler's
shares.
"""

import asyncio
import cProfile
import pstats
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import uvloop
from uvicorn.config import Config
from uvicorn.server import ServerState

from bench import world
from bench.server import WithStatic
from bench.world import Database
from kith import wiring
from kith.api.protocol import Protocol
from kith.settings import Settings

CONNECTIONS = 32
BATCHES = 2_000


class Transport(asyncio.Transport):
    """Counts what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.writes = 0

    def write(self, _: Any) -> None:
        self.writes += 1

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def request(served: Database, path: str) -> bytes:
    phone = f"+1415{2_000_000 + random.randint(1, served.contacts)}"
    body = b'{"phone":"%b"}' % phone.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAuthorization: Bearer {served.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def batch(protocols: list[Protocol], requests: list[bytes]) -> None:
    """All of them arrive in one turn of the loop; returns when all are answered."""
    for protocol, each in zip(protocols, requests, strict=True):
        protocol.data_received(each)
    while not all(protocol.cycle.response_complete for protocol in protocols):  # noqa: ASYNC110
        await asyncio.sleep(0)  # a turn of the loop is just what is waited for


async def measure(protocols: list[Protocol], served: Database, path: str) -> float:
    """Microseconds a request: the quickest tenth of the batches, which nothing disturbed."""
    times = []
    for _ in range(BATCHES):
        requests = [request(served, path) for _ in protocols]
        started = time.perf_counter()
        await batch(protocols, requests)
        times.append(time.perf_counter() - started)
    return sorted(times)[BATCHES // 10] / CONNECTIONS * 1e6


def room(file: str) -> str:
    """Which part of the program a line of the profile belongs to."""
    if "/kith/" in file:
        return "kith/" + "/".join(Path(file).with_suffix("").parts[-2:])
    for library in ("uvicorn", "asyncio", "re"):
        if f"/{library}/" in file:
            return library
    return "built-in"


def built_in(name: str) -> str:
    for part in ("apsw", "httptools", "msgspec", "uvloop"):
        if part in name:
            return f"built-in: {part}"
    return "built-in: the rest"


def shares(profile: cProfile.Profile) -> Counter[str]:
    spent: Counter[str] = Counter()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # missing from its types
    for (file, _, name), (_, _, own_s, _, _) in stats.items():
        where = room(file)
        spent[built_in(name) if where == "built-in" else where] += own_s
    return spent


async def main() -> None:
    served = world.database(10_000)
    settings = Settings(database_url=served.url, rate_limit_per_minute=1_000_000_000)
    async with wiring.serving(settings, on_broken=lambda: None) as app:
        config = Config(
            WithStatic(app, 371),
            http=Protocol,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
        )
        config.load()
        protocols = []
        for _ in range(CONNECTIONS):
            protocol = Protocol(config=config, server_state=ServerState(), app_state={})
            protocol.connection_made(Transport())
            protocols.append(protocol)
        for path in ("/static", "/api/v1/actions/get-contact"):
            click.echo(f"{await measure(protocols, served, path):6.1f} us  {path}")
        profile = cProfile.Profile()
        requests = [request(served, path) for _ in protocols]
        profile.enable()
        for _ in range(BATCHES):
            await batch(protocols, requests)
        profile.disable()
    spent = shares(profile)
    for where, own_s in spent.most_common(24):
        click.echo(f"{own_s / spent.total():6.1%}  {where}")


if __name__ == "__main__":
    uvloop.run(main())
