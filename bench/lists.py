"""What is measured with one caller and a clock: searches by their p99, a walk by its length."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import msgspec

from bench.row import Row
from bench.world import Database, Running
from kith.domain import demo

SEARCHES = 1_500
PAGE = 500
SEED = 20_261_125


class Caller:
    """One connection that is kept."""

    def __init__(self, server: Running, served: Database) -> None:
        self._http = httpx.Client(
            base_url=f"{server.url}/api/v1/actions/",
            headers={"Authorization": f"Bearer {served.token}"},
            timeout=30,
            verify=False,
        )

    def ask(self, action: str, body: object) -> bytes:
        answer = self._http.post(action, content=msgspec.json.encode(body))
        answer.raise_for_status()
        return answer.content

    def ms(self, action: str, body: object) -> float:
        started = time.perf_counter()
        self.ask(action, body)
        return (time.perf_counter() - started) * 1_000


def searches(server: Running, served: Database) -> list[Row]:
    """Substrings of what is there: parts of names, phones and e-mail addresses."""
    caller = Caller(server, served)
    rows = []
    for what, lengths, goal_ms in (("3 or more", range(3, 13), 10), ("1 or 2", (1, 2), 50)):
        queries = list(_queries(served, lengths))
        for query in queries[:200]:  # a server that has run holds its index in memory
            caller.ask("search-contacts", {"query": query})
        times_ms = sorted(caller.ms("search-contacts", {"query": query}) for query in queries)
        at = [times_ms[round(share * (len(times_ms) - 1))] for share in (0.5, 0.99, 1)]
        rows.append(
            Row(
                f"search-contacts p99, {what} characters, 1,000,000 contacts",
                at[1],
                goal_ms,
                at_most=True,
                unit=" ms",
                detail=f"p50 {at[0]:.1f} ms, slowest of {len(queries):,} {at[2]:.0f} ms",
            )
        )
    return rows


def walk(server: Running, served: Database) -> Row:
    """Every contact by list-contacts, page after page."""
    caller = Caller(server, served)
    started = time.perf_counter()
    cursor, met = None, 0
    while True:
        body = {"limit": PAGE} if cursor is None else {"limit": PAGE, "cursor": cursor}
        page = msgspec.json.decode(caller.ask("list-contacts", body))
        met += len(page["contacts"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    took_s = time.perf_counter() - started
    detail = f"{met:,} contacts in pages of {PAGE}"
    return Row("list-contacts, a walk over 1,000,000 contacts", took_s, 30, True, " s", detail)


class Scans(msgspec.Struct):
    made: int = 0
    over: bool = False


@contextmanager
def scanning(server: Running, served: Database) -> Iterator[Scans]:
    """Three callers that walk, search and export without a pause."""
    scans = Scans()
    threads = [threading.Thread(target=_scan, args=(server, served, scans)) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield scans
    finally:
        scans.over = True
        for thread in threads:
            thread.join()


def _scan(server: Running, served: Database, scans: Scans) -> None:
    caller = Caller(server, served)
    queries = _queries(served, range(2, 9))
    cursor = None
    while not scans.over:
        given = {"limit": PAGE} if cursor is None else {"limit": PAGE, "cursor": cursor}
        cursor = msgspec.json.decode(caller.ask("list-contacts", given))["next_cursor"]
        caller.ask("search-contacts", {"query": next(queries)})
        caller.ask("export-contact", {"phone": "+14152000001"})
        scans.made += 3


def _queries(served: Database, lengths: range | tuple[int, ...]) -> Iterator[str]:
    chance = random.Random(SEED)
    found = 0
    while found < SEARCHES:
        contact = demo.contact(chance.randint(1, served.contacts), id="")
        field = chance.choice((contact.name, contact.phone, contact.email)) or ""
        length = chance.choice(lengths)
        if len(field) < length:
            continue
        start = chance.randint(0, len(field) - length)
        query = field[start : start + length]
        if query.strip():
            found += 1
            yield query
