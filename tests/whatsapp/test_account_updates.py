"""What WhatsApp tells of the account: what keeps messages back, for how long, and what does not."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cast import Bed, Person
from tests.graph import Graph
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
    ends = int(time.time()) + ends_in_s
    listed = [{"restriction_type": kind, "expiration": ends} for kind in kinds]
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
    "not told what": (lambda: notice("ACCOUNT_RESTRICTION"), NOTHING),
    "to be disabled": (lambda: disabled("SCHEDULE_FOR_DISABLE"), FREE),
    "disabled": (lambda: disabled("DISABLE"), NOTHING),
}


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
