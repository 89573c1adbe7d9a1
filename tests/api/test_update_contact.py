"""POST /api/v1/actions/update-contact (reference section 10)."""

import json
import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from ulid import ULID

from tests.api.refusals import (
    FORBIDDEN,
    NO_SUCH_ID,
    NO_SUCH_PHONE,
    NOT_FOUND,
    UNAUTHENTICATED,
    assert_invalid,
    assert_neither,
)
from tests.cast import Bed, Person, tag_rows

PHONE = "+14155550123"
OTHER_PHONE = "+14155550124"
UNKNOWN_PHONE = "+14155550199"
UNKNOWN_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
SPELLINGS = [
    PHONE, " +1 (415) 555-0123 ", "+1.415.555.0123", "0014155550123", "14155550123", 14155550123,
    "tel:+1-415-555-0123", "＋１４１５５５５０１２３", "+١٤١٥٥٥٥٠١٢٣", "\u202a+14155550123\u202c",
]  # fmt: skip
KEYS = ["id", "phone", "name", "email", "tags", "updated_at"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
LONG_AGO_US = 1_000_000
LONG_AGO = "1970-01-01T00:00:01+00:00"

UNCHANGED = [
    {},
    {"name": None, "email": None, "tags": None, "metadata": None},
    {"metadata": {}},
    {"name": " Romain "},
    {"email": "Romain@example.com"},
    {"tags": "vip,fr-FR"},
    {"tags": ["vip", "fr-FR", "vip"]},
    {"metadata": {"a": 1}},
    {"name": "Romain", "email": "Romain@example.com", "tags": "vip, fr-FR", "metadata": {}},
]
INVALID = [
    ({"contact_id": "nope"}, ["contact_id"]),
    ({"contact_id": 42}, ["contact_id"]),
    ({"contact_id": "nope", "phone": PHONE}, ["contact_id"]),
    ({"phone": "nope"}, ["phone"]),
    ({"phone": [PHONE]}, ["phone"]),
    ({"phone": PHONE, "email": "nope"}, ["email"]),
    ({"phone": PHONE, "email": 1}, ["email"]),
    ({"phone": PHONE, "email": []}, ["email"]),
    ({"phone": PHONE, "name": 1}, ["name"]),
    ({"phone": PHONE, "name": False}, ["name"]),
    ({"phone": PHONE, "name": ["Romain"]}, ["name"]),
    ({"phone": PHONE, "name": "two\nlines"}, ["name"]),
    ({"phone": PHONE, "name": "a\u0000b"}, ["name"]),
    ({"phone": PHONE, "tags": "a\u0000b"}, ["tags"]),
    ({"phone": PHONE, "metadata": []}, ["metadata"]),
    ({"phone": PHONE, "metadata": "x"}, ["metadata"]),
    ({"phone": PHONE, "metadata": {"a": 2**53}}, ["metadata"]),
    ({"phone": PHONE, "metadata": {"a": "\u0000"}}, ["metadata"]),
    (
        {"contact_id": 1, "phone": 1, "name": 1, "email": "x", "tags": 1, "metadata": 1},
        ["contact_id", "phone", "name", "email", "tags", "metadata"],
    ),
]


@pytest.fixture
async def romain(bed: Bed, ana: Person) -> dict[str, Any]:
    """A contact that was last changed long ago, as get-contact shows it."""
    saved = ana.create_contact(
        phone=PHONE,
        name="Romain",
        email="Romain@example.com",
        tags="vip, fr-FR",
        metadata={"a": 1},
    ).json()
    await bed.change(
        "UPDATE contacts SET created_at = :at, updated_at = :at WHERE uuid = :id",
        at=LONG_AGO_US,
        id=saved["id"],
    )
    found: dict[str, Any] = ana.get_contact(phone=PHONE).json()
    return found


def update(client: Any, **given: object) -> httpx.Response:
    return client.post("update-contact", given)


async def rows_of_tags(bed: Bed, contact_id: str) -> list[str]:
    [(row_id,)] = await bed.rows("SELECT id FROM contacts WHERE uuid = :id", id=contact_id)
    return await bed.read(lambda tx: tag_rows(tx, row_id))


def test_documented_answer(ana: Person, romain: dict[str, Any]) -> None:
    answer = update(
        ana,
        contact_id=romain["id"],
        name="  Rom ",
        email=" rom@example.com ",
        tags="vip-2026, fr-FR",
        metadata={"b": 2},
    )
    assert answer.status_code == 200, answer.text
    updated = answer.json()
    assert list(updated.items()) == [
        ("id", romain["id"]),
        ("phone", PHONE),
        ("name", "Rom"),
        ("email", "rom@example.com"),
        ("tags", ["vip-2026", "fr-FR"]),
        ("updated_at", updated["updated_at"]),
    ]
    assert TIME.fullmatch(updated["updated_at"])
    assert updated["updated_at"] > LONG_AGO
    assert answer.headers["content-type"] == "application/json"
    assert ana.get_contact(phone=PHONE).json() == {
        **romain,
        "name": "Rom",
        "email": "rom@example.com",
        "tags": ["vip-2026", "fr-FR"],
        "metadata": {"a": 1, "b": 2},
    }


def test_etag_is_the_one_of_the_new_version(ana: Person, romain: dict[str, Any]) -> None:
    first = ana.get_contact(phone=PHONE).headers["etag"]
    answer = update(ana, phone=PHONE, name="Rom")
    assert answer.headers["etag"] == ana.get_contact(phone=PHONE).headers["etag"] != first


@pytest.mark.row("T16.1")
def test_by_phone_in_any_spelling(ana: Person, romain: dict[str, Any]) -> None:
    for number, typed in enumerate(SPELLINGS):
        answer = update(ana, phone=typed, name=f"Rom {number}")
        assert answer.status_code == 200, (typed, answer.text)
        assert answer.json()["phone"] == PHONE
        assert ana.get_contact(phone=PHONE).json() == {**romain, "name": f"Rom {number}"}


@pytest.mark.row("X13")
def test_by_id_in_any_spelling(ana: Person, romain: dict[str, Any]) -> None:
    uuid, ulid = romain["id"], str(ULID.from_uuid(UUID(romain["id"])))
    for number, typed in enumerate([uuid, uuid.upper(), f"  {uuid}\n", ulid, ulid.lower()]):
        answer = update(ana, contact_id=typed, name=f"Rom {number}")
        assert answer.status_code == 200, (typed, answer.text)
        assert ana.get_contact(phone=PHONE).json() == {**romain, "name": f"Rom {number}"}


def test_by_both_when_they_agree(ana: Person, romain: dict[str, Any]) -> None:
    answer = update(ana, contact_id=romain["id"].upper(), phone="+1 (415) 555-0123", name="Rom")
    assert (answer.status_code, list(answer.json())) == (200, KEYS)
    assert ana.get_contact(phone=PHONE).json() == {**romain, "name": "Rom"}


def test_blank_identifiers_do_not_count(ana: Person, romain: dict[str, Any]) -> None:
    assert update(ana, contact_id=" ", phone=PHONE, name="Rom").json()["id"] == romain["id"]
    assert update(ana, contact_id=romain["id"], phone=None, name="R").json()["id"] == romain["id"]


async def test_both_of_two_contacts(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    ana.create_contact(phone=OTHER_PHONE, name="Zoé")
    before = await bed.digest()
    answer = update(ana, contact_id=romain["id"], phone=OTHER_PHONE, name="Rom", tags="")
    assert_invalid(answer, "contact_id", "phone")
    assert await bed.digest() == before


async def test_phone_is_no_new_value(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    """One that is nobody's is an unknown contact, not the new number of this one."""
    before = await bed.digest()
    answer = update(ana, contact_id=romain["id"], phone=UNKNOWN_PHONE, name="Rom")
    assert (answer.status_code, answer.json()) == (404, NO_SUCH_PHONE)
    assert await bed.digest() == before


async def test_not_there(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    keys: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"contact_id": UNKNOWN_ID}, NOT_FOUND),
        ({"contact_id": "01J1Y00000000000000000000A"}, NOT_FOUND),
        ({"phone": UNKNOWN_PHONE}, NOT_FOUND),
        ({"contact_id": UNKNOWN_ID, "phone": PHONE}, NO_SUCH_ID),
        ({"contact_id": UNKNOWN_ID, "phone": UNKNOWN_PHONE}, NO_SUCH_ID),
    ]
    for key, told in keys:
        answer = update(ana, **key, name="Rom", tags="new", metadata={"b": 2})
        assert (answer.status_code, answer.json()) == (404, told), key
    assert await bed.digest() == before


async def test_neither_identifier(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    for body in (
        b"",
        b" \n",
        b"{}",
        b'{"name":"Rom"}',
        b'{"contact_id":null,"phone":null,"tags":"x"}',
        b'{"contact_id":" ","phone":"\\u00a0","name":"Rom"}',
        b'{"id":"1","Phone":"+14155550123"}',
        b'{"email":"Romain@example.com","name":"Rom"}',
    ):
        assert_neither(ana.post("update-contact", body))
    assert await bed.digest() == before


def test_neither_identifier_and_wrong_fields_are_reported_at_once(ana: Person) -> None:
    assert_neither(update(ana, name=1, metadata=[]), "name", "metadata")


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"name": "Rom"}, {"name": "Rom"}),
        ({"email": "rom@example.com"}, {"email": "rom@example.com"}),
        ({"email": "ROMAIN@example.com"}, {"email": "ROMAIN@example.com"}),
        ({"tags": "new"}, {"tags": ["new"]}),
        ({"metadata": {"b": 2}}, {"metadata": {"a": 1, "b": 2}}),
        ({"name": "Rom", "email": None, "tags": None, "metadata": None}, {"name": "Rom"}),
        ({"name": "Rom", "metadata": {}}, {"name": "Rom"}),
    ],
)
def test_only_what_is_given_is_written(
    ana: Person, romain: dict[str, Any], given: dict[str, Any], changed: dict[str, Any]
) -> None:
    ana.create_contact(phone=OTHER_PHONE, name="Zoé", email="zoe@example.com", tags="vip")
    other = ana.get_contact(phone=OTHER_PHONE).json()
    answer = update(ana, phone=PHONE, **given)
    assert (answer.status_code, list(answer.json())) == (200, KEYS)
    assert answer.json()["updated_at"] > LONG_AGO
    assert ana.get_contact(phone=PHONE).json() == {**romain, **changed}
    assert ana.get_contact(phone=OTHER_PHONE).json() == other


