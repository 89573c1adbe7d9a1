"""Meta's ids for messages: one message has one, whoever tells of it first."""

import time
from typing import Any

import pytest

from tests.cast import Bed, Person
from tests.graph import Fault, Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.http import as_json
from tests.graph.server import NUMBER_ID, Call
from tests.meta import SECOND_NUMBER_ID, Meta
from tests.waits import wait_until
from tests.whatsapp.sending import PHONE, jobs, rows

TEXT = {"phone": PHONE, "message": "Your order ships today."}
OTHER = "+14155550188"


def echo(wamid: str, *, to: str = PHONE, number_id: str = NUMBER_ID, **more: Any) -> bytes:
    """As if it had been written in WhatsApp's own app."""
    told = {"from": "15550783881", "to": to[1:], "id": wamid, "type": "text",
            "timestamp": str(int(time.time())), "text": {"body": "Seen"}} | more  # fmt: skip
    value = {"message_echoes": [told]}
    return webhooks.envelope(value, field="smb_message_echoes", number_id=number_id)


def listed(person: Person, phone: str = PHONE) -> list[dict[str, Any]]:
    """Those that went out."""
    found = person.post("list-messages", {"phone": phone}).json()["messages"]
    return [one for one in found if one["direction"] == "outbound"]


def counted(person: Person) -> int:
    return int(person.get_contact(phone=PHONE).json()["total_messages"])


@pytest.mark.row("T3.3")
async def test_two_sends_that_meta_calls_alike(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    """What became of the second nobody knows; nobody is told to send it again."""
    named = [{"input": PHONE, "wa_id": romain.wa_id}]
    reply = as_json({"messaging_product": "whatsapp", "contacts": named,
                     "messages": [{"id": "wamid.twice"}]})  # fmt: skip
    graph.faults = [Fault("raw", raw=reply), Fault("raw", raw=reply)]
    first, second = (ana.post("send-text-message", TEXT) for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (200, "sent")
    assert (second.status_code, second.json()["status"]) == (200, "unknown")
    assert second.json()["whatsapp_message_id"] is None
    bed.serving.logged("send.unknown", message_id=second.json()["id"])
    assert counted(ana) == 2
    told = webhooks.status("wamid.twice", "read", romain, at=time.time())
    await meta.told(told, told)
    assert [row[0] for row in await rows(bed, ana)] == ["read", "unknown"]
    assert counted(ana) == 2
    assert await jobs(bed, ana) == 0


@pytest.mark.row("T3.3")
async def test_an_echo_that_comes_before_the_answer_is_the_message(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    """Counted once, under the id that the caller is told, as far as it came."""

    def echoed(call: Call) -> None:
        assert meta.post(echo(call.wamid)) == 200
        wait_until(lambda: counted(ana) == 2, "the echo")
        read = webhooks.status(call.wamid, "read", romain, at=time.time())
        assert meta.post(read) == 200
        wait_until(lambda: "read" in {one["status"] for one in listed(ana)}, "its status")

    graph.on_accepted = echoed
    answer = ana.post("send-text-message", TEXT)
    sent, wamid = answer.json(), graph.calls[0].wamid
    assert (answer.status_code, sent["status"], sent["whatsapp_message_id"]) == (200, "sent", wamid)
    [message] = listed(ana)
    assert (message["id"], message["whatsapp_message_id"]) == (sent["id"], wamid)
    assert message["content"] == {"body": TEXT["message"]}
    assert (message["status"], message["read_at"] is not None) == ("read", True)
    await meta.told(echo(wamid), echo(wamid))
    assert counted(ana) == 2
    assert [row[0] for row in await rows(bed, ana)] == ["read"]


async def test_an_echo_that_was_edited_meanwhile(
    ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    def edited(call: Call) -> None:
        new = {"type": "text", "text": {"body": "Tomorrow."}}
        edit = {"original_message_id": call.wamid, "message": new}
        for body in (echo(call.wamid), echo(call.wamid + "e", type="edit", edit=edit)):
            assert meta.post(body) == 200
        wait_until(lambda: any(one["edited_at"] for one in listed(ana)), "the edit")

    graph.on_accepted = edited
    sent = ana.post("send-text-message", TEXT).json()
    [message] = listed(ana)
    assert (message["id"], message["content"]) == (sent["id"], {"body": "Tomorrow."})
    assert message["edited_at"] is not None
    assert counted(ana) == 2


@pytest.mark.row("T3.3")
async def test_a_status_joins_an_echo_with_a_message_whose_answer_was_lost(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    graph.faults = [Fault("lost")]
    sent = ana.post("send-text-message", TEXT).json()
    assert sent["status"] == "unknown"
    [call] = graph.calls
    await meta.told(echo(call.wamid))
    assert counted(ana) == 2
    told = webhooks.status(call.wamid, "read", romain, at=time.time(), callback=call.callback)
    await meta.told(told, told)
    [message] = listed(ana)
    assert (message["id"], message["status"]) == (sent["id"], "read")
    assert counted(ana) == 2


@pytest.mark.row("T3.3")
@pytest.mark.parametrize("other", [{"to": OTHER}, {"number_id": SECOND_NUMBER_ID}])
async def test_an_echo_to_somebody_else_or_of_another_number_is_another_message(
    ana: Person, graph: Graph, meta: Meta, romain: Somebody, other: dict[str, str]
) -> None:
    def echoed(call: Call) -> None:
        assert meta.post(echo(call.wamid, **other)) == 200
        to = other.get("to", PHONE)
        wait_until(lambda: ana.get_contact(phone=to).is_success, "the contact")
        wait_until(
            lambda: call.wamid in {one["whatsapp_message_id"] for one in listed(ana, to)},
            "the echo",
        )

    graph.on_accepted = echoed
    answer = ana.post("send-text-message", TEXT)
    assert (answer.status_code, answer.json()["status"]) == (200, "unknown")
    told = {one["id"]: one["status"] for one in listed(ana)}
    assert told[answer.json()["id"]] == "unknown"
    assert len(told) == (1 if "to" in other else 2)
    assert counted(ana) == (1 if "to" in other else 2)
