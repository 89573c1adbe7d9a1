"""get-reachability, and `expand: ["reachability"]`: every reason, as a caller sees it."""

import random
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest

from kith.actions import audiences, look_ups
from kith.actions.audiences import CheckAudience
from kith.actions.run import Runner
from kith.api.reachability import verdicts
from kith.domain.contacts import GetContact
from kith.domain.reachability import (
    MARGIN_DEFAULT,
    MEANINGS,
    NumberState,
    Reachability,
    Reason,
    Standing,
    judge,
    parse_margin,
    tally,
)
from kith.domain.times import from_us, to_us, wire
from kith.domain.tokens import Caller
from tests.api.reach import DAY_S, Reach, ago, now_us
from tests.api.refusals import NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.api.test_get_contact import KEYS
from tests.cast import Bed, Person

PHONE = "+14155550123"
EMAIL = "romain@example.com"
NUMBER = "106540352242922"
KINDS = ("free_form", "utility", "marketing")
HOUR_S = 3_600
OK = ("ok", "ok", "ok")
Facts = Callable[[Reach, str], Awaitable[None]]


@pytest.fixture
def reach(bed: Bed, ana: Person) -> Reach:
    return Reach(bed, ana)


@pytest.fixture
def romain(ana: Person) -> str:
    """The id of somebody of whom nothing but a phone and an e-mail address is known."""
    saved = ana.create_contact(phone=PHONE, name="Romain", email=EMAIL)
    uuid: str = saved.json()["id"]
    return uuid


def asked(caller: Any, **given: object) -> dict[str, Any]:
    answer = caller.post("get-reachability", given or {"phone": PHONE})
    assert answer.status_code == 200, answer.text
    assert "etag" not in answer.headers
    whole: dict[str, Any] = answer.json()
    return whole


def reasons(answer: dict[str, Any]) -> tuple[str, ...]:
    for kind in KINDS:
        assert list(answer[kind]) == ["allowed", "reason", "until"]
        assert answer[kind]["allowed"] is (answer[kind]["reason"] == "ok")
    return tuple(answer[kind]["reason"] for kind in KINDS)


async def fine(reach: Reach, contact_id: str, **times: int | None) -> None:
    """One number, to which the contact wrote an hour ago after opting in."""
    await reach.number(NUMBER, phone="+14155550100")
    await reach.consent(contact_id, "granted")
    given = {"last_inbound_at": ago(HOUR_S), **times}
    await reach.conversation(contact_id, NUMBER, **given)


# What is known | the verdict on free-form, utility and marketing messages.


async def all_is_well(reach: Reach, contact_id: str) -> None:
    await fine(reach, contact_id)


async def only_an_email(reach: Reach, contact_id: str) -> None:
    await fine(reach, contact_id)
    await reach.without_phone(contact_id)


async def a_wa_id_alone(reach: Reach, contact_id: str) -> None:
    await only_an_email(reach, contact_id)
    await reach.identity(contact_id, "wa_id", "14155550123")


async def a_bsuid_alone(reach: Reach, contact_id: str) -> None:
    await only_an_email(reach, contact_id)
    await reach.identity(contact_id, "bsuid", "US.13491208655302741918")


async def a_bsuid_where_phones_count(reach: Reach, contact_id: str) -> None:
    await reach.number(NUMBER, phones_only_since=1)
    await reach.without_phone(contact_id)
    await reach.identity(contact_id, "bsuid", "US.13491208655302741918")
    await reach.consent(contact_id, "granted")
    await reach.conversation(contact_id, NUMBER, last_inbound_at=ago(HOUR_S))


async def a_username_alone(reach: Reach, contact_id: str) -> None:
    await only_an_email(reach, contact_id)
    await reach.identity(contact_id, "username", "romain")


async def locked_number(reach: Reach, contact_id: str) -> None:
    await reach.number(NUMBER, unavailable_since=1)
    await reach.consent(contact_id, "granted")
    await reach.conversation(contact_id, NUMBER, last_inbound_at=ago(HOUR_S))


