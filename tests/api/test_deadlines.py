"""Connections that nothing comes of are closed, and nobody else waits for them (reliability L5)."""

import contextlib
import resource
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kith.api.deadlines import FILES
from tests.api.raw import RawConnection, request
from tests.serving import Serving, serving
from tests.store.test_crashes import token_for

HURRIED = (
    "import kith.api.deadlines as d;"
    " d.SILENT_S, d.HEAD_S, d.ANSWERED_S, d.STALLED_S, d.SWEEP_S = 1.5, 0.8, 0.8, 1.0, 0.1;"
)
FEW_FILES = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (120, 120));"
SERVE = " from kith.cli.main import main; main()"
SLACK_S = 1.0
POST = b"POST /api/v1/actions/get-contact HTTP/1.1\r\nHost: x\r\n"
BODY_TO_COME = b"Content-Length: 100000\r\n\r\n"
DEADLINES: dict[str, tuple[bytes, bytes, float]] = {
    "nothing": (b"", b"", 1.5),
    "blank lines": (b"\r\n", b"\r\n", 1.5),
    "half a head": (POST, b"", 0.8),
    "a head in drips": (POST + b"X: ", b"a", 0.8),
    "an address in drips": (b"GET /", b"a", 0.8),
    "idle after an answer": (request("GET", "/livez"), b"", 0.8),
    "blank lines after an answer": (request("GET", "/livez"), b"\r\n", 0.8),
    "half a head after an answer": (request("GET", "/livez") + POST, b"", 0.8),
    "a body in drips after a 401": (POST + BODY_TO_COME, b" ", 0.8),
    "a body in drips after a 404": (POST.replace(b"/api", b"/no") + BODY_TO_COME, b" ", 0.8),
}
"""What is sent, what follows every 50 ms, and when the connection must be closed."""


@pytest.fixture(scope="module")
def token_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Serving]]:
    directory = tmp_path_factory.mktemp("hurried")
    url = f"sqlite:///{directory}/kith.db"
    token = token_for(url)
    program = (sys.executable, "-c", HURRIED + SERVE)
    settings = {"database_url": url, "rate_limit_per_minute": 0}
    with serving(directory / "server.log", kith=program, **settings) as server:
        yield token, server


def _is_closed(connection: socket.socket) -> bool:
    """Answers that come first are thrown away."""
    try:
        while select.select([connection], [], [], 0)[0]:
            if connection.recv(65_536) == b"":
                return True
    except OSError:
        return True
    return False


@pytest.mark.row("L5", "T7.2", "R9")
def test_what_nothing_comes_of_is_closed(token_and_server: tuple[str, Serving]) -> None:
    _, server = token_and_server
    open_ones: dict[str, tuple[socket.socket, float]] = {}
    took_s: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        for name, (first, _, _) in DEADLINES.items():
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            connection.sendall(first)
            open_ones[name] = connection, time.monotonic()
        until = time.monotonic() + 6
        while open_ones and time.monotonic() < until:
            time.sleep(0.05)
            for name, (connection, since) in list(open_ones.items()):
                if _is_closed(connection):
                    took_s[name] = time.monotonic() - since
                    del open_ones[name]
                else:
                    with contextlib.suppress(OSError):
                        connection.sendall(DEADLINES[name][1])
    assert list(open_ones) == []
    for name, (_, _, limit_s) in DEADLINES.items():
        assert limit_s - 0.1 <= took_s[name] <= limit_s + SLACK_S, (name, took_s)


@pytest.mark.row("L5", "R2")
def test_who_goes_on_is_not_cut_off(token_and_server: tuple[str, Serving]) -> None:
    """One that asks now and then, and one whose body has 30 s: longer than any limit here."""
    token, server = token_and_server
    body = b'{"phone":"+14155550123"}'
    with RawConnection(server.port) as asking, RawConnection(server.port) as sending:
        whole = request("POST", "/api/v1/actions/create-contact", token=token, body=body)
        sending.send(whole[: -len(body)])
        for at in range(len(body)):
            sending.send(body[at : at + 1])
            time.sleep(0.1)
            if at % 4 == 0:
                asking.send(request("GET", "/api/v1/me", token=token))
                assert asking.answer().status == 200
        assert sending.answer().status == 201


@pytest.mark.row("L5", "R9")
def test_who_does_not_read_is_cut_off(token_and_server: tuple[str, Serving]) -> None:
    _, server = token_and_server
    asked = request("GET", "/api/v1/openapi.json")
    with RawConnection(server.port) as one:
        one.send(asked)
        size = len(one.answer().body)
    count = 16 * 1_048_576 // size
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.settimeout(5)
        stalled.connect(("127.0.0.1", server.port))
        stalled.sendall(asked * count)
        time.sleep(2.5)
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := stalled.recv(1_048_576):
                got += len(piece)
    assert got < count * size


@pytest.mark.row("L4", "R9")
@pytest.mark.parametrize("head", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"\r\n"])
def test_a_head_without_end_does_not_fill_the_memory(
    token_and_server: tuple[str, Serving], head: bytes
) -> None:
    _, server = token_and_server
    more = head if head == b"\r\n" else b"a"
    sent = 0
    with RawConnection(server.port) as raw:
        raw.send(head)
        with contextlib.suppress(OSError):
            while sent < 256 * 1_048_576:
                raw.send(more * 65_536)
                sent += 65_536 * len(more)
    assert sent < 64 * 1_048_576


@pytest.mark.row("L4")
def test_a_head_in_pieces_that_is_too_long_reads_its_answer(
    token_and_server: tuple[str, Serving],
) -> None:
    _, server = token_and_server
    with RawConnection(server.port) as raw:
        raw.send(request("GET", "/livez") + b"GET /livez HTTP/1.1\r\n")
        for number in range(40):
            raw.send(b"X%d: %b\r\n" % (number, b"a" * 4_000))
            time.sleep(0.005)
        assert raw.answer().status == 200
        refused = raw.answer()
        assert (refused.status, refused.headers["connection"]) == (431, "close")
        assert list(refused.json()) == ["message", "error"]
        assert refused.headers["x-request-id"]


@pytest.mark.row("T7.2", "F26")
def test_more_silent_connections_than_the_system_allows(tmp_path: Path) -> None:
    """Nobody else gets in, which the log tells once; and soon everybody does."""
    url = f"sqlite:///{tmp_path}/kith.db"
    token = token_for(url)
    program = (sys.executable, "-c", FEW_FILES + HURRIED + SERVE)
    with (
        serving(tmp_path / "log", kith=program, database_url=url) as server,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(150):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        told = server.logged("http.connections_full")
        assert told["level"] == "warning"
        assert 60 <= told["connections"] <= 120
        until = time.monotonic() + 10
        status = 0
        while status != 200 and time.monotonic() < until:
            with contextlib.suppress(OSError, AssertionError), RawConnection(server.port) as raw:
                status = raw.send(request("GET", "/api/v1/me", token=token)).answer().status
            time.sleep(0.05)
        assert status == 200
        assert len([line for line in server.log() if line["event"] == told["event"]]) == 1


def test_as_many_files_as_the_system_gives_are_asked_for(
    token_and_server: tuple[str, Serving],
) -> None:
    _, server = token_and_server
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard or soft >= FILES
