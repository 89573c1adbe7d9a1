"""The Zapier app in apps/zapier, run by Zapier's own platform against a running Kith."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cast import Bed, Person

ROOT = Path(__file__).parents[2]
APP = ROOT / "apps" / "zapier"
CACHE = ROOT / ".cache" / "zapier-app"
NPM_S_MAX = 240
RUN_S_MAX = 120
OWN = ("authentication.js", "fields.js", "index.js", "kith.js", "package.json", "package-lock.json")
FOLDERS = ("creates", "searches", "triggers", "test")

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node or npm is missing"
)


@pytest.fixture(scope="session")
def installed() -> Iterator[Path]:
    """A copy of the app with what it stands on, which is fetched once for each lock file."""
    digest = hashlib.sha256((APP / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / digest
    if not (folder / "node_modules" / "zapier-platform-core").exists():
        making = CACHE / f"{digest}.{os.getpid()}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(APP / name, making)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=making,
            check=True,
            capture_output=True,
            timeout=NPM_S_MAX,
        )
        try:
            making.rename(folder)
        except OSError:  # another worker of this run was quicker
            shutil.rmtree(making)
    own = CACHE / f"run.{os.getpid()}"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    for name in OWN:
        shutil.copy(APP / name, own)
    for name in FOLDERS:
        shutil.copytree(APP / name, own / name)
    (own / "node_modules").symlink_to(folder / "node_modules")
    yield own
    shutil.rmtree(own)


@needs_node
async def test_the_app_does_what_it_says(
    bed: Bed, ana: Person, ben: Person, installed: Path
) -> None:
    assert ana.workspace is not None
    limited = await bed.person(ana.user, ana.workspace, rate_limit_per_minute=1)
    assert limited.token is not None
    told = {
        "KITH_URL": bed.serving.url,
        "KITH_TOKEN": ana.token,
        "KITH_READ_TOKEN": ben.token,
        "KITH_LIMITED_TOKEN": limited.token,
        "KITH_EMAIL": ana.user.email,
        "KITH_WORKSPACE": ana.workspace.name,
    }
    run = subprocess.run(
        ["node", "--test", "--test-reporter=tap", "test/app.test.js"],
        cwd=installed,
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^# pass 2[0-9]$", run.stdout, re.MULTILINE), run.stdout
    for token in (ana.token, ben.token, limited.token):
        assert token is not None
        assert token not in run.stdout + run.stderr


def test_the_lock_pins_and_hashes_every_package() -> None:
    text = (APP / "package-lock.json").read_text()
    packages = text.split('"node_modules/')[1:]
    assert len(packages) > 20
    assert [one[:40] for one in packages if '"integrity": "sha512-' not in one] == []
    assert "://localhost" not in text
    assert set(re.findall(r'"resolved": "https?://([^/"]+)', text)) <= {"registry.npmjs.org"}
