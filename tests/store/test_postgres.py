"""What only PostgreSQL can do to us: go away in the middle of a COMMIT."""

import asyncpg
import pytest
from structlog.testing import capture_logs

from kith.actions.run import utc_now
from kith.errors import CannotStart, Unavailable
from kith.store import migrate, tenants
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


@pytest.mark.parametrize(
    "url", ["postgresql://kith:pa/ss@127.0.0.1/kith", "postgresql://kith:secret@127.0.0.1:1/kith"]
)
async def test_an_address_that_leads_nowhere_is_told_without_its_password(url: str) -> None:
    with pytest.raises(CannotStart) as told:
        await connect(url)
    assert "'pa" not in str(told.value)
    assert "secret" not in str(told.value)
