"""POST /api/v1/actions/get-contact (reference sections 7 and 8)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from ulid import ULID

from kith.domain.times import to_us
from tests.api.refusals import FORBIDDEN, INVALID, NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

PHONE = "+14155550123"
KEYS = [
    "id", "phone", "name", "email", "source", "locale", "metadata", "tags",
    "opted_in_at", "opted_out_at", "last_message_at", "total_messages", "created_at",
]  # fmt: skip


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    """The documents' example contact, as create-contact answered."""
    answer = ana.create_contact(
        phone=PHONE,
        name="Romain",
        email="Romain@Example.com",
        tags="vip, fr-FR",
        metadata={"shopify_id": "12345"},
    )
    assert answer.status_code == 201
    saved: dict[str, Any] = answer.json()
    return saved


async def test_documented_answer(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    await bed.change(
        "UPDATE contacts SET source = 'shopify', locale = 'fr', opted_in_at = :since,"
        " created_at = :since, last_message_at = :last, total_messages = 27 WHERE uuid = :id",
        since=to_us(datetime(2026, 4, 15, 10, 32, 0, 999_999, UTC)),
        last=to_us(datetime(2026, 5, 7, 8, 14, 23, 1, UTC)),
        id=romain["id"],
    )
    answer = ana.get_contact(phone=PHONE)
    assert answer.status_code == 200
    assert list(answer.json().items()) == [
        ("id", romain["id"]),
        ("phone", PHONE),
        ("name", "Romain"),
        ("email", "Romain@Example.com"),
        ("source", "shopify"),
        ("locale", "fr"),
        ("metadata", {"shopify_id": "12345"}),
        ("tags", ["vip", "fr-FR"]),
        ("opted_in_at", "2026-04-15T10:32:00+00:00"),
        ("opted_out_at", None),
        ("last_message_at", "2026-05-07T08:14:23+00:00"),
        ("total_messages", 27),
        ("created_at", "2026-04-15T10:32:00+00:00"),
    ]
    assert answer.headers["content-type"] == "application/json"


ODD = """Ana "la" O'Neil \\ \u2028 \u00e9\u0301 \U0001f600 {}[]:, %s 100%"""


def test_odd_characters_are_given_back(ana: Person) -> None:
    metadata = {ODD: [ODD, {"a": None, "b": True, "c": 1.5e-7, "d": -(2**53) + 1}], "": ""}
    given = {"name": ODD, "email": "o'neil+x@example.com", "metadata": metadata}
    assert ana.create_contact(phone=PHONE, tags=['a"', "b\\"], **given).status_code == 201
    found = ana.get_contact(phone=PHONE).json()
    assert {name: found[name] for name in given} == given
    assert sorted(found["tags"]) == ['a"', "b\\"]
    [listed] = ana.post("list-contacts", {}).json()["contacts"]
    assert listed == found


def test_barest_contact(ana: Person) -> None:
    saved = ana.create_contact(phone=PHONE).json()
    found = ana.get_contact(phone=PHONE).json()
    assert list(found.items()) == [
        ("id", saved["id"]),
        ("phone", PHONE),
        ("name", None),
        ("email", None),
        ("source", "api"),
        ("locale", None),
        ("metadata", {}),
        ("tags", []),
        ("opted_in_at", None),
        ("opted_out_at", None),
        ("last_message_at", None),
        ("total_messages", 0),
        ("created_at", saved["created_at"]),
    ]


def test_new_ids_are_lower_case_uuid_v7(romain: dict[str, Any]) -> None:
    assert str(UUID(romain["id"])) == romain["id"]
    assert UUID(romain["id"]).version == 7


@pytest.mark.row("X13")
@pytest.mark.parametrize(
    "spelling",
    [
        str,
        str.upper,
        lambda uuid: f"  {uuid}\n",
        lambda uuid: str(ULID.from_uuid(UUID(uuid))),
        lambda uuid: str(ULID.from_uuid(UUID(uuid))).lower(),
    ],
    ids=["canonical", "upper", "blanks", "ulid", "lower_ulid"],
)
def test_by_id_in_any_spelling(ana: Person, romain: dict[str, Any], spelling: Any) -> None:
    answer = ana.get_contact(contact_id=spelling(romain["id"]))
    assert (answer.status_code, answer.json()["id"]) == (200, romain["id"])


@pytest.mark.row("T16.1")
@pytest.mark.parametrize(
    "typed",
    [
        PHONE,
        " +14155550123 ",
        "+1 415 555 0123",
        "+1 (415) 555-0123",
        "+1.415.555.0123",
        "+1/415/555.0123",
        "+1–415—555‑0123",
        "+1\u00a0415\u202f555\u30000123",
        "\u202a+14155550123\u202c",
        "0014155550123",
        "00 1 415 555 01 23",
        "14155550123",
        14155550123,
        "tel:+14155550123",
        "TEL:+1-415-555-0123",
        "Tel: +1 415 555 0123",
        "＋１（４１５）５５５－０１２３",
        "+١٤١٥٥٥٥٠١٢٣",
        "+۱۴۱۵۵۵۵۰۱۲۳",
        "+१४१५५५५०१२३",
    ],
)
def test_by_phone_in_any_spelling(ana: Person, romain: dict[str, Any], typed: object) -> None:
    answer = ana.get_contact(phone=typed)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], answer.json()["phone"]) == (romain["id"], PHONE)


