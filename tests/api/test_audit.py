"""The audit log: every change once, with who, when and how it was; nobody rewrites it."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import apsw
import asyncpg
import pytest

from kith.actions.audit import PAGE_MAX
from kith.actions.run import new_id, utc_now
from kith.api.routes import ROUTES
from kith.domain.times import to_us
from kith.store import audit
from kith.store.database import Tx
from tests.api.refusals import FORBIDDEN, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

PHONE = "+14155550123"
EMAIL = "romain@example.com"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
ENTRY_KEYS = [
    "id", "at", "what", "contact_id", "user", "token_id", "connection_id", "before", "after",
]  # fmt: skip
ROMAIN: dict[str, Any] = {
    "phone": PHONE, "name": "Romain", "email": EMAIL, "tags": "vip, fr-FR",
    "metadata": {"a": 1, "b": {"x": 1, "y": 2}},
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "phone": PHONE, "name": "Romain", "email": EMAIL, "source": "api", "locale": None,
    "metadata": {"a": 1, "b": {"x": 1, "y": 2}}, "tags": ["vip", "fr-FR"],
    "opted_in_at": None, "opted_out_at": None,
}  # fmt: skip
"""What the log holds of ROMAIN when he is made: everything that people write of a contact."""


@pytest.fixture
async def ana(bed: Bed) -> Person:
    """Owns the workspace and may read its log."""
    return await bed.owner("Ana", scope="admin")


@pytest.fixture
async def mallory(bed: Bed) -> Person:
    """Owns another workspace and may read its log."""
    return await bed.owner("Mallory", scope="admin")


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    saved: dict[str, Any] = ana.create_contact(**ROMAIN).json()
    return saved


def listed(caller: Person, **given: object) -> dict[str, Any]:
    answer = caller.post("list-audit", given)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    assert list(page) == ["entries", "next_cursor"]
    return page


def entries(caller: Person, **given: object) -> list[dict[str, Any]]:
    page = listed(caller, **given)
    found: list[dict[str, Any]] = page["entries"]
    return found


def pages(caller: Person, **given: object) -> Iterator[list[dict[str, Any]]]:
    """Page after page until the last."""
    cursor = None
    while True:
        page = listed(caller, cursor=cursor, **given)
        yield page["entries"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


# What is written


Change = tuple[str, dict[str, Any], str, dict[str, Any] | None, dict[str, Any] | None]
NAME = {"kind": "external", "value": "shop:1"}
CHANGES: list[Change] = [
    # action, body, what, before, after
    ("create-contact", {"phone": "+14155550124"}, "contact.created", None,
     {**dict.fromkeys(WHOLE), "phone": "+14155550124", "source": "api", "metadata": {},
      "tags": []}),
    ("create-contact", {"name": "Rom", "tags": "b2b, vip", "metadata": {"a": 1, "c": None}},
     "contact.updated",
     {"name": "Romain", "metadata": {}, "tags": ["vip", "fr-FR"]},
     {"name": "Rom", "metadata": {"c": None}, "tags": ["b2b", "vip", "fr-FR"]}),
    ("find-or-create-contact", {"phone": "+1 415 555 0125", "name": "New", "tags": "x"},
     "contact.created", None,
     {**dict.fromkeys(WHOLE), "phone": "+14155550125", "name": "New", "source": "api",
      "metadata": {}, "tags": ["x"]}),
    ("find-or-create-contact", {"email": "rom@example.com", "on_conflict": "update"},
     "contact.updated", {"email": EMAIL}, {"email": "rom@example.com"}),
    ("update-contact", {"name": "", "email": "", "tags": ""}, "contact.updated",
     {"name": "Romain", "email": EMAIL, "tags": ["vip", "fr-FR"]},
     {"name": None, "email": None, "tags": []}),
    ("update-contact", {"name": "Romain", "email": EMAIL.upper(), "tags": "fr-FR, vip"},
     "contact.updated",
     {"email": EMAIL, "tags": ["vip", "fr-FR"]},
     {"email": EMAIL.upper(), "tags": ["fr-FR", "vip"]}),
    ("update-contact", {"metadata": {"a": 2, "b": {"x": 1, "y": 2}}}, "contact.updated",
     {"metadata": {"a": 1}}, {"metadata": {"a": 2}}),
    ("update-contact", {"metadata": {"b": {"x": 1}, "": [], "n": None}}, "contact.updated",
     {"metadata": {"b": {"x": 1, "y": 2}}},
     {"metadata": {"b": {"x": 1}, "": [], "n": None}}),
    ("update-contact", {"metadata": {"a": None}}, "contact.updated",
     {"metadata": {"a": 1}}, {"metadata": {"a": None}}),
    ("update-contact", {"metadata": {"a": True}}, "contact.updated",
     {"metadata": {"a": 1}}, {"metadata": {"a": True}}),
    ("update-contact", {"name": "Rom", "metadata": {"a": True, "b": {"x": True, "y": 2}}},
     "contact.updated",
     {"name": "Romain", "metadata": {"a": 1, "b": {"x": 1, "y": 2}}},
     {"name": "Rom", "metadata": {"a": True, "b": {"x": True, "y": 2}}}),
    ("add-tag", {"tag": "b2b"}, "contact.tagged",
     {"tags": ["vip", "fr-FR"]}, {"tags": ["b2b", "vip", "fr-FR"]}),
    ("remove-tag", {"tag": "vip"}, "contact.untagged",
     {"tags": ["vip", "fr-FR"]}, {"tags": ["fr-FR"]}),
    ("add-identity", NAME, "contact.identity_added", None, {"identity": NAME}),
    ("remove-identity", NAME, "contact.identity_removed", {"identity": NAME}, {}),
    ("set-consent", {"channel": "email", "purpose": "utility", "state": "withdrawn",
                     "source": "api", "method": "checkbox"}, "contact.consent_changed",
     {"consent": {"email utility": None}, "opted_in_at": None, "opted_out_at": None},
     {"consent": {"email utility": "withdrawn"}, "opted_in_at": None, "opted_out_at": None}),
    ("block-contact", {"note": "Threatened Ana."}, "contact.blocked",
     {"blocked": False}, {"blocked": True, "note": "Threatened Ana."}),
    ("unblock-contact", {}, "contact.unblocked", {"blocked": True}, {"blocked": False}),
    ("delete-contact", {}, "contact.erased", None, None),
]  # fmt: skip


ON_TWO = {"merge-contacts", "unmerge-contacts"}
"""They note an entry on each of two contacts: test_merges.py."""


def test_every_write_is_in_the_table() -> None:
    writes = {route.name for route in ROUTES if route.does == "write"}
    assert {change[0] for change in CHANGES} == writes - ON_TWO


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change[0]}-{change[2][8:]}")
def test_each_change_is_written_once_and_whole(
    ana: Person, romain: dict[str, Any], change: Change
) -> None:
    action, body, what, before, after = change
    if action == "unblock-contact":
        ana.post("block-contact", {"phone": PHONE})
    if action == "remove-identity":
        ana.post("add-identity", {"phone": PHONE, **NAME})
    earlier = entries(ana)
    answer = ana.post(action, {"phone": PHONE, **body})
    assert answer.status_code in (200, 201), answer.text
    [entry, *others] = entries(ana)
    assert list(entry) == ENTRY_KEYS
    assert entry == {
        "id": entry["id"],
        "at": entry["at"],
        "what": what,
        "contact_id": answer.json()["id"],
        "user": {"id": ana.user.id, "email": ana.user.email},
        "token_id": ana.token_id,
        "connection_id": None,
        "before": before,
        "after": after,
    }
    assert repr((entry["before"], entry["after"])) == repr((before, after)), "1 is not true"
    assert UUID(entry["id"]).version == 7
    assert TIME.fullmatch(entry["at"])
    if what == "contact.erased":
        assert others == [{**one, "before": None, "after": None} for one in earlier]
    else:
        assert others == earlier


def test_the_first_entry_is_the_whole_contact(ana: Person, romain: dict[str, Any]) -> None:
    [entry] = entries(ana)
    assert (entry["what"], entry["before"], entry["after"]) == ("contact.created", None, WHOLE)
    assert entry["at"] == romain["created_at"]


def test_the_time_is_the_contact_s(ana: Person, romain: dict[str, Any]) -> None:
    updated = ana.post("update-contact", {"phone": PHONE, "name": "Rom"}).json()
    assert entries(ana)[0]["at"] == updated["updated_at"]


@pytest.mark.row("R2")
@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("create-contact", {}, 201),
        ("create-contact", ROMAIN, 201),
        ("find-or-create-contact", {"name": "Rom"}, 200),
        ("find-or-create-contact", {"name": "Romain", "on_conflict": "update"}, 200),
        ("update-contact", {}, 200),
        ("update-contact", {**ROMAIN, "tags": ["vip", "fr-FR"]}, 200),
        ("update-contact", {"metadata": {"b": {"y": 2, "x": 1}}}, 200),
        ("add-tag", {"tag": "vip"}, 200),
        ("remove-tag", {"tag": "b2b"}, 200),
        ("unblock-contact", {"note": "Nobody was."}, 200),
        ("get-contact", {"expand": "history"}, 200),
        ("export-contact", {}, 200),
        ("find-or-create-contact", {"name": "Rom", "on_conflict": "error"}, 409),
        ("create-contact", {"email": "nope"}, 422),
        ("create-contact", {"metadata": {"c": "x" * 65_536}}, 422),
        ("update-contact", {"phone": "+14155550199", "name": "Rom"}, 404),
        ("delete-contact", {"phone": "+14155550199"}, 404),
        ("delete-contact", {"contact_id": str(uuid4())}, 404),
        ("add-tag", {"tag": "a,b"}, 422),
        ("add-tag", {"phone": "+14155550199", "tag": "b2b"}, 404),
        ("remove-tag", {}, 422),
    ],
)
def test_what_changed_nothing_is_not_written(
    ana: Person, romain: dict[str, Any], action: str, body: dict[str, Any], status: int
) -> None:
    before = entries(ana)
    assert ana.post(action, {"phone": PHONE, **body}).status_code == status
    assert entries(ana) == before


@pytest.mark.row("R2")
def test_refusals_at_the_door_are_not_written(
    ana: Person, ben: Person, romain: dict[str, Any]
) -> None:
    before = entries(ana)
    stale = {"If-Match": '"x"'}
    body = {"phone": PHONE, "name": "Rom"}
    assert ana.post("update-contact", body, headers=stale).status_code == 412
    assert ben.post("update-contact", body).status_code == 403
    assert ana.post("update-contact", b"{").status_code == 400
    assert entries(ana) == before


async def test_who_is_the_person_and_the_token(bed: Bed, ana: Person) -> None:
    colleague = await bed.colleague(ana, "Cleo", scope="write")
    second = await bed.person(colleague.user, ana.workspace)
    for number, person in enumerate((ana, colleague, second)):
        person.create_contact(phone=f"+1415555010{number}")
    assert [(entry["user"], entry["token_id"]) for entry in entries(ana)] == [
        ({"id": person.user.id, "email": person.user.email}, person.token_id)
        for person in (second, colleague, ana)
    ]


# Who may read it


def test_no_token(bed: Bed) -> None:
    answer = bed.nobody.post("list-audit", {})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_wrong_scope(bed: Bed, ana: Person, romain: dict[str, Any], scope: str) -> None:
    """Also for the owner of the workspace: a shop's program needs no such token."""
    own = await bed.person(ana.user, ana.workspace, scope=scope)
    for given in ({}, {"contact_id": romain["id"]}, {"limit": "nonsense"}):
        answer = own.post("list-audit", given)
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


