"""Imports: what the rows of a file say, and what becomes of each."""

from datetime import datetime
from typing import Literal

import msgspec

from kith.domain.metadata import Metadata
from kith.domain.phone import Phone, Region, Typed

Outcome = Literal["create", "update", "unchanged", "skip", "conflict"]
State = Literal["running", "interrupted", "done", "undoing", "undone"]


class Agreed(msgspec.Struct, frozen=True):
    """What a row says of consent to WhatsApp marketing; `at` is None for an undated opt-out."""

    state: Literal["granted", "withdrawn"]
    at: datetime | None
    where: str | None


class Facts(msgspec.Struct, frozen=True, gc=False):
    """A row that can be read. `phone` is Typed where it has no `+`: `region` says where it counts.

    `left_out` says why the consent that it names cannot be recorded.
    """

    line: int
    offset: int
    size: int
    phone: Phone | Typed | None
    region: Region | None
    contact_id: str | None
    name: str | None
    email: str | None
    tags: tuple[str, ...]
    metadata: Metadata
    consent: tuple[Agreed, ...]
    left_out: str | None


class Refusal(msgspec.Struct, frozen=True):
    """Why a row, or its consent, is not in the database. Of its values only ids stand in it."""

    line: int
    offset: int
    size: int
    code: str
    field: str | None
    text: str


class Counts(msgspec.Struct, frozen=True):
    """Rows by what became of them in the database, and consent."""

    create: int = 0
    update: int = 0
    unchanged: int = 0
    skip: int = 0
    conflict: int = 0
    consent: int = 0
    consent_left_out: int = 0

    @property
    def rows(self) -> int:
        return self.create + self.update + self.unchanged + self.skip + self.conflict

    def plus(self, other: "Counts") -> "Counts":
        ours, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Counts(*map(sum, zip(ours, theirs, strict=True)))


class Undone(msgspec.Struct, frozen=True):
    """What an undo took back: contacts that are gone, that are as before, and what it left.

    `left` counts contacts by reason: `changed_since`, `changed_too_often`, `opted_out_since`,
    `gone_since`.
    """

    removed: int = 0
    restored: int = 0
    consent_retracted: int = 0
    left: dict[str, int] = {}


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is, or was, imported; all before `offset`, where `line` begins, is in."""

    id: str
    name: str
    digest: str | None
    read_digest: str | None = None
    options: str
    state: State
    offset: int
    line: int
    counts: Counts
    user_id: int | None = None
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    undo_after: str | None = None
    undone: Undone | None = None
    repeats: tuple[str, ...] = ()
    """Imports of the same bytes, read in the same way, that are done; not of the row."""


FAULTS: dict[str, str] = {
    "nul": "The row holds a NUL character.",
    "bad_utf8": "The row is not UTF-8; if the whole file is in another encoding, name it.",
    "field_too_long": "A field of the row is longer than 65,536 characters.",
    "line_too_long": "The line is longer than 1 MiB.",
    "quote_broken": "A quoted field of the row goes on behind its closing quote.",
    "quote_open": "The row opens a quote that is never closed.",
    "too_many_fields": "The row has more fields than the header.",
    "repeated_header": "The row is the header once more.",
    "no_phone": "The row has no phone, and nobody is known by its e-mail address or id.",
    "nobody": "The row names nobody: its phone, e-mail address and id are blank.",
}
"""What is said of a row that cannot be taken, by code, beside what its fields say themselves."""

LEFT_OUT: dict[str, str] = {
    "consent_without_date": "The consent was left out: it needs the date on which it was given.",
    "consent_without_source": "The consent was left out: it needs its source, such as a form.",
    "consent_date_unclear": "The consent was left out: its date must be like 2026-05-07 or"
    " 2026-05-07T08:14:23+00:00.",
    "consent_in_future": "The consent was left out: its date lies in the future.",
    "consent_unclear": "The consent was left out: it must be yes or no.",
    "consent_too_many": "The consent was left out: the ledger holds too many rows of this person.",
}
