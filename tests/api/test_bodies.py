"""Bodies: odd text and numbers, sizes, how they travel (reliability 6, L1, F27)."""

import json
import time
from pathlib import Path

import pytest

from kith.api.fields import ExactlyOne
from kith.api.routes import ROUTES, Route
from tests.api.raw import RawConnection, request
from tests.api.refusals import INVALID, assert_invalid, is_both
from tests.cast import Bed, Person
from tests.waits import at_best

PHONE = "+14155550123"
MIB = 1_048_576
GET = "/api/v1/actions/get-contact"

# Fragments of JSON that stand in the place of a value.
NOT_JSON = [
    "NaN", "Infinity", "-Infinity", "01", "+1", "1.", ".5", "1e", "0x10", "'x'", "tru", "undefined",
    '"\x01"', '"a\nb"', '"\\ud800"', '"\\udc00\\ud800"', '"\\x41"', '"open', "[1,]", '{"a":1,}',
    "// comment", "[" * 33 + "]" * 33, '{"a":' * 40 + "1" + "}" * 40, "[" * 100_000,
]  # fmt: skip
OUT_OF_RANGE = ["1e400", "-1e400", "9" * 5_000, "9" * 400 + ".5"]
PAST_JAVASCRIPT = [str(2**53), str(-(2**53)), str(2**63), str(2**64), str(-(2**63) - 1)]
CONTROLS = [
    "\\u0000", "\\u0001", "\\u000b", "\\u001b", "\\u001f", "\\u007f", "\\u0080", "\\u0085",
    "\\u009f", "\\ufdd0", "\\ufffe", "\\uffff", "\\ud83f\\udffe", "\\udbff\\udfff",
]  # fmt: skip
KEPT = [
    "ⅷ ² １２ ١٢ 1_000", "\u202eevil\u202c", "👩\u200d👩\u200d👧", "аdmin", "Z̸̢" * 40, "\ufeffx",
    "x\u2028y", "ﷺ", "\U000e0041x", "İstanbul", "null", "NaN", "x\u00a0y", "0", "false",
]  # fmt: skip

FIELDS = {
    "create-contact": {
        "phone": '{"phone":%s}',
        "name": '{"phone":"+14155550123","name":%s}',
        "email": '{"phone":"+14155550123","email":%s}',
        "tags": '{"phone":"+14155550123","tags":%s}',
        "one tag": '{"phone":"+14155550123","tags":["x",%s]}',
        "metadata": '{"phone":"+14155550123","metadata":%s}',
        "in metadata": '{"phone":"+14155550123","metadata":{"a":[{"b":%s}]}}',
        "unknown": '{"phone":"+14155550123","unknown":{"deep":[%s]}}',
    },
    "get-contact": {
        "contact_id": '{"contact_id":%s}',
        "phone": '{"phone":%s}',
        "email": '{"email":%s}',
        "unknown": '{"phone":"+14155550123","unknown":{"deep":[%s]}}',
    },
}
BASE = {"phone": "+14155550123", "tag": "vip"}


def template(route: Route, field: str) -> str:
    """A body of the operation in which only this field is open."""
    takes = route.takes
    given = BASE | dict(takes.example)
    needed = {other.name for other in takes.fields if other.is_required or other.name in BASE}
    others = {name: given[name] for name in given if name in needed and name != field}
    one_of = takes.rule.names if isinstance(takes.rule, ExactlyOne) else ("contact_id",)
    if field in one_of:
        others.pop("phone", None)
    start = json.dumps(others).removesuffix("}")
    return f'{start}{", " if others else ""}"{field}":%s}}'


