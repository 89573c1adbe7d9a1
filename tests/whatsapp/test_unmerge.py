"""What WhatsApp tells while two contacts are one: an unmerge gives each what its numbers told."""

import time
from typing import Any

import pytest

from kith.domain.times import from_us, parse
from tests.cast import Bed, Person
from tests.graph import Graph, webhooks
from tests.graph import Person as Somebody
from tests.meta import SECOND_NUMBER_ID, Meta
from tests.whatsapp.sending import agree, nothing_waits

LONG, SHORT, THEIRS = "+5511987654321", "+551187654321", "+33755765902"
EXPANDED = ["identities", "reachability", "messages", "consent"]


def made(person: Person, phone: str, **given: Any) -> str:
    answer = person.create_contact(phone=phone, **given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def done(person: Person, action: str, **given: Any) -> dict[str, Any]:
    answer = person.post(action, given)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def seen(person: Person, contact_id: str) -> dict[str, Any]:
    found: dict[str, Any] = person.get_contact(contact_id=contact_id, expand=EXPANDED).json()
    return found


def names(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["kind"], one["value"]) for one in found["identities"]]


def told(found: dict[str, Any]) -> dict[str, Any]:
    """What messages tell of a contact, whichever it is."""
    return {
        **{key: found[key] for key in ("phone", "total_messages", "last_message_at")},
        **{key: found[key] for key in ("opted_in_at", "opted_out_at")},
        "names": sorted((one["kind"], one["confidence"]) for one in found["identities"]),
        "verdicts": [{**one, "phone": None} for one in found["reachability"]["numbers"]],
        "messages": [one["content"] for one in found["messages"]],
        "consent": [(one["channel"], one["purpose"], one["state"]) for one in found["consent"]],
    }


def reasons(found: dict[str, Any]) -> list[str]:
    """Of each business number, why it may send marketing or not."""
    return [one["marketing"]["reason"] for one in found["reachability"]["numbers"]]


def somebody(phone: str, spelling: str | None = None, **more: Any) -> Somebody:
    return Somebody(phone, wa_id=(spelling or phone)[1:], **more)


@pytest.fixture
def two(ana: Person, meta: Meta) -> tuple[str, str]:
    """Both agreed to offers."""
    found = made(ana, LONG, name="A"), made(ana, THEIRS, name="B")
    for phone in (LONG, THEIRS):
        agree(ana, phone, occurred_at="2026-01-01T00:00:00Z")
    return found


@pytest.mark.parametrize(
    "who",
    [
        somebody(LONG),
        somebody(LONG, SHORT),
        somebody(LONG, user_id="BR.775765"),
        somebody(LONG, SHORT, user_id="BR.775765"),
    ],
    ids=["number", "other spelling", "BSUID", "both"],
)
async def test_what_a_number_told_goes_with_it(
    ana: Person, meta: Meta, two: tuple[str, str], who: Somebody
) -> None:
    a, b = two
    before = told(seen(ana, b))
    done(ana, "merge-contacts", contact_id=a, into=b)
    now = time.time()
    await meta.told(webhooks.text(who, "Hi", at=now - 20))
    assert seen(ana, b)["reachability"]["free_form"]["allowed"]
    done(ana, "unmerge-contacts", contact_id=a)
    assert told(seen(ana, b)) == before
    back = seen(ana, a)
    assert names(back) == sorted(
        [("phone", LONG), ("wa_id", who.wa_id)] + ([("bsuid", "BR.775765")] * bool(who.user_id))
    )
    assert (back["total_messages"], len(back["messages"])) == (1, 1)
    assert back["last_message_at"] is not None
    assert back["reachability"]["free_form"]["allowed"]
    for key in ({"wa_id": who.wa_id}, {"phone": LONG}, {"phone": SHORT}):
        assert ana.get_contact(**key).json()["id"] == a
    await meta.told(webhooks.text(who, "STOP", at=now - 5))
    assert seen(ana, a)["opted_out_at"] is not None
    assert told(seen(ana, b)) == before
    done(ana, "add-identity", contact_id=a, kind="wa_id", value=who.wa_id)


async def test_a_person_known_by_an_id_alone(ana: Person, meta: Meta) -> None:
    """Their number, which they show only then, is theirs, too; the survivor shows its own."""
    said = webhooks.text(Somebody("", wa_id="", user_id="US.1"), "Hi", at=time.time() - 90)
    await meta.told(said)
    a = ana.get_contact(bsuid="US.1").json()["id"]
    b = made(ana, THEIRS)
    done(ana, "merge-contacts", contact_id=a, into=b)
    who = somebody("+14155550123", user_id="US.1")
    await meta.told(webhooks.text(who, "Again", at=time.time() - 30))
    assert len(names(seen(ana, b))) == 3
    done(ana, "unmerge-contacts", contact_id=a)
    assert ("wa_id", "14155550123") in names(seen(ana, a))
    assert names(seen(ana, b)) == [("phone", THEIRS)]
    assert (seen(ana, a)["total_messages"], seen(ana, b)["total_messages"]) == (2, 0)


