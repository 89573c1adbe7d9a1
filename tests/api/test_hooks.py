"""REST hooks: who subscribed is told, at least once, and never stands in the way of anybody."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from operator import not_
from typing import Any
from uuid import uuid4

import httpx
import pytest

from kith.actions import contacts, hooks, tokens
from kith.actions.hooks import Outcome, Subscribe, Told
from kith.actions.run import Runner
from kith.domain.contacts import SaveContact
from kith.domain.hooks import AT_ONCE_MAX, PER_WORKSPACE_MAX, WAITS, secret_of
from kith.domain.jobs import Job
from kith.domain.phone import parse
from kith.errors import KeyReused
from kith.jobs.deliver import Deliverer
from kith.jobs.guard import Guard
from tests.api.refusals import assert_invalid
from tests.api.test_zapier import CONSENT, PHONE, TRIGGERS, listed, make_all_happen
from tests.cast import Bed, Person
from tests.receiver import Got, Receiver, receiving
from tests.waits import await_until

NOBODY = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
KEYS = [
    "id", "event", "target_host", "created_at", "last_success_at", "failing_since", "disabled_at",
    "disabled_why",
]  # fmt: skip


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
async def _tidy(bed: Bed) -> AsyncIterator[None]:
    """What a test leaves is told to nobody any more."""
    yield
    await bed.change("DELETE FROM deliveries WHERE tenant_id > 0")
    await bed.change("DELETE FROM hooks WHERE tenant_id > 0")


def subscribe(caller: Any, url: str, event: str = "contact.created") -> httpx.Response:
    body = {"target_url": url, "event": event}
    answer: httpx.Response = caller.http.post(
        f"{caller.url}/api/zapier/hooks", json=body, headers=caller.headers
    )
    return answer


def subscribed(caller: Any, url: str, event: str = "contact.created") -> str:
    answer = subscribe(caller, url, event)
    assert answer.status_code == 201, answer.text
    hook_id: str = answer.json()["id"]
    return hook_id


def unsubscribe(caller: Any, hook_id: str, **headers: str) -> httpx.Response:
    answer: httpx.Response = caller.http.delete(
        f"{caller.url}/api/zapier/hooks/{hook_id}", headers={**caller.headers, **headers}
    )
    return answer


def hooks_of(caller: Any) -> list[dict[str, Any]]:
    answer = caller.get("/api/zapier/hooks")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_subscribe_list_and_unsubscribe(ana: Person, receiver: Receiver) -> None:
    answer = subscribe(ana, f"{receiver.url}/zap/1")
    assert answer.status_code == 201
    made = answer.json()
    assert list(made) == [*KEYS, "secret"]
    secret = made.pop("secret")
    assert (made["event"], made["target_host"]) == ("contact.created", "127.0.0.1")
    assert hooks_of(ana) == [made]
    assert "zap" not in str(hooks_of(ana))
    assert secret not in str(hooks_of(ana))
    gone = unsubscribe(ana, made["id"])
    assert (gone.status_code, gone.json()) == (
        200,
        {"id": made["id"], "status": "unsubscribed"},
    )
    assert hooks_of(ana) == []
    again = unsubscribe(ana, made["id"])
    assert (again.status_code, again.content) == (gone.status_code, gone.content)
    ana.create_contact(phone=PHONE)
    time.sleep(1.2)
    assert receiver.got == []


@pytest.mark.row("T3.6")
async def test_a_key_that_ended_one_hook_ends_no_other(ana: Person, receiver: Receiver) -> None:
    """Which hook is meant stands in the address, not in the body."""
    first, second = (subscribed(ana, f"{receiver.url}/{number}") for number in (1, 2))
    key = {"Idempotency-Key": "done"}
    assert unsubscribe(ana, first, **key).json()["id"] == first
    assert unsubscribe(ana, first, **key).headers["idempotency-replayed"] == "true"
    refused = unsubscribe(ana, second, **key)
    assert (refused.status_code, refused.json()) == (422, {"error": KeyReused.text})
    assert [one["id"] for one in hooks_of(ana)] == [second]


OWN = {"source": "operator", "method": "note", "note": "She asked for it."}
"""What lifts an opt-out; what another system tells does not."""
LONG_AGO = {"occurred_at": "2021-05-07T08:14:23+00:00"}
HISTORIES: dict[str, list[tuple[str, dict[str, str]]]] = {
    "a grant that lifts nothing": [("granted", {}), ("withdrawn", {}), ("granted", {})],
    "a stop after one that came late": [
        ("granted", OWN), ("withdrawn", LONG_AGO), ("withdrawn", OWN),
    ],
    "a start after a grant that lifted nothing": [
        ("withdrawn", OWN), ("granted", {}), ("granted", OWN),
    ],
    "a start that came late, before that grant": [
        ("withdrawn", OWN | {"occurred_at": "2021-05-07T08:00:00+00:00"}),
        ("granted", {"occurred_at": "2021-05-07T08:20:00+00:00"}),
        ("granted", OWN | LONG_AGO),
    ],
    "a stop that came late and counts": [("granted", {}), ("withdrawn", LONG_AGO)],
    "asked in between": [("granted", {}), ("withdrawn", {}), ("pending", {}), ("granted", OWN)],
}  # fmt: skip
"""Of one person each: the state that is told, and by whom or when."""


async def test_lists_tell_what_hooks_were_told(bed: Bed, ana: Person, receiver: Receiver) -> None:
    boss = await bed.person(ana.user, ana.workspace, scope="admin")
    for event in ("contact.opted_in", "contact.opted_out"):
        subscribed(ana, f"{receiver.url}/{event}", event)
    for last, history in enumerate(HISTORIES.values()):
        phone = f"+1415555020{last}"
        ana.create_contact(phone=phone)
        for state, more in history:
            body = CONSENT | {"phone": phone, "state": state} | more
            assert boss.post("set-consent", body).status_code == 200
    rows = [*listed(ana, "new-opt-in"), *listed(ana, "opt-out")]
    got = [one.json() for one in receiver.wait(len(rows))]
    time.sleep(0.6)
    assert len(receiver.got) == len(rows)
    assert {one["id"]: one["event"] for one in got} == {row["id"]: row["event"] for row in rows}
    told = [
        [row["consent"]["state"][0] for row in rows if row["contact"]["phone"][-1] == str(last)]
        for last in range(len(HISTORIES))
    ]
    assert list(map(sorted, told)) == [
        ["g", "w"], ["g", "w"], ["g", "w"], ["g", "w"], ["g", "w"], ["g", "g", "w"]
    ]  # fmt: skip


async def test_an_import_is_listed_no_more_than_it_is_told(ana: Person) -> None:
    ana.create_contact(phone="+14155550301")
    before = [[row["id"] for row in listed(ana, trigger)] for trigger in TRIGGERS]
    text = (
        "phone,opted_in_at,opted_in_source,opted_out_at\n"
        "+14155550301,2025-05-07,form,\n"
        "+14155550302,2025-05-07,form,\n"
        "+14155550303,,,2025-05-07\n"
    )
    answer = ana.http.post(
        f"{ana.url}/api/v1/actions/import-contacts?file=people.csv",
        content=text.encode(),
        headers={**ana.headers, "Content-Type": "text/csv"},
    )
    assert answer.json()["counts"]["consent"] == 3
    assert ana.get_contact(phone="+14155550302").json()["opted_in_at"]
    assert [[row["id"] for row in listed(ana, trigger)] for trigger in TRIGGERS] == before


async def test_a_subscription_that_is_repeated_is_one(ana: Person, receiver: Receiver) -> None:
    url = f"{receiver.url}/twice"
    assert subscribed(ana, url) == subscribed(ana, url)
    assert len(hooks_of(ana)) == 1
    assert subscribed(ana, url, "contact.opted_in") != subscribed(ana, url)


async def test_each_event_is_told_as_it_is_listed(
    bed: Bed, ana: Person, receiver: Receiver
) -> None:
    for event in ("contact.created", "contact.opted_in", "contact.opted_out"):
        subscribed(ana, f"{receiver.url}/{event}", event)
    make_all_happen(ana)
    got = receiver.wait(3)
    by_event = {one.json()["event"]: one for one in got}
    for trigger, event in (
        ("new-contact", "contact.created"),
        ("new-opt-in", "contact.opted_in"),
        ("opt-out", "contact.opted_out"),
    ):
        told, (row,) = by_event[event].json(), listed(ana, trigger)
        assert list(told) == list(row)
        assert list(told["contact"]) == list(row["contact"])
        assert (told["id"], told["occurred_at"]) == (row["id"], row["occurred_at"])
        assert told.get("consent") == row.get("consent")
        headers = by_event[event].headers
        assert headers["content-type"] == "application/json"
        assert headers["x-kith-event"] == event
        assert by_event[event].path == f"/{event}"
    created = by_event["contact.created"].json()["contact"]
    assert (created["name"], created["tags"]) == ("Romain", ["vip"])
    await gone(bed)
    time.sleep(0.6)
    assert len(receiver.got) == 3


@pytest.mark.row("T1.1")
async def test_nobody_else_is_told_or_can_touch_it(
    ana: Person, ben: Person, mallory: Person, bed: Bed, receiver: Receiver
) -> None:
    """Another workspace's hook reads exactly like one that does not exist."""
    hook_id = subscribed(ana, f"{receiver.url}/ana")
    before = await bed.digest()
    theirs, nobodys = unsubscribe(mallory, hook_id), unsubscribe(mallory, NOBODY)
    assert (theirs.status_code, nobodys.status_code) == (200, 200)
    assert theirs.content.replace(hook_id.encode(), NOBODY.encode()) == nobodys.content
    assert await bed.digest() == before
    assert hooks_of(mallory) == []
    mallory.create_contact(phone=PHONE, name="Hers")
    ana.create_contact(phone=PHONE, name="Mine")
    (told,) = receiver.wait()
    assert told.json()["contact"]["name"] == "Mine"
    time.sleep(0.6)
    assert len(receiver.got) == 1
    for caller, status in ((ben, 403), (bed.nobody, 401)):
        assert subscribe(caller, f"{receiver.url}/x").status_code == status
        assert unsubscribe(caller, hook_id).status_code == status
    assert bed.nobody.get("/api/zapier/hooks").status_code == 401
    assert [one["id"] for one in hooks_of(ben)] == [hook_id]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["target_url", "event"]),
        ({"target_url": "http://127.0.0.1:1/", "event": "x"}, ["event"]),
        ({"target_url": 1, "event": "contact.created"}, ["target_url"]),
        ({"target_url": "not an address", "event": "contact.created"}, ["target_url"]),
        ({"target_url": "https://a.b/" + "c" * 2_000, "event": "contact.created"}, ["target_url"]),
        ({"target_url": "http://127.0.0.1:0/", "event": "contact.created"}, ["target_url"]),
    ],
)
async def test_what_is_wrong_is_named(
    bed: Bed, ana: Person, body: dict[str, Any], fields: list[str]
) -> None:
    before = await bed.digest()
    answer = ana.http.post(f"{ana.url}/api/zapier/hooks", json=body, headers=ana.headers)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == fields
    assert await bed.digest() == before


