"""The one guard of addresses on the web that somebody gave us (rows T4.1, T4.2, R5).

What is allowed is written down, the rest is refused: https to a public name. Whoever connects to
one also asks `is_public` of every address that the name resolves to.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NewType
from urllib.parse import urlsplit

from kith.errors import BadValue

PublicUrl = NewType("PublicUrl", str)
"""Only `parse_public` makes one."""

CHARACTERS_MAX = 2_048
PORT = 443
PROBLEM = "must be the https:// address of something on the public web."

_PLAIN = re.compile(r"[\x21-\x7e]+")
# A resolver reads 2130706433, 127.1 and 0x7f.1 as addresses: no public name ends in a number.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LAST_LABEL = re.compile(r"(?=.*[a-z])(?!0x[0-9a-f]*$)[a-z0-9-]{2,63}")
_NOT_PUBLIC = (
    "localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa",
    "test", "invalid", "example", "onion", "alt",
)  # fmt: skip
_CARRIES_IPV4 = (
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2001::/32"),
    IPv6Network("2002::/16"),
)


def parse_public(value: object, *, ports: Collection[int] = (PORT,)) -> PublicUrl:
    """The address as given, trimmed; raises BadValue."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > CHARACTERS_MAX or not _PLAIN.fullmatch(text) or "\\" in text:
        raise BadValue(PROBLEM)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadValue(PROBLEM) from None
    if parts.scheme != "https" or "@" in parts.netloc or parts.fragment:
        raise BadValue(PROBLEM)
    if (PORT if port is None else port) not in ports or not is_public_name(parts.hostname or ""):
        raise BadValue(PROBLEM)
    return PublicUrl(text)


def is_public_name(host: str) -> bool:
    """Whether a host is a name that can be public: no address, no name of a machine near by."""
    name = host.lower()
    if len(name) > 253 or name.endswith("."):
        return False
    labels = name.split(".")
    return (
        len(labels) > 1
        and all(map(_LABEL.fullmatch, labels))
        and _LAST_LABEL.fullmatch(labels[-1]) is not None
        and labels[-1] not in _NOT_PUBLIC
    )


def is_public(address: str) -> bool:
    """Whether an address is anybody's on the internet; not of this machine, its network or ours."""
    try:
        given = ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(given, IPv6Address) and any(given in network for network in _CARRIES_IPV4):
        return False  # what it carries may be anything, and nobody public is reached so
    return _is_global(given)


def host_of(url: str) -> str:
    """In lower case; blank when there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port: what two addresses of one server share; None for no address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname.lower(), port or default


def _is_global(given: IPv4Address | IPv6Address) -> bool:
    return given.is_global and not (
        given.is_multicast or given.is_reserved or given.is_unspecified or given.is_loopback
    )
