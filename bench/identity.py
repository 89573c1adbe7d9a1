"""Who is it, and may I write: other spellings of a number, and verdicts."""

import asyncio
import random
import statistics
from collections.abc import Iterable

import apsw
import msgspec

from bench.lists import Caller
from bench.row import Row
from bench.world import Database, Running
from kith import wiring
from kith.actions import demo as actions
from kith.actions.audiences import CONTACTS_MAX
from kith.domain import demo
from kith.domain.phone import Phone
from kith.settings import Settings

LOOK_UPS = (
    ("variant", "get-contact by WhatsApp's other spelling", 0.25),
    ("reachability", "get-contact by phone with its verdict", 0.30),
)
BRAZILIANS = 20_000
AUDIENCES = 15
NUMBER_ID = "106540352242922"
SEED = 20_261_126

# What no operation can do yet: a business number, to which one in ten wrote some time today.
_NUMBER = (
    "INSERT INTO business_numbers (tenant_id, number_id, phone, created_at)"
    " SELECT t.id, :number_id, '+14155550100', t.created_at FROM tenants t WHERE t.uuid = :uuid"
    " ON CONFLICT DO NOTHING"
)
_CONVERSATIONS = (
    "INSERT INTO conversations (tenant_id, contact_id, number_id, last_inbound_at)"
    " SELECT c.tenant_id, c.id, :number_id,"
    " (unixepoch() - c.id * 7919 % 172800) * 1000000 FROM contacts c"
    " JOIN tenants t ON t.id = c.tenant_id WHERE t.uuid = :uuid AND c.id % 10 = 0"
    " ON CONFLICT (tenant_id, contact_id, number_id) DO UPDATE"
    " SET last_inbound_at = excluded.last_inbound_at"
)


def settle(served: Database) -> None:
    """Give the demo's world what these rows ask about; all but the times is kept for the next run.

    The Brazilians are stored with the 9 after their area code.
    """
    asyncio.run(_add_brazilians(served))
    connection = apsw.Connection(str(served.path))
    given = {"number_id": NUMBER_ID, "uuid": demo.WORKSPACE_UUID}
    for statement in (_NUMBER, _CONVERSATIONS):
        connection.execute(statement, given)
    connection.pragma("wal_checkpoint(truncate)")
    connection.close()


async def _add_brazilians(served: Database) -> None:
    async with wiring.opened(Settings(database_url=served.url)) as runner:
        workspace = await runner.write(actions.prepare, None)
        people = [
            msgspec.structs.replace(
                demo.contact(demo.NUMBER_MAX - number, id=runner.new_id()),
                phone=Phone(f"+55419{90_000_000 + number}"),
                email=None,
            )
            for number in range(BRAZILIANS)
        ]
        await runner.write(actions.add, actions.Batch(workspace, people))


def audiences(server: Running, served: Database) -> Row:
    """As large as they may be, each of other people."""
    caller, chance = Caller(server, served), random.Random(SEED)

    def ask() -> float:
        numbers = chance.sample(range(1, served.contacts + 1), CONTACTS_MAX)
        return caller.ms("check-audience", {"contacts": list(_keys(numbers))})

    ask()
    times_ms = sorted(ask() for _ in range(AUDIENCES))
    return Row(
        f"check-audience of {CONTACTS_MAX:,}, 1,000,000 contacts",
        statistics.median(times_ms),
        500,
        at_most=True,
        unit=" ms",
        detail=f"slowest of {AUDIENCES} {times_ms[-1]:.0f} ms",
    )


def _keys(numbers: Iterable[int]) -> Iterable[dict[str, str]]:
    return ({"phone": demo.phone_of(number)} for number in numbers)