def failed(seconds_ago: float) -> Facts:
    async def facts(reach: Reach, contact_id: str) -> None:
        await reach.number(NUMBER, unavailable_since=ago(seconds_ago), unavailable_code=131042)
        await reach.consent(contact_id, "granted")
        await reach.conversation(contact_id, NUMBER, last_inbound_at=ago(HOUR_S))

    return facts


def paused(seconds: float) -> Facts:
    async def facts(reach: Reach, contact_id: str) -> None:
        await reach.number(NUMBER, marketing_paused_until=ago(-seconds))
        await reach.consent(contact_id, "granted")
        await reach.conversation(contact_id, NUMBER, last_inbound_at=ago(HOUR_S))

    return facts


def blocked_by(reason: str) -> Facts:
    async def facts(reach: Reach, contact_id: str) -> None:
        await fine(reach, contact_id)
        await reach.block(contact_id, reason)

    return facts


def consented(marketing: str | None, utility: str | None = None, **more: bool) -> Facts:
    async def facts(reach: Reach, contact_id: str) -> None:
        await reach.number(NUMBER)
        await reach.conversation(contact_id, NUMBER, last_inbound_at=ago(HOUR_S))
        await reach.consent(contact_id, marketing, **more)
        if utility is not None:
            await reach.consent(contact_id, utility, purpose="utility")

    return facts


def passed(**seconds_ago: float | None) -> Facts:
    async def facts(reach: Reach, contact_id: str) -> None:
        times = {n: ago(s) if s is not None else None for n, s in seconds_ago.items()}
        await fine(reach, contact_id, **times)

    return facts


async def other_channels(reach: Reach, contact_id: str) -> None:
    await consented(None)(reach, contact_id)
    for channel in ("email", "sms"):
        for purpose in ("marketing", "utility"):
            await reach.consent(contact_id, "granted", channel=channel, purpose=purpose)


async def nothing_known(reach: Reach, contact_id: str) -> None: ...


SITUATIONS: list[tuple[Facts, tuple[str, ...]]] = [
    (all_is_well, OK),
    (only_an_email, ("no_address",) * 3),
    (a_username_alone, ("no_address",) * 3),
    (a_wa_id_alone, OK),
    (a_bsuid_alone, OK),
    (a_bsuid_where_phones_count, ("phone_needed",) * 3),
    (blocked_by("blocked"), ("blocked",) * 3),
    (locked_number, ("number_unavailable",) * 3),
    (failed(HOUR_S - 60), ("number_unavailable",) * 3),
    (failed(HOUR_S), OK),
    (blocked_by("country_restricted"), ("country_restricted",) * 3),
    (blocked_by("not_on_whatsapp"), ("not_on_whatsapp",) * 3),
    (blocked_by("identity_changed"), ("ok", "ok", "identity_changed")),
    (consented("withdrawn"), ("ok", "ok", "opted_out")),
    (consented("withdrawn", "withdrawn"), ("ok", "opted_out", "opted_out")),
    (consented("granted", "withdrawn"), ("ok", "opted_out", "ok")),
    (consented("withdrawn", is_stopped_at_meta=True), ("ok", "ok", "opted_out")),
    (consented("granted", is_stopped_at_meta=True), ("ok", "ok", "meta_stopped")),
    (consented(None, is_stopped_at_meta=True), ("ok", "ok", "meta_stopped")),
    (consented("pending", "pending"), ("ok", "ok", "consent_pending")),
    (consented(None, "granted"), ("ok", "ok", "consent_unknown")),
    (other_channels, ("ok", "ok", "consent_unknown")),
    (paused(DAY_S), ("ok", "ok", "marketing_paused")),
    (paused(-1), OK),
    (passed(capped_until=-DAY_S), ("ok", "ok", "frequency_capped")),
    (passed(capped_until=1), OK),
    (passed(experiment_until=-DAY_S), ("ok", "ok", "experiment")),
    (passed(experiment_until=1), OK),
    (passed(refused_at=60), ("meta_refused", "ok", "ok")),
    (passed(refused_at=HOUR_S + 60), OK),
    (passed(last_inbound_at=DAY_S - 115), ("window_closed", "ok", "ok")),
    (passed(last_inbound_at=DAY_S - 180), OK),
    (passed(last_inbound_at=-DAY_S - 60), ("window_closed", "ok", "ok")),
    (passed(last_inbound_at=None), ("never_wrote", "ok", "ok")),
    (nothing_known, ("never_wrote", "ok", "consent_unknown")),
]


