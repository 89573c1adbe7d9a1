"""import-contacts takes a file while it comes; export-contacts gives all (rows F25, G15)."""

import asyncio
import contextlib
import csv
import io
import random
import socket
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from kith.actions import imports as imports_
from kith.actions.connections import of_tenant
from kith.actions.imports import ShowImport
from kith.domain.times import to_us
from tests.api.raw import RawConnection
from tests.api.refusals import FORBIDDEN, assert_invalid
from tests.cast import Bed, Person
from tests.serving import Client, serving
from tests.store.test_crashes import token_for
from tests.waits import at_best, await_until

HEADER = "phone,name,email,tags\n"
BOTH = ("import-contacts", "export-contacts")


def rows(count: int, first: int = 0) -> list[str]:
    return [f"+1415{2_000_000 + first + n},Person {n},p{n}@example.com,a;b\n" for n in range(count)]


def post(who: Client, body: bytes | Iterator[bytes], **query: Any) -> httpx.Response:
    address = f"{who.url}/api/v1/actions/import-contacts?{urlencode(query, doseq=True)}"
    return who.http.post(address, content=body, headers={"Content-Type": "text/csv", **who.headers})


def counted(answer: httpx.Response) -> dict[str, int]:
    assert answer.status_code == 200, answer.text
    told = answer.json()["counts"]
    return {name: count for name, count in told.items() if count}


def test_a_file_comes_in(ana: Person) -> None:
    body = (HEADER + "".join(rows(3)) + "12,Bad,,\n").encode()
    dry = post(ana, body, dry_run="true", file="people.csv").json()
    assert [row["outcome"] for row in dry["rows"]] == ["create"] * 3 + ["skip"]
    assert ana.get_contact(phone="+14152000000").status_code == 404
    done = post(ana, body, file="people.csv").json()
    assert done["counts"] == dry["counts"]
    assert (done["state"], done["file"], done["encoding"], done["delimiter"]) == (
        "done", "people.csv", "utf-8", ",",
    )  # fmt: skip
    assert done["columns"] == {"phone": "phone", "name": "name", "email": "email", "tags": "tags"}
    [refusal] = done["refusals"]
    assert (refusal["line"], refusal["code"], refusal["field"]) == (5, "phone", "phone")
    assert refusal["mend"] == "Write the number with its country code, such as +14155550123."
    found = ana.get_contact(phone="+14152000002").json()
    assert (found["name"], found["source"], found["tags"]) == ("Person 2", "csv_import", ["a", "b"])
    assert counted(post(ana, body)) == {"rows": 4, "unchanged": 3, "skipped": 1}


def test_calling_codes_in_a_column_of_their_own(ana: Person) -> None:
    body = "Name,CountryCode,Phone\nAna,1,4155550170\nZoé,33,612345673\nX,33,61234567\n".encode()
    dry = post(ana, body, dry_run="true").json()
    assert [row["outcome"] for row in dry["rows"]] == ["create", "create", "skip"]
    assert dry["rows"][1]["after"]["phone"] == "+33612345673"
    done = post(ana, body).json()
    assert done["counts"] == dry["counts"]
    assert done["refusals"] == dry["refusals"]
    assert [(one["code"], one["mend"]) for one in done["refusals"]] == [
        ("phone", "Write the number with its country code, such as +14155550123.")
    ]
    for number, name in (("+14155550170", "Ana"), ("+33612345673", "Zoé")):
        assert ana.get_contact(phone=number).json()["name"] == name


def test_options_stand_in_the_query(ana: Person) -> None:
    body = "Who|Mobile no\nZoé|06 12 34 56 78\n".encode("cp1252")
    query = {"map": ["Mobile no=phone", "Who=name"], "region": "fr", "delimiter": "pipe"}
    assert counted(post(ana, body, **query, encoding="windows-1252"))["created"] == 1
    assert ana.get_contact(phone="+33612345678").json()["name"] == "Zoé"


def test_a_workbook_is_no_csv(ana: Person) -> None:
    refused = post(ana, b"PK\x03\x04\x14\0\x06\0[Content_Types].xml\0" + b"\xff" * 70_000)
    assert refused.status_code == 422
    assert refused.json()["error"] == "The file is an Excel workbook; save it as CSV."


