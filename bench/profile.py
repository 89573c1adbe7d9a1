"""`make profile`: where an operation spends its time, room by room, without a network.

Requests are fed to the real protocol on a transport that keeps nothing, 32 at a time, as a busy
event loop gets them. First the plain times beside a static answer, then the statements of a write,
then the profiler's shares. `KIND=create make profile`, or another of `kinds`.
"""

import asyncio
import cProfile
import os
import pstats
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import click
import uvloop
from uvicorn.config import Config
from uvicorn.server import ServerState

from bench import whatsapp, world
from bench.server import WithStatic
from bench.world import Database
from kith import wiring
from kith.api.protocol import Protocol
from kith.api.server import Server
from kith.settings import Settings

CONNECTIONS = 32
BATCHES = int(os.environ.get("BATCHES", "300"))
CONTACTS = int(os.environ.get("CONTACTS", "10000"))
ACTIONS = "/api/v1/actions/"
_new = count(int(time.time()) % 500_000_000)

Make = Callable[[], bytes]


class Transport(asyncio.Transport):
    """Keeps nothing of what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})

    def write(self, _: Any) -> None: ...

    def close(self) -> None: ...

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Answering(Protocol):
    answered: Callable[[], None]

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.answered()


class Feed:
    """The protocols of all connections, on one application."""

    def __init__(self, app: Server) -> None:
        config = Config(
            WithStatic(app, 371),
            http=Protocol,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
        )
        config.load()
        self.protocols = []
        for _ in range(CONNECTIONS):
            protocol = Answering(config=config, server_state=ServerState(), app_state={})
            protocol.answered = self._answered
            protocol.connection_made(Transport())
            self.protocols.append(protocol)

    async def batch(self, requests: list[bytes]) -> None:
        """All of them arrive in one turn of the loop; returns when all are answered."""
        self._left = len(requests)
        self._done = asyncio.get_running_loop().create_future()
        for protocol, each in zip(self.protocols, requests, strict=True):
            protocol.data_received(each)
        await self._done

    def _answered(self) -> None:
        self._left -= 1
        if not self._left:
            self._done.set_result(None)

    async def measure(self, make: Make) -> tuple[float, float]:
        """Microseconds a request: of the quickest tenth of the batches, which nothing disturbed;
        and of a processor over all of them, whatever the thread."""
        batches = [[make() for _ in self.protocols] for _ in range(BATCHES)]
        times, began = [], time.process_time()
        for requests in batches:
            started = time.perf_counter()
            await self.batch(requests)
            times.append(time.perf_counter() - started)
        cpu = (time.process_time() - began) / BATCHES
        return sorted(times)[BATCHES // 10] / CONNECTIONS * 1e6, cpu / CONNECTIONS * 1e6


def kinds(served: Database) -> dict[str, Make]:
    def post(path: str, body: bytes, headers: str) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n{headers}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def act(path: str, body: str) -> bytes:
        bearer = f"Authorization: Bearer {served.token}\r\nContent-Type: application/json\r\n"
        return post(path, body.encode(), bearer)

    def phone() -> str:
        return f'{{"phone":"+1415{2_000_000 + random.randint(1, served.contacts)}"'

    def create() -> bytes:
        return act(
            f"{ACTIONS}create-contact",
            f'{{"phone":"+4915{(new := next(_new)):09}","name":"New Contact",'
            f'"email":"new{new}@example.com","tags":"bench, new"}}',
        )

    def webhook() -> bytes:
        raw = whatsapp.body()
        signed = f"X-Hub-Signature-256: {whatsapp.signature(raw)}\r\n"
        return post(webhook_path, raw, f"Content-Type: application/json\r\n{signed}")

    def tag() -> bytes:
        return act(f"{ACTIONS}add-tag", f'{phone()},"tag":"bench-{random.randint(1, 50)}"}}')

    webhook_path = whatsapp.connected(served)
    return {
        "static": lambda: act("/static", f"{phone()}}}"),
        "look": lambda: act(f"{ACTIONS}get-contact", f"{phone()}}}"),
        "verdict": lambda: act(f"{ACTIONS}get-contact", f'{phone()},"expand":["reachability"]}}'),
        "create": create,
        "update": lambda: act(
            f"{ACTIONS}update-contact", f'{phone()},"name":"Renamed {next(_new)}"}}'
        ),
        "tag": tag,
        "webhook": webhook,
        "read": webhook,
    }


def traced(connection: apsw.Connection) -> Counter[str]:
    """Nanoseconds of each statement from now on."""
    spent: Counter[str] = Counter()

    def ended(event: dict[str, Any]) -> None:
        spent[event["sql"]] += event["nanoseconds"]
        spent[f"#{event['sql']}"] += 1

    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, ended)
    return spent


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


async def drained(app: Server) -> None:
    """Everything that came in is read."""
    unread = "SELECT 1 FROM jobs WHERE kind = 'read_inbound' LIMIT 1"
    while await app.runner.database.read(lambda tx: tx.one(unread)) is not None:  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def main(kind: str) -> None:
    served = world.copied(world.database(CONTACTS))
    make = kinds(served)
    settings = Settings(database_url=served.url, rate_limit_per_minute=1_000_000_000)
    is_reading = kind == "read"
    async with wiring.serving(settings, on_broken=lambda: None, works=is_reading) as app:
        feed = Feed(app)
        for each in ("static", kind):
            began = time.process_time()
            wall, cpu = await feed.measure(make[each])
            click.echo(f"{wall:6.0f} us, {cpu:6.0f} us of a processor  {each}")
            if is_reading and each == kind:
                await drained(app)
                spent = (time.process_time() - began) / BATCHES / CONNECTIONS * 1e6
                click.echo(f"           {spent:6.0f} us of a processor until it was read")
        connection: apsw.Connection = app.runner.database.writing_connection  # type: ignore[attr-defined]
        statements = traced(connection)
        for _ in range(BATCHES // 4):
            await feed.batch([make[kind]() for _ in feed.protocols])
        connection.trace_v2(0, None)
        for line in told(statements, BATCHES // 4 * CONNECTIONS):
            click.echo(line)
        batches = [[make[kind]() for _ in feed.protocols] for _ in range(BATCHES)]
        profile = cProfile.Profile()
        profile.enable()
        for requests in batches:
            await feed.batch(requests)
        profile.disable()
    if path := os.environ.get("PSTATS"):
        profile.dump_stats(path)
    spent_in = shares(profile)
    for where, own_s in spent_in.most_common(24):
        click.echo(f"{own_s / spent_in.total():6.1%}  {where}")


def told(statements: Counter[str], operations: int) -> Iterator[str]:
    """What each statement took of an operation."""
    for sql, nanoseconds in statements.most_common():
        if not sql.startswith("#"):
            often = statements[f"#{sql}"] / operations
            yield f"{nanoseconds / operations / 1_000:6.1f} us  {often:4.1f} x  {sql[:90]}"


if __name__ == "__main__":
    uvloop.run(main(os.environ.get("KIND", "look")))