@pytest.mark.parametrize(("field", "cleared"), [("name", None), ("email", None), ("tags", [])])
async def test_blank_clears(
    bed: Bed, ana: Person, romain: dict[str, Any], field: str, cleared: object
) -> None:
    for blank in ("", "  ", "\u00a0", "\t\n"):
        assert update(ana, phone=PHONE, **{field: romain[field]}).json()[field] == romain[field]
        answer = update(ana, phone=PHONE, **{field: blank})
        assert (answer.status_code, answer.json()[field]) == (200, cleared), repr(blank)
        assert ana.get_contact(phone=PHONE).json() == {**romain, field: cleared}
    is_found = ana.get_contact(email="romain@example.com").status_code == 200
    assert is_found == (field != "email")
    assert await rows_of_tags(bed, romain["id"]) == ([] if field == "tags" else romain["tags"])


def test_all_is_cleared_at_once_but_metadata(ana: Person, romain: dict[str, Any]) -> None:
    assert update(ana, phone=PHONE, name="", email="", tags="", metadata="").status_code == 200
    found = ana.get_contact(phone=PHONE).json()
    assert found == {**romain, "name": None, "email": None, "tags": []}


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ("a,b,c", "b", ["b"]),
        ("a,b", "c,a", ["c", "a"]),
        ("a,b", "b,a", ["b", "a"]),
        ("a,b", "a,b,c", ["a", "b", "c"]),
        ("a,b", ["d", "b, e", "b", " "], ["d", "b", "e"]),
        (None, "x , y,,", ["x", "y"]),
        ("a", "A", ["A"]),
        ("é", "e\u0301", ["e\u0301"]),
        ("a,b", [], []),
        ("a,b", ["", " "], []),
        ("a,b", " , ,", []),
        (None, [], []),
        ("a,b", None, ["a", "b"]),
        ("a", {}, None),
        ("a", 1, None),
        ("a", True, None),
        ("a", [1], None),
        ("a", ["x", None], None),
        ("a", [["x"]], None),
    ],
)
async def test_tags_are_replaced(
    bed: Bed, ana: Person, first: object, then: object, expected: list[str] | None
) -> None:
    """The whole list, in the order given; a tag added later still stands above it."""
    saved = ana.create_contact(phone=PHONE, tags=first).json()
    before = await bed.digest()
    answer = update(ana, phone=PHONE, tags=then)
    if expected is None:
        assert_invalid(answer, "tags")
        assert await bed.digest() == before
        return
    assert (answer.status_code, answer.json()["tags"]) == (200, expected)
    assert ana.get_contact(phone=PHONE).json()["tags"] == expected
    assert await rows_of_tags(bed, saved["id"]) == expected, "the rows equal what is shown"
    assert ana.create_contact(phone=PHONE, tags="later").json()["tags"] == ["later", *expected]
    assert await rows_of_tags(bed, saved["id"]) == ["later", *expected]