def test_numbers_without_country_code_are_counted(ana: Person) -> None:
    body = b"phone\n(415) 555-2671\n33612345678\n"
    for dry in ("true", "false"):
        assert post(ana, body, dry_run=dry).json()["without_country_code"] == 1
    assert post(ana, body, region="US").json()["without_country_code"] == 0


def test_a_conflict_names_the_contacts(ana: Person) -> None:
    one, two = (ana.create_contact(phone=f"+1415555012{last}").json()["id"] for last in "12")
    body = f"contact_id,phone\n{one},+14155550122\n{one},+14155550129\n".encode()
    answer = post(ana, body).json()
    assert answer["counts"]["conflicts"] == 2
    of_two, of_nobody = answer["refusals"]
    assert (of_two["code"], of_nobody["code"]) == ("conflict", "not_its_phone")
    assert f"{one} and {two}" in of_two["reason"]
    assert one in of_nobody["reason"]
    assert "Merge" not in of_nobody["mend"]


@pytest.mark.row("F25")
def test_a_long_file_in_small_pieces(ana: Person) -> None:
    """Each piece is smaller than a row, and the whole is larger than any other body may be."""
    whole = (HEADER + "".join(rows(2_500)) + f"{'x' * 40_000},\n" * 30).encode()
    assert len(whole) > 1_048_576
    step = 4_000
    pieces = (whole[at : at + step] for at in range(0, len(whole), step))
    assert counted(post(ana, pieces)) == {"rows": 2_530, "created": 2_500, "skipped": 30}
    assert len(ana.post("export-contacts").text.splitlines()) == 2_501


