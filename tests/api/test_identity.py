"""Who somebody is: numbers in every spelling, further names, and nobody found by mistake."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any
from uuid import uuid4

import httpx
import pytest

from kith.domain.matches import TURNS, turn
from kith.domain.phone import Phone
from tests.api.refusals import FORBIDDEN, INVALID, NOT_FOUND, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person

PHONE = "+14155550123"
OTHER = "+14155550124"

# Every pair of the field's table, the last of them inferred.
PAIRS = [
    ("+558899448232", "+5588999448232", False),
    ("+553196883193", "+5531996883193", False),
    ("+552164180266", "+5521964180266", False),
    ("+551187654321", "+5511987654321", False),
    ("+5215512345678", "+525512345678", False),
    ("+5491123456789", "+541123456789", True),
]
BOTH_WAYS = [
    pair for one, other, sure in PAIRS for pair in ((one, other, sure), (other, one, sure))
]
# Numbers that look like a pair, and are two people's.
STRANGERS = [
    ("+551133334444", "+5511933334444"),
    ("+554532782153", "+5545932782153"),
    ("+553171234567", "+5531971234567"),
]
PAIR = BOTH_WAYS[0][:2]


async def set_region(bed: Bed, person: Person, region: str | None) -> None:
    await bed.change(
        "UPDATE tenants SET default_region = :region WHERE id = :id",
        region=region,
        id=person.user.tenant_id,
    )


def created(caller: Person, **given: object) -> dict[str, Any]:
    answer = caller.create_contact(**given)
    assert answer.status_code == 201, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


def matched(caller: Person, **key: object) -> Any:
    answer = caller.get_contact(**key, expand="match")
    assert answer.status_code == 200, answer.text
    return answer.json()["match"]


def names(caller: Person, contact_id: str) -> list[tuple[str, str, str]]:
    known_as = caller.get_contact(contact_id=contact_id, expand="identities").json()["identities"]
    return [(one["kind"], one["value"], one["confidence"]) for one in known_as]


def named(caller: Person, action: str = "add-identity", **given: object) -> httpx.Response:
    return caller.post(action, {**({"phone": PHONE} if "contact_id" not in given else {}), **given})


# WhatsApp's other spelling


@pytest.mark.parametrize(("stored", "asked", "inferred"), BOTH_WAYS)
def test_each_spelling_finds_a_contact_stored_as_the_other(
    ana: Person, stored: str, asked: str, inferred: bool
) -> None:
    saved = created(ana, phone=stored, name="Romain", tags="vip")
    whole = ana.get_contact(phone=stored)
    for spelled in (
        asked,
        asked[1:],
        int(asked[1:]),
        f"00{asked[1:]}",
        f"tel:{asked[:3]} {asked[3:]}",
    ):
        answer = ana.get_contact(phone=spelled)
        assert (answer.status_code, answer.content) == (200, whole.content)
        assert answer.headers["etag"] == whole.headers["etag"]
    assert ana.get_contact(wa_id=asked[1:]).content == whole.content
    assert ana.post("get-contacts", {"contacts": [{"phone": asked}]}).content == (
        b"[" + whole.content + b"]"
    )
    found = {"matched_by": "phone", "match_kind": "wa_variant"}
    assert matched(ana, phone=asked) == {**found, **({"inferred": True} if inferred else {})}
    assert matched(ana, phone=stored) == {"matched_by": "phone", "match_kind": "exact"}
    assert whole.json()["phone"] == stored
    assert names(ana, saved["id"]) == [("phone", stored, "given")], "a look-up writes nothing"


@pytest.mark.parametrize(("stored", "asked", "inferred"), BOTH_WAYS)
def test_every_operation_finds_it_so(ana: Person, stored: str, asked: str, inferred: bool) -> None:
    uuid = created(ana, phone=stored, name="Romain")["id"]
    for action, more in (
        ("update-contact", {"name": "Rom"}),
        ("add-tag", {"tag": "vip"}),
        ("remove-tag", {"tag": "vip"}),
        ("add-identity", {"kind": "external", "value": "shop:1"}),
        ("remove-identity", {"kind": "external", "value": "shop:1"}),
        ("find-or-create-contact", {}),
        ("find-or-create-contact", {"on_conflict": "update", "name": "R"}),
        ("create-contact", {"email": "romain@example.com"}),
        ("delete-contact", {}),
    ):
        answer = ana.post(action, {"phone": asked, **more})
        assert answer.is_success, (action, answer.text)
        assert (answer.json()["id"], answer.json().get("phone", stored)) == (uuid, stored)
    assert ana.get_contact(phone=stored).status_code == 404


def test_export_finds_it_so(ana: Person) -> None:
    stored, asked = PAIR
    uuid = created(ana, phone=stored)["id"]
    assert ana.post("export-contact", {"phone": asked}).json()["contact"]["id"] == uuid
    both = {"phone": asked, "contact_id": uuid}
    assert ana.post("update-contact", {**both, "name": "Rom"}).status_code == 200


@pytest.mark.parametrize(("one", "other"), [p for pair in STRANGERS for p in permutations(pair)])
def test_a_landline_is_never_matched_to_a_mobile(ana: Person, one: str, other: str) -> None:
    first = created(ana, phone=one)
    for key in ({"phone": other}, {"wa_id": other[1:]}, {"phone": other[1:]}):
        answer = ana.get_contact(**key)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
        assert ana.post("get-contacts", {"contacts": [key]}).json() == [NOT_FOUND]
    assert ana.post("add-tag", {"phone": other, "tag": "x"}).status_code == 404
    second = created(ana, phone=other)
    assert first["id"] != second["id"]
    assert ana.get_contact(phone=one).json()["id"] == first["id"]
    assert ana.get_contact(phone=other).json()["id"] == second["id"]


@pytest.mark.parametrize("action", ["create-contact", "find-or-create-contact"])
@pytest.mark.parametrize(("stored", "asked", "inferred"), BOTH_WAYS)
def test_creating_with_the_other_spelling_adds_to_the_contact(
    ana: Person, action: str, stored: str, asked: str, inferred: bool
) -> None:
    saved = created(ana, phone=stored, name="Romain")
    version = ana.get_contact(phone=stored).headers["etag"]
    given = {"phone": asked, "email": "romain@example.com", "on_conflict": "update"}
    answer = ana.post(action, given)
    assert (answer.json()["id"], answer.json()["phone"]) == (saved["id"], stored)
    assert answer.json().get("created", False) is False
    sure = "inferred" if inferred else "given"
    assert names(ana, saved["id"]) == sorted([("phone", stored, "given"), ("phone", asked, sure)])
    found = ana.get_contact(phone=asked)
    assert found.json() == ana.get_contact(phone=stored).json()
    assert (found.json()["phone"], found.json()["email"]) == (stored, "romain@example.com")
    assert found.headers["etag"] == answer.headers["etag"] != version
    kinds = {"matched_by": "phone", "match_kind": "exact"}
    assert matched(ana, phone=asked) == ({**kinds, "inferred": True} if inferred else kinds)
    again = ana.post(action, given)
    assert again.headers["etag"] == answer.headers["etag"], "nothing is new"


def test_the_audit_log_says_which_spelling_came(ana: Person) -> None:
    stored, asked = PAIR
    saved = created(ana, phone=stored)
    created(ana, phone=asked, name="Romain")
    history = ana.get_contact(phone=stored, expand="history").json()["history"]
    assert [(one["what"], one["before"], one["after"]) for one in history[:2]] == [
        ("contact.updated", {"name": None}, {"name": "Romain"}),
        ("contact.identity_added", None, {"identity": {"kind": "phone", "value": asked}}),
    ]
    assert {one["contact_id"] for one in history} == {saved["id"]}


async def test_returning_or_refusing_it_writes_nothing(bed: Bed, ana: Person) -> None:
    stored, asked = PAIR
    saved = created(ana, phone=stored)
    before = await bed.digest()
    answer = ana.post("find-or-create-contact", {"phone": asked, "name": "Rom"})
    assert (answer.status_code, answer.json()["created"]) == (200, False)
    answer = ana.post("find-or-create-contact", {"phone": asked, "on_conflict": "error"})
    assert answer.status_code == 409
    assert answer.json()["contact_ids"] == [saved["id"]]
    stale = ana.post("create-contact", {"phone": asked}, headers={"If-Match": '"x"'})
    assert stale.status_code == 412
    assert await bed.digest() == before


async def test_an_exact_number_beats_the_other_spelling(bed: Bed, ana: Person) -> None:
    """Two contacts from before both spellings were one: each is found as it stands."""
    stored, other = PAIR
    first, second = created(ana, phone=stored), created(ana, phone=PHONE)
    for column, table in (("phone", "contacts"), ("value", "identities")):
        await bed.change(
            f"UPDATE {table} SET {column} = :other"
            f" WHERE tenant_id = :tenant_id AND {column} = :phone",
            other=other,
            phone=PHONE,
            tenant_id=ana.user.tenant_id,
        )
    for phone, uuid in ((stored, first["id"]), (other, second["id"])):
        assert ana.get_contact(phone=phone).json()["id"] == uuid
        assert created(ana, phone=phone)["id"] == uuid
        assert matched(ana, wa_id=phone[1:]) == {"matched_by": "phone", "match_kind": "exact"}


def test_entity_tags_say_how_it_was_found(ana: Person) -> None:
    stored, asked = PAIR
    created(ana, phone=stored)
    tags = []
    for phone in (stored, asked):
        for expand in ([], ["match"], ["history", "match"]):
            answer = ana.get_contact(phone=phone, expand=expand)
            tags.append(answer.headers["etag"])
            known = ana.post(
                "get-contact",
                {"phone": phone, "expand": expand},
                headers={"If-None-Match": tags[-1]},
            )
            assert (known.status_code, known.content) == (304, b"")
            assert known.headers["etag"] == tags[-1]
    assert len(set(tags)) == 5, "without `match` it is the same answer"
    other = ana.post(
        "get-contact",
        {"phone": asked, "expand": "match"},
        headers={"If-None-Match": tags[1]},
    )
    assert other.status_code == 200
    ana.post("add-tag", {"phone": asked, "tag": "x"}, headers={"If-Match": tags[4]})
    assert ana.get_contact(phone=stored).json()["tags"] == ["x"]
    stale = ana.post("add-tag", {"phone": asked, "tag": "y"}, headers={"If-Match": tags[4]})
    assert stale.status_code == 412


# What is typed without a country code


@pytest.mark.row("T16.1")
async def test_the_workspace_s_region_reads_what_is_typed_there(bed: Bed, ana: Person) -> None:
    assert_invalid(ana.get_contact(phone="06 12 34 56 78"), "phone")
    assert_invalid(ana.create_contact(phone="06 12 34 56 78"), "phone")
    await set_region(bed, ana, "FR")
    assert ana.get_contact(phone="06 12 34 56 78").status_code == 404
    saved = created(ana, phone="06 12 34 56 78")
    assert saved["phone"] == "+33612345678"
    for typed in ("06 12 34 56 78", "0612345678", "+33612345678", "33612345678", "0033612345678"):
        assert ana.get_contact(phone=typed).json()["id"] == saved["id"]
        assert created(ana, phone=typed)["id"] == saved["id"]
        assert ana.post("add-tag", {"phone": typed, "tag": "x"}).json()["id"] == saved["id"]
        [found] = ana.post("get-contacts", {"contacts": [{"phone": typed}]}).json()
        assert found["id"] == saved["id"]
    assert ana.get_contact(phone="+41612345678").status_code == 404
    for cell in ("0612345678.0", "612345678.0", "33612345678.00"):  # of a column of numbers
        assert created(ana, phone=cell)["id"] == saved["id"]
    await set_region(bed, ana, None)
    assert_invalid(ana.get_contact(phone="06 12 34 56 78"), "phone")
    [refused] = ana.post("get-contacts", {"contacts": [{"phone": "0612345678"}]}).json()
    assert refused["message"] == INVALID
    assert list(refused["errors"]) == ["phone"]


async def test_a_mobile_as_it_was_dialled_once(bed: Bed, ana: Person) -> None:
    """Brazil put a 9 before its mobiles; WhatsApp and old lists know many without it."""
    await set_region(bed, ana, "BR")
    helena = created(ana, phone="+5588999448232")
    for typed in ("(88) 9944-8232", "88 9944 8232", 8899448232, "88 99944-8232"):
        assert ana.get_contact(phone=typed).json()["id"] == helena["id"]
        assert created(ana, phone=typed)["id"] == helena["id"]
    assert created(ana, phone="(11) 8765-0002")["phone"] == "+551187650002"
    found = ana.post("get-contacts", {"contacts": [{"phone": "(11) 98765-0002"}]}).json()
    assert found[0]["phone"] == "+551187650002"


async def test_of_two_readings_that_are_somebody_s_nobody_is_guessed(bed: Bed, ana: Person) -> None:
    """51968541943 is a mobile of Porto Alegre, and one of Peru whose + was lost."""
    await set_region(bed, ana, "BR")
    peru = created(ana, phone="+51968541943")
    assert ana.get_contact(phone="51968541943").json()["id"] == peru["id"]
    brazil = created(ana, phone="+5551968541943")
    ids = sorted([peru["id"], brazil["id"]])
    before = await bed.digest()
    for action, more in (
        ("get-contact", {}),
        ("get-contact", {"expand": ["match"]}),
        ("create-contact", {}),
        ("find-or-create-contact", {}),
        ("update-contact", {"name": "x"}),
        ("add-tag", {"tag": "x"}),
        ("remove-tag", {"tag": "x"}),
        ("add-identity", {"kind": "external", "value": "shop:1"}),
        ("remove-identity", {"kind": "external", "value": "shop:1"}),
        ("delete-contact", {}),
        ("export-contact", {}),
    ):
        answer = ana.post(action, {"phone": "51968541943", **more})
        assert answer.status_code == 409, (action, answer.text)
        assert list(answer.json()) == ["error", "field", "value", "contact_ids"]
        assert answer.json()["contact_ids"] == ids
        assert (answer.json()["field"], answer.json()["value"]) == ("phone", "+5551968541943")
    [refusal] = ana.post("get-contacts", {"contacts": [{"phone": 51968541943}]}).json()
    assert refusal["contact_ids"] == ids
    assert await bed.digest() == before
    for phone, uuid in (("+51968541943", peru["id"]), ("+5551968541943", brazil["id"])):
        assert ana.get_contact(phone=phone).json()["id"] == uuid


# Further names


NAMES = [
    ("wa_id", "wa_id", "14155559999", ["14155559999", "+14155559999", 14155559999]),
    ("bsuid", "bsuid", "US.13491208655302741918", ["US.13491208655302741918"]),
    ("username", "username", "romain.b", ["romain.b", "@romain.b", "ROMAIN.B"]),
    ("external", "external_id", "shopify:12345", ["shopify:12345"]),
    ("phone", "phone", "+14155559998", ["+14155559998", "+1 (415) 555-9998", 14155559998]),
]


@pytest.mark.parametrize(("kind", "field", "kept", "spellings"), NAMES)
def test_found_by_a_further_name(
    ana: Person, kind: str, field: str, kept: str, spellings: list[Any]
) -> None:
    saved = created(ana, phone=PHONE, name="Romain")
    version = ana.get_contact(phone=PHONE).headers["etag"]
    for value in spellings:
        assert ana.get_contact(**{field: value}).status_code == 404
    answer = named(ana, kind=kind, value=spellings[-1])
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["id", "phone", "identities"]
    assert (answer.json()["id"], answer.json()["phone"]) == (saved["id"], PHONE)
    assert {"kind": kind, "value": kept} in [
        {key: one[key] for key in ("kind", "value")} for one in answer.json()["identities"]
    ]
    assert answer.headers["etag"] != version
    for value in spellings:
        found = ana.get_contact(**{field: value})
        assert (found.status_code, found.headers["etag"]) == (200, answer.headers["etag"])
        assert found.json()["phone"] == PHONE
        assert matched(ana, **{field: value}) == {"matched_by": field, "match_kind": "exact"}
        assert ana.post("get-contacts", {"contacts": [{field: value}]}).json() == [found.json()]
        again = named(ana, kind=kind, value=value)
        assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    removed = named(ana, "remove-identity", kind=kind, value=spellings[0])
    assert removed.status_code == 200
    assert names(ana, saved["id"]) == [("phone", PHONE, "given")]
    assert ana.get_contact(**{field: kept}).status_code == 404
    twice = named(ana, "remove-identity", kind=kind, value=spellings[0])
    assert (twice.content, twice.headers["etag"]) == (removed.content, removed.headers["etag"])
    history = ana.get_contact(phone=PHONE, expand="history").json()["history"]
    told = {"identity": {"kind": kind, "value": kept}}
    assert [(one["what"], one["before"], one["after"]) for one in history[:2]] == [
        ("contact.identity_removed", told, {}),
        ("contact.identity_added", None, told),
    ]


@pytest.mark.parametrize(("kind", "field", "kept", "spellings"), NAMES)
async def test_a_name_has_one_owner(
    bed: Bed, ana: Person, kind: str, field: str, kept: str, spellings: list[Any]
) -> None:
    first, second = created(ana, phone=PHONE), created(ana, phone=OTHER)
    assert named(ana, kind=kind, value=kept).status_code == 200
    before = await bed.digest()
    for value in spellings:
        answer = named(ana, contact_id=second["id"], kind=kind, value=value)
        assert (answer.status_code, answer.json()) == (
            409,
            {
                "error": "Another contact holds this value.",
                "field": "value",
                "value": kept,
                "contact_ids": [first["id"]],
            },
        )
        removed = named(ana, "remove-identity", contact_id=second["id"], kind=kind, value=value)
        assert removed.status_code == 200, "it is not this contact's"
    assert await bed.digest() == before
    assert ana.get_contact(**{field: kept}).json()["id"] == first["id"]


@pytest.mark.parametrize("as_kind", ["phone", "wa_id"])
@pytest.mark.parametrize("spelling", PAIR)
def test_phones_and_whatsapp_ids_share_one_space(ana: Person, as_kind: str, spelling: str) -> None:
    """In either spelling, and whatever the holder has it as."""
    first, second = created(ana, phone=PHONE), created(ana, phone=OTHER)
    taken = PAIR[0] if as_kind == "phone" else PAIR[0][1:]
    assert named(ana, contact_id=first["id"], kind=as_kind, value=taken).status_code == 200
    for kind, value in (("phone", spelling), ("wa_id", spelling[1:])):
        answer = named(ana, contact_id=second["id"], kind=kind, value=value)
        assert answer.status_code == 409
        assert answer.json()["contact_ids"] == [first["id"]]
        assert ana.get_contact(**{kind: value}).json()["id"] == first["id"]
    assert created(ana, phone=spelling)["id"] == first["id"]
    own = named(ana, contact_id=second["id"], kind="wa_id", value=OTHER[1:])
    assert own.status_code == 200, "its own number's"
    answer = named(ana, contact_id=first["id"], kind="wa_id", value=OTHER[1:])
    assert answer.json()["contact_ids"] == [second["id"]]


def test_a_phone_finds_who_has_it_as_whatsapp_id(ana: Person) -> None:
    saved = created(ana, phone=PHONE)
    stored, other = PAIR
    named(ana, kind="wa_id", value=stored[1:])
    for phone, kind in ((stored, "exact"), (other, "wa_variant")):
        assert ana.get_contact(phone=phone).json()["id"] == saved["id"]
        assert matched(ana, phone=phone) == {"matched_by": "wa_id", "match_kind": kind}
    assert created(ana, phone=other)["phone"] == PHONE
    assert ("phone", other, "given") in names(ana, saved["id"])


async def test_a_further_phone_in_the_region_s_spelling(bed: Bed, ana: Person) -> None:
    saved = created(ana, phone=PHONE)
    answer = named(ana, kind="phone", value="06 12 34 56 78")
    assert_invalid(answer, "value")
    await set_region(bed, ana, "FR")
    assert named(ana, kind="phone", value="06 12 34 56 78").status_code == 200
    assert ana.get_contact(phone="+33612345678").json()["id"] == saved["id"]


async def test_names_refused(bed: Bed, ana: Person, ben: Person) -> None:
    saved = created(ana, phone=PHONE)
    before = await bed.digest()
    for action in ("add-identity", "remove-identity"):
        assert_invalid(ana.post(action, {"phone": PHONE}), "kind", "value")
        assert_invalid(named(ana, action, kind="email", value="a@example.com"), "kind")
        for kind, value in (
            ("wa_id", "x"), ("wa_id", "0123456"), ("bsuid", "us.1"), ("username", "12"),
            ("external", "12345"), ("external", ":1"), ("phone", "x"), ("phone", "1-800-FLOWERS"),
            ("username", 5), ("external", ["shop:1"]), ("wa_id", True), ("phone", 1.5),
            ("external", "shop:\x00"), ("external", "x" * 513),
        ):  # fmt: skip
            assert_invalid(named(ana, action, kind=kind, value=value), "value")
        good = {"kind": "external", "value": "shop:1"}
        answer = ana.post(action, {**good, "contact_id": str(uuid4())})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
        answer = ana.post(action, {**good, "phone": PHONE}, headers={"If-Match": '"x"'})
        assert answer.status_code == 412
        answer = ben.post(action, {**good, "phone": PHONE})
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
        answer = bed.nobody.post(action, {**good, "phone": PHONE})
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    answer = named(ana, "remove-identity", kind="phone", value=PHONE)
    assert_invalid(answer, "value")
    assert await bed.digest() == before
    assert ana.get_contact(phone=PHONE).json()["id"] == saved["id"]


def test_exactly_one_identifier(ana: Person) -> None:
    created(ana, phone=PHONE)
    for more in ("wa_id", "bsuid", "username", "external_id"):
        value = {field: spelled[0] for _, field, _, spelled in NAMES}[more]
        answer = ana.get_contact(phone=PHONE, **{more: value})
        assert answer.status_code == 422
        assert sorted(answer.json()["errors"]) == sorted(["phone", more])
        assert_invalid(ana.get_contact(**{more: "?"}), more)


async def test_mallory_may_have_the_same_names(ana: Person, mallory: Person) -> None:
    for caller in (ana, mallory):
        created(caller, phone=PAIR[0])
        for kind, _, kept, _ in NAMES:
            given = {"phone": PAIR[1], "kind": kind, "value": kept}
            assert caller.post("add-identity", given).status_code == 200


# Erasure


@pytest.mark.row("T18.1", "T10.2")
@pytest.mark.parametrize("kind", ["own", "phone", "wa_id"])
@pytest.mark.parametrize("back", PAIR)
async def test_no_spelling_of_an_erased_number_revives_without_the_opt_out(
    bed: Bed, ana: Person, kind: str, back: str
) -> None:
    taken = PAIR[0]
    saved = created(ana, phone=taken if kind == "own" else PHONE)
    if kind != "own":
        value = taken if kind == "phone" else taken[1:]
        assert named(ana, kind=kind, value=value).status_code == 200
    await bed.change(
        "UPDATE contacts SET opted_out_at = 1700000000000000 WHERE uuid = :id", id=saved["id"]
    )
    assert ana.post("delete-contact", {"contact_id": saved["id"]}).status_code == 200
    assert ana.get_contact(phone=back).status_code == 404
    anew = created(ana, phone=back)
    assert anew["id"] != saved["id"]
    found = ana.get_contact(contact_id=anew["id"]).json()
    assert found["opted_out_at"] == "2023-11-14T22:13:20+00:00"
    left = await bed.rows(
        "SELECT value FROM identities WHERE tenant_id = :tenant_id", tenant_id=ana.user.tenant_id
    )
    assert left == [(back,)]


# Names that are taken away

TAKEN = [
    ("phone", PAIR[0], {"phone": PAIR[0]}),
    ("phone", PAIR[0], {"phone": PAIR[1]}),
    ("wa_id", PAIR[0][1:], {"phone": PAIR[0]}),
    ("bsuid", "BR.13491208655302741918", {"bsuid": "BR.13491208655302741918"}),
]


def opted_out(caller: Person, contact_id: str) -> None:
    for state in ("granted", "withdrawn"):
        given = {
            "contact_id": contact_id, "channel": "whatsapp", "purpose": "marketing",
            "state": state, "source": "api", "method": "checkbox",
        }  # fmt: skip
        assert caller.post("set-consent", given).status_code == 200


def may_be_written(caller: Person, contact_id: str) -> str:
    found = caller.get_contact(contact_id=contact_id, expand="reachability").json()
    return str(found["reachability"]["marketing"]["reason"])


def given_to_another(caller: Person, key: dict[str, str]) -> str:
    """Whoever has the name next, and agrees: made of it, or known by it."""
    agreed = {"opted_in_at": "2026-01-02T03:04:05+00:00"}
    if "phone" in key:
        return str(created(caller, **key, **agreed)["id"])
    another = created(caller, phone=OTHER, **agreed)["id"]
    for kind, value in key.items():
        assert named(caller, contact_id=another, kind=kind, value=value).status_code == 200
    return str(another)


@pytest.mark.row("T10.2", "T18.1")
@pytest.mark.parametrize(("kind", "value", "key"), TAKEN)
def test_a_name_taken_away_keeps_the_opt_out(
    ana: Person, kind: str, value: str, key: dict[str, str]
) -> None:
    saved = created(ana, phone=PHONE)
    assert named(ana, kind=kind, value=value).status_code == 200
    opted_out(ana, saved["id"])
    told = ana.post("list-consent", {"phone": PHONE}).json()
    for action in ("remove-identity", "add-identity", "remove-identity"):
        assert named(ana, action, kind=kind, value=value).status_code == 200
        assert ana.post("list-consent", {"phone": PHONE}).json() == told, "nothing is told twice"
    another = given_to_another(ana, key)
    assert another != saved["id"]
    assert may_be_written(ana, another) == "opted_out"
    assert (
        ana.get_contact(contact_id=another).json()["opted_out_at"]
        == (ana.get_contact(phone=PHONE).json()["opted_out_at"])
    )


@pytest.mark.parametrize(("kind", "value", "key"), TAKEN)
async def test_a_name_taken_away_tells_nothing_else(
    bed: Bed, ana: Person, kind: str, value: str, key: dict[str, str]
) -> None:
    """Of one who had not opted out, or of a number that was given up, which others have by now."""
    saved = created(ana, phone=PHONE)
    assert named(ana, kind=kind, value=value).status_code == 200
    assert named(ana, "remove-identity", kind=kind, value=value).status_code == 200
    assert named(ana, kind=kind, value=value).status_code == 200
    opted_out(ana, saved["id"])
    await bed.change("UPDATE identities SET retired_at = 1 WHERE kind = :kind AND value = :value",
                     kind=kind, value=value)  # fmt: skip
    assert named(ana, "remove-identity", kind=kind, value=value).status_code == 200
    assert may_be_written(ana, given_to_another(ana, key)) == "ok"


def test_a_number_that_stays_as_another_kind_is_not_taken_away(ana: Person) -> None:
    saved = created(ana, phone=PHONE)
    names_ = [("phone", OTHER), ("wa_id", OTHER[1:])]
    for kind, value in names_:
        assert named(ana, kind=kind, value=value).status_code == 200
    opted_out(ana, saved["id"])
    for kind, value in names_:
        assert ana.get_contact(phone=OTHER).json()["id"] == saved["id"]
        assert named(ana, "remove-identity", kind=kind, value=value).status_code == 200
    assert may_be_written(ana, given_to_another(ana, {"phone": OTHER})) == "opted_out"


# Races


@pytest.mark.parametrize("action", ["create-contact", "find-or-create-contact"])
@pytest.mark.parametrize(("one", "other"), [pair[:2] for pair in PAIRS])
async def test_racing_creates_of_both_spellings_make_one_contact(
    bed: Bed, ana: Person, action: str, one: str, other: str
) -> None:
    bodies = [{"phone": phone, "name": f"n{n}"} for n in range(6) for phone in (one, other)]
    answers = race(ana, [(action, body) for body in bodies])
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.json()["phone"] for answer in answers}) == 1
    if action == "find-or-create-contact":
        assert [answer.json()["created"] for answer in answers].count(True) == 1
    rows = await bed.rows(
        "SELECT phone FROM contacts WHERE tenant_id = :tenant_id", tenant_id=ana.user.tenant_id
    )
    assert len(rows) == 1


async def test_a_number_and_a_whatsapp_id_race_for_one_owner(bed: Bed, ana: Person) -> None:
    """Whoever comes first has the digits; the other hears of it, or adds to that contact."""
    for n in range(6):
        number = f"+1415557{n:04}"
        holder = created(ana, phone=f"+1415558{n:04}")
        naming = {"contact_id": holder["id"], "kind": "wa_id", "value": number[1:]}
        named_, made = race(ana, [("add-identity", naming), ("create-contact", {"phone": number})])
        assert made.status_code == 201
        if named_.status_code == 200:
            assert made.json()["id"] == holder["id"]
        else:
            assert (named_.status_code, named_.json()["contact_ids"]) == (409, [made.json()["id"]])
    assert not await bed.rows(
        "SELECT w.value FROM identities w JOIN identities p ON p.tenant_id = w.tenant_id"
        " AND p.kind = 'phone' AND p.value = '+' || w.value"
        " WHERE w.tenant_id = :tenant_id AND w.kind = 'wa_id' AND w.contact_id <> p.contact_id",
        tenant_id=ana.user.tenant_id,
    )


def race(caller: Person, calls: list[tuple[str, dict[str, object]]]) -> list[httpx.Response]:
    """All of them at once."""
    gate = threading.Barrier(len(calls))

    def go(call: tuple[str, dict[str, object]]) -> httpx.Response:
        gate.wait()
        return caller.post(*call)

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(go, calls))


def test_both_spellings_take_one_turn() -> None:
    for one, other, _ in PAIRS:
        assert turn(Phone(one)) == turn(Phone(other)) < TURNS
    assert turn(Phone(PHONE)) != turn(Phone(OTHER))
