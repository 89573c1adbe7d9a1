"""POST /api/v1/actions/find-or-create-contact: one contact, however many ask for it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.api.refusals import FORBIDDEN, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person, tag_rows

PHONE = "+14155550123"
OTHER_PHONE = "+14155550124"
KEYS = ["id", "phone", "name", "email", "tags", "created_at", "created"]
SIDE_BY_SIDE = 16

REFUSED = [
    ({}, ["phone"]),
    ({"phone": None}, ["phone"]),
    ({"phone": " "}, ["phone"]),
    ({"phone": "nope"}, ["phone"]),
    ({"contact_id": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"}, ["phone"]),
    ({"email": "romain@example.com"}, ["phone"]),
    ({"phone": PHONE, "email": "nope"}, ["email"]),
    ({"phone": PHONE, "name": 1}, ["name"]),
    ({"phone": PHONE, "name": "two\nlines"}, ["name"]),
    ({"phone": PHONE, "name": "n" * 257}, ["name"]),
    ({"phone": PHONE, "tags": {}}, ["tags"]),
    ({"phone": PHONE, "tags": "t" * 256}, ["tags"]),
    ({"phone": PHONE, "metadata": []}, ["metadata"]),
    ({"phone": PHONE, "metadata": {"k": "v" * 65_536}}, ["metadata"]),
    ({"phone": PHONE, "on_conflict": "replace"}, ["on_conflict"]),
    ({"phone": PHONE, "on_conflict": "RETURN"}, ["on_conflict"]),
    ({"phone": PHONE, "on_conflict": "return,update"}, ["on_conflict"]),
    ({"phone": PHONE, "on_conflict": 1}, ["on_conflict"]),
    ({"phone": PHONE, "on_conflict": True}, ["on_conflict"]),
    ({"phone": PHONE, "on_conflict": ["return"]}, ["on_conflict"]),
    ({"phone": PHONE, "on_conflict": {}}, ["on_conflict"]),
    (
        {"name": 1, "email": "x", "tags": 1, "metadata": 1, "on_conflict": "x"},
        ["phone", "name", "email", "tags", "metadata", "on_conflict"],
    ),
]


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    """The documents' example contact, as create-contact answered."""
    answer = ana.create_contact(
        phone=PHONE,
        name="Romain",
        email="romain@example.com",
        tags="vip, fr-FR",
        metadata={"a": 1},
    )
    saved: dict[str, Any] = answer.json()
    return saved


def find_or_create(client: Any, **given: object) -> httpx.Response:
    return client.post("find-or-create-contact", given)


