"""What only PostgreSQL can do to us: go away in the middle of a COMMIT."""

import asyncio
from itertools import count

import asyncpg
import pytest
from asyncpg.transaction import Transaction
from structlog.testing import capture_logs

from kith.actions.run import utc_now
from kith.errors import CannotStart, Unavailable
from kith.store import identities, migrate, tenants
from kith.store import postgres as postgres_store
from kith.store.database import Tx, connect
from tests.databases import postgres_database


@pytest.mark.row("R2")
async def test_a_commit_that_nobody_confirmed_is_logged_as_unknown(postgres: str) -> None:
    async with postgres_database(postgres) as url:
        database = await connect(url)
        await migrate.apply_all(database, utc_now())
        killer = await asyncpg.connect(url)

        async def work(tx: Tx) -> None:
            await tenants.add(tx, uuid="a", name="a", at=utc_now())
            row = await tx.one("SELECT pg_backend_pid()")
            assert row is not None
            await killer.execute("SELECT pg_terminate_backend($1, 5000)", row[0])

        with capture_logs() as lines, pytest.raises(Unavailable):
            await database.write(work)
        assert "storage.commit_unknown" in [line["event"] for line in lines]
        assert await database.write(lambda tx: tenants.add(tx, uuid="b", name="b", at=utc_now()))
        await killer.close()
        await database.close()


@pytest.mark.row("R2")
@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation is in progress"),
        ConnectionResetError("gone"),
        asyncio.CancelledError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_breaks_a_commit_off_leaves_it_unknown(
    postgres: str, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Also what asyncpg says of itself when the connection goes as it begins to commit."""

    async def broken_off(_: object) -> None:
        raise error

    async with postgres_database(postgres) as url:
        database = await connect(url)
        await migrate.apply_all(database, utc_now())
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(Transaction, "commit", broken_off)
            with pytest.raises((Unavailable, asyncio.CancelledError)):
                await database.write(lambda tx: tenants.add(tx, uuid="a", name="a", at=utc_now()))
        assert "storage.commit_unknown" in [line["event"] for line in lines]
        await database.close()


async def test_a_long_write_comes_to_its_end_beside_many_short_ones(postgres: str) -> None:
    """As a batch of an import beside a server: it takes the turns of many numbers, and late."""
    is_over = False

    async def soon(tx: Tx) -> None:
        await identities.take_turn(tx, tenant_id=1, of="a number")

    async def late(tx: Tx) -> None:
        await tx.one("SELECT 1")
        await asyncio.sleep(0.05)
        await soon(tx)

    async def go_on() -> int:
        numbers = count()
        while not is_over:
            await database.write(soon)
            next(numbers)
        return next(numbers)

    async with postgres_database(postgres) as url:
        database = await connect(url)
        await migrate.apply_all(database, utc_now())
        await database.write(lambda tx: tenants.add(tx, uuid="a", name="a", at=utc_now()))
        going_on = asyncio.create_task(go_on())
        for _ in range(3):
            await database.write(late)
        is_over = True
        assert await going_on > 20, "they went on, too"
        await database.close()


@pytest.mark.row("S12")
async def test_a_server_that_hangs_holds_up_the_others_for_a_moment_only(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be stopped, or cut off with its machine, in the middle of a transaction."""
    monkeypatch.setattr(postgres_store, "IDLE_S_MAX", 1)
    holds, may_go_on = asyncio.Event(), asyncio.Event()

    async def rename(tx: Tx, name: str) -> None:
        await tx.run("UPDATE tenants SET name = :name WHERE uuid = 'a'", name=name)

    async def hang(tx: Tx) -> None:
        await rename(tx, "by one that hangs")
        holds.set()
        await may_go_on.wait()
        await rename(tx, "by one that goes on")

    async with postgres_database(postgres) as url:
        hanging, other = await connect(url), await connect(url)
        await migrate.apply_all(other, utc_now())
        await other.write(lambda tx: tenants.add(tx, uuid="a", name="a", at=utc_now()))
        held = asyncio.create_task(hanging.write(hang))
        await holds.wait()
        await other.write(lambda tx: rename(tx, "by another"))
        may_go_on.set()
        with pytest.raises(Unavailable):
            await held
        assert await hanging.read(lambda tx: tx.one("SELECT name FROM tenants")) == ("by another",)
        await hanging.close()
        await other.close()


async def test_a_migration_may_take_its_time(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It computes between its statements."""
    monkeypatch.setattr(postgres_store, "IDLE_S_MAX", 1)

    async def work(tx: Tx) -> object:
        limit = await tx.one("SHOW idle_in_transaction_session_timeout")
        assert limit is not None
        return limit[0]

    async with postgres_database(postgres) as url:
        database = await connect(url)
        assert await database.write(work) == "1s"
        assert await database.alter(work) == "0"
        assert await database.write(work) == "1s"
        await database.close()


@pytest.mark.row("T10.2")
async def test_whoever_learns_a_bsuid_takes_its_turn(postgres: str) -> None:
    """Else an opt-out that is passed on to it would miss the contact that has it since."""
    learnt, may_end = asyncio.Event(), asyncio.Event()

    async def fill(tx: Tx) -> None:
        await tenants.add(tx, uuid="a", name="a", at=utc_now())
        await tx.run(
            "INSERT INTO contacts (id, tenant_id, uuid, source, created_at, updated_at)"
            " VALUES (7, 1, 'c', 'api', 0, 0)"
        )

    async def learn(tx: Tx) -> None:
        await identities.add(
            tx, tenant_id=1, kind="bsuid", value="US.1", contact_row_id=7, at=utc_now()
        )
        learnt.set()
        await may_end.wait()

    async def look(tx: Tx) -> list[int]:
        await identities.take_turn(tx, tenant_id=1, of="US.1")
        found = await tx.all("SELECT contact_id FROM identities WHERE value = 'US.1'")
        return [row[0] for row in found]

    async with postgres_database(postgres) as url:
        database = await connect(url)
        await migrate.apply_all(database, utc_now())
        await database.write(fill)
        learning = asyncio.create_task(database.write(learn))
        await learnt.wait()
        looking = asyncio.create_task(database.write(look))
        await asyncio.sleep(0.1)
        may_end.set()
        await learning
        assert await looking == [7]
        await database.close()


@pytest.mark.parametrize("way", ["read", "scan"])
async def test_what_is_read_together_is_of_one_moment(postgres: str, way: str) -> None:
    """Else get-contact would show the consent of one moment and the `opted_in_at` of another."""

    async def names(tx: Tx) -> list[str]:
        return [name for (name,) in await tx.all("SELECT name FROM tenants ORDER BY id")]

    async with postgres_database(postgres) as url:
        database = await connect(url)
        await migrate.apply_all(database, utc_now())

        async def look_twice(tx: Tx) -> tuple[list[str], list[str]]:
            before = await names(tx)
            name = f"workspace {len(before)}"
            await database.write(lambda tx: tenants.add(tx, uuid=name, name=name, at=utc_now()))
            return before, await names(tx)

        before, after = await getattr(database, way)(look_twice)
        assert before == after
        assert len(await database.read(names)) > len(after)
        await database.close()


@pytest.mark.parametrize(
    "url", ["postgresql://kith:pa/ss@127.0.0.1/kith", "postgresql://kith:secret@127.0.0.1:1/kith"]
)
async def test_an_address_that_leads_nowhere_is_told_without_its_password(url: str) -> None:
    with pytest.raises(CannotStart) as told:
        await connect(url)
    assert "'pa" not in str(told.value)
    assert "secret" not in str(told.value)
