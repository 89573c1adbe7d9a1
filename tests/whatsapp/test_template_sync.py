"""Templates as Meta lists them: by a job when an account is connected, and by the command."""

import json
import subprocess
import time
from typing import Any

import pytest

from kith.actions import facts, jobs, template_syncs
from kith.actions.connections import of_tenant
from kith.actions.run import Context
from kith.domain.jobs import Job
from kith.domain.whatsapp_facts import TemplatesChanged
from kith.errors import Refused
from kith.integrations.whatsapp.client import Graph as Client
from kith.jobs.failures import Hopeless, TryAgain
from kith.jobs.sync_templates import TemplateSync
from tests.cast import Bed, Person
from tests.graph import Graph
from tests.graph.samples import TEMPLATES
from tests.graph.server import TOKEN
from tests.integrations.test_whatsapp_reader import payload
from tests.meta import Meta, connected
from tests.serving import KITH, environment
from tests.waits import await_until, wait_until
from tests.whatsapp.sending import sealed_with_another_key

NAMES = sorted({one["name"] for one in TEMPLATES})


def names(person: Person) -> list[str]:
    return [one["name"] for one in person.post("list-templates", {}).json()]


async def test_they_are_asked_for_when_an_account_is_connected(
    bed: Bed, ana: Person, graph: Graph
) -> None:
    await connected(bed, ana, graph_url=graph.url, access_token=TOKEN, asks_for_templates=True)
    wait_until(lambda: names(ana), "the templates", is_so=lambda found: found == NAMES)
    await the_next_is_planned(bed, ana)
    count = "SELECT COUNT(*) FROM jobs WHERE tenant_id = :tenant_id"
    assert await bed.rows(count, tenant_id=ana.user.tenant_id) == [(1,)], "and no other job"


async def run_once(bed: Bed, meta: Meta, tries: int = 1) -> None:
    job = Job(
        id=0, tenant_id=meta.connection.tenant_id, kind="sync_templates",
        subject=meta.connection.id, tries=tries,
    )  # fmt: skip
    client = Client()
    try:
        await TemplateSync(client).run(bed.runner, job)
    finally:
        await client.close()


async def test_a_run_that_fails_says_whether_to_try_again(
    bed: Bed, ana: Person, graph: Graph
) -> None:
    meta = await connected(bed, ana, graph_url=graph.url, access_token="another")
    with pytest.raises(Hopeless, match="190"):
        await run_once(bed, meta)
    gone = await connected(bed, await bed.owner("Eve"), asks_for_templates=True)
    for tries in (1, 5):
        with pytest.raises(TryAgain):
            await run_once(bed, gone, tries=tries)
    assert len(await bed.rows(
        "SELECT id FROM jobs WHERE tenant_id = :tenant_id AND kind = 'sync_templates'"
        " AND gave_up_at IS NULL AND tries = 0",
        tenant_id=gone.connection.tenant_id,
    )) == 1, "the next run is planned once"  # fmt: skip


async def planned(bed: Bed, person: Person) -> list[tuple[Any, ...]]:
    """The runs that are to come, or that somebody is at: whether given up, how often tried."""
    return await bed.rows(
        "SELECT gave_up_at IS NOT NULL, tries, due_at FROM jobs"
        " WHERE tenant_id = :tenant_id AND kind = 'sync_templates'",
        tenant_id=person.user.tenant_id,
    )


async def the_next_is_planned(bed: Bed, person: Person) -> None:
    """One run, untried, in some hours, and nothing beside it."""
    await await_until(
        lambda: planned(bed, person),
        "the next run",
        is_so=lambda found: (
            [row[:2] for row in found] == [(0, 0)] and found[0][2] / 1e6 > time.time() + 5 * 3_600
        ),
    )


