"""Messages as rows, and the statuses that wait for one."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.domain.messages import AMENDING, Delivery, Error, Message, StatusTold, digest
from kith.domain.times import from_us, from_us_or_none, to_us, to_us_or_none
from kith.store import identities
from kith.store.database import Row, Tx

_COLUMNS = (
    "m.uuid, c.uuid, m.number_id, m.direction, m.type, m.at, m.created_at, m.status, m.sent_at,"
    " m.delivered_at, m.read_at, m.failed_at, m.error_code, m.error_title, m.error_details,"
    " m.content, m.wamid, m.about_wamid, m.template_name, m.template_language,"
    " m.template_category, m.address, m.user_id, m.token_id, m.is_echo, m.is_counted,"
    " m.edited_at, m.deleted_at, m.id, m.contact_id"
)
_SELECT = (
    f"SELECT {_COLUMNS} FROM messages m"
    " JOIN contacts c ON c.tenant_id = m.tenant_id AND c.id = m.contact_id"
    " WHERE m.tenant_id = :tenant_id"
)
_SHOWN = " AND m.type NOT IN (" + ", ".join(f"'{name}'" for name in sorted(AMENDING)) + ")"
_NEWEST_FIRST = " ORDER BY m.at DESC, m.uuid DESC LIMIT :rows_max"
_NEWEST = f"{_SELECT} AND m.contact_id = :contact_id{_SHOWN}{_NEWEST_FIRST}"
_OLDER = (
    f"{_SELECT} AND m.contact_id = :contact_id{_SHOWN} AND (m.at, m.uuid) < (SELECT b.at, b.uuid"
    f" FROM messages b WHERE b.tenant_id = :tenant_id AND b.uuid = :before_uuid){_NEWEST_FIRST}"
)
_RECEIVED = (
    f"SELECT {_COLUMNS}, c.phone, c.name, c.email FROM messages m"
    " JOIN contacts c ON c.tenant_id = m.tenant_id AND c.id = m.contact_id"
    f" WHERE m.tenant_id = :tenant_id AND m.direction = 'inbound'{_SHOWN}"
)


class Heard(msgspec.Struct, frozen=True, gc=False):
    """`is_known`: it is there, or was erased with its contact. `is_amended`: an edit or a deletion
    of it came before it."""

    is_known: bool
    is_amended: bool


async def add(
    tx: Tx, *, tenant_id: int, message: Message, contact_row_id: int, contact_uuid: str
) -> int | None:
    """The row id; None when a message with this `wamid` is there."""
    row = await tx.one(
        "INSERT INTO messages (tenant_id, uuid, contact_id, origin_uuid, number_id, direction,"
        " wamid, type, content, about_wamid, template_name, template_language, template_category,"
        " address, status, sent_at, delivered_at, read_at, failed_at, error_code, error_title,"
        " error_details, user_id, token_id, is_echo, is_counted, edited_at, deleted_at, at,"
        " created_at) VALUES (:tenant_id, :uuid, :contact_id, :origin_uuid, :number_id, :direction,"
        " :wamid, :type, :content, :about_wamid, :template_name, :template_language,"
        " :template_category, :address, :status, :sent_at, :delivered_at, :read_at, :failed_at,"
        " :error_code, :error_title, :error_details, :user_id, :token_id, :is_echo, :is_counted,"
        " :edited_at, :deleted_at, :at, :created_at)"
        " ON CONFLICT (tenant_id, wamid) WHERE wamid IS NOT NULL DO NOTHING RETURNING id",
        tenant_id=tenant_id,
        uuid=message.id,
        contact_id=contact_row_id,
        origin_uuid=contact_uuid,
        number_id=message.number_id,
        direction=message.direction,
        wamid=message.wamid,
        type=message.type,
        content=bytes(message.content).decode(),
        about_wamid=message.about_wamid,
        template_name=message.template_name,
        template_language=message.template_language,
        template_category=message.template_category,
        address=message.address,
        user_id=message.user_id,
        token_id=message.token_id,
        is_echo=int(message.is_echo),
        is_counted=int(message.is_counted),
        edited_at=to_us_or_none(message.edited_at),
        deleted_at=to_us_or_none(message.deleted_at),
        at=to_us(message.at),
        created_at=to_us(message.created_at),
        **_delivery_columns(message.delivery),
    )
    return int(row[0]) if row is not None else None


async def by_wamid(tx: Tx, *, tenant_id: int, wamid: str) -> Message | None:
    row = await tx.one(f"{_SELECT} AND m.wamid = :wamid", tenant_id=tenant_id, wamid=wamid)
    return _message(row) if row is not None else None


async def by_id(tx: Tx, *, tenant_id: int, uuid: str) -> Message | None:
    row = await tx.one(f"{_SELECT} AND m.uuid = :uuid", tenant_id=tenant_id, uuid=uuid)
    return _message(row) if row is not None else None


async def heard_of(tx: Tx, *, tenant_id: int, wamid: str) -> Heard:
    """What is known of a message that is told of."""
    row = await tx.one(
        "SELECT EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = :tenant_id"
        " AND m.wamid = :wamid) OR EXISTS (SELECT 1 FROM erased_messages e"
        " WHERE e.tenant_id = :tenant_id AND e.digest = :digest),"
        " EXISTS (SELECT 1 FROM messages a WHERE a.tenant_id = :tenant_id"
        " AND a.about_wamid = :wamid AND a.type IN ('edit', 'revoke'))",
        tenant_id=tenant_id,
        wamid=wamid,
        digest=digest(wamid),
    )
    assert row is not None
    return Heard(is_known=bool(row[0]), is_amended=bool(row[1]))


async def set_delivery(tx: Tx, *, tenant_id: int, message: Message) -> None:
    """How far it came, under which `wamid`, and whether it is counted."""
    await tx.run(
        "UPDATE messages SET wamid = :wamid, is_counted = :is_counted, status = :status,"
        " sent_at = :sent_at, delivered_at = :delivered_at, read_at = :read_at,"
        " failed_at = :failed_at, error_code = :error_code, error_title = :error_title,"
        " error_details = :error_details WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=message.id,
        wamid=message.wamid,
        is_counted=int(message.is_counted),
        **_delivery_columns(message.delivery),
    )


async def set_content(tx: Tx, *, tenant_id: int, message: Message) -> None:
    """What is left of it after an edit or a deletion, and when that was."""
    await tx.run(
        "UPDATE messages SET content = :content, edited_at = :edited_at, deleted_at = :deleted_at"
        " WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=message.id,
        content=bytes(message.content).decode(),
        edited_at=to_us_or_none(message.edited_at),
        deleted_at=to_us_or_none(message.deleted_at),
    )


async def remove(tx: Tx, *, tenant_id: int, uuid: str) -> None:
    """One that turned out to be another."""
    await tx.run(
        "DELETE FROM messages WHERE tenant_id = :tenant_id AND uuid = :uuid",
        tenant_id=tenant_id,
        uuid=uuid,
    )


async def amendments(tx: Tx, *, tenant_id: int, wamid: str) -> list[Message]:
    """The edits and deletions of a message, by WhatsApp's time."""
    rows = await tx.all(
        f"{_SELECT} AND m.about_wamid = :wamid AND m.type IN ('edit', 'revoke')"
        " ORDER BY m.at, m.wamid LIMIT 100",
        tenant_id=tenant_id,
        wamid=wamid,
    )
    return [_message(row) for row in rows]


