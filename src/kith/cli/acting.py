"""What commands that work in one workspace share: for whom they work, and how input is taken."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import click

from kith.actions import workspaces
from kith.actions.contacts import ContactNotFound
from kith.actions.run import Action, Runner
from kith.actions.workspaces import Acting
from kith.api.fields import Errors, Shape
from kith.cli.common import run, sentence
from kith.domain import json
from kith.domain.tokens import Caller
from kith.errors import Invalid, Malformed, NotFound

T = TypeVar("T")

OPTIONS = {
    "contact_id": "--id",
    "phone": "--phone",
    "email": "--email",
    "wa_id": "--wa-id",
    "bsuid": "--bsuid",
    "username": "--username",
    "external_id": "--external-id",
    "merge_id": "--merge",
}
"""What the fields of a rule are called here."""

in_workspace = click.option(
    "--workspace", help="Id or name of the workspace; needed when there are several."
)
for_user = click.option(
    "--user",
    metavar="EMAIL",
    help="Who wants it, for the audit log: a person of the workspace.  [default: the operator]",
)


class Asked(click.Option):
    """A secret that is asked for where it is not given, if there is somebody to ask."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **{"prompt": True, "hide_input": True, **how})

    def prompt_for_value(self, ctx: click.Context) -> Any:
        check_terminal(f"give {self.opts[0]}")
        return super().prompt_for_value(ctx)


def read(action: Action[Any, T], given: object, acting: Acting) -> T:
    return _run(lambda runner, caller: runner.read(action, given, caller), acting)


def scan(action: Action[Any, T], given: object, acting: Acting) -> T:
    return _run(lambda runner, caller: runner.scan(action, given, caller), acting)


def write(action: Action[Any, T], given: object, acting: Acting) -> T:
    return _run(lambda runner, caller: runner.write(action, given, caller), acting)


def _run(work: Callable[[Runner, Caller], Awaitable[T]], acting: Acting) -> T:
    async def main(runner: Runner) -> T:
        return await work(runner, await runner.read(workspaces.caller, acting))

    try:
        return run(main)
    except ContactNotFound:
        raise NotFound(
            "There is no such contact; `kith contact search` finds people by part of a name, phone"
            " or e-mail address."
        ) from None


def taken(shape: Shape, given: Mapping[str, Any]) -> Any:
    """The action's input, by the rules of the HTTP API. Raises Invalid.

    Who is meant is told by options, so that a wrong number of them is wrong usage.
    """
    if shape.rule is not None:
        named = [name for name in shape.rule.names if (given.get(name) or "").strip()]
        problems: Errors = {}
        shape.rule.check(named, problems)
        if problems:
            text = shape.rule.sentence
            for name, option in OPTIONS.items():
                text = text.replace(f"`{name}`", option)
            raise wrong_usage(text)
    return shape.convert(given)


def decoded(metadata: str | None) -> object:
    """Nested as deep as in the body of a request: what one door takes, the other can show."""
    if metadata is None or not metadata.strip():
        return None
    try:
        body = {"metadata": json.decode(metadata.encode())}
        return json.decode_object(json.encode(body))["metadata"]
    except (Invalid, Malformed) as refusal:
        text = sentence(refusal).replace("The body", "The metadata")
        raise Invalid({"metadata": [text]}) from None


def check_terminal(otherwise: str) -> None:
    """Raises UsageError where nobody can be asked; `otherwise` says what to do then."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise wrong_usage(f"There is no terminal to ask on; {otherwise}.")


def wrong_usage(text: str) -> click.UsageError:
    """With the command's own usage line above the text."""
    return click.UsageError(text, click.get_current_context())
