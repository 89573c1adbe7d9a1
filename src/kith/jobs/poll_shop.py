"""Reads shops that are polled: a round an hour, a few pages a turn, each stored with its place.

Each job plans the next: for as long as the connection is polled.
"""

import asyncio
from datetime import timedelta

import msgspec
import structlog

from kith.actions import connections, shop_polls
from kith.actions.run import Runner
from kith.actions.shop_polls import Begin, Missed, Next, Polling, Taken
from kith.domain.jobs import Job
from kith.domain.shop_polls import EVERY, Item, Page, Poll, PollFailed
from kith.domain.tokens import Caller
from kith.integrations.polls import SHOPS
from kith.jobs.ask import Asker

TURN_S = 20.0
"""After so long others have their turn."""
log = structlog.get_logger("kith.polls")


class ShopPoll:
    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def run(self, runner: Runner, job: Job) -> None:
        """Whatever becomes of it, the next one is planned, unless nothing is polled any more."""
        caller = connections.of_tenant(job.tenant_id)
        try:
            polling = await runner.write(shop_polls.begin, Begin(connection_id=job.subject), caller)
            wait = await self._turn(runner, polling, caller) if polling is not None else EVERY
        except PollFailed as failed:
            wait = await self.miss(runner, job.subject, failed, caller)
        await runner.write(shop_polls.plan, Next(job=job, wait=wait), caller)

    async def _turn(self, runner: Runner, polling: Polling, caller: Caller) -> timedelta:
        """How long to wait after some pages. Raises PollFailed."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + TURN_S
        following: Polling | None = polling
        while following is not None:
            page, poll = await self.page(runner, following, caller)
            following = await runner.read(shop_polls.go_on, polling.connection.id, caller)
            if following is not None and (page.wait_s or loop.time() > ends_at):
                return timedelta(seconds=page.wait_s)
        log.info(
            "poll.done",
            code="polls",
            tenant_id=caller.tenant_id,
            connection_id=polling.connection.id,
            seen=poll.seen,
            news=poll.news,
            gone=poll.gone,
        )
        return EVERY

    async def page(self, runner: Runner, polling: Polling, caller: Caller) -> tuple[Page, Poll]:
        """Read one page and store what is in it. Raises PollFailed."""
        page = await self._read(polling)
        poll = await runner.write(shop_polls.take, Taken(polling=polling, page=page), caller)
        return page, poll

    async def miss(
        self, runner: Runner, connection_id: str, failed: PollFailed, caller: Caller
    ) -> timedelta:
        """Note why a shop was not read; how long to wait."""
        wait = await runner.write(
            shop_polls.miss, Missed(connection_id=connection_id, failed=failed), caller
        )
        log.warning(
            "poll.failed",
            code="polls",
            tenant_id=caller.tenant_id,
            connection_id=connection_id,
            reason=failed.reason,
            wait_s=round(wait.total_seconds()),
        )
        return wait

    async def _read(self, polling: Polling) -> Page:
        asking = polling.asking
        if asking.round.stage == "gone" and not asking.known:
            return Page()
        shop = SHOPS[polling.connection.system]
        page = shop.read(asking, await self._asker.ask(shop.ask(asking)))
        if not page.doubted or shop.ask_after is None or shop.gone is None:
            return page
        clock = asyncio.get_running_loop().time
        found: list[Item] = []
        ends_at = clock() + TURN_S
        for customer in page.doubted:
            answer = await self._asker.ask(shop.ask_after(asking, customer))
            item = shop.gone(asking, customer, answer)
            if item is not None:
                found.append(item)
            if customer != page.doubted[-1] and clock() > ends_at:  # the job has a time limit
                return msgspec.structs.replace(page, items=found, place=customer)
        return msgspec.structs.replace(page, items=found)
