"""How far each shop was read by polling it."""

from kith.domain.shop_polls import Poll, Round
from kith.domain.times import from_us, from_us_or_none, to_us_or_none
from kith.store.database import Row, Tx

LIST_MAX = 1_000
_SELECT = (
    "SELECT p.connection_uuid, p.stage, p.place, p.since, p.is_full, p.began_at, p.polled_to,"
    " p.full_at, p.done_at, p.seen, p.news, p.gone, p.failures, p.problem FROM shop_polls p"
    " WHERE p.tenant_id = :tenant_id"
)


async def of(tx: Tx, *, tenant_id: int, connection_uuid: str) -> Poll:
    """A blank one before the first round."""
    row = await tx.one(
        f"{_SELECT} AND p.connection_uuid = :connection_uuid",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
    )
    return _poll(row) if row is not None else Poll(connection_id=connection_uuid)


async def all_of(tx: Tx, *, tenant_id: int) -> dict[str, Poll]:
    """By connection."""
    rows = await tx.all(f"{_SELECT} LIMIT :list_max", tenant_id=tenant_id, list_max=LIST_MAX)
    return {row[0]: _poll(row) for row in rows}


async def keep(tx: Tx, *, tenant_id: int, poll: Poll) -> None:
    under_way = poll.under_way
    await tx.run(
        "INSERT INTO shop_polls (tenant_id, connection_uuid, stage, place, since, is_full,"
        " began_at, polled_to, full_at, done_at, seen, news, gone, failures, problem)"
        " VALUES (:tenant_id, :connection_uuid, :stage, :place, :since, :is_full, :began_at,"
        " :polled_to, :full_at, :done_at, :seen, :news, :gone, :failures, :problem)"
        " ON CONFLICT (tenant_id, connection_uuid) DO UPDATE SET stage = excluded.stage,"
        " place = excluded.place, since = excluded.since, is_full = excluded.is_full,"
        " began_at = excluded.began_at, polled_to = excluded.polled_to,"
        " full_at = excluded.full_at, done_at = excluded.done_at, seen = excluded.seen,"
        " news = excluded.news, gone = excluded.gone, failures = excluded.failures,"
        " problem = excluded.problem",
        tenant_id=tenant_id,
        connection_uuid=poll.connection_id,
        stage=under_way.stage if under_way else None,
        place=under_way.place if under_way else None,
        since=to_us_or_none(under_way.since) if under_way else None,
        is_full=int(under_way.is_full) if under_way else 0,
        began_at=to_us_or_none(under_way.began_at) if under_way else None,
        polled_to=to_us_or_none(poll.polled_to),
        full_at=to_us_or_none(poll.full_at),
        done_at=to_us_or_none(poll.done_at),
        seen=poll.seen,
        news=poll.news,
        gone=poll.gone,
        failures=poll.failures,
        problem=poll.problem,
    )


async def remove(tx: Tx, *, tenant_id: int, connection_uuid: str) -> None:
    await tx.run(
        "DELETE FROM shop_polls"
        " WHERE tenant_id = :tenant_id AND connection_uuid = :connection_uuid",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
    )


async def forget_places(tx: Tx, *, tenant_id: int) -> None:
    """A place may be somebody's id: stages that are under way begin anew."""
    await tx.run(
        "UPDATE shop_polls SET place = NULL WHERE tenant_id = :tenant_id AND place IS NOT NULL",
        tenant_id=tenant_id,
    )


async def known(
    tx: Tx, *, tenant_id: int, connection_uuid: str, prefix: str, after: str, rows_max: int
) -> list[tuple[str, str]]:
    """Ids of customers whom a connection told of and who are not gone, each with its shop."""
    rows = await tx.all(
        "SELECT s.customer, s.shop FROM shop_customers s WHERE s.tenant_id = :tenant_id"
        " AND s.connection_uuid = :connection_uuid AND s.customer > :after"
        " AND SUBSTR(s.customer, 1, :prefix_length) = :prefix AND s.gone_at IS NULL"
        " ORDER BY s.customer LIMIT :rows_max",
        tenant_id=tenant_id,
        connection_uuid=connection_uuid,
        after=after,
        prefix=prefix,
        prefix_length=len(prefix),
        rows_max=rows_max,
    )
    return [(row[0], row[1]) for row in rows]


def _poll(row: Row) -> Poll:
    under_way = None
    if row[1] is not None:
        under_way = Round(
            stage=row[1],
            place=row[2],
            since=from_us_or_none(row[3]),
            is_full=bool(row[4]),
            began_at=from_us(row[5]),
        )
    return Poll(
        connection_id=row[0],
        under_way=under_way,
        polled_to=from_us_or_none(row[6]),
        full_at=from_us_or_none(row[7]),
        done_at=from_us_or_none(row[8]),
        seen=row[9],
        news=row[10],
        gone=row[11],
        failures=row[12],
        problem=row[13],
    )
