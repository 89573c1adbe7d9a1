"""Once an hour, what is past its time goes, also in a workspace where nobody calls any more."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from kith import wiring
from kith.actions import connections, inbox, retention, workspaces
from kith.actions.connections import NewConnection
from kith.actions.inbox import Received
from kith.actions.run import Context, Once, Runner, utc_now
from kith.domain.idempotency import Kept
from kith.domain.tokens import Caller
from kith.errors import Unavailable
from kith.jobs.sweep import Sweep
from kith.settings import Settings
from kith.store import inbox as inbox_rows
from kith.store.inbox import FORGOTTEN_AT_ONCE_MAX

READ = FORGOTTEN_AT_ONCE_MAX + 3
NAMES = ("Ana's shop", "Ben's shop")


@pytest.fixture
async def runner(database_url: str) -> AsyncIterator[Runner]:
    async with wiring.opened(Settings(database_url=database_url, secret_key="a-key")) as runner:
        yield runner


async def count(runner: Runner, table: str) -> int:
    row = await runner.database.read(lambda tx: tx.one(f"SELECT COUNT(*) FROM {table}"))
    assert row is not None
    return int(row[0])


async def fill(runner: Runner, name: str) -> None:
    """A workspace with an answer that is kept, messages that were read, and one that was not."""
    new = workspaces.NewWorkspace(name=name, email=f"{uuid4().hex}@example.com")
    await runner.write(workspaces.create, new)
    given = NewConnection(system="shopify", secrets={"secret": "x"}, workspace=name)
    connection = await runner.write(connections.create, given)
    caller = connections.caller(connection)

    async def came_in(ctx: Context, keys: list[str]) -> None:
        for key in keys:
            received = Received(connection=connection, event_key=key, headers={}, body=b"{}")
            await inbox.receive(ctx, received)

    async def read(ctx: Context, ids: list[str]) -> None:
        for message_id in ids:
            await inbox_rows.settle(ctx.tx, tenant_id=ctx.tenant_id, uuid=message_id)

    await runner.write(came_in, [str(number) for number in range(READ + 1)], caller)
    rows = await runner.database.read(
        lambda tx: tx.all(
            "SELECT uuid FROM inbox WHERE tenant_id = :tenant_id ORDER BY uuid",
            tenant_id=caller.tenant_id,
        )
    )
    await runner.write(read, [row[0] for row in rows[:READ]], caller)
    await keep_an_answer(runner, caller)


async def keep_an_answer(runner: Runner, caller: Caller) -> None:
    async def act(ctx: Context, _: None) -> None: ...

    def answer(_: None) -> Kept:
        return Kept(status=200, etag=None, contact_id=None, body=b"{}")

    once = Once(name="update-contact", key="a", body_digest="x", answer=answer)
    await runner.write_once(act, None, caller, once)


async def test_each_goes_when_its_time_is_over(runner: Runner) -> None:
    for name in NAMES:
        await fill(runner, name)
    there = {}
    for days in (0.9, 1.1, 9.9, 10.1):
        runner.now = lambda days=days: utc_now() + timedelta(days=days)  # type: ignore[misc]
        await Sweep(runner).once()
        there[days] = (await count(runner, "idempotency_keys"), await count(runner, "inbox"))
    whole = (READ + 1) * len(NAMES)
    assert there == {0.9: (2, whole), 1.1: (0, whole), 9.9: (0, whole), 10.1: (0, len(NAMES))}


async def test_a_database_that_is_away_is_asked_again_later(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable()

    new = workspaces.NewWorkspace(name=NAMES[0], email="ana@example.com")
    await runner.write(workspaces.create, new)
    monkeypatch.setattr(runner.database, "write", away)
    with capture_logs() as logged:
        await Sweep(runner).once()
    assert [line["event"] for line in logged] == ["kept.not_swept"]


async def test_a_workspace_that_cannot_be_swept_keeps_no_other_waiting(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        await fill(runner, name)
    sweep = retention.sweep

    async def fails(ctx: Context, given: None) -> bool:
        if ctx.tenant_id == 1:
            raise ValueError("a bug")
        return await sweep(ctx, given)

    monkeypatch.setattr(retention, "sweep", fails)
    runner.now = lambda: utc_now() + timedelta(days=11)
    with capture_logs() as logged:
        await Sweep(runner).once()
    assert [(line["event"], line["tenant_id"]) for line in logged] == [("kept.not_swept", 1)]
    assert await count(runner, "idempotency_keys") == 1
