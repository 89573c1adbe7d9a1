"""The worker: each thing once, again after a while, in quarantine at last, and never in the way.

Most of these run a worker here, whose clock they move.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from kith import wiring
from kith.actions import connections, facts, inbox, workspaces
from kith.actions import jobs as job_actions
from kith.actions.connections import NewConnection
from kith.actions.inbox import InWorkspace, Received
from kith.actions.run import Context, Runner, utc_now
from kith.domain.connections import Connection
from kith.domain.jobs import LEASE, TRIES_MAX, WAITS, Job
from kith.domain.shop_facts import CustomerSeen
from kith.domain.times import to_us
from kith.integrations import registry
from kith.jobs.failures import TryAgain
from kith.jobs.kinds import reading
from kith.jobs.worker import Worker
from kith.settings import Settings
from tests.cast import Bed
from tests.integrations.test_shopify import shopify
from tests.serving import KITH, environment, serving
from tests.shops import Shop
from tests.waits import await_until, wait_until

SECRET_KEY = "a-key"
Do = Callable[[Runner, Job], Awaitable[None]]


class Clock:
    """Real time, and as much more as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._stopped_at: datetime | None = None

    def stop(self) -> None:
        """From now on it is as late as the test says."""
        self._stopped_at = utc_now()

    def __call__(self) -> datetime:
        return (self._stopped_at or utc_now()) + self.ahead


class World:
    """A database with a connection of a shop, and workers that run here."""

    def __init__(self, runner: Runner, connection: Connection, url: str) -> None:
        self.runner, self.connection, self.url = runner, connection, url
        self.caller = connections.caller(connection)
        self.clock = Clock()
        runner.now = self.clock

    @classmethod
    async def of(cls, runner: Runner, url: str) -> "World":
        new = workspaces.NewWorkspace(name="Ana's shop", email="ana@example.com")
        await runner.write(workspaces.create, new)
        given = NewConnection(system="shopify", secrets={"secret": "x"})
        return cls(runner, await runner.write(connections.create, given), url)

    @asynccontextmanager
    async def working(
        self, kinds: dict[str, Do] | None = None, runner: Runner | None = None
    ) -> AsyncIterator[Worker]:
        runner = runner or self.runner
        worker = Worker(runner, kinds or reading(runner))
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found = await self.runner.database.read(lambda tx: tx.all(sql))
        return [tuple(row) for row in found]

    async def change(self, sql: str) -> None:
        await self.runner.database.write(lambda tx: tx.run(sql))

    async def jobs(self) -> list[tuple[Any, ...]]:
        return await self.rows("SELECT tries, problem, due_at FROM jobs ORDER BY id")

    async def inbox(self) -> list[tuple[Any, ...]]:
        return await self.rows("SELECT state, reason FROM inbox ORDER BY uuid")

    async def until(self, is_so: Callable[[list[tuple[Any, ...]]], bool]) -> None:
        """Until the queue is so."""
        await await_until(self.jobs, "a queue that is so", is_so=is_so)

    async def is_idle(self) -> None:
        await self.until(lambda jobs: not jobs)

    async def receive(self, **changes: Any) -> None:
        """As the door stores what a shop sent."""
        received = Received(
            connection=self.connection,
            event_key=str(uuid4()),
            headers={"x-shopify-topic": "customers/create"},
            body=msgspec.json.encode(shopify("customers_create", **changes)),
        )
        assert await self.runner.write(inbox.receive, received, self.caller)

    async def customers(self, count: int) -> None:
        for number in range(count):
            phone = f"+1415{5_550_000 + number}"
            await self.receive(id=1_000_000_000 + number, phone=phone)

    async def effects(self) -> Counter[str]:
        return Counter(row[0] for row in await self.rows("SELECT what FROM audit_log"))


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    settings = Settings(database_url=database_url, secret_key=SECRET_KEY)
    async with wiring.opened(settings) as runner:
        yield await World.of(runner, database_url)


