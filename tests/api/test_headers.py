"""Headers that are sent as several lines (RFC 9110, section 5.3): joined where they are lists,
refused where one value must be picked, whichever line comes first."""

import json
from uuid import uuid4

import httpx
import pytest

from kith.domain import tokens
from tests.api.raw import RawConnection, request
from tests.api.refusals import assert_invalid, is_both
from tests.cast import Bed, Person
from tests.shops import Shop, encoded, payload, signature

PHONE = "+14155550123"
ME = "/api/v1/me"
MORE = {"add-tag": {"tag": "vip"}, "send-text-message": {"message": "Hello"}}
both_orders = pytest.mark.parametrize("is_turned", [False, True], ids=["as it is", "turned"])


def in_lines(who: Person, action: str, *lines: tuple[str, str], is_turned: bool) -> httpx.Response:
    """An operation on Romain, with headers that may have the same name."""
    given = [*who.headers.items(), *(lines[::-1] if is_turned else lines)]
    body = {"phone": PHONE, **MORE.get(action, {})}
    return who.http.post(
        f"{who.url}/api/v1/actions/{action}", content=json.dumps(body).encode(), headers=given
    )


@pytest.fixture
def etag(ana: Person) -> str:
    return ana.create_contact(phone=PHONE, name="Romain").headers["etag"]


@both_orders
def test_the_tags_of_several_lines_are_one_list(ana: Person, etag: str, is_turned: bool) -> None:
    one, other = ("If-None-Match", etag), ("If-None-Match", '"x"')
    assert in_lines(ana, "get-contact", one, other, is_turned=is_turned).status_code == 304
    assert in_lines(ana, "get-contact", other, other, is_turned=is_turned).status_code == 200
    one, other = ("If-Match", etag), ("If-Match", '"x"')
    assert in_lines(ana, "add-tag", other, other, is_turned=is_turned).status_code == 412
    assert in_lines(ana, "add-tag", one, other, is_turned=is_turned).status_code == 200


@pytest.mark.row("L10")
@both_orders
@pytest.mark.parametrize("other", ["b", "a", "a,b"])
async def test_of_two_keys_none_is_taken(
    bed: Bed, ana: Person, etag: str, other: str, is_turned: bool
) -> None:
    before = await bed.digest()
    keys = ("Idempotency-Key", "a"), ("Idempotency-Key", other)
    for action in ("add-tag", "send-text-message"):
        assert_invalid(in_lines(ana, action, *keys, is_turned=is_turned), "idempotency_key")
    assert await bed.digest() == before


@pytest.mark.row("T14.1")
@both_orders
def test_of_two_credentials_none_is_taken(bed: Bed, ana: Person, is_turned: bool) -> None:
    """Also of two that are the same: whoever stands between may have looked at one only."""
    [(name, good)] = ana.headers.items()
    for other in (good, "Bearer " + tokens.compose(bytes(32)), "Basic eDp5", ""):
        given = [(name, good), (name, other)]
        answer = bed.http.get(bed.serving.url + ME, headers=given[::-1] if is_turned else given)
        assert (answer.status_code, is_both(answer)) == (400, True), other
        assert answer.headers["connection"] == "close"


@pytest.mark.row("T2.1")
@both_orders
async def test_of_two_signatures_none_counts(bed: Bed, ana: Person, is_turned: bool) -> None:
    shop = await Shop.of(bed, ana)
    body = encoded(payload("shopify", "customers_create"))
    good = ("X-Shopify-Hmac-Sha256", signature(body, shop.secret))
    before = await bed.digest()
    for other in (signature(body, uuid4().hex), ""):
        lines = [good, (good[0], other)]
        given = [("X-Shopify-Topic", "customers/create"), *(lines[::-1] if is_turned else lines)]
        assert bed.http.post(shop.url, content=body, headers=given).status_code == 401
    assert await bed.digest() == before
    given = [("X-Shopify-Topic", "customers/create"), good]
    assert bed.http.post(shop.url, content=body, headers=given).status_code == 200


@pytest.mark.row("T14.1")
@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 2\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: elsewhere.test\r\n",
        b"Host: kith.test\r\n",
    ],
)
async def test_two_lengths_or_hosts_are_no_request(bed: Bed, ana: Person, lines: bytes) -> None:
    """Others on the way may go by the other one, and see another request than Kith does."""
    path = "/api/v1/actions/create-contact"
    before = await bed.digest()
    with RawConnection(bed.serving.port) as raw:
        raw.send(request("POST", path, token=ana.token, body=b"{}", headers=lines))
        answer = raw.answer()
        assert (answer.status, list(answer.json())) == (400, ["message", "error"])
        assert answer.headers["connection"] == "close"
        assert raw.is_closed()
    assert await bed.digest() == before


@pytest.mark.row("T14.1")
async def test_http_1_1_has_a_host(bed: Bed, ana: Person) -> None:
    path = "/api/v1/actions/create-contact"
    whole = request("POST", path, token=ana.token, body=b'{"phone":"+14155550123"}')
    without = whole.replace(b"Host: kith.test\r\n", b"")
    before = await bed.digest()
    with RawConnection(bed.serving.port) as raw:
        answer = raw.send(without + whole).answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert "Host" in answer.json()["error"]
        assert raw.is_closed()
    assert await bed.digest() == before
    with RawConnection(bed.serving.port) as raw:
        assert raw.send(without.replace(b"HTTP/1.1", b"HTTP/1.0")).answer().status == 201


@both_orders
def test_two_types_of_content_mean_no_more_than_one(ana: Person, is_turned: bool) -> None:
    kinds = ("Content-Type", "application/json"), ("Content-Type", "text/csv")
    assert in_lines(ana, "create-contact", *kinds, is_turned=is_turned).status_code == 201


@both_orders
def test_one_encoding_of_several_is_enough_to_be_refused(ana: Person, is_turned: bool) -> None:
    encodings = ("Content-Encoding", "gzip"), ("Content-Encoding", "identity")
    assert in_lines(ana, "get-contact", *encodings, is_turned=is_turned).status_code == 415


def test_each_proxy_may_name_its_hop_on_a_line_of_its_own(strict: Bed) -> None:
    client = f"203.0.113.{uuid4().int % 256}"
    hops = [("X-Forwarded-For", hop) for hop in ("198.51.100.9", client, "10.1.2.3")]
    answer = strict.http.get(strict.serving.url + "/nowhere", headers=hops)
    line = strict.serving.logged("http.request", request_id=answer.headers["x-request-id"])
    assert line["ip"] == client


def test_any_other_header_may_come_in_several_lines(ana: Person) -> None:
    lines = ("Accept", "application/json"), ("Accept", "*/*"), ("Cookie", "a=1"), ("Cookie", "b=2")
    assert in_lines(ana, "create-contact", *lines, is_turned=False).status_code == 201
