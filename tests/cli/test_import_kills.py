"""An import that is killed anywhere goes on there, and every row counts once (rows F2, G15)."""

import asyncio
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import pytest

from kith import wiring
from kith.actions import workspaces
from kith.actions.workspaces import NewWorkspace
from kith.settings import Settings
from tests.cli.kith import Kith
from tests.serving import KITH, environment

ROWS = 36
BATCH = 9
KILLS = int(os.environ.get("KITH_TEST_KILLS", "10"))
LARGE_MB = float(os.environ.get("KITH_TEST_IMPORT_MB", "0.5"))
"""`make imports`: 100, and 20 kills."""
LARGE_KILLS = int(os.environ.get("KITH_TEST_IMPORT_KILLS", "2"))
MEMORY_MB_MAX = 64
S_PER_MB = 1.5
"""About how long an import takes, so that kills fall all over it."""

# One process has everything loaded and makes a child for each run: starting Python takes longer
# than the import. Batches are small; a child ends at its n-th commit, before it or when it is on
# disk, or after so many seconds.
PARENT = """
import os, signal, sys, threading
from kith.cli import import_running
from kith.cli.main import main
from kith.jobs import importing
from kith.store import sqlite, writer
b = {batch}
pace = importing.Pace(
    rows_first=b, rows_max=b, batch_s=60, piece_bytes=100_000, reads_ahead=True
)
importing.ALONE = dict.fromkeys(importing.ALONE, pace)
finish = writer.Writer._finish
def run(edge, at):
    commits = [0]
    def ending(self):
        commits[0] += 1
        if edge == "before" and commits[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        finish(self)
        if edge == "after" and commits[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
    if edge == "timer":
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, at)
    writer.Writer._finish = ending
    sys.argv = ["kith", "import", {path!r}, "--json"]
    sys.stdout = sys.stderr = open(os.devnull, "w")
    main()
for edge, at in {plan!r}:
    if not (pid := os.fork()):
        try:
            run(edge, at)
        except SystemExit as left:
            os._exit(int(left.code or 0))
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(ended, flush=True)
    if ended == 0:
        break
"""


def runs(database: str, file: Path, plan: list[tuple[str, float]]) -> list[int]:
    """How each run of the plan ended: 0, or minus the signal that killed it."""
    code = PARENT.format(batch=BATCH, path=str(file), plan=plan)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(database_url=database),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """SQLite: the process that dies takes its writer with it."""
    url = f"sqlite:///{tmp_path}/kith.db"

    async def make() -> None:
        async with wiring.opened(Settings(database_url=url)) as runner:
            await runner.write(workspaces.create, NewWorkspace(name="A", email="a@example.com"))

    asyncio.run(make())
    return url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """New people, one named twice, rows without phone, one with consent."""
    rows = [f"+141555{10_000 + n},Person {n},p{n}@example.com,a;b,," for n in range(ROWS - 10)]
    rows += [f"+141555{10_000 + n},,,again,2026-05-07,form" for n in range(6)]
    rows += ["12,Nobody,,,,"] * 4
    random.Random(7).shuffle(rows)
    path = tmp_path / "contacts.csv"
    path.write_text("\n".join(["phone,name,email,tags,opted_in_at,opted_in_source", *rows, ""]))
    return path


def rows(database: str, sql: str) -> list[tuple[Any, ...]]:
    connection = apsw.Connection(
        database.removeprefix("sqlite:///"), flags=apsw.SQLITE_OPEN_READWRITE
    )
    try:
        return [tuple(row) for row in connection.execute(sql)]
    finally:
        connection.close()


def check(database: str, file: Path, *, is_timed: bool = False) -> None:
    """What an import that nobody killed leaves, and nothing twice.

    `is_timed`: a kill may have come too late, so that the file came in whole, and once more.
    """
    [*again, one] = Kith(database_url=database)("import", "list", "--json").json
    assert is_timed or again == []
    assert {(told["state"], told["counts"]["unchanged"]) for told in again} <= {("done", ROWS - 4)}
    assert one["state"] == "done"
    told = one["counts"]
    assert told["rows"] == ROWS
    assert told["skipped"] == 4
    assert told["created"] == ROWS - 10
    assert told["updated"] == 6
    assert told["consent"] == 6
    assert rows(database, "SELECT COUNT(*), COUNT(DISTINCT phone) FROM contacts") == [
        (ROWS - 10, ROWS - 10)
    ]
    refused = "SELECT COUNT(*), COUNT(DISTINCT line) FROM import_refusals"
    assert rows(database, refused) == [(4 * (1 + len(again)), 4)]
    assert rows(database, "SELECT COUNT(*) FROM consent_records") == [(6,)]
    made = "SELECT COUNT(*) FROM audit_log WHERE what = 'contact.created'"
    assert rows(database, made) == [(ROWS - 10,)]
    versions = (
        "SELECT c.version, COUNT(*) FROM contacts c JOIN audit_log a ON a.contact_uuid = c.uuid"
    )
    assert all(v == n for v, n in rows(database, f"{versions} GROUP BY c.uuid"))
    last = Kith(database_url=database)("import", str(file), "--json").json
    assert last["counts"]["unchanged"] == ROWS - 4


