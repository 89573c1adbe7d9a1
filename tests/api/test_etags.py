"""Entity tags: an answer that is known already, and a change that must not undo another's.

RFC 9110, sections 8.8.3 (tags), 13.1.1 (If-Match) and 13.1.2 (If-None-Match).
"""

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from kith.api.routes import ROUTES
from kith.errors import Changed
from tests.api.raw import RawAnswer, RawConnection, request
from tests.api.refusals import NOT_FOUND, is_both
from tests.cast import Bed, Person

PHONE = "+14155550123"
EMAIL = "romain@example.com"
GET_CONTACT = "/api/v1/actions/get-contact"
STRONG = re.compile(r'"[\x21\x23-\x7e]+"')
"""A quoted text without `W/` before it."""
RACES = 5

ROMAIN: dict[str, Any] = {
    "phone": PHONE, "name": "Romain", "email": EMAIL, "tags": "vip", "metadata": {"a": 1},
}  # fmt: skip
NAME = {"kind": "external", "value": "shop:1"}
"""One that ROMAIN has."""
OF_TWO = {"merge-contacts", "unmerge-contacts"}
"""They change two contacts: tests/api/test_merges.py."""
WRITES = {
    route.name: route for route in ROUTES if route.does == "write" and route.name not in OF_TWO
}
BODIES: dict[str, dict[str, Any]] = {
    "create-contact": {"phone": PHONE, "name": "Rom"},
    "find-or-create-contact": {"phone": PHONE, "name": "Rom", "on_conflict": "update"},
    "update-contact": {"phone": PHONE, "name": "Rom"},
    "delete-contact": {"phone": PHONE},
    "add-tag": {"phone": PHONE, "tag": "b2b"},
    "remove-tag": {"phone": PHONE, "tag": "vip"},
    "add-identity": {"phone": PHONE, "kind": "external", "value": "shop:2"},
    "remove-identity": {"phone": PHONE, **NAME},
    "block-contact": {"phone": PHONE},
    "unblock-contact": {"phone": PHONE},
    "set-consent": {
        "phone": PHONE, "channel": "whatsapp", "purpose": "marketing", "state": "withdrawn",
        "source": "api", "method": "platform",
    },
}  # fmt: skip
"""Each changes ROMAIN."""


@pytest.fixture
def romain(ana: Person) -> str:
    """The tag of Ana's contact."""
    ana.create_contact(**ROMAIN)
    ana.post("add-identity", {"phone": PHONE, **NAME})
    return tag_of(ana)


def tag_of(caller: Person, **given: object) -> str:
    answer = caller.get_contact(**(given or {"phone": PHONE}))
    assert answer.status_code == 200
    return answer.headers["etag"]


def asked(caller: Person, none_match: str, **given: object) -> httpx.Response:
    headers = {"If-None-Match": none_match}
    return caller.post("get-contact", given or {"phone": PHONE}, headers=headers)


def ready(caller: Person, name: str, phone: str = PHONE) -> str:
    """The contact's tag, now that this write has something to change."""
    if name == "unblock-contact":
        caller.post("block-contact", {"phone": phone})
    return tag_of(caller, phone=phone)


def later(tag: str) -> str:
    """The tag of a version that is not there yet."""
    return f'{tag[:-1]}0"'


def test_every_write_has_a_body() -> None:
    assert set(BODIES) == set(WRITES)


def test_get_contact_carries_a_strong_tag(ana: Person, romain: str) -> None:
    assert STRONG.fullmatch(romain)
    uuid = ana.get_contact(phone=PHONE).json()["id"]
    assert tag_of(ana, contact_id=uuid) == tag_of(ana, email=EMAIL) == romain


