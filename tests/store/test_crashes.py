"""Killed or failed in the middle of writes: every acknowledged write is there, exactly once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import httpx
import pytest

from kith import wiring
from kith.actions import tokens, workspaces
from kith.settings import Settings
from tests.serving import Client, Serving, environment, serving
from tests.waits import wait_until

WRITERS = 8
KILLS = int(os.environ.get("KITH_TEST_KILLS", "3"))
READY_S_MAX = 5.0
"""From the start of the process; most of it is Python's imports. `make bench` has the figure."""


class Ledger:
    """What was sent, and what was answered, by phone (oracle O1)."""

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.acknowledged: dict[str, str] = {}
        self.refused: dict[str, int] = {}


def token_for(database_url: str) -> str:
    async def make() -> str:
        async with wiring.opened(Settings(database_url=database_url)) as runner:
            given = workspaces.NewWorkspace(name="Crash", email="ana@example.com")
            _, user = await runner.write(workspaces.create, given)
            new = tokens.NewToken(email=user.email, name="tests")
            issued = await runner.write(lambda ctx, _: tokens.issue(ctx, user, new), None)
            return issued.token

    return asyncio.run(make())


@contextmanager
def writing(client: Client, ledger: Ledger, *, first: int) -> Iterator[None]:
    """Several clients create contacts until the server is gone or the block ends."""
    stop = threading.Event()

    def write(lane: int) -> None:
        with httpx.Client(timeout=60, verify=False) as http:
            own = Client(client.url, client.token, http)
            for number in range(200):
                if stop.is_set():
                    return
                phone = f"+1415{first + lane * 1_000 + number:07}"
                ledger.sent.add(phone)
                try:
                    answer = own.create_contact(phone=phone, name="Ana", tags="a, b")
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    ledger.acknowledged[phone] = answer.json()["id"]
                else:
                    ledger.refused[phone] = answer.status_code

    threads = [threading.Thread(target=write, args=(lane,)) for lane in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def serving_again(log_path: Path, **settings: object) -> Iterator[Serving]:
    """A server after a kill: ready again soon, without anybody's help."""
    started, without_core_s = time.monotonic(), had_no_core_s("self")
    with serving(log_path, **settings) as server:
        assert httpx.get(server.url + "/readyz", timeout=60).status_code == 200
        took_s = time.monotonic() - started
        without_core_s = had_no_core_s("self") - without_core_s + had_no_core_s(server.process.pid)
        assert took_s - without_core_s < READY_S_MAX
        yield server


def had_no_core_s(pid: int | str) -> float:
    """How long a process could have run, and others did; Linux tells."""
    told = Path(f"/proc/{pid}/schedstat")
    return int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0


def check(ledger: Ledger, client: Client) -> None:
    """2xx: exactly one contact; no answer: none or one; never a second effect."""
    for phone in ledger.sent:
        found = client.get_contact(phone=phone)
        if phone in ledger.acknowledged:
            assert found.json()["id"] == ledger.acknowledged[phone]
            assert found.json()["tags"] == ["a", "b"]
        else:
            assert found.status_code in (200, 404)


def no_limits(database_url: str) -> dict[str, object]:
    return {"database_url": database_url, "rate_limit_per_minute": 0}


def integrity(path: Path) -> None:
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    twice = "SELECT phone FROM contacts GROUP BY tenant_id, phone HAVING COUNT(*) > 1"
    assert connection.execute(twice).fetchall() == []
    connection.close()


@pytest.mark.row("F1", "R1")
def test_killed_under_load_loses_nothing(database_url: str, tmp_path: Path) -> None:
    """SIGKILL at a random moment, again and again, on both engines; ready again soon."""
    token, ledger = token_for(database_url), Ledger()
    seed = random.randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    with httpx.Client(timeout=60) as http:
        for kill in range(KILLS):
            before = len(ledger.acknowledged)
            with serving_again(tmp_path / f"{kill}.log", **no_limits(database_url)) as server:
                client = Client(server.url, token, http)
                with writing(client, ledger, first=2_000_000 + kill * 10_000):
                    wait_until(lambda seen=before: len(ledger.acknowledged) > seen, "a write")
                    time.sleep(moments.uniform(0, 0.35))
                    server.process.kill()
            assert len(ledger.acknowledged) > before, "a round without a write proves nothing"
        with serving_again(tmp_path / "last.log", **no_limits(database_url)) as server:
            check(ledger, Client(server.url, token, http))
    assert ledger.refused == {}


@pytest.mark.row("F1", "S4", "R1")
@pytest.mark.parametrize("call", ["write", "sync"])
def test_killed_at_an_exact_call_loses_nothing(call: str, tmp_path: Path) -> None:
    """SIGKILL at the N-th write or sync of the file, at points spread over the whole run."""
    path = tmp_path / "kith.db"
    url = f"sqlite:///{path}"
    token, ledger = token_for(url), Ledger()
    with httpx.Client(timeout=60) as http:
        for kill in range(KILLS):
            number = (3 + kill * 17) if call == "sync" else (20 + kill * 231)
            program = faulty(call, number, "kill")
            log = tmp_path / f"{kill}.log"
            with serving(log, kith=program, **no_limits(url)) as server:
                client = Client(server.url, token, http)
                with writing(client, ledger, first=2_000_000 + kill * 10_000):
                    assert server.process.wait(60) == -signal.SIGKILL
            integrity(path)
            with serving_again(tmp_path / "again.log", **no_limits(url)) as server:
                check(ledger, Client(server.url, token, http))
    assert ledger.acknowledged
    assert ledger.refused == {}


@pytest.mark.row("S8")
def test_a_failed_fsync_answers_503_and_stops_at_once(tmp_path: Path) -> None:
    """The next start tells what is on disk: a refused write is there once or never."""
    path = tmp_path / "kith.db"
    url = f"sqlite:///{path}"
    token, ledger = token_for(url), Ledger()
    with httpx.Client(timeout=60) as http:
        program = faulty("sync", 12, "eio")
        with serving(tmp_path / "server.log", kith=program, **no_limits(url)) as server:
            client = Client(server.url, token, http)
            with writing(client, ledger, first=2_000_000):
                assert server.process.wait(60) == 74
        assert set(ledger.refused.values()) == {503}
        events = [line["event"] for line in server.log()]
        assert events.count("storage.fsync_failed") == 1  # never a second one on that file
        assert "storage.commit_unknown" in events
        integrity(path)
        with serving(tmp_path / "again.log", **no_limits(url)) as server:
            server.logged("storage.unclean_stop")
            server.logged("storage.checked")
            check(ledger, Client(server.url, token, http))


@pytest.mark.row("S8")
def test_a_command_stops_at_once_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/kith.db"
    token_for(url)
    done = subprocess.run(
        [*faulty("sync", 1, "eio"), "token", "create", "--email", "ana@example.com"],
        env=environment(database_url=url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 74
    assert "storage.fsync_failed" in done.stderr
    assert "kith_" not in done.stdout


@pytest.mark.row("S10")
def test_after_an_unclean_stop_the_file_is_checked_beside_the_traffic(tmp_path: Path) -> None:
    path = tmp_path / "kith.db"
    settings = no_limits(f"sqlite:///{path}")
    with serving(tmp_path / "1.log", **settings) as server:
        server.process.kill()
    with serving(tmp_path / "2.log", **settings) as server:
        server.logged("storage.checked")
        assert httpx.get(server.url + "/readyz").status_code == 200
        assert server.stop() == 0
    with serving(tmp_path / "3.log", **settings) as server:
        assert server.stop() == 0
    assert not [line for line in server.log() if line["event"] == "storage.unclean_stop"]


def test_sigterm_finishes_what_is_under_way(database_url: str, tmp_path: Path) -> None:
    """Graceful stop: exit 0, every answer given, nothing acknowledged is lost."""
    token, ledger = token_for(database_url), Ledger()
    with httpx.Client(timeout=60) as http:
        with serving(tmp_path / "1.log", **no_limits(database_url)) as server:
            client = Client(server.url, token, http)
            with writing(client, ledger, first=2_000_000):
                wait_until(lambda: len(ledger.acknowledged) >= 100, "a hundred writes")
                assert server.stop() == 0
        assert ledger.refused == {}
        with serving(tmp_path / "2.log", **no_limits(database_url)) as server:
            check(ledger, Client(server.url, token, http))


def faulty(call: str, number: int, fault: str) -> list[str]:
    return [sys.executable, "-m", "tests.store.faulty_disk", call, str(number), fault]
