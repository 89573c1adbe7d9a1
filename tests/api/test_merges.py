"""merge-contacts and unmerge-contacts: one person of two, who keeps both ids, and two again."""

import asyncio
import json
import random
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as any_of
from hypothesis import strategies as st

from kith import wiring
from kith.domain.contacts import Expansion
from kith.settings import Settings
from tests.api.refusals import FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.api.test_erasure import SECRET_KEY, Traces, live_a_life, texts
from tests.cast import Bed, Person, tag_rows
from tests.serving import serving

PHONE, OTHER, THIRD = "+14155550123", "+14155550124", "+14155550125"
EMAIL = "romain@example.com"
WHOLE: tuple[Expansion, ...] = ("tags", "identities", "consent", "merged_from")
SECOND = 1_000_000


def created(caller: Person, **given: Any) -> str:
    answer = caller.create_contact(**given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def merge(caller: Person, contact_id: str, into: str, **given: Any) -> dict[str, Any]:
    answer = caller.post("merge-contacts", {"contact_id": contact_id, "into": into, **given})
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def unmerge(caller: Person, **given: Any) -> dict[str, Any]:
    answer = caller.post("unmerge-contacts", given)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def seen(caller: Person, contact_id: str, *expand: str) -> dict[str, Any]:
    answer = caller.get_contact(contact_id=contact_id, expand=list(expand))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def set_columns(bed: Bed, contact_id: str, **columns: object) -> None:
    listed = ", ".join(f"{name} = :{name}" for name in columns)
    await bed.change(f"UPDATE contacts SET {listed} WHERE uuid = :uuid", uuid=contact_id, **columns)


# What the survivor gets


async def test_the_survivor_gets_what_it_lacks(bed: Bed, ana: Person) -> None:
    gone = created(
        ana, phone=PHONE, name="Rom", email=EMAIL, tags="vip,b2b", metadata={"a": 1, "b": [True]}
    )
    kept = created(ana, phone=OTHER, name="Romain", tags="b2b,fr", metadata={"a": 2, "c": None})
    await set_columns(bed, gone, locale="fr", total_messages=3, last_message_at=9 * SECOND)
    await set_columns(bed, kept, total_messages=4, last_message_at=8 * SECOND)
    before = seen(ana, kept, "tags")
    of_gone = {tag["name"]: tag["added_at"] for tag in seen(ana, gone, "tags")["tags"]}
    answer = ana.post("merge-contacts", {"contact_id": gone, "into": kept})
    done = answer.json()
    assert list(done) == ["merge_id", "merged_id", "contact", "gained"]
    assert done["merged_id"] == gone
    assert done["gained"] == {
        "identities": [{"kind": "phone", "value": PHONE}],
        "fields": ["email", "locale", "last_message_at"],
        "tags": ["vip"],
        "metadata": ["b"],
        "messages": 3,
    }
    after = seen(ana, kept)
    assert after == {
        **before,
        "email": EMAIL,
        "locale": "fr",
        "tags": ["vip", "b2b", "fr"],
        "metadata": {"a": 2, "c": None, "b": [True]},
        "total_messages": 7,
        "last_message_at": "1970-01-01T00:00:09+00:00",
    }
    assert done["contact"] == {key: after[key] for key in done["contact"]}
    assert answer.headers["etag"] == ana.get_contact(contact_id=kept).headers["etag"]
    whole = seen(ana, kept, *WHOLE)
    assert {tag["name"]: tag["added_at"] for tag in whole["tags"]}["vip"] == of_gone["vip"]
    assert [tag["name"] for tag in whole["tags"]] == after["tags"]
    assert [one["value"] for one in whole["identities"]] == [PHONE, OTHER]
    [row] = await bed.rows("SELECT id FROM contacts WHERE uuid = :uuid", uuid=kept)
    assert await bed.read(lambda tx: tag_rows(tx, row[0])) == after["tags"]


def test_all_that_found_the_other_finds_the_survivor(ana: Person) -> None:
    gone = created(ana, phone=PHONE, name="Zyx", email=EMAIL)
    kept = created(ana, phone=OTHER)
    merge(ana, gone, kept)
    keys: list[dict[str, Any]] = [{"contact_id": gone}, {"phone": PHONE}, {"email": EMAIL}]
    for key in (*keys, {"phone": OTHER}, {"contact_id": gone.upper()}):
        assert ana.get_contact(**key).json()["id"] == kept
    found = ana.post("get-contacts", {"contacts": keys}).json()
    assert [one["id"] for one in found] == [kept] * 3
    for given in ({}, {"query": "zyx"}, {"email": EMAIL}):
        assert [one["id"] for one in ana.post("search-contacts", given).json()] == [kept]
        page = ana.post("list-contacts", given).json()["contacts"]
        assert [one["id"] for one in page] == [kept]
    assert ana.create_contact(phone=PHONE, name="New").json()["id"] == kept


async def test_who_has_no_phone_gets_the_other_s(bed: Bed, ana: Person) -> None:
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER, name="Romain")
    await set_columns(bed, kept, phone=None, search_key="romain\n\n")
    await bed.change("DELETE FROM identities WHERE value = :phone AND tenant_id = :tenant_id",
                     phone=OTHER, tenant_id=ana.user.tenant_id)  # fmt: skip
    done = merge(ana, gone, kept)
    assert done["gained"]["fields"] == ["phone"]
    assert ana.get_contact(phone=PHONE).json()["phone"] == PHONE
    assert [one["id"] for one in ana.post("search-contacts", {"query": "0123"}).json()] == [kept]
    unmerge(ana, contact_id=gone)
    assert seen(ana, kept)["phone"] is None
    assert [one["id"] for one in ana.post("search-contacts", {"query": "0123"}).json()] == [gone]


