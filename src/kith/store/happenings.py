"""What happened last, as the events tell of it: read from the contacts and the ledger itself."""

from kith.domain.consent import Record, State
from kith.domain.contacts import Contact
from kith.store import contacts
from kith.store.consent import COLUMNS as RECORD_COLUMNS
from kith.store.consent import of as record_of
from kith.store.database import Tx

RECORDS_MAX = 10_000
"""So many rows of the ledger are looked through, newest first."""

_CONTACTS = (
    f"SELECT {contacts.COLUMNS} FROM contacts c WHERE c.tenant_id = :tenant_id"
    " ORDER BY c.uuid DESC LIMIT :rows_max"
)
# Only rows that changed something: the row before, about the same, said otherwise.
_RECORDS = (
    f"SELECT {contacts.COLUMNS}, {RECORD_COLUMNS} FROM (SELECT n.* FROM consent_records n"
    " WHERE n.tenant_id = :tenant_id ORDER BY n.uuid DESC LIMIT :records_max) r"
    " JOIN contacts c ON c.tenant_id = :tenant_id AND c.uuid = COALESCE((SELECT m.into_uuid"
    " FROM merged_contacts m WHERE m.tenant_id = :tenant_id AND m.uuid = r.contact_uuid),"
    " r.contact_uuid) LEFT JOIN users u ON u.id = r.user_id"
    " WHERE r.state = :state"
    " AND COALESCE((SELECT b.state FROM consent_records b WHERE b.tenant_id = :tenant_id"
    " AND b.contact_uuid = r.contact_uuid AND b.channel = r.channel AND b.purpose = r.purpose"
    " AND b.uuid < r.uuid ORDER BY b.uuid DESC LIMIT 1), '') <> r.state"
    " AND NOT EXISTS (SELECT 1 FROM retracted_consent x"
    " WHERE x.tenant_id = :tenant_id AND x.record_uuid = r.uuid)"
    " ORDER BY r.uuid DESC LIMIT :rows_max"
)


async def newest_contacts(tx: Tx, *, tenant_id: int, rows_max: int) -> list[Contact]:
    rows = await tx.all(_CONTACTS, tenant_id=tenant_id, rows_max=rows_max)
    return [contacts.of(row) for row in rows]


async def newest_records(
    tx: Tx, *, tenant_id: int, state: State, rows_max: int
) -> list[tuple[Contact, Record]]:
    """Of consent: whoever came to be in that state, newest first."""
    rows = await tx.all(
        _RECORDS, tenant_id=tenant_id, state=state, rows_max=rows_max, records_max=RECORDS_MAX
    )
    width = contacts.COLUMNS.count(",") + 1
    return [(contacts.of(row[:width]), record_of(row[width:])) for row in rows]
