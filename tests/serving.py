"""A real server process, and a client that speaks to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.waits import WAIT_S_MAX, wait_until

KITH = str(Path(sys.executable).with_name("kith"))


def environment(**settings: object) -> dict[str, str]:
    """This process's variables without its KITH_ ones, and the settings given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KITH_")}
    return kept | {f"KITH_{name.upper()}": str(value) for name, value in settings.items()}


class Serving:
    """A running `kith serve`; `log_path` is what it wrote on standard error."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log_path: Path) -> None:
        self.process = process
        self.url = url
        self.log_path = log_path
        self.port = int(url.rsplit(":", 1)[1])

    def log(self) -> list[dict[str, Any]]:
        """Every whole line so far; each must be one JSON object."""
        lines = self.log_path.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def logged(self, event: str, **fields: object) -> dict[str, Any]:
        """The first line about `event` with these fields; waits for it."""
        wanted = {"event": event} | fields
        return wait_until(
            lambda: [line for line in self.log() if wanted.items() <= line.items()],
            f"{wanted} in the log",
        )[0]

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S_MAX)


@contextmanager
def serving(
    log_path: Path,
    *,
    kith: Sequence[str] = (KITH,),
    options: Sequence[str] = (),
    **settings: object,
) -> Iterator[Serving]:
    """`kith serve` on a free port. Settings by their name without KITH_, in any case.

    `kith` is how the program is started; tests of faults start it in a worse world.
    """
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*kith, "serve", "--port", "0", *options],
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield Serving(process, _url(process, log_path), log_path)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(WAIT_S_MAX)
        if process.poll() is None:
            process.kill()
            process.wait()


def _url(process: subprocess.Popen[bytes], log_path: Path) -> str:
    until = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < until and process.poll() is None:
        for line in log_path.read_text().splitlines():
            if '"server.started"' in line:
                return str(json.loads(line)["url"])
        time.sleep(0.01)
    raise AssertionError(f"the server did not start:\n{log_path.read_text()}")


class Client:
    """Calls with one token, or with none."""

    def __init__(self, url: str, token: str | None, http: httpx.Client) -> None:
        self.url = url
        self.token = token
        self.http = http

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.http.get(self.url + path, headers={**self.headers, **(headers or {})})

    def post(
        self, action: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """`body` is sent as JSON; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(
            f"{self.url}/api/v1/actions/{action}",
            content=content,
            headers={"Content-Type": "application/json", **self.headers, **(headers or {})},
        )

    def get_contact(self, **given: object) -> httpx.Response:
        return self.post("get-contact", given)

    def create_contact(self, **given: object) -> httpx.Response:
        return self.post("create-contact", given)
