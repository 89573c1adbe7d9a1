"""What create-contact and find-or-create-contact take of consent (reference C32, row T10.2)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.refusals import assert_invalid
from tests.cast import Bed, Person

PHONE = "+14155550123"
OTHER_PHONE = "+14155550124"
JANUARY, FEBRUARY = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
PROOF = {
    "method": "checkbox",
    "wording": "Yes, send me offers.",
    "wording_version": "2026-03",
    "locale": "en",
    "evidence": {"ip": "203.0.113.7", "url": "https://example.com/signup"},
    "note": "At the fair.",
    "occurred_at": JANUARY,
}
BOTH = pytest.mark.parametrize("action", ["create-contact", "find-or-create-contact"])


def upsert(caller: Person, action: str, **given: Any) -> httpx.Response:
    return caller.post(action, {"phone": PHONE, "on_conflict": "update", **given})


def times(caller: Person, phone: str = PHONE) -> tuple[str | None, str | None]:
    found = caller.get_contact(phone=phone).json()
    return found["opted_in_at"], found["opted_out_at"]


def records(caller: Person, phone: str = PHONE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.post("list-consent", {"phone": phone}).json()["records"]
    return found


def told(caller: Person, state: str, **given: Any) -> dict[str, Any]:
    body = {
        "phone": PHONE, "channel": "whatsapp", "purpose": "marketing", "state": state,
        "source": "api", "method": "checkbox", **given,
    }  # fmt: skip
    answer = caller.post("set-consent", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def opt_in_new(bed: Bed, caller: Person) -> Person:
    """The workspace's new contacts count as opted in; a token that nobody has looked up yet."""
    await bed.change(
        "UPDATE tenants SET opts_in_new = 1 WHERE id = :tenant_id", tenant_id=caller.user.tenant_id
    )
    return await bed.person(caller.user, caller.workspace)


@BOTH
async def test_consent_with_its_proof(bed: Bed, ana: Person, action: str) -> None:
    plain = ana.post(action, {"phone": OTHER_PHONE}).json()
    answer = upsert(ana, action, name="Romain", consent=PROOF)
    assert (answer.status_code, list(answer.json())) == (201, list(plain))
    found = ana.get_contact(phone=PHONE)
    assert answer.headers["etag"] == found.headers["etag"]
    assert times(ana) == (JANUARY, None)
    [row] = records(ana)
    assert row == {
        **row, **PROOF, "contact_id": answer.json()["id"], "channel": "whatsapp",
        "purpose": "marketing", "state": "granted", "source": "api", "address": PHONE,
        "user": {"id": ana.user.id, "email": ana.user.email}, "token_id": ana.token_id,
    }  # fmt: skip


@BOTH
async def test_a_time_alone_is_a_grant_without_proof(bed: Bed, ana: Person, action: str) -> None:
    assert upsert(ana, action, opted_in_at="2026-01-01T01:00:00.5+01:00").status_code == 201
    assert times(ana) == (JANUARY, None)
    [row] = records(ana)
    assert (row["source"], row["method"], row["evidence"]) == ("api", "platform", None)
    page = ana.post("export-consent-proof", {"phone": PHONE, "format": "html"}).text
    assert "this record is unproven" in page
    # As it was read: who copies it back says nothing new.
    before = await bed.digest()
    upsert(ana, action, opted_in_at=JANUARY)
    assert await bed.digest() == before


@BOTH
@pytest.mark.row("T10.2")
async def test_the_same_act_is_written_once(bed: Bed, ana: Person, action: str) -> None:
    upsert(ana, action, consent=PROOF)
    before = await bed.digest()
    upsert(ana, action, consent=PROOF)
    upsert(ana, action, consent={**PROOF, "occurred_at": None}, opted_in_at=JANUARY)
    upsert(ana, action, consent={}, opted_in_at=None)
    upsert(ana, action, consent=[], opted_in_at=" ")
    assert await bed.digest() == before
    for other in ({"evidence": {"ip": "203.0.113.8"}}, {"occurred_at": FEBRUARY}, {"note": "x"}):
        upsert(ana, action, consent={**PROOF, **other})
    upsert(ana, action, consent={"method": "checkbox"})
    assert len(records(ana)) == 5