@pytest.mark.row("T1.1")
def test_mallory_sees_her_own_and_nothing_else(
    ana: Person, mallory: Person, romain: dict[str, Any]
) -> None:
    assert entries(mallory) == []
    mallory.create_contact(phone=PHONE, name="Early")
    ana.create_contact(phone=PHONE, name="Rom")
    mallory.create_contact(phone=PHONE, name="Late")
    for given in ({}, {"limit": PAGE_MAX}):
        own = entries(mallory, **given)
        assert [entry["what"] for entry in own] == ["contact.updated", "contact.created"]
        assert {entry["user"]["id"] for entry in own} == {mallory.user.id}
        assert romain["id"] not in repr(own)
    assert {entry["user"]["id"] for entry in entries(ana)} == {ana.user.id}


@pytest.mark.row("T1.1")
def test_foreign_ids_read_like_unknown_ones(
    ana: Person, mallory: Person, romain: dict[str, Any]
) -> None:
    mallory.create_contact(phone=PHONE, name="Early")
    ana.create_contact(phone=PHONE, name="Rom")
    mallory.create_contact(phone=PHONE, name="Late")
    unknown = mallory.post("list-audit", {"contact_id": str(uuid4())})
    assert (unknown.status_code, unknown.json()) == (200, {"entries": [], "next_cursor": None})
    for contact_id in (romain["id"], romain["id"].upper()):
        assert mallory.post("list-audit", {"contact_id": contact_id}).content == unknown.content
    [newer, older] = entries(ana)
    for theirs, shown in ((newer, 1), (older, 0)):
        # The cursor names a place in time, and whose entry stands there makes no difference.
        nobodys = theirs["id"][:-1] + ("0" if theirs["id"][-1] != "0" else "1")
        with_foreign = mallory.post("list-audit", {"cursor": theirs["id"]})
        assert with_foreign.content == mallory.post("list-audit", {"cursor": nobodys}).content
        assert len(with_foreign.json()["entries"]) == shown
        both = {"cursor": theirs["id"], "contact_id": romain["id"]}
        assert mallory.post("list-audit", both).content == unknown.content


