"""Files what somebody typed on a web page, after they were answered: so the answer, and the time it
takes, are the same whether the number is known or not."""

from kith.actions import connections, opt_ins
from kith.actions.run import Runner
from kith.domain.jobs import Job


async def run(runner: Runner, job: Job) -> None:
    """Nothing, when it or its connection is gone."""
    of_tenant = connections.of_tenant(job.tenant_id)
    opt_in = await runner.read(opt_ins.get, job.subject, of_tenant)
    if opt_in is None:
        return
    connection = await runner.read(connections.by_id, opt_in.connection_id, of_tenant)
    if connection is not None:
        await runner.write(opt_ins.file, opt_in.id, connections.caller(connection))
