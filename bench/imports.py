"""A file of a million new people: by the command, on one core, and over HTTP beside look-ups."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx

from bench import load, world
from bench.load import SERVER_CORE, Measured, pinned
from bench.row import Row
from bench.world import Database, Running

ROWS = 1_000_000
TAGS = ("vip", "newsletter", "wholesale", "returning", "in-store")
STATIC_SHARE = 0.79
"""A million in 25 s, on the machine of the goals: it gives 50,400 static answers a second."""
SLICE = 100_000
"""More rows than one round of the look-ups leaves time for."""
NAMES = ("Camille Bernard", "Zoé Petit", "Noah Clarke", "Lucía Pérez", "Jürgen Köhler")


def written(rows: int) -> Path:
    """Name, phone, e-mail and two tags; the phones in no order."""
    path = world.HOME / f"{rows}.csv"
    if not path.exists():
        with path.open("w") as file:
            file.write("name,phone,email,tags\n")
            for n in range(rows):
                number = 610_000_000 + n * 7_919 % 80_000_000
                tags = f"{TAGS[n % 5]};{TAGS[(n + n // 5 % 4 + 1) % 5]}"
                file.write(f"{NAMES[n % 5]},+33{number},person{n}@example.com,{tags}\n")
    return path


def imported(small: Database, rows: int = ROWS) -> list[Row]:
    """Into a database of its own, which is new; before and after it static answers are counted."""
    before = _static_per_s(small)
    path = world.HOME / "import.db"
    for stale in world.HOME.glob(f"{path.name}*"):
        stale.unlink()
    environment = os.environ | {"KITH_DATABASE_URL": f"sqlite:///{path}"}
    environment["PYTHONPATH"] = str(world.ROOT / "src")
    kith = [str(world.PYTHON), "-c", "from kith.cli.main import main; main()"]
    made = [*kith, "init", "--workspace", "Bench", "--email", "bench@example.com"]
    subprocess.run(made, env=environment, stdout=subprocess.PIPE, check=True)
    command = pinned(SERVER_CORE, [*kith, "import", str(written(rows)), "--json"])
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak_mb = 0.0  # what the system tells of one that has ended may be its parent's
    while process.poll() is None:
        peak_mb = max(peak_mb, world.memory_mb(process.pid, "VmHWM"))
        time.sleep(0.1)
    took_s = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError("the import failed")
    static_per_s = statistics.mean((before, _static_per_s(small)))
    return [
        Row(
            f"kith import of {rows:,} new contacts with two tags each",
            took_s,
            25,
            True,
            " s",
            f"{rows / took_s:,.0f} rows/s on one core, all on disk",
        ),
        Row(
            "rows of an import, against static answers",
            rows / took_s / static_per_s,
            STATIC_SHARE,
            detail=f"static {static_per_s:,.0f}/s; 25 s where it is 50,400/s",
        ),
        Row("resident memory of an import, at most", peak_mb, 110, True, " MB"),
    ]


def _static_per_s(served: Database) -> float:
    with world.serving(served) as server:
        found = [load.run(server.url, KIND="static", TOKEN=served.token) for _ in range(3)]
    return statistics.median(one.requests_per_s for one in found)


def beside(original: Database) -> Row:
    """The p99 of look-ups at a steady quarter of what they can, without and with an upload."""
    served = world.copied(original)
    connections = 16
    with world.serving(served) as server:

        def look_up(**more: object) -> Measured:
            steady = {"connections": connections, "duration_s": 4}
            known = {"TOKEN": served.token, "CONTACTS": served.contacts, "IDS": served.ids}
            return load.run(server.url, KIND="phone", **steady, **known, **more)  # type: ignore[arg-type]  # wrk's own options have other types

        pause_ms = round(connections / (look_up().requests_per_s / 4) * 1_000)
        quiet, busy, rates = [], [], []
        for number in range(5):
            quiet.append(look_up(EVERY_MS=pause_ms).p99_ms)
            with _uploading(server, served, number) as upload:
                busy.append(look_up(EVERY_MS=pause_ms).p99_ms)
            rates.append(upload.rows_per_s)
    slower = statistics.median(b / q for b, q in zip(busy, quiet, strict=True))
    detail = (
        f"p99 {statistics.median(quiet):.1f} ms quiet, {statistics.median(busy):.1f} ms beside"
        f" {statistics.median(rates):,.0f} rows/s"
    )
    return Row("get-contact p99 beside an import over HTTP", slower, 3, True, "x", detail)


class _Upload:
    """Rows that nobody sent before, as fast as they are taken, until it is told to end."""

    def __init__(self, server: Running, served: Database, number: int) -> None:
        self.rows_per_s = 0.0
        self.ending = threading.Event()
        self._first = number * SLICE
        self._url = f"{server.url}/api/v1/actions/import-contacts?file={number}.csv"
        self._headers = {"Authorization": f"Bearer {served.token}"}

    def run(self) -> None:
        started = time.perf_counter()
        answer = httpx.post(
            self._url, content=self._pieces(), headers=self._headers, timeout=60, verify=False
        )
        answer.raise_for_status()
        took_s = time.perf_counter() - started
        self.rows_per_s = answer.json()["counts"]["created"] / took_s

    def _pieces(self) -> Iterator[bytes]:
        with written(ROWS).open("rb") as file:
            yield next(file)
            rows = islice(file, self._first, self._first + SLICE)
            while not self.ending.is_set() and (some := list(islice(rows, 200))):
                yield b"".join(some)


@contextmanager
def _uploading(server: Running, served: Database, number: int) -> Iterator[_Upload]:
    upload = _Upload(server, served, number)
    thread = threading.Thread(target=upload.run)
    thread.start()
    time.sleep(0.5)
    try:
        yield upload
    finally:
        upload.ending.set()
        thread.join()