async def test_other_verbs_and_ids(ana: Person) -> None:
    assert_invalid(unsubscribe(ana, "x"), "hook_id")
    wrong = ana.http.put(f"{ana.url}/api/zapier/hooks", headers=ana.headers)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    wrong = ana.http.get(f"{ana.url}/api/zapier/hooks/{NOBODY}", headers=ana.headers)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "DELETE")
    for path in ("/api/zapier/hooks/{id}/x", "/api/zapier/nothing", "/api/zapier", "/api/v1/hooks"):
        assert ana.get(path).status_code == 404
    assert_invalid(unsubscribe(ana, "{id}"), "hook_id")


async def test_there_is_a_most(bed: Bed, ana: Person, receiver: Receiver) -> None:
    for number in range(PER_WORKSPACE_MAX):
        subscribed(ana, f"{receiver.url}/{number}")
    refused = subscribe(ana, f"{receiver.url}/more")
    assert refused.status_code == 422
    assert "100 hooks" in refused.json()["error"]
    assert subscribe(ana, f"{receiver.url}/1").status_code == 201


@pytest.mark.row("T3.5")
async def test_what_fails_is_tried_again_with_one_id_and_body(
    bed: Bed, ana: Person, receiver: Receiver
) -> None:
    statuses = iter([500, 302, 200])
    receiver.answer = lambda _: next(statuses)
    made = subscribe(ana, f"{receiver.url}/flaky").json()
    hook_id = made["id"]
    ana.create_contact(phone=PHONE)
    for count in (1, 2):
        receiver.wait(count)
        time.sleep(0.6)  # the signature has whole seconds
        await due_now(bed, tries=count)
    first, *others = receiver.wait(3)
    assert {(one.body, one.headers["x-kith-delivery"]) for one in others} == {
        (first.body, first.headers["x-kith-delivery"])
    }
    times = [signed_at(one, made["secret"]) for one in (first, *others)]
    assert times[0] < times[-1], "each try is signed anew"
    bed.serving.logged("hook.failed", hook_id=hook_id, tries=1, answered=500, reason="status")
    bed.serving.logged("hook.failed", hook_id=hook_id, tries=2, answered=302)
    await gone(bed)
    (hook,) = hooks_of(ana)
    assert hook["failing_since"] is None
    assert hook["last_success_at"] is not None
    assert len(receiver.got) == 3


