"""What happened last, as the events tell of it: read from the contacts and the ledger itself."""

from kith.domain.consent import Record, State
from kith.domain.contacts import Contact
from kith.store import contacts
from kith.store.consent import COLUMNS as RECORD_COLUMNS
from kith.store.consent import of as record_of
from kith.store.database import Tx

LOOKED_THROUGH_MAX = 10_000
"""So many contacts or rows of the ledger are looked through, newest first: an import may have
brought any number that are not listed."""

_CONTACTS = (
    f"SELECT {contacts.COLUMNS} FROM contacts c WHERE c.tenant_id = :tenant_id"
    " AND c.uuid >= COALESCE((SELECT n.uuid FROM contacts n WHERE n.tenant_id = :tenant_id"
    " ORDER BY n.uuid DESC LIMIT 1 OFFSET :looked_through), '')"
    " AND c.source <> 'csv_import' ORDER BY c.uuid DESC LIMIT :rows_max"
)
_RECORDS = (
    f"SELECT {contacts.COLUMNS}, {RECORD_COLUMNS} FROM consent_records r"
    " JOIN contacts c ON c.tenant_id = :tenant_id AND c.uuid = COALESCE((SELECT m.into_uuid"
    " FROM merged_contacts m WHERE m.tenant_id = :tenant_id AND m.uuid = r.contact_uuid),"
    " r.contact_uuid) LEFT JOIN users u ON u.id = r.user_id"
    " WHERE r.tenant_id = :tenant_id AND r.state = :state AND r.is_event = 1"
    " AND r.uuid >= COALESCE((SELECT n.uuid FROM consent_records n"
    " WHERE n.tenant_id = :tenant_id ORDER BY n.uuid DESC LIMIT 1 OFFSET :looked_through), '')"
    " ORDER BY r.uuid DESC LIMIT :rows_max"
)


async def newest_contacts(tx: Tx, *, tenant_id: int, rows_max: int) -> list[Contact]:
    """Whoever was made one by one, newest first."""
    rows = await tx.all(
        _CONTACTS,
        tenant_id=tenant_id,
        rows_max=rows_max,
        looked_through=LOOKED_THROUGH_MAX - 1,
    )
    return [contacts.of(row) for row in rows]


async def newest_records(
    tx: Tx, *, tenant_id: int, state: State, rows_max: int
) -> list[tuple[Contact, Record]]:
    """Of consent: whoever came to be in that state, newest first."""
    rows = await tx.all(
        _RECORDS,
        tenant_id=tenant_id,
        state=state,
        rows_max=rows_max,
        looked_through=LOOKED_THROUGH_MAX - 1,
    )
    width = contacts.COLUMNS.count(",") + 1
    return [(contacts.of(row[:width]), record_of(row[width:])) for row in rows]