@pytest.mark.parametrize(("facts", "expected"), SITUATIONS)
async def test_situation(
    ana: Person, reach: Reach, romain: str, facts: Facts, expected: tuple[str, ...]
) -> None:
    await facts(reach, romain)
    answer = asked(ana, contact_id=romain)
    assert reasons(answer) == expected
    assert [reasons(number) for number in answer["numbers"]] == (
        [] if facts is nothing_known else [expected]
    )


def test_every_reason_is_shown() -> None:
    assert {reason for _, expected in SITUATIONS for reason in expected} == set(get_args(Reason))


async def test_the_answer_key_by_key(ana: Person, reach: Reach, romain: str) -> None:
    await fine(reach, romain)
    answer = asked(ana)
    assert list(answer) == ["contact_id", *KINDS, "numbers"]
    assert answer["contact_id"] == romain
    [number] = answer["numbers"]
    assert list(number) == ["number_id", "phone", *KINDS]
    assert (number["number_id"], number["phone"]) == (NUMBER, "+14155550100")
    assert {kind: number[kind] for kind in KINDS} == {kind: answer[kind] for kind in KINDS}


async def test_until(ana: Person, reach: Reach, romain: str) -> None:
    """The window's end less the margin, its fraction cut; of a block the first second after it."""
    wrote, capped = ago(HOUR_S), now_us() + 7_200_000_000
    await fine(reach, romain, last_inbound_at=wrote, capped_until=capped)
    answer = asked(ana)
    assert answer["free_form"]["until"] == wire(from_us(wrote) + timedelta(hours=24, minutes=-2))
    assert answer["utility"]["until"] is None
    over = datetime.fromisoformat(answer["marketing"]["until"])
    assert timedelta() <= over - from_us(capped) < timedelta(seconds=1)


@pytest.mark.parametrize("margin_s", [0, 120, 3_600])
async def test_the_workspace_says_how_early_a_window_closes(
    ana: Person, reach: Reach, romain: str, margin_s: int
) -> None:
    await reach.margin(margin_s)
    await fine(reach, romain, last_inbound_at=ago(DAY_S - margin_s - 60))
    assert reasons(asked(ana)) == OK
    for age_s in (DAY_S - margin_s, DAY_S):
        await reach.bed.change(
            "UPDATE conversations SET last_inbound_at = :at WHERE number_id = :number_id"
            " AND tenant_id = :tenant_id",
            at=ago(age_s),
            number_id=NUMBER,
            tenant_id=reach.tenant_id,
        )
        assert asked(ana)["free_form"]["reason"] == "window_closed"


async def test_the_number_that_allows_most_is_told_first(
    ana: Person, reach: Reach, romain: str
) -> None:
    await reach.consent(romain, "granted")
    await reach.number("1", unavailable_since=1)
    for number_id in ("2", "3", "4"):
        await reach.number(number_id)
    await reach.conversation(romain, "1", last_inbound_at=ago(60))
    await reach.conversation(romain, "2", last_inbound_at=ago(2 * DAY_S))
    await reach.conversation(romain, "3", last_inbound_at=ago(2 * HOUR_S))
    await reach.conversation(romain, "4", last_inbound_at=ago(HOUR_S), capped_until=ago(-DAY_S))
    answer = asked(ana)
    by_id = {number["number_id"]: number for number in answer["numbers"]}
    assert {number_id: reasons(number) for number_id, number in by_id.items()} == {
        "1": ("number_unavailable",) * 3,
        "2": ("window_closed", "ok", "ok"),
        "3": OK,
        "4": ("ok", "ok", "frequency_capped"),
    }
    assert list(by_id) == sorted(by_id)
    assert {kind: answer[kind] for kind in KINDS} == {kind: by_id["3"][kind] for kind in KINDS}