async def cut(bed: Bed, who: Person, body: bytes, sent: int, **query: Any) -> None:
    """Send a part of the body, and hang up when rows of it were taken."""
    with socket.create_connection((who.url.split("//")[1].split(":")[0], port(who))) as connection:
        head = (
            f"POST /api/v1/actions/import-contacts?{urlencode(query)} HTTP/1.1\r\nHost: kith\r\n"
            f"Authorization: Bearer {who.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:sent])
        await await_until(
            lambda: imports(bed, who),
            "rows of the import",
            is_so=lambda found: found and found[0][2] > len(HEADER),
        )


def port(who: Person) -> int:
    return int(who.url.rsplit(":", 1)[1])


async def imports(bed: Bed, who: Person) -> list[tuple[Any, ...]]:
    assert who.workspace is not None
    return await bed.rows(
        "SELECT uuid, state, offset_bytes FROM imports WHERE tenant_id = :tenant_id ORDER BY uuid",
        tenant_id=who.workspace.row_id,
    )


@pytest.mark.row("F25")
async def test_a_file_that_is_cut_off_goes_on(bed: Bed, ana: Person, mallory: Person) -> None:
    body = (HEADER + "".join(rows(3_000))).encode()
    await cut(bed, ana, body, len(body) // 2, file="long.csv")
    [(import_id, _, offset)] = await await_until(
        lambda: imports(bed, ana),
        "its interruption",
        is_so=lambda found: found[0][1] == "interrupted",
    )
    assert len(HEADER) < offset <= len(body) // 2

    other = body.replace(b"Person 1,", b"Person X,")
    for who, sent, status in (
        (mallory, body, 404),
        (ana, other, 422),
        (ana, body[: offset - 5], 422),
    ):
        answer = post(who, sent, import_id=import_id, file="long.csv")
        assert answer.status_code == status, answer.text
    assert post(ana, body, import_id=import_id, region="FR").status_code == 422

    done = post(ana, body, import_id=import_id, file="long.csv")
    assert counted(done) == {"rows": 3_000, "created": 3_000}
    assert done.json()["id"] == import_id
    assert await imports(bed, ana) == [(import_id, "done", len(body))]
    assert post(ana, body, import_id=import_id).status_code == 422

    # A process that was killed could not say that it was cut off.
    for minutes, seen in ((4, "running"), (6, "interrupted")):
        await bed.change(
            "UPDATE imports SET state = 'running', updated_at = :at WHERE uuid = :uuid",
            at=to_us(bed.runner.now() - timedelta(minutes=minutes)),
            uuid=import_id,
        )
        shown = await bed.runner.read(
            imports_.show, ShowImport(import_id=import_id), of_tenant(ana.workspace.row_id)
        )
        assert shown.one.state == seen


@pytest.mark.row("F25", "G15")
async def test_look_ups_do_not_wait_for_an_import(ana: Person) -> None:
    """While rows come in as fast as they can, the event loop is never held for long."""
    ana.create_contact(phone="+14155550123")

    async def look_up(number: int) -> None:
        body = (HEADER + "".join(rows(2_000, first=2_000 * number))).encode()
        waits: list[float] = []

        def pieces() -> Iterator[bytes]:
            with httpx.Client(timeout=60) as http:
                other = Client(ana.url, ana.token, http)
                for at in range(0, len(body), 8_000):
                    yield body[at : at + 8_000]
                    started = time.perf_counter()
                    assert other.get_contact(phone="+14155550123").status_code == 200
                    waits.append(time.perf_counter() - started)

        began = time.perf_counter()
        assert counted(post(ana, pieces()))["created"] == 2_000
        took_s = time.perf_counter() - began
        waits.sort()
        # On a busy machine both take longer; who waited for the rows would wait most of that time.
        assert waits[len(waits) // 2] * len(waits) < took_s / 3, (took_s, waits)

    await at_best(look_up)


HURRIED = (
    "import kith.api.streams as s; s.PIECE_S_MAX = {}; s.PIECE_BYTES = 600;"
    " from kith.cli.main import main; main()"
)
HEAD = (
    "POST /api/v1/actions/import-contacts?file={} HTTP/1.1\r\nHost: kith\r\n"
    "Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n"
)


@pytest.mark.row("L5", "F25")
def test_a_file_that_dawdles_is_given_up_and_a_slow_one_is_not(tmp_path: Path) -> None:
    """A byte now and then holds no place of the four; 1 KiB/s does (here a byte in a ms)."""
    url = f"sqlite:///{tmp_path}/kith.db"
    token = token_for(url)

    async def some_dawdle(number: int) -> None:
        body = (HEADER + "".join(rows(400, first=400 * number))).encode()
        assert len(body) > 16_000
        program = (sys.executable, "-c", HURRIED.format((0.6, 3, 12)[number]))
        log = tmp_path / f"{number}.log"
        with serving(log, kith=program, database_url=url) as server:
            dawdle(server.port, token, body)

    asyncio.run(at_best(some_dawdle))


def dawdle(port: int, token: str, body: bytes) -> None:
    with contextlib.ExitStack() as stack:
        several = [stack.enter_context(RawConnection(port)) for _ in range(5)]
        *dawdling, slow = several
        for number, one in enumerate(several):
            one.send(HEAD.format(f"{number}.csv", token, len(body)).encode())
            if one is slow:
                time.sleep(0.2)
                assert one.answer().status == 503  # four run
        sent = 0
        until = time.monotonic() + 5
        while time.monotonic() < until and sent < 30:
            with contextlib.suppress(OSError):
                for one in dawdling:
                    one.send(body[sent : sent + 1])
            sent += 1
            time.sleep(0.05)
        for one in dawdling:
            assert one.answer().status == 408
            assert one.is_closed()
        again = stack.enter_context(RawConnection(port))
        again.send(HEAD.format("slow.csv", token, len(body)).encode())
        for at in range(0, len(body), 200):
            again.send(body[at : at + 200])
            time.sleep(0.02)
        answer = again.answer()
        assert (answer.status, answer.json()["counts"]["created"]) == (200, 400)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"region": "XX"}, "region"),
        ({"encoding": "ebcdic"}, "encoding"),
        ({"delimiter": "x"}, "delimiter"),
        ({"dry_run": "maybe"}, "dry_run"),
        ({"import_id": "17"}, "import_id"),
        ({"file": "x" * 300}, "file"),
        ({"region": ["FR", "DE"]}, "region"),
    ],
)
async def test_options_that_are_wrong(
    bed: Bed, ana: Person, query: dict[str, Any], field: str
) -> None:
    before = await bed.digest()
    answer = post(ana, (HEADER + rows(1)[0]).encode(), **query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert await bed.digest() == before


@pytest.mark.parametrize("body", [b"", b"a,b\n1,2\n", b'"phone\n', b"x" * 70_000])
async def test_a_file_that_is_none_changes_nothing(bed: Bed, ana: Person, body: bytes) -> None:
    before = await bed.digest()
    assert post(ana, body).status_code == 422
    assert await bed.digest() == before


@pytest.mark.parametrize("action", BOTH)
def test_who_may(bed: Bed, ana: Person, ben: Person, action: str) -> None:
    assert bed.nobody.post(action, b"phone\n").status_code == 401
    assert ben.post(action, b"phone\n+14155550123\n").status_code == {
        "import-contacts": 403, "export-contacts": 200,
    }[action]  # fmt: skip
    if action == "import-contacts":
        assert ben.post(action, b"phone\n").json() == FORBIDDEN
    assert ana.get(f"/api/v1/actions/{action}").status_code == 405
    assert ana.post(action, b"phone\n", headers={"Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.row("T3.6", "R2")
@pytest.mark.parametrize("dry_run", ["false", "true"])
async def test_no_key_makes_a_file_one_that_may_be_repeated(
    bed: Bed, ana: Person, dry_run: str
) -> None:
    """Refused rather than ignored: whoever sends a key counts on it."""
    before = await bed.digest()
    for _ in range(2):
        answer = ana.http.post(
            f"{ana.url}/api/v1/actions/import-contacts?dry_run={dry_run}",
            content=(HEADER + "".join(rows(1))).encode(),
            headers={"Idempotency-Key": "monday", **ana.headers},
        )
        assert_invalid(answer, "idempotency_key")
        [told] = answer.json()["errors"]["idempotency_key"]
        assert "import_id" in told
        assert answer.headers["connection"] == "close"
    assert await bed.digest() == before


def test_an_export_is_a_read_and_does_not_look_at_a_key(ana: Person) -> None:
    for _ in range(2):
        answer = ana.post("export-contacts", {}, headers={"Idempotency-Key": "monday"})
        assert answer.status_code == 200
        assert "idempotency-replayed" not in answer.headers


def test_a_refusal_ends_the_connection(ana: Person) -> None:
    answer = post(ana, (HEADER + "".join(rows(2_000))).encode(), region="XX")
    assert answer.headers["connection"] == "close"
    assert ana.get_contact(phone="+14155550123").status_code == 404


@pytest.mark.row("T9.2")
def test_an_export_holds_every_contact_of_the_workspace(ana: Person, mallory: Person) -> None:
    mallory.create_contact(phone="+14155550199", name="Not Ana's")
    post(ana, (HEADER + "".join(rows(1_100))).encode())
    ana.create_contact(phone="+14155550123", name="=1+1", metadata={"a": [None]})
    answer = ana.post("export-contacts")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    found = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(found) == 1_101
    assert (found[-1]["name"], found[-1]["metadata"]) == ("'=1+1", '{"a":[null]}')
    assert "Not Ana's" not in answer.text
    again = counted(post(ana, answer.content))
    assert again == {"rows": 1_101, "unchanged": 1_101}
    assert counted(post(mallory, answer.content))["created"] == 1_101


ODD_TAGS = ["a;b", ";", '";"', '"x"', 'q"', "'=a", "=1+1", "+x", "-;-", "@", "a b", "é\u2003", "|"]


@pytest.mark.row("T9.2")
def test_any_tag_survives_the_way_out_and_in(ana: Person) -> None:
    """Alone, and beside any other; tests/domain makes up many more."""
    draw = random.Random(9)
    for n in range(40):
        names = [ODD_TAGS[n]] if n < len(ODD_TAGS) else draw.sample(ODD_TAGS, draw.randint(2, 6))
        made = ana.create_contact(phone=f"+141555501{n:02}", tags=names)
        assert made.json()["tags"] == names
    whole = ana.post("export-contacts").content
    assert counted(post(ana, whole)) == {"rows": 40, "unchanged": 40}
    assert ana.post("export-contacts").content == whole