def side_by_side(call: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """Answers to calls that all begin at once, each from a thread of its own."""
    barrier = Barrier(SIDE_BY_SIDE)

    def once_all_are_there(number: int) -> httpx.Response:
        barrier.wait(timeout=60)
        return call(number)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        return list(threads.map(once_all_are_there, range(SIDE_BY_SIDE)))


async def rows_of_tags(bed: Bed, contact_id: str) -> list[str]:
    [(row_id,)] = await bed.rows("SELECT id FROM contacts WHERE uuid = :id", id=contact_id)
    return await bed.read(lambda tx: tag_rows(tx, row_id))


@pytest.mark.parametrize("on_conflict", [None, "", "return", "update", "error", " error "])
async def test_new_contact(bed: Bed, ana: Person, on_conflict: str | None) -> None:
    answer = find_or_create(
        ana,
        phone="+1 (415) 555-0123",
        name="  Romain ",
        email=" Romain@example.com ",
        tags="vip, fr-FR",
        metadata={"shopify_id": "12345"},
        on_conflict=on_conflict,
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    found = ana.get_contact(phone=PHONE)
    assert list(made.items()) == [
        ("id", found.json()["id"]),
        ("phone", PHONE),
        ("name", "Romain"),
        ("email", "Romain@example.com"),
        ("tags", ["vip", "fr-FR"]),
        ("created_at", found.json()["created_at"]),
        ("created", True),
    ]
    assert UUID(made["id"]).version == 7
    assert answer.headers["etag"] == found.headers["etag"]
    assert found.json()["source"] == "api"
    assert found.json()["metadata"] == {"shopify_id": "12345"}
    assert found.json()["opted_in_at"] is None
    assert await rows_of_tags(bed, made["id"]) == ["vip", "fr-FR"]


def test_barest_contact(ana: Person) -> None:
    answer = find_or_create(ana, phone=PHONE)
    made = answer.json()
    assert (answer.status_code, list(made)) == (201, KEYS)
    assert made == {**ana.create_contact(phone=PHONE).json(), "created": True}
    assert (made["name"], made["email"], made["tags"]) == (None, None, [])


async def test_known_contact_is_returned_as_it_is(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    whole = ana.get_contact(phone=PHONE)
    before = await bed.digest()
    other = {"name": "Rom", "email": "rom@example.com", "tags": "new", "metadata": {"a": 2}}
    for on_conflict in ({}, {"on_conflict": "return"}, {"on_conflict": ""}, {"on_conflict": None}):
        for given in ({}, other):
            for typed in (PHONE, 14155550123, "tel:+1-415-555-0123", "+١٤١٥٥٥٥٠١٢٣"):
                answer = find_or_create(ana, phone=typed, **given, **on_conflict)
                assert answer.status_code == 200, answer.text
                assert list(answer.json().items()) == [*romain.items(), ("created", False)]
                assert answer.headers["etag"] == whole.headers["etag"]
    assert ana.get_contact(phone=PHONE).content == whole.content
    assert await bed.digest() == before


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "Rom"},
        {"name": "", "email": None, "tags": " ", "metadata": {}},
        {"email": "rom@example.com"},
        {"tags": "new, vip"},
        {"tags": ["new, newer", "fr-FR"]},
        {"metadata": {"b": [2]}},
        {"metadata": {"a": None}},
        {"name": "Rom", "email": "rom@example.com", "tags": "x", "metadata": {"c": 3}},
        {"source": "shopify", "opted_in_at": "2026-04-15T10:32:00+00:00", "locale": "fr"},
    ],
)
async def test_update_is_what_create_contact_does(
    bed: Bed, ana: Person, romain: dict[str, Any], given: dict[str, Any]
) -> None:
    """The same on two contacts that are alike."""
    twin = ana.create_contact(
        phone=OTHER_PHONE,
        name="Romain",
        email="romain@example.com",
        tags="vip, fr-FR",
        metadata={"a": 1},
    ).json()
    expected = ana.create_contact(phone=OTHER_PHONE, **given).json()
    answer = find_or_create(ana, phone=PHONE, **given, on_conflict="update")
    assert answer.status_code == 200, answer.text
    of_romain = {name: romain[name] for name in ("id", "phone", "created_at")}
    assert list(answer.json().items()) == [*{**expected, **of_romain}.items(), ("created", False)]
    found = ana.get_contact(phone=PHONE)
    assert found.json() == {**ana.get_contact(phone=OTHER_PHONE).json(), **of_romain}
    assert answer.headers["etag"] == found.headers["etag"]
    assert await rows_of_tags(bed, romain["id"]) == await rows_of_tags(bed, twin["id"])