@pytest.mark.parametrize("name", WRITES)
def test_a_write_answers_with_the_tag_that_is_current_now(
    ana: Person, romain: str, name: str
) -> None:
    before = ready(ana, name)
    answer = ana.post(name, BODIES[name])
    if WRITES[name].etag is None:
        assert "etag" not in answer.headers
        assert ana.get_contact(phone=PHONE).status_code == 404
    else:
        assert answer.headers["etag"] == tag_of(ana) != before


@pytest.mark.parametrize("name", ["get-contacts", "search-contacts", "list-contacts"])
def test_lists_have_none(ana: Person, romain: str, name: str) -> None:
    headers = {"If-None-Match": f"{romain}, *"}
    answer = ana.post(name, {"contacts": [{"phone": PHONE}]}, headers=headers)
    assert (answer.status_code, "etag" in answer.headers) == (200, False)


# If-None-Match


@pytest.mark.parametrize(
    "spelled",
    [
        "{tag}",
        "W/{tag}",
        "{bare}",
        "*",
        '"x", {tag}',
        '{tag},"x"',
        '"x" , W/"y",W/{tag}, "z"',
        "x, {bare}, z",
        ",, {tag} ,",
    ],
)
def test_whoever_knows_the_version_gets_304(ana: Person, romain: str, spelled: str) -> None:
    uuid = ana.get_contact(phone=PHONE).json()["id"]
    none_match = spelled.format(tag=romain, bare=romain.strip('"'))
    for given in ({"phone": PHONE}, {"contact_id": uuid}, {"email": EMAIL.upper()}):
        answer = asked(ana, none_match, **given)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == romain


@pytest.mark.parametrize("spelled", ['"x"', "{later}", '""', "", '"{tag}', "w/{tag}", "W/x", "**"])
def test_whoever_knows_another_gets_it_all(ana: Person, romain: str, spelled: str) -> None:
    whole = ana.get_contact(phone=PHONE)
    answer = asked(ana, spelled.format(tag=romain, later=later(romain)))
    assert (answer.status_code, answer.content) == (200, whole.content)
    assert answer.headers["etag"] == romain


@pytest.mark.parametrize("none_match", ["*", '"x"'])
def test_nobody_is_no_version(ana: Person, romain: str, none_match: str) -> None:
    for given in ({"phone": "+14155550199"}, {"email": "nobody@example.com"}):
        answer = asked(ana, none_match, **given)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.row("T1.1")
def test_a_tag_opens_nothing(ana: Person, mallory: Person, romain: str) -> None:
    uuid = ana.get_contact(phone=PHONE).json()["id"]
    for given in ({"phone": PHONE}, {"contact_id": uuid}, {"email": EMAIL}):
        for none_match in (romain, "*"):
            answer = asked(mallory, none_match, **given)
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_304_is_a_bare_head_and_the_connection_goes_on(bed: Bed, ana: Person, romain: str) -> None:
    """No body, and no word of one: whatever follows is the next answer."""
    body = json.dumps({"phone": PHONE}).encode()
    condition = f"If-None-Match: {romain}\r\n".encode()

    def once(connection: RawConnection, headers: bytes = b"") -> RawAnswer:
        whole = request("POST", GET_CONTACT, token=ana.token, body=body, headers=headers)
        return connection.send(whole).answer()

    with RawConnection(bed.serving.port) as connection:
        full = once(connection)
        for _ in range(3):
            assert_bare(once(connection, condition), romain)
            assert once(connection).body == full.body
        together = request("POST", GET_CONTACT, token=ana.token, body=body, headers=condition)
        connection.send(together * 3 + request("GET", "/livez"))
        for _ in range(3):
            assert_bare(connection.answer(), romain)
        assert connection.answer().status == 200
        assert_bare(once(connection, condition + b"Connection: close\r\n"), romain, "close")
        assert connection.is_closed()


def assert_bare(answer: RawAnswer, etag: str, connection: str | None = None) -> None:
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == etag
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]
    assert answer.headers["x-ratelimit-remaining"]
    assert answer.headers.get("connection") == connection
    assert not {"content-length", "content-type", "transfer-encoding"} & set(answer.headers)


