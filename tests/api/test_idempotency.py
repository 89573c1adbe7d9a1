"""Idempotency-Key: a call that is repeated has one effect and one answer (rows T3.6, L10, R7)."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import httpx
import pytest

from kith import wiring
from kith.actions import workspaces
from kith.actions.run import NO_TERMS, Runner
from kith.api.answers import Answer
from kith.api.repeats import RepeatableCalls
from kith.api.routes import ROUTES, Route
from kith.domain.tokens import Caller
from kith.errors import KeyReused, StillRunning
from kith.settings import Settings
from tests.api.refusals import FORBIDDEN, NOT_FOUND, assert_invalid
from tests.cast import Bed, Person
from tests.serving import Client, serving
from tests.store.test_crashes import no_limits, token_for
from tests.waits import at_best, wait_until

PHONE = "+14155550123"
KEY = "order-1001"
AT_ONCE = 10
KILLS = 2
LANES = 6
START = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)

OF_TWO = {"merge-contacts", "unmerge-contacts"}
"""They stand on two contacts: tests/api/test_merges.py."""
WRITES = {
    route.name: route for route in ROUTES if route.does == "write" and route.name not in OF_TWO
}
READS = {route.name: route for route in ROUTES if route.does in ("look", "scan")}

# A body for each write that changes something when ROMAIN is there, or, to create, is not.
ROMAIN: dict[str, Any] = {"phone": PHONE, "name": "Romain", "tags": "vip", "metadata": {"a": 1}}
NAME = {"kind": "external", "value": "shop:1"}
BODIES: dict[str, dict[str, Any]] = {
    "create-contact": ROMAIN,
    "find-or-create-contact": ROMAIN,
    "update-contact": {"phone": PHONE, "name": "Rom", "tags": "b2b", "metadata": {"b": [2, None]}},
    "delete-contact": {"phone": PHONE},
    "add-tag": {"phone": PHONE, "tag": "b2b"},
    "remove-tag": {"phone": PHONE, "tag": "vip"},
    "block-contact": {"phone": PHONE},
    "unblock-contact": {"phone": PHONE},
    "add-identity": {"phone": PHONE, **NAME},
    "remove-identity": {"phone": PHONE, **NAME},
    "set-consent": {
        "phone": PHONE, "channel": "whatsapp", "purpose": "marketing", "state": "withdrawn",
        "source": "api", "method": "platform",
    },
}  # fmt: skip


def keyed(key: str | bytes, **more: str) -> dict[str, Any]:
    return {"Idempotency-Key": key, **more}


def seen(answer: httpx.Response) -> tuple[int, bytes, str | None]:
    """What a repeat must get again."""
    return answer.status_code, answer.content, answer.headers.get("etag")


def is_repeat(answer: httpx.Response) -> bool:
    found = answer.headers.get("idempotency-replayed")
    assert found in (None, "true")
    return found is not None


def make_ready(caller: Client, name: str) -> None:
    """What the body of this operation stands on."""
    if WRITES[name].missing is not None:
        assert caller.create_contact(**ROMAIN).status_code == 201
    if name == "unblock-contact":
        assert caller.post("block-contact", {"phone": PHONE}).status_code == 200
    if name == "remove-identity":
        assert caller.post("add-identity", {"phone": PHONE, **NAME}).status_code == 200


async def effects(bed: Bed, caller: Person) -> int:
    """How many changes the workspace has seen: the log has a row for each."""
    [(count,)] = await bed.rows(
        "SELECT COUNT(*) FROM audit_log WHERE tenant_id = :tenant_id",
        tenant_id=caller.user.tenant_id,
    )
    return int(count)


async def kept(bed: Bed, caller: Person) -> int:
    [(count,)] = await bed.rows(
        "SELECT COUNT(*) FROM idempotency_keys WHERE tenant_id = :tenant_id",
        tenant_id=caller.user.tenant_id,
    )
    return int(count)


def all_at_once(calls: list[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """Each in a thread of its own, all let go in the same moment."""
    gate = threading.Barrier(len(calls))

    def go(call: Callable[[], httpx.Response]) -> httpx.Response:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(go, calls))


def test_every_write_has_a_body() -> None:
    assert set(BODIES) == set(WRITES)


@pytest.mark.row("T3.6")
@pytest.mark.parametrize("name", WRITES)
async def test_a_repeat_gets_the_same_bytes_and_has_no_effect(
    bed: Bed, ana: Person, name: str
) -> None:
    """With a colleague's token, or under the short address, it is the same call too."""
    make_ready(ana, name)
    colleague = await bed.colleague(ana, "Ben", scope="write")
    before = await effects(bed, ana)
    first = ana.post(name, BODIES[name], headers=keyed(KEY))
    assert (first.status_code, is_repeat(first)) == (WRITES[name].status, False)
    assert ("etag" in first.headers) == (WRITES[name].etag is not None)
    digest = await bed.digest()
    short = ana.http.post(
        f"{ana.url}/v1/actions/{name}",
        content=json.dumps(BODIES[name]).encode(),
        headers={**ana.headers, **keyed(KEY)},
    )
    again = ana.post(name, BODIES[name], headers=keyed(KEY))
    theirs = colleague.post(name, BODIES[name], headers=keyed(KEY))
    for repeat in (again, short, theirs):
        assert (seen(repeat), is_repeat(repeat)) == (seen(first), True)
        assert repeat.headers["content-type"] == first.headers["content-type"]
        assert repeat.headers["cache-control"] == "no-store"
        assert repeat.headers["x-request-id"] != first.headers["x-request-id"]
    assert await bed.digest() == digest
    assert await effects(bed, ana) == before + 1


