"""A connection: another system that writes to a workspace, and by what it proves itself."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from kith.domain.contacts import Source

System = Literal["shopify", "woocommerce", "widget", "zapier", "whatsapp"]
NAMES: dict[System, str] = {
    "shopify": "Shopify",
    "woocommerce": "WooCommerce",
    "widget": "widget",
    "zapier": "Zapier",
    "whatsapp": "WhatsApp",
}
"""As people call them."""

FORMER_KEPT = timedelta(days=7)
"""How long the secret of before a rotation still counts, unless somebody says otherwise."""
PATH = "/in/"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """As people may see it: nothing secret."""

    row_id: int
    tenant_id: int
    id: str
    system: System
    name: str
    config: Mapping[str, Any]
    created_at: datetime
    former_until: datetime | None

    @property
    def path(self) -> str:
        return PATH + self.id

    @property
    def is_polled(self) -> bool:
        """Whether it is a shop that is also read."""
        return "poll_url" in self.config

    @property
    def source(self) -> Source:
        """What the contacts say that it brings; those of WhatsApp came by nothing else."""
        return "api" if self.system == "whatsapp" else self.system


class Opened(msgspec.Struct, frozen=True):
    """With its secrets: those in force first, then those of before a rotation while they count."""

    connection: Connection
    secrets: tuple[Mapping[str, str], ...]

    def each(self, name: str) -> list[str]:
        """Every value of one secret that counts."""
        return [secrets[name] for secrets in self.secrets if secrets.get(name)]
