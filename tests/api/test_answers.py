"""What every answer has, and refusals of the HTTP layer (reliability section 2)."""

import asyncio
import json
import re
from collections.abc import Callable
from unittest.mock import create_autospec

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from kith.api.protocol import Protocol
from kith.domain import tokens
from tests.api.raw import RawConnection, request
from tests.api.refusals import is_both
from tests.cast import Bed, Person

GET = "/api/v1/actions/get-contact"
CREATE = "/api/v1/actions/create-contact"
ME = "/api/v1/me"
PHONE = "+14155550123"
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
KIB = 1_024


def test_every_answer_has_an_id_of_its_own(bed: Bed, ana: Person, ben: Person) -> None:
    answers = [
        ana.get(ME),
        ana.get_contact(phone=PHONE),
        ana.create_contact(phone=PHONE),
        ana.get_contact(),
        ana.post("get-contact", b"{"),
        ana.post("get-contact", b" " * 1_100_000),
        ana.post("get-contact", b"", headers={"Content-Encoding": "gzip"}),
        ben.create_contact(phone=PHONE),
        bed.nobody.get(ME),
        ana.get(GET),
        ana.get("/nowhere"),
        ana.get("/livez"),
        ana.get("/readyz"),
        ana.get("/livez?" + "a" * 9_000),
        ana.get(ME, headers={"X": "a" * 17_000}),
    ]
    statuses = [200, 404, 201, 422, 400, 413, 415, 403, 401, 405, 404, 200, 200, 414, 431]
    assert [answer.status_code for answer in answers] == statuses
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(REQUEST_ID.fullmatch(one) for one in ids)
    for answer in answers:
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert isinstance(answer.json(), dict)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers


