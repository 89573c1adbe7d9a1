"""What WhatsApp posts, through a real server, until get-contact shows it."""

import time

import pytest

from tests.cast import Bed, Person
from tests.graph import webhooks
from tests.graph.rules import Person as Writer
from tests.meta import Meta, connected


@pytest.fixture
async def meta(bed: Bed, ana: Person) -> Meta:
    return await connected(bed, ana)


ROMAIN = Writer(
    phone="+14155550123", wa_id="14155550123", name="Romain", user_id="US.13491208655302741918"
)


async def test_a_message_makes_a_contact(meta: Meta, ana: Person) -> None:
    await meta.told(webhooks.text(ROMAIN, "Hi, do you ship to Canada?", at=time.time()))
    found = ana.get_contact(phone="+14155550123", expand=["identities", "reachability"])
    assert found.status_code == 200, found.text
    print(found.json())
    assert found.json()["total_messages"] == 1