async def test_tags_that_stay_keep_their_time(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    async def times() -> dict[str, int]:
        return dict(
            await bed.rows(
                "SELECT t.name, x.added_at FROM contact_tags x JOIN tags t ON t.id = x.tag_id"
                " WHERE t.tenant_id = :tenant_id",
                tenant_id=ana.user.tenant_id,
            )
        )

    await bed.change(
        "UPDATE contact_tags SET added_at = :at WHERE tenant_id = :tenant_id",
        at=LONG_AGO_US,
        tenant_id=ana.user.tenant_id,
    )
    update(ana, phone=PHONE, tags="fr-FR, new, vip")
    added_at = await times()
    assert added_at["fr-FR"] == added_at["vip"] == LONG_AGO_US < added_at["new"]
    update(ana, phone=PHONE, tags="new")
    update(ana, phone=PHONE, tags="new, vip")
    again = await times()
    assert again["new"] == added_at["new"]
    assert again["vip"] >= added_at["new"], "it was taken off, and put on anew"


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, None, {"a": 1}),
        ({"a": 1}, "", {"a": 1}),
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"b": [2]}, {"a": 1, "b": [2]}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": None}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"b": None}, {"a": 1, "b": None}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": False}, {"a": 0}, {"a": 0}),
        ({"a": [1, {"b": 0}]}, {"a": [1, {"b": False}]}, {"a": [1, {"b": False}]}),
        ({"": "blank key"}, {" ": ""}, {"": "blank key", " ": ""}),
    ],
)
def test_metadata_is_merged_shallowly(
    ana: Person, first: object, then: object, expected: object
) -> None:
    ana.create_contact(phone=PHONE, metadata=first)
    assert update(ana, phone=PHONE, metadata=then).status_code == 200
    found = ana.get_contact(phone=PHONE).json()["metadata"]
    assert json.dumps(found) == json.dumps(expected), "true is not 1"


