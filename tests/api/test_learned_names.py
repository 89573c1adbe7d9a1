"""Names learned later: a number for who has none, and opt-outs that no name leads around."""

from typing import Any

import httpx
import pytest

from tests.cast import Bed, Person

PHONE = "+5588999448232"
SHORT = "+558899448232"
OTHER = "+14155550124"
BSUID = "US.13491208655302741918"
LEFT_AT = "2026-01-02T03:04:05+00:00"


def made(caller: Person, phone: str, **given: Any) -> str:
    answer = caller.create_contact(phone=phone, **given)
    assert answer.status_code == 201, answer.text
    uuid: str = answer.json()["id"]
    return uuid


async def without_phone(bed: Bed, caller: Person, **names: str) -> str:
    """Somebody who is known by other names alone; WhatsApp reports such people."""
    uuid = made(caller, "+14155550199", name="Romain")
    for kind, value in names.items():
        assert add(caller, uuid, kind, value).status_code == 200
    await bed.change(
        "DELETE FROM identities WHERE tenant_id = :tenant_id AND value = '+14155550199'",
        tenant_id=caller.user.tenant_id,
    )
    await bed.change(
        "UPDATE contacts SET phone = NULL, search_key = 'romain' || char(10) || char(10)"
        " WHERE uuid = :uuid"
        if bed.engine == "sqlite"
        else "UPDATE contacts SET phone = NULL, search_key = 'romain' || chr(10) || chr(10)"
        " WHERE uuid = :uuid",
        uuid=uuid,
    )
    return uuid


def add(caller: Person, contact_id: str, kind: str, value: str) -> httpx.Response:
    return caller.post("add-identity", {"contact_id": contact_id, "kind": kind, "value": value})


def seen(caller: Person, contact_id: str, *expand: str) -> dict[str, Any]:
    answer = caller.get_contact(contact_id=contact_id, expand=list(expand))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def say(caller: Person, contact_id: str, state: str, **more: Any) -> None:
    body = {"contact_id": contact_id, "channel": "whatsapp", "purpose": "marketing"}
    told = {"state": state, "source": "api", "method": "checkbox", **more}
    answer = caller.post("set-consent", {**body, **told})
    assert answer.is_success, answer.text


def leave(caller: Person, contact_id: str) -> None:
    """Opt out, and be erased."""
    say(caller, contact_id, "withdrawn", occurred_at=LEFT_AT)
    assert caller.post("delete-contact", {"contact_id": contact_id}).status_code == 200


def marketing(caller: Person, contact_id: str) -> str:
    reason: str = seen(caller, contact_id, "reachability")["reachability"]["marketing"]["reason"]
    return reason


async def test_the_first_number_of_somebody_without_one_is_theirs(bed: Bed, ana: Person) -> None:
    uuid = await without_phone(bed, ana, username="romain")
    before = ana.get_contact(contact_id=uuid)
    assert before.json()["phone"] is None
    answer = add(ana, uuid, "phone", PHONE)
    assert answer.json()["phone"] == PHONE
    found = seen(ana, uuid, "history")
    assert found["phone"] == PHONE
    assert ana.get_contact(contact_id=uuid).headers["etag"] != before.headers["etag"]
    entry = found["history"][0]
    assert (entry["what"], entry["before"]) == ("contact.identity_added", {"phone": None})
    assert entry["after"] == {"identity": {"kind": "phone", "value": PHONE}, "phone": PHONE}
    for asked in (PHONE, SHORT):
        assert ana.get_contact(phone=asked).json()["id"] == uuid
    assert [one["id"] for one in ana.post("search-contacts", {"query": "99944"}).json()] == [uuid]
    assert add(ana, uuid, "phone", OTHER).json()["phone"] == PHONE, "the first stays"
    refused = ana.post("remove-identity", {"contact_id": uuid, "kind": "phone", "value": PHONE})
    assert refused.status_code == 422


async def test_a_whatsapp_id_alone_is_no_phone(bed: Bed, ana: Person) -> None:
    """It is what WhatsApp calls the account: it may differ from the number that people dial."""
    uuid = await without_phone(bed, ana, username="romain")
    assert add(ana, uuid, "wa_id", SHORT[1:]).json()["phone"] is None
    assert made(ana, PHONE) == uuid, "the number it stands for, now given as a phone"
    assert seen(ana, uuid)["phone"] == PHONE


