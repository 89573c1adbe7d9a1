"""What Meta's webhooks say: a payload of each kind, and what is read of bad ones."""

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain.inbox import Sanitized, Unreadable
from kith.domain.messages import Error, StatusTold
from kith.domain.whatsapp_facts import (
    AccountRestricted,
    IdentityChanged,
    MessageEchoed,
    MessageReceived,
    Number,
    OffersRestricted,
    PreferenceTold,
    StatusReported,
    TemplatesChanged,
    Who,
)
from kith.integrations.whatsapp import reader

PAYLOADS = Path(__file__).with_name("whatsapp_payloads")
NUMBER_IDS = ("106540352242922",)
CONFIG = {"phone_number_ids": [*NUMBER_IDS], "business_account_id": "102290129340398"}
AT = datetime.fromtimestamp(1778141663, UTC)
NUMBER = Number("106540352242922", "+15550783881")
ROMAIN = Who(
    wa_id="14155550123", bsuid="US.13491208655302741918", username="romain.dupont", name="Romain"
)
WAMID = "wamid.HBgLMTQxNTU1NTAxMjMVAgASGBQzQQ=="


def received(kind: str, content: dict[str, Any], **more: Any) -> MessageReceived:
    return MessageReceived(
        **{"number": NUMBER, "who": ROMAIN, "wamid": WAMID, "at": AT} | more,
        type=kind,
        content=content,
    )


def told(status: Any, later_s: int = 0, error: Error | None = None) -> StatusTold:
    at = datetime.fromtimestamp(1778141663 + later_s, UTC)
    return StatusTold(status=status, at=at, error=error)


def reported(told: StatusTold, **more: Any) -> StatusReported:
    who = Who(wa_id="14155550123", bsuid=more.pop("bsuid", None))
    return StatusReported(number=NUMBER, who=who, wamid="wamid.SENT", told=told, **more)