async def test_conversations_and_blocks_are_joined(bed: Bed, ana: Person) -> None:
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    tenant_id = ana.user.tenant_id
    for number in ("one", "two"):
        await bed.change(
            "INSERT INTO business_numbers (tenant_id, number_id, created_at) VALUES (:t, :n, 1)",
            t=tenant_id, n=number,
        )  # fmt: skip
    of = {uuid: await row_id(bed, uuid) for uuid in (gone, kept)}
    talks = [
        (gone, "one", 5, None, 9, None), (kept, "one", 7, 3, 8, None), (gone, "two", 4, 4, 4, 4),
    ]  # fmt: skip
    for uuid, number, *columns in talks:
        await bed.change(
            "INSERT INTO conversations VALUES (:t, :c, :n, :a, :b, :d, :e)",
            t=tenant_id, c=of[uuid], n=number, **dict(zip("abde", columns, strict=True)),
        )  # fmt: skip
    for uuid, reason, since in (
        (gone, "blocked", 5),
        (kept, "blocked", 6),
        (gone, "not_on_whatsapp", 7),
    ):
        await bed.change("INSERT INTO contact_blocks VALUES (:t, :c, :r, :s)", t=tenant_id,
                         c=of[uuid], r=reason, s=since)  # fmt: skip
    before = {uuid: await reach_rows(bed, uuid) for uuid in of}
    merge(ana, gone, kept)
    assert await reach_rows(bed, kept) == (
        [("one", 7, 3, 9, None), ("two", 4, 4, 4, 4)],
        [("blocked", 5), ("not_on_whatsapp", 7)],
    )
    unmerge(ana, contact_id=gone)
    assert {uuid: await reach_rows(bed, uuid) for uuid in of} == before


async def row_id(bed: Bed, uuid: str) -> int:
    [(found,)] = await bed.rows("SELECT id FROM contacts WHERE uuid = :uuid", uuid=uuid)
    return int(found)


async def reach_rows(bed: Bed, uuid: str) -> tuple[list[Any], list[Any]]:
    contact_id = await row_id(bed, uuid)
    talks = await bed.rows(
        "SELECT number_id, last_inbound_at, refused_at, capped_until, experiment_until"
        " FROM conversations WHERE contact_id = :id ORDER BY number_id", id=contact_id,
    )  # fmt: skip
    blocks = await bed.rows(
        "SELECT reason, since FROM contact_blocks WHERE contact_id = :id ORDER BY reason",
        id=contact_id,
    )
    return talks, blocks


