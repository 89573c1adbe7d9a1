"""What is measured: databases of demo contacts, and servers on them."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import httpx
import msgspec

from bench.load import SERVER_CORE, pinned

HOME = Path(__file__).parents[1] / "var" / "bench"
IDS = 20_000
# `make bench` installs there what a user has: the tools of development cost memory and start-up.
PYTHON = HOME / "venv" / "bin" / "python"
ROOT = HOME.parents[1]


class Database(msgspec.Struct, frozen=True):
    path: Path
    token: str
    contacts: int
    ids: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"


def database(contacts: int) -> Database:
    """A demo database, kept for the next run; each run gets a token of its own."""
    HOME.mkdir(parents=True, exist_ok=True)
    path = HOME / f"{contacts}.db"
    made = subprocess.run(
        [kith(), "demo", "--contacts", str(contacts), "--json"],
        env=environment(f"sqlite:///{path}"),
        stdout=subprocess.PIPE,
        check=True,
    )
    ids = HOME / f"{contacts}.ids"
    some = "SELECT uuid FROM contacts WHERE id % :step = 0 LIMIT :ids"
    values = {"step": max(1, contacts // IDS), "ids": IDS}
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    ids.write_text("".join(f"{row[0]}\n" for row in connection.execute(some, values)))
    connection.close()
    return Database(path, json.loads(made.stdout)["token"], contacts, ids)


def copied(original: Database) -> Database:
    """A copy to write into; nobody has the original open."""
    path = original.path.with_suffix(".copy.db")
    for stale in HOME.glob(path.name + "*"):
        stale.unlink()
    shutil.copyfile(original.path, path)
    return msgspec.structs.replace(original, path=path)


class Running(msgspec.Struct):
    url: str
    pid: int
    to_first_answer_s: float

    def resident_mb(self) -> float:
        return memory_mb(self.pid, "VmRSS")


def memory_mb(pid: int, which: str) -> float:
    """VmRSS: what a process has in memory; VmHWM: what it had at most. 0 for one that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{which}:"):
                return int(line.split()[1]) / 1_024
    return 0.0


@contextmanager
def serving(served: Database, *, body_bytes: int = 400) -> Iterator[Running]:
    """The server on one core, limits raised, everything else as it comes."""
    started = time.perf_counter()
    log = (HOME / "server.log").open("w+")
    process = subprocess.Popen(
        pinned(SERVER_CORE, [str(PYTHON), "-m", "bench.server", str(body_bytes)]),
        cwd=ROOT,
        env=environment(served.url)
        | {"KITH_RATE_LIMIT_PER_MINUTE": "1000000000", "PYTHONPATH": str(ROOT / "src")},
        stderr=log,
    )
    try:
        url, pid = _started(log.name, process)
        _first_answer(url, served.token)
        yield Running(url, pid, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait()
        log.close()


def answer_bytes(served: Database) -> int:
    """How large the answer about an ordinary contact is."""
    with serving(served) as server:
        return len(_first_answer(server.url, served.token))


def _first_answer(url: str, token: str) -> bytes:
    answer = httpx.post(
        f"{url}/api/v1/actions/get-contact",
        json={"phone": "+14152000001"},
        headers={"Authorization": f"Bearer {token}"},
        verify=False,
    )
    answer.raise_for_status()
    return answer.content


def _started(log: str, process: subprocess.Popen[bytes]) -> tuple[str, int]:
    while process.poll() is None:
        for line in Path(log).read_text().splitlines():
            event = json.loads(line)
            if event["event"] == "server.started":
                return event["url"], event["pid"]
        time.sleep(0.002)
    sys.exit(f"the server did not start:\n{Path(log).read_text()}")


def environment(url: str) -> dict[str, str]:
    """Of a process as a user starts it: Python keeps what it compiled for the next start."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KITH_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return kept | {"KITH_DATABASE_URL": url}


def kith() -> str:
    return str(Path(sys.executable).with_name("kith"))
