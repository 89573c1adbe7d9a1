"""A stop counts for whoever has any of the names that were told: offers go to a number.

Two contacts may be one person, whom WhatsApp names by an id and a number in one message: what they
stop stops under both names; what they allow, they allow where it was heard.
"""

import time
from typing import Any
from uuid import uuid4

import pytest

from tests.cast import Bed, Person
from tests.graph import Graph, webhooks
from tests.graph import Person as Somebody
from tests.meta import Meta, batch, change
from tests.whatsapp.sending import PHONE, agree, nothing_waits, rows, templates_of
from tests.whatsapp.test_held_names import NEW, made, moved, named
from tests.whatsapp.test_recipients import BSUID, said

GROUP = "US.ENT.77"
BOTH = Somebody(PHONE, user_id=BSUID)
OFFER = {"first_name": "Ada", "discount": "10 %"}


def word(text: str, *, ago: float = 5, who: Somebody = BOTH, **more: Any) -> bytes:
    return webhooks.text(who, text, at=time.time() - ago, **more)


def preference(value: str, *, ago: float = 5, who: Somebody = BOTH) -> dict[str, Any]:
    told = {"wa_id": who.wa_id, "user_id": who.user_id, "category": "marketing_messages",
            "value": value, "timestamp": int(time.time() - ago)}  # fmt: skip
    return batch([change({"user_preferences": [told]}, "user_preferences")])


def reason(ana: Person, contact_id: str) -> str:
    found = ana.get_contact(contact_id=contact_id, expand=["reachability"]).json()
    return str(found["reachability"]["marketing"]["reason"])


def reasons(ana: Person, *contact_ids: str) -> list[str]:
    return [reason(ana, one) for one in contact_ids]


def withdrawn(ana: Person, contact_id: str) -> list[dict[str, Any]]:
    found = ana.post("list-consent", {"contact_id": contact_id}).json()["records"]
    return [row for row in found if row["state"] == "withdrawn"]


@pytest.fixture
async def by_id(ana: Person, graph: Graph, meta: Meta) -> str:
    """Known by an id alone, and by what people wrote of it: merged with nobody by itself."""
    await meta.told(said(BSUID))
    found = str(ana.get_contact(bsuid=BSUID).json()["id"])
    assert ana.post("add-tag", {"contact_id": found, "tag": "vip"}).is_success
    agree(ana, None, contact_id=found)
    return found


@pytest.fixture
def by_number(ana: Person) -> str:
    found = made(ana, PHONE)
    agree(ana)
    return found


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("is_metas", [False, True])
async def test_a_stop_counts_for_the_number_too(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, by_id: str, by_number: str, is_metas: bool
) -> None:
    assert reasons(ana, by_id, by_number) == ["ok", "ok"]
    body = preference("stop") if is_metas else word("STOP", wamid="wamid.stop")
    for _ in range(2):  # delivered again
        await meta.told(body)
    refused = "meta_stopped" if is_metas else "opted_out"
    assert reasons(ana, by_id, by_number) == [refused, refused]
    offer = (await templates_of(bed, ana))["spring_offer"]
    given = {"phone": PHONE, "template_id": offer, "variables": OFFER}
    assert ana.post("send-template-message", given).status_code == 422
    assert [one.body["type"] for one in graph.calls if one.body["type"] == "template"] == []
    for contact_id in (by_id, by_number):
        [row] = withdrawn(ana, contact_id)
        assert is_metas or row["evidence"]["wamid"] == "wamid.stop"
    await nothing_waits(bed, ana)
    answered = [one for one in await rows(bed, ana) if one[0] == "sent"]
    assert len(answered) == (0 if is_metas else 1)


@pytest.mark.row("T10.2")
async def test_what_is_allowed_again_is_allowed_where_it_was_heard(
    ana: Person, meta: Meta, by_id: str, by_number: str
) -> None:
    """In whatever order the two come."""
    await meta.told(word("START", ago=5), word("STOP", ago=9))
    assert reasons(ana, by_id, by_number) == ["ok", "opted_out"]
    await meta.told(preference("stop", ago=4), preference("resume", ago=3))
    assert reasons(ana, by_id, by_number) == ["ok", "opted_out"]
    assert [row["source"] for row in withdrawn(ana, by_number)] == ["meta", "inbound"]


@pytest.mark.row("T10.2")
async def test_somebody_who_left_by_their_id_before_is_answered_once_more(
    bed: Bed, ana: Person, meta: Meta, by_id: str, by_number: str
) -> None:
    """Offers went to the number since: that they end is said."""
    await meta.told(said(BSUID, "STOP"))
    assert reasons(ana, by_id, by_number) == ["opted_out", "ok"]
    await nothing_waits(bed, ana)
    for count in (2, 2):
        await meta.told(word("STOP"))
        assert reasons(ana, by_id, by_number) == ["opted_out", "opted_out"]
        await nothing_waits(bed, ana)
        assert len(await rows(bed, ana)) == count


