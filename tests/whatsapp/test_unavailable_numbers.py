"""A number that Meta lets send nothing: told with Meta's own code, and never for good."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kith.actions import connections, whatsapp_connections
from kith.actions.connections import Rotate
from kith.actions.whatsapp_connections import ChangeWhatsApp
from kith.domain import graph as codes
from tests.cast import Bed, Person
from tests.graph import Fault, Graph
from tests.graph import Person as Somebody
from tests.graph.server import ACCOUNT_ID, NUMBER_ID, TOKEN
from tests.meta import Meta, batch, change, connected
from tests.whatsapp.sending import PHONE

TEXT = {"phone": PHONE, "message": "Your order ships today.", "number_id": NUMBER_ID}
UNPAID = 131042
OF_NUMBER = sorted(
    code for code, known in codes.CODES.items() if known.means == "number_unavailable"
)


def code_of(ana: Person) -> int:
    """Of Meta's refusal, or of ours; 0 where the message left."""
    answer = ana.post("send-text-message", TEXT)
    if answer.is_success:
        return 0
    assert answer.status_code == 422, answer.text
    return int(answer.json()["error_code"])


def refused_by_meta(ana: Person, graph: Graph, code: int = UNPAID) -> None:
    graph.faults = [Fault(code=code)]
    assert code_of(ana) == code
    graph.clear()


async def ago(bed: Bed, ana: Person, minutes: float) -> None:
    """As if Meta had said so then."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    await bed.change(
        "UPDATE business_numbers SET unavailable_since = :at WHERE tenant_id = :tenant_id"
        " AND unavailable_since IS NOT NULL",
        at=int(at.timestamp()) * 1_000_000,
        tenant_id=ana.user.tenant_id,
    )


def status(wamid: str, state: str, at: float, code: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = {"id": wamid, "status": state, "timestamp": str(int(at)),
                            "recipient_id": PHONE[1:]}  # fmt: skip
    if code:
        told["errors"] = [{"code": code}]
    return batch([change({"statuses": [told]})])


def echo(at: float) -> dict[str, Any]:
    """What the business wrote from its phone."""
    said = {"from": "15550783881", "to": PHONE[1:], "id": f"wamid.{at}", "type": "text",
            "timestamp": str(int(at)), "text": {"body": "Yes"}}  # fmt: skip
    return batch([change({"message_echoes": [said]}, "smb_message_echoes")])


def reinstated() -> dict[str, Any]:
    told = {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}
    one = {"field": "account_update", "value": told}
    entry = {"id": ACCOUNT_ID, "time": int(time.time()), "changes": [one]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


@pytest.mark.parametrize("code", OF_NUMBER)
async def test_metas_own_code_is_told_until_the_hour_is_over(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody, code: int
) -> None:
    refused_by_meta(ana, graph, code)
    assert code_of(ana) == code
    assert graph.attempts == [], "Meta is not asked"
    told = ana.post("get-reachability", {"phone": PHONE}).json()["numbers"][0]
    for kind in ("free_form", "utility", "marketing"):
        assert told[kind]["reason"] == "number_unavailable"
        left = datetime.fromisoformat(told[kind]["until"]) - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= timedelta(minutes=60, seconds=1)
    await ago(bed, ana, minutes=59)
    assert code_of(ana) == code
    assert graph.attempts == []
    await ago(bed, ana, minutes=61)
    refused_by_meta(ana, graph, UNPAID)  # another hour, and what was said last
    assert code_of(ana) == UNPAID
    assert graph.attempts == []
    await ago(bed, ana, minutes=61)
    assert code_of(ana) == 0
    assert code_of(ana) == 0
    left_over = "SELECT unavailable_since, unavailable_code FROM business_numbers"
    rows = await bed.rows(f"{left_over} WHERE tenant_id = :id", id=ana.user.tenant_id)
    assert {*rows} == {(None, None)}, "it has sent: forgotten"


# What ends it before; each is told of a number that Meta refused five minutes ago.
Ending = Callable[[Bed, Person, Meta, Graph], Awaitable[None]]


async def an_echo(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    await meta.told(echo(time.time() - 60))


async def a_status_of_what_left_since(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    """Told before the message itself is."""
    at = time.time() - 60
    await meta.told(status(f"wamid.{at}", "read", at + 5))
    await meta.told(echo(at))


async def the_account(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    await meta.told(reinstated())


async def another_token(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    given = Rotate(connection_id=meta.connection.id, secrets={"access_token": TOKEN})
    await bed.runner.write(whatsapp_connections.rotate, given)


async def connected_anew(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    await bed.runner.write(connections.remove, meta.connection.id)
    await connected(bed, ana, graph_url=graph.url, access_token=TOKEN)


async def the_operator(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    given = ChangeWhatsApp(connection_id=meta.connection.id, may_send=True)
    await bed.runner.write(whatsapp_connections.change, given)


ENDINGS: list[Ending] = [
    an_echo, a_status_of_what_left_since, the_account, another_token, connected_anew, the_operator,
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_ends_it(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody, ending: Ending
) -> None:
    refused_by_meta(ana, graph)
    await ago(bed, ana, minutes=5)
    assert code_of(ana) == UNPAID
    await ending(bed, ana, meta, graph)
    assert code_of(ana) == 0


async def other_secret(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    given = Rotate(connection_id=meta.connection.id, secrets={"verify_token": "another"})
    await bed.runner.write(whatsapp_connections.rotate, given)


async def another_number(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    others = [one for one in meta.connection.config["phone_number_ids"] if one != NUMBER_ID]
    given = ChangeWhatsApp(
        connection_id=meta.connection.id, number_ids=tuple(others), may_send=True
    )
    await bed.runner.write(whatsapp_connections.change, given)


async def what_left_before(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    """Also when it arrives only now: its recipient was away."""
    at = time.time() - 600
    await meta.told(echo(at))
    for state in ("sent", "delivered", "read"):
        when = at if state == "sent" else time.time()
        await meta.told(status(f"wamid.{at}", state, when))


async def what_failed_since(bed: Bed, ana: Person, meta: Meta, graph: Graph) -> None:
    at = time.time() - 60
    await meta.told(echo(at))
    await meta.told(status(f"wamid.{at}", "failed", at, UNPAID))


@pytest.mark.parametrize(
    "no_ending", [other_secret, another_number, what_left_before, what_failed_since]
)
async def test_what_does_not_end_it(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody, no_ending: Ending
) -> None:
    refused_by_meta(ana, graph)
    await ago(bed, ana, minutes=5)
    await no_ending(bed, ana, meta, graph)
    assert code_of(ana) == UNPAID
    assert graph.attempts == []


async def test_a_message_that_meta_took_and_then_refused(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    """By a clock that is behind ours: that it was taken does not speak for the number."""
    assert code_of(ana) == 0
    [call] = graph.calls
    graph.clear()
    await meta.told(status(str(call.wamid), "failed", time.time() - 3, UNPAID))
    assert code_of(ana) == UNPAID
    assert graph.attempts == []
