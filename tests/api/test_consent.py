"""The consent ledger at the door: what may be said, what is then in force, and the proof of it."""

import base64
import hashlib
import html
import json
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from kith.domain.consent import PAIRS
from tests.api.refusals import FORBIDDEN, NO_SUCH_ID, NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

PHONE = "+14155550123"
WHY = "She asked for it on the phone."
READS = ("get-consent", "list-consent", "export-consent-proof")
RECORD = [
    "id", "contact_id", "origin_contact_id", "channel", "purpose", "state", "occurred_at",
    "recorded_at", "source", "method", "user", "token_id", "address", "wording", "wording_version",
    "locale", "evidence", "note",
]  # fmt: skip
IN_FORCE = [
    "channel", "purpose", "state", "since", "source", "method", "record_id", "stopped_at_meta",
]  # fmt: skip
NASTY = "<script>alert(1)</script>\"'&</td><img src=x onerror=alert(2)>{{ 7*7 }}"


@pytest.fixture
async def boss(bed: Bed, ana: Person) -> Person:
    """Ana with a token that may do everything."""
    return await bed.person(ana.user, ana.workspace, scope="admin")


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    found: dict[str, Any] = ana.create_contact(
        phone=PHONE, name="Romain", email="romain@example.com"
    ).json()
    return found


def post(caller: Person, **given: Any) -> httpx.Response:
    body = {
        "phone": PHONE,
        "channel": "whatsapp",
        "purpose": "marketing",
        "state": "granted",
        "source": "api",
        "method": "checkbox",
    }
    return caller.post("set-consent", {**body, **given})


def put(caller: Person, **given: Any) -> dict[str, Any]:
    answer = post(caller, **given)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def times(caller: Person) -> tuple[str | None, str | None]:
    found = caller.get_contact(phone=PHONE).json()
    return found["opted_in_at"], found["opted_out_at"]


def records(caller: Person, **given: Any) -> list[dict[str, Any]]:
    answer = caller.post("list-consent", {"phone": PHONE, **given})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["records"]
    return found


async def states(bed: Bed, contact_id: str) -> list[tuple[Any, ...]]:
    return await bed.rows(
        "SELECT s.channel, s.purpose, s.state, s.is_stopped_at_meta FROM consent_states s"
        " JOIN contacts c ON c.id = s.contact_id WHERE c.uuid = :id ORDER BY 1, 2",
        id=contact_id,
    )


