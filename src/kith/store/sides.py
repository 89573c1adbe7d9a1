"""The rows of a contact that go over to another when the two are merged, and back."""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from kith.domain import json
from kith.domain.contacts import Contact
from kith.domain.merging import CONVERSATION, Answers, Name, Side
from kith.store.database import Tx
from kith.store.json_lists import each_list, each_text

Told = Literal["contact_uuid", "other_uuid"]
"""As whom a kept answer tells about a contact."""

_EACH_NAME = each_text("given")
_EACH_ROW = each_list("given")
_MOVE_IDENTITIES_BACK = {
    engine: "UPDATE identities SET contact_id = :to_row_id,"
    " origin_uuid = NULLIF(origin_uuid, :to_uuid) WHERE tenant_id = :tenant_id"
    " AND contact_id = :from_row_id AND (kind, value) IN"
    f" (SELECT j.value->>0, j.value->>1 FROM {each})"
    for engine, each in _EACH_ROW.items()
}
_MOVE_ANSWERS = {
    told: f"UPDATE idempotency_keys SET {told} = :to_uuid WHERE tenant_id = :tenant_id"
    f" AND {told} = :from_uuid"
    for told in get_args(Told)
}
_MOVE_ANSWERS_BACK = {
    (told, engine): f"{move} AND (action, key) IN (SELECT j.value->>0, j.value->>1 FROM {each})"
    for told, move in _MOVE_ANSWERS.items()
    for engine, each in _EACH_ROW.items()
}
_UNTAG = {
    engine: "DELETE FROM contact_tags AS x WHERE x.tenant_id = :tenant_id"
    " AND x.contact_id = :contact_id AND x.tag_id IN (SELECT t.id"
    f" FROM {each} CROSS JOIN tags t WHERE t.tenant_id = :tenant_id AND t.name = j.value)"
    for engine, each in _EACH_NAME.items()
}


async def side(tx: Tx, *, tenant_id: int, contact: Contact) -> Side:
    """All that a merge or an unmerge has to know of a contact."""
    key = {"tenant_id": tenant_id, "contact_id": contact.row_id}
    tags = await tx.all(
        "SELECT t.name, x.added_at FROM contact_tags x"
        " JOIN tags t ON t.tenant_id = x.tenant_id AND t.id = x.tag_id"
        " WHERE x.tenant_id = :tenant_id AND x.contact_id = :contact_id ORDER BY x.position",
        **key,
    )
    identities = await tx.all(
        "SELECT kind, value, created_at, confidence FROM identities"
        " WHERE tenant_id = :tenant_id AND contact_id = :contact_id ORDER BY kind, value",
        **key,
    )
    conversations = await tx.all(
        "SELECT number_id, last_inbound_at, refused_at, capped_until, experiment_until"
        " FROM conversations WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " ORDER BY number_id",
        **key,
    )
    blocks = await tx.all(
        "SELECT reason, since FROM contact_blocks"
        " WHERE tenant_id = :tenant_id AND contact_id = :contact_id ORDER BY reason",
        **key,
    )
    return Side(
        contact=msgspec.structs.replace(contact, row_id=0),
        tags=[(row[0], row[1]) for row in tags],
        identities=[(row[0], row[1], row[2], row[3]) for row in identities],
        conversations={row[0]: (row[1], row[2], row[3], row[4]) for row in conversations},
        blocks={row[0]: row[1] for row in blocks},
    )