def signed_at(got: Got, secret: str) -> int:
    """As the guide says how to check it."""
    given = dict(part.split("=", 1) for part in got.headers["kith-signature"].split(","))
    signed = given["t"].encode() + b"." + got.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(given["v1"], expected)
    assert abs(time.time() - int(given["t"])) < 60
    return int(given["t"])


async def test_each_hook_has_a_secret_of_its_own_that_is_kept_nowhere(
    bed: Bed, ana: Person, receiver: Receiver
) -> None:
    """The same for whoever subscribes again; another for who unsubscribes before."""
    url = f"{receiver.url}/signed"
    made = subscribe(ana, url).json()
    answer = ana.http.post(
        f"{ana.url}/api/zapier/hooks",
        json={"target_url": url, "event": "contact.created"},
        headers={**ana.headers, "Idempotency-Key": "again"},
    )
    assert answer.json() == made
    others = [subscribe(ana, f"{url}/{n}").json()["secret"] for n in (1, 2)]
    assert len({made["secret"], *others}) == 3
    ana.create_contact(phone=PHONE)
    [told] = receiver.wait(path="/signed")
    signed_at(told, made["secret"])
    for table in ("hooks", "deliveries", "jobs", "idempotency_keys"):
        assert made["secret"] not in repr(await bed.rows(f"SELECT * FROM {table}"))
    unsubscribe(ana, made["id"])
    assert subscribe(ana, url).json()["secret"] != made["secret"]


