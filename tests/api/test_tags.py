"""POST /api/v1/actions/add-tag, remove-tag and list-tags (reference sections 12 and 13)."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from ulid import ULID

from tests.api.refusals import (
    FORBIDDEN,
    INVALID,
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
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
LONG_AGO_US = 1_000_000

NO_TAGS = [
    None, "", " ", "\u00a0", "\t\n", "a,b", ",", " , ", "t" * 256, "é" * 256, "a\nb", "a\u0000b",
    "\u001b[31m", "\u007f", "a\u0085b", "\u001f", "\ufdd0", "\uffff", 0, 1, 1.5, True, False, [],
    ["vip"], {}, {"name": "vip"},
]  # fmt: skip
ODD_TAGS = [
    "t" * 255, "é" * 255, "👍" * 255, "a b", "a  b", "%", "_", "\\", "'", '"', ";", "null", "[]",
    "'; DROP TABLE tags; --", ":tenant_id", "$1", "?", "{0}", "</script>", "e\u0301",
    "\u202ex\u202c", "İ", "ß", "0",
]  # fmt: skip
each_action = pytest.mark.parametrize("action", ["add-tag", "remove-tag"])


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    """The documents' example contact, as create-contact answered."""
    saved: dict[str, Any] = ana.create_contact(phone=PHONE, name="Romain", tags="fr-FR").json()
    return saved


def add(client: Any, **given: object) -> httpx.Response:
    return client.post("add-tag", given)


def remove(client: Any, **given: object) -> httpx.Response:
    return client.post("remove-tag", given)