@pytest.mark.row("X11")
@pytest.mark.parametrize(
    "typed",
    [
        "abc", "+", "+1", "123456", "+123456", "+0123456789", "000123456789",
        "+1234567890123456", "+1415555O123", "+1415555012²", "+141555501②3", "+14155550Ⅷ3",
        "1_415_555_0123", "+14155550123,+14155550124", "+14155550123 ext. 5", "+-14155550123x",
        "++14155550123", "+1+4155550123", "tel:", "sip:14155550123", "1e10",
        "+1415555\u00000123", "1" * 65, True, False, 1.5, 14155550123.5, -14155550123, 0,
        [], [PHONE], {}, {"number": PHONE},
    ],
)  # fmt: skip
def test_not_a_phone(ana: Person, typed: object) -> None:
    assert_invalid(ana.get_contact(phone=typed), "phone")


def test_number_unknown_to_the_numbering_plan_is_looked_up(ana: Person) -> None:
    assert ana.get_contact(phone="+9991234567").status_code == 404
    saved = ana.create_contact(phone="+999 123 45 67").json()
    assert ana.get_contact(phone="009991234567").json()["id"] == saved["id"]


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Romain@Example.com", "romain@example.com"),
        ("romain@example.com", " ROMAIN@EXAMPLE.COM "),
        ("josé@example.com", "JOSÉ@example.com"),
        ("ДАША@example.com", "даша@Example.COM"),
        ("o'brien+x%_@example.com", "O'Brien+X%_@example.com"),
    ],
)
def test_by_email_without_case(ana: Person, stored: str, asked: str) -> None:
    saved = ana.create_contact(phone=PHONE, email=stored).json()
    found = ana.get_contact(email=asked)
    assert found.status_code == 200, found.text
    assert (found.json()["id"], found.json()["email"]) == (saved["id"], stored)


async def test_shared_email_is_the_most_recently_active_then_the_oldest(
    bed: Bed, ana: Person
) -> None:
    ids = [
        ana.create_contact(phone=f"+1415555010{n}", email="shared@example.com").json()["id"]
        for n in range(4)
    ]

    async def answers(**last_message_at: int | None) -> str:
        for name, at in last_message_at.items():
            await bed.change(
                "UPDATE contacts SET last_message_at = :at WHERE uuid = :id",
                at=at,
                id=ids[int(name[1:])],
            )
        found = ana.get_contact(email="Shared@example.com").json()["id"]
        return f"c{ids.index(found)}"

    for position, uuid in enumerate(ids):
        created_at = {0: 50, 1: 10, 2: 10, 3: 90}[position] * 1_000_000
        await bed.change(
            "UPDATE contacts SET created_at = :at WHERE uuid = :id", at=created_at, id=uuid
        )
    assert await answers() == "c1"  # nobody was active: the oldest, of two the first
    assert await answers(c3=5_000_000) == "c3"
    assert await answers(c0=6_000_000) == "c0"
    assert await answers(c2=6_000_000) == "c2"  # as active as c0, and older


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"contact_id": "nope"}, {"contact_id": ["The contact id must be a valid UUID."]}),
        ({"contact_id": 42}, {"contact_id": ["The contact id must be a valid UUID."]}),
        ({"contact_id": ["x"]}, {"contact_id": ["The contact id must be a valid UUID."]}),
        ({"email": "nope"}, {"email": ["The email must be a valid email address."]}),
        ({"email": 42}, {"email": ["The email must be a valid email address."]}),
        ({"email": {}}, {"email": ["The email must be a valid email address."]}),
        ({"email": "a@b@example.com"}, {"email": ["The email must be a valid email address."]}),
    ],
)
def test_invalid_identifier(ana: Person, given: dict[str, object], errors: object) -> None:
    answer = ana.get_contact(**given)
    assert answer.status_code == 422
    assert answer.json() == {"message": INVALID, "errors": errors}


