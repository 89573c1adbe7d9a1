"""Somebody who is told: a small HTTP server that keeps what it got and answers as it is told to."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.waits import wait_until


@dataclass
class Got:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """`answer` is called for each request: a status, or whatever it does with the handler."""

    url: str
    got: list[Got] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], int | None] = lambda _: 200

    def wait(self, count: int = 1, *, path: str | None = None) -> list[Got]:
        """The requests so far, once there are so many; asserts that they come."""
        return wait_until(
            lambda: [one for one in self.got if path in (None, one.path)],
            f"{count} requests",
            is_so=lambda found: len(found) >= count,
        )


class Quiet(ThreadingHTTPServer):
    request_queue_size = 256  # of the five that are usual, the sixth of a burst waits a second

    def handle_error(self, *_: object) -> None:
        """Whoever hangs up, hangs up."""


@contextmanager
def receiving(tls: Path | None = None, asked: list[str] | None = None) -> Iterator[Receiver]:
    """With `tls`, by the certificate in that folder; `asked` gets the names that are asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            receiver.got.append(Got(self.path, headers, body, time.time()))
            status = receiver.answer(self)
            if status is not None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
        if asked is not None:
            context.sni_callback = lambda _socket, name, _context: asked.append(name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