def told(caller: Person, contact_id: str, *states: str) -> None:
    """What an operator notes, one after the other."""
    for state in states:
        given = {"contact_id": contact_id, "channel": "whatsapp", "purpose": "marketing"}
        more = {"state": state, "source": "operator", "method": "note", "note": "They said so."}
        answer = caller.post("set-consent", {**given, **more})
        assert answer.is_success, answer.text


def state_of(caller: Person, contact_id: str) -> str | None:
    for one in seen(caller, contact_id, "consent")["consent"]:
        if (one["channel"], one["purpose"]) == ("whatsapp", "marketing"):
            state: str | None = one["state"]
            return state
    return None


STRICTNESS = [None, "granted", "pending", "withdrawn"]


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("theirs", STRICTNESS)
@pytest.mark.parametrize("ours", STRICTNESS)
async def test_the_stricter_consent_counts(
    bed: Bed, theirs: str | None, ours: str | None, first: str
) -> None:
    ana = await bed.owner("Ana", scope="admin")
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    notes = [(gone, theirs), (kept, ours)]
    for uuid, state in notes if first == "theirs" else notes[::-1]:
        told(ana, uuid, *([state] if state else []))
    expand = ("consent", "reachability")
    before = {uuid: seen(ana, uuid, *expand) for uuid in (gone, kept)}
    would = merge(ana, gone, kept, dry_run=True)["contact"]
    done = merge(ana, gone, kept)["contact"]
    assert state_of(ana, kept) == max(ours, theirs, key=STRICTNESS.index)
    found = seen(ana, kept, "reachability")
    for name in ("opted_in_at", "opted_out_at"):
        assert found[name] == done[name]
        assert (would[name] is None) == (done[name] is None)
    is_granted = max(ours, theirs, key=STRICTNESS.index) == "granted"
    assert found["reachability"]["marketing"]["allowed"] is is_granted
    unmerge(ana, contact_id=gone)
    assert {uuid: seen(ana, uuid, *expand) for uuid in (gone, kept)} == before


@pytest.mark.row("T10.2")
async def test_what_is_said_meanwhile(bed: Bed) -> None:
    """A withdrawal counts for both, a grant for the survivor only."""
    ana = await bed.owner("Ana", scope="admin")
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    merge(ana, gone, kept)
    told(ana, gone, "granted")
    unmerge(ana, contact_id=gone)
    assert (state_of(ana, gone), state_of(ana, kept)) == (None, "granted")
    told(ana, gone, "granted")
    merge(ana, gone, kept)
    told(ana, kept, "withdrawn")
    unmerge(ana, contact_id=gone)
    assert (state_of(ana, gone), state_of(ana, kept)) == ("withdrawn", "withdrawn")
    assert seen(ana, gone)["opted_out_at"] is not None


def test_too_much_for_one_contact(ana: Person) -> None:
    kept = created(
        ana, phone=OTHER, tags=[f"t{n}" for n in range(999)], metadata={"a": "x" * 40_000}
    )
    tagged = created(ana, phone=PHONE, tags="t1,new1,new2")
    large = created(ana, phone=THIRD, metadata={"b": "x" * 40_000})
    for uuid, word in ((tagged, "1000 tags"), (large, "65536 bytes")):
        answer = ana.post("merge-contacts", {"contact_id": uuid, "into": kept})
        assert_invalid(answer, "contact_id")
        assert word in answer.text
        assert seen(ana, uuid)["id"] == uuid


# The ids


def test_a_merged_id_stands_for_the_survivor(ana: Person) -> None:
    """In every operation that takes one."""
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    merge(ana, gone, kept)
    assert ana.post("update-contact", {"contact_id": gone, "name": "New"}).json()["id"] == kept
    both = {"contact_id": gone, "phone": OTHER}
    assert ana.post("update-contact", {**both, "name": "Newer"}).json()["name"] == "Newer"
    for action in ("add-tag", "remove-tag"):
        assert ana.post(action, {"contact_id": gone, "tag": "vip"}).json()["id"] == kept
    assert ana.post("export-contact", {"contact_id": gone}).json()["contact"]["id"] == kept
    assert seen(ana, kept)["name"] == "Newer"


