"""POST /api/v1/actions/list-contacts: everybody, page by page, and nobody twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ulid import ULID

from kith.domain.ids import CLOCK_SET_BACK
from kith.domain.times import MICROSECOND, from_us, to_us
from tests.api.refusals import FORBIDDEN, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person, id_of

PHONE = "+14155550123"
ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
MOMENT = datetime(2026, 5, 7, 8, 14, 23, 456_789, tzinfo=UTC)
SECOND = 1_000_000
SOURCES = ["manual", "csv_import", "shopify", "woocommerce", "widget", "zapier", "api"]
FIELDS = (
    "query", "tag", "email", "source", "opted_in", "created_after", "updated_after", "cursor",
    "limit",
)  # fmt: skip


def page(person: Person, **given: object) -> dict[str, Any]:
    answer = person.post("list-contacts", given)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    assert list(shown) == ["contacts", "next_cursor"]
    return shown


def walk(person: Person, **given: object) -> list[dict[str, Any]]:
    """All pages, one after another."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        shown = page(person, cursor=cursor, **given)
        found += shown["contacts"]
        if shown["next_cursor"] is None:
            return found
        assert shown["contacts"], "a cursor leads somewhere"
        assert shown["next_cursor"] != cursor, "and on"
        cursor = shown["next_cursor"]


def names(person: Person, **given: object) -> list[str | None]:
    return [one["name"] for one in walk(person, **given)]


def create(person: Person, **given: object) -> dict[str, Any]:
    answer = person.create_contact(**given)
    assert answer.status_code == 201, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


def create_many(person: Person, count: int) -> list[str]:
    """Their ids, oldest first; they are called by their number."""
    return [
        create(person, phone=f"+1415555{number:04}", name=f"{number}")["id"]
        for number in range(count)
    ]


async def set_columns(bed: Bed, contact_id: str, **columns: object) -> None:
    """Set up what no action can do yet."""
    listed = ", ".join(f"{name} = :{name}" for name in columns)
    await bed.change(f"UPDATE contacts SET {listed} WHERE uuid = :uuid", uuid=contact_id, **columns)


async def came(
    bed: Bed, contact_id: str, created_at: datetime, made_at: datetime | None = None
) -> str:
    """The contact as if it had come then; its new id, which was made then too or at `made_at`."""
    uuid = id_of(made_at or created_at)
    await bed.change(
        "UPDATE contacts SET uuid = :uuid, created_at = :at WHERE uuid = :was",
        uuid=uuid,
        at=to_us(created_at),
        was=contact_id,
    )
    return uuid