async def test_a_grant_with_all_that_proves_it(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    told = put(
        ana,
        wording=" Yes,\r\nsend me offers. ",
        wording_version="2026-03",
        locale="pt-BR",
        evidence={"ip": "203.0.113.7", "user_agent": "Mozilla"},
        note="At the fair.",
        occurred_at="2026-04-15T12:32:00+02:00",
    )
    record = told["record"]
    assert list(told) == ["id", "opted_in_at", "opted_out_at", "consent", "record"]
    assert list(record) == RECORD
    assert record == {
        **record,
        "contact_id": romain["id"],
        "origin_contact_id": romain["id"],
        "occurred_at": "2026-04-15T10:32:00+00:00",
        "user": {"id": ana.user.id, "email": ana.user.email},
        "token_id": ana.token_id,
        "address": PHONE,
        "wording": "Yes,\nsend me offers.",
        "wording_version": "2026-03",
        "locale": "pt-BR",
        "evidence": {"ip": "203.0.113.7", "user_agent": "Mozilla"},
        "note": "At the fair.",
    }
    assert list(told["consent"].items()) == [
        ("channel", "whatsapp"),
        ("purpose", "marketing"),
        ("state", "granted"),
        ("since", "2026-04-15T10:32:00+00:00"),
        ("source", "api"),
        ("method", "checkbox"),
        ("record_id", record["id"]),
        ("stopped_at_meta", False),
    ]
    assert times(ana) == ("2026-04-15T10:32:00+00:00", None)
    assert await states(bed, romain["id"]) == [("whatsapp", "marketing", "granted", 0)]
    assert records(ana) == [record]


def test_every_row_makes_a_version_and_an_entry(ana: Person, romain: dict[str, Any]) -> None:
    first = ana.get_contact(phone=PHONE, expand="consent")
    answer = post(ana, channel="email", purpose="utility", state="withdrawn")
    assert answer.json()["record"]["address"] == "romain@example.com"
    second = ana.get_contact(phone=PHONE, expand="consent")
    assert first.headers["etag"] != second.headers["etag"]
    assert answer.headers["etag"] == ana.get_contact(phone=PHONE).headers["etag"]
    assert [one["state"] for one in second.json()["consent"]] == [None] * 5 + ["withdrawn"]
    assert times(ana) == (None, None), "of WhatsApp marketing only"
    history = ana.get_contact(phone=PHONE, expand="history").json()["history"]
    assert history[0]["what"] == "contact.consent_changed"
    assert history[0]["before"]["consent"] == {"email utility": None}
    assert history[0]["after"]["consent"] == {"email utility": "withdrawn"}


def test_if_match_and_a_repeat(ana: Person, romain: dict[str, Any]) -> None:
    stale = ana.get_contact(phone=PHONE).headers["etag"]
    given = {
        "phone": PHONE, "channel": "sms", "purpose": "utility", "state": "granted",
        "source": "api", "method": "button",
    }  # fmt: skip
    key = {"Idempotency-Key": uuid4().hex}
    first = ana.post("set-consent", given, headers=key)
    assert ana.post("set-consent", given, headers=key).content == first.content
    assert len(records(ana)) == 1
    assert ana.post("set-consent", given, headers={"If-Match": stale}).status_code == 412
    assert len(records(ana)) == 1


# Who may lift an opt-out (row T10.2)


@pytest.mark.row("T10.2")
def test_a_claim_lifts_nothing(ana: Person, boss: Person, romain: dict[str, Any]) -> None:
    put(ana, state="withdrawn", method="keyword")
    out = times(ana)
    for source in ("api", "import"):
        for method in ("checkbox", "keyword", "button", "confirmation", "platform", "note"):
            for caller in (ana, boss):
                told = put(caller, source=source, method=method, note=WHY)
                assert told["consent"]["state"] == "withdrawn"
                assert told["record"]["state"] == "granted", "kept as a fact"
                assert times(ana) == out


@pytest.mark.row("T10.2")
async def test_what_only_kith_sees_cannot_be_claimed(
    bed: Bed, boss: Person, romain: dict[str, Any]
) -> None:
    before = await bed.digest()
    for source in ("inbound", "widget", "meta", "shopify", "woocommerce", "API", "", None, 1):
        for state in ("granted", "withdrawn", "pending"):
            assert_invalid(post(boss, source=source, state=state), "source")
    assert_invalid(post(boss, method="api_default"), "method")
    assert await bed.digest() == before


@pytest.mark.row("T10.2")
async def test_an_operator_lifts_with_a_reason_and_an_admin_s_token(
    bed: Bed, ana: Person, boss: Person, romain: dict[str, Any]
) -> None:
    put(ana, state="withdrawn")
    before = await bed.digest()
    for note in (WHY, None):
        answer = post(ana, source="operator", method="note", note=note)
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    for note in (None, "", " ", "...", "—"):
        assert_invalid(post(boss, source="operator", method="note", note=note), "note")
    assert await bed.digest() == before
    told = put(boss, source="operator", method="note", note=WHY)
    assert told["consent"]["state"] == "granted"
    assert told["record"]["user"]["id"] == boss.user.id
    assert (times(ana)[0] is not None, times(ana)[1]) == (True, None)
    assert put(ana, state="withdrawn", source="operator")["consent"]["state"] == "withdrawn"


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("anew", [False, True], ids=["upserts", "erased"])
async def test_nothing_else_lifts(
    bed: Bed, ana: Person, romain: dict[str, Any], anew: bool
) -> None:
    put(ana, state="withdrawn")
    put(ana, state="withdrawn", purpose="utility")
    put(ana, state="withdrawn", channel="email", source="import")
    out = times(ana)
    if anew:
        assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
    more = {"opted_out_at": None, "consent": {"method": "confirmation", "note": WHY}}
    ana.create_contact(phone=PHONE, name="R", **more)
    ana.post("find-or-create-contact", {"phone": PHONE, "on_conflict": "update", **more})
    ana.post("update-contact", {"phone": PHONE, "name": "Rom", "opted_in_at": out[1], **more})
    put(ana)
    found = ana.get_contact(phone=PHONE, expand="consent").json()
    withdrawn = [
        (one["channel"], one["purpose"]) for one in found["consent"] if one["state"] == "withdrawn"
    ]
    assert withdrawn == [
        ("whatsapp", "marketing"), ("whatsapp", "utility"), ("email", "marketing"),
    ]  # fmt: skip
    assert times(ana) == out
    assert await states(bed, found["id"]) == [
        ("email", "marketing", "withdrawn", 0),
        ("whatsapp", "marketing", "withdrawn", 0),
        ("whatsapp", "utility", "withdrawn", 0),
    ]


@pytest.mark.row("T10.2")
async def test_asking_again_does_not_end_a_grant(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    granted = put(ana)
    before = await bed.digest()
    for source in ("api", "import", "operator"):
        told = put(ana, state="pending", source=source)
        assert (told["record"], told["consent"]) == (None, granted["consent"])
    assert await bed.digest() == before
    assert put(ana, state="pending", purpose="utility")["consent"]["state"] == "pending"
    put(ana, state="withdrawn")
    assert put(ana, state="pending")["consent"]["state"] == "withdrawn"


@pytest.mark.row("T10.2")
def test_asking_after_an_opt_out_forgets_no_grant(ana: Person, romain: dict[str, Any]) -> None:
    put(ana, occurred_at="2026-01-01T00:00:00Z")
    put(ana, state="withdrawn", occurred_at="2026-02-01T00:00:00Z")
    told = put(ana, state="pending", occurred_at="2026-03-01T00:00:00Z")
    assert told["record"] is not None
    assert times(ana) == ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00")
    assert times(ana) == (told["opted_in_at"], told["opted_out_at"])


# Times


def test_late_news(ana: Person, romain: dict[str, Any]) -> None:
    put(ana, state="withdrawn", occurred_at="2026-05-01T00:00:00Z")
    told = put(ana, occurred_at="2026-04-01T00:00:00Z")
    assert told["consent"]["since"] == "2026-05-01T00:00:00+00:00"
    assert times(ana) == ("2026-04-01T00:00:00+00:00", "2026-05-01T00:00:00+00:00")
    for as_of, state in (
        ("2026-03-31T23:59:59Z", None),
        ("2026-04-01T00:00:00Z", "granted"),
        ("2026-05-01T00:00:00Z", "withdrawn"),
        (None, "withdrawn"),
    ):
        known = ana.post("get-consent", {"phone": PHONE, "as_of": as_of}).json()
        assert list(known) == ["id", "as_of", "consent"]
        assert [(one["channel"], one["purpose"]) for one in known["consent"]] == [*PAIRS]
        assert [list(one) for one in known["consent"]] == [IN_FORCE] * 6
        assert known["consent"][0]["state"] == state
        assert {one["state"] for one in known["consent"][1:]} == {None}


async def test_not_in_the_future(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    for at in ("2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "now", "2026-05-07", 1):
        assert_invalid(post(ana, occurred_at=at), "occurred_at")
    assert await bed.digest() == before
    assert put(ana, occurred_at="0001-01-01T00:00:00Z")["consent"]["state"] == "granted"


@pytest.mark.row("X5", "L3", "R9")
async def test_wrong_fields(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    for field, wrong in (
        ("channel", ["fax", "WhatsApp", 1, ["sms"], None]),
        ("purpose", ["ads", {}, True, ""]),
        ("state", ["unknown", "GRANTED", 5]),
        ("method", ["guess", [], 1]),
        ("wording", ["x" * 10_001, 5, "a\x00b", ["x"]]),
        ("wording_version", ["x" * 101, "a\nb", 3]),
        ("locale", ["x", "fr FR", "<fr>", 5, "a" * 9, "é"]),
        ("evidence", ["x", [1], 5, {"a": 2**53}, {"a": "x" * 16_384}, {"a": "\x00"}]),
        ("note", ["x" * 2_001, 5, "\x07"]),
    ):
        for value in wrong:
            assert_invalid(post(ana, **{field: value}), field)
    assert_invalid(ana.post("list-consent", {"phone": PHONE, "limit": 501}), "limit")
    assert_invalid(ana.post("get-consent", {"phone": PHONE, "as_of": "then"}), "as_of")
    assert_invalid(ana.post("export-consent-proof", {"phone": PHONE, "format": "pdf"}), "format")
    assert await bed.digest() == before


@pytest.mark.row("L9")
def test_pages_of_the_history(ana: Person, romain: dict[str, Any]) -> None:
    whole = [put(ana, purpose="utility", state=s)["record"]["id"] for s in ["withdrawn"] * 5]
    found: list[str] = []
    cursor = None
    while True:
        given = {"phone": PHONE, "limit": 2, "cursor": cursor}
        page = ana.post("list-consent", given).json()
        found += [one["id"] for one in page["records"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole[::-1]


async def test_grants_end_at_1000_rows_and_opt_outs_do_not(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    await bed.change(
        "INSERT INTO consent_records (tenant_id, uuid, contact_uuid, origin_contact_uuid, channel,"
        " purpose, state, occurred_at, recorded_at, source, method)"
        " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " SELECT :tenant_id, CAST(:id AS TEXT) || i, CAST(:id AS TEXT), CAST(:id AS TEXT), 'sms',"
        " 'utility', 'granted', 0, 0, 'api', 'button' FROM n",
        tenant_id=ana.user.tenant_id,
        id=romain["id"],
    )
    assert post(ana).status_code == 422
    assert post(ana, state="pending").status_code == 422
    assert put(ana, state="withdrawn")["consent"]["state"] == "withdrawn"


# The proof


def test_the_proof_as_json(ana: Person, romain: dict[str, Any]) -> None:
    put(ana, evidence={"ip": "203.0.113.7"})
    put(ana, state="withdrawn")
    answer = ana.post("export-consent-proof", {"phone": PHONE})
    proof = answer.json()
    assert list(proof) == ["exported_at", "workspace", "contact", "consent", "records"]
    assert ana.workspace is not None
    assert proof["workspace"] == {"id": ana.workspace.id, "name": ana.workspace.name}
    assert proof["contact"] == {name: romain[name] for name in ("id", "phone", "name", "email")}
    assert proof["records"] == records(ana)
    known = ana.post("get-consent", {"phone": PHONE}).json()
    assert proof["consent"] == known["consent"]


@pytest.mark.row("T10.2")
def test_the_proof_as_a_page(bed: Bed, ana: Person) -> None:
    ana.create_contact(phone=PHONE, name=NASTY)
    put(
        ana,
        wording=NASTY,
        wording_version=NASTY,
        note=NASTY,
        evidence={NASTY: [NASTY, {"a": NASTY}]},
    )
    answer = ana.post("export-consent-proof", {"phone": PHONE, "format": "html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    tags = set(re.findall(r"<\s*([a-zA-Z!]\w*)", answer.text))
    assert tags == {
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table",
        "thead", "tbody", "tr", "th", "td", "section", "pre", "bdi",
    }  # fmt: skip
    assert not re.search(r"<[^>]*\b(on\w+|style|src|href)=", answer.text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "{{ 7*7 }}" in answer.text
    for told in (PHONE, "checkbox", ana.user.email):
        assert told in answer.text
    assert bed.serving.logged("export.run", route="export-consent-proof")["status"] == 200


def test_nothing_that_was_typed_turns_the_page_around_it(ana: Person) -> None:
    """Right-to-left overrides end where the text ends that holds them (row X10)."""
    typed = "Ana \u202egnp"
    ana.create_contact(phone=PHONE, name=typed)
    put(ana, wording=typed, wording_version=typed, note=typed, evidence={"said": [typed]})
    page = ana.post("export-consent-proof", {"phone": PHONE, "format": "html"}).text
    assert page.count(f"<bdi>{typed}</bdi>") == page.count("\u202e") == 4
    [evidence] = re.findall(r"<pre><bdi>(.*?)</bdi></pre>", page, re.DOTALL)
    assert json.loads(html.unescape(evidence)) == {"said": [typed]}
    isolated = re.sub(r"<bdi>.*?</bdi>", "", page, flags=re.DOTALL)
    assert "Ana" not in isolated
    assert ana.workspace is not None
    assert f"<bdi>{ana.workspace.name}</bdi>" in html.unescape(page)


def test_the_proof_of_nothing(ana: Person, romain: dict[str, Any]) -> None:
    page = ana.post("export-consent-proof", {"phone": PHONE, "format": "html"}).text
    assert "There is none." in page
    assert page.count("unknown") == 6


# Erasure and export


@pytest.mark.row("T18.1")
async def test_an_erasure_blanks_who_it_was(bed: Bed, ana: Person) -> None:
    mark, phone = uuid4().hex, f"+999{uuid4().int % 10**10:010}"
    contact_id = ana.create_contact(phone=phone, name=mark, email=f"{mark}@example.com").json()[
        "id"
    ]
    for channel in ("whatsapp", "email", "sms"):
        given = {"channel": channel, "note": f"note {mark}", "evidence": {mark: mark}}
        put(ana, phone=phone, wording="The business's own words.", **given)
    held = ana.post("export-contact", {"phone": phone}).json()["consent_records"]
    assert [one["address"] for one in held] == [phone, f"{mark}@example.com", phone]
    assert ana.post("delete-contact", {"phone": phone}).status_code == 200
    rows = await bed.rows(
        "SELECT channel, address, wording, evidence, note FROM consent_records"
        " WHERE contact_uuid = :id ORDER BY uuid",
        id=contact_id,
    )
    words = "The business's own words."
    assert rows == [(c, None, words, None, None) for c in ("whatsapp", "email", "sms")]
    tables = ("consent_records", "audit_log", "suppressions", "idempotency_keys", "contacts")
    for table in tables:
        for row in await bed.rows(f"SELECT * FROM {table}"):
            assert mark not in str(row)
            assert phone[1:] not in str(row)
    assert await states(bed, contact_id) == []


# Refused


@pytest.mark.parametrize("action", ["set-consent", *READS])
async def test_no_token_and_nobody(
    bed: Bed, ana: Person, ben: Person, mallory: Person, romain: dict[str, Any], action: str
) -> None:
    body = {
        "phone": PHONE, "channel": "sms", "purpose": "utility", "state": "granted",
        "source": "api", "method": "button",
    }  # fmt: skip
    before = await bed.digest()
    answer = bed.nobody.post(action, body)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    answer = ben.post(action, body)
    assert answer.status_code == (403 if action == "set-consent" else 200)
    unknown = {"phone": "+14155550199"}, {"contact_id": str(uuid4())}
    for given, told in zip(unknown, (NOT_FOUND, NO_SUCH_ID), strict=True):
        answer = ana.post(action, {**body, **given})
        assert (answer.status_code, answer.json()) == (404, told)
    answer = mallory.post(action, body)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert await bed.digest() == before
