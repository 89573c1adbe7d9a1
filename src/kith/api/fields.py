"""Input shapes: decoded once, converted field by field, so that every failing field is reported."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from kith.domain import text
from kith.errors import BadValue, FieldErrors, Invalid, sentence

Schema = Mapping[str, Any]
Errors = dict[str, list[str]]


class Field(msgspec.Struct, frozen=True):
    """`parse` makes the domain's value of what JSON held, or raises BadValue.

    `clears`: a blank string is a value too, and means that nothing is to be left.
    """

    name: str
    parse: Callable[[object], Any]
    schema: Schema
    is_required: bool = False
    clears: Any = msgspec.UNSET


class ExactlyOne(msgspec.Struct, frozen=True):
    """Of these fields the caller gives one: more could point at two people (reference C5).

    The contract's own sentence names those that it documents; all are named once others are given.
    """

    names: tuple[str, ...]
    documented: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """For the OpenAPI document, as is `schema`: `gives` is the schema of one that is there."""
        return f"Give exactly one of {', '.join(f'`{name}`' for name in self.names)}."

    def schema(self, gives: Callable[[str], Schema]) -> Schema:
        return {"oneOf": [gives(name) for name in self.names]}

    def check(self, given: Sequence[str], errors: Errors) -> str | None:
        if len(given) == 1 and given[0] in self.names:  # nearly always
            return None
        given = [name for name in self.names if name in given]
        if len(given) == 1:
            return None
        documented = self.documented or self.names
        options = ", ".join(documented)
        if not given:
            for name in documented:
                errors[name] = [f"Give exactly one of {options}."]
            return f"None of {options} provided"
        if not set(given) <= set(documented):
            options = ", ".join(self.names)
        problem = f"Give exactly one of {options}, not {' and '.join(given)} together."
        for name in given:
            errors.setdefault(name, []).append(problem)
        return None


class AtLeastOne(msgspec.Struct, frozen=True):
    """Of these fields the caller gives one, or several that agree (reference 10 and 12)."""

    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        options = " or ".join(f"`{name}`" for name in self.names)
        return f"Give {options}; both only when they belong to the same contact."

    def schema(self, gives: Callable[[str], Schema]) -> Schema:
        return {"anyOf": [gives(name) for name in self.names]}

    def check(self, given: Sequence[str], errors: Errors) -> str | None:
        if any(name in given for name in self.names):
            return None
        for name in self.names:
            errors[name] = [f"Give {' or '.join(self.names)}."]
        return f"Neither {' nor '.join(self.names)} provided"


class InPlaceOf(ExactlyOne, frozen=True):
    """As `ExactlyOne`, where the contract requires the first and knows none of the others."""

    def check(self, given: Sequence[str], errors: Errors) -> str | None:
        if not any(name in given for name in self.names):
            errors[self.names[0]] = [f"The {self.names[0]} field is required."]
            return None
        return ExactlyOne.check(self, given, errors)


Rule = ExactlyOne | AtLeastOne


class Shape(msgspec.Struct, frozen=True):
    """What an operation takes: its fields, a rule across them, and the type they become.

    `description` and `example` are for the OpenAPI document.
    """

    build: Callable[..., Any]
    fields: tuple[Field, ...] = ()
    rule: Rule | None = None
    description: str = ""
    example: Mapping[str, Any] = {}
    _by_name: dict[str, Field] = msgspec.field(default_factory=dict)
    _required: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_name.update((field.name, field) for field in self.fields)
        self._required.extend(field.name for field in self.fields if field.is_required)

    def convert(self, body: Mapping[str, object]) -> Any:
        """The domain's input; blanks and nulls count as not given. Raises Invalid."""
        values: dict[str, Any] = {}
        errors: Errors = {}
        for name, raw in body.items():
            field = self._by_name.get(name)
            if field is None or raw is None:
                continue
            if isinstance(raw, str) and text.is_blank(raw):
                if field.clears is not msgspec.UNSET:
                    values[name] = field.clears
                continue
            try:
                values[name] = field.parse(raw)
            except BadValue as problem:
                values[name] = None
                errors[name] = [sentence(name, problem)]
            except Invalid as refusal:
                values[name] = None
                errors |= _inside(name, refusal.errors)
        for name in self._required:
            if name not in values:
                errors[name] = [f"The {name.replace('_', ' ')} field is required."]
        cause = self.rule.check(list(values), errors) if self.rule else None
        if errors:
            raise Invalid(errors, cause=cause)
        return self.build(**values)


def _inside(name: str, errors: FieldErrors) -> Errors:
    """What is wrong with fields of an object that is a field itself."""
    return {
        f"{name}.{field}": [one.replace("The ", f"The {name}.", 1) for one in texts]
        for field, texts in errors.items()
    }