@BOTH
def test_other_channels_purposes_and_states(ana: Person, action: str) -> None:
    for consent in (
        {"channel": "email", "method": "checkbox"},
        {"purpose": "utility", "state": "withdrawn", "source": "import", "method": "note"},
        {"state": "pending", "method": "checkbox"},
    ):
        assert upsert(ana, action, email="r@example.com", consent=consent).is_success
    known = ana.get_contact(phone=PHONE, expand="consent").json()["consent"]
    assert [
        (one["channel"], one["purpose"], one["state"], one["source"])
        for one in known
        if one["state"]
    ] == [
        ("whatsapp", "marketing", "pending", "api"),
        ("whatsapp", "utility", "withdrawn", "import"),
        ("email", "marketing", "granted", "api"),
    ]
    assert times(ana) == (None, None)


@BOTH
@pytest.mark.row("T10.2")
@pytest.mark.parametrize("is_erased", [False, True], ids=["there", "erased"])
async def test_no_opt_out_is_undone(bed: Bed, ana: Person, action: str, is_erased: bool) -> None:
    """Not of somebody there, not of somebody erased, nor by the workspace's own wish."""
    caller = await opt_in_new(bed, ana)
    upsert(ana, action, opted_in_at=JANUARY)
    told(ana, "withdrawn", occurred_at=FEBRUARY)
    if is_erased:
        assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
        upsert(caller, action)
        assert times(caller) == (None, FEBRUARY)
        assert [row["method"] for row in records(caller)] == ["checkbox"]
    for given in (
        {"opted_in_at": "2026-03-01T00:00:00Z"},
        {"consent": {"method": "confirmation", "note": "She asked for it on the phone."}},
        {"consent": {"method": "button", "source": "import"}},
    ):
        assert upsert(caller, action, **given).is_success
    assert times(ana)[1] == FEBRUARY
    assert len(records(ana)) == (4 if is_erased else 5)
    assert ana.get_contact(phone=PHONE, expand="consent").json()["consent"][0]["state"] == (
        "withdrawn"
    )


async def test_who_is_returned_as_they_are_is_told_nothing(bed: Bed, ana: Person) -> None:
    upsert(ana, "create-contact")
    before = await bed.digest()
    for on_conflict in ("return", None):
        answer = upsert(ana, "find-or-create-contact", consent=PROOF, on_conflict=on_conflict)
        assert answer.status_code == 200
    refused = upsert(ana, "find-or-create-contact", consent=PROOF, on_conflict="error")
    assert refused.status_code == 409
    assert await bed.digest() == before
    made = ana.post("find-or-create-contact", {"phone": OTHER_PHONE, "consent": PROOF})
    assert made.status_code == 201
    assert times(ana, OTHER_PHONE) == (JANUARY, None)


@BOTH
async def test_refused(bed: Bed, ana: Person, action: str) -> None:
    """Nothing is written then, not the contact either."""
    boss = await bed.person(ana.user, ana.workspace, scope="admin")
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    before = await bed.digest()
    for consent, fields in (
        ("granted", ["consent"]),
        (True, ["consent"]),
        ([1], ["consent"]),
        ({"state": "granted"}, ["consent.method"]),
        ({"text": "yes"}, ["consent.method"]),
        ({**PROOF, "state": "unknown"}, ["consent.state"]),
        ({**PROOF, "channel": "fax", "purpose": {}}, ["consent.channel", "consent.purpose"]),
        ({**PROOF, "source": "operator"}, ["consent.source"]),
        ({**PROOF, "source": "meta"}, ["consent.source"]),
        ({**PROOF, "method": "api_default"}, ["consent.method"]),
        ({**PROOF, "evidence": "x"}, ["consent.evidence"]),
        ({**PROOF, "locale": "x", "wording": 1}, ["consent.locale", "consent.wording"]),
        ({**PROOF, "occurred_at": "soon"}, ["consent.occurred_at"]),
        ({**PROOF, "occurred_at": ahead}, ["consent.occurred_at"]),
    ):
        answer = upsert(boss, action, consent=consent)
        assert_invalid(answer, *fields)
        for field, texts in answer.json()["errors"].items():
            assert texts[0].startswith(f"The {field.replace('_', ' ')} "), texts
    for at in ("now", 1, "2026-05-07", [], ahead):
        assert_invalid(upsert(boss, action, opted_in_at=at), "opted_in_at")
    for consent in (
        {**PROOF, "occurred_at": FEBRUARY},
        {"method": "checkbox", "state": "withdrawn"},
        {"method": "checkbox", "channel": "email"},
        {"method": "checkbox", "purpose": "utility"},
    ):
        assert_invalid(upsert(boss, action, opted_in_at=JANUARY, consent=consent), "opted_in_at")
    assert_invalid(upsert(boss, action, phone="x", consent={"state": 1}, opted_in_at=2),
                   "phone", "consent.state", "consent.method", "opted_in_at")  # fmt: skip
    assert await bed.digest() == before


