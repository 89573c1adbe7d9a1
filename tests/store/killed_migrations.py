"""Migrates in a child killed at its N-th statement, for every N; prints what each left, as JSON.

A program of its own, because it forks: `python -m tests.store.killed_migrations DIRECTORY`.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from kith.actions.run import utc_now
from kith.store import migrate, schema
from kith.store.sqlite import SQLite


def main(directory: Path) -> None:
    points = []
    for number in range(1, 1_000):
        path = str(directory / f"{number}.db")
        if not _is_killed(path, number):
            break
        after_kill = asyncio.run(_schema(path))
        asyncio.run(_migrate(path, 0))
        points.append({"after_kill": after_kill, "after_second_run": asyncio.run(_schema(path))})
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
