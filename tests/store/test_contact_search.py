"""Searching: whichever way the store takes, it finds what a look at every contact would find."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

import apsw
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith.actions.run import utc_now
from kith.domain import email as emails
from kith.domain import ids, json, search
from kith.domain.contacts import Contact, Filters
from kith.domain.times import EPOCH, to_us
from kith.errors import Refused
from kith.jobs import importing
from kith.store import (
    bulk,
    checkpoints,
    contact_lists,
    contact_search,
    contacts,
    migrate,
    tags,
    tenants,
)
from kith.store.database import Database, Row, Tx, connect
from kith.store.sqlite import SQLite
from tests.cast import bare_contact, id_of
from tests.databases import postgres_database

START = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)
LAGS = (
    *[timedelta(0)] * 3, timedelta(milliseconds=1), timedelta(days=1), -ids.CLOCK_SET_BACK,
)  # fmt: skip
"""How much later than its contact came an id may have been made."""
SOURCES = ("api", "shopify", "manual")
TAGS = ("vip", "VIP", "fr-FR", "é", "x' OR 1=1")
EMAILS = ("ana@example.com", "ANA@Example.com", "даша@example.com", "straße@example.com", None)

# Small alphabets, so that much is found; the last is what LIKE and full-text search would read.
ALPHABETS = (
    "abcABC ",
    "éÉeE\u0301ñÑ",
    "жЖшШя",
    "ßẞsSﬁfi",
    "İIıi\u0307",
    "ΣσςΑα",
    "漢字東京",
    "👍👩\u200d👧",
    "%_\\'\"*^:()-+{},;",
    "0123456789+",
)
SYNTAX = ("AND", "a OR b", "NOT a", "NEAR(a b)", "text:a", "a*", '"a"', "^a", "-a", "100%", "a_b")
NAMES = st.one_of(
    *(st.text(alphabet, min_size=1, max_size=8) for alphabet in ALPHABETS),
    st.text("".join(ALPHABETS), min_size=1, max_size=12),
    st.sampled_from(SYNTAX),
)

Opened = Callable[[], AbstractAsyncContextManager[Database]]


@pytest.fixture(scope="module")
async def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Opens an empty database each time."""
    directory = tmp_path_factory.mktemp("search")
    await (await _migrated(f"sqlite:///{directory}/empty.db")).close()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Database]:
        path = directory / f"{uuid4().hex}.db"
        shutil.copy(directory / "empty.db", path)
        database = SQLite(str(path))
        yield database
        await database.close()
        path.unlink()

    return opened


@pytest.fixture(scope="module")
async def opened(_postgres_if_needed: str, on_sqlite: Opened) -> AsyncIterator[Opened]:
    """As `on_sqlite`, and on PostgreSQL one database for all."""
    if not _postgres_if_needed:
        yield on_sqlite
        return
    async with postgres_database(_postgres_if_needed) as url:
        database = await _migrated(url)

        @asynccontextmanager
        async def shared() -> AsyncIterator[Database]:
            yield database

        yield shared
        await database.close()


async def _migrated(url: str) -> Database:
    database = await connect(url)
    await migrate.apply_all(database, utc_now())
    return database


class Person(msgspec.Struct, frozen=True, dict=True):
    """A contact of a workspace, beside its database row."""

    tenant_id: int
    contact: Contact

    @cached_property
    def fields(self) -> list[str]:
        one = self.contact
        return [search.fold(field) for field in (one.name, one.phone, one.email) if field]

    @property
    def tags(self) -> list[str]:
        return msgspec.json.decode(self.contact.tags, type=list[str])

    def fits(self, filters: Filters) -> bool:
        one = self.contact
        is_opted_in = one.opted_in_at is not None and one.withdrawn_at is None
        return (
            (filters.query is None or any(filters.query in field for field in self.fields))
            and (filters.tag is None or filters.tag in self.tags)
            and (
                filters.email is None
                or (one.email is not None and emails.key(one.email) == emails.key(filters.email))
            )
            and filters.source in (None, one.source)
            and filters.opted_in in (None, is_opted_in)
            and (filters.created_after is None or one.created_at > filters.created_after)
            and (filters.updated_after is None or one.updated_at > filters.updated_after)
        )


def by_activity(person: Person) -> tuple[Any, ...]:
    one = person.contact
    last = to_us(one.last_message_at) if one.last_message_at else float("-inf")
    return -last, -to_us(one.created_at), one.row_id


