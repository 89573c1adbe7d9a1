"""What WhatsApp calls a contact although another has it: nothing moves, and it is told."""

import time
from typing import Any

import pytest

from kith.actions import import_undo, sends
from kith.actions.connections import of_tenant
from kith.actions.imports import Named
from kith.actions.sends import Again
from tests.cast import Bed, Person
from tests.graph import Fault, Graph, webhooks
from tests.graph import Person as Somebody
from tests.meta import Meta, batch, change
from tests.whatsapp.sending import PHONE, rows
from tests.whatsapp.test_recipients import BSUID, HELLO, said

NEW = "+14155550188"
LONG, SHORT = "+5511987654321", "+551187654321"
BY = Somebody(PHONE)
NO_ADDRESS = {"error": "Contact has neither a phone nor a WhatsApp id"}


def made(person: Person, phone: str, **given: Any) -> str:
    answer = person.create_contact(phone=phone, **given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def named(person: Person, contact_id: str, kind: str, value: str) -> None:
    given = {"contact_id": contact_id, "kind": kind, "value": value}
    assert person.post("add-identity", given).is_success


def names(person: Person, contact_id: str) -> set[tuple[str, str]]:
    found = person.get_contact(contact_id=contact_id, expand=["identities"]).json()["identities"]
    return {(one["kind"], one["value"]) for one in found}


def doubles(person: Person) -> list[tuple[set[str], list[str]]]:
    """Which two may be one person, and why."""
    found = person.post("find-duplicates", {}).json()["duplicates"]
    return [
        ({one["contact"]["id"], other["contact"]["id"]}, other["why"])
        for one in found
        for other in one["others"]
    ]


def moved(old: str, new: str, *, at: float | None = None) -> dict[str, Any]:
    at = at or time.time() + 60
    told = {"from": old[1:], "id": f"wamid.{old}{new}", "timestamp": str(int(at)),
            "type": "system",
            "system": {"type": "user_changed_number", "wa_id": new[1:]}}  # fmt: skip
    return batch([change({"messages": [told]})])


HELD = {
    "as a phone": (PHONE, "phone", PHONE[1:]),
    "as a WhatsApp id": (NEW, "wa_id", PHONE[1:]),
    "spelled otherwise": (LONG, "phone", SHORT[1:]),
    "as a WhatsApp id that is spelled otherwise": (NEW, "wa_id", SHORT[1:]),
}


@pytest.mark.parametrize("by", ["a message", "an answer of Meta's"])
@pytest.mark.parametrize("case", HELD)
async def test_a_number_of_another_contact_is_not_learned(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, case: str, by: str
) -> None:
    """Which would lead to two contacts, whoever asks for it."""
    phone, kind, wa_id = HELD[case]
    holder = made(ana, phone, name="Holder", tags="vip")
    if kind == "wa_id":
        named(ana, holder, "wa_id", LONG[1:] if wa_id == SHORT[1:] else wa_id)
    if by == "a message":
        mover = made(ana, "+14155550177", name="Mover", tags="vip")
        named(ana, mover, "bsuid", BSUID)
        for _ in range(2):
            writer = Somebody("+" + wa_id, user_id=BSUID)
            await meta.told(webhooks.text(writer, "Hi", at=time.time() - 1))
    else:
        person = Somebody("+14155550177", wa_id=wa_id)
        graph.people.append(person)
        writer = Somebody("+14155550177")
        await meta.told(webhooks.text(writer, "Hi", at=time.time() - 5))
        mover = str(ana.get_contact(phone="+14155550177").json()["id"])
        assert ana.post("send-text-message", {"contact_id": mover, **HELLO}).is_success
    assert ("wa_id", wa_id) not in names(ana, mover)
    assert ana.get_contact(wa_id=wa_id).json()["id"] == holder
    assert ana.get_contact(phone=wa_id).json()["id"] == holder
    assert doubles(ana) == [({holder, mover}, ["whatsapp"])]
    for one, other in ((holder, mover), (mover, holder)):
        history = ana.get_contact(contact_id=one, expand=["history"]).json()["history"]
        [noted] = [e["after"] for e in history if e["what"] == "contact.duplicate_suspected"]
        assert noted == {"contact_id": other}


async def test_a_bsuid_of_another_contact_is_told_too(ana: Person, meta: Meta) -> None:
    holder = made(ana, NEW)
    named(ana, holder, "bsuid", "US.ENT.77")
    card = {"profile": {"name": "Ada"}, "user_id": BSUID, "parent_user_id": "US.ENT.77"}
    mover = made(ana, PHONE)
    named(ana, mover, "bsuid", BSUID)
    message = {"from_user_id": BSUID, "id": "wamid.1", "timestamp": str(int(time.time())),
               "type": "text", "text": {"body": "Hi"}}  # fmt: skip
    await meta.told(webhooks.envelope({"contacts": [card], "messages": [message]}))
    assert doubles(ana) == [({holder, mover}, ["whatsapp"])]
    assert ana.get_contact(bsuid="US.ENT.77").json()["id"] == holder


async def test_a_new_number_that_is_another_contacts(ana: Person, graph: Graph, meta: Meta) -> None:
    """The old one is nobody's whom we know: nothing goes there, and nothing of before is lost."""
    now = time.time()
    holder = made(ana, NEW, name="Holder", tags="vip")
    await meta.told(webhooks.text(BY, "Hi", at=now - 900))
    mover = str(ana.get_contact(phone=PHONE).json()["id"])
    await meta.told(moved(PHONE, NEW, at=now - 60))
    for digits in (PHONE, PHONE[1:]):
        found = ana.get_contact(phone=digits).json()
        assert (found["id"], found["phone"]) == (mover, None)
    for key in ({"wa_id": NEW[1:]}, {"phone": NEW}, {"phone": NEW[1:]}):
        assert ana.get_contact(**key).json()["id"] == holder
    assert doubles(ana) == [({holder, mover}, ["whatsapp"])]
    reached = ana.post("get-reachability", {"contact_id": mover}).json()
    assert {reached[kind]["reason"] for kind in ("free_form", "utility", "marketing")} == {
        "no_address"
    }
    answer = ana.post("send-text-message", {"contact_id": mover, **HELLO})
    assert (answer.status_code, answer.json()) == (422, NO_ADDRESS)
    assert graph.attempts == []
    await meta.told(webhooks.text(BY, "Late", at=now - 800, wamid="wamid.late"))
    listed = ana.post("list-messages", {"contact_id": mover}).json()["messages"]
    assert "wamid.late" in {one["whatsapp_message_id"] for one in listed}
    await meta.told(webhooks.text(Somebody(PHONE, name="Nora"), "Hello", at=now - 1))
    assert ana.get_contact(phone=PHONE).json()["name"] == "Nora", "it was sold again"
    assert ana.get_contact(contact_id=mover).json()["phone"] is None


async def test_another_of_their_numbers_takes_the_place_of_the_former(
    ana: Person, graph: Graph, meta: Meta
) -> None:
    made(ana, NEW, tags="vip")
    await meta.told(webhooks.text(BY, "Hi", at=time.time() - 60))
    mover = str(ana.get_contact(phone=PHONE).json()["id"])
    named(ana, mover, "phone", "+14155550166")
    await meta.told(moved(PHONE, NEW))
    assert ana.get_contact(contact_id=mover).json()["phone"] == "+14155550166"
    assert ana.post("send-text-message", {"contact_id": mover, **HELLO}).is_success
    assert [call.body["to"] for call in graph.calls] == ["+14155550166"]


@pytest.mark.parametrize("told_of", [LONG, SHORT])
async def test_both_spellings_of_a_former_number_are_given_up(
    ana: Person, meta: Meta, told_of: str
) -> None:
    """Somebody known by one of them alone, of whom WhatsApp tells by the other, too."""
    mover = made(ana, LONG, name="Helena", tags="vip")
    await meta.told(moved(told_of, NEW, at=time.time() + 1))
    assert ana.get_contact(contact_id=mover).json()["phone"] == NEW
    for number in (LONG, SHORT):
        assert ana.get_contact(phone=number).json()["id"] == mover
    await meta.told(webhooks.text(Somebody(SHORT, name="Nora"), "Hello", at=time.time() + 2))
    assert ana.get_contact(wa_id=SHORT[1:]).json()["name"] == "Nora"


async def test_a_line_that_got_its_ninth_digit_stays_theirs(ana: Person, meta: Meta) -> None:
    await meta.told(webhooks.text(Somebody(SHORT), "Hi", at=time.time() - 60))
    mover = ana.get_contact(phone=SHORT).json()["id"]
    await meta.told(moved(SHORT, LONG, at=time.time() - 30))
    await meta.told(webhooks.text(Somebody(SHORT), "Late", at=time.time() - 50))
    await meta.told(webhooks.text(Somebody(LONG), "Hi", at=time.time() - 1))
    found = ana.get_contact(phone=LONG).json()
    assert (found["id"], found["phone"], found["total_messages"]) == (mover, LONG, 3)


async def test_what_is_told_of_the_time_before_gives_no_name_back(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    now = time.time()
    await meta.told(webhooks.text(BY, "Hi", at=now - 60))
    assert ana.post("send-text-message", {"phone": PHONE, **HELLO}).is_success
    sent = graph.calls[-1].wamid
    await meta.told(moved(PHONE, NEW))
    await meta.told(webhooks.status(sent, "delivered", BY, at=now - 5))
    retired = await bed.rows(
        "SELECT kind FROM identities WHERE tenant_id = :id AND retired_at IS NOT NULL"
        " ORDER BY kind",
        id=ana.user.tenant_id,
    )
    assert retired == [("phone",), ("wa_id",)]


async def test_what_waits_does_not_leave_for_a_former_number(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    await meta.told(webhooks.text(BY, "Hi", at=time.time() - 60))
    graph.faults = [Fault(code=131056, retry_after_s=900)]
    sent = ana.post("send-text-message", {"phone": PHONE, **HELLO}).json()
    assert sent["status"] == "queued"
    await meta.told(moved(PHONE, NEW))
    caller = of_tenant(meta.connection.tenant_id)
    begun = await bed.runner.write(sends.take_up, Again(message_id=sent["id"]), caller)
    assert begun is not None
    assert begun.message.address == NEW
    assert (await rows(bed, ana))[-1][4] == NEW


async def test_a_suspicion_follows_a_merge_and_ends_with_an_erasure(
    bed: Bed, ana: Person, meta: Meta
) -> None:
    survivor = made(ana, "+14155550166", name="Survivor")
    holder = made(ana, NEW, tags="vip")
    await meta.told(webhooks.text(BY, "Hi", at=time.time() - 60))
    await meta.told(moved(PHONE, NEW))
    mover = str(ana.get_contact(phone=PHONE).json()["id"])
    assert ana.post("merge-contacts", {"contact_id": holder, "into": survivor}).is_success
    assert doubles(ana) == [({survivor, mover}, ["whatsapp"])]
    assert ana.post("delete-contact", {"contact_id": survivor}).is_success
    assert doubles(ana) == []
    left = "SELECT 1 FROM suspected_duplicates WHERE tenant_id = :id"
    assert await bed.rows(left, id=ana.user.tenant_id) == []


# The number that somebody gives when they are asked for it.

SHARED: dict[str, tuple[dict[str, Any], str | None]] = {
    "as WhatsApp has it": (
        {"phones": [{"phone": "+55 (11) 98765-4321", "wa_id": SHORT[1:], "type": "CELL"}]}, SHORT,
    ),
    "as it is written": ({"phones": [{"phone": "+1 (415) 555-0123"}]}, PHONE),
    "without a country": ({"phones": [{"phone": "(415) 555-0123"}]}, None),
    "no number": ({"phones": [{"phone": "+ext", "wa_id": 7}, "x", {}]}, None),
    "no list": ({"phones": {"wa_id": PHONE[1:]}}, None),
    "from an address book": ({"origin": "address_book", "phones": [{"wa_id": PHONE[1:]}]}, None),
    "of no origin": ({"origin": None, "phones": [{"wa_id": PHONE[1:]}]}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", SHARED)
async def test_a_number_given_on_request_is_learned(ana: Person, meta: Meta, case: str) -> None:
    card, phone = SHARED[case]
    shared = {"origin": "contact_request", "name": {"formatted_name": "Ada"}, **card}
    await meta.told(said(BSUID, type="contacts", contacts=[shared]))
    found = ana.get_contact(bsuid=BSUID).json()
    assert (found["phone"], found["total_messages"]) == (phone, 1)
    if phone is not None:
        assert {("phone", phone), ("wa_id", phone[1:])} < names(ana, found["id"])
        assert ana.get_contact(phone=phone).json()["id"] == found["id"]


async def test_a_number_given_on_request_that_another_has_is_not_taken(
    ana: Person, meta: Meta
) -> None:
    holder = made(ana, PHONE, name="Holder")
    shared = {"origin": "contact_request", "phones": [{"wa_id": PHONE[1:]}]}
    await meta.told(said(BSUID, type="contacts", contacts=[shared]))
    found = ana.get_contact(bsuid=BSUID).json()
    assert found["phone"] is None
    assert ana.get_contact(phone=PHONE).json()["id"] == holder
    assert doubles(ana) == [({holder, found["id"]}, ["whatsapp"])]


async def test_a_number_given_on_request_that_changed_since_is_the_new_one(
    ana: Person, meta: Meta
) -> None:
    shared = {"origin": "contact_request", "phones": [{"wa_id": PHONE[1:]}]}
    await meta.told(
        moved(PHONE, NEW), said(BSUID, type="contacts", contacts=[shared])
    )  # said 5 s before
    assert ana.get_contact(bsuid=BSUID).json()["phone"] == NEW


@pytest.mark.row("T10.2")
async def test_what_a_file_granted_ends_with_its_undo_also_after_a_change_of_number(
    bed: Bed, ana: Person, meta: Meta
) -> None:
    body = f"phone,opted_in_at,opted_in_source\n{PHONE},2026-05-07,form\n"
    address = f"{ana.url}/api/v1/actions/import-contacts"
    done = ana.http.post(address, content=body.encode(), headers=ana.headers).json()
    await meta.told(moved(PHONE, NEW))
    assert ana.get_contact(phone=NEW).json()["opted_in_at"] is not None
    named = Named(import_id=done["id"])
    while (one := await bed.runner.write(import_undo.step, named, meta.caller)).state != "undone":
        pass
    assert one.undone is not None
    assert (one.undone.consent_retracted, one.undone.left) == (2, {"changed_since": 1})
    assert ana.get_contact(phone=NEW).json()["opted_in_at"] is None


async def test_who_loses_a_username_to_another_is_another_version(ana: Person, meta: Meta) -> None:
    """A program that knew them before is told."""
    people = [Somebody(PHONE, user_id=BSUID), Somebody(NEW, user_id="US.99")]
    now = time.time()
    for number, person in enumerate(people):
        card = {"profile": {"name": "Ada", "username": "ada"}, "user_id": person.user_id,
                "wa_id": person.wa_id}  # fmt: skip
        message = {"from": person.wa_id, "from_user_id": person.user_id, "type": "text",
                   "id": f"wamid.{number}", "timestamp": str(int(now - 9 + number)),
                   "text": {"body": "Hi"}}  # fmt: skip
        if number:
            before = ana.get_contact(phone=PHONE, expand=["identities"])
        await meta.told(webhooks.envelope({"contacts": [card], "messages": [message]}))
    known = {"If-None-Match": before.headers["etag"]}
    body = {"phone": PHONE, "expand": ["identities"]}
    after = ana.post("get-contact", body, headers=known)
    assert after.status_code == 200
    lost = [one for one in before.json()["identities"] if one not in after.json()["identities"]]
    assert [(one["kind"], one["value"]) for one in lost] == [("username", "ada")]
    assert ana.get_contact(username="ada").json()["phone"] == NEW