def test_a_chain_leads_to_its_end(ana: Person) -> None:
    first, second, third = (created(ana, phone=phone) for phone in (PHONE, OTHER, THIRD))
    merge(ana, first, second)
    merge(ana, second, third)
    found = seen(ana, first, "merged_from", "identities")
    assert found["id"] == third
    assert [one["id"] for one in found["merged_from"]] == [second, first]
    assert [list(one) for one in found["merged_from"]] == [["id", "merged_at"]] * 2
    assert len(found["identities"]) == 3
    assert seen(ana, second)["id"] == third
    for merged in (first, second):
        assert merge(ana, merged, third)["merged_id"] == merged
        assert merge(ana, merged, second if merged == first else first)["contact"]["id"] == third


def test_an_entity_tag_moves_on(ana: Person) -> None:
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    tags = {uuid: ana.get_contact(contact_id=uuid).headers["etag"] for uuid in (gone, kept)}
    done = merge(ana, gone, kept)
    now = ana.get_contact(contact_id=gone).headers["etag"]
    assert now not in tags.values()
    for none_match, status in ((now, 304), (tags[gone], 200), (tags[kept], 200)):
        headers = {"If-None-Match": none_match}
        answer = ana.post("get-contact", {"contact_id": gone}, headers=headers)
        assert answer.status_code == status
    for old in tags.values():
        answer = ana.post("add-tag", {"contact_id": gone, "tag": "a"}, headers={"If-Match": old})
        assert answer.status_code == 412
        given = {"merge_id": done["merge_id"]}
        answer = ana.post("unmerge-contacts", given, headers={"If-Match": old})
        assert answer.status_code == 412
    assert ana.post(
        "add-tag", {"contact_id": gone, "tag": "a"}, headers={"If-Match": now}
    ).is_success
    unmerge(ana, contact_id=gone)
    after = {ana.get_contact(contact_id=uuid).headers["etag"] for uuid in (gone, kept)}
    assert after & {*tags.values(), now} == set()


def test_expanded_tells_who_was_merged(ana: Person) -> None:
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    assert seen(ana, kept, "merged_from")["merged_from"] == []
    assert "merged_from" not in seen(ana, kept)
    merge(ana, gone, kept)
    [one] = seen(ana, kept, "merged_from")["merged_from"]
    assert one["id"] == gone
    unmerge(ana, contact_id=gone)
    assert seen(ana, kept, "merged_from")["merged_from"] == []


# Once and for all


async def test_a_dry_run_changes_nothing(bed: Bed, ana: Person) -> None:
    gone = created(ana, phone=PHONE, email=EMAIL, tags="vip", metadata={"a": 1})
    kept = created(ana, phone=OTHER, name="Romain")
    before = await bed.digest()
    would = merge(ana, gone, kept, dry_run=True)
    assert await bed.digest() == before
    assert would["merge_id"] is None
    done = merge(ana, gone, kept)
    assert {**would, "merge_id": done["merge_id"]} == done


async def test_merging_again_changes_nothing(bed: Bed, ana: Person) -> None:
    gone, kept = created(ana, phone=PHONE, tags="vip"), created(ana, phone=OTHER)
    done = merge(ana, gone, kept)
    before = await bed.digest()
    for given in ({}, {"dry_run": True}):
        assert merge(ana, gone, kept, **given) == done
    assert await bed.digest() == before


async def test_a_call_with_a_key_is_answered_again(bed: Bed, ana: Person) -> None:
    """Also what was asked of the merged one before."""
    key = {"Idempotency-Key": uuid4().hex}
    first = ana.post("create-contact", {"phone": PHONE}, headers=key)
    gone, kept = first.json()["id"], created(ana, phone=OTHER)
    body = {"contact_id": gone, "into": kept}
    merge_key = {"Idempotency-Key": uuid4().hex}
    done = ana.post("merge-contacts", body, headers=merge_key)
    again = ana.post("merge-contacts", body, headers=merge_key)
    assert (again.content, again.headers["etag"]) == (done.content, done.headers["etag"])
    for _ in range(2):
        again = ana.post("create-contact", {"phone": PHONE}, headers=key)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.content == first.content
        ana.post("unmerge-contacts", {"contact_id": gone})