def test_what_is_expanded_has_tags_of_its_own(ana: Person, romain: str) -> None:
    tags = {
        expand: tag_of(ana, phone=PHONE, expand=expand)
        for expand in ("tags", "identities", "history", "tags,history", "tags,identities,history")
    }
    assert len({romain, *tags.values()}) == 6
    assert all(STRONG.fullmatch(tag) for tag in tags.values())
    assert tag_of(ana, phone=PHONE, expand="history, tags,") == tags["tags,history"]
    for expand, tag in tags.items():
        assert asked(ana, tag, phone=PHONE, expand=expand).status_code == 304
        assert asked(ana, f"W/{tag}", phone=PHONE, expand=expand).status_code == 304
        assert asked(ana, "*", phone=PHONE, expand=expand).status_code == 304
        others = ", ".join({romain, *tags.values()} - {tag})
        assert asked(ana, others, phone=PHONE, expand=expand).status_code == 200
        assert asked(ana, tag, phone=PHONE).status_code == 200


# Versions


@pytest.mark.parametrize(
    ("name", "body"),
    [
        *((name, body) for name, body in BODIES.items() if WRITES[name].etag is not None),
        ("update-contact", {"name": ""}),
        ("update-contact", {"email": "rom@example.com"}),
        ("update-contact", {"email": "Romain@example.com"}),
        ("update-contact", {"tags": ""}),
        ("update-contact", {"tags": "b2b, vip"}),
        ("update-contact", {"metadata": {"a": 2}}),
        ("update-contact", {"metadata": {"a": "1"}}),
        ("update-contact", {"metadata": {"a": True}}),
        ("update-contact", {"metadata": {"a": None}}),
        ("update-contact", {"metadata": {"b": None}}),
        ("create-contact", {"email": "rom@example.com"}),
        ("create-contact", {"tags": ["b2b"]}),
        ("create-contact", {"metadata": {"b": {}}}),
        ("find-or-create-contact", {"on_conflict": "update", "tags": "b2b"}),
    ],
)
def test_a_change_makes_a_new_tag(
    ana: Person, romain: str, name: str, body: dict[str, Any]
) -> None:
    before = ready(ana, name)
    answer = ana.post(name, {"phone": PHONE, **body})
    assert answer.status_code in (200, 201)
    whole = asked(ana, before)
    assert whole.status_code == 200
    assert whole.headers["etag"] == answer.headers["etag"] != before
    for field, value in body.get("metadata", {}).items():
        kept = whole.json()["metadata"][field]
        assert (kept, type(kept)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("update-contact", {}),
        ("update-contact", {**ROMAIN, "tags": ["vip", " vip"]}),
        ("update-contact", {"name": None, "email": None, "tags": None, "metadata": None}),
        ("update-contact", {"metadata": {}}),
        ("create-contact", {}),
        ("create-contact", ROMAIN),
        ("create-contact", {"name": "", "email": " ", "tags": "", "metadata": {}}),
        ("find-or-create-contact", {"name": "Rom", "tags": "b2b"}),
        ("find-or-create-contact", {"on_conflict": "update"}),
        ("find-or-create-contact", {"on_conflict": "error", "name": "Rom"}),
        ("add-tag", {"tag": "vip"}),
        ("add-tag", {"tag": " vip "}),
        ("remove-tag", {"tag": "b2b"}),
        ("remove-tag", {"tag": "VIP"}),
        ("add-identity", NAME),
        ("remove-identity", {**NAME, "value": "shop:2"}),
        ("export-contact", {}),
    ],
)
async def test_what_changes_nothing_keeps_the_tag(
    bed: Bed, ana: Person, romain: str, name: str, body: dict[str, Any]
) -> None:
    before = await bed.digest()
    answer = ana.post(name, {"phone": PHONE, **body})
    assert answer.status_code in (200, 201, 409)
    if answer.status_code != 409 and name in WRITES:
        assert answer.headers["etag"] == romain
    assert asked(ana, romain).status_code == 304
    assert await bed.digest() == before


