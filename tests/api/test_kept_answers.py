"""Answers kept for a repeat that tell about two people: each forgets with either (row T18.1)."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.test_erasure import texts
from tests.api.test_idempotency import BODIES, WRITES, make_ready
from tests.cast import Bed, Person

OTTER = {"phone": "+14155550123", "name": "Otter", "email": "otter@mail.example"}
SEAL = {"phone": "+14155550124", "name": "Seal", "metadata": {"told": "Seal himself"}}
MARKS = {"otter": ("Otter", "otter@", OTTER["phone"]), "seal": ("Seal", SEAL["phone"])}


class Two:
    """Otter, who is merged into Seal, and calls about both; each call has a key of its own."""

    def __init__(self, caller: Person) -> None:
        self.caller = caller
        self.made = {"otter": self._made(OTTER), "seal": self._made(SEAL)}

    def _made(self, given: dict[str, Any]) -> str:
        return str(self.caller.create_contact(**given).json()["id"])

    @property
    def both(self) -> dict[str, Any]:
        return {"contact_id": self.made["otter"], "into": self.made["seal"]}

    def call(self, name: str, body: dict[str, Any], key: str) -> httpx.Response:
        return self.caller.post(name, body, headers={"Idempotency-Key": key})

    def done(self, name: str, body: dict[str, Any], key: str) -> bytes:
        answer = self.call(name, body, key)
        assert answer.is_success, answer.text
        return answer.content

    def try_out(self) -> bytes:
        return self.done("merge-contacts", {**self.both, "dry_run": True}, "try")

    def merge(self, key: str = "merge") -> bytes:
        return self.done("merge-contacts", self.both, key)

    def tag(self) -> bytes:
        """Of the survivor, whose e-mail address is Otter's while they are one."""
        return self.done("add-tag", {"contact_id": self.made["seal"], "tag": "sea"}, "tag")

    def unmerge(self, key: str = "unmerge") -> bytes:
        return self.done("unmerge-contacts", {"contact_id": self.made["otter"]}, key)

    def erase(self, who: str) -> None:
        answer = self.caller.post("delete-contact", {"contact_id": self.made[who]})
        assert answer.status_code == 200, answer.text

    def export(self, who: str) -> list[dict[str, Any]]:
        answer = self.caller.post("export-contact", {"contact_id": self.made[who]})
        kept: list[dict[str, Any]] = answer.json()["kept_answers"]
        return kept


@pytest.fixture
def two(ana: Person) -> Two:
    return Two(ana)


async def about(bed: Bed, two: Two) -> dict[str, tuple[str, set[str]]]:
    """What is kept, by key: the answer, and about whom."""
    rows = await bed.rows(
        "SELECT key, answer, contact_uuid, other_uuid FROM idempotency_keys"
        " WHERE tenant_id = :tenant_id",
        tenant_id=two.caller.user.tenant_id,
    )
    return {key: (answer, {one for one in ids if one is not None}) for key, answer, *ids in rows}


LIVES = {
    "tried out": ["try_out"],
    "merged and unmerged": ["merge", "tag", "unmerge"],
    "all of it": ["try_out", "merge", "tag", "unmerge"],
}


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("who", MARKS)
@pytest.mark.parametrize("life", LIVES)
async def test_nothing_that_tells_about_both_outlives_either(
    bed: Bed, two: Two, life: str, who: str
) -> None:
    for step in LIVES[life]:
        getattr(two, step)()
    two.erase(who)
    left = str(await about(bed, two))
    assert [mark for mark in MARKS[who] if mark in left] == []
    again = two.call("merge-contacts", {**two.both, "dry_run": True}, "try")
    assert again.status_code == 404
    again = two.call("unmerge-contacts", {"contact_id": two.made["otter"]}, "unmerge")
    assert again.status_code in (404, 422)


@pytest.mark.row("T1.1")
@pytest.mark.parametrize("life", LIVES)
async def test_an_export_tells_of_nobody_else(bed: Bed, two: Two, life: str) -> None:
    for step in LIVES[life]:
        getattr(two, step)()
    for who, other in (("otter", "seal"), ("seal", "otter")):
        kept = two.export(who)
        text = str(kept)
        assert [mark for mark in MARKS[other] if mark in text] == []
        assert all((one["key"], one["answer"]) == (None, None) for one in kept)
        assert kept, "that there is one is told"