HI = "Hi, do you ship to Canada? 🇨🇦"
HELENA = Who(bsuid="BR.13491208655302741918", name="Helena")
MEDIA = {
    "video": {"id": "1166846181421424", "mime_type": "video/mp4", "sha256": "GlBrrxX"},
    "audio": {"id": "1908647269898587", "mime_type": "audio/mpeg", "sha256": "JTvG"},
    "document": {"id": "1376223850470843", "mime_type": "application/pdf", "sha256": "bvs8"},
    "sticker": {"id": "798882015472548", "mime_type": "image/webp", "sha256": "CHOOCH"},
}
FACTS: dict[str, list[Any]] = {
    "text": [received("text", {"body": HI}, said=(HI,))],
    "text_reply": [
        received("text", {"body": "Yes"}, said=("Yes",), about_wamid="wamid.ORIGINAL")
    ],
    "text_forwarded": [
        received("text", {"body": "Look", "forwarded": True}, said=("Look",)),
    ],
    "text_from_an_ad": [
        received(
            "text",
            {
                "body": "Is it still there?",
                "referral": {
                    "source_url": "https://fb.me/1x", "source_type": "ad", "source_id": "120",
                    "headline": "Shoes", "body": "Half price", "media_type": "image",
                    "image_url": "https://example.com/a.jpg", "ctwa_clid": "Aff",
                },
            },
            said=("Is it still there?",),
        )
    ],
    "text_about_a_product": [
        received(
            "text",
            {
                "body": "Is it still there?",
                "referred_product": {
                    "catalog_id": "194836987003835", "product_retailer_id": "di9ozbzfi4",
                },
            },
            said=("Is it still there?",),
            about_wamid="wamid.ORIGINAL",
        )
    ],
    "image": [
        received(
            "image",
            {
                "id": "1003383421387256", "mime_type": "image/jpeg",
                "sha256": "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=", "caption": "This\none",
            },
        )
    ],
    "video": [received("video", MEDIA["video"])],
    "audio": [received("audio", MEDIA["audio"] | {"voice": False})],
    "voice": [
        received(
            "audio",
            {
                "id": "1908647269898588", "mime_type": "audio/ogg; codecs=opus", "sha256": "JTvH",
                "voice": True,
            },
        )
    ],
    "document": [
        received("document", MEDIA["document"] | {"caption": "My order", "filename": "order.pdf"})
    ],
    "sticker": [received("sticker", MEDIA["sticker"] | {"animated": True})],
    "location": [
        received(
            "location",
            {
                "latitude": 38.9806263495, "longitude": -131.9428612257,
                "name": "Main Street Beach", "address": "Main Street Beach, Santa Cruz, CA",
                "url": "https://foursquare.com/v/1",
            },
        )
    ],
    "contacts": [
        received(
            "contacts",
            {
                "contacts": [
                    {
                        "name": {"formatted_name": "Barbara J. Johnson", "first_name": "Barbara"},
                        "phones": [
                            {"phone": "+1 415 555 0170", "wa_id": "14155550170", "type": "MOBILE"}
                        ],
                        "org": {"company": "Acme"},
                    }
                ]
            },
        )
    ],
    "reaction": [
        received(
            "reaction",
            {"emoji": "👍", "message_id": "wamid.ORIGINAL"},
            about_wamid="wamid.ORIGINAL",
        )
    ],
    "reaction_taken_back": [
        received(
            "reaction", {"emoji": None, "message_id": "wamid.ORIGINAL"},
            about_wamid="wamid.ORIGINAL",
        )
    ],
    "button": [
        received(
            "button",
            {"text": "Stop", "payload": "STOP_MARKETING"},
            said=("Stop", "STOP_MARKETING"),
            is_button=True,
            about_wamid="wamid.ORIGINAL",
        )
    ],
    "interactive_button": [
        received(
            "interactive",
            {"type": "button_reply", "id": "cancel-button", "title": "Cancel"},
            said=("cancel-button", "Cancel"),
            is_button=True,
        )
    ],
    "interactive_list": [
        received(
            "interactive",
            {
                "type": "list_reply", "id": "priority_express", "title": "Priority Mail Express",
                "description": "Next Day to 2 Days",
            },
            said=("priority_express", "Priority Mail Express"),
            is_button=True,
        )
    ],
    "interactive_form": [
        received(
            "interactive",
            {
                "type": "nfm_reply", "name": "flow", "body": "Sent",
                "response": {"flow_token": "T", "size": "42"},
            },
        )
    ],
    "interactive_form_of_text": [
        received(
            "interactive",
            {"type": "nfm_reply", "name": "flow", "body": "Sent", "response": "not JSON"},
        )
    ],
    "interactive_call_permission": [
        received(
            "interactive",
            {
                "type": "call_permission_reply",
                "call_permission_reply": {
                    "response": "accept", "is_permanent": False,
                    "expiration_timestamp": "1778746463", "response_source": "user_action",
                },
            },
            said=("", ""),
            is_button=True,
            about_wamid="wamid.ORIGINAL",
        )
    ],
    "interactive_without_a_body": [
        received("interactive", {"type": None}, said=("", ""), is_button=True)
    ],
    "order": [
        received(
            "order",
            {
                "catalog_id": "194836987003835",
                "text": "Love these!",
                "product_items": [
                    {
                        "product_retailer_id": "di9ozbzfi4", "quantity": 2, "item_price": 7.99,
                        "currency": "USD",
                    }
                ],
            },
        )
    ],
    "edit": [
        received(
            "edit",
            {
                "message_id": "wamid.ORIGINAL", "type": "text",
                "content": {"body": "Hi, do you ship to Québec?"},
            },
            about_wamid="wamid.ORIGINAL",
        )
    ],
    "revoke": [
        received("revoke", {"message_id": "wamid.ORIGINAL"}, about_wamid="wamid.ORIGINAL")
    ],
    "unsupported": [
        received(
            "unsupported",
            {
                "type": "poll_creation",
                "errors": [
                    {
                        "code": 131051, "title": "Message type unknown",
                        "message": "Message type unknown",
                        "error_data": {"details": "Message type is currently not supported."},
                    }
                ],
            },
        )
    ],
    "unknown": [
        received(
            "unknown",
            {
                "errors": [
                    {
                        "code": 131051, "title": "Unsupported message type",
                        "error_data": {"details": "Message type is not currently supported"},
                    }
                ]
            },
        )
    ],
    "of_a_type_to_come": [
        received("hologram", {"id": "H1", "colour": "blue", "big": "12345678901234567890"})
    ],
    "group": [],
    "without_a_phone": [
        received(
            "text", {"body": "Oi"}, said=("Oi",), wamid="wamid.NOPHONE",
            who=Who(
                bsuid="BR.13491208655302741918", parent_bsuid="BR.ENT.11815799212886844830",
                username="helena_b", name="Helena",
            ),
        )
    ],
    "id_in_the_place_of_a_phone": [
        received("text", {"body": "Oi"}, said=("Oi",), wamid="wamid.SWAPPED", who=HELENA)
    ],
    "number_changed": [
        IdentityChanged(
            before=Who(wa_id="14155550123", bsuid="US.1111"),
            after=Who(wa_id="14155550199", bsuid="US.2222"),
            at=AT,
        )
    ],
    "number_changed_of_old": [
        IdentityChanged(before=Who(wa_id="14155550123"), after=Who(wa_id="14155550199"), at=AT)
    ],
    "user_id_changed": [
        IdentityChanged(before=Who(bsuid="US.1111"), after=Who(bsuid="US.2222"), at=AT)
    ],
    "user_id_changed_in_words": [
        IdentityChanged(before=Who(bsuid="US.1111"), after=Who(bsuid="US.2222"), at=AT)
    ],
    "identity_acknowledged": [],
    "status_sent": [
        reported(told("sent"), bsuid="US.1111", callback="0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61")
    ],
    "status_delivered": [reported(told("delivered", 1))],
    "status_read": [reported(told("read", 2))],
    "status_played": [reported(told("read", 3))],
    "status_failed": [
        reported(
            told(
                "failed",
                error=Error(
                    131047,
                    "Re-engagement message",
                    "Message failed to send because more than 24 hours have passed since the"
                    " customer last replied to this number.",
                ),
            )
        )
    ],
    "status_of_a_group": [],
    "stop": [
        PreferenceTold(who=Who(wa_id="14155550123", name="Romain"), at=AT, is_stop=True)
    ],
    "resume": [
        PreferenceTold(who=Who(bsuid="US.1111"), at=AT, is_stop=False)
    ],
    "signup": [],
    "echo": [
        MessageEchoed(
            number=NUMBER, who=Who(wa_id="14155550123", bsuid="US.1111"), wamid="wamid.ECHO",
            at=AT, type="text", content={"body": "Sent from the phone"},
        )
    ],
    "call": [received("call", {}, wamid="wacid.CALL")],
    "account_disabled": [AccountRestricted(at=AT, is_restricted=True, number_ids=NUMBER_IDS)],
    "account_reinstated": [AccountRestricted(at=AT, is_restricted=False, number_ids=NUMBER_IDS)],
    "account_to_be_disabled": [],
    "account_restricted": [AccountRestricted(at=AT, is_restricted=True, number_ids=NUMBER_IDS)],
    "account_restricted_numbers": [],
    "account_restricted_offers": [
        OffersRestricted(at=AT, until=AT + timedelta(days=7), number_ids=NUMBER_IDS)
    ],
    "account_restricted_answers": [
        OffersRestricted(at=AT, until=AT + timedelta(days=7), number_ids=NUMBER_IDS),
        AccountRestricted(
            at=AT, is_restricted=True, number_ids=NUMBER_IDS, until=AT + timedelta(days=7)
        ),
    ],
    "template_status": [TemplatesChanged()],
    "template_rejected": [TemplatesChanged()],
    "template_category": [TemplatesChanged()],
    "template_components": [TemplatesChanged()],
    "of_another_field": [],
    "of_another_account": [],
}  # fmt: skip


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def read(body: bytes | Any) -> list[Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(reader.read({}, raw, CONFIG))


@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("*.json")))
def test_a_payload_of_each_kind(name: str) -> None:
    assert read(payload(name)) == FACTS[name]


