"""Whoever opts out by a message is told so once (the field's section 2.2)."""

import time

import pytest

from kith.domain import sending
from tests.cast import Bed, Person
from tests.graph import Graph, webhooks
from tests.graph import Person as Somebody
from tests.meta import Meta
from tests.whatsapp.sending import PHONE, nothing_waits, rows, settled


async def test_one_confirmation_and_no_second(
    bed: Bed,
    ana: Person,
    graph: Graph,
    meta: Meta,
) -> None:
    romain = Somebody(PHONE)
    at = time.time()
    stop = webhooks.text(romain, "STOP", at=at)
    await meta.told(stop, stop)
    assert await settled(bed, ana, 1) == ["sent"]
    [call] = graph.calls
    assert call.body["text"] == {"body": sending.CONFIRMATIONS["en"]}
    await meta.told(webhooks.text(romain, "stop!", at=at + 1))
    await nothing_waits(bed, ana)
    assert len(graph.attempts) == 1
    contact = ana.get_contact(phone=PHONE).json()
    assert (contact["total_messages"], contact["opted_in_at"]) == (3, None)
    assert contact["opted_out_at"] is not None
    await meta.told(webhooks.text(romain, "START", at=at + 2))
    await meta.told(webhooks.text(romain, "Arrêt", at=at + 3))
    assert await settled(bed, ana, 2) == ["sent", "sent"]
    assert graph.calls[1].body["text"] == {"body": sending.CONFIRMATIONS["fr"]}


async def test_an_old_stop_that_comes_late_is_not_answered(
    bed: Bed,
    ana: Person,
    graph: Graph,
    meta: Meta,
) -> None:
    """The window is closed, so that it could only fail."""
    await meta.told(webhooks.text(Somebody(PHONE), "STOP", at=time.time() - 25 * 3_600))
    assert ana.get_contact(phone=PHONE).json()["opted_out_at"] is not None
    await nothing_waits(bed, ana)
    assert await rows(bed, ana) == []
    assert graph.attempts == []


async def test_a_stop_that_a_later_start_undid_is_not_answered(
    bed: Bed,
    ana: Person,
    graph: Graph,
    meta: Meta,
) -> None:
    at = time.time()
    await meta.told(webhooks.text(Somebody(PHONE), "START", at=at))
    await meta.told(webhooks.text(Somebody(PHONE), "STOP", at=at - 60))
    await nothing_waits(bed, ana)
    assert await rows(bed, ana) == []


async def test_whoever_is_blocked_gets_none(
    bed: Bed,
    ana: Person,
    graph: Graph,
    meta: Meta,
) -> None:
    ana.create_contact(phone=PHONE)
    assert ana.post("block-contact", {"phone": PHONE}).is_success
    await meta.told(webhooks.text(Somebody(PHONE), "STOP", at=time.time()))
    await nothing_waits(bed, ana)
    assert await rows(bed, ana) == []


@pytest.mark.parametrize(
    ("said", "locale", "phone", "language"),
    [
        ("STOP", None, PHONE, "en"), ("Arrêter", None, PHONE, "fr"), ("baja", None, PHONE, "es"),
        ("parar", None, "+34612345678", "es"), ("parar", None, "+5511987654321", "pt"),
        ("parar", None, "+351912345678", "pt"), ("sair", None, None, "pt"),
        ("Abmelden.", None, PHONE, "de"), ("BASTA", None, PHONE, "it"), ("توقف", None, PHONE, "ar"),
        ("STOP", "fr-FR", PHONE, "fr"), ("STOP", "pt_BR", PHONE, "pt"), ("STOP", "ja", PHONE, "en"),
        ("a word of the workspace", None, PHONE, "en"), ("", None, None, "en"),
    ],
)  # fmt: skip
def test_it_is_in_their_language(
    said: str, locale: str | None, phone: str | None, language: str
) -> None:
    told = sending.confirmation(said, locale=locale, phone=phone)
    assert told == sending.CONFIRMATIONS[language]
