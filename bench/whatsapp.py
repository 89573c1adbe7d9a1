"""What WhatsApp posts: how fast it is answered, how fast it is read, what others notice of it."""

import hashlib
import hmac
import json
import os
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import httpx

from bench import load, world
from bench.load import Measured
from bench.row import Row
from bench.world import Database, Running

SCRIPT = Path(__file__).with_name("wrk") / "webhooks.lua"
SECRET = "the-secret-of-the-bench"
NUMBER_ID, ACCOUNT_ID = "106540352242922", "102290129340398"
AT_ONCE = 32
STEADY_PER_S = 2_000
PEOPLE = 5_000
"""As many write; most of them more than once."""
_numbers = count(1)


def rows(original: Database) -> list[Row]:
    served = world.copied(original)
    path = connected(served)
    with world.serving(served) as server:
        _post(server, path, duration_s=3)  # so that nobody pays for a first time
        _drain(served)
        ratios, rates = [], []
        for _ in range(5):
            static = load.run(server.url, KIND="static", TOKEN=served.token)
            posted = _post(server, path, duration_s=1)
            ratios.append(posted.requests_per_s / static.requests_per_s)
            rates.append((posted.requests_per_s, static.requests_per_s))
            _drain(served)
        steady = _steady(server, served, path)
        read_per_s = _read(server, served, path)
        held_ms = _held_ms(server, served, path)
    posted_per_s, static_per_s = sorted(rates)[len(rates) // 2]
    return [
        Row(
            "a signed webhook, on disk before its 200",
            sorted(ratios)[len(ratios) // 2],
            0.08,
            detail=f"{posted_per_s:,.0f}/s, static {static_per_s:,.0f}/s; it is read meanwhile",
        ),
        Row(
            f"p99 of webhooks at a steady {steady.requests_per_s:,.0f}/s",
            steady.p99_ms,
            50,
            True,
            " ms",
            f"p50 {steady.p50_ms:.1f} ms",
        ),
        Row(
            "messages that are read and counted, against static answers",
            read_per_s / static_per_s,
            0.02,
            detail=f"{read_per_s:,.0f}/s, and as many webhooks taken meanwhile",
        ),
        Row(
            "get-contact's slowest answer while 1,000 messages of one webhook are read",
            held_ms,
            50,
            True,
            " ms",
        ),
    ]


def body(messages: int = 1) -> bytes:
    """As Meta sends it, of so many messages."""
    cards, told = [], []
    for _ in range(messages):
        number = next(_numbers)
        wa_id = f"1212{number % PEOPLE:07}"
        who = {"profile": {"name": f"Person {wa_id}"}, "wa_id": wa_id, "user_id": f"US.{wa_id}"}
        cards.append(who)
        told.append({
            "from": wa_id, "from_user_id": f"US.{wa_id}", "id": f"wamid.{time.time_ns()}.{number}",
            "timestamp": str(int(time.time())), "type": "text",
            "text": {"body": "Hello, is this still available in another size?"},
        })  # fmt: skip
    metadata = {"display_phone_number": "15550783881", "phone_number_id": NUMBER_ID}
    value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": metadata}
    value |= {"contacts": cards, "messages": told}
    change = {"field": "messages", "value": value}
    entry = {"id": ACCOUNT_ID, "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signature(raw: bytes) -> str:
    return "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()


def connected(served: Database) -> str:
    """The path of a connection."""
    made = subprocess.run(
        [
            world.kith(), "connect", "whatsapp", "--phone-number-id", NUMBER_ID,
            "--business-account-id", ACCOUNT_ID, "--access-token", "none",
            "--app-secret", SECRET, "--verify-token", "none", "--json",
        ],
        env=world.environment(served.url),
        stdout=subprocess.PIPE,
        check=True,
    )  # fmt: skip
    return str(json.loads(made.stdout)["path"])


def _steady(server: Running, served: Database, path: str) -> Measured:
    """At STEADY_PER_S, if it can: who posts waits for the answer first, then for the next turn."""
    turn_ms = AT_ONCE * 1_000 / STEADY_PER_S
    first = _post(server, path, duration_s=2, every_ms=round(turn_ms))
    _drain(served)
    answered_ms = AT_ONCE * 1_000 / first.requests_per_s - round(turn_ms)
    rest_ms = max(1, int(turn_ms - answered_ms))
    steady = _post(server, path, duration_s=5, every_ms=rest_ms)
    _drain(served)
    return steady


def _post(server: Running, path: str, *, duration_s: int, every_ms: int = 0) -> Measured:
    """As fast as they are answered, or at a pace."""
    bodies = 3_000 * duration_s if every_ms else 8_000 * duration_s
    file = world.HOME / "webhooks.txt"
    with file.open("w") as lines:
        for _ in range(bodies):
            raw = body()
            lines.write(f"{signature(raw)}\t{raw.decode()}\n")
    command = [
        "wrk", "-t1", f"-c{AT_ONCE}", f"-d{duration_s}", "-s", str(SCRIPT), server.url,
    ]  # fmt: skip
    done = subprocess.run(
        load.pinned(load.LOAD_CORE, command),
        env=os.environ | {"FILE": str(file), "PATH_IN": path, "EVERY_MS": str(every_ms)},
        capture_output=True,
        text=True,
        check=True,
    )
    return load.result(done.stdout)


def _drain(served: Database) -> int:
    """Wait until everything is read; how many messages there are."""
    connection = apsw.Connection(str(served.path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5_000)
    unread = "SELECT COUNT(*) FROM jobs WHERE kind = 'read_inbound'"
    while next(connection.execute(unread))[0]:
        time.sleep(0.05)
    found = int(next(connection.execute("SELECT COUNT(*) FROM messages"))[0])
    connection.close()
    return found


def _read(server: Running, served: Database, path: str) -> float:
    """Webhooks posted as fast as possible for two seconds, and then read to the last."""
    before, started = _drain(served), time.perf_counter()
    _post(server, path, duration_s=2)
    after = _drain(served)
    return (after - before) / (time.perf_counter() - started)


def _held_ms(server: Running, served: Database, path: str) -> float:
    """The slowest look-up, one after the other, from the posting of a webhook until it is read."""
    raw = body(1_000)
    slowest = 0.0
    before = _drain(served)
    with httpx.Client(base_url=server.url, timeout=30) as http:
        headers = {"Authorization": f"Bearer {served.token}"}
        posted = http.post(path, content=raw, headers={"X-Hub-Signature-256": signature(raw)})
        posted.raise_for_status()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            started = time.perf_counter()
            http.post(
                "/api/v1/actions/get-contact", json={"phone": "+14152000001"}, headers=headers
            ).raise_for_status()
            slowest = max(slowest, time.perf_counter() - started)
    assert _drain(served) == before + 1_000
    return slowest * 1_000
