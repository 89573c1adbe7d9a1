"""Whoever was erased after an opt-out stays opted out, however a name of theirs comes back."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from kith.actions import shops
from kith.domain.phone import Phone
from kith.domain.shop_facts import Customer, CustomerSeen, PhoneSeen
from tests.cast import Bed, Person
from tests.graph import Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.server import BUSINESS_PHONE
from tests.meta import Meta, batch, change
from tests.whatsapp.sending import agree, rows, templates_of
from tests.whatsapp.test_held_names import LONG, NEW, SHORT, made, moved, named
from tests.whatsapp.test_recipients import BSUID, OTHER_BSUID, said

GROUP = "US.ENT.77"
LAST = "+14155550199"
LEFT_AT = "2026-01-02T03:04:05+00:00"
NEWCOMER = Somebody("", wa_id="", user_id=OTHER_BSUID)


class World:
    """Ana's workspace, and somebody who goes by `LONG`, `BSUID` and `GROUP` until they leave."""

    def __init__(self, bed: Bed, ana: Person, graph: Graph, meta: Meta) -> None:
        self.bed, self.ana, self.graph, self.meta = bed, ana, graph, meta

    def leaves(self) -> None:
        """Opts out, and is erased."""
        uuid = made(self.ana, LONG)
        named(self.ana, uuid, "bsuid", BSUID)
        named(self.ana, uuid, "bsuid", GROUP)
        agree(self.ana, LONG, state="withdrawn", occurred_at=LEFT_AT)
        assert self.ana.post("delete-contact", {"contact_id": uuid}).is_success

    async def writes(self, phone: str, bsuid: str | None = None, **more: Any) -> None:
        who = Somebody(phone, user_id=bsuid)
        await self.meta.told(webhooks.text(who, "Hi", at=time.time() - 30, **more))

    async def known_by_an_id(self) -> None:
        await self.meta.told(said(OTHER_BSUID))
        assert self.reason(bsuid=OTHER_BSUID) == "consent_unknown"

    def reason(self, **key: str) -> str:
        """Whether marketing may go there."""
        found = self.ana.get_contact(**key, expand=["reachability"]).json()
        return str(found["reachability"]["marketing"]["reason"])


def renamed(old: str, new: str, *, at: float) -> dict[str, Any]:
    told = {"id": "wamid.renamed", "timestamp": str(int(at)), "type": "system",
            "system": {"type": "user_changed_user_id", "user_id": new,
                       "previous_user_id": old}}  # fmt: skip
    return batch([change({"messages": [told]})])


Path = Callable[[World], Awaitable[dict[str, str]]]
"""Does what gives somebody a name of whoever left; by what they are found."""


async def writes_by_id(it: World) -> dict[str, str]:
    await it.meta.told(said(BSUID))
    return {"bsuid": BSUID}


async def writes_with_an_id_of_the_group(it: World) -> dict[str, str]:
    card = {"profile": {"name": "Ada"}, "user_id": OTHER_BSUID, "parent_user_id": GROUP}
    message = {"from_user_id": OTHER_BSUID, "id": "wamid.1", "timestamp": str(int(time.time())),
               "type": "text", "text": {"body": "Hi"}}  # fmt: skip
    await it.meta.told(webhooks.envelope({"contacts": [card], "messages": [message]}))
    return {"bsuid": OTHER_BSUID}


async def writes_by_number_and_id(it: World) -> dict[str, str]:
    await it.writes(NEW, BSUID)
    return {"phone": NEW}


async def shows_the_number_later(it: World) -> dict[str, str]:
    await it.known_by_an_id()
    await it.writes(LONG, OTHER_BSUID)
    return {"bsuid": OTHER_BSUID}


async def shows_its_other_spelling_later(it: World) -> dict[str, str]:
    await it.known_by_an_id()
    await it.writes(SHORT, OTHER_BSUID)
    return {"bsuid": OTHER_BSUID}


async def gives_the_number_on_request(it: World) -> dict[str, str]:
    await it.known_by_an_id()
    shared = {"origin": "contact_request", "phones": [{"wa_id": SHORT[1:]}]}
    await it.meta.told(said(OTHER_BSUID, type="contacts", contacts=[shared]))
    return {"bsuid": OTHER_BSUID}