async def test_a_spelling_that_a_caller_noted_goes_with_the_number(
    ana: Person, meta: Meta, two: tuple[str, str]
) -> None:
    a, b = two
    done(ana, "merge-contacts", contact_id=a, into=b)
    assert ana.create_contact(phone=SHORT).json()["id"] == b
    who = somebody(SHORT, user_id="BR.7")
    await meta.told(webhooks.text(who, "STOP", at=time.time() - 20))
    assert seen(ana, b)["opted_out_at"] is not None
    done(ana, "unmerge-contacts", contact_id=a)
    assert names(seen(ana, a)) == [
        ("bsuid", "BR.7"), ("phone", SHORT), ("phone", LONG), ("wa_id", SHORT[1:]),
    ]  # fmt: skip
    assert names(seen(ana, b)) == [("phone", THEIRS)]
    back, survivor = seen(ana, a), seen(ana, b)
    assert back["opted_out_at"] is not None
    assert survivor["opted_out_at"] is None
    assert survivor["reachability"]["marketing"]["allowed"]
    [row] = [
        one
        for one in done(ana, "list-consent", contact_id=a)["records"]
        if one["state"] == "withdrawn"
    ]
    assert (row["source"], row["evidence"]["said"]) == ("inbound", ["STOP"])


async def test_as_if_they_had_never_been_one(bed: Bed, ana: Person, meta: Meta) -> None:
    """Four people, of whom two are merged for a while: what each is told is the same in the end."""
    start = time.time() - 3_600
    phones = ["+5511987654001", "+33755765001", "+5511987654002", "+33755765002"]
    people = [somebody(one, user_id=f"FR.{at}") for at, one in enumerate(phones)]
    ids = [made(ana, one) for one in phones]
    for one in phones:
        agree(ana, one, occurred_at="2026-01-01T00:00:00Z")

    async def say(at: int, text: str, **more: Any) -> None:
        for person in (people[at], people[at + 2]):
            start_ = start + more.get("after", 0)
            rest = {key: value for key, value in more.items() if key != "after"}
            await meta.told(webhooks.text(person, text, at=start_, **rest))

    await say(0, "before", after=10)
    await say(1, "before too", after=5, number_id=SECOND_NUMBER_ID)
    done(ana, "merge-contacts", contact_id=ids[0], into=ids[1])
    await say(0, "one", after=20)
    await say(1, "two", after=8)
    await say(0, "three", after=30, number_id=SECOND_NUMBER_ID)
    await say(1, "four", after=7, number_id=SECOND_NUMBER_ID)
    await say(0, "STOP", after=40)
    await nothing_waits(bed, ana)
    done(ana, "unmerge-contacts", contact_id=ids[0])
    await say(1, "five", after=50)
    found = [told(seen(ana, one)) for one in ids]
    for one in found:
        del one["phone"]
    for one in (found[0], found[2]):  # each STOP was answered in a second of its own
        assert from_us(int(start + 3_600) * 1_000_000) <= parse(one.pop("last_message_at"))
    assert found[:2] == found[2:]


async def test_a_merge_that_is_undone_in_two_steps(ana: Person, meta: Meta) -> None:
    first, second, third = (
        made(ana, phone) for phone in ("+14155550101", "+14155550102", "+14155550103")
    )
    done(ana, "merge-contacts", contact_id=first, into=second)
    done(ana, "merge-contacts", contact_id=second, into=third)
    who = somebody("+14155550101", user_id="US.5")
    await meta.told(webhooks.text(who, "STOP", at=time.time() - 20))
    done(ana, "unmerge-contacts", contact_id=second)
    assert seen(ana, second)["total_messages"] > 0  # the answer to STOP may be on its way
    assert seen(ana, third)["total_messages"] == 0
    assert seen(ana, third)["opted_out_at"] is None
    done(ana, "unmerge-contacts", contact_id=first)
    assert names(seen(ana, first)) == [
        ("bsuid", "US.5"), ("phone", "+14155550101"), ("wa_id", "14155550101"),
    ]  # fmt: skip
    assert seen(ana, first)["total_messages"] > 0
    assert [seen(ana, one)["total_messages"] for one in (second, third)] == [0, 0]
    assert seen(ana, first)["opted_out_at"] is not None
    assert seen(ana, second)["opted_out_at"] is None


async def test_a_number_that_changed_meanwhile(
    ana: Person, meta: Meta, two: tuple[str, str]
) -> None:
    a, b = two
    done(ana, "merge-contacts", contact_id=a, into=b)
    moved = {"from": LONG[1:], "id": "wamid.moved", "timestamp": str(int(time.time()) + 60),
             "type": "system", "system": {"type": "user_changed_number",
                                          "wa_id": "5511911112222"}}  # fmt: skip
    await meta.told(webhooks.envelope({"messages": [moved]}))
    done(ana, "unmerge-contacts", contact_id=a)
    assert (seen(ana, a)["phone"], seen(ana, b)["phone"]) == ("+5511911112222", THEIRS)
    assert names(seen(ana, b)) == [("phone", THEIRS)]