async def test_contacts_are_whole(bed: Bed, ana: Person) -> None:
    """The documents of get-contact, key by key."""
    saved = create(
        ana,
        phone=PHONE,
        name="Romain",
        email="r@example.com",
        tags="vip, fr-FR",
        metadata={"a": [1, {"b": None}]},
    )
    create(ana, phone="+14155550124")
    await set_columns(
        bed,
        saved["id"],
        opted_in_at=SECOND,
        opted_out_at=2 * SECOND,
        last_message_at=3 * SECOND,
        total_messages=27,
        locale="fr",
        source="shopify",
    )
    shown = page(ana)
    expected = [ana.get_contact(phone=phone).json() for phone in (PHONE, "+14155550124")]
    assert shown == {"contacts": expected, "next_cursor": None}
    assert [list(one.items()) for one in shown["contacts"]] == [
        list(one.items()) for one in expected
    ]


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"unknown": 1, "limit": null}'])
def test_nobody_is_one_empty_page(ana: Person, body: bytes) -> None:
    answer = ana.post("list-contacts", body)
    assert (answer.status_code, answer.json()) == (200, {"contacts": [], "next_cursor": None})


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 6, 7, 8, 500])
def test_pages_hold_everybody_once_oldest_first(ana: Person, limit: int) -> None:
    ids = create_many(ana, 7)
    assert [one["id"] for one in walk(ana, limit=limit)] == ids
    sizes, cursor = [], None
    while sizes == [] or cursor:
        shown = page(ana, limit=limit, cursor=cursor)
        sizes.append(len(shown["contacts"]))
        cursor = shown["next_cursor"]
    assert sizes == [limit] * (7 // limit) + [7 % limit] * (7 % limit > 0)


def test_a_page_that_is_just_full_is_the_last(ana: Person) -> None:
    ids = create_many(ana, 4)
    assert page(ana, limit=4)["next_cursor"] is None
    first = page(ana, limit=2)
    second = page(ana, limit=2, cursor=first["next_cursor"])
    assert [one["id"] for one in second["contacts"]] == ids[2:]
    assert second["next_cursor"] is None


async def test_the_id_alone_decides_the_order(bed: Bed, ana: Person) -> None:
    ids = create_many(ana, 6)
    for contact_id, at in zip(ids, (3, 1, 3, -1, 1, 1), strict=True):
        await set_columns(bed, contact_id, created_at=at * SECOND)
    for limit in (1, 2, 3, 100):
        assert [one["id"] for one in walk(ana, limit=limit)] == ids


async def test_of_one_millisecond_the_rest_of_the_id_decides(bed: Bed, ana: Person) -> None:
    ids = [await came(bed, contact_id, MOMENT) for contact_id in create_many(ana, 6)]
    assert len({one[:14] for one in ids}) == 1
    for limit in (1, 2, 3, 100):
        assert [one["id"] for one in walk(ana, limit=limit)] == sorted(ids)


@pytest.mark.row("L3", "R9")
def test_100_when_no_limit_is_given(ana: Person) -> None:
    create_many(ana, 101)
    shown = page(ana)
    assert len(shown["contacts"]) == 100
    assert len(page(ana, limit=None)["contacts"]) == 100
    assert [one["name"] for one in page(ana, cursor=shown["next_cursor"])["contacts"]] == ["100"]
    assert len(page(ana, limit=500)["contacts"]) == 101


@pytest.mark.row("L3", "R9")
@pytest.mark.parametrize(
    "limit", [0, -1, 501, 10**9, 2**63, 10**30, 1.5, "10", "all", True, [], {}]
)
def test_limits_that_are_none(ana: Person, limit: object) -> None:
    assert_invalid(ana.post("list-contacts", {"limit": limit}), "limit")


@pytest.mark.parametrize("limit", [1, 500])
def test_limits_that_are(ana: Person, limit: int) -> None:
    assert page(ana, limit=limit) == {"contacts": [], "next_cursor": None}


# Filters.


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"query": "ÉLO"}, ["Élodie"]),
        ({"query": "ß"}, ["STRASSE"]),
        ({"query": "ж"}, ["Жанна"]),
        ({"query": "%"}, []),
        ({"query": "55501"}, ["Élodie", "STRASSE", "Жанна"]),
        ({"query": "E@EXAMPLE"}, ["Élodie"]),
        ({"tag": "vip"}, ["Élodie", "Жанна"]),
        ({"tag": "VIP"}, ["STRASSE"]),
        ({"tag": "none"}, []),
        ({"email": "ELODIE@example.com"}, ["Élodie"]),
        ({"email": "lodie@example.com"}, []),
        ({"tag": "vip", "query": "о"}, []),
        ({"tag": "vip", "query": "а"}, ["Жанна"]),
        ({"tag": "vip", "query": "é", "email": "elodie@example.com"}, ["Élodie"]),
        ({"tag": "VIP", "query": "é", "email": "elodie@example.com"}, []),
    ],
)
def test_filters_of_search(ana: Person, given: dict[str, object], expected: list[str]) -> None:
    create(ana, phone="+14155550101", name="Élodie", tags="vip", email="elodie@example.com")
    create(ana, phone="+14155550102", name="STRASSE", tags="VIP")
    create(ana, phone="+14155550103", name="Жанна", tags="x, vip")
    for limit in (1, 100):
        assert names(ana, **given, limit=limit) == expected


async def test_source(bed: Bed, ana: Person) -> None:
    for contact_id, source in zip(create_many(ana, 7), SOURCES, strict=True):
        await set_columns(bed, contact_id, source=source)
    for number, source in enumerate(SOURCES):
        assert names(ana, source=source) == [f"{number}"]
        assert names(ana, source=f" {source} ", limit=1) == [f"{number}"]


