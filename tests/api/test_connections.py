"""What real clients do on a connection beside plain requests: offer upgrades, break off, dawdle."""

import asyncio
import signal
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from kith.api import body
from kith.errors import BodyTooSlow
from tests.api.raw import RawConnection, request
from tests.cast import Bed, Person
from tests.serving import serving
from tests.store.test_crashes import token_for

UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
CREATE = "/api/v1/actions/create-contact"
SHORT_DRAIN = "import kith.cli.serve as s; s.DRAIN_S = 1; from kith.cli.main import main; main()"


def create(token: str | None, phone: str, headers: bytes = b"") -> bytes:
    content = b'{"phone":"%b"}' % phone.encode()
    return request("POST", CREATE, body=content, token=token, headers=headers)


def test_an_upgrade_is_not_taken_and_the_request_is_answered(bed: Bed, ana: Person) -> None:
    """Java's client offers HTTP/2 with its first request, body and all; so does curl --http2."""
    with RawConnection(bed.serving.port) as connection:
        connection.send(create(ana.token, "+14155550123", UPGRADE))
        assert connection.answer().json()["phone"] == "+14155550123"
        connection.send(create(ana.token, "+14155550124"))
        assert connection.answer().status == 201
        connection.send(request("GET", "/api/v1/me", token=ana.token, headers=UPGRADE))
        assert connection.answer().status == 200
        connection.send(request("GET", "/livez"))
        assert connection.answer().status == 200


def test_the_body_after_an_upgrade_may_come_later_and_in_pieces(bed: Bed, ana: Person) -> None:
    whole = create(ana.token, "+14155550123", UPGRADE)
    with RawConnection(bed.serving.port) as connection:
        for piece in (whole[:-20], whole[-20:-5], whole[-5:]):
            connection.send(piece)
            time.sleep(0.05)
        assert connection.answer().status == 201
    assert ana.get_contact(phone="+14155550123").status_code == 200


@pytest.mark.row("R2")
def test_garbage_after_a_request_does_not_answer_it(bed: Bed, ana: Person) -> None:
    with RawConnection(bed.serving.port) as connection:
        connection.send(create(ana.token, "+14155550123") + b"garbage\r\n\r\n")
        assert connection.answer().status == 201
        refused = connection.answer()
        assert refused.status == 400
        assert refused.headers["x-request-id"]
        assert connection.is_closed()


@pytest.mark.row("R3")
def test_a_stalled_request_is_told_when_the_server_stops(tmp_path: Path) -> None:
    """After the time to drain it gets a 503 like any other, not the HTTP server's own 500."""
    url = f"sqlite:///{tmp_path}/kith.db"
    whole = create(token_for(url), "+14155550123", b"Expect: 100-continue\r\n")
    program = (sys.executable, "-c", SHORT_DRAIN)
    with (
        serving(tmp_path / "server.log", kith=program, database_url=url) as server,
        RawConnection(server.port) as connection,
    ):
        connection.send(whole[:-5])
        assert connection.answer().status == 100  # it waits for the rest
        server.process.send_signal(signal.SIGTERM)
        refused = connection.answer()
        assert (refused.status, refused.json()["error"]) == (503, "Service Unavailable")
        assert refused.headers["x-request-id"]
        assert connection.is_closed()
        assert server.process.wait(60) == 0


@pytest.mark.row("R9")
async def test_a_body_that_dawdles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_S_MAX", 0.02)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(0.015)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(BodyTooSlow):
        await body.read(receive, None)
