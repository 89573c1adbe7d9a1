"""Killed again and again while WhatsApp posts: what was answered counts once, nothing is lost."""

import asyncio
import functools
import random
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from kith import wiring
from kith.actions import tokens, whatsapp_connections, workspaces
from kith.actions.run import Runner
from kith.actions.whatsapp_connections import ConnectWhatsApp
from kith.settings import Settings
from tests.graph import webhooks
from tests.graph.rules import Person as Writer
from tests.graph.server import ACCOUNT_ID, NUMBER_ID
from tests.graph.webhooks import signed
from tests.meta import APP_SECRET, VERIFY_TOKEN
from tests.serving import Client, Serving, serving
from tests.waits import await_until, wait_until

KILLS = 2
PEOPLE = [
    Writer(phone=f"+1415555{number:04}", wa_id=f"1415555{number:04}", name=f"Person {number}",
           user_id=f"US.{number:04}")
    for number in range(5)
]  # fmt: skip


def story() -> list[bytes]:
    """Each person: eight messages, of which one is a stop; each three times, in any order."""
    since = int(time.time()) - 3_600
    bodies = [
        webhooks.text(
            person, "stop" if number == 5 else str(number), at=since + number,
            wamid=f"wamid.{person.wa_id}.{number}",
        )
        for person in PEOPLE
        for number in range(8)
    ] * 3  # fmt: skip
    random.Random(7).shuffle(bodies)
    # What is the same to the last byte is known by its bytes: let each repeat be another body.
    return [body + b" " * chance for body, chance in zip(bodies, range(len(bodies)), strict=True)]


async def prepared(settings: Settings) -> tuple[str, str]:
    """The path of a connection and a token."""

    async def make(runner: Runner) -> tuple[str, str]:
        given = workspaces.NewWorkspace(name="Acme Co.", email="ana@example.com", user_name="Ana")
        workspace, user = await runner.write(workspaces.create, given)
        connect = ConnectWhatsApp(
            number_ids=(NUMBER_ID,), account_id=ACCOUNT_ID, access_token="EAAG",
            app_secret=APP_SECRET, verify_token=VERIFY_TOKEN, workspace=workspace.id,
        )  # fmt: skip
        made = await runner.write(whatsapp_connections.connect, connect)
        token = tokens.NewToken(email=user.email, name="tests", scope="write")
        issued = await runner.write(lambda ctx, _: tokens.issue(ctx, user, token), None)
        return made.path, issued.token

    async with wiring.opened(settings) as runner:
        return await make(runner)


async def leases_run_out(settings: Settings) -> None:
    """As half a minute later: what the killed worker had taken is anybody's again."""
    async with wiring.opened(settings) as runner:
        await runner.database.write(lambda tx: tx.run("UPDATE jobs SET due_at = 0"))


async def posted(http: httpx.AsyncClient, url: str, body: bytes) -> bool:
    try:
        answer = await http.post(url, content=body, headers=signed(body, APP_SECRET))
    except httpx.HTTPError:
        return False
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200


async def post_until_killed(
    running: Serving, path: str, waiting: list[bytes], *, answers: int, after_s: float
) -> None:
    """Kill it a moment after so many answers; what is not answered 200 waits, as at Meta's."""
    taken = 0
    async with httpx.AsyncClient(timeout=60) as http:
        while waiting and running.process.poll() is None:
            some, waiting[:] = waiting[:8], waiting[8:]
            told = await asyncio.gather(*(posted(http, running.url + path, body) for body in some))
            waiting += [body for body, is_taken in zip(some, told, strict=True) if not is_taken]
            if taken < answers <= (taken := taken + sum(told)):
                asyncio.get_running_loop().call_later(after_s, running.process.kill)
    running.process.kill()
    running.process.wait()


def state(client: Client) -> list[Any]:
    found = []
    for person in PEOPLE:
        contact = client.get_contact(phone=person.phone).json()
        ledger = client.post("list-consent", {"phone": person.phone})
        rows = ledger.json().get("records", [])
        found.append((contact.get("total_messages"), contact.get("opted_out_at"), len(rows)))
    return found


@pytest.mark.row("T3.1", "F22", "G12")
async def test_a_kill_at_any_point_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path
) -> None:
    key = "the-key-of-the-tests"
    settings = {"database_url": database_url, "secret_key": key}
    path, token = await prepared(Settings(database_url=database_url, secret_key=key))
    waiting, chance = story(), random.Random(3)
    for kill in range(KILLS):
        with serving(tmp_path / f"{kill}.log", **settings) as running:
            answers, after_s = chance.randrange(8, 40), chance.uniform(0, 0.05)
            await post_until_killed(running, path, waiting, answers=answers, after_s=after_s)
        assert waiting, "killed before everything was told"
        await leases_run_out(Settings(database_url=database_url))
    with serving(tmp_path / "last.log", **settings) as running, httpx.Client(timeout=60) as http:
        async with httpx.AsyncClient(timeout=60) as posting:
            for body in waiting:
                told = functools.partial(posted, posting, running.url + path, body)
                await await_until(told, "an answer to Meta")
        client = Client(running.url, token, http)
        end = wait_until(
            lambda: state(client),
            "eight messages of each",
            is_so=lambda found: [one[0] for one in found] == [8] * len(PEOPLE),
        )
        assert [(total, rows) for total, _, rows in end] == [(8, 1)] * len(PEOPLE)
        assert all(opted_out_at for _, opted_out_at, _ in end)
