"""Whom a message goes to: named by phone, as the contract has it, by id, or by BSUID."""

import time
from typing import Any
from uuid import uuid4

import pytest

from kith.actions import sends, whatsapp_connections
from kith.actions.connections import of_tenant
from kith.actions.sends import Again
from kith.actions.whatsapp_connections import ChangeWhatsApp
from tests.api.refusals import assert_invalid
from tests.cast import Bed, Person
from tests.graph import Fault, Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.server import NUMBER_ID
from tests.meta import SECOND_NUMBER_ID, Meta, batch, change
from tests.waits import wait_until
from tests.whatsapp.sending import PHONE, agree, rows, writes

BSUID, OTHER_BSUID = "US.13491208655302741918", "US.99"
NOBODY = "US.4711"
ADA = Somebody("", wa_id="", user_id=BSUID)
CLOSED = 131047
HELLO = {"message": "Hello"}


def said(bsuid: str, text: str = "Hi", **more: Any) -> bytes:
    """By somebody who keeps their number to themselves."""
    message = {
        "from_user_id": bsuid, "id": f"wamid.{uuid4().hex}", "timestamp": str(int(time.time()) - 5),
        "type": "text", "text": {"body": text}, **more,
    }  # fmt: skip
    card = {"profile": {"name": "Ada"}, "user_id": bsuid}
    return webhooks.envelope({"contacts": [card], "messages": [message]})


@pytest.fixture
async def ada(ana: Person, graph: Graph, meta: Meta) -> str:
    """Known by her BSUID alone; she has just written."""
    graph.people.append(ADA)
    await meta.told(said(BSUID))
    contact = ana.get_contact(bsuid=BSUID).json()
    assert contact["phone"] is None
    return str(contact["id"])


async def test_a_text_by_bsuid_and_by_id(bed: Bed, ana: Person, graph: Graph, ada: str) -> None:
    for whom in ({"bsuid": BSUID}, {"contact_id": ada}, {"contact_id": ada.upper()}):
        answer = ana.post("send-text-message", {**whom, **HELLO})
        assert (answer.status_code, answer.json()["status"]) == (200, "sent"), answer.text
        assert answer.json()["contact_id"] == ada
        body = graph.calls[-1].body
        assert body["recipient"] == BSUID
        assert "to" not in body
    assert [row[4] for row in await rows(bed, ana)] == [BSUID] * 3
    contact = ana.get_contact(bsuid=BSUID, expand=["identities"]).json()
    assert [(one["kind"], one["value"]) for one in contact["identities"]] == [("bsuid", BSUID)]
    assert contact["total_messages"] == 4


async def test_somebody_with_a_phone_is_written_to_there(
    ana: Person, graph: Graph, meta: Meta
) -> None:
    """Meta lets the phone win; so does Kith, whatever names the contact."""
    romain = Somebody(PHONE, user_id=OTHER_BSUID)
    await writes(meta, romain)
    contact_id = ana.get_contact(phone=PHONE).json()["id"]
    for whom in ({"bsuid": OTHER_BSUID}, {"contact_id": contact_id}):
        assert ana.post("send-text-message", {**whom, **HELLO}).status_code == 200
        assert graph.calls[-1].body["to"] == PHONE


async def test_a_template_by_bsuid_and_by_id(
    ana: Person, graph: Graph, ada: str, ids: dict[str, str]
) -> None:
    for whom in ({"bsuid": BSUID}, {"contact_id": ada}):
        given = {**whom, "template_id": ids["hello_world"]}
        assert ana.post("send-template-message", given).status_code == 200
        assert graph.calls[-1].body["recipient"] == BSUID
    given = {"bsuid": NOBODY, "template_id": ids["hello_world"]}
    sent = ana.post("send-template-message", given)
    assert sent.status_code == 200
    made = ana.get_contact(bsuid=NOBODY).json()
    assert (made["id"], made["phone"]) == (sent.json()["contact_id"], None), "as for a phone"


async def test_the_gates_are_the_same(
    ana: Person, graph: Graph, meta: Meta, ada: str, ids: dict[str, str]
) -> None:
    offer = {"template_id": ids["spring_offer"],
             "variables": {"first_name": "Ada", "discount": "10 %"}}  # fmt: skip
    whom = {"bsuid": BSUID}

    def refused(action: str, given: dict[str, Any]) -> Any:
        answer = ana.post(action, {**whom, **given})
        assert answer.status_code == 422, answer.text
        return answer.json()

    marketing = "Contact has {} marketing messages"
    assert refused("send-template-message", offer)["error"] == marketing.format("not opted in to")
    agree(ana, contact_id=ada, phone=None)
    assert ana.post("send-template-message", {**whom, **offer}).status_code == 200
    await meta.told(said(BSUID, "STOP"))
    assert refused("send-template-message", offer)["error"] == marketing.format("opted out of")
    assert ana.post("block-contact", {"contact_id": ada}).is_success
    assert refused("send-text-message", HELLO)["error"] == "Contact is blocked"
    assert ana.post("unblock-contact", {"contact_id": ada}).is_success
    other = ana.post("send-text-message", {"bsuid": NOBODY, **HELLO}).json()
    assert other["error_code"] == CLOSED, "as for a phone that nobody has"
    assert ana.get_contact(bsuid=NOBODY).status_code == 404