async def a_status_tells_the_number(it: World) -> dict[str, str]:
    await it.known_by_an_id()
    it.graph.people.append(NEWCOMER)
    given = {"bsuid": OTHER_BSUID, "message": "Hello"}
    assert it.ana.post("send-text-message", given).json()["status"] == "sent"
    [(*_, wamid, _, _)] = await rows(it.bed, it.ana)
    await it.meta.told(webhooks.status(wamid, "delivered", Somebody(LONG), at=time.time()))
    return {"bsuid": OTHER_BSUID}


async def meta_answers_with_the_id(it: World) -> dict[str, str]:
    await it.writes(NEW)
    it.graph.people.append(Somebody(NEW, user_id=BSUID))
    given = {"phone": NEW, "message": "Hello"}
    assert it.ana.post("send-text-message", given).json()["status"] == "sent"
    return {"phone": NEW}


async def a_template_goes_to_the_id(it: World) -> dict[str, str]:
    """Which makes a contact."""
    ids = await templates_of(it.bed, it.ana)
    given = {"bsuid": BSUID, "template_id": ids["hello_world"]}
    assert it.ana.post("send-template-message", given).is_success
    return {"bsuid": BSUID}


async def the_business_wrote_from_its_phone(it: World) -> dict[str, str]:
    echo = {"from": BUSINESS_PHONE[1:], "to_user_id": BSUID, "id": "wamid.echo",
            "timestamp": str(int(time.time())), "type": "text", "text": {"body": "Hi"}}  # fmt: skip
    await it.meta.told(batch([change({"message_echoes": [echo]}, "smb_message_echoes")]))
    return {"bsuid": BSUID}


async def takes_the_number(it: World) -> dict[str, str]:
    await it.writes(NEW)
    await it.meta.told(moved(NEW, LONG))
    return {"phone": LONG}


async def takes_the_id(it: World) -> dict[str, str]:
    await it.known_by_an_id()
    await it.meta.told(renamed(OTHER_BSUID, BSUID, at=time.time() + 60))
    return {"bsuid": OTHER_BSUID}


async def had_the_number_before(it: World) -> dict[str, str]:
    await it.known_by_an_id()
    told = moved(LONG, NEW)
    told["entry"][0]["changes"][0]["value"]["messages"][0]["from_user_id"] = OTHER_BSUID
    await it.meta.told(told)
    return {"phone": NEW}


async def wrote_by_the_number_before(it: World) -> dict[str, str]:
    """A message of the time before the change comes late."""
    await it.meta.told(moved(LONG, NEW))
    await it.writes(LONG)
    return {"phone": NEW}


async def moved_on_and_writes(it: World) -> dict[str, str]:
    """The change is told when nobody has the old number any more."""
    await it.meta.told(moved(LONG, NEW, at=time.time() - 60))
    await it.writes(NEW)
    return {"phone": NEW}


async def writes_and_had_moved_on(it: World) -> dict[str, str]:
    await it.writes(NEW)
    await it.meta.told(moved(SHORT, NEW, at=time.time() - 60))
    return {"phone": NEW}


async def moved_on_twice(it: World) -> dict[str, str]:
    """Told the wrong way round."""
    await it.meta.told(moved(NEW, LAST, at=time.time() - 50))
    await it.meta.told(moved(LONG, NEW, at=time.time() - 60))
    await it.writes(LAST)
    return {"phone": LAST}


async def has_another_id(it: World) -> dict[str, str]:
    await it.meta.told(renamed(BSUID, OTHER_BSUID, at=time.time() - 60), said(OTHER_BSUID))
    return {"bsuid": OTHER_BSUID}


async def a_shop_tells_the_number(it: World) -> dict[str, str]:
    customer = Customer(external_id="shopify:7")
    for act, told in (
        (shops.see, CustomerSeen(customer=customer)),
        (
            shops.learn_phone,
            PhoneSeen(customer=msgspec.structs.replace(customer, phone=Phone(LONG))),
        ),
    ):
        await it.bed.runner.write(act, told, it.meta.caller)  # type: ignore[arg-type]
    return {"external_id": "shopify:7"}


async def a_caller_gives_the_number(it: World) -> dict[str, str]:
    named(it.ana, made(it.ana, NEW), "wa_id", SHORT[1:])
    return {"phone": NEW}


async def a_caller_creates_the_other_spelling(it: World) -> dict[str, str]:
    made(it.ana, SHORT)
    return {"phone": SHORT}


