"""Fetches the file of a message from Meta, checks it, and keeps it; removes what nobody has."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

from kith.actions import media as actions
from kith.actions.connections import of_tenant
from kith.actions.media import Due, Fetched, Left
from kith.actions.run import Runner
from kith.domain import media
from kith.domain.jobs import Job
from kith.domain.media import File
from kith.errors import Refused
from kith.integrations.whatsapp.client import Graph, GraphFailed, Rejected
from kith.jobs.failures import Hopeless, TryAgain

AGAIN = timedelta(minutes=1)
DOWNLOAD_S_MAX = 120.0


class MediaFetch:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def run(self, runner: Runner, job: Job) -> None:
        """Raises TryAgain, Hopeless."""
        if not runner.files.keeps:
            return
        caller = of_tenant(job.tenant_id)
        try:
            due = await runner.read(actions.due, job.subject, caller)
            if due is None:
                return
            try:
                file = await self._fetched(runner, due)
            except Hopeless as problem:
                await runner.write(actions.leave, Left(job.subject, str(problem)), caller)
                raise
            await runner.write(actions.keep, Fetched(job.subject, file), caller)
        except Refused as problem:
            raise Hopeless(problem.text) from None
        except GraphFailed as problem:
            if isinstance(problem, Rejected) and problem.refusal.known.again == "never":
                raise Hopeless(str(problem)) from None
            raise TryAgain(str(problem), at=runner.now() + AGAIN) from None

    async def remove(self, runner: Runner, job: Job) -> None:
        """The file of a digest, unless a message has it again."""
        gone = await runner.read(actions.unused, job.subject, of_tenant(job.tenant_id))
        if gone is not None:
            await asyncio.to_thread(runner.files.remove, gone.folder, gone.sha256)

    async def _fetched(self, runner: Runner, due: Due) -> File:
        """Raises GraphFailed, Hopeless for what must not be kept."""
        account, kind = due.account, due.kind
        told = await self._graph.media(account, due.media_id)
        if not media.may_be_asked(told.url, graph_url=account.graph_url):
            raise Hopeless("The file is said to be at an address that is not Meta's.")
        mime_type = media.mime_type(told.mime_type)
        if not media.is_type_of(kind, mime_type):
            raise Hopeless(f"The file is {mime_type}, which WhatsApp does not allow for {kind}.")
        if told.size is not None and not media.fits(kind, told.size):
            raise Hopeless(f"The file is larger than WhatsApp allows for {kind}.")
        writing = await asyncio.to_thread(runner.files.begin, due.folder)
        try:
            async with (
                asyncio.timeout(DOWNLOAD_S_MAX),
                aclosing(self._graph.download(account, told.url)) as pieces,
            ):
                async for piece in pieces:
                    await asyncio.to_thread(writing.write, piece)
                    if not media.fits(kind, writing.size):
                        raise Hopeless(f"The file is larger than WhatsApp allows for {kind}.")
            if writing.sha256 != media.digest(told.sha256):
                raise Hopeless("The file is not the one that Meta told of.")
            await asyncio.to_thread(writing.keep)
        except BaseException:
            await asyncio.to_thread(writing.drop)
            raise
        return File(
            folder=due.folder,
            sha256=writing.sha256,
            mime_type=mime_type,
            size=writing.size,
        )