def test_no_tag_ever_comes_back(ana: Person, romain: str) -> None:
    """Neither when the contact is again as it was, nor when somebody is made anew."""
    tags = [romain]
    for name in ("Rom", "Romain", "Rom", "Romain"):
        ana.post("update-contact", {"phone": PHONE, "name": name})
        tags.append(tag_of(ana))
    ana.post("delete-contact", {"phone": PHONE})
    ana.create_contact(**ROMAIN)
    tags.append(tag_of(ana))
    assert len(set(tags)) == len(tags)


def test_another_contact_s_change_is_none_of_mine(ana: Person, romain: str) -> None:
    other = ana.create_contact(phone="+14155550124", tags="vip").headers["etag"]
    assert other != romain
    ana.post("remove-tag", {"phone": "+14155550124", "tag": "vip"})
    ana.post("delete-contact", {"phone": "+14155550124"})
    assert asked(ana, romain).status_code == 304


# If-Match


@pytest.mark.parametrize("name", WRITES)
def test_the_current_version_may_be_changed(ana: Person, name: str) -> None:
    for number, spelled in enumerate(CURRENT):
        phone = f"+1415555{number:04}"
        ana.create_contact(**{**ROMAIN, "phone": phone})
        body = {**BODIES[name], "phone": phone}
        if "value" in body:  # a name has one owner
            body["value"] = f"shop:1{number}"
        if name == "remove-identity":
            ana.post("add-identity", body)
        tag = ready(ana, name, phone)
        expanded = tag_of(ana, phone=phone, expand="tags,history")
        tags = {"tag": tag, "bare": tag.strip('"'), "expanded": expanded, "later": later(tag)}
        headers = {"If-Match": spelled.format(**tags)}
        answer = ana.post(name, body, headers=headers)
        assert answer.status_code in (200, WRITES[name].status), spelled
        found = asked(ana, tag, phone=phone)
        assert found.status_code == (404 if name == "delete-contact" else 200)


CURRENT = [
    "{tag}", "{bare}", "*", '"x", {tag}', '{tag} ,W/"x"', "x,{bare}", "{expanded}",
    '"x", {expanded}', "*, {later}",
]  # fmt: skip
NOT_CURRENT = [
    "{old}", "{later}", "{other}", "W/{tag}", "W/{bare}", "w/{tag}", "{old_expanded}",
    "W/{expanded}", '"x"', "x", '""', '{old}, {other}, "x", W/{tag}', "**",
]  # fmt: skip


@pytest.mark.row("R2")
@pytest.mark.parametrize("name", WRITES)
async def test_any_other_version_may_not(bed: Bed, ana: Person, romain: str, name: str) -> None:
    old_expanded = tag_of(ana, phone=PHONE, expand="history")
    ana.post("add-tag", {"phone": PHONE, "tag": "newer"})
    now = tag_of(ana)
    tags = {
        "old": romain,
        "later": later(now),
        "other": ana.create_contact(phone="+14155550124").headers["etag"],
        "tag": now,
        "bare": now.strip('"'),
        "expanded": tag_of(ana, phone=PHONE, expand="history"),
        "old_expanded": old_expanded,
    }
    before = await bed.digest()
    for spelled in NOT_CURRENT:
        answer = ana.post(name, BODIES[name], headers={"If-Match": spelled.format(**tags)})
        assert answer.status_code == 412, spelled
        assert is_both(answer)
        assert answer.json()["error"] == Changed.text
        assert "etag" not in answer.headers
    assert await bed.digest() == before


