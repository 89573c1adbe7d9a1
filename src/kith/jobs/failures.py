"""How a job can end otherwise than done: each says whether to try again."""

from datetime import datetime


class Hopeless(Exception):
    """No further try will help. The text says why, without anything that was sent."""


class TryAgain(Exception):
    """Not now. `at` is when, where the other side said so."""

    def __init__(self, problem: str, *, at: datetime | None = None) -> None:
        super().__init__(problem)
        self.at = at


class GoOn(Exception):
    """No failure: what there was to do is done, and there is more to do at that time."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at
