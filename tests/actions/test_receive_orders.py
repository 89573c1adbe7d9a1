"""What WhatsApp tells ends alike in every order and however often it is told (T3.1, F22, G12)."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kith.actions import contacts, facts
from kith.actions.run import utc_now
from kith.domain.contacts import Particulars
from kith.domain.messages import Delivery, Error, Message, StatusTold
from kith.domain.times import from_us, to_us
from kith.domain.whatsapp_facts import (
    AccountRestricted,
    IdentityChanged,
    MessageEchoed,
    MessageReceived,
    Number,
    OffersRestricted,
    PreferenceTold,
    StatusReported,
    Who,
)
from kith.store import business_numbers
from kith.store import messages as message_rows
from tests.cast import Bed, Person
from tests.graph.server import NUMBER_ID
from tests.meta import SECOND_NUMBER_ID, Meta, connected

NUMBER_IDS = (NUMBER_ID, SECOND_NUMBER_ID)

NUMBER, OTHER = Number("106540352242922", "+15550783881"), Number("106540352242923")
OLD, NEW, ROMAIN_ID, ROMAIN_NEW_ID = "14155550123", "14155550199", "US.111", "US.222"
ROMAIN = Who(wa_id=OLD, bsuid=ROMAIN_ID, name="Romain")
MOVED = Who(wa_id=NEW, bsuid=ROMAIN_NEW_ID, name="Romain")
NEWCOMER = Who(wa_id=OLD, bsuid="US.333", name="Nora")
HIDDEN = Who(bsuid="BR.444", username="helena", name="Helena")
SHOWN = Who(wa_id="551187654321", bsuid="BR.444", username="helena", name="Helena")
OTHER_SPELLING = Who(wa_id="5511987654321", name="Helena")
SENT = [f"0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a6{number}" for number in range(6)]


class Story:
    """Everything that happened, by WhatsApp's clock: minutes after a time three days ago."""

    def __init__(self) -> None:
        self.since = from_us(to_us(utc_now() - timedelta(days=3)) // 10**6 * 10**6)

    def at(self, minutes: int) -> Any:
        return self.since + timedelta(minutes=minutes)

    def wrote(self, who: Who, minutes: int, body: str = "Hello", **more: Any) -> MessageReceived:
        given = {"type": "text", "content": {"body": body}, "said": (body,)} | more
        return MessageReceived(
            **{"number": NUMBER, "wamid": f"wamid.{minutes}"} | given, who=who, at=self.at(minutes)
        )

    def about(self, minutes: int, target: int, kind: str, **content: Any) -> MessageReceived:
        return self.wrote(
            ROMAIN, minutes, type=kind, content=content, said=(), about_wamid=f"wamid.{target}"
        )

    def status(
        self, sent: int, status: Any, minutes: int, code: int = 0, *, is_called_back: bool = False
    ) -> StatusReported:
        error = Error(code, "Title") if code else None
        return StatusReported(
            number=NUMBER,
            who=Who(),
            wamid=f"wamid.sent.{sent}",
            told=StatusTold(status=status, at=self.at(minutes), error=error),
            callback=SENT[sent] if is_called_back else None,
        )

    def resold(self) -> MessageReceived:
        """A number is sold again weeks after it was given up: all else has been told by then."""
        return self.wrote(NEWCOMER, 3 * 24 * 60 - 1)

    def whole(self) -> list[Any]:
        day = 24 * 60
        return [
            self.wrote(ROMAIN, 1),
            self.wrote(ROMAIN, 2, "STOP"),
            self.wrote(ROMAIN, 3, "Start!"),
            self.wrote(ROMAIN, 4, number=OTHER),
            self.about(5, 1, "edit", message_id="wamid.1", type="text", content={"body": "New"}),
            self.about(6, 1, "edit", message_id="wamid.1", type="text", content={"body": "Newer"}),
            self.about(7, 4, "revoke", message_id="wamid.4"),
            self.about(8, 4, "edit", message_id="wamid.4", type="text", content={"body": "Gone"}),
            self.about(9, 1, "reaction", emoji="+1", message_id="wamid.1"),
            PreferenceTold(who=ROMAIN, at=self.at(10), is_stop=True),
            PreferenceTold(who=ROMAIN, at=self.at(11), is_stop=False),
            MessageEchoed(
                number=NUMBER, who=ROMAIN, wamid="wamid.echo", at=self.at(12), type="text",
                content={"body": "From the phone"},
            ),
            StatusReported(
                number=NUMBER, who=Who(), wamid="wamid.echo",
                told=StatusTold(status="read", at=self.at(13)),
            ),
            IdentityChanged(
                before=Who(wa_id=OLD, bsuid=ROMAIN_ID),
                after=Who(wa_id=NEW, bsuid=ROMAIN_NEW_ID),
                at=self.at(20),
            ),
            self.wrote(MOVED, 21),
            self.wrote(HIDDEN, 40, "baja"),
            self.wrote(SHOWN, 41),
            self.wrote(OTHER_SPELLING, 42, "alta"),
            self.status(0, "sent", 50, is_called_back=True),
            self.status(0, "delivered", 51),
            self.status(0, "read", 52),
            self.status(1, "sent", 53),
            self.status(1, "failed", 54, 131047, is_called_back=True),
            self.status(2, "failed", 55, 131026, is_called_back=True),
            self.status(3, "sent", 56 + day),
            self.status(3, "failed", 57 + day, 131026, is_called_back=True),
            AccountRestricted(at=self.at(60), is_restricted=True, number_ids=NUMBER_IDS),
            OffersRestricted(at=self.at(60), until=self.at(9 * day), number_ids=NUMBER_IDS),
            AccountRestricted(at=self.at(61), is_restricted=False, number_ids=NUMBER_IDS),
            self.status(4, "sent", 62),
            self.status(4, "failed", 62, 131042, is_called_back=True),
            self.status(5, "failed", 62, 131031, is_called_back=True),
            AccountRestricted(at=self.at(61), is_restricted=True, number_ids=NUMBER_IDS[1:]),
            AccountRestricted(
                at=self.at(63), is_restricted=True, number_ids=NUMBER_IDS[1:],
                until=self.at(9 * day),
            ),
            OffersRestricted(at=self.at(64), until=self.at(9 * day), number_ids=NUMBER_IDS[1:]),
            OffersRestricted(at=self.at(64), until=self.at(8 * day), number_ids=NUMBER_IDS[1:]),
        ]  # fmt: skip


async def begun(bed: Bed, owner: Person, story: Story) -> Meta:
    """An account that knows Helena by another spelling than WhatsApp has, and has written to Lucie
    six times, not knowing what became of it."""
    meta = await connected(bed, owner)

    async def write(ctx: Any, _: None) -> None:
        lucie = await contacts.create(ctx, "+33612345678", Particulars(name="Lucie"))
        await contacts.create(ctx, "+5511987654321", Particulars(name="Helena"))
        await business_numbers.ensure(
            ctx.tx, tenant_id=ctx.tenant_id, number_id=NUMBER.id, phone=None, at=ctx.now
        )
        for uuid in SENT:
            message = Message(
                id=uuid, contact_id=lucie.id, number_id=NUMBER.id, direction="outbound",
                type="text", at=story.at(49), created_at=ctx.now, address="+33612345678",
                delivery=Delivery(status="unknown"),
            )  # fmt: skip
            await message_rows.add(
                ctx.tx, tenant_id=ctx.tenant_id, message=message,
                contact_row_id=lucie.row_id, contact_uuid=lucie.id,
            )  # fmt: skip

    await bed.runner.write(write, None, meta.caller)
    return meta


async def tell(bed: Bed, meta: Meta, told: Iterable[Any]) -> None:
    """On SQLite in the order given, in few commits; on PostgreSQL a few side by side."""
    waiting = iter(told)
    at_once = 100 if bed.engine == "sqlite" else 6
    while some := list(islice(waiting, at_once)):
        await asyncio.gather(*(bed.runner.write(facts.apply, one, meta.caller) for one in some))


async def state(bed: Bed, meta: Meta) -> dict[str, Any]:
    """All that is known in the end, without ids of Kith's own and without its clock."""
    of = " WHERE x.tenant_id = :tenant_id"
    name = "COALESCE(c.name, '') || ' ' || COALESCE(c.phone, '')"
    join = " JOIN contacts c ON c.tenant_id = x.tenant_id AND c.id = x.contact_id"
    queries = {
        "contacts": f"SELECT {name.replace('c.', 'x.')}, x.opted_in_at, x.opted_out_at,"
        f" x.last_message_at, x.total_messages, x.source FROM contacts x{of}",
        "identities": f"SELECT {name}, x.kind, x.value, x.retired_at, x.seen_at"
        f" FROM identities x{join}{of}",
        "consent": "SELECT x.state, x.occurred_at, x.source, x.method"
        f" FROM consent_records x{of} AND x.note IS NULL",
        "states": f"SELECT {name}, x.channel, x.purpose, x.state, x.since, x.is_stopped_at_meta"
        f" FROM consent_states x{join}{of}",
        "messages": f"SELECT {name}, x.wamid, x.direction, x.type, x.content, x.status, x.sent_at,"
        " x.delivered_at, x.read_at, x.failed_at, x.error_code, x.is_counted, x.edited_at,"
        f" x.deleted_at, x.at FROM messages x{join}{of}",
        "conversations": f"SELECT {name}, x.number_id, x.last_inbound_at, x.refused_at,"
        f" x.capped_until, x.experiment_until FROM conversations x{join}{of}",
        "blocks": f"SELECT {name}, x.reason, x.since FROM contact_blocks x{join}{of}",
        "numbers": "SELECT x.number_id, x.phone, x.unavailable_since, x.unavailable_code,"
        " x.last_sent_at, x.restricted_since, x.marketing_paused_until, x.offers_restricted_at,"
        " x.offers_restricted_until"
        f" FROM business_numbers x{of}",
        "parked": f"SELECT x.digest, x.status, x.at FROM parked_statuses x{of}",
    }
    tenant_id = meta.connection.tenant_id
    return {
        what: sorted(map(repr, await bed.rows(sql, tenant_id=tenant_id)))
        for what, sql in queries.items()
    }


@pytest.mark.row("T3.1", "T3.2", "F22", "G12")
@given(data=st.data())
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
async def test_every_order_and_any_repeats_end_alike(bed: Bed, data: st.DataObject) -> None:
    story = Story()
    whole = story.whole()
    repeats = data.draw(st.lists(st.sampled_from(range(len(whole))), max_size=30))
    order = data.draw(st.permutations([*range(len(whole)), *repeats]))
    ends = []
    for told in (whole, [whole[number] for number in order]):
        meta = await begun(bed, await bed.owner("Ana"), story)
        await tell(bed, meta, told)
        await tell(bed, meta, [story.resold()])
        ends.append(await state(bed, meta))
    in_time, shuffled = ends
    for what, rows in in_time.items():
        assert shuffled[what] == rows, what


async def test_the_end_is_the_right_one(bed: Bed, ana: Person) -> None:
    story = Story()
    meta = await begun(bed, ana, story)
    await tell(bed, meta, story.whole())
    await tell(bed, meta, [story.resold()])
    end = await state(bed, meta)
    for what, rows in end.items():
        print(what)
        for row in rows:
            print("   ", row)
