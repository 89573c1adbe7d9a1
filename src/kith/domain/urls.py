"""The one guard of addresses on the web that somebody gave us (rows T4.1, T4.2, R5).

What is allowed is written down, the rest is refused: https to a public name. Whoever connects to
one also asks `is_public` of every address that the name resolves to.
"""

import re
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from kith.errors import BadValue

CHARACTERS_MAX = 2_048
PORT = 443
PROBLEM = "must be the https:// address of something on the public web."

_PLAIN = re.compile(r"[\x21-\x7e]+")
# A resolver reads 2130706433, 127.1 and 0x7f.1 as addresses: no public name ends in a number.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LAST_LABEL = re.compile(r"(?=.*[a-z])(?!0x[0-9a-f]*$)[a-z0-9-]{2,63}")
_NEAR_BY = (
    "localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa",
    "test", "invalid", "example", "onion", "alt",
)  # fmt: skip
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            # Of IPv6 only global unicast is left, and there nothing that holds an IPv4 address
            # (Teredo, 6to4) or is for special purposes. NAT64 (64:ff9b::/96) is outside of it.
            "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16",
            "2620:4f:8000::/48", "3fff::/20",
        ),
    )
)  # fmt: skip


def parse_public(value: object) -> str:
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
    if port not in (None, PORT) or not is_public_name(parts.hostname or ""):
        raise BadValue(PROBLEM)
    return text


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
        and labels[-1] not in _NEAR_BY
    )


def is_public(address: str) -> bool:
    """Whether an address is anybody's on the internet; not of this machine, its network or ours."""
    try:
        given = ip_address(address)
    except ValueError:
        return False
    if isinstance(given, IPv6Address) and given.scope_id is not None:
        return False
    return not any(given in network for network in _NOT_PUBLIC)


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
