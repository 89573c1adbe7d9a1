"""Who may call: tokens, as a client meets them (reference section 2, row T6.1)."""

import asyncio
import hashlib
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from kith.actions import tokens as token_actions
from kith.actions import workspaces
from kith.actions.run import Runner, utc_now
from kith.api.credentials import NOTED_EVERY, Credentials
from kith.api.routes import PREFIXES, ROUTES, Route
from kith.domain import tokens
from kith.domain.times import to_us
from tests.api.raw import RawConnection, request
from tests.api.refusals import UNAUTHENTICATED
from tests.cast import Bed, Person
from tests.serving import KITH, environment

ME = "/api/v1/me"
WORKS_STILL_S_MAX = 1.0
UNKNOWN = tokens.compose(bytes(32))


BODY = b'{"message":"Unauthenticated.","error":"Unauthenticated."}'


def assert_refused(answer: httpx.Response) -> None:
    """Always the same bytes, whatever was wrong."""
    assert answer.status_code == 401
    assert answer.content == BODY
    assert answer.json() == UNAUTHENTICATED
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "x-ratelimit-limit" not in answer.headers


def flipped(token: str, at: int) -> str:
    return token[:at] + ("0" if token[at] != "0" else "1") + token[at + 1 :]


def credentials(token: str) -> list[bytes]:
    """What is not this token's header."""
    good = token.encode()
    return [
        b"", b" ", b"Bearer", b"Bearer ", b"Basic " + good, b"Token " + good, good,
        b"Bearer" + good, b"Bearer=" + good, b"Bearer, " + good, b"Bearer " + good + b" x",
        b"Bearer " + good + b"," + good, b"Bearer \"" + good + b'"',
        b"Bearer " + good.upper(), b"Bearer " + good[:-1], b"Bearer " + good + b"0",
        b"Bearer " + flipped(token, 5).encode(), b"Bearer " + flipped(token, 40).encode(),
        b"Bearer " + flipped(token, 76).encode(), b"Bearer " + good.replace(b"kith_", b"kiht_"),
        b"Bearer " + UNKNOWN.encode(), b"Bearer " + b"0" * 10_000, b"Bearer null",
        b"Bearer \xff\xfe", "Bearer kith_é".encode(), b"Bearer \xe2\x80\x8b" + good,
        b"Bearer " + token.translate({48 + n: 0xFF10 + n for n in range(10)}).encode(),
        b"Bearer ' OR 1=1 --", b"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
    ]  # fmt: skip


@pytest.mark.row("T6.1")
async def test_anything_but_the_token_is_401(bed: Bed, ana: Person) -> None:
    assert ana.token is not None
    before = await bed.digest()
    assert_refused(bed.nobody.get(ME))
    with RawConnection(bed.serving.port) as raw:  # a client library would refuse to send some
        for header in credentials(ana.token):
            line = b"Authorization: " + header + b"\r\n"
            for call in (
                request("GET", ME, headers=line),
                request("POST", "/v1/actions/get-contact", headers=line),
                request("POST", "/v1/actions/create-contact", headers=line),
            ):
                answer = raw.send(call).answer()
                assert (answer.status, answer.body) == (401, BODY), header
                assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await bed.digest() == before
    assert ana.get(ME).status_code == 200


@pytest.mark.row("T6.1", "R8")
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_no_operation_opens_without_a_token(bed: Bed, route: Route, prefix: str) -> None:
    """Whatever is added to the table: without a credential there is no endpoint."""
    for header in ({}, {"Authorization": f"Bearer {UNKNOWN}"}):
        url = bed.serving.url + prefix + route.path
        assert_refused(bed.http.request(route.method, url, content=b"{}", headers=header))


@pytest.mark.row("T6.1")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])
def test_scheme_in_any_case(bed: Bed, ana: Person, scheme: str) -> None:
    answer = bed.nobody.get(ME, headers={"Authorization": f"{scheme} {ana.token}"})
    assert answer.status_code == 200


@pytest.mark.row("T6.1", "T11.1")
@pytest.mark.parametrize("place", ["access_token", "token", "api_token", "Authorization"])
def test_token_counts_in_the_header_only(bed: Bed, ana: Person, place: str) -> None:
    assert_refused(bed.nobody.get(f"{ME}?{place}={ana.token}"))
    assert_refused(bed.nobody.get(ME, headers={"Cookie": f"{place}={ana.token}"}))
    assert_refused(bed.nobody.get(ME, headers={"X-Api-Token": str(ana.token)}))
    assert_refused(bed.nobody.post("get-contact", {place: f"Bearer {ana.token}"}))


@pytest.mark.row("T6.1")
async def test_only_the_hash_is_stored(bed: Bed, ana: Person) -> None:
    assert ana.token is not None
    rows = await bed.rows("SELECT * FROM tokens WHERE id = :id", id=ana.token_id)
    assert hashlib.sha256(ana.token.encode()).hexdigest() in rows[0]
    assert ana.token not in repr(rows)
    assert ana.token[11:] not in repr(rows), "the shown beginning is all there is"
    if bed.engine == "sqlite":
        path = Path(str(bed.runner.database.path))  # type: ignore[attr-defined]
        for file in path.parent.glob(f"{path.name}*"):
            assert ana.token.encode() not in file.read_bytes()


