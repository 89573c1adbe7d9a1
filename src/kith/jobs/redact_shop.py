"""Erases a shop's customers, a few in each turn, so that other jobs are done in between."""

import msgspec

from kith.actions import connections, shop_privacy
from kith.actions.run import Runner
from kith.domain.jobs import Job
from kith.jobs.failures import GoOn


async def run(runner: Runner, job: Job) -> None:
    """Raises GoOn while there may be more."""
    connection_id, _, shop = job.subject.partition(" ")
    caller = msgspec.structs.replace(
        connections.of_tenant(job.tenant_id), source="shopify", connection_id=connection_id
    )
    if await runner.write(shop_privacy.redact_some, shop, caller):
        raise GoOn(runner.now())
