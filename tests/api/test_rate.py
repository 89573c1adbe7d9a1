"""Rolling limits (reference section 5, row L8)."""

import time
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kith.api.rate import ENTRIES_MAX, WINDOW_S, RollingLimit
from tests.api.conftest import STRICT_LIMIT
from tests.api.refusals import TOO_MANY, UNAUTHENTICATED
from tests.cast import Bed, Person

PHONE = "+14155550123"
ME = "/api/v1/me"


async def limited(bed: Bed, limit: int | None) -> Person:
    return await bed.owner("Ana", rate_limit_per_minute=limit)


@pytest.mark.row("L8")
async def test_a_token_s_own_limit(bed: Bed) -> None:
    """Every authenticated call counts, refused ones too; the one over it is told when to return."""
    ana = await limited(bed, 4)
    calls = [
        (lambda: ana.get(ME), 200),
        (lambda: ana.get_contact(), 422),
        (lambda: ana.get_contact(phone=PHONE), 404),
        (lambda: ana.create_contact(phone=PHONE), 201),
    ]
    began = time.monotonic()
    for left, (call, status) in zip((3, 2, 1, 0), calls, strict=True):
        answer = call()
        assert answer.status_code == status
        assert answer.headers["x-ratelimit-limit"] == "4"
        assert answer.headers["x-ratelimit-remaining"] == str(left)
        assert "retry-after" not in answer.headers
    before = await bed.digest()
    for _ in range(3):
        answer = ana.create_contact(phone="+14155550124")
        assert (answer.status_code, answer.json()) == (429, TOO_MANY)
        assert answer.headers["x-ratelimit-limit"] == "4"
        assert answer.headers["x-ratelimit-remaining"] == "0"
        left_s = 60 - (time.monotonic() - began)
        assert left_s <= int(answer.headers["retry-after"]) <= 60
    assert await bed.digest() == before


@pytest.mark.row("L8")
async def test_a_colleague_is_not_held_back(bed: Bed) -> None:
    """The limit is the token's, not the user's or the address's."""
    ana = await limited(bed, 1)
    second = await bed.person(ana.user, ana.workspace, rate_limit_per_minute=1)
    assert [ana.get(ME).status_code for _ in range(2)] == [200, 429]
    assert [second.get(ME).status_code for _ in range(2)] == [200, 429]
    for spelling in ("bearer", "BEARER "):
        headers = {"Authorization": f"{spelling} {ana.token}"}
        assert bed.nobody.get(ME, headers=headers).status_code == 429


@pytest.mark.row("L8")
async def test_both_names_of_an_address_share_the_limit(bed: Bed) -> None:
    ana = await limited(bed, 2)
    assert [ana.get(p).status_code for p in (ME, "/v1/me", "/v1//me/")] == [200, 200, 429]


@pytest.mark.row("L8")
async def test_wrong_scope_comes_before_the_limit(bed: Bed) -> None:
    ana = await limited(bed, 1)
    ben = await bed.colleague(ana, "Ben")
    await bed.change("UPDATE tokens SET rate_limit_per_minute = 1 WHERE id = :i", i=ben.token_id)
    assert [ben.create_contact(phone=PHONE).status_code for _ in range(3)] == [403] * 3
    assert ben.get(ME).status_code == 200


@pytest.mark.row("L8")
async def test_zero_is_no_limit(bed: Bed, limitless: Bed) -> None:
    for ana in (await limited(bed, 0), await limited(limitless, None)):
        for _ in range(150):
            answer = ana.get(ME)
            assert answer.status_code == 200
            assert "x-ratelimit-limit" not in answer.headers
    for _ in range(100):
        assert limitless.nobody.get(ME).status_code == 401
    held = await limited(limitless, 1)
    assert [held.get(ME).status_code for _ in range(2)] == [200, 429], "its own limit stands"