async def test_a_code_to_sign_in_with_needs_a_phone(
    bed: Bed, ana: Person, graph: Graph, ada: str, ids: dict[str, str]
) -> None:
    given = {"bsuid": BSUID, "template_id": ids["login"], "variables": {"1": "4711"}}
    answer = ana.post("send-template-message", given)
    assert (answer.status_code, answer.json()["error_code"]) == (422, 131062)
    assert graph.attempts == [], "Meta need not be asked"
    assert [row[:2] for row in await rows(bed, ana)] == [("failed", 131062)]
    by_phone = {**given, "bsuid": None, "phone": PHONE}
    assert ana.post("send-template-message", by_phone).status_code == 200


async def test_a_number_may_write_to_phones_only(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, ada: str, ids: dict[str, str]
) -> None:
    async def switch(*number_ids: str, phones_only: bool) -> None:
        given = ChangeWhatsApp(
            connection_id=meta.connection.id, number_ids=number_ids, phones_only=phones_only
        )
        await bed.runner.write(whatsapp_connections.change, given)

    template = {"bsuid": BSUID, "template_id": ids["hello_world"]}
    await switch(phones_only=True)
    for action, given in (
        ("send-text-message", {"bsuid": BSUID, **HELLO}), ("send-template-message", template),
    ):  # fmt: skip
        answer = ana.post(action, given)
        assert (answer.status_code, answer.json()["error_code"]) == (422, 131062)
    assert graph.attempts == [], "Meta need not be asked"
    told = ana.post("get-reachability", {"contact_id": ada}).json()
    assert {told[kind]["reason"] for kind in ("free_form", "utility", "marketing")} == {
        "phone_needed"
    }
    by_phone = {**template, "bsuid": None, "phone": PHONE}
    assert ana.post("send-template-message", by_phone).status_code == 200
    await switch(SECOND_NUMBER_ID, phones_only=False)
    assert ana.post("send-template-message", template).status_code == 200, "by the number that may"
    assert graph.requests[-1].path.split("/")[2] == SECOND_NUMBER_ID
    await switch(phones_only=False)
    assert ana.post("send-text-message", {"bsuid": BSUID, **HELLO}).status_code == 200


async def test_what_waits_is_decided_anew_for_phones_only(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, ada: str
) -> None:
    graph.faults = [Fault(code=131056, retry_after_s=900)]
    sent = ana.post("send-text-message", {"bsuid": BSUID, **HELLO}).json()
    assert sent["status"] == "queued"
    given = ChangeWhatsApp(connection_id=meta.connection.id, phones_only=True)
    await bed.runner.write(whatsapp_connections.change, given)
    caller = of_tenant(meta.connection.tenant_id)
    begun = await bed.runner.write(sends.take_up, Again(message_id=sent["id"]), caller)
    assert begun is not None
    assert begun.sender is None
    assert (await rows(bed, ana))[-1][:2] == ("failed", 131062)


async def test_a_name_that_was_given_up_is_written_to_no_more(
    ana: Person, graph: Graph, meta: Meta, ada: str
) -> None:
    """Also when the last message went there: it may be somebody else's."""
    assert ana.post("send-text-message", {"bsuid": BSUID, **HELLO}).is_success
    moved = {"id": "wamid.moved", "timestamp": str(int(time.time())), "type": "system",
             "system": {"type": "user_changed_user_id", "user_id": OTHER_BSUID,
                        "previous_user_id": BSUID}}  # fmt: skip
    await meta.told(batch([change({"messages": [moved]})]))
    for bsuid in (BSUID, OTHER_BSUID):
        assert ana.post("send-text-message", {"bsuid": bsuid, **HELLO}).is_success
        assert graph.calls[-1].body["recipient"] == OTHER_BSUID


async def test_a_number_that_was_given_up_is_written_to_no_more(
    ana: Person, graph: Graph, meta: Meta
) -> None:
    romain, new = Somebody(PHONE), "14155550188"
    await meta.told(webhooks.text(romain, "Hi", at=time.time() - 5))
    assert ana.post("send-text-message", {"phone": PHONE, **HELLO}).is_success
    assert graph.calls[-1].body["to"] == PHONE
    moved = {"from": romain.wa_id, "id": "wamid.moved", "timestamp": str(int(time.time())),
             "type": "system", "system": {"type": "user_changed_number", "wa_id": new}}  # fmt: skip
    await meta.told(batch([change({"messages": [moved]})]))
    assert ana.post("send-text-message", {"phone": PHONE, **HELLO}).is_success
    assert graph.calls[-1].body["to"] == f"+{new}"


