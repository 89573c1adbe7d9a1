"""POST /api/v1/actions/delete-contact: an erasure leaves nothing of the person (row T18.1).

What stays: that it happened, and a keyed hash that keeps an opt-out in force.
"""

import asyncio
import hashlib
import random
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import apsw
import httpx
import pytest

from kith import wiring
from kith.actions import contacts, personal_data, workspaces
from kith.actions.run import Context, Once, Runner
from kith.api import upserts
from kith.domain import idempotency, search, suppression
from kith.domain.contacts import Contact, ContactKey
from kith.domain.idempotency import Kept
from kith.domain.phone import parse
from kith.domain.tokens import Caller
from kith.settings import Settings
from kith.store.database import Tx
from tests.api.refusals import FORBIDDEN, NO_SUCH_ID, NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person
from tests.conftest import SECRET_KEY as KEY_OF_THE_TESTS
from tests.databases import postgres_database
from tests.digests import tables_of
from tests.serving import serving

PHONE = "+14155550123"
OTHER = "+14155550124"
EMAIL = "romain@example.com"
OPTED_OUT_US = 1_700_000_000_000_000
OPTED_OUT_AT = "2023-11-14T22:13:20+00:00"
SECRET_KEY = "only-the-operator-knows-this"
SIZES = (10, 40, 100, 200, 300)
"""Bytes of random values: rows of one size would hide what a page keeps."""
RACES = 4
THREE_LETTERS = "𓂀𓃠𓆣"


def erase(caller: Person, **given: object) -> httpx.Response:
    return caller.post("delete-contact", given or {"phone": PHONE})


def erased(caller: Person, **given: object) -> str:
    """The id of whom it was."""
    answer = erase(caller, **given)
    assert answer.status_code == 200, answer.text
    uuid: str = answer.json()["id"]
    return uuid


async def consent(bed: Bed, uuid: str, **times: int | None) -> None:
    """No action writes it yet."""
    for name, at in times.items():
        await bed.change(f"UPDATE contacts SET {name} = :at WHERE uuid = :id", at=at, id=uuid)


Values = list[tuple[str, str]]


async def texts(tx: Tx) -> Values:
    """Every value of every table, with where it stands."""
    found: Values = []
    for table, columns in (await tables_of(tx)).items():
        for row in await tx.all(f"SELECT {', '.join(columns)} FROM {table}"):
            found += [
                (f"{table}.{column}", _text(value))
                for column, value in zip(columns, row, strict=True)
            ]
    return found


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# What callers see


def test_the_answer(ana: Person) -> None:
    saved = ana.create_contact(phone=PHONE, name="Romain").json()
    answer = erase(ana)
    assert answer.status_code == 200
    assert list(answer.json().items()) == [("id", saved["id"]), ("deleted", True)]
    again = erase(ana)
    assert (again.status_code, again.json()) == (404, NOT_FOUND)


def test_by_id_by_phone_or_by_both(ana: Person) -> None:
    for names in (("contact_id",), ("phone",), ("contact_id", "phone")):
        uuid = ana.create_contact(phone=PHONE).json()["id"]
        given = {"contact_id": f" {uuid.upper()} ", "phone": "+1 (415) 555-0123"}
        assert erased(ana, **{name: given[name] for name in names}) == uuid
        assert ana.get_contact(contact_id=uuid).status_code == 404


async def test_refused(bed: Bed, ana: Person, ben: Person) -> None:
    first = ana.create_contact(phone=PHONE).json()
    ana.create_contact(phone=OTHER)
    before = await bed.digest()
    both = {"contact_id": first["id"], "phone": OTHER}
    assert_invalid(erase(ana, **both), "contact_id", "phone")
    assert_invalid(erase(ana, contact_id="x", phone="y"), "contact_id", "phone")
    assert erase(ana, email=EMAIL).json()["error"] == "Neither contact_id nor phone provided"
    for missing in ({"phone": "+14155550199"}, {"contact_id": str(uuid4())}):
        answer = erase(ana, **missing)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    answer = erase(ben)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    answer = bed.nobody.post("delete-contact", {"phone": PHONE})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
