"""Contacts found by what little one knows: search-contacts and list-contacts.

PostgreSQL plans by itself. On SQLite (docs/decisions/0007) a statement walks an order until it has
enough, or sorts a few candidates that an index names; which one is cheaper is decided here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from kith.domain import email as emails
from kith.domain import ids, json
from kith.domain.contacts import Contact, Filters, SearchContacts
from kith.domain.times import to_us
from kith.store import contact_changes, contact_search, contacts, tags
from kith.store.database import Engine, Row, Tx

WALK_ROWS = 2_000
"""As many of the most recently active are looked through before an index is asked: 0.5 ms."""
FREQUENT = 6
"""Who matches so often among them is met often enough by walking on."""
CANDIDATES_MAX = 2_000
"""More are not worth sorting: a walk meets 50 of them sooner."""
RARE_CANDIDATES_MAX = 15_000
"""The same where nobody among the most recently active matches: a walk would be long."""
SEEN_CANDIDATES_MAX = 6_000
"""The same where one of them matches; half of it where two do, since a walk is half as long."""

_CONTAINS: dict[Engine, str] = {
    "sqlite": "c.search_key GLOB :pattern",
    "postgres": "c.search_key LIKE :pattern",
}
_IS_OPTED_IN = (
    "(c.opted_in_at IS NOT NULL AND (c.opted_out_at IS NULL OR c.opted_out_at < c.opted_in_at))"
)
_IS_TAGGED = (
    "EXISTS (SELECT 1 FROM contact_tags x"
    " WHERE x.tenant_id = :tenant_id AND x.contact_id = c.id AND x.tag_id = :tag_id)"
)
_FILTERS = {
    engine: f" AND (CAST(:pattern AS TEXT) IS NULL OR {contains})"
    f" AND (CAST(:tag_id AS BIGINT) IS NULL OR {_IS_TAGGED})"
    " AND (CAST(:email_key AS TEXT) IS NULL OR c.email_key = :email_key)"
    " AND (CAST(:source AS TEXT) IS NULL OR c.source = :source)"
    f" AND (CAST(:opted_in AS BOOLEAN) IS NULL OR {_IS_OPTED_IN} = CAST(:opted_in AS BOOLEAN))"
    " AND (CAST(:created_after AS BIGINT) IS NULL OR c.created_at > :created_after)"
    " AND (CAST(:updated_after AS BIGINT) IS NULL OR c.updated_at > :updated_after)"
    for engine, contains in _CONTAINS.items()
}
_BY_ACTIVITY = (
    " ORDER BY c.last_message_at DESC NULLS LAST, c.created_at DESC, c.id LIMIT :rows_max"
)
_BY_ID = " AND c.uuid > :after ORDER BY c.uuid LIMIT :rows_max"
_SEARCH = {
    engine: f"SELECT {contacts.COLUMNS} FROM contacts c"
    f" WHERE c.tenant_id = :tenant_id{filters}{_BY_ACTIVITY}"
    for engine, filters in _FILTERS.items()
}
_LIST = {
    engine: "SELECT c.document, c.uuid FROM contact_documents c"
    f" WHERE c.tenant_id = :tenant_id{filters}{_BY_ID}"
    for engine, filters in _FILTERS.items()
}

# SQLite only. The inner SELECT reads nothing but the index it walks.
_RECENT = (
    f"SELECT {contacts.COLUMNS} FROM (SELECT r.id FROM (SELECT n.id, n.search_key"
    " FROM contacts n INDEXED BY contacts_by_activity WHERE n.tenant_id = :tenant_id"
    " ORDER BY n.last_message_at DESC, n.created_at DESC, n.id LIMIT :walk_rows) r"
    " WHERE (:pattern IS NULL OR r.search_key GLOB :pattern)"
    " AND (:tag_id IS NULL OR EXISTS (SELECT 1 FROM contact_tags x"
    " WHERE x.tenant_id = :tenant_id AND x.contact_id = r.id AND x.tag_id = :tag_id))"
    " LIMIT :rows_max) w CROSS JOIN contacts c ON c.id = w.id"
    f" WHERE c.tenant_id = :tenant_id{_BY_ACTIVITY}"
)
_MORE = (
    "SELECT 1 FROM contacts n INDEXED BY contacts_by_activity"
    " WHERE n.tenant_id = :tenant_id LIMIT 1 OFFSET :walk_rows"
)
_BEST_AMONG = (
    "SELECT c.id FROM json_each(:ids) j CROSS JOIN contacts c ON c.id = j.value"
    f" WHERE c.tenant_id = :tenant_id{_FILTERS['sqlite']}{_BY_ACTIVITY}"
)
_ROWS = (
    f"SELECT {contacts.COLUMNS} FROM json_each(:ids) j CROSS JOIN contacts c ON c.id = j.value"
    " WHERE c.tenant_id = :tenant_id ORDER BY j.key"
)
_LIST_AMONG = (
    "SELECT c.document, c.uuid FROM json_each(:ids) j"
    " CROSS JOIN contact_documents c ON c.id = j.value"
    f" WHERE c.tenant_id = :tenant_id{_FILTERS['sqlite']}{_BY_ID}"
)

_WITH_EMAIL = (
    "SELECT n.id FROM contacts n WHERE n.tenant_id = :tenant_id AND n.email_key = :email_key"
    " LIMIT :rows_max"
)
_WITH_TAG = (
    "SELECT x.contact_id FROM contact_tags x WHERE x.tenant_id = :tenant_id AND x.tag_id = :tag_id"
    " LIMIT :rows_max"
)

_GLOB_SIGNS = re.compile(r"[*?\[]")


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of _FILTERS."""

    pattern: str | None
    tag_id: int | None
    email_key: str | None
    source: str | None
    opted_in: bool | None
    created_after: int | None
    updated_after: int | None


