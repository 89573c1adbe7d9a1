"""What WhatsApp posts, through a real server, until get-contact shows it."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from kith.actions import connections, inbox_facts
from kith.actions.connections import Rotate
from kith.actions.run import Context, Runner
from kith.domain import graph
from kith.domain.jobs import Job
from kith.domain.times import wire
from kith.jobs import read_inbound
from kith.store import inbox
from tests.api.pages import new_page
from tests.cast import Bed, Person
from tests.graph import webhooks
from tests.graph.rules import Person as Writer
from tests.graph.webhooks import signed
from tests.integrations.test_whatsapp_reader import FACTS, payload
from tests.meta import APP_SECRET, VERIFY_TOKEN, Meta, batch, change, connected

ROMAIN = Writer(
    phone="+14155550123", wa_id="14155550123", name="Romain", user_id="US.13491208655302741918"
)
HELENA = Writer(phone="+5511987654321", wa_id="551187654321", name="Helena", user_id="BR.2")


@pytest.fixture
async def meta(bed: Bed, ana: Person) -> Meta:
    return await connected(bed, ana)


async def kept(meta: Meta) -> list[Any]:
    """What the workspace holds that a webhook could change; other workspaces have jobs that run."""
    found: list[Any] = []
    for sql in (
        "SELECT event_key, state FROM inbox WHERE tenant_id = :id ORDER BY id",
        "SELECT wamid, status FROM messages WHERE tenant_id = :id ORDER BY id",
        "SELECT uuid, version FROM contacts WHERE tenant_id = :id ORDER BY id",
        "SELECT uuid FROM consent_records WHERE tenant_id = :id ORDER BY uuid",
    ):
        found += await meta.bed.rows(sql, id=meta.connection.tenant_id)
    return found


def hi(body: str = "Hi", **more: Any) -> bytes:
    return webhooks.text(ROMAIN, body, at=time.time() - 1, **more)


async def test_a_message_makes_a_contact(meta: Meta, ana: Person) -> None:
    at = int(time.time()) - 60
    await meta.told(webhooks.text(ROMAIN, "Hi, do you ship to Canada?", at=at))
    found = ana.get_contact(phone="+14155550123", expand=["identities", "reachability"]).json()
    assert (found["name"], found["total_messages"], found["source"]) == ("Romain", 1, "api")
    assert found["last_message_at"] == time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))
    named = {(one["kind"], one["value"]) for one in found["identities"]}
    assert named == {
        ("phone", "+14155550123"),
        ("wa_id", "14155550123"),
        ("bsuid", "US.13491208655302741918"),
    }
    first, second = found["reachability"]["numbers"]
    assert (first["phone"], first["free_form"]["reason"]) == ("+15550783881", "ok")
    assert second["free_form"]["reason"] == "never_wrote"


async def test_somebody_known_by_the_other_spelling(meta: Meta, ana: Person) -> None:
    made = ana.create_contact(phone=HELENA.phone, name="Helena").json()
    await meta.told(webhooks.text(HELENA, "Oi", at=time.time()))
    found = ana.get_contact(phone=HELENA.phone).json()
    assert (found["id"], found["total_messages"]) == (made["id"], 1)
    assert ana.get_contact(wa_id=HELENA.wa_id).json()["id"] == made["id"]
    assert ana.get_contact(bsuid=HELENA.user_id).json()["id"] == made["id"]


async def test_a_payload_of_every_kind_is_taken(meta: Meta) -> None:
    """In one body, as Meta batches them, too."""
    bodies = [json.loads(payload(name)) for name in sorted(FACTS)]
    await meta.told(*bodies)
    entries = [entry for body in bodies for entry in body["entry"]]
    await meta.told({"object": "whatsapp_business_account", "entry": entries})
    assert await meta.states("quarantined") == []


# Proof: who may post, and who may ask.


@pytest.mark.row("T2.1", "G20")
@pytest.mark.parametrize(
    "signature",
    [
        None, "", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "0" * 64,
        "sha256=" + "z" * 64, "sha256=" + "0" * 63, "SHA256=" + "0" * 64, "sha256=é", "sha256=٠",
    ],
)  # fmt: skip
async def test_what_is_not_signed_is_refused(bed: Bed, meta: Meta, signature: str | None) -> None:
    before = await kept(meta)
    headers = {} if signature is None else {"X-Hub-Signature-256": signature.encode()}
    answer = bed.http.post(meta.url, content=hi(), headers=headers)
    assert answer.status_code == 401
    assert await kept(meta) == before


@pytest.mark.row("T2.1", "G20")
async def test_no_forged_signature_is_taken(bed: Bed, meta: Meta) -> None:
    """Signed by another secret, of another body, with one digit changed, or made anew."""
    before, chance, body = await kept(meta), random.Random(1), hi("Prix : 5 € 😀")
    good = signed(body, APP_SECRET)["X-Hub-Signature-256"]
    forged = [signed(body, "another")["X-Hub-Signature-256"], good.upper(), good[:-1]]
    forged += [signed(body + b" ", APP_SECRET)["X-Hub-Signature-256"]]
    for _ in range(200):
        at = chance.randrange(len("sha256="), len(good))
        digit = chance.choice([one for one in "0123456789abcdef" if one != good[at]])
        forged.append(good[:at] + digit + good[at + 1 :])
    statuses = {
        bed.http.post(meta.url, content=body, headers={"X-Hub-Signature-256": one}).status_code
        for one in forged
    }
    assert statuses == {401}
    again = json.dumps(json.loads(body), ensure_ascii=False).encode()
    assert again != body
    assert meta.post(again, **{"X-Hub-Signature-256": good}) == 401
    assert await kept(meta) == before
    meta.bed.serving.logged("webhook.sig_invalid")


@pytest.mark.row("T2.1")
@pytest.mark.parametrize("ascii_only", [True, False])
async def test_signed_emoji_are_taken(meta: Meta, ana: Person, ascii_only: bool) -> None:
    body = json.dumps(json.loads(hi("Été 😀 ✓")), ensure_ascii=ascii_only).encode()
    await meta.told(body)
    [row] = ana.get("/api/v1/triggers/new-message-received").json()
    assert row["content"] == {"body": "Été 😀 ✓"}


@pytest.mark.row("T2.2", "F22")
async def test_a_repeat_has_no_effect(bed: Bed, meta: Meta, ana: Person) -> None:
    body = hi()
    await meta.told(body)
    before = await kept(meta)
    for _ in range(5):
        assert meta.post(body) == 200
    await meta.settled()
    assert await kept(meta) == before


@pytest.mark.row("T2.2")
async def test_two_secrets_count_during_a_rotation(bed: Bed, meta: Meta) -> None:
    new = {"app_secret": "the-next-secret"}
    await bed.runner.write(
        connections.rotate, Rotate(connection_id=meta.connection.id, secrets=new)
    )
    for secret, status in ((APP_SECRET, 200), ("the-next-secret", 200), ("another", 401)):
        raw = hi(secret)
        assert meta.post(raw, **signed(raw, secret)) == status
    await meta.settled()


def asked(meta: Meta, **query: str) -> httpx.Response:
    given = {
        "hub.mode": "subscribe",
        "hub.verify_token": VERIFY_TOKEN,
        "hub.challenge": "1158201444",
    }
    given |= {f"hub.{name}": value for name, value in query.items()}
    return meta.bed.http.get(meta.url, params=given)


@pytest.mark.row("T2.2")
async def test_the_challenge_is_answered(meta: Meta) -> None:
    answer = asked(meta)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert asked(meta, challenge="x" * 256).status_code == 200


@pytest.mark.row("T2.2")
@pytest.mark.parametrize(
    "query",
    [
        {"verify_token": "wrong"},
        {"verify_token": ""},
        {"verify_token": "é"},
        {"mode": "unsubscribe"},
        {"mode": ""},
        {"challenge": ""},
        {"challenge": "x" * 257},
        {"challenge": "é"},
        {"challenge": "a\nb"},
    ],
)
async def test_the_challenge_of_others_is_refused(meta: Meta, query: dict[str, str]) -> None:
    answer = asked(meta, **query)
    assert answer.status_code == 403
    assert "1158201444" not in answer.text


@pytest.mark.row("T2.2", "L2")
@pytest.mark.parametrize("query", ["hub.challenge=%FF", "&".join("a=1" for _ in range(101))])
async def test_a_query_that_cannot_be_read_is_told_so(meta: Meta, query: str) -> None:
    """By the one reader of queries, with its limits."""
    answer = meta.bed.http.get(f"{meta.url}?{query}")
    assert answer.status_code == 400
    assert "name=value" in answer.json()["error"]


@pytest.mark.row("L2")
async def test_a_body_has_a_size(meta: Meta) -> None:
    assert meta.post(b" " * (4 * 1_048_576 + 1)) == 413
    assert meta.post(hi() + b" " * (4 * 1_048_576 - 4_096)) == 200
    await meta.settled()


# What cannot be read.


@pytest.mark.row("F23")
async def test_a_bad_update_waits_and_its_neighbours_count(meta: Meta, ana: Person) -> None:
    bad = {"from": "14155550177", "id": "wamid.bad", "timestamp": "soon", "type": "text"}
    good = {"from": "14155550123", "id": "wamid.good", "timestamp": "1778141663", "type": "text",
            "text": {"body": "Hi"}}  # fmt: skip
    await meta.told(batch([change({"messages": [bad, good]})]))
    assert await meta.states("quarantined") == ["A time in it is none."]
    assert ana.get_contact(phone="+14155550123").json()["total_messages"] == 1
    await meta.told(hi("later"))
    assert ana.get_contact(phone="+14155550123").json()["total_messages"] == 2


@pytest.mark.row("F23")
@pytest.mark.parametrize("body", [b"x", b"[]", b"{", b'{"entry": 1e400}', b"[" * 100])
async def test_what_nobody_can_read_waits_in_quarantine(meta: Meta, body: bytes) -> None:
    await meta.told(body)
    [reason] = await meta.states("quarantined")
    assert reason


async def test_the_messages_of_a_body_stand_in_its_order(meta: Meta, ana: Person) -> None:
    """Which of them is written first, too: those of many people, of one second."""
    at, bodies = time.time(), [str(number) for number in range(80)]
    people = [Writer(f"+1415555{1_000 + one}") for one in range(8)]
    told = [
        json.loads(webhooks.text(people[place % 8], body, at=at))["entry"][0]
        for place, body in enumerate(bodies)
    ]
    await meta.told({"object": "whatsapp_business_account", "entry": told})
    rows = ana.get("/api/v1/triggers/new-message-received").json()
    assert [row["content"]["body"] for row in rows] == bodies[::-1]
    listed = ana.post("list-messages", {"phone": people[0].phone}).json()["messages"]
    assert [one["content"]["body"] for one in listed] == bodies[::8][::-1]


async def test_bad_text_is_repaired_and_marked(bed: Bed, meta: Meta, ana: Person) -> None:
    await meta.told(hi("TEXT").replace(b"TEXT", b"a\\u0000\\ud83d\xff"))
    [row] = ana.get("/api/v1/triggers/new-message-received").json()
    assert row["content"] == {"body": "a\ufffd\ufffd\ufffd"}
    marked = await bed.rows(
        "SELECT is_sanitized FROM inbox WHERE tenant_id = :id", id=meta.connection.tenant_id
    )
    assert marked == [(1,)]


async def test_another_account_is_another_connections(meta: Meta, ana: Person) -> None:
    body = json.loads(hi())
    body["entry"][0]["id"] = "999"
    [told] = body["entry"][0]["changes"]
    told["value"]["metadata"]["phone_number_id"] = "888"
    await meta.told(body)
    assert ana.get("/api/v1/triggers/new-message-received").json() == []
    body["entry"][0]["id"] = meta.connection.config["business_account_id"]
    await meta.told(body)
    assert len(ana.get("/api/v1/triggers/new-message-received").json()) == 1


# Consent.


@pytest.mark.row("T10.2")
async def test_stop_and_start_are_in_the_ledger_with_their_proof(meta: Meta, ana: Person) -> None:
    at = int(time.time()) - 100
    await meta.told(webhooks.text(ROMAIN, "Stop!", at=at, wamid="wamid.stop"))
    rows = ana.post("list-consent", {"phone": ROMAIN.phone}).json()["records"]
    [row] = rows
    assert (row["state"], row["source"], row["method"]) == ("withdrawn", "inbound", "keyword")
    assert row["evidence"] == {
        "wamid": "wamid.stop", "number_id": "106540352242922", "said": ["Stop!"],
    }  # fmt: skip
    assert ana.get_contact(phone=ROMAIN.phone).json()["opted_out_at"] is not None
    # A grant by anybody else does not undo it; the person's own word does.
    ana.post("set-consent", {
        "phone": ROMAIN.phone, "channel": "whatsapp", "purpose": "marketing", "state": "granted",
        "source": "api", "method": "checkbox",
    })  # fmt: skip
    assert ana.get_contact(phone=ROMAIN.phone).json()["opted_out_at"] is not None
    await meta.told(webhooks.text(ROMAIN, "start", at=at + 10))
    found = ana.get_contact(phone=ROMAIN.phone).json()
    assert (found["opted_out_at"], found["opted_in_at"] is None) == (None, False)


@pytest.mark.row("T10.2")
async def test_a_late_start_does_not_undo_a_later_stop(meta: Meta, ana: Person) -> None:
    at = int(time.time()) - 100
    await meta.told(webhooks.text(ROMAIN, "stop", at=at))
    await meta.told(webhooks.text(ROMAIN, "start", at=at - 10))
    assert ana.get_contact(phone=ROMAIN.phone).json()["opted_out_at"] is not None


async def test_a_message_of_the_day_after_tomorrow_counts_as_it_comes(
    meta: Meta, ana: Person
) -> None:
    """Kith takes no time for itself that is yet to come: the window is as long as of any other."""
    await meta.told(webhooks.text(ROMAIN, "Hi", at=time.time() + 2 * 86_400))
    told = ana.post("get-reachability", {"phone": ROMAIN.phone}).json()["free_form"]
    assert (told["allowed"], told["reason"]) == (True, "ok")
    left = datetime.fromisoformat(told["until"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=57) < left <= timedelta(hours=23, minutes=58)


async def test_a_button_and_the_workspaces_own_words(bed: Bed, meta: Meta, ana: Person) -> None:
    from kith.actions import words
    from kith.actions.words import SetWords

    await bed.runner.write(words.change, SetWords(stop=("genug",)), ana.caller)
    await meta.told(json.loads(payload("button")))  # "Stop", with a payload of its own
    await meta.told(webhooks.text(HELENA, "Genug.", at=time.time()))
    for key, method in (("+14155550123", "button"), (HELENA.phone, "keyword")):
        [row] = ana.post("list-consent", {"phone": key}).json()["records"]
        assert (row["state"], row["method"]) == ("withdrawn", method)


async def test_a_stop_at_meta_is_lifted_there_only(meta: Meta, ana: Person) -> None:
    """The grant of before counts again, though they were asked meanwhile."""
    ana.create_contact(phone=ROMAIN.phone)

    def told(state: str, at: str) -> None:
        answer = ana.post("set-consent", {
            "phone": ROMAIN.phone, "channel": "whatsapp", "purpose": "marketing", "state": state,
            "source": "api", "method": "checkbox", "occurred_at": at,
        })  # fmt: skip
        assert answer.json()["record"] is not None

    def reason() -> str:
        told = ana.post("get-reachability", {"phone": ROMAIN.phone}).json()
        return str(told["marketing"]["reason"])

    told("granted", "2026-01-01T00:00:00+00:00")
    await meta.told(json.loads(payload("stop")), json.loads(payload("stop")))
    assert reason() == "meta_stopped"
    told("pending", "2026-05-07T08:14:40+00:00")
    assert reason() == "meta_stopped"
    resumed = json.loads(payload("resume"))
    [preference] = resumed["entry"][0]["changes"][0]["value"]["user_preferences"]
    preference |= {"wa_id": ROMAIN.wa_id, "timestamp": 1778141700}
    del preference["user_id"]
    await meta.told(resumed)
    assert reason() == "ok"
    rows = ana.post("list-consent", {"phone": ROMAIN.phone}).json()["records"]
    assert [row["source"] for row in rows] == ["meta", "api", "meta", "api"]


async def test_the_code_of_a_web_page_is_confirmed_by_its_sender(
    bed: Bed, meta: Meta, ana: Person
) -> None:
    page = await new_page(bed, ana, tags=("news",))
    sent = page.code(phone="+33612345678")
    await meta.told(webhooks.text(ROMAIN, sent, at=time.time(), wamid="wamid.code"))
    found = ana.get_contact(phone=ROMAIN.phone).json()
    assert (found["opted_in_at"] is not None, found["tags"]) == (True, ["news"])
    [row] = ana.post("list-consent", {"phone": ROMAIN.phone}).json()["records"]
    assert (row["method"], row["evidence"]["wamid"]) == ("confirmation", "wamid.code")


# What failures say.


async def test_what_failures_say(bed: Bed, meta: Meta, ana: Person) -> None:
    """Of messages from the phone app, whose statuses come as those of any other."""
    now = int(time.time()) - 200_000
    await meta.told(webhooks.text(ROMAIN, "Hi", at=now + 199_000))
    agreed = {"phone": ROMAIN.phone, "channel": "whatsapp", "purpose": "marketing",
              "state": "granted", "source": "api", "method": "checkbox"}  # fmt: skip
    assert ana.post("set-consent", agreed).status_code == 200

    async def reasons(code: int, at: int) -> list[str]:
        echo = {"from": "15550783881", "to": ROMAIN.wa_id, "id": f"wamid.{code}.{at}",
                "timestamp": str(at), "type": "text", "text": {"body": "Yes"}}  # fmt: skip
        failed = {"id": f"wamid.{code}.{at}", "status": "failed", "timestamp": str(at),
                  "recipient_id": ROMAIN.wa_id, "errors": [{"code": code}]}  # fmt: skip
        await meta.told(
            batch([change({"statuses": [failed]}),
                   change({"message_echoes": [echo]}, "smb_message_echoes")])
        )  # fmt: skip
        told = ana.post("get-reachability", {"phone": ROMAIN.phone}).json()["numbers"][0]
        return [told[kind]["reason"] for kind in ("free_form", "utility", "marketing")]

    later = int(time.time()) - 10
    assert await reasons(131047, later) == ["meta_refused", "ok", "ok"]
    assert await reasons(130472, later) == ["meta_refused", "ok", "experiment"]
    assert await reasons(131049, later) == ["meta_refused", "ok", "frequency_capped"]
    assert await reasons(131050, later) == ["meta_refused", "ok", "meta_stopped"]
    assert await reasons(131026, now) == ["meta_refused", "ok", "meta_stopped"]  # she wrote since
    assert await reasons(130497, later) == ["country_restricted"] * 3
    assert await reasons(131031, later) == ["number_unavailable"] * 3


CONSEQUENCES = [
    code
    for code, known in graph.CODES.items()
    if known.means not in ("", "number_busy", "pair_busy")
]
AS_IF_IT_NEVER_FAILED = (130472, 130497, 131026, 131047, 131049)


def echoed(wamid: str, at: float, *statuses: str, code: int = 0) -> list[dict[str, Any]]:
    """A message from the phone app, then what is told of it, in this order, a second apart."""
    bodies = [
        batch([change({"message_echoes": [
            {"from": "15550783881", "to": ROMAIN.wa_id, "id": wamid, "timestamp": str(int(at)),
             "type": "text", "text": {"body": "Yes"}},
        ]}, "smb_message_echoes")])
    ]  # fmt: skip
    for second, status in enumerate(statuses, 1):
        told: dict[str, Any] = {"id": wamid, "status": status, "timestamp": str(int(at) + second)}
        if status == "failed":
            told["errors"] = [{"code": code}]
        bodies.append(batch([change({"statuses": [{**told, "recipient_id": ROMAIN.wa_id}]})]))
    return bodies


async def everything_allowed(meta: Meta, ana: Person) -> None:
    await meta.told(webhooks.text(ROMAIN, "Hi", at=time.time() - 3_600))
    agreed = {"phone": ROMAIN.phone, "channel": "whatsapp", "purpose": "marketing",
              "state": "granted", "source": "api", "method": "checkbox"}  # fmt: skip
    assert ana.post("set-consent", agreed).status_code == 200


def reasons_of(ana: Person) -> list[str]:
    told = ana.post("get-reachability", {"phone": ROMAIN.phone}).json()["numbers"][0]
    return [told[kind]["reason"] for kind in ("free_form", "utility", "marketing")]


async def test_what_arrived_has_not_failed(meta: Meta, ana: Person) -> None:
    """Every code from which something follows, told of a message that was delivered or read."""
    await everything_allowed(meta, ana)
    before = ana.get_contact(phone=ROMAIN.phone, expand=["consent"]).json()["consent"]
    at = time.time() - 600
    assert len(CONSEQUENCES) > 10
    for code in CONSEQUENCES:
        for arrived in ("delivered", "read"):
            wamid = f"wamid.{code}.{arrived}"
            for body in echoed(wamid, at, arrived, "failed", code=code):
                await meta.told(body)  # one after the other: the failure is read last
            assert reasons_of(ana) == ["ok"] * 3, (code, arrived)
    assert ana.get_contact(phone=ROMAIN.phone, expand=["consent"]).json()["consent"] == before


@pytest.mark.parametrize("code", AS_IF_IT_NEVER_FAILED)
async def test_what_arrives_after_all_ends_what_its_failure_began(
    meta: Meta, ana: Person, code: int
) -> None:
    await everything_allowed(meta, ana)
    at = time.time() - 600
    await meta.told(*echoed("wamid.1", at, "failed", code=code))
    assert (reasons_of(ana) == ["ok"] * 3) == (code == 131026), "nobody is there only if twice so"
    await meta.told(*echoed("wamid.1", at, "failed", "delivered", code=code)[2:])
    assert reasons_of(ana) == ["ok"] * 3


async def test_nobody_is_there_until_somebody_writes(meta: Meta, ana: Person) -> None:
    now = int(time.time())
    for minutes in (3_000, 2_000, 1_000):
        at = str(now - minutes * 60)
        echo = {"from": "15550783881", "to": ROMAIN.wa_id, "id": f"wamid.{minutes}",
                "timestamp": at, "type": "text", "text": {"body": "Yes"}}  # fmt: skip
        failed = {"id": f"wamid.{minutes}", "status": "failed", "timestamp": at,
                  "recipient_id": ROMAIN.wa_id, "errors": [{"code": 131026}]}  # fmt: skip
        await meta.told(
            batch([change({"message_echoes": [echo]}, "smb_message_echoes")]),
            batch([change({"statuses": [failed]})]),
        )
        told = ana.post("get-reachability", {"phone": ROMAIN.phone}).json()
        expected = "not_on_whatsapp" if minutes == 1_000 else "ok"
        assert told["utility"]["reason"] == expected, minutes
    await meta.told(webhooks.text(ROMAIN, "Here I am", at=now))
    told = ana.post("get-reachability", {"phone": ROMAIN.phone}).json()
    assert [told[kind]["reason"] for kind in ("free_form", "utility")] == ["ok", "ok"]


async def test_another_id_with_a_known_number_stops_marketing(meta: Meta, ana: Person) -> None:
    other = Writer(phone=ROMAIN.phone, wa_id=ROMAIN.wa_id, name="Nora", user_id="US.999")
    agreed = {"phone": ROMAIN.phone, "channel": "whatsapp", "purpose": "marketing",
              "state": "granted", "source": "api", "method": "checkbox"}  # fmt: skip
    await meta.told(hi())
    assert ana.post("set-consent", agreed).status_code == 200
    await meta.told(webhooks.text(other, "Hello", at=time.time()))
    found = ana.get_contact(phone=ROMAIN.phone, expand=["reachability"]).json()
    assert found["total_messages"] == 2
    assert found["reachability"]["marketing"]["reason"] == "identity_changed"


@pytest.mark.parametrize("by", ["a start word", "a start word of before", "an operator"])
async def test_what_settles_who_has_the_number(meta: Meta, ana: Person, by: str) -> None:
    """An own act of whoever has it now; not one of before; or an operator who says why."""
    at = time.time() - 60
    other = Writer(phone=ROMAIN.phone, wa_id=ROMAIN.wa_id, name="Nora", user_id="US.999")
    await meta.told(webhooks.text(ROMAIN, "START", at=at))
    await meta.told(webhooks.text(other, "Hello", at=at + 20))
    whom = {"phone": ROMAIN.phone}

    def reason() -> str:
        told = ana.post("get-reachability", whom).json()["marketing"]["reason"]
        return str(told)

    assert reason() == "identity_changed"
    if by == "an operator":
        assert ana.post("unblock-contact", whom).is_success
        assert reason() == "identity_changed", "which is no block of an operator's"
        note = {"reason": "identity_changed", "note": "She called: a new phone."}
        assert ana.post("unblock-contact", {**whom, **note}).is_success
        assert reason() == "ok"
        return
    late = by.endswith("before")
    await meta.told(webhooks.text(ROMAIN if late else other, "START", at=at + (10 if late else 30)))
    assert reason() == ("identity_changed" if late else "ok")
    history = ana.get_contact(**whom, expand=["history"]).json()["history"]
    lifted = [one for one in history if one["what"] == "contact.unblocked"]
    assert [one["after"] for one in lifted] == ([] if late else [{"identity_changed": False}])


class Erasing(Runner):
    """A worker's; somebody is erased after it has read what they sent, before it writes it down."""

    erase: Callable[[], Any] | None = None

    async def write(self, action: Any, given: Any, caller: Any = None) -> Any:
        if action in (inbox_facts.apply, inbox_facts.apply_all) and self.erase is not None:
            erase, self.erase = self.erase, None
            erase()
        return await super().write(action, given, caller)


