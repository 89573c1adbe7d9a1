"""find-duplicates: who may be there twice, and why; nothing is merged."""

from typing import Any

import pytest

from kith.actions import duplicates
from tests.api.refusals import UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

SHORT, LONG = "+558899448232", "+5588999448232"
PAIRS = {
    "brazil": ("+553196883193", "+5531996883193", False),
    "mexico": ("+5215512345678", "+525512345678", False),
    "argentina": ("+5491123456789", "+541123456789", True),
}
STRANGERS = [("+551133334444", "+5511933334444"), ("+553171234567", "+5531971234567")]


def found(caller: Person, **given: Any) -> dict[str, Any]:
    answer = caller.post("find-duplicates", given)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def pairs(page: dict[str, Any]) -> list[tuple[str, list[tuple[str, list[str], bool]]]]:
    return [
        (
            one["contact"]["id"],
            [(other["contact"]["id"], other["why"], other["inferred"]) for other in one["others"]],
        )
        for one in page["duplicates"]
    ]


async def make(bed: Bed, caller: Person, *phones: str, **given: Any) -> list[str]:
    """Contacts of their own, also where a variant would be taken for the same person."""
    made = []
    for at, phone in enumerate(phones):
        stand_in = f"+1415556{len(made):02}{at:02}"
        uuid = caller.create_contact(phone=stand_in, **given).json()["id"]
        for table, column in (("identities", "value"), ("contacts", "phone")):
            await bed.change(
                f"UPDATE {table} SET {column} = :phone"
                f" WHERE {column} = :was AND tenant_id = :tenant_id",
                phone=phone, was=stand_in, tenant_id=caller.user.tenant_id,
            )  # fmt: skip
        made.append(uuid)
    return made


@pytest.mark.parametrize("country", PAIRS)
@pytest.mark.parametrize("is_turned", [False, True])
async def test_two_spellings_of_one_number(
    bed: Bed, ana: Person, country: str, is_turned: bool
) -> None:
    one, other, inferred = PAIRS[country]
    first, second = await make(bed, ana, *((other, one) if is_turned else (one, other)))
    assert pairs(found(ana)) == [(first, [(second, ["number"], inferred)])]


@pytest.mark.parametrize("numbers", STRANGERS)
async def test_what_only_looks_alike_is_nobody_s_double(
    bed: Bed, ana: Person, numbers: tuple[str, str]
) -> None:
    await make(bed, ana, *numbers)
    assert found(ana) == {"duplicates": [], "next_cursor": None}


def test_the_same_email_address(ana: Person, mallory: Person) -> None:
    for person in (ana, mallory):
        person.create_contact(phone="+14155550100", email="same@example.com")
    assert found(ana)["duplicates"] == []
    emails = ("Same@Example.com", "other@example.com", "same@example.com", None)
    made = [
        ana.create_contact(phone=f"+1415555010{n}", email=email).json()["id"]
        for n, email in enumerate(emails)
    ]
    assert pairs(found(ana)) == [(made[0], [(made[2], ["email"], False)])]


async def test_both_reasons_at_once(bed: Bed, ana: Person) -> None:
    first, second = await make(bed, ana, SHORT, LONG, email="same@example.com")
    page = found(ana)
    assert pairs(page) == [(first, [(second, ["email", "number"], False)])]
    assert page["duplicates"][0]["others_count"] == 1


async def test_a_learnt_wa_id_counts_as_a_number(bed: Bed, ana: Person) -> None:
    [first, second] = await make(bed, ana, LONG, "+14155550177")
    await bed.change(
        "INSERT INTO identities (tenant_id, kind, value, contact_id, created_at)"
        " SELECT tenant_id, 'wa_id', :value, id, 1 FROM contacts WHERE uuid = :uuid",
        value=SHORT[1:], uuid=second,
    )  # fmt: skip
    assert pairs(found(ana)) == [(first, [(second, ["number"], False)])]


@pytest.mark.row("L9")
def test_many_with_one_address_are_counted(ana: Person) -> None:
    for n in range(25):
        ana.create_contact(phone=f"+14155551{n:03}", email="info@example.com")
    [one] = found(ana)["duplicates"]
    assert (len(one["others"]), one["others_count"]) == (duplicates.OTHERS_MAX, 24)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_page_by_page_each_is_met_once(ana: Person, limit: int) -> None:
    for n in range(10):
        ana.create_contact(phone=f"+14155551{n:03}", email=f"pair{n % 5}@example.com")
    whole, cursor = found(ana)["duplicates"], None
    assert len(whole) == 5
    met: list[Any] = []
    while True:
        page = found(ana, limit=limit, cursor=cursor)
        assert len(page["duplicates"]) <= limit
        met += page["duplicates"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert met == whole


async def test_a_merge_ends_it(bed: Bed, ana: Person) -> None:
    before = await bed.digest()
    assert found(ana)["duplicates"] == []
    assert await bed.digest() == before
    first, second = await make(bed, ana, SHORT, LONG)
    ana.post("merge-contacts", {"contact_id": second, "into": first})
    assert found(ana)["duplicates"] == []
    ana.post("unmerge-contacts", {"contact_id": second})
    assert len(found(ana)["duplicates"]) == 1


def test_refused(bed: Bed, ana: Person, ben: Person) -> None:
    assert_invalid(ana.post("find-duplicates", {"limit": 501, "cursor": "x"}), "limit", "cursor")
    assert ben.post("find-duplicates", {}).status_code == 200
    answer = bed.nobody.post("find-duplicates", {})
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
