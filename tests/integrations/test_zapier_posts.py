"""What a Zap posts to /in/{connection}: proven by a token, stored, read; once, and never wider."""

import json
from operator import not_
from typing import Any

import httpx
import pytest

from kith.actions import connections
from kith.actions.connections import NewConnection
from kith.domain.inbox import Unreadable
from kith.domain.metadata import BYTES_MAX
from kith.integrations.zapier import reader
from tests.cast import Bed, Person
from tests.waits import await_until

PHONE = "+14155550161"
CONSENT = {
    "channel": "whatsapp", "purpose": "marketing", "state": "granted", "method": "checkbox",
    "wording": "Yes, write to me", "evidence": {"form": "spring"},
}  # fmt: skip


class Zap:
    """A connection with Zapier of a workspace, seen from the other side."""

    def __init__(self, bed: Bed, owner: Person, path: str, connection_id: str) -> None:
        self.bed = bed
        self.owner = owner
        self.url = bed.serving.url + path
        self.connection_id = connection_id

    def post(self, body: object, token: str | None = None, **headers: str) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        proof = {"Authorization": f"Bearer {token or self.owner.token}"}
        return self.bed.http.post(self.url, content=raw, headers=proof | headers)

    async def send(self, body: object, **headers: str) -> None:
        """Post it and wait until it was read."""
        answer = self.post(body, **headers)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        waiting = "SELECT 1 FROM jobs WHERE tenant_id = :id AND gave_up_at IS NULL"
        await await_until(
            lambda: self.bed.rows(waiting, id=self.owner.user.tenant_id),
            "an end of the jobs",
            is_so=not_,
        )

    async def inbox(self) -> list[tuple[Any, ...]]:
        return await self.bed.rows(
            "SELECT state, reason FROM inbox WHERE tenant_id = :id ORDER BY uuid",
            id=self.owner.user.tenant_id,
        )


@pytest.fixture
async def zap(bed: Bed, ana: Person) -> Zap:
    assert ana.workspace is not None
    given = NewConnection(system="zapier", secrets={}, workspace=ana.workspace.id)
    made = await bed.runner.write(connections.create, given)
    return Zap(bed, ana, made.path, made.id)


async def test_a_contact_comes_in(ana: Person, zap: Zap) -> None:
    await zap.send(
        {"phone": "1 (415) 555-0161", "name": "Romain", "email": "romain@example.com",
         "tags": "vip, zap", "metadata": {"form": "spring"}, "consent": CONSENT}
    )  # fmt: skip
    found = ana.get_contact(phone=PHONE, expand=["history", "consent"]).json()
    assert (found["name"], found["email"]) == ("Romain", "romain@example.com")
    assert (found["source"], found["tags"]) == ("zapier", ["vip", "zap"])
    assert found["metadata"] == {"form": "spring"}
    assert found["opted_in_at"] is not None
    assert {one["connection_id"] for one in found["history"]} == {zap.connection_id}
    (row,) = ana.post("list-consent", {"phone": PHONE}).json()["records"]
    assert {name: row[name] for name in CONSENT} == CONSENT
    assert row["source"] == "api"
    assert await zap.inbox() == [("read", None)]


async def test_more_of_somebody_known_is_joined(ana: Person, zap: Zap) -> None:
    ana.create_contact(phone=PHONE, name="Romain", tags="old")
    await zap.send({"phone": PHONE, "name": "", "tags": ["new"]})
    found = ana.get_contact(phone=PHONE).json()
    assert (found["name"], found["source"], found["tags"]) == ("Romain", "api", ["new", "old"])


async def test_a_consent_of_blanks_is_none(ana: Person, zap: Zap) -> None:
    """A Zap posts the fields that it has, also where the form of before had none of them."""
    blank = dict.fromkeys(CONSENT, "") | {"method": " ", "evidence": {}, "note": None}
    await zap.send({"phone": PHONE, "name": "Romain", "consent": blank})
    found = ana.get_contact(phone=PHONE).json()
    assert (found["name"], found["opted_in_at"]) == ("Romain", None)
    assert ana.post("list-consent", {"phone": PHONE}).json()["records"] == []
    assert await zap.inbox() == [("read", None)]


@pytest.mark.row("T2.2", "T1.1")
async def test_no_proof_no_entry(
    bed: Bed, ana: Person, ben: Person, mallory: Person, zap: Zap
) -> None:
    """Nobody, a token that may only read, one of another workspace, one revoked: all alike."""
    assert ana.token is not None
    before = await bed.digest()
    wrong = ana.token[:-1] + ("0" if ana.token[-1] != "0" else "1")
    answers = [zap.post({"phone": PHONE}, token=ben.token)]
    answers += [zap.post({"phone": PHONE}, token=token) for token in (mallory.token, wrong, "x")]
    answers.append(bed.http.post(zap.url, json={"phone": PHONE}))
    answers.append(bed.http.post(f"{zap.url}?token={ana.token}", json={"phone": PHONE}))
    assert {(one.status_code, one.content) for one in answers} == {
        (401, b'{"message":"Unauthenticated.","error":"Unauthenticated."}')
    }
    assert await bed.digest() == before
    bed.serving.logged("webhook.sig_invalid")


