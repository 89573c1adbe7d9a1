"""What the commands share: settings, running an action, printing, and leaving with a clear word."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from kith import settings, wiring
from kith.actions.run import Action, Context, Runner
from kith.domain import json
from kith.errors import AppError, CannotStart, Invalid

T = TypeVar("T")

EXIT_REFUSED = 1
EXIT_STORAGE = 74
"""EX_IOERR: the disk failed, and only a restart can tell what is on it."""
EXIT_CONFIG = 78
"""EX_CONFIG: Kith must not run like this."""


def settings_of(context: click.Context) -> settings.Settings:
    return settings.read(os.environ)


def run(work: Callable[[Runner], Awaitable[T]]) -> T:
    """Open the database of the settings, do the work, close it."""

    async def main() -> T:
        async with wiring.opened(settings.read(os.environ)) as runner:
            return await work(runner)

    return asyncio.run(main())


def write(action: Action[Any, T], given: object) -> T:
    """Run one action of the operator in a transaction."""
    return run(lambda runner: runner.write(action, given))


def read(action: Action[Any, T], given: object) -> T:
    return run(lambda runner: runner.read(action, given))


def print_json(value: object) -> None:
    click.echo(json.encode(value).decode())


def sentence(error: AppError | CannotStart) -> str:
    """What went wrong, for a person."""
    if isinstance(error, Invalid):
        return " ".join(text for texts in error.errors.values() for text in texts)
    return str(error)


def printable(text: str) -> str:
    """Without control characters: a stored name must not command a terminal (row T9.3)."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


__all__ = ["Context", "print_json", "printable", "read", "run", "sentence", "settings_of", "write"]
