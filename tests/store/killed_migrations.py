"""Migrates in a child killed at its N-th statement, for every N; prints what each left, as JSON.

One migration after the other, each from where the one before it led: from nothing, all of them
would be run once for every statement of any. A program of its own, because it forks:
`python -m tests.store.killed_migrations DIRECTORY`.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from kith.actions.run import utc_now
from kith.store import migrate, schema
from kith.store.sqlite import SQLite


def main(directory: Path) -> None:
    everything = migrate.known()
    stage = directory / "stage.db"
    points = []
    for last in range(1, len(everything) + 1):
        known = everything[:last]
        migrate.known = lambda known=known: known  # type: ignore[assignment,misc]
        for number in range(1, 1_000):
            path = directory / f"{last}-{number}.db"
            if stage.exists():
                shutil.copyfile(stage, path)
            if not _is_killed(str(path), number):
                path.rename(stage)
                break
            after_kill = asyncio.run(_schema(str(path)))
            asyncio.run(_migrate(str(path), 0))
            after = asyncio.run(_schema(str(path)))
            points.append({"to": last, "after_kill": after_kill, "after_second_run": after})
    print(json.dumps(points))


def _is_killed(path: str, number: int) -> bool:
    child = os.fork()
    if child == 0:
        asyncio.run(_migrate(path, number))
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


async def _migrate(path: str, kill_at: int) -> None:
    left = kill_at

    def count(*statement: object) -> bool:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    database = SQLite(path)
    database.writing_connection.exec_trace = count
    await migrate.apply_all(database, utc_now())
    await database.close()


async def _schema(path: str) -> str:
    """Blank when there is none."""
    database = SQLite(path)
    text = await database.read(schema.text)
    await database.close()
    return text if "CREATE" in text else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