def listed(client: Any, **given: object) -> list[dict[str, Any]]:
    answer = client.post("list-tags", given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(client: Any, **given: object) -> list[str]:
    return [tag["name"] for tag in listed(client, **given)]


def counts(client: Any) -> dict[str, int]:
    return {tag["name"]: tag["contacts_count"] for tag in listed(client)}


async def rows_of_tags(bed: Bed, contact_id: str) -> list[str]:
    [(row_id,)] = await bed.rows("SELECT id FROM contacts WHERE uuid = :id", id=contact_id)
    return await bed.read(lambda tx: tag_rows(tx, row_id))


# What is put on and taken off


def test_documented_answers(ana: Person, romain: dict[str, Any]) -> None:
    answer = add(ana, phone="+1 (415) 555-0123", tag="vip-2026")
    assert answer.status_code == 200, answer.text
    assert list(answer.json().items()) == [
        ("id", romain["id"]),
        ("phone", PHONE),
        ("tag_added", "vip-2026"),
        ("tags", ["vip-2026", "fr-FR"]),
    ]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == ana.get_contact(phone=PHONE).headers["etag"]
    answer = remove(ana, contact_id=romain["id"], tag="vip-2026")
    assert answer.status_code == 200, answer.text
    assert list(answer.json().items()) == [
        ("id", romain["id"]),
        ("phone", PHONE),
        ("tag_removed", "vip-2026"),
        ("tags", ["fr-FR"]),
    ]
    assert answer.headers["etag"] == ana.get_contact(phone=PHONE).headers["etag"]


async def test_newest_first_and_the_rows_are_what_is_shown(bed: Bed, ana: Person) -> None:
    saved = ana.create_contact(phone=PHONE, tags="a, b").json()
    for step, tag, expected in (
        (add, "c", ["c", "a", "b"]),
        (add, "d", ["d", "c", "a", "b"]),
        (add, "a", ["d", "c", "a", "b"]),
        (remove, "c", ["d", "a", "b"]),
        (remove, "d", ["a", "b"]),
        (add, "c", ["c", "a", "b"]),
        (remove, "b", ["c", "a"]),
        (remove, "a", ["c"]),
        (remove, "c", []),
        (add, "b", ["b"]),
    ):
        assert step(ana, phone=PHONE, tag=tag).json()["tags"] == expected
        assert ana.get_contact(phone=PHONE).json()["tags"] == expected
        assert await rows_of_tags(bed, saved["id"]) == expected


async def test_one_order_whichever_operation_tags(bed: Bed, ana: Person) -> None:
    """New ones stand above, in the order given; update-contact gives the order of all."""
    saved = ana.create_contact(phone=PHONE, tags="a, b").json()
    for action, given, expected in (
        ("add-tag", {"tag": "c"}, "c a b"),
        ("create-contact", {"tags": "e, a, f"}, "e f c a b"),
        ("update-contact", {"tags": ["b", "g", "a", "h"]}, "b g a h"),
        ("find-or-create-contact", {"tags": "i, h, j", "on_conflict": "update"}, "i j b g a h"),
        ("add-tag", {"tag": "c"}, "c i j b g a h"),
        ("update-contact", {"tags": "h, a, g, b, j, i, c"}, "h a g b j i c"),
        ("update-contact", {"tags": "a, i"}, "a i"),
        ("create-contact", {"tags": "a, i"}, "a i"),
        ("update-contact", {"tags": "i, a"}, "i a"),
        ("add-tag", {"tag": "b"}, "b i a"),
        ("remove-tag", {"tag": "b"}, "i a"),
        ("create-contact", {"tags": "z, y, x, w"}, "z y x w i a"),
        ("update-contact", {"tags": ""}, ""),
        ("create-contact", {"tags": "c, b, a"}, "c b a"),
        ("add-tag", {"tag": "d"}, "d c b a"),
    ):
        answer = ana.post(action, {"phone": PHONE, **given})
        assert answer.is_success, answer.text
        assert answer.json()["tags"] == expected.split()
        assert await rows_of_tags(bed, saved["id"]) == expected.split()
        expanded = ana.get_contact(phone=PHONE, expand=["tags"]).json()["tags"]
        assert [tag["name"] for tag in expanded] == expected.split()


def test_nothing_else_of_the_contact_changes(ana: Person) -> None:
    given = {"name": "Romain", "email": "r@example.com", "metadata": {"a": 1}}
    ana.create_contact(phone=PHONE, tags="a", **given)
    ana.create_contact(phone=OTHER_PHONE, tags="a")
    whole = [ana.get_contact(phone=phone).json() for phone in (PHONE, OTHER_PHONE)]
    add(ana, phone=PHONE, tag="b", name="X", email="", tags="x", metadata={"a": 2}, source="csv")
    assert ana.get_contact(phone=PHONE).json() == {**whole[0], "tags": ["b", "a"]}
    remove(ana, phone=PHONE, tag="b", name="X", email="", tags="", metadata={"a": 2}, locale="fr")
    assert [ana.get_contact(phone=phone).json() for phone in (PHONE, OTHER_PHONE)] == whole


async def test_a_change_moves_updated_at(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    for action in (add, remove):
        await bed.change(
            "UPDATE contacts SET updated_at = :at WHERE uuid = :id", at=LONG_AGO_US, id=romain["id"]
        )
        assert action(ana, phone=PHONE, tag="new").status_code == 200
        answer = ana.post("update-contact", {"phone": PHONE})
        assert answer.json()["updated_at"] > "1970-01-01T00:00:01+00:00"


async def test_adding_again_writes_nothing(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    first = add(ana, phone=PHONE, tag="vip")
    before = await bed.digest()
    for tag in ("vip", "  vip\n", "\u00a0vip\u3000"):
        again = add(ana, contact_id=romain["id"], tag=tag)
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["etag"] == first.headers["etag"]
    assert await bed.digest() == before


async def test_removing_what_is_not_carried_writes_nothing(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    ana.create_contact(phone=OTHER_PHONE, tags="carried by another")
    etag = ana.get_contact(phone=PHONE).headers["etag"]
    before = await bed.digest()
    for tag in ("unknown", "carried by another", "fr-fr", "FR-FR", "fr", "%"):
        answer = remove(ana, phone=PHONE, tag=tag)
        assert answer.status_code == 200
        assert list(answer.json().items()) == [
            ("id", romain["id"]),
            ("phone", PHONE),
            ("tag_removed", tag),
            ("tags", ["fr-FR"]),
        ]
        assert answer.headers["etag"] == etag
    assert await bed.digest() == before
    assert "unknown" not in names(ana), "asking for a tag does not make it"


async def test_removing_again_writes_nothing(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    first = remove(ana, phone=PHONE, tag="fr-FR")
    assert first.json()["tags"] == []
    before = await bed.digest()
    again = remove(ana, phone=PHONE, tag="fr-FR")
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert await bed.digest() == before


@pytest.mark.row("T9.1", "L3")
def test_a_tag_is_only_text(ana: Person, romain: dict[str, Any]) -> None:
    ana.create_contact(phone=OTHER_PHONE, tags="other")
    for tag in ODD_TAGS:
        added = add(ana, phone=PHONE, tag=f" {tag} ")
        assert added.status_code == 200, (tag, added.text)
        assert (added.json()["tag_added"], added.json()["tags"]) == (tag, [tag, "fr-FR"])
        removed = remove(ana, phone=PHONE, tag=f"{tag}\n")
        assert (removed.json()["tag_removed"], removed.json()["tags"]) == (tag, ["fr-FR"])
    assert ana.get_contact(phone=OTHER_PHONE).json()["tags"] == ["other"]


def test_case_counts(ana: Person, romain: dict[str, Any]) -> None:
    for tag, expected in (
        ("vip", ["vip", "fr-FR"]),
        ("VIP", ["VIP", "vip", "fr-FR"]),
        ("é", ["é", "VIP", "vip", "fr-FR"]),
        ("e\u0301", ["e\u0301", "é", "VIP", "vip", "fr-FR"]),
    ):
        assert add(ana, phone=PHONE, tag=tag).json()["tags"] == expected
    assert remove(ana, phone=PHONE, tag="VIP").json()["tags"] == ["e\u0301", "é", "vip", "fr-FR"]


@pytest.mark.row("X5", "L3", "R9")
@each_action
async def test_no_tag(bed: Bed, ana: Person, romain: dict[str, Any], action: str) -> None:
    before = await bed.digest()
    for tag in NO_TAGS:
        assert_invalid(ana.post(action, {"phone": PHONE, "tag": tag}), "tag")
    answer = ana.post(action, {"phone": PHONE, "tags": "vip"})
    assert answer.json() == {
        "message": INVALID,
        "errors": {"tag": ["The tag field is required."]},
    }
    assert_neither(ana.post(action, {}), "tag")
    assert_invalid(
        ana.post(action, {"contact_id": "x", "phone": "x", "tag": ","}),
        "contact_id",
        "phone",
        "tag",
    )
    assert await bed.digest() == before


@pytest.mark.row("L3", "R9")
async def test_a_contact_carries_at_most_1000(bed: Bed, ana: Person) -> None:
    ana.create_contact(phone=PHONE, tags=[f"t{number}" for number in range(999)])
    assert len(add(ana, phone=PHONE, tag="the last").json()["tags"]) == 1_000
    before = await bed.digest()
    refused = add(ana, phone=PHONE, tag="one more")
    assert_invalid(refused, "tag")
    assert refused.json()["errors"]["tag"] == [
        "The contact carries 1000 tags already; remove one first."
    ]
    assert add(ana, phone=PHONE, tag="the last").status_code == 200
    assert await bed.digest() == before
    remove(ana, phone=PHONE, tag="t0")
    assert add(ana, phone=PHONE, tag="one more").json()["tags"][:2] == ["one more", "the last"]


@pytest.mark.row("T16.1", "X13")
@each_action
def test_found_in_any_spelling(ana: Person, romain: dict[str, Any], action: str) -> None:
    uuid, ulid = romain["id"], str(ULID.from_uuid(UUID(romain["id"])))
    for key in (
        {"phone": PHONE},
        {"phone": 14155550123},
        {"phone": "00 1 415 555 01 23"},
        {"phone": "tel:+1-415-555-0123"},
        {"phone": "+١٤١٥٥٥٥٠١٢٣"},
        {"contact_id": f" {uuid.upper()}\n"},
        {"contact_id": ulid},
        {"contact_id": ulid.lower()},
        {"contact_id": uuid, "phone": "+1 (415) 555-0123"},
        {"contact_id": "", "phone": PHONE},
        {"contact_id": uuid, "phone": None},
    ):
        answer = ana.post(action, {**key, "tag": "vip"})
        assert answer.status_code == 200, (key, answer.text)
        assert (answer.json()["id"], answer.json()["phone"]) == (romain["id"], PHONE)


@each_action
async def test_not_there_and_never_made(
    bed: Bed, ana: Person, romain: dict[str, Any], action: str
) -> None:
    before = await bed.digest()
    keys: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"contact_id": UNKNOWN_ID}, NOT_FOUND),
        ({"phone": UNKNOWN_PHONE}, NOT_FOUND),
        ({"contact_id": UNKNOWN_ID, "phone": PHONE}, NO_SUCH_ID),
        ({"contact_id": romain["id"], "phone": UNKNOWN_PHONE}, NO_SUCH_PHONE),
    ]
    for key, told in keys:
        for tag in ("fr-FR", "new"):
            answer = ana.post(action, {**key, "tag": tag})
            assert (answer.status_code, answer.json()) == (404, told), key
    assert await bed.digest() == before


@each_action
async def test_both_of_two_contacts(
    bed: Bed, ana: Person, romain: dict[str, Any], action: str
) -> None:
    ana.create_contact(phone=OTHER_PHONE, tags="fr-FR")
    before = await bed.digest()
    given = {"contact_id": romain["id"], "phone": OTHER_PHONE}
    for tag in ("fr-FR", "new"):
        assert_invalid(ana.post(action, {**given, "tag": tag}), "contact_id", "phone")
    assert await bed.digest() == before


@each_action
async def test_neither_identifier(
    bed: Bed, ana: Person, romain: dict[str, Any], action: str
) -> None:
    before = await bed.digest()
    for key in ({}, {"phone": " ", "contact_id": None}, {"id": romain["id"], "email": "r@x.io"}):
        assert_neither(ana.post(action, {**key, "tag": "fr-FR"}))
    assert await bed.digest() == before


@each_action
async def test_no_token(bed: Bed, romain: dict[str, Any], action: str) -> None:
    before = await bed.digest()
    answer = bed.nobody.post(action, {"phone": PHONE, "tag": "fr-FR"})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert await bed.digest() == before


@each_action
async def test_wrong_scope(bed: Bed, ben: Person, romain: dict[str, Any], action: str) -> None:
    before = await bed.digest()
    for tag in ("fr-FR", "new"):
        answer = ben.post(action, {"phone": PHONE, "tag": tag})
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
@each_action
async def test_mallory_finds_nobody(
    bed: Bed, mallory: Person, romain: dict[str, Any], action: str
) -> None:
    mine = mallory.create_contact(phone=OTHER_PHONE, tags="fr-FR").json()
    before = await bed.digest()
    keys: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"contact_id": romain["id"]}, NOT_FOUND),
        ({"phone": PHONE}, NOT_FOUND),
        ({"contact_id": mine["id"], "phone": PHONE}, NO_SUCH_PHONE),
        ({"contact_id": romain["id"], "phone": OTHER_PHONE}, NO_SUCH_ID),
    ]
    for key, told in keys:
        answer = mallory.post(action, {**key, "tag": "fr-FR"})
        assert (answer.status_code, answer.json()) == (404, told)
    assert await bed.digest() == before