def test_by_any_key(ana: Person, romain: str) -> None:
    answers = [
        asked(ana, **given)
        for given in (
            {"phone": "+1 (415) 555-0123"},
            {"contact_id": romain.upper()},
            {"email": EMAIL.upper()},
        )
    ]
    assert answers == [answers[0]] * 3


async def test_refused(bed: Bed, ana: Person, ben: Person, romain: str) -> None:
    def post(caller: Any, **given: object) -> httpx.Response:
        answer: httpx.Response = caller.post("get-reachability", given)
        return answer

    before = await bed.digest()
    for unknown in ({"phone": "+14155550199"}, {"contact_id": str(uuid4())}, {"email": "a@b.co"}):
        answer = post(ana, **unknown)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert post(ana).json()["error"] == "None of contact_id, phone, email provided"
    assert_invalid(post(ana, phone="nope"), "phone")
    assert_invalid(post(ana, phone=PHONE, email=EMAIL), "phone", "email")
    assert asked(ben) == asked(ana), "to read is enough"
    answer = post(bed.nobody, phone=PHONE)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
async def test_another_workspace(
    bed: Bed, ana: Person, mallory: Person, reach: Reach, romain: str
) -> None:
    """Its numbers, its margin, its people: none of them is in the answer, whatever they share."""
    await fine(reach, romain)
    for given in ({"phone": PHONE}, {"contact_id": romain}, {"email": EMAIL}):
        answer = mallory.post("get-reachability", given)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    mallorys = mallory.create_contact(phone=PHONE).json()["id"]
    assert reasons(asked(mallory)) == ("never_wrote", "ok", "consent_unknown")
    assert asked(mallory)["numbers"] == []
    theirs = Reach(bed, mallory)
    await theirs.number(NUMBER, unavailable_since=1)
    await theirs.block(mallorys, "blocked")
    await theirs.margin(3_600)
    assert reasons(asked(mallory)) == ("blocked",) * 3
    assert reasons(asked(ana)) == OK


@pytest.mark.row("T18.1")
async def test_an_erased_contact(bed: Bed, ana: Person, reach: Reach, romain: str) -> None:
    """Nothing of what was known is left, and whoever has the number next begins anew."""
    await fine(reach, romain)
    await reach.block(romain, "blocked")
    await reach.identity(romain, "bsuid", "US.13491208655302741918")
    assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
    answer = ana.post("get-reachability", {"contact_id": romain})
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    for table in ("contact_blocks", "conversations", "consent_states", "identities"):
        rows = await bed.rows(
            f"SELECT * FROM {table} WHERE tenant_id = :tenant_id", tenant_id=reach.tenant_id
        )
        assert rows == [], table
    ana.create_contact(phone=PHONE)
    assert reasons(asked(ana)) == ("never_wrote", "ok", "consent_unknown")


# As a part of get-contact


async def test_expanded_it_is_the_same_answer(ana: Person, reach: Reach, romain: str) -> None:
    await fine(reach, romain)
    plain = ana.get_contact(phone=PHONE).json()
    for given in ({"phone": PHONE}, {"contact_id": romain}, {"email": EMAIL}):
        whole = ana.get_contact(**given, expand=["reachability"]).json()
        assert list(whole) == [*KEYS, "reachability"]
        assert whole.pop("reachability") == asked(ana)
        assert whole == plain


