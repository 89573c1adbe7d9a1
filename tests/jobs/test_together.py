"""Writes that come together: one action for some, each with a fate of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from kith import wiring
from kith.actions import connections
from kith.actions.run import Context, Runner
from kith.errors import Refused, Unavailable
from kith.jobs import together
from kith.jobs.together import Together
from kith.settings import Settings

ANA, BEN = connections.of_tenant(1), connections.of_tenant(2)


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[Runner]:
    async with wiring.opened(Settings(database_url=f"sqlite:///{tmp_path}/kith.db")) as runner:
        yield runner


class Doubling:
    """An action that notes its groups, and in which some numbers end the whole group."""

    def __init__(self, **faults: Exception) -> None:
        self.faults = faults
        self.groups: list[tuple[int, list[int]]] = []

    async def __call__(self, ctx: Context, given: Sequence[int]) -> list[int]:
        self.groups.append((ctx.tenant_id, list(given)))
        await ctx.tx.one("SELECT 1")
        for number in given:
            if fault := self.faults.get(f"n{number}"):
                raise fault
        return [2 * number for number in given]


async def test_what_comes_in_one_turn_is_one_group_of_its_caller(runner: Runner) -> None:
    act = Doubling()
    write = Together(runner, act, size_max=3).write
    found = await asyncio.gather(
        *(write(number, ANA) for number in range(5)), *(write(number, BEN) for number in (7, 8))
    )
    assert found == [0, 2, 4, 6, 8, 14, 16]
    assert sorted(act.groups) == [(1, [0, 1, 2]), (1, [3, 4]), (2, [7, 8])]
    assert await write(9, ANA) == 18


async def test_what_comes_meanwhile_waits_for_the_groups_under_way(runner: Runner) -> None:
    act = Doubling()
    write = Together(runner, act, size_max=8, groups_max=1).write
    first = asyncio.ensure_future(write(1, ANA))
    for _ in range(3):
        await asyncio.sleep(0)
    others = [asyncio.ensure_future(write(number, ANA)) for number in (2, 3)]
    await asyncio.sleep(0)
    others.append(asyncio.ensure_future(write(4, ANA)))
    assert [await first, *await asyncio.gather(*others)] == [2, 4, 6, 8]
    assert act.groups == [(1, [1]), (1, [2, 3, 4])]


@pytest.mark.row("L14")
async def test_one_that_fails_takes_no_other_with_it(runner: Runner) -> None:
    act = Doubling(n2=Refused("no"), n4=ZeroDivisionError("a bug"))
    write = Together(runner, act, size_max=8).write
    found = await asyncio.gather(
        *(write(number, ANA) for number in range(1, 6)), return_exceptions=True
    )
    assert [type(one) for one in found] == [int, Refused, int, ZeroDivisionError, int]
    assert act.groups[0] == (1, [1, 2, 3, 4, 5])
    assert sorted(act.groups[1:]) == [(1, [number]) for number in range(1, 6)]


async def test_a_database_that_is_away_is_not_asked_for_each(runner: Runner) -> None:
    act = Doubling(n1=Unavailable())
    write = Together(runner, act, size_max=8).write
    found = await asyncio.gather(write(1, ANA), write(2, ANA), return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable, Unavailable]
    assert len(act.groups) == 1


async def test_no_more_wait_than_may(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "WAITING_MAX", 2)
    write = Together(runner, Doubling(), size_max=8).write
    found = await asyncio.gather(*(write(n, ANA) for n in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [int, int, Unavailable]


async def test_nobody_waits_longer_than_they_may(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = Doubling()
    write = Together(runner, act, size_max=8, groups_max=1).write
    first = asyncio.ensure_future(write(1, ANA))
    for _ in range(3):
        await asyncio.sleep(0)
    monkeypatch.setattr(together, "WAIT_S_MAX", 0.0)
    late = asyncio.ensure_future(write(2, ANA))
    await asyncio.sleep(0)
    monkeypatch.undo()
    found = await asyncio.gather(first, late, write(3, ANA), return_exceptions=True)
    assert (found[0], type(found[1]), found[2]) == (2, Unavailable, 6)
    assert act.groups == [(1, [1]), (1, [3])]


async def test_who_has_gone_is_not_written_for(runner: Runner) -> None:
    act = Doubling()
    write = Together(runner, act, size_max=8, groups_max=1).write
    first = asyncio.ensure_future(write(1, ANA))
    for _ in range(3):
        await asyncio.sleep(0)
    gone, stays = asyncio.ensure_future(write(2, ANA)), asyncio.ensure_future(write(3, ANA))
    await asyncio.sleep(0)
    gone.cancel()
    found = await asyncio.gather(first, gone, stays, return_exceptions=True)
    assert isinstance(found[1], asyncio.CancelledError)
    assert (found[0], found[2]) == (2, 6)
    assert act.groups == [(1, [1]), (1, [3])]


async def test_what_had_begun_is_written_though_its_caller_has_gone(runner: Runner) -> None:
    act = Doubling()
    write = Together(runner, act, size_max=8).write
    gone, stays = asyncio.ensure_future(write(1, ANA)), asyncio.ensure_future(write(2, ANA))
    asyncio.get_running_loop().call_soon(gone.cancel)
    found = await asyncio.gather(gone, stays, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1] == 4
    assert act.groups == [(1, [1, 2])]