def test_a_secret_is_made_of_two_keys_and_the_hook() -> None:
    """One is chance: else whoever knows the secret of a hook could try the operator's out."""
    one = {"hook_id": NOBODY, "key": "operator's", "workspace_key": "chance"}
    others = [{**one, name: "other"} for name in one]
    assert len({secret_of(**each) for each in (one, *others)}) == 4


async def test_without_a_key_it_is_told_unsigned(bed: Bed, ana: Person, receiver: Receiver) -> None:
    """PostgreSQL without KITH_SECRET_KEY: subscribing works as ever."""
    await bed.change("UPDATE jobs SET gave_up_at = 1 WHERE kind = 'deliver'")
    runner = Clock(bed)  # has no key
    given = Subscribe(target_url=f"{receiver.url}/plain", event="contact.created")
    made = await runner.write(hooks.subscribe, given, ana.caller)
    assert made.secret is None
    await runner.create(ana)
    assert ana.user.tenant_id is not None
    job = Job(id=0, tenant_id=ana.user.tenant_id, kind="deliver", subject=made.hook.id, tries=1)
    await Deliverer(Guard([ip_network("127.0.0.1/32")])).run(runner, job)
    [told] = receiver.got
    assert "kith-signature" not in told.headers
    assert "x-kith-delivery" in told.headers