@pytest.mark.row("T3.6")
@pytest.mark.parametrize("name", WRITES)
async def test_without_a_key_nothing_is_kept(bed: Bed, ana: Person, name: str) -> None:
    make_ready(ana, name)
    answer = ana.post(name, BODIES[name])
    assert (answer.status_code, is_repeat(answer)) == (WRITES[name].status, False)
    assert await kept(bed, ana) == 0


@pytest.mark.row("T3.6")
async def test_a_repeat_is_the_first_answer_whatever_happened_since(bed: Bed, ana: Person) -> None:
    """Also of a call that found nothing to do, and of one that was tied to a version."""
    made = ana.post("find-or-create-contact", ROMAIN, headers=keyed("make"))
    found = ana.post("find-or-create-contact", ROMAIN, headers=keyed("find"))
    assert (made.status_code, found.status_code) == (201, 200)
    tied = keyed("tie", **{"If-Match": made.headers["etag"]})
    updated = ana.post("update-contact", BODIES["update-contact"], headers=tied)
    assert ana.post("add-tag", {"phone": PHONE, "tag": "new"}).status_code == 200
    before = await bed.digest()
    for first, name, body, headers in (
        (made, "find-or-create-contact", ROMAIN, keyed("make")),
        (found, "find-or-create-contact", ROMAIN, keyed("find")),
        (updated, "update-contact", BODIES["update-contact"], tied),
    ):
        again = ana.post(name, body, headers=headers)
        assert (seen(again), is_repeat(again)) == (seen(first), True)
    assert await bed.digest() == before


@pytest.mark.row("T3.6", "R2")
@pytest.mark.parametrize("name", WRITES)
async def test_another_body_under_the_key_is_refused(bed: Bed, ana: Person, name: str) -> None:
    make_ready(ana, name)
    first = ana.post(name, BODIES[name], headers=keyed(KEY))
    before = await bed.digest()
    for other in ({**BODIES[name], "phone": "+14155550124"}, {**BODIES[name], "note": "more"}):
        answer = ana.post(name, other, headers=keyed(KEY))
        assert (answer.status_code, answer.json()) == (422, {"error": KeyReused.text})
        assert not is_repeat(answer)
    assert await bed.digest() == before
    assert seen(ana.post(name, BODIES[name], headers=keyed(KEY))) == seen(first)


