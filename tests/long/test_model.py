"""Random sequences of calls: SQLite, PostgreSQL and a model of plain dicts answer alike (goal G3).

Short in `make test`; `make model` sets KITH_TEST_MODEL_RUNS to 10,000.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from itertools import cycle
from typing import Any

import msgspec
import pytest

from kith import wiring
from kith.actions import workspaces
from kith.actions.run import Runner, Terms
from kith.api import answers
from kith.api.answers import Answer
from kith.api.repeats import rendered
from kith.api.routes import ROUTES
from kith.domain import etags
from kith.domain.json import decode_object
from kith.domain.times import to_us
from kith.domain.tokens import Caller
from kith.errors import AppError
from kith.settings import Settings
from kith.store.database import Tx
from tests.cast import id_of, tag_rows
from tests.databases import postgres_database
from tests.long.model import EMAIL, EMAIL_KEYS, LAST, Model, Step, text
from tests.long.people import E164, Contact, etag
from tests.long.people_steps import OFTEN_OF_PEOPLE, PeopleSteps, of_people

RUNS = int(os.environ.get("KITH_TEST_MODEL_RUNS", "15"))
STEPS_MAX = 50
START = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)
UNKNOWN_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
PAUSES_S = (0.0, 0.000001, 61.5, 0.0, 1.0, -0.5)
"""From call to call, in turn: contacts also come within one microsecond, or the clock is set back.
"""
ROUTE_OF = {route.name: route for route in ROUTES}
WHOLE = (Step("list-contacts", {"limit": 500}), Step("list-tags", {}))

NAMES = [
    "Romain",
    "ROMAIN Ünal",
    'O\'Brien "x" 100%_\\',
    "İstanbul ıi",
    "Groß",
    " 日本 太郎😀 ",
    None,
]
TAGS = ["vip", "vip, fr-FR", ["a", "B"], "A", "é,z,😀", ["vip", "vip", " "], "100%_\\'"]
ONE_TAG = ["vip", "fr-FR", "a", "A", "B", "é", "😀", "100%_\\'", "never used"]
METADATA: list[dict[str, Any]] = [
    {}, {"a": 1}, {"a": True}, {"a": None, "b": [1, {"c": "é"}]}, {"b": 8742.5}, {"b": [True]},
]  # fmt: skip
QUERIES = [
    "romain", "Ü", "i", "İ", "SS", "ß", "%", "_", "\\", "' OR", "100%_\\", "日本", "太", "😀",
    "0123", "+336", "example", "@", "b_b", "JOSÉ", "straße", "nobody", "n", "ro",
]  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "name": NAMES,
    "email": [*EMAIL_KEYS],
    "tags": TAGS,
    "metadata": METADATA,
    "on_conflict": ["return", "update", "error"],
    "query": QUERIES,
    "tag": ONE_TAG,
    "source": ["api", "shopify", "widget"],
    "opted_in": [True, False],
    "limit": [1, 2, 3, 5],
    "cursor": [LAST, LAST, LAST, None],
}
LISTED = ("query", "tag", "email", "source", "opted_in", "created_after", "updated_after")
OFTEN = {
    "create-contact": 10, "find-or-create-contact": 6, "update-contact": 8, "add-tag": 6,
    "remove-tag": 4, "delete-contact": 5, "set": 6, "get-contact": 8, "get-contacts": 3,
    "search-contacts": 6, "list-contacts": 10, "list-tags": 2, "list-audit": 2, **OFTEN_OF_PEOPLE,
}  # fmt: skip

ANA = {"phone": "+14155550123"}
OUT = {"channel": "whatsapp", "purpose": "marketing", "state": "withdrawn", "source": "api",
       "method": "checkbox"}  # fmt: skip
IN_AGAIN = {**OUT, "state": "granted", "source": "operator", "method": "note", "note": "asked"}
SCENES = {
    "an opt-out outlives two erasures": [
        Step("create-contact", ANA),
        Step("set-consent", {"contact_id": "id-1", **OUT}),
        Step("delete-contact", ANA),
        Step("create-contact", ANA),
        Step("set-consent", {"contact_id": "id-2", **IN_AGAIN}),
        Step("delete-contact", ANA),
        Step("find-or-create-contact", ANA),
        Step("get-contact", ANA),
    ],
    "an erasure makes a new version of where somebody once lived": [
        Step("create-contact", ANA),
        Step("create-contact", {"phone": "+4915112345678"}),
        Step("merge-contacts", {"contact_id": "id-1", "into": "id-2"}),
        Step("unmerge-contacts", {"contact_id": "id-1"}),
        Step("delete-contact", {"contact_id": "id-1"}),
        Step("get-contact", {"contact_id": "id-2", "expand": ["history"]}),
    ],
    "true is not 1": [
        Step("create-contact", {**ANA, "metadata": {"a": 1}}),
        Step("update-contact", {**ANA, "metadata": {"a": True}}),
        Step("get-contact", ANA),
    ],
}
"""What chance seldom plays, and what it found, cut down."""


class Steps(PeopleSteps):
    """Invents the next call, knowing what there is."""

    def __init__(self, random_: random.Random, model: Model) -> None:
        self.random = random_
        self.model = model

    def next(self) -> Step:
        few = len(self.model.contacts) < 3 and self.random.random() < 0.5
        action = "create-contact" if few else self.random.choices([*OFTEN], [*OFTEN.values()])[0]
        make: Callable[[], Step] = getattr(self, action.replace("-", "_"), None) or (
            lambda: self._write(action)
        )
        return make()

    def set(self) -> Step:
        if not self.model.contacts:
            return self._write("create-contact")
        times = (None, None, *(START + timedelta(seconds=n, microseconds=n) for n in (-1, 0, 1)))
        body = {"last_message_at": self.random.choice(times)}
        more = {"source": self._value("source"), "total_messages": self.random.randrange(100)}
        return Step("set", {"contact_id": self._someone()["id"], **body, **more})

    def get_contact(self) -> Step:
        body = self._key()
        if self.random.random() < 0.4:
            parts = ["tags", "identities", "history", "merged_from"]
            body["expand"] = self.random.sample(parts, self.random.randint(0, 4))
        answer = self.model.call(Step("get-contact", body), START)
        return Step("get-contact", body, if_none_match=self._tags_of(answer[2]) or "")

    def get_contacts(self) -> Step:
        keys = [self._key() for _ in range(self.random.randrange(5))]
        return Step("get-contacts", {"contacts": keys})

    def search_contacts(self) -> Step:
        return Step("search-contacts", self._some("query", "tag", "email"))

    def list_contacts(self) -> Step:
        return Step(
            "list-contacts",
            {**self._some(*LISTED, odds=0.12), **self._some("limit", "cursor", odds=0.8)},
        )

    def list_tags(self) -> Step:
        return Step("list-tags", {"name": self.random.choice([None, "", "A", "é", "%", "vip"])})

    def list_audit(self) -> Step:
        return Step("list-audit", {"contact_id": self._id(), "limit": 500})

    def _write(self, action: str) -> Step:
        if action in ("create-contact", "find-or-create-contact"):
            body = {"phone": self._phone(), **self._some("name", "email", "tags", "metadata")}
            if action != "create-contact":
                body |= self._some("on_conflict", odds=0.8)
        else:
            body = self._who()
        if action in ("add-tag", "remove-tag"):
            body["tag"] = self.random.choice(ONE_TAG)
        if action == "update-contact":
            body |= self._some("name", "email", "tags", "metadata")
            body |= dict.fromkeys(self._some("name", "email", "tags", odds=0.15), " ")
        kept = self.model.pointed_at(
            {k: v for k, v in body.items() if k in ("contact_id", "phone")}
        )
        return Step(action, body, if_match=self._tags_of(etag(kept) if kept else None))

    def _tags_of(self, current: str | None) -> str | None:
        """What an If-Match or If-None-Match may name; mostly there is none."""
        if self.random.random() < (0.7 if current else 0.95):
            return None
        current = current or '"id-1-1"'
        stale = re.sub(r"-\d+(;[a-z+]*)?\"$", '-7"', current)
        choices = [current, current, current.strip('"'), stale, f"{stale}, {current}", "*"]
        return self.random.choice([*choices, f"W/{current}", current[:-1] + ';tags"', "", " ,"])

    def _who(self) -> dict[str, Any]:
        """An id, a phone, or both."""
        both = self._keys("contact_id", "phone")
        only = self.random.choice([*both, None])
        return both if only is None else {only: both[only]}

    def _key(self) -> dict[str, Any]:
        """What get-contact takes."""
        keys = self._keys("contact_id", "phone", "email")
        name = self.random.choice([*keys])
        return {name: keys[name]}

    def _keys(self, *names: str) -> dict[str, Any]:
        """Mostly of one contact, typed somehow."""
        keys = {"contact_id": self._id(), "phone": self._phone(), "email": self._value("email")}
        if self.model.contacts and self.random.random() < 0.8:
            kept = self._someone()
            typed = [phone for phone, meant in E164.items() if ("phone", meant) in kept["names"]]
            keys = {
                "contact_id": self._known_as(kept),
                "phone": self.random.choice(typed or [*E164]),
            }
            keys["email"] = kept["email"] or self._value("email")
        return {name: keys[name] for name in names}

    def _someone(self) -> Contact:
        return self.random.choice([*self.model.contacts.values()])

    def _id(self) -> str:
        """Of somebody who is, was, or never will be."""
        return f"id-{self.random.randint(1, self.model.made + 1)}"

    def _phone(self) -> str | int:
        """Often of somebody erased who must not be revived."""
        lost = self.model.withdrawn
        gone = [typed for typed, meant in E164.items() if ("phone", meant) in lost]
        return self.random.choice(gone if gone and self.random.random() < 0.4 else [*E164])

    def _some(self, *fields: str, odds: float = 0.5) -> dict[str, Any]:
        return {field: self._value(field) for field in fields if self.random.random() < odds}

    def _value(self, field: str) -> Any:
        if not field.endswith("_after"):
            return self.random.choice(VALUES[field])
        times = [
            one[key] for one in self.model.contacts.values() for key in ("created_at", "updated_at")
        ]
        at = self.random.choice([START, *times]) + timedelta(
            microseconds=self.random.choice([-1, 0, 1])
        )
        return at.astimezone(timezone(timedelta(hours=self.random.choice([0, 2, -5])))).isoformat()


class System:
    """The product on one engine, in a workspace of its own, on a clock of ours."""

    def __init__(self, runner: Runner) -> None:
        self.runner = Runner(runner.database, now=lambda: self.now, new_id=self._new_id)
        self.now = START
        self.ids: dict[str, str] = {}
        """What the model calls a contact, and its id here."""
        self.tag_ids: dict[str, str] = {}
        self.cursor: str | None = None
        self._bits = random.getrandbits(62)
        self._made = 0
        self._latest = START

    def _new_id(self) -> str:
        """In the order made, as the product's are, also when the clock stands or goes back."""
        self._made += 1
        assert self._made < 2**12
        self._latest = max(self._latest, self.now)
        return id_of(self._latest, self._made << 62 | self._bits)

    async def open(self) -> None:
        given = workspaces.NewWorkspace(name="Model", email=EMAIL)
        workspace, user = await self.runner.write(workspaces.create, given)
        self.caller = Caller(
            token_id=0,
            user_id=user.id,
            tenant_id=workspace.row_id,
            scopes=("read", "write", "admin"),
            rate_limit_per_minute=None,
        )

    async def call(self, step: Step, now: datetime) -> str:
        """The answer, in the words of the model."""
        self.now = now
        if step.action == "set":
            await self._set(**step.body)
            return text([200, None, None])
        route = ROUTE_OF[step.action]
        terms = Terms(if_none_match=etags.listed(self._here(step.if_none_match)))
        if step.if_match is not None:
            if_match = etags.listed(self._here(step.if_match))
            terms = msgspec.structs.replace(terms, if_match=if_match)
        run = {
            "look": partial(self.runner.read, terms=terms),
            "scan": self.runner.scan,
            "write": partial(self.runner.write, terms=terms),
        }
        try:
            given = route.takes.convert(decode_object(self._here(text(step.body)).encode()))
            result = await run[route.does](route.action, given, self.caller)
            answer = rendered(route, result)
        except AppError as refusal:
            answer = answers.refusal(refusal)
        return self._there(step, answer)

    async def _set(self, *, contact_id: str, **values: Any) -> None:
        at = {
            key: to_us(value) if key.endswith("_at") and value else value
            for key, value in values.items()
        }
        await self.runner.database.write(
            lambda tx: tx.run(
                f"UPDATE contacts SET {', '.join(f'{key} = :{key}' for key in at)}"
                " WHERE tenant_id = :tenant_id AND uuid = :uuid",
                tenant_id=self.caller.tenant_id,
                uuid=self.ids[contact_id],
                **at,
            )
        )

    def _here(self, said: str) -> str:
        said = re.sub(r"\bid-\d+\b", lambda match: self.ids.get(match[0], UNKNOWN_ID), said)
        return said.replace(text(LAST), text(self.cursor))

    def _there(self, step: Step, answer: Answer) -> str:
        body: Any = json.loads(answer.body) if answer.body else None
        may_be_new = step.action in ("create-contact", "find-or-create-contact")
        if may_be_new and answer.status < 300 and body["id"] not in self.ids.values():
            self.ids[f"id-{len(self.ids) + 1}"] = body["id"]
        if answer.status < 300:
            body = of_people(step.action, body)
        said = text([answer.status, self._plain(body), answer.etag])
        for name, uuid in self.ids.items():
            said = said.replace(uuid, name)
        return said

    def _plain(self, value: Any) -> Any:
        """Without the ids of what is no contact; those of a tag must stay as they are."""
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "added_at" in value or "contacts_count" in value:
            assert self.tag_ids.setdefault(value["name"], value["id"]) == value["id"]
            return {key: item for key, item in value.items() if key != "id"}
        if "what" in value:
            kept = {key: item for key, item in value.items() if key != "id"}
            if kept["after"] and "merge_id" in kept["after"]:
                kept["after"]["merge_id"] = "merge"
            return {**kept, "user": value["user"]["email"]}
        if value.get("next_cursor"):
            self.cursor, value["next_cursor"] = value["next_cursor"], LAST
        return {key: self._plain(item) for key, item in value.items()}

    async def check_projections(self) -> None:
        """`contacts.tags` says what the rows of its tags say."""

        async def work(tx: Tx) -> list[tuple[str, list[str]]]:
            rows = await tx.all(
                "SELECT id, tags FROM contacts WHERE tenant_id = :tenant_id",
                tenant_id=self.caller.tenant_id,
            )
            return [(row[1], await tag_rows(tx, row[0])) for row in rows]

        for projected, names in await self.runner.database.scan(work):
            assert json.loads(projected) == names


