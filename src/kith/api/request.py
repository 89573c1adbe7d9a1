"""What is known of a request while it is being answered, and how large one may be."""

from collections.abc import MutableMapping
from typing import Any

import msgspec

from kith import errors
from kith.api.protocol import Direct
from kith.api.rate import Verdict
from kith.api.routes import Route
from kith.api.streams import Stream
from kith.domain.tokens import Caller

ADDRESS_BYTES_MAX = 8_192
HEADER_BYTES_MAX = 16_384
HEADERS_MAX = 100

Scope = MutableMapping[str, Any]


class Request(msgspec.Struct, gc=False):
    scope: Scope
    headers: dict[bytes, bytes]
    id: bytes
    direct: Direct | None
    route: Route | Stream | None = None
    caller: Caller | None = None
    verdict: Verdict | None = None
    path_value: str | None = None

    @property
    def peer(self) -> str:
        client = self.scope.get("client")
        return client[0] if client else ""


def check_size(scope: Scope) -> None:
    """Raises AddressTooLong, HeadersTooLarge."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_BYTES_MAX:
        raise errors.AddressTooLong()
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    if size > HEADER_BYTES_MAX or len(scope["headers"]) > HEADERS_MAX:
        raise errors.HeadersTooLarge()


def folded(path: str) -> str:
    """Doubled and trailing slashes come from joined base URLs; they mean nothing."""
    return "/" + "/".join(part for part in path.split("/") if part)
