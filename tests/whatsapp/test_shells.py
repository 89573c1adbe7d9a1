"""Two contacts that WhatsApp says are one person: merged by itself where it alone made the one."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cast import Person
from tests.graph import Person as Somebody
from tests.graph import webhooks
from tests.meta import Meta
from tests.whatsapp.sending import agree
from tests.whatsapp.test_held_names import doubles, moved
from tests.whatsapp.test_recipients import BSUID, said

OLD, NEW = "+14155550521", "+14155550522"


def call(action: str, **given: Any) -> Callable[[Person, dict[str, str]], None]:
    def done(ana: Person, _: dict[str, str]) -> None:
        answer = ana.post(action, {"phone": NEW, **given})
        assert answer.is_success, answer.text

    return done


def sent(ana: Person, ids: dict[str, str]) -> None:
    given = {"phone": NEW, "template_id": ids["hello_world"]}
    assert ana.post("send-template-message", given).is_success


def nothing(ana: Person, _: dict[str, str]) -> None: ...


WRITTEN = {
    "made by people": (False, call("create-contact")),
    "made and named by people": (False, call("create-contact", name="Holder")),
    "made by a message to them": (False, sent),
    "named by people": (True, call("update-contact", name="Holder")),
    "tagged": (True, call("add-tag", tag="vip")),
    "tagged and no more": (
        True,
        lambda ana, ids: [call(f"{do}-tag", tag="vip")(ana, ids) for do in ("add", "remove")],
    ),
    "blocked by people": (True, call("block-contact")),
    "opted in elsewhere": (True, lambda ana, _: agree(ana, NEW)),
}


@pytest.mark.parametrize("case", WRITTEN)
async def test_what_people_wrote_is_not_merged_by_a_change_of_number(
    ana: Person, meta: Meta, ids: dict[str, str], case: str
) -> None:
    """Whoever has the new number already may be the same person: people say so."""
    by_itself, write = WRITTEN[case]
    now = time.time()
    if by_itself:
        await meta.told(webhooks.text(Somebody(NEW), "Hi", at=now - 10))
    write(ana, ids)
    holder = ana.get_contact(phone=NEW, expand=["consent"]).json()
    await meta.told(webhooks.text(Somebody(OLD, name="Mover"), "Hi", at=now - 100))
    await meta.told(moved(OLD, NEW, at=now - 40))
    mover = ana.get_contact(phone=OLD).json()
    assert (mover["name"], mover["phone"]) == ("Mover", None)
    found = ana.get_contact(contact_id=holder["id"], expand=["consent"]).json()
    same = ("id", "phone", "name", "tags", "opted_in_at", "consent", "total_messages")
    assert [found[key] for key in same] == [holder[key] for key in same]
    assert doubles(ana) == [({holder["id"], mover["id"]}, ["whatsapp"])]


@pytest.mark.parametrize("word", ["Hi", "STOP", "START"])
async def test_whom_whatsapp_alone_made_is_merged(ana: Person, meta: Meta, word: str) -> None:
    """Whoever wrote from the new number since is the one who changed to it, with what they said."""
    now = time.time()
    await meta.told(webhooks.text(Somebody(OLD, name="Mover"), "Hi", at=now - 100))
    mover = ana.get_contact(phone=OLD).json()["id"]
    await meta.told(webhooks.text(Somebody(NEW), word, at=now - 10))
    await meta.told(moved(OLD, NEW, at=now - 40))
    found = ana.get_contact(phone=NEW).json()
    assert (found["id"], found["name"], found["phone"]) == (mover, "Mover", NEW)
    assert (found["opted_in_at"] is None, found["opted_out_at"] is None) == (
        word != "START",
        word != "STOP",
    )
    assert doubles(ana) == []


@pytest.mark.parametrize("is_named", [False, True])
async def test_one_message_that_names_two(ana: Person, meta: Meta, is_named: bool) -> None:
    """A business-scoped id of one and the number of another: the same person."""
    await meta.told(said(BSUID, type="text", text={"body": "Hi"}))
    shell = ana.get_contact(bsuid=BSUID).json()["id"]
    if is_named:
        given = {"contact_id": shell, "name": "Ada of ours"}
        assert ana.post("update-contact", given).is_success
    kept = ana.create_contact(phone=NEW, name="Ada").json()["id"]
    await meta.told(webhooks.text(Somebody(NEW, user_id=BSUID), "Hi", at=time.time()))
    assert ana.get_contact(bsuid=BSUID).json()["id"] == (shell if is_named else kept)
    assert ana.get_contact(phone=NEW).json()["id"] == kept
    assert doubles(ana) == ([({shell, kept}, ["whatsapp"])] if is_named else [])