class World:
    """Two workspaces, in a database and in a plain dict."""

    def __init__(self, database: Database, seed: int = 0) -> None:
        self.database = database
        self.random = random.Random(seed)
        self.people: dict[str, Person] = {}
        self.tenants: list[int] = []

    async def begin(self) -> None:
        for _ in range(2):
            self.tenants.append(
                await self.database.write(
                    lambda tx: tenants.add(tx, uuid=str(uuid4()), name="Search", at=EPOCH)
                )
            )

    async def populate(self, contacts_count: int) -> None:
        async def work(tx: Tx) -> None:
            for tenant_id in self.tenants:
                new = [somebody(self.random) for _ in range(contacts_count)]
                await self.add(tx, tenant_id, new)

        await self.database.write(work)

    async def add(self, tx: Tx, tenant_id: int, new: list[Contact]) -> None:
        await tags.ensure(
            tx, tenant_id=tenant_id, names=TAGS, new_id=lambda: str(uuid4()), at=EPOCH
        )
        await bulk.add(tx, tenant_id=tenant_id, contacts=new)
        for contact in new:
            row = await tx.one(
                "SELECT id FROM contacts WHERE tenant_id = :tenant_id AND uuid = :uuid",
                tenant_id=tenant_id,
                uuid=contact.id,
            )
            assert row is not None
            self.keep(tenant_id, msgspec.structs.replace(contact, row_id=row[0]))

    async def change(self, tx: Tx, person: Person, **fields: Any) -> None:
        """Name, e-mail and times; `last_message_at` by hand, as no action can set it yet."""
        contact = msgspec.structs.replace(person.contact, **fields)
        tenant_id, row_id = person.tenant_id, contact.row_id
        await contacts.change(tx, tenant_id=tenant_id, was=person.contact, contact=contact)
        if "last_message_at" in fields:
            await tx.run(
                "UPDATE contacts SET last_message_at = :at WHERE tenant_id = :t AND id = :row_id",
                at=to_us(contact.last_message_at) if contact.last_message_at else None,
                t=tenant_id,
                row_id=row_id,
            )
        self.keep(tenant_id, contact)

    async def tag(self, tx: Tx, person: Person, names: tuple[str, ...]) -> None:
        tenant_id, row_id = person.tenant_id, person.contact.row_id
        await tags.unlink_others(tx, tenant_id=tenant_id, contact_row_id=row_id, names=names)
        await tags.link(tx, tenant_id=tenant_id, contact_row_id=row_id, names=names, at=EPOCH)
        await self.change(tx, person, tags=msgspec.Raw(json.encode(names)))

    async def remove(self, tx: Tx, person: Person) -> None:
        await contacts.remove(tx, tenant_id=person.tenant_id, contact=person.contact)
        del self.people[person.contact.id]

    def keep(self, tenant_id: int, contact: Contact) -> None:
        self.people[contact.id] = Person(tenant_id, contact)

    def of(self, tenant_id: int) -> list[Person]:
        return [person for person in self.people.values() if person.tenant_id == tenant_id]

    async def check(self, tenant_id: int, filters: Filters, rows_max: int) -> None:
        """The store's search answers as the model."""
        found = await self.database.scan(
            lambda tx: contact_lists.most_active(
                tx, tenant_id=tenant_id, filters=filters, rows_max=rows_max
            )
        )
        expected = sorted((p for p in self.of(tenant_id) if p.fits(filters)), key=by_activity)
        assert found == [person.contact for person in expected[:rows_max]]

    async def check_list(
        self, tenant_id: int, filters: Filters, after: str | None, rows_max: int
    ) -> None:
        found = await self.database.scan(
            lambda tx: contact_lists.in_order(
                tx, tenant_id=tenant_id, filters=filters, after=after, rows_max=rows_max
            )
        )
        expected = sorted(
            person.contact.id
            for person in self.of(tenant_id)
            if person.fits(filters) and (after is None or person.contact.id > after)
        )
        assert [uuid for _, uuid in found] == expected[:rows_max]
        for text, uuid in found:
            document = msgspec.json.decode(text, type=dict[str, Any])
            person = self.people[uuid]
            assert (document["id"], document["name"]) == (uuid, person.contact.name)
            assert document["tags"] == person.tags

    async def check_tags(self) -> None:
        """The rows of a contact's tags stand in the order shown."""
        rows = await self.database.scan(
            lambda tx: tx.all(
                "SELECT x.tenant_id, x.contact_id, t.name FROM contact_tags x"
                " JOIN tags t ON t.id = x.tag_id ORDER BY x.position"
            )
        )
        found: dict[tuple[int, int], list[str]] = {}
        for tenant_id, row_id, name in rows:
            if tenant_id in self.tenants:
                found.setdefault((tenant_id, row_id), []).append(name)
        people = self.people.values()
        assert found == {(p.tenant_id, p.contact.row_id): p.tags for p in people if p.tags}

    async def check_index(self) -> None:
        """SQLite's index holds each trigram of each contact, and nothing else; nobody waits."""
        await self.database.tidy()
        rows: dict[str, set[int]] = {}
        for person in self.people.values():
            one, row = person.contact, (person.tenant_id << 40) + person.contact.row_id
            key = search.key(name=one.name, phone=one.phone, email=one.email)
            for at in range(len(key) - 2):
                rows.setdefault(key[at : at + 3], set()).add(row)

        async def work(tx: Tx) -> None:
            terms = await tx.all("SELECT term FROM contact_search_terms")
            assert {term for (term,) in terms} == set(rows)
            for gram, expected in rows.items():
                found = await tx.all(
                    "SELECT rowid FROM contact_search WHERE contact_search MATCH :terms",
                    terms=search.all_of([gram]),
                )
                assert {row for (row,) in found} == expected, repr(gram)
            assert await tx.all("SELECT * FROM contact_search_pending") == []
            assert await tx.all("PRAGMA integrity_check") == [("ok",)]
            await tx.run("INSERT INTO contact_search (contact_search) VALUES ('integrity-check')")

        await self.database.write(work)


