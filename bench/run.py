"""`make bench`: what we claim about speed, measured in one run.

Throughput is a ratio to a static answer of the same size from the same process. Both are measured
again and again in turn, and the median of the pairs counts: a machine that slows down slows both.
"""

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from bench import identity, imports, inbound, lists, load, whatsapp, world
from bench.load import Measured
from bench.row import Row
from bench.world import Database, Running

RESULTS = Path(__file__).with_name("results")
ROUNDS = 9
WARM_UP_S = 75
"""A minute after its start a server cuts its log and reads its pages anew; then it keeps them."""
LARGE, SMALL = 1_000_000, 10_000


def call(server: Running, kind: str, served: Database, **more: object) -> Measured:
    return load.run(
        server.url,
        KIND=kind,
        TOKEN=served.token,
        CONTACTS=served.contacts,
        IDS=served.ids,
        **more,  # type: ignore[arg-type]  # wrk's own options have other types
    )


def in_turn(*measure: Callable[[], Measured]) -> list[list[Measured]]:
    """Every measurement, round after round; one list for each."""
    rounds = [[each() for each in measure] for _ in range(ROUNDS)]
    return [list(column) for column in zip(*rounds, strict=True)]


def ratio(of: list[Measured], to: list[Measured]) -> float:
    pairs = zip(of, to, strict=True)
    return statistics.median(a.requests_per_s / b.requests_per_s for a, b in pairs)


def rate(measured: list[Measured]) -> float:
    return statistics.median(m.requests_per_s for m in measured)


