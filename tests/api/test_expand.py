"""`expand` on get-contact: what is added to the 13 keys, and nothing else is."""

from itertools import chain, combinations
from typing import Any, get_args

import pytest

from kith.actions.look_ups import HISTORY_MAX
from kith.domain.contacts import Expansion
from tests.api.refusals import NOT_FOUND, assert_invalid
from tests.api.test_get_contact import KEYS
from tests.cast import Bed, Person

PHONE = "+14155550123"
EMAIL = "romain@example.com"
NAMES: tuple[str, ...] = get_args(Expansion)
SIZES = (0, 1, 2, len(NAMES) - 1, len(NAMES))
"""Of the sets that are tried: each alone, beside each other, and each left out of all."""
COMBINATIONS = list(chain.from_iterable(combinations(NAMES, size) for size in SIZES))
ENTRY_KEYS = [
    "id", "at", "what", "contact_id", "user", "token_id", "connection_id", "before", "after",
]  # fmt: skip


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    """A contact with a history, as get-contact shows it."""
    ana.create_contact(phone=PHONE, name="Romain", email=EMAIL, tags="vip, fr-FR")
    ana.post("update-contact", {"phone": PHONE, "name": "Rom", "metadata": {"a": 1, "b": [2]}})
    ana.post("add-tag", {"phone": PHONE, "tag": "b2b"})
    ana.post("remove-tag", {"phone": PHONE, "tag": "vip"})
    found: dict[str, Any] = ana.get_contact(phone=PHONE).json()
    return found


def expanded(caller: Person, expand: object, **given: object) -> dict[str, Any]:
    answer = caller.get_contact(**(given or {"phone": PHONE}), expand=expand)
    assert answer.status_code == 200, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_any_combination_in_any_spelling(
    ana: Person, romain: dict[str, Any], names: tuple[str, ...]
) -> None:
    whole = expanded(ana, list(names))
    assert list(whole) == [*KEYS, *(name for name in NAMES if name in names and name != "tags")]
    same = {key: whole[key] for key in KEYS if key != "tags"}
    assert same == {key: romain[key] for key in KEYS if key != "tags"}
    if "tags" in names:
        assert [tag["name"] for tag in whole["tags"]] == romain["tags"]
    else:
        assert whole["tags"] == romain["tags"]
    first = ana.get_contact(phone=PHONE, expand=list(names))
    etag = first.headers.get("etag")
    assert (etag is None) is bool({"reachability", "messages"} & set(names))
    for spelled in (
        ",".join(names),
        f" , {' , '.join(reversed(names))} ,",
        list(reversed(names)),
        [*names, *names, "", " "],
        [f" {name} " for name in names],
    ):
        answer = ana.get_contact(phone=PHONE, expand=spelled)
        assert (answer.content, answer.headers.get("etag")) == (first.content, etag)


@pytest.mark.parametrize("key", ["contact_id", "phone", "email"])
def test_by_any_key(ana: Person, romain: dict[str, Any], key: str) -> None:
    given = {"contact_id": romain["id"], "phone": PHONE, "email": EMAIL.upper()}[key]
    whole = expanded(ana, NAMES, **{key: given})
    assert whole == {
        **expanded(ana, NAMES, phone=PHONE),
        "match": {"matched_by": key, "match_kind": "exact"},
    }


@pytest.mark.parametrize("nothing", [None, "", " ", ",", [], [""], [" ", ""]])
def test_without_it_there_are_thirteen_keys(
    ana: Person, romain: dict[str, Any], nothing: object
) -> None:
    plain = ana.get_contact(phone=PHONE)
    answer = ana.get_contact(phone=PHONE, expand=nothing)
    assert list(answer.json()) == KEYS
    assert (answer.content, answer.headers["etag"]) == (plain.content, plain.headers["etag"])


@pytest.mark.parametrize(
    "wrong",
    ["x", "tags,x", "tags history", "Tags", "HISTORY", "tag", "consents", "id", "*", "tags;history",
     ["x"], ["tags", "x"], ["tags,history"], [1], [None], [["tags"]], [{}], 1, 1.5, True, False, {},
     {"tags": True}, "x" * 5_000, ["\u202e"]],
)  # fmt: skip
def test_unknown_names(ana: Person, romain: dict[str, Any], wrong: object) -> None:
    assert_invalid(ana.get_contact(phone=PHONE, expand=wrong), "expand")


def test_every_wrong_field_is_reported_at_once(ana: Person) -> None:
    assert_invalid(ana.get_contact(phone="nope", expand="x"), "phone", "expand")


def test_tags_as_objects(ana: Person, romain: dict[str, Any]) -> None:
    """In the order of the names, with the ids of list-tags."""
    ids = {tag["name"]: tag["id"] for tag in ana.post("list-tags", {}).json()}
    tags = expanded(ana, "tags")["tags"]
    assert [list(tag) for tag in tags] == [["id", "name", "added_at"]] * 2
    assert [(tag["name"], tag["id"]) for tag in tags] == [
        ("b2b", ids["b2b"]),
        ("fr-FR", ids["fr-FR"]),
    ]
    times = {entry["what"]: entry["at"] for entry in expanded(ana, "history")["history"]}
    assert [tag["added_at"] for tag in tags] == [times["contact.tagged"], times["contact.created"]]


