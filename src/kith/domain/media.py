"""Files that people send: which are kept, how large, and from where they may be fetched."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from kith.domain.urls import host_of, is_public_name, origin

PATH = "/api/v1/media?message_id="
MIB = 1_048_576
BYTES_MAX: Mapping[str, int] = {
    "image": 5 * MIB,
    "sticker": 1 * MIB,
    "audio": 16 * MIB,
    "video": 16 * MIB,
    "document": 100 * MIB,
}
"""By the type of the message: what WhatsApp itself lets people send."""
MIME_TYPES: Mapping[str, frozenset[str]] = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "sticker": frozenset({"image/webp"}),
    "audio": frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
    "video": frozenset({"video/mp4", "video/3gp", "video/3gpp"}),
}
"""As Meta's documents list them. A document may be any file: people send what they have."""
_HOSTS = ("fbsbx.com", "fbcdn.net", "whatsapp.net", "facebook.com")
"""Meta's own, with whatever is before them."""
_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]{1,100}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNKNOWN = "application/octet-stream"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is kept; `folder` is the workspace's own."""

    folder: str
    sha256: str
    mime_type: str
    size: int


def id_in(content: Mapping[str, Any]) -> str | None:
    """By which Meta gives the file."""
    media_id = content.get("id")
    return media_id if isinstance(media_id, str) and media_id.isalnum() else None


def may_be_asked(url: str, *, graph_url: str) -> bool:
    """Whether the token may be sent there: to Meta's own hosts, or to where Meta's API is."""
    if origin(url) is not None and origin(url) == origin(graph_url):
        return True
    host = host_of(url)
    return (
        url.startswith("https://")
        and origin(url) == ("https", host, 443)
        and is_public_name(host)
        and any(host == one or host.endswith("." + one) for one in _HOSTS)
    )


def fits(kind: str, size: int) -> bool:
    return size <= BYTES_MAX.get(kind, 0)


def is_type_of(kind: str, mime_type: str) -> bool:
    return kind not in MIME_TYPES or mime_type in MIME_TYPES[kind]


def mime_type(told: str) -> str:
    """Without its parameters; a type that is none is that of any file."""
    kind = told.split(";", 1)[0].strip().lower()
    return kind if _MIME.fullmatch(kind) else _UNKNOWN


def digest(told: str) -> str | None:
    """Meta's SHA-256, in hex; None when it is none."""
    value = told.strip().lower()
    return value if _SHA256.fullmatch(value) else None