async def due_now(bed: Bed, *, tries: int) -> None:
    """Let the next try come at once, when the last one was noted."""
    noted = (
        "SELECT 1 FROM deliveries d JOIN jobs j ON j.tenant_id = d.tenant_id"
        " WHERE d.tries = :tries AND j.kind = 'deliver' AND j.tries = 0"
    )
    await await_until(lambda: bed.rows(noted, tries=tries), f"the end of try {tries}")
    await bed.change("UPDATE deliveries SET due_at = 0 WHERE tenant_id > 0")
    await bed.change("UPDATE jobs SET due_at = 0 WHERE kind = 'deliver'")


async def gone(bed: Bed) -> None:
    """Wait until nothing is to be told."""
    await await_until(
        lambda: bed.rows("SELECT 1 FROM deliveries"), "an end of the deliveries", is_so=not_
    )


@pytest.mark.row("F20", "L13")
async def test_the_times_between_tries(bed: Bed, ana: Person, receiver: Receiver) -> None:
    """About 10 s, 1 min, 5 min, 30 min, 2 h; then it is given up, and nothing of it stays."""
    await bed.change("UPDATE jobs SET gave_up_at = 1 WHERE kind = 'deliver'")
    hook_id = subscribed(ana, f"{receiver.url}/never")
    runner = Clock(bed)
    caller = ana.caller
    await runner.create(ana)
    waits = []
    for tries in range(1, 7):
        due = await runner.write(hooks.take_due, hook_id, caller)
        assert due is not None
        assert [one.tries for one in due.deliveries] == [tries - 1]
        outcome = Outcome(delivery=due.deliveries[0], is_success=False)
        told = Told(hook=due.hook, outcomes=[outcome])
        assert await runner.write(hooks.note_outcomes, told, caller) is None
        later = await runner.write(hooks.take_due, hook_id, caller)
        assert later is not None
        if later.next_at is not None:
            waits.append(later.next_at - runner.now())
            runner.ahead += waits[-1]
    assert waits == [timedelta(seconds=s) for s in (10, 60, 300, 1_800, 7_200)] == list(WAITS)
    assert await bed.rows("SELECT 1 FROM deliveries") == []


class Clock(Runner):
    """The bed's database at a time of one's own."""

    def __init__(self, bed: Bed) -> None:
        self.ahead = timedelta(days=400)
        began = bed.runner.now()
        super().__init__(bed.runner.database, now=lambda: began + self.ahead)

    async def create(self, caller: Person, phone: str = PHONE) -> None:
        """A contact whose event the running server does not see: it is due in its future."""
        await self.write(contacts.save, SaveContact(phone=parse(phone)), caller.caller)


@pytest.mark.row("F20")
@pytest.mark.parametrize("succeeds_after_4_days", [True, False])
async def test_5_days_without_a_success_and_it_is_disabled(
    bed: Bed, ana: Person, receiver: Receiver, succeeds_after_4_days: bool
) -> None:
    hook_id = subscribed(ana, f"{receiver.url}/dead")
    runner, why = Clock(bed), None
    for day in range(7):
        await runner.create(ana, f"+1415555013{day}")
        due = await runner.write(hooks.take_due, hook_id, ana.caller)
        if due is None:
            break
        is_success = succeeds_after_4_days and day == 4
        outcomes = [Outcome(delivery=one, is_success=is_success) for one in due.deliveries]
        why = await runner.write(
            hooks.note_outcomes, Told(hook=due.hook, outcomes=outcomes), ana.caller
        )
        assert (why is not None) == (day == 5 and not succeeds_after_4_days)
        runner.ahead += timedelta(days=1)
    (hook,) = hooks_of(ana)
    assert (hook["disabled_at"] is None) == succeeds_after_4_days
    if not succeeds_after_4_days:
        assert hook["disabled_why"] == hooks.DEAD
        assert await bed.rows("SELECT 1 FROM deliveries") == []
        assert subscribed(ana, f"{receiver.url}/dead") == hook_id
        assert hooks_of(ana)[0]["disabled_at"] is None


@pytest.mark.row("F20")
async def test_an_address_that_is_gone_is_dropped(
    bed: Bed, ana: Person, receiver: Receiver
) -> None:
    receiver.answer = lambda _: 410
    hook_id = subscribed(ana, f"{receiver.url}/gone")
    ana.create_contact(phone=PHONE)
    receiver.wait()
    bed.serving.logged("hook.disabled", hook_id=hook_id, why=hooks.GONE)
    (hook,) = hooks_of(ana)
    assert hook["disabled_why"] == hooks.GONE
    ana.create_contact(phone="+14155550124")
    time.sleep(1.2)
    assert len(receiver.got) == 1
    assert await bed.rows("SELECT 1 FROM deliveries") == []