LISTS_OF_KEYS = {"get-contacts", "check-audience"}
"""Their items have refusals of their own: tests/api/test_get_contacts.py, test_audience.py."""
FIELDS |= {
    route.name: {field.name: template(route, field.name) for field in route.takes.fields}
    for route in ROUTES
    if route.method == "POST" and route.name not in {*FIELDS, *LISTS_OF_KEYS, "list-audit"}
}
PLACES = [(action, field) for action, fields in FIELDS.items() for field in fields]
each_place = pytest.mark.parametrize(("action", "field"), PLACES)
each_known_place = pytest.mark.parametrize(
    ("action", "field"), [place for place in PLACES if place[1] != "unknown"]
)


def body(action: str, field: str, value: str) -> bytes:
    return (FIELDS[action][field] % value).encode()


def name_of(field: str) -> str:
    return {"one tag": "tags", "in metadata": "metadata"}.get(field, field)


@pytest.mark.row("T8.1", "X1", "X6", "X8")
@each_place
async def test_not_json_is_400(bed: Bed, ana: Person, action: str, field: str) -> None:
    before = await bed.digest()
    for value in NOT_JSON:
        answer = ana.post(action, body(action, field, value))
        assert (answer.status_code, is_both(answer)) == (400, True), (value[:40], answer.text)
    assert await bed.digest() == before


@pytest.mark.row("T8.1", "X2")
@each_place
async def test_number_out_of_range_is_422(bed: Bed, ana: Person, action: str, field: str) -> None:
    before = await bed.digest()
    for value in OUT_OF_RANGE:
        answer = ana.post(action, body(action, field, value))
        assert answer.status_code == 422, (value[:40], answer.text)
        assert list(answer.json()) == ["message", "errors"]
        assert answer.json()["message"] == INVALID
    assert await bed.digest() == before


@pytest.mark.row("T8.1", "X3")
@each_known_place
async def test_integer_past_2_53_is_422(bed: Bed, ana: Person, action: str, field: str) -> None:
    before = await bed.digest()
    for value in PAST_JAVASCRIPT:
        assert_invalid(ana.post(action, body(action, field, value)), name_of(field))
    assert await bed.digest() == before


@pytest.mark.row("T8.1", "X5")
@each_known_place
async def test_control_characters_are_422(bed: Bed, ana: Person, action: str, field: str) -> None:
    before = await bed.digest()
    for character in CONTROLS:
        inside = {"metadata": '{"a%sb":1}', "email": '"a%sb@example.com"'}.get(field, '"a%sb"')
        assert_invalid(ana.post(action, body(action, field, inside % character)), name_of(field))
    assert await bed.digest() == before


@pytest.mark.parametrize("value", [*PAST_JAVASCRIPT, '"\\u0000"', '"\\uffff"', "[[[]]]"])
def test_unknown_fields_are_ignored(ana: Person, value: str) -> None:
    answer = ana.post("create-contact", body("create-contact", "unknown", value))
    assert answer.status_code == 201
    assert ana.post("get-contact", body("get-contact", "unknown", value)).status_code == 200


@pytest.mark.row("T8.1", "X7")
@each_place
async def test_bad_encoding_is_400(bed: Bed, ana: Person, action: str, field: str) -> None:
    before = await bed.digest()
    whole = FIELDS[action][field] % '"x"'
    for text in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"):
        answer = ana.post(action, whole.encode().replace(b'"x"', b'"' + text + b'"'))
        assert (answer.status_code, is_both(answer)) == (400, True), (text, answer.text)
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32"):
        answer = ana.post(action, whole.encode(encoding))
        assert (answer.status_code, is_both(answer)) == (400, True), (encoding, answer.text)
    assert await bed.digest() == before


@pytest.mark.row("X8")
@pytest.mark.parametrize("after", [b"x", b"{}", b"]", b"\x00", b",", b"null"])
def test_trailing_bytes_are_400(ana: Person, after: bytes) -> None:
    assert ana.post("get-contact", b'{"phone":"+14155550123"}' + after).status_code == 400


