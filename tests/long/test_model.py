"""Random sequences of calls: SQLite, PostgreSQL and a model of plain dicts answer alike (goal G3).

Short in `make test`; `make model` sets KITH_TEST_MODEL_RUNS to 10,000.
"""

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kith import wiring
from kith.actions import contacts, look_ups, workspaces
from kith.actions.contacts import ContactNotFound
from kith.actions.run import Runner
from kith.api import gives, takes
from kith.domain.tokens import Caller
from kith.errors import Invalid
from kith.settings import Settings
from tests.databases import postgres_database

RUNS = int(os.environ.get("KITH_TEST_MODEL_RUNS", "40"))
STEPS_MAX = 50
START = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)

PHONES = ["+14155550123", "+1 415 555 0123", "0033612345678", "+33612345678", "+999012345678"]
EMAILS = [
    "ana@example.com",
    "ANA@Example.com",
    "b@example.com",
    "straße@example.com",
    "strasse@example.com",
    "",
]
TAGS = ["vip", "vip, fr-FR", ["a", "b"], "A", " ", "b,a", ["vip", "vip"]]
METADATA: list[dict[str, Any]] = [{}, {"a": 1}, {"a": None, "b": [1, {"c": "é"}]}, {"b": 8742.0}]
NAMES = ["Romain", "Zoë", 'O\'Brien "x"', None]


class Model:
    """What the contract says, in plain dicts: phone -> contact."""

    def __init__(self) -> None:
        self.contacts: dict[str, dict[str, Any]] = {}

    def save(self, body: dict[str, Any], now: str) -> dict[str, Any]:
        phone = takes.CREATE_CONTACT.convert(body).phone
        kept = self.contacts.setdefault(
            phone,
            {
                "phone": phone, "name": None, "email": None, "source": "api", "locale": None,
                "metadata": {}, "tags": [], "opted_in_at": None, "opted_out_at": None,
                "last_message_at": None, "total_messages": 0, "created_at": now,
            },
        )  # fmt: skip
        kept["name"] = body.get("name") or kept["name"]
        kept["email"] = body.get("email") or kept["email"]
        kept["metadata"] = kept["metadata"] | body.get("metadata", {})
        given = body.get("tags", [])
        names = given if isinstance(given, list) else given.split(",")
        new = dict.fromkeys(name.strip() for name in names if name.strip())
        kept["tags"] = [n for n in new if n not in kept["tags"]] + kept["tags"]
        return {key: kept[key] for key in ("phone", "name", "email", "tags", "created_at")}

    def get(self, body: dict[str, Any]) -> dict[str, Any] | None:
        if "phone" in body:
            return self.contacts.get(takes.GET_CONTACT.convert(body).phone)
        wanted = body["email"].lower()
        for kept in self.contacts.values():  # none was ever active, so the oldest
            if kept["email"] and kept["email"].lower() == wanted:
                return kept
        return None


def steps(random_: random.Random) -> list[tuple[str, dict[str, Any]]]:
    return [_step(random_) for _ in range(random_.randint(1, STEPS_MAX))]


def _step(random_: random.Random) -> tuple[str, dict[str, Any]]:
    if random_.random() < 0.5:
        key, values = random_.choice([("phone", PHONES), ("email", EMAILS[:-1])])
        return "get", {key: random_.choice(values)}
    body: dict[str, Any] = {"phone": random_.choice(PHONES)}
    for field, some in (("name", NAMES), ("email", EMAILS), ("tags", TAGS), ("metadata", METADATA)):
        if random_.random() < 0.5:
            body[field] = random_.choice(some)  # type: ignore[attr-defined]
    return "save", body


class System:
    """The product on one engine, in a workspace of its own, on a clock of ours."""

    def __init__(self, runner: Runner) -> None:
        self.runner = Runner(runner.database, now=lambda: self.now, new_id=runner.new_id)
        self.now = START

    async def open(self) -> None:
        given = workspaces.NewWorkspace(name="Model", email="ana@example.com")
        workspace, user = await self.runner.write(workspaces.create, given)
        self.caller = Caller(
            token_id=0,
            user_id=user.id,
            tenant_id=workspace.row_id,
            scopes=("read", "write"),
            rate_limit_per_minute=None,
        )

    async def save(self, body: dict[str, Any]) -> dict[str, Any]:
        given = takes.CREATE_CONTACT.convert(body)
        saved = await self.runner.write(contacts.save, given, self.caller)
        return _plain(gives.saved_contact(saved))

    async def get(self, body: dict[str, Any]) -> dict[str, Any] | None:
        given = takes.GET_CONTACT.convert(body)
        try:
            return _plain(gives.contact(await self.runner.read(look_ups.get, given, self.caller)))
        except ContactNotFound:
            return None


def _plain(answer: object) -> dict[str, Any]:
    """As a client sees it; ids differ from engine to engine."""
    seen: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer))
    return {key: value for key, value in seen.items() if key != "id"}


@pytest.mark.row("G3", "T16.1")
async def test_both_engines_and_the_model_answer_alike(
    postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    random_ = random.Random(seed)
    lite_url = f"sqlite:///{tmp_path_factory.mktemp('model')}/kith.db"
    async with (
        postgres_database(postgres) as url,
        wiring.opened(Settings(database_url=url)) as on_postgres,
        wiring.opened(Settings(database_url=lite_url)) as on_sqlite,
    ):
        for _ in range(RUNS):
            await _run([System(on_sqlite), System(on_postgres)], steps(random_))


async def _run(systems: list[System], planned: list[tuple[str, dict[str, Any]]]) -> None:
    model = Model()
    for system in systems:
        await system.open()
    for number, (verb, body) in enumerate(planned):
        now = START + timedelta(seconds=number)
        answers: list[Any] = []
        for system in systems:
            system.now = now
            answers.append(await (system.save(body) if verb == "save" else system.get(body)))
        if verb == "save":
            expected: Any = model.save(body, now.isoformat())
        else:
            expected = model.get(body)
        assert answers == [expected, expected], (number, verb, body)


async def test_the_model_can_fail() -> None:
    model = Model()
    model.save({"phone": "+14155550123", "tags": "a"}, "t")
    assert model.get({"phone": "+14155550123"}) != {"tags": ["b"]}
    with pytest.raises(Invalid):
        model.save({}, "t")
