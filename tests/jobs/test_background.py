"""What runs beside the requests is missed at once when a bug ends it, not when the server stops."""

import sys
from pathlib import Path

import httpx
import pytest

from tests.serving import serving

SERVE = " from kith.cli.main import main; main()"
BROKEN = {
    "sweep": "import kith.api.deadlines as d; d.SWEEP_S = 0.1; d._is_full = lambda _: 1 / 0;",
    "_tidy": "import kith.wiring as w; w.TIDY_EVERY_S = 'never';",
    "run": "from kith.jobs.worker import Worker as w; w._take = lambda _: 1 / 0;",
}
"""The task, and the bug in it."""


@pytest.mark.parametrize("task", BROKEN)
def test_a_task_that_a_bug_ends_is_told_at_once(task: str, tmp_path: Path) -> None:
    program = (sys.executable, "-c", BROKEN[task] + SERVE)
    with serving(
        tmp_path / "log", kith=program, database_url=f"sqlite:///{tmp_path}/kith.db"
    ) as server:
        told = server.logged("background.failed")
        assert told["level"] == "error"
        assert any(place.endswith(f" {task}") for place in told["at"])
        assert httpx.get(f"{server.url}/livez").status_code == 200
        assert server.stop() == 0