@pytest.fixture(scope="module")
async def runners(
    postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Runner]]:
    """Both engines."""
    lite_url = f"sqlite:///{tmp_path_factory.mktemp('model')}/kith.db"
    async with (
        postgres_database(postgres) as url,
        wiring.opened(Settings(database_url=lite_url)) as on_sqlite,
        wiring.opened(Settings(database_url=url)) as on_postgres,
    ):
        yield [on_sqlite, on_postgres]


@pytest.mark.row("G3", "T16.1", "T16.2")
async def test_both_engines_and_the_model_answer_alike(runners: list[Runner]) -> None:
    for _ in range(RUNS):
        seed = random.randrange(2**32)
        random_, model = random.Random(seed), Model()
        steps = Steps(random_, model)
        planned = (steps.next() for _ in range(random_.randint(1, STEPS_MAX)))
        await _play(f"seed {seed}", planned, model, runners)


@pytest.mark.row("G3")
@pytest.mark.parametrize("name", SCENES)
async def test_scenes(runners: list[Runner], name: str) -> None:
    await _play(name, SCENES[name], Model(), runners)


async def _play(name: str, planned: Iterable[Step], model: Model, runners: list[Runner]) -> None:
    """Each step on both engines and on the model; after each that writes, everything is read."""
    systems = [System(runner) for runner in runners]
    for system in systems:
        await system.open()
    done: list[Step] = []
    for step, pause_s in zip(planned, cycle(PAUSES_S), strict=False):
        done.append(step)
        now = systems[0].now + timedelta(seconds=pause_s)
        is_read = step.action in ROUTE_OF and ROUTE_OF[step.action].does != "write"
        for call in (step, *(() if is_read else WHOLE)):
            seen = await asyncio.gather(*(system.call(call, now) for system in systems))
            expected = text(model.call(call, now))
            if seen != [expected, expected]:
                print(name, *done, sep="\n")
            assert seen == [expected, expected], call
    for system in systems:
        await system.check_projections()


def test_the_model_can_fail() -> None:
    model = Model()
    model.call(Step("create-contact", {"phone": "+14155550123", "tags": "a"}), START)
    status, body, _ = model.call(Step("get-contact", {"phone": "+1 (415) 555-0123"}), START)
    assert status == 200
    assert body["tags"] == ["a"] != ["b"]
    assert text(True) != text(1)
