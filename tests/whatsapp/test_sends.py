"""send-text-message and send-template-message against a Graph API on this machine."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from kith.actions import consent, contacts
from kith.actions.consent import SetConsent
from kith.domain import graph as codes
from kith.domain.contacts import ContactKey
from kith.domain.phone import Phone
from tests.api.refusals import FORBIDDEN, UNAUTHENTICATED, assert_invalid
from tests.cast import Bed, Person
from tests.graph import Fault, Graph, webhooks
from tests.graph import Person as Somebody
from tests.graph.http import Reply
from tests.graph.rules import STATUS
from tests.graph.server import NUMBER_ID, TOKEN
from tests.meta import SECOND_NUMBER_ID, Meta, connected
from tests.whatsapp.sending import PHONE, agree, jobs, rows, templates_of, writes

TEXT = {"phone": PHONE, "message": "Your order ships today."}
KEYS = ["id", "status", "whatsapp_message_id", "contact_id"]
CLOSED = {
    "error": "Message rejected by Meta: Re-engagement message",
    "error_code": 131047,
    "error_message": "Re-engagement message",
}
NOBODY = {"error": "No WhatsApp account configured"}


# Texts.


async def test_a_text_leaves_while_the_window_is_open(
    bed: Bed, ana: Person, graph: Graph, romain: Somebody
) -> None:
    before = ana.get_contact(phone=PHONE).json()
    answer = ana.post("send-text-message", TEXT)
    assert answer.status_code == 200, answer.text
    sent = answer.json()
    assert list(sent) == KEYS
    [call] = graph.calls
    assert sent["status"] == "sent"
    assert sent["whatsapp_message_id"] == call.wamid
    assert sent["contact_id"] == before["id"]
    assert call.body == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": PHONE,
        "type": "text",
        "text": {"body": TEXT["message"]},
        "biz_opaque_callback_data": sent["id"],
    }
    after = ana.get_contact(phone=PHONE).json()
    assert after["total_messages"] == before["total_messages"] + 1
    assert await rows(bed, ana) == [("sent", None, None, call.wamid, PHONE, "text")]
    assert await jobs(bed, ana) == 0


@pytest.mark.row("R2")
@pytest.mark.parametrize("is_reachable", [True, False])
async def test_a_closed_window_is_refused_in_metas_words_with_or_without_meta(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, is_reachable: bool
) -> None:
    await meta.told(webhooks.text(Somebody(PHONE), "Hi", at=time.time() - 24 * 3_600))
    never = ana.create_contact(phone="+14155550124").json()["id"]
    assert never
    if not is_reachable:
        graph.go_away()
    try:
        for phone in (PHONE, "+14155550124", "+14155550199"):
            answer = ana.post("send-text-message", {**TEXT, "phone": phone})
            assert (answer.status_code, answer.json()) == (422, CLOSED)
    finally:
        if not is_reachable:
            graph.come_back()
    assert graph.attempts == []
    kept = await rows(bed, ana)
    assert [row[:2] for row in kept] == [("failed", 131047)] * 2, "and none of a stranger"
    assert ana.get_contact(phone="+14155550199").status_code == 404
    assert ana.get_contact(phone=PHONE).json()["total_messages"] == 1
    assert await jobs(bed, ana) == 0


async def test_without_an_account(bed: Bed, ana: Person) -> None:
    ids = await templates_of(bed, ana)
    ana.create_contact(phone=PHONE)
    before = await bed.digest()
    for action, given in (
        ("send-text-message", TEXT),
        ("send-template-message", {"phone": PHONE, "template_id": ids["hello_world"]}),
    ):
        answer = ana.post(action, given)
        assert (answer.status_code, answer.json()) == (422, NOBODY)
    assert await bed.digest() == before


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ("message", "phone")),
        ({"phone": PHONE}, ("message",)),
        ({"phone": PHONE, "message": ""}, ("message",)),
        ({"phone": PHONE, "message": " \n "}, ("message",)),
        ({"phone": PHONE, "message": 7}, ("message",)),
        ({"phone": PHONE, "message": "x" * 4_097}, ("message",)),
        ({"phone": PHONE, "message": "bell \x07"}, ("message",)),
        ({"phone": "x", "message": "Hi"}, ("phone",)),
        ({**TEXT, "number_id": "4711"}, ("number_id",)),
    ],
)
async def test_invalid_texts(
    bed: Bed, ana: Person, romain: Somebody, given: dict[str, Any], fields: tuple[str, ...]
) -> None:
    before = await bed.digest()
    assert_invalid(ana.post("send-text-message", given), *fields)
    assert await bed.digest() == before


@pytest.mark.row("L3")
async def test_a_message_may_hold_4096_code_points_and_lines(
    ana: Person, graph: Graph, romain: Somebody
) -> None:
    for body in ("😀" * 4_096, "two\nlines\tand *bold*", " padded "):
        assert ana.post("send-text-message", {**TEXT, "message": body}).status_code == 200
        assert graph.calls[-1].body["text"]["body"] == body


@pytest.mark.parametrize("spelled", ["+1 (415) 555-0123", "0014155550123", 14155550123])
async def test_the_phone_is_taken_in_any_spelling(
    ana: Person, graph: Graph, romain: Somebody, spelled: Any
) -> None:
    assert ana.post("send-text-message", {**TEXT, "phone": spelled}).status_code == 200
    assert graph.calls[-1].body["to"] == PHONE


async def test_each_number_has_a_window_of_its_own(
    ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    """WhatsApp opens that of the number which was written to (the field's section 3)."""
    answer = ana.post("send-text-message", {**TEXT, "number_id": SECOND_NUMBER_ID})
    assert (answer.status_code, answer.json()) == (422, CLOSED)
    assert ana.post("send-text-message", {**TEXT, "number_id": NUMBER_ID}).status_code == 200
    await writes(meta, romain, number_id=SECOND_NUMBER_ID)
    assert ana.post("send-text-message", {**TEXT, "number_id": SECOND_NUMBER_ID}).is_success
    sent_to = [r.path.split("/")[2] for r in graph.requests if r.path.endswith("/messages")]
    assert sent_to == [NUMBER_ID, SECOND_NUMBER_ID]


async def test_somebody_without_a_phone_is_written_to_by_their_id(
    ana: Person, graph: Graph, meta: Meta
) -> None:
    somebody = Somebody("", wa_id="", user_id="US.13491208655302741918")
    body = webhooks.envelope(
        {
            "contacts": [{"profile": {"name": "Ada"}, "user_id": somebody.user_id}],
            "messages": [
                {
                    "from_user_id": somebody.user_id, "id": f"wamid.{uuid4().hex}",
                    "timestamp": str(int(time.time())), "type": "text", "text": {"body": "Hi"},
                }
            ],
        }
    )  # fmt: skip
    await meta.told(body)
    contact = ana.get_contact(bsuid=somebody.user_id).json()
    assert contact["phone"] is None
    answer = ana.post("send-text-message", {"phone": PHONE, "message": "Hi"})
    assert answer.json() == CLOSED, "by a phone that nobody has"


# What blocks a message, whatever its kind.


async def test_whoever_is_blocked_gets_nothing(
    ana: Person, graph: Graph, romain: Somebody, ids: dict[str, str]
) -> None:
    assert ana.post("block-contact", {"phone": PHONE}).is_success
    template = {"phone": PHONE, "template_id": ids["hello_world"]}
    for action, given in (("send-text-message", TEXT), ("send-template-message", template)):
        answer = ana.post(action, given)
        assert (answer.status_code, answer.json()) == (422, {"error": "Contact is blocked"})
    assert graph.attempts == []


MARKETING = {
    "phone": PHONE, "variables": {"first_name": "Romain", "discount": "10 %"},
}  # fmt: skip


async def test_marketing_needs_consent(
    bed: Bed, ana: Person, graph: Graph, ids: dict[str, str]
) -> None:
    given = {**MARKETING, "template_id": ids["spring_offer"]}

    def refused() -> str:
        answer = ana.post("send-template-message", given)
        assert (answer.status_code, list(answer.json())) == (422, ["error"])
        return str(answer.json()["error"])

    assert refused() == "Contact has not opted in to marketing messages"
    assert ana.get_contact(phone=PHONE).status_code == 200, "the contract has it made"
    agree(ana, state="pending")
    assert refused() == "Contact has not confirmed the opt-in to marketing messages"
    agree(ana)
    assert ana.post("send-template-message", given).status_code == 200
    agree(ana, state="withdrawn", method="platform")
    assert refused() == "Contact has opted out of marketing messages"
    utility = {"phone": PHONE, "template_id": ids["hello_world"]}
    assert ana.post("send-template-message", utility).status_code == 200
    agree(ana, state="withdrawn", purpose="utility")
    answer = ana.post("send-template-message", utility)
    assert answer.json() == {"error": "Contact has opted out of utility messages"}
    assert [call.body["template"]["name"] for call in graph.calls] == [
        "spring_offer", "hello_world",
    ]  # fmt: skip
    assert [row[0] for row in await rows(bed, ana)] == [
        "failed", "failed", "sent", "failed", "sent", "failed",
    ]  # fmt: skip


async def test_a_stop_in_whatsapp_itself_is_told_with_metas_code(
    ana: Person, graph: Graph, meta: Meta, romain: Somebody, ids: dict[str, str]
) -> None:
    agree(ana)
    graph.faults = [Fault(code=131050)]
    given = {**MARKETING, "template_id": ids["spring_offer"]}
    expected = (422, 131050)
    for _ in range(2):  # Meta's own refusal, then ours: the same
        answer = ana.post("send-template-message", given)
        assert (answer.status_code, answer.json()["error_code"]) == expected
    assert len(graph.attempts) == 1


@pytest.mark.parametrize("code", [131048, 131064])
@pytest.mark.parametrize("told", ["at once", "by a status"])
async def test_a_number_whose_marketing_meta_limits_sends_none_for_a_day(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, ids: dict[str, str], code: int, told: str
) -> None:
    other = "+14155550124"
    for phone in (PHONE, other):
        ana.create_contact(phone=phone)
        agree(ana, phone)
    offer = {**MARKETING, "template_id": ids["spring_offer"], "number_id": NUMBER_ID}
    started = datetime.now(UTC)
    if told == "at once":
        graph.faults = [Fault(code=code)]
        assert ana.post("send-template-message", offer).json()["error_code"] == code
    else:
        assert ana.post("send-template-message", offer).is_success
        [call] = graph.calls
        failed = webhooks.status(
            call.wamid, "failed", Somebody(PHONE), at=time.time(),
            errors=[webhooks.error(code, "Limited")],
        )  # fmt: skip
        await meta.told(failed, failed)
    graph.clear()
    answer = ana.post("send-template-message", {**offer, "phone": other})
    assert (answer.status_code, answer.json()["error_code"]) == (422, 131048)
    assert graph.attempts == [], "Meta is not asked, whoever is written to"
    verdict = ana.post("get-reachability", {"phone": other}).json()
    limited, free = (one["marketing"] for one in verdict["numbers"])
    assert (limited["reason"], free["reason"]) == ("marketing_paused", "ok")
    lasts = datetime.fromisoformat(limited["until"]) - started
    assert timedelta(hours=23, minutes=59) < lasts < timedelta(hours=24, minutes=1)
    utility = {"phone": other, "template_id": ids["hello_world"], "number_id": NUMBER_ID}
    assert ana.post("send-template-message", utility).is_success
    assert ana.post("send-template-message", {**offer, "number_id": SECOND_NUMBER_ID}).is_success
    await bed.change(
        "UPDATE business_numbers SET marketing_paused_until = :now WHERE tenant_id = :tenant_id",
        now=time.time_ns() // 1_000,
        tenant_id=ana.user.tenant_id,
    )
    assert ana.post("send-template-message", {**offer, "phone": other}).is_success, "it is over"


@pytest.mark.row("T3.4")
async def test_an_opt_out_that_is_not_yet_committed_is_waited_for(
    bed: Bed, ana: Person, meta: Meta, ids: dict[str, str], graph: Graph
) -> None:
    """Two transactions side by side, as only PostgreSQL has them."""
    if bed.engine != "postgres":
        pytest.skip("SQLite has one writer")
    ana.create_contact(phone=PHONE)
    agreed = SetConsent(
        channel="whatsapp", purpose="marketing", state="granted", source="api", method="checkbox"
    )
    written, may_commit = asyncio.Event(), asyncio.Event()

    async def tell(ctx: Any, state: str) -> None:
        known = await contacts.find(ctx, ContactKey(phone=Phone(PHONE)))
        await consent.tell(ctx, known, msgspec.structs.replace(agreed, state=state))
        if state == "withdrawn":
            written.set()
            await may_commit.wait()

    await bed.runner.write(tell, "granted", ana.caller)
    given = {**MARKETING, "template_id": ids["spring_offer"]}
    leaving = asyncio.create_task(bed.runner.write(tell, "withdrawn", ana.caller))
    await written.wait()
    sending = asyncio.create_task(asyncio.to_thread(ana.post, "send-template-message", given))
    await asyncio.sleep(0.4)
    assert not sending.done(), "it waits for what the other decides"
    may_commit.set()
    await leaving
    answer = await sending
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"] == "Contact has opted out of marketing messages"
    assert graph.attempts == []


# Templates.


async def test_a_template_opens_a_conversation_and_makes_the_contact(
    bed: Bed, ana: Person, graph: Graph, ids: dict[str, str]
) -> None:
    given = {
        "phone": PHONE,
        "template_id": ids["order_confirmation"],
        "language": "en",
        "variables": {"1": "Romain", "2": "ORD-1042", "3": "T1", "9": "more than is needed"},
    }
    answer = ana.post("send-template-message", given)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == KEYS
    [call] = graph.calls
    assert call.body["template"] == {
        "name": "order_confirmation",
        "language": {"code": "en"},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": text} for text in ("Romain", "ORD-1042", "T1")
                ],
            },
            {
                "type": "button", "sub_type": "url", "index": "0",
                "parameters": [{"type": "text", "text": "Romain"}],
            },
        ],
    }  # fmt: skip
    contact = ana.get_contact(phone=PHONE).json()
    assert contact["id"] == answer.json()["contact_id"]
    assert (contact["total_messages"], contact["source"]) == (1, "api")
    assert contact["opted_in_at"] is None, "consent is never inferred"
    [row] = await bed.rows(
        "SELECT template_name, template_language, template_category, content FROM messages"
        " WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert row[:3] == ("order_confirmation", "en", "UTILITY")
    assert "Hi Romain, your order ORD-1042 ships tomorrow." in row[3]


async def test_a_carousel_is_filled_card_by_card(
    ana: Person, graph: Graph, ids: dict[str, str]
) -> None:
    agree_first = {"phone": PHONE, "template_id": ids["our_picks"]}
    missing = ana.post("send-template-message", agree_first).json()["missing"]
    assert missing == [
        "1", "card_0_1", "card_0_2", "card_0_header_url", "card_1_header_url", "card_1_1",
    ]  # fmt: skip
    ana.create_contact(phone=PHONE)
    agree(ana)
    variables = {name: f"v {name}" for name in missing}
    for card in ("card_0", "card_1"):
        variables[f"{card}_header_url"] = f"https://acme.com/{card}.jpg"
    answer = ana.post("send-template-message", {**agree_first, "variables": variables})
    assert answer.status_code == 200, answer.text
    body, carousel = graph.calls[-1].body["template"]["components"]
    assert body["parameters"] == [{"type": "text", "text": "v 1"}]
    assert [one["card_index"] for one in carousel["cards"]] == [0, 1]
    listed = ana.get(f"/api/v1/dropdowns/template-variables?template_id={ids['our_picks']}")
    assert [one["id"] for one in listed.json()] == missing


@pytest.mark.parametrize(
    ("language", "sent"),
    [("fr", "fr"), ("FR", "fr"), ("fr-CA", "fr"), ("en_US", "en"), ("de", "en"), ("", "en"),
     (None, "en")],
)  # fmt: skip
async def test_the_language_is_the_one_wanted_or_any_that_is_approved(
    ana: Person, graph: Graph, ids: dict[str, str], language: str | None, sent: str
) -> None:
    given = {"phone": PHONE, "template_id": ids["order_confirmation"], "language": language}
    answer = ana.post("send-template-message", {**given, "variables": ["Ana", "2", 3]})
    assert answer.status_code == 200, answer.text
    assert graph.calls[-1].body["template"]["language"]["code"] == sent


async def test_missing_variables_are_named(bed: Bed, ana: Person, ids: dict[str, str]) -> None:
    before = await bed.digest()
    for variables in ({"1": "Romain", "3": ""}, {"1": "Romain", "3": None, "x": "y"}):
        given = {"phone": PHONE, "template_id": ids["order_confirmation"], "variables": variables}
        answer = ana.post("send-template-message", given)
        assert answer.status_code == 422
        assert list(answer.json().items()) == [
            ("error", "Template requires variables that were not provided."),
            ("expected_placeholders", ["1", "2", "3"]),
            ("missing", ["2", "3"]),
        ]
    assert await bed.digest() == before, "and no contact is made"


async def test_a_refused_template_leaves_its_contact_and_a_text_nothing(
    bed: Bed, ana: Person, ids: dict[str, str]
) -> None:
    before = await bed.digest()
    assert ana.post("send-text-message", TEXT).json() == CLOSED
    assert await bed.digest() == before
    answer = ana.post("send-template-message", {**MARKETING, "template_id": ids["spring_offer"]})
    assert answer.json() == {"error": "Contact has not opted in to marketing messages"}
    assert ana.get_contact(phone=PHONE).json()["total_messages"] == 0
    assert [row[0] for row in await rows(bed, ana)] == ["failed"]


@pytest.mark.parametrize("name", ["waiting", "refused", "paused"])
async def test_a_template_without_an_approved_translation(
    bed: Bed, ana: Person, ids: dict[str, str], name: str
) -> None:
    before = await bed.digest()
    given = {"phone": PHONE, "template_id": ids[name], "variables": ["x"]}
    answer = ana.post("send-template-message", given)
    assert (answer.status_code, answer.json()) == (
        422, {"error": "Template has no approved translation"},
    )  # fmt: skip
    assert await bed.digest() == before


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ("phone", "template_id")),
        ({"phone": PHONE, "template_id": "x"}, ("template_id",)),
        ({"variables": 7}, ("variables",)),
        ({"variables": {"1": ["x"]}}, ("variables",)),
        ({"variables": {"1": True}}, ("variables",)),
        ({"variables": ["x"] * 101}, ("variables",)),
        ({"variables": ["two\nlines", "x", "y"]}, ("variables",)),
        ({"language": 7}, ("language",)),
    ],
)
async def test_invalid_templates(
    bed: Bed, ana: Person, ids: dict[str, str], given: dict[str, Any], fields: tuple[str, ...]
) -> None:
    good = {"phone": PHONE, "template_id": ids["order_confirmation"]} if given else {}
    before = await bed.digest()
    assert_invalid(ana.post("send-template-message", {**good, **given}), *fields)
    assert await bed.digest() == before


