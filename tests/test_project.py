"""What the project owes as a whole: rows proven, locks whole, nothing secret in the tree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# G28, no known advisory in what Kith runs on, needs the network: `make audit`, run by .ci/run.
OWED = (
    "R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 S1 S2 S3 S4 S5 S6 S7 S8 S9 S10 T1.1 T1.2 T2.1 T2.2 T3.1 T3.3"
    " T3.4 T3.6 T3.7 T4.1 T4.2 T6.1 T7.2 T8.1 T9.1 T9.2 T9.3 T10.1 T10.2 T11.1 T12.1 T14.1 T16.1"
    " T16.2 T17.1 T18.1 F1 F2 F3 F4 F22 F23 F24 F25 F26 F27 L1 L2 L3 L4 L5 L6 L8 L9 L10 L12 L14"
    " X1 X2 X3 X4 X5 X6 X7 X8 X9 X10 X11 X12 X13 X14 G1 G2 G3 G4 G5 G12 G15 G16 G17 G19 G20"
)

TOKEN = re.compile(r"\bkith_[0-9a-f]{72}\b")


def marked(text: str) -> Iterator[str]:
    """The rows that a test file says it proves."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
            yield from (ast.literal_eval(argument) for argument in node.args)


def test_every_row_owed_is_proven_by_a_test():
    """The reliability rows of the parts that have shipped; a part that ships adds its own."""
    proven = {row for path in (ROOT / "tests").rglob("*.py") for row in marked(path.read_text())}
    assert [row for row in OWED.split() if row not in proven] == []


@pytest.mark.row("T17.1")
@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_locks_pin_and_hash_every_package(name):
    text = (ROOT / "locks" / name).read_text()
    packages = re.split(r"^(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.M), flags=re.M)
    packages = [package for package in packages if package.strip()]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9.-]+==\S+", package), package.splitlines()[0]
        assert "--hash=sha256:" in package, package.splitlines()[0]
    assert "://" not in text


@pytest.mark.row("T17.1")
def test_locks_agree_and_hold_every_dependency():
    pins = {
        name: set(re.findall(r"^([a-z0-9.-]+==\S+)", (ROOT / "locks" / name).read_text(), re.M))
        for name in ("run.txt", "dev.txt")
    }
    assert pins["run.txt"] <= pins["dev.txt"]
    named = re.findall(r'^    "([a-z0-9-]+)>=', (ROOT / "pyproject.toml").read_text(), re.M)
    assert set(named) <= {pin.split("==")[0] for pin in pins["dev.txt"]}


def test_no_token_lies_in_the_tree():
    folders = ("src", "tests", "apps", "bench", "docs", ".ci")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.suffix in {".md", ".yaml", ".toml"}]
    found = [path.name for path in paths if TOKEN.search(path.read_text(errors="replace"))]
    assert found == []


def test_the_check_of_the_whole_road_can_be_run():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
