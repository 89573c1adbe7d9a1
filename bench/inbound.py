"""Signed webhooks: how many are acknowledged, each on disk, and how soon at a steady 100/s.

`python -m bench.inbound` measures these alone. The worker reads them in the same process meanwhile.
"""

import base64
import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench import load, world
from bench.load import Measured
from bench.row import Row
from bench.world import Database, Running

ROUNDS = 5
STEADY_S = 10
BODY = Path(__file__).parents[1] / "tests/integrations/shopify_payloads/customers_create.json"
SECRET = "the-shop-s-secret"


def connected(served: Database) -> str:
    """The path of a Shopify shop's connection."""
    command = [world.kith(), "connect", "shopify", "--secret", SECRET, "--json"]
    made = subprocess.run(
        command, env=world.environment(served.url), stdout=subprocess.PIPE, check=True
    )
    path: str = json.loads(made.stdout)["path"]
    return path


def post(server: Running, served: Database, path: str, **more: object) -> Measured:
    """The same body under a new delivery id each time: every one is stored and read."""
    body = json.dumps(json.loads(BODY.read_bytes()), separators=(",", ":"))
    signature = hmac.digest(SECRET.encode(), body.encode(), hashlib.sha256)
    return load.run(
        server.url,
        KIND="webhook",
        TOKEN=served.token,
        HOOK=path,
        BODY=body,
        SIGNATURE=base64.b64encode(signature).decode(),
        START=time.time_ns() // 1_000,
        **more,  # type: ignore[arg-type]  # wrk's own options have other types
    )


def webhooks(original: Database) -> list[Row]:
    served = world.copied(original)
    path = connected(served)
    with world.serving(served) as server:
        post(server, served, path, duration_s=2)
        most = [post(server, served, path) for _ in range(ROUNDS)]
        time.sleep(5)  # until what came is read
        steady = post(
            server, served, path, connections=8, duration_s=STEADY_S, EVERY_MS=8 * 1_000 // 100
        )
    rate = statistics.median(one.requests_per_s for one in most)
    detail = f"p50 {steady.p50_ms:.1f} ms at {steady.requests_per_s:,.0f}/s, on one core"
    return [
        Row("signed webhooks, each on disk before its 200", rate, 1_000, unit="/s"),
        Row("p99 of a webhook's answer at 100/s", steady.p99_ms, 50, True, " ms", detail),
    ]


if __name__ == "__main__":
    load.require_wrk()
    with load.awake():
        rows = webhooks(world.database(10_000))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
