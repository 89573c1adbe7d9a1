"""`kith demo --whatsapp`: a whole conversation, with a pretended Meta inside this process."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import Any, Literal

import click
import httpx2
import msgspec

from kith import wiring
from kith.actions import connections, templates, whatsapp_connections
from kith.actions import demo as actions
from kith.actions.run import Runner, utc_now
from kith.actions.templates import Listed
from kith.actions.whatsapp_connections import ConnectWhatsApp
from kith.cli.common import print_json
from kith.domain import json
from kith.domain.connections import Connection
from kith.domain.times import wire
from kith.settings import Settings

NUMBER_ID, ACCOUNT_ID = "100000000000001", "100000000000002"
APP_SECRET = "of the demo"  # noqa: S105  # of nobody's account
SETTLED_S_MAX = 20.0
TEXTS_OF_OURS = 2
"""One of the business, and the confirmation of the opt-out."""
_OFFER = {
    "name": "spring_offer", "language": "en", "status": "APPROVED", "category": "MARKETING",
    "components": [{"type": "BODY", "text": "Hi {{1}}, 10 % off until Sunday."}],
}  # fmt: skip


class Step(msgspec.Struct, frozen=True):
    """What happened next: somebody wrote `text`, or, by nobody, it came about."""

    who: Literal["contact", "business", "kith"] | None
    text: str
    outcome: str | None = None


Tell = Callable[[Step], None]


class PretendedMeta:
    """Takes every message, and says so. What is sent is in `taken`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "PretendedMeta":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0] or 0)
        message = json.decode_object(await reader.readexactly(length))
        answer: dict[str, Any] = {"data": [_OFFER]}
        if head.startswith("post"):
            wamid = f"wamid.demo{secrets.token_hex(8)}"
            self.taken.append((wamid, message))
            to = str(message.get("to", ""))
            answer = {
                "contacts": [{"input": to, "wa_id": to.removeprefix("+")}],
                "messages": [{"id": wamid}],
            }
        body = json.encode(answer)
        first = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(first % len(body) + body)
        await writer.drain()
        writer.close()


class Conversation:
    """One person and the demo workspace, each step told to whoever watches."""

    def __init__(
        self,
        kith: httpx2.AsyncClient,
        meta: PretendedMeta,
        connection: Connection,
        tell: Tell,
    ) -> None:
        self.kith = kith
        self._meta = meta
        self._path = connection.path
        self._tell = tell
        self.phone = f"+1202555{secrets.randbelow(10_000):04}"

    async def call(self, action: str, **given: object) -> dict[str, Any]:
        answer = await self.kith.post(f"/api/v1/actions/{action}", json=given)
        found: dict[str, Any] = answer.json()
        return found

    async def says(self, text: str) -> None:
        """They write; Meta posts it, signed, and Kith reads it."""
        self._tell(Step("contact", text))
        wamid = f"wamid.demo{secrets.token_hex(8)}"
        message = {
            "from": self.phone[1:], "id": wamid, "timestamp": str(int(time.time())),
            "type": "text", "text": {"body": text},
        }  # fmt: skip
        named = {"wa_id": self.phone[1:], "profile": {"name": "Romain"}}
        await self._post({"contacts": [named], "messages": [message]})
        await self._until(lambda known: known["last"] == wamid)

    async def arrives(self) -> None:
        """What was sent last is delivered and read."""
        wamid, message = self._meta.taken[-1]
        for status in ("delivered", "read"):
            told = {
                "id": wamid, "status": status, "timestamp": str(int(time.time())),
                "recipient_id": self.phone[1:],
                "biz_opaque_callback_data": message["biz_opaque_callback_data"],
            }  # fmt: skip
            await self._post({"statuses": [told]})
        await self._until(lambda known: "read" in known["statuses"])
        self._tell(Step(None, "delivered, read"))

    async def _post(self, value: dict[str, Any]) -> None:
        change = {"field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": {"phone_number_id": NUMBER_ID, "display_phone_number": "12025550100"},
            **value,
        }}  # fmt: skip
        body = json.encode(
            {
                "object": "whatsapp_business_account",
                "entry": [{"id": ACCOUNT_ID, "changes": [change]}],
            }
        )
        signed = "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signed, "Content-Type": "application/json"}
        answer = await self.kith.post(self._path, content=body, headers=headers)
        answer.raise_for_status()

    async def _until(self, is_so: Callable[[dict[str, Any]], bool]) -> None:
        async with asyncio.timeout(SETTLED_S_MAX):
            while True:
                page = await self.call("list-messages", phone=self.phone)
                found = page.get("messages", [])
                known = {
                    "last": next(
                        (m["whatsapp_message_id"] for m in found if m["direction"] == "inbound"), ""
                    ),
                    "statuses": [m["status"] for m in found],
                }
                if is_so(known):
                    return
                await asyncio.sleep(0.02)

    async def confirmed(self) -> str:
        """What Kith itself says to whoever opts out."""
        await self._until(lambda known: known["statuses"].count("sent") == TEXTS_OF_OURS)
        return str(self._meta.taken[-1][1]["text"]["body"])