async def test_expanded_it_is_never_304(ana: Person, reach: Reach, romain: str) -> None:
    """The verdict ends with a second that no version knows of."""
    await fine(reach, romain)
    tag = ana.get_contact(phone=PHONE).headers["etag"]
    for expand in (["reachability"], ["history", "reachability", "tags"]):
        named = f'{tag[:-1]};{"+".join(sorted(expand))}"'
        for none_match in (tag, "*", named, f"W/{named}", f"{tag}, {named}, *"):
            body = {"phone": PHONE, "expand": expand}
            answer = ana.post("get-contact", body, headers={"If-None-Match": none_match})
            assert answer.status_code == 200
            assert "etag" not in answer.headers
            assert reasons(answer.json()["reachability"]) == OK
    answer = ana.post("get-contact", {"phone": PHONE}, headers={"If-None-Match": tag})
    assert answer.status_code == 304, "without it a version is a version"


# Against the one that judges

NOW = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)
WORLDS, PEOPLE = 12, 8


class World:
    """A workspace with random numbers and people, and the same in the domain's words."""

    def __init__(self, random_: random.Random, reach: Reach) -> None:
        self.random, self.reach = random_, reach
        self.margin = MARGIN_DEFAULT
        self.numbers: dict[str, NumberState] = {}
        self.people: dict[str, tuple[Standing, list[NumberState]]] = {}

    async def fill(self, caller: Person) -> None:
        margin_s = self.random.choice([0, 120, 3_600, 43_200])
        self.margin = parse_margin(margin_s)
        await self.reach.margin(margin_s)
        for number_id in self.random.sample("123456789", self.random.randrange(4)):
            is_unavailable, paused_until = self._odds(0.2), self._time(-10, 10)
            is_phones_only = self._odds(0.3)
            failed_at = None if is_unavailable else self._time(-7_200, 0)
            since = to_us(failed_at) if failed_at else is_unavailable or None
            code = 131042 if failed_at else None
            await self.reach.number(
                number_id,
                phone=f"+1415555010{number_id}",
                unavailable_since=since,
                unavailable_code=code,
                phones_only_since=is_phones_only or None,
                marketing_paused_until=to_us(paused_until) if paused_until else None,
            )
            self.numbers[number_id] = NumberState(
                number_id=number_id,
                is_unavailable=is_unavailable,
                unavailable_until=failed_at + timedelta(hours=1) if failed_at else None,
                unavailable_code=code,
                is_phones_only=is_phones_only,
                marketing_paused_until=paused_until,
            )
        for n in range(PEOPLE):
            await self._add(caller.create_contact(phone=f"+1415556{n:04}").json()["id"])

    def judged(self, contact_id: str) -> Any:
        standing, numbers = self.people[contact_id]
        return judge(standing, numbers, now=NOW, margin=self.margin)

    async def _add(self, contact_id: str) -> None:
        has_phone, has_wa_id, has_bsuid = self._odds(0.8), self._odds(0.2), self._odds(0.3)
        if not has_phone:
            await self.reach.without_phone(contact_id)
        for kind, is_there in (("wa_id", has_wa_id), ("bsuid", has_bsuid), ("username", True)):
            if is_there:
                await self.reach.identity(contact_id, kind, f"{kind} {contact_id}")
        flags = {}
        for reason in ("blocked", "country_restricted", "not_on_whatsapp", "identity_changed"):
            flags[f"is_{reason}"] = self._odds(0.1)
            if flags[f"is_{reason}"]:
                await self.reach.block(contact_id, reason)
        states = ["granted", "granted", "granted", "pending", "withdrawn", None]
        marketing, utility = self.random.choices(states, k=2)
        is_meta_stopped = self._odds(0.15)
        if marketing or is_meta_stopped:
            await self.reach.consent(contact_id, marketing, is_stopped_at_meta=is_meta_stopped)
        if utility:
            await self.reach.consent(contact_id, utility, purpose="utility")
        standing = Standing(
            has_phone_or_wa_id=has_phone or has_wa_id,
            has_bsuid=has_bsuid,
            is_meta_stopped=is_meta_stopped,
            marketing=marketing,  # type: ignore[arg-type]
            utility=utility,  # type: ignore[arg-type]
            **flags,
        )
        numbers = [await self._talk(contact_id, *one) for one in sorted(self.numbers.items())]
        self.people[contact_id] = standing, numbers

    async def _talk(self, contact_id: str, number_id: str, number: NumberState) -> NumberState:
        if self._odds(0.3):
            return number
        times = {
            "last_inbound_at": self._time(-90_000, 100),
            "refused_at": self._time(-90_000, 0) if self._odds(0.3) else None,
            "capped_until": self._time(-10, 10),
            "experiment_until": self._time(-10, 10),
        }
        us = {name: to_us(at) if at else None for name, at in times.items()}
        await self.reach.conversation(contact_id, number_id, **us)
        return NumberState(
            number_id=number_id,
            is_unavailable=number.is_unavailable,
            unavailable_until=number.unavailable_until,
            unavailable_code=number.unavailable_code,
            is_phones_only=number.is_phones_only,
            marketing_paused_until=number.marketing_paused_until,
            last_inbound_at=times["last_inbound_at"],
            meta_refused_at=times["refused_at"],
            frequency_capped_until=times["capped_until"],
            experiment_until=times["experiment_until"],
        )

    def _time(self, first_s: int, last_s: int) -> datetime | None:
        if self._odds(0.3):
            return None
        return NOW + timedelta(seconds=self.random.randint(first_s, last_s))

    def _odds(self, odds: float) -> bool:
        return self.random.random() < odds


