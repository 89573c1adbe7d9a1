"""A digest is the same as long as no row changes, and no longer."""

from collections.abc import AsyncIterator

import pytest

from kith import wiring
from kith.actions.run import Runner
from kith.settings import Settings
from kith.store.database import Tx
from tests.digests import Digests, digests

NEW = "INSERT INTO tenants (uuid, name, created_at) VALUES (:uuid, 'A', 0)"


@pytest.fixture
async def runner(database_url: str) -> AsyncIterator[Runner]:
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        yield runner


@pytest.fixture
async def of_now(runner: Runner, database_url: str) -> AsyncIterator[Digests]:
    async with digests(database_url) as of_now:
        yield of_now


async def change(runner: Runner, sql: str, **values: object) -> None:
    await runner.database.write(lambda tx: tx.run(sql, **values))


async def test_each_change_is_seen_and_nothing_else(runner: Runner, of_now: Digests) -> None:
    empty = await of_now.now()
    await change(runner, NEW, uuid="1")
    one = await of_now.now()
    await change(runner, "UPDATE tenants SET name = :name", name="B")
    renamed = await of_now.now()
    await change(runner, "DELETE FROM users WHERE id = 7")
    assert await of_now.now() == renamed
    await change(runner, "UPDATE tenants SET name = :name", name="A")
    back = await of_now.now()
    await change(runner, "DELETE FROM tenants")
    assert await of_now.now() == empty
    assert back == one
    assert one != renamed != empty != one


async def test_a_refused_write_is_no_change(runner: Runner, of_now: Digests) -> None:
    before = await of_now.now()
    with pytest.raises(ZeroDivisionError):
        await runner.database.write(fail)
    assert await of_now.now() == before


async def fail(tx: Tx) -> None:
    await tx.run(NEW, uuid="1")
    raise ZeroDivisionError


async def test_when_a_token_was_used_is_no_change(runner: Runner, of_now: Digests) -> None:
    await change(runner, "INSERT INTO users (email, email_key, created_at) VALUES ('a', 'a', 0)")
    await change(
        runner,
        "INSERT INTO tokens (user_id, name, hint, digest, scopes, created_at)"
        " SELECT id, 'x', 'x', 'x', 'read', 0 FROM users",
    )
    before = await of_now.now()
    await change(runner, "UPDATE tokens SET last_used_at = 7")
    after = await of_now.now()
    assert after is not before
    assert after == before


async def test_nothing_is_read_while_nobody_writes(sqlite_url: str) -> None:
    async with digests(sqlite_url) as of_now:
        before = await of_now.now()
        assert await of_now.now() is before
        assert not before.tables