# Refusals


async def test_refused(bed: Bed, ana: Person, ben: Person, mallory: Person) -> None:
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    other, hers = created(ana, phone=THIRD), created(mallory, phone=PHONE)
    merge(ana, other, kept)
    before = await bed.digest()
    for contact_id, into in ((gone, gone), (gone, gone.upper()), (kept, other), (other, other)):
        assert_invalid(ana.post("merge-contacts", {"contact_id": contact_id, "into": into}), "into")
    for unknown in (str(uuid4()), hers):
        for given in ({"contact_id": unknown, "into": kept}, {"contact_id": gone, "into": unknown}):
            answer = ana.post("merge-contacts", given)
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
        answer = ana.post("unmerge-contacts", {"contact_id": unknown})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
        answer = ana.post("unmerge-contacts", {"merge_id": unknown})
        assert (answer.status_code, answer.json()) == (404, {"error": "Merge not found"})
    assert_invalid(ana.post("merge-contacts", {}), "contact_id", "into")
    wrong = {"contact_id": "x", "into": 5, "dry_run": "yes"}
    assert_invalid(ana.post("merge-contacts", wrong), "contact_id", "into", "dry_run")
    assert_invalid(ana.post("unmerge-contacts", {"contact_id": gone}), "contact_id")
    assert ana.post("unmerge-contacts", {}).status_code == 422
    assert ana.post("unmerge-contacts", {"contact_id": gone, "merge_id": gone}).status_code == 422
    body = {"contact_id": gone, "into": kept}
    for action in ("merge-contacts", "unmerge-contacts"):
        given = body if action == "merge-contacts" else {"contact_id": other}
        answer = ben.post(action, given)
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
        answer = bed.nobody.post(action, given)
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert await bed.digest() == before


# Two again


def everything(caller: Person, *uuids: str) -> dict[str, Any]:
    """All that get-contact tells, times and versions aside."""
    return {uuid: seen(caller, uuid, *WHOLE, "reachability") for uuid in uuids}


def test_back_as_they_were(ana: Person) -> None:
    gone = created(ana, phone=PHONE, name="Rom", email=EMAIL, tags="vip,b2b", metadata={"a": 1})
    kept = created(ana, phone=OTHER, tags="b2b,fr", metadata={"c": None})
    before = everything(ana, gone, kept)
    done = merge(ana, gone, kept)
    answer = ana.post("unmerge-contacts", {"merge_id": done["merge_id"]})
    assert list(answer.json()) == ["merge_id", "contact", "survivor"]
    assert answer.json()["contact"]["id"] == gone
    assert answer.json()["survivor"]["id"] == kept
    assert answer.headers["etag"] == ana.get_contact(contact_id=gone).headers["etag"]
    assert everything(ana, gone, kept) == before


@pytest.mark.parametrize("has_another", [False, True])
def test_a_phone_removed_meanwhile_is_not_shown_again(ana: Person, has_another: bool) -> None:
    """Whoever comes back has a phone that finds them, or none."""
    gone, kept = created(ana, phone=PHONE), created(ana, phone=OTHER)
    if has_another:
        given = {"contact_id": gone, "kind": "phone", "value": "+14155550177"}
        assert ana.post("add-identity", given).status_code == 200
    merge(ana, gone, kept)
    named = {"kind": "phone", "value": PHONE}
    assert ana.post("remove-identity", {"contact_id": kept, **named}).status_code == 200
    somebody = created(ana, phone=PHONE)
    unmerge(ana, contact_id=gone)
    back = seen(ana, gone, "identities")
    assert back["phone"] == ("+14155550177" if has_another else None)
    assert [one["value"] for one in back["identities"]] == ["+14155550177"] * has_another
    assert ana.get_contact(phone=PHONE).json()["id"] == somebody
    if has_another:
        assert ana.get_contact(phone="+14155550177").json()["id"] == gone
    found = ana.post("search-contacts", {"query": PHONE}).json()
    assert [one["id"] for one in found] == [somebody]
    assert seen(ana, kept)["phone"] == OTHER