@pytest.mark.row("T10.2", "T18.1")
@pytest.mark.parametrize(
    ("kind", "value"),
    [("phone", PHONE), ("phone", SHORT), ("wa_id", PHONE[1:]), ("wa_id", SHORT[1:])],
)
def test_taking_an_erased_number_takes_its_opt_out(ana: Person, kind: str, value: str) -> None:
    leave(ana, made(ana, PHONE))
    uuid = made(ana, OTHER)
    say(ana, uuid, "granted")
    assert marketing(ana, uuid) == "ok"
    answer = add(ana, uuid, kind, value)
    assert answer.status_code == 200
    assert marketing(ana, uuid) == "opted_out"
    found = seen(ana, uuid, "history")
    assert found["opted_out_at"] is not None
    assert answer.headers["etag"] == ana.get_contact(contact_id=uuid).headers["etag"]
    assert [entry["what"] for entry in found["history"][:2]] == [
        "contact.consent_changed",
        "contact.identity_added",
    ]
    rows = ana.post("list-consent", {"contact_id": uuid}).json()["records"]
    assert LEFT_AT in [row["occurred_at"] for row in rows]


@pytest.mark.row("T10.2")
def test_without_a_grant_it_shows_when_they_left(ana: Person) -> None:
    leave(ana, made(ana, PHONE))
    uuid = made(ana, OTHER)
    add(ana, uuid, "phone", PHONE)
    assert seen(ana, uuid)["opted_out_at"] == LEFT_AT
    assert len(ana.post("list-consent", {"contact_id": uuid}).json()["records"]) == 1


@pytest.mark.row("T10.2")
async def test_what_was_lifted_since_is_not_told_again(bed: Bed) -> None:
    ana = await bed.owner("Ana", scope="admin")
    leave(ana, made(ana, PHONE))
    uuid = made(ana, PHONE)
    assert marketing(ana, uuid) == "opted_out"
    say(ana, uuid, "granted", source="operator", method="note", note="They asked by phone.")
    assert marketing(ana, uuid) == "ok"
    for kind, value in (("phone", SHORT), ("wa_id", SHORT[1:])):
        assert add(ana, uuid, kind, value).status_code == 200
    assert marketing(ana, uuid) == "ok"


@pytest.mark.row("T10.2", "T18.1")
async def test_who_was_known_by_a_bsuid_alone_stays_opted_out(bed: Bed, ana: Person) -> None:
    leave(ana, await without_phone(bed, ana, bsuid=BSUID))
    [(kind, digest)] = await bed.rows(
        "SELECT kind, digest FROM suppressions WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert kind == "bsuid"
    assert BSUID not in digest
    uuid = made(ana, OTHER)
    assert marketing(ana, uuid) == "consent_unknown"
    assert add(ana, uuid, "bsuid", BSUID.replace("1", "2")).status_code == 200
    assert marketing(ana, uuid) == "consent_unknown", "that was somebody else"
    assert add(ana, uuid, "bsuid", BSUID).status_code == 200
    assert marketing(ana, uuid) == "opted_out"
    assert seen(ana, uuid)["opted_out_at"] == LEFT_AT


def test_other_names_say_nothing_of_who_left(ana: Person) -> None:
    """A username passes from person to person."""
    uuid = made(ana, PHONE)
    for kind, value in (("username", "romain"), ("external", "shopify:7")):
        assert add(ana, uuid, kind, value).status_code == 200
    leave(ana, uuid)
    other = made(ana, OTHER)
    for kind, value in (("username", "romain"), ("external", "shopify:7")):
        assert add(ana, other, kind, value).status_code == 200
    assert marketing(ana, other) == "consent_unknown"


@pytest.mark.row("T10.2", "T1.1")
def test_mallory_s_erasures_are_mallory_s(ana: Person, mallory: Person) -> None:
    leave(mallory, made(mallory, PHONE))
    uuid = made(ana, OTHER)
    assert add(ana, uuid, "phone", PHONE).status_code == 200
    assert marketing(ana, uuid) == "consent_unknown"