async def test_opted_in(bed: Bed, ana: Person) -> None:
    """Who agreed and has not withdrawn since; at the same moment counts as withdrawn."""
    times = (None, 1, 2, 3)
    expected: dict[bool, list[str]] = {True: [], False: []}
    ids = create_many(ana, len(times) ** 2)
    for number, (opted_in_at, opted_out_at) in enumerate(product(times, times)):
        await set_columns(bed, ids[number], opted_in_at=opted_in_at, opted_out_at=opted_out_at)
        is_opted_in = opted_in_at is not None and (opted_out_at or 0) < opted_in_at
        expected[is_opted_in].append(f"{number}")
    assert len(expected[True]) == 6
    for opted_in in (True, False):
        for limit in (1, 4, 100):
            assert names(ana, opted_in=opted_in, limit=limit) == expected[opted_in]
    assert len(names(ana, opted_in=None)) == len(times) ** 2


@pytest.mark.parametrize("field", ["created_after", "updated_after"])
async def test_after_is_strictly_after(bed: Bed, ana: Person, field: str) -> None:
    column = field.replace("after", "at")
    for contact_id, at_us in zip(
        create_many(ana, 5), (10_000_000, 10_000_001, 10_500_000, 11_000_000, -1), strict=True
    ):
        await set_columns(bed, contact_id, **{column: at_us})
    for after, expected in [
        ("1970-01-01T00:00:09.999999Z", {"0", "1", "2", "3"}),
        ("1970-01-01T00:00:10Z", {"1", "2", "3"}),
        ("1970-01-01T00:00:10.000001+00:00", {"2", "3"}),
        ("1970-01-01T02:00:10.5+02:00", {"3"}),
        ("1969-12-31T23:30:11-00:30", set()),
        ("1969-12-31T23:59:59.999999Z", {"0", "1", "2", "3"}),
        ("1969-12-31T23:59:59Z", {"0", "1", "2", "3", "4"}),
        ("0001-01-01T00:00:00Z", {"0", "1", "2", "3", "4"}),
        ("9999-12-31T23:59:59.999999Z", set()),
        ("  1970-01-01T00:00:10.5Z\n", {"3"}),
        (" ", {"0", "1", "2", "3", "4"}),
    ]:
        for limit in (1, 2, 100):
            found = names(ana, **{field: after}, limit=limit)
            assert set(found) == expected, after
            assert len(found) == len(expected)


@pytest.mark.parametrize(
    "lag",
    [
        timedelta(0), timedelta(microseconds=300), timedelta(milliseconds=1), timedelta(days=400),
        timedelta(milliseconds=-1), -CLOCK_SET_BACK,
    ],
    ids=str,
)  # fmt: skip
async def test_created_after_asks_for_the_time_and_not_for_the_id(
    bed: Bed, ana: Person, lag: timedelta
) -> None:
    """However much later than its contact came an id was made, or a minute sooner."""
    times = [MOMENT + n * MICROSECOND for n in (0, -1, 1, 0, 1)]
    times += [MOMENT + n * timedelta(minutes=2) for n in (-1, 1)]
    there = {}
    for contact_id, at in zip(create_many(ana, len(times)), times, strict=True):
        there[await came(bed, contact_id, at, at + lag)] = at
    for after in (*times, MOMENT - timedelta(days=500), MOMENT + timedelta(days=500)):
        expected = sorted(one for one, at in there.items() if at > after)
        for limit in (1, 3, 100):
            given = {"created_after": after.isoformat(), "limit": limit}
            assert [one["id"] for one in walk(ana, **given)] == expected
            assert [one["id"] for one in walk(ana, **given, query="+1415")] == expected
        for cursor in there:
            shown = page(ana, created_after=after.isoformat(), cursor=cursor)["contacts"]
            assert [one["id"] for one in shown] == [one for one in expected if one > cursor]


async def test_who_came_since_the_last_visit(bed: Bed, ana: Person) -> None:
    """With the product's own clock and ids."""
    ids = create_many(ana, 4)
    saved = ana.get_contact(contact_id=ids[2]).json()
    assert set(ids[2:]) <= {one["id"] for one in walk(ana, created_after=saved["created_at"])}
    for number, contact_id in enumerate(ids):
        [(us,)] = await bed.rows("SELECT created_at FROM contacts WHERE uuid = :id", id=contact_id)
        at = from_us(us)
        found = [one["id"] for one in walk(ana, created_after=at.isoformat())]
        assert found == ids[number + 1 :]
        found = [one["id"] for one in walk(ana, created_after=(at - MICROSECOND).isoformat())]
        assert found == ids[number:]


