"""Importing a file: rows come in batches, each one transaction with how far the file was read."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from kith.actions import audit, who
from kith.actions import import_plans as planning
from kith.actions.import_plans import Plan
from kith.actions.import_writes import carry_out
from kith.actions.run import Context
from kith.domain.audit import changes, document
from kith.domain.import_rows import may_lack_code
from kith.domain.imports import (
    LEFT_OUT,
    Counts,
    Facts,
    Import,
    Outcome,
    Refusal,
)
from kith.errors import NotFound, Refused
from kith.store import imports
from kith.store.imagined import Imagined

WINDOW_MIN = 16
"""As many rows at least are looked up together, also where a file names one person all the time."""
KNOWN_MAX = 1_000
"""Rows about people who are there take up to ten times as long as those of new ones, which nobody
knows before they are looked up: so many end a batch that may be cut."""
REPEATS_MAX = 100
SILENT_FOR = timedelta(minutes=5)
"""Whoever reads a file moves on in seconds; after this nobody does, and could not say so."""


class ImportNotFound(NotFound):
    code, text = "import_not_found", "Import not found"

    def __init__(self) -> None:
        super().__init__()
        self.by_id = True


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """`digest` is the SHA-256 of the file, where all of it is there already."""

    name: str
    digest: str | None
    options: str
    offset: int
    line: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a file, `offset` and `next_offset` being where they begin and what follows them.

    With `imagined` it is a dry run, and `one` is not in the database. One that `may_be_cut` is
    taken as far as it goes quickly.
    """

    one: Import
    rows: Sequence[Facts | Refusal]
    offset: int
    next_offset: int
    next_line: int
    read_digest: str | None = None
    imagined: Imagined | None = None
    may_be_cut: bool = False

    def part(self, start: int, end: int) -> "Batch":
        """The rows from `start` on, up to `end`, and where they stand in the file."""
        place = {"offset": self.rows[start].offset} if start else {}
        if end < len(self.rows):
            behind = self.rows[end]
            place |= {"next_offset": behind.offset, "next_line": behind.line}
        return msgspec.structs.replace(self, rows=self.rows[start:end], **place)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row, or would. `before` and `after` are the fields that differ."""

    line: int
    outcome: Outcome
    contact_id: str | None = None
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    code: str | None = None
    field: str | None = None
    text: str | None = None


class Taken(msgspec.Struct, frozen=True):
    """`count` is how many rows of the batch were taken. `rows` are told of a dry run only.
    `without_code` counts numbers that may lack their country code, where nobody says in which
    country they are dialled."""

    count: int
    counts: Counts
    refusals: list[Refusal]
    rows: list[Told]
    without_code: int = 0


class Named(msgspec.Struct, frozen=True, kw_only=True):
    import_id: str


class ListImports(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor` is the id of the last import seen."""

    cursor: str | None = None
    limit: int = 100


class ShowImport(Named, frozen=True, kw_only=True):
    after_line: int = 0
    limit: int = 100


class Page(msgspec.Struct, frozen=True):
    imports: list[Import]
    next_cursor: str | None


class Shown(msgspec.Struct, frozen=True):
    """`next_line` is the `after_line` of the next page of refusals."""

    one: Import
    refusals: list[Refusal]
    next_line: int | None


class End(Named, frozen=True, kw_only=True):
    """`digest` of the whole file where it came as a stream; not done: it was cut off."""

    is_done: bool
    digest: str | None = None


async def begin(ctx: Context, given: Begin) -> Import:
    """Go on with an import of the same bytes that did not come to its end, else begin one."""
    repeats = await _repeats(ctx, given)
    if given.digest is not None:
        known = await imports.unfinished(
            ctx.tx, tenant_id=ctx.tenant_id, digest=given.digest, options=given.options
        )
        if known is not None:
            return msgspec.structs.replace(known, repeats=repeats)
    one = _new(ctx, given, ctx.new_id(), repeats)
    await imports.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        one=one,
        user_id=ctx.user_id or None,
        token_id=ctx.token_id or None,
    )
    return one


async def try_out(ctx: Context, given: Begin) -> Import:
    """An import as `begin` would begin it, for a dry run."""
    return _new(ctx, given, "", await _repeats(ctx, given))


def _new(ctx: Context, given: Begin, import_id: str, repeats: tuple[str, ...]) -> Import:
    return Import(
        id=import_id,
        name=given.name,
        digest=given.digest,
        options=given.options,
        state="running",
        offset=given.offset,
        line=given.line,
        counts=Counts(),
        started_at=ctx.now,
        updated_at=ctx.now,
        repeats=repeats,
    )


async def _repeats(ctx: Context, given: Begin) -> tuple[str, ...]:
    if given.digest is None:
        return ()
    return await imports.repeated(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        digest=given.digest,
        options=given.options,
        rows_max=REPEATS_MAX,
    )