# What is listed


def test_documented_list(ana: Person) -> None:
    assert listed(ana) == []
    ana.create_contact(phone=PHONE, tags="vip, fr-FR")
    ana.create_contact(phone=OTHER_PHONE, tags="vip")
    answer = ana.post("list-tags", {})
    assert answer.headers["content-type"] == "application/json"
    tags = answer.json()
    assert [list(tag.items()) for tag in tags] == [
        [
            ("id", tag["id"]),
            ("name", name),
            ("contacts_count", count),
            ("created_at", tag["created_at"]),
        ]
        for tag, (name, count) in zip(tags, [("fr-FR", 1), ("vip", 2)], strict=True)
    ]
    for tag in tags:
        assert str(UUID(tag["id"])) == tag["id"]
        assert TIME.fullmatch(tag["created_at"])
    assert len({tag["id"] for tag in tags}) == 2


@pytest.mark.row("T16.2")
def test_sorted_by_name_without_case(ana: Person) -> None:
    """In any alphabet; of names that differ in case only, the one made first."""
    ana.create_contact(
        phone=PHONE,
        tags=["b", "Ä", "B", "_", "я", "a", "Z", "ä", "A", "10", "Я", "2", "ß", "ss", "Ω", "ω"],
    )
    assert names(ana) == [
        "10", "2", "_", "a", "A", "b", "B", "ß", "ss", "Z", "Ä", "ä", "Ω", "ω", "я", "Я",
    ]  # fmt: skip