@pytest.mark.parametrize("action", ["send-text-message", "send-template-message"])
@pytest.mark.parametrize(
    ("whom", "fields"),
    [
        ({}, ("phone",)),
        ({"contact_id": "x"}, ("contact_id",)),
        ({"bsuid": "us 1"}, ("bsuid",)),
        ({"phone": PHONE, "bsuid": BSUID}, ("bsuid", "phone")),
        ({"contact_id": str(uuid4()), "bsuid": BSUID}, ("bsuid", "contact_id")),
    ],
)
async def test_exactly_one_names_them(
    bed: Bed, ana: Person, ids: dict[str, str], action: str, whom: dict[str, str],
    fields: tuple[str, ...],
) -> None:  # fmt: skip
    before = await bed.digest()
    given = {**whom, **HELLO, "template_id": ids["hello_world"]}
    answer = ana.post(action, given)
    assert_invalid(answer, *fields)
    if not whom:
        assert answer.json() == {
            "message": "The given data was invalid.",
            "errors": {"phone": ["The phone field is required."]},
        }, "as it was before there were others"
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
async def test_whom_others_know_is_nobody(
    bed: Bed, ana: Person, mallory: Person, graph: Graph, ada: str, ids: dict[str, str]
) -> None:
    for whom in ({"contact_id": ada}, {"contact_id": str(uuid4())}):
        answers = [mallory.post("send-text-message", {**whom, **HELLO})]
        given = {**whom, "template_id": ids["hello_world"]}
        answers.append(mallory.post("send-template-message", given))
        assert {(one.status_code, one.content) for one in answers} == {
            (404, b'{"error":"Contact not found"}')
        }
    assert ana.post("send-text-message", {"contact_id": str(uuid4()), **HELLO}).status_code == 404
    assert graph.attempts == []


TWO = "+5511987654321"


@pytest.mark.parametrize(
    ("wrote", "whom", "to"),
    [
        ((), {"phone": PHONE}, PHONE),
        ((), {"phone": TWO}, TWO),
        ((), {"phone": "+1 (415) 555-0123"}, PHONE),
        ((), {}, PHONE),
        ((TWO,), {}, TWO),
        ((TWO,), {"phone": PHONE}, PHONE),
        ((TWO,), {"phone": TWO}, TWO),
        ((TWO, PHONE), {}, PHONE),
        ((PHONE, TWO), {"number_id": NUMBER_ID}, TWO),
        ((PHONE, TWO), {"number_id": SECOND_NUMBER_ID}, PHONE),
    ],
)
async def test_of_two_numbers_the_one_asked_for_else_the_one_that_wrote(
    ana: Person,
    graph: Graph,
    meta: Meta,
    ids: dict[str, str],
    wrote: tuple[str, ...],
    whom: dict[str, str],
    to: str,
) -> None:
    """The first of two writes to the second number of the business, too, before."""
    contact_id = ana.create_contact(phone=PHONE).json()["id"]
    named = {"contact_id": contact_id, "kind": "phone", "value": TWO}
    assert ana.post("add-identity", named).is_success
    for at, phone in enumerate(wrote):
        where = {"number_id": SECOND_NUMBER_ID} if len(wrote) > 1 and phone == PHONE else {}
        said_at = time.time() - 60 + at
        await meta.told(webhooks.text(Somebody(phone), "Hi", at=said_at, **where))
    if "phone" not in whom:
        whom = {**whom, "contact_id": contact_id}
    given = {**whom, "template_id": ids["hello_world"]}
    for _ in range(2):  # what went out before decides nothing between two numbers
        assert ana.post("send-template-message", given).status_code == 200
        assert graph.calls[-1].body["to"] == to
        other = {"phone": PHONE if to == TWO else TWO, "template_id": ids["hello_world"]}
        assert ana.post("send-template-message", other).status_code == 200
        assert graph.calls[-1].body["to"] == other["phone"]


async def test_who_opts_out_is_told_so_where_they_wrote(
    ana: Person, graph: Graph, meta: Meta
) -> None:
    contact_id = ana.create_contact(phone=PHONE).json()["id"]
    named = {"contact_id": contact_id, "kind": "phone", "value": TWO}
    assert ana.post("add-identity", named).is_success
    agree(ana)
    await meta.told(webhooks.text(Somebody(TWO), "STOP", at=time.time() - 5))
    wait_until(lambda: graph.calls, "an answer")
    assert [call.body["to"] for call in graph.calls] == [TWO]