def test_while_they_are_one_the_answers_are_theirs(two: Two) -> None:
    two.merge()
    two.tag()
    for who in ("otter", "seal"):  # the merged id stands for the survivor
        assert [one["key"] for one in two.export(who)] == ["tag", "merge"]
        assert "otter@mail.example" in str(two.export(who))


@pytest.mark.row("T3.6")
async def test_merges_take_them_along_and_bring_them_back(bed: Bed, two: Two) -> None:
    """Nothing is done again by a repeat, and they are of the same two at the end."""
    tried = two.try_out()
    merged = two.merge()
    third = str(two.caller.create_contact(phone="+14155550125").json()["id"])
    chain = {"contact_id": two.made["seal"], "into": third}
    two.done("merge-contacts", chain, "chain")
    assert (two.try_out(), two.merge()) == (tried, merged)
    two.done("unmerge-contacts", {"contact_id": two.made["seal"]}, "unchain")
    unmerged = two.unmerge()
    again = two.merge(key="once-more")
    assert two.unmerge() == unmerged, "which undoes nothing this time"
    two.unmerge(key="and-back")
    assert (two.try_out(), two.merge()) == (tried, merged)
    assert again != merged
    told = {key: ids for key, (_, ids) in (await about(bed, two)).items()}
    pair = {*two.made.values()}
    assert [told[key] for key in ("try", "merge", "unmerge", "once-more", "and-back")] == [pair] * 5
    assert (told["chain"], told["unchain"]) == ({third, two.made["seal"]},) * 2
    two.erase("otter")
    assert await about(bed, two) == {}


@pytest.mark.row("T18.1", "T3.6")
async def test_the_key_of_an_erasure_may_name_whom_it_erases(bed: Bed, two: Two) -> None:
    body, other = ({"contact_id": two.made[who]} for who in ("otter", "seal"))
    key = f"del+14155550123-{uuid4().hex}"
    first = two.done("delete-contact", body, key)
    again = two.call("delete-contact", body, key)
    assert (again.status_code, again.content) == (200, first)
    assert again.headers["idempotency-replayed"] == "true"
    assert two.call("delete-contact", other, key).status_code == 422
    two.done("delete-contact", other, f"{key}-other")
    assert [where for where, value in await bed.read(texts) if key in value] == []


def test_a_history_that_was_blanked_is_another_version(two: Two) -> None:
    two.merge()
    two.tag()
    two.unmerge()
    asked = {"contact_id": two.made["seal"], "expand": ["history"]}
    before = two.caller.post("get-contact", asked)
    known = {"If-None-Match": before.headers["etag"]}
    assert two.caller.post("get-contact", asked, headers=known).status_code == 304
    two.erase("otter")
    after = two.caller.post("get-contact", asked, headers=known)
    assert after.status_code == 200
    assert after.json() != before.json()
    assert after.json()["history"][0]["after"] is None


@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
async def test_an_export_says_when_there_are_more(
    bed: Bed, two: Two, more: int, is_whole: bool
) -> None:
    for number in range(1_000 + more):
        await bed.change(
            "INSERT INTO idempotency_keys (tenant_id, action, key, body_digest, status, answer,"
            " contact_uuid, created_at) VALUES (:tenant_id, 'add-tag', :key, '', 200, '{}', :uuid,"
            " :at)",
            tenant_id=two.caller.user.tenant_id,
            key=f"k{number}",
            uuid=two.made["otter"],
            at=number,
        )
    held = two.caller.post("export-contact", {"contact_id": two.made["otter"]}).json()
    assert (len(held["kept_answers"]), held["kept_answers_complete"]) == (1_000, is_whole)
    assert held["kept_answers"][0]["key"] == f"k{999 + more}"


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("name", sorted(WRITES.keys() - {"delete-contact"}))
async def test_every_answer_names_whom_it_tells_about(bed: Bed, ana: Person, name: str) -> None:
    """And goes with them."""
    make_ready(ana, name)
    answer = ana.post(name, BODIES[name], headers={"Idempotency-Key": "k"})
    assert answer.is_success, answer.text
    [(uuid,)] = await bed.rows(
        "SELECT contact_uuid FROM idempotency_keys WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert uuid is not None
    assert uuid in answer.text