@pytest.mark.row("T10.2")
async def test_a_stop_counts_for_an_id_of_a_group(ana: Person, meta: Meta, by_id: str) -> None:
    holder = made(ana, NEW)
    named(ana, holder, "bsuid", GROUP)
    agree(ana, NEW)
    card = {"profile": {"name": "Ada"}, "user_id": BSUID, "parent_user_id": GROUP}
    message = {"from_user_id": BSUID, "id": f"wamid.{uuid4().hex}", "type": "text",
               "timestamp": str(int(time.time()) - 5), "text": {"body": "STOP"}}  # fmt: skip
    await meta.told(webhooks.envelope({"contacts": [card], "messages": [message]}))
    assert reasons(ana, by_id, holder) == ["opted_out", "opted_out"]


@pytest.mark.row("T10.2", "T18.1")
@pytest.mark.parametrize("gone", [0, 1])
async def test_it_outlives_the_erasure_of_either(
    ana: Person, meta: Meta, by_id: str, by_number: str, gone: int
) -> None:
    await meta.told(word("STOP", wamid="wamid.stop"))
    names = [{"bsuid": BSUID}, {"phone": PHONE}]
    key = {"contact_id": (by_id, by_number)[gone]}
    assert ana.post("delete-contact", key).is_success
    await meta.told(word("STOP", wamid="wamid.stop"))  # delivered again
    assert reason(ana, (by_number, by_id)[gone]) == "opted_out"
    assert ana.get_contact(**names[gone]).status_code == 404
    if gone:
        assert reason(ana, made(ana, PHONE)) == "opted_out"
    else:
        await meta.told(said(BSUID))
        assert reason(ana, ana.get_contact(bsuid=BSUID).json()["id"]) == "opted_out"


@pytest.mark.row("T10.2")
async def test_an_unmerge_gives_it_to_whoever_has_the_number(
    ana: Person, meta: Meta, by_id: str, by_number: str
) -> None:
    host = made(ana, NEW)
    agree(ana, NEW)
    assert ana.post("merge-contacts", {"contact_id": by_number, "into": host}).is_success
    await meta.told(word("STOP"))
    assert reasons(ana, by_id, host) == ["opted_out", "opted_out"]
    assert ana.post("unmerge-contacts", {"contact_id": by_number}).is_success
    assert reasons(ana, by_id, by_number, host) == ["opted_out", "opted_out", "ok"]


@pytest.mark.row("T10.2")
async def test_a_merge_of_the_two_and_its_undoing_change_nothing(
    ana: Person, meta: Meta, by_id: str, by_number: str
) -> None:
    await meta.told(word("STOP"))
    into = {"contact_id": by_id, "into": by_number}
    assert ana.post("merge-contacts", into).is_success
    assert reason(ana, by_number) == "opted_out"
    assert ana.post("unmerge-contacts", {"contact_id": by_id}).is_success
    assert reasons(ana, by_id, by_number) == ["opted_out", "opted_out"]
    assert ana.post("merge-contacts", into).is_success
    await meta.told(word("START", ago=-1))
    assert reason(ana, by_number) == "ok"


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("is_late", [False, True])
async def test_of_a_number_that_changed_since_it_is_whose_it_was(
    ana: Person, meta: Meta, by_id: str, by_number: str, is_late: bool
) -> None:
    """Who has the number since said nothing, and the change stands."""
    changed, stopped = moved(PHONE, NEW, at=time.time() - 60), word("STOP", ago=90)
    # Both were known before they changed anything.
    await meta.told(word("Hi", ago=100, who=Somebody(PHONE)))
    await meta.told(*([changed, stopped] if is_late else [stopped, changed]))
    await meta.told(word("Hi", who=Somebody(PHONE, name="Nora")))
    nora = str(ana.get_contact(phone=PHONE).json()["id"])
    agree(ana)
    if is_late:
        await meta.told(word("STOP", ago=80))
    assert nora != by_number
    assert ana.get_contact(contact_id=by_number).json()["phone"] == NEW
    assert reasons(ana, by_id, by_number, nora) == ["opted_out", "opted_out", "ok"]


@pytest.mark.row("T10.2", "T1.1")
async def test_another_workspace_s_contact_is_left_alone(
    ana: Person, mallory: Person, meta: Meta, by_id: str
) -> None:
    theirs = made(mallory, PHONE)
    agree(mallory)
    await meta.told(word("STOP"))
    assert reasons(mallory, theirs) == ["ok"]