async def test_the_token_s_limit_holds(bed: Bed, ana: Person, zap: Zap) -> None:
    limited = await bed.person(ana.user, ana.workspace, rate_limit_per_minute=2)
    answers = [zap.post({"phone": PHONE}, token=limited.token) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_other_verbs_and_sizes(zap: Zap, ana: Person) -> None:
    assert ana.http.get(zap.url, headers=ana.headers).status_code == 405
    assert zap.post(b'{"phone": "' + b"1" * (1 << 20) + b'"}').status_code == 413


async def test_a_named_event_has_one_effect(ana: Person, zap: Zap) -> None:
    key = {"Idempotency-Key": "run-1"}
    await zap.send({"phone": PHONE, "name": "First"}, **key)
    await zap.send({"phone": PHONE, "name": "Second"}, **key)
    assert ana.get_contact(phone=PHONE).json()["name"] == "First"
    await zap.send({"phone": PHONE, "name": "Third"})
    await zap.send({"phone": PHONE, "name": "Fourth"})
    assert ana.get_contact(phone=PHONE).json()["name"] == "Fourth"
    assert len(await zap.inbox()) == 3


async def test_the_same_again_adds_nothing(ana: Person, zap: Zap) -> None:
    """As after a crash between writing and settling: read again, nothing is there twice."""
    for _ in range(3):
        await zap.send({"phone": PHONE, "tags": "vip", "consent": CONSENT})
    assert len(ana.post("list-consent", {"phone": PHONE}).json()["records"]) == 1
    history = ana.get_contact(phone=PHONE, expand=["history"]).json()["history"]
    assert [one["what"] for one in history] == ["contact.consent_changed", "contact.created"]


@pytest.mark.row("T10.2")
async def test_an_opt_out_is_not_undone(ana: Person, zap: Zap) -> None:
    ana.create_contact(phone=PHONE)
    withdrawn = {**CONSENT, "phone": PHONE, "state": "withdrawn", "source": "api"}
    assert ana.post("set-consent", withdrawn).status_code == 200
    await zap.send({"phone": PHONE, "consent": CONSENT})
    known = ana.post("get-consent", {"phone": PHONE}).json()["consent"]
    assert [one["state"] for one in known if one["state"]] == ["withdrawn"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no json", b"[]", b"{}", {"name": "Nobody"}, {"phone": "call me"},
        {"phone": PHONE, "metadata": [1]},
        {"phone": PHONE, "metadata": {"long": "x" * BYTES_MAX}},
        {"phone": PHONE, "consent": "yes"},
        {"phone": PHONE, "consent": {**CONSENT, "state": "maybe"}},
        {"phone": PHONE, "consent": {**CONSENT, "method": "api_default"}},
        {"phone": PHONE, "consent": {**CONSENT, "channel": None}},
        {"phone": PHONE, "consent": {**CONSENT, "occurred_at": "yesterday"}},
        {"phone": PHONE, "consent": {**CONSENT, "wording": "a\u0000b"}},
        {"phone": PHONE, "consent": {**CONSENT, "evidence": 3}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Unreadable) as problem:
        reader.read({}, raw, {})
    assert str(problem.value).endswith(".")
    assert "call me" not in str(problem.value)


async def test_what_cannot_be_read_waits_in_quarantine(bed: Bed, ana: Person, zap: Zap) -> None:
    await zap.send({"phone": PHONE, "consent": {**CONSENT, "state": "maybe"}})
    await zap.send({"phone": PHONE, "consent": {**CONSENT, "occurred_at": "2099-01-01T00:00:00Z"}})
    (state, reason), (later, why) = await zap.inbox()
    assert (state, later) == ("quarantined", "quarantined")
    assert reason == "The state of the consent in it is none of granted, pending, withdrawn."
    assert why.startswith("The occurred at may not lie in the future")
    assert ana.get_contact(phone=PHONE).status_code == 404


def test_bad_text_is_mended() -> None:
    raw = b'{"phone": "+14155550161", "name": "Ro\\u0000main \\ud83d"}'
    contact, mark = reader.read({}, raw, {})
    assert contact.contact.name is not None
    assert "\x00" not in contact.contact.name
    assert type(mark).__name__ == "Sanitized"