async def test_an_unknown_template(bed: Bed, ana: Person, ids: dict[str, str]) -> None:
    before = await bed.digest()
    answer = ana.post("send-template-message", {"phone": PHONE, "template_id": str(uuid4())})
    assert (answer.status_code, answer.json()) == (404, {"error": "Template not found"})
    assert await bed.digest() == before


# What Meta says.

LATER = [code for code, known in codes.CODES.items() if known.again == "later"]
NEVER = [code for code in STATUS if code not in LATER and not codes.CODES[code].is_of_spelling]


async def test_metas_refusal_is_passed_on_and_never_tried_again(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    """Every code, each with a person of its own; a number that it made unavailable is mended."""
    codes_of = {
        f"+1415555{1_000 + place}": code
        for place, code in enumerate([*NEVER, 131026, 131030, 999_999])
    }
    at = time.time()
    await meta.told(*(webhooks.text(Somebody(phone), "Hi", at=at) for phone in codes_of))
    for phone, code in codes_of.items():
        graph.faults = [Fault(code=code)]
        answer = ana.post("send-text-message", {**TEXT, "phone": phone})
        title = codes.CODES[code].title if code in codes.CODES else f"(#{code}) As the test wants"
        assert (answer.status_code, answer.json()) == (
            422,
            {
                "error": f"Message rejected by Meta: {title}",
                "error_code": code,
                "error_message": title,
            },
        )
        await bed.change(
            "UPDATE business_numbers SET unavailable_since = NULL WHERE tenant_id = :tenant_id",
            tenant_id=ana.user.tenant_id,
        )
    assert len(graph.attempts) == len(codes_of)
    assert [row[:2] for row in await rows(bed, ana)] == [
        ("failed", code) for code in codes_of.values()
    ]
    assert await jobs(bed, ana) == 0


def test_what_meta_wants_later_is_a_closed_list() -> None:
    assert sorted(LATER) == [1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 135000]


PASSING = {
    "131000": Fault(code=131000, retry_after_s=1),
    "131056": Fault(code=131056, retry_after_s=1),
    "1": Fault(code=1, retry_after_s=1),
    "2": Fault(code=2, retry_after_s=1),
    "unknown, and says that it passes": Fault(code=999_999, status=400, is_transient=True),
    "of Meta's own, and says so": Fault(code=999_999, status=503, is_transient=True),
}


@pytest.mark.parametrize("case", PASSING)
async def test_what_meta_wants_later_is_told_again_while_the_caller_waits(
    bed: Bed, ana: Person, graph: Graph, romain: Somebody, case: str
) -> None:
    graph.faults = [PASSING[case]]
    answer = ana.post("send-text-message", TEXT)
    assert (answer.status_code, answer.json()["status"]) == (200, "sent")
    assert (len(graph.attempts), len(graph.calls)) == (2, 1)
    assert await jobs(bed, ana) == 0


async def test_a_number_that_meta_calls_busy_is_left_alone(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody
) -> None:
    await writes(meta, romain, number_id=SECOND_NUMBER_ID)
    graph.faults = [Fault(code=130429, retry_after_s=900)]
    answer = ana.post("send-text-message", {**TEXT, "number_id": NUMBER_ID})
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert answer.json()["whatsapp_message_id"] is None
    answer = ana.post("send-text-message", {**TEXT, "number_id": NUMBER_ID})
    assert answer.json()["status"] == "queued"
    assert len(graph.attempts) == 1, "the second did not even ask"
    assert ana.post("send-text-message", {**TEXT, "number_id": SECOND_NUMBER_ID}).is_success
    assert [row[0] for row in await rows(bed, ana)] == ["queued", "queued", "sent"]
    due = await bed.rows(
        "SELECT MIN(due_at) FROM jobs WHERE tenant_id = :tenant_id AND kind = 'send_message'",
        tenant_id=ana.user.tenant_id,
    )
    wait = datetime.fromtimestamp(due[0][0] / 1e6, UTC) - datetime.now(UTC)
    assert timedelta(seconds=800) < wait < timedelta(seconds=905)


async def test_what_waits_is_sent_by_a_job_if_it_may_still_be(
    bed: Bed, ana: Person, graph: Graph, romain: Somebody
) -> None:
    other = "+14155550124"
    ana.create_contact(phone=other)
    for _ in range(2):
        graph.faults.append(Fault(code=131056, retry_after_s=900))
    first = ana.post("send-text-message", TEXT).json()
    assert first["status"] == "queued"
    await bed.change(
        "UPDATE jobs SET due_at = 0 WHERE tenant_id = :tenant_id AND kind = 'send_message'",
        tenant_id=ana.user.tenant_id,
    )
    # The pair is still busy by the word of Meta, which the process remembers: the job waits too.
    time.sleep(1.5)
    assert [row[0] for row in await rows(bed, ana)] == ["queued"]
    assert len(graph.attempts) == 1


@pytest.mark.row("T3.3")
@pytest.mark.parametrize("fault", [
    Fault("lost"), Fault("unread"), Fault("raw", raw=Reply(502, b"<html>")),
])  # fmt: skip
async def test_a_lost_answer_leaves_unknown_which_a_status_settles(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, romain: Somebody, fault: Fault
) -> None:
    graph.faults = [fault]
    answer = ana.post("send-text-message", TEXT)
    assert answer.status_code == 200
    sent = answer.json()
    assert list(sent) == KEYS
    assert (sent["status"], sent["whatsapp_message_id"]) == ("unknown", None)
    assert ana.get_contact(phone=PHONE).json()["total_messages"] == 1
    assert await jobs(bed, ana) == 0
    if fault.kind != "lost":
        return
    [call] = graph.calls
    status = webhooks.status(
        call.wamid, "delivered", romain, at=time.time(), callback=call.callback
    )
    await meta.told(status, status)
    assert [row[:4] for row in await rows(bed, ana)] == [("delivered", None, None, call.wamid)]
    assert ana.get_contact(phone=PHONE).json()["total_messages"] == 2
    assert len(graph.attempts) == 1


@pytest.mark.row("T3.3")
@pytest.mark.parametrize("states", [["failed"], ["sent", "failed"], ["failed", "sent"]])
@pytest.mark.parametrize("is_lost", [False, True])
async def test_what_failed_counts_the_same_though_the_answer_was_lost(
    ana: Person,
    graph: Graph,
    meta: Meta,
    romain: Somebody,
    is_lost: bool,
    states: list[str],
) -> None:
    """Meta took it, and tells so under a name of its own."""
    before = ana.get_contact(phone=PHONE).json()["total_messages"]
    graph.faults = [Fault("lost")] if is_lost else []
    assert ana.post("send-text-message", TEXT).is_success
    [call] = graph.calls
    for state in states:
        errors = [webhooks.error(131026, "Undeliverable")] if state == "failed" else []
        told = webhooks.status(
            call.wamid, state, romain, at=time.time(), callback=call.callback, errors=errors
        )
        await meta.told(told, told)
    after = ana.get_contact(phone=PHONE, expand=["messages"]).json()
    assert after["total_messages"] == before + 1
    assert "failed" in {one["status"] for one in after["messages"]}


@pytest.mark.row("T3.3")
async def test_while_meta_cannot_be_reached_it_is_tried_again(
    bed: Bed, ana: Person, graph: Graph, romain: Somebody
) -> None:
    import threading

    graph.go_away()
    threading.Timer(1.5, graph.come_back).start()
    answer = ana.post("send-text-message", TEXT)
    assert (answer.status_code, answer.json()["status"]) == (200, "sent")
    assert len(graph.calls) == 1


async def test_the_other_spelling_is_tried_once_and_remembered(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    long, short = "+5511987654321", "+551187654321"
    somebody = Somebody(short, also=(long,), refused_spellings={long: 131026})
    graph.people.append(somebody)
    ana.create_contact(phone=long)
    await writes(meta, somebody)
    for attempts in ([long, short], [short]):
        graph.attempts.clear()
        answer = ana.post("send-text-message", {"phone": long, "message": "Oi"})
        assert answer.json()["status"] == "sent", answer.text
        assert [one["to"] for one in graph.attempts] == attempts
    contact = ana.get_contact(phone=long, expand=["identities"]).json()
    assert contact["phone"] == long
    assert ("wa_id", short[1:]) in {(i["kind"], i["value"]) for i in contact["identities"]}


async def test_a_number_that_meta_knows_in_no_spelling(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    long, short = "+5511987654321", "+551187654321"
    graph.people.append(
        Somebody(short, also=(long,), refused_spellings={long: 131026, short: 131026})
    )
    await writes(meta, Somebody(long))
    answer = ana.post("send-text-message", {"phone": long, "message": "Oi"})
    assert (answer.status_code, answer.json()["error_code"]) == (422, 131026)
    assert len(graph.attempts) == 2
    assert [row[0] for row in await rows(bed, ana)] == ["failed"]


async def test_the_true_wa_id_becomes_an_identity(
    ana: Person, graph: Graph, ids: dict[str, str]
) -> None:
    graph.people.append(
        Somebody("+525512345678", wa_id="5215512345678", user_id="MX.13491208655302741918")
    )
    given = {"phone": "+525512345678", "template_id": ids["hello_world"]}
    assert ana.post("send-template-message", given).status_code == 200
    for key in ({"wa_id": "5215512345678"}, {"bsuid": "MX.13491208655302741918"}):
        assert ana.get_contact(**key).json()["phone"] == "+525512345678"


# Calls that may be repeated (rows T3.6, R7).


async def counts(bed: Bed, person: Person) -> int:
    return len(await rows(bed, person))


@pytest.mark.row("T3.6", "R7")
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (None, 200), (Fault("lost"), 200), (Fault(code=131047), 422),
        (Fault(code=130429, retry_after_s=900), 200),
    ],
)  # fmt: skip
async def test_a_repeat_gets_the_first_answer_and_sends_nothing(
    bed: Bed, ana: Person, graph: Graph, romain: Somebody, fault: Fault | None, status: int
) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    graph.faults = [fault] if fault else []
    first = ana.post("send-text-message", TEXT, headers=key)
    assert first.status_code == status, first.text
    assert "idempotency-replayed" not in first.headers
    for _ in range(2):
        repeat = ana.post("send-text-message", TEXT, headers=key)
        assert (repeat.status_code, repeat.content) == (first.status_code, first.content)
        assert repeat.headers["idempotency-replayed"] == "true"
    assert (len(graph.attempts), await counts(bed, ana)) == (1, 1)
    other = ana.post("send-text-message", {**TEXT, "message": "Other"}, headers=key)
    assert other.status_code == 422
    assert len(graph.attempts) == 1


@pytest.mark.row("T3.6", "R2")
async def test_a_message_refused_by_the_window_is_kept_once_with_its_key(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    ana.create_contact(phone=PHONE)
    key = {"Idempotency-Key": uuid4().hex}
    answers = [ana.post("send-text-message", TEXT, headers=key) for _ in range(3)]
    assert {(one.status_code, one.content) for one in answers} == {(422, answers[0].content)}
    assert await counts(bed, ana) == 1
    assert answers[2].headers["idempotency-replayed"] == "true"


async def test_what_changed_nothing_is_not_kept(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    assert ana.post("send-text-message", TEXT, headers=key).json() == CLOSED
    await writes(meta, Somebody(PHONE))
    assert ana.post("send-text-message", TEXT, headers=key).status_code == 200


# Whose it is.


async def test_who_may(bed: Bed, ana: Person, ben: Person, romain: Somebody, graph: Graph) -> None:
    for action in ("send-text-message", "send-template-message"):
        answer = bed.nobody.post(action, TEXT)
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
        answer = ben.post(action, TEXT)
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert graph.attempts == []


@pytest.mark.row("T1.1")
async def test_mallory_sends_nothing_in_anas_name(
    bed: Bed, ana: Person, mallory: Person, graph: Graph, romain: Somebody, ids: dict[str, str]
) -> None:
    """Ana's contacts, templates and numbers read like those that nobody has."""
    before = await bed.digest()
    assert mallory.post("send-text-message", TEXT).json() == NOBODY
    template = {"phone": PHONE, "template_id": ids["hello_world"]}
    assert mallory.post("send-template-message", template).json() == NOBODY
    assert await bed.digest() == before
    own = await connected(
        bed, mallory, graph_url=graph.url, access_token=TOKEN, number_ids=("4711",)
    )
    before = await bed.digest()
    for of_ana, of_nobody in (
        ({**TEXT}, {**TEXT, "phone": "+14155550199"}),
        ({**TEXT, "number_id": NUMBER_ID}, {**TEXT, "number_id": "106540352242929"}),
    ):
        theirs, unknown = (mallory.post("send-text-message", one) for one in (of_ana, of_nobody))
        assert (theirs.status_code, theirs.content) == (unknown.status_code, unknown.content)
        assert theirs.status_code == 422
    theirs, unknown = (
        mallory.post("send-template-message", {**template, "template_id": one})
        for one in (ids["hello_world"], str(uuid4()))
    )
    assert (theirs.status_code, theirs.content) == (404, unknown.content)
    assert await bed.digest() == before
    assert own.connection.tenant_id != ana.user.tenant_id
    assert graph.attempts == []
    key = {"Idempotency-Key": uuid4().hex}
    assert ana.post("send-text-message", TEXT, headers=key).is_success
    assert mallory.post("send-text-message", TEXT, headers=key).json() == CLOSED


async def test_an_erasure_leaves_nothing_of_what_was_sent(
    bed: Bed, ana: Person, graph: Graph, romain: Somebody
) -> None:
    mark = uuid4().hex
    key = {"Idempotency-Key": uuid4().hex}
    sent = ana.post("send-text-message", {**TEXT, "message": mark}, headers=key).json()
    assert ana.post("delete-contact", {"phone": PHONE}).is_success
    assert await counts(bed, ana) == 0
    found = await bed.rows(
        "SELECT answer FROM idempotency_keys WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert not [row for row in found if sent["id"] in row[0] or mark in row[0]]
