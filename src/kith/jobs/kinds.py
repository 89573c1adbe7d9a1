"""Every kind of job and what does it."""

from collections.abc import Awaitable, Callable

from kith.actions import jobs
from kith.actions.run import Runner
from kith.domain.jobs import Job
from kith.jobs import read_inbound, redact_shop

KINDS: dict[str, Callable[[Runner, Job], Awaitable[None]]] = {
    jobs.READ_INBOUND: read_inbound.run,
    jobs.REDACT_SHOP: redact_shop.run,
}
