"""Imports and exports over HTTP: what they take and answer, the file itself as a stream."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kith.actions.imports import Shown, Told
from kith.api.values import Id, Time
from kith.domain.csv_heads import Head
from kith.domain.imports import Counts, Import, Refusal, State, Undone
from kith.domain.times import wire

Count = Annotated[int, Meta(ge=0, examples=[0])]


class CountsAnswer(msgspec.Struct, frozen=True):
    """Rows by what became of them in the database; a conflict means two contacts."""

    rows: Annotated[int, Meta(ge=0, examples=[3])]
    created: Annotated[int, Meta(ge=0, examples=[2])]
    updated: Count
    unchanged: Annotated[int, Meta(ge=0, examples=[1])]
    skipped: Count
    conflicts: Count
    consent: Annotated[int, Meta(ge=0, description="Rows added to the ledger.", examples=[0])]
    consent_left_out: Annotated[
        int, Meta(ge=0, description="Rows whose consent lacked a date or a source.", examples=[0])
    ]


class UndoneAnswer(msgspec.Struct, frozen=True):
    """What an undo took back, and what it left."""

    removed: Count
    restored: Count
    consent_retracted: Count
    left: Annotated[
        dict[str, int],
        Meta(description="Contacts by why they, or a part of them, stayed.", examples=[{}]),
    ]


class ImportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is, or was, imported."""

    id: Id | None
    file: Annotated[str, Meta(examples=["contacts.csv"])]
    sha256: Annotated[
        str | None, Meta(description="Of the whole file, once known.", examples=[None])
    ]
    state: Annotated[State, Meta(examples=["done"])]
    offset: Annotated[int, Meta(ge=0, description="Bytes of UTF-8 that are in.", examples=[214])]
    counts: CountsAnswer
    started_at: Time
    finished_at: Time | None
    undone: UndoneAnswer | None


class RefusalAnswer(msgspec.Struct, frozen=True):
    """Why a row, or its consent, is not in the database."""

    line: Annotated[int, Meta(ge=1, examples=[4])]
    offset: Annotated[int, Meta(ge=0, examples=[170])]
    code: Annotated[str, Meta(examples=["phone"])]
    field: Annotated[str | None, Meta(examples=["phone"])]
    reason: Annotated[
        str,
        Meta(
            examples=[
                "The phone must be a phone number in international format, such as +14155550123."
            ]
        ),
    ]


def imported(one: Import) -> ImportAnswer:
    return ImportAnswer(
        id=one.id or None,
        file=one.name,
        sha256=one.digest,
        state=one.state,
        offset=one.offset,
        counts=counts(one.counts),
        started_at=wire(one.started_at),
        finished_at=_time(one.finished_at),
        undone=_undone(one.undone),
    )


def counts(given: Counts) -> CountsAnswer:
    return CountsAnswer(
        rows=given.rows,
        created=given.create,
        updated=given.update,
        unchanged=given.unchanged,
        skipped=given.skip,
        conflicts=given.conflict,
        consent=given.consent,
        consent_left_out=given.consent_left_out,
    )


def refusal(one: Refusal) -> RefusalAnswer:
    return RefusalAnswer(one.line, one.offset, one.code, one.field, one.text)


def told(one: Told) -> dict[str, Any]:
    """A row of a dry run."""
    return {
        "line": one.line,
        "outcome": one.outcome,
        "contact_id": one.contact_id,
        "before": one.before,
        "after": one.after,
        "code": one.code,
        "field": one.field,
        "reason": one.text,
    }


def shown(one: Shown) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(imported(one.one)),
        "refusals": [refusal(each) for each in one.refusals],
        "next_line": one.next_line,
    }


def understood(head: Head) -> dict[str, Any]:
    """How the file is read: for who wants to check before anything is written."""
    return {
        "encoding": head.encoding,
        "delimiter": head.delimiter,
        "columns": {column.name: column.role for column in head.columns.all},
    }


def _undone(one: Undone | None) -> UndoneAnswer | None:
    if one is None:
        return None
    return UndoneAnswer(one.removed, one.restored, one.consent_retracted, one.left)


def _time(at: datetime | None) -> str | None:
    return wire(at) if at is not None else None
