"""What the verdicts on many contacts follow from, in a few statements."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kith.domain import json
from kith.domain.reachability import NumberState, Standing
from kith.store import reachability
from kith.store.database import Engine, Row, Tx
from kith.store.json_lists import each_text

_EACH = each_text("keys")
_PEOPLE = "SELECT j.value, c.id, c.uuid, c.phone FROM"
_BY_ID = {
    engine: f"{_PEOPLE} {each} CROSS JOIN contacts c"
    " WHERE c.tenant_id = :tenant_id AND c.uuid = j.value"
    for engine, each in _EACH.items()
}
_BY_MERGED_ID = {
    engine: f"{_PEOPLE} {each} CROSS JOIN merged_contacts m"
    " JOIN contacts c ON c.tenant_id = m.tenant_id AND c.uuid = m.into_uuid"
    " WHERE m.tenant_id = :tenant_id AND m.uuid = j.value"
    for engine, each in _EACH.items()
}
_BY_PHONE = {
    engine: f"{_PEOPLE} {each} CROSS JOIN identities i"
    " JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"
    " WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = j.value"
    for engine, each in _EACH.items()
}
# As get-contact chooses: the most recently active, then the oldest.
_BY_EMAIL = {
    engine: f"{_PEOPLE} {each} CROSS JOIN contacts c WHERE c.tenant_id = :tenant_id AND c.id ="
    " (SELECT d.id FROM contacts d WHERE d.tenant_id = :tenant_id AND d.email_key = j.value"
    " ORDER BY d.last_message_at DESC NULLS LAST, d.created_at, d.id LIMIT 1)"
    for engine, each in _EACH.items()
}

_EACH_ROW: dict[Engine, tuple[str, str]] = {
    "sqlite": ("json_each(:row_ids) j", "j.value"),
    "postgres": ("json_array_elements_text(CAST(:row_ids AS JSON)) j (value)",
                 "CAST(j.value AS BIGINT)"),
}  # fmt: skip
_KINDS = {
    engine: f"SELECT i.contact_id, i.kind FROM {each} CROSS JOIN identities i"
    f" WHERE i.tenant_id = :tenant_id AND i.contact_id = {row_id}"
    " AND i.kind IN ('wa_id', 'bsuid') AND i.retired_at IS NULL"
    for engine, (each, row_id) in _EACH_ROW.items()
}
_BLOCKS = {
    engine: f"SELECT b.contact_id, b.reason FROM {each} CROSS JOIN contact_blocks b"
    f" WHERE b.tenant_id = :tenant_id AND b.contact_id = {row_id}"
    for engine, (each, row_id) in _EACH_ROW.items()
}
_CONSENT = {
    engine: "SELECT s.contact_id, s.purpose, s.state, s.is_stopped_at_meta"
    f" FROM {each} CROSS JOIN consent_states s"
    f" WHERE s.tenant_id = :tenant_id AND s.contact_id = {row_id} AND s.channel = 'whatsapp'"
    for engine, (each, row_id) in _EACH_ROW.items()
}
_CONVERSATIONS = {
    engine: "SELECT v.contact_id, v.number_id, v.last_inbound_at, v.refused_at, v.capped_until,"
    f" v.experiment_until FROM {each} CROSS JOIN conversations v"
    f" WHERE v.tenant_id = :tenant_id AND v.contact_id = {row_id}"
    for engine, (each, row_id) in _EACH_ROW.items()
}
_NUMBERS = (
    f"SELECT n.number_id, {reachability.NUMBER_STATE} FROM business_numbers n"
    " WHERE n.tenant_id = :tenant_id ORDER BY n.number_id LIMIT :numbers_max"
)


class Person(msgspec.Struct, frozen=True, gc=False):
    """A contact that a key names; `row_id` never leaves Kith."""

    row_id: int
    contact_id: str
    has_phone: bool


async def people_by_id(tx: Tx, *, tenant_id: int, uuids: Iterable[str]) -> dict[str, Person]:
    """Those there are, by key, as the other two; the caller keeps the keys few.

    By a merged id it is the contact in which it lives on.
    """
    keys = set(uuids)
    given = {"tenant_id": tenant_id, "keys": _as_json(keys)}
    found = _people(await tx.all(_BY_ID[tx.engine], **given))
    if missing := keys - found.keys():
        given["keys"] = _as_json(missing)
        found |= _people(await tx.all(_BY_MERGED_ID[tx.engine], **given))
    return found


async def people_by_phone(tx: Tx, *, tenant_id: int, phones: Iterable[str]) -> dict[str, Person]:
    return _people(await tx.all(_BY_PHONE[tx.engine], tenant_id=tenant_id, keys=_as_json(phones)))


async def people_by_email(
    tx: Tx, *, tenant_id: int, email_keys: Iterable[str]
) -> dict[str, Person]:
    return _people(
        await tx.all(_BY_EMAIL[tx.engine], tenant_id=tenant_id, keys=_as_json(email_keys))
    )


async def numbers_of(tx: Tx, *, tenant_id: int) -> dict[str, NumberState]:
    """The workspace's business numbers by id, lowest first, as to somebody who never wrote."""
    rows = await tx.all(_NUMBERS, tenant_id=tenant_id, numbers_max=reachability.NUMBERS_MAX)
    return {row[0]: reachability.number_state(*row) for row in rows}


async def standings(tx: Tx, *, tenant_id: int, people: Iterable[Person]) -> dict[int, Standing]:
    """By row id."""
    known = {person.row_id: person for person in people}
    given = {"tenant_id": tenant_id, "row_ids": json.encode([*known]).decode()}
    kinds, reasons = defaultdict[int, list[str]](list), defaultdict[int, list[str]](list)
    for row_id, kind in await tx.all(_KINDS[tx.engine], **given):
        kinds[row_id].append(kind)
    for row_id, reason in await tx.all(_BLOCKS[tx.engine], **given):
        reasons[row_id].append(reason)
    consent = {
        (row_id, purpose): (state, bool(is_stopped))
        for row_id, purpose, state, is_stopped in await tx.all(_CONSENT[tx.engine], **given)
    }
    nothing = None, False
    found = {}
    for row_id, person in known.items():
        marketing, is_meta_stopped = consent.get((row_id, "marketing"), nothing)
        found[row_id] = reachability.standing(
            person.has_phone,
            " ".join(kinds.get(row_id, ())),
            " ".join(reasons.get(row_id, ())),
            marketing,
            consent.get((row_id, "utility"), nothing)[0],
            is_meta_stopped,
        )
    return found


async def conversations(
    tx: Tx, *, tenant_id: int, people: Iterable[Person], numbers: Mapping[str, NumberState]
) -> dict[int, dict[str, NumberState]]:
    """What passed between whom and which of `numbers`: by row id, then by number."""
    rows = await tx.all(
        _CONVERSATIONS[tx.engine],
        tenant_id=tenant_id,
        row_ids=json.encode([person.row_id for person in people]).decode(),
    )
    found: dict[int, dict[str, NumberState]] = defaultdict(dict)
    for row_id, number_id, *passed in rows:
        if (number := numbers.get(number_id)) is not None:
            found[row_id][number_id] = reachability.spoken(number, *passed)
    return found


def _people(rows: Sequence[Row]) -> dict[str, Person]:
    return {
        key: Person(row_id, contact_id, phone is not None)
        for key, row_id, contact_id, phone in rows
    }


def _as_json(keys: Iterable[str]) -> str:
    return json.encode(tuple(keys)).decode()
