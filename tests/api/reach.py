"""Rows that a verdict follows from, written as the WhatsApp part will write them."""

import time
from typing import Any

from tests.cast import Bed, Person

DAY_S = 86_400


def now_us() -> int:
    return time.time_ns() // 1_000


def ago(seconds: float) -> int:
    return now_us() - round(seconds * 1_000_000)


class Reach:
    """Writes what is known of one workspace's numbers and contacts."""

    def __init__(self, bed: Bed, person: Person) -> None:
        self.bed = bed
        self.tenant_id = person.user.tenant_id

    async def margin(self, seconds: int) -> None:
        await self.bed.change(
            "UPDATE tenants SET window_margin_s = :seconds WHERE id = :tenant_id",
            tenant_id=self.tenant_id,
            seconds=seconds,
        )

    async def number(
        self,
        number_id: str,
        *,
        phone: str | None = None,
        unavailable_since: int | None = None,
        unavailable_code: int | None = None,
        phones_only_since: int | None = None,
        marketing_paused_until: int | None = None,
    ) -> None:
        await self._insert(
            "business_numbers",
            number_id=number_id,
            phone=phone,
            restricted_since=unavailable_since if unavailable_code is None else None,
            unavailable_since=unavailable_since if unavailable_code is not None else None,
            unavailable_code=unavailable_code,
            phones_only_since=phones_only_since,
            marketing_paused_until=marketing_paused_until,
            created_at=1,
        )

    async def conversation(self, contact_id: str, number_id: str, **times: int | None) -> None:
        given = {
            name: times.get(name)
            for name in ("last_inbound_at", "refused_at", "capped_until", "experiment_until")
        }
        await self._insert_of(contact_id, "conversations", number_id=number_id, **given)

    async def consent(
        self,
        contact_id: str,
        state: str | None,
        *,
        purpose: str = "marketing",
        channel: str = "whatsapp",
        is_stopped_at_meta: bool = False,
    ) -> None:
        await self._insert_of(
            contact_id,
            "consent_states",
            channel=channel,
            purpose=purpose,
            state=state,
            since=1,
            is_stopped_at_meta=int(is_stopped_at_meta),
        )

    async def block(self, contact_id: str, reason: str) -> None:
        await self._insert_of(contact_id, "contact_blocks", reason=reason, since=1)

    async def identity(self, contact_id: str, kind: str, value: str) -> None:
        await self._insert_of(contact_id, "identities", kind=kind, value=value, created_at=1)

    async def without_phone(self, contact_id: str) -> None:
        """As somebody of whom only a username, or an e-mail address, is known."""
        row_id = await self._row_id(contact_id)
        await self.bed.change("UPDATE contacts SET phone = NULL WHERE id = :id", id=row_id)
        await self.bed.change(
            "DELETE FROM identities WHERE contact_id = :id AND kind = 'phone'", id=row_id
        )

    async def _insert_of(self, contact_id: str, table: str, **values: Any) -> None:
        await self._insert(table, contact_id=await self._row_id(contact_id), **values)

    async def _insert(self, table: str, **values: Any) -> None:
        values = {"tenant_id": self.tenant_id, **values}
        marks = ", ".join(f":{name}" for name in values)
        await self.bed.change(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", **values
        )

    async def _row_id(self, contact_id: str) -> int:
        [(row_id,)] = await self.bed.rows(
            "SELECT id FROM contacts WHERE tenant_id = :tenant_id AND uuid = :uuid",
            tenant_id=self.tenant_id,
            uuid=contact_id,
        )
        return int(row_id)
