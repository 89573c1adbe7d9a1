"""POST /api/v1/actions/export-contact: everything held on one person, and nothing on another."""

import re
from typing import Any
from uuid import uuid4

import pytest

from kith.actions import inbox, personal_data
from kith.domain.contacts import ContactKey
from tests.api.refusals import FORBIDDEN, NO_SUCH_ID, NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.api.test_get_contact import KEYS
from tests.cast import Bed, Person
from tests.shops import Shop

PHONE = "+14155550123"
OTHER = "+14155550124"
EMAIL = "romain@example.com"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
EXPORTED = [
    "exported_at", "contact", "updated_at", "tags", "identities", "history", "history_complete",
    "kept_answers", "kept_answers_complete", "merges", "consent_records", "blocks",
    "conversations", "messages",
    "messages_complete", "data_requests",
    "waiting_events",
    "opt_ins",
    "unread_messages", "unread_messages_complete",
]  # fmt: skip


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def export(caller: Person, **given: object) -> dict[str, Any]:
    answer = caller.post("export-contact", given or {"phone": PHONE})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    held: dict[str, Any] = answer.json()
    return held


async def test_everything_that_is_held(bed: Bed, ana: Person) -> None:
    """Each part as the other operations show it, and the answers kept for a repeat."""
    given = {"phone": PHONE, "name": "Romain", "email": EMAIL, "tags": "vip", "metadata": {"a": 1}}
    created = ana.post("create-contact", given, headers=keyed("make"))
    tagged = ana.post("add-tag", {"phone": PHONE, "tag": "b2b"}, headers=keyed("tag"))
    updated = ana.post("update-contact", {"phone": PHONE, "name": "Rom"})
    await bed.change(
        "UPDATE contacts SET locale = 'fr', opted_in_at = 1000000, opted_out_at = 2000000,"
        " last_message_at = 3000000, total_messages = 27 WHERE uuid = :id",
        id=created.json()["id"],
    )
    held = export(ana)
    assert list(held) == EXPORTED
    assert TIME.fullmatch(held["exported_at"])
    assert held["exported_at"] >= held["updated_at"]
    whole = ana.get_contact(phone=PHONE, expand=["tags", "identities", "history"]).json()
    assert list(held["contact"].items()) == [
        ("id", created.json()["id"]),
        ("phone", PHONE),
        ("name", "Rom"),
        ("email", EMAIL),
        ("source", "api"),
        ("locale", "fr"),
        ("metadata", {"a": 1}),
        ("tags", ["b2b", "vip"]),
        ("opted_in_at", "1970-01-01T00:00:01+00:00"),
        ("opted_out_at", "1970-01-01T00:00:02+00:00"),
        ("last_message_at", "1970-01-01T00:00:03+00:00"),
        ("total_messages", 27),
        ("created_at", created.json()["created_at"]),
    ]
    assert held["contact"] == ana.get_contact(phone=PHONE).json()
    assert held["updated_at"] == updated.json()["updated_at"]
    for part in ("tags", "identities", "history"):
        assert held[part] == whole[part]
    assert [tag["name"] for tag in held["tags"]] == ["b2b", "vip"]
    assert [identity["value"] for identity in held["identities"]] == [PHONE]
    assert [entry["what"] for entry in held["history"]] == [
        "contact.updated", "contact.tagged", "contact.created",
    ]  # fmt: skip
    assert held["history_complete"] is True
    assert [list(kept) for kept in held["kept_answers"]] == [["action", "key", "at", "answer"]] * 2
    assert all(TIME.fullmatch(kept["at"]) for kept in held["kept_answers"])
    assert [(kept["action"], kept["key"], kept["answer"]) for kept in held["kept_answers"]] == [
        ("add-tag", "tag", tagged.json()),
        ("create-contact", "make", created.json()),
    ]


def test_the_barest_contact(ana: Person) -> None:
    saved = ana.create_contact(phone=PHONE).json()
    held = export(ana)
    assert list(held) == EXPORTED
    assert list(held["contact"]) == KEYS
    assert held["contact"] == ana.get_contact(phone=PHONE).json()
    assert held["updated_at"] == saved["created_at"]
    assert (held["tags"], held["kept_answers"]) == ([], [])
    assert (len(held["identities"]), len(held["history"])) == (1, 1)


def test_by_id_by_phone_or_by_both(ana: Person) -> None:
    saved = ana.create_contact(phone=PHONE).json()
    for given in (
        {"contact_id": saved["id"]},
        {"contact_id": saved["id"].upper()},
        {"phone": "+1 (415) 555-0123"},
        {"contact_id": saved["id"], "phone": PHONE},
    ):
        assert export(ana, **given)["contact"]["id"] == saved["id"]


@pytest.mark.row("T1.1")
async def test_what_could_not_be_read_and_names_them(
    bed: Bed, ana: Person, mallory: Person
) -> None:
    """What an erasure would blank, as it came: by number, by an address of now or earlier."""
    mine, theirs = await Shop.of(bed, ana), await Shop.of(bed, mallory)
    given = {"phone": PHONE, "email": "old@example.com"}
    ana.create_contact(**given)
    ana.post("update-contact", {"phone": PHONE, "email": EMAIL})
    named = [
        b'{"note": "(415) 555-0123"',
        b'{"note": "OLD@example.com"',
        b"\xff romain@example.com",
    ]
    for body in (*named, b'{"note": "+1 415 555 0124"'):
        await mine.send("customers/create", body)
    mallory.create_contact(**given)
    await theirs.send("customers/create", b'{"theirs": "+14155550123"')
    held = export(ana)
    assert [list(one) for one in held["unread_messages"]] == [
        ["system", "received_at", "state", "body"]
    ] * len(named)
    assert all(TIME.fullmatch(one["received_at"]) for one in held["unread_messages"])
    assert [(one["system"], one["state"]) for one in held["unread_messages"]] == [
        ("shopify", "quarantined")
    ] * len(named)
    bodies = [body.decode(errors="replace") for body in named]
    assert [one["body"] for one in held["unread_messages"]] == bodies
    assert held["unread_messages_complete"] is True
    assert [one["body"] for one in export(mallory)["unread_messages"]] == [
        '{"theirs": "+14155550123"'
    ]
    ana.post("delete-contact", {"phone": PHONE})
    ana.create_contact(**given)
    assert export(ana)["unread_messages"] == []
    assert len(export(mallory)["unread_messages"]) == 1


