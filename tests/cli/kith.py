"""The command line as a person runs it: what it prints, and its exit status."""

import contextlib
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import structlog

from kith.cli.main import main
from tests.serving import environment

TIMEOUT_S = 180


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        """The one document on standard output; nothing else may stand anywhere."""
        assert (self.status, self.err) == (0, ""), self.err
        return json.loads(self.out)


class Kith:
    """`kith` with settings, such as `database_url`."""

    def __init__(self, **settings: object) -> None:
        self.settings = settings

    def __call__(self, *arguments: str) -> Result:
        """Run a command here: starting Python would take most of the time."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, environment(**self.settings), clear=True),
            patch.object(sys, "argv", ["kith", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            # Commands start an event loop, and this thread may run one.
            ThreadPoolExecutor(1) as thread,
        ):
            status = thread.submit(_status).result(TIMEOUT_S)
        structlog.reset_defaults()
        return Result(status, out.getvalue(), err.getvalue())

    def process(self, *arguments: str, before: str = "") -> Result:
        """Run a process; `before` is Python that runs first, to fake what is around Kith."""
        code = f"{before}\nimport sys\nsys.argv[0] = 'kith'\nfrom kith.cli.main import main\nmain()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment(**self.settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        return Result(done.returncode, done.stdout, done.stderr)


def _status() -> int:
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0
