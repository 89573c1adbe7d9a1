"""The samples of README.md, run as they stand there against a real server."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import KITH, Serving, environment, serving

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
SAMPLES: dict[str, str] = dict(re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S))
ANSWER = json.loads(SAMPLES["json"])

RUNNERS = {
    "bash": ["bash", "-e"],
    "js": ["node"],
    "php": ["php"],
    "python": [sys.executable],
}
NEEDS = {"bash": "curl", "js": "node", "php": "php", "python": sys.executable}
SUFFIXES = {"bash": "sh", "js": "mjs", "php": "php", "python": "py"}
SECONDS_MAX = 180


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, str]]:
    """A server with the demo of `make run`, and a token for it."""
    folder = tmp_path_factory.mktemp("demo")
    url = f"sqlite:///{folder / 'kith.db'}"
    made = subprocess.run(
        [KITH, "demo", "--contacts", "20", "--json"],
        env=environment(database_url=url),
        capture_output=True,
        check=True,
        timeout=SECONDS_MAX,
    )
    with serving(folder / "log", database_url=url) as server:
        yield server, json.loads(made.stdout)["token"]


def run(language: str, server: Serving, token: str, folder: Path) -> subprocess.CompletedProcess:
    """Save the sample and run it as it is, but for the address; the environment has the token."""
    code = SAMPLES[language]
    assert code.count(ADDRESS) == 1
    path = folder / f"sample.{SUFFIXES[language]}"
    path.write_text(code.replace(ADDRESS, server.url))
    return subprocess.run(
        [*RUNNERS[language], str(path)],
        env={**environment(), "KITH_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )


def skip_unless_there(language: str) -> None:
    if shutil.which(NEEDS[language]) is None:
        pytest.skip(f"{NEEDS[language]} is not installed here; nothing but Python is required")


@pytest.mark.parametrize("language", RUNNERS)
def test_the_sample_gets_the_documented_answer(language, demo, tmp_path):
    skip_unless_there(language)
    done = run(language, *demo, tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert list(answer) == list(ANSWER)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f-]{16}", answer["id"])
    assert answer == {**ANSWER, "id": answer["id"]}


@pytest.mark.parametrize("language", RUNNERS)
def test_the_sample_tells_of_a_refusal(language, demo, tmp_path):
    skip_unless_there(language)
    server, token = demo
    done = run(language, server, token[:-1], tmp_path)
    if language == "bash":  # curl shows the body, whatever it is
        assert json.loads(done.stdout)["error"] == "Unauthenticated."
    else:
        assert done.returncode != 0
        assert re.search(r"Unauthenticated|401", done.stdout + done.stderr)


def test_every_sample_is_run():
    assert set(SAMPLES) - {"console", "json"} == set(RUNNERS)


def test_the_answer_has_the_documented_keys():
    assert " ".join(ANSWER) == (
        "id phone name email source locale metadata tags opted_in_at opted_out_at last_message_at"
        " total_messages created_at"
    )


def test_make_run_prints_the_same_command():
    """What is pasted differs from the README in its token and port only."""
    printed = subprocess.run(
        ["make", "-n", "run", "PORT=8000"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for part in (f"{ADDRESS}/api/v1/actions/get-contact", "Authorization: Bearer", "+14155550123"):
        assert part in SAMPLES["bash"]
        assert part in printed
