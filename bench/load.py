"""wrk, one core for it and one for the server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

SCRIPT = Path(__file__).with_name("wrk") / "request.lua"
SERVER_CORE, LOAD_CORE = "0", "1"


class Measured(msgspec.Struct, frozen=True):
    requests_per_s: float
    p50_ms: float
    p99_ms: float


@contextmanager
def awake() -> Iterator[None]:
    """Keep the load generator's core from sleeping, by a process that yields to everything.

    On a virtual machine, waking a sleeping core costs the one who wakes it 20 us: the server would
    pay that for each answer, but not for static ones, which come too fast for wrk to sleep.
    """
    if not hasattr(os, "SCHED_IDLE"):
        yield
        return
    spin = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
    process = subprocess.Popen(pinned(LOAD_CORE, [sys.executable, "-c", spin]))
    try:
        yield
    finally:
        process.kill()
        process.wait()


def require_wrk() -> None:
    if shutil.which("wrk") is None:
        sys.exit("make bench needs wrk, which is not here: `apt-get install wrk`, then try again.")


def pinned(core: str, command: list[str]) -> list[str]:
    """The command on one core, where the system can do that."""
    can = shutil.which("taskset") and (os.cpu_count() or 1) > 1
    return ["taskset", "-c", core, *command] if can else command


def command(url: str, *, connections: int, duration_s: int) -> list[str]:
    return pinned(
        LOAD_CORE,
        ["wrk", "-t1", f"-c{connections}", f"-d{duration_s}", "-s", str(SCRIPT), url],
    )


def environment(**values: object) -> dict[str, str]:
    return os.environ | {name: str(value) for name, value in values.items()}


def result(output: str) -> Measured:
    """Of a finished run; stops the bench when any request was refused."""
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    requests, duration_us, errors, p50_ms, p99_ms = line.split()[1:]
    if int(errors):
        sys.exit(f"{errors} of {requests} requests failed:\n{output}")
    rate = int(requests) / int(duration_us) * 1_000_000
    return Measured(rate, float(p50_ms), float(p99_ms))


def run(url: str, *, connections: int = 32, duration_s: int = 1, **values: object) -> Measured:
    done = subprocess.run(
        command(url, connections=connections, duration_s=duration_s),
        env=environment(**values),
        capture_output=True,
        text=True,
        check=True,
    )
    return result(done.stdout)
