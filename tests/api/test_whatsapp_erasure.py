"""Erasing somebody who wrote by WhatsApp: messages, what waits to be read, and what comes again."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cast import Bed, Person
from tests.graph import webhooks
from tests.graph.rules import Person as Writer
from tests.meta import Meta, batch, change, connected

SAID = "my-own-words-b1946ac9"


@pytest.fixture
async def meta(bed: Bed, ana: Person) -> Meta:
    return await connected(bed, ana)


def writer(number: int) -> Writer:
    wa_id = f"1415559{number:04}"
    return Writer(
        phone=f"+{wa_id}", wa_id=wa_id, name=f"Nobody {number}", user_id=f"US.writer{number}"
    )


async def whole(bed: Bed) -> str:
    """Every row of every table of messages, the inbox and what hangs on them, as text."""
    tables = (
        "messages", "parked_statuses", "erased_messages", "identity_changes", "identities",
        "contacts", "consent_records", "conversations", "jobs", "audit_log",
    )  # fmt: skip
    found = [repr(await bed.rows(f"SELECT * FROM {table}")) for table in tables]
    bodies = await bed.rows("SELECT body, reason FROM inbox WHERE body IS NOT NULL")
    return " ".join(found) + " ".join(bytes(body).decode(errors="replace") for body, _ in bodies)


@pytest.mark.row("T18.1")
async def test_nothing_of_what_they_wrote_is_left(bed: Bed, meta: Meta, ana: Person) -> None:
    who, now = writer(1), int(time.time())
    wamid = "wamid." + base64.b64encode(f"{who.wa_id}-x".encode()).decode()
    moved = {"from": who.wa_id, "id": "wamid.moved", "timestamp": str(now - 5), "type": "system",
             "system": {"type": "user_changed_number", "wa_id": "14155590777"}}  # fmt: skip
    status = webhooks.status("wamid.unknown", "read", who, at=now)
    await meta.told(
        webhooks.text(who, SAID, at=now - 9, wamid=wamid),
        webhooks.text(who, "stop", at=now - 8),
        status,
        batch([change({"messages": [moved]})]),
    )
    assert SAID in await whole(bed)
    found = ana.get_contact(phone=who.phone).json()
    assert (found["phone"], found["total_messages"]) == ("+14155590777", 2)
    assert ana.post("delete-contact", {"contact_id": found["id"]}).status_code == 200
    left = await whole(bed)
    for trace in (SAID, who.wa_id, who.phone, who.user_id, who.name, "14155590777", wamid):
        assert trace not in left, trace


@pytest.mark.row("T18.1")
async def test_what_is_delivered_again_makes_nobody_anew(bed: Bed, meta: Meta, ana: Person) -> None:
    who, now = writer(2), int(time.time())
    body = webhooks.text(who, "Hi", at=now, wamid="wamid.again")
    await meta.told(body)
    assert ana.post("delete-contact", {"phone": who.phone}).status_code == 200
    await meta.told(body + b" ")
    assert ana.get_contact(phone=who.phone).status_code == 404
    await meta.told(webhooks.text(who, "It is me again", at=now + 1, wamid="wamid.new"))
    assert ana.get_contact(phone=who.phone).json()["total_messages"] == 1


@pytest.mark.row("T18.1")
async def test_what_waits_is_blanked_and_an_opt_out_stays(
    bed: Bed, meta: Meta, ana: Person
) -> None:
    who, now = writer(3), int(time.time())
    await meta.told(webhooks.text(who, "stop", at=now - 10, wamid="wamid.stop"))
    bad = json.loads(webhooks.text(who, SAID, at=now))
    del bad["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"]
    await meta.told(bad)
    assert len(await meta.states("quarantined")) == 1
    assert ana.post("delete-contact", {"phone": who.phone}).status_code == 200
    assert await meta.states("quarantined") == []
    assert SAID not in await whole(bed)
    await meta.told(webhooks.text(who, "Hello", at=now + 1, wamid="wamid.hello"))
    assert ana.get_contact(phone=who.phone).json()["opted_out_at"] is not None


async def test_a_merge_takes_messages_along_and_an_unmerge_gives_them_back(
    bed: Bed, meta: Meta, ana: Person
) -> None:
    one, other, now = writer(4), writer(5), int(time.time()) - 100
    for at, who in enumerate((one, one, other)):
        await meta.told(webhooks.text(who, str(at), at=now + at))
    ids = [ana.get_contact(phone=who.phone).json()["id"] for who in (one, other)]

    def shown(contact_id: str) -> tuple[int, list[Any]]:
        page = ana.post("list-messages", {"contact_id": contact_id}).json()["messages"]
        total = ana.get_contact(contact_id=contact_id).json()["total_messages"]
        return total, [message["content"]["body"] for message in page]

    merged = ana.post("merge-contacts", {"contact_id": ids[0], "into": ids[1]})
    assert merged.status_code == 200, merged.text
    assert shown(ids[1]) == (3, ["2", "1", "0"])
    await meta.told(webhooks.text(one, "3", at=now + 3))  # it is of whoever's number it was
    assert shown(ids[1]) == (4, ["3", "2", "1", "0"])
    assert ana.post("unmerge-contacts", {"contact_id": ids[0]}).status_code == 200
    assert shown(ids[0]) == (3, ["3", "1", "0"])
    assert shown(ids[1]) == (1, ["2"])


@pytest.mark.row("T18.1")
async def test_no_log_line_names_them(bed: Bed, meta: Meta, ana: Person) -> None:
    who = writer(6)
    await meta.told(webhooks.text(who, SAID + "-6", at=time.time()))
    log = Path(bed.serving.log_path).read_text()
    for trace in (SAID + "-6", who.wa_id, who.user_id, who.name):
        assert trace not in log