@pytest.mark.row("R9")
async def test_many_of_these_are_not_all_shown(
    bed: Bed, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await Shop.of(bed, ana)
    known = ana.create_contact(phone=PHONE).json()
    for number in range(3):
        await shop.send("customers/create", b'{"%d": "+14155550123"' % number)
    for name, most, shown in (("SHOWN_MAX", 2, 2), ("SHOWN_BYTES_MAX", 50, 2), ("SHOWN_MAX", 3, 3)):
        with monkeypatch.context() as patched:
            patched.setattr(inbox, name, most)
            found = await bed.runner.scan(
                personal_data.export, ContactKey(contact_id=known["id"]), ana.caller
            )
        assert (len(found.unread), found.is_unread_whole) == (shown, shown == 3)


@pytest.mark.row("T1.1")
def test_nothing_of_anybody_else(ana: Person, mallory: Person) -> None:
    """Their markers stand in every field that takes a text, beside the exported contact's own."""
    marks = {}
    for person, phone in ((ana, PHONE), (ana, OTHER), (mallory, PHONE)):
        mark = marks[person, phone] = uuid4().hex
        given = {
            "phone": phone,
            "name": f"n{mark}",
            "email": f"e{mark}@example.com",
            "tags": ["shared", f"t{mark}"],
            "metadata": {f"k{mark}": f"v{mark}"},
        }
        person.post("create-contact", given, headers=keyed(f"i{mark}"))
        person.post("add-tag", {"phone": phone, "tag": f"l{mark}"}, headers=keyed(f"j{mark}"))
    for (person, phone), own in marks.items():
        text = person.post("export-contact", {"phone": phone}).text
        assert all(f"{letter}{own}" in text for letter in "netkvilj")
        assert not [mark for mark in marks.values() if mark != own and mark in text]
    assert OTHER not in ana.post("export-contact", {"phone": PHONE}).text


@pytest.mark.row("T1.1")
def test_foreign_reads_like_unknown(ana: Person, mallory: Person) -> None:
    saved = ana.create_contact(phone=PHONE).json()
    for given in (
        {"phone": PHONE},
        {"contact_id": saved["id"]},
        {"contact_id": saved["id"], "phone": PHONE},
        {"phone": OTHER},
        {"contact_id": str(uuid4())},
    ):
        answer = mallory.post("export-contact", given)
        told = NO_SUCH_ID if len(given) == 2 else NOT_FOUND
        assert (answer.status_code, answer.json()) == (404, told)


def test_neither_key(ana: Person) -> None:
    for given in ({}, {"phone": " "}, {"email": EMAIL}):
        answer = ana.post("export-contact", given)
        assert answer.status_code == 422
        assert list(answer.json()) == ["message", "error", "errors"]
        assert answer.json()["error"] == "Neither contact_id nor phone provided"


def test_two_people_at_once(ana: Person) -> None:
    saved = ana.create_contact(phone=PHONE).json()
    ana.create_contact(phone=OTHER)
    answer = ana.post("export-contact", {"contact_id": saved["id"], "phone": OTHER})
    assert_invalid(answer, "contact_id", "phone")


def test_invalid(ana: Person) -> None:
    assert_invalid(
        ana.post("export-contact", {"phone": "x", "contact_id": 1}), "phone", "contact_id"
    )


def test_no_token(bed: Bed) -> None:
    answer = bed.nobody.post("export-contact", {"phone": PHONE})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_scopes(bed: Bed, ana: Person, ben: Person) -> None:
    """It only reads."""
    ana.create_contact(phone=PHONE)
    nothing = await bed.person(ben.user, ben.workspace, scope="read")
    await bed.change("UPDATE tokens SET scopes = '' WHERE id = :id", id=nothing.token_id)
    before = await bed.digest()
    mine, theirs = export(ana), export(ben)
    assert {**theirs, "exported_at": ""} == {**mine, "exported_at": ""}
    answer = nothing.post("export-contact", {"phone": PHONE})
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert await bed.digest() == before


@pytest.mark.row("R10")
def test_the_log_tells_that_somebody_exported(bed: Bed, ana: Person) -> None:
    """By which token, never of whom."""
    mark = uuid4().hex
    phone = f"+9{int(mark[:10], 16):013}"
    email = f"{mark}@example.com"
    saved = ana.create_contact(phone=phone, email=email, name=f"n{mark}").json()
    ana.post("export-contact", {"phone": "+14155550199"})
    ana.post("export-contact", {})
    assert not [line for line in exports(bed) if line["token_id"] == ana.token_id]
    answer = ana.post("export-contact", {"phone": phone})
    ana.post("export-contact", {"contact_id": saved["id"]})
    line = bed.serving.logged("export.run", token_id=ana.token_id)
    assert line["route"] == "export-contact"
    assert line["tenant_id"] == ana.user.tenant_id
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["status"] == 200
    text = bed.serving.log_path.read_text()
    assert not [secret for secret in (phone, phone[1:], email, mark) if secret in text]


def exports(bed: Bed) -> list[dict[str, Any]]:
    return [line for line in bed.serving.log() if line["event"] == "export.run"]
