"""Readers of small values that more than one operation takes."""

from collections.abc import Callable
from typing import Any

from kith.errors import BadValue


def one_of(options: tuple[str, ...]) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if isinstance(value, str) and value.strip() in options:
            return value.strip()
        raise BadValue(f"must be {_listed(options, 'or')}.")

    return parse


def some_of(options: tuple[str, ...]) -> Callable[[object], tuple[str, ...]]:
    """An array, or a comma list; each option once, in the order of the options."""

    def parse(value: object) -> tuple[str, ...]:
        if isinstance(value, list) and len(value) == 1 and value[0] in options:  # the usual case
            return (value[0],)
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            raise BadValue(f'must be an array of names, such as ["{options[0]}"].')
        names = {name.strip() for name in given if name.strip()}
        if unknown := names - set(options):
            raise BadValue(
                f"may hold {_listed(options, 'and')} only, not {min(unknown, key=len)[:40]!r}."
            )
        return tuple(name for name in options if name in names)

    return parse


def whole_number(lowest: int, highest: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        raise BadValue(f"must be a whole number from {lowest} to {highest}.")

    return parse


def true_or_false(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise BadValue("must be true or false.")


def nullable(kind: str, description: str, example: Any, **more: Any) -> dict[str, Any]:
    """The JSON schema of an optional field."""
    return {"type": [kind, "null"], "description": description, "examples": [example], **more}


def _listed(options: tuple[str, ...], last: str) -> str:
    return f"{', '.join(options[:-1])} {last} {options[-1]}" if options[1:] else options[0]
