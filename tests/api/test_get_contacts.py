"""POST /api/v1/actions/get-contacts: many look-ups in one call, each answered as if alone."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from ulid import ULID

from tests.api.refusals import (
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    UNAUTHENTICATED,
    assert_invalid,
)
from tests.cast import Bed, Person

PHONE = "+14155550123"
OTHER_PHONE = "+14155550124"
UNKNOWN_PHONE = "+14155550199"
UNKNOWN_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"

# Objects that get-contact refuses, each for a reason of its own.
REFUSED = [
    {},
    {"contact_id": None},
    {"phone": "", "email": " ", "contact_id": "\t\n"},
    {"id": "1", "Phone": PHONE, "name": "Romain"},
    {"phone": "nope"},
    {"phone": True},
    {"phone": 1.5},
    {"phone": 2**53},
    {"phone": [PHONE]},
    {"phone": {"number": PHONE}},
    {"phone": "+1415555\u00000123"},
    {"contact_id": "nope"},
    {"contact_id": 42},
    {"contact_id": "0198f2a46d3e7c519b0a3f2d8c4e5a61"},
    {"contact_id": "01J1Y..."},
    {"email": "nope"},
    {"email": 42},
    {"email": "a@b@example.com"},
    {"email": "romain@example.com" + "m" * 254},
    {"phone": PHONE, "email": "romain@example.com"},
    {"phone": PHONE, "contact_id": UNKNOWN_ID},
    {"contact_id": UNKNOWN_ID, "email": "romain@example.com"},
    {"phone": PHONE, "email": "nope"},
    {"contact_id": "nope", "phone": "nope", "email": "nope"},
    {"contact_id": UNKNOWN_ID, "phone": PHONE, "email": "romain@example.com"},
    {"phone": UNKNOWN_PHONE},
    {"contact_id": UNKNOWN_ID},
    {"contact_id": "00000000-0000-0000-0000-000000000000"},
    {"email": "unknown@example.com"},
    {"email": "%@example.com"},
    {"email": "r_main@example.com"},
]


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    """The documents' example contact, beside another, as create-contact answered."""
    ana.create_contact(phone=OTHER_PHONE, name="Zoé", metadata={"z": ["{", '"', "]"]})
    answer = ana.create_contact(
        phone=PHONE,
        name="Romain",
        email="Romain@Example.com",
        tags="vip, fr-FR",
        metadata={"shopify_id": "12345"},
    )
    saved: dict[str, Any] = answer.json()
    return saved


def together(client: Any, items: object) -> httpx.Response:
    return client.post("get-contacts", {"contacts": items})


def assert_each_as_if_alone(client: Any, items: list[dict[str, Any]]) -> list[Any]:
    """What get-contact answers to each, byte for byte, in an array; the array."""
    answer = together(client, items)
    assert answer.status_code == 200, answer.text
    alone = [client.post("get-contact", item).content for item in items]
    assert answer.content == b"[" + b",".join(alone) + b"]"
    array: list[Any] = answer.json()
    return array


def test_order_is_kept_whatever_points_at_whom(ana: Person, romain: dict[str, Any]) -> None:
    """Mixed keys, somebody twice, and nobody in between."""
    zoe = ana.get_contact(phone=OTHER_PHONE).json()
    whole = ana.get_contact(phone=PHONE).json()
    found = assert_each_as_if_alone(
        ana,
        [
            {"phone": OTHER_PHONE},
            {"email": "romain@example.com"},
            {"phone": UNKNOWN_PHONE},
            {"contact_id": romain["id"]},
            {"phone": PHONE},
            {"contact_id": zoe["id"]},
            {"email": "unknown@example.com"},
            {"phone": PHONE},
            {"phone": OTHER_PHONE},
        ],
    )
    assert found == [zoe, whole, NOT_FOUND, whole, whole, zoe, NOT_FOUND, whole, zoe]
    assert [list(one) for one in found if "id" in one] == [list(whole)] * 7