async def test_mallory_erases_nobody_of_ana_s(bed: Bed, ana: Person, mallory: Person) -> None:
    uuid = ana.create_contact(phone=PHONE).json()["id"]
    before = await bed.digest()
    for given in ({"contact_id": uuid}, {"phone": PHONE}, {"contact_id": uuid, "phone": PHONE}):
        answer = erase(mallory, **given)
        told = NO_SUCH_ID if len(given) == 2 else NOT_FOUND
        assert (answer.status_code, answer.json()) == (404, told)
    assert await bed.digest() == before


@pytest.mark.row("T18.1")
async def test_no_operation_shows_the_contact_any_more(bed: Bed) -> None:
    ana = await bed.owner("Ana", scope="admin")
    given = {"name": "Romain Quux", "email": EMAIL, "tags": "vip, only-his", "metadata": {"a": 1}}
    uuid = ana.create_contact(phone=PHONE, **given).json()["id"]
    ana.create_contact(phone=OTHER, name="Another", tags="vip")
    kept = ana.get_contact(phone=OTHER, expand=["tags", "identities", "history"]).content
    ana.post("update-contact", {"phone": PHONE, "name": "Rom Quux"})
    tag_ids = {tag["name"]: tag["id"] for tag in ana.post("list-tags", {}).json()}

    assert erased(ana) == uuid

    keys: list[dict[str, str]] = [{"contact_id": uuid}, {"phone": PHONE}, {"email": EMAIL}]
    for key in keys:
        for more in ({}, {"expand": ["tags", "identities", "history"]}):
            answer = ana.get_contact(**key, **more)
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert ana.post("get-contacts", {"contacts": keys}).json() == [NOT_FOUND] * 3
    for key in keys[:2]:
        assert ana.post("export-contact", key).status_code == 404
        for name in ("update-contact", "add-tag", "remove-tag"):
            assert ana.post(name, {**key, "tag": "vip"}).status_code == 404
    for query in ("quux", "romain", "rom", "0123", PHONE, EMAIL):
        assert ana.post("search-contacts", {"query": query}).json() == []
    for query in ({"email": EMAIL}, {"tag": "only-his"}):
        assert ana.post("search-contacts", query).json() == []
    for given in ({}, {"tag": "vip"}):
        assert [one["phone"] for one in ana.post("search-contacts", given).json()] == [OTHER]
        page = ana.post("list-contacts", given).json()
        assert [one["phone"] for one in page["contacts"]] == [OTHER]
    tags = ana.post("list-tags", {}).json()
    assert {tag["name"]: tag["contacts_count"] for tag in tags} == {"vip": 1, "only-his": 0}
    assert {tag["name"]: tag["id"] for tag in tags} == tag_ids
    log = ana.post("list-audit", {"contact_id": uuid}).json()["entries"]
    assert [(entry["what"], entry["before"], entry["after"]) for entry in log] == [
        ("contact.erased", None, None),
        ("contact.updated", None, None),
        ("contact.created", None, None),
    ]
    assert {entry["user"]["id"] for entry in log} == {ana.user.id}
    assert ana.get_contact(phone=OTHER, expand=["tags", "identities", "history"]).content == kept


@pytest.mark.row("T18.1")
async def test_whoever_is_made_anew_begins_anew(bed: Bed) -> None:
    ana = await bed.owner("Ana", scope="admin")
    ana.create_contact(phone=PHONE, name="Romain", email=EMAIL, tags="vip", metadata={"a": 1})
    old = erased(ana)
    assert ana.create_contact(phone=PHONE).json()["id"] != old
    held = ana.post("export-contact", {"phone": PHONE}).json()
    assert (held["contact"]["name"], held["contact"]["metadata"]) == (None, {})
    assert (held["tags"], held["kept_answers"], len(held["history"])) == ([], [], 1)


# What the files hold


