"""The client of the Graph API against a server that speaks like Meta's, on a bad day as well."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from kith.domain import graph
from kith.integrations.whatsapp import client as clients
from kith.integrations.whatsapp.client import (
    Accepted,
    Account,
    GraphFailed,
    NoAnswer,
    NotReached,
    Rejected,
)
from kith.integrations.whatsapp.client import Graph as Client
from tests.graph import Fault, Graph, Person
from tests.graph.http import Reply, as_json
from tests.graph.rules import STATUS
from tests.graph.samples import TEMPLATES
from tests.graph.server import ACCOUNT_ID, NUMBER_ID, TOKEN

TEXT = {
    "messaging_product": "whatsapp",
    "recipient_type": "individual",
    "to": "+14155550123",
    "type": "text",
    "text": {"body": "Hello"},
    "biz_opaque_callback_data": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Graph]:
    with Graph() as graph:
        yield graph


@pytest.fixture
def meta(running: Graph) -> Graph:
    running.clear()
    running.people.clear()
    return running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    yield client
    await client.close()


def account(meta: Graph, **other: str) -> Account:
    given = {
        "graph_url": meta.url, "number_id": NUMBER_ID, "account_id": ACCOUNT_ID, "token": TOKEN,
    }  # fmt: skip
    return Account(**{**given, **other})


async def test_a_message_is_sent_as_meta_wants_it(meta, client):
    meta.people.append(Person("+14155550123", wa_id="14155550199", user_id="US.1349"))
    sent = await client.send(account(meta), TEXT)
    assert sent == Accepted(wamid=meta.calls[0].wamid, wa_id="14155550199", user_id="US.1349")
    assert meta.calls[0].body == TEXT
    [request] = meta.requests
    assert request.path == f"/{graph.VERSION}/{NUMBER_ID}/messages"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_every_code_is_known_to_both_sides():
    assert set(STATUS) | {132018} == set(graph.CODES)


@pytest.mark.parametrize("code", [*STATUS, 999_999])
async def test_an_error_object_is_a_refusal_with_its_code(meta, client, code):
    meta.faults = [Fault(code=code)]
    with pytest.raises(Rejected) as failed:
        await client.send(account(meta), TEXT)
    assert failed.value.refusal.code == code
    assert failed.value.refusal.details == "As the test wants"
    known = graph.CODES.get(code)
    assert failed.value.refusal.title == (known.title if known else f"(#{code}) As the test wants")
    assert not meta.calls


@pytest.mark.parametrize(("given", "waits"), [(7, 7), (10**9, 3_600), (None, None)])
async def test_how_long_to_wait_is_what_meta_says_within_reason(meta, client, given, waits):
    meta.faults = [Fault(code=130429, status=429, retry_after_s=given)]
    if given is not None:
        meta.faults = [Fault(code=130429, retry_after_s=given)]
    with pytest.raises(Rejected) as failed:
        await client.send(account(meta), TEXT)
    assert failed.value.retry_after_s == waits


WITHOUT_AN_ANSWER = {
    "the reply is lost": Fault("lost"),
    "the connection ends unread": Fault("unread"),
    "a page of a proxy": Fault("raw", raw=Reply(502, b"<html>Bad Gateway</html>")),
    "a success without an id": Fault("raw", raw=as_json({"messages": []})),
    "a success that is a list": Fault("raw", raw=as_json([1])),
    "an id that is none": Fault("raw", raw=as_json({"messages": [{"id": 7}]})),
    "an id with a status of failure": Fault("raw", raw=as_json({"messages": [{"id": "w"}]}, 500)),
    "an empty success": Fault("raw", raw=Reply(200, b"")),
    "a failure of Meta's that says nothing": Fault(code=999_999, status=500),
    "not UTF-8": Fault("raw", raw=Reply(200, b'{"messages": "\xff"}')),
    "half of a reply": Fault("raw", raw=Reply(200, b'{"messages": [{"id": "w"}]}', then="cut")),
    "a code that is no number": Fault("raw", raw=as_json({"error": {"code": "x"}}, 400)),
    "a reply without an end": Fault("raw", raw=Reply(200, b"{" * (clients.REPLY_BYTES_MAX + 9))),
}  # fmt: skip


@pytest.mark.row("T3.3")
@pytest.mark.parametrize("case", WITHOUT_AN_ANSWER)
async def test_whatever_else_comes_is_no_answer(meta, client, case):
    meta.faults = [WITHOUT_AN_ANSWER[case]]
    with pytest.raises(NoAnswer):
        await client.send(account(meta), TEXT)
    assert len(meta.attempts) == 1


@pytest.mark.row("L6")
async def test_a_call_has_a_deadline(meta, client, monkeypatch):
    assert clients.CALL_S_MAX == 20
    monkeypatch.setattr(clients, "CALL_S_MAX", 0.3)
    meta.faults = [Fault("hung")]
    started = time.monotonic()
    with pytest.raises(NoAnswer):
        await client.send(account(meta), TEXT)
    assert time.monotonic() - started < 20
    assert len(meta.calls) == 1


@pytest.mark.row("T3.3")
async def test_nothing_was_written_where_nobody_listens(meta, client):
    meta.go_away()
    try:
        with pytest.raises(NotReached):
            await client.send(account(meta), TEXT)
    finally:
        meta.come_back()
    with pytest.raises(NotReached):
        await client.send(account(meta, graph_url="https://nobody.invalid"), TEXT)
    with pytest.raises(NotReached):
        await client.send(account(meta, graph_url="nonsense"), TEXT)
    assert not meta.attempts


async def test_a_redirect_is_not_followed(meta, client):
    meta.faults = [
        Fault("raw", raw=Reply(307, b"", {"location": f"{meta.url}/{graph.VERSION}/elsewhere"}))
    ]
    with pytest.raises(NoAnswer):
        await client.send(account(meta), TEXT)
    assert len(meta.requests) == 1


async def test_the_environment_has_no_say(meta, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    client = Client()
    assert (await client.send(account(meta), TEXT)).wamid == meta.calls[0].wamid
    await client.close()


async def test_many_at_once(meta, client):
    sent = await asyncio.gather(*(client.send(account(meta), TEXT) for _ in range(150)))
    assert len({one.wamid for one in sent}) == 150


@pytest.mark.parametrize("page_size", [1, 5, 100])
async def test_templates_come_page_by_page_by_the_cursor(meta, client, page_size):
    meta.page_size = page_size
    found = await client.templates(account(meta))
    assert [(one["name"], one["language"]) for one in found] == [
        (one["name"], one["language"]) for one in TEMPLATES
    ]
    assert all("components" in one for one in found)
    assert {request.path for request in meta.requests} == {
        f"/{graph.VERSION}/{ACCOUNT_ID}/message_templates"
    }


async def test_templates_that_cannot_be_had(meta, client):
    with pytest.raises(Rejected) as failed:
        await client.templates(account(meta, token="another"))
    assert failed.value.refusal.code == 190
    meta.go_away()
    try:
        with pytest.raises(NotReached):
            await client.templates(account(meta))
    finally:
        meta.come_back()


async def test_media_are_described_then_downloaded_with_the_token(meta, client):
    media_id = meta.add_media(b"x" * 200_000, "image/jpeg")
    described = await client.media(account(meta), media_id)
    assert (described.mime_type, described.size) == ("image/jpeg", 200_000)
    pieces = [piece async for piece in client.download(account(meta), described.url)]
    assert b"".join(pieces) == b"x" * 200_000
    for wrong in ("../me", "", "1?x=2", "nobody"):
        with pytest.raises(GraphFailed):
            await client.media(account(meta), wrong)
    with pytest.raises(NoAnswer):
        _ = [piece async for piece in client.download(account(meta), f"{meta.url}/download/9")]


def test_no_failure_tells_the_token_or_the_number(meta):
    shown = repr(account(meta))
    assert TOKEN not in shown
    assert json.dumps(TEXT["to"]) not in str(NoAnswer("ReadTimeout."))
    assert issubclass(httpx2.ConnectTimeout, httpx2.HTTPError)


def test_a_server_that_calls_nobody_does_not_load_what_calls():
    """It takes a fifth of a second, which every start would pay for."""
    loaded = (
        "import sys, kith.wiring, kith.cli.serve, kith.api.server, kith.jobs.kinds as kinds;"
        " from kith.integrations.whatsapp.client import Graph; Graph();"
        " sys.exit('httpx2' in sys.modules or kinds.ASKED_AT_ONCE_MAX == 0)"
    )
    assert subprocess.run([sys.executable, "-c", loaded]).returncode == 0