def test_what_was_written_since_stays_with_the_survivor(ana: Person) -> None:
    gone = created(
        ana, phone=PHONE, name="Rom", email=EMAIL, tags="vip,b2b", metadata={"a": 1, "b": 1}
    )
    kept = created(ana, phone=OTHER, tags="fr")
    merge(ana, gone, kept)
    ana.post("update-contact", {"contact_id": gone, "name": "Romain", "metadata": {"a": 2, "z": 1}})
    ana.post("add-tag", {"contact_id": gone, "tag": "new"})
    unmerge(ana, contact_id=gone)
    back, survivor = seen(ana, gone), seen(ana, kept)
    assert (back["name"], back["email"], back["tags"]) == ("Rom", EMAIL, ["vip", "b2b"])
    assert back["metadata"] == {"a": 1, "b": 1}
    assert (survivor["name"], survivor["email"], survivor["tags"]) == (
        "Romain",
        None,
        ["new", "fr"],
    )
    assert survivor["metadata"] == {"a": 2, "z": 1}
    assert ana.get_contact(phone=PHONE).json()["id"] == gone


def test_what_two_brought_goes_with_the_last(ana: Person) -> None:
    """The second merged holds a name and a tag too: they are its gift when the first goes."""
    first = created(ana, phone=PHONE, name="Rom", tags="vip")
    second = created(ana, phone=OTHER, name="Romain", tags="vip,b2b")
    kept = created(ana, phone=THIRD)
    before = everything(ana, first, second, kept)
    merge(ana, first, kept)
    merge(ana, second, kept)
    assert seen(ana, kept)["name"] == "Rom"
    unmerge(ana, contact_id=first)
    assert seen(ana, kept)["name"] == "Romain"
    assert sorted(seen(ana, kept)["tags"]) == ["b2b", "vip"]
    unmerge(ana, contact_id=second)
    assert everything(ana, first, second, kept) == before


def test_a_chain_is_undone_from_its_end(ana: Person) -> None:
    first, second, third = (
        created(ana, phone=phone, tags=tag)
        for phone, tag in ((PHONE, "a"), (OTHER, "b"), (THIRD, "c"))
    )
    before = everything(ana, first, second, third)
    one = merge(ana, first, second)
    between = everything(ana, first, second, third)
    two = merge(ana, second, third)
    answer = ana.post("unmerge-contacts", {"contact_id": first})
    assert answer.status_code == 409
    assert two["merge_id"] in answer.json()["error"]
    assert answer.json()["contact_ids"] == [second, third]
    assert answer.json()["field"] == "contact_id"
    unmerge(ana, contact_id=second)
    assert everything(ana, first, second, third) == between
    unmerge(ana, merge_id=one["merge_id"])
    assert everything(ana, first, second, third) == before
    answer = ana.post("unmerge-contacts", {"merge_id": one["merge_id"]})
    assert answer.status_code == 409
    assert answer.json()["contact_ids"] == [first, second]


def test_both_logs_tell(bed: Bed, ana: Person) -> None:
    gone, kept = created(ana, phone=PHONE, name="Rom"), created(ana, phone=OTHER)
    done = merge(ana, gone, kept)
    unmerge(ana, contact_id=gone)
    for uuid in (gone, kept):
        log = seen(ana, uuid, "history")["history"]
        assert [entry["what"] for entry in log] == [
            "contact.unmerged", "contact.merged", "contact.created",
        ]  # fmt: skip
        told = {"merge_id": done["merge_id"], "contact_id": gone, "into": kept}
        assert [entry["after"] for entry in log[:2]] == [told, told]
        assert {entry["user"]["id"] for entry in log} == {ana.user.id}


