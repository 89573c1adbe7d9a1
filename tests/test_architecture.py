"""The house rules that a machine can check; ARCHITECTURE.md says why each one is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KITH = ROOT / "src" / "kith"
FILES = sorted(KITH.rglob("*.py"))
TREES = {path.relative_to(KITH).as_posix(): ast.parse(path.read_text()) for path in FILES}

LEAVES = {"errors", "signing"}
LEVELS = {
    "domain": 0,
    "store": 1,
    "integrations": 1,
    "actions": 2,
    "jobs": 3,
    "api": 4,
    "mcp": 4,
    "dashboard": 4,
    "settings": 4,  # so that only wiring and the commands can read it
    "wiring": 5,
    "cli": 6,
}
DOORS = {"api", "mcp", "dashboard"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "service", "misc"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

NETWORK = {"asyncio", "http", "httpx2", "requests", "socket", "ssl", "urllib", "smtplib"}
CHANCE = {"random", "secrets", "time", "uuid", "uuid_utils"}
NOW = {"now", "utcnow", "today"}


def room(name: str) -> str:
    """The room of a path such as `api/server.py` or `errors.py`."""
    return name.split("/", 1)[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Full module names; `from kith.store import tags` gives `kith.store.tags`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def misplaced_imports(name: str, tree: ast.AST) -> list[str]:
    here = room(name)
    found = []
    for module in imports(tree):
        if not module.startswith("kith.") or (there := module.split(".")[1]) in LEAVES | {here}:
            continue
        if here in LEAVES or LEVELS[there] >= LEVELS[here] or (here in DOORS and there == "store"):
            found.append(f"{name} imports {module}")
    return found


@pytest.mark.parametrize("name", TREES)
def test_imports_point_down(name):
    if name == "__init__.py":
        assert not list(imports(TREES[name]))
    else:
        assert misplaced_imports(name, TREES[name]) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("domain/phone.py", "from kith.store import contacts"),
        ("api/server.py", "from kith.store import contacts"),
        ("api/server.py", "import kith.settings"),
        ("actions/contacts.py", "from kith.api import shapes"),
        ("integrations/x.py", "from kith.store import contacts"),
        ("errors.py", "from kith.domain import text"),
    ],
)
def test_an_import_that_points_up_is_noticed(name, line):
    assert misplaced_imports(name, ast.parse(line))


def test_every_room_is_on_the_plan():
    assert {room(name) for name in TREES} - {"__init__"} <= set(LEVELS) | LEAVES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(KITH).as_posix())
def test_files_and_functions_are_small(path):
    text = path.read_text()
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert long == []
    assert len(text.splitlines()) <= FILE_LINES_MAX


def test_names_say_what_is_inside():
    parts = {part.removesuffix(".py") for name in TREES for part in name.split("/")}
    assert not parts & BANNED_NAMES


@pytest.mark.parametrize("name", [n for n in TREES if room(n) in {"domain", "store", "actions"}])
def test_time_and_chance_come_in_as_arguments(name):
    if name == "actions/run.py":  # the one place they come from
        return
    modules = {module.split(".")[0] for module in imports(TREES[name])}
    assert not modules & CHANCE
    calls = [
        node.lineno
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Attribute)
        and node.attr in NOW
        and ast.unparse(node.value) in {"datetime", "date", "datetime.datetime"}
    ]
    assert calls == []


@pytest.mark.parametrize("name", [n for n in TREES if room(n) == "actions"])
def test_actions_reach_no_network(name):
    modules = list(imports(TREES[name]))
    assert not {module.split(".")[0] for module in modules} & NETWORK
    assert not [
        module for module in modules if re.match(r"kith\.integrations\.\w+\.client\b", module)
    ]


def foreign_awaits(tree: ast.Module) -> list[str]:
    """What is awaited and is neither the transaction nor a function of actions or of the store."""
    known = {
        (alias.asname or alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("kith.actions", "kith.store"))
        for alias in node.names
    }
    known |= {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFor | ast.AsyncWith):
            found.append(ast.unparse(node).splitlines()[0])
        if isinstance(node, ast.Await):
            called = ast.unparse(node.value.func) if isinstance(node.value, ast.Call) else ""
            if called.split(".")[0] not in known and not re.fullmatch(r"(ctx\.)?tx\.\w+", called):
                found.append(ast.unparse(node))
    return found


@pytest.mark.row("S5")
@pytest.mark.parametrize("name", [n for n in TREES if room(n) == "actions"])
def test_an_action_awaits_its_transaction_only(name):
    if name != "actions/run.py":  # it begins and commits
        assert foreign_awaits(TREES[name]) == []


@pytest.mark.row("S5")
@pytest.mark.parametrize("line", ["await sleep(1)", "await event.wait()", "await waiting"])
def test_an_action_that_awaits_something_else_is_noticed(line):
    assert foreign_awaits(ast.parse(f"async def act(ctx):\n    {line}"))


# They read back JSON that Kith itself wrote: a column of the database, its own OpenAPI document, an
# answer of its own. What a caller sends has one decoder, in domain/json.py.
READS_ITS_OWN_JSON = {
    "actions/personal_data.py": {"stored"},
    "domain/contacts.py": {"contact.tags", "contact.metadata"},
    "domain/sealing.py": {"plain"},
    "domain/shop_facts.py": {"evidence"},
    "store/connections.py": {"row[0]", "row[4]"},
    "store/inbox.py": {"row[1]", "row[5]"},
    "actions/demo.py": {"one"},
    "actions/import_plans.py": {"tags_json"},
    "store/imagined.py": {"document"},
    "store/imports.py": {"row[8]", "row[14]"},
    "api/gives.py": {"found.document"},
    "api/pages.py": {"_as_json()"},
    "api/openapi_refusals.py": {"answers.refusal(error).body"},
    "store/merges.py": {"before"},
    "store/shops.py": {"row[2]"},
    "store/opt_ins.py": {"row[7]", "stored"},
    "store/suppressions.py": {"row[1]"},
    "store/tenants.py": {"text"},
}


def other_decoders(name: str, tree: ast.Module) -> list[str]:
    """What decodes JSON past domain/json.py."""
    own = READS_ITS_OWN_JSON.get(name, set())
    found = [
        f"import {module}"
        for module in imports(tree)
        if re.match(r"(json|orjson|simplejson|ujson|pydantic\w*)\b|msgspec\.json\b", module)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            is_decoder = called in {"msgspec.json.decode", "msgspec.json.Decoder"}
            if is_decoder and not (node.args and ast.unparse(node.args[0]) in own):
                found.append(ast.unparse(node))
    return found


@pytest.mark.row("R5")
@pytest.mark.parametrize("name", [n for n in TREES if n != "domain/json.py"])
def test_one_decoder_reads_what_callers_send(name):
    assert other_decoders(name, TREES[name]) == []


@pytest.mark.row("R5")
@pytest.mark.parametrize(
    "code",
    [
        "import json",
        "from json import loads",
        "from msgspec import json as fast",
        "from msgspec.json import decode",
        "msgspec.json.decode(body)",
        "msgspec.json.Decoder(dict)",
    ],
)
def test_another_decoder_is_noticed(code):
    assert other_decoders("actions/contacts.py", ast.parse(code))


def test_only_wiring_and_commands_read_the_environment():
    readers = [
        name
        for name, tree in TREES.items()
        if any(
            isinstance(node, ast.Attribute)
            and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}
            for node in ast.walk(tree)
        )
    ]
    assert {room(name) for name in readers} <= {"wiring", "cli"}


ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|work|Users)/\w")
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".sql", ".js", ".css", ".html", ""}
SKIPPED = {"__pycache__", "LICENSE"}


def texts() -> Iterator[Path]:
    for folder in ("src", "tests", "apps", "bench", "docs", ".ci", "locks"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file())
    yield from (path for path in ROOT.iterdir() if path.is_file())


def test_no_path_of_somebodys_machine():
    found = [
        path.relative_to(ROOT).as_posix()
        for path in texts()
        if path.suffix in TEXT
        and not SKIPPED & set(path.parts)
        and ABSOLUTE_PATH.search(path.read_text(errors="replace"))
    ]
    assert found == []