@pytest.mark.parametrize("world", range(WORLDS))
async def test_it_is_what_the_domain_judges(bed: Bed, world: int) -> None:
    """One by one, expanded, and counted: three readers of the same rows, one verdict."""
    seed = random.randrange(2**32)
    print("seed", seed)
    ana = await bed.owner("Ana")
    made = World(random.Random(seed), Reach(bed, ana))
    await made.fill(ana)
    runner = Runner(bed.runner.database, now=lambda: NOW)
    caller = Caller(
        token_id=ana.token_id,
        user_id=ana.user.id,
        tenant_id=ana.user.tenant_id,
        scopes=("read",),
        rate_limit_per_minute=None,
    )
    bests: list[Reachability] = []
    for contact_id in made.people:
        expected = made.judged(contact_id)
        bests.append(expected.overall)
        key = GetContact(contact_id=contact_id)
        reached = await runner.read(look_ups.get_reachability, key, caller)
        assert reached.judgement == expected
        assert reached.phones == {number: f"+1415555010{number}" for number in made.numbers}
        expand = GetContact(contact_id=contact_id, expand=("reachability",))
        found = await runner.read(look_ups.get, expand, caller)
        assert found.more is not None
        assert found.more.reachability == reached
        assert verdicts(reached).contact_id == contact_id
    keys = tuple(GetContact(contact_id=contact_id) for contact_id in made.people)
    for purpose in KINDS:
        given = CheckAudience(contacts=keys, purpose=purpose)  # type: ignore[arg-type]
        checked = await runner.scan(audiences.check, given, caller)
        assert checked.tally == tally(bests)
        assert checked.allowed == sorted(
            contact_id
            for contact_id, verdict in zip(made.people, bests, strict=True)
            if getattr(verdict, purpose).allowed
        )


def test_the_document_tells_every_reason(bed: Bed) -> None:
    schemas = bed.nobody.get("/api/v1/openapi.json").json()["components"]["schemas"]
    reason = schemas["VerdictAnswer"]["properties"]["reason"]
    assert sorted(reason["enum"]) == sorted(MEANINGS)
    told = [reason["description"].index(f"`{name}`: {text}") for name, text in MEANINGS.items()]
    assert told == sorted(told)
    assert list(schemas["ReasonCounts"]["properties"]) == list(MEANINGS)


def test_the_guide_tells_every_reason() -> None:
    text = (Path(__file__).parents[2] / "docs" / "guide" / "reachability.md").read_text()
    table = text.split("\n## The reasons\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE) == [*MEANINGS.items()]