@pytest.mark.row("F23", "L14")
async def test_a_poisoned_body_waits_longer_and_longer_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader with a bug: five tries, then quarantine; what comes beside it is read at once."""
    good = registry.SYSTEMS["shopify"]

    def reader(headers: Any, body: bytes, config: Any) -> list[Any]:
        if b"poison" in body:
            raise ZeroDivisionError("with the body of somebody")
        return good.read(headers, body, config)

    broken = {**registry.SYSTEMS, "shopify": msgspec.structs.replace(good, read=reader)}
    monkeypatch.setattr("kith.jobs.read_inbound.SYSTEMS", broken)
    await world.receive(note="poison", id=1, phone=None)
    await world.customers(3)
    world.clock.stop()
    async with world.working() as worker:
        await world.until(lambda jobs: len(jobs) == 1)
        assert (await world.effects())["contact.created"] == 3
        for tries, wait in enumerate(WAITS, start=1):
            due = to_us(world.clock() + wait)
            put_off = (tries, "A bug: ZeroDivisionError.", due)
            await world.until(lambda jobs, put_off=put_off: jobs == [put_off])
            world.clock.ahead += wait - timedelta(seconds=1)
            worker.wake()
            await asyncio.sleep(0.05)
            assert await world.jobs() == [put_off]
            world.clock.ahead += timedelta(seconds=1)
            worker.wake()
            await world.until(lambda jobs, tries=tries: [j[0] for j in jobs] != [tries])
        await world.is_idle()
        assert len(WAITS) == TRIES_MAX - 1
        [first, *others] = await world.inbox()
        assert first == ("quarantined", "A bug: ZeroDivisionError.")
        assert {one[0] for one in others} == {"read"}
        monkeypatch.undo()
        [(uuid,)] = await world.rows("SELECT uuid FROM inbox WHERE state = 'quarantined'")
        await world.runner.write(inbox.replay, InWorkspace(message_id=uuid))
        worker.wake()
        await world.is_idle()
    assert (await world.effects())["contact.created"] == 4
    assert {one[0] for one in await world.inbox()} == {"read"}


@pytest.mark.row("R1")
@pytest.mark.parametrize("facts", [1, 2])
async def test_a_job_ends_with_the_message_that_it_read(
    world: World, monkeypatch: pytest.MonkeyPatch, facts: int
) -> None:
    """In one transaction: nothing is left to be done about what is read."""
    good = registry.SYSTEMS["shopify"]

    def reader(headers: Any, body: bytes, config: Any) -> list[Any]:
        [first, *_] = good.read(headers, body, config)
        return [first] * facts

    changed = {**registry.SYSTEMS, "shopify": msgspec.structs.replace(good, read=reader)}
    monkeypatch.setattr("kith.jobs.read_inbound.SYSTEMS", changed)
    monkeypatch.delattr(job_actions, "settle")
    await world.customers(3)
    async with world.working():
        await world.is_idle()
    assert {one[0] for one in await world.inbox()} == {"read"}
    assert (await world.effects())["contact.created"] == 3


@pytest.mark.row("F23", "L14")
async def test_a_fact_that_cannot_be_written_holds_up_no_neighbour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read in one transaction with it is written all the same, once."""
    see = facts.APPLY[CustomerSeen]

    async def apply(ctx: Context, fact: Any) -> None:
        await see(ctx, fact)
        if "1002" in str(fact):
            raise ZeroDivisionError("a bug")

    monkeypatch.setitem(facts.APPLY, CustomerSeen, apply)
    for number in range(1_000, 1_008):
        await world.receive(id=number, phone=f"+1415555{number}", email=None)
    async with world.working():
        await world.until(lambda jobs: [job[1] for job in jobs] == ["A bug: ZeroDivisionError."])
        await world.until(lambda jobs: len(jobs) == 1)
    assert Counter(state for state, _ in await world.inbox()) == {"read": 7, "waiting": 1}
    assert (await world.effects())["contact.created"] == 7