async def unread(meta: Meta, body: bytes) -> str:
    """A message in the inbox that nobody is to read yet; its id."""

    async def store(ctx: Context, _: None) -> str:
        uuid = ctx.new_id()
        await inbox.add(
            ctx.tx, tenant_id=ctx.tenant_id, uuid=uuid,
            connection_row_id=meta.connection.row_id, event_key=uuid, headers={}, body=body,
            at=ctx.now,
        )  # fmt: skip
        return uuid

    return await meta.bed.runner.write(store, None, meta.caller)


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("is_alone", [True, False])
async def test_whoever_is_erased_while_their_message_is_read_stays_erased(
    bed: Bed, meta: Meta, ana: Person, is_alone: bool
) -> None:
    await meta.told(hi())
    uuid = await unread(meta, hi("Are you there?"))
    runner = Erasing(bed.runner.database, sealing_key=bed.runner.sealing_key)
    runner.erase = lambda: ana.post("delete-contact", {"phone": ROMAIN.phone}).raise_for_status()
    tenant_id = meta.connection.tenant_id
    job = Job(id=0, tenant_id=tenant_id, kind="read_inbound", subject=uuid, tries=1)
    await (read_inbound.run if is_alone else read_inbound.together(runner))(runner, job)
    assert runner.erase is None
    assert ana.get_contact(phone=ROMAIN.phone).status_code == 404
    assert await bed.rows("SELECT 1 FROM contacts WHERE tenant_id = :id", id=tenant_id) == []
    assert await meta.states("read") == [None, None]
    await meta.told(hi("Hello again"))
    assert ana.get_contact(phone=ROMAIN.phone).json()["total_messages"] == 1, "whoever writes anew"


