"""Every way to write `updated_at` is noted: list-contacts finds by it who changed."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from kith.actions.run import utc_now
from kith.domain.contacts import Contact
from kith.store import bulk, contact_changes, contacts, migrate, tenants
from kith.store.database import Tx
from kith.store.sqlite import SQLite
from tests.cast import bare_contact, id_of

MADE_AT = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)
CHANGED_AT = MADE_AT + timedelta(days=3)
Write = Callable[[Tx, int, Contact, Contact], Awaitable[object]]


async def restored(tx: Tx, tenant_id: int, was: Contact, contact: Contact) -> None:
    await contacts.remove(tx, tenant_id=tenant_id, contact=was)
    await contacts.restore(tx, tenant_id=tenant_id, contact=contact)


async def added(tx: Tx, tenant_id: int, was: Contact, contact: Contact) -> None:
    await contacts.remove(tx, tenant_id=tenant_id, contact=was)
    await bulk.add(tx, tenant_id=tenant_id, contacts=[contact])


WRITES: dict[str, Write] = {
    "change": lambda tx, tenant, was, now: contacts.change(
        tx, tenant_id=tenant, was=was, contact=now
    ),
    "rewrite": lambda tx, tenant, _, now: contacts.rewrite(tx, tenant_id=tenant, contact=now),
    "set_consent": lambda tx, tenant, _, now: contacts.set_consent(
        tx, tenant_id=tenant, contact=now
    ),
    "count_message": lambda tx, tenant, _, now: contacts.count_message(
        tx, tenant_id=tenant, contact=now
    ),
    "restore": restored,
    "bulk.add": added,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_whoever_is_written_anew_is_noted(tmp_path: Path, write: Write) -> None:
    database = SQLite(str(tmp_path / "kith.db"))
    await migrate.apply_all(database, utc_now())
    one = bare_contact(id_of(MADE_AT, 1), at=MADE_AT)
    one = msgspec.structs.replace(one, name="Ana")

    async def work(tx: Tx) -> list[set[int]]:
        tenant_id = await tenants.add(tx, uuid="t", name="T", at=MADE_AT)
        await bulk.add(tx, tenant_id=tenant_id, contacts=[one])
        was = await contacts.by_id(tx, tenant_id=tenant_id, uuid=one.id)
        assert was is not None
        wanted = msgspec.structs.replace(
            was, updated_at=CHANGED_AT, last_message_at=CHANGED_AT, version=was.version + 1
        )
        await write(tx, tenant_id, was, wanted)
        now = await contacts.by_id(tx, tenant_id=tenant_id, uuid=one.id)
        assert now is not None
        assert now.updated_at == CHANGED_AT
        found = [
            await contact_changes.since(tx, tenant_id=tenant_id, after=after, rows_max=10)
            for after in (CHANGED_AT - timedelta(days=1), CHANGED_AT)
        ]
        return [*found, {now.row_id}]

    before, after, expected = await database.write(work)
    assert (before, after) == (expected, set())
    await database.close()