@pytest.mark.row("X8")
def test_depth(ana: Person) -> None:
    """32 deep is stored and comes back; 33 is 400, wherever it is."""
    deepest = "[" * 30 + "]" * 30  # inside of the body and of metadata
    fits = '{"phone":"+14155550123","metadata":{"a":%s}}'
    assert ana.post("create-contact", (fits % deepest).encode()).status_code == 201
    found = ana.get_contact(phone=PHONE).json()
    assert found["metadata"] == {"a": json.loads(deepest)}
    assert ana.post("create-contact", (fits % f"[{deepest}]").encode()).status_code == 400
    assert ana.post("get-contact", b"[" * 500_000).status_code == 400
    in_a_string = '{"phone":"+14155550123","metadata":{"a":"%s"}}' % ("[{" * 100)
    assert ana.post("create-contact", in_a_string.encode()).status_code == 201


@pytest.mark.row("X4")
def test_last_of_duplicate_keys_wins(ana: Person) -> None:
    twice = b'{"phone":"nope","name":"a","phone":"+14155550123","name":"b"}'
    answer = ana.post("create-contact", twice)
    assert (answer.status_code, answer.json()["name"]) == (201, "b")


@pytest.mark.row("X9")
@pytest.mark.parametrize("action", ["get-contact", "create-contact"])
@pytest.mark.parametrize(
    "top", ["[]", "[{}]", "null", "true", "0", "-1.5", '""', '"+14155550123"', '[{"phone":1}]']
)
async def test_not_an_object_is_422(bed: Bed, ana: Person, action: str, top: str) -> None:
    before = await bed.digest()
    answer = ana.post(action, f" {top}\n".encode())
    assert answer.status_code == 422
    assert list(answer.json()) == ["message", "errors"]
    assert answer.json()["message"] == INVALID
    assert await bed.digest() == before


@pytest.mark.row("T8.1", "X10", "X11")
@pytest.mark.parametrize("text", KEPT)
def test_text_is_kept_as_sent(ana: Person, text: str) -> None:
    given = {"name": text, "tags": [text], "metadata": {text: text}}
    answer = ana.create_contact(phone=PHONE, **given)
    assert answer.status_code == 201, answer.text
    found = ana.get_contact(phone=PHONE).json()
    assert {name: found[name] for name in given} == given


@pytest.mark.row("X10")
def test_combining_marks_are_kept_within_the_limit(ana: Person) -> None:
    marks = "e" + "\u0301" * 32_000
    assert ana.create_contact(phone=PHONE, metadata={"a": marks}).status_code == 201
    assert ana.get_contact(phone=PHONE).json()["metadata"] == {"a": marks}
    too_many = "e" + "\u0301" * 100_000
    assert_invalid(ana.create_contact(phone=PHONE, metadata={"a": too_many}), "metadata")
    assert_invalid(ana.create_contact(phone=PHONE, name=too_many), "name")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-7", "x"],
)
def test_content_type_does_not_matter(ana: Person, content_type: str) -> None:
    answer = ana.post("create-contact", {"phone": PHONE}, headers={"Content-Type": content_type})
    assert answer.status_code == 201


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_encoded_body_is_415(ana: Person, encoding: str) -> None:
    answer = ana.post("get-contact", {"phone": PHONE}, headers={"Content-Encoding": encoding})
    assert (answer.status_code, is_both(answer)) == (415, True)


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
def test_identity_is_no_encoding(ana: Person, encoding: str) -> None:
    answer = ana.post("get-contact", {"phone": PHONE}, headers={"Content-Encoding": encoding})
    assert answer.status_code == 404


def _memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _padded(size: int) -> bytes:
    start = b'{"phone":"+14155550123","x":"'
    return start + b"a" * (size - len(start) - 2) + b'"}'


@pytest.mark.row("L1", "R9")
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(
    ("size", "status"), [(MIB - 1, 404), (MIB, 404), (MIB + 1, 413), (3 * MIB, 413)]
)
def test_body_size(bed: Bed, ana: Person, size: int, status: int, is_chunked: bool) -> None:
    content = _padded(size)
    answer = bed.http.post(
        bed.serving.url + GET,
        content=iter([content[:1_000], content[1_000:]]) if is_chunked else content,
        headers=ana.headers,
    )
    assert answer.status_code == status
    if status == 413:
        assert is_both(answer)
        assert answer.headers["connection"] == "close"