class Traces:
    """All that identifies a person, as unusual as can be, and everything they were before."""

    def __init__(self) -> None:
        self.phone = f"+9{random.randrange(10**12, 10**13)}"
        self.values: list[str] = [self.phone, self.phone[1:]]

    def text(self, prefix: str = "") -> str:
        """A value of theirs, in letters of several alphabets, longer than any index entry."""
        value = f"{prefix}Žõë Ξένη Ωραία {uuid4().hex} 奥野 👩🏽‍🚀 {uuid4().hex}"
        self.values.append(value)
        return value

    def name(self, form: str) -> str:
        """One of their further names, in the form of its kind."""
        value = form.format(uuid4().hex)
        self.values.append(value)
        return value

    def email(self) -> str:
        value = f"Żaneta.{uuid4().hex}@example.com"
        self.values.append(value)
        return value

    @property
    def spellings(self) -> set[str]:
        """Also as it is searched by, and as JSON spells it without other alphabets."""
        every = {*self.values, *map(search.fold, self.values)}
        return every | {value.encode("ascii", "backslashreplace").decode() for value in every}

    def found_in(self, data: bytes) -> list[str]:
        return [spelling for spelling in self.spellings if spelling.encode() in data]

    def places_in(self, values: Values) -> list[str]:
        whole = "\n".join(value for _, value in values).encode()
        if not self.found_in(whole):  # mostly so, and much quicker than value by value
            return []
        return [where for where, value in values if self.found_in(value.encode())]

    def missing_in(self, values: Values) -> list[str]:
        whole = "\n".join(value for _, value in values)
        return [value for value in self.values if value not in whole]


def live_a_life(client: Person, traces: Traces) -> str:
    """Made, changed several times, tagged, found, each call with a key; returns the id."""

    def call(action: str, **given: object) -> httpx.Response:
        headers = {"Idempotency-Key": uuid4().hex}
        answer = client.post(action, {"phone": traces.phone, **given}, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer

    uuid: str = call("create-contact", name=traces.text(), email=traces.email()).json()["id"]
    call("find-or-create-contact")
    for _ in range(3):
        metadata = {traces.text("key "): [traces.text(), {traces.text(): traces.text() * 40}]}
        call("update-contact", name=traces.text(), email=traces.email(), metadata=metadata)
        call("create-contact", name=traces.text(), tags="vip", metadata={"a": traces.text() * 200})
        call("add-tag", tag="b2b")
        call("remove-tag", tag="b2b")
    for kind, form in (("bsuid", "US.{}"), ("username", "u{:.30}"), ("external", "shop:{}")):
        call("add-identity", kind=kind, value=traces.name(form))
    for state in ("granted", "withdrawn"):
        evidence = {"ip": traces.name("{}"), "form": traces.text(), "row": [{"a": traces.text()}]}
        more = {"source": "api", "method": "checkbox", "evidence": evidence, "note": traces.text()}
        call("set-consent", channel="whatsapp", purpose="marketing", state=state, **more)
    call("set-consent", channel="email", purpose="marketing", state="pending", **more)
    call("block-contact", note=traces.text())
    client.post("export-consent-proof", {"phone": traces.phone, "format": "html"})
    client.post("update-contact", {"phone": traces.phone, "email": "no address", "tags": 1})
    client.post("search-contacts", {"query": traces.phone[-6:]})
    client.post("get-contact", {"phone": traces.phone, "expand": "history"})
    client.post("export-contact", {"contact_id": uuid})
    return uuid


@pytest.mark.row("T18.1", "R10")
async def test_no_byte_is_left_in_a_file_or_a_table(
    database_url: str, http: httpx.Client, tmp_path: Path
) -> None:
    """After a clean stop: the database, beside it, and the log."""
    traces, log = Traces(), tmp_path / "server.log"
    options: dict[str, Any] = {
        "database_url": database_url,
        "rate_limit_per_minute": 0,
        "log_requests": "true",
        "secret_key": SECRET_KEY,
    }
    with serving(log, **options) as running:
        async with wiring.opened(Settings(database_url=database_url)) as runner:
            bed = Bed(running, runner, http)
            ana = await bed.owner("Ana")
            others = [f"+1415555{number:04}" for number in range(20)]
            for phone in others[:10]:
                ana.create_contact(phone=phone, name=f"Romain {phone}", tags="vip")
            uuid = live_a_life(ana, traces)
            for phone in others[10:]:
                ana.create_contact(phone=phone, name=f"Romain {phone}", tags="vip")
            row_id = await row_id_of(runner, uuid)
            assert traces.missing_in(await bed.read(texts)) == [], "the search can find"
            with_key = {"Idempotency-Key": uuid4().hex}
            answer = ana.post("delete-contact", {"phone": traces.phone}, headers=with_key)
            assert answer.json() == {"id": uuid, "deleted": True}
            left = await bed.read(texts)
            assert traces.places_in(left) == []
            known = plain_digests(traces.phone) | digests_without_secret(traces.phone)
            assert [where for where, value in left if value in known] == []
            kept = await bed.rows("SELECT kind, digest FROM suppressions ORDER BY kind")
            assert [kind for kind, _ in kept] == ["bsuid", "phone"]
            digest = kept[1][1]
            [(key,)] = await bed.rows("SELECT suppression_key FROM tenants")
            phone = parse(traces.phone)
            assert digest == suppression.digest(phone, workspace_key=key, secret_key=SECRET_KEY)
            assert digest != suppression.digest(phone, workspace_key=key, secret_key="")
        assert running.stop() == 0
    assert traces.found_in(log.read_bytes()) == []
    for path in tmp_path.iterdir():
        assert traces.found_in(path.read_bytes()) == [], path.name
    if database_url.startswith("sqlite"):
        assert (tmp_path / "kith.db").exists()
        assert not indexed(tmp_path / "kith.db", row_id)
        for phone in others:
            assert phone.encode() in (tmp_path / "kith.db").read_bytes(), "the search can find"


async def row_id_of(runner: Runner, uuid: str) -> int:
    """Of the contact in the index of trigrams."""
    row = await runner.database.read(
        lambda tx: tx.one("SELECT tenant_id, id FROM contacts WHERE uuid = :uuid", uuid=uuid)
    )
    assert row is not None
    return (int(row[0]) << 40) + int(row[1])


def indexed(path: Path, row_id: int) -> list[str]:
    """The trigrams under which SQLite's index has the row."""
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE VIRTUAL TABLE temp.held USING fts5vocab(main, contact_search, instance)"
    )
    terms = [str(term) for (term,) in connection.execute(
        "SELECT term FROM temp.held WHERE doc = ?", (row_id,)
    )]  # fmt: skip
    connection.close()
    return terms