async def most_active(
    tx: Tx, *, tenant_id: int, filters: SearchContacts, rows_max: int
) -> list[Contact]:
    """Newest message first, those without one last, then the newest contact."""
    searched = Filters(query=filters.query, tag=filters.tag, email=filters.email)
    wanted = await _wanted(tx, tenant_id, searched)
    if wanted is None:
        return []
    values = {"tenant_id": tenant_id, "rows_max": rows_max, **msgspec.structs.asdict(wanted)}
    rows: Sequence[Row] | None = None
    if tx.engine == "sqlite" and _is_narrow(searched):
        rows = await _without_walking(tx, searched, wanted, values)
    if rows is None:
        rows = await tx.all(_SEARCH[tx.engine], **values)
    return [contacts.of(row) for row in rows]


async def in_order(
    tx: Tx, *, tenant_id: int, filters: Filters, after: str | None, rows_max: int
) -> list[tuple[str, str]]:
    """Documents and ids, in the order of the ids, from the one after `after`."""
    wanted = await _wanted(tx, tenant_id, filters)
    if wanted is None:
        return []
    given = {"tenant_id": tenant_id, "rows_max": rows_max, **msgspec.structs.asdict(wanted)}
    given["after"] = max(after or "", _earliest(filters))
    among = None
    if tx.engine == "sqlite" and _is_narrow(filters):
        among = await _candidates(tx, tenant_id, filters, wanted, CANDIDATES_MAX)
    if among is None:
        rows = await tx.all(_LIST[tx.engine], **given)
    else:
        rows = await tx.all(_LIST_AMONG, **given, ids=_as_json(among))
    return [(document, uuid) for document, uuid in rows]


async def _wanted(tx: Tx, tenant_id: int, filters: Filters) -> _Wanted | None:
    """None when nothing can match: the workspace has no such tag."""
    tag_id = None
    if filters.tag is not None:
        tag_id = await tags.id_of(tx, tenant_id=tenant_id, name=filters.tag)
        if tag_id is None:
            return None
    return _Wanted(
        pattern=_PATTERNS[tx.engine](filters.query) if filters.query is not None else None,
        tag_id=tag_id,
        email_key=emails.key(filters.email) if filters.email is not None else None,
        source=filters.source,
        opted_in=filters.opted_in,
        created_after=to_us(filters.created_after) if filters.created_after else None,
        updated_after=to_us(filters.updated_after) if filters.updated_after else None,
    )


def _like(query: str) -> str:
    """What contains the query, whose characters are literal (row T9.1)."""
    literal = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


def _glob(query: str) -> str:
    """The same for SQLite, which is a quarter quicker so than with `instr`."""
    literal = _GLOB_SIGNS.sub(r"[\g<0>]", query)
    return f"*{literal}*"


_PATTERNS: dict[Engine, Callable[[str], str]] = {"sqlite": _glob, "postgres": _like}


def _is_narrow(filters: Filters) -> bool:
    """Whether an index could name the few contacts that match."""
    narrow = (filters.query, filters.tag, filters.email, filters.updated_after)
    return any(value is not None for value in narrow)


async def _without_walking(
    tx: Tx, filters: Filters, wanted: _Wanted, given: Mapping[str, Any]
) -> Sequence[Row] | None:
    """What the most recently active hold or an index names; None when walking is quicker."""
    candidates_max = CANDIDATES_MAX
    if filters.email is None:
        rows = await tx.all(_RECENT, **given, walk_rows=WALK_ROWS)
        if len(rows) == given["rows_max"]:
            return rows
        if filters.query is not None:
            if len(rows) >= FREQUENT:
                return None
            candidates_max = SEEN_CANDIDATES_MAX // len(rows) if rows else RARE_CANDIDATES_MAX
        if await tx.one(_MORE, tenant_id=given["tenant_id"], walk_rows=WALK_ROWS) is None:
            return rows
    among = await _candidates(tx, given["tenant_id"], filters, wanted, candidates_max)
    if among is None:
        return None
    best = await tx.all(_BEST_AMONG, **given, ids=_as_json(among))
    shown = _as_json([row[0] for row in best])
    return await tx.all(_ROWS, tenant_id=given["tenant_id"], ids=shown)


async def _candidates(
    tx: Tx, tenant_id: int, filters: Filters, wanted: _Wanted, candidates_max: int
) -> list[int] | None:
    """Row ids that hold every match, from the first index that names few; None when none does."""
    given = {"tenant_id": tenant_id, "rows_max": CANDIDATES_MAX + 1}
    found = None
    if wanted.email_key is not None:
        found = _few(await tx.all(_WITH_EMAIL, **given, email_key=wanted.email_key))
    if found is None and filters.query is not None:
        found = await contact_search.candidates(
            tx, tenant_id=tenant_id, folded=filters.query, candidates_max=candidates_max
        )
    if found is None and wanted.tag_id is not None:
        found = _few(await tx.all(_WITH_TAG, **given, tag_id=wanted.tag_id))
    if found is None and filters.updated_after is not None:
        changed = await contact_changes.since(
            tx, tenant_id=tenant_id, after=filters.updated_after, rows_max=CANDIDATES_MAX + 1
        )
        found = sorted(changed) if len(changed) <= CANDIDATES_MAX else None
    return found


def _few(rows: Sequence[Row]) -> list[int] | None:
    return [row[0] for row in rows] if len(rows) <= CANDIDATES_MAX else None


def _earliest(filters: Filters) -> str:
    """An id is as old as its contact or younger: nobody before it came after `created_after`."""
    return ids.before_any_of(filters.created_after) if filters.created_after is not None else ""


def _as_json(row_ids: list[int]) -> str:
    return json.encode(row_ids).decode()