# How it is read


def test_of_one_contact(ana: Person, romain: dict[str, Any]) -> None:
    other = ana.create_contact(phone="+14155550124").json()
    ana.post("add-tag", {"phone": PHONE, "tag": "b2b"})
    ana.post("add-tag", {"phone": "+14155550124", "tag": "b2b"})
    for contact in (romain, other):
        found = entries(ana, contact_id=contact["id"])
        assert [entry["what"] for entry in found] == ["contact.tagged", "contact.created"]
        assert {entry["contact_id"] for entry in found} == {contact["id"]}
        assert found == [e for e in entries(ana) if e["contact_id"] == contact["id"]]
        assert (
            found == ana.get_contact(contact_id=contact["id"], expand="history").json()["history"]
        )


def test_the_entry_that_made_a_contact_has_its_id(ana: Person, romain: dict[str, Any]) -> None:
    ana.create_contact(phone=PHONE, name="Rom")
    changed, made = entries(ana, contact_id=romain["id"])
    assert (made["what"], made["id"]) == ("contact.created", romain["id"])
    assert changed["id"] > made["id"]
    assert entries(ana, contact_id=changed["id"]) == []
    assert entries(ana, contact_id=romain["id"], cursor=changed["id"], limit=1) == [made]
    assert entries(ana, contact_id=romain["id"], limit=1) == [changed]


