"""POST /api/v1/actions/search-contacts (reference sections 6 and 11, C9, C25)."""

import re
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import msgspec
import pytest

from kith.domain.contacts import Contact
from kith.domain.phone import Phone
from kith.domain.times import EPOCH
from kith.store import bulk, contacts
from kith.store.contact_lists import WALK_ROWS
from kith.store.database import Tx
from tests.api.refusals import FORBIDDEN, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person, bare_contact

PHONE = "+14155550123"
KEYS = ["id", "phone", "name", "email", "source", "tags", "last_message_at", "created_at"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
SECOND = 1_000_000


def search(person: Person, **given: object) -> list[dict[str, Any]]:
    answer = person.post("search-contacts", given)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def names(person: Person, **given: object) -> list[str | None]:
    """In no order: who wrote last is not known here."""
    return sorted((one["name"] for one in search(person, **given)), key=str)


def create(person: Person, **given: object) -> dict[str, Any]:
    answer = person.create_contact(**given)
    assert answer.status_code == 201, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


def create_named(person: Person, *all_names: str) -> None:
    for number, name in enumerate(all_names):
        create(person, phone=f"+1415555{number:04}", name=name)


async def set_times(
    bed: Bed, contact_id: str, *, created_at: int, last_message_at: int | None
) -> None:
    await bed.change(
        "UPDATE contacts SET created_at = :created_at, last_message_at = :last_message_at"
        " WHERE uuid = :id",
        id=contact_id,
        created_at=created_at,
        last_message_at=last_message_at,
    )


async def test_keys_in_their_order(bed: Bed, ana: Person) -> None:
    saved = create(
        ana,
        phone=PHONE,
        name="Jane Smith",
        email="Jane@example.com",
        tags="vip, fr-FR",
        metadata={"a": 1},
    )
    [found] = search(ana)
    assert list(found.items()) == [
        ("id", saved["id"]),
        ("phone", PHONE),
        ("name", "Jane Smith"),
        ("email", "Jane@example.com"),
        ("source", "api"),
        ("tags", ["vip", "fr-FR"]),
        ("last_message_at", None),
        ("created_at", saved["created_at"]),
    ]
    assert TIME.fullmatch(found["created_at"])
    await set_times(bed, saved["id"], created_at=0, last_message_at=1_778_141_663_999_999)
    assert search(ana) == [
        {
            **found,
            "last_message_at": "2026-05-07T08:14:23+00:00",
            "created_at": "1970-01-01T00:00:00+00:00",
        }
    ]


def test_what_is_not_known_is_null(ana: Person) -> None:
    create(ana, phone=PHONE)
    [found] = search(ana)
    assert list(found) == KEYS
    assert (found["name"], found["email"], found["tags"]) == (None, None, [])


def test_nobody(ana: Person) -> None:
    for given in ({}, {"query": "a"}, {"tag": "a"}, {"email": "a@example.com"}):
        assert search(ana, **given) == []


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"unknown": 1}'])
def test_an_empty_body_is_no_filter(ana: Person, body: bytes) -> None:
    create_named(ana, "a", "b")
    answer = ana.post("search-contacts", body)
    assert (answer.status_code, len(answer.json())) == (200, 2)


async def test_most_recently_active_first(bed: Bed, ana: Person) -> None:
    """Who never wrote comes last, newest contact first; then the id decides (reference C25)."""
    rows: dict[str, tuple[int | None, int]] = {}
    for number, (last, created) in enumerate(
        [(None, 1), (5, 1), (None, 2), (5, 2), (9, 1), (None, 2), (5, 2), (-1, 3), (0, 1), (9, 1)]
    ):
        saved = create(ana, phone=f"+1415555{number:04}", name="Romain", tags="vip")
        rows[saved["id"]] = (last, created)
        await set_times(bed, saved["id"], created_at=created, last_message_at=last)

    def order(contact_id: str) -> tuple[bool, int, int, str]:
        last, created = rows[contact_id]
        return last is None, -(last or 0), -created, contact_id

    expected = sorted(rows, key=order)
    for given in ({}, {"query": "romain"}, {"query": "ro"}, {"tag": "vip"}, {"query": "+1"}):
        assert [one["id"] for one in search(ana, **given)] == expected, given


