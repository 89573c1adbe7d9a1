"""`kith` that waits for nobody, and may die at a step of a send.

`python -m tests.whatsapp.impatient STEP ARGUMENT ...`: killed at the first `call` (decided and
written down, Meta not told), `reply` (Meta has it, nothing is written) or `settled` (written, the
caller not answered); `never` lives. The rest are arguments of `kith`.
"""

import os
import signal
import sys
from datetime import timedelta
from typing import Any

from kith.domain import jobs, sending

jobs.LEASE = timedelta(seconds=2)
# Soon again, and for a minute: Meta may be away for as long as a busy machine starts a server.
jobs.TRIES_MAX = 120
jobs.WAITS = (timedelta(seconds=0.5),) * jobs.TRIES_MAX
sending.RECOVERED_AFTER = timedelta(seconds=5)
sending.ANSWER_S_MAX = 4.0
sending.WAITS_S = (0.2, 0.5)

from kith.actions import sends  # noqa: E402  # they read what was just set
from kith.cli.main import main  # noqa: E402
from kith.integrations.whatsapp import client  # noqa: E402
from kith.jobs import sender  # noqa: E402

client.CALL_S_MAX = 3.0
sender.LAST_TRY_S = 0.5


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(step: str) -> None:
    send, settle = client.Graph.send, sender.Sender._settle

    async def dying_send(self: Any, *given: Any, **more: Any) -> Any:
        if step == "call":
            die()
        accepted = await send(self, *given, **more)
        if step == "reply":
            die()
        return accepted

    async def dying_settle(self: Any, *given: Any, **more: Any) -> None:
        await settle(self, *given, **more)
        if step == "settled":
            die()

    client.Graph.send = dying_send  # type: ignore[method-assign]
    sender.Sender._settle = dying_settle  # type: ignore[method-assign]


if __name__ == "__main__":
    _, step, *arguments = sys.argv
    assert sends.begin_text
    if step != "never":
        die_at(step)
    sys.argv = ["kith", *arguments]
    main()