@pytest.mark.row("T10.1")
def test_only_these_two_take_them(ana: Person) -> None:
    upsert(ana, "create-contact")
    more = {"opted_in_at": JANUARY, "consent": PROOF}
    assert ana.post("update-contact", {"phone": PHONE, "name": "R", **more}).is_success
    assert ana.post("add-tag", {"phone": PHONE, "tag": "vip", **more}).is_success
    assert records(ana) == []


# What a workspace may switch on.


@BOTH
@pytest.mark.row("T10.2")
async def test_who_is_new_may_count_as_opted_in(bed: Bed, ana: Person, action: str) -> None:
    caller = await opt_in_new(bed, ana)
    made = upsert(caller, action)
    found = caller.get_contact(phone=PHONE)
    assert made.headers["etag"] == found.headers["etag"]
    assert found.json()["opted_in_at"] is not None
    [row] = records(caller)
    assert (row["method"], row["source"], row["evidence"]) == ("api_default", "api", None)
    proof = caller.post("export-consent-proof", {"phone": PHONE}).json()
    assert [(one["method"], one["evidence"]) for one in proof["records"]] == [("api_default", None)]
    page = caller.post("export-consent-proof", {"phone": PHONE, "format": "html"}).text
    assert "this record is unproven" in page
    before = await bed.digest()
    upsert(caller, action)
    assert await bed.digest() == before, "they are not new"


@BOTH
@pytest.mark.row("T10.2")
async def test_what_is_known_comes_before_the_default(bed: Bed, ana: Person, action: str) -> None:
    caller = await opt_in_new(bed, ana)
    for number, (consent, methods) in enumerate((
        ({"method": "checkbox"}, ["checkbox"]),
        ({"method": "checkbox", "state": "pending"}, ["checkbox"]),
        ({"method": "checkbox", "state": "withdrawn"}, ["checkbox"]),
        ({"method": "note", "channel": "email"}, ["api_default", "note"]),
    )):  # fmt: skip
        phone = f"+1415555020{number}"
        assert upsert(caller, action, phone=phone, consent=consent).status_code == 201
        assert [row["method"] for row in records(caller, phone)] == methods
        is_in = consent.get("state") is None
        assert (times(caller, phone)[0] is not None) == is_in


@pytest.mark.row("T10.2")
async def test_only_the_api_opts_in(bed: Bed, ana: Person) -> None:
    """Not a file; Zapier's address is the API as well."""
    caller = await opt_in_new(bed, ana)
    for path, more in (
        ("/api/zapier/actions/create-contact", {"json": {"phone": OTHER_PHONE}}),
        ("/api/v1/actions/import-contacts", {"content": b"phone\n+14155550125\n"}),
    ):
        answer = bed.http.post(caller.url + path, headers=caller.headers, **more)  # type: ignore[arg-type]
        assert answer.is_success, answer.text
    assert times(caller, OTHER_PHONE)[0] is not None
    assert times(caller, "+14155550125") == (None, None)


@BOTH
def test_many_at_once(ana: Person, action: str) -> None:
    """However many say that they agreed, it is one contact and one row."""
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: upsert(ana, action, consent=PROOF), range(8)))
    assert {answer.is_success for answer in made} == {True}
    assert len(records(ana)) == 1