async def a_file_has_the_other_spelling(it: World) -> dict[str, str]:
    address = f"{it.ana.url}/api/v1/actions/import-contacts"
    body = f"phone,name\n{SHORT},Ada\n{NEW},Ben\n".encode()
    assert it.ana.http.post(address, content=body, headers=it.ana.headers).is_success
    return {"phone": LONG}


PATHS: list[Path] = [
    writes_by_id, writes_with_an_id_of_the_group, writes_by_number_and_id, shows_the_number_later,
    shows_its_other_spelling_later, gives_the_number_on_request, a_status_tells_the_number,
    meta_answers_with_the_id, a_template_goes_to_the_id, the_business_wrote_from_its_phone,
    takes_the_number, takes_the_id, had_the_number_before, wrote_by_the_number_before,
    moved_on_and_writes, writes_and_had_moved_on, moved_on_twice, has_another_id,
    a_shop_tells_the_number, a_caller_gives_the_number, a_caller_creates_the_other_spelling,
    a_file_has_the_other_spelling,
]  # fmt: skip


@pytest.fixture
def world(bed: Bed, ana: Person, graph: Graph, meta: Meta) -> World:
    return World(bed, ana, graph, meta)


@pytest.mark.row("T10.2", "T18.1")
@pytest.mark.parametrize("path", PATHS)
async def test_an_opt_out_comes_back_with_the_name(world: World, ana: Person, path: Path) -> None:
    world.leaves()
    key = await path(world)
    assert world.reason(**key) == "opted_out"
    answer = ana.get_contact(**key, expand=["history"])
    found = answer.json()
    assert found["opted_out_at"] == LEFT_AT
    ledger = ana.post("list-consent", {"contact_id": found["id"]}).json()["records"]
    assert [(row["state"], row["occurred_at"]) for row in ledger] == [("withdrawn", LEFT_AT)]
    told = {one["what"]: one for one in found["history"]}
    about = told.get("contact.consent_changed", told["contact.created"])
    assert about["after"]["opted_out_at"] == LEFT_AT


@pytest.mark.row("T10.2")
async def test_what_was_lifted_since_is_not_told_again(world: World, ana: Person) -> None:
    """They write START themselves; then more of their names are learned."""
    world.leaves()
    await world.meta.told(said(BSUID, "START"))
    assert world.reason(bsuid=BSUID) == "ok"
    await world.writes(LONG, BSUID)
    assert ana.get_contact(bsuid=BSUID).json()["phone"] == LONG
    assert world.reason(bsuid=BSUID) == "ok"


@pytest.mark.row("T10.2")
async def test_an_unmerge_gives_it_to_whoever_has_the_name(world: World, ana: Person) -> None:
    world.leaves()
    await world.known_by_an_id()
    other = made(ana, NEW)
    agree(ana, NEW)
    merged = ana.get_contact(bsuid=OTHER_BSUID).json()["id"]
    assert ana.post("merge-contacts", {"contact_id": merged, "into": other}).is_success
    await world.writes(LONG, OTHER_BSUID)
    assert world.reason(contact_id=other) == "opted_out"
    assert ana.post("unmerge-contacts", {"contact_id": merged}).is_success
    assert world.reason(contact_id=merged) == "opted_out"
    assert ana.get_contact(contact_id=merged).json()["opted_out_at"] == LEFT_AT
    assert world.reason(contact_id=other) == "ok"


@pytest.mark.row("T10.2")
async def test_who_had_the_number_later_left_for_themselves(world: World) -> None:
    """It was given up before they had it: whoever moved on then is somebody else."""
    world.leaves()
    before = datetime.fromisoformat(LEFT_AT) - timedelta(days=1)
    await world.meta.told(moved(LONG, NEW, at=before.timestamp()))
    await world.writes(NEW)
    assert world.reason(phone=NEW) == "consent_unknown"


@pytest.mark.row("T10.2", "T1.1")
async def test_another_workspace_s_erasures_count_there(
    world: World, ana: Person, mallory: Person
) -> None:
    theirs = World(world.bed, mallory, world.graph, world.meta)
    theirs.leaves()
    await world.known_by_an_id()
    await world.writes(LONG, OTHER_BSUID)
    assert world.reason(phone=LONG) == "consent_unknown"