async def remember_erased(
    tx: Tx, *, tenant_id: int, contact_row_id: int, since: datetime, at: datetime
) -> None:
    """That the contact's newer messages were there: what is delivered again makes nobody anew."""
    rows = await tx.all(
        "SELECT m.wamid FROM messages m WHERE m.tenant_id = :tenant_id"
        " AND m.contact_id = :contact_id AND m.at >= :since AND m.wamid IS NOT NULL",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        since=to_us(since),
    )
    for (wamid,) in rows:
        await tx.run(
            "INSERT INTO erased_messages (tenant_id, digest, erased_at)"
            " VALUES (:tenant_id, :digest, :at) ON CONFLICT (tenant_id, digest) DO NOTHING",
            tenant_id=tenant_id,
            digest=digest(wamid),
            at=to_us(at),
        )


async def forget_erased(tx: Tx, *, tenant_id: int, before: datetime) -> None:
    await tx.run(
        "DELETE FROM erased_messages WHERE tenant_id = :tenant_id AND erased_at < :before",
        tenant_id=tenant_id,
        before=to_us(before),
    )


async def received(
    tx: Tx, *, tenant_id: int, rows_max: int
) -> list[tuple[Message, str | None, str | None, str | None]]:
    """The newest that came in, each with its contact's phone, name and e-mail."""
    rows = await tx.all(
        f"{_RECEIVED} ORDER BY m.uuid DESC LIMIT :rows_max", tenant_id=tenant_id, rows_max=rows_max
    )
    return [(_message(row), *row[-3:]) for row in rows]


async def received_of(
    tx: Tx, *, tenant_id: int, kind: str, rows_max: int
) -> list[tuple[Message, str | None, str | None, str | None]]:
    """As `received`, of one type."""
    rows = await tx.all(
        f"{_RECEIVED} AND m.type = :kind ORDER BY m.uuid DESC LIMIT :rows_max",
        tenant_id=tenant_id,
        kind=kind,
        rows_max=rows_max,
    )
    return [(_message(row), *row[-3:]) for row in rows]


async def of_contact(
    tx: Tx, *, tenant_id: int, contact_row_id: int, before_uuid: str | None, rows_max: int
) -> list[Message]:
    """A page, newest first by WhatsApp's time; `before_uuid` is the last one seen."""
    given = {"tenant_id": tenant_id, "contact_id": contact_row_id, "rows_max": rows_max}
    if before_uuid is None:
        rows = await tx.all(_NEWEST, **given)
    else:
        rows = await tx.all(_OLDER, before_uuid=before_uuid, **given)
    return [_message(row) for row in rows]