BATCHES = ROWS // BATCH


@pytest.mark.row("F2", "G15")
def test_killed_before_every_commit(database: str, file: Path) -> None:
    """The first commit begins the import; nothing of a batch is there before its own."""
    plan = [("before", at) for at in (1, 2, 2, 3, 3, 3)]
    ended = runs(database, file, [*plan, ("", 0)])
    assert ended == [*[-9] * len(plan), 0]
    check(database, file)


@pytest.mark.row("F2", "G15")
def test_killed_after_every_commit(database: str, file: Path) -> None:
    """Each run gets one batch further: its first commit finds the import, its second is a batch."""
    ended = runs(database, file, [("after", 1), *[("after", 2)] * (BATCHES + 1)])
    assert ended == [-9] * (BATCHES + 2)
    check(database, file)


@pytest.mark.row("F2", "G15")
def test_killed_anywhere(database: str, file: Path) -> None:
    draw = random.Random(KILLS)
    plan = [("timer", round(draw.uniform(0.005, 0.12), 4)) for _ in range(KILLS)]
    assert runs(database, file, [*plan, ("", 0)])[-1] == 0
    check(database, file, is_timed=True)


@pytest.mark.row("F2")
def test_a_run_that_was_killed_is_told_of(database: str, file: Path) -> None:
    assert runs(database, file, [("after", 3)]) == [-9]
    told = Kith(database_url=database)("import", str(file))
    assert "Going on behind line" in told.out
    assert told.status == 0


@pytest.mark.row("F2")
def test_two_at_once_do_not_count_a_row_twice(database: str, file: Path) -> None:
    with ThreadPoolExecutor(2) as both:
        ended = list(both.map(lambda _: runs(database, file, [("", 0)]), range(2)))
    assert [0] in ended
    found = Kith(database_url=database)("import", "list", "--json").json
    count = "SELECT COUNT(*), COUNT(DISTINCT phone) FROM contacts"
    assert rows(database, count) == [(ROWS - 10, ROWS - 10)]
    assert sum(one["counts"]["created"] for one in found) == ROWS - 10


def large(path: Path, size_mb: float) -> int:
    """People in no order of their phones, each with a name, an address and two tags."""
    rows = 0
    with path.open("w") as out:
        out.write("phone,name,email,tags\n")
        while out.tell() < size_mb * 1_000_000:
            for n in range(rows, rows + 1_000):
                phone = 610_000_000 + n * 7_919 % 80_000_000
                out.write(f"+33{phone},Person {n},person{n}@example.com,tag {n % 7};new\n")
            rows += 1_000
    return rows


def imported(database: str, file: Path, *, within_s: float | None = None) -> tuple[int, float]:
    """How a run ended that was killed after a while, and the memory that it took at most, in MB."""
    run = subprocess.Popen(
        [KITH, "import", str(file)],
        env=environment(database_url=database),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    timer = threading.Timer(within_s or 3_600, run.kill)
    timer.start()
    _, status, used = os.wait4(run.pid, 0)
    timer.cancel()
    run.returncode = os.waitstatus_to_exitcode(status)
    assert run.stderr is not None
    told = run.stderr.read().decode()
    run.stderr.close()
    assert run.returncode in (0, -9), told
    return run.returncode, used.ru_maxrss / 1_024


@pytest.mark.row("G15", "F2")
def test_a_large_file_is_killed_often_and_comes_in_whole(database: str, tmp_path: Path) -> None:
    """Each row once, in memory that does not grow with the file; again, it changes nothing."""
    small, file = tmp_path / "small.csv", tmp_path / "large.csv"
    large(small, 0.01)
    rows_of_small = 1_000
    started_with = imported(database, small)[1]
    count = large(file, LARGE_MB)
    draw = random.Random(LARGE_KILLS)
    each_s = 2 * LARGE_MB * S_PER_MB / (LARGE_KILLS + 1)
    ended = [
        imported(database, file, within_s=draw.uniform(0.6, 1.2 + each_s))
        for _ in range(LARGE_KILLS)
    ]
    ended.append(imported(database, file))
    assert ended[-1][0] == 0
    people = "SELECT COUNT(*), COUNT(DISTINCT phone), SUM(version) FROM contacts"
    assert rows(database, people) == [(count, count, count)]
    assert rows(database, "SELECT COUNT(*) FROM audit_log WHERE what = 'contact.created'") == [
        (count,)
    ]
    ended.append(imported(database, file))
    assert rows(database, people) == [(count, count, count)]
    found = Kith(database_url=database)("import", "list", "--json").json
    *again, first, of_small = (one["counts"] for one in found)
    assert of_small["created"] == rows_of_small
    assert (first["rows"], first["created"]) == (count, count - rows_of_small)
    assert again  # more than once, where a kill came too late
    assert {(one["rows"], one["unchanged"]) for one in again} == {(count, count)}
    grown = max(peak for _, peak in ended) - started_with
    print(f"{count} rows, {sum(code == -9 for code, _ in ended)} kills, {grown:.0f} MB more")
    assert grown <= MEMORY_MB_MAX
