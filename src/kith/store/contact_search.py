"""SQLite's index of trigrams: which contacts may hold a text, and how it follows the contacts.

A row of the index is `(tenant_id << 40) + contact id`: a workspace is one range, and nothing
outside of it is looked at (docs/decisions/0007).
"""

import apsw

from kith.domain import search
from kith.store.database import Tx

TERMS_MAX = 512
"""A query of one or two letters that begins more trigrams than this is no rare one."""
FIRST = 200
"""Where so many candidates from an end of the workspace stand tells how many there will be."""
SAMPLE = 500
"""How many rows with a trigram tell how frequent it is."""
ROWS_TO_A_GRAM = 3
"""A trigram that more rows hold than one in so many excludes too few."""
PENDING_MAX = 256
"""So many changed contacts may wait for the index; a search looks at each of them, in 8 us."""
CHANGED, GONE = 0, 1
"""Of a contact that waits; one that is gone waits no longer than until the COMMIT."""
MERGED_PAGES = 16
"""How much of the index one step of `merge` writes anew: 2 ms."""

_MATCHING = (
    "SELECT s.rowid - (:tenant_id << 40) FROM contact_search s WHERE contact_search MATCH :terms"
    " AND s.rowid > (:tenant_id << 40) + :after AND s.rowid < ((:tenant_id + 1) << 40)"
)
_OLDEST = f"{_MATCHING} LIMIT :rows_max"
_NEWEST = f"{_MATCHING} ORDER BY s.rowid DESC LIMIT :rows_max"
_ONE_FAR_OFF = f"{_MATCHING} LIMIT 1 OFFSET :passed"
_SPAN = (
    "SELECT (SELECT MIN(o.id) FROM contacts o WHERE o.tenant_id = :tenant_id),"
    " (SELECT MAX(n.id) FROM contacts n WHERE n.tenant_id = :tenant_id)"
)

_NOTE_CHANGE = (
    "INSERT INTO contact_search_pending (tenant_id, id, old_key, is_erased)"
    f" SELECT c.tenant_id, c.id, c.search_key, {CHANGED} FROM contacts c"
    " WHERE c.tenant_id = :tenant_id AND c.id = :row_id AND c.search_key <> :search_key"
    " ON CONFLICT (tenant_id, id) DO NOTHING"
)


async def candidates(
    tx: Tx, *, tenant_id: int, folded: str, candidates_max: int
) -> list[int] | None:
    """Row ids of contacts that may hold the text; None when there are more than that."""
    found = await _indexed(tx, tenant_id, folded, candidates_max)
    if found is None:
        return None
    waiting = await tx.all(
        "SELECT p.id FROM contact_search_pending p WHERE p.tenant_id = :tenant_id",
        tenant_id=tenant_id,
    )
    return sorted({*found, *(row[0] for row in waiting)})


async def _indexed(tx: Tx, tenant_id: int, folded: str, candidates_max: int) -> list[int] | None:
    span = await _span(tx, tenant_id)
    if len(folded) < search.GRAM:
        terms = await _beginning_with(tx, folded)
        if not terms:
            return None if terms is None else []
        return await _matching(tx, tenant_id, search.any_of(terms), candidates_max, span)
    rare = await _rarest(tx, tenant_id, search.grams(folded), span)
    return await _matching(tx, tenant_id, search.all_of(rare), candidates_max, span)


async def _span(tx: Tx, tenant_id: int) -> tuple[int, int]:
    """The first and the last row id of the workspace."""
    row = await tx.one(_SPAN, tenant_id=tenant_id)
    assert row is not None
    return row[0] or 0, row[1] or 0


async def _matching(
    tx: Tx, tenant_id: int, query: str, candidates_max: int, span: tuple[int, int]
) -> list[int] | None:
    """In the order of the row ids; None when there are more, or would be.

    To look for the first of them tells it in a tenth of the time. Where these stand close together,
    the last are asked as well: an import may have brought all that match.
    """
    given = {"tenant_id": tenant_id, "terms": query}
    found = await tx.all(_OLDEST, **given, after=0, rows_max=min(FIRST, candidates_max + 1))
    ids = [row[0] for row in found]
    if len(ids) == FIRST:
        first, last = span
        too_close = FIRST * (last - first) // max(candidates_max, 1)
        if ids[-1] - first < too_close:
            newest = await tx.all(_NEWEST, **given, after=0, rows_max=FIRST)
            if last - newest[-1][0] < too_close:
                return None
        more_max = candidates_max + 1 - FIRST
        more = await tx.all(_OLDEST, **given, after=ids[-1], rows_max=more_max)
        ids += [row[0] for row in more]
    return ids if len(ids) <= candidates_max else None