async def whole_of_contact(
    tx: Tx, *, tenant_id: int, contact_row_id: int, rows_max: int
) -> list[Message]:
    """Everything, what is hidden too, newest first."""
    rows = await tx.all(
        f"{_SELECT} AND m.contact_id = :contact_id ORDER BY m.at DESC, m.uuid DESC LIMIT :rows_max",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        rows_max=rows_max,
    )
    return [_message(row) for row in rows]


async def park(tx: Tx, *, tenant_id: int, wamid: str, told: StatusTold, at: datetime) -> None:
    """Keep a status until its message is known; of one status the first counts."""
    await identities.take_turn(tx, tenant_id=tenant_id, of=wamid)
    error = told.error
    await tx.run(
        "INSERT INTO parked_statuses (tenant_id, digest, status, at, error_code, error_title,"
        " error_details, received_at) VALUES (:tenant_id, :digest, :status, :told_at, :error_code,"
        " :error_title, :error_details, :at) ON CONFLICT (tenant_id, digest, status) DO UPDATE SET"
        " at = excluded.at, error_code = excluded.error_code, error_title = excluded.error_title,"
        " error_details = excluded.error_details WHERE excluded.at < parked_statuses.at",
        tenant_id=tenant_id,
        digest=digest(wamid),
        status=told.status,
        told_at=to_us(told.at),
        error_code=error.code if error else None,
        error_title=error.title if error else None,
        error_details=error.details if error else None,
        at=to_us(at),
    )


async def unpark(tx: Tx, *, tenant_id: int, wamid: str) -> list[StatusTold]:
    """What was told of it before it was known; kept no longer."""
    await identities.take_turn(tx, tenant_id=tenant_id, of=wamid)
    rows = await tx.all(
        "DELETE FROM parked_statuses WHERE tenant_id = :tenant_id AND digest = :digest"
        " RETURNING status, at, error_code, error_title, error_details",
        tenant_id=tenant_id,
        digest=digest(wamid),
    )
    return [
        StatusTold(status=status, at=from_us(at), error=_error(*error))
        for status, at, *error in rows
    ]


async def forget_parked(tx: Tx, *, tenant_id: int, before: datetime) -> None:
    await tx.run(
        "DELETE FROM parked_statuses WHERE tenant_id = :tenant_id AND received_at < :before",
        tenant_id=tenant_id,
        before=to_us(before),
    )


async def failures(
    tx: Tx, *, tenant_id: int, contact_row_id: int, code: int
) -> Sequence[tuple[datetime, str, str | None]]:
    """When messages to the contact failed with this code, from which number, to which spelling."""
    rows = await tx.all(
        "SELECT m.failed_at, m.number_id, m.address FROM messages m"
        " WHERE m.tenant_id = :tenant_id AND m.contact_id = :contact_id AND m.error_code = :code"
        " AND m.failed_at IS NOT NULL AND m.status = 'failed' ORDER BY m.failed_at LIMIT 1000",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        code=code,
    )
    return [(from_us(row[0]), row[1], row[2]) for row in rows]


async def move(tx: Tx, *, tenant_id: int, from_row_id: int, to_row_id: int) -> None:
    """All messages of one contact go over to another."""
    await tx.run(
        "UPDATE messages SET contact_id = :to_row_id"
        " WHERE tenant_id = :tenant_id AND contact_id = :from_row_id",
        tenant_id=tenant_id,
        from_row_id=from_row_id,
        to_row_id=to_row_id,
    )


def _delivery_columns(delivery: Delivery) -> dict[str, object]:
    error = delivery.error
    return {
        "status": delivery.status,
        "sent_at": to_us_or_none(delivery.sent_at),
        "delivered_at": to_us_or_none(delivery.delivered_at),
        "read_at": to_us_or_none(delivery.read_at),
        "failed_at": to_us_or_none(delivery.failed_at),
        "error_code": error.code if error else None,
        "error_title": error.title if error else None,
        "error_details": error.details if error else None,
    }


def _message(row: Row) -> Message:
    return Message(
        id=row[0],
        contact_id=row[1],
        number_id=row[2],
        direction=row[3],
        type=row[4],
        at=from_us(row[5]),
        created_at=from_us(row[6]),
        delivery=Delivery(
            status=row[7],
            sent_at=from_us_or_none(row[8]),
            delivered_at=from_us_or_none(row[9]),
            read_at=from_us_or_none(row[10]),
            failed_at=from_us_or_none(row[11]),
            error=_error(*row[12:15]),
        ),
        content=msgspec.Raw(row[15].encode()),
        wamid=row[16],
        about_wamid=row[17],
        template_name=row[18],
        template_language=row[19],
        template_category=row[20],
        address=row[21],
        user_id=row[22],
        token_id=row[23],
        is_echo=bool(row[24]),
        is_counted=bool(row[25]),
        edited_at=from_us_or_none(row[26]),
        deleted_at=from_us_or_none(row[27]),
        row_id=row[28],
        contact_row_id=row[29],
    )


def _error(code: int | None, title: str | None, details: str | None) -> Error | None:
    return Error(code, title, details) if code is not None else None