def test_what_changed_since_the_last_visit(ana: Person) -> None:
    """Whole seconds are shown: what changed in the same one is met again, never missed."""
    create_many(ana, 3)
    update = ana.post("update-contact", {"phone": "+14155550001", "name": "changed"}).json()
    assert "changed" in names(ana, updated_after="1970-01-01T00:00:00Z")
    assert "changed" in names(ana, updated_after=update["updated_at"])
    assert names(ana, updated_after="9999-01-01T00:00:00Z") == []


async def test_filters_combine_with_and(bed: Bed, ana: Person) -> None:
    people = {}
    kinds = list(product(("Ana", "Ben"), ("vip", "old"), ("api", "shopify"), (1, None), (10, 20)))
    for number, (name, tag, source, opted_in_at, created_at) in enumerate(kinds):
        saved = create(ana, phone=f"+1415555{number:04}", name=name, tags=tag)
        people[saved["id"]] = kinds[number]
        await set_columns(
            bed,
            saved["id"],
            source=source,
            opted_in_at=opted_in_at,
            created_at=created_at * SECOND,
            updated_at=created_at * SECOND,
        )
    after = "1970-01-01T00:00:15Z"
    for query, tag, source, opted_in, created_after in product(
        (None, "an"), (None, "vip"), (None, "shopify"), (None, True, False), (None, after)
    ):
        expected = {
            contact_id
            for contact_id, (name, has, from_, opted_in_at, created_at) in people.items()
            if (query is None or query in name.lower())
            and tag in (None, has)
            and source in (None, from_)
            and opted_in in (None, opted_in_at is not None)
            and (created_after is None or created_at > 15)
        }
        given = {"query": query, "tag": tag, "source": source, "opted_in": opted_in}
        for times in ({"created_after": created_after}, {"updated_after": created_after}):
            found = [one["id"] for one in walk(ana, **given, **times, limit=5)]
            assert len(found) == len(set(found))
            assert set(found) == expected, (given, times)


@pytest.mark.parametrize("blank", [None, "", "  ", "\u00a0"])
def test_blank_is_no_filter(ana: Person, blank: object) -> None:
    """Reference C9."""
    create_many(ana, 2)
    assert page(ana, **dict.fromkeys(FIELDS, blank)) == page(ana)


ODD_TIMES = [
    "2026-05-07T08:14:23", "10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z", -1, 0, 1e20, "-1",
    "1e20", "2024-02-30", "2024-02-30T00:00:00Z", "24:00", "2026-05-07T24:00:00Z", "2026-05-07",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "yesterday",
    1_778_141_663, 1.5, True, [], {}, ["2026-05-07T08:14:23Z"],
]  # fmt: skip


@pytest.mark.row("X12")
@pytest.mark.parametrize("odd", ODD_TIMES)
@pytest.mark.parametrize("field", ["created_after", "updated_after"])
def test_odd_times(ana: Person, field: str, odd: object) -> None:
    assert_invalid(ana.post("list-contacts", {field: odd}), field)


@pytest.mark.row("L3", "R9")
@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"query": "q" * 257}, ["query"]),
        ({"query": 1}, ["query"]),
        ({"query": "two\nlines"}, ["query"]),
        ({"tag": "a,b"}, ["tag"]),
        ({"tag": ["vip"]}, ["tag"]),
        ({"email": "nope"}, ["email"]),
        ({"source": "API"}, ["source"]),
        ({"source": "facebook"}, ["source"]),
        ({"source": 1}, ["source"]),
        ({"source": ["api"]}, ["source"]),
        ({"opted_in": "true"}, ["opted_in"]),
        ({"opted_in": 1}, ["opted_in"]),
        ({"opted_in": []}, ["opted_in"]),
        (dict.fromkeys(FIELDS, 0), list(FIELDS)),
    ],
)
def test_invalid(ana: Person, given: dict[str, object], fields: list[str]) -> None:
    assert_invalid(ana.post("list-contacts", given), *fields)