async def test_a_hook_ends_with_its_token(bed: Bed, ana: Person, receiver: Receiver) -> None:
    other = await bed.person(ana.user, ana.workspace)
    hook_id = subscribed(other, f"{receiver.url}/token")
    await bed.runner.write(tokens.revoke, other.token_id)
    ana.create_contact(phone=PHONE)
    bed.serving.logged("hook.disabled", hook_id=hook_id)
    assert hooks_of(ana)[0]["disabled_why"] == hooks.TOKEN_ENDED
    assert receiver.got == []


def hang(_: BaseHTTPRequestHandler) -> None:
    time.sleep(30)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A byte a second, before any status."""
    for byte in b"HTTP/1.1 200 OK\r\n":
        handler.wfile.write(bytes([byte]))
        time.sleep(1)


def pour(handler: BaseHTTPRequestHandler) -> None:
    """A reply that never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(b"x" * 65_536)


def garble(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


def loop_back(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("location", handler.path + "x")
    handler.send_header("content-length", "0")
    handler.end_headers()


@pytest.mark.row("F20", "L13", "T4.1")
async def test_what_receivers_do_delays_nobody(bed: Bed, ana: Person, receiver: Receiver) -> None:
    """One hangs, one drips, one pours, one garbles, one redirects, one is not there: each with more
    to be told than is told at once. A good one beside them is told as ever."""
    ways = {"hang": hang, "drip": drip, "pour": pour, "garble": garble, "loop": loop_back}

    def answer(handler: BaseHTTPRequestHandler) -> int | None:
        way = ways.get(handler.path[1:])
        if way is None:
            return 200
        try:
            way(handler)
        except OSError:
            handler.close_connection = True
        return None

    receiver.answer = answer
    subscribed(ana, f"{receiver.url}/good")
    ana.create_contact(phone=PHONE)
    receiver.wait(path="/good")  # the first is told later: it has the client read in
    receiver.got.clear()
    bad = {way: subscribed(ana, f"{receiver.url}/{way}") for way in ways}
    bad["closed"] = subscribed(ana, "http://127.0.0.1:9/closed")
    bad["tls"] = subscribed(ana, receiver.url.replace("http:", "https:") + "/tls")
    for number in range(2 * AT_ONCE_MAX):
        assert ana.create_contact(phone=f"+1415555{number:04}").status_code == 201
        time.sleep(0.02)
    told = receiver.wait(2 * AT_ONCE_MAX, path="/good")[-1].at
    until = bed.serving.logged
    given_up = until("hook.failed", hook_id=bad["hang"], reason="timeout")["ts"]
    # Half a second at rest; whoever had to wait for the bad ones is told when they are given up.
    assert told < datetime.fromisoformat(given_up).timestamp()
    until("hook.failed", hook_id=bad["garble"], reason="bad_answer")
    until("hook.failed", hook_id=bad["loop"], answered=307)
    until("hook.failed", hook_id=bad["closed"], reason="unreachable")
    until("hook.failed", hook_id=bad["tls"], reason="unreachable")
    until("hook.failed", hook_id=bad["drip"], reason="timeout")
    health = {one["id"]: one for one in hooks_of(ana)}
    assert health[bad["pour"]]["last_success_at"] is not None
    assert not any(one.path == "/loopx" for one in receiver.got)


@pytest.mark.row("R10")
async def test_no_address_and_nobody_stands_in_the_log(
    bed: Bed, ana: Person, receiver: Receiver
) -> None:
    secret, name = uuid4().hex, f"N{uuid4().hex}"
    receiver.answer = lambda _: 500
    hook_id = subscribed(ana, f"{receiver.url}/{secret}?k={secret}")
    ana.create_contact(phone="+14155550188", name=name)
    bed.serving.logged("hook.failed", hook_id=hook_id)
    log = bed.serving.log_path.read_text()
    assert secret not in log
    assert name not in log
    assert "4155550188" not in log


async def test_what_is_erased_is_told_to_nobody(bed: Bed, ana: Person, receiver: Receiver) -> None:
    """Also what waits about somebody who was merged into them, or lived in another for a time."""
    receiver.answer = lambda _: 500
    for event in ("contact.created", "contact.opted_in"):
        subscribed(ana, f"{receiver.url}/{event}", event)
    ids = [ana.create_contact(phone=f"+141555502{n}0", name=f"N{n}").json()["id"] for n in (1, 2)]
    other = ana.create_contact(phone="+14155550230", name="N3").json()["id"]
    assert ana.post("merge-contacts", {"contact_id": ids[0], "into": ids[1]}).status_code == 200
    ana.post("set-consent", CONSENT | {"phone": "+14155550220", "state": "granted"})
    receiver.wait(4)
    told = await bed.rows("SELECT contact_uuid FROM deliveries ORDER BY id")
    assert [row[0] for row in told] == [*ids, other, ids[1]]
    exported = ana.post("export-contact", {"contact_id": ids[1]}).json()["waiting_events"]
    assert [one["event"] for one in exported] == [
        "contact.created",
        "contact.opted_in",
        "contact.created",
    ]
    assert ana.post("delete-contact", {"contact_id": ids[1]}).status_code == 200
    told = await bed.rows("SELECT contact_uuid FROM deliveries")
    assert [row[0] for row in told] == [other]


async def test_who_lived_in_another_for_a_time_is_gone_from_there(
    bed: Bed, ana: Person, receiver: Receiver
) -> None:
    receiver.answer = lambda _: 500
    subscribed(ana, f"{receiver.url}/in", "contact.opted_in")
    guest, host = (ana.create_contact(phone=f"+141555503{n}0").json()["id"] for n in (1, 2))
    assert ana.post("merge-contacts", {"contact_id": guest, "into": host}).status_code == 200
    ana.post("set-consent", CONSENT | {"phone": "+14155550320", "state": "granted"})
    assert ana.post("unmerge-contacts", {"contact_id": guest}).status_code == 200
    assert len(await bed.rows("SELECT 1 FROM deliveries")) == 1
    assert ana.post("delete-contact", {"contact_id": guest}).status_code == 200
    assert await bed.rows("SELECT 1 FROM deliveries") == []


async def test_a_merge_that_keeps_an_opt_out_tells_of_it(ana: Person, receiver: Receiver) -> None:
    for event in ("contact.opted_in", "contact.opted_out"):
        subscribed(ana, f"{receiver.url}/{event}", event)
    out, into = (ana.create_contact(phone=f"+141555504{n}0").json()["id"] for n in (1, 2))
    ana.post("set-consent", CONSENT | {"phone": "+14155550420", "state": "granted"})
    ana.post("set-consent", CONSENT | {"phone": "+14155550410", "state": "withdrawn"})
    receiver.wait(2)
    assert ana.post("merge-contacts", {"contact_id": out, "into": into}).status_code == 200
    last = receiver.wait(3)[-1].json()
    assert (last["event"], last["contact"]["id"]) == ("contact.opted_out", into)
    assert last["contact"]["opted_out_at"] is not None


async def test_what_was_refused_tells_nothing(bed: Bed, ana: Person, receiver: Receiver) -> None:
    subscribed(ana, f"{receiver.url}/none")
    assert ana.create_contact(phone="nonsense").status_code == 422
    assert await bed.rows("SELECT 1 FROM deliveries") == []
    waiting = "SELECT 1 FROM jobs WHERE kind = 'deliver' AND tenant_id = :tenant_id"
    assert await bed.rows(waiting, tenant_id=ana.user.tenant_id) == []


async def test_a_repeat_of_a_call_tells_nothing_more(ana: Person, receiver: Receiver) -> None:
    subscribed(ana, f"{receiver.url}/once")
    for _ in range(3):
        key = {"Idempotency-Key": "one"}
        assert ana.post("create-contact", {"phone": PHONE}, headers=key).status_code == 201
    receiver.wait()
    time.sleep(0.7)
    assert [json.loads(one.body)["contact"]["phone"] for one in receiver.got] == [PHONE]