@pytest.mark.row("T16.2", "T9.1")
def test_filter_is_a_substring_without_case(ana: Person) -> None:
    tags = [
        "VIP-2026", "vip", "Straße", "STRASSE", "Ärger", "ärgern", "ДАША", "даша", "Ελλάς",
        "İstanbul", "100%", "100 percent", "a_b", "axb", "back\\slash", "it's", '"quoted"', "a*b",
        "[x]", "e\u0301",
    ]  # fmt: skip
    ana.create_contact(phone=PHONE, tags=tags)
    for wanted, found in (
        ("vip", ["vip", "VIP-2026"]),
        (" ViP ", ["vip", "VIP-2026"]),
        ("ip-2", ["VIP-2026"]),
        ("strasse", ["Straße", "STRASSE"]),
        ("straße", ["Straße", "STRASSE"]),
        ("ẞE", ["Straße", "STRASSE"]),
        ("ÄRGER", ["Ärger", "ärgern"]),
        ("аш", ["ДАША", "даша"]),
        ("ΕΛΛΆΣ", ["Ελλάς"]),
        ("istan", ["İstanbul"]),
        ("İSTAN", ["İstanbul"]),
        ("%", ["100%"]),
        ("100%", ["100%"]),
        ("_", ["a_b"]),
        ("a_b", ["a_b"]),
        ("\\", ["back\\slash"]),
        ("'", ["it's"]),
        ('"', ['"quoted"']),
        ("*", ["a*b"]),
        ("[x", ["[x]"]),
        ("e\u0301", ["e\u0301"]),
        ("é", ["e\u0301"]),
        ("nobody carries this", []),
        ("vip%", []),
        ("' OR '1'='1", []),
        (":tenant_id", []),
        ("x" * 256, []),
    ):
        assert names(ana, name=wanted) == found, wanted
    for none in ("", " ", "\u00a0", None):
        assert len(names(ana, name=none)) == len(tags), "a blank is no filter"
    assert len(names(ana, query="vip", tag="vip", tenant_id=1, limit=1)) == len(tags)


