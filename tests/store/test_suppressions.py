"""Hashes of erased names: when somebody was erased under one, and when only its opt-out is kept."""

from datetime import UTC, datetime

import pytest

from kith.actions.run import utc_now
from kith.domain.consent import Withdrawal
from kith.store import migrate, suppressions
from kith.store.database import Tx, connect

ERASED_AT = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)


@pytest.mark.row("T18.1")
async def test_a_name_that_somebody_has_since_is_of_no_erasure(blank_database_url: str) -> None:
    """What a shop told of whoever had the number before stays theirs."""
    database = await connect(blank_database_url)
    withdrawn = Withdrawal(
        channel="whatsapp", purpose="marketing", at=ERASED_AT, source="inbound", method="keyword"
    )

    async def add(tx: Tx, digest: str, erased_at: datetime | None) -> None:
        await suppressions.add(
            tx,
            tenant_id=1,
            kind="phone",
            digest=digest,
            erased_at=erased_at,
            opted_out_at=None,
            withdrawals=[withdrawn],
        )

    async def work(tx: Tx) -> list[datetime | None]:
        await tx.run("INSERT INTO tenants (id, uuid, name, created_at) VALUES (1, 't', 'T', 0)")
        await add(tx, "passed on", None)
        await add(tx, "erased", ERASED_AT)
        for digest in ("both", "both, the other way round"):
            for erased_at in ([None, ERASED_AT], [ERASED_AT, None])[digest != "both"]:
                await add(tx, digest, erased_at)
        return [
            await suppressions.erased_at(tx, tenant_id=1, kind="phone", digest=digest)
            for digest in ("passed on", "erased", "both", "both, the other way round")
        ]

    try:
        await migrate.apply_all(database, utc_now())
        assert await database.write(work) == [None, ERASED_AT, ERASED_AT, ERASED_AT]
    finally:
        await database.close()