@pytest.mark.row("T3.6")
async def test_a_key_belongs_to_one_action(bed: Bed, ana: Person) -> None:
    """The same key and the very same body, given to every write, in an order that each can do."""
    body = {**ROMAIN, **NAME, **BODIES["set-consent"], "tag": "b2b", "on_conflict": "update"}
    order = ["create-contact", "find-or-create-contact", "add-tag", "update-contact", "remove-tag"]
    order += ["add-identity", "remove-identity", "set-consent", "block-contact", "unblock-contact"]
    assert {*order, "delete-contact"} == set(WRITES)
    answers = {name: ana.post(name, body, headers=keyed(KEY)) for name in order}
    assert {answer.status_code for answer in answers.values()} == {200, 201}
    assert not any(map(is_repeat, answers.values()))
    assert await kept(bed, ana) == len(order)
    for name, first in answers.items():
        again = ana.post(name, body, headers=keyed(KEY))
        assert (seen(again), is_repeat(again)) == (seen(first), True)
    assert not is_repeat(ana.post("delete-contact", body, headers=keyed(KEY)))
    assert ana.get_contact(phone=PHONE).status_code == 404


@pytest.mark.row("T3.6", "T1.1")
@pytest.mark.parametrize("name", WRITES)
async def test_a_key_belongs_to_one_workspace(
    bed: Bed, ana: Person, mallory: Person, name: str
) -> None:
    for person in (ana, mallory):
        make_ready(person, name)
    first = ana.post(name, BODIES[name], headers=keyed(KEY))
    another = {**BODIES[name], "note": "another body, yet not under another key"}
    for body in (another, another):
        theirs = mallory.post(name, body, headers=keyed(KEY))
        assert theirs.status_code == first.status_code
        assert theirs.json()["id"] != first.json()["id"]
    assert is_repeat(theirs)
    assert (await kept(bed, ana), await kept(bed, mallory)) == (1, 1)


@pytest.mark.row("T3.6", "R2")
async def test_a_key_opens_nothing(bed: Bed, ana: Person, ben: Person) -> None:
    """Ben may only read: not even an answer that was given to Ana already."""
    ana.create_contact(**ROMAIN)
    ana.post("update-contact", BODIES["update-contact"], headers=keyed(KEY))
    before = await bed.digest()
    answer = ben.post("update-contact", BODIES["update-contact"], headers=keyed(KEY))
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert await bed.digest() == before


LARGE = "x" * 40_000


