"""Addresses that Kith is asked to call: public ones, and those inside that the operator allows.

`jobs/guard.py` asks what a name resolves to; `domain/urls.py` knows what is public.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import msgspec

from kith.domain import urls
from kith.errors import BadValue

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

CHARACTERS_MAX = 2_000
PORTS = (443, 8443)
_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?\.?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?][!$&'()*+,./0-9:;=?@A-Z_a-z~%-]*)?)",
    re.IGNORECASE,
)


class Target(msgspec.Struct, frozen=True):
    """`host` is a name in lower case, or an address without brackets; `rest` is path and query."""

    scheme: str
    host: str
    port: int
    rest: str

    @property
    def named(self) -> str:
        """As the `Host` header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"


def parse(value: object) -> str:
    """The address as it was given; raises BadValue."""
    if not isinstance(value, str):
        raise BadValue("must be a string.")
    read(value.strip())
    return value.strip()


def read(url: str) -> Target:
    """Raises BadValue."""
    if len(url) > CHARACTERS_MAX:
        raise BadValue(f"may not be greater than {CHARACTERS_MAX} characters.")
    found = _SHAPE.fullmatch(url)
    if found is None:
        raise BadValue(
            "must be a whole address such as https://hooks.zapier.com/hooks/standard/1/2/, in"
            " ASCII, without a user name or a fragment."
        )
    scheme = found["scheme"].lower()
    port = int(found["port"]) if found["port"] else _default_port(scheme)
    if not 1 <= port <= 65_535:
        raise BadValue("must have a port from 1 to 65535.")
    host = found["host"].lower().strip("[]").rstrip(".")
    if not host:
        raise BadValue("must name a host.")
    return Target(scheme, host, port, found["rest"] or "/")


def may_be_called(target: Target, address: Address, allowed: Iterable[Network]) -> bool:
    """Whether the operator lets it, or it is what anybody on the internet may call."""
    if any(address in network for network in allowed):
        return True
    return target.scheme == "https" and target.port in PORTS and urls.is_public(str(address))


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