def test_export_holds_the_journal(ana: Person) -> None:
    gone, kept = created(ana, phone=PHONE, name="Rom", tags="vip"), created(ana, phone=OTHER)
    was = seen(ana, gone, "identities")
    done = merge(ana, gone, kept)
    held = ana.post("export-contact", {"contact_id": kept}).json()
    [journal] = held["merges"]
    assert (journal["id"], journal["merged_id"], journal["into"]) == (done["merge_id"], gone, kept)
    assert journal["before"]["merged"]["contact"]["name"] == "Rom"
    before = journal["before"]
    assert list(before["merged"]["contact"]) == list(held["contact"])
    assert before["merged"]["contact"]["created_at"] == was["created_at"]
    names = [{key: one[key] for key in one if key != "retired_at"} for one in was["identities"]]
    assert before["merged"]["identities"] == names
    assert [one["name"] for one in before["merged"]["tags"]] == ["vip"]
    changed = [(one["group"], one["key"], one["before"]) for one in before["changes"]]
    assert changed == [("field", "name", None), ("tag", "vip", None)]
    assert before["changes"][0]["after"] == "Rom"
    assert before["changes"][1]["after"] == before["merged"]["tags"][0]["added_at"]
    text = json.dumps(before)
    assert not re.search(r"row_id|version|: \d{10}|T[\d:]+(?!\+00:00)[.Z]", text), text
    assert {entry["contact_id"] for entry in held["history"]} == {gone, kept}
    unmerge(ana, contact_id=gone)
    [journal] = ana.post("export-contact", {"contact_id": kept}).json()["merges"]
    assert journal["before"] is None
    assert journal["undone_at"] is not None


# Erasure


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("by", ["survivor", "merged"])
async def test_no_byte_is_left_of_either(
    database_url: str, http: httpx.Client, tmp_path: Path, by: str
) -> None:
    """Of the survivor and of who was merged into it, through a chain, by whichever id."""
    log = tmp_path / "server.log"
    options: dict[str, Any] = {"database_url": database_url, "rate_limit_per_minute": 0}
    people = [Traces() for _ in range(3)]
    with serving(log, **options, log_requests="true", secret_key=SECRET_KEY) as running:
        async with wiring.opened(Settings(database_url=database_url)) as runner:
            bed = Bed(running, runner, http)
            ana = await bed.owner("Ana", scope="admin")
            for number in range(20):
                ana.create_contact(phone=f"+1415555{number:04}", name="Somebody", tags="vip")
            ids = [live_a_life(ana, people[0])]
            for traces in people[1:]:
                given = {"name": traces.text(), "email": traces.email()}
                more = {traces.text("key "): traces.text()}
                ids.append(created(ana, phone=traces.phone, metadata=more, **given))
            for uuid, traces in zip(ids, people, strict=True):
                told(ana, uuid, "withdrawn")
                ana.post("update-contact", {"contact_id": uuid, "name": traces.text()})
            merge(ana, ids[0], ids[1])
            merge(ana, ids[1], ids[2])
            ana.post("find-duplicates", {})
            whole = "\n".join(value for _, value in await bed.read(texts))
            assert all(traces.phone in whole for traces in people), "the search can find"
            body = {"contact_id": ids[2 if by == "survivor" else 0]}
            assert ana.post("delete-contact", body).json()["id"] == ids[2]
            left = await bed.read(texts)
            assert [traces.places_in(left) for traces in people] == [[], [], []]
            for uuid in ids:
                assert ana.get_contact(contact_id=uuid).status_code == 404
                answer = ana.post("unmerge-contacts", {"contact_id": uuid})
                assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
            for traces in people:  # none is a way around the opt-out
                again = created(ana, phone=traces.phone)
                assert state_of(ana, again) == "withdrawn"
                ana.post("delete-contact", {"contact_id": again})
        assert running.stop() == 0
    for path in tmp_path.iterdir():
        assert [traces.found_in(path.read_bytes()) for traces in people] == [[], [], []], path.name


