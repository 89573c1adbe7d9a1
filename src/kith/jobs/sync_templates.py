"""Asks Meta for the templates of an account, and writes down what it lists."""

from datetime import timedelta

from kith.actions import template_syncs, templates
from kith.actions.connections import of_tenant
from kith.actions.run import Runner
from kith.actions.templates import Listed, Synced
from kith.domain.graph import Account
from kith.domain.jobs import Job
from kith.domain.tokens import Caller
from kith.errors import Refused
from kith.integrations.whatsapp.client import Graph, GraphFailed, Rejected
from kith.jobs.failures import Hopeless, TryAgain


class TemplateSync:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def run(self, runner: Runner, job: Job) -> None:
        """Raises TryAgain, Hopeless: the next run in its time is planned all the same."""
        caller = of_tenant(job.tenant_id)
        try:
            account = await runner.write(template_syncs.begin, job, caller)
            if account is not None:
                await self.sync(runner, account, caller)
        except Refused as problem:
            raise Hopeless(problem.text) from None
        except GraphFailed as problem:
            if isinstance(problem, Rejected) and problem.refusal.known.again == "never":
                raise Hopeless(str(problem)) from None
            wait_s = problem.retry_after_s if isinstance(problem, Rejected) else None
            at = runner.now() + timedelta(seconds=wait_s) if wait_s else None
            raise TryAgain(str(problem), at=at) from None

    async def sync(self, runner: Runner, account: Account, caller: Caller) -> Synced:
        """Raises GraphFailed."""
        listed = await self._graph.templates(account)
        return await runner.write(templates.write_all, Listed(account.account_id, listed), caller)
