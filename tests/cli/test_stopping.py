"""Ctrl-C: what takes its time says what becomes of the work, and was right."""

from pathlib import Path

import pytest

from tests.cli.kith import Kith

# Ctrl-C falls into a commit, the worst moment. Batches are small.
STOPPED = """
import os, signal
from kith.cli import demo
from kith.jobs import importing
from kith.store import postgres, writer
demo.BATCH_CONTACTS = 5
pace = importing.Pace(
    rows_first=2, rows_max=2, batch_s=60, piece_bytes=100_000, reads_ahead=True
)
importing.ALONE = dict.fromkeys(importing.ALONE, pace)
commits = []
def comes():
    commits.append(1)
    if len(commits) == 3:
        os.kill(os.getpid(), signal.SIGINT)
finish, commit = writer.Writer._finish, postgres._commit
def finishing(self):
    comes()
    finish(self)
async def committing(transaction):
    comes()
    await commit(transaction)
writer.Writer._finish, postgres._commit = finishing, committing
"""
GOES_ON = "kith: Stopped. The same command goes on where it was.\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Eleven people."""
    lines = ["phone", *(f"+141555501{number}" for number in range(20, 31))]
    path = tmp_path / "contacts.csv"
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture
def acme(kith: Kith) -> Kith:
    kith("init", "--workspace", "Acme", "--email", "ana@example.com")
    return kith


def test_an_import_goes_on(acme: Kith, file: str) -> None:
    stopped = acme.process("import", file, before=STOPPED)
    assert (stopped.status, stopped.err) == (1, GOES_ON)
    [one] = acme("import", "list", "--json").json
    assert one["state"] == "interrupted"
    assert 0 < one["counts"]["rows"] < 11
    done = acme("import", file)
    assert "where an earlier run stopped" in done.out
    [one] = acme("import", "list", "--json").json
    assert (one["state"], one["counts"]["created"]) == ("done", 11)


def test_a_dry_run_has_imported_nothing(acme: Kith, file: str) -> None:
    at_once = "import os, signal\nfrom kith.jobs import importing\ntake = importing._timed\n"
    at_once += (
        "def stop(*given):\n    os.kill(os.getpid(), signal.SIGINT)\n    return take(*given)\n"
    )
    at_once += "importing._timed = stop"
    stopped = acme.process("import", file, "--dry-run", before=at_once)
    assert (stopped.status, stopped.err) == (1, "kith: Stopped. Nothing was imported.\n")
    assert acme("import", "list", "--json").json == []


def test_an_undo_goes_on(acme: Kith, file: str) -> None:
    import_id = acme("import", file, "--json").json["id"]
    small = "\nfrom kith.actions import import_undo\nimport_undo.PAGE = 2"
    stopped = acme.process("import", "undo", import_id, before=STOPPED + small)
    assert (stopped.status, stopped.err) == (1, GOES_ON)
    assert "Taken back: " in acme("import", "undo", import_id).out
    assert acme("contact", "search", "--json").json == []


def test_a_demo_goes_on(kith: Kith) -> None:
    stopped = kith.process("demo", "--contacts", "20", before=STOPPED)
    assert (stopped.status, stopped.out, stopped.err) == (1, "", GOES_ON)
    assert kith("demo", "--contacts", "20", "--json").json["contacts"] == 21