async def test_filter_that_cannot_be_used(bed: Bed, ana: Person) -> None:
    before = await bed.digest()
    for name in ("x" * 257, "a\u0000b", "a\nb", "\u007f", "\uffff", 1, True, [], ["vip"], {}):
        assert_invalid(ana.post("list-tags", {"name": name}), "name")
    assert await bed.digest() == before


def test_counts_follow_every_change(ana: Person) -> None:
    one, two = {"phone": PHONE}, {"phone": OTHER_PHONE}
    for action, given, expected in (
        ("create-contact", {**one, "tags": "a, b"}, {"a": 1, "b": 1}),
        ("create-contact", {**two, "tags": "b, c"}, {"a": 1, "b": 2, "c": 1}),
        ("create-contact", {**two, "tags": "b, c"}, {"a": 1, "b": 2, "c": 1}),
        ("create-contact", {**two, "tags": "a"}, {"a": 2, "b": 2, "c": 1}),
        ("add-tag", {**one, "tag": "c"}, {"a": 2, "b": 2, "c": 2}),
        ("add-tag", {**one, "tag": "c"}, {"a": 2, "b": 2, "c": 2}),
        ("remove-tag", {**one, "tag": "a"}, {"a": 1, "b": 2, "c": 2}),
        ("remove-tag", {**one, "tag": "a"}, {"a": 1, "b": 2, "c": 2}),
        ("remove-tag", {**two, "tag": "a"}, {"a": 0, "b": 2, "c": 2}),
        ("update-contact", {**one, "tags": "d, c"}, {"a": 0, "b": 1, "c": 2, "d": 1}),
        ("update-contact", {**one, "tags": "c, d"}, {"a": 0, "b": 1, "c": 2, "d": 1}),
        ("update-contact", {**one, "tags": ""}, {"a": 0, "b": 1, "c": 1, "d": 0}),
        ("find-or-create-contact", {**one, "tags": "e"}, {"a": 0, "b": 1, "c": 1, "d": 0}),
        (
            "find-or-create-contact",
            {**one, "tags": "c", "on_conflict": "update"},
            {"a": 0, "b": 1, "c": 2, "d": 0},
        ),
        ("delete-contact", two, {"a": 0, "b": 0, "c": 1, "d": 0}),
        ("delete-contact", one, {"a": 0, "b": 0, "c": 0, "d": 0}),
    ):
        assert ana.post(action, given).is_success, (action, given)
        assert counts(ana) == expected, (action, given)