@pytest.mark.row("L9")
async def test_at_most_50_and_they_are_the_most_active(bed: Bed, ana: Person) -> None:
    ids = []
    for number in range(53):
        saved = create(
            ana, phone=f"+1415555{number:04}", name="Romain", email="r@example.com", tags="vip"
        )
        ids.append(saved["id"])
        await set_times(bed, saved["id"], created_at=0, last_message_at=number * SECOND)
    newest = ids[:2:-1]
    assert len(newest) == 50
    for given in (
        {},
        {"query": "romain"},
        {"query": "r"},
        {"tag": "vip"},
        {"email": "R@example.com"},
        {"query": "555", "tag": "vip", "email": "r@example.com"},
    ):
        assert [one["id"] for one in search(ana, **given)] == newest, given


@pytest.mark.parametrize(
    "query",
    [
        "Romain", "romain", "ROMAIN", "oma", "n", "dupré", "in du", "  romain ", "\u00a0romain",
        "+1415", "14155550123", "+14155550123", "0123", "5",
        "romain.dupre@example.com", "ROMAIN.DUPRE@", "@", "example", ".com", "e@e",
    ],
)  # fmt: skip
def test_part_of_name_phone_or_email(ana: Person, query: str) -> None:
    create(ana, phone="+33612347689", name="Zoë")
    create(ana, phone=PHONE, name="Romain Dupré", email="romain.dupre@example.com")
    assert names(ana, query=query) == ["Romain Dupré"]


@pytest.mark.parametrize(
    "query", ["romainx", "dupre romain", "romain  dupre", "e+", "3r", "dupreromain", "415 555"]
)
def test_not_a_part_of_one_field(ana: Person, query: str) -> None:
    """Neither across two fields nor with blanks of its own."""
    create(ana, phone=PHONE, name="Romain Dupre", email="romain.dupre@example.com")
    assert names(ana, query=query) == []


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Élodie", "élodie"),
        ("élodie", "ÉL"),
        ("ÑANDÚ", "ñandú"),
        ("Жанна", "жАННА"),
        ("жанна", "Ж"),
        ("Straße", "STRASSE"),
        ("STRASSE", "straße"),
        ("STRAẞE", "ss"),
        ("Große", "ß"),
        ("İpek", "ipek"),
        ("ipek", "İPEK"),
        ("Iğdır", "iğ"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("σίσυφος", "φοσ"),
        ("ﬁona", "FIO"),
        ("\u212aate", "kate"),
        ("ǅemal", "ǆEMAL"),
        ("ՄԱՐԻԱՄ", "մարիամ"),
        ("𐐀𐐁𐐂", "𐐨𐐩𐐪"),
        ("Ａｎａ", "ａＮ"),
        ("東京太郎", "京太"),
        ("👩‍👩‍👧 Ana", "👩‍👧"),
        ("محمد", "حم"),
        ("e\u0301tienne", "E\u0301T"),
    ],
)
def test_case_is_nothing_in_any_alphabet(ana: Person, name: str, query: str) -> None:
    create_named(ana, name, "zzz")
    assert names(ana, query=query) == [name]


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("name", "query"),
    [("Élodie", "elodie"), ("Zoe", "zoë"), ("é", "e\u0300"), ("Işık", "isik"), ("Жанна", "шанна")],
)
def test_other_letters_are_other_letters(ana: Person, name: str, query: str) -> None:
    create_named(ana, name)
    assert names(ana, query=query) == []


LITERAL = (
    "100%", "a_b", "a\\b", "a\\%b", "O'Brien", 'say "hi"', "a AND b", "OR", "NOT", "NEAR(a b)",
    "a*b", "^a", "name:a", "-a", "(a)", "{a}", "a--b", "a;b", "?1", ":query", "$1", "%s", "{0}",
    "`a`", "[ab]", "a?b", "a[b]c", "[*]", "[^a]", "**",
    "a+b", "a,b", "' OR '1'='1", "axb", "1000", "ab",
)  # fmt: skip


