"""One line of the table of results."""

import msgspec


class Row(msgspec.Struct):
    """`goal` is a least value for ratios and a most for sizes and times."""

    what: str
    value: float
    goal: float
    at_most: bool = False
    unit: str = ""
    detail: str = ""

    @property
    def is_met(self) -> bool:
        return self.value <= self.goal if self.at_most else self.value >= self.goal
