"""Whom Kith may call: every address that a name leads to is checked, and one of them is called.

A name is resolved once. What was checked is what is called, whatever the name leads to a moment
later (reliability T4.1, T4.2).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

from kith.domain import targets
from kith.domain.targets import Address, Network, Target
from kith.errors import BadValue

RESOLVE_S_MAX = 5.0
RESOLVERS_MAX = 64
"""Names that are resolved at once: one that hangs must not hold up the others."""

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Blocked(Exception):
    """It may not be called, or there is nobody by that name: which of the two, nobody is told."""


class Guard:
    """`allowed` are the networks inside that the operator lets be called."""

    def __init__(self, allowed: Iterable[Network], resolve: Resolve | None = None) -> None:
        self._allowed = tuple(allowed)
        self._threads = ThreadPoolExecutor(RESOLVERS_MAX, thread_name_prefix="kith-resolve")
        self._resolve = resolve or self._look_up

    async def check(self, url: str) -> None:
        """Raises BadValue, in words for whoever gave the address."""
        try:
            await self.address(targets.read(url))
        except Blocked:
            raise BadValue(
                "must be an https address, on port 443 or 8443, of a machine on the public"
                " internet; others are for the operator to allow, with KITH_ALLOWED_NETWORKS."
            ) from None

    async def address(self, target: Target) -> str:
        """Where to connect to. Raises Blocked when any answer for the name may not be called."""
        try:
            async with asyncio.timeout(RESOLVE_S_MAX):
                found = await self._resolve(target.host, target.port)
            addresses = [ip_address(one) for one in found]
        except (OSError, UnicodeError, ValueError):
            raise Blocked() from None
        if not addresses or not all(self._may_be_called(target, one) for one in addresses):
            raise Blocked()
        return str(addresses[0])

    def _may_be_called(self, target: Target, address: Address) -> bool:
        if not targets.may_be_called(target, address, self._allowed):
            return False
        return any(address in network for network in self._allowed) or not _is_ours(address)

    async def _look_up(self, host: str, port: int) -> list[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, look_up)
        return [str(sockaddr[0]) for *_, sockaddr in found]


def _is_ours(address: Address) -> bool:
    """Whether this machine has the address: what listens on it is inside."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