@pytest.mark.row("T9.1")
def test_what_other_languages_read_is_only_text(ana: Person) -> None:
    create_named(ana, *LITERAL)
    parts = "% _ \\ ' \" * ^ : - ( ) { } ? $ ` [ ] + , ; -- %% __ \\\\ '' \"\" AND NEAR( text:a"
    for query in (*LITERAL, *parts.split(), "a b", "a OR b", 'a" OR "b', "a* b*", "%_%"):
        expected = [name for name in LITERAL if query.lower() in name.lower()]
        # Every phone holds a plus.
        assert names(ana, query=query) == sorted(LITERAL if query == "+" else expected), query


@pytest.mark.row("T9.1")
@pytest.mark.parametrize("text", LITERAL)
def test_tags_of_other_languages_are_only_text(ana: Person, text: str) -> None:
    create(ana, phone=PHONE, name="tagged", tags=[f"x{text}"])
    create(ana, phone="+14155550124", name="other", tags=["x", "xx"])
    if "," in text:
        assert_invalid(ana.post("search-contacts", {"tag": f"x{text}"}), "tag")
    else:
        assert names(ana, tag=f"x{text}") == ["tagged"]


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("VIP", ["b"]),
        ("vip", ["a"]),
        (" vip ", ["a"]),
        ("Vip", []),
        ("vi", []),
        ("vip-2026", ["a", "b"]),
        ("vip%", []),
        ("v_p", []),
        ("é", ["c"]),
        ("É", []),
        ("e\u0301", []),
    ],
)
def test_tag_is_exact(ana: Person, tag: str, found: list[str]) -> None:
    create(ana, phone="+14155550101", name="a", tags="vip, vip-2026")
    create(ana, phone="+14155550102", name="b", tags="VIP, vip-2026")
    create(ana, phone="+14155550103", name="c", tags="é")
    assert names(ana, tag=tag) == found


def test_a_tag_that_was_taken_off_is_gone(ana: Person) -> None:
    create(ana, phone=PHONE, name="a", tags="vip, x")
    assert ana.post("remove-tag", {"phone": PHONE, "tag": "vip"}).status_code == 200
    assert names(ana, tag="vip") == []
    assert ana.post("update-contact", {"phone": PHONE, "tags": "vip"}).status_code == 200
    assert (names(ana, tag="vip"), names(ana, tag="x")) == (["a"], [])


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("email", "found"),
    [
        ("romain@example.com", ["a", "b"]),
        (" ROMAIN@EXAMPLE.COM ", ["a", "b"]),
        ("ДАША@example.com", ["c"]),
        ("straße@example.com", ["d"]),
        ("strasse@example.com", []),
        ("romain@example.co", []),
        ("omain@example.com", []),
        ("r_main@example.com", []),
        ("%@example.com", []),
    ],
)
def test_email_is_exact_without_case(ana: Person, email: str, found: list[str]) -> None:
    create(ana, phone="+14155550101", name="a", email="romain@example.com")
    create(ana, phone="+14155550102", name="b", email="Romain@Example.com")
    create(ana, phone="+14155550103", name="c", email="даша@example.com")
    create(ana, phone="+14155550104", name="d", email="straße@example.com")
    create(ana, phone="+14155550105", name="e")
    assert names(ana, email=email) == found


def test_filters_combine_with_and(ana: Person) -> None:
    people = {
        f"{name} {number}": (name, tag, email)
        for number, (name, tag, email) in enumerate(
            product(("Romain", "Zoë"), ("vip", "old"), ("a@example.com", "b@example.com"))
        )
    }
    for number, (name, (_, tag, email)) in enumerate(people.items()):
        create(ana, phone=f"+1415555{number:04}", name=name, tags=tag, email=email)
    for query, tag, email in product((None, "zoë"), (None, "vip"), (None, "B@example.com")):
        expected = [
            whole
            for whole, (name, has, known) in people.items()
            if query in (None, name.lower())
            and tag in (None, has)
            and (email is None or known == email.lower())
        ]
        assert names(ana, query=query, tag=tag, email=email) == sorted(expected)


