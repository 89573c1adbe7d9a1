"""A status that comes before its message waits for it, and not for ever (row L14)."""

from datetime import timedelta
from typing import Any

import pytest

from kith.actions import facts
from kith.actions.run import Runner, utc_now
from kith.domain.messages import StatusTold
from kith.domain.whatsapp_facts import MessageEchoed, Number, StatusReported, Who
from tests.cast import Bed, Person
from tests.meta import Meta, connected

NUMBER, ROMAIN = Number("106540352242922"), Who(wa_id="14155550123", name="Romain")


@pytest.fixture
async def meta(bed: Bed, ana: Person) -> Meta:
    return await connected(bed, ana)


async def told(meta: Meta, fact: Any, *, days: int) -> None:
    at = utc_now() + timedelta(days=days)
    await Runner(meta.bed.runner.database, now=lambda: at).write(facts.apply, fact, meta.caller)


def read(wamid: str) -> StatusReported:
    return StatusReported(
        number=NUMBER, who=Who(), wamid=wamid, told=StatusTold(status="read", at=utc_now())
    )


@pytest.mark.row("L14", "T3.2")
@pytest.mark.parametrize(("days", "status"), [(6, "read"), (8, "sent")])
async def test_it_waits_seven_days(meta: Meta, ana: Person, days: int, status: str) -> None:
    await told(meta, read("wamid.1"), days=0)
    await told(meta, read("wamid.2"), days=days)  # whoever parks makes room
    echo = MessageEchoed(
        number=NUMBER, who=ROMAIN, wamid="wamid.1", at=utc_now(), type="text", content={}
    )
    await told(meta, echo, days=days)
    [one] = ana.post("list-messages", {"phone": "+14155550123"}).json()["messages"]
    assert one["status"] == status