@pytest.mark.row("X13")
@pytest.mark.parametrize(
    "text",
    [
        "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a6",
        "0198f2a46d3e7c519b0a3f2d8c4e5a61",
        "{0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61}",
        "urn:uuid:0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
        "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a6g",
        "０198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
        "81J1Y00000000000000000000A",
        "01J1Y0000000000000000000U0",
        "01J1Y...",
        "1",
        "' OR 1=1 --",
    ],
)
def test_anything_else_is_no_id(ana: Person, text: str) -> None:
    assert_invalid(ana.get_contact(contact_id=text), "contact_id")


@pytest.mark.parametrize(
    "given",
    [
        {"contact_id": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"},
        {"contact_id": "00000000-0000-0000-0000-000000000000"},
        {"contact_id": "01J1Y00000000000000000000A"},
        {"phone": "+14155550199"},
        {"email": "unknown@example.com"},
        {"email": "%@example.com"},
        {"email": "r_main@example.com"},
    ],
)
def test_not_there(ana: Person, romain: dict[str, Any], given: dict[str, object]) -> None:
    answer = ana.get_contact(**given)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"  \n", b"{}", b'{"phone":null}', b'{"phone":"","email":" ","contact_id":"\\t\\n"}',
        b'{"contact_id":null,"phone":"\\u00a0","email":null}', b'{"id":"1","Phone":"+14155550123"}',
    ],
)  # fmt: skip
def test_no_identifier(ana: Person, body: bytes) -> None:
    answer = ana.post("get-contact", body)
    assert answer.status_code == 422
    given = answer.json()
    assert list(given) == ["message", "error", "errors"]
    assert given["message"] == INVALID
    assert given["error"] == "None of contact_id, phone, email provided"
    assert list(given["errors"]) == ["contact_id", "phone", "email"]


@pytest.mark.parametrize(
    "names",
    [
        ("contact_id", "phone"),
        ("phone", "email"),
        ("contact_id", "email"),
        ("contact_id", "phone", "email"),
    ],
)
def test_more_than_one_identifier(
    ana: Person, romain: dict[str, Any], names: tuple[str, ...]
) -> None:
    """Even when all of them point at the same contact (reference C5)."""
    identifiers = {"contact_id": romain["id"], "phone": PHONE, "email": "romain@example.com"}
    answer = ana.get_contact(**{name: identifiers[name] for name in names})
    assert_invalid(answer, *names)
    assert all(" and ".join(names) in text for [text] in answer.json()["errors"].values())


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"phone": PHONE, "email": "romain@example.com"}, "contact_id, phone, email"),
        (
            {"wa_id": "14155550123", "bsuid": "US.1"},
            "contact_id, phone, email, wa_id, bsuid, username, external_id",
        ),
        (
            {"phone": PHONE, "external_id": "shopify:1"},
            "contact_id, phone, email, wa_id, bsuid, username, external_id",
        ),
    ],
)
def test_of_those_beyond_the_reference_all_are_named(
    ana: Person, given: dict[str, str], options: str
) -> None:
    for action in ("get-contact", "get-reachability"):
        text = f"Give exactly one of {options}, not {' and '.join(given)} together."
        assert ana.post(action, given).json() == {
            "message": INVALID, "errors": {name: [text] for name in given},
        }  # fmt: skip


def test_blank_identifiers_do_not_count(ana: Person, romain: dict[str, Any]) -> None:
    answer = ana.get_contact(contact_id="", phone=PHONE, email=None)
    assert (answer.status_code, answer.json()["id"]) == (200, romain["id"])


def test_every_wrong_field_is_reported_at_once(ana: Person) -> None:
    answer = ana.get_contact(contact_id="nope", phone="nope", email="nope")
    assert_invalid(answer, "contact_id", "phone", "email")
    texts = answer.json()["errors"]
    assert "The contact id must be a valid UUID." in texts["contact_id"]
    assert "The email must be a valid email address." in texts["email"]


def test_no_token(bed: Bed) -> None:
    answer = bed.nobody.get_contact(phone=PHONE)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_scopes(bed: Bed, ana: Person, ben: Person, romain: dict[str, Any]) -> None:
    """A POST, yet it needs `read` only."""
    assert ben.get_contact(phone=PHONE).json() == ana.get_contact(phone=PHONE).json()
    nothing = await bed.person(ben.user, ben.workspace, scope="read")
    await bed.change("UPDATE tokens SET scopes = '' WHERE id = :id", id=nothing.token_id)
    answer = nothing.get_contact(phone=PHONE)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_keys_are_the_documented_ones(ana: Person, romain: dict[str, Any]) -> None:
    for given in ({"phone": PHONE}, {"contact_id": romain["id"]}, {"email": "romain@example.com"}):
        assert list(ana.get_contact(**given).json()) == KEYS
