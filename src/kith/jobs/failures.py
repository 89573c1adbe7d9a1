"""How a job can fail: each says whether to try again."""

from datetime import datetime


class Hopeless(Exception):
    """No further try will help. The text says why, without anything that was sent."""


class TryAgain(Exception):
    """Not now. `at` is when, where the other side said so."""

    def __init__(self, problem: str, *, at: datetime | None = None) -> None:
        super().__init__(problem)
        self.at = at
