"""A whole conversation, after which the contact shows exactly the right numbers.

A template leaves, arrives and is read; the person answers, a text leaves, the person opts out, and
marketing is refused. Also when every webhook comes three times in any order, and Kith is killed.
"""

import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from kith.domain.times import wire
from tests.cast import Bed, Person
from tests.graph import Call, Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.server import TOKEN
from tests.meta import Meta
from tests.whatsapp.sending import PHONE, agree, rows, settled
from tests.whatsapp.test_kills import World, peopled

ROMAIN = Somebody(PHONE, user_id="US.13491208655302741918")
OFFER = {"first_name": "Romain", "discount": "10 %"}


def at(moment: float) -> str:
    return wire(datetime.fromtimestamp(int(moment), UTC))


def statuses(call: Call, *states: str, since: float) -> list[bytes]:
    return [
        webhooks.status(call.wamid, state, ROMAIN, at=since + step, callback=call.callback)
        for step, state in enumerate(states)
    ]


def check(person: Any, began: float, stopped: float, messages: int) -> None:
    """What get-contact shows in the end."""
    contact = person.get_contact(phone=PHONE, expand=["consent", "reachability"]).json()
    assert contact["total_messages"] == messages
    assert contact["opted_in_at"] == at(began - 3_600)
    assert contact["opted_out_at"] == at(stopped)
    assert at(began) <= contact["last_message_at"] <= at(time.time())
    reach = contact["reachability"]
    assert reach["marketing"] == {"allowed": False, "reason": "opted_out", "until": None}
    assert reach["free_form"]["allowed"] is True
    [marketing] = [
        one for one in contact["consent"]
        if (one["channel"], one["purpose"]) == ("whatsapp", "marketing")
    ]  # fmt: skip
    assert (marketing["state"], marketing["source"]) == ("withdrawn", "inbound")


async def test_a_conversation_step_by_step(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, ids: dict[str, str]
) -> None:
    began = time.time()
    offer = {"phone": PHONE, "template_id": ids["spring_offer"], "variables": OFFER}
    ana.create_contact(phone=PHONE)
    agree(ana, occurred_at=at(began - 3_600))
    assert ana.post("send-template-message", offer).json()["status"] == "sent"
    await meta.told(*statuses(graph.calls[0], "delivered", "read", since=began))
    assert (await rows(bed, ana))[0][0] == "read"
    assert ana.post("send-text-message", {"phone": PHONE, "message": "Hi"}).status_code == 422
    await meta.told(webhooks.text(ROMAIN, "Yes please!", at=began))
    assert ana.post("send-text-message", {"phone": PHONE, "message": "Great."}).is_success
    stopped = time.time()
    await meta.told(webhooks.text(ROMAIN, "STOP", at=stopped))
    refused = ana.post("send-template-message", offer)
    assert (refused.status_code, refused.json()) == (
        422, {"error": "Contact has opted out of marketing messages"},
    )  # fmt: skip
    await settled(bed, ana, 3)
    # A template, the answer, a text, STOP, its confirmation: what was refused does not count.
    check(ana, began, stopped, 5)
    assert len(graph.calls) == 3


@pytest.mark.row("F22", "F3", "R7")
async def test_whatever_comes_thrice_in_any_order_from_a_server_that_dies(
    database_url: str, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    with httpx.Client(timeout=60) as http, Graph(token=TOKEN) as graph:
        world = World(database_url, tmp_path, http)
        bed, ana, meta, ids, opened = await peopled(world, graph)
        began = time.time()
        offer = {"phone": PHONE, "template_id": ids["spring_offer"], "variables": OFFER}
        with world.serving() as server:
            bed.serving = server
            client = world.client(ana)
            client.create_contact(phone=PHONE)
            agree(client, occurred_at=at(began - 3_600))  # type: ignore[arg-type]
            assert client.post("send-template-message", offer).json()["status"] == "sent"
            await told_badly(world, bed, meta, chance, [
                *statuses(graph.calls[0], "sent", "delivered", "read", since=began),
                webhooks.text(ROMAIN, "Yes please!", at=began),
            ])  # fmt: skip
        with world.serving() as server:
            bed.serving = server
            await meta.settled()
            client = world.client(ana)
            text = {"phone": PHONE, "message": "Great."}
            assert client.post("send-text-message", text).json()["status"] == "sent"
            await told_badly(world, bed, meta, chance, [
                *statuses(graph.calls[1], "sent", "delivered", "read", since=began),
                webhooks.text(ROMAIN, "STOP", at=began + 1),
            ])  # fmt: skip
        with world.serving() as server:
            bed.serving = server
            await meta.settled()
            client = world.client(ana)
            assert client.post("send-template-message", offer).status_code == 422
            await settled(bed, ana, 3)
            sent = await rows(bed, ana)
            lost = [row for row in sent if row[0] == "unknown"]  # killed as it was confirmed
            check(client, began, began + 1, 5 - len(lost))
            assert len(lost) <= 1
            assert set(graph.seen().values()) == {1}
            assert [row[0] for row in sent[:2]] == ["read", "read"]
        await opened.__aexit__(None, None, None)


async def told_badly(
    world: World, bed: Bed, meta: Meta, chance: random.Random, bodies: list[bytes]
) -> None:
    """Each three times, shuffled; the server is killed somewhere among them, and Meta goes on."""
    posts = bodies * 3
    chance.shuffle(posts)
    dies_at = chance.randrange(1, len(posts))
    for number, body in enumerate(posts):
        if number == dies_at:
            assert world.server is not None
            world.server.process.kill()
            world.server.process.wait()
            break
        assert meta.post(body) == 200
    with world.serving() as bed.serving:
        for body in posts:  # what was not answered comes again, and more than that
            assert meta.post(body) == 200
        await meta.settled()