def test_the_array_is_plain_json(ana: Person, romain: dict[str, Any]) -> None:
    answer = together(ana, [{"phone": PHONE}])
    assert answer.headers["content-type"] == "application/json"
    assert "etag" not in answer.headers, "a list has no version"


async def test_nobody_asked_for(bed: Bed, ana: Person) -> None:
    before = await bed.digest()
    answer = together(ana, [])
    assert (answer.status_code, answer.content) == (200, b"[]")
    assert await bed.digest() == before


async def test_each_is_refused_as_if_alone(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    good = ana.get_contact(phone=PHONE).json()
    mixed = [item for refused in REFUSED for item in (refused, {"phone": PHONE})]
    found = assert_each_as_if_alone(ana, mixed)
    assert found[1::2] == [good] * len(REFUSED), "a refusal harms no neighbour"
    for item, refusal in zip(REFUSED, found[::2], strict=True):
        assert list(refusal) in (["error"], ["message", "errors"], ["message", "error", "errors"])
        assert "id" not in refusal, item
    assert await bed.digest() == before


async def test_not_an_object_is_refused_where_it_stands(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    before = await bed.digest()
    good = ana.get_contact(phone=PHONE).json()
    odd = [None, PHONE, romain["id"], 14155550123, 1.5, True, [], [{"phone": PHONE}], [[]], ""]
    answer = together(ana, [{"phone": PHONE}, *odd, {"phone": PHONE}])
    assert answer.status_code == 200, answer.text
    first, *refusals, last = answer.json()
    assert first == last == good
    for refusal in refusals:
        assert list(refusal) == ["message", "errors"]
        assert (refusal["message"], list(refusal["errors"])) == (INVALID, ["contacts"])
    assert len(refusals) == len(odd)
    assert await bed.digest() == before


async def test_not_an_array(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    for contacts in (None, "", " ", PHONE, "[]", {}, {"phone": PHONE}, 0, 1, True, False, 1.5):
        assert_invalid(together(ana, contacts), "contacts")
    for body in ({}, {"phone": PHONE}, {"contact": [{"phone": PHONE}]}):
        answer = ana.post("get-contacts", body)
        assert answer.status_code == 422
        assert answer.json() == {
            "message": INVALID,
            "errors": {"contacts": ["The contacts field is required."]},
        }
    assert await bed.digest() == before


@pytest.mark.row("R9")
async def test_500_fit_and_501_do_not(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    whole = ana.get_contact(phone=PHONE).json()
    items = [{"phone": f"+1415556{number:04}"} for number in range(497)]
    items += [{"email": "romain@example.com"}, {"contact_id": romain["id"]}, {"phone": PHONE}]
    answer = together(ana, items)
    assert answer.status_code == 200
    assert answer.json() == [NOT_FOUND] * 497 + [whole] * 3
    assert together(ana, [{"phone": PHONE}] * 500).json() == [whole] * 500
    assert together(ana, [{}] * 500).status_code == 200
    for too_many in ([*items, {"phone": PHONE}], [{"phone": PHONE}] * 501, [None] * 501):
        assert_invalid(together(ana, too_many), "contacts")
    assert await bed.digest() == before


@pytest.mark.row("X13", "T16.1", "T16.2")
def test_any_spelling(ana: Person, romain: dict[str, Any]) -> None:
    uuid, ulid = romain["id"], str(ULID.from_uuid(UUID(romain["id"])))
    items: list[dict[str, Any]] = [
        {"contact_id": typed}
        for typed in (uuid, uuid.upper(), f"  {uuid}\n", ulid, ulid.lower(), f"\t{ulid} ")
    ]
    items += [
        {"phone": typed}
        for typed in (
            PHONE, 14155550123, "+1 (415) 555-0123", "00 1 415 555 01 23", "tel:+1-415-555-0123",
            "＋１４１５５５５０１２３", "+١٤١٥٥٥٥٠١٢٣", "\u202a+14155550123\u202c",
        )
    ]  # fmt: skip
    items += [
        {"email": typed}
        for typed in ("romain@example.com", " ROMAIN@EXAMPLE.COM ", "Romain@Example.com")
    ]
    items += [{"contact_id": "", "phone": PHONE, "email": None}, {"phone": PHONE, "more": [1]}]
    found = assert_each_as_if_alone(ana, items)
    assert found == [ana.get_contact(phone=PHONE).json()] * len(items)


@pytest.mark.row("T16.2")
def test_emails_of_any_alphabet_without_case(ana: Person) -> None:
    stored = ["josé@example.com", "ДАША@example.com", "o'brien+x%_@example.com", "ok@example.com"]
    for number, email in enumerate(stored):
        ana.create_contact(phone=f"+1415555010{number}", email=email)
    asked = ["JOSÉ@example.com", "даша@Example.COM", "O'Brien+X%_@example.com", "OK@example.com"]
    found = assert_each_as_if_alone(ana, [{"email": email} for email in asked])
    assert [one["email"] for one in found] == stored
    [kelvin] = assert_each_as_if_alone(ana, [{"email": "o\u212a@example.com"}])
    assert kelvin == NOT_FOUND, "the Kelvin sign is no k"


async def test_shared_email_is_the_one_of_get_contact(bed: Bed, ana: Person) -> None:
    """The most recently active, then the oldest; each address has an answer of its own."""
    ids = [
        ana.create_contact(phone=f"+1415555010{n}", email=f"{name}@example.com").json()["id"]
        for n, name in enumerate(["shared", "shared", "shared", "shared", "pair", "pair"])
    ]
    created_at = [50, 10, 10, 90, 20, 10]
    for uuid, at in zip(ids, created_at, strict=True):
        await bed.change(
            "UPDATE contacts SET created_at = :at WHERE uuid = :id", at=at * 1_000_000, id=uuid
        )

    async def answers(**last_message_at: int) -> list[str]:
        for name, at in last_message_at.items():
            await bed.change(
                "UPDATE contacts SET last_message_at = :at WHERE uuid = :id",
                at=at,
                id=ids[int(name[1:])],
            )
        found = assert_each_as_if_alone(
            ana,
            [
                {"email": "Shared@example.com"},
                {"email": "pair@example.com"},
                {"email": "shared@EXAMPLE.com"},
            ],
        )
        return [f"c{ids.index(one['id'])}" for one in found]

    assert await answers() == ["c1", "c5", "c1"]  # nobody was active: the oldest, the first of two
    assert await answers(c3=5_000_000) == ["c3", "c5", "c3"]
    assert await answers(c0=6_000_000, c4=1) == ["c0", "c4", "c0"]
    assert await answers(c2=6_000_000) == ["c2", "c4", "c2"]  # as active as c0, and older


async def test_reading_many_writes_nothing(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    assert_each_as_if_alone(ana, [{"phone": PHONE}, {"phone": UNKNOWN_PHONE}])
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
async def test_mallory_finds_nobody(bed: Bed, mallory: Person, romain: dict[str, Any]) -> None:
    mallory.create_contact(phone=OTHER_PHONE, name="M")
    mine = mallory.get_contact(phone=OTHER_PHONE).json()
    before = await bed.digest()
    found = assert_each_as_if_alone(
        mallory,
        [
            {"contact_id": romain["id"]},
            {"phone": PHONE},
            {"phone": OTHER_PHONE},
            {"email": "romain@example.com"},
            {"contact_id": romain["id"], "tenant_id": 1},
        ],
    )
    assert found == [NOT_FOUND, NOT_FOUND, mine, NOT_FOUND, NOT_FOUND]
    assert await bed.digest() == before


def test_no_token(bed: Bed) -> None:
    answer = together(bed.nobody, [{"phone": PHONE}])
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_scopes(bed: Bed, ana: Person, ben: Person, romain: dict[str, Any]) -> None:
    """A POST, yet it needs `read` only."""
    items = [{"phone": PHONE}]
    assert together(ben, items).json() == together(ana, items).json()
    nothing = await bed.person(ben.user, ben.workspace, scope="read")
    await bed.change("UPDATE tokens SET scopes = '' WHERE id = :id", id=nothing.token_id)
    answer = together(nothing, items)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
