"""Forwarded headers count only when a trusted proxy sent them (row T14.1)."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

_REQUEST_ID = re.compile(rb"[A-Za-z0-9-]{8,64}")
Network = IPv4Network | IPv6Network


class Proxies:
    def __init__(self, trusted: Iterable[Network]) -> None:
        self._trusted = tuple(trusted)

    def trusts(self, address: str) -> bool:
        """Whether the peer at this address is one of ours."""
        if not self._trusted:
            return False
        try:
            peer = ip_address(address)
        except ValueError:  # a Unix socket has none
            return False
        return any(peer in network for network in self._trusted)

    def client(self, peer: str, forwarded_for: bytes | None) -> str:
        """The rightmost hop that is not one of our proxies."""
        if forwarded_for is None or not self.trusts(peer):
            return peer
        for hop in reversed(forwarded_for.decode("latin-1").split(",")):
            if not self.trusts(hop.strip()):
                return hop.strip()[:64]
        return peer

    def request_id(self, peer: str, given: bytes | None) -> bytes | None:
        """The request's own id, when it may be taken over."""
        if given is not None and _REQUEST_ID.fullmatch(given) and self.trusts(peer):
            return given
        return None