async def _beginning_with(tx: Tx, folded: str) -> list[str] | None:
    """The trigrams that begin so; None when there are too many to ask for."""
    rows = await tx.all(
        "SELECT term FROM contact_search_terms WHERE term >= :first AND term < :beyond"
        " LIMIT :terms_max",
        first=folded,
        beyond=f"{folded}\U0010ffff",
        terms_max=TERMS_MAX + 1,
    )
    return [row[0] for row in rows] if len(rows) <= TERMS_MAX else None


async def _rarest(
    tx: Tx, tenant_id: int, grams: tuple[str, ...], span: tuple[int, int]
) -> list[str]:
    """The trigrams that narrow most, rarest first: those that the first rows hold least often.

    To ask also for what nearly every row holds costs more than to look at the rows that it
    excludes: 15 ms.
    """
    reached: list[tuple[int, str]] = []
    for gram in grams:
        row = await tx.one(
            _ONE_FAR_OFF,
            tenant_id=tenant_id,
            terms=search.all_of([gram]),
            after=0,
            passed=SAMPLE,
        )
        if row is None:
            return [gram]
        reached.append((row[0] - span[0], gram))
    reached.sort(reverse=True)
    rare = [gram for reach, gram in reached if reach > ROWS_TO_A_GRAM * SAMPLE]
    return rare or [reached[0][1]]


async def note(
    tx: Tx, *, tenant_id: int, row_id: int, old_key: str | None, is_erased: bool = False
) -> None:
    """A contact is new to the index (`old_key` is None), changes, or is erased."""
    if tx.engine == "sqlite":  # PostgreSQL's own index follows by itself
        await tx.run(
            "INSERT INTO contact_search_pending (tenant_id, id, old_key, is_erased)"
            " VALUES (:tenant_id, :row_id, :old_key, :is_erased)"
            " ON CONFLICT (tenant_id, id) DO UPDATE SET is_erased = is_erased OR :is_erased",
            row_id=row_id,
            tenant_id=tenant_id,
            old_key=old_key,
            is_erased=int(is_erased),
        )


async def note_change(tx: Tx, *, tenant_id: int, row_id: int, search_key: str) -> None:
    """To be called before the contact gets this search key: of what it had, the index holds.

    What is stored counts: another Python may fold some letter otherwise.
    """
    if tx.engine == "sqlite":
        await tx.run(_NOTE_CHANGE, tenant_id=tenant_id, row_id=row_id, search_key=search_key)


def follow(connection: apsw.Connection, *, nobody_waits: bool) -> None:
    """Bring the index up to date when many contacts wait for it, or one that is gone."""
    pending_max = 0 if nobody_waits else PENDING_MAX
    try:
        [(is_due,)] = connection.execute(_DUE, {"pending_max": pending_max}).fetchall()
    except apsw.SQLError:  # there is no such table before migration 0002
        return
    if is_due:
        refresh(connection)


def refresh(connection: apsw.Connection) -> None:
    """Bring the index up to date with what changed, in the open transaction.

    For many contacts at once: one row costs 0.3 ms alone, and some 50 us among 256. What a contact
    had is marked as gone, and goes itself when parts of the index are merged.
    """
    execute = connection.execute
    execute(_MARK)
    execute(
        "INSERT INTO contact_search (rowid, text)"
        " SELECT (p.tenant_id << 40) + p.id, c.search_key FROM contact_search_pending p"
        " CROSS JOIN contacts c ON c.tenant_id = p.tenant_id AND c.id = p.id"
    )
    execute("DELETE FROM contact_search_pending")


def merge(connection: apsw.Connection, *, is_first: bool) -> bool:
    """A step towards an index of one part, without marks or what they stand for.

    Returns whether there is more to do. FTS5's `secure-delete` would not do: it takes out the
    newest entry of a contact together with its mark, and an older one is found again.
    """
    pages = -MERGED_PAGES if is_first else MERGED_PAGES
    before = connection.total_changes()
    connection.execute(
        "INSERT INTO contact_search (contact_search, rank) VALUES ('merge', ?)", (pages,)
    )
    return connection.total_changes() - before > 1  # one is the command itself


_DUE = "SELECT COUNT(*) > :pending_max OR MAX(is_erased) FROM contact_search_pending"
_MARK = (
    "INSERT INTO contact_search (contact_search, rowid, text)"
    " SELECT 'delete', (p.tenant_id << 40) + p.id, p.old_key"
    " FROM contact_search_pending p WHERE p.old_key IS NOT NULL"
)