async def test_a_refusal_goes_with_the_number_that_it_was_about(
    ana: Person, meta: Meta, graph: Graph, ids: dict[str, str], two: tuple[str, str]
) -> None:
    a, b = two
    before = told(seen(ana, b))
    done(ana, "merge-contacts", contact_id=a, into=b)
    graph.people.append(somebody(LONG, refuses=131049))
    given = {"template_id": ids["spring_offer"],
             "variables": {"first_name": "A", "discount": "10 %"}}  # fmt: skip
    answer = ana.post("send-template-message", {"phone": LONG, **given})
    assert answer.status_code == 422, answer.text
    assert graph.attempts[-1]["to"] == LONG
    assert "frequency_capped" in reasons(seen(ana, b))
    done(ana, "unmerge-contacts", contact_id=a)
    assert told(seen(ana, b)) == before
    assert "frequency_capped" in reasons(seen(ana, a))


async def test_ids_of_two_people_are_no_reason_for_doubt(
    ana: Person, meta: Meta, two: tuple[str, str]
) -> None:
    a, b = two
    now = time.time()
    await meta.told(webhooks.text(somebody(THEIRS, user_id="FR.1"), "Hi", at=now - 30))
    done(ana, "merge-contacts", contact_id=a, into=b)
    await meta.told(webhooks.text(somebody(LONG, user_id="BR.1"), "Hi", at=now - 20))
    assert seen(ana, b)["reachability"]["marketing"]["allowed"]
    await meta.told(webhooks.text(somebody(LONG, user_id="BR.2"), "Hi", at=now - 10))
    assert seen(ana, b)["reachability"]["marketing"]["reason"] == "identity_changed"
    done(ana, "unmerge-contacts", contact_id=a)
    assert seen(ana, a)["reachability"]["marketing"]["reason"] == "identity_changed"
    assert seen(ana, b)["reachability"]["marketing"]["allowed"]


async def test_what_they_gave_of_themselves_goes_with_them(ana: Person, meta: Meta) -> None:
    """A number given on request, and the address by which they said STOP."""
    await meta.told(
        webhooks.text(Somebody("", wa_id="", user_id="US.1"), "Hi", at=time.time() - 90)
    )
    a = ana.get_contact(bsuid="US.1").json()["id"]
    b = made(ana, THEIRS)
    done(ana, "merge-contacts", contact_id=a, into=b)
    card = {"origin": "contact_request", "phones": [{"wa_id": "14155550123"}]}
    who = Somebody("", wa_id="", user_id="US.1")
    await meta.told(
        webhooks.inbound(who, {"type": "contacts", "contacts": [card]}, at=time.time() - 60),
        webhooks.text(who, "STOP", at=time.time() - 30),
    )
    done(ana, "unmerge-contacts", contact_id=a)
    assert ("wa_id", "14155550123") in names(seen(ana, a))
    assert names(seen(ana, b)) == [("phone", THEIRS)]
    [row] = done(ana, "export-contact", contact_id=a)["consent_records"]
    assert (row["state"], THEIRS in str(row)) == ("withdrawn", False)


async def test_an_erasure_reaches_what_was_said_by_way_of_others(
    bed: Bed, ana: Person, meta: Meta
) -> None:
    first, second, third = (
        made(ana, phone) for phone in ("+14155550101", "+14155550102", "+14155550103")
    )
    done(ana, "merge-contacts", contact_id=first, into=second)
    done(ana, "merge-contacts", contact_id=second, into=third)
    await meta.told(webhooks.text(somebody("+14155550101"), "STOP", at=time.time() - 20))
    done(ana, "unmerge-contacts", contact_id=second)
    done(ana, "unmerge-contacts", contact_id=first)
    boss = await bed.person(ana.user, ana.workspace, scope="admin")
    done(boss, "delete-contact", contact_id=first)
    rows = await bed.rows(
        "SELECT address, evidence FROM consent_records WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert rows
    assert [row for row in rows if row != (None, None)] == []


async def test_a_number_that_was_given_up_is_nobodys_to_write_to(
    ana: Person, meta: Meta, graph: Graph, two: tuple[str, str]
) -> None:
    """It changed to one that somebody else has: no unmerge brings the former back."""
    a, b = two
    made(ana, "+5511911112222")
    done(ana, "merge-contacts", contact_id=a, into=b)
    moved = {"from": LONG[1:], "id": "wamid.moved", "timestamp": str(int(time.time()) + 60),
             "type": "system", "system": {"type": "user_changed_number",
                                          "wa_id": "5511911112222"}}  # fmt: skip
    await meta.told(webhooks.envelope({"messages": [moved]}))
    done(ana, "unmerge-contacts", contact_id=a)
    assert seen(ana, a)["phone"] is None
    answer = ana.post("send-text-message", {"contact_id": a, "message": "Hi"})
    assert (answer.status_code, graph.attempts) == (422, [])
