"""Every example of every numbering plan: made and found in each spelling, and nobody else is."""

import asyncio
from collections import defaultdict
from typing import Any

import msgspec
import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat

from kith.actions import contacts, look_ups
from kith.actions.run import Context
from kith.api import identity, upserts
from kith.domain.contacts import GetContacts, SaveContact
from tests.cast import Bed, Person
from tests.domain.test_readings import ARGENTINES, EXAMPLES

AT_ONCE = 100


def spellings(number: phonenumbers.PhoneNumber, *, at_home: bool) -> list[str]:
    """At home also the national one."""
    forms = [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966]
    forms += [PhoneNumberFormat.NATIONAL] if at_home else []
    spelled = [phonenumbers.format_number(number, form) for form in forms]
    return [*spelled, spelled[0][1:]]


def by_region() -> dict[str | None, dict[str, phonenumbers.PhoneNumber]]:
    found: dict[str | None, dict[str, phonenumbers.PhoneNumber]] = defaultdict(dict)
    for (region, text), number in EXAMPLES.items():
        found[region][text] = number
    return found


@pytest.mark.row("T16.1")
async def test_every_example_is_made_and_found_in_every_spelling(bed: Bed, ana: Person) -> None:
    made: dict[str, str] = {}
    for region, numbers in by_region().items():
        await bed.change(
            "UPDATE tenants SET default_region = :region WHERE id = :id",
            region=region,
            id=ana.user.tenant_id,
        )
        spelled = [
            (text, typed)
            for text, number in numbers.items()
            for typed in reversed(spellings(number, at_home=region is not None))
        ]
        for start in range(0, len(spelled), AT_ONCE):
            part = spelled[start : start + AT_ONCE]
            saved = await save(bed, ana, [typed for _, typed in part])
            for (text, typed), uuid in zip(part, saved, strict=True):
                assert made.setdefault(text, uuid) == uuid, (region, typed)
            for (text, typed), one in zip(part, await found(bed, ana, part), strict=True):
                assert one["id"] == made[text], (region, typed)
    await bed.change("UPDATE tenants SET default_region = NULL WHERE default_region IS NOT NULL")
    everyone = [
        (text, typed)
        for (_, text), number in EXAMPLES.items()
        if text in made
        for typed in spellings(number, at_home=False)
    ]
    for start in range(0, len(everyone), 500):
        part = everyone[start : start + 500]
        for (text, typed), one in zip(part, await found(bed, ana, part), strict=True):
            assert one["id"] == made[text], typed
    assert len(made) > 950
    together = defaultdict(set)
    for text, uuid in made.items():
        together[uuid].add(text)
    assert [texts for texts in together.values() if len(texts) > 1] == [ARGENTINES]


async def save(bed: Bed, caller: Person, spelled: list[str]) -> list[str]:
    """What create-contact would do with each, all of them in one transaction."""

    async def each(ctx: Context, given: list[SaveContact]) -> list[str]:
        return [(await contacts.save(ctx, one)).id for one in given]

    given = [upserts.CREATE_CONTACT.convert({"phone": typed}) for typed in spelled]
    return await bed.runner.write(each, given, caller.caller)


async def found(bed: Bed, caller: Person, spelled: list[tuple[str, str]]) -> list[Any]:
    """What get-contacts gives for each."""
    keys = tuple(identity.ONE_KEY.convert({"phone": typed}) for _, typed in spelled)
    answers = await bed.runner.read(look_ups.get_many, GetContacts(contacts=keys), caller.caller)
    await asyncio.sleep(0)  # SQLite keeps its snapshot until the loop turns
    refused = [one for one in answers if not isinstance(one, msgspec.Raw)]
    assert not refused, refused
    return [msgspec.json.decode(one) for one in answers]
