"""What a verdict follows from, of one contact in one statement and of many in a few."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from kith.domain import json
from kith.domain.failures import UNAVAILABLE
from kith.domain.phone import Phone
from kith.domain.reachability import (
    Block,
    Conversation,
    Facts,
    Margin,
    NumberState,
    Reason,
    Standing,
    State,
    parse_margin,
)
from kith.domain.times import from_us, from_us_or_none, to_us
from kith.store.database import Engine, Row, Tx

NUMBERS_MAX = 100
"""Business numbers of a workspace that are judged, the lowest ids."""

_NUMBER = (
    "n.number_id, n.phone, n.unavailable_since, n.unavailable_code, n.phones_only_since,"
    " n.marketing_paused_until, v.last_inbound_at, v.refused_at, v.capped_until, v.experiment_until"
)
# A row for each business number, or one without. The workspace's own row goes by :workspace, which
# is the same number: `tenant_id` stands only where it keeps a table to its tenant. Names are read
# only of whoever has no phone: with one, there is an address.
_KNOWN = (
    "t.window_margin_s, c.phone, CASE WHEN c.phone IS NULL THEN"
    " (SELECT string_agg(k.kind, ' ') FROM identities k"
    " WHERE k.tenant_id = c.tenant_id AND k.contact_id = c.id AND k.retired_at IS NULL) END,"
    " (SELECT string_agg(b.reason, ' ') FROM contact_blocks b"
    " WHERE b.tenant_id = c.tenant_id AND b.contact_id = c.id),"
    f" m.state, m.is_stopped_at_meta, u.state, {_NUMBER}"
)
_JOINED = (
    " JOIN tenants t ON t.id = :workspace"
    " LEFT JOIN consent_states m ON m.tenant_id = c.tenant_id AND m.contact_id = c.id"
    " AND m.channel = 'whatsapp' AND m.purpose = 'marketing'"
    " LEFT JOIN consent_states u ON u.tenant_id = c.tenant_id AND u.contact_id = c.id"
    " AND u.channel = 'whatsapp' AND u.purpose = 'utility'"
    " LEFT JOIN business_numbers n ON n.tenant_id = c.tenant_id"
    " LEFT JOIN conversations v ON v.tenant_id = c.tenant_id AND v.contact_id = c.id"
    " AND v.number_id = n.number_id"
)
_IN_ORDER = " ORDER BY n.number_id LIMIT :numbers_max"
_OF_CONTACT = (
    f"SELECT c.uuid, {_KNOWN} FROM contacts c{_JOINED}"
    f" WHERE c.tenant_id = :tenant_id AND c.uuid = :uuid{_IN_ORDER}"
)
# With get-contact's answer, which is rendered for the first row alone.
_OF_PHONE = (
    "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM business_numbers f WHERE f.tenant_id = c.tenant_id"
    f" AND f.number_id < n.number_id) THEN d.document END, d.etag, c.uuid, {_KNOWN}"
    " FROM identities i JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id"
    f" JOIN contact_documents d ON d.tenant_id = c.tenant_id AND d.id = c.id{_JOINED}"
    f" WHERE i.tenant_id = :tenant_id AND i.kind = 'phone' AND i.value = :phone{_IN_ORDER}"
)

_EACH: dict[Engine, str] = {
    "sqlite": "json_each(:keys) j",
    "postgres": "json_array_elements_text(CAST(:keys AS JSON)) j (value)",
}
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


class Person(msgspec.Struct, frozen=True, gc=False):
    """A contact that a key names; `row_id` never leaves Kith."""

    row_id: int
    contact_id: str
    has_phone: bool


async def of_contact(tx: Tx, *, tenant_id: int, contact_uuid: str) -> Facts | None:
    """None when there is no such contact."""
    rows = await tx.all(
        _OF_CONTACT,
        tenant_id=tenant_id,
        workspace=tenant_id,
        uuid=contact_uuid,
        numbers_max=NUMBERS_MAX,
    )
    return _facts(rows) if rows else None


async def of_phone(tx: Tx, *, tenant_id: int, phone: Phone) -> tuple[str, str, Facts] | None:
    """Document, entity tag and facts of the contact that is known under exactly this phone."""
    rows = await tx.all(
        _OF_PHONE, tenant_id=tenant_id, workspace=tenant_id, phone=phone, numbers_max=NUMBERS_MAX
    )
    if not rows:
        return None
    return rows[0][0], rows[0][1], _facts([row[2:] for row in rows])


async def blocks_of(tx: Tx, *, tenant_id: int, contact_row_id: int) -> list[Block]:
    """Of the few reasons there are."""
    rows = await tx.all(
        "SELECT b.reason, b.since FROM contact_blocks b WHERE b.tenant_id = :tenant_id"
        " AND b.contact_id = :contact_id ORDER BY b.reason",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return [Block(reason, from_us(since)) for reason, since in rows]


async def add_block(
    tx: Tx, *, tenant_id: int, contact_row_id: int, reason: Reason, at: datetime
) -> None:
    """One that is there stays as it is."""
    await tx.run(
        "INSERT INTO contact_blocks (tenant_id, contact_id, reason, since)"
        " VALUES (:tenant_id, :contact_id, :reason, :at)"
        " ON CONFLICT (tenant_id, contact_id, reason) DO NOTHING",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        reason=reason,
        at=to_us(at),
    )


async def remove_block(tx: Tx, *, tenant_id: int, contact_row_id: int, reason: Reason) -> None:
    await tx.run(
        "DELETE FROM contact_blocks WHERE tenant_id = :tenant_id AND contact_id = :contact_id"
        " AND reason = :reason",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
        reason=reason,
    )


async def conversations_of(tx: Tx, *, tenant_id: int, contact_row_id: int) -> list[Conversation]:
    """By the number's id; of each business number there is one at most."""
    rows = await tx.all(
        "SELECT v.number_id, v.last_inbound_at, v.refused_at, v.capped_until, v.experiment_until"
        " FROM conversations v WHERE v.tenant_id = :tenant_id AND v.contact_id = :contact_id"
        " ORDER BY v.number_id",
        tenant_id=tenant_id,
        contact_id=contact_row_id,
    )
    return [
        Conversation(
            number_id=number_id,
            last_inbound_at=from_us_or_none(last_inbound_at),
            refused_at=from_us_or_none(refused_at),
            capped_until=from_us_or_none(capped_until),
            experiment_until=from_us_or_none(experiment_until),
        )
        for number_id, last_inbound_at, refused_at, capped_until, experiment_until in rows
    ]


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
    rows = await tx.all(
        "SELECT n.number_id, n.unavailable_since, n.unavailable_code, n.phones_only_since,"
        " n.marketing_paused_until FROM business_numbers n"
        " WHERE n.tenant_id = :tenant_id ORDER BY n.number_id LIMIT :numbers_max",
        tenant_id=tenant_id,
        numbers_max=NUMBERS_MAX,
    )
    return {row[0]: _number(*row) for row in rows}