@pytest.mark.row("L8")
async def test_the_setting_s_limit(strict: Bed) -> None:
    ana = await limited(strict, None)
    assert [ana.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
    raised = await limited(strict, 10)
    assert [raised.get(ME).status_code for _ in range(4)] == [200] * 4
    assert strict.serving.logged("ratelimit.hit", token_id=ana.token_id)["status"] == 429


@pytest.mark.row("L8")
async def test_strangers_are_limited_by_address(strict: Bed) -> None:
    address = {"X-Forwarded-For": "203.0.113.1"}
    began = time.monotonic()
    for _ in range(STRICT_LIMIT):
        answer = strict.nobody.get(ME, headers=address)
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    answer = strict.nobody.get(ME, headers=address)
    assert (answer.status_code, answer.json()) == (429, TOO_MANY)
    left_s = 60 - (time.monotonic() - began)
    assert left_s <= int(answer.headers["retry-after"]) <= 60
    other = {"X-Forwarded-For": "203.0.113.2"}
    assert strict.nobody.get(ME, headers=other).status_code == 401
    ana = await limited(strict, None)
    assert ana.get(ME, headers=address).status_code == 200, "a good token is not a stranger"


Steps = st.lists(
    st.tuples(
        st.one_of(
            st.just(0.0),
            st.floats(0, 0.02),
            st.floats(0, 70),
            st.sampled_from([0.009, 0.01, 59.99, 59.991, 60.0, 60.01]),
        ),
        st.integers(1, 8),
    ),
    max_size=40,
)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.row("L8")
@given(limit=st.integers(1, 12), steps=Steps)
def test_never_more_than_the_limit_in_any_minute(
    limit: int, steps: list[tuple[float, int]]
) -> None:
    clock = Clock()
    rate = RollingLimit(clock)
    admitted: list[float] = []
    for wait_s, calls in steps:
        clock.now += wait_s
        for _ in range(calls):
            recent = sum(at > clock.now - WINDOW_S for at in admitted)
            verdict = rate.count("k", limit)
            assert verdict.limit == limit
            if verdict.retry_after_s:
                assert recent == limit, "refused although a place was free"
                assert verdict.remaining == 0
                continue
            admitted.append(clock.now)
            assert verdict.remaining == limit - recent - 1
    for first, later in zip(admitted, admitted[limit:], strict=False):
        assert later - first >= WINDOW_S


@pytest.mark.row("L8")
@given(limit=st.integers(1, 5), gaps=st.lists(st.floats(0, 30), min_size=5, max_size=5))
def test_retry_after_is_true(limit: int, gaps: list[float]) -> None:
    """Whoever waits that long gets in; a second less would be too early."""
    clock = Clock()
    rate = RollingLimit(clock)
    for gap_s in gaps[:limit]:
        rate.count("k", limit)
        clock.now += gap_s
    verdict = rate.count("k", limit)
    if not verdict.retry_after_s:
        return
    assert 1 <= verdict.retry_after_s <= WINDOW_S
    refused_at = clock.now
    if verdict.retry_after_s > 1:
        clock.now = refused_at + verdict.retry_after_s - 1.001
        assert rate.count("k", limit).retry_after_s
    clock.now = refused_at + verdict.retry_after_s
    assert not rate.count("k", limit).retry_after_s


@pytest.mark.row("L8")
@settings(max_examples=15, phases=[Phase.generate], deadline=None)
@given(waits=st.lists(st.sampled_from([0.0, 0.003, 0.0099, 0.02, 1.0, 30.0]), max_size=30))
def test_large_limits_hold_too(waits: list[float]) -> None:
    """Calls share entries there, which may only ever be forgotten late."""
    clock = Clock()
    rate = RollingLimit(clock)
    limit = ENTRIES_MAX + 1
    admitted: list[float] = []
    for wait_s in [*waits, 60.0, 0.0]:
        clock.now += wait_s
        verdicts = [rate.count("k", limit) for _ in range(1_000)]
        admitted += [clock.now for verdict in verdicts if not verdict.retry_after_s]
    assert all(early <= late for early, late in pairwise(admitted))
    for first, later in zip(admitted, admitted[limit:], strict=False):
        assert later - first >= WINDOW_S


def test_a_flood_of_addresses_is_bounded() -> None:
    clock = Clock()
    rate = RollingLimit(clock)
    assert rate.count(1, 1).retry_after_s == 0
    for _ in range(25_000):
        clock.now += 0.001
        rate.count(uuid4().hex, 5)
    assert len(rate._logs) <= 10_000
    assert 34 <= rate.count(1, 1).retry_after_s <= 36, "a token's calls are not forgotten"