def test_a_tag_keeps_its_id_whoever_carries_it(ana: Person) -> None:
    ana.create_contact(phone=PHONE, tags="vip")
    first = listed(ana)
    ana.create_contact(phone=OTHER_PHONE)
    add(ana, phone=OTHER_PHONE, tag="vip")
    for phone in (PHONE, OTHER_PHONE):
        remove(ana, phone=phone, tag="vip")
    assert listed(ana) == [{**first[0], "contacts_count": 0}], "the tag itself stays"
    add(ana, phone=PHONE, tag="vip")
    assert listed(ana) == first


@pytest.mark.row("L9", "R9")
def test_at_most_1000_are_listed(ana: Person) -> None:
    tags = [f"{number:04}" for number in range(1_001)]
    ana.create_contact(phone=PHONE, tags=tags[1:])
    ana.create_contact(phone=OTHER_PHONE, tags=[tags[0], "1000"])
    assert names(ana) == tags[:1_000]
    assert [(tag["name"], tag["contacts_count"]) for tag in listed(ana, name="1000")] == [
        ("1000", 2)
    ]


@pytest.mark.row("T1.1")
def test_tags_of_another_workspace_are_neither_counted_nor_shown(
    ana: Person, ben: Person, mallory: Person
) -> None:
    ana.create_contact(phone=PHONE, tags="vip, secret, shared")
    ana.create_contact(phone=OTHER_PHONE, tags="vip, shared")
    assert listed(mallory) == []
    assert listed(mallory, name="vip") == []
    mallory.create_contact(phone=PHONE, tags="shared, mine")
    assert counts(mallory) == {"mine": 1, "shared": 1}
    assert counts(ana) == {"secret": 1, "shared": 2, "vip": 2}
    assert listed(ben) == listed(ana), "the whole team sees the same"
    assert not {tag["id"] for tag in listed(ana)} & {tag["id"] for tag in listed(mallory)}
    remove(mallory, phone=PHONE, tag="shared")
    assert counts(mallory) == {"mine": 1, "shared": 0}
    assert counts(ana) == {"secret": 1, "shared": 2, "vip": 2}


async def test_listing_writes_nothing(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    before = await bed.digest()
    listed(ana)
    listed(ana, name="new")
    assert await bed.digest() == before


def test_no_token_lists_nothing(bed: Bed) -> None:
    answer = bed.nobody.post("list-tags", {})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_listing_needs_to_read(bed: Bed, ben: Person, romain: dict[str, Any]) -> None:
    assert names(ben) == ["fr-FR"]
    nothing = await bed.person(ben.user, ben.workspace, scope="read")
    await bed.change("UPDATE tokens SET scopes = '' WHERE id = :id", id=nothing.token_id)
    answer = nothing.post("list-tags", {})
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