async def converse(tell: Tell) -> dict[str, Any]:
    """The whole conversation; the contact as get-contact shows it in the end.

    In a database of its own: a server on that of the settings is not disturbed, and no invented
    message stands among true ones.
    """
    with TemporaryDirectory(prefix="kith-demo-") as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/kith.db", rate_limit_per_minute=0)
        async with PretendedMeta() as meta:
            async with wiring.opened(settings) as runner:
                connection, token = await _connected(runner, meta.url)
            async with (
                wiring.serving(settings, on_broken=lambda: None) as server,
                httpx2.AsyncClient(
                    transport=httpx2.ASGITransport(app=server),
                    base_url="http://kith",
                    headers={"Authorization": f"Bearer {token}"},
                ) as kith,
            ):
                return await _play(Conversation(kith, meta, connection, tell), tell)


async def _play(one: Conversation, tell: Tell) -> dict[str, Any]:
    listed = (await one.kith.post("/api/v1/actions/list-templates", json={})).json()
    offer = {"phone": one.phone, "template_id": listed[0]["id"], "variables": {"1": "Romain"}}

    async def sends(action: str, shown: str, **given: Any) -> None:
        answer = await one.call(action, **given)
        outcome = answer.get("status") or f"refused: {answer['error']}"
        tell(Step("business", shown, outcome))

    await one.call("create-contact", phone=one.phone, name="Romain")
    await sends("send-template-message", "template spring_offer", **offer)
    tell(Step(None, "... yesterday they agreed to marketing on your web page ..."))
    await one.call(
        "set-consent", phone=one.phone, channel="whatsapp", purpose="marketing", state="granted",
        source="api", method="checkbox", wording="Yes, send me offers on WhatsApp.",
        occurred_at=wire(utc_now() - timedelta(days=1)),
    )  # fmt: skip
    await sends("send-template-message", "template spring_offer", **offer)
    await one.arrives()
    text = {"phone": one.phone, "message": "Shall we keep one for you?"}
    await sends("send-text-message", text["message"], **text)
    await one.says("Oh yes please!")
    await sends("send-text-message", text["message"], **text)
    await one.says("STOP")
    tell(Step("kith", await one.confirmed()))
    await sends("send-template-message", "template spring_offer", **offer)
    return await one.call("get-contact", phone=one.phone)


async def _connected(runner: Runner, graph_url: str) -> tuple[Connection, str]:
    """The demo workspace with an account at the pretended Meta, and a token for it."""
    workspace = await runner.write(actions.prepare, None)
    given = ConnectWhatsApp(
        number_ids=(NUMBER_ID,),
        account_id=ACCOUNT_ID,
        access_token="of the demo",  # noqa: S106
        app_secret=APP_SECRET,
        verify_token="of the demo",  # noqa: S106
        graph_url=graph_url,
        workspace=workspace.id,
    )
    made = await runner.write(whatsapp_connections.connect, given)
    caller = connections.caller(made)
    await runner.write(templates.write_all, Listed(ACCOUNT_ID, [_OFFER]), caller)
    opened = await runner.write(actions.open_up, workspace)
    return made, opened.token


def show(*, as_json: bool) -> None:
    """Play it and print it."""
    if as_json:
        steps: list[Step] = []
        print_json({"contact": asyncio.run(converse(steps.append)), "steps": steps})
        return
    click.echo("A conversation, with a pretended Meta; nothing leaves this machine.\n")
    contact = asyncio.run(converse(_tell))
    click.echo("\nWhat get-contact shows of them now:\n")
    for name in ("phone", "name", "opted_in_at", "opted_out_at", "last_message_at",
                 "total_messages"):  # fmt: skip
        click.echo(f"  {name:16} {contact[name]}")


def _tell(step: Step) -> None:
    who = {"contact": "they", "business": "you", "kith": "kith", None: ""}[step.who]
    outcome = f"  [{step.outcome}]" if step.outcome else ""
    click.echo(f"  {who:6}{step.text}{outcome}")
