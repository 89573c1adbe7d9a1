"""A file of a million new people, by the command, on one core: how long, and how much memory."""

import os
import resource
import subprocess
import time
from pathlib import Path

from bench import world
from bench.load import SERVER_CORE, pinned
from bench.row import Row

ROWS = 1_000_000
TAGS = ("vip", "newsletter", "wholesale", "returning", "in-store")
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


def imported(rows: int = ROWS) -> list[Row]:
    """Into a database of its own, which is new."""
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
    subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    took_s = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_024
    return [
        Row(
            f"kith import of {rows:,} new contacts with two tags each",
            took_s,
            25,
            True,
            " s",
            f"{rows / took_s:,.0f} rows/s on one core, all on disk",
        ),
        Row("resident memory of an import, at most", peak_mb, 110, True, " MB"),
    ]