def plain_digests(phone: str) -> set[str]:
    """What anybody can compute of a number, and so of every number."""
    return {
        hashlib.new(name, text.encode()).hexdigest()
        for name in ("md5", "sha1", "sha256", "sha512")
        for text in spelled(phone)
    }


def digests_without_secret(phone: str) -> set[str]:
    """As Kith computes them when there is no KITH_SECRET_KEY."""
    return {idempotency.digest(text.encode(), secret_key="") for text in spelled(phone)}


def spelled(phone: str) -> list[str]:
    """Alone, and as the body of a call."""
    return [phone, phone[1:], f'{{"phone": "{phone}"}}', f'{{"phone":"{phone}"}}']


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("keyed", [False, True], ids=["without_key", "with_key"])
async def test_no_hash_is_left_that_gives_the_number_away(
    bed: Bed, ana: Person, keyed: bool
) -> None:
    """There are few numbers: whoever has the file can try them all."""
    phone = f"+9{random.randrange(10**12, 10**13)}"
    headers = {"Idempotency-Key": "key"} if keyed else {}
    ana.post("create-contact", {"phone": phone}, headers=headers)
    ana.post("delete-contact", {"phone": phone}, headers=headers)
    known = plain_digests(phone)
    assert [where for where, value in await bed.read(texts) if value in known] == []


async def test_a_kept_answer_goes_with_the_contact_and_others_stay(bed: Bed, ana: Person) -> None:
    for number, phone in enumerate((PHONE, OTHER)):
        ana.post("create-contact", {"phone": phone}, headers={"Idempotency-Key": f"k{number}"})
    ana.post("delete-contact", {"phone": PHONE}, headers={"Idempotency-Key": "erase"})
    rows = await bed.rows(
        "SELECT action, key FROM idempotency_keys WHERE tenant_id = :tenant_id ORDER BY action",
        tenant_id=ana.user.tenant_id,
    )
    hidden = idempotency.digest(b"erase", secret_key=KEY_OF_THE_TESTS)
    assert rows == [("create-contact", "k1"), ("delete-contact", hidden)]


# SQLite's own places: what a page held before, and the index of trigrams


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[tuple[Runner, Path]]:
    """SQLite, without a server: hundreds of writes in a moment."""
    path = tmp_path / "kith.db"
    async with wiring.opened(Settings(database_url=f"sqlite:///{path}")) as runner:
        yield runner, path