async def test_an_erasure_waits_for_what_is_being_written(
    bed: Bed, meta: Meta, ana: Person
) -> None:
    """Two transactions side by side, as only PostgreSQL has them; whatever the first writes."""
    if bed.engine != "postgres":
        pytest.skip("SQLite has one writer")
    await meta.told(hi())
    uuid = await unread(meta, hi("Are you there?"))
    held, may_commit = asyncio.Event(), asyncio.Event()

    async def slowly(ctx: Context, _: None) -> None:
        assert await inbox.hold(ctx.tx, tenant_id=ctx.tenant_id, uuid=uuid)
        held.set()
        await may_commit.wait()

    writing = asyncio.create_task(bed.runner.write(slowly, None, meta.caller))
    await held.wait()
    key = {"phone": ROMAIN.phone}
    erasing = asyncio.create_task(asyncio.to_thread(ana.post, "delete-contact", key))
    await asyncio.sleep(0.4)
    has_waited = not erasing.done()
    may_commit.set()
    await writing
    assert (await erasing).status_code == 200
    assert has_waited


async def test_a_new_number_takes_the_contact_along(meta: Meta, ana: Person) -> None:
    ana.create_contact(phone=ROMAIN.phone, name="Romain", tags="vip")
    await meta.told(hi())
    before = ana.get_contact(phone=ROMAIN.phone).json()
    moved = {"from": ROMAIN.wa_id, "id": "wamid.moved", "timestamp": str(int(time.time())),
             "type": "system",
             "system": {"type": "user_changed_number", "wa_id": "14155550188"}}  # fmt: skip
    await meta.told(batch([change({"messages": [moved]})]))
    after = ana.get_contact(phone="+14155550188").json()
    assert (after["id"], after["phone"], after["tags"]) == (before["id"], "+14155550188", ["vip"])
    export = ana.post("export-contact", {"contact_id": before["id"]}).json()
    known_as = ana.get_contact(contact_id=before["id"], expand=["identities"]).json()["identities"]
    assert export["identities"] == known_as
    assert {one["value"]: one["retired_at"] for one in known_as if one["kind"] == "phone"} == {
        ROMAIN.phone: wire(datetime.fromtimestamp(int(moved["timestamp"]), UTC)),
        "+14155550188": None,
    }
    # The old number still answers, until somebody else writes from it.
    assert ana.get_contact(phone=ROMAIN.phone).json()["id"] == before["id"]
    nora = Writer(phone=ROMAIN.phone, wa_id=ROMAIN.wa_id, name="Nora", user_id="US.999")
    await meta.told(webhooks.text(nora, "Hello", at=time.time() + 1))
    newcomer = ana.get_contact(phone=ROMAIN.phone).json()
    assert (newcomer["name"], newcomer["tags"], newcomer["total_messages"]) == ("Nora", [], 1)
    assert ana.get_contact(phone="+14155550188").json()["total_messages"] == 1
