"""Behind proxies: whose word counts (reliability section 2, row T14.1)."""

from ipaddress import ip_network
from uuid import uuid4

import pytest

from kith.api.proxies import Proxies
from tests.cast import Bed, Person

ME = "/api/v1/me"


@pytest.mark.parametrize(
    "given", ["abcdefgh", "A-b-0" * 10, "0" * 64, "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"]
)
def test_id_of_a_trusted_proxy_is_taken_over(strict: Bed, given: str) -> None:
    answer = strict.nobody.get("/livez", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == given
    assert strict.serving.logged("http.request", request_id=given)["status"] == 200


@pytest.mark.parametrize(
    "given",
    ["", "short", "0" * 65, "with space", "under_score", "dot.dot.dot", "é" * 9, 'a"b"c"d"e'],
)
def test_odd_id_is_replaced(strict: Bed, given: str) -> None:
    headers = [(b"X-Request-Id", given.encode())]
    answer = strict.http.get(strict.serving.url + "/livez", headers=headers)
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


def test_nobody_else_s_id_is_taken_over(bed: Bed, ana: Person) -> None:
    answer = ana.get(ME, headers={"X-Request-Id": "my-own-request-id"})
    assert answer.headers["x-request-id"] != "my-own-request-id"


def test_address_is_the_last_hop_that_is_not_ours(strict: Bed) -> None:
    given = f"198.51.100.9, 203.0.113.{uuid4().int % 256}, 10.1.2.3"
    answer = strict.nobody.get("/nowhere", headers={"X-Forwarded-For": given})
    line = strict.serving.logged("http.request", request_id=answer.headers["x-request-id"])
    assert line["ip"] == given.split(", ")[1]


def test_nobody_else_may_claim_an_address(bed: Bed) -> None:
    answer = bed.nobody.get("/nowhere", headers={"X-Forwarded-For": "198.51.100.9"})
    line = bed.serving.logged("http.request", request_id=answer.headers["x-request-id"])
    assert line["ip"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", b"203.0.113.1", "203.0.113.1"),
        ("127.0.0.1", b"evil, 203.0.113.1", "203.0.113.1"),
        ("127.0.0.1", b"203.0.113.1,10.0.0.1 , 10.0.0.2", "203.0.113.1"),
        ("127.0.0.1", b"10.0.0.1", "127.0.0.1"),
        ("127.0.0.1", b"2001:db8::1", "2001:db8::1"),
        ("203.0.113.9", b"198.51.100.1", "203.0.113.9"),
        ("", b"198.51.100.1", ""),
        ("127.0.0.1", b"x" * 1_000, "x" * 64),
    ],
)
def test_client(peer: str, forwarded_for: bytes | None, client: str) -> None:
    proxies = Proxies([ip_network("127.0.0.1"), ip_network("10.0.0.0/8")])
    assert proxies.client(peer, forwarded_for) == client


def test_without_proxies_nobody_is_trusted() -> None:
    assert not Proxies([]).trusts("127.0.0.1")
    assert Proxies([]).client("127.0.0.1", b"203.0.113.1") == "127.0.0.1"
    assert Proxies([]).request_id("127.0.0.1", b"abcdefgh") is None