@pytest.mark.row("T18.1")
async def test_who_was_split_off_is_erased_alone_and_whole(bed: Bed) -> None:
    """Also from the log and the ledger of the contact in which they lived for a time."""
    ana = await bed.owner("Ana", scope="admin")
    traces, others = Traces(), Traces()
    gone, kept = live_a_life(ana, traces), live_a_life(ana, others)
    told(ana, gone, "withdrawn")
    told(ana, kept, "granted")
    merge(ana, gone, kept)
    ana.post("update-contact", {"contact_id": kept, "name": "Zed", "metadata": {"a": 1}})
    ana.post("add-tag", {"contact_id": kept, "tag": "new"}, headers={"Idempotency-Key": "k"})
    unmerge(ana, contact_id=gone)
    ana.post("delete-contact", {"contact_id": gone})
    assert traces.places_in(await bed.read(texts)) == []
    assert seen(ana, kept)["phone"] == others.phone


# Races


@pytest.mark.row("S5")
async def test_nothing_is_lost_beside_updates(bed: Bed) -> None:
    """Each update made meanwhile is in the survivor, or was answered with an error."""
    ana = await bed.owner("Ana", scope="admin")
    for round_ in range(4):
        phones = [f"+1415556{round_:02}{n:02}" for n in range(2)]
        gone, kept = (created(ana, phone=phone) for phone in phones)
        calls: list[tuple[str, dict[str, Any]]] = []
        for n in range(8):
            for side, uuid in (("gone", gone), ("kept", kept)):
                calls.append(("add-tag", {"contact_id": uuid, "tag": f"{side}{n}"}))
                metadata = {f"{side}{n}": n}
                calls.append(("update-contact", {"contact_id": uuid, "metadata": metadata}))
        calls.insert(len(calls) // 2, ("merge-contacts", {"contact_id": gone, "into": kept}))
        async with httpx.AsyncClient(timeout=60) as client:
            headers = {"Authorization": f"Bearer {ana.token}"}
            answers = await asyncio.gather(
                *(
                    client.post(f"{ana.url}/api/v1/actions/{name}", json=body, headers=headers)
                    for name, body in calls
                )
            )
        merged = [a for (name, _), a in zip(calls, answers, strict=True) if "merge" in name]
        assert [answer.status_code for answer in merged] == [200]
        found = seen(ana, gone, "identities")
        assert found["id"] == kept
        assert [one["value"] for one in found["identities"]] == phones
        for (name, body), answer in zip(calls, answers, strict=True):
            assert answer.status_code in (200, 503), answer.text
            if name == "add-tag" and answer.is_success:
                assert body["tag"] in found["tags"]
            if name == "update-contact" and answer.is_success:
                assert body["metadata"].items() <= found["metadata"].items()
        etags = [a.headers["etag"] for a in answers if a.is_success]
        of_kept = [etag for etag in etags if kept in etag]
        assert len({*etags}) == len(etags), "each change has a version of its own"
        assert ana.get_contact(contact_id=gone).headers["etag"] in of_kept
        unmerge(ana, contact_id=gone)
        assert ana.get_contact(phone=phones[0]).json()["id"] == gone


# Any two


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@any_of(data=st.data())
def test_merge_then_unmerge_is_nothing(ana: Person, data: st.DataObject) -> None:
    names = st.sampled_from([None, "Rom", "Romain"])
    emails = st.sampled_from([None, EMAIL, "other@example.com"])
    tags = st.lists(st.sampled_from(["vip", "b2b", "fr", "VIP"]), unique=True)
    values = st.sampled_from([None, 1, True, 1.5, "x", [1, None], {"a": {"b": False}}])
    metadata = st.dictionaries(st.sampled_from(["a", "b", "c", "ß"]), values)
    made = []
    for _ in range(2):
        phone = f"+9{random.randrange(10**12, 10**13)}"
        more = {"name": data.draw(names), "email": data.draw(emails)}
        more |= {"tags": data.draw(tags), "metadata": data.draw(metadata)}
        made.append(created(ana, phone=phone, **more))
        if state := data.draw(st.sampled_from([None, "granted", "pending", "withdrawn"])):
            given_ = {"contact_id": made[-1], "channel": "whatsapp", "purpose": "marketing"}
            more = {"state": state, "source": "api", "method": "checkbox"}
            assert ana.post("set-consent", {**given_, **more}).is_success
    before = everything(ana, *made)
    merge(ana, *made)
    unmerge(ana, contact_id=made[0])
    assert everything(ana, *made) == before