async def take(ctx: Context, batch: Batch) -> Taken:
    """Add, change or refuse the contacts of these rows; each counts once, however often tried.

    Raises ImportNotFound; Refused when another process goes on with this import.
    """
    ctx = msgspec.structs.replace(ctx, import_id=batch.one.id, source="csv_import")
    rest = [row for row in batch.rows if isinstance(row, Facts)]
    counts: dict[str, int] = {"create": 0, "skip": 0, "consent": 0}
    refusals: list[Refusal] = []
    told: list[Told] = []
    known_max = KNOWN_MAX if batch.may_be_cut else len(rest)
    start, known, window = 0, 0, len(rest)
    while start < len(rest) and known < known_max:
        some = rest[start : start + window]
        plans = await planning.plans(ctx, batch.one, some, batch.imagined, known_max - known)
        if batch.imagined is None:
            await carry_out(ctx, batch.one, plans)
        else:
            _imagine(batch.imagined, plans)
            told += [_told(plan) for plan in plans]
        for plan in plans:
            counts[plan.outcome] = counts.get(plan.outcome, 0) + 1
            counts["consent"] += len(plan.agreed)
            if plan.refusal is not None or plan.left_out is not None:
                refusals += _refusals(plan)
        start += len(plans)
        known = start - counts["create"]
        window = max(WINDOW_MIN, 2 * len(plans))
    if start < len(rest):
        batch = batch.part(0, batch.rows.index(rest[start]))
    skipped = [row for row in batch.rows if isinstance(row, Refusal)]
    refusals = skipped + refusals
    counts["skip"] += len(skipped)
    counts["consent_left_out"] = sum(one.code in LEFT_OUT for one in refusals)
    if batch.imagined is not None:
        told += map(_told_refusal, skipped)
        told.sort(key=lambda one: one.line)
    without_code = await _without_code(ctx, rest[:start])
    taken = Taken(len(batch.rows), Counts(**counts), refusals, told, without_code)
    if batch.imagined is None:
        await _move(ctx, batch, taken)
    return taken


async def end(ctx: Context, given: End) -> Import:
    """The file has come to its end, or will not. Raises ImportNotFound."""
    one = await find(ctx, given)
    if one.state in ("running", "interrupted"):
        await imports.set_state(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            uuid=one.id,
            state="done" if given.is_done else "interrupted",
            digest=given.digest if given.is_done else None,
            at=ctx.now,
        )
    return await find(ctx, given)


async def find(ctx: Context, given: Named) -> Import:
    """Raises ImportNotFound."""
    one = await imports.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=given.import_id)
    if one is None:
        raise ImportNotFound()
    return one


async def list_page(ctx: Context, given: ListImports) -> Page:
    """Newest first."""
    found = await imports.newest(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        before_uuid=given.cursor or audit.NEWEST,
        rows_max=given.limit + 1,
    )
    page = [_as_seen(ctx, one) for one in found[: given.limit]]
    return Page(page, page[-1].id if len(found) > len(page) else None)


async def show(ctx: Context, given: ShowImport) -> Shown:
    """An import and a page of what it refused. Raises ImportNotFound."""
    one = await find(ctx, given)
    found = await imports.refusals(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        import_uuid=one.id,
        after_line=given.after_line,
        rows_max=given.limit + 1,
    )
    page = found[: given.limit]
    return Shown(_as_seen(ctx, one), page, page[-1].line if len(found) > len(page) else None)


def _as_seen(ctx: Context, one: Import) -> Import:
    """A process that was killed leaves its import `running`."""
    if one.state == "running" and ctx.now - one.updated_at > SILENT_FOR:
        return msgspec.structs.replace(one, state="interrupted")
    return one


async def _move(ctx: Context, batch: Batch, taken: Taken) -> None:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    one = await find(ctx, Named(import_id=batch.one.id))
    if taken.refusals:
        await imports.refuse(tx, tenant_id=tenant_id, import_uuid=one.id, refusals=taken.refusals)
    is_ours = await imports.move(
        tx,
        tenant_id=tenant_id,
        uuid=one.id,
        from_offset=batch.offset,
        to_offset=batch.next_offset,
        line=batch.next_line,
        counts=one.counts.plus(taken.counts),
        read_digest=batch.read_digest,
        at=ctx.now,
    )
    if not is_ours:
        raise Refused("Another process goes on with this import, or it has ended.")


async def _without_code(ctx: Context, rows: Iterable[Facts]) -> int:
    count = sum(map(may_lack_code, rows))
    return count if count and await who.default_region(ctx) is None else 0


def _refusals(plan: Plan) -> list[Refusal]:
    found = [] if plan.refusal is None else [plan.refusal]
    if plan.left_out is not None and plan.outcome not in ("skip", "conflict"):
        facts, code = plan.facts, plan.left_out
        found.append(Refusal(facts.line, facts.offset, facts.size, code, "consent", LEFT_OUT[code]))
    return found


def _imagine(imagined: Imagined, plans: Iterable[Plan]) -> None:
    plans = [plan for plan in plans if plan.contact is not None]
    imagined.note(plan.contact for plan in plans if plan.contact is not None)
    for plan in plans:
        if plan.spelling is not None and plan.contact is not None:
            imagined.call_them([("phone", plan.spelling, plan.contact.id)])


def _told(plan: Plan) -> Told:
    line, why = plan.facts.line, plan.refusal
    if why is not None:
        return msgspec.structs.replace(_told_refusal(why), outcome=plan.outcome)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    contact = plan.contact or plan.known
    if plan.contact is not None:
        was = document(plan.known) if plan.known is not None else {}
        before, after = changes(was, document(plan.contact))
        after = {name: value for name, value in after.items() if value or name in before}
        if plan.spelling is not None:
            after["identity"] = {"kind": "phone", "value": plan.spelling}
    return Told(
        line=line,
        outcome=plan.outcome,
        contact_id=contact.id if contact is not None and plan.known is not None else None,
        before={name: value for name, value in before.items() if value},
        after=after,
        code=plan.left_out,
        text=LEFT_OUT[plan.left_out] if plan.left_out else None,
    )


def _told_refusal(one: Refusal) -> Told:
    return Told(line=one.line, outcome="skip", code=one.code, field=one.field, text=one.text)
