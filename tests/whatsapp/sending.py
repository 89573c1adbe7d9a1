"""What tests of messages that leave share: people, consent, and what stands in the tables."""

import time
from operator import not_
from typing import Any

from kith.actions import templates
from kith.actions.templates import Listed
from kith.domain import sealing
from tests.cast import Bed, Person
from tests.graph import Person as Somebody
from tests.graph import webhooks
from tests.graph.samples import TEMPLATES
from tests.graph.server import ACCOUNT_ID
from tests.meta import Meta
from tests.waits import await_until

PHONE = "+14155550123"


async def templates_of(bed: Bed, person: Person) -> dict[str, str]:
    """All of them known to the person's workspace; their ids by name."""
    await bed.runner.write(templates.write_all, Listed(ACCOUNT_ID, TEMPLATES), person.caller)
    return {one["name"]: one["id"] for one in person.post("list-templates", {}).json()}


async def writes(meta: Meta, person: Somebody, body: str = "Hi", **more: Any) -> None:
    """A message of the person's comes in, so that the window opens."""
    await meta.told(webhooks.text(person, body, at=time.time(), **more))


def agree(person: Person, phone: str | None = PHONE, **more: Any) -> None:
    given = {
        "phone": phone, "channel": "whatsapp", "purpose": "marketing", "state": "granted",
        "source": "api", "method": "checkbox", "wording": "Offers, please.",
    } | more  # fmt: skip
    assert person.post("set-consent", given).is_success


async def sealed_with_another_key(bed: Bed, meta: Meta) -> None:
    """As after a change of KITH_SECRET_KEY: nobody can open the connection's secrets."""
    secrets = {"access_token": "a", "app_secret": "b", "verify_token": "c"}
    about = meta.connection.id
    await bed.change(
        "UPDATE connections SET secrets = :secrets WHERE uuid = :uuid",
        secrets=sealing.seal(secrets, key="another key", nonce=bytes(12), about=about),
        uuid=about,
    )


async def rows(bed: Bed, person: Person) -> list[tuple[Any, ...]]:
    """Every message of ours: status, code, title, wamid, address, type."""
    return await bed.rows(
        "SELECT status, error_code, error_title, wamid, address, type FROM messages"
        " WHERE tenant_id = :tenant_id AND direction = 'outbound' ORDER BY id",
        tenant_id=person.user.tenant_id,
    )


async def jobs(bed: Bed, person: Person, kind: str = "send_message") -> int:
    found = await bed.rows(
        "SELECT COUNT(*) FROM jobs WHERE tenant_id = :tenant_id AND kind = :kind"
        " AND gave_up_at IS NULL",
        tenant_id=person.user.tenant_id,
        kind=kind,
    )
    return int(found[0][0])


async def nothing_waits(bed: Bed, person: Person) -> None:
    """Until all has left that was to be sent, such as the answer to a STOP."""
    await await_until(lambda: jobs(bed, person), "an end of what leaves", is_so=not_)


async def settled(bed: Bed, person: Person, count: int) -> list[str]:
    """What became of our messages, once there are so many and none is about to leave."""
    found = await await_until(
        lambda: rows(bed, person),
        f"{count} messages that have left",
        is_so=lambda found: (
            len(found) >= count and not {"queued", "sending"} & {row[0] for row in found}
        ),
    )
    return [row[0] for row in found]
