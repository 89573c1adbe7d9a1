"""Meta's side of a connection: webhooks, signed and posted to a running server."""

import json
from collections.abc import Iterable
from operator import not_
from typing import Any

from kith.actions import connections, whatsapp_connections
from kith.actions.run import Context
from kith.actions.whatsapp_connections import ConnectWhatsApp
from kith.domain.connections import Connection
from kith.domain.tokens import Caller
from tests.cast import Bed, Person
from tests.graph.server import ACCOUNT_ID, BUSINESS_PHONE, NUMBER_ID
from tests.graph.webhooks import signed
from tests.waits import await_until

APP_SECRET = "the-secret-of-the-app"
VERIFY_TOKEN = "what-was-made-up"
SECOND_NUMBER_ID = "106540352242923"


class Meta:
    """A connected account of two numbers, and what it posts."""

    def __init__(self, bed: Bed, connection: Connection) -> None:
        self.bed = bed
        self.connection = connection

    @property
    def url(self) -> str:
        return self.bed.serving.url + self.connection.path

    @property
    def caller(self) -> Caller:
        return connections.caller(self.connection)

    def post(self, body: bytes | dict[str, Any], **headers: str) -> int:
        """One webhook, as it is or of these values; its status."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.bed.http.post(
            self.url, content=raw, headers={**signed(raw, APP_SECRET), **headers}
        )
        return answer.status_code

    async def told(self, *bodies: bytes | dict[str, Any]) -> None:
        """Posted, each answered 200, and read."""
        for body in bodies:
            assert self.post(body) == 200
        await self.settled()

    async def settled(self) -> None:
        await await_until(lambda: self.states("waiting"), "a worker that reads", is_so=not_)

    async def states(self, state: str) -> list[str | None]:
        """The reasons of the messages in the inbox that are in this state."""
        rows = await self.bed.rows(
            "SELECT reason FROM inbox WHERE tenant_id = :tenant_id AND state = :state",
            tenant_id=self.connection.tenant_id,
            state=state,
        )
        return [row[0] for row in rows]


async def connected(
    bed: Bed, owner: Person, *, asks_for_templates: bool = False, **more: Any
) -> Meta:
    """The owner's workspace with a WhatsApp account."""
    assert owner.workspace is not None
    given: dict[str, Any] = {
        "number_ids": (NUMBER_ID, SECOND_NUMBER_ID),
        "account_id": ACCOUNT_ID,
        "access_token": "EAAG-of-nobody",
        "graph_url": "http://127.0.0.1:9",  # nobody listens
        "app_secret": APP_SECRET,
        "verify_token": VERIFY_TOKEN,
        "workspace": owner.workspace.id,
    } | more

    async def connect(ctx: Context, _: None) -> Connection:
        made = await whatsapp_connections.connect(ctx, ConnectWhatsApp(**given))
        if not asks_for_templates:
            sql = "DELETE FROM jobs WHERE tenant_id = :tenant_id AND kind = 'sync_templates'"
            await ctx.tx.run(sql, tenant_id=made.tenant_id)
        return made

    return Meta(bed, await bed.runner.write(connect, None))


def batch(changes: Iterable[dict[str, Any]], *, account: str = ACCOUNT_ID) -> dict[str, Any]:
    """A body of several changes."""
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": account, "changes": list(changes)}],
    }


def change(
    value: dict[str, Any], field: str = "messages", number: str = NUMBER_ID
) -> dict[str, Any]:
    metadata = {"display_phone_number": BUSINESS_PHONE.removeprefix("+"), "phone_number_id": number}
    return {
        "field": field,
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
    }