async def works_for(caller: Person) -> float:
    """Seconds until the last call began that still worked: a busy machine makes it no later."""
    started_at = time.monotonic()
    last = 0.0
    while True:
        at = time.monotonic() - started_at
        if caller.get(ME).status_code != 200:
            break
        last = at
        assert last < 5, "still works"
        await asyncio.sleep(0.02)
    assert_refused(caller.get(ME))
    return last


@pytest.mark.row("T6.1", "R8")
async def test_revoked_token_stops_within_a_second(bed: Bed, ana: Person, ben: Person) -> None:
    for caller in (ana, ben):
        assert caller.get(ME).status_code == 200
    await bed.runner.write(token_actions.revoke, ana.token_id)
    assert await works_for(ana) < WORKS_STILL_S_MAX
    assert ben.get(ME).status_code == 200


@pytest.mark.row("T6.1")
async def test_revoked_on_the_command_line_beside_the_server(
    bed: Bed, ana: Person, server_database_url: str
) -> None:
    assert ana.get(ME).status_code == 200
    done = subprocess.run(
        [KITH, "token", "revoke", str(ana.token_id)],
        env=environment(database_url=server_database_url),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert await works_for(ana) < WORKS_STILL_S_MAX


@pytest.mark.row("T6.1", "R8")
async def test_tokens_stop_with_their_user(bed: Bed, ana: Person, ben: Person) -> None:
    second = await bed.person(ben.user, ben.workspace)
    for caller in (ana, ben, second):
        assert caller.get(ME).status_code == 200
    assert ben.workspace is not None
    given = workspaces.UserAt(email=ben.user.email, workspace=ben.workspace.id)
    await bed.runner.write(workspaces.revoke_user, given)
    assert await works_for(ben) < WORKS_STILL_S_MAX
    assert_refused(second.get(ME))
    assert ana.get(ME).status_code == 200


@pytest.mark.row("T6.1")
async def test_expiry(bed: Bed, ana: Person) -> None:
    expires_at = utc_now() + timedelta(seconds=1.5)
    await bed.change(
        "UPDATE tokens SET expires_at = :at WHERE id = :id",
        at=to_us(expires_at),
        id=ana.token_id,
    )
    assert await works_for(ana) < 3.5
    assert utc_now() >= expires_at


@pytest.mark.row("T6.1", "R8")
async def test_expired_long_ago(bed: Bed, ana: Person) -> None:
    earlier = Runner(bed.runner.database, now=lambda: utc_now() - timedelta(days=2))
    given = token_actions.NewToken(email=ana.user.email, name="old", expires_in_days=1)
    issued = await earlier.write(lambda ctx, _: token_actions.issue(ctx, ana.user, given), None)
    assert_refused(bed.holding(issued.token).get(ME))


async def test_last_use_is_noted(bed: Bed, ana: Person) -> None:
    sql = "SELECT last_used_at FROM tokens WHERE id = :id"
    here = Credentials(bed.runner, time.monotonic)
    assert await bed.rows(sql, id=ana.token_id) == [(None,)]
    await here.look_up(f"Bearer {ana.token}".encode())
    await here.flush()
    [(used_at,)] = await bed.rows(sql, id=ana.token_id)
    assert abs(used_at - to_us(utc_now())) < 60_000_000


async def test_steady_use_is_noted_now_and_then(bed: Bed, ana: Person) -> None:
    """Each note is a write, and a write costs look-ups what SQLite holds in memory for them."""

    async def used_at() -> int:
        [(at,)] = await bed.rows("SELECT last_used_at FROM tokens WHERE id = :id", id=ana.token_id)
        return int(at)

    now = utc_now()
    here = Credentials(Runner(bed.runner.database, now=lambda: now), time.monotonic)
    header = f"Bearer {ana.token}".encode()
    await here.look_up(header)
    await here.flush()
    first = await used_at()
    now += NOTED_EVERY - timedelta(seconds=1)
    await here.look_up(header)
    await here.flush()
    assert await used_at() == first
    now += timedelta(seconds=1)
    await here.look_up(header)
    await here.flush()
    assert await used_at() == to_us(now)
    now += timedelta(seconds=1)
    await here.look_up(header)
    await here.flush(all_of_them=True)
    assert await used_at() == to_us(now)


@pytest.mark.row("T6.1")
async def test_wrong_checksum_costs_no_query(bed: Bed, ana: Person) -> None:
    class Counting(Runner):
        reads = 0

        async def read(self, *given: object, **more: object) -> object:  # type: ignore[override]
            Counting.reads += 1
            return await super().read(*given, **more)  # type: ignore[arg-type]

    assert ana.token is not None
    here = Credentials(Counting(bed.runner.database), time.monotonic)
    with pytest.raises(Exception, match="Unauthenticated"):
        await here.look_up(f"Bearer {flipped(ana.token, 20)}".encode())
    assert Counting.reads == 0
    await here.look_up(f"Bearer {ana.token}".encode())
    assert Counting.reads == 1
