"""Erases a shop's customers, a few in each job; each leaves a job for the next."""

import msgspec

from kith.actions import connections, shop_privacy
from kith.actions.run import Runner
from kith.domain.jobs import Job


async def run(runner: Runner, job: Job) -> None:
    connection_id, _, shop = job.subject.partition(" ")
    caller = msgspec.structs.replace(
        connections.of_tenant(job.tenant_id), source="shopify", connection_id=connection_id
    )
    await runner.write(shop_privacy.redact_some, shop, caller)