def test_every_fact_has_its_payload() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == FACTS.keys()


def altered(name: str, **fields: Any) -> dict[str, Any]:
    """A payload with other fields of its one message; `...` takes one away."""
    body: dict[str, Any] = json.loads(payload(name))
    [message] = body["entry"][0]["changes"][0]["value"]["messages"]
    for field, value in fields.items():
        if value is ...:
            del message[field]
        else:
            message[field] = value
    return body


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ...},
        {"id": ""},
        {"id": 12},
        {"id": "wamid." + "x" * 256},
        {"id": "wamid.é"},
        {"timestamp": ...},
        {"timestamp": "soon"},
        {"timestamp": "-1"},
        {"timestamp": "0"},
        {"timestamp": "١٧٧٨١٤١٦٦٣"},
        {"timestamp": "253402300800"},
        {"timestamp": 1e20},
        {"timestamp": True},
        {"from": "nobody", "from_user_id": "nobody"},
    ],
)
@pytest.mark.row("X12", "F23")
def test_what_cannot_be_read_does_not_lose_its_neighbours(fields: dict[str, Any]) -> None:
    bad = altered("text", **fields)
    if "from" in fields:
        bad["entry"][0]["changes"][0]["value"]["contacts"] = []
    good = json.loads(payload("image"))
    bad["entry"][0]["changes"] += good["entry"][0]["changes"]
    bad["entry"] += json.loads(payload("status_read"))["entry"]
    found = read(bad)
    assert isinstance(found[0], Unreadable)
    assert found[1:] == FACTS["image"] + FACTS["status_read"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"[]", b"1", b"null", b'"text"', b"{", b"{}x", b'{"entry": NaN}',
        b'{"entry": 1e400}', b"[" * 40 + b"]" * 40, b'{"a": ' * 40 + b"1" + b"}" * 40,
    ],
)  # fmt: skip
@pytest.mark.row("X1", "X2", "X8", "X9")
def test_what_is_no_object_is_for_quarantine(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a\\u0000b\\u0007c", "a\ufffdb\ufffdc"),
        (b"line\\r\\nline\\ttab", "line\nline\ttab"),
        (b"half \\ud83d, whole \\ud83d\\ude00", "half \ufffd, whole 😀"),
        (b"not UTF-8: \xff", "not UTF-8: \ufffd"),
        (b"\\ufdd0", "\ufffd"),
        ("é 😀".encode(), "é 😀"),
        (b"x" * 5_000, "x" * 5_000),
    ],
)
@pytest.mark.row("X5", "X6", "X7", "X10")
def test_bad_text_is_repaired(sent: bytes, kept: str) -> None:
    body = json.dumps(altered("text", text={"body": "TEXT"})).encode().replace(b"TEXT", sent)
    [fact, *marks] = read(body)
    assert fact.content == {"body": kept}
    assert marks == [Sanitized()] * ("\ufffd" in kept and b"fdd0" not in sent)


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
@pytest.mark.row("X10")
def test_a_text_is_kept_as_long_as_people_can_write_it(letter: str) -> None:
    """And what is cut says so."""
    whole = letter * 65_536
    for body, kept in ((whole, {"body": whole}), (whole + "!", {"body": whole, "truncated": True})):
        [fact] = read(altered("text", text={"body": body}))
        assert fact.content == kept
        assert fact.said == (letter * 4_096,)
    [fact] = read(altered("text", text={"body": "line\r\n" + "x" * 65_531}))
    assert fact.content == {"body": "line\n" + "x" * 65_531}, "a line break is one character"


