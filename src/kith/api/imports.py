"""Imports and exports over HTTP: what they take and answer, the file itself as a stream."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kith.actions.imports import Shown, Taken, Told
from kith.api.fields import Field, Shape
from kith.api.parts import nullable
from kith.api.takes import EXAMPLE_ID
from kith.api.values import Id, Time
from kith.domain import csv_heads, csv_reading, ids, import_mends, phone, text
from kith.domain.csv_heads import Head, Options
from kith.domain.csv_reading import Encoding
from kith.domain.imports import Counts, Import, Outcome, Refusal, State, Undone
from kith.domain.phone import Region
from kith.domain.times import wire, wire_or_none
from kith.errors import BadValue, Refused
from kith.jobs.importing import Progress

DEFAULT_NAME = "contacts.csv"
EXAMPLE = "phone,name,email,tags\n+14155550123,Romain B.,romain@example.com,vip;fr-FR\n"
EMPTY = Refused("The file is empty.")


class ImportContacts(msgspec.Struct, frozen=True, kw_only=True):
    """`import_id` names one to go on with: the file comes again from its beginning."""

    file: str = DEFAULT_NAME
    map: tuple[str, ...] = ()
    region: Region | None = None
    encoding: Encoding | None = None
    delimiter: str | None = None
    dry_run: bool = False
    import_id: str | None = None

    @property
    def options(self) -> Options:
        """Raises Refused."""
        return Options(
            mapping=dict(csv_heads.parse_mapping(self.map)),
            region=self.region,
            encoding=self.encoding,
            delimiter=self.delimiter,
        )


def _file(value: object) -> str:
    return text.line(_one(value), characters_max=text.NAME_CHARACTERS_MAX)


def _one(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("must be given once.")
    return value


def _several(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _true_or_false(value: object) -> bool:
    if value not in ("true", "false", "1", "0"):
        raise BadValue("must be true or false.")
    return value in ("true", "1")


def _text(description: str, example: str, **more: object) -> dict[str, Any]:
    return nullable("string", description, example, **more)


IMPORT_CONTACTS = Shape(
    ImportContacts,
    (
        Field(
            "file",
            _file,
            _text("What the file is called.", DEFAULT_NAME, maxLength=text.NAME_CHARACTERS_MAX),
        ),
        Field(
            "map",
            _several,
            nullable("array", "`COLUMN=FIELD`, what a column is; once for each.", "Mobile=phone"),
        ),
        Field(
            "region",
            phone.parse_region,
            _text("Where numbers without country code are dialled.", "FR"),
        ),
        Field(
            "encoding",
            lambda value: csv_reading.parse_encoding(_one(value)),
            _text("`utf-8`, `utf-16` or `windows-1252`.", "utf-8"),
        ),
        Field(
            "delimiter",
            lambda value: csv_reading.parse_delimiter(_one(value)),
            _text("`comma`, `semicolon`, `tab` or `pipe`.", "comma"),
        ),
        Field(
            "dry_run",
            _true_or_false,
            _text("`true`: say what would be, write nothing.", "true", enum=["true", "false"]),
        ),
        Field(
            "import_id",
            ids.parse,
            _text("One that was cut off; send the whole file again.", EXAMPLE_ID, format="uuid"),
        ),
    ),
    description="The body is the file itself. Rows are taken while it comes, each batch with the "
    "place in the file: one that is cut off is `interrupted`, and goes on with its `import_id` and "
    "the same options. The answer counts what is in the database. A file of which less than 1 KiB "
    "comes in a second is given up. An `Idempotency-Key` is refused: the same file again changes "
    "nothing without one.",
)
EXPORT_CONTACTS = Shape(
    dict,
    description="Imported again, the file changes nothing. A cell that a spreadsheet would take "
    "for a formula has a `'` before it.",
)


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
    mend: Annotated[
        str | None,
        Meta(examples=["Write the number with its country code, such as +14155550123."]),
    ]


class RowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of one row; `before` and `after` are the fields that differ."""

    line: Annotated[int, Meta(ge=1, examples=[2])]
    outcome: Annotated[Outcome, Meta(examples=["create"])]
    contact_id: Id | None
    before: Annotated[dict[str, Any], Meta(examples=[{}])]
    after: Annotated[dict[str, Any], Meta(examples=[{"phone": "+14155550123"}])]
    code: Annotated[str | None, Meta(examples=[None])]
    field: Annotated[str | None, Meta(examples=[None])]
    reason: Annotated[str | None, Meta(examples=[None])]


class ImportedAnswer(ImportAnswer, frozen=True, kw_only=True):
    """What became of a file, and how it was read; or, of a dry run, what would."""

    dry_run: Annotated[bool, Meta(examples=[False])]
    encoding: Annotated[Encoding, Meta(examples=["utf-8"])]
    delimiter: Annotated[str, Meta(examples=[","])]
    columns: Annotated[
        dict[str, str],
        Meta(description="What each column was taken for.", examples=[{"phone": "phone"}]),
    ]
    refusals: Annotated[
        list[RefusalAnswer], Meta(description="The first 100 rows that were not taken.")
    ]
    refusals_left_out: Annotated[int, Meta(ge=0, examples=[0])]
    without_country_code: Annotated[
        int,
        Meta(
            ge=0,
            description="Numbers that may lack theirs, where neither the file, `region` nor the"
            " workspace says in which country they are dialled.",
            examples=[0],
        ),
    ]
    rows: Annotated[
        list[RowAnswer] | msgspec.UnsetType,
        Meta(description="Of a dry run, the first 1,000."),
    ] = msgspec.UNSET


class Result:
    """What an import over HTTP is answered: the counts, and the first of what was not taken."""

    def __init__(self) -> None:
        self._refusals: list[RefusalAnswer] = []
        self._rows: list[RowAnswer] = []
        self._left_out = 0

    def note(self, taken: Taken, *, refusals_max: int, rows_max: int) -> None:
        for one in taken.refusals:
            if len(self._refusals) < refusals_max:
                self._refusals.append(refusal(one))
            else:
                self._left_out += 1
        self._rows += map(told, taken.rows[: rows_max - len(self._rows)])

    def answer(self, last: Progress, *, is_dry_run: bool) -> ImportedAnswer:
        shown = {**msgspec.structs.asdict(imported(last.one)), "counts": counts(last.counts)}
        return ImportedAnswer(
            **shown,
            **understood(last.head),
            dry_run=is_dry_run,
            refusals=self._refusals,
            refusals_left_out=self._left_out,
            without_country_code=last.without_code,
            rows=self._rows if is_dry_run else msgspec.UNSET,
        )


def imported(one: Import) -> ImportAnswer:
    return ImportAnswer(
        id=one.id or None,
        file=one.name,
        sha256=one.digest,
        state=one.state,
        offset=one.offset,
        counts=counts(one.counts),
        started_at=wire(one.started_at),
        finished_at=wire_or_none(one.finished_at),
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
    mend = import_mends.hint(one.code) or None
    return RefusalAnswer(one.line, one.offset, one.code, one.field, one.text, mend)


def told(one: Told) -> RowAnswer:
    """A row of a dry run."""
    return RowAnswer(
        line=one.line,
        outcome=one.outcome,
        contact_id=one.contact_id,
        before=one.before,
        after=one.after,
        code=one.code,
        field=one.field,
        reason=one.text,
    )


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