async def test_an_older_one_with_an_id_of_its_own_is_found_and_blanked(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    contact_id, entry_id, now = new_id(), new_id(), utc_now()

    async def note(tx: Tx) -> None:
        await audit.add(
            tx,
            tenant_id=ana.user.tenant_id or 0,
            uuid=entry_id,
            at=now,
            user_id=None,
            token_id=None,
            connection_uuid=None,
            what="contact.created",
            contact_uuid=contact_id,
            before=None,
            after=b'{"name":"Ana"}',
        )

    async def blank(tx: Tx) -> None:
        given = {"tenant_id": ana.user.tenant_id or 0, "contact_uuid": contact_id}
        since = until = to_us(now)
        await audit.blank_between(tx, since=since, until=until, **given)

    await bed.runner.database.write(note)
    (entry,) = entries(ana, contact_id=contact_id)
    assert (entry["id"], entry["after"]) == (entry_id, {"name": "Ana"})
    await bed.runner.database.write(blank)
    assert entries(ana, contact_id=contact_id) == [{**entry, "after": None}]
    (made,) = entries(ana, contact_id=romain["id"])
    assert made["after"] == WHOLE


def test_page_by_page_while_more_is_written(ana: Person, romain: dict[str, Any]) -> None:
    """What was there when the first page was read is met exactly once, newest first."""
    for number in range(12):
        ana.create_contact(phone=PHONE if number % 2 else "+14155550124", name=f"n{number}")
    for given in ({}, {"contact_id": romain["id"]}):
        there = entries(ana, limit=PAGE_MAX, **given)
        for size in (1, 3, len(there) - 1, len(there), PAGE_MAX):
            met = []
            for page in pages(ana, limit=size, **given):
                assert 1 <= len(page) <= size
                met += page
                ana.create_contact(phone=PHONE, name=f"n{size}-{len(met)}")
            assert met == there
            there = entries(ana, limit=PAGE_MAX, **given)
        assert [entry["id"] for entry in there] == sorted((e["id"] for e in there), reverse=True)


def test_the_last_page_has_no_cursor(ana: Person, romain: dict[str, Any]) -> None:
    assert listed(ana, limit=1)["next_cursor"] is None
    ana.create_contact(phone=PHONE, name="Rom")
    first = listed(ana, limit=1)
    assert first["next_cursor"] == first["entries"][0]["id"]
    second = listed(ana, limit=1, cursor=first["next_cursor"].upper())
    assert (len(second["entries"]), second["next_cursor"]) == (1, None)
    assert listed(ana, cursor=second["entries"][0]["id"]) == {"entries": [], "next_cursor": None}


@pytest.mark.row("R9")
def test_a_hundred_unless_asked_otherwise(ana: Person) -> None:
    for number in range(102):
        ana.create_contact(phone=PHONE, metadata={"n": number})
    assert [len(page) for page in pages(ana)] == [100, 2]
    assert [len(page) for page in pages(ana, limit=None)] == [100, 2]
    assert [len(page) for page in pages(ana, limit=101)] == [101, 1]
    assert [len(page) for page in pages(ana, limit=500)] == [102]


@pytest.mark.row("R9")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": 2**53 - 1}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": 10.0}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": [10]}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": 1}, "cursor"),
        ({"cursor": "g"}, "cursor"),
        ({"cursor": "' OR 1=1 --"}, "cursor"),
        ({"contact_id": "x"}, "contact_id"),
        ({"contact_id": 1}, "contact_id"),
    ],
)
def test_invalid(ana: Person, given: dict[str, Any], field: str) -> None:
    assert_invalid(ana.post("list-audit", given), field)


