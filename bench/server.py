"""`kith serve` with one more address, /static: a bare ASGI answer of fixed bytes.

It runs in the same process, on the same HTTP protocol, and does nothing at all: the measure of what
the server itself costs. `python -m bench.server BODY_BYTES`, settings as for `kith serve`.
"""

import os
import sys
from typing import Any

import msgspec

from kith import settings
from kith.api.server import Server
from kith.cli import serve


class WithStatic:
    def __init__(self, app: Server, body_bytes: int) -> None:
        self.app = app
        self.start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % body_bytes),
            ],
        }
        self.body = {"type": "http.response.body", "body": b"x" * body_bytes}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/static":
            await send(self.start)
            await send(self.body)
        else:
            await self.app(scope, receive, send)


if __name__ == "__main__":
    size = int(sys.argv[1])
    chosen = msgspec.structs.replace(settings.read(os.environ), port=0)
    serve.run(chosen, around=lambda app: WithStatic(app, size))
