"""POST /api/v1/actions/create-contact (reference section 9)."""

import re
from typing import Any

import pytest

from tests.api.refusals import FORBIDDEN, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

PHONE = "+14155550123"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


def test_new_contact(ana: Person) -> None:
    answer = ana.create_contact(
        phone="+1 (415) 555-0123",
        name="  Romain ",
        email=" Romain@example.com ",
        tags="vip, fr-FR",
        metadata={"shopify_id": "12345", "lifetime_value": 8742.00},
    )
    assert answer.status_code == 201
    saved = answer.json()
    assert list(saved.items()) == [
        ("id", saved["id"]),
        ("phone", PHONE),
        ("name", "Romain"),
        ("email", "Romain@example.com"),
        ("tags", ["vip", "fr-FR"]),
        ("created_at", saved["created_at"]),
    ]
    assert TIME.fullmatch(saved["created_at"])
    found = ana.get_contact(phone=PHONE).json()
    assert found["source"] == "api"
    assert found["metadata"] == {"shopify_id": "12345", "lifetime_value": 8742.00}
    assert found["created_at"] == saved["created_at"]


def test_existing_contact_is_201_and_keeps_what_is_not_given(ana: Person) -> None:
    first = ana.create_contact(
        phone=PHONE, name="Romain", email="r@example.com", tags="vip", metadata={"a": 1}
    ).json()
    answer = ana.create_contact(phone=PHONE)
    assert (answer.status_code, answer.json()) == (201, first)
    assert ana.get_contact(phone=PHONE).json()["metadata"] == {"a": 1}


@pytest.mark.parametrize("blank", [None, "", "  ", "\u00a0"])
def test_blanks_leave_what_is_there(ana: Person, blank: object) -> None:
    first = ana.create_contact(
        phone=PHONE, name="Romain", email="r@example.com", tags="vip", metadata={"a": 1}
    ).json()
    again = ana.create_contact(phone=PHONE, name=blank, email=blank, tags=blank, metadata=blank)
    assert (again.status_code, again.json()) == (201, first)
    assert ana.get_contact(phone=PHONE).json()["metadata"] == {"a": 1}


def test_given_fields_win(ana: Person) -> None:
    first = ana.create_contact(phone=PHONE, name="Romain", email="old@example.com").json()
    again = ana.create_contact(phone=PHONE, name="Rom", email="new@example.com").json()
    assert again == {**first, "name": "Rom", "email": "new@example.com"}
    assert ana.get_contact(email="new@example.com").json()["id"] == first["id"]
    assert ana.get_contact(email="old@example.com").status_code == 404


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (None, None, []),
        ("vip, fr-FR", None, ["vip", "fr-FR"]),
        (None, "vip, fr-FR", ["vip", "fr-FR"]),
        ("fr-FR", "vip-2026", ["vip-2026", "fr-FR"]),
        ("a,b", "c,d", ["c", "d", "a", "b"]),
        ("a,b", "b,c", ["c", "a", "b"]),
        ("a", "A", ["A", "a"]),
        ("a,b,a, b ,,", [], ["a", "b"]),
        (["a", "b, c", "", " a "], ["c"], ["a", "b", "c"]),
        ("a b", "a  b", ["a  b", "a b"]),
        ("é", "e\u0301", ["e\u0301", "é"]),
        ("a", {}, None),
        ("a", 1, None),
        ("a", [1], None),
        ("a", ["x", None], None),
        ("a", [["x"]], None),
    ],
)
async def test_tags_are_added(
    bed: Bed, ana: Person, first: object, then: object, expected: list[str] | None
) -> None:
    """Comma list or array; newest first, the order of one request kept (reference C7, C8)."""
    ana.create_contact(phone=PHONE, tags=first)
    answer = ana.create_contact(phone=PHONE, tags=then)
    if expected is None:
        assert_invalid(answer, "tags")
        return
    assert (answer.status_code, answer.json()["tags"]) == (201, expected)
    assert ana.get_contact(phone=PHONE).json()["tags"] == expected
    rows = await bed.rows(
        "SELECT t.name FROM contact_tags x JOIN tags t ON t.tenant_id = x.tenant_id"
        " AND t.id = x.tag_id WHERE x.tenant_id = :tenant_id ORDER BY x.position",
        tenant_id=ana.user.tenant_id,
    )
    assert [name for (name,) in rows] == expected, "the rows equal what is shown"


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, None, {"a": 1}),
        ({"a": 1}, {"b": [2]}, {"a": 1, "b": [2]}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"": "blank key"}, {" ": ""}, {"": "blank key", " ": ""}),
    ],
)
def test_metadata_is_merged_shallowly(
    ana: Person, first: object, then: object, expected: object
) -> None:
    ana.create_contact(phone=PHONE, metadata=first)
    assert ana.create_contact(phone=PHONE, metadata=then).status_code == 201
    assert ana.get_contact(phone=PHONE).json()["metadata"] == expected


