"""What a contact's messages tell of it, and how the messages of two are told apart."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from kith.domain import failures, graph, json
from kith.domain.merging import Facets, Merge
from kith.domain.messages import WINDOWLESS
from kith.domain.times import from_us, to_us
from kith.store.database import Tx
from kith.store.json_lists import each_text

FAILURES_MAX = 1_000

_EACH = each_text("given")
_CLAIM = {
    engine: "UPDATE messages SET origin_uuid = :uuid WHERE tenant_id = :tenant_id"
    " AND contact_id = :contact_id AND origin_uuid = :into_uuid AND uuid > :since"
    f" AND address IN (SELECT j.value FROM {each})"
    for engine, each in _EACH.items()
}
_MOVE = {
    engine: "UPDATE messages SET contact_id = :to_row_id WHERE tenant_id = :tenant_id"
    f" AND contact_id = :from_row_id AND origin_uuid IN (SELECT j.value FROM {each})"
    for engine, each in _EACH.items()
}
_WINDOWLESS = ", ".join(f"'{name}'" for name in sorted(WINDOWLESS))
_CONCLUSIVE = {
    code: failures.CONCLUSIONS[one.means]
    for code, one in graph.CODES.items()
    if one.means in failures.CONCLUSIONS
}
_CODES = ", ".join(str(code) for code in sorted(_CONCLUSIVE))


async def of_contact(tx: Tx, *, tenant_id: int, contact_row_id: int) -> Facets:
    """When it last wrote or was written to, and what holds between it and each business number."""
    key = {"tenant_id": tenant_id, "contact_id": contact_row_id}
    found: Facets = {}
    last = await tx.one(
        "SELECT MAX(at) FROM messages WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " AND is_counted = 1",
        **key,
    )
    if last is not None and last[0] is not None:
        found["field", "last_message_at"] = last[0]
    heard = await tx.all(
        "SELECT number_id, MAX(at) FROM messages WHERE tenant_id = :tenant_id"
        " AND contact_id = :contact_id AND direction = 'inbound'"
        f" AND type NOT IN ({_WINDOWLESS}) GROUP BY number_id",
        **key,
    )
    found |= {("conversation", f"{number}/last_inbound_at"): at for number, at in heard}
    failed = await tx.all(
        "SELECT number_id, error_code, failed_at FROM messages WHERE tenant_id = :tenant_id"
        f" AND contact_id = :contact_id AND error_code IN ({_CODES}) AND failed_at IS NOT NULL"
        " AND status = 'failed' ORDER BY failed_at DESC LIMIT :rows_max",
        **key,
        rows_max=FAILURES_MAX,
    )
    times = defaultdict[tuple[str, int], list[datetime]](list)
    for number, code, at in failed:
        times[number, code].append(from_us(at))
    for (number, code), each in times.items():
        what, until = _CONCLUSIVE[code]
        found["conversation", f"{number}/{what}"] = to_us(until(each))
    return found


async def counted_since(tx: Tx, *, tenant_id: int, contact_row_id: int, merge: Merge) -> int:
    """Messages counted since a merge: those that came, and older ones that arrived only then."""
    row = await tx.one(
        "SELECT COUNT(*) FROM messages WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " AND is_counted = 1"
        " AND (uuid > :merge_uuid OR COALESCE(sent_at, delivered_at, read_at, failed_at) > :at)",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        merge_uuid=merge.id,
        at=to_us(merge.at),
    )
    return int(row[0]) if row is not None else 0


async def is_at(tx: Tx, *, tenant_id: int, contact_row_id: int, at: int) -> bool:
    """Whether a message of the contact is of just this time, or failed then."""
    row = await tx.one(
        "SELECT 1 FROM messages WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " AND (at = :at OR failed_at = :at) LIMIT 1",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        at=at,
    )
    return row is not None


async def split(
    tx: Tx,
    *,
    tenant_id: int,
    from_row_id: int,
    to_row_id: int,
    done: Merge,
    followers: Iterable[str],
    addresses: Iterable[str],
) -> None:
    """Give a contact that is back its messages: those that it brought, and since the merge those
    from and to its own addresses."""
    await tx.run(
        _CLAIM[tx.engine],
        tenant_id=tenant_id,
        uuid=done.from_id,
        into_uuid=done.into_id,
        contact_id=from_row_id,
        since=done.id,
        given=json.encode([*addresses]).decode(),
    )
    await tx.run(
        _MOVE[tx.engine],
        tenant_id=tenant_id,
        from_row_id=from_row_id,
        to_row_id=to_row_id,
        given=json.encode([done.from_id, *followers]).decode(),
    )
