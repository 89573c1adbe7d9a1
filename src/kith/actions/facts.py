"""What is done about each thing that another system tells: a fact's type decides."""

from collections.abc import Awaitable, Callable
from typing import Any

from kith.actions.run import Context

APPLY: dict[type, Callable[[Context, Any], Awaitable[None]]] = {}
"""Every kind of fact, each by an action that may be applied again without a further effect."""


def apply(ctx: Context, fact: Any) -> Awaitable[None]:
    """Write what a fact says. Raises what its action refuses."""
    return APPLY[type(fact)](ctx, fact)