def test_every_wrong_field_is_reported_at_once(ana: Person) -> None:
    wrong = {"contact_id": "x", "cursor": "x", "limit": 0}
    assert_invalid(ana.post("list-audit", wrong), *wrong)


# What nobody can do to it


class Undone(Exception):
    """Raised to roll back, so that a rewriting that works spoils nothing else."""


REFUSED = (apsw.ConstraintError, asyncpg.RaiseError)
REWRITINGS = [
    "DELETE FROM audit_log WHERE tenant_id = :tenant_id",
    "UPDATE audit_log SET before_json = '{}' WHERE tenant_id = :tenant_id",
    "UPDATE audit_log SET after_json = '{}' WHERE tenant_id = :tenant_id",
    "UPDATE audit_log SET before_json = NULL WHERE tenant_id = :tenant_id",
    "UPDATE audit_log SET after_json = after_json WHERE tenant_id = :tenant_id",
    *(
        f"UPDATE audit_log SET before_json = NULL, after_json = NULL, {change}"
        " WHERE tenant_id = :tenant_id"
        for change in (
            "at = at - 1", "user_id = user_id + 1", "user_id = NULL", "token_id = token_id + 1",
            "token_id = NULL", "what = 'contact.created'", "contact_uuid = uuid",
            "contact_uuid = NULL", "uuid = contact_uuid",
            "tenant_id = (SELECT MIN(id) FROM tenants WHERE id <> :tenant_id)",
        )
    ),
]  # fmt: skip
UPSERT = (
    "INSERT INTO audit_log (tenant_id, uuid, at, what) SELECT tenant_id, uuid, 0, 'contact.erased'"
    " FROM audit_log WHERE tenant_id = :tenant_id"
)
DETOURS = {
    "sqlite": [
        f"{UPSERT} ON CONFLICT (tenant_id, uuid) DO UPDATE SET what = excluded.what",
        UPSERT.replace("INSERT", "INSERT OR REPLACE"),
    ],
    "postgres": [
        f"{UPSERT} ON CONFLICT (tenant_id, uuid) DO UPDATE SET what = excluded.what",
        "TRUNCATE audit_log",
    ],
}


async def rewrite(bed: Bed, sql: str, tenant_id: int | None) -> None:
    """Try it as whoever holds the database could, with plain SQL."""
    values = {"tenant_id": tenant_id} if ":tenant_id" in sql else {}

    async def work(tx: Any) -> None:
        await tx.run(sql, **values)
        raise Undone

    await bed.runner.database.write(work)


@pytest.mark.parametrize("sql", REWRITINGS)
async def test_nobody_rewrites_it(bed: Bed, ana: Person, romain: dict[str, Any], sql: str) -> None:
    ana.create_contact(phone=PHONE, name="Rom")
    before = await bed.digest()
    with pytest.raises(REFUSED, match="append-only"):
        await rewrite(bed, sql, ana.user.tenant_id)
    assert await bed.digest() == before


async def test_nor_by_a_detour(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    await bed.forget_digests()
    for sql in DETOURS[bed.engine]:
        with pytest.raises(REFUSED, match="append-only"):
            await rewrite(bed, sql, ana.user.tenant_id)


async def test_an_erasure_may_blank_it_and_nothing_else_is_lost(
    bed: Bed, ana: Person, romain: dict[str, Any]
) -> None:
    ana.create_contact(phone=PHONE, name="Rom")
    before = entries(ana)
    await bed.change(
        "UPDATE audit_log SET before_json = NULL, after_json = NULL WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert entries(ana) == [{**entry, "before": None, "after": None} for entry in before]