def somebody(random_: random.Random) -> Contact:
    def name() -> str | None:
        if random_.random() < 0.1:
            return random_.choice([None, *SYNTAX])
        alphabet = random_.choice([*ALPHABETS, "".join(ALPHABETS)])
        return "".join(random_.choices(alphabet, k=random_.randint(1, 12)))

    def at(*, none: float = 0.0) -> datetime | None:
        """One of few, so that many are the same."""
        if random_.random() < none:
            return None
        return moment(random_.randint(1, 9), random_.choice((0, 0, 1)))

    return a_contact(
        random_,
        name=name(),
        email=random_.choice(EMAILS),
        tags=msgspec.Raw(json.encode(random_.sample(TAGS, random_.randint(0, 2)))),
        source=random_.choice(SOURCES),
        **{random_.choice(("opted_in_at", "opted_out_at")): at(none=0.3)},
        last_message_at=at(none=0.4),
        created_at=at(),
        updated_at=at(),
    )


def moment(step: int, us: int) -> datetime:
    """Close enough that a clock set back, CLOCK_SET_BACK, puts ids among earlier ones."""
    return START + timedelta(seconds=20 * step, microseconds=us)


def a_contact(random_: random.Random, *, created_at: datetime = START, **fields: Any) -> Contact:
    """Many have an id of the same millisecond."""
    uuid = id_of(created_at + random_.choice(LAGS), random_.getrandbits(74))
    phone = f"+1415{random_.randrange(10**7):07}"
    plain = msgspec.structs.replace(
        bare_contact(uuid, at=START), phone=phone, created_at=created_at
    )
    return msgspec.structs.replace(plain, **fields)


# The properties.

TIMES = st.builds(moment, st.integers(0, 10), st.sampled_from([0, 0, 1]))