@pytest.mark.parametrize("blank", [None, "", "  ", "\t\n", "\u00a0"])
def test_blank_is_no_filter(ana: Person, blank: object) -> None:
    """Reference C9."""
    create(ana, phone="+14155550101", name="a", tags="vip", email="a@example.com")
    create(ana, phone="+14155550102", name="b")
    assert names(ana, query=blank, tag=blank, email=blank) == ["a", "b"]
    assert names(ana, query="a", tag=blank, email=blank) == ["a"]
    assert names(ana, query=blank, tag="vip", email=blank) == ["a"]
    assert names(ana, query=blank, tag=blank, email="a@example.com") == ["a"]


@pytest.mark.row("L3", "R9")
@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"query": "q" * 257}, ["query"]),
        ({"query": "👍" * 257}, ["query"]),
        ({"query": 1}, ["query"]),
        ({"query": True}, ["query"]),
        ({"query": ["a"]}, ["query"]),
        ({"query": {}}, ["query"]),
        ({"query": "two\nlines"}, ["query"]),
        ({"query": "a\u0000b"}, ["query"]),
        ({"query": "a\x1bb"}, ["query"]),
        ({"query": "a\uffffb"}, ["query"]),
        ({"tag": "a,b"}, ["tag"]),
        ({"tag": "t" * 256}, ["tag"]),
        ({"tag": ["vip"]}, ["tag"]),
        ({"tag": 1}, ["tag"]),
        ({"tag": "a\u0000b"}, ["tag"]),
        ({"email": "nope"}, ["email"]),
        ({"email": "a@b@example.com"}, ["email"]),
        ({"email": "@example.com"}, ["email"]),
        ({"email": f"a@{'b' * 250}.com"}, ["email"]),
        ({"email": 1}, ["email"]),
        ({"email": []}, ["email"]),
        ({"query": "q" * 257, "tag": "a,b", "email": "nope"}, ["query", "tag", "email"]),
    ],
)
def test_invalid(ana: Person, given: dict[str, object], fields: list[str]) -> None:
    assert_invalid(ana.post("search-contacts", given), *fields)


@pytest.mark.row("L3")
@pytest.mark.parametrize("character", ["q", "é", "ß", "👍", "ﬃ", "ΐ"])
def test_256_characters_are_a_query(ana: Person, character: str) -> None:
    """Some of them fold to three."""
    create_named(ana, character * 256, character * 255)
    assert names(ana, query=character * 256) == [character * 256]
    assert names(ana, query=f" {character * 256} ") == [character * 256]
    assert_invalid(ana.post("search-contacts", {"query": character * 257}), "query")


def test_always_sees_the_last_write(ana: Person) -> None:
    """A search at once after each answer, whatever it was that was written."""
    for number in range(25):
        first, second = f"First {number:02} É", f"Second {number:02} Ж"
        given = {"phone": PHONE, "name": first, "tags": f"t{number}", "email": f"{number}@e.com"}
        saved = create(ana, **given)
        for asked in ({"query": first.lower()}, {"tag": f"t{number}"}, {"query": f"{number}@e.c"}):
            assert [one["id"] for one in search(ana, **asked)] == [saved["id"]], asked
        update = {"phone": PHONE, "name": second, "tags": "", "email": ""}
        assert ana.post("update-contact", update).status_code == 200
        assert search(ana, query=first) == search(ana, tag=f"t{number}") == []
        assert search(ana, email=f"{number}@e.com") == []
        [found] = search(ana, query=second.lower())
        assert (found["name"], found["email"], found["tags"]) == (second, None, [])
        assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
        assert search(ana, query=second) == search(ana) == []