def test_identities(ana: Person, romain: dict[str, Any]) -> None:
    identities = expanded(ana, "identities")["identities"]
    assert [list(identity.items()) for identity in identities] == [
        [
            ("kind", "phone"),
            ("value", PHONE),
            ("confidence", "given"),
            ("created_at", romain["created_at"]),
            ("retired_at", None),
        ]
    ]


def test_history_is_newest_first(ana: Person, romain: dict[str, Any]) -> None:
    history = expanded(ana, "history")["history"]
    changes: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = [
        ("contact.untagged", {"tags": ["b2b", "vip", "fr-FR"]}, {"tags": ["b2b", "fr-FR"]}),
        ("contact.tagged", {"tags": ["vip", "fr-FR"]}, {"tags": ["b2b", "vip", "fr-FR"]}),
        (
            "contact.updated",
            {"name": "Romain", "metadata": {}},
            {"name": "Rom", "metadata": {"a": 1, "b": [2]}},
        ),
        (
            "contact.created",
            None,
            {
                "phone": PHONE, "name": "Romain", "email": EMAIL, "source": "api", "locale": None,
                "metadata": {}, "tags": ["vip", "fr-FR"], "opted_in_at": None, "opted_out_at": None,
            },
        ),
    ]  # fmt: skip
    assert [(entry["what"], entry["before"], entry["after"]) for entry in history] == changes
    for entry in history:
        assert list(entry) == ENTRY_KEYS
        assert entry["contact_id"] == romain["id"]
        assert entry["user"] == {"id": ana.user.id, "email": ana.user.email}
        assert entry["token_id"] == ana.token_id
    assert history[-1]["at"] == romain["created_at"]
    assert [entry["id"] for entry in history] == sorted((e["id"] for e in history), reverse=True)


async def test_history_tells_who(bed: Bed, ana: Person, romain: dict[str, Any]) -> None:
    """Of the people of the business, each with the token that was used."""
    colleague = await bed.colleague(ana, "Cleo", scope="write")
    second = await bed.person(ana.user, ana.workspace)
    for number, person in enumerate((colleague, second)):
        person.post("update-contact", {"phone": PHONE, "name": f"Rom{number}"})
    history = expanded(ana, "history")["history"]
    assert [(entry["user"], entry["token_id"]) for entry in history[:2]] == [
        ({"id": ana.user.id, "email": ana.user.email}, second.token_id),
        ({"id": colleague.user.id, "email": colleague.user.email}, colleague.token_id),
    ]


@pytest.mark.row("L9")
def test_history_is_at_most_the_newest_hundred(ana: Person) -> None:
    ana.create_contact(phone=PHONE)
    for number in range(HISTORY_MAX + 3):
        ana.post("update-contact", {"phone": PHONE, "metadata": {"n": number}})
    history = expanded(ana, "history")["history"]
    assert HISTORY_MAX == 100
    shown = [entry["after"]["metadata"]["n"] for entry in history]
    assert shown == list(range(HISTORY_MAX + 2, 2, -1))


def test_a_bare_contact(ana: Person) -> None:
    saved = ana.create_contact(phone=PHONE).json()
    whole = expanded(ana, NAMES)
    assert whole["tags"] == []
    assert [identity["value"] for identity in whole["identities"]] == [PHONE]
    assert [entry["what"] for entry in whole["history"]] == ["contact.created"]
    assert whole["id"] == saved["id"]


def test_to_read_is_enough(ana: Person, ben: Person, romain: dict[str, Any]) -> None:
    assert expanded(ben, NAMES) == expanded(ana, NAMES)


def test_only_get_contact_knows_it(ana: Person, romain: dict[str, Any]) -> None:
    """Elsewhere it is an unknown field, which means nothing."""
    keys = [{"phone": PHONE, "expand": "history"}]
    [found] = ana.post("get-contacts", {"contacts": keys, "expand": "history"}).json()
    assert found == romain
    saved = ana.create_contact(phone=PHONE, expand="nonsense")
    assert (saved.status_code, "history" in saved.json()) == (201, False)


@pytest.mark.row("T1.1")
def test_mallory_sees_only_her_own(ana: Person, mallory: Person, romain: dict[str, Any]) -> None:
    for given in ({"phone": PHONE}, {"contact_id": romain["id"]}, {"email": EMAIL}):
        answer = mallory.get_contact(**given, expand=NAMES)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    mallory.create_contact(phone=PHONE, tags="vip")
    whole = expanded(mallory, NAMES)
    assert [entry["user"]["id"] for entry in whole["history"]] == [mallory.user.id]
    assert len(whole["identities"]) == 1
    theirs = {tag["id"] for tag in ana.post("list-tags", {}).json()}
    assert theirs.isdisjoint(tag["id"] for tag in whole["tags"])