async def margin_of(tx: Tx, *, tenant_id: int) -> Margin:
    row = await tx.one(
        "SELECT window_margin_s FROM tenants WHERE id = :tenant_id", tenant_id=tenant_id
    )
    assert row is not None
    return _margin(row[0])


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
        found[row_id] = _standing(
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
            found[row_id][number_id] = _spoken(number, *passed)
    return found


def _facts(rows: Sequence[Row]) -> Facts:
    contact_id, margin_s, phone, kinds, reasons, marketing, is_stopped, utility = rows[0][:8]
    numbers, phones = [], {}
    for row in rows:
        if (number_id := row[8]) is not None:
            numbers.append(_spoken(_number(number_id, *row[10:14]), *row[14:]))
            phones[number_id] = row[9]
    standing = _standing(phone is not None, kinds, reasons, marketing, utility, bool(is_stopped))
    return Facts(contact_id, standing, tuple(numbers), phones, _margin(margin_s))


@lru_cache(maxsize=1_024)  # most contacts stand as others do
def _standing(
    has_phone: bool,
    kinds_joined: str | None,
    reasons_joined: str | None,
    marketing: State | None,
    utility: State | None,
    is_meta_stopped: bool,
) -> Standing:
    kinds, reasons = (kinds_joined or "").split(), (reasons_joined or "").split()
    return Standing(
        has_phone_or_wa_id=has_phone or "wa_id" in kinds,
        has_bsuid="bsuid" in kinds,
        is_blocked="blocked" in reasons,
        is_country_restricted="country_restricted" in reasons,
        is_not_on_whatsapp="not_on_whatsapp" in reasons,
        is_meta_stopped=is_meta_stopped,
        is_identity_changed="identity_changed" in reasons,
        marketing=marketing,
        utility=utility,
    )


@lru_cache(maxsize=1_024)
def _number(
    number_id: str,
    unavailable_since: int | None,
    unavailable_code: int | None,
    phones_only_since: int | None,
    marketing_paused_until: int | None,
) -> NumberState:
    since = from_us_or_none(unavailable_since)
    return NumberState(
        number_id=number_id,
        is_unavailable=since is not None and unavailable_code is None,
        unavailable_until=since + UNAVAILABLE if since and unavailable_code is not None else None,
        unavailable_code=unavailable_code,
        is_phones_only=phones_only_since is not None,
        marketing_paused_until=from_us_or_none(marketing_paused_until),
    )


def _spoken(
    number: NumberState,
    last_inbound_at: int | None,
    refused_at: int | None,
    capped_until: int | None,
    experiment_until: int | None,
) -> NumberState:
    """With what passed between it and a contact, which is nothing mostly."""
    if last_inbound_at is refused_at is capped_until is experiment_until is None:
        return number
    return NumberState(
        number_id=number.number_id,
        is_unavailable=number.is_unavailable,
        unavailable_until=number.unavailable_until,
        unavailable_code=number.unavailable_code,
        is_phones_only=number.is_phones_only,
        last_inbound_at=None if last_inbound_at is None else from_us(last_inbound_at),
        meta_refused_at=None if refused_at is None else from_us(refused_at),
        frequency_capped_until=None if capped_until is None else from_us(capped_until),
        experiment_until=None if experiment_until is None else from_us(experiment_until),
        marketing_paused_until=number.marketing_paused_until,
    )


@lru_cache(maxsize=128)
def _margin(seconds: int) -> Margin:
    return parse_margin(seconds)


def _people(rows: Sequence[Row]) -> dict[str, Person]:
    return {
        key: Person(row_id, contact_id, phone is not None)
        for key, row_id, contact_id, phone in rows
    }


def _as_json(keys: Iterable[str]) -> str:
    return json.encode(tuple(keys)).decode()
