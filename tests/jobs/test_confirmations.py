"""From a web page to a signed webhook: consent counts once the person sends the code."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.pages import CODE, Page, filed, new_page, none_waits
from tests.cast import Bed, Person
from tests.graph import webhooks
from tests.graph.rules import Person as Writer
from tests.meta import Meta, connected

PHONE = "+33612345678"
TYPIST = Writer(phone=PHONE, wa_id=PHONE[1:], name="Romain on WhatsApp", user_id="FR.1349120865530")
OTHER = Writer(phone="+33798765432", wa_id="33798765432", name="Other", user_id="FR.99")


@pytest.fixture
async def meta(bed: Bed, ana: Person) -> Meta:
    return await connected(bed, ana)


@pytest.fixture
async def page(bed: Bed, ana: Person) -> AsyncIterator[Page]:
    one = await new_page(bed, ana, tags=("news",))
    yield one
    await none_waits(bed, one)


def ledger(person: Person, phone: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.post("list-consent", {"phone": phone}).json()["records"]
    return found


async def says(meta: Meta, writer: Writer, text: str, **more: Any) -> None:
    await meta.told(webhooks.text(writer, text, **{"at": time.time(), **more}))


@pytest.mark.row("T12.1", "T10.2")
async def test_whoever_sends_the_code_has_opted_in(meta: Meta, ana: Person, page: Page) -> None:
    text = page.code(phone=PHONE)
    asked = filed(ana, PHONE)
    assert asked["opted_in_at"] is None
    body = webhooks.text(TYPIST, text, at=time.time(), wamid="wamid.CONFIRM")
    await meta.told(body)
    contact = ana.get_contact(phone=PHONE, expand=["reachability"]).json()
    assert (contact["id"], contact["source"], contact["tags"]) == (asked["id"], "widget", ["news"])
    assert contact["opted_in_at"] is not None
    assert contact["reachability"]["marketing"]["allowed"] is True
    granted, pending = ledger(ana, PHONE)
    assert (granted["source"], granted["method"], granted["state"]) == (
        "widget", "confirmation", "granted",
    )  # fmt: skip
    assert granted["evidence"]["wamid"] == "wamid.CONFIRM"
    assert pending["state"] == "pending"
    await meta.told(body, webhooks.text(TYPIST, text, at=time.time(), wamid="wamid.AGAIN"))
    assert len(ledger(ana, PHONE)) == 2


async def test_a_clock_that_is_a_little_behind_does_not_matter(
    meta: Meta, ana: Person, page: Page
) -> None:
    text = page.code(phone=PHONE)
    filed(ana, PHONE)
    await says(meta, TYPIST, text, at=time.time() - 3)
    assert ana.get_contact(phone=PHONE).json()["opted_in_at"] is not None


async def test_it_is_theirs_whatever_number_was_typed(meta: Meta, ana: Person, page: Page) -> None:
    text = page.code(phone=PHONE)
    filed(ana, PHONE)
    await says(meta, OTHER, f"Hello! {text}")
    assert ana.get_contact(phone=OTHER.phone).json()["opted_in_at"] is not None
    assert ana.get_contact(phone=PHONE).json()["opted_in_at"] is None


@pytest.mark.row("T10.2")
async def test_it_undoes_their_stop_and_a_later_stop_undoes_it(
    meta: Meta, ana: Person, page: Page
) -> None:
    await says(meta, TYPIST, "STOP", at=time.time() - 60)
    text = page.code(phone=PHONE)
    assert ana.get_contact(phone=PHONE).json()["opted_out_at"] is not None
    await says(meta, TYPIST, text)
    contact = ana.get_contact(phone=PHONE).json()
    assert (contact["opted_in_at"] is not None, contact["opted_out_at"]) == (True, None)
    await says(meta, TYPIST, "stop", at=time.time() + 2)
    assert ana.get_contact(phone=PHONE).json()["opted_out_at"] is not None


async def test_a_code_of_nobody_changes_no_consent(meta: Meta, ana: Person, page: Page) -> None:
    code = CODE.search(page.code(phone=PHONE))
    assert code is not None
    filed(ana, PHONE)
    await says(meta, TYPIST, "OPTIN-" + "A" * 24)
    await says(meta, TYPIST, code[0][:-1])
    assert [row["state"] for row in ledger(ana, PHONE)] == ["pending"]


async def test_the_only_number_of_the_business_need_not_be_given(meta: Meta, page: Page) -> None:
    assert page.ask(phone=PHONE).json()["link"] is None
    await says(meta, OTHER, "Hi")
    assert (
        page.ask(phone=PHONE)
        .json()["link"]
        .startswith(f"https://wa.me/{webhooks.BUSINESS_PHONE[1:]}?text=")
    )
