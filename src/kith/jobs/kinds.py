"""Every kind of job and what does it, and the workers that take them."""

from kith.actions import jobs, opt_ins
from kith.actions.run import Runner
from kith.domain.jobs import LANES
from kith.integrations.whatsapp.client import Graph
from kith.jobs import deliver, file_opt_in, read_inbound, redact_shop
from kith.jobs.ask import Asker
from kith.jobs.deliver import Deliverer
from kith.jobs.fetch_media import MediaFetch
from kith.jobs.guard import Guard
from kith.jobs.poll_shop import ShopPoll
from kith.jobs.sender import Sender
from kith.jobs.sweep import Sweep
from kith.jobs.sync_templates import TemplateSync
from kith.jobs.worker import AT_ONCE_MAX, Do, Worker

ASKED_AT_ONCE_MAX = 4


def reading(runner: Runner) -> dict[str, Do]:
    """What comes in, and what follows from it here."""
    return {
        jobs.READ_INBOUND: read_inbound.together(runner),
        jobs.REDACT_SHOP: redact_shop.run,
        opt_ins.FILE: file_opt_in.run,
    }


def workers(
    runner: Runner, guard: Guard, sender: Sender, graph: Graph
) -> tuple[Worker, *tuple[Worker | Sweep, ...]]:
    """One a lane, of which the first reads what comes in; and who cleans up after them."""
    outgoing = {jobs.DELIVER: Deliverer(guard).run}
    messages = {jobs.SEND_MESSAGE: sender.run}
    media = MediaFetch(graph)
    asked = {
        jobs.SYNC_TEMPLATES: TemplateSync(graph).run,
        jobs.FETCH_MEDIA: media.run,
        jobs.REMOVE_FILE: media.remove,
        jobs.POLL_SHOP: ShopPoll(Asker(guard)).run,
    }
    return (
        Worker(runner, reading(runner), taken_max=AT_ONCE_MAX // 2),
        Worker(runner, outgoing, lane=LANES[jobs.DELIVER], at_once_max=deliver.AT_ONCE_MAX),
        Worker(runner, messages, lane=LANES[jobs.SEND_MESSAGE]),
        Worker(runner, asked, lane=LANES[jobs.SYNC_TEMPLATES], at_once_max=ASKED_AT_ONCE_MAX),
        Sweep(runner),
    )
