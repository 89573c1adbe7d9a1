"""Small writes that come together are done in one action: the statements around each are run once.

Where there is one writer only. Elsewhere the locks of one write would wait for another's.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

import msgspec
import structlog

from kith.actions.run import Action, Runner
from kith.domain.tokens import Caller
from kith.errors import Unavailable

Given = TypeVar("Given")
T = TypeVar("T")

WAITING_MAX = 1_000
"""Of all callers together."""
WAIT_S_MAX = 10.0
"""From then on somebody has given up: nothing is done for them that they would not hear of."""
log = structlog.get_logger("kith.store")


class _Write(msgspec.Struct, eq=False):
    given: Any
    answer: asyncio.Future[Any]
    until: float


class Together(Generic[Given, T]):
    """What one caller writes meanwhile forms a group of up to `size_max`, which the action gets."""

    def __init__(
        self,
        runner: Runner,
        action: Action[Sequence[Given], Sequence[T]],
        *,
        size_max: int,
        groups_max: int = 1,
    ) -> None:
        """`groups_max` of a caller are under way at once. The action's results stand in the order
        of what it was given; whatever it raises, each of a group is then done alone."""
        self._runner = runner
        self._action = action
        self._size_max = size_max if runner.writes_in_turn else 1
        self._groups_max = groups_max
        self._waiting: defaultdict[Caller, deque[_Write]] = defaultdict(deque)
        self._under_way: dict[Caller, set[asyncio.Task[None]]] = {}

    async def write(self, given: Given, caller: Caller) -> T:
        """Returns when it is on disk. Raises what the action raises of it, Unavailable."""
        if self._size_max == 1:
            return (await self._runner.write(self._action, [given], caller))[0]
        if sum(map(len, self._waiting.values())) >= WAITING_MAX:
            raise Unavailable()
        waiting = self._waiting[caller]
        loop = asyncio.get_running_loop()
        write = _Write(given, loop.create_future(), loop.time() + WAIT_S_MAX)
        if not waiting:
            loop.call_soon(self._begin, caller)
        waiting.append(write)
        try:
            return cast(T, await write.answer)
        except asyncio.CancelledError:  # the server stops and does not wait any longer
            if write in waiting:
                waiting.remove(write)
            else:
                log.critical("storage.commit_unknown", code="storage")
            raise

    def _begin(self, caller: Caller) -> None:
        """Groups of what waits, as many as may be under way."""
        waiting, under_way = self._waiting[caller], self._under_way.setdefault(caller, set())
        now = asyncio.get_running_loop().time()
        while waiting and waiting[0].until <= now:
            late = waiting.popleft().answer
            if not late.done():
                late.set_exception(Unavailable())
        while waiting and len(under_way) < self._groups_max:
            group = [waiting.popleft() for _ in range(min(len(waiting), self._size_max))]
            task = asyncio.create_task(self._write(group, caller))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(lambda _: self._begin(caller))
        if not under_way:
            del self._waiting[caller], self._under_way[caller]

    async def _write(self, group: Sequence[_Write], caller: Caller) -> None:
        try:
            given = [one.given for one in group]
            answers = await self._runner.write(self._action, given, caller)
        except Exception as error:
            if len(group) == 1 or isinstance(error, Unavailable):
                for one in group:
                    if not one.answer.done():
                        one.answer.set_exception(error)
            else:
                await asyncio.gather(*(self._write([one], caller) for one in group))
            return
        for one, answer in zip(group, answers, strict=True):
            if not one.answer.done():  # the caller has gone
                one.answer.set_result(answer)
