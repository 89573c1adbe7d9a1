"""Consent over every way in: what lifts an opt-out, and that nothing is shown but the ledger says.

The acts are those of the domain's tests; here they go through the actions, on both engines.
"""

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from kith import wiring
from kith.actions import consent, contacts, personal_data, workspaces
from kith.actions.consent import SetConsent, Told
from kith.actions.run import Context, Runner, new_id
from kith.domain import consent as rules
from kith.domain.consent import Record
from kith.domain.contacts import Contact, ContactKey, FindOrCreate, SaveContact, UpdateContact
from kith.domain.phone import parse
from kith.domain.times import to_us
from kith.domain.tokens import Caller
from kith.errors import AppError, Forbidden
from kith.settings import Settings
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store.database import Tx
from tests.api.test_audit import REFUSED
from tests.domain.consent_acts import ACTS, DAY, LIFTING

PHONE = parse("+14155550123")
HISTORIES, STEPS = 25, 14


class World:
    """One workspace, one phone, a clock that a test sets."""

    def __init__(self, runner: Runner, caller: Caller) -> None:
        self.runner = Runner(runner.database, now=lambda: self.now, new_id=new_id)
        self.caller = caller
        self.now = DAY

    async def contact(self, tx: Tx) -> Contact:
        known = await contact_rows.by_phone(tx, tenant_id=self.tenant_id, phone=PHONE)
        assert known is not None
        return known

    @property
    def tenant_id(self) -> int:
        assert self.caller.tenant_id is not None
        return self.caller.tenant_id

    async def rows(self) -> list[Record]:
        async def work(tx: Tx) -> list[Record]:
            known = await self.contact(tx)
            return await ledger.of_contact(tx, tenant_id=self.tenant_id, contact_uuid=known.id)

        return await self.runner.database.write(work)

    async def act(self, name: str, occurred_at: datetime | None = None, **more: Any) -> Told:
        """Something of ACTS, by the way that any source takes."""
        state, source, method, note = ACTS[name]
        wanted: dict[str, Any] = {
            "channel": "whatsapp", "purpose": "marketing", "state": state, "source": source,
            "method": method, "note": note, "occurred_at": occurred_at, **more,
        }  # fmt: skip

        async def work(ctx: Context, given: SetConsent) -> Told:
            return await consent.tell(ctx, await self.contact(ctx.tx), given)

        return await self.runner.write(work, SetConsent(phone=PHONE, **wanted), self.caller)

    async def save(self) -> None:
        await self.runner.write(contacts.save, SaveContact(phone=PHONE), self.caller)

    async def check(self) -> None:
        """The columns and `consent_states` are what a rebuild from the ledger gives."""
        rows = await self.rows()
        known = await self.runner.database.write(self.contact)
        assert (known.opted_in_at, known.opted_out_at) == rules.projection(rows)
        kept = await self.runner.database.write(
            lambda tx: tx.all(
                "SELECT channel, purpose, state, since, is_stopped_at_meta FROM consent_states"
                " WHERE tenant_id = :tenant_id AND contact_id = :id",
                tenant_id=self.tenant_id,
                id=known.row_id,
            )
        )
        assert {tuple(row) for row in kept} == {
            (
                one.channel,
                one.purpose,
                one.own.state if one.own else None,
                to_us(rules.acted_at(one.own)) if one.own else None,
                int(one.is_stopped_at_meta),
            )
            for one in rules.all_in_force(rows)
            if one.row is not None or one.is_stopped_at_meta
        }


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        given = workspaces.NewWorkspace(name="Acme", email="ana@example.com")
        workspace, user = await runner.write(workspaces.create, given)
        caller = Caller(
            token_id=1,
            user_id=user.id,
            tenant_id=workspace.row_id,
            scopes=("read", "write"),
            rate_limit_per_minute=None,
        )
        yield World(runner, caller)


async def state(world: World) -> tuple[str | None, str | None]:
    """What is in force, and from which source."""
    row = rules.in_force(rules.about(await world.rows(), channel="whatsapp", purpose="marketing"))
    return (row.state, row.source) if row else (None, None)


@pytest.mark.row("T10.2")
async def test_over_all_inlets_only_the_person_or_an_operator_lifts(world: World) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(HISTORIES):
        await world.save()
        for _ in range(STEPS):
            world.now += timedelta(minutes=chance.randint(-1, 4))
            before, source = await state(world)
            name = await step(world, chance)
            after, _ = await state(world)
            may_lift = name in LIFTING or (name == "Meta resume" and source == "meta")
            if before == "withdrawn" and not may_lift:
                assert after == "withdrawn", name
            if before == "granted" and ACTS.get(name, ("",))[0] == "pending":
                assert after == "granted", name
            await world.check()
        await world.runner.write(personal_data.erase, ContactKey(phone=PHONE), world.caller)
        await world.runner.database.write(  # the next one begins without a past
            lambda tx: tx.run(
                "DELETE FROM suppressions WHERE tenant_id = :tenant_id", tenant_id=world.tenant_id
            )
        )


async def step(world: World, chance: random.Random) -> str:
    """Something happens by one of the ways in; returns what."""
    name = chance.choice([*ACTS, "save", "find", "update", "anew", "claim"])
    run, caller = world.runner, world.caller
    if name == "save":
        await world.save()
    elif name == "find":
        given = FindOrCreate(phone=PHONE, on_conflict="update", name="R")
        await run.write(contacts.find_or_create, given, caller)
    elif name == "update":
        await run.write(contacts.update, UpdateContact(phone=PHONE, tags=("a",)), caller)
    elif name == "anew":
        await run.write(personal_data.erase, ContactKey(phone=PHONE), caller)
        await world.save()
    elif name == "claim":
        claim = SetConsent(
            phone=PHONE, channel="whatsapp", purpose="marketing", state="granted",
            source="operator", method="note", note="As an integration would forge it.",
        )  # fmt: skip
        with pytest.raises(Forbidden):
            await run.write(consent.set_state, claim, caller)
    else:
        at = chance.choice([None, world.now - timedelta(minutes=chance.randint(-2, 6))])
        purpose = chance.choice(["marketing"] * 4 + ["utility"])
        try:
            await world.act(name, at, purpose=purpose)
        except AppError:
            assert name == "operator yes", "without a reason"
        if purpose == "utility":
            return "of another purpose"
    return name