def warm_up(server: Running, served: Database, *kinds: str) -> None:
    """A server that has run for a while holds what is asked for in memory; so does this one."""
    for kind in kinds:
        call(server, kind, served, duration_s=WARM_UP_S // len(kinds))


LOOK_UPS = (
    ("phone", "get-contact by phone", 0.45),
    ("id", "get-contact by id", 0.42),
    ("email", "get-contact by email", 0.42),
    *identity.LOOK_UPS,
)
"""KIND for wrk, what it measures, and at least so much of a static answer."""


def look_ups(served: Database, size: int) -> list[Row]:
    kinds = [kind for kind, _, _ in LOOK_UPS]
    with world.serving(served, body_bytes=size) as server:
        idle_mb = server.resident_mb()
        warm_up(server, served, *kinds)
        static, *found, direct = in_turn(
            *(lambda k=k: call(server, k, served) for k in ("static", *kinds, "static-direct"))
        )
        loaded_mb = server.resident_mb()
        audience = identity.audiences(server, served)
    rows = [
        Row(
            f"{what}, 1,000,000 contacts",
            ratio(measured, static),
            goal,
            detail=f"{rate(measured):,.0f}/s, static {rate(static):,.0f}/s;"
            f" {ratio(measured, direct):.2f} of one that leaves in one write",
        )
        for (_, what, goal), measured in zip(LOOK_UPS, found, strict=True)
    ]
    memory = f"after start and a first answer; {loaded_mb:.0f} MB after this load"
    return [*rows, audience, Row("resident memory, idle", idle_mb, 80, True, " MB", memory)]


def creates(original: Database, size: int) -> list[Row]:
    served = world.copied(original)
    first = int(time.time()) % 500_000_000
    batch = 0

    def create(server: Running, **more: object) -> Measured:
        nonlocal batch
        batch += 1
        return call(server, "create", served, START=first + batch * 100_000, **more)

    with world.serving(served, body_bytes=size) as server:
        static, made = in_turn(
            lambda: call(server, "static", served),
            lambda: create(server),
        )
        row = Row(
            "create-contact, each on disk before its 201",
            ratio(made, static),
            0.12,
            detail=f"{rate(made):,.0f}/s, static {rate(static):,.0f}/s",
        )
        beside = [
            beside_creates(server, served, rate(made), first + 300_000_000),
            *beside_scans(server, served, rate(made), first + 400_000_000),
        ]
        return [row, *changes(server, served), *beside]


def changes(server: Running, served: Database) -> list[Row]:
    """Writes to contacts there are; each has something to change."""
    static, update, tag = in_turn(
        *(lambda k=k: call(server, k, served) for k in ("static", "update", "tag"))
    )
    return [
        Row(
            f"{what}, each on disk before its 200",
            ratio(measured, static),
            goal,
            detail=f"{rate(measured):,.0f}/s, static {rate(static):,.0f}/s",
        )
        for what, measured, goal in (
            ("update-contact of a name", update, 0.12),
            ("add-tag", tag, 0.15),
        )
    ]


def many(original: Database, size: int) -> list[Row]:
    """get-contacts by its contacts, and get-contact for callers who know the version."""
    with world.serving(original, body_bytes=size) as server:
        warm_up(server, original, "phone", "id", "many")
        asked, full, known = in_turn(
            *(lambda k=k: call(server, k, original) for k in ("many", "id", "known"))
        )
        rows = [
            Row(
                "get-contacts with 100 phones, 1,000,000 contacts",
                rate(asked) * 100,
                40_000,
                unit="/s",
                detail=f"{rate(asked):,.0f} calls/s on one core",
            ),
            Row(
                "get-contact of a known version (304) against the 200",
                ratio(known, full),
                1,
                detail=f"{rate(known):,.0f}/s against {rate(full):,.0f}/s",
            ),
        ]
        return [*rows, *lists.searches(server, original), lists.walk(server, original)]


def beside_creates(server: Running, served: Database, peak: float, first: int) -> Row:
    """The p99 of look-ups at a steady half of what they can, without and with creates."""
    connections, duration_s = 16, 4
    most = call(server, "phone", served).requests_per_s
    steady = {"connections": connections, "duration_s": duration_s}
    pause_ms = round(connections / (most / 4) * 1_000)
    quiet, busy = [], []
    for number in range(5):
        quiet.append(call(server, "phone", served, EVERY_MS=pause_ms, **steady).p99_ms)
        beside = subprocess.Popen(
            load.command(server.url, connections=32, duration_s=duration_s + 1),
            env=load.environment(
                KIND="create",
                TOKEN=served.token,
                START=first + number * 1_000_000,
                EVERY_MS=round(32 / (peak / 2) * 1_000),
            ),
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.5)
        busy.append(call(server, "phone", served, EVERY_MS=pause_ms, **steady).p99_ms)
        creating = load.result(beside.communicate()[0])
    slower = statistics.median(b / q for b, q in zip(busy, quiet, strict=True))
    detail = (
        f"p99 {statistics.median(quiet):.1f} ms quiet, {statistics.median(busy):.1f} ms beside"
        f" {creating.requests_per_s:,.0f} creates/s"
    )
    return Row("get-contact p99 beside creates at half their peak", slower, 3, True, "x", detail)


def beside_scans(server: Running, served: Database, peak: float, first: int) -> list[Row]:
    """Look-ups and creates while others walk, search and export as fast as they can."""
    pause_ms = round(16 / (call(server, "phone", served).requests_per_s / 4) * 1_000)
    creating = subprocess.Popen(
        load.command(server.url, connections=32, duration_s=10),
        env=load.environment(
            KIND="create", TOKEN=served.token, START=first, EVERY_MS=round(32 / (peak / 4) * 1_000)
        ),
        stdout=subprocess.PIPE,
        text=True,
    )
    with lists.scanning(server, served) as scans:
        found = call(server, "phone", served, EVERY_MS=pause_ms, connections=16, duration_s=8)
        wal_mb = served.path.with_name(f"{served.path.name}-wal").stat().st_size / 2**20
    created = load.result(creating.communicate()[0]).requests_per_s
    detail = f"p50 {found.p50_ms:.1f} ms, {scans.made / 8:,.0f} scans/s, {created:,.0f} creates/s"
    return [
        Row(
            "get-contact p99 beside walks, searches and exports",
            found.p99_ms,
            50,
            True,
            " ms",
            detail,
        ),
        Row("write-ahead log after them", wal_mb, 256, True, " MB"),
    ]


def by_size(large: Database, small: Database, size: int) -> Row:
    with (
        world.serving(large, body_bytes=size) as on_large,
        world.serving(small, body_bytes=size) as on_small,
    ):
        warm_up(on_large, large, "phone")
        many, few = in_turn(
            lambda: call(on_large, "phone", large),
            lambda: call(on_small, "phone", small),
        )
    return Row(
        "get-contact at 1,000,000 contacts against 10,000",
        ratio(many, few),
        0.90,
        detail=f"{rate(many):,.0f}/s against {rate(few):,.0f}/s",
    )


def start(served: Database) -> Row:
    times = []
    for _ in range(5):
        with world.serving(served) as server:
            times.append(server.to_first_answer_s)
    return Row("start to first answer, 1,000,000 contacts", statistics.median(times), 1, True, " s")


def main() -> None:
    load.require_wrk()
    click.echo("Making the databases (some minutes the first time) ...", err=True)
    large, small = world.database(LARGE), world.database(SMALL)
    identity.settle(large)
    size = world.answer_bytes(large)
    rows: list[Row] = []
    parts: list[Callable[[], Row | list[Row]]] = [
        lambda: look_ups(large, size),
        lambda: by_size(large, small, size),
        lambda: start(large),
        lambda: many(large, size),
        lambda: creates(large, size),
        lambda: inbound.webhooks(large),
        lambda: imports.imported(small),
        lambda: imports.beside(large),
        lambda: whatsapp.rows(large),
    ]
    with load.awake(), click.progressbar(parts, label="Measuring", file=sys.stderr) as bar:
        for part in bar:
            found = part()
            for row in found if isinstance(found, list) else [found]:
                click.echo(f"\r{line(row)}", err=True)  # a part that fails takes no other with it
                rows.append(row)
    report(rows, size)


def line(row: Row) -> str:
    goal = f"{'at most ' if row.at_most else ''}{row.goal:g}{row.unit}"
    met = "" if row.is_met else " **missed**"
    return f"| {row.what} | {goal} | {row.value:.2f}{row.unit}{met} | {row.detail} |"


def report(rows: list[Row], size: int) -> None:
    table = ["| What | At least | Measured | |", "| --- | --- | --- | --- |"]
    table += [line(row) for row in rows]
    text = "\n".join(table) + "\n"
    click.echo(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.md").write_text(text)
    result = {
        "at": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "answer_bytes": size,
        "rows": rows,
    }
    json = msgspec.json.format(msgspec.json.encode(result), indent=2)
    (RESULTS / "latest.json").write_bytes(json + b"\n")
    sys.exit(0 if all(row.is_met for row in rows) else 1)


if __name__ == "__main__":
    main()
