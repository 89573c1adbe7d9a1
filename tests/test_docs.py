"""Whatever a person can set, call, meet or read in a log is explained, and nothing else is."""

import ast
import importlib
import json
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import click
import msgspec
import pytest

import kith
from kith.api import answers
from kith.api.routes import ROUTES
from kith.api.security_log import Event
from kith.api.streams import STREAMS
from kith.api.zapier import HOOK_ROUTES
from kith.cli.main import kith as command_line
from kith.domain.tokens import SCOPES
from kith.errors import AppError
from kith.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LOG_LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def first_cells(text: str) -> list[str]:
    """The code spans that begin the rows of a page's tables."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_every_setting_is_explained():
    fields = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}
    text = page("settings.md")
    assert sorted(first_cells(text)) == sorted(fields)
    assert set(re.findall(r"`(KITH_[A-Z_]+)`", text)) <= fields


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_every_default_is_told(field):
    row = next(
        line
        for line in page("settings.md").splitlines()
        if line.startswith(f"| `{PREFIX}{field.name.upper()}`")
    )
    default = {None: "", True: "true", False: "false"}.get(field.default, str(field.default))
    assert row.split("|")[2].strip() == (f"`{default}`" if default else "none")


def test_the_container_is_given_every_setting():
    """From the environment of compose, which reads `.env`; but for where it listens inside."""
    text = (ROOT / "compose.yaml").read_text()
    given = re.findall(r"^      (KITH_\w+): \$\{(\w+):-", text, re.MULTILINE)
    assert all(inside == outside for inside, outside in given)
    fields = {PREFIX + name.upper() for name in Settings.__struct_fields__}
    assert {name for name, _ in given} == fields - {"KITH_HOST", "KITH_PORT"}


def test_settings_named_anywhere_exist():
    fields = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}
    named = {name for path in PAGES for name in re.findall(r"\bKITH_[A-Z_]+\b", path.read_text())}
    # KITH_TEST_ and KITH_TOKEN are for the tests and for the samples' readers.
    assert {n for n in named if not n.startswith("KITH_TEST_")} - fields <= {"KITH_TOKEN"}


def test_every_operation_is_explained():
    text = page("api.md")
    operations = {f"{route.method} /api/v1{route.path}" for route in (*ROUTES, *STREAMS)}
    assert operations <= set(first_cells(text))
    for route in (*ROUTES, *STREAMS):
        row = next(
            row for row in text.splitlines() if f"`{route.method} /api/v1{route.path}`" in row
        )
        assert f"`{route.scope}`" in row


@pytest.mark.parametrize("scope", SCOPES)
def test_the_guide_tells_what_a_scope_opens(scope):
    """What it names stands where it belongs; of what only an administrator may, all."""
    needs = {route.name: route.scope for route in (*ROUTES, *STREAMS)}
    [row] = [
        row for row in page("../guide/tokens.md").splitlines() if row.startswith(f"| `{scope}` |")
    ]
    named = set(re.findall(r"`([a-z-]+)`", row)) - {scope}
    assert {needs[name] for name in named} == {scope}
    if scope == "admin":
        assert named == {name for name, needed in needs.items() if needed == scope}


def test_no_operation_is_invented():
    pages = {"/livez", "/readyz", "/docs", "/api/v1/openapi.json", "/api/v1/openapi.yaml"}
    operations = {f"{route.method} /api/v1{route.path}" for route in (*ROUTES, *STREAMS)}
    operations |= {f"{route.method} /api/zapier{route.path}" for route in HOOK_ROUTES}
    assert set(first_cells(page("api.md"))) == operations | {f"GET {path}" for path in pages}


def commands(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


COMMANDS = dict(commands(command_line, "kith"))


def test_every_command_is_explained():
    assert re.findall(r"^## `(kith [^`]+)`$", page("cli.md"), re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    section = page("cli.md").split(f"\n## `{name}`\n")[1].split("\n## ")[0]
    options = {
        max(parameter.opts, key=len)
        if isinstance(parameter, click.Option)
        else parameter.make_metavar(click.Context(COMMANDS[name]))
        for parameter in COMMANDS[name].params
    }
    assert {cell.split()[0] for cell in first_cells(section)} == options


def refusals() -> dict[str, type[AppError]]:
    """Every class of refusal, by name."""
    for module in pkgutil.walk_packages(kith.__path__, "kith."):
        importlib.import_module(module.name)
    waiting, found = [AppError], {}
    while waiting:
        error = waiting.pop()
        if error.__module__.startswith("kith."):
            found[error.__name__] = error
            waiting.extend(error.__subclasses__())
    return found


def test_every_refusal_is_explained():
    text = page("errors.md")
    found = refusals()
    assert sorted(first_cells(text)) == sorted(error.code for error in found.values())
    for error in found.values():
        row = next(row for row in text.splitlines() if row.startswith(f"| `{error.code}` |"))
        assert f"| {error.status} |" in row
        if "text" in vars(error):
            assert error.text in row


FORMS = {
    ("message", "error"): "both",
    ("error",): "plain",
    ("message", "errors"): "fields",
    ("error", "field", "value", "contact_ids"): "held",
}
MADE_WITH = {"WrongVerb": ["POST"], "Invalid": [{}], "TooManyRequests": [1]}
HELD = {"field": "phone", "value": "+14155550123", "contact_ids": []}


@pytest.mark.parametrize("name", refusals())
def test_every_refusal_has_the_body_explained(name):
    kind = refusals()[name]
    error = kind("Held.", **HELD) if name == "Conflict" else kind(*MADE_WITH.get(name, []))
    form = FORMS[tuple(json.loads(answers.refusal(error).body))]
    assert f"| `{error.code}` | {error.status} | {form} |" in page("errors.md")


def log_events() -> set[str]:
    """The first word of every log line, read from the source."""
    found = set(get_args(Event))
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_log = ast.unparse(node.func.value) == "log" and node.func.attr in LOG_LEVELS
                if is_log and isinstance(node.args[0], ast.Constant):
                    found.add(node.args[0].value)
    return found


def test_every_log_event_is_explained():
    assert sorted(first_cells(page("logs.md"))) == sorted(log_events())


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    for target in LINK.findall(CODE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), target


def test_decisions_are_listed():
    folder = ROOT / "docs" / "decisions"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    assert {path.name for path in folder.glob("[0-9]*.md")} <= listed


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == version("kith")


def test_every_dependency_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)
    named = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    assert [n for n in named if not re.search(rf'^    "{re.escape(n)}", +# \S', text, re.M)] == []


def test_the_speed_told_is_the_speed_measured():
    """The same rows and goals as the last results; figures differ from run to run."""
    section = (ROOT / "README.md").read_text().split("\n## Speed\n")[1].split("\n## ")[0]
    told = [
        tuple(cell.strip() for cell in line.split("|")[1:3])
        for line in section.splitlines()
        if line.startswith("|")
    ]
    results = json.loads((ROOT / "bench" / "results" / "latest.json").read_text())
    measured = [
        (row["what"], f"{'at most ' if row['at_most'] else ''}{row['goal']:g}{row['unit']}")
        for row in results["rows"]
    ]
    assert told == [("What", "At least"), ("---", "---"), *measured]


def test_what_docs_tell_people_to_make_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in PAGES:
        named = re.findall(r"(?:`|\$ )make ([a-z-]+)", path.read_text())
        assert set(named) <= targets, path.name