async def workspace_of(runner: Runner, name: str = "Acme") -> Caller:
    given = workspaces.NewWorkspace(name=name, email="ana@example.com")
    workspace, user = await runner.write(workspaces.create, given)
    return Caller(
        token_id=1,
        user_id=user.id,
        tenant_id=workspace.row_id,
        scopes=("read", "write"),
        rate_limit_per_minute=None,
    )


async def save(runner: Runner, caller: Caller, **given: object) -> Contact:
    return await runner.write(contacts.save, upserts.CREATE_CONTACT.convert(given), caller)


async def remove(runner: Runner, caller: Caller, phone: str) -> None:
    await runner.write(personal_data.erase, ContactKey(phone=parse(phone)), caller)


async def stays_in(runner: Runner, path: Path, values: Iterable[str]) -> list[str]:
    """Which of the values the file holds when the WAL has been moved into it."""
    await runner.database.tidy()
    wal = path.with_name("kith.db-wal")
    assert not wal.exists() or wal.stat().st_size == 0
    data = path.read_bytes()
    return [value for value in values if value.encode() in data]


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("seed", [5, 7, random.randrange(2**32)], ids=["5", "7", "random"])
async def test_no_page_keeps_what_once_stood_on_it(shop: tuple[Runner, Path], seed: int) -> None:
    """Pages fill, split and join: none may keep a copy in the gap between its rows."""
    print("seed", seed)
    runner, path = shop
    caller = await workspace_of(runner)
    random_ = random.Random(seed)
    values: dict[str, list[str]] = {}

    async def write(phone: str) -> None:
        name, value, local = (random_.randbytes(random_.choice(SIZES)).hex() for _ in range(3))
        name, email = name[:250], f"{local[:40]}@example.com"
        values.setdefault(phone, [phone, phone[1:]]).extend((name, email, value))
        await save(runner, caller, phone=phone, name=name, email=email, metadata={"k": value})

    for batch in range(20):
        await asyncio.gather(*(write(f"+1415555{batch:02}{number:02}") for number in range(10)))
        for _ in range(2):
            await asyncio.gather(*map(write, random_.sample(list(values), 10)))
    leaving = random_.sample(list(values), 60)
    for at in range(0, len(leaving), 5):
        await asyncio.gather(*(remove(runner, caller, phone) for phone in leaving[at : at + 5]))
    staying = values.keys() - leaving
    assert staying <= set(await stays_in(runner, path, values)), "the search can find"
    gone = [value for phone in leaving for value in values[phone]]
    assert await stays_in(runner, path, gone) == []


@pytest.mark.row("T18.1")
async def test_the_index_of_trigrams_forgets_the_contact(shop: tuple[Runner, Path]) -> None:
    """A name of three letters stands in it as it is."""
    runner, path = shop
    caller = await workspace_of(runner)
    first = await save(runner, caller, phone=PHONE, name="wjq", email="qzxwv@jkpqz.example")
    row_id = await row_id_of(runner, first.id)
    for number in range(40):
        await save(runner, caller, phone=f"+1415556{number:04}", name=f"Somebody {number}")
    await save(runner, caller, phone=PHONE, name=THREE_LETTERS)
    await runner.database.tidy()
    assert {THREE_LETTERS, "qzx", "123"} <= set(indexed(path, row_id))
    await remove(runner, caller, PHONE)
    assert indexed(path, row_id) == []
    assert await stays_in(runner, path, [THREE_LETTERS, "wjq"]) == []


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("seed", [1, 2, random.randrange(2**32)], ids=["1", "2", "random"])
async def test_whoever_changed_again_and_again_is_found_no_more(
    shop: tuple[Runner, Path], seed: int
) -> None:
    """What the index held of them before stands in other parts of it than the newest."""
    print("seed", seed)
    runner, path = shop
    caller = await workspace_of(runner)
    random_ = random.Random(seed)
    rows: dict[str, int] = {}
    phones = [f"+1415555{number:04}" for number in range(40)]
    for phone in random_.choices(phones, k=400):
        if phone in rows and random_.random() < 0.3:
            row_id = rows.pop(phone)
            await remove(runner, caller, phone)
            assert indexed(path, row_id) == []
        else:
            name = " ".join(random_.sample(["romain", "camille", "zoe", "dupont"], 2))
            saved = await save(runner, caller, phone=phone, name=name)
            rows[phone] = await row_id_of(runner, saved.id)
        if random_.random() < 0.3:
            await runner.database.tidy()
    await runner.database.tidy()
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO contact_search (contact_search) VALUES ('integrity-check')")
    connection.close()
    for phone, row_id in rows.items():
        assert "415" in indexed(path, row_id)
        await remove(runner, caller, phone)
    await runner.database.tidy()
    assert parts_of_index(path) == []