@pytest.mark.row("T3.6", "R2")
@pytest.mark.parametrize(
    ("name", "body", "headers", "status", "remedy"),
    [
        ("update-contact", {"phone": "+14155550124", "name": "R"}, {}, 404,
         ("create-contact", {"phone": "+14155550124"})),
        ("delete-contact", {"phone": "+14155550124"}, {}, 404,
         ("create-contact", {"phone": "+14155550124"})),
        ("add-tag", {"phone": "+14155550124", "tag": "t"}, {}, 404,
         ("create-contact", {"phone": "+14155550124"})),
        ("remove-tag", {"phone": "+14155550124", "tag": "t"}, {}, 404,
         ("create-contact", {"phone": "+14155550124"})),
        ("create-contact", {"phone": PHONE, "metadata": {"more": LARGE}}, {}, 422,
         ("update-contact", {"phone": PHONE, "metadata": {"large": None}})),
        ("update-contact", {"phone": PHONE, "metadata": {"more": LARGE}}, {}, 422,
         ("update-contact", {"phone": PHONE, "metadata": {"large": None}})),
        ("find-or-create-contact", {"phone": PHONE, "on_conflict": "error"}, {}, 409,
         ("delete-contact", {"phone": PHONE})),
        ("create-contact", {"phone": "+14155550124"}, {"If-Match": "*"}, 412,
         ("create-contact", {"phone": "+14155550124"})),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
async def test_a_refusal_leaves_the_key_free(
    bed: Bed,
    ana: Person,
    name: str,
    body: dict[str, Any],
    headers: dict[str, str],
    status: int,
    remedy: tuple[str, dict[str, Any]],
) -> None:
    """Once the reason is gone the very same call is carried out."""
    ana.create_contact(**{**ROMAIN, "metadata": {"large": LARGE}})
    before = await bed.digest()
    for _ in range(2):
        answer = ana.post(name, body, headers=keyed(KEY, **headers))
        assert (answer.status_code, is_repeat(answer)) == (status, False), answer.text
    assert await bed.digest() == before
    assert ana.post(remedy[0], remedy[1]).status_code in (200, 201)
    done = ana.post(name, body, headers=keyed(KEY, **headers))
    assert (done.status_code, is_repeat(done)) == (WRITES[name].status, False), done.text
    assert is_repeat(ana.post(name, body, headers=keyed(KEY, **headers)))


@pytest.mark.row("T3.6")
def test_a_stale_version_leaves_the_key_free(ana: Person) -> None:
    old = ana.create_contact(**ROMAIN).headers["etag"]
    new = ana.create_contact(phone=PHONE, name="Rom").headers["etag"]
    body = {"phone": PHONE, "tag": "b2b"}
    assert ana.post("add-tag", body, headers=keyed(KEY, **{"If-Match": old})).status_code == 412
    done = ana.post("add-tag", body, headers=keyed(KEY, **{"If-Match": new}))
    assert (done.status_code, is_repeat(done)) == (200, False)


@pytest.mark.row("T3.6")
def test_after_a_refusal_the_key_takes_any_body(ana: Person) -> None:
    assert_invalid(ana.post("create-contact", {"phone": "nope"}, headers=keyed(KEY)), "phone")
    missing = ana.post("update-contact", {"phone": PHONE}, headers=keyed(KEY))
    assert (missing.status_code, missing.json()) == (404, NOT_FOUND)
    assert ana.post("create-contact", ROMAIN, headers=keyed(KEY)).status_code == 201
    assert ana.post("update-contact", {"phone": PHONE}, headers=keyed(KEY)).status_code == 200


@pytest.mark.row("L10")
@pytest.mark.parametrize(
    "key",
    ["k", "!", "~", "0", "a" * 255, '"quoted"', "a,b;c=d", "';DROP/**/TABLE/**/contacts;--",
     "%s:key", "8e03978e-40d5-43dd-bc93-6894a57f9324", "".join(map(chr, range(0x21, 0x7F)))],
)  # fmt: skip
async def test_visible_ascii_is_a_key(bed: Bed, ana: Person, key: str) -> None:
    first = ana.post("create-contact", ROMAIN, headers=keyed(key))
    again = ana.post("create-contact", ROMAIN, headers=keyed(key))
    assert (first.status_code, is_repeat(first)) == (201, False)
    assert (seen(again), is_repeat(again)) == (seen(first), True)
    rows = await bed.rows(
        "SELECT key FROM idempotency_keys WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert rows == [(key,)]


@pytest.mark.row("L10")
def test_the_case_of_a_key_counts(ana: Person) -> None:
    keys = ("key", "KEY", "Key", "key.")
    answers = [ana.post("create-contact", ROMAIN, headers=keyed(key)) for key in keys]
    assert not any(map(is_repeat, answers))


@pytest.mark.row("L10", "R2")
@pytest.mark.parametrize(
    "key",
    [b"", b"a" * 256, b"a" * 5_000, b"a b", b"a\tb", "clé".encode(), "clé".encode("latin-1"),
     "🔑".encode(), b"key\xa0", b"\x85key", "\u200bkey".encode(), "１".encode()],
)  # fmt: skip
async def test_anything_else_is_no_key(bed: Bed, ana: Person, key: bytes) -> None:
    before = await bed.digest()
    for name in ("create-contact", "delete-contact"):
        answer = ana.post(name, ROMAIN, headers=keyed(key))
        assert_invalid(answer, "idempotency_key")
    assert await bed.digest() == before


@pytest.mark.row("T3.6")
@pytest.mark.parametrize("key", [KEY, "no key", ""])
@pytest.mark.parametrize("name", READS)
async def test_reads_do_not_look_at_it(bed: Bed, name: str, key: str) -> None:
    ana = await bed.owner("Ana", scope="admin")
    ana.create_contact(**ROMAIN)
    body = {"phone": PHONE, "contacts": [{"phone": PHONE}]}
    before = await bed.digest()

    def ask(headers: dict[str, str]) -> httpx.Response:
        if READS[name].method == "GET":
            return ana.get(f"/api/v1{READS[name].path}", headers=headers)
        return ana.post(name, body, headers=headers)

    plain = ask({})
    assert plain.status_code == (422 if name == "get-template" else 200)
    for answer in (ask(keyed(key)), ask(keyed(key))):
        assert (answer.status_code, list(answer.json())) == (plain.status_code, list(plain.json()))
        assert not is_repeat(answer)
    assert await bed.digest() == before


@pytest.mark.row("T3.6", "R7")
@pytest.mark.parametrize("name", WRITES)
async def test_ten_callers_at_once_have_one_effect(bed: Bed, ana: Person, name: str) -> None:
    """Whoever comes while the first call runs is told to come again, and then gets its answer."""
    make_ready(ana, name)
    before = await effects(bed, ana)

    def call() -> httpx.Response:
        return ana.post(name, BODIES[name], headers=keyed(KEY))

    answers = all_at_once([call] * AT_ONCE)
    told = [answer for answer in answers if answer.status_code != 409]
    [first] = [answer for answer in told if not is_repeat(answer)]
    assert first.status_code == WRITES[name].status
    assert {seen(answer) for answer in told} == {seen(first)}
    for early in answers:
        if early.status_code == 409:
            assert_still_running(early)
            again = call()
            assert (seen(again), is_repeat(again)) == (seen(first), True)
    assert await effects(bed, ana) == before + 1


@pytest.mark.row("T3.6", "R7")
@pytest.mark.parametrize("name", WRITES)
async def test_the_database_alone_keeps_it_to_one_effect(bed: Bed, ana: Person, name: str) -> None:
    """As from ten server processes, of which none knows what another is running."""
    make_ready(ana, name)
    before = await effects(bed, ana)
    answers = await asyncio.gather(
        *(once(bed.runner, caller_of(ana), name) for _ in range(AT_ONCE))
    )
    assert len({(answer.status, answer.body, answer.etag) for answer in answers}) == 1
    assert sum(not was_kept(answer) for answer in answers) == 1
    assert await effects(bed, ana) == before + 1


def assert_still_running(answer: httpx.Response) -> None:
    text = StillRunning.text
    assert (answer.status_code, answer.json()) == (409, {"message": text, "error": text})
    assert answer.headers["retry-after"] == "1"
    assert not is_repeat(answer)


@pytest.mark.row("T3.6")
async def test_while_the_first_call_runs_others_are_told_to_wait(
    bed: Bed, ana: Person, server_database_url: str
) -> None:
    """The first waits for a lock that we hold: of two calls, the one answered is the other."""

    async def twice(number: int) -> None:
        before = await effects(bed, ana)

        def call() -> httpx.Response:
            body = {**ROMAIN, "phone": f"+1415555012{number}"}
            return ana.post("create-contact", body, headers=keyed(f"{KEY}-{number}"))

        with ThreadPoolExecutor(2) as threads:
            async with writes_held(bed, server_database_url):
                calls = [threads.submit(call) for _ in range(2)]
                early = answered(calls)
                assert_still_running(early.result())
                [running] = set(calls) - {early}
                assert not running.done()
            first = running.result()
        assert (first.status_code, is_repeat(first)) == (201, False)
        again = call()
        assert (seen(again), is_repeat(again)) == (seen(first), True)
        assert await effects(bed, ana) == before + 1

    await at_best(twice)  # a lock is not waited for long


def answered(calls: list[Future[httpx.Response]]) -> Future[httpx.Response]:
    """The only one that is answered while the lock is held."""
    [call] = wait(calls, timeout=60, return_when=FIRST_COMPLETED).done
    return call


@asynccontextmanager
async def writes_held(bed: Bed, url: str) -> AsyncIterator[None]:
    """Nobody else can commit a call with a key."""
    if bed.engine == "sqlite":
        holder = apsw.Connection(url.removeprefix("sqlite:///"))
        holder.set_busy_timeout(30_000)
        holder.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
            holder.close()
        return
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE idempotency_keys IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


# The route's own code, on a clock of ours.


def caller_of(person: Person) -> Caller:
    return Caller(
        token_id=person.token_id,
        user_id=person.user.id,
        tenant_id=person.user.tenant_id,
        scopes=("read", "write"),
        rate_limit_per_minute=None,
    )


async def once(
    runner: Runner,
    caller: Caller,
    name: str,
    body: dict[str, Any] | None = None,
    *,
    key: str = KEY,
) -> Answer:
    """The call as a process of its own would make it."""
    route: Route = WRITES[name]
    raw = json.dumps(BODIES[name] if body is None else body).encode()
    given = route.takes.convert(json.loads(raw))
    return await RepeatableCalls(runner).once(route, given, caller, NO_TERMS, key=key, body=raw)


def was_kept(answer: Answer) -> bool:
    return (b"idempotency-replayed", b"true") in answer.headers


class Clocked:
    """The product on a clock of ours, with two workspaces."""

    def __init__(self, runner: Runner) -> None:
        self.runner = Runner(runner.database, now=lambda: self.now)
        self.now = START

    async def shop(self, name: str) -> Caller:
        given = workspaces.NewWorkspace(name=name, email="ana@example.com")
        workspace, user = await self.runner.write(workspaces.create, given)
        return Caller(
            token_id=0,
            user_id=user.id,
            tenant_id=workspace.row_id,
            scopes=("read", "write"),
            rate_limit_per_minute=None,
        )

    async def keys(self, shop: Caller) -> list[str]:
        rows = await self.runner.database.read(
            lambda tx: tx.all(
                "SELECT key FROM idempotency_keys WHERE tenant_id = :tenant_id ORDER BY key",
                tenant_id=shop.tenant_id,
            )
        )
        return [row[0] for row in rows]


@pytest.fixture
async def clocked(database_url: str) -> AsyncIterator[Clocked]:
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        yield Clocked(runner)


@pytest.mark.row("L10", "T3.6")
async def test_kept_for_a_day_then_the_key_is_new(clocked: Clocked) -> None:
    anas, mallorys = await clocked.shop("Ana"), await clocked.shop("Mallory")
    first = await once(clocked.runner, anas, "create-contact")
    await once(clocked.runner, anas, "update-contact", key="old")
    await once(clocked.runner, mallorys, "create-contact", key="theirs")
    clocked.now = START + timedelta(hours=23)
    await once(clocked.runner, anas, "add-tag", key="young")

    clocked.now = START + timedelta(hours=24, seconds=-1)
    again = await once(clocked.runner, anas, "create-contact")
    assert was_kept(again)
    assert (again.status, again.body, again.etag) == (first.status, first.body, first.etag)
    assert await clocked.keys(anas) == ["old", KEY, "young"]

    clocked.now = START + timedelta(hours=24, seconds=1)
    other = await once(clocked.runner, anas, "create-contact", {"phone": "+14155550124"})
    assert not was_kept(other), "a day later the key is new, also for another body"
    assert await clocked.keys(anas) == [KEY, "young"], "what is older than a day is swept"
    assert was_kept(await once(clocked.runner, anas, "add-tag", key="young"))
    assert not was_kept(await once(clocked.runner, mallorys, "create-contact", key="theirs"))


@pytest.mark.row("L10")
async def test_a_repeat_does_not_keep_a_key_alive(clocked: Clocked) -> None:
    shop = await clocked.shop("Ana")
    for hours in (0, 12, 23):
        clocked.now = START + timedelta(hours=hours)
        assert was_kept(await once(clocked.runner, shop, "create-contact")) == (hours > 0)
    clocked.now = START + timedelta(hours=25)
    assert not was_kept(await once(clocked.runner, shop, "create-contact"))


# Servers of their own.


@pytest.mark.row("T3.6", "R1")
def test_a_restart_forgets_no_answer(tmp_path: Path) -> None:
    settings = no_limits(f"sqlite:///{tmp_path}/kith.db")
    token = token_for(f"sqlite:///{tmp_path}/kith.db")
    bodies = {
        name: {**body, "phone": f"+1415555020{number}"}
        for number, (name, body) in enumerate(BODIES.items())
    }

    def calls(client: Client) -> dict[str, httpx.Response]:
        return {name: client.post(name, body, headers=keyed(KEY)) for name, body in bodies.items()}

    with httpx.Client(timeout=60) as http:
        with serving(tmp_path / "1.log", **settings) as server:
            client = Client(server.url, token, http)
            for name, body in bodies.items():
                if WRITES[name].missing is not None:
                    client.create_contact(**{**ROMAIN, "phone": body["phone"]})
            first = calls(client)
            assert server.stop() == 0
        with serving(tmp_path / "2.log", **settings) as server:
            again = calls(Client(server.url, token, http))
    for name, answer in first.items():
        assert (answer.status_code, is_repeat(answer)) == (WRITES[name].status, False)
        assert (seen(again[name]), is_repeat(again[name])) == (seen(answer), True)


class Ledger:
    """Every call that was sent, and what was answered, by key (oracle O1)."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, dict[str, Any]]] = {}
        self.answered: dict[str, tuple[int, bytes, str | None]] = {}

    @property
    def open(self) -> set[str]:
        return self.sent.keys() - self.answered.keys()

    def call(self, client: Client, key: str) -> httpx.Response:
        name, body = self.sent[key]
        return client.post(name, body, headers=keyed(key))


@pytest.mark.row("R7", "T3.6", "F1")
def test_after_a_kill_the_repeat_settles_every_call(database_url: str, tmp_path: Path) -> None:
    """SIGKILL under load: each call that got no answer, repeated, has exactly one effect."""
    seed = random.randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    token, ledger = token_for(database_url), Ledger()
    settings = no_limits(database_url)
    with httpx.Client(timeout=60) as http:
        for kill in range(KILLS):
            with serving(tmp_path / f"{kill}.log", **settings) as server:
                client = Client(server.url, token, http)
                settle(client, ledger, ledger.open)
                before = len(ledger.answered)
                with writing(client, ledger, f"{seed}-{kill}"):
                    wait_until(lambda seen=before: len(ledger.answered) > seen, "another answer")
                    time.sleep(moments.uniform(0, 0.2))
                    server.process.kill()
            assert len(ledger.answered) > before, "a round without a write proves nothing"
        with serving(tmp_path / "last.log", **settings) as server:
            settle(Client(server.url, token, http), ledger, set(ledger.sent))
    assert asyncio.run(times_named(database_url)) == dict.fromkeys(ledger.sent, 1)


@contextmanager
def writing(client: Client, ledger: Ledger, prefix: str) -> Iterator[None]:
    """Each lane renames its own contact, again and again, until the server is gone."""
    ways = ("create-contact", "update-contact", "find-or-create-contact")

    def write(lane: int) -> None:
        with httpx.Client(timeout=60) as http:
            own = Client(client.url, client.token, http)
            for number in range(1_000):
                key = f"{prefix}-{lane}-{number}"
                body = {"phone": f"+1415555{lane:04}", "name": key, "on_conflict": "update"}
                is_new = number == 0 and prefix.endswith("-0")
                ledger.sent[key] = "create-contact" if is_new else ways[number % 3], body
                try:
                    answer = ledger.call(own, key)
                except httpx.TransportError:
                    return
                assert (answer.status_code // 100, is_repeat(answer)) == (2, False)
                ledger.answered[key] = seen(answer)

    with ThreadPoolExecutor(LANES) as threads:
        lanes = [threads.submit(write, lane) for lane in range(LANES)]
        yield
        for lane in lanes:
            lane.result()


def settle(client: Client, ledger: Ledger, keys: set[str]) -> None:
    """Repeat these calls: the first repeat may be the first effect, the next one never is."""
    for key in sorted(keys):
        was_open = key in ledger.open
        answer = ledger.call(client, key)
        assert answer.status_code in (200, 201), answer.text
        assert is_repeat(answer) or was_open
        assert ledger.answered.setdefault(key, seen(answer)) == seen(answer)


async def times_named(database_url: str) -> Counter[str]:
    """How often each name was given: as often as its call had an effect."""
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        rows = await runner.database.read(lambda tx: tx.all("SELECT after_json FROM audit_log"))
    return Counter(json.loads(row[0])["name"] for row in rows)
