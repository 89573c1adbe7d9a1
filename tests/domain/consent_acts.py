"""What can happen to a consent, by names that a lawyer could read, and histories made of it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from kith.domain import consent
from kith.domain.consent import Record, State
from kith.domain.reachability import MARGIN_DEFAULT, Reason, Standing, verdict

DAY = datetime(2026, 5, 7, tzinfo=UTC)
WHY = "She asked for it on the phone."

# What can happen: its state, source, method and note.
ACTS: dict[str, tuple[str, str, str, str | None]] = {
    "STOP word": ("withdrawn", "inbound", "keyword", None),
    "stop button": ("withdrawn", "inbound", "button", None),
    "Meta stop": ("withdrawn", "meta", "platform", None),
    "shop no": ("withdrawn", "shopify", "platform", None),
    "import no": ("withdrawn", "import", "checkbox", None),
    "API no": ("withdrawn", "api", "checkbox", None),
    "operator no": ("withdrawn", "operator", "note", None),
    "form": ("pending", "widget", "checkbox", None),
    "shop pending": ("pending", "woocommerce", "platform", None),
    "Meta sign-up": ("pending", "meta", "platform", None),
    "operator pending": ("pending", "operator", "note", WHY),
    "START word": ("granted", "inbound", "keyword", None),
    "start button": ("granted", "inbound", "button", None),
    "code sent": ("granted", "inbound", "confirmation", None),
    "form confirmed": ("granted", "widget", "confirmation", None),
    "operator yes, why": ("granted", "operator", "note", WHY),
    "operator yes": ("granted", "operator", "note", None),
    "Meta resume": ("granted", "meta", "platform", None),
    "shop yes": ("granted", "shopify", "platform", None),
    "other shop yes": ("granted", "woocommerce", "checkbox", "Terms accepted."),
    "import yes": ("granted", "import", "checkbox", "Collected at the fair."),
    "API yes": ("granted", "api", "button", "From our app."),
    "API default": ("granted", "api", "api_default", None),
    "form ticked": ("granted", "widget", "checkbox", None),
    "message told": ("granted", "inbound", "note", "Told in a chat."),
}
LIFTING = {"START word", "start button", "code sent", "form confirmed", "operator yes, why"}
WITHDRAWING = {act for act, given in ACTS.items() if given[0] == "withdrawn"}
OWN_STOPS = WITHDRAWING - {"Meta stop"}
PENDING = {act for act, given in ACTS.items() if given[0] == "pending"}
GRANTING = {act for act, given in ACTS.items() if given[0] == "granted"} - {"Meta resume"}


def minute(number: int | None) -> datetime | None:
    return None if number is None else DAY + timedelta(minutes=number)


def row(act: str, at: int, learned: int | None = None, **fields: Any) -> Record:
    state, source, method, note = ACTS[act]
    known: dict[str, Any] = {
        "state": state,
        "source": source,
        "method": method,
        "id": f"{at}-{learned}-{act}",
        "contact_id": "ana",
        "origin_contact_id": "ana",
        "channel": "whatsapp",
        "purpose": "marketing",
        "occurred_at": minute(at),
        "recorded_at": minute(at if learned is None else learned),
        "note": note,
        **fields,
    }
    return Record(**known)


def history(text: str) -> list[Record]:
    """`1 STOP word; 2 import yes, learned 9`."""
    rows = []
    for line in filter(None, map(str.strip, text.split(";"))):
        found = re.fullmatch(r"(\d+) (.+?)(?:, learned (\d+))?", line)
        assert found is not None
        at, act, learned = found.groups()
        rows.append(row(act, int(at), int(learned) if learned else None))
    return rows


def state(rows: Sequence[Record], as_of: datetime | None = None) -> State | None:
    found = consent.in_force(rows, as_of)
    return found.state if found else None


def marketing(rows: Sequence[Record]) -> Reason:
    """What the verdict says of it, of somebody who can be written to."""
    [now, *_] = consent.all_in_force(rows)
    assert (now.channel, now.purpose) == ("whatsapp", "marketing")
    standing = Standing(
        has_phone_or_wa_id=True,
        has_bsuid=False,
        is_blocked=False,
        is_country_restricted=False,
        is_not_on_whatsapp=False,
        is_meta_stopped=now.is_stopped_at_meta,
        is_identity_changed=False,
        marketing=now.own.state if now.own else None,
        utility=None,
    )
    return verdict(standing, None, now=DAY, margin=MARGIN_DEFAULT).marketing.reason


def erased(rows: Sequence[Record], at: int) -> list[Record]:
    """With what somebody begins who is made anew after an erasure."""
    ids = count()
    return consent.noted_again(
        consent.withdrawals(rows),
        contact_id="ana",
        address=None,
        at=DAY + timedelta(minutes=at),
        new_id=lambda: f"noted-{next(ids)}",
    )


def merge(ours: Sequence[Record], theirs: Sequence[Record], at: int) -> list[Record]:
    ids = count()
    return consent.merged(
        ours,
        theirs,
        into="survivor",
        at=DAY + timedelta(minutes=at),
        new_id=lambda: f"new-{next(ids)}",
    )
