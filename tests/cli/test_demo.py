"""The demo's contacts: the rule, and that what is stored agrees with itself."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from kith import wiring
from kith.domain import consent, demo, phone
from kith.domain import tags as tag_rule
from kith.domain.contacts import Contact
from kith.settings import Settings
from kith.store import consent as ledger
from kith.store import contacts, tenants
from kith.store.database import Tx
from tests.cast import Bed, tag_rows
from tests.cli.kith import Kith
from tests.serving import KITH, environment


def many() -> list[Contact]:
    return [demo.contact(number, id="") for number in range(1, 5_001)]


def test_phones_and_emails_follow_from_the_number() -> None:
    for number, contact in enumerate(many(), start=1):
        assert contact.phone == f"+1415{2_000_000 + number}"
        has_email = number % 10 != 0 or number == 10
        assert contact.email == (f"contact{number}@example.com" if has_email else None)
    assert demo.phone_of(demo.NUMBER_MAX) == "+14159999999"


def test_the_examples_own_number_is_skipped() -> None:
    taken = 3_550_123
    assert phone.parse("+14155550123") == demo.phone_of(taken)
    assert demo.numbers(taken - 1, taken + 1) == [taken - 1, taken + 1]


def test_contacts_vary_and_never_change() -> None:
    made = many()
    assert made == many()
    assert set(Counter(c.source for c in made)) == set(demo.SOURCES)
    lists = [msgspec.json.decode(c.tags, type=list[str]) for c in made]
    assert {len(names) for names in lists} == {0, 1, 2, 3, 4}
    assert all(list(tag_rule.parse(names)) == names for names in lists)
    assert len({c.name for c in made}) > 200
    assert len({c.locale for c in made}) > 10
    for field in ("name", "locale", "opted_in_at", "opted_out_at", "last_message_at"):
        values = {getattr(c, field) is None for c in made}
        assert values == {True, False}, field


def test_times_make_sense() -> None:
    for contact in many():
        given = (contact.opted_in_at, contact.opted_out_at, contact.last_message_at)
        times = [contact.created_at, *(at for at in given if at)]
        assert all(at.microsecond == 0 for at in times)
        assert min(times) == contact.created_at
        assert (contact.last_message_at is None) == (contact.total_messages == 0)
        assert contact.opted_out_at is None or contact.opted_in_at is not None
        assert contact.last_message_at is None or contact.last_message_at <= demo.LAST_DAY


async def test_rows_and_projections_agree(kith: Kith, database_url: str) -> None:
    assert kith("demo", "--contacts", "300", "--json").json["contacts"] == 301
    async with wiring.opened(Settings(database_url=database_url)) as runner:

        async def compare(tx: Tx) -> None:
            row = await tenants.by_uuid(tx, demo.WORKSPACE_UUID)
            assert row is not None
            for number in range(1, 301):
                wanted = demo.contact(number, id="")
                found = await contacts.by_phone(tx, tenant_id=row[0], phone=demo.phone_of(number))
                assert found is not None
                assert await tag_rows(tx, found.row_id) == msgspec.json.decode(found.tags)
                stored = msgspec.structs.replace(found, id="", row_id=0)
                assert stored == wanted

        await runner.database.read(compare)


@pytest.mark.row("T10.2")
async def test_the_ledger_tells_what_the_columns_show(kith: Kith, database_url: str) -> None:
    assert kith("demo", "--contacts", "300", "--json").json["contacts"] == 301
    async with wiring.opened(Settings(database_url=database_url)) as runner:

        async def compare(tx: Tx) -> tuple[int, int]:
            row = await tenants.by_uuid(tx, demo.WORKSPACE_UUID)
            assert row is not None
            opted_in = opted_out = 0
            for number in range(1, 301):
                phone_of = demo.phone_of(number)
                one = await contacts.by_phone(tx, tenant_id=row[0], phone=phone_of)
                assert one is not None
                rows = await ledger.of_contact(tx, tenant_id=row[0], contact_uuid=one.id)
                assert consent.projection(rows) == (one.opted_in_at, one.opted_out_at)
                shown = [at for at in (one.opted_in_at, one.opted_out_at) if at]
                assert [(each.occurred_at, each.address) for each in rows] == [
                    (at, phone_of) for at in shown
                ]
                states = await tx.all(
                    "SELECT channel, purpose, state FROM consent_states"
                    " WHERE tenant_id = :tenant_id AND contact_id = :row_id",
                    tenant_id=row[0],
                    row_id=one.row_id,
                )
                state = "withdrawn" if one.opted_out_at else "granted"
                assert [*map(tuple, states)] == [("whatsapp", "marketing", state)] * bool(shown)
                opted_in += one.opted_in_at is not None
                opted_out += one.opted_out_at is not None
            return opted_in, opted_out

        opted_in, opted_out = await runner.database.read(compare)
    assert min(opted_in, opted_out) > 0


def test_progress_is_for_a_person_only(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    done = subprocess.run(
        [KITH, "demo", "--contacts", "50", "--json"],
        env=environment(database_url=f"sqlite:///{tmp_path}/kith.db") | {"TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=180,
    )
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert msgspec.json.decode(done.stdout)["contacts"] == 51
    assert "Contacts" in shown
    assert "100%" in shown


def test_people_get_a_line_to_paste(tmp_path: Path) -> None:
    kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db", port=8123)
    shown = kith("demo", "--contacts", "0")
    assert (shown.status, shown.err) == (0, "")
    assert "curl -X POST http://127.0.0.1:8123/api/v1/actions/get-contact" in shown.out
    assert sys.executable not in shown.out


STEPS = [
    ("business", "refused: Contact has not opted in to marketing messages"),
    (None, None),
    ("business", "sent"),
    (None, None),
    ("business", "refused: Message rejected by Meta: Re-engagement message"),
    ("contact", None),
    ("business", "sent"),
    ("contact", None),
    ("kith", None),
    ("business", "refused: Contact has opted out of marketing messages"),
]


def test_a_conversation_needs_no_account(tmp_path: Path) -> None:
    shown = Kith(database_url=f"sqlite:///{tmp_path}/kith.db").process("demo", "--whatsapp")
    assert (shown.status, shown.err) == (0, "")
    for step in ("delivered, read", "Oh yes please!", "STOP", "You are unsubscribed"):
        assert step in shown.out
    for _, outcome in STEPS:
        assert outcome is None or f"[{outcome}]" in shown.out
    assert re.search(r"opted_in_at +2", shown.out)
    assert re.search(r"opted_out_at +2", shown.out)
    assert re.search(r"total_messages +5\n", shown.out)
    assert [*tmp_path.iterdir()] == []


async def test_a_conversation_beside_a_server_leaves_nothing(bed: Bed, beside: Kith) -> None:
    before = await bed.digest()
    played = beside("demo", "--whatsapp", "--json").json
    assert list(played) == ["contact", "steps"]
    assert [(step["who"], step["outcome"]) for step in played["steps"]] == STEPS
    assert (played["contact"]["name"], played["contact"]["total_messages"]) == ("Romain", 5)
    assert await bed.digest() == before