@pytest.mark.parametrize(
    ("kind", "given", "where"),
    [
        ("image", {"id": "1", "caption": "TEXT"}, ["caption"]),
        ("button", {"text": "TEXT", "payload": "p"}, ["text"]),
        (
            "interactive",
            {"type": "nfm_reply", "nfm_reply": {"response_json": "TEXT"}},
            ["response"],
        ),
        ("edit", {"message": {"type": "text", "text": {"body": "TEXT"}}}, ["content", "body"]),
        ("hologram", {"of": [{"what": "TEXT"}]}, ["of", 0, "what"]),
    ],
)
@pytest.mark.row("X10")
def test_any_long_text_is_cut_with_a_sign(kind: str, given: Any, where: list[Any]) -> None:
    long = json.loads(json.dumps(given).replace("TEXT", "x" * 65_537))
    [fact] = read(altered("text", type=kind, **{kind: long}))
    found = fact.content
    for key in where:
        found = found[key]
    assert found == "x" * 65_536
    assert (fact.content["content"] if kind == "edit" else fact.content)["truncated"] is True


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.row("X7")
def test_other_encodings_are_read(encoding: str) -> None:
    assert read(payload("text").decode().encode(encoding)) == [*FACTS["text"], Sanitized()]


def test_what_is_too_large_is_left_out() -> None:
    [fact] = read(altered("order", order={"product_items": ["x" * 100] * 4_000}))
    assert fact.content == {"too_large": True}


@pytest.mark.parametrize("kind", ["", "Text", "a b", "x" * 33, 7, None, "é"])
def test_a_type_that_is_no_name_is_unsupported(kind: Any) -> None:
    [fact] = read(altered("text", type=kind))
    assert fact.type == "unsupported"


@pytest.mark.parametrize("kind", [[None], {}, 7, None, "user_waved"])
def test_what_else_the_system_says_tells_nothing(kind: Any) -> None:
    """Of whatever type its own kind is."""
    assert read(altered("text", type="system", system={"body": "!", "type": kind})) == []


def nodes(value: Any) -> list[Any]:
    """Every object and list in a document."""
    found = [value] if isinstance(value, dict | list) else []
    inner = value.values() if isinstance(value, dict) else value if found else ()
    return found + [node for one in inner for node in nodes(one)]


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.none(), max_size=2), st.just({}),
)  # fmt: skip


@pytest.mark.row("F23")
@given(name=st.sampled_from(sorted(FACTS)), seed=st.integers(0, 10_000), junk=JUNK)
def test_no_payload_makes_the_reader_fail(name: str, seed: int, junk: Any) -> None:
    """Anything in the place of anything: facts, or what is wrong."""
    chance = random.Random(seed)
    body = json.loads(payload(name))
    for _ in range(chance.randint(1, 3)):
        node = chance.choice(nodes(body))
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if keys:
            node[chance.choice(keys)] = copy.deepcopy(junk)
    try:
        found = read(body)
    except Unreadable:
        return
    for fact in found:
        assert isinstance(fact, Unreadable | Sanitized) or msgspec.json.encode(
            msgspec.to_builtins(fact)
        )
