"""Actions side by side: whoever is first, nothing is doubled and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from kith import wiring
from kith.actions import contacts, look_ups, workspaces
from kith.actions.run import Runner
from kith.domain.contacts import Contact, GetContact, SaveContact
from kith.domain.phone import parse
from kith.domain.tokens import Caller
from kith.settings import Settings
from tests.cast import tag_rows

PHONE = parse("+14155550123")
SIDE_BY_SIDE = 8


@pytest.fixture
async def runner(database_url: str) -> AsyncIterator[Runner]:
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        yield runner


@pytest.fixture
async def caller(runner: Runner) -> Caller:
    given = workspaces.NewWorkspace(name="Acme", email="ana@example.com")
    workspace, user = await runner.write(workspaces.create, given)
    return Caller(
        token_id=1,
        user_id=user.id,
        tenant_id=workspace.row_id,
        scopes=("read", "write"),
        rate_limit_per_minute=None,
    )


def saving(number: int) -> SaveContact:
    return SaveContact(phone=PHONE, tags=("all", f"t{number}"), metadata={f"m{number}": number})


async def test_the_same_phone_at_the_same_time_is_one_contact(
    runner: Runner, caller: Caller
) -> None:
    saved: list[Contact] = await asyncio.gather(
        *(runner.write(contacts.save, saving(number), caller) for number in range(SIDE_BY_SIDE))
    )
    assert len({contact.id for contact in saved}) == 1
    answer = await runner.read(look_ups.get, GetContact(phone=PHONE), caller)
    found = msgspec.json.decode(answer.document, type=dict)
    assert found["metadata"] == {f"m{number}": number for number in range(SIDE_BY_SIDE)}
    assert sorted(found["tags"]) == sorted({"all", *(f"t{n}" for n in range(SIDE_BY_SIDE))})


async def test_the_tags_shown_are_the_rows(runner: Runner, caller: Caller) -> None:
    """`contacts.tags` is a projection of `contact_tags`, in the same order."""
    for names in (("a", "b"), ("c",), ("b", "d", "a"), ()):
        saved = await runner.write(contacts.save, SaveContact(phone=PHONE, tags=names), caller)
    shown = msgspec.json.decode(saved.tags)
    assert shown == ["d", "c", "a", "b"]
    assert await runner.database.read(lambda tx: tag_rows(tx, saved.row_id)) == shown


async def test_nothing_to_change_changes_nothing(runner: Runner, caller: Caller) -> None:
    first = await runner.write(contacts.save, saving(1), caller)
    again = await runner.write(contacts.save, saving(1), caller)
    assert again.updated_at == first.updated_at


async def test_addresses_that_only_look_alike_stay_apart(runner: Runner, caller: Caller) -> None:
    """Row T16.2: ß is no ss and the Kelvin sign no k, or one person would find another."""
    pairs = [
        ("straße@example.com", "strasse@example.com"),
        ("\u212aate@example.com", "kate@example.com"),
    ]
    for first, second in pairs:
        given = SaveContact(phone=parse("+14155550124"), email=first)
        await runner.write(contacts.save, given, caller)
        with pytest.raises(contacts.ContactNotFound):
            await runner.read(look_ups.get, GetContact(email=second), caller)
        assert await runner.read(look_ups.get, GetContact(email=first), caller)