async def test_nothing_to_change_writes_nothing(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    etag = ana.get_contact(phone=PHONE).headers["etag"]
    before = await bed.digest()
    for given in UNCHANGED:
        answer = update(ana, contact_id=romain["id"], **given)
        assert answer.status_code == 200, answer.text
        assert list(answer.json().items()) == [
            ("id", romain["id"]),
            ("phone", PHONE),
            ("name", "Romain"),
            ("email", "Romain@example.com"),
            ("tags", ["vip", "fr-FR"]),
            ("updated_at", LONG_AGO),
        ], given
        assert answer.headers["etag"] == etag
    assert await bed.digest() == before


async def test_clearing_what_is_clear_writes_nothing(bed: Bed, ana: Person) -> None:
    ana.create_contact(phone=PHONE)
    before = await bed.digest()
    answer = update(ana, phone=PHONE, name="", email="", tags="", metadata={})
    assert answer.status_code == 200
    assert await bed.digest() == before


def test_new_email_finds_the_contact_and_the_old_one_does_not(
    ana: Person, romain: dict[str, Any]
) -> None:
    update(ana, phone=PHONE, email="JOSÉ@example.com")
    assert ana.get_contact(email="josé@example.com").json()["id"] == romain["id"]
    assert ana.get_contact(email="romain@example.com").status_code == 404


async def test_invalid(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    for given, fields in INVALID:
        assert_invalid(update(ana, **given), *fields)
    assert await bed.digest() == before


@pytest.mark.row("X5")
@pytest.mark.parametrize("field", ["name", "email", "tags"])
async def test_control_characters_alone_are_no_blank(
    bed: Bed, ana: Person, romain: dict[str, Any], field: str
) -> None:
    """Python counts these as white space; a blank would clear the field."""
    before = await bed.digest()
    for characters in ("\x1c", "\x1f", "\x85", " \x0b "):
        assert_invalid(update(ana, phone=PHONE, **{field: characters}), field)
    assert await bed.digest() == before


@pytest.mark.row("L3", "R9")
@pytest.mark.parametrize(
    ("field", "fits", "too_much"),
    [
        ("name", "n" * 256, "n" * 257),
        ("name", "👍" * 256, "👍" * 257),
        ("tags", "t" * 255, "t" * 256),
        ("tags", ["é" * 255, "u" * 255], ["u", "é" * 256]),
        ("tags", ",".join(map(str, range(1_000))), ",".join(map(str, range(1_001)))),
        (
            "email",
            f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 59}.example",
            "a@" + "b." * 126 + "bc",
        ),
        ("metadata", {"a": "v" * (65_536 - 8)}, {"a": "v" * (65_536 - 7)}),
        ("metadata", {"a": "é" * 32_764}, {"a": "é" * 32_765}),
        (
            "metadata",
            dict.fromkeys(map(str, range(999))),
            dict.fromkeys(map(str, range(1_000))),
        ),  # and "a"
    ],
)
async def test_limits(
    bed: Bed, ana: Person, romain: dict[str, Any], field: str, fits: object, too_much: object
) -> None:
    before = await bed.digest()
    assert_invalid(update(ana, phone=PHONE, **{field: too_much}), field)
    assert await bed.digest() == before
    answer = update(ana, phone=PHONE, **{field: fits})
    assert answer.status_code == 200, answer.text


@pytest.mark.row("L3", "R9")
async def test_joined_metadata_has_a_limit(bed: Bed, ana: Person) -> None:
    """A thousand tags may be replaced by a thousand others, but metadata only grows."""
    ana.create_contact(phone=PHONE, metadata={"a": "x" * 40_000}, tags="one")
    before = await bed.digest()
    given = {"name": "Rom", "tags": "two", "metadata": {"b": "x" * 40_000}}
    answer = update(ana, phone=PHONE, **given)
    assert_invalid(answer, "metadata")
    assert answer.json()["errors"]["metadata"] == [
        "The metadata may not be greater than 65536 bytes of JSON, together with what the contact"
        " holds already."
    ]
    assert await bed.digest() == before
    many = dict.fromkeys(map(str, range(999)), 1)
    assert update(ana, phone=PHONE, metadata={"a": "y" * 40_000, **many}).status_code == 200
    before = await bed.digest()
    assert_invalid(update(ana, phone=PHONE, metadata={"one": "more"}), "metadata")
    assert await bed.digest() == before
    assert update(ana, phone=PHONE, metadata={"a": "z", "998": 2}).status_code == 200


@pytest.mark.row("T10.1", "R4")
async def test_fields_of_others_are_ignored(
    bed: Bed, ana: Person, mallory: Person, romain: dict[str, Any]
) -> None:
    forged = {
        "id": UNKNOWN_ID,
        "uuid": UNKNOWN_ID,
        "row_id": 1,
        "tenant_id": mallory.user.tenant_id,
        "tenant": {"id": mallory.workspace.id},
        "workspace": mallory.workspace.id,
        "user_id": mallory.user.id,
        "token_id": mallory.token_id,
        "source": "shopify",
        "locale": "fr",
        "opted_in_at": "2026-04-15T10:32:00+00:00",
        "opted_out_at": "2026-04-15T10:32:00+00:00",
        "consent": {"text": "yes"},
        "last_message_at": "2026-04-15T10:32:00+00:00",
        "total_messages": 99,
        "created_at": "2000-01-01T00:00:00+00:00",
        "updated_at": "2000-01-01T00:00:00+00:00",
        "version": 99,
        "email_key": "root@example.com",
        "search_key": "root",
        "new_phone": UNKNOWN_PHONE,
        "identities": [{"kind": "phone", "value": UNKNOWN_PHONE}],
        "on_conflict": "error",
        "tag": "forged",
    }
    before = await bed.digest()
    assert update(ana, phone=PHONE, **forged).json()["updated_at"] == LONG_AGO
    assert await bed.digest() == before
    answer = update(ana, phone=PHONE, name="Rom", **forged)
    assert (answer.status_code, list(answer.json())) == (200, KEYS)
    assert answer.json()["updated_at"] > LONG_AGO
    assert ana.get_contact(phone=PHONE).json() == {**romain, "name": "Rom"}
    [row] = await bed.rows(
        "SELECT tenant_id, uuid, phone, source, locale, email_key, created_at, version,"
        " last_message_at, total_messages FROM contacts WHERE uuid = :id",
        id=romain["id"],
    )
    assert row == (
        ana.user.tenant_id, romain["id"], PHONE, "api", None, "romain@example.com", LONG_AGO_US,
        2, None, 0,
    )  # fmt: skip
    assert mallory.get_contact(phone=PHONE).status_code == 404


@pytest.mark.row("T10.1")
async def test_consent_is_never_touched(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    await bed.change(
        "UPDATE contacts SET opted_in_at = 1000000, opted_out_at = 2000000 WHERE uuid = :id",
        id=romain["id"],
    )
    update(ana, phone=PHONE, name="R", opted_out_at=None, opted_in_at="2026-01-01T00:00:00Z")
    found = ana.get_contact(phone=PHONE).json()
    assert found["opted_in_at"] == "1970-01-01T00:00:01+00:00"
    assert found["opted_out_at"] == "1970-01-01T00:00:02+00:00"


@pytest.mark.row("T9.1")
def test_text_of_other_languages_is_only_text(ana: Person, romain: dict[str, Any]) -> None:
    ana.create_contact(phone=OTHER_PHONE, name="Zoé", tags="vip")
    other = ana.get_contact(phone=OTHER_PHONE).json()
    expected = dict(romain)
    for text in ("'", '"', "\\", "%", "'; DROP TABLE tags; --", ":tenant_id", "$1", "?", "{0}"):
        given = {"name": text, "tags": [f"x{text}"], "metadata": {text: text}}
        assert update(ana, phone=PHONE, **given).status_code == 200, text
        expected |= {**given, "metadata": {**expected["metadata"], text: text}}
        assert ana.get_contact(phone=PHONE).json() == expected
    assert ana.get_contact(phone=OTHER_PHONE).json() == other


def test_no_token(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    answer = update(bed.nobody, phone=PHONE, name="Rom")
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert ana.get_contact(phone=PHONE).json() == romain


async def test_wrong_scope(bed: Bed, ben: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    answer = update(ben, phone=PHONE, name="Rom")
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
async def test_mallory_finds_nobody(bed: Bed, mallory: Person, romain: dict[str, Any]) -> None:
    mine = mallory.create_contact(phone=OTHER_PHONE).json()
    before = await bed.digest()
    keys: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"contact_id": romain["id"]}, NOT_FOUND),
        ({"phone": PHONE}, NOT_FOUND),
        ({"contact_id": romain["id"], "phone": PHONE}, NO_SUCH_ID),
        ({"contact_id": mine["id"], "phone": PHONE}, NO_SUCH_PHONE),
        ({"contact_id": romain["id"], "phone": OTHER_PHONE}, NO_SUCH_ID),
    ]
    for key, told in keys:
        answer = update(mallory, **key, name="M", email="", tags="m", metadata={"a": 2})
        assert (answer.status_code, answer.json()) == (404, told)
    assert await bed.digest() == before