def parts_of_index(path: Path) -> list[int]:
    """The pages of SQLite's index, without the two that count and list them."""
    connection = apsw.Connection(str(path))
    found = [row[0] for row in connection.execute("SELECT id FROM contact_search_data")]
    connection.close()
    return [page for page in found if page > 10]


@pytest.mark.row("T18.1")
async def test_no_trigram_finds_the_row(shop: tuple[Runner, Path]) -> None:
    runner, path = shop
    caller = await workspace_of(runner)
    saved = await save(runner, caller, phone=PHONE, name="Romain Ω", email=EMAIL)
    await save(runner, caller, phone=OTHER, name="Romain Ω", email=EMAIL)
    row_id = await row_id_of(runner, saved.id)
    key = search.key(name="Romain Ω", phone=PHONE, email=EMAIL)
    trigrams = {key[at : at + search.GRAM] for at in range(len(key) - search.GRAM + 1)}

    def matching() -> set[str]:
        connection = apsw.Connection(str(path))
        found = {
            gram
            for gram in trigrams
            if connection.execute(
                "SELECT 1 FROM contact_search WHERE contact_search MATCH ?"
                " AND rowid >= ? AND rowid < ? AND rowid = ?",
                (
                    search.all_of([gram]),
                    caller.tenant_id << 40,
                    (caller.tenant_id + 1) << 40,
                    row_id,
                ),
            ).fetchone()
        }
        connection.close()
        return found

    await runner.database.tidy()
    assert matching() == trigrams
    await remove(runner, caller, PHONE)
    assert matching() == set()


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("whose", ["the_same", "another"])
async def test_who_takes_over_the_row_is_indexed(shop: tuple[Runner, Path], whose: str) -> None:
    """SQLite gives the last row's number away again, even within one transaction."""
    runner, path = shop
    anas = await workspace_of(runner, "Ana")
    next_in = anas if whose == "the_same" else await workspace_of(runner, "Mallory")
    old = await save(runner, anas, phone=PHONE, name=THREE_LETTERS)
    _, new = await asyncio.gather(
        remove(runner, anas, PHONE), save(runner, next_in, phone=OTHER, name="Quux")
    )
    await runner.database.tidy()
    rows = {(caller.tenant_id << 40) + old.row_id for caller in (anas, next_in)}
    assert {"quu", "uux", "124"} <= set(indexed(path, await row_id_of(runner, new.id)))
    assert not [row for row in rows if THREE_LETTERS in indexed(path, row)]
    assert await stays_in(runner, path, [THREE_LETTERS]) == []


# The list of whom never to revive


@pytest.mark.row("T18.1", "T10.2")
async def test_an_opt_out_outlives_the_erasure(bed: Bed, ana: Person, mallory: Person) -> None:
    """In this workspace, however the contact is made anew, as often as it is erased."""
    theirs = mallory.create_contact(phone=PHONE, name="Romain")
    uuid = ana.create_contact(phone=PHONE).json()["id"]
    await consent(bed, uuid, opted_in_at=OPTED_OUT_US - 1_000_000, opted_out_at=OPTED_OUT_US)
    erased(ana)
    assert mallory.get_contact(phone=PHONE).json()["opted_out_at"] is None
    for name, spelled in (
        ("create-contact", PHONE),
        ("find-or-create-contact", "0014155550123"),
        ("create-contact", "tel:+1-415-555-0123"),
    ):
        answer = ana.post(name, {"phone": spelled, "opted_out_at": None})
        assert answer.status_code == 201
        found = ana.get_contact(phone=PHONE).json()
        assert (found["opted_in_at"], found["opted_out_at"]) == (None, OPTED_OUT_AT)
        erased(ana)
    assert ana.create_contact(phone=OTHER).status_code == 201
    assert ana.get_contact(phone=OTHER).json()["opted_out_at"] is None
    assert mallory.get_contact(phone=PHONE).json()["id"] == theirs.json()["id"]
    erased(mallory)
    mallory.create_contact(phone=PHONE)
    assert mallory.get_contact(phone=PHONE).json()["opted_out_at"] is None