@pytest.mark.parametrize("trouble", ["refused", "sealed"])
async def test_a_run_that_can_do_nothing_ends_and_the_next_comes_in_its_time(
    bed: Bed, ana: Person, graph: Graph, trouble: str
) -> None:
    """A token that Meta takes no more; secrets that nobody can open any more."""
    meta = await connected(
        bed, ana, graph_url=graph.url, access_token="another" if trouble == "refused" else TOKEN
    )
    if trouble == "sealed":
        await sealed_with_another_key(bed, meta)
    graph.clear()

    async def begin(ctx: Context, _: None) -> None:
        for _ in range(2):  # as if Meta's word and the time came together
            await jobs.add(ctx, jobs.SYNC_TEMPLATES, meta.connection.id)

    await bed.runner.write(begin, None, of_tenant(meta.connection.tenant_id))
    await the_next_is_planned(bed, ana)
    assert bool(graph.requests) is (trouble == "refused")


CHANGES = ["template_status", "template_category", "template_components"]


@pytest.mark.parametrize("name", CHANGES)
async def test_what_meta_tells_of_a_template_takes_effect_at_once(
    bed: Bed, ana: Person, graph: Graph, name: str
) -> None:
    meta = await connected(
        bed, ana, graph_url=graph.url, access_token=TOKEN, asks_for_templates=True
    )
    await the_next_is_planned(bed, ana)
    graph.templates = [
        {**one, "status": "PAUSED", "category": "MARKETING"}
        if one["name"] == "order_confirmation" else one
        for one in graph.templates
    ]  # fmt: skip
    graph.clear()
    told = payload(name)
    await meta.told(told, told.replace(b"1778141663", b"1778141664"))
    await the_next_is_planned(bed, ana)
    [order] = [
        one for one in ana.post("list-templates", {}).json() if one["name"] == "order_confirmation"
    ]
    assert (order["status"], order["category"]) == ("REJECTED", "MARKETING")


async def test_what_meta_tells_while_a_list_is_fetched_is_not_lost(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    """A run that somebody is at may have its list already: another one follows."""
    await bed.change(
        "INSERT INTO jobs (tenant_id, kind, subject, lane, due_at, created_at, tries)"
        " VALUES (:id, 'sync_templates', :subject, 3, :due_at, 1, 1)",
        id=ana.user.tenant_id,
        subject=meta.connection.id,
        due_at=time.time_ns() // 1_000 + 3_600_000_000,
    )
    graph.clear()
    await bed.runner.write(facts.apply, TemplatesChanged(), meta.caller)
    wait_until(lambda: graph.requests, "a run")
    await bed.change(
        "DELETE FROM jobs WHERE subject = :id AND created_at = 1", id=meta.connection.id
    )


async def test_an_account_that_is_connected_no_more_is_left_alone(
    bed: Bed, ana: Person, meta: Meta, graph: Graph
) -> None:
    from kith.actions import connections

    await bed.runner.write(connections.remove, meta.connection.id)
    graph.clear()
    await run_once(bed, meta)
    assert graph.requests == []
    job = Job(id=0, tenant_id=ana.user.tenant_id or 0, kind="x", subject="x", tries=1)
    assert await bed.runner.write(template_syncs.begin, job, of_tenant(job.tenant_id)) is None
    with pytest.raises(Refused, match="No WhatsApp account"):
        await bed.runner.read(template_syncs.accounts, ana.workspace.id)


async def test_the_command(bed: Bed, ana: Person, meta: Meta, server_database_url: str) -> None:
    def kith(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [KITH, "templates", "sync", "--workspace", ana.workspace.id, *arguments],
            env=environment(database_url=server_database_url, secret_key="the-key-of-the-tests"),
            capture_output=True,
            text=True,
            check=False,
        )

    done = kith("--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"translations": len(TEMPLATES), "unreadable": 0}
    assert names(ana) == NAMES
    await bed.change(
        "UPDATE connections SET config = :config WHERE uuid = :uuid",
        config=json.dumps({**meta.connection.config, "graph_url": "http://127.0.0.1:9"}),
        uuid=meta.connection.id,
    )
    done = kith()
    assert done.returncode == 1
    assert done.stderr == "kith: Meta could not be asked: ConnectError.\n"
    assert names(ana) == NAMES, "what is known stays"
