"""list-messages, the trigger, and `expand`: what was written, as the documents show it."""

import re
from datetime import timedelta
from typing import Any

import pytest

from kith.actions import facts
from kith.actions.run import utc_now
from kith.domain.messages import Error, StatusTold
from kith.domain.whatsapp_facts import MessageReceived, Number, StatusReported, Who
from tests.api.refusals import NOT_FOUND, UNAUTHENTICATED
from tests.cast import Bed, Person
from tests.meta import Meta, connected

NUMBER = Number("106540352242922", "+15550783881")
ROMAIN = Who(wa_id="14155550123", bsuid="US.111", name="Romain")
HELENA = Who(bsuid="BR.444", name="Helena")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
TRIGGER = "/api/v1/triggers/new-message-received"


@pytest.fixture
async def meta(bed: Bed, ana: Person) -> Meta:
    return await connected(bed, ana)


async def wrote(meta: Meta, who: Who, wamid: str, body: str = "Hi", **more: Any) -> None:
    given = {"type": "text", "content": {"body": body}, "at": utc_now()} | more
    fact = MessageReceived(number=NUMBER, who=who, wamid=wamid, **given)
    await meta.bed.runner.write(facts.apply, fact, meta.caller)


def received(person: Person, query: str = "") -> list[dict[str, Any]]:
    answer = person.get(TRIGGER + query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_the_trigger_answers_as_documented(meta: Meta, ana: Person) -> None:
    await wrote(meta, ROMAIN, "wamid.1", "Hi, do you ship to Canada?")
    [row] = received(ana)
    contact = ana.get_contact(phone="+14155550123").json()
    assert list(row.items()) == [
        ("id", row["id"]),
        ("direction", "inbound"),
        ("type", "text"),
        ("content", {"body": "Hi, do you ship to Canada?"}),
        ("status", "received"),
        ("contact_id", contact["id"]),
        ("contact_phone", "+14155550123"),
        ("contact_name", "Romain"),
        ("contact_email", None),
        ("sent_at", None),
        ("delivered_at", None),
        ("read_at", None),
        ("created_at", row["created_at"]),
    ]
    assert TIME.fullmatch(row["created_at"])


async def test_the_trigger_tells_the_last_first_and_of_one_type(meta: Meta, ana: Person) -> None:
    assert received(ana) == []
    old = utc_now() - timedelta(days=2)
    await wrote(meta, ROMAIN, "wamid.1", "first")
    media = {"id": "1", "mime_type": "image/jpeg", "sha256": "x"}
    await wrote(meta, HELENA, "wamid.2", type="image", content=media, at=old)
    await wrote(meta, ROMAIN, "wamid.3", type="reaction", content={"emoji": "+1"})
    await wrote(meta, ROMAIN, "wamid.4", type="edit", content={}, about_wamid="wamid.9")
    assert [row["type"] for row in received(ana)] == ["reaction", "image", "text"]
    [image] = received(ana, "?message_type=image")
    assert list(image["content"]) == ["url", "mime_type", "id", "sha256"]
    assert (image["contact_phone"], image["contact_name"]) == (None, "Helena")
    assert [row["type"] for row in received(ana, "?message_type=%20TEXT%20")] == ["text"]
    assert len(received(ana, "?message_type=")) == 3
    assert received(ana, "?message_type=hologram") == []
    assert ana.get(f"{TRIGGER}?message_type={'x' * 65}").status_code == 422


@pytest.mark.row("L9")
async def test_the_trigger_tells_of_a_hundred(meta: Meta, ana: Person) -> None:
    for number in range(101):
        await wrote(meta, ROMAIN, f"wamid.{number}", str(number))
    bodies = [row["content"]["body"] for row in received(ana)]
    assert bodies == [str(number) for number in range(100, 0, -1)]


async def test_whose_the_trigger_is(
    bed: Bed, meta: Meta, ana: Person, ben: Person, mallory: Person
) -> None:
    await wrote(meta, ROMAIN, "wamid.1")
    assert len(received(ben)) == 1
    assert received(mallory) == []
    answer = bed.nobody.get(TRIGGER)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_pages_of_a_contacts_messages(meta: Meta, ana: Person) -> None:
    now = utc_now()
    for minutes in (3, 1, 4, 2, 5):  # as they came; shown as they were said
        at = now - timedelta(minutes=minutes)
        await wrote(meta, ROMAIN, f"wamid.{minutes}", str(minutes), at=at)
    await wrote(meta, HELENA, "wamid.6", "of another")
    seen: list[str] = []
    cursor = None
    while True:
        page = ana.post("list-messages", {"phone": "+14155550123", "limit": 2, "cursor": cursor})
        assert page.status_code == 200, page.text
        assert list(page.json()) == ["id", "messages", "next_cursor"]
        seen += [one["content"]["body"] for one in page.json()["messages"]]
        if (cursor := page.json()["next_cursor"]) is None:
            break
    assert seen == ["1", "2", "3", "4", "5"]


async def test_a_message_as_it_is_shown(bed: Bed, meta: Meta, ana: Person) -> None:
    at = utc_now().replace(microsecond=0) - timedelta(minutes=1)
    await wrote(meta, ROMAIN, "wamid.1", at=at, about_wamid="wamid.0")
    [one] = ana.post("list-messages", {"phone": "+14155550123"}).json()["messages"]
    contact = ana.get_contact(phone="+14155550123", expand=["messages"])
    assert contact.json()["messages"] == [one]
    assert "etag" not in contact.headers
    assert list(one.items()) == [
        ("id", one["id"]),
        ("direction", "inbound"),
        ("type", "text"),
        ("content", {"body": "Hi"}),
        ("status", "received"),
        ("contact_id", contact.json()["id"]),
        ("number_id", "106540352242922"),
        ("whatsapp_message_id", "wamid.1"),
        ("in_reply_to", "wamid.0"),
        ("template", None),
        ("error", None),
        ("said_at", at.isoformat()),
        ("sent_at", None),
        ("delivered_at", None),
        ("read_at", None),
        ("edited_at", None),
        ("deleted_at", None),
        ("created_at", one["created_at"]),
    ]


async def test_an_edit_and_a_deletion_show_in_the_message(meta: Meta, ana: Person) -> None:
    await wrote(meta, ROMAIN, "wamid.1", "Frist")
    new = {"message_id": "wamid.1", "type": "text", "content": {"body": "First"}}
    await wrote(meta, ROMAIN, "wamid.2", type="edit", content=new, about_wamid="wamid.1")
    [one] = ana.post("list-messages", {"phone": "+14155550123"}).json()["messages"]
    assert (one["content"], one["deleted_at"]) == ({"body": "First"}, None)
    assert one["edited_at"] is not None
    # Nobody edits or deletes what another wrote.
    await wrote(meta, HELENA, "wamid.3", type="revoke", content={}, about_wamid="wamid.1")
    [same] = ana.post("list-messages", {"phone": "+14155550123"}).json()["messages"]
    assert same == one
    await wrote(meta, ROMAIN, "wamid.4", type="revoke", content={}, about_wamid="wamid.1")
    [gone] = ana.post("list-messages", {"phone": "+14155550123"}).json()["messages"]
    assert gone["content"] == {}
    assert gone["deleted_at"] is not None
    assert ana.get_contact(phone="+14155550123").json()["total_messages"] == 1


async def test_whose_messages_are_listed(
    bed: Bed, meta: Meta, ana: Person, mallory: Person
) -> None:
    await wrote(meta, ROMAIN, "wamid.1")
    given = {"phone": "+14155550123"}
    assert bed.nobody.post("list-messages", given).status_code == 401
    answer = mallory.post("list-messages", given)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


async def test_an_echo_of_a_status_says_why_it_failed(bed: Bed, meta: Meta, ana: Person) -> None:
    """A failure counts until it is known that the message arrived after all."""
    from kith.domain.whatsapp_facts import MessageEchoed

    now = utc_now()
    echo = MessageEchoed(
        number=NUMBER, who=ROMAIN, wamid="wamid.1", at=now, type="text", content={"body": "Yes"}
    )
    why = Error(131047, "Re-engagement message", "More than 24 hours have passed.")
    failed = StatusReported(
        number=NUMBER, who=Who(), wamid="wamid.1",
        told=StatusTold(status="failed", at=now, error=why),
    )  # fmt: skip
    read = StatusReported(
        number=NUMBER, who=Who(), wamid="wamid.1", told=StatusTold(status="read", at=now)
    )
    shown = []
    for fact in (echo, failed, read):
        await bed.runner.write(facts.apply, fact, meta.caller)
        [one] = ana.post("list-messages", {"phone": "+14155550123"}).json()["messages"]
        shown.append((one["status"], one["error"], one["delivered_at"] is not None))
    error = {
        "code": 131047,
        "title": "Re-engagement message",
        "details": "More than 24 hours have passed.",
    }
    assert shown == [("sent", None, False), ("failed", error, False), ("read", None, True)]


async def test_an_export_holds_every_message(meta: Meta, ana: Person) -> None:
    await wrote(meta, ROMAIN, "wamid.1", "Frist")
    new = {"message_id": "wamid.1", "type": "text", "content": {"body": "First"}}
    await wrote(meta, ROMAIN, "wamid.2", type="edit", content=new, about_wamid="wamid.1")
    held = ana.post("export-contact", {"phone": "+14155550123"}).json()
    assert [one["type"] for one in held["messages"]] == ["edit", "text"]
    assert held["messages_complete"] is True
