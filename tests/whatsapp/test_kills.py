"""A server that dies during a send: Meta has it once or never, and nobody is left in the dark."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from kith import wiring
from kith.actions import templates
from kith.actions.templates import Listed
from kith.settings import Settings
from tests.cast import Bed, Person
from tests.graph import Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.samples import TEMPLATES
from tests.graph.server import ACCOUNT_ID, TOKEN
from tests.meta import Meta, connected
from tests.serving import Client, Serving, serving
from tests.waits import await_until, wait_until
from tests.whatsapp.sending import PHONE, rows

OTHER = "+14155550124"
SECRET_KEY = "a-key-of-these-tests"


class World:
    """A database of its own, whose servers die."""

    def __init__(self, database_url: str, logs: Path, http: httpx.Client) -> None:
        self.database_url = database_url
        self.logs = logs
        self.http = http
        self.server: Serving | None = None

    @contextmanager
    def serving(self, step: str = "never") -> Iterator[Serving]:
        kith = (sys.executable, "-m", "tests.whatsapp.impatient", step)
        settings = {
            "database_url": self.database_url, "rate_limit_per_minute": 0,
            "rate_limit_per_address": 0, "secret_key": SECRET_KEY,
        }  # fmt: skip
        with serving(self.logs / f"{uuid4().hex}.log", kith=kith, **settings) as self.server:
            yield self.server

    def client(self, person: Person) -> Client:
        assert self.server is not None
        return Client(self.server.url, person.token, self.http)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    with httpx.Client(timeout=60) as http:
        yield World(database_url, tmp_path, http)


async def peopled(world: World, graph: Graph) -> tuple[Bed, Person, Meta, dict[str, str], Any]:
    """Ana with her account and templates; close the last."""
    opened = wiring.opened(Settings(database_url=world.database_url, secret_key=SECRET_KEY))
    runner = await opened.__aenter__()
    nowhere: Any = SimpleNamespace(url="http://127.0.0.1:9")
    bed = Bed(nowhere, runner, world.http)
    ana = await bed.owner("Ana")
    meta = await connected(bed, ana, graph_url=graph.url, access_token=TOKEN)
    await runner.write(templates.write_all, Listed(ACCOUNT_ID, TEMPLATES), ana.caller)
    listed = await runner.read(templates.list_all, None, ana.caller)
    await asyncio.sleep(0)  # lets go of what it has read
    return bed, ana, meta, {one.name: one.id for one in listed}, opened


@pytest.mark.row("F3", "T3.3", "R7")
@pytest.mark.parametrize(
    ("step", "seen", "status"),
    [("call", 0, "unknown"), ("reply", 1, "unknown"), ("settled", 1, "sent")],
)
async def test_killed_at_each_step(
    world: World, graph: Graph, step: str, seen: int, status: str
) -> None:
    bed, ana, meta, ids, opened = await peopled(world, graph)
    given = {"phone": PHONE, "template_id": ids["hello_world"]}
    key = {"Idempotency-Key": "order-1001"}
    with world.serving(step), pytest.raises(httpx.TransportError):
        world.client(ana).post("send-template-message", given, headers=key)
    assert [row[0] for row in await rows(bed, ana)] == ["sent" if step == "settled" else "sending"]
    with world.serving() as server:
        bed.serving = server
        client = world.client(ana)
        answer = wait_until(
            lambda: client.post("send-template-message", given, headers=key),
            "the answer to the call",
            is_so=lambda answer: answer.status_code != 409,
        )
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert len(graph.calls) == len(graph.attempts) == seen
        if step == "reply":
            [call] = graph.calls
            status_of = {"at": time.time(), "callback": call.callback}
            await meta.told(webhooks.status(call.wamid, "read", Somebody(PHONE), **status_of))
        expected = {"call": "unknown", "reply": "read", "settled": "sent"}[step]
        assert [row[0] for row in await rows(bed, ana)] == [expected]
        again = client.post("send-template-message", given, headers=key)
        assert again.content == answer.content
        assert len(graph.attempts) == seen
        assert client.get_contact(phone=PHONE).json()["total_messages"] == seen
    await opened.__aexit__(None, None, None)


@pytest.mark.row("T3.3", "T3.4", "G17")
async def test_what_waits_outlives_the_server_and_is_decided_anew(
    world: World, graph: Graph
) -> None:
    """Two messages wait for Meta; of two people, one opts out meanwhile."""
    bed, ana, _, ids, opened = await peopled(world, graph)
    agreed = {
        "channel": "whatsapp", "purpose": "marketing", "state": "granted", "source": "api",
        "method": "checkbox",
    }  # fmt: skip
    given = {
        "template_id": ids["spring_offer"],
        "variables": {"first_name": "Romain", "discount": "10 %"},
    }
    graph.go_away()
    with world.serving() as server:
        client = world.client(ana)
        for phone in (PHONE, OTHER):
            client.create_contact(phone=phone)
            assert client.post("set-consent", {**agreed, "phone": phone}).is_success
            answer = client.post("send-template-message", {**given, "phone": phone})
            assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        withdrawn = {**agreed, "phone": OTHER, "state": "withdrawn"}
        assert client.post("set-consent", withdrawn).is_success
        server.process.kill()
    graph.come_back()
    with world.serving():
        found = await await_until(
            lambda: rows(bed, ana),
            "both decisions",
            is_so=lambda found: [row[0] for row in found] == ["sent", "failed"],
        )
    assert found[1][2] == "Contact has opted out of marketing messages"
    assert [one["to"] for one in graph.attempts] == [PHONE]
    await opened.__aexit__(None, None, None)