async def names(tx: Tx, *, tenant_id: int, contact_row_id: int) -> list[Name]:
    """Every name of a contact, by kind and value."""
    rows = await tx.all(
        "SELECT kind, value, origin_uuid, retired_at FROM identities"
        " WHERE tenant_id = :tenant_id AND contact_id = :contact_id ORDER BY kind, value",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return [
        Name(kind=kind, value=value, origin_id=origin, is_retired=retired_at is not None)
        for kind, value, origin, retired_at in rows
    ]


async def move_identities(
    tx: Tx, *, tenant_id: int, from_row_id: int, from_uuid: str, to_row_id: int
) -> None:
    """They remember with whom they came."""
    await tx.run(
        "UPDATE identities SET contact_id = :to_row_id,"
        " origin_uuid = COALESCE(origin_uuid, :from_uuid)"
        " WHERE tenant_id = :tenant_id AND contact_id = :from_row_id",
        tenant_id=tenant_id,
        from_row_id=from_row_id,
        from_uuid=from_uuid,
        to_row_id=to_row_id,
    )


async def move_identities_back(
    tx: Tx,
    *,
    tenant_id: int,
    names: Iterable[Name],
    from_row_id: int,
    to_row_id: int,
    to_uuid: str,
) -> None:
    """These, which are nobody else's any more."""
    await tx.run(
        _MOVE_IDENTITIES_BACK[tx.engine],
        tenant_id=tenant_id,
        from_row_id=from_row_id,
        to_row_id=to_row_id,
        to_uuid=to_uuid,
        given=json.encode([one.key for one in names]).decode(),
    )


async def move_answers(
    tx: Tx, told: Told, *, tenant_id: int, from_uuid: str, to_uuid: str
) -> Answers:
    """Answers kept for a repeat are given also after the merge; returns which they are."""
    rows = await tx.all(
        f"{_MOVE_ANSWERS[told]} RETURNING action, key",
        tenant_id=tenant_id,
        from_uuid=from_uuid,
        to_uuid=to_uuid,
    )
    return sorted((row[0], row[1]) for row in rows)


async def move_answers_back(
    tx: Tx, told: Told, *, tenant_id: int, answers: Answers, from_uuid: str, to_uuid: str
) -> None:
    await tx.run(
        _MOVE_ANSWERS_BACK[told, tx.engine],
        tenant_id=tenant_id,
        from_uuid=from_uuid,
        to_uuid=to_uuid,
        given=json.encode(answers).decode(),
    )


async def tag(tx: Tx, *, tenant_id: int, contact_row_id: int, tags: list[tuple[str, int]]) -> None:
    """Give the contact tags with the time of each, in this order above those it has."""
    row = await tx.one(
        "SELECT COALESCE(MIN(position), 0) FROM contact_tags"
        " WHERE tenant_id = :tenant_id AND contact_id = :contact_id",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    assert row is not None
    for at, (name, added_at) in enumerate(tags, int(row[0]) - len(tags)):
        await tx.run(
            "INSERT INTO contact_tags (tenant_id, contact_id, tag_id, position, added_at)"
            " SELECT :tenant_id, :contact_id, t.id, :position, :added_at FROM tags t"
            " WHERE t.tenant_id = :tenant_id AND t.name = :name",
            tenant_id=tenant_id,
            contact_id=contact_row_id,
            name=name,
            position=at,
            added_at=added_at,
        )


async def tagged_at(
    tx: Tx, *, tenant_id: int, contact_row_id: int, name: str, added_at: int
) -> None:
    """Since when the contact carries a tag."""
    await tx.run(
        "UPDATE contact_tags AS x SET added_at = :added_at WHERE x.tenant_id = :tenant_id"
        " AND x.contact_id = :contact_id AND x.tag_id IN (SELECT t.id FROM tags t"
        " WHERE t.tenant_id = :tenant_id AND t.name = :name)",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        name=name,
        added_at=added_at,
    )


async def untag(tx: Tx, *, tenant_id: int, contact_row_id: int, names: list[str]) -> None:
    await tx.run(
        _UNTAG[tx.engine],
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        given=json.encode(names).decode(),
    )


async def converse(
    tx: Tx,
    *,
    tenant_id: int,
    contact_row_id: int,
    number_id: str,
    columns: tuple[int | None, ...],
) -> None:
    """What holds between the contact and one number of the business; nothing: no row."""
    key = {"tenant_id": tenant_id, "contact_id": contact_row_id, "number_id": number_id}
    await tx.run(
        "DELETE FROM conversations WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " AND number_id = :number_id",
        **key,
    )
    if any(value is not None for value in columns):
        await tx.run(
            "INSERT INTO conversations (tenant_id, contact_id, number_id, last_inbound_at,"
            " refused_at, capped_until, experiment_until) VALUES (:tenant_id, :contact_id,"
            " :number_id, :last_inbound_at, :refused_at, :capped_until, :experiment_until)",
            **key,
            **dict(zip(CONVERSATION, columns, strict=True)),
        )


async def block(
    tx: Tx, *, tenant_id: int, contact_row_id: int, reason: str, since: int | None
) -> None:
    """None lifts it."""
    key = {"tenant_id": tenant_id, "contact_id": contact_row_id, "reason": reason}
    await tx.run(
        "DELETE FROM contact_blocks WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " AND reason = :reason",
        **key,
    )
    if since is not None:
        await tx.run(
            "INSERT INTO contact_blocks (tenant_id, contact_id, reason, since)"
            " VALUES (:tenant_id, :contact_id, :reason, :since)",
            **key,
            since=since,
        )
