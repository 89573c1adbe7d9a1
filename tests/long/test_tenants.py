"""Mallory calls with everything of Ana's that she could know, and nobody notices (goal G4).

A stranger in a third workspace makes the same calls with values that nobody holds. Were there any
way from Mallory to Ana, the two would be answered differently one day.

Short in `make test`; `make tenants` sets KITH_TEST_TENANT_CASES to 100,000.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from ulid import ULID

from kith.actions import contacts, personal_data
from kith.api import identity, takes
from kith.api.routes import ROUTES, Route
from kith.domain import phone
from kith.domain.contacts import ContactKey, SaveContact
from kith.store.database import Tx
from tests.cast import Bed, Person

CASES = int(os.environ.get("KITH_TEST_TENANT_CASES", "300"))
BETWEEN_LOOKS = 50
CONTACTS = 6

OWN_PHONE = "+99900000000001"
VARIES = {"content-length", "date", "x-ratelimit-remaining", "x-request-id"}
TOKEN = re.compile(r"kith_[0-9a-f]{64}")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w")
PHONE = re.compile(r"\+[1-9][0-9]{6,14}\b")

# What differs between two workspaces in which the same was done.
OF_ITS_OWN = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"), "<time>"),
    (re.compile(r'"next_cursor":"[^"]+"'), '"next_cursor":"<cursor>"'),
    (re.compile(r'"(id|token_id)":\d+'), r'"\1":<number>'),
)
POSTED = {route.name: route for route in ROUTES if route.method == "POST"}


class Call(NamedTuple):
    action: str
    body: str
    headers: dict[str, str]


class Marked:
    """A workspace whose every text holds a marker: `sent` where Mallory knows it, else `kept`."""

    def __init__(self, random_: random.Random) -> None:
        self.random = random_
        self.kept, self.sent = self.marker(), self.marker()
        numbers = random_.sample(range(10**10, 10**11), CONTACTS + 1)
        self.phones = [f"+999{number}" for number in numbers]
        """The last is of somebody who opted out and was erased."""
        self.emails = [f"c{n}.{self.sent}@example.com" for n in range(CONTACTS)]
        self.tags = [f"tag{n}-{self.sent}" for n in range(CONTACTS)]
        self.keys = [f"key{n}-{self.sent}" for n in range(CONTACTS)]
        self.names = [
            {"bsuid": f"US.C{n}{self.sent}", "username": f"u{n}.{self.sent}",
             "external": f"shop:{n}-{self.sent}"}
            for n in range(CONTACTS)
        ]  # fmt: skip
        """Further names of those known to Mallory."""
        self.ids: list[str] = []
        self.etags: list[str] = []
        self.cursors: dict[str, list[str]] = {}
        self.merges: list[str] = []

    def marker(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    async def fill(self, bed: Bed, ana: Person) -> None:
        """Every second contact is known to Mallory by its id only."""
        for n in range(CONTACTS):
            known = n % 2 == 0
            body = {
                "phone": self.phones[n],
                "name": f"Romain {self.kept}",
                "email": self.emails[n] if known else f"c{n}.{self.kept}@example.com",
                "tags": [self.tags[n] if known else f"tag{n}-{self.kept}", self.kept],
                "metadata": {self.kept: self.kept},
            }
            key = self.keys[n] if known else f"key{n}-{self.kept}"
            saved = ana.post("create-contact", body, headers={"Idempotency-Key": key})
            assert saved.status_code == 201
            self.ids.append(saved.json()["id"])
            for kind, value in self.names[n].items() if known else ():
                name = {"phone": self.phones[n], "kind": kind, "value": value}
                assert ana.post("add-identity", name).status_code == 200
            self.etags.append(ana.get_contact(phone=self.phones[n]).headers["etag"])
        erased = ana.create_contact(phone=self.phones[-1], name=self.kept).json()["id"]
        await bed.change("UPDATE contacts SET opted_out_at = 1 WHERE uuid = :uuid", uuid=erased)
        assert ana.post("delete-contact", {"contact_id": erased}).status_code == 200
        self.ids.append(erased)
        merged = ana.create_contact(phone=f"{self.phones[-1]}0", name=self.kept).json()["id"]
        done = ana.post("merge-contacts", {"contact_id": merged, "into": self.ids[1]})
        self.ids.append(merged)
        self.merges.append(done.json()["merge_id"])
        for number in range(6):  # pairs, so that there is a page after some
            email = f"pair{number // 2}.{self.kept}@example.com"
            ana.create_contact(phone=f"{self.phones[-1]}{number}", email=email)
        for action in ("list-contacts", "list-audit"):
            pages = [ana.post(action, {"limit": limit}).json() for limit in range(1, CONTACTS)]
            self.cursors[action] = [page["next_cursor"] for page in pages]
        row = {"contact_id": self.ids[0], "channel": "sms", "purpose": "utility",
               "state": "granted", "source": "api", "method": "note"}  # fmt: skip
        rows = [ana.post("set-consent", {**row, "note": self.kept}).json() for _ in "123"]
        self.cursors["list-consent"] = [row["record"]["id"] for row in rows]
        self.cursors["list-messages"] = self.cursors["list-consent"]  # nobody wrote to anybody
        pages = [ana.post("find-duplicates", {"limit": limit}).json() for limit in (1, 2)]
        self.cursors["find-duplicates"] = [page["next_cursor"] for page in pages]


class Twin:
    """What nobody holds, in place of each thing of Ana's, and the stranger in Mallory's."""

    def __init__(self, ana: Marked, known: dict[str, str]) -> None:
        self.random = ana.random
        self.of = dict(known)
        for marker in (ana.sent, ana.kept):
            self.of[marker] = ana.marker()
            self.of[marker.upper()] = self.of[marker].upper()
        for number in ana.phones:  # without the plus, as it may be typed
            self.of[number[1:]] = f"999{self.random.randrange(10**10, 10**11)}"
        listed = (*ana.cursors["list-audit"], *ana.cursors["list-consent"], *ana.merges)
        for uuid in dict.fromkeys([*ana.ids, *listed]):
            for ours, theirs in zip(spellings(uuid), spellings(self._like(uuid)), strict=True):
                self.of[ours] = theirs
        longest_first = sorted(self.of, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        return self._known.sub(lambda match: self.of[match[0]], text)

    def _like(self, uuid: str) -> str:
        """An id of the same millisecond."""
        return uuid[:15] + str(UUID(int=self.random.getrandbits(128)))[15:]


class Calls:
    """Mallory's calls: every operation with every field, each holding something of Ana's."""

    def __init__(self, ana: Person, marked: Marked, own: str) -> None:
        assert ana.workspace is not None
        self.random, self.marked = marked.random, marked
        texts = (*marked.emails, *marked.tags, *marked.phones, marked.sent, own)
        self.smuggled = {
            "tenant_id": ana.user.tenant_id, "workspace": ana.workspace.name, "id": marked.ids[0],
            "user_id": ana.user.id, "token_id": ana.token_id, "source": "widget",
        }  # fmt: skip
        self.values: dict[str, Callable[[], Any]] = {
            "contact_id": lambda: self._one_of(spellings(self._one_of(marked.ids))),
            "into": lambda: self._one_of(spellings(self._one_of(marked.ids))),
            "merge_id": lambda: self._one_of(spellings(self._one_of(marked.merges))),
            "template_id": lambda: self._one_of(spellings(self._one_of(marked.ids))),
            "status": lambda: self._one_of(["approved", "pending"]),
            "dry_run": lambda: self._one_of([True, False]),
            "phone": self._phone,
            "email": lambda: self._one_of([str.lower, str.upper])(self._one_of(marked.emails)),
            "name": lambda: self._one_of(texts),
            "tags": lambda: self._one_of([list, ",".join])(self.random.sample(marked.tags, 2)),
            "tag": lambda: self._one_of(marked.tags),
            "metadata": lambda: self._one_of([{marked.sent: 1}, {"a": marked.sent}, {own: None}]),
            "query": lambda: self._one_of(texts),
            "contacts": lambda: [self._key() for _ in range(self.random.randint(1, 8))],
            "expand": lambda: self.random.sample(takes.EXPANSIONS, 2),
            "purpose": lambda: self._one_of(["free_form", "utility", "marketing"]),
            "on_conflict": lambda: self._one_of(["return", "update", "error"]),
            "source": lambda: self._one_of(["api", "shopify"]),
            "channel": lambda: self._one_of(["whatsapp", "sms"]),
            "state": lambda: self._one_of(["granted", "withdrawn", "pending"]),
            "method": lambda: self._one_of(["checkbox", "note"]),
            "format": lambda: self._one_of(["json", "html"]),
            "wording": lambda: self._one_of(texts),
            "wording_version": lambda: self._one_of(marked.tags),
            "locale": lambda: "fr",
            "evidence": lambda: {marked.sent: marked.sent},
            "note": lambda: self._one_of(texts),
            "opted_in_at": lambda: "1999-01-01T00:00:00Z",
            "consent": lambda: {
                "method": "note",
                "wording": self._one_of(texts),
                "note": self._one_of(texts),
                "evidence": {marked.sent: marked.sent},
            },
            "reason": lambda: self._one_of(["blocked", "identity_changed"]),
            "as_of": lambda: self._one_of(["1999-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]),
            "occurred_at": lambda: self._one_of(["1999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]),
            "wa_id": lambda: self._one_of(marked.phones)[1:],
            "bsuid": lambda: self._name("bsuid"),
            "username": lambda: self._name("username"),
            "external_id": lambda: self._name("external"),
            "kind": lambda: self._one_of(["external", "username", "bsuid", "wa_id", "phone"]),
            "value": lambda: self._one_of([self._name("external"), self._name("bsuid"), own]),
            "opted_in": lambda: self._one_of([True, False]),
            "created_after": lambda: self._one_of(["1999-01-01T00:00:00Z", "9999-01-01T00:00:00Z"]),
            "limit": lambda: self._one_of([1, 2, 100, 500]),
            "message": lambda: self._one_of(texts),
            "language": lambda: "en",
            "variables": lambda: {"1": marked.sent},
            "number_id": lambda: self._one_of(["1", marked.sent]),
        }
        self.values["updated_after"] = self.values["created_after"]

    def all(self, count: int) -> Iterator[Call]:
        """Every operation with no field, and with each of them; then at random."""
        matrix = [
            (route, [*field])
            for route in POSTED.values()
            for field in ([], *([one.name] for one in route.takes.fields))
        ]
        for route, names in matrix:
            yield self._call(route, names)
        for _ in range(count - len(matrix)):
            route = self._one_of([*POSTED.values()])
            fields = [one.name for one in route.takes.fields]
            some = self.random.sample(fields, self.random.randint(0, min(4, len(fields))))
            yield self._call(route, some)

    def _call(self, route: Route, names: list[str]) -> Call:
        """With what it must have, and mostly with no more than one identifier."""
        names = [*names, *(one.name for one in route.takes.fields if one.is_required)]
        if route.takes.rule is not None:
            identifiers = [name for name in route.takes.rule.names if name in names]
            if not identifiers and self.random.random() < 0.9:
                names.append(self._one_of(route.takes.rule.names))
            elif len(identifiers) > 1 and self.random.random() < 0.8:
                names = [name for name in names if name not in identifiers[1:]]
        body = {name: self._value(route, name) for name in names}
        if self.random.random() < 0.25:
            body |= self.smuggled
        if self.random.random() < 0.1:
            body["phone"] = OWN_PHONE
        return Call(route.name, json.dumps(body), self._headers())

    def _value(self, route: Route, name: str) -> Any:
        if name == "cursor":
            return self._one_of(spellings(self._one_of(self.marked.cursors[route.name])))
        return self.values[name]()

    def _headers(self) -> dict[str, str]:
        etags = self.marked.etags
        headers = {
            "Idempotency-Key": self._one_of(self.marked.keys),
            "If-Match": self._one_of([*etags, ", ".join(etags)]),
            "If-None-Match": self._one_of([*etags, ", ".join(etags)]),
            "X-Tenant-Id": str(self.smuggled["tenant_id"]),
            "Cookie": f"tenant_id={self.smuggled['tenant_id']}",
        }
        return {name: value for name, value in headers.items() if self.random.random() < 0.15}

    def _key(self) -> dict[str, Any]:
        name = self._one_of(identity.ONE_OF.names)
        return {name: self.values[name]()}

    def _name(self, kind: str) -> str:
        name: str = self._one_of(self.marked.names)[kind]
        return name

    def _phone(self) -> Any:
        plus: str = self._one_of(self.marked.phones)
        digits = plus[1:]
        return self._one_of([plus, plus, f"00{digits}", f"tel:{plus}", int(digits)])

    def _one_of(self, options: Any) -> Any:
        return self.random.choice(options)


def spellings(uuid: str) -> list[str]:
    return [uuid, uuid.upper(), str(ULID.from_uuid(UUID(uuid)))]


def seen(answer: httpx.Response) -> str:
    """All that a caller sees, but for what differs from call to call."""
    headers = [f"{k}: {v}" for k, v in answer.headers.items() if k not in VARIES]
    return "\n".join([str(answer.status_code), *headers, answer.text])


def plain(text: str) -> str:
    for pattern, mark in OF_ITS_OWN:
        text = pattern.sub(mark, text)
    return text


async def state(bed: Bed, person: Person) -> dict[str, list[str]]:
    """Every row of the workspace, table by table; its digest, when it must be readable."""
    schema = (files("kith.store") / "schema.sql").read_text()
    tables = re.findall(r"^CREATE TABLE (\w+) \((?=[^;]*\btenant_id\b)", schema, re.MULTILINE)
    assert {"contacts", "audit_log", "idempotency_keys", "suppressions"} <= {*tables}
    tables.remove("contact_search_pending")  # of SQLite, of what changed last
    tables.remove("unswept_erasures")  # of SQLite, empty after each sweep
    if bed.runner.database.engine == "postgres":
        tables.remove("contact_changes")  # of SQLite

    async def work(tx: Tx) -> dict[str, list[str]]:
        found = {}
        for table in tables:
            # When a token was last used is no state (rule R2).
            columns = "id, name, digest, scopes, revoked_at" if table == "tokens" else "*"
            sql = f"SELECT {columns} FROM {table} WHERE tenant_id = :tenant_id"
            rows = await tx.all(sql, tenant_id=person.user.tenant_id)
            found[table] = sorted(str(tuple(row)) for row in rows)
        return found

    return await bed.read(work)


@pytest.mark.row("G4", "T1.1", "R4", "R10")
async def test_mallory_learns_and_changes_nothing(bed: Bed) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    marked = Marked(random.Random(seed))
    log_starts_at = bed.serving.log_path.stat().st_size
    people = [await bed.owner(name, scope="admin") for name in ("Ana", "Mallory", "Stranger")]
    ana, mallory, stranger = people
    await marked.fill(bed, ana)
    own = marked.marker()
    theirs = {"Mallory": "Stranger", mallory.user.email: stranger.user.email, own: marked.marker()}
    # As a proof on paper tells who wrote a row.
    mine, others = (f"(user {p.user.id}), token {p.token_id}<" for p in (mallory, stranger))
    theirs[mine] = others
    twin = Twin(marked, theirs)
    before = await state(bed, ana)
    for number, call in enumerate(Calls(ana, marked, own).all(CASES), 1):
        answer = mallory.post(call.action, call.body.encode(), headers=call.headers)
        headers = {name: twin(value) for name, value in call.headers.items()}
        to_stranger = stranger.post(call.action, twin(call.body).encode(), headers=headers)
        assert plain(twin(seen(answer))) == plain(seen(to_stranger)), call
        assert marked.kept not in seen(answer), call
        assert not TOKEN.search(seen(answer)), call
        if number % BETWEEN_LOOKS == 0:
            assert await state(bed, ana) == before, number
    assert await state(bed, ana) == before
    me = [plain(seen(person.get("/api/v1/me"))) for person in (mallory, stranger)]
    assert twin(me[0]) == me[1]
    for action in ("list-contacts", "list-tags", "list-audit", "search-contacts"):
        assert own not in ana.post(action, {}).text
    _check_log(bed, log_starts_at, [marked.kept, marked.sent, own, *marked.phones, *marked.emails])


@pytest.mark.row("T1.1")
async def test_erasing_somebody_hides_nobody_of_another_workspace(
    bed: Bed, ana: Person, mallory: Person
) -> None:
    """Both in one batch, where SQLite gives the row id of the erased to whoever is made next."""
    gone, new = ContactKey(phone=phone.parse("+14155550199")), phone.parse("+14155550123")
    assert mallory.create_contact(phone=gone.phone, name="Zed").status_code == 201
    await asyncio.gather(
        bed.runner.write(personal_data.erase, gone, mallory.caller),
        bed.runner.write(contacts.save, SaveContact(phone=new, name="Romain"), ana.caller),
    )
    for filters in ({}, {"query": "romain"}, {"query": "0123"}):
        found = ana.post("list-contacts", filters).json()["contacts"]
        assert [one["phone"] for one in found] == [new], filters


def _check_log(bed: Bed, starts_at: int, private: list[str]) -> None:
    """Nothing of this test stands in the log, nor what looks like a token, an address, a phone."""
    text = bed.serving.log_path.read_text()
    assert '"http.request"' in text[starts_at:]
    assert [word for word in private if word.strip("+") in text[starts_at:]] == []
    assert [found for shape in (TOKEN, EMAIL, PHONE) for found in shape.findall(text)] == []