@pytest.mark.row("X14")
@pytest.mark.parametrize(
    "value",
    [
        8742.00, -0.0, 0, -1, 1e-300, 1.7976931348623157e308, 2**53 - 1, -(2**53) + 1, True, None,
        [], {}, [[{}]], "", "\n\t", "\u2028", "\\u0000", "\\", '"', "</script>", "e\u0301",
        "👩‍👩‍👧",
        "\u202eevil\u202c", "a" * 60_000,
    ],
)  # fmt: skip
def test_metadata_comes_back_equal(ana: Person, value: object) -> None:
    assert ana.create_contact(phone=PHONE, metadata={"value": value}).status_code == 201
    assert ana.get_contact(phone=PHONE).json()["metadata"] == {"value": value}


def test_line_breaks_in_metadata_are_newlines(ana: Person) -> None:
    ana.create_contact(phone=PHONE, metadata={"a\r\nb": "x\r\ny\nz"})
    assert ana.get_contact(phone=PHONE).json()["metadata"] == {"a\nb": "x\ny\nz"}


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ["phone"]),
        ({"phone": None}, ["phone"]),
        ({"phone": " "}, ["phone"]),
        ({"phone": "nope"}, ["phone"]),
        ({"phone": PHONE, "email": "nope"}, ["email"]),
        ({"phone": PHONE, "email": 1}, ["email"]),
        ({"phone": PHONE, "name": 1}, ["name"]),
        ({"phone": PHONE, "name": ["Romain"]}, ["name"]),
        ({"phone": PHONE, "name": "two\nlines"}, ["name"]),
        ({"phone": PHONE, "metadata": []}, ["metadata"]),
        ({"phone": PHONE, "metadata": "x"}, ["metadata"]),
        ({"phone": PHONE, "metadata": 1}, ["metadata"]),
        (
            {"name": 1, "email": "x", "tags": 1, "metadata": 1},
            ["phone", "name", "email", "tags", "metadata"],
        ),
    ],
)
async def test_invalid(bed: Bed, ana: Person, given: dict[str, Any], fields: list[str]) -> None:
    before = await bed.digest()
    answer = ana.create_contact(**given)
    assert_invalid(answer, *fields)
    assert await bed.digest() == before


def test_required_phone_in_the_documented_words(ana: Person) -> None:
    answer = ana.create_contact(name="Romain")
    assert answer.status_code == 422
    assert answer.json() == {
        "message": "The given data was invalid.",
        "errors": {"phone": ["The phone field is required."]},
    }


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
        ("metadata", {"k": "v" * (65_536 - 8)}, {"k": "v" * (65_536 - 7)}),
        ("metadata", {"k": "é" * 32_764}, {"k": "é" * 32_765}),
        ("metadata", dict.fromkeys(map(str, range(1_000))), dict.fromkeys(map(str, range(1_001)))),
        (
            "metadata",
            {"in": [dict.fromkeys(map(str, range(1_000)))]},
            {"in": [dict.fromkeys(map(str, range(1_001)))]},
        ),
    ],
)
async def test_limits(bed: Bed, ana: Person, field: str, fits: object, too_much: object) -> None:
    before = await bed.digest()
    answer = ana.create_contact(phone=PHONE, **{field: too_much})
    assert_invalid(answer, field)
    assert "together" not in answer.text
    assert await bed.digest() == before
    answer = ana.create_contact(phone=PHONE, **{field: fits})
    assert answer.status_code == 201, answer.text


@pytest.mark.row("L3", "R9")
@pytest.mark.parametrize(
    ("field", "first", "then"),
    [
        ("metadata", {"a": "x" * 40_000}, {"b": "x" * 40_000}),
        ("metadata", dict.fromkeys(map(str, range(1_000))), {"one": "more"}),
        ("tags", ",".join(f"a{n}" for n in range(1_000)), "one-more"),
    ],
)
async def test_limits_hold_for_what_is_joined(
    bed: Bed, ana: Person, field: str, first: object, then: object
) -> None:
    assert ana.create_contact(phone=PHONE, **{field: first}).status_code == 201
    before = await bed.digest()
    answer = ana.create_contact(phone=PHONE, **{field: then})
    assert_invalid(answer, field)
    [told] = answer.json()["errors"][field]
    assert "1000" in told or "65536" in told
    assert ", together with " in told
    assert await bed.digest() == before


