"""POST /api/v1/actions/check-audience: many people at once, counted by reason."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from ulid import ULID

from kith.actions.audiences import CONTACTS_MAX
from kith.api.audiences import KEYS_AS_TYPED_MAX
from kith.api.body import BODY_BYTES_MAX
from kith.domain.reachability import MEANINGS
from tests.api.reach import Reach, ago
from tests.api.refusals import UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

KINDS = ("free_form", "utility", "marketing")


def phone_of(number: int) -> str:
    return f"+1415555{number:04}"


@pytest.fixture
async def people(bed: Bed, ana: Person) -> list[str]:
    """Ids of four, oldest first: opted in, opted in and writing, opted out, blocked."""
    reach = Reach(bed, ana)
    await reach.number("1")
    ids = [
        ana.create_contact(phone=phone_of(n), email=f"c{n}@example.com").json()["id"]
        for n in range(4)
    ]
    for uuid, state in zip(ids, ("granted", "granted", "withdrawn", "granted"), strict=True):
        await reach.consent(uuid, state)
    await reach.conversation(ids[1], "1", last_inbound_at=ago(60))
    await reach.block(ids[3], "blocked")
    return ids


def checked(caller: Any, keys: list[Any], **more: object) -> dict[str, Any]:
    answer = caller.post("check-audience", {"contacts": keys, **more})
    assert answer.status_code == 200, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


def counts(**some: int) -> dict[str, int]:
    return {reason: some.get(reason, 0) for reason in MEANINGS}


def test_counts_by_reason(ana: Person, people: list[str]) -> None:
    answer = checked(ana, [{"contact_id": uuid} for uuid in people])
    assert list(answer) == ["contacts", "unknown", "unusable", *KINDS]
    assert list(answer["free_form"]) == list(MEANINGS)
    assert answer == {
        "contacts": 4,
        "unknown": 0,
        "unusable": 0,
        "free_form": counts(never_wrote=2, ok=1, blocked=1),
        "utility": counts(ok=3, blocked=1),
        "marketing": counts(ok=2, opted_out=1, blocked=1),
    }


@pytest.mark.parametrize(
    ("purpose", "whom"), [("free_form", [1]), ("utility", [0, 1, 2]), ("marketing", [0, 1])]
)
def test_who_may_be_written(ana: Person, people: list[str], purpose: str, whom: list[int]) -> None:
    keys = [{"phone": phone_of(n)} for n in (3, 1, 0, 2)]
    answer = checked(ana, keys, purpose=f" {purpose} ")
    assert answer["allowed"] == [people[n] for n in whom]
    assert answer[purpose]["ok"] == len(whom)


def test_keys_of_every_kind(ana: Person, people: list[str]) -> None:
    """Whom two keys name counts once; what is typed somehow is read."""
    ulid = str(ULID.parse(people[0]))
    keys: list[Any] = [
        {"contact_id": people[0]}, {"contact_id": people[0].upper()}, {"contact_id": ulid},
        {"phone": phone_of(0)}, {"phone": "+1 (415) 555-0000"}, {"phone": 14155550000},
        {"email": "c0@example.com"}, {"email": "C0@EXAMPLE.com"},
        {"phone": phone_of(1), "email": "", "contact_id": None},
        {"contact_id": str(uuid4())}, {"phone": "+14155550199"}, {"email": "nobody@example.com"},
        {"phone": "nope"}, {"phone": phone_of(0), "email": "c0@example.com"}, {}, "x", None, 5,
    ]  # fmt: skip
    answer = checked(ana, keys, purpose="marketing")
    assert (answer["contacts"], answer["unknown"], answer["unusable"]) == (2, 3, 6)
    assert answer["allowed"] == people[:2]


def test_nobody_at_all(ana: Person) -> None:
    answer = checked(ana, [], purpose="utility")
    assert (answer["contacts"], answer["allowed"]) == (0, [])
    assert all(answer[kind] == counts() for kind in KINDS)


async def test_of_several_with_an_address_the_one_that_get_contact_gives(
    bed: Bed, ana: Person
) -> None:
    ids = [
        ana.create_contact(phone=phone_of(n), email="same@example.com").json()["id"]
        for n in range(3)
    ]
    await bed.change("UPDATE contacts SET last_message_at = 5 WHERE uuid = :uuid", uuid=ids[1])
    assert ana.get_contact(email="same@example.com").json()["id"] == ids[1]
    answer = checked(ana, [{"email": "Same@example.com"}], purpose="utility")
    assert answer["allowed"] == [ids[1]]


@pytest.mark.row("L9")
def test_ten_thousand_ids_fit(ana: Person, people: list[str]) -> None:
    keys = [{"contact_id": uuid} for uuid in people]
    keys += [{"contact_id": str(uuid4())} for _ in range(CONTACTS_MAX - len(keys))]
    assert len(msgspec.json.encode({"contacts": keys})) < BODY_BYTES_MAX
    answer = checked(ana, keys)
    assert (answer["contacts"], answer["unknown"]) == (4, CONTACTS_MAX - 4)
    too_many = ana.post("check-audience", {"contacts": [*keys, keys[0]]})
    assert_invalid(too_many, "contacts")
    assert "10,000" in too_many.text


def test_some_may_be_typed_in_any_way(ana: Person, people: list[str]) -> None:
    typed = [{"phone": "+1 (415) 555-0000"}] * KEYS_AS_TYPED_MAX
    assert checked(ana, [*typed, {"phone": phone_of(1)}])["contacts"] == 2
    answer = ana.post("check-audience", {"contacts": [*typed, {"phone": "+1 415 555 0001"}]})
    assert_invalid(answer, "contacts")


@pytest.mark.parametrize(
    "beside", [{"email": ""}, {"contact_id": None}, {"email": " ", "contact_id": None}, {"x": "y"}]
)
def test_what_is_blank_beside_a_key_is_no_other_way_to_type_it(
    ana: Person, people: list[str], beside: dict[str, object]
) -> None:
    keys = [{"phone": phone_of(n % 4), **beside} for n in range(KEYS_AS_TYPED_MAX + 1)]
    assert checked(ana, keys)["contacts"] == 4
    twice = [{"phone": phone_of(n), "email": f"c{n}@example.com"} for n in range(4)]
    assert checked(ana, twice)["unusable"] == 4


@pytest.mark.parametrize("wrong", ["x", 5, {"phone": phone_of(0)}, True])
def test_wrong_contacts(ana: Person, wrong: object) -> None:
    assert_invalid(ana.post("check-audience", {"contacts": wrong}), "contacts")


@pytest.mark.parametrize("wrong", ["x", "Marketing", 5, ["utility"], {}, True])
def test_wrong_purposes(ana: Person, wrong: object) -> None:
    body = {"contacts": [], "purpose": wrong}
    assert_invalid(ana.post("check-audience", body), "purpose")


def test_who_may(bed: Bed, ana: Person, ben: Person, people: list[str]) -> None:
    keys = [{"contact_id": uuid} for uuid in people]
    assert checked(ben, keys) == checked(ana, keys)
    answer = bed.nobody.post("check-audience", {"contacts": keys})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert_invalid(ana.post("check-audience", {}), "contacts")


@pytest.mark.row("T1.1")
def test_mallory_counts_nobody(ana: Person, mallory: Person, people: list[str]) -> None:
    keys = [
        key
        for n, uuid in enumerate(people)
        for key in ({"contact_id": uuid}, {"phone": phone_of(n)}, {"email": f"c{n}@example.com"})
    ]
    answer = checked(mallory, keys, purpose="utility")
    assert (answer["contacts"], answer["unknown"], answer["allowed"]) == (0, len(keys), [])


@pytest.mark.row("T1.1")
def test_many_ids_that_nobody_has_are_a_probe(bed: Bed, ana: Person, mallory: Person) -> None:
    checked(mallory, [{"contact_id": str(uuid4())} for _ in range(31)])
    line = bed.serving.logged("tenant.probe", token_id=mallory.token_id)
    assert line["tenant_id"] == mallory.user.tenant_id
    assert line["count"] == 31
    keys = [{"contact_id": str(uuid4())} for _ in range(30)]
    checked(ana, [*keys, *({"phone": f"+1415556{n:04}"} for n in range(40))])
    found = [line for line in bed.serving.log() if line["event"] == "tenant.probe"]
    assert ana.token_id not in [line["token_id"] for line in found], "30 are not yet one"


def test_a_merged_id_means_the_survivor(ana: Person, people: list[str]) -> None:
    merged = ana.post("merge-contacts", {"contact_id": people[0], "into": people[1]})
    assert merged.status_code == 200, merged.text
    answer = checked(ana, [{"contact_id": people[0]}, {"contact_id": people[1]}], purpose="utility")
    assert (answer["contacts"], answer["unknown"]) == (1, 0)
    assert answer["allowed"] == [people[1]]
    verdict = ana.post("get-reachability", {"contact_id": people[0]}).json()
    assert verdict == ana.post("get-reachability", {"contact_id": people[1]}).json()
    assert verdict["contact_id"] == people[1]


async def test_in_whatsapps_other_spelling_too(bed: Bed, ana: Person) -> None:
    """As get-contact finds them: a mobile of Brazil with and without its 9."""
    uuid = ana.create_contact(phone="+5588999448232").json()["id"]
    await Reach(bed, ana).consent(uuid, "granted")
    keys = [{"phone": "+558899448232"}, {"phone": "+5588999448232"}]
    answer = checked(ana, keys, purpose="marketing")
    assert (answer["contacts"], answer["unknown"], answer["allowed"]) == (1, 0, [uuid])
    verdict = ana.post("get-reachability", {"phone": "+558899448232"}).json()
    assert verdict["contact_id"] == uuid