class Limits(msgspec.Struct, frozen=True):
    """How soon the store goes another way."""

    walk_rows: int
    frequent: int
    candidates_max: int
    rare_candidates_max: int
    seen_candidates_max: int
    first: int
    terms_max: int
    sample: int
    rows_to_a_gram: int

    def set(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(contact_lists, "WALK_ROWS", self.walk_rows)
        patch.setattr(contact_lists, "FREQUENT", self.frequent)
        patch.setattr(contact_lists, "CANDIDATES_MAX", self.candidates_max)
        patch.setattr(contact_lists, "RARE_CANDIDATES_MAX", self.rare_candidates_max)
        patch.setattr(contact_lists, "SEEN_CANDIDATES_MAX", self.seen_candidates_max)
        patch.setattr(contact_search, "FIRST", self.first)
        patch.setattr(contact_search, "TERMS_MAX", self.terms_max)
        patch.setattr(contact_search, "SAMPLE", self.sample)
        patch.setattr(contact_search, "ROWS_TO_A_GRAM", self.rows_to_a_gram)


LIMITS = st.builds(
    Limits,
    st.sampled_from([0, 7, 60, 10_000]),
    st.sampled_from([0, 1, 6, 10_000]),
    st.sampled_from([0, 3, 20, 10_000]),
    st.sampled_from([0, 3, 20, 10_000]),
    st.sampled_from([0, 3, 20, 10_000]),
    st.sampled_from([1, 3, 20, 10_000]),
    st.sampled_from([0, 2, 20, 10_000]),
    st.sampled_from([0, 3, 20, 10_000]),
    st.integers(1, 3),
)


class Drawn:
    """Draws writes and questions for a world as it is."""

    def __init__(self, data: st.DataObject, world: World) -> None:
        self.data = data
        self.world = world

    def __call__(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def person(self) -> Person | None:
        people = list(self.world.people.values())
        # The newest more often: its row id is the one that is given again.
        return people[-1 - self(st.integers(0, len(people) - 1))] if people else None

    async def write(self, tx: Tx) -> None:
        """One of many changes of a transaction."""
        person = self.person()
        kind = self(st.sampled_from(["add", "rename", "remove", "remove", "talk", "tag"]))
        if kind == "add" or person is None:
            new = a_contact(
                self.world.random,
                name=self(st.one_of(st.none(), NAMES)),
                email=self(st.sampled_from(EMAILS)),
                created_at=self(TIMES),
                updated_at=self(TIMES),
            )
            await self.world.add(tx, self(st.sampled_from(self.world.tenants)), [new])
        elif kind == "rename":
            await self.world.change(
                tx,
                person,
                name=self(st.one_of(st.none(), NAMES)),
                email=self(st.sampled_from(EMAILS)),
                updated_at=self(TIMES),
            )
        elif kind == "remove":
            await self.world.remove(tx, person)
        elif kind == "talk":
            at = self(st.one_of(st.none(), TIMES))
            await self.world.change(tx, person, last_message_at=at, updated_at=self(TIMES))
        else:
            names = self(st.lists(st.sampled_from(TAGS), max_size=3, unique=True))
            await self.world.tag(tx, person, tuple(names))

    def cursor(self) -> str | None:
        """Somebody's id, or nobody's."""
        person = self.person()
        nobodys = st.builds(id_of, TIMES, st.integers(0, 2**74 - 1))
        known = st.just(person.contact.id if person else None)
        return self(st.one_of(st.none(), known, nobodys))

    def query(self) -> str | None:
        """1 to 8 characters, mostly of somebody's."""
        person = self.person()
        if person is None or self(st.integers(0, 3)) == 0:
            return self(st.one_of(st.none(), NAMES.map(lambda text: search.fold(text[:8]))))
        field = self(st.sampled_from(person.fields))
        first = self(st.integers(0, len(field) - 1))
        return field[first : first + self(st.integers(1, 8))]

    def some(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self(strategy) if self(st.integers(0, 3)) == 0 else None

    def searched(self) -> dict[str, Any]:
        return {
            "query": self.query(),
            "tag": self.some(st.sampled_from([*TAGS, "nobody's"])),
            "email": self.some(
                st.sampled_from([*EMAILS[:-1], "ДАША@example.com", "x@example.com"])
            ),
        }

    def listed(self) -> dict[str, Any]:
        return {
            **(self.searched() if self(st.booleans()) else {}),
            "source": self.some(st.sampled_from(SOURCES)),
            "opted_in": self.some(st.booleans()),
            "created_after": self.some(TIMES),
            "updated_after": self.some(TIMES),
        }


@pytest.mark.row("T9.1", "T16.2")
@settings(max_examples=25)
@given(limits=LIMITS, seed=st.integers(0, 2**32), data=st.data())
async def test_answers_equal_the_model_after_any_writes(
    opened: Opened, limits: Limits, seed: int, data: st.DataObject
) -> None:
    async with opened() as database:
        world = World(database, seed)
        drawn = Drawn(data, world)
        await world.begin()
        await world.populate(data.draw(st.sampled_from([1, 5, 150])))
        with pytest.MonkeyPatch.context() as patch:
            limits.set(patch)
            for _ in range(data.draw(st.integers(0, 3))):
                await database.write(lambda tx: _some_writes(drawn, tx))
            for _ in range(8):
                tenant_id = data.draw(st.sampled_from(world.tenants))
                rows_max = data.draw(st.sampled_from([1, 5, 50]))
                await world.check(tenant_id, Filters(**drawn.searched()), rows_max)
                filters = Filters(**drawn.listed())
                await world.check_list(tenant_id, filters, drawn.cursor(), rows_max)
        await world.check_tags()
        if database.engine == "sqlite":
            await world.check_index()


async def _some_writes(drawn: Drawn, tx: Tx) -> None:
    for _ in range(drawn(st.integers(1, 6))):
        await drawn.write(tx)


# The ways on SQLite, one by one.


class Told:
    """A transaction that remembers which way it was led."""

    engine = "sqlite"
    WAYS = (
        ("LIMIT :walk_rows) r", "recent"),
        ("OFFSET :walk_rows", "is there more"),
        ("contact_search_terms", "terms"),
        ("MIN(o.id)", "span"),
        ("OFFSET :passed", "how rare"),
        ("contact_search MATCH", "trigrams"),
        ("n.email_key = :email_key LIMIT", "email"),
        ("SELECT x.contact_id", "tag"),
        ("contact_changes", "changes"),
        ("n.uuid > :after", "came"),
        ("json_each(:ids)", "among"),
        ("FROM tags", "tag's id"),
        ("", "walk"),
    )

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.ways: list[str] = []
        self.matched: list[tuple[str, int]] = []
        """What the index was asked for together, and how many rows of it came."""

    async def one(self, sql: str, **values: Any) -> Row | None:
        self._note(sql)
        return await self._tx.one(sql, **values)

    async def all(self, sql: str, **values: Any) -> Sequence[Row]:
        self._note(sql)
        rows = await self._tx.all(sql, **values)
        if "contact_search MATCH" in sql:
            self.matched.append((values["terms"], len(rows)))
        return rows

    def _note(self, sql: str) -> None:
        if "contact_search_pending" in sql:  # beside the index, whatever it says
            return
        way = next(way for part, way in self.WAYS if part in sql)
        if way not in self.ways:
            self.ways.append(way)


PEOPLE = 300
"""In each of both workspaces: `p000 Common` to `p299 Common`, p299 the most recently active."""
TENTH_IS_RARE = "zebra"
WIDE = Limits(
    walk_rows=10_000,
    frequent=10_000,
    candidates_max=10_000,
    rare_candidates_max=10_000,
    seen_candidates_max=10_000,
    first=10_000,
    terms_max=10_000,
    sample=10_000,
    rows_to_a_gram=3,
)
SMALL = Limits(
    walk_rows=20,
    frequent=6,
    candidates_max=40,
    rare_candidates_max=200,
    seen_candidates_max=200,
    first=10,
    terms_max=30,
    sample=40,
    rows_to_a_gram=3,
)

PATIENT = msgspec.structs.replace(SMALL, frequent=10_000)
"""Asks an index also where the most recently active match often."""


@pytest.fixture(scope="module")
async def crowd(on_sqlite: Opened) -> AsyncIterator[World]:
    """Every tenth is a zebra, the 30 oldest are tagged, two have an address, five changed."""
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()

        async def work(tx: Tx) -> None:
            for tenant_id in world.tenants:
                await world.add(
                    tx,
                    tenant_id,
                    [
                        a_contact(
                            world.random,
                            name=f"p{n:03} Common" + (" Zebra" if n % 10 == 0 else ""),
                            email="Ana@example.com" if n in (7, 8) else None,
                            tags=msgspec.Raw(b'["vip"]' if n < 30 else b'["VIP"]'),
                            last_message_at=EPOCH + timedelta(hours=n),
                            created_at=START + timedelta(seconds=n),
                            updated_at=START + timedelta(days=3 * (n >= 295), seconds=1),
                        )
                        for n in range(PEOPLE)
                    ],
                )

        await database.write(work)
        yield world


@pytest.mark.parametrize(
    ("filters", "limits", "rows_max", "ways"),
    [
        (Filters(), SMALL, 50, ["walk"]),
        (Filters(tag="nobody's"), SMALL, 50, ["tag's id"]),
        # The most recently active hold enough.
        (Filters(query="common"), SMALL, 20, ["recent"]),
        (Filters(tag="VIP"), SMALL, 5, ["tag's id", "recent"]),
        (Filters(query="p299", tag="VIP"), SMALL, 1, ["tag's id", "recent"]),
        # They are everybody.
        (Filters(query="p007"), WIDE, 50, ["recent", "is there more"]),
        # One or two letters: the trigrams that begin so.
        (
            Filters(query="z"),
            SMALL,
            50,
            ["recent", "is there more", "span", "terms", "trigrams", "among"],
        ),
        (
            Filters(query="ze"),
            SMALL,
            50,
            ["recent", "is there more", "span", "terms", "trigrams", "among"],
        ),
        (
            Filters(query="n"),
            PATIENT,
            50,
            ["recent", "is there more", "span", "terms", "trigrams", "walk"],
        ),
        (Filters(query="0"), PATIENT, 50, ["recent", "is there more", "span", "terms", "walk"]),
        (Filters(query="ж"), SMALL, 50, ["recent", "is there more", "span", "terms", "among"]),
        # Three and more: the first trigram that few have, else several together.
        (
            Filters(query=TENTH_IS_RARE),
            SMALL,
            50,
            ["recent", "is there more", "span", "how rare", "trigrams", "among"],
        ),
        (
            Filters(query="common zebra"),
            SMALL,
            50,
            ["recent", "is there more", "span", "how rare", "trigrams", "among"],
        ),
        # Who matches often is met by walking.
        (Filters(query="common"), SMALL, 50, ["recent", "walk"]),
        (
            Filters(query="common"),
            PATIENT,
            50,
            ["recent", "is there more", "span", "how rare", "trigrams", "walk"],
        ),
        (
            Filters(query="жжж"),
            SMALL,
            50,
            ["recent", "is there more", "span", "how rare", "trigrams", "among"],
        ),
        # Where the text is frequent, the tag may be rare.
        (
            Filters(query="common", tag="vip"),
            SMALL,
            50,
            ["tag's id", "recent", "is there more", "span", "how rare", "trigrams", "tag", "among"],
        ),
        (
            Filters(query="common", tag="VIP"),
            PATIENT,
            50,
            ["tag's id", "recent", "is there more", "span", "how rare", "trigrams", "tag", "walk"],
        ),
        (Filters(tag="vip"), SMALL, 50, ["tag's id", "recent", "is there more", "tag", "among"]),
        (Filters(tag="VIP"), SMALL, 50, ["tag's id", "recent", "is there more", "tag", "walk"]),
        # An address is rare.
        (Filters(email="ana@Example.com"), SMALL, 50, ["email", "among"]),
        (Filters(email="ana@example.com", query="p008"), SMALL, 50, ["email", "among"]),
        (Filters(email="x@example.com"), SMALL, 50, ["email", "among"]),
        (
            Filters(email="ana@example.com", query="p008 c"),
            msgspec.structs.replace(SMALL, candidates_max=1, sample=1),
            50,
            ["email", "span", "how rare", "trigrams", "among"],
        ),
    ],
)
async def test_ways_of_search(
    crowd: World,
    monkeypatch: pytest.MonkeyPatch,
    filters: Filters,
    limits: Limits,
    rows_max: int,
    ways: list[str],
) -> None:
    limits.set(monkeypatch)
    assert (
        await _ways(
            crowd,
            lambda tx: contact_lists.most_active(
                tx, tenant_id=crowd.tenants[0], filters=filters, rows_max=rows_max
            ),
        )
        == ways
    )
    for tenant_id in crowd.tenants:
        await crowd.check(tenant_id, filters, rows_max)


@pytest.mark.parametrize(
    ("filters", "limits", "ways"),
    [
        (Filters(), SMALL, ["walk"]),
        (Filters(source="api", opted_in=False, created_after=START), SMALL, ["walk"]),
        (Filters(created_after=START + timedelta(seconds=200)), SMALL, ["walk"]),
        (
            Filters(created_after=START + timedelta(seconds=200), query=TENTH_IS_RARE),
            SMALL,
            ["span", "how rare", "trigrams", "among"],
        ),
        (Filters(tag="nobody's"), SMALL, ["tag's id"]),
        (Filters(query="z"), SMALL, ["span", "terms", "trigrams", "among"]),
        (Filters(query="0"), SMALL, ["span", "terms", "walk"]),
        (Filters(query=TENTH_IS_RARE), SMALL, ["span", "how rare", "trigrams", "among"]),
        (Filters(query="common"), SMALL, ["span", "how rare", "trigrams", "walk"]),
        (Filters(query="common"), WIDE, ["span", "how rare", "trigrams", "among"]),
        (Filters(tag="vip"), SMALL, ["tag's id", "tag", "among"]),
        (Filters(tag="VIP"), SMALL, ["tag's id", "tag", "walk"]),
        (Filters(email="ana@example.com"), SMALL, ["email", "among"]),
        (Filters(updated_after=START + timedelta(days=2)), SMALL, ["changes", "came", "among"]),
        (Filters(updated_after=START), SMALL, ["changes", "came", "walk"]),
        (
            Filters(updated_after=START + timedelta(days=2), query="common", tag="VIP"),
            SMALL,
            ["tag's id", "span", "how rare", "trigrams", "tag", "changes", "came", "among"],
        ),
    ],
)
async def test_ways_of_list(
    crowd: World,
    monkeypatch: pytest.MonkeyPatch,
    filters: Filters,
    limits: Limits,
    ways: list[str],
) -> None:
    limits.set(monkeypatch)
    middle = sorted(person.contact.id for person in crowd.of(crowd.tenants[0]))[150]
    assert (
        await _ways(
            crowd,
            lambda tx: contact_lists.in_order(
                tx, tenant_id=crowd.tenants[0], filters=filters, after=None, rows_max=50
            ),
        )
        == ways
    )
    for tenant_id in crowd.tenants:
        for after in (None, middle):
            await crowd.check_list(tenant_id, filters, after, 50)


async def _ways(world: World, ask: Callable[[Tx], Awaitable[object]]) -> list[str]:
    async def work(tx: Tx) -> list[str]:
        told = Told(tx)
        await ask(told)  # type: ignore[arg-type]
        return told.ways

    return await world.database.scan(work)


@pytest.mark.parametrize("workspace", [0, 1])
@pytest.mark.parametrize(
    ("query", "candidates_max", "matched", "found"),
    [
        ("common", 150, [10, 10], None),  # the first of 300 tell of more, and so do the last
        ("common", 350, [10, 290], 300),
        ("zebra", 40, [10, 20], 30),
        ("zebra", 29, [10, 10], None),
        ("zebra", 5, [6], None),
        ("p29", 40, [10, 0], 10),
        ("p00", 40, [10, 10, 0], 10),  # only the first of all: the last tell that they are few
        ("p299", 3, [4], None),  # of its trigrams, the rarer one is asked for
    ],
)
async def test_how_many_there_will_be_is_told_by_the_first(
    crowd: World,
    monkeypatch: pytest.MonkeyPatch,
    workspace: int,
    query: str,
    candidates_max: int,
    matched: list[int],
    found: int | None,
) -> None:
    """Whatever row ids a workspace has: those of the second begin behind all of the first."""
    SMALL.set(monkeypatch)

    async def work(tx: Tx) -> None:
        told = Told(tx)
        ids = await contact_search.candidates(
            told,  # type: ignore[arg-type]
            tenant_id=crowd.tenants[workspace],
            folded=query,
            candidates_max=candidates_max,
        )
        assert [rows for _, rows in told.matched] == matched
        assert (None if ids is None else len(ids)) == found

    await crowd.database.scan(work)


@pytest.mark.parametrize("workspace", [0, 1])
async def test_trigrams_that_nearly_all_have_are_not_asked_for(
    crowd: World, monkeypatch: pytest.MonkeyPatch, workspace: int
) -> None:
    msgspec.structs.replace(SMALL, sample=5).set(monkeypatch)

    async def work(tx: Tx) -> None:
        told = Told(tx)
        await contact_search.candidates(
            told,  # type: ignore[arg-type]
            tenant_id=crowd.tenants[workspace],
            folded="mon z",
            candidates_max=40,
        )
        assert {terms for terms, _ in told.matched} == {'"on " AND "n z"'}

    await crowd.database.scan(work)


async def test_who_changes_again_and_again_is_one_who_changed(
    on_sqlite: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who writes all day does not make a list walk through everybody."""
    SMALL.set(monkeypatch)
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()
        tenant_id, filters = world.tenants[0], Filters(updated_after=START + timedelta(days=2))

        async def work(tx: Tx) -> None:
            for n in range(2):
                created_at = START + timedelta(seconds=n)
                await world.add(tx, tenant_id, [a_contact(world.random, created_at=created_at)])
            for n in range(2 * SMALL.candidates_max):
                [person, _] = world.people.values()
                await world.change(tx, person, updated_at=START + timedelta(days=3, seconds=n))

        await database.write(work)
        ways = await _ways(
            world,
            lambda tx: contact_lists.in_order(
                tx, tenant_id=tenant_id, filters=filters, after=None, rows_max=50
            ),
        )
        assert ways == ["changes", "came", "among"]
        await world.check_list(tenant_id, filters, None, 50)


# The index follows the rows.


async def test_a_row_id_given_again_in_another_workspace_is_found(on_sqlite: Opened) -> None:
    """Writes of all workspaces share a transaction, and SQLite gives the highest row id again."""
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()
        one, other = world.tenants
        await database.write(lambda tx: world.add(tx, one, [a_contact(world.random, name="Zebra")]))
        [zebra] = world.people.values()
        await asyncio.gather(
            database.write(lambda tx: world.remove(tx, zebra)),
            database.write(lambda tx: world.add(tx, other, [a_contact(world.random, name="Gnu")])),
        )
        [gnu] = world.people.values()
        assert gnu.contact.row_id == zebra.contact.row_id, "or this proves nothing"
        await world.check_index()
        with pytest.MonkeyPatch.context() as patch:
            msgspec.structs.replace(WIDE, walk_rows=0).set(patch)
            for query in ("gnu", "g", "zebra"):
                for tenant_id in world.tenants:
                    await world.check(tenant_id, Filters(query=query), 50)
        await database.write(lambda tx: world.remove(tx, gnu))
        await world.check_index()


async def _add(world: World, tx: Tx, tenant: int, name: str) -> None:
    await world.add(tx, world.tenants[tenant], [a_contact(world.random, name=name)])


CHANGES: dict[str, Callable[[World, Tx, Person], Awaitable[None]]] = {
    "rename": lambda world, tx, one: world.change(tx, one, name="Okapi"),
    "rename back": lambda world, tx, one: world.change(tx, one, name="Zebra"),
    "clear": lambda world, tx, one: world.change(tx, one, name=None),
    "remove": lambda world, tx, one: world.remove(tx, one),
    "add": lambda world, tx, _: _add(world, tx, 0, "Gnu"),
    "add elsewhere": lambda world, tx, _: _add(world, tx, 1, "Emu"),
}


@pytest.mark.parametrize("is_new", [False, True], ids=["known", "new"])
@pytest.mark.parametrize(
    "kinds",
    [
        ["rename"],
        ["clear"],
        ["rename", "rename"],
        ["rename", "rename back"],
        ["remove"],
        ["rename", "remove"],
        ["remove", "add"],
        ["rename", "remove", "add"],
        ["add", "remove"],
        ["remove", "add elsewhere"],
        ["remove", "add", "add elsewhere"],
        ["add elsewhere", "remove", "add"],
    ],
    ids=", ".join,
)
async def test_any_changes_of_one_transaction(
    on_sqlite: Opened, kinds: Iterable[str], is_new: bool
) -> None:
    """To a contact that was there before, or that came in the same transaction."""
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()

        async def arrive(tx: Tx) -> None:
            await world.add(
                tx, world.tenants[0], [a_contact(world.random, name="Zebra", email="z@example.com")]
            )

        async def change(tx: Tx) -> None:
            [one] = world.people.values()
            for kind in kinds:
                await CHANGES[kind](world, tx, world.people.get(one.contact.id, one))

        if is_new:
            await asyncio.gather(database.write(arrive), database.write(change))
        else:
            await database.write(arrive)
            await database.write(change)
        await world.check_index()


async def waiting(database: Database) -> int:
    await asyncio.sleep(0)  # a new turn reads a new snapshot
    row = await database.read(lambda tx: tx.one("SELECT COUNT(*) FROM contact_search_pending"))
    assert row is not None
    return int(row[0])


async def test_a_few_wait_for_the_index_and_are_found(
    on_sqlite: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under what they are called now, whatever the index has of them."""
    msgspec.structs.replace(WIDE, walk_rows=0).set(monkeypatch)
    monkeypatch.setattr(contact_search, "PENDING_MAX", 10)
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()

        async def check(expected: int) -> None:
            assert await waiting(database) == expected
            for query in ("z", "zeb", "zebra 3", "okapi", "o", "\u0436\u0436\u0436"):
                for tenant_id in world.tenants:
                    await world.check(tenant_id, Filters(query=query), 50)

        for number in range(10):
            one = a_contact(world.random, name=f"Zebra {number}")
            tenant = world.tenants[number % 2]
            await database.write(lambda tx, t=tenant, one=one: world.add(tx, t, [one]))
        await check(10)
        first, second, *_ = world.people.values()
        await database.write(lambda tx: world.change(tx, first, name="Okapi"))
        await check(10)
        await database.write(lambda tx: _add(world, tx, 0, "Zebra 11"))
        await check(0)
        await database.write(lambda tx: world.change(tx, second, name="Okapi"))
        await check(1)
        await database.tidy()
        await check(0)
        await world.check_index()


@pytest.mark.parametrize("is_erased", [True, False])
async def test_whoever_is_gone_does_not_wait(on_sqlite: Opened, is_erased: bool) -> None:
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()
        for name in ("Zebra", "Gnu"):
            await database.write(lambda tx, name=name: _add(world, tx, 0, name))
        assert await waiting(database) == 2
        zebra = next(iter(world.people.values()))
        await database.write(lambda tx: world.change(tx, zebra, name="Okapi"))

        async def remove(tx: Tx) -> None:
            known = world.people[zebra.contact.id]
            if is_erased:
                await world.remove(tx, known)
            else:
                del world.people[zebra.contact.id]
                row_ids = [known.contact.row_id]
                await contacts.remove_all(tx, tenant_id=known.tenant_id, row_ids=row_ids)

        await database.write(remove)
        assert await waiting(database) == 0
        await world.check_index()


async def test_a_stranger_between_many_new_ones_stays_as_they_are(on_sqlite: Opened) -> None:
    """Many new ones are noted by the range of their ids."""
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()
        first, stranger, last = sorted(
            (a_contact(world.random, name=f"Zebra {n}") for n in range(3)), key=lambda one: one.id
        )
        await database.write(lambda tx: world.add(tx, world.tenants[0], [stranger]))
        await database.write(lambda tx: world.add(tx, world.tenants[0], [first, last]))
        await world.check_index()
        for name in ("Okapi", "Gnu"):
            known = world.people[stranger.id]
            await database.write(
                lambda tx, known=known, name=name: world.change(tx, known, name=name)
            )
            await world.check_index()
        for person in list(world.people.values()):
            await database.write(lambda tx, person=person: world.remove(tx, person))
            await world.check_index()


async def test_a_refused_write_leaves_nothing_in_the_index(on_sqlite: Opened) -> None:
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()
        await world.populate(20)
        before = dict(world.people)

        async def refused(tx: Tx) -> None:
            for person in world.random.sample(list(world.people.values()), 10):
                await world.remove(tx, person)
            await world.add(tx, world.tenants[0], [a_contact(world.random, name="Nobody")])
            raise Refused()

        async def kept(tx: Tx) -> None:
            world.people = dict(before)
            await world.add(tx, world.tenants[0], [a_contact(world.random, name="Somebody")])

        done = await asyncio.gather(
            database.write(refused), database.write(kept), return_exceptions=True
        )
        assert [type(one) for one in done] == [Refused, type(None)]
        await world.check_index()


def strangers(chance: random.Random, numbers: Iterable[int]) -> list[Contact]:
    return [
        a_contact(
            chance,
            name=f"Camille Bernard {number}",
            phone=f"+336{number * 7_919 % 10**8:08}",
            email=f"person{number}@example.com",
        )
        for number in numbers
    ]


async def add_strangers(world: World, numbers: Iterable[int]) -> None:
    new = strangers(world.random, numbers)
    await world.database.write(lambda tx: bulk.add(tx, tenant_id=world.tenants[0], contacts=new))


async def test_a_large_batch_is_written_to_the_index_when_it_commits(on_sqlite: Opened) -> None:
    """In the midst of a statement SQLite would keep each page that changes as it was: 11 MB among a
    million contacts."""
    async with on_sqlite() as database:
        assert isinstance(database, SQLite)
        world = World(database)
        await world.begin()

        async def pages(tx: Tx) -> int:
            row = await tx.one("SELECT COUNT(*) FROM contact_search_data")
            assert row is not None
            return int(row[0])

        async def add(tx: Tx) -> tuple[int, int]:
            new = strangers(world.random, range(importing.ALONE["sqlite"].rows_max))
            await bulk.add(tx, tenant_id=world.tenants[0], contacts=new)
            before = await pages(tx)
            contact_search.refresh(database.writing_connection)
            return before, await pages(tx)

        before, after = await database.write(add)
        assert after == before
        assert await database.read(pages) > after + 100


async def test_eight_parts_of_the_index_are_merged_not_four(on_sqlite: Opened) -> None:
    async with on_sqlite() as database:
        world = World(database)
        await world.begin()

        async def parts(tx: Tx) -> int:
            row = await tx.one("SELECT COUNT(DISTINCT segid) FROM contact_search_idx")
            assert row is not None
            return int(row[0])

        found = []
        for first in range(0, 40_000, 2_000):
            await add_strangers(world, range(first, first + 2_000))
            found.append(await database.read(parts))
        assert found[:7] == [1, 2, 3, 4, 5, 6, 7]
        assert max(found) < 16  # they are merged little by little


async def test_merging_all_of_it_after_an_erasure_keeps_the_log_short(
    on_sqlite: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "WAL_PAGES", 50)
    async with on_sqlite() as database:
        assert isinstance(database, SQLite)
        world = World(database)
        await world.begin()
        for first in range(0, 20_000, 5_000):
            await add_strangers(world, range(first, first + 5_000))
        await database.tidy()
        log = database.path.with_name(f"{database.path.name}-wal")
        merge, pages = contact_search.merge, []

        def merging(connection: apsw.Connection, *, is_first: bool) -> bool:
            is_more = merge(connection, is_first=is_first)
            pages.append(log.stat().st_size // 4_096)
            return is_more

        monkeypatch.setattr(contact_search, "merge", merging)
        await database.write(
            lambda tx: tx.run("INSERT INTO unswept_erasures (tenant_id) VALUES (1)")
        )
        await database.tidy()
        assert len(pages) > 10
        assert max(pages) < 110
