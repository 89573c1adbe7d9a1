"""A stop in WhatsApp itself stands until the person resumes there: no merge and no erasure ends it.

A start word of the person lifts it for the ledger, but Meta refuses marketing all the same.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kith.actions import consent
from kith.actions.consent import SetConsent
from tests.api.test_merges import merge, seen, unmerge
from tests.cast import Bed, Person

PHONE, OTHER = "+14155550123", "+14155550124"

Act = dict[str, Any]

STOPPED: Act = {"state": "withdrawn", "source": "meta", "method": "platform"}
RESUMED = STOPPED | {"state": "granted"}
OUT = {"state": "withdrawn", "source": "inbound", "method": "keyword"}
IN = OUT | {"state": "granted"}
AGREED = {"state": "granted", "source": "api", "method": "checkbox"}


async def lived(bed: Bed, caller: Person, phone: str, *acts: tuple[int, Act]) -> str:
    """Somebody who did these things, as many minutes ago."""
    contact_id = str(caller.create_contact(phone=phone).json()["id"])
    for ago, act in acts:
        await told(bed, caller, contact_id, act, ago=ago)
    return contact_id


async def told(bed: Bed, caller: Person, contact_id: str, act: Act, *, ago: float) -> None:
    given = SetConsent(
        contact_id=contact_id,
        channel="whatsapp",
        purpose="marketing",
        occurred_at=datetime.now(UTC) - timedelta(minutes=ago),
        **act,
    )
    await bed.runner.write(consent.set_state, given, caller.caller)


def reason(caller: Person, contact_id: str) -> Any:
    return seen(caller, contact_id, "reachability")["reachability"]["marketing"]["reason"]


def is_stopped(caller: Person, contact_id: str) -> Any:
    [one, *_] = caller.post("get-consent", {"contact_id": contact_id}).json()["consent"]
    return one["stopped_at_meta"]


@pytest.mark.row("T10.2")
@pytest.mark.parametrize("is_stopped_one_kept", [True, False])
async def test_a_merge_keeps_it(bed: Bed, ana: Person, is_stopped_one_kept: bool) -> None:
    stopped = await lived(bed, ana, PHONE, (50, STOPPED), (40, IN))
    free = await lived(bed, ana, OTHER, (60, AGREED), (30, STOPPED), (20, RESUMED))
    assert (reason(ana, stopped), reason(ana, free)) == ("meta_stopped", "ok")
    into, gone = (stopped, free) if is_stopped_one_kept else (free, stopped)
    done = merge(ana, gone, into)
    assert (reason(ana, into), is_stopped(ana, into)) == ("meta_stopped", True)
    assert done["contact"]["opted_out_at"] is None, "the ledger of neither says so"
    unmerge(ana, contact_id=gone)
    assert (reason(ana, stopped), reason(ana, free)) == ("meta_stopped", "ok")
    merge(ana, gone, into)
    await told(bed, ana, into, RESUMED, ago=0)
    assert (reason(ana, into), is_stopped(ana, into)) == ("ok", False)


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("acts", [[(50, STOPPED)], [(50, STOPPED), (40, IN)]])
async def test_an_erasure_keeps_it(bed: Bed, ana: Person, acts: list[tuple[int, Act]]) -> None:
    contact_id = await lived(bed, ana, PHONE, (60, AGREED), *acts)
    assert reason(ana, contact_id) == "meta_stopped"
    assert ana.post("delete-contact", {"contact_id": contact_id}).is_success
    anew = ana.create_contact(phone=PHONE, consent={"method": "checkbox"}).json()["id"]
    assert reason(ana, anew) == "meta_stopped"
    await told(bed, ana, anew, RESUMED, ago=0)
    assert reason(ana, anew) == "ok"


@pytest.mark.row("T18.1")
@pytest.mark.parametrize("first", [OUT, STOPPED])
async def test_an_erasure_keeps_it_and_an_opt_out_apart(bed: Bed, ana: Person, first: Act) -> None:
    """The resume at WhatsApp lifts the one, whichever came first."""
    second = STOPPED if first == OUT else OUT
    contact_id = await lived(bed, ana, PHONE, (50, first), (40, second))
    assert ana.post("delete-contact", {"contact_id": contact_id}).is_success
    anew = ana.create_contact(phone=PHONE, consent={"method": "checkbox"}).json()["id"]
    assert (reason(ana, anew), is_stopped(ana, anew)) == ("opted_out", True)
    await told(bed, ana, anew, RESUMED, ago=0)
    assert (reason(ana, anew), is_stopped(ana, anew)) == ("opted_out", False)
    await told(bed, ana, anew, IN, ago=0)
    assert reason(ana, anew) == "ok"