@pytest.mark.row("L1", "R9")
@pytest.mark.parametrize("length", [MIB + 1, 10**12, 2**63 - 1])
def test_announced_size_is_answered_without_reading(bed: Bed, ana: Person, length: int) -> None:
    headers = b"Content-Length: %d\r\nAuthorization: Bearer %b\r\n" % (length, ana.token.encode())
    with RawConnection(bed.serving.port) as raw:
        raw.send(b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (GET.encode(), headers))
        answer = raw.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert raw.is_closed()


@pytest.mark.row("F27")
def test_endless_stream_is_cut_at_the_limit(bed: Bed, ana: Person) -> None:
    """1 GiB in chunks, without a length: answered, closed, and never kept in memory."""
    before_kib = _memory_kib(bed.serving.process.pid)
    head = request("GET", GET, token=ana.token).replace(b"GET ", b"POST ", 1)[:-2]
    chunk = b"%x\r\n%b\r\n" % (65_536, b" " * 65_536)
    sent = 0
    with RawConnection(bed.serving.port) as raw:
        raw.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 1_024 * MIB:
                raw.send(chunk)
                sent += 65_536
        except OSError:
            pass  # closed on us, as it should be
        assert sent < 64 * MIB
    assert _memory_kib(bed.serving.process.pid) - before_kib < 16 * 1_024


@pytest.mark.row("F27")
def test_stream_past_the_limit_reads_its_answer(bed: Bed, ana: Person) -> None:
    head = request("GET", GET, token=ana.token).replace(b"GET ", b"POST ", 1)[:-2]
    with RawConnection(bed.serving.port) as raw:
        raw.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            raw.send(b"%x\r\n%b\r\n" % (65_536, b" " * 65_536))
        answer = raw.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_client_that_leaves_changes_nothing(bed: Bed, ana: Person) -> None:
    half = request("POST", "/api/v1/actions/create-contact", token=ana.token, body=b" " * 100)
    with RawConnection(bed.serving.port) as raw:
        raw.send(half[:-50])
    assert ana.get_contact(phone=PHONE).status_code == 404


@pytest.mark.row("G2")
@pytest.mark.parametrize(
    "hostile",
    [
        b"[" * 33 + b'"' + b'\\"' * 500_000,
        b"[" * 33 + b'"' * 1_000_000,
        b'{"' * 40 + b"\\" * 1_000_000,
        b'{"phone":"' + b" " * 1_000_000 + b'"}',
        b'{"phone":"+1' + b"-" * 1_000_000 + b'4"}',
        b'{"email":"' + b"a." * 500_000 + b'"}',
        b'{"email":"a@' + b"a." * 500_000 + b'"}',
        b'{"contact_id":"' + b"0" * 1_000_000 + b'"}',
        b'{"phone":"+14155550123","tags":"' + b"," * 1_000_000 + b'"}',
        b'{"phone":"+14155550123","tags":"' + b"a," * 500_000 + b'"}',
        b'{"phone":"+14155550123","name":"' + b"\\r\\n" * 240_000 + b'"}',
    ],
)  # fmt: skip
async def test_hostile_body_does_not_hold_the_server(ana: Person, hostile: bytes) -> None:
    """Nothing may take time beyond its own size: a regular expression that backtracks would."""
    action = "create-contact" if b"tags" in hostile or b"name" in hostile else "get-contact"

    async def is_quick(_: int) -> None:
        started_at = time.monotonic()
        assert ana.post(action, hostile).status_code in (200, 201, 400, 422)
        assert time.monotonic() - started_at < 5, "seconds for a body that must take milliseconds"

    await at_best(is_quick)
