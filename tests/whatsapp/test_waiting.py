"""Messages that wait for a job: sent when they may be, and never waiting for ever."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from kith.domain.jobs import TRIES_MAX, Job
from kith.integrations.whatsapp.client import Graph as Client
from kith.jobs.failures import TryAgain
from kith.jobs.sender import Sender
from tests.cast import Bed, Person
from tests.graph import Fault, Graph
from tests.graph import Person as Somebody
from tests.meta import Meta
from tests.whatsapp.sending import PHONE, jobs, rows, sealed_with_another_key

SEALED = "The WhatsApp connection was made with another KITH_SECRET_KEY: connect it anew."


@pytest.fixture
async def sender(bed: Bed) -> AsyncIterator[Sender]:
    """A worker's, which knows nothing of what Meta told another."""
    client = Client()
    yield Sender(bed.runner, client)
    await client.close()


async def waiting(bed: Bed, ana: Person, graph: Graph) -> Job:
    """The job of a message that Meta wants later."""
    graph.faults = [Fault(code=131056, retry_after_s=900)]
    sent = ana.post("send-text-message", {"phone": PHONE, "message": "Your order ships."}).json()
    assert sent["status"] == "queued"
    [(job_id,)] = await bed.rows("SELECT id FROM jobs WHERE subject = :id", id=sent["id"])
    graph.clear()
    return Job(
        id=job_id, tenant_id=ana.user.tenant_id or 0, kind="send_message", subject=sent["id"],
        tries=1,
    )  # fmt: skip


def at(job: Job, tries: int) -> Job:
    return Job(id=job.id, tenant_id=job.tenant_id, kind=job.kind, subject=job.subject, tries=tries)


async def test_a_message_whose_connection_cannot_be_opened_fails_in_the_end(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody, sender: Sender
) -> None:
    job = await waiting(bed, ana, graph)
    await sealed_with_another_key(bed, meta)
    with capture_logs() as logged:
        for tries in range(1, TRIES_MAX):
            with pytest.raises(TryAgain, match="KITH_SECRET_KEY"):
                await sender.run(bed.runner, at(job, tries))
            assert [row[0] for row in await rows(bed, ana)] == ["queued"]
        await sender.run(bed.runner, at(job, TRIES_MAX))
    assert [row[:3] for row in await rows(bed, ana)] == [("failed", 0, SEALED)]
    [message] = [
        one
        for one in ana.post("list-messages", {"phone": PHONE}).json()["messages"]
        if one["direction"] == "outbound"
    ]
    assert (message["status"], SEALED in str(message)) == ("failed", True)
    assert graph.attempts == []
    events = [line["event"] for line in logged]
    assert events == ["connection.sealed"] * (TRIES_MAX - 1) + ["send.given_up"]
    assert "token" not in str(logged)
    await sender.run(bed.runner, at(job, 1))
    assert [row[0] for row in await rows(bed, ana)] == ["failed"], "and is not taken up again"


async def test_one_that_can_be_opened_again_in_time_is_sent(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody, sender: Sender
) -> None:
    job = await waiting(bed, ana, graph)
    [(secrets,)] = await bed.rows(
        "SELECT secrets FROM connections WHERE uuid = :uuid", uuid=meta.connection.id
    )
    await sealed_with_another_key(bed, meta)
    with pytest.raises(TryAgain):
        await sender.run(bed.runner, job)
    await bed.change(
        "UPDATE connections SET secrets = :secrets WHERE uuid = :uuid",
        secrets=secrets,
        uuid=meta.connection.id,
    )
    await sender.run(bed.runner, at(job, 2))
    assert [row[0] for row in await rows(bed, ana)] == ["sent"]
    assert len(graph.calls) == 1
    assert await jobs(bed, ana) == 1, "which the worker settles"


async def test_what_may_not_be_sent_any_more_is_not(
    bed: Bed, ana: Person, graph: Graph, romain: Somebody, sender: Sender
) -> None:
    job = await waiting(bed, ana, graph)
    assert ana.post("block-contact", {"phone": PHONE}).is_success
    with capture_logs() as logged:
        await sender.run(bed.runner, job)
    assert [row[:3] for row in await rows(bed, ana)] == [("failed", 0, "Contact is blocked")]
    given_up: Any = logged[0]
    assert (given_up["event"], given_up["reason"]) == ("send.given_up", "Contact is blocked")
    assert graph.attempts == []
