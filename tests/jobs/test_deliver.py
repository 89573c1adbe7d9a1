"""What was to be told is told, though the server be killed in the middle of it."""

import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler
from operator import not_
from pathlib import Path

import httpx
import pytest

from kith import wiring
from kith.actions import contacts
from kith.domain.contacts import SaveContact
from kith.domain.phone import parse
from kith.settings import Settings
from tests.api.test_hooks import subscribed
from tests.cast import Bed
from tests.receiver import receiving
from tests.serving import KITH, environment, serving
from tests.waits import await_until


@asynccontextmanager
async def run(directory: Path, http: httpx.Client, log: str) -> AsyncIterator[Bed]:
    url = f"sqlite:///{directory}/kith.db"
    with serving(
        directory / log,
        database_url=url,
        allowed_networks="127.0.0.1/32",
        rate_limit_per_minute=0,
        rate_limit_per_address=0,
    ) as running:
        async with wiring.opened(Settings(database_url=url)) as runner:
            yield Bed(running, runner, http)


@pytest.mark.row("T3.5", "F1")
async def test_killed_while_it_tells(tmp_path: Path, http: httpx.Client) -> None:
    """At least once, with the same id and body; the contact was answered with a 201 before."""
    with receiving() as receiver:

        def hang(_: BaseHTTPRequestHandler) -> None:
            time.sleep(3)

        receiver.answer = hang
        async with run(tmp_path, http, "first.log") as bed:
            ana = await bed.owner("Ana")
            subscribed(ana, f"{receiver.url}/x")
            for last in (3, 4):
                answer = ana.create_contact(phone=f"+1415555012{last}")
                assert answer.status_code == 201
            receiver.wait(2)
            bed.serving.process.kill()
            bed.serving.process.wait()
        first = {one.headers["x-kith-delivery"]: one.body for one in receiver.got}
        receiver.got.clear()
        receiver.answer = lambda _: 200
        async with run(tmp_path, http, "second.log") as bed:
            # As if its lease were over.
            await bed.change("UPDATE jobs SET due_at = 0 WHERE tenant_id > 0")
            await bed.change("UPDATE deliveries SET due_at = 0 WHERE tenant_id > 0")
            receiver.wait(2)
            again = {one.headers["x-kith-delivery"]: one.body for one in receiver.got}
            left = "SELECT 1 FROM jobs UNION ALL SELECT 1 FROM deliveries"
            await await_until(lambda: bed.rows(left), "an end of the deliveries", is_so=not_)
    assert again == first
    assert len(first) == 2


async def test_a_worker_alone_tells_it(tmp_path: Path, http: httpx.Client) -> None:
    """`kith work` tells what nobody told yet."""
    url = f"sqlite:///{tmp_path}/kith.db"
    with receiving() as receiver:
        async with run(tmp_path, http, "server.log") as bed:
            ana = await bed.owner("Ana")
            subscribed(ana, f"{receiver.url}/x")
            bed.serving.stop()
            given = SaveContact(phone=parse("+14155550123"))
            await bed.runner.write(contacts.save, given, ana.caller)
            assert receiver.got == []
            worker = subprocess.Popen(
                [KITH, "work"],
                env=environment(database_url=url, allowed_networks="127.0.0.1/32"),
                stderr=subprocess.DEVNULL,
            )
            try:
                receiver.wait()
            finally:
                worker.terminate()
                worker.wait()