@pytest.mark.row("F23", "L14")
async def test_a_job_may_say_when_to_try_again(world: World) -> None:
    await world.customers(1)
    at = world.clock() + timedelta(hours=2)

    async def busy(_: Runner, __: Job) -> None:
        raise TryAgain("They are busy.", at=at)

    async with world.working({job_actions.READ_INBOUND: busy}):
        await world.until(lambda jobs: jobs[0][0] == 1 and jobs[0][1] is not None)
    [(_, problem, due_at)] = await world.jobs()
    assert (problem, due_at // 1_000_000) == ("They are busy.", int(at.timestamp()))


async def test_a_fault_while_it_looks_for_work_ends_no_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([RuntimeError("a driver's"), ZeroDivisionError("ours")])
    look = job_actions.is_any_due

    def is_any_due(ctx: Context, lane: int) -> Any:
        if (fault := next(faults, None)) is not None:
            raise fault
        return look(ctx, lane)

    monkeypatch.setattr(job_actions, "is_any_due", is_any_due)
    await world.customers(1)
    async with world.working():
        await world.is_idle()
    assert (await world.effects())["contact.created"] == 1
    assert next(faults, None) is None


async def test_an_unknown_kind_is_given_up_and_kept(world: World) -> None:
    """A newer Kith may have left it."""
    await world.customers(1)
    await world.change("UPDATE jobs SET kind = 'dance'")
    async with world.working() as worker:
        worker.wake()
        await world.until(lambda jobs: jobs[0][1] is not None)
    rows = await world.rows("SELECT problem FROM jobs WHERE gave_up_at IS NOT NULL")
    assert rows == [("This Kith knows no job of the kind dance.",)]


async def test_a_message_of_a_removed_connection_waits_in_quarantine(world: World) -> None:
    await world.customers(1)
    await world.change("UPDATE connections SET removed_at = 1")
    async with world.working():
        await world.is_idle()
    assert (await world.inbox())[0] == ("quarantined", "The connection was removed.")


@pytest.mark.row("T3.1")
async def test_what_a_dead_worker_had_taken_is_taken_up_after_its_lease(world: World) -> None:
    await world.customers(5)
    hanging = asyncio.Event()
    seen: list[str] = []

    async def hang(_: Runner, job: Job) -> None:
        seen.append(job.subject)
        await hanging.wait()

    async with world.working({job_actions.READ_INBOUND: hang}):
        await world.until(lambda jobs: {job[0] for job in jobs} == {1} and len(seen) == 5)
    assert len(set(seen)) == 5
    async with world.working() as worker:
        await asyncio.sleep(0.1)
        assert len(await world.jobs()) == 5, "the lease still runs"
        world.clock.ahead += LEASE
        worker.wake()
        await world.is_idle()
    assert (await world.effects())["contact.created"] == 5


@pytest.mark.row("T3.1", "F22")
async def test_two_workers_share_the_work(world: World) -> None:
    """Each job is done by one of them, once."""
    await world.customers(60)
    done: Counter[str] = Counter()
    by: Counter[int] = Counter()

    def counting(number: int) -> Do:
        async def read(runner: Runner, job: Job) -> None:
            done[job.subject] += 1
            by[number] += 1
            await reading(runner)[job.kind](runner, job)

        return read

    settings = Settings(database_url=world.url, secret_key=SECRET_KEY)
    async with wiring.opened(settings) as other:
        first = world.working({job_actions.READ_INBOUND: counting(1)})
        second = world.working({job_actions.READ_INBOUND: counting(2)}, other)
        async with first, second:
            await world.is_idle()
    assert len(done) == 60
    assert set(done.values()) == {1}
    assert (await world.effects())["contact.created"] == 60
    assert sum(by.values()) == 60


# Processes


@contextlib.contextmanager
def work(url: str, log: Path) -> Iterator[None]:
    """`kith work`; ends with SIGTERM, and says so with 0."""
    given = environment(database_url=url, secret_key=SECRET_KEY)
    with log.open("wb") as stderr:
        process = subprocess.Popen([KITH, "work"], env=given, stderr=stderr)
    try:
        yield
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


async def test_a_server_without_a_worker_leaves_it_to_others(
    world: World, http: httpx.Client, tmp_path: Path
) -> None:
    given = {"database_url": world.url, "secret_key": SECRET_KEY, "rate_limit_per_minute": 0}
    with serving(tmp_path / "server.log", options=["--no-worker"], **given) as running:
        shop = Shop(Bed(running, world.runner, http), world.connection, "x")
        assert shop.post("customers/create", shopify("customers_create")).status_code == 200
        await world.customers(20)
        await asyncio.sleep(0.6)
        assert [job[0] for job in await world.jobs()] == [0] * 21
        with work(world.url, tmp_path / "1.log"):
            await world.is_idle()
            assert (await world.effects())["contact.created"] == 21
    assert b"worker.started" in (tmp_path / "1.log").read_bytes()


KILLS = int(os.environ.get("KITH_TEST_KILLS", "1"))


@pytest.mark.row("T3.1", "F22", "R1", "R7")
async def test_killed_between_receipt_and_effect(
    world: World, http: httpx.Client, tmp_path: Path
) -> None:
    """SIGKILL at random moments: what was answered 200 has its effect, once."""
    given = {"database_url": world.url, "secret_key": SECRET_KEY, "rate_limit_per_minute": 0}
    seed = random.randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    taken: set[int] = set()
    for kill in range(KILLS):
        with serving(tmp_path / f"{kill}.log", **given) as running:
            shop = Shop(Bed(running, world.runner, http), world.connection, "x")
            before = len(taken)
            with posting(shop, taken, first=10_000 * (kill + 1)):
                wait_until(lambda seen=before: len(taken) >= seen + 5, "five answers")
                await asyncio.sleep(moments.uniform(0, 0.3))
                running.process.kill()
                running.process.wait()
    # Late enough for every lease of a server that was killed.
    world.clock.ahead = LEASE * 2
    async with world.working():
        await world.is_idle()
    assert set(await world.inbox()) == {("read", None)}
    rows = await world.rows("SELECT value FROM identities WHERE kind = 'external'")
    made = {row[0] for row in rows}
    assert {f"shopify:{number}" for number in taken} <= made
    assert (await world.effects())["contact.created"] == len(made)
    [(count,)] = await world.rows("SELECT COUNT(*) FROM contacts")
    assert count == len(made)


@contextlib.contextmanager
def posting(shop: Shop, taken: set[int], *, first: int) -> Iterator[None]:
    """Several senders, until the server is gone."""
    stop = threading.Event()

    def send(lane: int, client: httpx.Client) -> None:
        for number in range(first + lane * 1_000, first + lane * 1_000 + 400):
            if stop.is_set():
                return
            phone = f"+1415{5_000_000 + number}"
            body = shopify("customers_create", id=number, phone=phone, email=None)
            raw = msgspec.json.encode(body)
            headers = shop.headers("customers/create", raw)
            try:
                answer = client.post(shop.url, content=raw, headers=headers)
            except httpx.TransportError:
                return
            assert answer.status_code == 200, answer.text
            taken.add(number)

    with httpx.Client(timeout=60) as client:
        threads = [threading.Thread(target=send, args=(lane, client)) for lane in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