@pytest.mark.row("T10.1", "R4")
async def test_fields_of_others_are_ignored(bed: Bed, ana: Person, mallory: Person) -> None:
    forged = {
        "id": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
        "uuid": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
        "row_id": 1,
        "tenant_id": mallory.user.tenant_id,
        "tenant": {"id": mallory.workspace.id},
        "workspace": mallory.workspace.id,
        "user_id": mallory.user.id,
        "source": "shopify",
        "locale": "fr",
        "opted_out_at": "2026-04-15T10:32:00+00:00",
        "last_message_at": "2026-04-15T10:32:00+00:00",
        "total_messages": 99,
        "created_at": "2000-01-01T00:00:00+00:00",
        "updated_at": "2000-01-01T00:00:00+00:00",
        "scopes": "admin",
        "email_key": "root@example.com",
        "contact_id": "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
    }
    plain = ana.create_contact(phone="+14155550100").json()
    answer = ana.create_contact(phone=PHONE, **forged)
    assert answer.status_code == 201
    assert list(answer.json()) == ["id", "phone", "name", "email", "tags", "created_at"]
    [row] = await bed.rows(
        "SELECT tenant_id, uuid, source, locale, email_key, opted_in_at, opted_out_at,"
        " last_message_at, total_messages FROM contacts WHERE tenant_id = :t AND phone = :p",
        t=ana.user.tenant_id,
        p=PHONE,
    )
    assert row == (ana.user.tenant_id, answer.json()["id"], "api", None, None, None, None, None, 0)
    assert answer.json()["id"] != forged["id"]
    assert answer.json()["created_at"] >= plain["created_at"]
    assert mallory.get_contact(phone=PHONE).status_code == 404


@pytest.mark.row("T10.1")
async def test_consent_is_not_touched_by_itself(bed: Bed, ana: Person) -> None:
    """Neither inferred from silence nor undone (reference C32)."""
    saved = ana.create_contact(phone=PHONE).json()
    assert ana.get_contact(phone=PHONE).json()["opted_in_at"] is None
    await bed.change(
        "UPDATE contacts SET opted_in_at = 1000000, opted_out_at = 2000000 WHERE uuid = :id",
        id=saved["id"],
    )
    ana.create_contact(phone=PHONE, name="R", opted_out_at=None, opted_in_at=None, consent=None)
    found = ana.get_contact(phone=PHONE).json()
    assert found["opted_in_at"] == "1970-01-01T00:00:01+00:00"
    assert found["opted_out_at"] == "1970-01-01T00:00:02+00:00"


@pytest.mark.row("X12", "T10.1")
@pytest.mark.parametrize(
    "odd", ["+10000-01-01T00:00:00Z", -1, 1e20, "2024-02-30", "2024-01-01T24:00:00", "2024-01-01"]
)
def test_odd_times_do_nothing(odd: object, ana: Person) -> None:
    """The one field that takes a time refuses them, all others are ignored."""
    times = ("opted_out_at", "last_message_at", "created_at")
    made = ana.create_contact(phone=PHONE, **dict.fromkeys(times, odd))
    assert made.status_code == 201
    assert_invalid(ana.create_contact(phone=PHONE, opted_in_at=odd), "opted_in_at")
    found = ana.get_contact(phone=PHONE).json()
    assert [found[name] for name in times] == [None, None, made.json()["created_at"]]
    assert found["opted_in_at"] is None


async def test_nothing_new_writes_nothing(bed: Bed, ana: Person) -> None:
    ana.create_contact(phone=PHONE, name="Romain", tags="vip", metadata={"a": 1})
    before = await bed.digest()
    ana.create_contact(phone=PHONE, name="Romain", tags="vip", metadata={"a": 1})
    assert await bed.digest() == before


@pytest.mark.row("T9.1")
@pytest.mark.parametrize(
    "text",
    [
        "'", "''", '"', "`", "\\", "%", "_", ";", "--", "/*", "'; DROP TABLE contacts; --",
        "' OR '1'='1", ":name", ":tenant_id", "$1", "?", "?1", "{0}", "%s", "\\x00", "${x}", "@x",
    ],
)  # fmt: skip
async def test_text_of_other_languages_is_only_text(bed: Bed, ana: Person, text: str) -> None:
    given = {"name": text, "tags": [f"x{text}"], "metadata": {text: text, "in": [text]}}
    assert ana.create_contact(phone=PHONE, **given).status_code == 201
    assert ana.create_contact(phone="+14155550124").status_code == 201
    found = ana.get_contact(phone=PHONE).json()
    assert {name: found[name] for name in given} == given
    assert ana.get_contact(phone="+14155550124").json()["name"] is None


@pytest.mark.row("T9.1")
@pytest.mark.parametrize("local", ["o'brien", "a%b", "a_b", "a`b", "a{b}", "a$1", "a?b", "a!b=c"])
def test_odd_addresses_match_only_themselves(ana: Person, local: str) -> None:
    saved = ana.create_contact(phone=PHONE, email=f"{local}@example.com").json()
    ana.create_contact(phone="+14155550124", email="axb@example.com")
    assert ana.get_contact(email=f"{local}@example.com").json()["id"] == saved["id"]


def test_no_token(bed: Bed) -> None:
    answer = bed.nobody.create_contact(phone=PHONE)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_wrong_scope(bed: Bed, ben: Person) -> None:
    before = await bed.digest()
    answer = ben.create_contact(phone=PHONE)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert await bed.digest() == before
