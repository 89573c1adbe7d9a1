"""HTTP by hand, for what a client library would not send."""

import json
import socket
from typing import Any

import msgspec

READ_S_MAX = 60.0


class RawAnswer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class RawConnection:
    """One connection; answers are read one after another."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), READ_S_MAX)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> "RawConnection":
        self.socket.sendall(data)
        return self

    def answer(self, *, to_head: bool = False) -> RawAnswer:
        """The next answer; fails when the connection ends first."""
        status_line = self._file.readline()
        assert status_line.startswith(b"HTTP/1.1 "), status_line
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value.strip()
        size = 0 if to_head else int(headers.get("content-length", 0))
        return RawAnswer(int(status_line.split()[1]), headers, self._file.read(size))

    def is_closed(self) -> bool:
        """Whether the server ends the connection without another byte."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


def request(
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: bytes = b"",
    headers: bytes = b"",
) -> bytes:
    """The bytes of a request; `headers` are whole lines."""
    credential = f"Authorization: Bearer {token}\r\n" if token else ""
    length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: kith.test\r\n{credential}{length}"
    return head.encode() + headers + b"\r\n" + body
