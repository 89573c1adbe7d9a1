"""What a verdict on one contact follows from, in one statement."""

from collections.abc import Sequence
from functools import lru_cache

from kith.domain.failures import unavailable_until
from kith.domain.phone import Phone
from kith.domain.reachability import (
    Conversation,
    Facts,
    Margin,
    NumberState,
    Standing,
    State,
    parse_margin,
)
from kith.domain.times import from_us, from_us_or_none
from kith.store.database import Row, Tx

NUMBERS_MAX = 100
"""Business numbers of a workspace that are judged, the lowest ids."""

NUMBER_STATE = (
    "COALESCE(n.restricted_since, n.unavailable_since),"
    " CASE WHEN n.restricted_since IS NULL THEN n.unavailable_code END, n.phones_only_since,"
    " CASE WHEN n.offers_restricted_until > COALESCE(n.marketing_paused_until, 0)"
    " THEN n.offers_restricted_until ELSE n.marketing_paused_until END"
)
"""What `number_state` takes beside the id: a code is of a message, none of the account."""
_NUMBER = (
    f"n.number_id, n.phone, {NUMBER_STATE},"
    " v.last_inbound_at, v.refused_at, v.capped_until, v.experiment_until"
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


async def margin_of(tx: Tx, *, tenant_id: int) -> Margin:
    row = await tx.one(
        "SELECT window_margin_s FROM tenants WHERE id = :tenant_id", tenant_id=tenant_id
    )
    assert row is not None
    return _margin(row[0])


def _facts(rows: Sequence[Row]) -> Facts:
    contact_id, margin_s, phone, kinds, reasons, marketing, is_stopped, utility = rows[0][:8]
    numbers, phones = [], {}
    for row in rows:
        if (number_id := row[8]) is not None:
            numbers.append(spoken(number_state(number_id, *row[10:14]), *row[14:]))
            phones[number_id] = row[9]
    known = standing(phone is not None, kinds, reasons, marketing, utility, bool(is_stopped))
    return Facts(contact_id, known, tuple(numbers), phones, _margin(margin_s))


@lru_cache(maxsize=1_024)  # most contacts stand as others do
def standing(
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
def number_state(
    number_id: str,
    unavailable_since: int | None,
    unavailable_code: int | None,
    phones_only_since: int | None,
    marketing_paused_until: int | None,
) -> NumberState:
    since = from_us_or_none(unavailable_since)
    ends = unavailable_code is not None
    return NumberState(
        number_id=number_id,
        is_unavailable=since is not None and not ends,
        unavailable_until=unavailable_until(since) if since and ends else None,
        unavailable_code=unavailable_code,
        is_phones_only=phones_only_since is not None,
        marketing_paused_until=from_us_or_none(marketing_paused_until),
    )


def spoken(
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