@pytest.mark.row("T18.1")
@pytest.mark.parametrize(
    ("opted_in_at", "opted_out_at"),
    [
        (None, None),
        (OPTED_OUT_US, None),
        (OPTED_OUT_US + 1_000_000, OPTED_OUT_US),
        (OPTED_OUT_US + 1, OPTED_OUT_US),
    ],
    ids=["never_asked", "agreed", "came_back", "came_back_at_once"],
)
async def test_who_had_not_opted_out_is_not_held_back(
    bed: Bed, ana: Person, opted_in_at: int | None, opted_out_at: int | None
) -> None:
    uuid = ana.create_contact(phone=PHONE).json()["id"]
    await consent(bed, uuid, opted_in_at=opted_in_at, opted_out_at=opted_out_at)
    erased(ana)
    ana.create_contact(phone=PHONE)
    found = ana.get_contact(phone=PHONE).json()
    assert (found["opted_in_at"], found["opted_out_at"]) == (None, None)


@pytest.mark.row("T18.1")
async def test_who_opts_out_as_the_last_thing_is_held_back(bed: Bed, ana: Person) -> None:
    """In, out, in, out: also in the very microsecond of the last yes."""
    uuid = ana.create_contact(phone=PHONE).json()["id"]
    await consent(bed, uuid, opted_in_at=OPTED_OUT_US, opted_out_at=OPTED_OUT_US)
    erased(ana)
    ana.create_contact(phone=PHONE)
    assert ana.get_contact(phone=PHONE).json()["opted_out_at"] == OPTED_OUT_AT


@pytest.mark.row("T18.1")
async def test_what_is_kept_of_an_erased_number(bed: Bed, ana: Person, mallory: Person) -> None:
    """One row: a hash that is keyed, and by another key in every workspace."""
    digests = set()
    for person in (ana, mallory):
        for _ in range(2):
            person.create_contact(phone=PHONE)
            erased(person)
        [(kind, digest, opted_out_at)] = await bed.rows(
            "SELECT kind, digest, opted_out_at FROM suppressions WHERE tenant_id = :tenant_id",
            tenant_id=person.user.tenant_id,
        )
        assert (kind, opted_out_at) == ("phone", None)
        assert digest not in plain_digests(PHONE)
        digests.add(digest)
    assert len(digests) == 2