# Cursors.


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "null", "=", "MQ==", "0", "A" * 64, "A" * 5_000, "é", "\u0000", "' OR 1=1 --",
        "g", "-" * 36, ID[:-1], f"{ID}0", f"{ID[:-1]}g", f"{ID[:-1]}\u0661", f"{ID[:18]} {ID[18:]}",
        ID.replace("-", ""), ID[:13], f"{{{ID}}}", f"{ID},{ID}", f"{ID}' OR 1=1 --", "8" + "0" * 25,
        1, 1.5, True, [], {}, ["x"],
    ],
)  # fmt: skip
def test_malformed_cursors(ana: Person, cursor: object) -> None:
    assert_invalid(ana.post("list-contacts", {"cursor": cursor}), "cursor")


async def test_a_cursor_is_a_place_even_when_its_contact_is_gone(bed: Bed, ana: Person) -> None:
    ids = create_many(ana, 6)
    cursor = page(ana, limit=3)["next_cursor"]
    for number in (2, 3):  # the last that was shown, and the next
        assert ana.post("delete-contact", {"contact_id": ids[number]}).status_code == 200
    assert [one["id"] for one in page(ana, cursor=cursor)["contacts"]] == ids[4:]
    for contact_id in ids[:2] + ids[4:]:
        ana.post("delete-contact", {"contact_id": contact_id})
    assert page(ana, cursor=cursor) == {"contacts": [], "next_cursor": None}
    create_many(ana, 1)
    assert names(ana) == ["0"]
    assert [one["name"] for one in page(ana, cursor=cursor)["contacts"]] == ["0"]


@pytest.mark.parametrize(
    ("made_up", "rest"),
    [
        (lambda _: "00000000-0000-0000-0000-000000000000", 3),
        (lambda _: "ffffffff-ffff-ffff-ffff-ffffffffffff", 0),
        (lambda _: "0" * 26, 3),
        (lambda _: "7" + "Z" * 25, 0),
        (lambda _: ID, 3),
        (lambda second: str(UUID(int=UUID(second).int - 1)), 2),
        (lambda second: str(UUID(int=UUID(second).int + 1)), 1),
    ],
)
def test_a_cursor_made_up(ana: Person, made_up: Callable[[str], str], rest: int) -> None:
    cursor = made_up(create_many(ana, 3)[1])
    assert len(page(ana, cursor=cursor)["contacts"]) == rest


@pytest.mark.row("T1.1")
async def test_a_cursor_of_another_workspace_is_only_a_place(
    bed: Bed, ana: Person, mallory: Person
) -> None:
    theirs, hers = create_many(ana, 4), create_many(mallory, 4)
    for number in range(4):
        at = MOMENT + 2 * number * timedelta(seconds=1)
        theirs[number] = await came(bed, theirs[number], at)
        hers[number] = await came(bed, hers[number], at + timedelta(seconds=1))
    cursor = page(ana, limit=2)["next_cursor"]
    since = {"created_after": "1970-01-01T00:00:00Z"}
    for filters in ({}, {"query": "1"}, {"query": "415"}, {"source": "api"}, since):
        found = [one["id"] for one in page(mallory, cursor=cursor, **filters)["contacts"]]
        assert set(found) <= set(hers[1:])
    assert [one["id"] for one in page(mallory, cursor=cursor)["contacts"]] == hers[1:]
    assert [one["id"] for one in page(ana, cursor=cursor)["contacts"]] == theirs[2:]


def test_a_cursor_goes_on_with_other_filters_and_limits(ana: Person) -> None:
    create_many(ana, 12)
    cursor = page(ana, limit=2)["next_cursor"]
    assert names(ana, query="+14155550", limit=3)[2:] == [f"{n}" for n in range(2, 12)]
    shown = page(ana, cursor=cursor, query="55500", limit=500)["contacts"]
    assert [one["name"] for one in shown] == [f"{n}" for n in range(2, 12)]