@pytest.mark.row("T11.1")
@pytest.mark.parametrize("path", [ME, GET, CREATE, "/nowhere", "/livez"])
def test_no_other_site_may_call(bed: Bed, ana: Person, path: str) -> None:
    """No CORS headers, whoever asks; that is what makes a wrong Content-Type harmless."""
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
        "Cookie": f"token={ana.token}",
    }
    for method in ("OPTIONS", "GET", "POST"):
        answer = bed.http.request(method, bed.serving.url + path, headers=headers)
        assert answer.status_code in (200, 401, 404, 405)
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("prefix", ["/api/v1", "/v1"])
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/actions/get-contact", "POST"),
        ("PUT", "/actions/get-contact", "POST"),
        ("DELETE", "/actions/create-contact", "POST"),
        ("PATCH", "/actions/create-contact", "POST"),
        ("OPTIONS", "/actions/create-contact", "POST"),
        ("POST", "/me", "GET"),
        ("TRACE", "/me", "GET"),
        ("PROPFIND", "/me", "GET"),
    ],
)
def test_wrong_verb(bed: Bed, ana: Person, prefix: str, method: str, path: str, allow: str) -> None:
    answer = bed.http.request(method, bed.serving.url + prefix + path, headers=ana.headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert is_both(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/api", "/api/v1", "/api/v2/me", "/api/v1/me/me", "/api/v1/actions", "/api/v1/Me",
        "/api/v1/actions/get-contact.json", "/api/v1/actions/get_contact", "/me", "/api/zapiers/me",
        "/api/v1/../v1/me/x", "/%00", "/%ff", "/api/v1/me%00", "/..%2f..%2fetc/passwd", "/livez/x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_route(bed: Bed, ana: Person, method: str, path: str) -> None:
    with RawConnection(bed.serving.port) as raw:
        answer = raw.send(request(method, path, token=ana.token)).answer()
    assert answer.status == 404
    assert list(answer.json()) == ["message", "error"]


@pytest.mark.parametrize(
    "path", ["/v1/me", "//api/v1/me", "/api//v1///me", "/api/v1/me/", "/v1/me//"]
)
def test_slashes_mean_nothing(ana: Person, path: str) -> None:
    assert ana.get(path).json() == ana.get(ME).json()


@pytest.mark.parametrize("path", ["/v1/actions/", "//v1//actions//", "/api/v1//actions/"])
def test_slashes_of_actions(bed: Bed, ana: Person, path: str) -> None:
    url = bed.serving.url
    for action, status in (("create-contact", 201), ("get-contact/", 200), ("get-contact//", 200)):
        answer = bed.http.post(url + path + action, json={"phone": PHONE}, headers=ana.headers)
        assert answer.status_code == status


@pytest.mark.row("R6")
def test_order_of_refusals(bed: Bed, ana: Person, ben: Person) -> None:
    """HTTP limits, route, credential, scope, size, parse, fields, look-up: the first answers."""
    large, broken, wrong = b" " * 1_100_000, b"{", b'{"phone":"x"}'
    url = bed.serving.url
    assert bed.nobody.get("/nowhere?" + "a" * 9_000).status_code == 414
    assert bed.nobody.get("/nowhere").status_code == 404
    assert bed.nobody.get(GET).status_code == 405
    for body in (large, broken, wrong, b"{}"):
        assert bed.http.post(url + CREATE, content=body).status_code == 401
        assert bed.holding(f"{ana.token}0").post("create-contact", body).status_code == 401
        assert (
            bed.holding(tokens.compose(bytes(32))).post("create-contact", body).status_code == 401
        )
        assert ben.post("create-contact", body).status_code == 403
    assert ana.post("create-contact", large).status_code == 413
    assert ana.post("create-contact", broken).status_code == 400
    assert ana.post("create-contact", wrong).status_code == 422


def test_no_accept_header_is_needed(bed: Bed, ana: Person) -> None:
    for accept in (b"", b"Accept: text/html\r\n", b"Accept: image/*;q=0\r\n"):
        with RawConnection(bed.serving.port) as raw:
            answer = raw.send(request("GET", ME, token=ana.token, headers=accept)).answer()
            assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


@pytest.mark.row("L4", "R9")
@pytest.mark.parametrize(
    ("size", "status"), [(8 * KIB - 1, 200), (8 * KIB, 200), (8 * KIB + 1, 414), (60 * KIB, 414)]
)
def test_address_size(bed: Bed, ana: Person, size: int, status: int) -> None:
    path = f"{ME}?".ljust(size + 1, "a")  # the mark itself is neither path nor query
    with RawConnection(bed.serving.port) as raw:
        answer = raw.send(request("GET", path, token=ana.token)).answer()
        assert answer.status == status
        if status != 200:
            assert list(answer.json()) == ["message", "error"]
            assert answer.headers["connection"] == "close"
            assert raw.is_closed()


@pytest.mark.row("L4", "R9")
@pytest.mark.parametrize(
    ("size", "status"),
    [(16 * KIB - 1, 200), (16 * KIB, 200), (16 * KIB + 1, 431), (60 * KIB, 431)],
)
def test_header_size(bed: Bed, ana: Person, size: int, status: int) -> None:
    assert ana.token is not None
    used = len("Hostkith.test") + len("AuthorizationBearer ") + len(ana.token) + len("X")
    header = b"X: %b\r\n" % (b"a" * (size - used))
    with RawConnection(bed.serving.port) as raw:
        answer = raw.send(request("GET", ME, token=ana.token, headers=header)).answer()
        assert answer.status == status
        if status != 200:
            assert list(answer.json()) == ["message", "error"]
            assert raw.is_closed()


@pytest.mark.row("L4", "R9")
@pytest.mark.parametrize(("count", "status"), [(99, 200), (100, 200), (101, 431), (2_000, 431)])
def test_header_count(bed: Bed, ana: Person, count: int, status: int) -> None:
    more = b"".join(b"X-%d: a\r\n" % n for n in range(count - 2))
    with RawConnection(bed.serving.port) as raw:
        answer = raw.send(request("GET", ME, token=ana.token, headers=more)).answer()
        assert answer.status == status


def _malformed(token: str) -> list[bytes]:
    good = f"GET {ME} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode()
    post = good.replace(b"GET", b"POST", 1)
    return [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS greeting
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTPS/1.1\r\nHost: x\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
        good + b"Bad Header: x\r\n\r\n",
        good + b"Spaced : x\r\n\r\n",
        good + b": no name\r\n\r\n",
        good + b"X: a\x00b\r\n\r\n",
        post + b"Content-Length: abc\r\n\r\n",
        post + b"Content-Length: -1\r\n\r\n",
        post + b"Content-Length: 1, 2\r\n\r\n",
        post + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        post + b"Content-Length: 99999999999999999999999999\r\n\r\n",
        post + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ]


@pytest.mark.parametrize("case", range(16))
async def test_malformed_http_is_400_and_closed(bed: Bed, ana: Person, case: int) -> None:
    before = await bed.digest()
    with RawConnection(bed.serving.port) as raw:
        answer = raw.send(_malformed(str(ana.token))[case]).answer()
        assert answer.status == 400
        assert list(answer.json()) == ["message", "error"]
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["connection"] == "close"
        assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
        assert raw.is_closed()
    assert await bed.digest() == before


def test_broken_chunk_in_the_middle(bed: Bed, ana: Person) -> None:
    head = request("GET", CREATE, token=ana.token).replace(b"GET ", b"POST ", 1)[:-2]
    with RawConnection(bed.serving.port) as raw:
        raw.send(head + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"pho\r\n')
        answer = raw.send(b"ZZ\r\n").answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert raw.is_closed()


def test_pipelined_requests_are_answered_in_order(bed: Bed, ana: Person) -> None:
    phone = json.dumps({"phone": PHONE}).encode()
    with RawConnection(bed.serving.port) as raw:
        raw.send(
            request("POST", GET, token=ana.token, body=phone)
            + request("POST", CREATE, token=ana.token, body=phone)
            + request("POST", GET, token=ana.token, body=phone)
            + request("GET", "/nowhere")
            + request("POST", CREATE, body=phone)
            + request("GET", "/livez")
            + request("POST", GET, token=ana.token, body=b"{")
            + request("GET", ME, token=ana.token)
        )
        statuses = [raw.answer().status for _ in range(8)]
    assert statuses == [404, 201, 200, 404, 401, 200, 400, 200]


@pytest.mark.parametrize("end", [Protocol.shutdown, Protocol.eof_received])
async def test_what_was_answered_leaves_before_the_connection_ends(
    end: Callable[[Protocol], None],
) -> None:
    """A server that stops, or a client that sends no more, may come between answer and sending."""
    sent: list[bytes] = []
    transport = create_autospec(asyncio.Transport, instance=True, spec_set=True)
    transport.write.side_effect = sent.append
    transport.is_closing.return_value = False
    protocol = Protocol(
        config=Config(Protocol, lifespan="off", log_config=None),
        server_state=ServerState(),
        app_state={},
    )
    protocol.connection_made(transport)
    protocol.send_soon(b"first, ")
    protocol.send_soon(b"second")
    assert not sent
    end(protocol)
    assert sent == [b"first, second"]
    await asyncio.sleep(0)
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/readyz", 200), ("/nowhere", 404), (ME, 405), (GET, 405)],
)
def test_head_has_no_body(bed: Bed, ana: Person, path: str, status: int) -> None:
    """Or the next answer on the connection would be misread."""
    with RawConnection(bed.serving.port) as raw:
        raw.send(request("HEAD", path, token=ana.token) + request("GET", ME, token=ana.token))
        assert raw.answer(to_head=True).status == status
        assert raw.answer().json()["id"] == ana.user.id


def test_expect_100_continue(bed: Bed, ana: Person) -> None:
    body = json.dumps({"phone": PHONE}).encode()
    head = request("POST", CREATE, token=ana.token, body=body, headers=b"Expect: 100-continue\r\n")
    with RawConnection(bed.serving.port) as raw:
        raw.send(head[: -len(body)])
        assert raw.answer().status == 100
        assert raw.send(body).answer().status == 201
        assert raw.send(request("GET", ME, token=ana.token)).answer().status == 200


def test_expectation_of_a_large_body_is_refused_at_once(bed: Bed, ana: Person) -> None:
    headers = b"Expect: 100-continue\r\nContent-Length: 9000000\r\n"
    head = request("GET", CREATE, token=ana.token, headers=headers).replace(b"GET", b"POST", 1)
    with RawConnection(bed.serving.port) as raw:
        answer = raw.send(head).answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_refused_before_its_body_came(bed: Bed, ana: Person) -> None:
    """The rest is thrown away; the connection serves the next request."""
    whole = request("POST", CREATE, body=b"x" * 1_000)
    with RawConnection(bed.serving.port) as raw:
        assert raw.send(whole[:-1_000]).answer().status == 401
        raw.send(whole[-1_000:] + request("GET", ME, token=ana.token))
        assert raw.answer().status == 200


def test_connection_close_and_http_1_0(bed: Bed, ana: Person) -> None:
    for call in (
        request("GET", ME, token=ana.token, headers=b"Connection: close\r\n"),
        request("GET", ME, token=ana.token).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ):
        with RawConnection(bed.serving.port) as raw:
            assert raw.send(call).answer().status == 200
            assert raw.is_closed()


@pytest.mark.row("T9.3", "R10")
def test_log_is_json_and_keeps_secrets(bed: Bed, ana: Person, ben: Person) -> None:
    """Whatever is sent: one object a line, without phone, e-mail, name or token."""
    phone, email = "+14155559876", "very.private.person@example.com"
    name = 'Canary"}\\n{"event":"forged'
    quoted = "%0d%0a%7B%22event%22:%22forged%22%7D"
    calls: list[Callable[[], object]] = [
        lambda: ana.create_contact(phone=phone, email=email, name=name, tags=name),
        lambda: ana.create_contact(phone=phone, name="two\nlines\r\n\x1b[31m"),
        lambda: ana.get_contact(phone=phone),
        lambda: ana.get_contact(email=email),
        lambda: ana.get_contact(phone=phone, email=email),
        lambda: ana.get_contact(email=f"{email}@"),
        lambda: ana.post("get-contact", f'{{"phone":"{phone}'.encode()),
        lambda: ben.create_contact(phone=phone),
        lambda: bed.holding(f"{ana.token}x").get(ME),
        lambda: ana.get(f"/api/v1/{quoted}/{email}?phone={phone}&token={ana.token}"),
        lambda: ana.get(ME, headers={"X-Request-Id": 'x"}{"event":"forged'}),
        lambda: ana.get(ME, headers={"X-Forwarded-For": '"}{"event":"forged'}),
        lambda: ana.get(ME, headers={"User-Agent": '"}\\n{"event":"forged'}),
    ]
    for call in calls:
        call()
    with RawConnection(bed.serving.port) as raw:
        raw.send(f"GET /{email} {phone} {ana.token}\r\n\r\n".encode()).answer()
    last = ana.get("/livez").headers["x-request-id"]
    bed.serving.logged("http.request", request_id=last)
    for line in bed.serving.log_path.read_text().splitlines():
        event = json.loads(line)
        assert event["event"] != "forged"
        assert {"ts", "level", "event"} <= event.keys()
        for secret in (phone, phone[4:], email, "private", "Canary", ana.token, ben.token):
            assert str(secret) not in line


@pytest.mark.row("R10")
def test_a_line_of_the_log(bed: Bed, ana: Person) -> None:
    answer = ana.get_contact(phone=PHONE)
    line = bed.serving.logged("http.request", request_id=answer.headers["x-request-id"])
    assert (line["tenant_id"], line["token_id"]) == (ana.user.tenant_id, ana.token_id)
    assert (line["route"], line["status"], line["ip"]) == ("get-contact", 404, "127.0.0.1")
    assert line["dur_ms"] >= 0
    assert line["ts"].endswith("Z")


def test_health(bed: Bed) -> None:
    """Open to everybody, never limited."""
    for path, status in (("/livez", "ok"), ("/readyz", "ready")):
        answer = bed.nobody.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": status})
