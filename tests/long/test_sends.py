"""Sends on bad days: replies lost, calls timed out, servers killed, people opting out (goal G17).

Each message is seen by Meta once or never, none is lost in silence, and none leaves after an
opt-out. Short in `make test`; `make sends` sets KITH_TEST_SENDS to 10,000.
"""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from operator import not_
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cast import Bed, Person
from tests.graph import Fault, Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.server import NUMBER_ID
from tests.meta import SECOND_NUMBER_ID, Meta
from tests.waits import WAIT_S_MAX, await_until
from tests.whatsapp.test_kills import World, peopled

SENDS = int(os.environ.get("KITH_TEST_SENDS", "160"))
AT_ONCE = 24
KILLS = 2 + SENDS // 1_000
MARKETING = {"first_name": "Romain", "discount": "10 %"}


class Day:
    """Calls that are made until they are answered, as a careful caller makes them."""

    def __init__(self, world: World, person: Person, ids: dict[str, str], seed: int) -> None:
        self.world = world
        self.person = person
        self.ids = ids
        self.random = random.Random(seed)
        self.answers: dict[str, httpx.Response] = {}
        self.opted_out: dict[str, float] = {}
        """By phone, when the opt-out was answered."""
        self.begun: dict[str, float] = {}
        self.done = threading.Event()

    def call(self, action: str, given: dict[str, Any], key: str) -> httpx.Response:
        """Until there is an answer that says something."""
        until = time.monotonic() + WAIT_S_MAX
        while time.monotonic() < until:
            if self.world.server is None:
                time.sleep(0.05)
                continue
            client = self.world.client(self.person)
            try:
                answer = client.post(action, given, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code not in (409, 503):
                return answer
            time.sleep(0.05)
        raise AssertionError(f"no answer to {key}")

    def one(self, number: int) -> None:
        phone = f"+1415{3_000_000 + number}"
        if number % 4:
            given = {"phone": phone, "template_id": self.ids["hello_world"]}
            self.answers[phone] = self.call("send-template-message", given, f"send-{number}")
            return
        self._marketing(number, phone)

    def _marketing(self, number: int, phone: str) -> None:
        """Two messages, and an opt-out that comes before, between, beside or after them."""
        consent = {
            "phone": phone, "channel": "whatsapp", "purpose": "marketing", "state": "granted",
            "source": "api", "method": "checkbox",
        }  # fmt: skip
        assert self.call("create-contact", {"phone": phone}, f"make-{number}").is_success
        assert self.call("set-consent", consent, f"agree-{number}").is_success

        def opt_out(wait_s: float) -> None:
            time.sleep(wait_s)
            withdrawn = {**consent, "state": "withdrawn"}
            assert self.call("set-consent", withdrawn, f"out-{number}").is_success
            self.opted_out[phone] = time.monotonic()

        leaving = threading.Thread(target=opt_out, args=(self.random.uniform(0, 0.08),))
        leaving.start()
        given = {
            "phone": phone, "template_id": self.ids["spring_offer"], "variables": MARKETING,
        }  # fmt: skip
        for turn in range(3):
            key = f"offer-{number}-{turn}"
            if turn == 2:
                leaving.join()
            begun = time.monotonic()
            answer = self.call("send-template-message", given, key)
            if (out_at := self.opted_out.get(phone)) is not None and out_at < begun:
                assert answer.status_code == 422, (phone, turn, answer.text)
            self.answers[f"{phone} {turn}"] = answer


def bad_day(seed: int) -> Any:
    random_ = random.Random(seed)
    lock = threading.Lock()

    def fault(_: object) -> Fault | None:
        with lock:
            luck = random_.random()
        if luck < 0.10:
            return Fault("lost")
        if luck < 0.15:
            return Fault("hung")
        if luck < 0.18:
            return Fault("unread")
        if luck < 0.20:
            return Fault(code=131000)
        return None

    return fault


@pytest.mark.row("G17", "F3", "T3.3", "T3.4", "R7")
async def test_each_message_is_seen_once_or_never_and_none_is_lost(
    database_url: str, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    numbers = (NUMBER_ID, SECOND_NUMBER_ID)
    with httpx.Client(timeout=60) as http, Graph(number_ids=numbers) as graph:
        world = World(database_url, tmp_path, http)
        bed, ana, meta, ids, opened = await peopled(world, graph)
        graph.next_fault = bad_day(seed)
        day = Day(world, ana, ids, seed)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            calls = [threads.submit(day.one, number) for number in range(SENDS)]
            moments = random.Random(seed)
            for _ in range(KILLS):
                with world.serving() as server:
                    time.sleep(moments.uniform(0.3, 1.5))
                    server.process.kill()
            with world.serving() as server:
                bed.serving = server
                for one in calls:
                    one.result()
                graph.next_fault = None
                await settled(bed, ana)
                await check(bed, ana, meta, graph, day)
        await opened.__aexit__(None, None, None)


async def settled(bed: Bed, person: Person) -> None:
    """Nothing is about to leave or waits for its turn."""
    sql = (
        "SELECT uuid, status FROM messages WHERE tenant_id = :tenant_id"
        " AND status IN ('sending', 'queued')"
    )
    await await_until(
        lambda: bed.rows(sql, tenant_id=person.user.tenant_id), "an end of what leaves", is_so=not_
    )


async def check(bed: Bed, ana: Person, meta: Meta, graph: Graph, day: Day) -> None:
    seen = graph.seen()
    assert set(seen.values()) == {1}, "no message was seen twice"
    rows = {
        row[0]: row[1:]
        for row in await bed.rows(
            "SELECT m.uuid, m.status, m.wamid, c.phone FROM messages m JOIN contacts c"
            " ON c.id = m.contact_id WHERE m.tenant_id = :tenant_id AND m.direction = 'outbound'",
            tenant_id=ana.user.tenant_id,
        )
    }
    assert set(seen) <= set(rows), "what Meta has seen was written down first"
    assert len(rows) == len(day.answers), "one call, one message"
    for callback, (status, wamid, phone) in rows.items():
        if callback in seen:
            assert status in ("sent", "unknown"), (callback, status, phone)
        else:
            assert status in ("failed", "unknown"), "what was not seen is not called sent"
            assert wamid is None
    shown = {one.json()["id"] for one in day.answers.values() if one.status_code == 200}
    assert shown == {uuid for uuid, row in rows.items() if row[0] != "failed"}
    await meta.told(
        *(
            webhooks.status(
                call.wamid, "delivered", Somebody(call.body["to"]),
                at=time.time(), callback=call.callback,
            )
            for call in graph.calls
        )
    )  # fmt: skip
    unsettled = await bed.rows(
        "SELECT uuid FROM messages WHERE tenant_id = :tenant_id AND direction = 'outbound'"
        " AND status = 'unknown'",
        tenant_id=ana.user.tenant_id,
    )
    assert not {row[0] for row in unsettled} & set(seen), "a status settles what was unknown"
    assert len(graph.calls) == len(seen)