async def test_update_with_nothing_new_writes_nothing(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    before = await bed.digest()
    for given in ({}, {"name": "Romain", "tags": "vip", "metadata": {"a": 1}}):
        answer = find_or_create(ana, phone=PHONE, **given, on_conflict=" update ")
        assert (answer.status_code, answer.json()) == (200, {**romain, "created": False})
    assert await bed.digest() == before


@pytest.mark.row("L3", "R9")
async def test_update_has_the_limits_of_what_is_joined(bed: Bed, ana: Person) -> None:
    tags = [f"t{number}" for number in range(1_000)]
    ana.create_contact(phone=PHONE, tags=tags, metadata={"a": "x" * 40_000})
    before = await bed.digest()
    for field, more in (("tags", "one-more"), ("metadata", {"b": "x" * 40_000})):
        given = {"name": "Rom", field: more}
        assert_invalid(find_or_create(ana, phone=PHONE, on_conflict="update", **given), field)
        assert find_or_create(ana, phone=PHONE, **given).status_code == 200
    assert await bed.digest() == before


async def test_error_names_who_holds_the_phone(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    before = await bed.digest()
    for typed in (PHONE, "+1 (415) 555-0123", 14155550123):
        answer = find_or_create(
            ana, phone=typed, name="Rom", tags="new", metadata={"a": 2}, on_conflict="error"
        )
        assert answer.status_code == 409
        refusal = answer.json()
        assert list(refusal.items()) == [
            ("error", refusal["error"]),
            ("field", "phone"),
            ("value", PHONE),
            ("contact_ids", [romain["id"]]),
        ]
        assert refusal["error"].endswith(".")
        assert answer.headers["content-type"] == "application/json"
    assert await bed.digest() == before


async def test_invalid(bed: Bed, ana: Person) -> None:
    before = await bed.digest()
    for given, fields in REFUSED:
        assert_invalid(find_or_create(ana, **given), *fields)
    assert await bed.digest() == before


async def test_invalid_for_a_known_contact(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    """Fields come before the look-up: what would not be written is checked as well."""
    before = await bed.digest()
    for given, fields in REFUSED:
        assert_invalid(find_or_create(ana, **given), *fields)
    assert await bed.digest() == before


@pytest.mark.row("T10.1", "R4")
async def test_fields_of_others_are_ignored(bed: Bed, ana: Person, mallory: Person) -> None:
    forged = {
        "id": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
        "contact_id": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
        "tenant_id": mallory.user.tenant_id,
        "workspace": mallory.workspace.id,
        "source": "shopify",
        "locale": "fr",
        "opted_out_at": "2026-04-15T10:32:00+00:00",
        "last_message_at": "2026-04-15T10:32:00+00:00",
        "total_messages": 99,
        "created_at": "2000-01-01T00:00:00+00:00",
        "updated_at": "2000-01-01T00:00:00+00:00",
        "version": 99,
        "created": False,
        "email_key": "root@example.com",
    }
    answer = find_or_create(ana, phone=PHONE, **forged)
    assert (answer.status_code, list(answer.json())) == (201, KEYS)
    [row] = await bed.rows(
        "SELECT tenant_id, uuid, source, locale, email_key, opted_in_at, opted_out_at,"
        " last_message_at, total_messages, version FROM contacts"
        " WHERE tenant_id = :t AND phone = :p",
        t=ana.user.tenant_id,
        p=PHONE,
    )
    made = answer.json()["id"]
    assert row == (ana.user.tenant_id, made, "api", None, None, None, None, None, 0, 1)
    assert made != forged["id"]
    assert answer.json()["created_at"] > forged["created_at"]
    assert mallory.get_contact(phone=PHONE).status_code == 404
    before = await bed.digest()
    for on_conflict in ("return", "update"):
        again = find_or_create(ana, phone=PHONE, **forged, on_conflict=on_conflict)
        assert (again.status_code, again.json()) == (200, {**answer.json(), "created": False})
    assert await bed.digest() == before


def test_many_at_once_make_one_contact(ana: Person) -> None:
    answers = side_by_side(lambda number: find_or_create(ana, phone=PHONE, name=f"N{number}"))
    assert sorted(answer.status_code for answer in answers) == [200] * (SIDE_BY_SIDE - 1) + [201]
    [first] = [answer.json() for answer in answers if answer.status_code == 201]
    for answer in answers:
        assert answer.json() == {**first, "created": answer.status_code == 201}
    assert ana.get_contact(phone=PHONE).json()["name"] == first["name"], "the first one's"


async def test_many_updates_at_once_lose_nothing(bed: Bed, ana: Person) -> None:
    answers = side_by_side(
        lambda number: find_or_create(
            ana,
            phone=PHONE,
            tags=f"t{number}",
            metadata={f"m{number}": number},
            on_conflict="update",
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * (SIDE_BY_SIDE - 1) + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    found = ana.get_contact(phone=PHONE).json()
    assert found["metadata"] == {f"m{number}": number for number in range(SIDE_BY_SIDE)}
    assert sorted(found["tags"]) == sorted(f"t{number}" for number in range(SIDE_BY_SIDE))
    assert await rows_of_tags(bed, found["id"]) == found["tags"]


def test_many_at_once_that_want_an_error(ana: Person) -> None:
    answers = side_by_side(lambda _: find_or_create(ana, phone=PHONE, on_conflict="error"))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (SIDE_BY_SIDE - 1)
    [made] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    held = [answer.json()["contact_ids"] for answer in answers if answer.status_code == 409]
    assert held == [[made]] * (SIDE_BY_SIDE - 1)


@pytest.mark.row("T1.1")
@pytest.mark.parametrize("on_conflict", ["return", "update", "error"])
def test_mallory_makes_her_own(
    ana: Person, mallory: Person, romain: dict[str, Any], on_conflict: str
) -> None:
    whole = ana.get_contact(phone=PHONE).content
    answer = find_or_create(mallory, phone=PHONE, name="M", on_conflict=on_conflict)
    assert (answer.status_code, answer.json()["created"]) == (201, True)
    assert answer.json()["id"] != romain["id"]
    assert (answer.json()["email"], answer.json()["tags"]) == (None, [])
    assert ana.get_contact(phone=PHONE).content == whole


async def test_no_token(bed: Bed) -> None:
    before = await bed.digest()
    answer = find_or_create(bed.nobody, phone=PHONE)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert await bed.digest() == before


async def test_wrong_scope(bed: Bed, ben: Person, romain: dict[str, Any]) -> None:
    """Even where it would only be found: that it is there would be a surprise to nobody."""
    before = await bed.digest()
    for phone in (PHONE, OTHER_PHONE):
        answer = find_or_create(ben, phone=phone)
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert await bed.digest() == before
