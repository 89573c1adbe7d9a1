"""`kith serve` with two more addresses that answer fixed bytes and do nothing at all.

/static is a bare ASGI answer in the same process and on the same HTTP protocol: the measure of what
the server itself costs. /static-direct leaves in one write, as Kith's own answers do.
`python -m bench.server BODY_BYTES`, settings as for `kith serve`.
"""

import os
import sys
from typing import Any

import msgspec

from kith import settings
from kith.api.protocol import DIRECT
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
        elif scope["path"] == "/static-direct":
            scope[DIRECT].answer(200, b"content-type: application/json\r\n", self.body["body"])
        else:
            await self.app(scope, receive, send)


if __name__ == "__main__":
    size = int(sys.argv[1])
    chosen = msgspec.structs.replace(settings.read(os.environ), port=0)
    serve.run(chosen, around=lambda app: WithStatic(app, size))
