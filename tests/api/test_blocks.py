"""POST /api/v1/actions/block-contact and unblock-contact: an operator's word, and nothing else."""

import re
from typing import Any
from uuid import uuid4

import pytest

from tests.api.reach import Reach, ago
from tests.api.refusals import FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

PHONE = "+14155550123"
OTHER = "+14155550124"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
KINDS = ("free_form", "utility", "marketing")
each_action = pytest.mark.parametrize("action", ["block-contact", "unblock-contact"])


@pytest.fixture
def romain(ana: Person) -> str:
    uuid: str = ana.create_contact(phone=PHONE, name="Romain").json()["id"]
    return uuid


def told(caller: Person, action: str, **given: object) -> dict[str, Any]:
    answer = caller.post(action, given or {"phone": PHONE})
    assert answer.status_code == 200, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


def reasons(caller: Person) -> list[str]:
    answer = caller.post("get-reachability", {"phone": PHONE}).json()
    return [answer[kind]["reason"] for kind in KINDS]


def history(caller: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get_contact(phone=PHONE, expand="history").json()[
        "history"
    ]
    return found


async def test_from_block_to_unblock(bed: Bed, ana: Person, romain: str) -> None:
    reach = Reach(bed, ana)
    await reach.number("1")
    await reach.consent(romain, "granted")
    await reach.conversation(romain, "1", last_inbound_at=ago(60))
    assert reasons(ana) == ["ok"] * 3
    answer = told(ana, "block-contact")
    assert list(answer) == ["id", "phone", "blocked", "blocked_at"]
    assert (answer["id"], answer["phone"], answer["blocked"]) == (romain, PHONE, True)
    assert TIME.fullmatch(answer["blocked_at"])
    assert reasons(ana) == ["blocked"] * 3
    assert told(ana, "unblock-contact") == {
        "id": romain, "phone": PHONE, "blocked": False, "blocked_at": None,
    }  # fmt: skip
    assert reasons(ana) == ["ok"] * 3, "consent and window are as they were"


async def test_said_twice_it_is_said_once(bed: Bed, ana: Person, romain: str) -> None:
    for action in ("block-contact", "unblock-contact"):
        first = ana.post(action, {"phone": PHONE})
        before = await bed.digest()
        second = ana.post(action, {"contact_id": romain})
        assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
        assert await bed.digest() == before


def test_a_further_note_is_kept_too(ana: Person, romain: str) -> None:
    first = told(ana, "block-contact")
    version = ana.get_contact(phone=PHONE).headers["etag"]
    assert told(ana, "block-contact", phone=PHONE, note="He called again.") == first
    assert ana.get_contact(phone=PHONE).headers["etag"] != version
    newest = history(ana)[0]
    assert (newest["what"], newest["before"], newest["after"]) == (
        "contact.blocked", {"blocked": True}, {"blocked": True, "note": "He called again."},
    )  # fmt: skip


@pytest.mark.parametrize("note", [{}, {"note": "Threatened a colleague."}])
def test_a_block_of_while_two_were_one_stays(ana: Person, romain: str, note: Any) -> None:
    """Whoever was blocked before the merge is again, and so is the one whom an operator blocked
    meanwhile; said again, it is said once."""
    other = ana.create_contact(phone=OTHER).json()["id"]
    first = told(ana, "block-contact")
    assert ana.post("merge-contacts", {"contact_id": romain, "into": other}).status_code == 200
    again = told(ana, "block-contact", contact_id=other, **note)
    assert again == {**first, "id": other, "phone": OTHER}
    newest = history(ana)[0]
    assert (newest["what"], newest["after"]) == ("contact.blocked", {"blocked": True, **note})
    once = ana.get_contact(phone=OTHER).headers["etag"]
    told(ana, "block-contact", contact_id=other)
    assert ana.get_contact(phone=OTHER).headers["etag"] == once
    assert ana.post("unmerge-contacts", {"contact_id": romain}).status_code == 200
    for phone in (PHONE, OTHER):
        found = ana.post("get-reachability", {"phone": phone}).json()
        assert found["marketing"]["reason"] == "blocked", phone


def test_a_block_that_a_merge_brought_goes_with_it(ana: Person, romain: str) -> None:
    other = ana.create_contact(phone=OTHER).json()["id"]
    told(ana, "block-contact")
    assert ana.post("merge-contacts", {"contact_id": romain, "into": other}).status_code == 200
    assert ana.post("unmerge-contacts", {"contact_id": romain}).status_code == 200
    found = ana.post("get-reachability", {"phone": OTHER}).json()
    assert found["marketing"]["reason"] != "blocked"


def test_a_note_says_why(ana: Person, romain: str) -> None:
    told(ana, "block-contact", phone=PHONE, note=" Threatened a colleague. ")
    told(ana, "unblock-contact", phone=PHONE, note="Apologised.")
    changes = [(one["what"], one["before"], one["after"]) for one in history(ana)[:2]]
    assert changes == [
        ("contact.unblocked", {"blocked": True}, {"blocked": False, "note": "Apologised."}),
        ("contact.blocked", {"blocked": False},
         {"blocked": True, "note": "Threatened a colleague."}),
    ]  # fmt: skip


def test_a_version_of_its_own(ana: Person, romain: str) -> None:
    """Whoever keeps the history by its tag learns of it."""
    tag = ana.get_contact(phone=PHONE, expand="history").headers["etag"]
    told(ana, "block-contact")
    body = {"phone": PHONE, "expand": "history"}
    answer = ana.post("get-contact", body, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["history"][0]["what"]) == (200, "contact.blocked")


async def test_no_other_reason_is_taken_away(bed: Bed, ana: Person, romain: str) -> None:
    await Reach(bed, ana).block(romain, "not_on_whatsapp")
    told(ana, "block-contact")
    told(ana, "unblock-contact")
    assert reasons(ana) == ["not_on_whatsapp"] * 3


@pytest.mark.parametrize("reason", ["identity_changed", "country_restricted"])
async def test_an_operator_ends_what_whatsapp_gave_cause_for(
    bed: Bed, ana: Person, romain: str, reason: str
) -> None:
    reach = Reach(bed, ana)
    await reach.consent(romain, "granted")
    await reach.block(romain, reason)
    assert reasons(ana)[2] == reason
    told(ana, "block-contact")
    before = await bed.digest()
    given = {"phone": PHONE, "reason": reason}
    for silent in (given, {**given, "note": " "}):
        assert_invalid(ana.post("unblock-contact", silent), "note")
    assert await bed.digest() == before
    noted = {**given, "note": "She called."}
    first = ana.post("unblock-contact", noted)
    assert (first.status_code, first.json()["blocked"]) == (200, True), "by an operator, still"
    [entry] = history(ana)[:1]
    assert (entry["what"], entry["before"], entry["after"]) == (
        "contact.unblocked", {reason: True}, {reason: False, "note": "She called."},
    )  # fmt: skip
    assert entry["user"]["email"] == ana.user.email
    told(ana, "unblock-contact")
    assert reasons(ana)[2] == "ok"
    before = await bed.digest()
    assert ana.post("unblock-contact", noted).status_code == 200
    assert await bed.digest() == before, "there is nothing left to end"


def test_what_no_operator_ends(ana: Person, romain: str) -> None:
    for wrong in ("not_on_whatsapp", "opted_out", "BLOCKED", 5, ["blocked"]):
        answer = ana.post("unblock-contact", {"phone": PHONE, "reason": wrong, "note": "x"})
        assert_invalid(answer, "reason")


async def test_an_export_holds_it(bed: Bed, ana: Person, romain: str) -> None:
    reach = Reach(bed, ana)
    await reach.number("1")
    await reach.conversation(romain, "1", last_inbound_at=1_000_000, capped_until=2_000_000)
    since = told(ana, "block-contact")["blocked_at"]
    held = ana.post("export-contact", {"phone": PHONE}).json()
    assert held["blocks"] == [{"reason": "blocked", "since": since}]
    assert held["conversations"] == [
        {
            "number_id": "1",
            "last_inbound_at": "1970-01-01T00:00:01+00:00",
            "refused_at": None,
            "capped_until": "1970-01-01T00:00:02+00:00",
            "experiment_until": None,
        }
    ]


@pytest.mark.row("T18.1")
async def test_an_erasure_takes_block_and_note(bed: Bed, ana: Person, romain: str) -> None:
    told(ana, "block-contact", phone=PHONE, note="Romain threatened Ana.")
    assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
    rows = await bed.rows("SELECT after_json FROM audit_log WHERE contact_uuid = :id", id=romain)
    assert {row for (row,) in rows} == {None}
    ana.create_contact(phone=PHONE)
    assert "blocked" not in reasons(ana)


@each_action
async def test_refused(bed: Bed, ana: Person, ben: Person, romain: str, action: str) -> None:
    ana.create_contact(phone=OTHER)
    before = await bed.digest()
    for missing in ({"phone": "+14155550199"}, {"contact_id": str(uuid4())}):
        answer = ana.post(action, missing)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert_invalid(ana.post(action, {"contact_id": romain, "phone": OTHER}), "contact_id", "phone")
    assert ana.post(action, {}).json()["error"] == "Neither contact_id nor phone provided"
    for wrong in ("x" * 2_001, "a\nb", 5, ["x"], {}):
        assert_invalid(ana.post(action, {"phone": PHONE, "note": wrong}), "note")
    answer = ben.post(action, {"phone": PHONE})
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    answer = bed.nobody.post(action, {"phone": PHONE})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
def test_mallory_blocks_her_own_only(ana: Person, mallory: Person, romain: str) -> None:
    for given in ({"phone": PHONE}, {"contact_id": romain}):
        assert mallory.post("block-contact", given).status_code == 404
    mallory.create_contact(phone=PHONE)
    told(mallory, "block-contact")
    assert "blocked" not in reasons(ana)
    told(ana, "block-contact")
    told(mallory, "unblock-contact")
    assert reasons(ana) == ["blocked"] * 3
