"""A person who works with Kith, in one workspace or, for a moment, in none."""

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    tenant_id: int | None
    email: str
    name: str | None
    tenant_uuid: str | None
    tenant_name: str | None
    is_revoked: bool = False
