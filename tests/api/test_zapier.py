"""Zapier's door: the same operations under another address, which says where contacts came from."""

from typing import Any

import pytest

from kith.api.routes import ROUTES
from kith.api.zapier import TABLE, ZAPIER_PREFIXES
from tests.cast import Bed, Person

PHONE = "+14155550123"
EVENTS = ["contact.created", "contact.opted_in", "contact.opted_out"]
TRIGGERS = ["new-contact", "new-opt-in", "opt-out"]
CONSENT = {
    "phone": PHONE, "channel": "whatsapp", "purpose": "marketing", "source": "api",
    "method": "checkbox",
}  # fmt: skip


def zap(caller: Any, path: str, body: object, prefix: str = "/api/zapier") -> Any:
    return caller.http.post(f"{caller.url}{prefix}{path}", json=body, headers=caller.headers)


def listed(caller: Any, trigger: str, prefix: str = "/api/zapier") -> list[dict[str, Any]]:
    answer = caller.get(f"{prefix}/triggers/{trigger}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


@pytest.mark.parametrize("prefix", ZAPIER_PREFIXES)
async def test_contacts_that_come_this_way_say_so(ana: Person, prefix: str) -> None:
    made = zap(ana, "/actions/create-contact", {"phone": PHONE}, prefix)
    assert made.status_code == 201
    found = zap(ana, "/actions/find-or-create-contact", {"phone": "+14155550124"}, prefix)
    assert found.status_code == 201
    ana.create_contact(phone="+14155550125")
    sources = [ana.get_contact(phone=f"+1415555012{last}").json()["source"] for last in (3, 4, 5)]
    assert sources == ["zapier", "zapier", "api"]
    zap(ana, "/actions/create-contact", {"phone": "+14155550125", "name": "Known"}, prefix)
    known = ana.get_contact(phone="+14155550125").json()
    assert (known["name"], known["source"]) == ("Known", "api")


@pytest.mark.parametrize("prefix", ZAPIER_PREFIXES)
def test_every_operation_is_there(prefix: str) -> None:
    for route in ROUTES:
        here = TABLE[prefix + route.path][route.method]
        assert (here.action, here.takes, here.scope) == (route.action, route.takes, route.scope)
        assert (here.source, route.source) == ("zapier", None)


async def test_me_tells_whose_token_it_is(ana: Person, bed: Bed) -> None:
    assert ana.get("/api/zapier/me").json() == ana.get("/api/v1/me").json()
    assert bed.http.get(f"{bed.serving.url}/api/zapier/me").status_code == 401


async def test_the_same_rules_hold(ana: Person, ben: Person, bed: Bed) -> None:
    """The credential decides whose contacts they are, and what may be done."""
    assert zap(bed.nobody, "/actions/create-contact", {"phone": PHONE}).status_code == 401
    assert zap(ben, "/actions/create-contact", {"phone": PHONE}).status_code == 403
    refused = zap(ana, "/actions/create-contact", {"phone": "x"})
    assert refused.status_code == 422
    assert refused.json() == ana.create_contact(phone="x").json()


@pytest.mark.parametrize("trigger", TRIGGERS)
async def test_a_workspace_without_any_gets_a_sample(ana: Person, trigger: str) -> None:
    (sample,) = listed(ana, trigger)
    assert sample["id"].startswith("00000000-0000-7000-8000-")
    assert listed(ana, trigger) == [sample]
    make_all_happen(ana)
    (real,) = listed(ana, trigger)
    assert shape(real) == shape(sample)
    assert real["event"] == sample["event"] == EVENTS[TRIGGERS.index(trigger)]


async def test_what_happened_is_listed_newest_first(ana: Person) -> None:
    for last in "123":
        ana.create_contact(phone=f"+1415555012{last}", name=f"N{last}")
    for prefix in ZAPIER_PREFIXES:
        found = listed(ana, "new-contact", prefix)
        assert [one["contact"]["name"] for one in found] == ["N3", "N2", "N1"]
        assert [one["id"] for one in found] == [one["contact"]["id"] for one in found]
        got = ana.get_contact(phone="+14155550123").json()
        assert found[0]["contact"] == got
        assert found[0]["occurred_at"] == got["created_at"]


async def test_at_most_100_are_listed(ana: Person, bed: Bed) -> None:
    for number in range(101):
        ana.create_contact(phone=f"+1415555{number:04}")
    assert len(listed(ana, "new-contact")) == 100


async def test_a_row_that_changes_nothing_is_not_listed(ana: Person) -> None:
    ana.create_contact(phone=PHONE)
    for state in ("granted", "granted", "withdrawn", "withdrawn"):
        assert ana.post("set-consent", CONSENT | {"state": state}).status_code == 200
    (agreed,), (withdrew,) = listed(ana, "new-opt-in"), listed(ana, "opt-out")
    assert (agreed["consent"]["state"], withdrew["consent"]["state"]) == ("granted", "withdrawn")
    rows = ana.post("list-consent", {"phone": PHONE}).json()["records"]
    assert {agreed["id"], withdrew["id"]} < {row["id"] for row in rows}
    assert agreed["contact"]["phone"] == withdrew["contact"]["phone"] == PHONE


async def test_what_is_listed_lives_on_in_a_merge(ana: Person) -> None:
    make_all_happen(ana)
    into = ana.create_contact(phone="+14155550177").json()["id"]
    contact_id = ana.get_contact(phone=PHONE).json()["id"]
    assert ana.post("merge-contacts", {"contact_id": contact_id, "into": into}).status_code == 200
    (agreed,) = listed(ana, "new-opt-in")
    assert agreed["contact"]["id"] == into


@pytest.mark.parametrize("trigger", TRIGGERS)
async def test_nobody_else_sees_any_of_it(
    ana: Person, ben: Person, mallory: Person, bed: Bed, trigger: str
) -> None:
    before = listed(mallory, trigger)
    make_all_happen(ana)
    assert listed(mallory, trigger) == before
    assert listed(ben, trigger) == listed(ana, trigger) != before
    assert bed.nobody.get(f"/api/zapier/triggers/{trigger}").status_code == 401


def make_all_happen(caller: Person) -> None:
    """Each event once."""
    caller.create_contact(phone=PHONE, name="Romain", tags="vip", metadata={"shopify_id": "1"})
    for state in ("granted", "withdrawn"):
        assert caller.post("set-consent", CONSENT | {"state": state}).status_code == 200


def shape(value: Any) -> Any:
    """Keys in their order; of leaves nothing, since a name may be null."""
    return {key: shape(one) for key, one in value.items()} if isinstance(value, dict) else None
