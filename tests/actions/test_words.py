"""A workspace's own words, which count beside those that everybody has."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from kith import wiring
from kith.actions import words, workspaces
from kith.actions.run import Runner
from kith.actions.words import SetWords, Words
from kith.domain import consent_words
from kith.domain.tokens import SCOPES, Caller
from kith.errors import Invalid
from kith.settings import Settings


@pytest.fixture
async def runner(database_url: str) -> AsyncIterator[Runner]:
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        yield runner


async def owner(runner: Runner, name: str) -> Caller:
    given = workspaces.NewWorkspace(name=name, email="ana@example.com")
    workspace, user = await runner.write(workspaces.create, given)
    return Caller(
        token_id=1,
        user_id=user.id,
        tenant_id=workspace.row_id,
        scopes=SCOPES,
        rate_limit_per_minute=None,
    )


async def test_words_of_one_workspace(runner: Runner) -> None:
    ana, mallory = await owner(runner, "Acme"), await owner(runner, "Other")
    assert await runner.read(words.get, None, ana) == Words()
    given = SetWords(stop=(" Genug! ", "ÇA SUFFIT", "genug"), start=("Weiter",))
    held = await runner.write(words.change, given, ana)
    assert held == Words(stop=("genug", "ca suffit"), start=("weiter",))
    assert await runner.read(words.get, None, ana) == held
    assert consent_words.word("Ça suffit!!", more_stop=held.stop) == "stop"
    assert (await runner.write(words.change, SetWords(start=()), ana)).stop == held.stop
    assert await runner.read(words.get, None, ana) == msgspec.structs.replace(held, start=())
    assert await runner.read(words.get, None, mallory) == Words()


async def test_words_that_cannot_be_used(runner: Runner) -> None:
    ana = await owner(runner, "Acme")
    for wrong in (("",), ("...",), ("x" * 129,), ("a\x00b",), tuple(f"w{n}" for n in range(101))):
        for given in (SetWords(stop=wrong), SetWords(start=wrong)):
            with pytest.raises(Invalid):
                await runner.write(words.change, given, ana)
    assert await runner.read(words.get, None, ana) == Words()