@pytest.mark.row("T18.1")
async def test_the_operator_s_secret_goes_into_the_hash(bed: Bed, ana: Person) -> None:
    """With another KITH_SECRET_KEY the same number is another entry."""
    caller = caller_of(ana)
    with_secret = {
        secret: Runner(bed.runner.database, secret_key=secret) for secret in ("", "one", "two")
    }
    for runner in with_secret.values():
        saved = await save(runner, caller, phone=PHONE)
        await consent(bed, saved.id, opted_out_at=OPTED_OUT_US)
        await remove(runner, caller, PHONE)
    rows = await bed.rows(
        "SELECT digest FROM suppressions WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert len(rows) == 3
    for secret, held in (("one", True), ("three", False)):
        runner = Runner(bed.runner.database, secret_key=secret)
        saved = await save(runner, caller, phone=PHONE)
        assert (saved.opted_out_at is not None) == held
        await remove(runner, caller, PHONE)


def caller_of(person: Person) -> Caller:
    return Caller(
        token_id=person.token_id,
        user_id=person.user.id,
        tenant_id=person.user.tenant_id,
        scopes=("read", "write"),
        rate_limit_per_minute=None,
    )


# When it does not come to it, and when something else happens meanwhile


class Failed(Exception):
    pass


@pytest.mark.row("R2", "T18.1")
async def test_an_erasure_that_fails_leaves_everything(bed: Bed, ana: Person) -> None:
    given = {"name": "Romain Quux", "email": EMAIL, "tags": "vip", "metadata": {"a": 1}}
    ana.post("create-contact", {"phone": PHONE, **given}, headers={"Idempotency-Key": "key"})
    before = await bed.digest()
    whole = ana.get_contact(phone=PHONE, expand=["tags", "identities", "history"])

    async def erase_then_fail(ctx: Context, key: ContactKey) -> None:
        await personal_data.erase(ctx, key)
        raise Failed

    with pytest.raises(Failed):
        await bed.runner.write(erase_then_fail, ContactKey(phone=parse(PHONE)), caller_of(ana))
    stale = ana.post("delete-contact", {"phone": PHONE}, headers={"If-Match": '"x"'})
    assert stale.status_code == 412
    assert await bed.digest() == before
    again = ana.get_contact(phone=PHONE, expand=["tags", "identities", "history"])
    assert again.content == whole.content
    assert len(ana.post("search-contacts", {"query": "quux"}).json()) == 1
    repeat = ana.post(
        "create-contact", {"phone": PHONE, **given}, headers={"Idempotency-Key": "key"}
    )
    assert repeat.headers["idempotency-replayed"] == "true"


@pytest.mark.row("T18.1")
async def test_a_change_at_the_same_time_leaves_nothing_either(bed: Bed) -> None:
    """Whichever is first: the contact is gone, and so is what the change wrote about it."""
    ana = await bed.owner("Ana", scope="admin")
    for race in range(RACES):
        uuid = ana.create_contact(phone=PHONE, name="Romain").json()["id"]
        name = uuid4().hex
        calls: list[tuple[str, dict[str, object]]] = [
            ("delete-contact", {"contact_id": uuid}),
            ("update-contact", {"contact_id": uuid, "name": name}),
            ("add-tag", {"contact_id": uuid, "tag": f"t{race}"}),
            ("update-contact", {"contact_id": uuid, "metadata": {"name": name}}),
        ]
        gone, *others = at_once(ana, calls)
        assert gone.status_code == 200
        assert {answer.status_code for answer in others} <= {200, 404}
        assert ana.get_contact(contact_id=uuid).status_code == 404
        log = ana.post("list-audit", {"contact_id": uuid}).json()["entries"]
        assert [entry["what"] for entry in log].count("contact.erased") == 1
        assert {(entry["before"], entry["after"]) for entry in log} == {(None, None)}
        assert [where for where, value in await bed.read(texts) if name in value] == []


def at_once(caller: Person, calls: list[tuple[str, dict[str, object]]]) -> list[httpx.Response]:
    """Each with a key of its own."""
    gate = threading.Barrier(len(calls))

    def go(call: tuple[str, dict[str, object]]) -> httpx.Response:
        gate.wait()
        return caller.post(*call, headers={"Idempotency-Key": uuid4().hex})

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(go, calls))


@pytest.mark.row("T18.1")
async def test_no_answer_is_kept_of_somebody_erased_meanwhile(postgres: str) -> None:
    """On PostgreSQL writes overlap: a call that only looks may end after the erasure has."""
    async with (
        postgres_database(postgres) as url,
        wiring.opened(Settings(database_url=url)) as runner,
    ):
        caller = await workspace_of(runner)
        saved = await save(runner, caller, phone=PHONE, name="Romain Quux")
        has_looked, may_end = asyncio.Event(), asyncio.Event()

        async def look_slowly(ctx: Context, key: ContactKey) -> Contact:
            known = await contacts.find(ctx, key)
            has_looked.set()
            await may_end.wait()
            return known

        def answer(known: Contact) -> Kept:
            body = f'{{"id":"{known.id}","name":"{known.name}"}}'.encode()
            return Kept(status=200, body=body, etag=None, contact_id=known.id)

        once = Once(name="add-tag", key="key", body_digest="digest", answer=answer)
        key = ContactKey(contact_id=saved.id)
        looking = asyncio.create_task(runner.write_once(look_slowly, key, caller, once))
        await has_looked.wait()
        erasing = asyncio.create_task(remove(runner, caller, PHONE))
        await asyncio.wait([erasing], timeout=0.5)  # unless it waits for the other, it is done
        may_end.set()
        await asyncio.gather(looking, erasing, return_exceptions=True)
        assert erasing.exception() is None
        left = [where for where, value in await runner.database.read(texts) if "Quux" in value]
        assert left == []