async def test_a_workspace_too_large_to_look_through(bed: Bed, ana: Person) -> None:
    """The index names who may match, also what was written a moment ago."""
    tenant_id = ana.user.tenant_id
    assert tenant_id is not None
    many = [
        msgspec.structs.replace(
            bare_contact(f"0198f2a4-6d3e-7c51-9b0a-{number:012x}", at=EPOCH),
            phone=Phone(f"+1415{number:07}"),
            name=f"Nº {number:05} {'Zébra' if number % 1_000 == 0 else 'Кот'}",
            source="csv_import",
            last_message_at=EPOCH + timedelta(seconds=number),
            total_messages=1,
        )
        for number in range(WALK_ROWS + 100)
    ]
    zebras = [one.name for one in many if one.name and "Z" in one.name]
    try:
        await bed.runner.database.write(lambda tx: bulk.add(tx, tenant_id=tenant_id, contacts=many))
        for query in ("zébra", "ÉB", "z", "ra", "000 zébra"):
            assert names(ana, query=query) == zebras, query
        assert names(ana, query="nº 00007") == ["Nº 00007 Кот"]
        assert len(search(ana, query="кот")) == len(search(ana, query="т")) == 50
        assert search(ana, query="ж") == search(ana, query="zebra") == []
        for query in ('"zé', "zé*", "zé OR", "%zé", "text:z", "z^"):
            assert search(ana, query=query) == [], query
        create(ana, phone=PHONE, name="Zébrette")
        assert names(ana, query="zébr") == [*zebras, "Zébrette"]
        ana.post("update-contact", {"phone": PHONE, "name": "Gnou"})
        assert (names(ana, query="zébr"), names(ana, query="gn")) == (zebras, ["Gnou"])
        ana.post("delete-contact", {"phone": PHONE})
        assert search(ana, query="gnou") == search(ana, query="gn") == []
    finally:  # other tests read all there is
        await bed.runner.database.write(lambda tx: _remove(tx, tenant_id, many))
    assert search(ana, query="zébra") == []


async def _remove(tx: Tx, tenant_id: int, known: list[Contact]) -> None:
    for contact in known:
        stored = await contacts.by_id(tx, tenant_id=tenant_id, uuid=contact.id)
        assert stored is not None
        await contacts.remove(tx, tenant_id=tenant_id, contact=stored)


@pytest.mark.row("T1.1")
async def test_nobody_of_another_workspace(bed: Bed, ana: Person, mallory: Person) -> None:
    given = {"phone": PHONE, "name": "Romain", "email": "r@example.com", "tags": "vip"}
    theirs = create(ana, **given)
    create(ana, phone="+14155550124", name="Only Ana's", tags="secret")
    assert search(mallory) == []
    filters = [
        {}, {"query": "romain"}, {"query": "r"}, {"tag": "vip"}, {"tag": "secret"},
        {"email": "r@example.com"}, {"query": PHONE}, {"query": theirs["id"]}, {"query": "%"},
    ]  # fmt: skip
    assert ana.workspace is not None
    forged = {"tenant_id": ana.user.tenant_id, "workspace": ana.workspace.id}
    for one in filters:
        assert search(mallory, **one, **forged) == []
    hers = create(mallory, **given)
    for one in filters:
        found = [contact["id"] for contact in search(mallory, **one, **forged)]
        assert found in ([hers["id"]], [])
        assert hers["id"] not in [contact["id"] for contact in search(ana, **one)]
    await bed.change(
        "UPDATE contacts SET last_message_at = 1 WHERE tenant_id = :t", t=mallory.user.tenant_id
    )
    assert [one["id"] for one in search(ana, query="romain")] == [theirs["id"]]


async def test_searching_changes_nothing(bed: Bed, ana: Person) -> None:
    create_named(ana, "Romain")
    before = await bed.digest()
    search(ana, query="romain", tag="unknown")
    search(ana, query="omai")
    ana.post("search-contacts", {"email": "nope"})
    assert await bed.digest() == before


def test_the_short_address_is_the_same(ana: Person) -> None:
    create_named(ana, "Romain")
    answer: httpx.Response = ana.http.post(
        f"{ana.url}/v1/actions/search-contacts", json={"query": "romain"}, headers=ana.headers
    )
    assert answer.json() == search(ana, query="romain") != []


def test_no_token(bed: Bed) -> None:
    answer = bed.nobody.post("search-contacts", {"query": "a"})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_scopes(bed: Bed, ana: Person, ben: Person) -> None:
    """A POST, yet it needs `read` only."""
    create_named(ana, "Romain")
    assert search(ben, query="romain") == search(ana, query="romain") != []
    nothing = await bed.person(ben.user, ben.workspace, scope="read")
    await bed.change("UPDATE tokens SET scopes = '' WHERE id = :id", id=nothing.token_id)
    answer = nothing.post("search-contacts", {"query": "a"})
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
