"""Settings: read once from `KITH_*`, frozen, handed down as values by wiring.py."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

import msgspec
from msgspec import Meta

from kith.errors import CannotStart

PREFIX = "KITH_"
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One field per `KITH_` variable; docs/reference/settings.md explains each."""

    database_url: str = "sqlite:///./kith.db"
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    cache_mb: Annotated[int, Meta(ge=1, le=65_536)] = 384
    rate_limit_per_minute: Count = 120
    rate_limit_per_address: Count | None = None
    trusted_proxies: str = ""
    allowed_networks: str = ""
    log_requests: bool = False
    secret_key: str = ""
    media_dir: str = ""

    @property
    def strangers_per_minute(self) -> int:
        """Calls without a good token, per address; off when the other limit is."""
        if self.rate_limit_per_address is not None:
            return self.rate_limit_per_address
        return 60 if self.rate_limit_per_minute else 0


def read(environment: Mapping[str, str]) -> Settings:
    """Raises CannotStart, naming the setting and what would be right. Blank means the default."""
    fields = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    known = {PREFIX + name.upper(): name for name in fields}
    given = {
        known[variable]: value.strip()
        for variable, value in environment.items()
        if variable in known and value.strip()
    }
    for name, value in given.items():
        try:
            msgspec.convert({name: value}, Settings, strict=False)
        except msgspec.ValidationError:
            wanted = _wanted(msgspec.inspect.type_info(fields[name]))
            raise CannotStart(
                f"{PREFIX}{name.upper()} is {value!r}; it must be {wanted}."
            ) from None
    settings = msgspec.convert(given, Settings, strict=False)
    for name in ("trusted_proxies", "allowed_networks"):
        _check_networks(name, getattr(settings, name))
    return settings


def _wanted(kind: msgspec.inspect.Type) -> str:
    """What would be right, in words."""
    if isinstance(kind, msgspec.inspect.UnionType):
        return _wanted(kind.types[0])
    if isinstance(kind, msgspec.inspect.IntType):
        return f"a whole number from {kind.ge} to {kind.le}"
    return "true or false"


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses or networks with commas between; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _check_networks(name: str, text: str) -> None:
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            ip_network(part)
        except ValueError:
            raise CannotStart(
                f"{PREFIX}{name.upper()} holds {part!r}: give addresses or networks with commas"
                " between, such as 127.0.0.1, 10.0.0.0/8."
            ) from None
