"""What WhatsApp tells of the account: what keeps messages back, for how long, and what does not."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kith.actions import whatsapp_connections
from kith.actions.whatsapp_connections import ChangeWhatsApp
from tests.cast import Bed, Person
from tests.graph import Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.server import ACCOUNT_ID, NUMBER_ID
from tests.meta import Meta
from tests.whatsapp.sending import PHONE, agree

WEEK_S = 7 * 86_400
ADDING, OFFERS, ANSWERS = (
    "RESTRICTED_ADD_PHONE_NUMBER_ACTION",
    "RESTRICTED_BIZ_INITIATED_MESSAGING",
    "RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
)
FREE = ["ok", "ok", "ok"]
NO_OFFERS = ["ok", "ok", "marketing_paused"]
NOTHING = ["number_unavailable"] * 3


def notice(event: str, **more: Any) -> dict[str, Any]:
    change = {"field": "account_update", "value": {"event": event, **more}}
    entry = {"id": ACCOUNT_ID, "time": int(time.time()), "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def restricted(*kinds: str, ends_in_s: int = WEEK_S) -> dict[str, Any]:
    return restricted_each(*((kind, ends_in_s) for kind in kinds))


def restricted_each(*ends: tuple[str, int]) -> dict[str, Any]:
    now = int(time.time())
    listed = [{"restriction_type": kind, "expiration": now + in_s} for kind, in_s in ends]
    return notice("ACCOUNT_RESTRICTION", restriction_info=listed)


def disabled(state: str) -> dict[str, Any]:
    return notice("DISABLED_UPDATE", ban_info={"waba_ban_state": state})


CASES: dict[str, tuple[Callable[[], dict[str, Any]], list[str]]] = {
    "no new numbers": (lambda: restricted(ADDING), FREE),
    "no calls": (lambda: restricted("RESTRICTED_USER_INITIATED_CALLING"), FREE),
    "unheard of": (lambda: restricted("A_NEW_ONE"), FREE),
    "no offers": (lambda: restricted(OFFERS, ADDING), NO_OFFERS),
    "no offers until yesterday": (lambda: restricted(OFFERS, ends_in_s=-86_400), FREE),
    "no answers": (lambda: restricted(OFFERS, ANSWERS), NOTHING),
    "no answers until yesterday": (lambda: restricted(OFFERS, ANSWERS, ends_in_s=-86_400), FREE),
    "no answers until yesterday, no offers for a week": (
        lambda: restricted_each((ANSWERS, -86_400), (OFFERS, WEEK_S)), NO_OFFERS,
    ),
    "no offers until yesterday, no answers for a week": (
        lambda: restricted_each((OFFERS, -86_400), (ANSWERS, WEEK_S)), NOTHING,
    ),
    "no offers, twice": (
        lambda: restricted_each((OFFERS, -86_400), (OFFERS, WEEK_S), (OFFERS, -100)), NO_OFFERS,
    ),
    "not told what": (lambda: notice("ACCOUNT_RESTRICTION"), NOTHING),
    "to be disabled": (lambda: disabled("SCHEDULE_FOR_DISABLE"), FREE),
    "disabled": (lambda: disabled("DISABLE"), NOTHING),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_a_notice_keeps_back_what_it_forbids(
    ana: Person, graph: Graph, meta: Meta, romain: Somebody, case: str
) -> None:
    told, reasons = CASES[case]
    agree(ana)
    await meta.told(told())
    answer = ana.post("get-reachability", {"phone": PHONE}).json()
    [here] = [one for one in answer["numbers"] if one["number_id"] == NUMBER_ID]
    kinds = [here[kind] for kind in ("free_form", "utility", "marketing")]
    assert [one["reason"] for one in kinds] == reasons
    sent = ana.post("send-text-message", {"phone": PHONE, "message": "Here you are."})
    assert sent.is_success is (reasons[0] == "ok")


async def test_a_number_that_may_not_answer_for_a_time_is_tried_again(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    await meta.told(restricted(OFFERS, ANSWERS))
    text = {"phone": PHONE, "message": "Here you are."}
    assert ana.post("send-text-message", text).json()["error_code"] == 131031
    assert graph.attempts == []
    await bed.change(
        "UPDATE business_numbers SET unavailable_since = :then WHERE tenant_id = :tenant_id",
        then=(time.time_ns() // 1_000) - 3_600 * 1_000_000,
        tenant_id=ana.user.tenant_id,
    )
    assert ana.post("send-text-message", text).is_success


async def test_offers_wait_until_whatsapp_said_that_they_may_go(
    ana: Person, meta: Meta, romain: Somebody
) -> None:
    agree(ana)
    told = restricted(OFFERS)
    await meta.told(told)
    [one] = told["entry"][0]["changes"][0]["value"]["restriction_info"]
    answer = ana.post("get-reachability", {"phone": PHONE}).json()
    for number in answer["numbers"]:
        until = datetime.fromisoformat(number["marketing"]["until"])
        assert until == datetime.fromtimestamp(one["expiration"], UTC)


def told_of(ana: Person) -> dict[str, Any]:
    """What the number may send to whom it writes, by kind."""
    found: list[dict[str, Any]] = ana.post("get-reachability", {"phone": PHONE}).json()["numbers"]
    return next(one for one in found if one["number_id"] == NUMBER_ID)


def earlier(told: dict[str, Any], by_s: int) -> dict[str, Any]:
    told["entry"][0]["time"] -= by_s
    return told


@pytest.mark.parametrize("is_first", [False, True])
@pytest.mark.parametrize("what", ["a message that fails", "a restriction for a time"])
async def test_what_ends_by_itself_gives_no_end_to_what_whatsapp_must_lift(
    bed: Bed,
    ana: Person,
    graph: Graph,
    meta: Meta,
    romain: Somebody,
    what: str,
    is_first: bool,
) -> None:
    """It came after the account was disabled, whichever of the two is told first."""
    assert ana.post("send-text-message", {"phone": PHONE, "message": "Hello"}).is_success
    now = time.time()
    then = {"then": int(now - 600) * 1_000_000, "tenant_id": ana.user.tenant_id}
    for table, column in (("business_numbers", "last_sent_at"), ("messages", "sent_at")):
        sql = f"UPDATE {table} SET {column} = :then WHERE tenant_id = :tenant_id"
        await bed.change(f"{sql} AND {column} IS NOT NULL", **then)
    if what == "a message that fails":
        [call] = graph.calls
        error = webhooks.error(131031, "Account locked")
        other: Any = webhooks.status(call.wamid, "failed", romain, at=now - 30, errors=[error])
    else:
        other = earlier(restricted(ANSWERS), 30)
    gone = earlier(disabled("DISABLE"), 60)
    await meta.told(*([other, gone] if is_first else [gone, other]))
    for kind in ("free_form", "utility", "marketing"):
        found = told_of(ana)[kind]
        assert (found["reason"], found["until"]) == ("number_unavailable", None)


async def _by_word(bed: Bed, meta: Meta) -> None:
    given = ChangeWhatsApp(connection_id=meta.connection.id, may_send=True)
    await bed.runner.write(whatsapp_connections.change, given)


async def _reinstated(bed: Bed, meta: Meta) -> None:
    await meta.told(disabled("REINSTATE"))


async def _reconnected(bed: Bed, meta: Meta) -> None:
    await meta.told(notice("ACCOUNT_RECONNECTED"))


@pytest.mark.parametrize("lift", [_by_word, _reinstated, _reconnected])
async def test_whoever_lifts_a_restriction_lifts_that_of_offers(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody, lift: Any
) -> None:
    """Also when that arrives only afterwards; but not what Meta refused messages for."""
    agree(ana)
    await meta.told(earlier(restricted(OFFERS), 60))
    assert told_of(ana)["marketing"]["reason"] == "marketing_paused"
    await lift(bed, meta)
    assert told_of(ana)["marketing"]["reason"] == "ok"
    await meta.told(earlier(restricted(OFFERS), 30))
    assert told_of(ana)["marketing"]["reason"] == "ok", "that was before"
    await bed.change(
        "UPDATE business_numbers SET marketing_paused_until = :then WHERE tenant_id = :tenant_id",
        then=int(time.time() + 3_600) * 1_000_000,
        tenant_id=ana.user.tenant_id,
    )
    await lift(bed, meta)
    assert told_of(ana)["marketing"]["reason"] == "marketing_paused"