def test_a_cursor_is_the_id_of_the_last_contact_shown(ana: Person) -> None:
    """Any id is one then, in every spelling, and nothing personal is in it."""
    ids = create_many(ana, 5)
    assert page(ana, limit=2)["next_cursor"] == ids[1]
    rest = {"contacts": page(ana)["contacts"][2:], "next_cursor": None}
    ulid = str(ULID.from_uuid(UUID(ids[1])))
    for cursor in (ids[1], ids[1].upper(), f" {ids[1]}\n", ulid, ulid.lower()):
        assert page(ana, cursor=cursor) == rest


WRITES = st.lists(
    st.tuples(st.sampled_from(["create", "change", "delete"]), st.integers(0, 10**6)), max_size=3
)


@settings(max_examples=12)
@given(data=st.data())
async def test_whoever_stays_is_met_once_whatever_others_write(
    bed: Bed, data: st.DataObject
) -> None:
    """New ones may be met, changed ones keep their place, and nobody is met twice."""
    ana = await bed.owner("Ana")
    there = dict.fromkeys(create_many(ana, data.draw(st.integers(0, 12))))
    await bed.change(  # in another order than that of their ids
        "UPDATE contacts SET created_at = created_at % 1000 WHERE tenant_id = :t",
        t=ana.user.tenant_id,
    )
    deleted: set[str] = set()
    came: set[str] = set()
    met: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        shown = page(ana, limit=data.draw(st.integers(1, 5)), cursor=cursor)
        met += [one["id"] for one in shown["contacts"]]
        cursor, pages = shown["next_cursor"], pages + 1
        for kind, number in data.draw(WRITES) if pages < 12 else ():
            left = [one for one in (*there, *sorted(came)) if one not in deleted]
            if kind == "create":
                came.add(create(ana, phone=f"+1415666{len(came):04}", name="new")["id"])
            elif left and kind == "change":
                one = left[number % len(left)]
                update = {"contact_id": one, "name": f"changed {number}", "tags": f"t{number % 3}"}
                assert ana.post("update-contact", update).status_code == 200
            elif left:
                one = left[number % len(left)]
                assert ana.post("delete-contact", {"contact_id": one}).status_code == 200
                deleted.add(one)
    assert len(met) == len(set(met))
    assert set(there) - deleted <= set(met) <= set(there) | came
    assert met == sorted(met)
    left = [one for one in walk(ana) if one["id"] in there]
    assert [one["id"] for one in left] == [
        one for one in met if one in there and one not in deleted
    ]


# Who may.


@pytest.mark.row("T1.1")
def test_nobody_of_another_workspace(ana: Person, mallory: Person) -> None:
    create(ana, phone=PHONE, name="Romain", email="r@example.com", tags="vip")
    for filters in (
        {}, {"query": "romain"}, {"query": "r"}, {"tag": "vip"}, {"email": "r@example.com"},
        {"source": "api"}, {"opted_in": False}, {"updated_after": "1970-01-01T00:00:00Z"},
        {"tenant_id": ana.user.tenant_id}, {"workspace": "Ana's shop"},
    ):  # fmt: skip
        assert page(mallory, **filters) == {"contacts": [], "next_cursor": None}
    create(mallory, phone=PHONE, name="Hers", tags="vip")
    assert names(mallory) == names(mallory, tag="vip") == ["Hers"]
    assert names(ana) == names(ana, tag="vip") == ["Romain"]


async def test_listing_changes_nothing(bed: Bed, ana: Person) -> None:
    create_many(ana, 3)
    before = await bed.digest()
    walk(ana, limit=1)
    walk(ana, query="1", tag="unknown", opted_in=True)
    ana.post("list-contacts", {"limit": 0})
    assert await bed.digest() == before


def test_no_token(bed: Bed) -> None:
    answer = bed.nobody.post("list-contacts", {})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_scopes(bed: Bed, ana: Person, ben: Person) -> None:
    """A POST, yet it needs `read` only."""
    create_many(ana, 2)
    assert page(ben) == page(ana)
    assert len(page(ben)["contacts"]) == 2
    nothing = await bed.person(ben.user, ben.workspace, scope="read")
    await bed.change("UPDATE tokens SET scopes = '' WHERE id = :id", id=nothing.token_id)
    answer = nothing.post("list-contacts", {})
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