@pytest.mark.row("R2", "R8")
@pytest.mark.parametrize("nothing", ["", ",", ", ,"])
async def test_a_list_without_a_tag_names_no_version(
    bed: Bed, ana: Person, romain: str, nothing: str
) -> None:
    """A caller whose variable was empty meant to be careful; RFC 9110: none of the tags matches."""
    before = await bed.digest()
    answers = [ana.post(name, body, headers={"If-Match": nothing}) for name, body in BODIES.items()]
    assert [answer.status_code for answer in answers] == [412] * len(BODIES)
    assert await bed.digest() == before


@pytest.mark.row("R2")
@pytest.mark.parametrize("name", WRITES)
async def test_when_there_is_no_contact(bed: Bed, ana: Person, romain: str, name: str) -> None:
    """What would make one is refused: there is no version that the caller could know."""
    ana.post("delete-contact", {"phone": PHONE})
    before = await bed.digest()
    for match in ("*", '"x"', romain):
        answer = ana.post(name, BODIES[name], headers={"If-Match": match})
        if WRITES[name].missing is None:
            assert answer.status_code == 412
            assert is_both(answer)
        else:
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert await bed.digest() == before


async def test_a_change_that_changes_nothing_is_tied_too(
    bed: Bed, ana: Person, romain: str
) -> None:
    stale = {"If-Match": later(romain)}
    before = await bed.digest()
    for name, body in (
        ("update-contact", {"phone": PHONE}),
        ("add-tag", {"phone": PHONE, "tag": "vip"}),
        ("remove-tag", {"phone": PHONE, "tag": "absent"}),
        ("find-or-create-contact", {"phone": PHONE}),
        ("find-or-create-contact", {"phone": PHONE, "on_conflict": "error"}),
        ("create-contact", {"phone": PHONE}),
    ):
        assert ana.post(name, body, headers=stale).status_code == 412
    assert await bed.digest() == before


def test_reads_do_not_look_at_if_match(ana: Person, romain: str) -> None:
    answer = ana.post("get-contact", {"phone": PHONE}, headers={"If-Match": '"x"'})
    assert answer.status_code == 200


def test_writes_do_not_look_at_if_none_match(ana: Person, romain: str) -> None:
    answer = ana.post("add-tag", BODIES["add-tag"], headers={"If-None-Match": f"{romain}, *"})
    assert (answer.status_code, answer.json()["tags"]) == (200, ["b2b", "vip"])


@pytest.mark.row("T1.1")
async def test_mallory_s_tags_are_as_good_as_any(
    bed: Bed, ana: Person, mallory: Person, romain: str
) -> None:
    """With Ana's tag she changes neither Ana's contact nor her own of the same number."""
    mallory.create_contact(**ROMAIN)
    before = await bed.digest()
    for name, body in BODIES.items():
        assert mallory.post(name, body, headers={"If-Match": romain}).status_code == 412
    assert await bed.digest() == before


@pytest.mark.parametrize("name", ["update-contact", "create-contact", "add-tag"])
def test_of_two_at_once_one_is_told_of_the_other(ana: Person, romain: str, name: str) -> None:
    for race in range(RACES):
        headers = {"If-Match": tag_of(ana)}

        def change(who: str, race: int = race, headers: dict[str, str] = headers) -> httpx.Response:
            value = f"{who}{race}"
            return ana.post(name, {"phone": PHONE, "name": value, "tag": value}, headers=headers)

        won, lost = sorted(at_once(change, "a", "b"), key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (WRITES[name].status, 412)
        found = ana.get_contact(phone=PHONE)
        assert found.headers["etag"] == won.headers["etag"]
        assert found.json()["tags"] == won.json()["tags"]
        if name != "add-tag":
            assert found.json()["name"] == won.json()["name"]


def at_once(call: Callable[[str], httpx.Response], *given: str) -> list[httpx.Response]:
    gate = threading.Barrier(len(given))

    def go(one: str) -> httpx.Response:
        gate.wait()
        return call(one)

    with ThreadPoolExecutor(len(given)) as threads:
        return list(threads.map(go, given))