@pytest.mark.row("T10.2")
async def test_a_server_whose_clock_is_behind_hears_a_stop(world: World) -> None:
    """Of several servers one is ahead, or a clock was set back: what is told later counts."""
    await world.save()
    for stop in ("API no", "STOP word", "Meta stop"):
        await world.act("operator yes, why")
        world.now -= timedelta(minutes=10)
        await world.act(stop)
        assert (await state(world))[0] == "withdrawn", stop
        await world.check()
        await world.act("operator yes, why")
        assert (await state(world))[0] == "granted", stop
        await world.check()


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("is_cut", [False, True], ids=["as told", "cut to the clock"])
async def test_a_server_whose_clock_is_behind_hears_a_stop_by_whatsapp_s_clock(
    world: World, is_cut: bool
) -> None:
    """Of a message the time is cut to the clock, so that none comes from the future."""
    await world.save()
    said_at = world.now
    await world.act("START word", said_at)
    world.now -= timedelta(minutes=3)
    await world.act("STOP word", world.now if is_cut else said_at + timedelta(minutes=1))
    assert await state(world) == ("withdrawn", "inbound")
    await world.check()
    learned = [row.recorded_at for row in await world.rows()]
    assert learned == sorted(set(learned))


@pytest.mark.row("T10.2", "T18.1")
async def test_each_stop_outlives_an_erasure_as_what_it_was(world: World) -> None:
    """A stop at Meta is lifted by a resume there, one's own is not."""
    await world.save()
    await world.act("Meta stop")
    for name in ("STOP word", "shop no"):
        await world.act(name, purpose="utility")
        await world.act(name, channel="sms")
    for _ in "12":
        await world.runner.write(personal_data.erase, ContactKey(phone=PHONE), world.caller)
        await world.save()
        await world.check()
        kept = [(row.channel, row.purpose, row.source) for row in await world.rows()]
        assert sorted(kept) == [
            ("sms", "marketing", "shopify"),
            ("whatsapp", "marketing", "meta"),
            ("whatsapp", "utility", "shopify"),
        ]
    world.now += timedelta(minutes=1)
    await world.act("Meta resume")
    assert await state(world) == (None, None)


async def test_rows_of_somebody_merged_count(world: World) -> None:
    await world.save()
    await world.act("STOP word")
    [row] = await world.rows()
    other = parse("+14155550124")
    saved = await world.runner.write(contacts.save, SaveContact(phone=other), world.caller)

    async def merged(tx: Tx) -> list[Record]:
        values = {"tenant_id": world.tenant_id, "gone": row.contact_id, "into": saved.id}
        await tx.run(
            "INSERT INTO merges (tenant_id, uuid, from_uuid, into_uuid, at)"
            " VALUES (:tenant_id, 'm', :gone, :into, 0)",
            **values,
        )
        await tx.run(
            "INSERT INTO merged_contacts (tenant_id, uuid, into_uuid, merge_uuid)"
            " VALUES (:tenant_id, :gone, :into, 'm')",
            **values,
        )
        return await ledger.of_contact(tx, tenant_id=world.tenant_id, contact_uuid=saved.id)

    assert await world.runner.database.write(merged) == [row]


REWRITES = (
    "UPDATE consent_records SET state = 'granted'",
    "UPDATE consent_records SET occurred_at = occurred_at - 1",
    "UPDATE consent_records SET recorded_at = recorded_at - 1",
    "UPDATE consent_records SET contact_uuid = 'x'",
    "UPDATE consent_records SET source = 'inbound', method = 'keyword'",
    "UPDATE consent_records SET user_id = 7",
    "UPDATE consent_records SET wording = NULL",
    "UPDATE consent_records SET wording_version = 'x'",
    "UPDATE consent_records SET address = '+14155550100'",
    "UPDATE consent_records SET note = 'another', address = NULL, evidence = NULL",
    """UPDATE consent_records SET evidence = '{"ip":"x"}'""",
    "DELETE FROM consent_records",
)
DETOURS = {
    "sqlite": (
        "REPLACE INTO consent_records SELECT * FROM consent_records",
        "INSERT OR REPLACE INTO consent_records SELECT * FROM consent_records",
    ),
    "postgres": ("TRUNCATE consent_records", "TRUNCATE tenants CASCADE"),
}


@pytest.mark.row("T10.2")
async def test_nobody_rewrites_it(world: World) -> None:
    await world.save()
    await world.act("STOP word", wording="Ours.", evidence={"wamid": "x"}, note="n")
    before = await world.rows()
    engine = world.runner.database.engine
    for sql in (*REWRITES, *DETOURS[engine]):

        async def rewrite(tx: Tx, sql: str = sql) -> None:
            await tx.run(sql)

        with pytest.raises(REFUSED, match="append-only"):
            await world.runner.database.write(rewrite)
        assert await world.rows() == before
    blank = "UPDATE consent_records SET address = NULL, evidence = NULL, note = NULL"
    await world.runner.database.write(lambda tx: tx.run(blank))
    [row] = before
    assert await world.rows() == [
        msgspec.structs.replace(row, address=None, evidence=None, note=None)
    ]
